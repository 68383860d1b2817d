//! Honeytokens: what they are, who used them, and what people wrote about them. As they are, not as they were.

mod apply;
mod list;
mod note;
mod row;
mod usage;

pub(crate) use apply::apply;
pub use list::{HoneytokenFilter, HoneytokenPage, HoneytokenQuery, HoneytokenSort};
pub use note::HoneytokenNote;
pub use row::{HoneytokenRow, Revocation};
pub use usage::{UsageFilter, UsagePage, UsageQuery, UsageRow, UsageStatus};
