//! The dpendx dialect: dependency scans of repositories at a code host, for its GitHub App and for build jobs.
//!
//! Routes are open: whoever names an installation that is configured is that installation (reference §1), and the
//! webhook is the code host by its signature.

mod fix;
mod refusal;
mod sbom;
mod scan;
mod shape;
mod webhook;

use crate::app::{App, DpendxAccess};
use crate::problem::Problem;
use crate::routes::{Access, Routes};
use axum::http::StatusCode;
use scanledger_commands::hosted::Hosted;
use scanledger_commands::{CommandError, Context};
use scanledger_domain::code_host::InstallationId;
use scanledger_domain::id::CommandId;
use scanledger_domain::log::Actor;
use utoipa_axum::routes;

/// Every route of the dialect with what it takes to use it.
pub fn routes() -> Routes {
    Routes::default()
        .add(Access::Open, routes!(scan::scan))
        .add(Access::Open, routes!(fix::fix))
        .add(Access::Open, routes!(sbom::read_sbom))
        .add(Access::Open, routes!(webhook::receive_event))
}

/// The app as it is configured; without one, no installation is known.
fn access(app: &App) -> Result<&DpendxAccess, Problem> {
    app.dpendx.as_ref().ok_or_else(|| {
        let error = "no GitHub App is configured on this server: see `serve --github-app-id`";
        Problem::new(StatusCode::UNAUTHORIZED, error).with_code("invalid_installation")
    })
}

/// The context of what an installation asks for.
fn context(app: &App, hosted: &Hosted, installation: InstallationId) -> Result<Context, Problem> {
    let principal = hosted
        .principal(installation)
        .map_err(|problem| refusal::refused(app)(CommandError::Refused(problem)))?;
    Ok(Context::new(CommandId(app.ids.fresh()), Actor::System, Some(principal.organization)))
}
