//! Who belongs to the organization (reference §2, §12).

use super::lifecycle::SuccessOut;
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Body, Id, Number, Query, digest_of};
use crate::problem::Problem;
use crate::rest::people::{Person, Place, SealedPerson, open_people, set_place};
use crate::rest::{Instant, Paged, Pages, Written, shown};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use scanledger_domain::id::{TeamId, UserId};
use scanledger_domain::identity::{Role, TeamRole};
use scanledger_domain::limits::PAGE_ROWS;
use scanledger_projections::identity::{MemberFilter, MemberRow};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// What somebody may do, in Pepper's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RoleWord {
    /// Runs the organization.
    Admin,
    /// Runs a team's security.
    Security,
    /// Scans and triages.
    Developer,
    /// Looks.
    Viewer,
}

impl From<Role> for RoleWord {
    fn from(role: Role) -> Self {
        match role {
            Role::Admin => Self::Admin,
            Role::Security => Self::Security,
            Role::Developer => Self::Developer,
            Role::Viewer => Self::Viewer,
        }
    }
}

impl From<Place> for RoleWord {
    fn from(place: Place) -> Self {
        match place {
            Place::Owner | Place::Admin => Self::Admin,
            Place::InTeams(role) => role.role().into(),
        }
    }
}

impl RoleWord {
    /// The place that it stands for.
    pub const fn place(self) -> Place {
        match self {
            Self::Admin => Place::Admin,
            Self::Security => Place::InTeams(TeamRole::Admin),
            Self::Developer => Place::InTeams(TeamRole::Developer),
            Self::Viewer => Place::InTeams(TeamRole::Viewer),
        }
    }
}

/// Which page of members.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MembersIn {
    /// From 1.
    #[param(value_type = Option<u32>, minimum = 1)]
    page: Option<Number<{ i32::MAX as u32 }>>,
    /// Rows on a page.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500, default = 500)]
    limit: Option<Number<PAGE_ROWS>>,
}

/// Somebody who belongs to the organization.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberOut {
    /// The member's id: the user's.
    id: Uuid,
    user_id: Uuid,
    /// None for who gave none.
    name: Option<String>,
    email: Option<String>,
    role: RoleWord,
    /// Whether they may sign in.
    active: bool,
    /// Since when they belong to it.
    created_at: Instant,
    last_login_at: Option<Instant>,
}

/// Members, in the order in which they came.
#[derive(Debug, Serialize, ToSchema)]
pub struct MembersOut {
    users: Vec<MemberOut>,
    pagination: Pages,
}

/// What shall be different about a member.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberPatchIn {
    role: RoleWord,
    /// The team in which they get the role; all of their teams if absent, or the eldest if they have none.
    #[schema(value_type = Option<Uuid>)]
    team_id: Option<TeamId>,
}

/// Who belongs to the organization
#[utoipa::path(
    get, path = "/api/users", tag = "Members", params(MembersIn), responses((status = 200, body = MembersOut))
)]
pub async fn list_members(
    State(app): State<App>,
    caller: Caller,
    Query(wanted): Query<MembersIn>,
) -> Result<Json<MembersOut>, Problem> {
    let limit = wanted.limit.map_or(PAGE_ROWS, |limit| limit.0);
    let paged = Paged { page: wanted.page.map_or(1, |page| page.0), limit };
    let members = app.views.members(caller.organization(), MemberFilter::default(), paged.paging());
    let (rows, total) = members.await?;
    Ok(Json(MembersOut { users: members_in_clear(&app, rows).await?, pagination: paged.of(total) }))
}

async fn members_in_clear(app: &App, rows: Vec<MemberRow>) -> Result<Vec<MemberOut>, Problem> {
    let sealed =
        |row: &MemberRow| SealedPerson { name: row.user.name.clone(), email: row.user.email.clone() };
    let people = open_people(app, rows.iter().map(sealed).collect()).await?;
    Ok(rows.into_iter().zip(people).map(|(row, person)| member_out(row, person)).collect())
}

fn member_out(row: MemberRow, person: Person) -> MemberOut {
    MemberOut {
        id: row.user.id.0,
        user_id: row.user.id.0,
        name: Some(person.name).filter(|name| !name.is_empty()),
        email: person.email,
        role: Place::of(row.role, row.strongest).into(),
        active: row.user.is_active,
        created_at: Instant(row.since),
        last_login_at: row.user.last_login_at.map(Instant),
    }
}

/// A member of the caller's organization. Who belongs to another one is no different from nobody.
async fn member(app: &App, caller: &Caller, user: UserId) -> Result<MemberRow, Problem> {
    let found = app.views.member(caller.organization(), user).await?;
    found.ok_or_else(|| Problem::missing("member"))
}

/// Gives a member another role
#[utoipa::path(
    patch, path = "/api/users/{id}", tag = "Members", request_body = MemberPatchIn,
    responses(
        (status = 200, body = MemberOut),
        (status = 404, body = crate::problem::ProblemBody),
        (status = 409, body = crate::problem::ProblemBody, description = "Nobody would own the organization.")
    )
)]
pub async fn update_member(
    State(app): State<App>,
    caller: Caller,
    Id(user): Id<UserId>,
    body: Body<MemberPatchIn>,
) -> Result<Written<MemberOut>, Problem> {
    let row = member(&app, &caller, user).await?;
    let MemberPatchIn { role, team_id } = body.value;
    let is_so = RoleWord::from(Place::of(row.role, row.strongest)) == role && team_id.is_none();
    let position = if is_so {
        None
    } else {
        let context = caller.command(&app, body.digest).await?;
        set_place(&app, &caller, &context, user, role.place(), team_id).await?
    };
    shown(&app, position).await;
    let rows = vec![member(&app, &caller, user).await?];
    let member = members_in_clear(&app, rows).await?.pop().ok_or_else(|| Problem::missing("member"))?;
    Ok(Written::at(&app, StatusCode::OK, position, member).await)
}

/// Lets a member go
#[utoipa::path(
    delete, path = "/api/users/{id}", tag = "Members",
    responses(
        (status = 200, body = SuccessOut),
        (status = 404, body = crate::problem::ProblemBody),
        (status = 409, body = crate::problem::ProblemBody, description = "Nobody would own the organization.")
    )
)]
pub async fn remove_member(
    State(app): State<App>,
    caller: Caller,
    Id(user): Id<UserId>,
) -> Result<Written<SuccessOut>, Problem> {
    let removal = async {
        member(&app, &caller, user).await?;
        let context = caller.command(&app, digest_of(b"")).await?;
        let (by, organization) = (caller.principal.changer(), caller.organization());
        match app.identities.remove_member(&context, by, organization, user).await {
            Ok(removed) => Ok(removed.position),
            Err(error) => Err(caller.refused_by_members(&app, error).await),
        }
    };
    let position = caller.once(&app, digest_of(b""), removal).await?;
    Ok(Written::at(&app, StatusCode::OK, position, SuccessOut { success: true }).await)
}

#[cfg(test)]
mod tests {
    use super::RoleWord;
    use crate::rest::people::Place;
    use scanledger_domain::identity::{OrganizationRole, TeamRole};

    #[test]
    fn words_for_roles_lead_back_and_owners_are_administrators() {
        for word in [RoleWord::Admin, RoleWord::Security, RoleWord::Developer, RoleWord::Viewer] {
            assert_eq!(RoleWord::from(word.place()), word);
        }
        assert_eq!(RoleWord::from(Place::Owner), RoleWord::Admin);
        let member = |role| RoleWord::from(Place::of(OrganizationRole::Member, role));
        assert_eq!(member(Some(TeamRole::Admin)), RoleWord::Security);
        assert_eq!(member(None), RoleWord::Developer);
    }
}
