//! What no other dialect has: the event feed, and a project at any instant.

mod diff;
mod event;
mod project;

use crate::routes::{Access, Routes};
use scanledger_domain::identity::Action;
use utoipa_axum::routes;

/// Every native route with what it takes to use it.
pub fn routes() -> Routes {
    use Access::Needs;
    Routes::default()
        .add(Needs(Action::ReadAudit), routes!(event::list_events))
        .add(Needs(Action::Read), routes!(diff::diff_project))
        .add(Needs(Action::Read), routes!(project::findings_of_project))
        .add(Needs(Action::Read), routes!(project::components_of_project))
}
