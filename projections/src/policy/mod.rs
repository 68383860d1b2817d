//! The rules of organizations, and what was decided about them.

mod apply;
mod query;

pub(crate) use apply::apply;
pub use query::{ModeRow, PolicyRows, RuleRow};
