//! People as super administrators run them (reference §3.3).

use super::admin_user_shape::{AdminUserDetail, AdminUserListItem, RoleWord, detail, item, opened, row_of};
use super::{Page, PageNumber, PageSize, done, page_a};
use crate::app::App;
use crate::auth::Caller;
use crate::entrance::before_value;
use crate::extract::{Body, Id, Query, digest_of};
use crate::problem::Problem;
use crate::rest::{Written, shown};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use scanledger_commands::identity::{AdminRole, PersonRefusal};
use scanledger_commands::{CommandError, Context};
use scanledger_domain::id::{TeamId, UserId};
use scanledger_domain::identity::{Denied, TeamRole};
use scanledger_domain::limits::LONG_SEARCH_CHARS;
use scanledger_domain::log::Position;
use scanledger_projections::Paging;
use scanledger_projections::identity::{UserFilter, UserRole};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// People on a page if nobody says (reference §1.1).
const PAGE: u32 = 50;

/// Which people.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AdminUsersIn {
    /// Only who runs the installation, or who is this in some team.
    role: Option<RoleWord>,
    /// Only who may, or may not, sign in.
    active: Option<bool>,
    /// Only whose address or name contains this, whatever the case.
    #[param(max_length = 255)]
    search: Option<String>,
    /// From 1.
    #[param(value_type = Option<u32>, minimum = 1, default = 1)]
    page: Option<PageNumber>,
    /// People on a page.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200, default = 50)]
    page_size: Option<PageSize>,
}

/// What somebody is to be.
#[derive(Debug, Deserialize, ToSchema)]
pub struct AdminUserRoleUpdate {
    /// `super_admin`, `team_admin`, `developer` or `viewer`.
    role: String,
    /// The team in which they are to be that; not for `super_admin`.
    team_id: Option<Uuid>,
}

/// People on a page.
type AdminUserListPage = Page<AdminUserListItem>;

/// The people of all organizations, newest first
#[utoipa::path(
    get, path = "/v1/admin/users", tag = "TRUSCA admin", params(AdminUsersIn),
    responses((status = 200, body = AdminUserListPage))
)]
pub async fn list_users(
    State(app): State<App>,
    _: Caller,
    Query(wanted): Query<AdminUsersIn>,
) -> Result<Json<AdminUserListPage>, Problem> {
    let paged = page_a(wanted.page, wanted.page_size, PAGE);
    let filter = UserFilter { role: wanted.role.map(user_role), active: wanted.active };
    let (people, total) = match &wanted.search {
        None => {
            let (rows, total) = app.views.users(filter, paged.paging()).await?;
            (opened(&app, rows).await?, total)
        }
        Some(search) if search.chars().count() > LONG_SEARCH_CHARS => {
            let message = format!("may have at most {LONG_SEARCH_CHARS} characters");
            return Err(Problem::invalid("search", message));
        }
        Some(search) => {
            // Names and addresses are sealed, so no index finds them: everybody is opened and looked at.
            let everybody = Paging { offset: 0, limit: u32::MAX };
            let (rows, _) = app.views.users(filter, everybody).await?;
            let part = search.to_lowercase();
            let mut found = opened(&app, rows).await?;
            found.retain(|(_, personal)| personal.contains(&part));
            let total = found.len() as u64;
            let skipped = usize::try_from(paged.paging().offset).unwrap_or(usize::MAX);
            (found.into_iter().skip(skipped).take(paged.limit as usize).collect(), total)
        }
    };
    Ok(Json(Page::of(people.into_iter().map(item).collect(), paged, total)))
}

/// Somebody
#[utoipa::path(
    get, path = "/v1/admin/users/{id}", tag = "TRUSCA admin",
    responses((status = 200, body = AdminUserDetail), (status = 404, body = super::shape::ProblemOut))
)]
pub async fn read_user(
    State(app): State<App>,
    _: Caller,
    Id(user): Id<UserId>,
) -> Result<Json<AdminUserDetail>, Problem> {
    Ok(Json(detail(&app, user).await?))
}

/// Lets somebody sign in again
#[utoipa::path(
    patch, path = "/v1/admin/users/{id}/activate", tag = "TRUSCA admin",
    responses((status = 200, body = AdminUserDetail), (status = 404, body = super::shape::ProblemOut))
)]
pub async fn activate_user(
    State(app): State<App>,
    caller: Caller,
    Id(user): Id<UserId>,
) -> Result<Written<AdminUserDetail>, Problem> {
    set_active(&app, &caller, user, true).await
}

/// Lets somebody sign in no more; their sessions are over, and so are keys that act for them
#[utoipa::path(
    patch, path = "/v1/admin/users/{id}/deactivate", tag = "TRUSCA admin",
    responses(
        (status = 200, body = AdminUserDetail),
        (status = 404, body = super::shape::ProblemOut),
        (status = 422, body = super::shape::ProblemOut),
    )
)]
pub async fn deactivate_user(
    State(app): State<App>,
    caller: Caller,
    Id(user): Id<UserId>,
) -> Result<Written<AdminUserDetail>, Problem> {
    set_active(&app, &caller, user, false).await
}

/// Lets somebody choose another password; they are sent a message if messages can be sent
#[utoipa::path(
    post, path = "/v1/admin/users/{id}/password-reset", tag = "TRUSCA admin",
    responses((status = 204), (status = 404, body = super::shape::ProblemOut))
)]
pub async fn reset_password(
    State(app): State<App>,
    caller: Caller,
    Id(user): Id<UserId>,
) -> Result<Response, Problem> {
    let context = context(&app, &caller, user, digest_of(b"")).await?;
    let link = before_value(&app.entrance.reset_url, "token");
    app.identities.initiate_reset(&context, user, &link).await?;
    Ok(done(&app, None).await)
}

/// Makes somebody run the installation, or be something in a team and no longer run the installation
#[utoipa::path(
    patch, path = "/v1/admin/users/{id}/role", tag = "TRUSCA admin", request_body = AdminUserRoleUpdate,
    responses(
        (status = 200, body = AdminUserDetail),
        (status = 404, body = super::shape::ProblemOut),
        (status = 422, body = super::shape::ProblemOut),
    )
)]
pub async fn set_role(
    State(app): State<App>,
    caller: Caller,
    Id(user): Id<UserId>,
    body: Body<AdminUserRoleUpdate>,
) -> Result<Written<AdminUserDetail>, Problem> {
    row_of(&app, user).await?;
    let role = admin_role(&body.value)?;
    let by = administrator(&caller)?;
    let context = context(&app, &caller, user, body.digest).await?;
    let changed = app.identities.set_role(&context, by, user, role).await;
    let changed = changed.map_err(|error| no_team(error, body.value.team_id))?;
    written(&app, StatusCode::OK, user, changed.position).await
}

/// Who does this: super administrators are people.
///
/// # Errors
/// 401 for a key.
pub fn administrator(caller: &Caller) -> Result<UserId, Problem> {
    caller.person().ok_or_else(|| Denied::NotAPerson.into())
}

/// The context of what happens to somebody, in the organization that they first belonged to: its audit log shows it
/// then.
///
/// # Errors
/// As [`Caller::command`].
pub async fn context(app: &App, caller: &Caller, user: UserId, body: [u8; 32]) -> Result<Context, Problem> {
    let context = caller.command(app, body).await?;
    at_home(app, context, user)
}

/// A context moved to the organization that somebody first belonged to.
///
/// # Errors
/// When the store fails.
pub fn at_home(app: &App, context: Context, user: UserId) -> Result<Context, Problem> {
    let standing = app.views.look_up_standing(user)?;
    let home = standing.and_then(|person| Some(person.standing.organizations.first()?.organization));
    Ok(Context { organization: home.or(context.organization), ..context })
}

/// The problem of a command that names a team in its body.
pub fn no_team(error: CommandError<PersonRefusal>, team: Option<Uuid>) -> Problem {
    match (error, team) {
        (CommandError::Refused(refusal @ PersonRefusal::TeamNotFound), Some(team)) => {
            Problem::from(refusal).with_extension("team_id", team.to_string())
        }
        (error, _) => error.into(),
    }
}

/// 422 for a role that cannot be given so.
pub fn invalid_role(error: &str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error).with_title("Invalid Role Assignment")
}

/// Somebody, once reads show what was done to them.
///
/// # Errors
/// As [`detail`].
pub async fn written(
    app: &App,
    status: StatusCode,
    user: UserId,
    position: Option<Position>,
) -> Result<Written<AdminUserDetail>, Problem> {
    shown(app, position).await;
    let detail = detail(app, user).await?;
    Ok(Written::at(app, status, position, detail).await)
}

async fn set_active(
    app: &App,
    caller: &Caller,
    user: UserId,
    is_active: bool,
) -> Result<Written<AdminUserDetail>, Problem> {
    let by = administrator(caller)?;
    let context = context(app, caller, user, digest_of(b"")).await?;
    let changed = app.identities.set_active(&context, by, user, is_active).await?;
    written(app, StatusCode::OK, user, changed.position).await
}

fn user_role(word: RoleWord) -> UserRole {
    word.in_team().map_or(UserRole::SuperAdmin, UserRole::Team)
}

fn admin_role(wanted: &AdminUserRoleUpdate) -> Result<AdminRole, Problem> {
    if wanted.role == "super_admin" {
        return Ok(AdminRole::SuperAdmin);
    }
    let role: TeamRole = wanted
        .role
        .parse()
        .map_err(|_| invalid_role("a role is super_admin, team_admin, developer or viewer"))?;
    let team =
        wanted.team_id.ok_or_else(|| invalid_role("this role is one in a team: team_id is missing"))?;
    Ok(AdminRole::InTeam(TeamId(team), role))
}

#[cfg(test)]
mod tests {
    use super::{AdminUserRoleUpdate, admin_role};
    use scanledger_commands::identity::AdminRole;
    use scanledger_domain::id::TeamId;
    use scanledger_domain::identity::TeamRole;
    use uuid::Uuid;

    fn role(role: &str, team_id: Option<Uuid>) -> Result<AdminRole, Option<&'static str>> {
        let wanted = AdminUserRoleUpdate { role: role.to_owned(), team_id };
        admin_role(&wanted).map_err(|problem| problem.parts().title)
    }

    #[test]
    fn a_role_in_a_team_needs_the_team() {
        let team = Uuid::from_u128(1);
        assert_eq!(role("super_admin", None), Ok(AdminRole::SuperAdmin));
        assert_eq!(role("super_admin", Some(team)), Ok(AdminRole::SuperAdmin));
        assert_eq!(role("viewer", Some(team)), Ok(AdminRole::InTeam(TeamId(team), TeamRole::Viewer)));
        for (word, team) in [("viewer", None), ("emperor", Some(team)), ("Viewer", Some(team)), ("", None)] {
            assert_eq!(role(word, team), Err(Some("Invalid Role Assignment")), "{word}");
        }
    }
}
