//! Secret incidents (reference §4.2): lists of them, one of them, and how bad it is.

use super::incident_filter::{IncidentsIn, Narrowed, incidents};
use super::incident_shape::{IncidentOut, shown, with_occurrences};
use super::occurrence_shape::{OccurrenceOut, shown as shown_occurrences};
use super::page::PageIn;
use super::people::member_by_number;
use super::team::team;
use super::word::SeverityWord;
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Body, Id, Query};
use crate::problem::Problem;
use crate::rest::{Written, shown as shown_at};
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use scanledger_domain::limits::SHOWN_OCCURRENCES;
use scanledger_domain::log::Position;
use scanledger_projections::At;
use scanledger_projections::incident::{
    Direction, IncidentRef, IncidentRow, OccurrenceFilter, OccurrenceQuery,
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

/// Occurrences with an incident, if nobody says how many.
const OCCURRENCES: u32 = 20;

/// How many occurrences.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OccurrencesWithIn {
    /// Occurrences with it, from 0.
    #[param(minimum = 0, maximum = 100, default = 20)]
    with_occurrences: Option<u32>,
}

/// What shall be different about an incident.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = gitguardian::IncidentPatch)]
pub struct IncidentPatchIn {
    severity: Option<SeverityWord>,
    /// Empty: there are no tags of the workspace.
    #[serde(default)]
    #[schema(max_items = 0)]
    custom_tags: Vec<serde_json::Value>,
}

/// The incidents of the workspace
#[utoipa::path(
    get, path = "/v1/incidents/secrets", tag = "GitGuardian incidents", params(IncidentsIn, PageIn),
    responses((status = 200, body = Vec<IncidentOut>))
)]
pub async fn list_incidents(
    State(app): State<App>,
    caller: Caller,
    uri: Uri,
    Query(wanted): Query<IncidentsIn>,
    Query(page): Query<PageIn>,
) -> Result<Response, Problem> {
    list(&app, &caller, &uri, (&wanted, &page), Narrowed::default()).await
}

/// The incidents of a source
#[utoipa::path(
    get, path = "/v1/sources/{id}/incidents/secrets", tag = "GitGuardian incidents", params(IncidentsIn, PageIn),
    responses((status = 200, body = Vec<IncidentOut>), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn list_incidents_of_source(
    State(app): State<App>,
    caller: Caller,
    Id(number): Id<u64>,
    uri: Uri,
    Query(wanted): Query<IncidentsIn>,
    Query(page): Query<PageIn>,
) -> Result<Response, Problem> {
    let seen = caller.principal.visible_to(caller.action);
    let project = app.views.project_by_number(caller.organization(), seen, number).await?;
    let project = project.ok_or_else(|| Problem::missing("source"))?.id;
    let narrowed = Narrowed { projects: vec![project], ..Narrowed::default() };
    list(&app, &caller, &uri, (&wanted, &page), narrowed).await
}

/// The incidents that a member is to work at
#[utoipa::path(
    get, path = "/v1/members/{id}/secret-incidents", tag = "GitGuardian incidents", params(IncidentsIn, PageIn),
    responses((status = 200, body = Vec<IncidentOut>), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn list_incidents_of_member(
    State(app): State<App>,
    caller: Caller,
    Id(number): Id<u64>,
    uri: Uri,
    Query(wanted): Query<IncidentsIn>,
    Query(page): Query<PageIn>,
) -> Result<Response, Problem> {
    let member = member_by_number(&app, caller.organization(), number).await?;
    let member = member.ok_or_else(|| Problem::missing("member"))?;
    let narrowed = Narrowed { assignee: Some(member), ..Narrowed::default() };
    list(&app, &caller, &uri, (&wanted, &page), narrowed).await
}

/// The incidents in the sources of a team
#[utoipa::path(
    get, path = "/v1/teams/{id}/secret-incidents", tag = "GitGuardian incidents", params(IncidentsIn, PageIn),
    responses((status = 200, body = Vec<IncidentOut>), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn list_incidents_of_team(
    State(app): State<App>,
    caller: Caller,
    Id(number): Id<u64>,
    uri: Uri,
    Query(wanted): Query<IncidentsIn>,
    Query(page): Query<PageIn>,
) -> Result<Response, Problem> {
    let team = team(&app, caller.organization(), number).await?.id;
    let narrowed = Narrowed { team: Some(team), ..Narrowed::default() };
    list(&app, &caller, &uri, (&wanted, &page), narrowed).await
}

async fn list(
    app: &App,
    caller: &Caller,
    uri: &Uri,
    (wanted, page): (&IncidentsIn, &PageIn),
    narrowed: Narrowed,
) -> Result<Response, Problem> {
    let page = incidents(app, caller, wanted, page, narrowed).await?;
    let rows = shown(app, caller.organization(), &page.rows).await?;
    Ok(page.with(rows).answer(app, uri))
}

/// An incident of the workspace
#[utoipa::path(
    get, path = "/v1/incidents/secrets/{id}", tag = "GitGuardian incidents", params(OccurrencesWithIn),
    responses((status = 200, body = IncidentOut), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn read_incident(
    State(app): State<App>,
    caller: Caller,
    Id(number): Id<u64>,
    Query(wanted): Query<OccurrencesWithIn>,
) -> Result<Json<IncidentOut>, Problem> {
    let limit = wanted.with_occurrences.unwrap_or(OCCURRENCES);
    if limit > SHOWN_OCCURRENCES {
        let message = format!("must be a whole number from 0 to {SHOWN_OCCURRENCES}");
        return Err(Problem::invalid("with_occurrences", message));
    }
    let row = find(&app, &caller, number).await?;
    let occurrences = some_occurrences(&app, &caller, &row, limit).await?;
    with_occurrences(&app, caller.organization(), &row, occurrences).await.map(Json)
}

/// Changes how bad an incident is
#[utoipa::path(
    patch, path = "/v1/incidents/secrets/{id}", tag = "GitGuardian incidents", request_body = IncidentPatchIn,
    responses((status = 200, body = IncidentOut), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn patch_incident(
    State(app): State<App>,
    caller: Caller,
    Id(number): Id<u64>,
    body: Body<IncidentPatchIn>,
) -> Result<Written<IncidentOut>, Problem> {
    change(&app, &caller, number, body).await
}

/// Changes how bad an incident is, as `PATCH` does
#[utoipa::path(
    put, path = "/v1/incidents/secrets/{id}", tag = "GitGuardian incidents", request_body = IncidentPatchIn,
    responses((status = 200, body = IncidentOut), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn put_incident(
    State(app): State<App>,
    caller: Caller,
    Id(number): Id<u64>,
    body: Body<IncidentPatchIn>,
) -> Result<Written<IncidentOut>, Problem> {
    change(&app, &caller, number, body).await
}

async fn change(
    app: &App,
    caller: &Caller,
    number: u64,
    body: Body<IncidentPatchIn>,
) -> Result<Written<IncidentOut>, Problem> {
    if !body.value.custom_tags.is_empty() {
        return Err(Problem::invalid("custom_tags", "must be empty: there are no tags of the workspace"));
    }
    let row = find(app, caller, number).await?;
    let Some(severity) = body.value.severity else { return after(app, caller, &row, None).await };
    let context = caller.command(app, body.digest).await?;
    let done = app.incidents.set_severity(&context, &caller.principal, row.id, severity.into()).await?;
    after(app, caller, &row, done.position).await
}

/// The incident with a number, if the caller sees it.
pub async fn find(app: &App, caller: &Caller, number: u64) -> Result<IncidentRow, Problem> {
    let (organization, seen) = (caller.organization(), caller.principal.visible_to(caller.action));
    let incident = IncidentRef::Number(Position(number));
    let found = app.views.incident(organization, seen, incident, At::Now).await?;
    found.ok_or_else(|| Problem::missing("incident"))
}

/// The answer to a write: the incident as it is once reads show what was written.
pub async fn after(
    app: &App,
    caller: &Caller,
    row: &IncidentRow,
    position: Option<Position>,
) -> Result<Written<IncidentOut>, Problem> {
    shown_at(app, position).await;
    let row = find(app, caller, row.number.0).await?;
    let occurrences = some_occurrences(app, caller, &row, OCCURRENCES).await?;
    let body = with_occurrences(app, caller.organization(), &row, occurrences).await?;
    Ok(Written::at(app, StatusCode::OK, position, body).await)
}

async fn some_occurrences(
    app: &App,
    caller: &Caller,
    row: &IncidentRow,
    limit: u32,
) -> Result<Vec<OccurrenceOut>, Problem> {
    if limit == 0 {
        return Ok(vec![]);
    }
    let query = OccurrenceQuery {
        organization: caller.organization(),
        visible: caller.principal.visible_to(caller.action),
        at: At::Now,
        filter: OccurrenceFilter { incidents: vec![row.number], ..OccurrenceFilter::default() },
        direction: Direction::Ascending,
        from: None,
        is_backward: false,
        limit,
    };
    let found = app.views.occurrences(query).await?;
    shown_occurrences(app, caller.organization(), &found.rows).await
}
