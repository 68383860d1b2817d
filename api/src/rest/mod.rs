//! The REST dialects, one folder each, and what their answers share.

pub mod native;
pub mod pepper;
mod shape;

pub use shape::{Instant, Paged, Pages, Written, shown};
