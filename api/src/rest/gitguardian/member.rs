//! Members of the workspace (reference §8).

use super::page::{Direction, Mark, Ordering, PageIn, check_search};
use super::shape::{Moment, done};
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Body, Id, Query, digest_of};
use crate::problem::Problem;
use crate::rest::people::{Person, Place, SealedPerson, open_people, set_place};
use crate::rest::{Written, shown};
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use scanledger_domain::id::OrganizationId;
use scanledger_domain::identity::{Action, Denied, Resource, TeamRole, authorize};
use scanledger_projections::Paging;
use scanledger_projections::identity::{MemberFilter, MemberRow};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Members that are read in one go.
const ROWS: u32 = 1_000;

/// What somebody may do in the workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = gitguardian::AccessLevel)]
pub enum AccessLevel {
    /// Owns it.
    Owner,
    /// Runs it.
    Manager,
    /// Works in it.
    Member,
    /// Looks.
    Restricted,
}

impl From<Place> for AccessLevel {
    fn from(place: Place) -> Self {
        match place {
            Place::Owner => Self::Owner,
            Place::Admin => Self::Manager,
            Place::InTeams(TeamRole::Admin | TeamRole::Developer) => Self::Member,
            Place::InTeams(TeamRole::Viewer) => Self::Restricted,
        }
    }
}

impl AccessLevel {
    /// The place that it stands for; of several, the weakest.
    pub const fn place(self) -> Place {
        match self {
            Self::Owner => Place::Owner,
            Self::Manager => Place::Admin,
            Self::Member => Place::InTeams(TeamRole::Developer),
            Self::Restricted => Place::InTeams(TeamRole::Viewer),
        }
    }

    /// Whoever has it.
    fn filter(self) -> MemberFilter {
        let strongest = match self {
            Self::Owner | Self::Manager => None,
            Self::Member => Some(vec![TeamRole::Admin, TeamRole::Developer]),
            Self::Restricted => Some(vec![TeamRole::Viewer]),
        };
        MemberFilter { role: Some(self.place().role()), strongest, active: None }
    }
}

/// By what members are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberKey {
    /// Since when they belong to the workspace.
    CreatedAt,
    /// When they last signed in.
    LastLogin,
}

/// `true`, `false`, `True` or `False`: clients write either (reference §1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Flag {
    /// Yes.
    #[serde(rename = "true", alias = "True")]
    Yes,
    /// No.
    #[serde(rename = "false", alias = "False")]
    No,
}

/// Which members.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MembersIn {
    /// Only who has this.
    #[param(inline)]
    access_level: Option<AccessLevel>,
    /// Another name of `access_level`.
    #[param(inline)]
    role: Option<AccessLevel>,
    /// Only who may or may not sign in.
    #[param(value_type = Option<bool>)]
    active: Option<Flag>,
    /// Only whose name or address contains this, whatever the case.
    search: Option<String>,
    /// `created_at` or `last_login`, with `-` in front for the other way round; by id if absent.
    #[param(value_type = Option<String>, example = "-last_login")]
    ordering: Option<Ordering<MemberKey>>,
}

/// What shall be different about a member.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = gitguardian::MemberPatch)]
pub struct MemberPatchIn {
    access_level: Option<AccessLevel>,
    /// Another name of `access_level`.
    role: Option<AccessLevel>,
    /// Whether they may sign in. Accounts belong to the installation, so only who runs that may change it.
    active: Option<bool>,
}

/// Somebody who belongs to the workspace.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = gitguardian::Member)]
pub struct MemberOut {
    id: u64,
    /// Empty for who gave none.
    name: String,
    email: String,
    role: AccessLevel,
    access_level: AccessLevel,
    active: bool,
    created_at: Moment,
    last_login: Option<Moment>,
}

/// The members of the workspace
#[utoipa::path(
    get, path = "/v1/members", tag = "GitGuardian members", params(MembersIn, PageIn),
    responses((status = 200, body = Vec<MemberOut>))
)]
pub async fn list_members(
    State(app): State<App>,
    caller: Caller,
    uri: Uri,
    Query(wanted): Query<MembersIn>,
    Query(page): Query<PageIn>,
) -> Result<Response, Problem> {
    let rows = wanted_members(&app, caller.organization(), &wanted).await?;
    let direction = wanted.ordering.map_or(Direction::default(), |ordering| ordering.direction);
    let page = page.of(rows, direction, |row| {
        let value = wanted.ordering.and_then(|ordering| match ordering.by {
            MemberKey::CreatedAt => Some(row.since),
            MemberKey::LastLogin => row.user.last_login_at,
        });
        Mark { value: value.map(|at| at.0), id: row.user.number.into() }
    })?;
    let people = in_clear(&app, &page.rows).await?;
    let members = page.rows.iter().zip(people).map(|(row, person)| member_out(row, person)).collect();
    Ok(page.with(members).answer(&app, &uri))
}

/// A member of the workspace
#[utoipa::path(
    get, path = "/v1/members/{id}", tag = "GitGuardian members",
    responses((status = 200, body = MemberOut), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn read_member(
    State(app): State<App>,
    caller: Caller,
    Id(number): Id<u64>,
) -> Result<Json<MemberOut>, Problem> {
    let row = member(&app, caller.organization(), number).await?;
    one(&app, row).await.map(Json)
}

/// Changes what a member is
#[utoipa::path(
    patch, path = "/v1/members/{id}", tag = "GitGuardian members", request_body = MemberPatchIn,
    responses(
        (status = 200, body = MemberOut),
        (status = 404, body = crate::problem::ProblemBody),
        (status = 409, body = crate::problem::ProblemBody, description = "Nobody would own the workspace.")
    )
)]
pub async fn patch_member(
    State(app): State<App>,
    caller: Caller,
    Id(number): Id<u64>,
    body: Body<MemberPatchIn>,
) -> Result<Written<MemberOut>, Problem> {
    change(&app, &caller, number, body).await
}

/// Changes what a member is, as `PATCH` does
#[utoipa::path(
    put, path = "/v1/members/{id}", tag = "GitGuardian members", request_body = MemberPatchIn,
    responses(
        (status = 200, body = MemberOut),
        (status = 404, body = crate::problem::ProblemBody),
        (status = 409, body = crate::problem::ProblemBody, description = "Nobody would own the workspace.")
    )
)]
pub async fn put_member(
    State(app): State<App>,
    caller: Caller,
    Id(number): Id<u64>,
    body: Body<MemberPatchIn>,
) -> Result<Written<MemberOut>, Problem> {
    change(&app, &caller, number, body).await
}

/// Lets a member go
#[utoipa::path(
    delete, path = "/v1/members/{id}", tag = "GitGuardian members",
    responses(
        (status = 204, description = "They no longer belong to the workspace."),
        (status = 404, body = crate::problem::ProblemBody),
        (status = 409, body = crate::problem::ProblemBody, description = "Nobody would own the workspace.")
    )
)]
pub async fn remove_member(
    State(app): State<App>,
    caller: Caller,
    Id(number): Id<u64>,
) -> Result<Response, Problem> {
    let removal = async {
        let (by, organization) = (caller.principal.changer(), caller.organization());
        let row = member(&app, organization, number).await?;
        let context = caller.command(&app, digest_of(b"")).await?;
        match app.identities.remove_member(&context, by, organization, row.user.id).await {
            Ok(removed) => Ok(removed.position),
            Err(error) => Err(caller.refused_by_members(&app, error).await),
        }
    };
    Ok(done(&app, caller.once(&app, digest_of(b""), removal).await?).await)
}

async fn change(
    app: &App,
    caller: &Caller,
    number: u64,
    body: Body<MemberPatchIn>,
) -> Result<Written<MemberOut>, Problem> {
    let organization = caller.organization();
    let row = member(app, organization, number).await?;
    let MemberPatchIn { access_level, role, active } = body.value;
    let context = caller.command(app, body.digest).await?;
    let mut position = None;
    if let Some(active) = active.filter(|active| *active != row.user.is_active) {
        if let Err(denied) = authorize(&caller.principal, Action::Administer, Resource::Installation) {
            caller.record_denied(app, Action::Administer).await;
            return Err(denied.into());
        }
        let by = caller.person().ok_or(Denied::NotAPerson)?;
        let context = context.derive("active");
        position = app.identities.set_active(&context, by, row.user.id, active).await?.position;
    }
    let present = AccessLevel::from(Place::of(row.role, row.strongest));
    if let Some(level) = access_level.or(role).filter(|level| *level != present) {
        let placed = set_place(app, caller, &context, row.user.id, level.place(), None).await?;
        position = position.max(placed);
    }
    shown(app, position).await;
    let member = one(app, member(app, organization, number).await?).await?;
    Ok(Written::at(app, StatusCode::OK, position, member).await)
}

/// A member of the organization. Who belongs to another one is no different from nobody.
async fn member(app: &App, organization: OrganizationId, number: u64) -> Result<MemberRow, Problem> {
    let missing = || Problem::missing("member");
    let user = app.views.user_by_number(number).await?.ok_or_else(missing)?;
    app.views.member(organization, user.id).await?.ok_or_else(missing)
}

/// All members that are meant. Names and addresses are sealed, so a search has to open them all.
async fn wanted_members(
    app: &App,
    organization: OrganizationId,
    wanted: &MembersIn,
) -> Result<Vec<MemberRow>, Problem> {
    check_search(wanted.search.as_deref())?;
    let level = wanted.access_level.or(wanted.role);
    let filter = MemberFilter {
        active: wanted.active.map(|active| active == Flag::Yes),
        ..level.map(AccessLevel::filter).unwrap_or_default()
    };
    let (mut found, mut offset) = (Vec::new(), 0);
    loop {
        let paging = Paging { offset, limit: ROWS };
        let (rows, total) = app.views.members(organization, filter.clone(), paging).await?;
        found.extend(rows);
        offset += u64::from(ROWS);
        if offset >= total {
            break;
        }
    }
    let Some(search) = wanted.search.as_ref().map(|search| search.to_lowercase()) else { return Ok(found) };
    let people = in_clear(app, &found).await?;
    let says = |text: &str| text.to_lowercase().contains(&search);
    let found = found.into_iter().zip(people);
    let found = found.filter(|(_, person)| says(&person.name) || person.email.as_deref().is_some_and(says));
    Ok(found.map(|(row, _)| row).collect())
}

async fn in_clear(app: &App, rows: &[MemberRow]) -> Result<Vec<Person>, Problem> {
    let sealed =
        |row: &MemberRow| SealedPerson { name: row.user.name.clone(), email: row.user.email.clone() };
    open_people(app, rows.iter().map(sealed).collect()).await
}

async fn one(app: &App, row: MemberRow) -> Result<MemberOut, Problem> {
    let person = in_clear(app, std::slice::from_ref(&row)).await?.pop();
    person.map(|person| member_out(&row, person)).ok_or_else(|| Problem::missing("member"))
}

fn member_out(row: &MemberRow, person: Person) -> MemberOut {
    let level = AccessLevel::from(Place::of(row.role, row.strongest));
    MemberOut {
        id: row.user.number,
        name: person.name,
        email: person.email.unwrap_or_default(),
        role: level,
        access_level: level,
        active: row.user.is_active,
        created_at: Moment(row.since),
        last_login: row.user.last_login_at.map(Moment),
    }
}

#[cfg(test)]
mod tests {
    use super::AccessLevel;
    use crate::rest::people::Place;
    use scanledger_domain::identity::{OrganizationRole, TeamRole};

    #[test]
    fn access_levels_lead_back() {
        for level in [AccessLevel::Owner, AccessLevel::Manager, AccessLevel::Member, AccessLevel::Restricted]
        {
            assert_eq!(AccessLevel::from(level.place()), level);
        }
    }

    #[test]
    fn a_filter_finds_whoever_has_the_level_and_nobody_else() {
        for level in [AccessLevel::Owner, AccessLevel::Manager, AccessLevel::Member, AccessLevel::Restricted]
        {
            let filter = level.filter();
            for role in OrganizationRole::ALL {
                for team in TeamRole::ALL {
                    let finds = filter.role == Some(role)
                        && filter.strongest.as_ref().is_none_or(|strongest| strongest.contains(&team));
                    assert_eq!(
                        finds,
                        AccessLevel::from(Place::of(role, Some(team))) == level,
                        "{role:?} {team:?}"
                    );
                }
            }
        }
    }
}
