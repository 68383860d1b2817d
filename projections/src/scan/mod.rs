//! Scans, with where they stood over time.

mod apply;
mod batch;
mod list;
mod query;
mod search;
mod silent;

pub(crate) use apply::apply;
pub use batch::ScansOfProjects;
pub use list::ScanQuery;
pub use query::{HeldScan, RunnableScan, ScanRow};
pub use search::{Course, FoundScan, ScanSearch, SearchFilter};
pub use silent::SilentScan;
