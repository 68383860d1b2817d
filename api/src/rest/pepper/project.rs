//! Projects (reference §7).

use super::lifecycle::SuccessOut;
use super::project_shape::{CardOut, ProjectDetailOut, ProjectOut, ProjectsOut, without_tags};
use super::scan::latest_scans;
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{AtIn, Body, Id, Number, Patched, Query, check_search, digest_of, present};
use crate::problem::Problem;
use crate::rest::{Paged, Written};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use scanledger_commands::project::{NewProject, ProjectPatch};
use scanledger_domain::id::ProjectId;
use scanledger_domain::identity::Resource;
use scanledger_domain::limits::PAGE_ROWS;
use scanledger_domain::project::{DEFAULT_BRANCH, Gate, ProjectDetails};
use scanledger_projections::At;
use scanledger_projections::project::{ProjectQuery, ProjectRow, ProjectSort};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

/// Which projects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProjectSource {
    /// All of them.
    #[default]
    All,
    /// With a repository.
    Repo,
    /// Uploaded.
    Upload,
}

/// In which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProjectOrder {
    /// Latest change or scan first.
    #[default]
    Recent,
    /// By name.
    Name,
    /// Most and worst findings first.
    Vulns,
    /// Worst grade first; projects without one last.
    Grade,
}

/// Which projects, and in which order.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct ProjectListIn {
    /// Whose name contains this, whatever the case.
    q: Option<String>,
    /// With or without a repository.
    #[serde(default)]
    #[param(inline)]
    source: ProjectSource,
    /// In which order.
    #[serde(default)]
    #[param(inline)]
    sort: ProjectOrder,
    /// From 1; needs `limit`.
    #[param(value_type = Option<u32>, minimum = 1)]
    page: Option<Number<{ i32::MAX as u32 }>>,
    /// Rows on a page; all if absent.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500)]
    limit: Option<Number<PAGE_ROWS>>,
}

/// A project that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProjectIn {
    /// 1 to 100 characters; HTML tags are taken out.
    name: String,
    description: Option<String>,
    /// http, https, svn or svn+ssh, without credentials; empty for none.
    repo_url: Option<String>,
    default_branch: Option<String>,
    /// http or https, without credentials; empty for none.
    dast_target_url: Option<String>,
}

/// What shall be different about a project; `null` clears.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProjectPatchIn {
    name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    description: Patched<String>,
    /// As of a project that is made.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    repo_url: Patched<String>,
    default_branch: Option<String>,
    /// As of a project that is made.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    dast_target_url: Patched<String>,
}

impl From<ProjectIn> for ProjectDetails {
    fn from(project: ProjectIn) -> Self {
        Self {
            name: without_tags(&project.name),
            description: filled(project.description),
            repo_url: filled(project.repo_url),
            default_branch: filled(project.default_branch).unwrap_or_else(|| DEFAULT_BRANCH.to_owned()),
            dast_target_url: filled(project.dast_target_url),
        }
    }
}

impl From<ProjectPatchIn> for ProjectPatch {
    fn from(patch: ProjectPatchIn) -> Self {
        Self {
            name: patch.name.map(|name| without_tags(&name)),
            description: patch.description.map(filled),
            repo_url: patch.repo_url.map(filled),
            default_branch: patch.default_branch,
            dast_target_url: patch.dast_target_url.map(filled),
        }
    }
}

/// Forms send empty text for what is not filled in.
fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// Projects, each with its latest scan and a card
#[utoipa::path(
    get, path = "/api/projects", tag = "Projects", params(ProjectListIn, AtIn),
    responses((status = 200, body = ProjectsOut))
)]
pub async fn list_projects(
    State(app): State<App>,
    caller: Caller,
    Query(wanted): Query<ProjectListIn>,
    Query(at): Query<AtIn>,
) -> Result<Json<ProjectsOut>, Problem> {
    check_search("q", wanted.q.as_deref())?;
    let at = caller.at(&app, &at).await?;
    let page = wanted.limit.map(|limit| Paged { page: wanted.page.map_or(1, |page| page.0), limit: limit.0 });
    // Grades are Pepper's and unknown to the read model, so that order needs all rows.
    let is_graded = wanted.sort == ProjectOrder::Grade;
    let query = ProjectQuery {
        organization: caller.organization(),
        visible: caller.visible(),
        at,
        name_contains: wanted.q,
        has_repository: match wanted.source {
            ProjectSource::All => None,
            ProjectSource::Repo => Some(true),
            ProjectSource::Upload => Some(false),
        },
        sort: match wanted.sort {
            ProjectOrder::Recent => ProjectSort::Recent,
            ProjectOrder::Name => ProjectSort::Name,
            ProjectOrder::Vulns | ProjectOrder::Grade => ProjectSort::Findings,
        },
        paging: page.filter(|_| !is_graded).map(Paged::paging),
    };
    let mut found = app.views.projects(query).await?;
    if is_graded {
        found.rows.sort_by_key(CardOut::order);
        found.rows = cut(found.rows, page);
    }
    let mut latest = latest_scans(&app, caller.organization(), at, &found.rows).await?;
    let projects = found.rows.into_iter().map(|row| {
        let scan = row.latest_scan.and_then(|scan| latest.remove(&scan));
        ProjectDetailOut::new(row, scan)
    });
    Ok(Json(ProjectsOut { projects: projects.collect(), pagination: page.map(|page| page.of(found.total)) }))
}

fn cut(rows: Vec<ProjectRow>, page: Option<Paged>) -> Vec<ProjectRow> {
    let Some(paging) = page.map(Paged::paging) else { return rows };
    let offset = usize::try_from(paging.offset).unwrap_or(usize::MAX);
    rows.into_iter().skip(offset).take(paging.limit as usize).collect()
}

/// Makes a project with the default build gate
#[utoipa::path(
    post, path = "/api/projects", tag = "Projects", request_body = ProjectIn,
    responses(
        (status = 201, body = ProjectOut),
        (status = 409, body = crate::problem::ProblemBody, description = "The name is taken.")
    )
)]
pub async fn create_project(
    State(app): State<App>,
    caller: Caller,
    body: Body<ProjectIn>,
) -> Result<Written<ProjectOut>, Problem> {
    let organization = caller.organization();
    caller.may(Resource::Organization(organization))?;
    let team = caller.principal.team_of_new_project()?;
    let new = NewProject { organization, team, details: body.value.into(), gate: Gate::default() };
    let context = caller.command(&app, body.digest).await?;
    let written = app.projects.create(&context, new).await?;
    let made_at = written.recorded_at.unwrap_or_else(|| app.clock.now());
    let answer = ProjectOut::written(&written.project, made_at, made_at);
    Ok(Written::at(&app, StatusCode::CREATED, written.position, answer).await)
}

/// A project with its gate and latest scan
#[utoipa::path(
    get, path = "/api/projects/{id}", tag = "Projects", params(AtIn),
    responses((status = 200, body = ProjectDetailOut), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn read_project(
    State(app): State<App>,
    caller: Caller,
    Id(project): Id<ProjectId>,
    Query(at): Query<AtIn>,
) -> Result<Json<ProjectDetailOut>, Problem> {
    caller.may_project(&app, project).await?;
    let at = caller.at(&app, &at).await?;
    let row = app.views.project(caller.organization(), project, at).await?;
    let mut latest = latest_scans(&app, caller.organization(), at, std::slice::from_ref(&row)).await?;
    let scan = row.latest_scan.and_then(|scan| latest.remove(&scan));
    Ok(Json(ProjectDetailOut::new(row, scan)))
}

/// Changes a project
#[utoipa::path(
    patch, path = "/api/projects/{id}", tag = "Projects", request_body = ProjectPatchIn,
    responses(
        (status = 200, body = ProjectOut),
        (status = 404, body = crate::problem::ProblemBody),
        (status = 409, body = crate::problem::ProblemBody, description = "The name is taken.")
    )
)]
pub async fn update_project(
    State(app): State<App>,
    caller: Caller,
    Id(project): Id<ProjectId>,
    body: Body<ProjectPatchIn>,
) -> Result<Written<ProjectOut>, Problem> {
    caller.may_project(&app, project).await?;
    let before = app.views.project(caller.organization(), project, At::Now).await?;
    let context = caller.command(&app, body.digest).await?;
    let written = app.projects.update(&context, project, None, &body.value.into()).await?;
    let updated_at = written.recorded_at.unwrap_or(before.updated_at);
    let answer = ProjectOut::written(&written.project, before.created_at, updated_at);
    Ok(Written::at(&app, StatusCode::OK, written.position, answer).await)
}

/// Hides a project and everything in it
#[utoipa::path(
    delete, path = "/api/projects/{id}", tag = "Projects",
    responses(
        (status = 200, body = SuccessOut),
        (status = 404, body = crate::problem::ProblemBody),
        (status = 409, body = crate::problem::ProblemBody, description = "It has scans that have not ended.")
    )
)]
pub async fn delete_project(
    State(app): State<App>,
    caller: Caller,
    Id(project): Id<ProjectId>,
) -> Result<Written<SuccessOut>, Problem> {
    let deletion = async {
        caller.may_project(&app, project).await?;
        let context = caller.command(&app, digest_of(b"")).await?;
        Ok(Some(app.projects.delete(&context, project).await?))
    };
    let position = caller.once(&app, digest_of(b""), deletion).await?;
    Ok(Written::at(&app, StatusCode::OK, position, SuccessOut { success: true }).await)
}
