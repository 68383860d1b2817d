//! A client's scan ends (reference §11.5).

use super::refusal::or_again;
use super::results::scan_of;
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Body, Id};
use crate::problem::Problem;
use crate::rest::Written;
use axum::extract::State;
use axum::http::StatusCode;
use scanledger_domain::scan::ClientEnd;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a scan ended for its client.
#[derive(Deserialize, ToSchema)]
#[schema(as = semgrep::CompleteIn)]
pub struct CompleteIn {
    /// The exit code that the client means to end with.
    exit_code: u32,
    #[serde(default)]
    stats: StatsIn,
}

/// What a client counted.
#[derive(Deserialize, Default, ToSchema)]
#[schema(as = semgrep::StatsIn)]
pub struct StatsIn {
    /// Seconds.
    total_time: Option<f64>,
}

/// What the server makes of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::CompletedOut)]
pub struct CompletedOut {
    /// Whether the client need not ask again.
    success: bool,
    /// Whether the build fails although its rules let it pass: the project is to have no new findings.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    app_block_override: bool,
    /// Why, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    app_block_reason: Option<String>,
    /// The findings that it fails for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    app_blocking_match_based_ids: Vec<String>,
}

/// What a client could not do.
#[derive(Deserialize, ToSchema)]
#[schema(as = semgrep::FailIn)]
pub struct FailIn {
    /// The client's exit code.
    exit_code: u32,
}

/// That it is known.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::FailedOut)]
pub struct FailedOut {
    success: bool,
}

/// Ends a scan whose results have come
///
/// The build fails if the client says so, or if the project's gate wants no new findings and there are some.
#[utoipa::path(
    post, path = "/api/agent/scans/{id}/complete", tag = "Semgrep CI", request_body = CompleteIn,
    responses((status = 200, body = CompletedOut), (status = 409, body = crate::problem::ProblemBody))
)]
pub async fn complete_scan(
    State(app): State<App>,
    caller: Caller,
    Id(number): Id<u64>,
    body: Body<CompleteIn>,
) -> Result<Written<CompletedOut>, Problem> {
    let scan = scan_of(&app, &caller, number).await?;
    let context = caller.fresh_command(&app)?;
    let end = ClientEnd {
        exit_code: body.value.exit_code,
        total_time_ms: body.value.stats.total_time.and_then(milliseconds),
        blocking: None,
    };
    let ended = app.client_scans.end(&context, &scan, end).await.map_err(or_again)?;
    let blocks = !ended.blocking.is_empty();
    let count = ended.blocking.len();
    let answer = CompletedOut {
        success: true,
        app_block_override: blocks,
        app_block_reason: blocks
            .then(|| format!("the project's gate wants no new findings, and there are {count}")),
        app_blocking_match_based_ids: ended.blocking,
    };
    Ok(Written::at(&app, StatusCode::OK, ended.position, answer).await)
}

/// Whole milliseconds of a number of seconds that makes sense.
fn milliseconds(seconds: f64) -> Option<u64> {
    let milliseconds = std::time::Duration::try_from_secs_f64(seconds).ok()?.as_millis();
    u64::try_from(milliseconds).ok()
}

/// Ends a scan that its client could not do
#[utoipa::path(
    post, path = "/api/agent/scans/{id}/error", tag = "Semgrep CI", request_body = FailIn,
    responses((status = 200, body = FailedOut), (status = 409, body = crate::problem::ProblemBody))
)]
pub async fn fail_scan(
    State(app): State<App>,
    caller: Caller,
    Id(number): Id<u64>,
    body: Body<FailIn>,
) -> Result<Written<FailedOut>, Problem> {
    let scan = scan_of(&app, &caller, number).await?;
    let context = caller.fresh_command(&app)?;
    let position = app.client_scans.fail(&context, &scan, body.value.exit_code).await.map_err(or_again)?;
    Ok(Written::at(&app, StatusCode::OK, position, FailedOut { success: true }).await)
}

#[cfg(test)]
mod tests {
    use super::milliseconds;

    #[test]
    fn times_that_make_no_sense_are_left_out() {
        assert_eq!(milliseconds(1.5), Some(1_500));
        for bad in [-1.0, f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(milliseconds(bad), None, "{bad}");
        }
    }
}
