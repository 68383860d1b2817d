//! Sources (reference §7): projects.

use super::member::Flag;
use super::page::{Direction, Mark, Ordering, PageIn};
use super::source_shape::{Health, ScanWord, SourceOut, sources};
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Id, List, Query};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use scanledger_domain::id::{ProjectId, TeamId};
use scanledger_domain::limits::SEARCH_CHARS;
use scanledger_projections::At;
use scanledger_projections::project::{ProjectQuery, ProjectRow, ProjectSort};
use serde::Deserialize;
use std::collections::HashMap;
use utoipa::IntoParams;

/// By what sources are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKey {
    /// When they were last scanned.
    LastScanDate,
}

/// Which sources.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SourcesIn {
    /// Only with this in the name, whatever the case.
    #[param(max_length = 200)]
    search: Option<String>,
    /// Only whose last scan stands so.
    #[param(inline)]
    last_scan_status: Option<ScanWord>,
    /// Only in this state.
    #[param(inline)]
    health: Option<Health>,
    /// Only of these types, with commas between them.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "github,custom_source")]
    r#type: List<String>,
    /// `last_scan_date`, with `-` in front for the other way round; by id if absent.
    #[param(value_type = Option<String>, example = "-last_scan_date")]
    ordering: Option<Ordering<SourceKey>>,
    /// Only so visible; all are `private`.
    visibility: Option<String>,
    /// Only the project with this id.
    external_id: Option<String>,
    /// Only so critical; all are `unknown`.
    source_criticality: Option<String>,
    /// Only those that are looked at, or are not. All are.
    #[param(value_type = Option<bool>)]
    monitored: Option<Flag>,
    /// Only of this team.
    team_id: Option<u64>,
}

/// The sources of the workspace
#[utoipa::path(
    get, path = "/v1/sources", tag = "GitGuardian sources", params(SourcesIn, PageIn),
    responses((status = 200, body = Vec<SourceOut>))
)]
pub async fn list_sources(
    State(app): State<App>,
    caller: Caller,
    uri: Uri,
    Query(wanted): Query<SourcesIn>,
    Query(page): Query<PageIn>,
) -> Result<Response, Problem> {
    let team = match wanted.team_id {
        None => None,
        Some(number) => {
            let found = app.views.team_by_number(number).await?;
            let found = found.filter(|team| team.organization == caller.organization());
            let none = || Problem::invalid("team_id", "is no team of the workspace");
            Some(found.ok_or_else(none)?.id)
        }
    };
    list(&app, &caller, &uri, (&wanted, &page), team).await
}

/// A page of the sources that are meant.
pub async fn list(
    app: &App,
    caller: &Caller,
    uri: &Uri,
    (wanted, page): (&SourcesIn, &PageIn),
    team: Option<TeamId>,
) -> Result<Response, Problem> {
    if wanted.search.as_ref().is_some_and(|search| search.chars().count() > SEARCH_CHARS) {
        return Err(Problem::invalid("search", format!("may have at most {SEARCH_CHARS} characters")));
    }
    let query = ProjectQuery {
        organization: caller.organization(),
        visible: caller.principal.visible_to(caller.action),
        at: At::Now,
        name_contains: wanted.search.clone(),
        has_repository: None,
        sort: ProjectSort::Name,
        paging: None,
    };
    let mut rows = app.views.projects(query).await?.rows;
    rows.retain(|row| team.is_none_or(|team| row.team == Some(team)));
    let numbers: HashMap<ProjectId, u64> = rows.iter().map(|row: &ProjectRow| (row.id, row.number)).collect();
    // Whether something is to be done and when it was scanned is known with the counts only.
    let mut shown = sources(app, caller.organization(), rows).await?;
    shown.retain(|_, source| is_wanted(wanted, source));
    let rows: Vec<(u64, SourceOut)> =
        shown.into_iter().filter_map(|(id, source)| Some((*numbers.get(&id)?, source))).collect();
    let direction = wanted.ordering.map_or(Direction::default(), |ordering| ordering.direction);
    let page = page.of(rows, direction, |(number, source)| Mark {
        value: wanted.ordering.and(source.last_scan.as_ref()).map(|scan| scan.date.0.0),
        id: (*number).into(),
    })?;
    Ok(page.map(|(_, source)| source).answer(app, uri))
}

fn is_wanted(wanted: &SourcesIn, source: &SourceOut) -> bool {
    wanted.health.is_none_or(|health| health == source.health)
        && wanted
            .last_scan_status
            .is_none_or(|status| source.last_scan.as_ref().is_some_and(|scan| scan.status == status))
        && (wanted.r#type.0.is_empty() || wanted.r#type.0.iter().any(|word| word == source.r#type))
        && wanted.visibility.as_ref().is_none_or(|word| word == "private")
        && wanted.source_criticality.as_ref().is_none_or(|word| word == "unknown")
        && wanted.external_id.as_ref().is_none_or(|id| *id == source.external_id)
        && wanted.monitored.is_none_or(|monitored| monitored == Flag::Yes)
}

/// A source of the workspace
#[utoipa::path(
    get, path = "/v1/sources/{id}", tag = "GitGuardian sources",
    responses((status = 200, body = SourceOut), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn read_source(
    State(app): State<App>,
    caller: Caller,
    Id(number): Id<u64>,
) -> Result<Json<SourceOut>, Problem> {
    let seen = caller.principal.visible_to(caller.action);
    let missing = || Problem::missing("source");
    let row = app.views.project_by_number(caller.organization(), seen, number).await?.ok_or_else(missing)?;
    let id = row.id;
    let mut shown = sources(&app, caller.organization(), vec![row]).await?;
    shown.remove(&id).map(Json).ok_or_else(missing)
}
