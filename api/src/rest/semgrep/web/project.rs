//! Projects (reference §3). Their names hold slashes, which come as they are or as `%2F`.

use super::deployment::Named;
use super::lenient::{Repeated, Whole, rows};
use super::place::reference;
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Body, digest_of};
use crate::problem::Problem;
use crate::rest::{Moment, Written, shown};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use scanledger_commands::project::ProjectPatch;
use scanledger_domain::id::ScanId;
use scanledger_domain::limits::PROJECT_PAGE_ROWS;
use scanledger_domain::log::Position;
use scanledger_domain::scan::branch_of_reference;
use scanledger_domain::time::Timestamp;
use scanledger_projections::project::{ProjectQuery, ProjectRow, ProjectSort};
use scanledger_projections::{At, Paging};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use utoipa::{IntoParams, ToSchema};

/// Projects on a page if nobody says.
const ROWS: u32 = 100;
/// Instead of a branch: the one that the repository says.
const AS_REPOSITORY: &str = "None";

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageIn {
    /// From 0.
    #[param(value_type = Option<u64>, minimum = 0, default = 0)]
    page: Option<Whole>,
    /// Projects on a page.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500, default = 100)]
    page_size: Option<Whole>,
}

/// A project.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::Project)]
pub struct ProjectOut {
    id: u64,
    name: String,
    url: Option<String>,
    /// There are none.
    tags: Vec<String>,
    created_at: Moment,
    latest_scan_at: Option<Moment>,
    /// `refs/heads/main`.
    primary_branch: String,
    default_branch: String,
}

/// A project by itself.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::ProjectAlone)]
pub struct ProjectAloneOut {
    #[serde(flatten)]
    project: ProjectOut,
    managed_scan_config: ManagedOut,
}

/// What the server scans by itself: nothing in this dialect.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = semgrep::web::ManagedScans)]
pub struct ManagedOut {
    full_scan: SwitchOut,
    diff_scan: SwitchOut,
}

/// Whether something is on.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = semgrep::web::Switch)]
pub struct SwitchOut {
    enabled: bool,
}

/// A project that was asked for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::OneProject)]
pub struct OneProjectOut {
    project: ProjectAloneOut,
}

/// Projects on a page.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::Projects)]
pub struct ProjectsOut {
    projects: Vec<ProjectOut>,
}

/// A project that is gone.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::GoneProject)]
pub struct GoneOut {
    project_name: String,
}

/// What shall be different about a project.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = semgrep::web::ProjectPatch)]
pub struct PatchIn {
    /// The branch that everything is compared with: `main`, `refs/heads/main`, or `None` to leave it.
    primary_branch: Option<String>,
    /// Tags are not kept, so only an empty list will do.
    #[serde(default)]
    tags: Vec<String>,
    /// The server scans nothing by itself, so only null will do.
    #[schema(value_type = Option<Object>)]
    managed_scan_config: Option<IgnoredAny>,
}

/// The projects, by name
///
/// The list ends with an empty page.
#[utoipa::path(
    get, path = "/api/v1/deployments/{deployment}/projects", tag = "Semgrep", params(PageIn),
    responses((status = 200, body = ProjectsOut))
)]
pub async fn list_projects(
    State(app): State<App>,
    caller: Caller,
    path: Named<0>,
    Repeated(page): Repeated<PageIn>,
) -> Result<Json<ProjectsOut>, Problem> {
    path.of(&app, &caller).await?;
    let limit = rows("page_size", page.page_size, ROWS, PROJECT_PAGE_ROWS)?;
    let offset = page.page.map_or(0, |page| page.0).saturating_mul(limit.into());
    let query = ProjectQuery {
        organization: caller.organization(),
        visible: caller.visible(),
        at: At::Now,
        name_contains: None,
        has_repository: None,
        sort: ProjectSort::Name,
        paging: Some(Paging { offset, limit }),
    };
    let projects = shape(&app, &caller, app.views.projects(query).await?.rows).await?;
    Ok(Json(ProjectsOut { projects }))
}

/// A project
#[utoipa::path(
    get, path = "/api/v1/deployments/{deployment}/projects/{*project}", tag = "Semgrep",
    responses((status = 200, body = OneProjectOut), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn read_project(
    State(app): State<App>,
    caller: Caller,
    path: Named<1>,
) -> Result<Json<OneProjectOut>, Problem> {
    let row = find(&app, &caller, &path).await?;
    alone(&app, &caller, row).await.map(Json)
}

/// Changes a project
#[utoipa::path(
    patch, path = "/api/v1/deployments/{deployment}/projects/{*project}", tag = "Semgrep", request_body = PatchIn,
    responses((status = 200, body = OneProjectOut), (status = 404, body = crate::problem::ProblemBody),
              (status = 409, body = crate::problem::ProblemBody))
)]
pub async fn patch_project(
    State(app): State<App>,
    caller: Caller,
    path: Named<1>,
    body: Body<PatchIn>,
) -> Result<Written<OneProjectOut>, Problem> {
    let row = find(&app, &caller, &path).await?;
    caller.may_project(&app, row.id).await?;
    if !body.value.tags.is_empty() {
        return Err(Problem::invalid("tags", "are not kept by this server"));
    }
    if body.value.managed_scan_config.is_some() {
        return Err(Problem::invalid("managed_scan_config", "is not kept by this server"));
    }
    let branch = body.value.primary_branch.filter(|branch| branch != AS_REPOSITORY);
    let Some(branch) = branch else { return after(&app, &caller, &path, None).await };
    let default_branch = Some(branch_of_reference(&branch).to_owned());
    let patch = ProjectPatch { default_branch, ..ProjectPatch::default() };
    let context = caller.command(&app, body.digest).await?;
    let written = app.projects.update(&context, row.id, None, &patch).await?;
    after(&app, &caller, &path, written.position).await
}

/// Hides a project and everything in it
#[utoipa::path(
    delete, path = "/api/v1/deployments/{deployment}/projects/{*project}", tag = "Semgrep",
    responses((status = 200, body = GoneOut), (status = 404, body = crate::problem::ProblemBody),
              (status = 409, body = crate::problem::ProblemBody, description = "It has scans that have not ended."))
)]
pub async fn delete_project(
    State(app): State<App>,
    caller: Caller,
    path: Named<1>,
) -> Result<Written<GoneOut>, Problem> {
    let deletion = async {
        let row = find(&app, &caller, &path).await?;
        caller.may_project(&app, row.id).await?;
        let context = caller.command(&app, digest_of(b"")).await?;
        Ok(Some(app.projects.delete(&context, row.id).await?))
    };
    let position = caller.once(&app, digest_of(b""), deletion).await?;
    // As it was asked for: what a project that is gone was called exactly, a repeat cannot say.
    let [project_name] = path.rest;
    Ok(Written::at(&app, StatusCode::OK, position, GoneOut { project_name }).await)
}

async fn find(app: &App, caller: &Caller, path: &Named<1>) -> Result<ProjectRow, Problem> {
    path.of(app, caller).await?;
    let [name] = path.rest.clone();
    let found = app.views.project_by_name(caller.organization(), caller.visible(), name, At::Now).await?;
    found.ok_or_else(|| Problem::missing("project"))
}

async fn after(
    app: &App,
    caller: &Caller,
    path: &Named<1>,
    position: Option<Position>,
) -> Result<Written<OneProjectOut>, Problem> {
    shown(app, position).await;
    let row = find(app, caller, path).await?;
    let project = alone(app, caller, row).await?;
    Ok(Written::at(app, StatusCode::OK, position, project).await)
}

async fn alone(app: &App, caller: &Caller, row: ProjectRow) -> Result<OneProjectOut, Problem> {
    let mut shown = shape(app, caller, vec![row]).await?;
    let project = shown.pop().ok_or_else(|| Problem::missing("project"))?;
    Ok(OneProjectOut { project: ProjectAloneOut { project, managed_scan_config: ManagedOut::default() } })
}

async fn shape(app: &App, caller: &Caller, rows: Vec<ProjectRow>) -> Result<Vec<ProjectOut>, Problem> {
    let latest: Vec<ScanId> = rows.iter().filter_map(|row| row.latest_scan).collect();
    let scans = app.views.scans_by_id(caller.organization(), latest, At::Now).await?;
    let times: HashMap<ScanId, Timestamp> =
        scans.into_values().map(|scan| (scan.id, scan.started_at.unwrap_or(scan.queued_at))).collect();
    let shown = rows.into_iter().map(|row| {
        let latest = row.latest_scan.and_then(|scan| times.get(&scan)).copied();
        let branch = reference(&row.details.default_branch);
        ProjectOut {
            id: row.number,
            name: row.details.name,
            url: row.details.repo_url,
            tags: vec![],
            created_at: Moment(row.created_at),
            latest_scan_at: latest.map(Moment),
            primary_branch: branch.clone(),
            default_branch: branch,
        }
    });
    Ok(shown.collect())
}
