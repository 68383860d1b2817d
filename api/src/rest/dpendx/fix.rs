//! Pull requests that mend what a scan found (reference §3).

use super::{access, refusal};
use crate::app::App;
use crate::extract::Body;
use crate::limit::{Class, Limits};
use crate::problem::{Problem, ProblemBody};
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use scanledger_commands::hosted::FixMade;
use scanledger_domain::code_host::InstallationId;
use scanledger_domain::id::ScanId;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

/// What is to be mended.
#[derive(Deserialize, ToSchema)]
#[schema(as = dpendx::FixRequest)]
pub struct FixIn {
    /// The installation of the GitHub App.
    #[schema(value_type = u64, minimum = 1)]
    installation_id: InstallationId,
    /// The scan.
    scan_report_id: Uuid,
}

/// What was done.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = dpendx::FixResponse)]
pub struct FixOut {
    #[schema(value_type = String)]
    status: &'static str,
    /// The pull request, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pull_request: Option<PullRequestOut>,
    /// Why there is none, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    message: Option<&'static str>,
}

/// A pull request.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = dpendx::PullRequest)]
pub struct PullRequestOut {
    number: u64,
    url: String,
    title: String,
    /// Packages that it moves to another version.
    fixes_count: u64,
}

/// Opens a pull request that mends what a scan found
///
/// Edits `package.json`, `go.mod`, `requirements.txt` and `pyproject.toml`; lock files are not touched.
#[utoipa::path(
    post, path = "/api/fix", tag = "dpendx", request_body = FixIn,
    responses(
        (status = 200, body = FixOut),
        (status = 401, body = ProblemBody, description = "The app is not installed on the repository."),
        (status = 403, body = ProblemBody, description = "The installation may not write to the repository."),
        (status = 404, body = ProblemBody, description = "The installation has no such scan."),
        (status = 422, body = ProblemBody, description = "The scan has no result, or the code host does not take it.")
    )
)]
pub async fn fix(
    State(app): State<App>,
    Extension(limits): Extension<Arc<Limits>>,
    Body { value, .. }: Body<FixIn>,
) -> Result<Json<FixOut>, Problem> {
    let dpendx = access(&app)?;
    let installation = value.installation_id;
    let life = dpendx.hosted.of_installation(installation, ScanId(value.scan_report_id)).await;
    let life = life.map_err(refusal::refused(&app))?;
    let slot = limits.fixes.take(life.requested.at.clone(), 1).ok_or_else(|| {
        let error = "another pull request for the repository is being made";
        Problem::new(StatusCode::TOO_MANY_REQUESTS, error).with_code("rate_limited").retry_after(10)
    })?;
    limits.take_of_installation(Class::Fixes, installation)?;
    let made = dpendx.hosted.fix(&life).await.map_err(refusal::refused(&app))?;
    drop(slot);
    let (pull_request, message) = match made {
        FixMade::Opened { request, fixes } => {
            let number = request.number.number();
            let opened =
                PullRequestOut { number, url: request.url, title: request.title, fixes_count: fixes };
            (Some(opened), None)
        }
        FixMade::Nothing => {
            (None, Some("nothing that was found can be mended in a file that is edited here"))
        }
    };
    Ok(Json(FixOut { status: "success", pull_request, message }))
}
