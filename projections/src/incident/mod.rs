//! Incidents: secrets in an organization, where they stand, and what people decided and wrote about them.

pub(crate) mod apply;
mod count;
mod file;
mod find;
mod list;
mod note;
mod occurrence;
mod order;
mod owner;
mod row;
mod share;
#[cfg(test)]
mod tests;
mod walk;

pub use count::{IncidentCounts, RuleCounts};
pub use find::{IncidentRef, KnownSecret};
pub use list::{IncidentFilter, IncidentPage, IncidentQuery, Span, TagFilter};
pub use note::IncidentNote;
pub use occurrence::{
    OccurrenceBranch, OccurrenceFilter, OccurrencePage, OccurrenceQuery, OccurrenceRow, Presence,
};
pub use order::{Direction, IncidentMark, IncidentOrder, IncidentSort};
pub use owner::{IncidentProjects, UnsettledIncidents};
pub use row::{Closing, IncidentRow, ShareRow};
pub use share::SharedWith;
