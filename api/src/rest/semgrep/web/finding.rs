//! Findings of an organization (reference §5).

use super::deployment::Named;
use super::filter::FilterIn;
use super::lenient::{Flag, Repeated, Whole, rows};
use super::shape::{FindingOut, Modes};
use super::word::IssueType;
use crate::app::App;
use crate::auth::Caller;
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use scanledger_domain::limits::FINDING_PAGE_ROWS;
use scanledger_projections::At;
use scanledger_projections::finding::EverywhereQuery;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Findings on a page if nobody says.
const ROWS: u32 = 100;

/// Which page of which findings.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListIn {
    /// Of which kind.
    #[serde(default)]
    #[param(inline)]
    issue_type: IssueType,
    /// Whether a finding that is on several branches is shown once.
    #[param(value_type = Option<bool>, default = false)]
    dedup: Option<Flag>,
    /// From 0.
    #[param(value_type = Option<u64>, minimum = 0, default = 0)]
    page: Option<Whole>,
    /// Findings on a page.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 3000, default = 100)]
    page_size: Option<Whole>,
}

/// Findings on a page.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::Findings)]
pub struct FindingsOut {
    findings: Vec<FindingOut>,
}

/// Findings, those that came last first; a row for each branch
///
/// The list ends with an empty page.
#[utoipa::path(
    get, path = "/api/v1/deployments/{deployment}/findings", tag = "Semgrep", params(ListIn, FilterIn),
    responses((status = 200, body = FindingsOut))
)]
pub async fn list_findings(
    State(app): State<App>,
    caller: Caller,
    path: Named<0>,
    Repeated(wanted): Repeated<ListIn>,
    Repeated(filter): Repeated<FilterIn>,
) -> Result<Json<FindingsOut>, Problem> {
    path.of(&app, &caller).await?;
    let limit = rows("page_size", wanted.page_size, ROWS, FINDING_PAGE_ROWS)?;
    let Some(filter) = filter.of(&app, &caller, wanted.issue_type).await? else {
        return Ok(Json(FindingsOut { findings: vec![] }));
    };
    let query = EverywhereQuery {
        organization: caller.organization(),
        visible: caller.visible(),
        at: At::Now,
        filter,
        once: wanted.dedup == Some(Flag::Yes),
        after: None,
        skip: wanted.page.map_or(0, |page| page.0).saturating_mul(limit.into()),
        limit,
    };
    let found = app.views.findings_everywhere(query).await?;
    let modes = Modes::of(&app, caller.organization()).await?;
    let findings = found.into_iter().map(|row| FindingOut::new(row, &modes)).collect();
    Ok(Json(FindingsOut { findings }))
}
