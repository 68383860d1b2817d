//! Scans, with where they stood over time.

mod apply;
mod batch;
mod query;

pub(crate) use apply::apply;
pub use batch::ScansOfProjects;
pub use query::{HeldScan, RunnableScan, ScanQuery, ScanRow};
