//! Deciding about findings (reference §5).

use super::finding::{FindingOut, one};
use super::word::FindingStatus;
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Body, Id};
use crate::memory::Memory;
use crate::problem::Problem;
use crate::rest::Written;
use axum::extract::State;
use axum::http::StatusCode;
use scanledger_commands::finding::Decision;
use scanledger_commands::ports::KnownFinding;
use scanledger_domain::id::FindingId;
use scanledger_domain::identity::{ProjectScope, Resource};
use scanledger_domain::limits::BULK_FINDINGS;
use scanledger_projections::At;
use scanledger_projections::finding::FindingScope;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use utoipa::ToSchema;
use uuid::Uuid;

/// A decision about a finding.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TriageIn {
    status: FindingStatus,
    /// Why; the note that is there stays if absent.
    status_note: Option<String>,
}

/// A decision about many findings.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BulkIn {
    /// 1 to 500 findings; `findingIds` is another name for it.
    #[serde(alias = "findingIds")]
    ids: Vec<String>,
    status: FindingStatus,
    /// Why; the notes that are there stay if absent.
    status_note: Option<String>,
}

/// What came of a decision about many findings.
#[derive(Debug, Serialize, ToSchema)]
pub struct BulkOut {
    /// How many findings are as decided.
    updated: usize,
    status: FindingStatus,
    /// Findings that there are not.
    unknown: Vec<Uuid>,
}

/// Decides about a finding
#[utoipa::path(
    patch, path = "/api/findings/{id}", tag = "Findings", request_body = TriageIn,
    responses((status = 200, body = FindingOut), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn triage_finding(
    State(app): State<App>,
    caller: Caller,
    memory: Memory,
    Id(finding): Id<FindingId>,
    body: Body<TriageIn>,
) -> Result<Written<FindingOut>, Problem> {
    let (whose, shown) = caller.may_decide(&app, finding).await?;
    let FindingScope { finding: _, scope, fingerprint, secret } = whose;
    let known = KnownFinding { finding, scope, fingerprint, secret };
    let decision = Decision { to: body.value.status.written(), note: body.value.status_note };
    let context = caller.command(&app, body.digest).await?;
    let done = app.findings.triage_known(&context, &caller.principal, &known, decision).await?;
    // What a decision changes is known from the decision. If it changed nothing, somebody may have said the same in
    // between, and that is shown.
    let shown = match done.recorded_at {
        Some(_) => shown,
        None => app.views.finding(caller.organization(), finding, At::Now)?,
    };
    let answer = one(&app, &memory, shown).await?.decided(&done, caller.principal.actor);
    Ok(Written::at(&app, StatusCode::OK, done.position, answer).await)
}

/// Decides about many findings
///
/// All of them, or none if one belongs to somebody else; findings that there are not are left out.
#[utoipa::path(
    post, path = "/api/findings/bulk", tag = "Findings", request_body = BulkIn,
    responses((status = 200, body = BulkOut))
)]
pub async fn post_bulk(
    State(app): State<App>,
    caller: Caller,
    body: Body<BulkIn>,
) -> Result<Written<BulkOut>, Problem> {
    bulk(&app, &caller, body).await
}

/// Decides about many findings, as POST does
#[utoipa::path(
    patch, path = "/api/findings/bulk", tag = "Findings", request_body = BulkIn,
    responses((status = 200, body = BulkOut))
)]
pub async fn patch_bulk(
    State(app): State<App>,
    caller: Caller,
    body: Body<BulkIn>,
) -> Result<Written<BulkOut>, Problem> {
    bulk(&app, &caller, body).await
}

async fn bulk(app: &App, caller: &Caller, body: Body<BulkIn>) -> Result<Written<BulkOut>, Problem> {
    let BulkIn { ids, status, status_note } = body.value;
    if ids.is_empty() || ids.len() > BULK_FINDINGS {
        return Err(Problem::invalid("ids", format!("must have 1 to {BULK_FINDINGS} entries")));
    }
    // What is no id of ours names nothing, and what there is not is left out anyway.
    let ids: Vec<FindingId> = ids.iter().filter_map(|id| id.parse().ok()).collect();
    let scopes = app.views.finding_scopes(ids.clone()).await?;
    let owners: HashSet<ProjectScope> = scopes.iter().map(|finding| finding.scope).collect();
    for owner in owners {
        caller.may(Resource::Project(owner))?;
    }
    let decision = Decision { to: status.written(), note: status_note };
    let context = caller.command(app, body.digest).await?;
    let done = app.findings.triage_bulk(&context, &caller.principal, &ids, &decision).await?;
    let answer = BulkOut {
        updated: done.decided.len(),
        status,
        unknown: done.unknown.into_iter().map(|finding| finding.0).collect(),
    };
    Ok(Written::at(app, StatusCode::OK, done.position, answer).await)
}
