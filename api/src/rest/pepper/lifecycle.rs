//! What people do to scans (reference §3.4, §3.5).

use super::word::ScanStatus;
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Id, digest_of};
use crate::problem::Problem;
use crate::rest::Written;
use axum::extract::State;
use axum::http::StatusCode;
use scanledger_domain::id::ScanId;
use scanledger_domain::log::Position;
use scanledger_domain::scan::Step;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A scan after a step.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SteppedOut {
    scan_id: Uuid,
    status: ScanStatus,
    /// Where what a stopped scan found can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    report_url: Option<String>,
}

/// That it is done.
#[derive(Debug, Serialize, ToSchema)]
pub struct SuccessOut {
    /// Always true.
    pub success: bool,
}

/// Lets a running scan wait
#[utoipa::path(
    post, path = "/api/scans/{id}/pause", tag = "Scans",
    responses((status = 200, body = SteppedOut), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn pause_scan(
    State(app): State<App>,
    caller: Caller,
    Id(scan): Id<ScanId>,
) -> Result<Written<SteppedOut>, Problem> {
    stepped(&app, &caller, scan, Step::Pause).await
}

/// Lets a paused scan go on, or queues a stopped one again
#[utoipa::path(
    post, path = "/api/scans/{id}/resume", tag = "Scans",
    responses(
        (status = 200, body = SteppedOut),
        (status = 404, body = crate::problem::ProblemBody),
        (status = 409, body = crate::problem::ProblemBody, description = "The source is no longer stored.")
    )
)]
pub async fn resume_scan(
    State(app): State<App>,
    caller: Caller,
    Id(scan): Id<ScanId>,
) -> Result<Written<SteppedOut>, Problem> {
    stepped(&app, &caller, scan, Step::Resume).await
}

/// Ends a scan and keeps what it found so far
#[utoipa::path(
    post, path = "/api/scans/{id}/stop", tag = "Scans",
    responses((status = 200, body = SteppedOut), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn stop_scan(
    State(app): State<App>,
    caller: Caller,
    Id(scan): Id<ScanId>,
) -> Result<Written<SteppedOut>, Problem> {
    stepped(&app, &caller, scan, Step::Stop).await
}

/// Ends a scan and keeps nothing of it
#[utoipa::path(
    post, path = "/api/scans/{id}/cancel", tag = "Scans",
    responses((status = 200, body = SteppedOut), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn cancel_scan(
    State(app): State<App>,
    caller: Caller,
    Id(scan): Id<ScanId>,
) -> Result<Written<SteppedOut>, Problem> {
    stepped(&app, &caller, scan, Step::Cancel).await
}

/// Hides a scan everywhere
#[utoipa::path(
    delete, path = "/api/scans/{id}", tag = "Scans",
    responses(
        (status = 200, body = SuccessOut),
        (status = 404, body = crate::problem::ProblemBody),
        (status = 409, body = crate::problem::ProblemBody, description = "It is running.")
    )
)]
pub async fn delete_scan(
    State(app): State<App>,
    caller: Caller,
    Id(scan): Id<ScanId>,
) -> Result<Written<SuccessOut>, Problem> {
    let deletion = async { Ok(take(&app, &caller, scan, Step::Delete).await?.1) };
    let position = caller.once(&app, digest_of(b""), deletion).await?;
    Ok(Written::at(&app, StatusCode::OK, position, SuccessOut { success: true }).await)
}

/// Scans the same source again, as a new scan
#[utoipa::path(
    post, path = "/api/scans/{id}/rescan", tag = "Scans",
    responses(
        (status = 201, body = SteppedOut),
        (status = 404, body = crate::problem::ProblemBody),
        (status = 409, body = crate::problem::ProblemBody, description = "The source is no longer stored.")
    )
)]
pub async fn rescan(
    State(app): State<App>,
    caller: Caller,
    Id(scan): Id<ScanId>,
) -> Result<Written<SteppedOut>, Problem> {
    caller.may_scan(&app, scan).await?;
    let context = caller.command(&app, digest_of(b"")).await?;
    let queued = app.scans.rescan(&context, scan).await?;
    let answer = SteppedOut { scan_id: queued.queued.scan.0, status: ScanStatus::Queued, report_url: None };
    Ok(Written::at(&app, StatusCode::CREATED, Some(queued.position), answer).await)
}

async fn stepped(
    app: &App,
    caller: &Caller,
    scan: ScanId,
    step: Step,
) -> Result<Written<SteppedOut>, Problem> {
    let (status, position) = take(app, caller, scan, step).await?;
    let report_url = (step == Step::Stop).then(|| format!("/api/scans/{scan}/findings/export?format=html"));
    let answer = SteppedOut { scan_id: scan.0, status, report_url };
    Ok(Written::at(app, StatusCode::OK, position, answer).await)
}

async fn take(
    app: &App,
    caller: &Caller,
    scan: ScanId,
    step: Step,
) -> Result<(ScanStatus, Option<Position>), Problem> {
    caller.may_scan(app, scan).await?;
    let context = caller.command(app, digest_of(b"")).await?;
    let done = app.scans.step(&context, scan, step).await?;
    // A deleted scan has no status; what it is called then is in nobody's answer.
    let status = done.status.map_or(ScanStatus::Cancelled, ScanStatus::from);
    Ok((status, done.position))
}
