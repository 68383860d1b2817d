//! Packages that the projects are made of (reference §9): what is on their default branches.

use super::deployment::Named;
use super::lenient::{Flag, Many, Whole, rows};
use super::package_word::ecosystem;
use super::place::at_host;
use super::shape::{NOTHING, Nothing};
use crate::app::App;
use crate::auth::Caller;
use crate::extract::Body;
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use scanledger_domain::component::Ecosystem;
use scanledger_projections::component::{
    ComponentOfProject, ComponentsQuery, EverywhereComponents, Wanted, WantedPackage,
};
use scanledger_projections::{At, Paging};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Packages on a page if nobody says.
const ROWS: u32 = 1_000;
/// Packages on a page at most.
const MAX_ROWS: u32 = 10_000;
/// Summaries on a page if nobody says.
const SUMMARIES: u32 = 5;
/// Summaries on a page at most.
const MAX_SUMMARIES: u32 = 100;

/// Which page of which packages.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = semgrep::web::DependenciesIn)]
#[serde(rename_all = "camelCase")]
pub struct DependenciesIn {
    #[serde(default)]
    dependency_filter: Option<DependencyFilterIn>,
    /// From the answer before.
    #[schema(value_type = Option<String>)]
    cursor: Option<Whole>,
    /// Rows on a page.
    #[serde(alias = "page_size")]
    #[schema(value_type = Option<u32>, minimum = 1)]
    page_size: Option<Whole>,
}

/// Which packages.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = semgrep::web::DependencyFilter)]
#[serde(rename_all = "camelCase")]
pub struct DependencyFilterIn {
    /// Only with this in the name, whatever the case.
    name: Option<String>,
    /// Only at this version; with `name`, or whatever the name.
    version: Option<String>,
    /// Only one of these.
    #[serde(default)]
    package_filters: Vec<PackageFilterIn>,
    /// Only of these projects.
    #[serde(default)]
    #[schema(value_type = Option<Vec<u64>>)]
    repository_id: Many<Whole>,
    /// Only in this lockfile.
    lockfile_path: Option<String>,
    /// Only of these ecosystems.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    ecosystem: Many<String>,
    /// Only that came in like this.
    #[serde(default)]
    #[schema(value_type = Option<Vec<CameIn>>)]
    transitivity: Many<CameIn>,
    /// Only with one of these licences. None is known.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    license: Many<String>,
    /// Only whose licence may do this. None is known.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    license_policy_settings: Many<String>,
    /// Whether of archived projects too. There are none.
    #[schema(value_type = Option<bool>)]
    #[expect(dead_code, reason = "part of the contract; nothing is archived here")]
    include_archived: Option<Flag>,
}

/// A package that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = semgrep::web::PackageFilter)]
#[serde(rename_all = "camelCase")]
pub struct PackageFilterIn {
    #[serde(default)]
    name: String,
    /// Whether the name is all of it.
    #[schema(value_type = Option<bool>)]
    exact_name_match: Option<Flag>,
    exact_version: Option<String>,
    /// Ranges are not compared here, so this will not do.
    version_lower_bound: Option<String>,
    /// Ranges are not compared here, so this will not do.
    version_upper_bound: Option<String>,
}

/// How a package came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = semgrep::web::CameIn)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CameIn {
    /// Nobody knows.
    UnknownTransitivity,
    /// The project asks for it.
    Direct,
    /// Something else does.
    Transitive,
}

impl CameIn {
    const fn of(direct: Option<bool>) -> Self {
        match direct {
            Some(true) => Self::Direct,
            Some(false) => Self::Transitive,
            None => Self::UnknownTransitivity,
        }
    }

    const fn direct(self) -> Option<bool> {
        match self {
            Self::Direct => Some(true),
            Self::Transitive => Some(false),
            Self::UnknownTransitivity => None,
        }
    }
}

/// Packages on a page.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::Dependencies)]
#[serde(rename_all = "camelCase")]
pub struct DependenciesOut {
    dependencies: Vec<DependencyOut>,
    has_more: bool,
    /// For the next page.
    cursor: String,
}

/// A package of a project.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::Dependency)]
#[serde(rename_all = "camelCase")]
pub struct DependencyOut {
    repository_id: String,
    package: PackageOut,
    ecosystem: &'static str,
    transitivity: CameIn,
    defined_at: DefinedAtOut,
    manifest_definition: Nothing,
    /// None is known.
    licenses: Vec<String>,
    resolved_url: Nothing,
    #[schema(value_type = Vec<Object>)]
    path_to_transitivity: [(); 0],
}

/// A package at a version.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::Package)]
#[serde(rename_all = "camelCase")]
pub struct PackageOut {
    name: String,
    version_specifier: String,
}

/// Where a package is named.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::DefinedAt)]
#[serde(rename_all = "camelCase")]
pub struct DefinedAtOut {
    path: String,
    start_line: Nothing,
    end_line: Nothing,
    start_col: Nothing,
    end_col: Nothing,
    url: Option<String>,
    committed_at: Nothing,
}

/// Projects with packages on a page.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::RepositorySummaries)]
#[serde(rename_all = "camelCase")]
pub struct RepositoriesOut {
    repository_summaries: Vec<RepositoryOut>,
    has_more: bool,
    /// For the next page.
    cursor: u64,
}

/// How many packages a project has.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::RepositorySummary)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryOut {
    id: u64,
    name: String,
    num_dependencies: u64,
    has_dependency_path_scan: bool,
}

/// Lockfiles on a page.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::LockfileSummaries)]
#[serde(rename_all = "camelCase")]
pub struct LockfilesOut {
    lockfile_summaries: Vec<LockfileOut>,
    has_more: bool,
    /// For the next page.
    cursor: String,
}

/// How many packages a lockfile names.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::LockfileSummary)]
#[serde(rename_all = "camelCase")]
pub struct LockfileOut {
    lockfile_path: String,
    num_dependencies: u64,
}

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
    let page = Page::of(&body.value, ROWS, MAX_ROWS)?;
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
    let page = Page::of(&body.value, SUMMARIES, MAX_SUMMARIES)?;
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
    let page = Page::of(&body.value, SUMMARIES, MAX_SUMMARIES)?;
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

impl DependencyFilterIn {
    /// The components that are meant; none if nothing can be.
    fn meant(&self) -> Result<Option<EverywhereComponents>, Problem> {
        let known =
            |word: &String| Ecosystem::ALL.into_iter().find(|known| ecosystem(*known) == word.as_str());
        let ecosystems: Vec<Ecosystem> = self.ecosystem.0.iter().filter_map(known).collect();
        let is_unknown = ecosystems.is_empty() && !self.ecosystem.0.is_empty();
        if is_unknown || !self.license.0.is_empty() || !self.license_policy_settings.0.is_empty() {
            return Ok(None);
        }
        let mut packages = vec![];
        if self.name.is_some() || self.version.is_some() {
            let part = self.name.clone().unwrap_or_default();
            packages.push(Wanted { package: WantedPackage::Containing(part), version: self.version.clone() });
        }
        for (number, wanted) in self.package_filters.iter().enumerate() {
            if wanted.version_lower_bound.is_some() || wanted.version_upper_bound.is_some() {
                let place = format!("dependencyFilter.packageFilters.{number}");
                return Err(Problem::invalid(place, "ranges of versions are not compared; use exactVersion"));
            }
            let name = wanted.name.clone();
            let package = match wanted.exact_name_match {
                Some(Flag::Yes) => WantedPackage::Named(name),
                Some(Flag::No) | None => WantedPackage::Containing(name),
            };
            packages.push(Wanted { package, version: wanted.exact_version.clone() });
        }
        Ok(Some(EverywhereComponents {
            projects: self.repository_id.0.iter().map(|id| id.0).collect(),
            packages,
            ecosystems,
            direct: self.transitivity.0.iter().map(|word| word.direct()).collect(),
            path: self.lockfile_path.clone(),
        }))
    }
}

impl DependencyOut {
    fn new(found: ComponentOfProject) -> Self {
        let component = found.row.component;
        let url = found.repo_url.and_then(|url| at_host(&url, &found.branch, &component.path, None));
        Self {
            repository_id: found.project.to_string(),
            ecosystem: ecosystem(component.package.ecosystem),
            package: PackageOut { name: component.package.name, version_specifier: component.version },
            transitivity: CameIn::of(component.direct),
            defined_at: DefinedAtOut {
                path: component.path,
                start_line: NOTHING,
                end_line: NOTHING,
                start_col: NOTHING,
                end_col: NOTHING,
                url,
                committed_at: NOTHING,
            },
            manifest_definition: NOTHING,
            licenses: vec![],
            resolved_url: NOTHING,
            path_to_transitivity: [],
        }
    }
}
