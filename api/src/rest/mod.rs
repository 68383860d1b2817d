//! The REST dialects, one folder each, and what their answers share.

pub mod gitguardian;
pub mod native;
mod people;
pub mod pepper;
mod shape;
pub mod trusca;

pub use shape::{Instant, Paged, Pages, Written, shown};
