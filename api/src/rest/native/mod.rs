//! What no other dialect has: the event feed, proofs of the log, and a project at any instant.

mod branch;
mod diff;
mod event;
mod project;
mod proof;

pub use proof::Proofs;

use crate::app::App;
use crate::auth::Caller;
use crate::problem::Problem;
use crate::routes::{Access, Routes};
use scanledger_domain::id::ProjectId;
use scanledger_domain::identity::{Action, ProjectScope, Resource, authorize};
use scanledger_projections::At;
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
        .add(Needs(Action::Read), routes!(branch::branches_of_project))
        .add(Needs(Action::Read), routes!(diff::diff_project))
        .add(Needs(Action::Read), routes!(project::findings_of_project))
        .add(Needs(Action::Read), routes!(project::components_of_project))
}

/// Whether the route's action may be done to a project. No client's contract tells what is somebody else's from what is
/// not there, so neither do these routes.
async fn may_project(app: &App, caller: &Caller, project: ProjectId) -> Result<(), Problem> {
    let scope = app.views.scope_of_project(project).await?;
    may_see(app, caller, scope, "project").await
}

/// As [`may_project`], of the scan that says when, if one does; answers the instant.
async fn may_look(app: &App, caller: &Caller, at: At) -> Result<At, Problem> {
    if let At::Scan(scan) = at {
        let scope = app.views.scope_of_scan(scan).await?;
        may_see(app, caller, scope, "scan").await?;
    }
    Ok(at)
}

async fn may_see(app: &App, caller: &Caller, scope: ProjectScope, what: &str) -> Result<(), Problem> {
    match authorize(&caller.principal, caller.action, Resource::Project(scope)) {
        Err(denied) if denied.hides() => Err(Problem::missing(what)),
        Err(denied) => Err(caller.refused(app, denied).await),
        Ok(()) => Ok(()),
    }
}
