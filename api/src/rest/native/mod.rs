//! What no other dialect has: the event feed, proofs of the log, and a project at any instant.

mod diff;
mod event;
mod project;
mod proof;

pub use proof::Proofs;

use crate::routes::{Access, Routes};
use scanledger_domain::identity::Action;
use utoipa_axum::routes;

/// Every native route with what it takes to use it.
pub fn routes() -> Routes {
    use Access::Needs;
    Routes::default()
        .add(Needs(Action::ReadAudit), routes!(event::list_events))
        .add(Needs(Action::ReadAudit), routes!(proof::checkpoint))
        .add(Needs(Action::ReadAudit), routes!(proof::consistency))
        .add(Needs(Action::ReadAudit), routes!(proof::inclusion))
        .add(Needs(Action::ReadAudit), routes!(proof::key))
        .add(Needs(Action::Read), routes!(diff::diff_project))
        .add(Needs(Action::Read), routes!(project::findings_of_project))
        .add(Needs(Action::Read), routes!(project::components_of_project))
}
