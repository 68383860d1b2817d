//! Findings: what is on which branch, since when, and what people decided.

pub(crate) mod apply;
mod batch;
pub(crate) mod decide;
mod detail;
mod dismissed;
mod everywhere;
mod learn;
mod list;
mod merge;
mod only;
mod order;
pub(crate) mod row;
mod runs;
mod starts;
mod target;
mod words;

pub use batch::FindingsOfScopes;
pub use detail::{FindingInScan, FindingScope};
pub use dismissed::DismissedUpload;
pub use everywhere::{EverywhereFilter, EverywhereMark, EverywhereQuery, FindingEverywhere, Stay};
pub(crate) use list::match_expression;
pub use list::{FindingFilter, FindingList, FindingQuery, FindingSort, ListScope};
pub(crate) use order::Orders;
pub use row::{FindingRow, ShownSecret, Triager};
