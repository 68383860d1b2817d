//! Teams as super administrators run them (reference §3.3), whatever organization they belong to.

use super::{Page, PageNumber, PageSize, done, page_a};
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Body, Id, Patched, Query, digest_of, present};
use crate::problem::Problem;
use crate::rest::{Moment, Written};
use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use scanledger_commands::Context;
use scanledger_commands::identity::{NewTeam, TeamChanged};
use scanledger_domain::id::{OrganizationId, TeamId, UserId};
use scanledger_domain::identity::{TeamDetails, TeamRole};
use scanledger_domain::limits::LONG_SEARCH_CHARS;
use scanledger_domain::vault::{Vault, VaultError};
use scanledger_projections::identity::{TeamFilter, TeamMemberRow, TeamRow};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Teams on a page if nobody says (reference §1.1).
const PAGE: u32 = 50;

/// Which teams.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AdminTeamsIn {
    /// Only whose name contains this.
    #[param(max_length = 255)]
    search: Option<String>,
    /// From 1.
    #[param(value_type = Option<u32>, minimum = 1, default = 1)]
    page: Option<PageNumber>,
    /// Teams on a page.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200, default = 50)]
    page_size: Option<PageSize>,
}

/// A team in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct AdminTeamListItem {
    id: Uuid,
    name: String,
    /// Empty for a team that was made without one.
    slug: String,
    description: Option<String>,
    member_count: u64,
    project_count: u64,
    created_at: Moment,
}

/// A team.
#[derive(Debug, Serialize, ToSchema)]
pub struct AdminTeamDetail {
    id: Uuid,
    name: String,
    /// Empty for a team that was made without one.
    slug: String,
    description: Option<String>,
    project_count: u64,
    /// Strongest role first, then by address.
    members: Vec<AdminTeamMember>,
    created_at: Moment,
    updated_at: Moment,
}

/// Somebody who belongs to a team.
#[derive(Debug, Serialize, ToSchema)]
pub struct AdminTeamMember {
    user_id: Uuid,
    email: String,
    full_name: Option<String>,
    role: &'static str,
    /// Never: there are only people here.
    is_service_account: bool,
}

/// A team that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
pub struct AdminTeamCreate {
    /// 1 to 255 characters.
    name: String,
    /// 1 to 64 characters a-z, 0-9 and -, unique in the organization; kept in lower case.
    slug: String,
    /// At most 1,024 characters.
    description: Option<String>,
}

/// What is to change about a team; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
pub struct AdminTeamUpdate {
    name: Option<String>,
    slug: Option<String>,
    /// Null for none.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    description: Patched<String>,
}

/// Somebody who is to belong to a team.
#[derive(Debug, Deserialize, ToSchema)]
pub struct AdminTeamMemberAdd {
    user_id: Uuid,
    /// `team_admin`, `developer` or `viewer`.
    role: String,
}

/// The parameters `{id}` and `{user_id}`. What is no id of ours names nothing: 404.
pub struct Membership {
    team: TeamId,
    user: UserId,
}

impl FromRequestParts<App> for Membership {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let ids = Path::<(Uuid, Uuid)>::from_request_parts(parts, app).await;
        let Path((team, user)) = ids.map_err(|_| Problem::missing("membership"))?;
        Ok(Self { team: TeamId(team), user: UserId(user) })
    }
}

/// Teams on a page.
type AdminTeamListPage = Page<AdminTeamListItem>;

/// The teams of all organizations, newest first
#[utoipa::path(
    get, path = "/v1/admin/teams", tag = "TRUSCA admin", params(AdminTeamsIn),
    responses((status = 200, body = AdminTeamListPage))
)]
pub async fn list_teams(
    State(app): State<App>,
    _: Caller,
    Query(wanted): Query<AdminTeamsIn>,
) -> Result<Json<AdminTeamListPage>, Problem> {
    let paged = page_a(wanted.page, wanted.page_size, PAGE);
    if wanted.search.as_ref().is_some_and(|search| search.chars().count() > LONG_SEARCH_CHARS) {
        let message = format!("may have at most {LONG_SEARCH_CHARS} characters");
        return Err(Problem::invalid("search", message));
    }
    let filter = TeamFilter { organization: None, search: wanted.search };
    let (rows, total) = app.views.teams(filter, paged.paging()).await?;
    let items = rows.into_iter().map(|row| AdminTeamListItem {
        id: row.id.0,
        name: row.name,
        slug: row.slug.unwrap_or_default(),
        description: row.description,
        member_count: row.member_count,
        project_count: row.project_count,
        created_at: Moment(row.created_at),
    });
    Ok(Json(Page::of(items.collect(), paged, total)))
}

/// Makes a team in the organization that was made first
#[utoipa::path(
    post, path = "/v1/admin/teams", tag = "TRUSCA admin", request_body = AdminTeamCreate,
    responses(
        (status = 201, body = AdminTeamDetail),
        (status = 409, body = super::shape::ProblemOut),
        (status = 422, body = super::shape::ProblemOut),
    )
)]
pub async fn create_team(
    State(app): State<App>,
    caller: Caller,
    body: Body<AdminTeamCreate>,
) -> Result<Written<AdminTeamDetail>, Problem> {
    let organization = first_organization(&app).await?;
    let context = context(&app, &caller, organization, body.digest).await?;
    let AdminTeamCreate { name, slug, description } = body.value;
    let details = TeamDetails { name, slug: Some(plain_slug(&slug)), description };
    let changed = app.identities.create_team(&context, NewTeam { organization, details }).await?;
    written(&app, StatusCode::CREATED, changed).await
}

/// A team
#[utoipa::path(
    get, path = "/v1/admin/teams/{id}", tag = "TRUSCA admin",
    responses((status = 200, body = AdminTeamDetail), (status = 404, body = super::shape::ProblemOut))
)]
pub async fn read_team(
    State(app): State<App>,
    _: Caller,
    Id(team): Id<TeamId>,
) -> Result<Json<AdminTeamDetail>, Problem> {
    Ok(Json(detail(&app, team).await?))
}

/// Changes what is written about a team
#[utoipa::path(
    patch, path = "/v1/admin/teams/{id}", tag = "TRUSCA admin", request_body = AdminTeamUpdate,
    responses(
        (status = 200, body = AdminTeamDetail),
        (status = 404, body = super::shape::ProblemOut),
        (status = 409, body = super::shape::ProblemOut),
        (status = 422, body = super::shape::ProblemOut),
    )
)]
pub async fn update_team(
    State(app): State<App>,
    caller: Caller,
    Id(team): Id<TeamId>,
    body: Body<AdminTeamUpdate>,
) -> Result<Written<AdminTeamDetail>, Problem> {
    let organization = row_of(&app, team).await?.organization;
    let context = context(&app, &caller, organization, body.digest).await?;
    let AdminTeamUpdate { name, slug, description } = body.value;
    let patch = |details: TeamDetails| TeamDetails {
        name: name.clone().unwrap_or(details.name),
        slug: slug.as_deref().map(plain_slug).or(details.slug),
        description: description.clone().unwrap_or(details.description),
    };
    let changed = app.identities.update_team(&context, team, patch).await?;
    written(&app, StatusCode::OK, changed).await
}

/// Deletes a team that has no projects
///
/// Projects cannot be archived here, so a team's projects are deleted, or given to another team, before the team is.
/// Active scans are looked at first.
#[utoipa::path(
    delete, path = "/v1/admin/teams/{id}", tag = "TRUSCA admin",
    responses(
        (status = 204),
        (status = 404, body = super::shape::ProblemOut),
        (status = 409, body = super::shape::ProblemOut),
        (status = 422, body = super::shape::ProblemOut),
    )
)]
pub async fn delete_team(
    State(app): State<App>,
    caller: Caller,
    Id(team): Id<TeamId>,
) -> Result<Response, Problem> {
    let deletion = async {
        let organization = row_of(&app, team).await?.organization;
        let context = context(&app, &caller, organization, digest_of(b"")).await?;
        Ok(app.identities.delete_team(&context, team).await?.position)
    };
    Ok(done(&app, caller.once(&app, digest_of(b""), deletion).await?).await)
}

/// Lets somebody belong to a team, or have another role in it
#[utoipa::path(
    post, path = "/v1/admin/teams/{id}/members", tag = "TRUSCA admin", request_body = AdminTeamMemberAdd,
    responses(
        (status = 200, body = AdminTeamDetail),
        (status = 404, body = super::shape::ProblemOut),
        (status = 422, body = super::shape::ProblemOut),
    )
)]
pub async fn add_member(
    State(app): State<App>,
    caller: Caller,
    Id(team): Id<TeamId>,
    body: Body<AdminTeamMemberAdd>,
) -> Result<Written<AdminTeamDetail>, Problem> {
    let role: TeamRole =
        body.value.role.parse().map_err(|unknown: scanledger_domain::identity::UnknownTeamRole| {
            Problem::invalid("role", unknown.to_string())
        })?;
    let user = UserId(body.value.user_id);
    let organization = row_of(&app, team).await?.organization;
    let context = context(&app, &caller, organization, body.digest).await?;
    let changed = app.identities.add_team_member(&context, team, user, role).await?;
    written(&app, StatusCode::OK, changed).await
}

/// Lets somebody leave a team
#[utoipa::path(
    delete, path = "/v1/admin/teams/{id}/members/{user_id}", tag = "TRUSCA admin",
    responses(
        (status = 200, body = AdminTeamDetail),
        (status = 404, body = super::shape::ProblemOut),
        (status = 422, body = super::shape::ProblemOut),
    )
)]
pub async fn remove_member(
    State(app): State<App>,
    caller: Caller,
    Membership { team, user }: Membership,
) -> Result<Written<AdminTeamDetail>, Problem> {
    let removal = async {
        let organization = row_of(&app, team).await?.organization;
        let context = context(&app, &caller, organization, digest_of(b"")).await?;
        Ok(app.identities.remove_team_member(&context, team, user).await?.position)
    };
    let position = caller.once(&app, digest_of(b""), removal).await?;
    written(&app, StatusCode::OK, TeamChanged { team, position }).await
}

/// The organization that the installation was set up with: where what belongs to none is put (reference §3.3).
///
/// # Errors
/// 422 if there is none.
pub async fn first_organization(app: &App) -> Result<OrganizationId, Problem> {
    app.identities.first_organization().await?.ok_or_else(|| {
        let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "there is no organization yet");
        problem.with_title("No Organization Configured")
    })
}

/// A team's row.
///
/// # Errors
/// 404 if there is no such team.
pub async fn row_of(app: &App, team: TeamId) -> Result<TeamRow, Problem> {
    let row = app.views.team(team).await?;
    row.ok_or_else(|| Problem::missing("team").with_title("Team Not Found"))
}

/// The context of what happens in a team's organization, whose audit log shows it then.
async fn context(
    app: &App,
    caller: &Caller,
    organization: OrganizationId,
    body: [u8; 32],
) -> Result<Context, Problem> {
    let context = caller.command(app, body).await?;
    Ok(Context { organization: Some(organization), ..context })
}

/// A slug as it is kept (reference §3.3).
fn plain_slug(slug: &str) -> String {
    slug.trim().to_lowercase()
}

async fn written(
    app: &App,
    status: StatusCode,
    changed: TeamChanged,
) -> Result<Written<AdminTeamDetail>, Problem> {
    // The answer is read, so reads have to show what was written first.
    crate::rest::shown(app, changed.position).await;
    let detail = detail(app, changed.team).await?;
    Ok(Written::at(app, status, changed.position, detail).await)
}

async fn detail(app: &App, team: TeamId) -> Result<AdminTeamDetail, Problem> {
    let row = row_of(app, team).await?;
    let members = app.views.team_members(team).await?;
    let vault = Arc::clone(&app.vault);
    let opened = tokio::task::spawn_blocking(move || {
        members.into_iter().filter_map(|member| open(&*vault, member).transpose()).collect()
    });
    let opened: Result<Vec<_>, VaultError> = opened.await.map_err(|error| Problem::fault(&error))?;
    let mut members = opened.map_err(|error| Problem::fault(&error))?;
    // Roles are declared strongest first.
    members.sort_by(|(role, member), (other_role, other)| {
        (role, &member.email).cmp(&(other_role, &other.email))
    });
    Ok(AdminTeamDetail {
        id: row.id.0,
        name: row.name,
        slug: row.slug.unwrap_or_default(),
        description: row.description,
        project_count: row.project_count,
        members: members.into_iter().map(|(_, member)| member).collect(),
        created_at: Moment(row.created_at),
        updated_at: Moment(row.updated_at),
    })
}

/// A member as shown; none for somebody who was erased a moment ago.
fn open(vault: &dyn Vault, row: TeamMemberRow) -> Result<Option<(TeamRole, AdminTeamMember)>, VaultError> {
    let (Some(email), Some(name)) = (vault.open(&row.email)?, vault.open(&row.name)?) else {
        return Ok(None);
    };
    let member = AdminTeamMember {
        user_id: row.user.0,
        email,
        full_name: Some(name).filter(|name| !name.is_empty()),
        role: row.role.as_str(),
        is_service_account: false,
    };
    Ok(Some((row.role, member)))
}
