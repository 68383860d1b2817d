//! What differs between two instants of a branch.

use super::project::ComponentOut;
use super::{may_look, may_project};
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Id, Number, Query, parse_at_of, parse_scan};
use crate::memory::Memory;
use crate::problem::Problem;
use crate::rest::Paged;
use crate::rest::pepper::{FindingOut, with_excerpts};
use axum::Json;
use axum::extract::State;
use scanledger_domain::id::ProjectId;
use scanledger_domain::limits::PAGE_ROWS;
use scanledger_projections::At;
use scanledger_projections::component::ComponentRow;
use scanledger_projections::diff::{DiffQuery, Listed};
use scanledger_projections::finding::FindingRow;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Rows of each kind on a page if nobody says.
const PAGE: u32 = 100;

/// Between which instants.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct DiffIn {
    /// The earlier instant: RFC 3339, a position of the log, or the id of a scan.
    from: Option<String>,
    /// The earlier instant, as the results of this scan.
    from_scan: Option<String>,
    /// The later instant; now if absent.
    to: Option<String>,
    /// The later instant, as the results of this scan.
    to_scan: Option<String>,
    /// The default branch if absent.
    branch: Option<String>,
    /// Which page of each kind, from 1.
    #[param(value_type = Option<u32>, minimum = 1, default = 1)]
    page: Option<Number<{ i32::MAX as u32 }>>,
    /// Rows of each kind on a page; the totals count all.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500, default = 100)]
    limit: Option<Number<PAGE_ROWS>>,
}

/// What differs between two instants.
#[derive(Debug, Serialize, ToSchema)]
pub struct DiffOut {
    /// The earlier instant as a position.
    from: u64,
    /// The later instant as a position.
    to: u64,
    /// Which page of each kind this is, from 1.
    page: u32,
    /// Rows of each kind on a page. There are more as long as a total is larger than `page` times this.
    limit: u32,
    findings: FindingChanges,
    components: ComponentChanges,
}

/// Findings that differ.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FindingChanges {
    /// There at the later instant only.
    added: Vec<FindingOut>,
    added_total: u64,
    /// There at the earlier instant only, as they were.
    removed: Vec<FindingOut>,
    removed_total: u64,
    /// There at both, and different.
    changed: Vec<FindingChange>,
    changed_total: u64,
}

/// A finding at both instants.
#[derive(Debug, Serialize, ToSchema)]
pub struct FindingChange {
    before: FindingOut,
    after: FindingOut,
}

/// Components that differ.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ComponentChanges {
    /// There at the later instant only.
    added: Vec<ComponentOut>,
    added_total: u64,
    /// There at the earlier instant only.
    removed: Vec<ComponentOut>,
    removed_total: u64,
    /// There at both, needed for something else.
    changed: Vec<ComponentChange>,
    changed_total: u64,
}

/// A component at both instants.
#[derive(Debug, Serialize, ToSchema)]
pub struct ComponentChange {
    before: ComponentOut,
    after: ComponentOut,
}

/// What differs on a branch between two instants
#[utoipa::path(
    get, path = "/api/projects/{id}/diff", tag = "Time", params(DiffIn),
    responses((status = 200, body = DiffOut), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn diff_project(
    State(app): State<App>,
    caller: Caller,
    memory: Memory,
    Id(project): Id<ProjectId>,
    Query(wanted): Query<DiffIn>,
) -> Result<Json<DiffOut>, Problem> {
    may_project(&app, &caller, project).await?;
    let from = instant(&app, &caller, "from", (&wanted.from, &wanted.from_scan)).await?;
    let from = from.ok_or_else(|| Problem::invalid("from", "from or fromScan is needed"))?;
    let to = instant(&app, &caller, "to", (&wanted.to, &wanted.to_scan)).await?.unwrap_or(At::Now);
    let paged = Paged {
        page: wanted.page.map_or(1, |page| page.0),
        limit: wanted.limit.map_or(PAGE, |limit| limit.0),
    };
    let query = DiffQuery {
        organization: caller.organization(),
        project,
        branch: wanted.branch,
        from,
        to,
        paging: paged.paging(),
    };
    let diff = app.views.diff(query).await?;
    let (added, added_total) = listed(&app, &memory, diff.findings_added).await?;
    let (removed, removed_total) = listed(&app, &memory, diff.findings_removed).await?;
    let changed_total = diff.findings_changed.total;
    let (before, after) = diff.findings_changed.rows.into_iter().unzip();
    let before = with_excerpts(&app, &memory, before, None).await?;
    let after = with_excerpts(&app, &memory, after, None).await?;
    let changed =
        before.into_iter().zip(after).map(|(before, after)| FindingChange { before, after }).collect();
    Ok(Json(DiffOut {
        from: diff.positions.0.0,
        to: diff.positions.1.0,
        page: paged.page,
        limit: paged.limit,
        findings: FindingChanges { added, added_total, removed, removed_total, changed, changed_total },
        components: ComponentChanges {
            added_total: diff.components_added.total,
            added: diff.components_added.rows.into_iter().map(ComponentOut::from).collect(),
            removed_total: diff.components_removed.total,
            removed: diff.components_removed.rows.into_iter().map(ComponentOut::from).collect(),
            changed_total: diff.components_changed.total,
            changed: diff.components_changed.rows.into_iter().map(ComponentChange::from).collect(),
        },
    }))
}

impl From<(ComponentRow, ComponentRow)> for ComponentChange {
    fn from((before, after): (ComponentRow, ComponentRow)) -> Self {
        Self { before: before.into(), after: after.into() }
    }
}

async fn listed(
    app: &App,
    memory: &Memory,
    listed: Listed<FindingRow>,
) -> Result<(Vec<FindingOut>, u64), Problem> {
    Ok((with_excerpts(app, memory, listed.rows, None).await?, listed.total))
}

async fn instant(
    app: &App,
    caller: &Caller,
    name: &str,
    asked: (&Option<String>, &Option<String>),
) -> Result<Option<At>, Problem> {
    let at = match asked {
        (None, None) => return Ok(None),
        (Some(text), None) => parse_at_of(name, text)?,
        (None, Some(scan)) => parse_scan(scan)?,
        (Some(_), Some(_)) => {
            return Err(Problem::invalid(name, format!("{name} and {name}Scan cannot both be given")));
        }
    };
    may_look(app, caller, at).await.map(Some)
}
