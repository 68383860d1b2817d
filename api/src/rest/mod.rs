//! The REST dialects, one folder each, and what their answers share.

pub mod decoy;
pub mod dpendx;
pub mod gitguardian;
mod incident;
pub mod native;
mod people;
pub mod pepper;
pub mod semgrep;
mod shape;
pub mod trusca;

pub use shape::{Instant, Moment, Paged, Pages, Written, shown};
