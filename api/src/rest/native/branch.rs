//! The branches of a project, now or as of an instant.

use super::{may_look, may_project};
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{AtIn, Id, Number, Query, check_search};
use crate::problem::Problem;
use crate::rest::{Instant, Paged, Pages};
use axum::Json;
use axum::extract::State;
use scanledger_domain::branch::{BranchRole, ClosedBecause};
use scanledger_domain::id::ProjectId;
use scanledger_domain::limits::PAGE_ROWS;
use scanledger_domain::severity::SeverityCounts;
use scanledger_projections::branch::{BranchFilter, BranchQuery, BranchRow, BranchSort, BranchState};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Branches on a page if nobody says.
const PAGE: u32 = 50;

/// In which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum BranchStateIn {
    /// In any.
    #[default]
    All,
    /// Open ones.
    Open,
    /// Closed ones.
    Closed,
}

/// In which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum BranchOrder {
    /// The last scanned first.
    #[default]
    Recent,
    /// By name, whatever the case.
    Name,
    /// Most open findings first.
    Findings,
}

/// Which branches, and in which order.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct BranchesIn {
    /// In which state.
    #[serde(default)]
    #[param(inline)]
    state: BranchStateIn,
    /// Whose name contains this, whatever the case.
    name: Option<String>,
    /// In which order.
    #[serde(default)]
    #[param(inline)]
    sort: BranchOrder,
    /// From 1.
    #[param(value_type = Option<u32>, minimum = 1, default = 1)]
    page: Option<Number<{ i32::MAX as u32 }>>,
    /// Rows on a page.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500, default = 50)]
    limit: Option<Number<PAGE_ROWS>>,
}

/// How many findings there are of each severity.
#[derive(Debug, Serialize, ToSchema)]
pub struct BranchCounts {
    critical: u64,
    high: u64,
    medium: u64,
    unknown: u64,
    low: u64,
    info: u64,
    /// All of them together.
    total: u64,
}

impl From<SeverityCounts> for BranchCounts {
    fn from(counts: SeverityCounts) -> Self {
        let SeverityCounts { critical, high, medium, unknown, low, info } = counts;
        Self { critical, high, medium, unknown, low, info, total: counts.total() }
    }
}

/// A branch, from its first results on.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BranchOut {
    id: Uuid,
    name: String,
    /// Whether it is the branch that is meant when nobody names one.
    is_default: bool,
    /// `open` or `closed`.
    state: &'static str,
    /// When it was opened; the last time, if it was closed in between.
    opened_at: Instant,
    /// When it was closed; none while it is open.
    closed_at: Option<Instant>,
    /// `merged`, `deleted` or `silent`; none while it is open.
    #[schema(value_type = Option<String>)]
    closed_because: Option<ClosedBecause>,
    /// The latest scan with results on it.
    last_scan_id: Option<Uuid>,
    /// When the results of that scan were complete.
    last_scanned_at: Option<Instant>,
    /// Findings on it about which something is still to be done: neither dismissed nor mended.
    open_findings: BranchCounts,
    /// Findings on it, whatever their triage. Nothing is on a closed branch.
    findings: BranchCounts,
}

impl From<BranchRow> for BranchOut {
    fn from(row: BranchRow) -> Self {
        Self {
            id: row.id.0,
            is_default: row.role == BranchRole::Default,
            state: match row.state() {
                BranchState::Open => "open",
                BranchState::Closed => "closed",
            },
            opened_at: Instant(row.opened_at),
            closed_at: row.closed.map(|closed| Instant(closed.at)),
            closed_because: row.closed.map(|closed| closed.because),
            last_scan_id: row.last_scan.map(|last| last.scan.0),
            last_scanned_at: row.last_scan.map(|last| Instant(last.at)),
            open_findings: row.open.into(),
            findings: row.counts.into(),
            name: row.name,
        }
    }
}

/// Branches on a page.
#[derive(Debug, Serialize, ToSchema)]
pub struct BranchPage {
    branches: Vec<BranchOut>,
    pagination: Pages,
}

/// The branches of a project, open and closed
#[utoipa::path(
    get, path = "/api/projects/{id}/branches", tag = "Projects", params(BranchesIn, AtIn),
    responses((status = 200, body = BranchPage), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn branches_of_project(
    State(app): State<App>,
    caller: Caller,
    Id(project): Id<ProjectId>,
    Query(wanted): Query<BranchesIn>,
    Query(at): Query<AtIn>,
) -> Result<Json<BranchPage>, Problem> {
    may_project(&app, &caller, project).await?;
    let at = may_look(&app, &caller, at.parse()?).await?;
    check_search("name", wanted.name.as_deref())?;
    let page = Paged {
        page: wanted.page.map_or(1, |page| page.0),
        limit: wanted.limit.map_or(PAGE, |limit| limit.0),
    };
    let query = BranchQuery {
        organization: caller.organization(),
        at,
        filter: BranchFilter {
            state: match wanted.state {
                BranchStateIn::All => None,
                BranchStateIn::Open => Some(BranchState::Open),
                BranchStateIn::Closed => Some(BranchState::Closed),
            },
            name_contains: wanted.name,
        },
        sort: match wanted.sort {
            BranchOrder::Recent => BranchSort::Recent,
            BranchOrder::Name => BranchSort::Name,
            BranchOrder::Findings => BranchSort::Findings,
        },
        paging: page.paging(),
    };
    let found = app.views.branches_of(project, query).await?;
    let branches = found.rows.into_iter().map(BranchOut::from).collect();
    Ok(Json(BranchPage { branches, pagination: page.of(found.total) }))
}
