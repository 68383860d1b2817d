//! Organizations, people, teams and keys.

mod apply;
mod batch;
mod query;

pub(crate) use apply::apply;
pub use batch::Actors;
pub use query::{KeyRow, PersonRow};
