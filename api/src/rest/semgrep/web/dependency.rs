//! Packages that the projects are made of (reference §9): what is on their default branches.

use super::dependency_shape::{
    DependenciesIn, DependenciesOut, DependencyOut, LockfileOut, LockfilesOut, RepositoriesOut, RepositoryOut,
};
use super::deployment::Named;
use super::lenient::rows;
use crate::app::App;
use crate::auth::Caller;
use crate::extract::Body;
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use scanledger_domain::limits::{COMPONENT_PAGE_ROWS, SUMMARY_PAGE_ROWS};
use scanledger_projections::component::{ComponentsQuery, EverywhereComponents};
use scanledger_projections::{At, Paging};

/// Packages on a page if nobody says.
const ROWS: u32 = 1_000;
/// Summaries on a page if nobody says.
const SUMMARIES: u32 = 5;

/// Packages of the projects
#[utoipa::path(
    post, path = "/api/v1/deployments/{deployment}/dependencies", tag = "Semgrep", request_body = DependenciesIn,
    responses((status = 200, body = DependenciesOut))
)]
pub async fn list_dependencies(
    State(app): State<App>,
    caller: Caller,
    path: Named<0>,
    body: Body<DependenciesIn>,
) -> Result<Json<DependenciesOut>, Problem> {
    path.of(&app, &caller).await?;
    let page = Page::of(&body.value, ROWS, COMPONENT_PAGE_ROWS)?;
    let found = match page.query(&caller, &body.value)? {
        Some(query) => app.views.components_everywhere(query).await?,
        None => vec![],
    };
    let (found, has_more, next) = page.cut(found);
    let dependencies = found.into_iter().map(DependencyOut::new).collect();
    Ok(Json(DependenciesOut { dependencies, has_more, cursor: next.to_string() }))
}

/// How many packages each project has
#[utoipa::path(
    post, path = "/api/v1/deployments/{deployment}/dependencies/repositories", tag = "Semgrep",
    request_body = DependenciesIn, responses((status = 200, body = RepositoriesOut))
)]
pub async fn list_repositories(
    State(app): State<App>,
    caller: Caller,
    path: Named<0>,
    body: Body<DependenciesIn>,
) -> Result<Json<RepositoriesOut>, Problem> {
    path.of(&app, &caller).await?;
    let page = Page::of(&body.value, SUMMARIES, SUMMARY_PAGE_ROWS)?;
    let found = match page.query(&caller, &body.value)? {
        Some(query) => app.views.component_totals(query).await?,
        None => vec![],
    };
    let (found, has_more, cursor) = page.cut(found);
    let summaries = found.into_iter().map(|total| RepositoryOut {
        id: total.project,
        name: total.name,
        num_dependencies: total.components,
        has_dependency_path_scan: false,
    });
    Ok(Json(RepositoriesOut { repository_summaries: summaries.collect(), has_more, cursor }))
}

/// How many packages each lockfile of a project names
#[utoipa::path(
    post, path = "/api/v1/deployments/{deployment}/dependencies/repositories/{repository}/lockfiles",
    tag = "Semgrep", request_body = DependenciesIn,
    responses((status = 200, body = LockfilesOut), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn list_lockfiles(
    State(app): State<App>,
    caller: Caller,
    path: Named<1>,
    body: Body<DependenciesIn>,
) -> Result<Json<LockfilesOut>, Problem> {
    path.of(&app, &caller).await?;
    let project = path.number(0)?;
    let found = app.views.project_by_number(caller.organization(), caller.visible(), project).await?;
    found.ok_or_else(|| Problem::missing("repository"))?;
    let page = Page::of(&body.value, SUMMARIES, SUMMARY_PAGE_ROWS)?;
    let found = match page.query(&caller, &body.value)? {
        Some(mut query) => {
            query.filter.projects = vec![project];
            app.views.lockfile_totals(query).await?
        }
        None => vec![],
    };
    let (found, has_more, next) = page.cut(found);
    let summaries = found
        .into_iter()
        .map(|total| LockfileOut { lockfile_path: total.path, num_dependencies: total.components });
    Ok(Json(LockfilesOut { lockfile_summaries: summaries.collect(), has_more, cursor: next.to_string() }))
}

/// Which rows of a list; a cursor is how many come before them.
struct Page {
    offset: u64,
    limit: u32,
}

impl Page {
    fn of(wanted: &DependenciesIn, usual: u32, most: u32) -> Result<Self, Problem> {
        let limit = rows("pageSize", wanted.page_size, usual, most)?;
        Ok(Self { offset: wanted.cursor.map_or(0, |cursor| cursor.0), limit })
    }

    /// What is to be read: one more than is shown, to see whether there is one. None if nothing can be meant.
    fn query(&self, caller: &Caller, wanted: &DependenciesIn) -> Result<Option<ComponentsQuery>, Problem> {
        let filter = match &wanted.dependency_filter {
            None => Some(EverywhereComponents::default()),
            Some(filter) => filter.meant()?,
        };
        Ok(filter.map(|filter| ComponentsQuery {
            organization: caller.organization(),
            visible: caller.visible(),
            at: At::Now,
            filter,
            paging: Paging { offset: self.offset, limit: self.limit + 1 },
        }))
    }

    /// The rows that are shown, whether there are more, and how many come before those.
    fn cut<T>(&self, mut rows: Vec<T>) -> (Vec<T>, bool, u64) {
        let has_more = rows.len() > self.limit as usize;
        rows.truncate(self.limit as usize);
        let next = self.offset.saturating_add(rows.len() as u64);
        (rows, has_more, next)
    }
}
