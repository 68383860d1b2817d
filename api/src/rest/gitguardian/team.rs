//! Teams (reference §9).

use super::member::Flag;
use super::page::{Direction, Mark, PageIn, check_search};
use super::people::member_by_number;
use super::shape::done;
use super::source::{SourcesIn, list as list_sources};
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Body, Id, Patched, Query, digest_of, present};
use crate::problem::Problem;
use crate::rest::{Written, shown as shown_at};
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use scanledger_commands::identity::NewTeam;
use scanledger_domain::id::{OrganizationId, TeamId};
use scanledger_domain::identity::TeamDetails;
use scanledger_domain::log::Position;
use scanledger_projections::Paging;
use scanledger_projections::identity::{TeamFilter, TeamRow};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Teams that are read in one go.
const ROWS: u32 = 1_000;

/// Which teams.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TeamsIn {
    /// Only those of everybody, or only others. There is none of everybody.
    #[param(value_type = Option<bool>)]
    is_global: Option<Flag>,
    /// Only with this in the name, whatever the case.
    #[param(max_length = 200)]
    search: Option<String>,
}

/// A team that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = gitguardian::NewTeam)]
pub struct TeamIn {
    name: String,
    description: Option<String>,
}

/// What shall be different about a team.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = gitguardian::TeamPatch)]
pub struct TeamPatchIn {
    name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    description: Patched<String>,
}

/// A team.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = gitguardian::Team)]
pub struct TeamOut {
    id: u64,
    name: String,
    description: Option<String>,
    is_global: bool,
    gitguardian_url: String,
    external_provider_id: Option<String>,
}

/// The teams of the workspace
#[utoipa::path(
    get, path = "/v1/teams", tag = "GitGuardian teams", params(TeamsIn, PageIn),
    responses((status = 200, body = Vec<TeamOut>))
)]
pub async fn list_teams(
    State(app): State<App>,
    caller: Caller,
    uri: Uri,
    Query(wanted): Query<TeamsIn>,
    Query(page): Query<PageIn>,
) -> Result<Response, Problem> {
    check_search(wanted.search.as_deref())?;
    let mut rows = teams(&app, caller.organization(), wanted.search).await?;
    rows.retain(|_| wanted.is_global != Some(Flag::Yes));
    let page = page.of(rows, Direction::Ascending, |row| Mark { value: None, id: row.number.into() })?;
    Ok(page.map(|row| team_out(&app, row)).answer(&app, &uri))
}

/// The teams of a member
#[utoipa::path(
    get, path = "/v1/members/{id}/teams", tag = "GitGuardian teams", params(PageIn),
    responses((status = 200, body = Vec<TeamOut>), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn list_teams_of_member(
    State(app): State<App>,
    caller: Caller,
    Id(number): Id<u64>,
    uri: Uri,
    Query(page): Query<PageIn>,
) -> Result<Response, Problem> {
    let member = member_by_number(&app, caller.organization(), number).await?;
    let member = member.ok_or_else(|| Problem::missing("member"))?;
    let own = app.views.memberships(member).await?;
    let mut rows = teams(&app, caller.organization(), None).await?;
    rows.retain(|row| own.iter().any(|own| own.team == row.id));
    let page = page.of(rows, Direction::Ascending, |row| Mark { value: None, id: row.number.into() })?;
    Ok(page.map(|row| team_out(&app, row)).answer(&app, &uri))
}

/// Makes a team
#[utoipa::path(
    post, path = "/v1/teams", tag = "GitGuardian teams", request_body = TeamIn,
    responses((status = 201, body = TeamOut))
)]
pub async fn create_team(
    State(app): State<App>,
    caller: Caller,
    body: Body<TeamIn>,
) -> Result<Written<TeamOut>, Problem> {
    let TeamIn { name, description } = body.value;
    let details = TeamDetails { name, slug: None, description };
    let new = NewTeam { organization: caller.organization(), details };
    let context = caller.command(&app, body.digest).await?;
    let made = app.identities.create_team(&context, new).await?;
    after(&app, StatusCode::CREATED, made.team, made.position).await
}

/// A team
#[utoipa::path(
    get, path = "/v1/teams/{id}", tag = "GitGuardian teams",
    responses((status = 200, body = TeamOut), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn read_team(
    State(app): State<App>,
    caller: Caller,
    Id(number): Id<u64>,
) -> Result<Json<TeamOut>, Problem> {
    let row = team(&app, caller.organization(), number).await?;
    Ok(Json(team_out(&app, row)))
}

/// Changes what is written about a team
#[utoipa::path(
    patch, path = "/v1/teams/{id}", tag = "GitGuardian teams", request_body = TeamPatchIn,
    responses((status = 200, body = TeamOut), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn patch_team(
    State(app): State<App>,
    caller: Caller,
    Id(number): Id<u64>,
    body: Body<TeamPatchIn>,
) -> Result<Written<TeamOut>, Problem> {
    let row = team(&app, caller.organization(), number).await?;
    let TeamPatchIn { name, description } = body.value;
    let patch = |details: TeamDetails| TeamDetails {
        name: name.clone().unwrap_or(details.name),
        description: description.clone().unwrap_or(details.description),
        ..details
    };
    let context = caller.command(&app, body.digest).await?;
    let changed = app.identities.update_team(&context, row.id, patch).await?;
    after(&app, StatusCode::OK, row.id, changed.position).await
}

/// Deletes a team that has no projects
#[utoipa::path(
    delete, path = "/v1/teams/{id}", tag = "GitGuardian teams",
    responses(
        (status = 204, description = "It is gone."),
        (status = 404, body = crate::problem::ProblemBody),
        (status = 409, body = crate::problem::ProblemBody, description = "It has projects."),
        (status = 422, body = crate::problem::ProblemBody, description = "It has projects or scans.")
    )
)]
pub async fn delete_team(
    State(app): State<App>,
    caller: Caller,
    Id(number): Id<u64>,
) -> Result<Response, Problem> {
    let deletion = async {
        let row = team(&app, caller.organization(), number).await?;
        let context = caller.command(&app, digest_of(b"")).await?;
        Ok(app.identities.delete_team(&context, row.id).await?.position)
    };
    Ok(done(&app, caller.once(&app, digest_of(b""), deletion).await?).await)
}

/// The sources of a team
#[utoipa::path(
    get, path = "/v1/teams/{id}/sources", tag = "GitGuardian teams", params(SourcesIn, PageIn),
    responses(
        (status = 200, body = Vec<super::source_shape::SourceOut>),
        (status = 404, body = crate::problem::ProblemBody)
    )
)]
pub async fn list_sources_of_team(
    State(app): State<App>,
    caller: Caller,
    Id(number): Id<u64>,
    uri: Uri,
    Query(wanted): Query<SourcesIn>,
    Query(page): Query<PageIn>,
) -> Result<Response, Problem> {
    let row = team(&app, caller.organization(), number).await?;
    list_sources(&app, &caller, &uri, (&wanted, &page), Some(row.id)).await
}

async fn teams(
    app: &App,
    organization: OrganizationId,
    search: Option<String>,
) -> Result<Vec<TeamRow>, Problem> {
    let filter = TeamFilter { organization: Some(organization), search };
    let (mut found, mut offset) = (Vec::new(), 0);
    loop {
        let (rows, total) = app.views.teams(filter.clone(), Paging { offset, limit: ROWS }).await?;
        found.extend(rows);
        offset += u64::from(ROWS);
        if offset >= total {
            return Ok(found);
        }
    }
}

/// A team of the organization. One of another organization is no different from none.
pub async fn team(app: &App, organization: OrganizationId, number: u64) -> Result<TeamRow, Problem> {
    let found = app.views.team_by_number(number).await?;
    found.filter(|row| row.organization == organization).ok_or_else(|| Problem::missing("team"))
}

fn team_out(app: &App, row: TeamRow) -> TeamOut {
    TeamOut {
        id: row.number,
        gitguardian_url: format!("{}/v1/teams/{}", app.entrance.public_url, row.number),
        name: row.name,
        description: row.description,
        is_global: false,
        external_provider_id: None,
    }
}

async fn after(
    app: &App,
    status: StatusCode,
    team: TeamId,
    position: Option<Position>,
) -> Result<Written<TeamOut>, Problem> {
    shown_at(app, position).await;
    let row = app.views.team(team).await?.ok_or_else(|| Problem::missing("team"))?;
    Ok(Written::at(app, status, position, team_out(app, row)).await)
}
