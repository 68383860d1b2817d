//! What is on a branch of a project, now or as of an instant.

use super::{may_look, may_project};
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{AtIn, Id, Number, Query, check_search};
use crate::memory::Memory;
use crate::problem::Problem;
use crate::rest::pepper::{FindingFilterIn, FindingPage, list_findings};
use crate::rest::{Paged, Pages};
use axum::Json;
use axum::extract::State;
use scanledger_domain::component::{Ecosystem, Scope};
use scanledger_domain::id::ProjectId;
use scanledger_domain::limits::PAGE_ROWS;
use scanledger_projections::component::{ComponentQuery, ComponentRow, ComponentSort};
use scanledger_projections::finding::ListScope;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Components on a page if nobody says.
const PAGE: u32 = 50;

/// Which branch.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct BranchIn {
    /// The default branch if absent.
    branch: Option<String>,
}

/// Which components.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ComponentsIn {
    /// Whose package name contains this, whatever the case.
    name: Option<String>,
    /// `crates.io`, `Go`, `npm` or `PyPI`.
    #[param(value_type = Option<String>)]
    ecosystem: Option<Ecosystem>,
    /// The default branch if absent.
    branch: Option<String>,
    /// From 1.
    #[param(value_type = Option<u32>, minimum = 1, default = 1)]
    page: Option<Number<{ i32::MAX as u32 }>>,
    /// Rows on a page.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500, default = 50)]
    limit: Option<Number<PAGE_ROWS>>,
}

/// A component.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ComponentOut {
    ecosystem: &'static str,
    name: String,
    version: String,
    purl: String,
    /// The lockfile that names it.
    path: String,
    /// `runtime`, `development` or `optional`.
    #[schema(value_type = String)]
    scope: Scope,
    /// Whether the project itself asks for it; none where the lockfile does not say.
    direct: Option<bool>,
    /// Since which position it has been there as it is.
    since: u64,
}

impl From<ComponentRow> for ComponentOut {
    fn from(row: ComponentRow) -> Self {
        let purl = row.component.purl();
        let component = row.component;
        Self {
            ecosystem: component.package.ecosystem.as_str(),
            name: component.package.name,
            version: component.version,
            purl,
            path: component.path,
            scope: component.scope,
            direct: component.direct,
            since: row.since.0,
        }
    }
}

/// Components on a page.
#[derive(Debug, Serialize, ToSchema)]
pub struct ComponentPage {
    /// By ecosystem, name, version and path.
    components: Vec<ComponentOut>,
    pagination: Pages,
}

/// The findings on a branch
#[utoipa::path(
    get, path = "/api/projects/{id}/findings", tag = "Findings", params(BranchIn, FindingFilterIn, AtIn),
    responses((status = 200, body = FindingPage), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn findings_of_project(
    State(app): State<App>,
    caller: Caller,
    memory: Memory,
    Id(project): Id<ProjectId>,
    Query(of): Query<BranchIn>,
    Query(wanted): Query<FindingFilterIn>,
    Query(at): Query<AtIn>,
) -> Result<FindingPage, Problem> {
    may_project(&app, &caller, project).await?;
    let at = may_look(&app, &caller, at.parse()?).await?;
    let scope = ListScope::Branch(project, of.branch);
    list_findings(&app, &memory, caller.organization(), scope, at, &wanted).await
}

/// The components on a branch
#[utoipa::path(
    get, path = "/api/projects/{id}/components", tag = "Components", params(ComponentsIn, AtIn),
    responses((status = 200, body = ComponentPage), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn components_of_project(
    State(app): State<App>,
    caller: Caller,
    Id(project): Id<ProjectId>,
    Query(wanted): Query<ComponentsIn>,
    Query(at): Query<AtIn>,
) -> Result<Json<ComponentPage>, Problem> {
    may_project(&app, &caller, project).await?;
    let at = may_look(&app, &caller, at.parse()?).await?;
    check_search("name", wanted.name.as_deref())?;
    let page = Paged {
        page: wanted.page.map_or(1, |page| page.0),
        limit: wanted.limit.map_or(PAGE, |limit| limit.0),
    };
    let query = ComponentQuery {
        organization: caller.organization(),
        project,
        branch: wanted.branch,
        at,
        name_contains: wanted.name,
        ecosystem: wanted.ecosystem,
        sort: ComponentSort::Package,
        paging: Some(page.paging()),
    };
    let found = app.views.components(query).await?;
    let components = found.rows.into_iter().map(ComponentOut::from).collect();
    Ok(Json(ComponentPage { components, pagination: page.of(found.total) }))
}
