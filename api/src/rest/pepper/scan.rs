//! Reading scans (reference §3.2, §3.3).

use super::scan_shape::{ScanOut, ScanPageOut};
use super::word::ScanStatus;
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{AtIn, Id, List, Number, Query};
use crate::problem::Problem;
use crate::rest::Paged;
use axum::Json;
use axum::extract::State;
use scanledger_domain::id::{OrganizationId, ScanId};
use scanledger_domain::limits::PAGE_ROWS;
use scanledger_projections::At;
use scanledger_projections::ReadError;
use scanledger_projections::incident::Direction;
use scanledger_projections::project::ProjectRow;
use scanledger_projections::scan::{ScanQuery, ScanRow};
use serde::Deserialize;
use std::collections::HashMap;
use utoipa::IntoParams;

/// Rows on a page if nobody says (reference §3.3).
const PAGE: u32 = 20;

/// Which scans.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct ScanListIn {
    /// Of this project only.
    project_id: Option<String>,
    /// In one of these states, with commas between them.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "QUEUED,RUNNING")]
    status: List<ScanStatus>,
    /// On this branch only.
    branch: Option<String>,
    /// From 1.
    #[param(value_type = Option<u32>, minimum = 1, default = 1)]
    page: Option<Number<{ i32::MAX as u32 }>>,
    /// Rows on a page.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500, default = 20)]
    limit: Option<Number<PAGE_ROWS>>,
}

/// Scans, newest first
#[utoipa::path(
    get, path = "/api/scans", tag = "Scans", params(ScanListIn, AtIn),
    responses((status = 200, body = ScanPageOut), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn list_scans(
    State(app): State<App>,
    caller: Caller,
    Query(wanted): Query<ScanListIn>,
    Query(at): Query<AtIn>,
) -> Result<Json<ScanPageOut>, Problem> {
    let at = caller.at(&app, &at).await?;
    let project = match wanted.project_id {
        None => None,
        Some(id) => {
            let project = id.parse().map_err(|_| Problem::missing("project"))?;
            caller.may_project(&app, project).await?;
            Some(project)
        }
    };
    let page = Paged {
        page: wanted.page.map_or(1, |page| page.0),
        limit: wanted.limit.map_or(PAGE, |limit| limit.0),
    };
    let query = ScanQuery {
        organization: caller.organization(),
        visible: caller.visible(),
        project,
        statuses: wanted.status.0.iter().flat_map(|status| status.states()).copied().collect(),
        branch: wanted.branch,
        at,
        direction: Direction::Descending,
        paging: page.paging(),
    };
    let found = app.views.scans(query).await?;
    let scans = found.rows.into_iter().map(|row| shown(&app, row)).collect();
    Ok(Json(ScanPageOut { scans, pagination: page.of(found.total) }))
}

/// A scan
#[utoipa::path(
    get, path = "/api/scans/{id}", tag = "Scans", params(AtIn),
    responses((status = 200, body = ScanOut), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn read_scan(
    State(app): State<App>,
    caller: Caller,
    Id(scan): Id<ScanId>,
    Query(at): Query<AtIn>,
) -> Result<Json<ScanOut>, Problem> {
    caller.may_scan(&app, scan).await?;
    let at = caller.at(&app, &at).await?;
    let row = app.views.scan(caller.organization(), scan, at).await?;
    Ok(Json(shown(&app, row)))
}

fn shown(app: &App, row: ScanRow) -> ScanOut {
    let running = if row.status.is_active() { app.progress.of(row.id) } else { Default::default() };
    ScanOut::new(row, running)
}

/// The latest scan of each project, by id.
pub async fn latest_scans(
    app: &App,
    organization: OrganizationId,
    at: At,
    projects: &[ProjectRow],
) -> Result<HashMap<ScanId, ScanRow>, ReadError> {
    let ids: Vec<ScanId> = projects.iter().filter_map(|project| project.latest_scan).collect();
    app.views.scans_by_id(organization, ids, at).await
}
