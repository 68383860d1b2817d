//! Many people at once, as super administrators make and end them (reference §3.3).

use super::admin_teams::first_organization;
use super::admin_user_shape::{AdminUserDetail, RoleWord, opened};
use super::admin_users::{administrator, at_home, invalid_role, no_team, written};
use super::csv::Csv;
use crate::app::App;
use crate::auth::Caller;
use crate::extract::Body;
use crate::problem::Problem;
use crate::rest::Written;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use scanledger_commands::identity::{NewPerson, PersonRefusal};
use scanledger_commands::{CommandError, Context};
use scanledger_domain::id::{TeamId, UserId};
use scanledger_domain::identity::{Action, Given, InstallationRefusal, Rank, TeamRole, UserRefusal};
use scanledger_domain::limits::{BULK_PEOPLE, PEOPLE_EXPORT_ROWS};
use scanledger_domain::log::Position;
use scanledger_domain::time::Timestamp;
use scanledger_projections::Paging;
use scanledger_projections::identity::{TeamFilter, UserFilter};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use utoipa::ToSchema;
use uuid::Uuid;

const COLUMNS: [&str; 6] = ["email", "full_name", "team_id", "role", "is_active", "last_login_at"];

/// Somebody who is to have an account.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AdminUserCreateIn {
    email: String,
    full_name: Option<String>,
    /// Without one they sign in elsewhere, or choose one with a password reset.
    password: Option<String>,
    /// What they are to be in the team; `developer` if absent.
    role: Option<String>,
    /// The team that they are to belong to.
    team_id: Option<Uuid>,
}

/// People who are to have accounts.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BulkUserCreateIn {
    /// At most 200.
    users: Vec<AdminUserCreateIn>,
}

/// People who are to sign in no more.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BulkDeactivateIn {
    /// At most 200.
    user_ids: Vec<Uuid>,
}

/// What came of each row.
#[derive(Debug, Serialize, ToSchema)]
pub struct BulkResultOut {
    total: usize,
    /// Rows that were done, or were so already.
    succeeded: usize,
    failed: usize,
    results: Vec<BulkRowResult>,
}

/// What came of a row.
#[derive(Debug, Serialize, ToSchema)]
pub struct BulkRowResult {
    /// From 0.
    index: usize,
    /// The address or the id that was sent.
    identifier: String,
    status: BulkStatus,
    user_id: Option<Uuid>,
    reason: Option<BulkReason>,
    detail: Option<String>,
}

/// Whether a row was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = trusca::BulkStatus)]
#[serde(rename_all = "snake_case")]
pub enum BulkStatus {
    /// They have an account.
    Created,
    /// They sign in no more.
    Deactivated,
    /// It was so already.
    Skipped,
    /// It was refused.
    Failed,
}

/// Why a row was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = trusca::BulkReason)]
#[serde(rename_all = "snake_case")]
pub enum BulkReason {
    /// Somebody has the address.
    EmailTaken,
    /// There is no such team.
    TeamNotFound,
    /// There is nobody of this id.
    NotFound,
    /// Nobody ends themselves.
    CannotModifySelf,
    /// Nobody would be left to run the installation.
    LastSuperAdmin,
    /// The role is none, or has no team.
    InvalidRole,
    /// Something else; the detail says what.
    Failed,
}

/// Makes an account for somebody
///
/// They belong to the team's organization, or without a team to the one that was made first.
#[utoipa::path(
    post, path = "/v1/admin/users", tag = "TRUSCA admin", request_body = AdminUserCreateIn,
    responses(
        (status = 201, body = AdminUserDetail),
        (status = 409, body = super::shape::ProblemOut),
        (status = 422, body = super::shape::ProblemOut),
    )
)]
pub async fn create_user(
    State(app): State<App>,
    caller: Caller,
    body: Body<AdminUserCreateIn>,
) -> Result<Written<AdminUserDetail>, Problem> {
    let context = caller.command(&app, body.digest).await?;
    let team = body.value.team_id;
    match create(&app, &context, body.value).await? {
        Ok((user, position)) => written(&app, StatusCode::CREATED, user, Some(position)).await,
        Err(Refused::Role) => Err(invalid_role(Refused::ROLE)),
        Err(Refused::Person(refusal)) => Err(no_team(CommandError::Refused(refusal), team)),
    }
}

/// Makes accounts; each row by itself
#[utoipa::path(
    post, path = "/v1/admin/users/bulk", tag = "TRUSCA admin", request_body = BulkUserCreateIn,
    responses((status = 200, body = BulkResultOut), (status = 422, body = super::shape::ProblemOut))
)]
pub async fn create_users(
    State(app): State<App>,
    caller: Caller,
    body: Body<BulkUserCreateIn>,
) -> Result<Written<BulkResultOut>, Problem> {
    bounded("users", body.value.users.len())?;
    let context = caller.command(&app, body.digest).await?;
    let (mut results, mut last) = (Vec::new(), None);
    for (index, wanted) in body.value.users.into_iter().enumerate() {
        let identifier = wanted.email.clone();
        let row = context.derive(&format!("row {index}"));
        results.push(match create(&app, &row, wanted).await? {
            Ok((user, position)) => {
                last = last.max(Some(position));
                let (status, user_id) = (BulkStatus::Created, Some(user.0));
                BulkRowResult { index, identifier, status, user_id, reason: None, detail: None }
            }
            Err(refused) => refused.row(index, identifier, None),
        });
    }
    Ok(Written::at(&app, StatusCode::OK, last, BulkResultOut::of(results)).await)
}

/// Lets people sign in no more; each row by itself
#[utoipa::path(
    post, path = "/v1/admin/users/bulk-deactivate", tag = "TRUSCA admin", request_body = BulkDeactivateIn,
    responses((status = 200, body = BulkResultOut), (status = 422, body = super::shape::ProblemOut))
)]
pub async fn deactivate_users(
    State(app): State<App>,
    caller: Caller,
    body: Body<BulkDeactivateIn>,
) -> Result<Written<BulkResultOut>, Problem> {
    bounded("user_ids", body.value.user_ids.len())?;
    let by = administrator(&caller)?;
    let context = caller.command(&app, body.digest).await?;
    let (mut results, mut last) = (Vec::new(), None);
    for (index, id) in body.value.user_ids.into_iter().enumerate() {
        let row = at_home(&app, context.derive(&format!("row {index}")), UserId(id))?;
        let (identifier, user_id) = (id.to_string(), Some(id));
        results.push(match app.identities.set_active(&row, by, UserId(id), false).await {
            Ok(changed) => {
                last = last.max(changed.position);
                let is_new = changed.position.is_some();
                let status = if is_new { BulkStatus::Deactivated } else { BulkStatus::Skipped };
                BulkRowResult { index, identifier, status, user_id, reason: None, detail: None }
            }
            Err(CommandError::Refused(refusal)) => Refused::Person(refusal).row(index, identifier, user_id),
            Err(error) => return Err(error.into()),
        });
    }
    Ok(Written::at(&app, StatusCode::OK, last, BulkResultOut::of(results)).await)
}

/// Everybody as a file, newest first, with a row for each team that they belong to
///
/// That it was taken is an entry of the audit log.
#[utoipa::path(
    get, path = "/v1/admin/users/export", tag = "TRUSCA admin",
    responses(
        (status = 200, content_type = "text/csv", body = String),
        (status = 413, body = super::shape::ProblemOut),
    )
)]
pub async fn export_users(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    caller.record_granted(&app, Action::Export, Given::default()).await?;
    let everybody = Paging { offset: 0, limit: u32::MAX };
    let (rows, _) = app.views.users(UserFilter::default(), everybody).await?;
    fits(rows.len())?;
    let mut places = places(&app).await?;
    let mut table = Csv::new(&COLUMNS);
    let mut lines = 0;
    for (row, personal) in opened(&app, rows).await? {
        let mut own = places.remove(&row.id).unwrap_or_default();
        if own.is_empty() || row.rank == Rank::SuperAdmin {
            own.insert(0, (String::new(), RoleWord::of(&row).as_str()));
        }
        lines += own.len();
        fits(lines)?;
        let last_login = row.last_login_at.map(Timestamp::to_rfc3339_micros).unwrap_or_default();
        let is_active = if row.is_active { "true" } else { "false" };
        let name = personal.name.as_deref().unwrap_or_default();
        for (team, role) in &own {
            table.row([personal.email.as_str(), name, team, role, is_active, &last_login]);
        }
    }
    Ok(table.into_file("users.csv"))
}

/// Whether so many rows are a file.
fn fits(rows: usize) -> Result<(), Problem> {
    if rows <= PEOPLE_EXPORT_ROWS {
        return Ok(());
    }
    let error = format!("a file has at most {PEOPLE_EXPORT_ROWS} rows");
    let problem = Problem::new(StatusCode::PAYLOAD_TOO_LARGE, error);
    Err(problem.with_title("Roster Export Too Large").with_extension("roster_export_too_large", true))
}

/// The teams of everybody, and what they are there: one query per team, far fewer than people.
async fn places(app: &App) -> Result<HashMap<UserId, Vec<(String, &'static str)>>, Problem> {
    let all = Paging { offset: 0, limit: u32::MAX };
    let mut places: HashMap<UserId, Vec<(String, &'static str)>> = HashMap::new();
    for team in app.views.teams(TeamFilter::default(), all).await?.0 {
        for member in app.views.team_members(team.id).await? {
            places.entry(member.user).or_default().push((team.id.to_string(), member.role.as_str()));
        }
    }
    Ok(places)
}

/// Why somebody gets no account, or stays as they are.
enum Refused {
    /// The role is none, or has no team.
    Role,
    /// The rules of people.
    Person(PersonRefusal),
}

impl Refused {
    const ROLE: &str = "a role is team_admin, developer or viewer, and goes with a team_id";

    fn row(self, index: usize, identifier: String, user_id: Option<Uuid>) -> BulkRowResult {
        let (reason, detail) = match self {
            Self::Role => (BulkReason::InvalidRole, Self::ROLE.to_owned()),
            Self::Person(refusal) => (reason_of(&refusal), refusal.to_string()),
        };
        let (reason, detail) = (Some(reason), Some(detail));
        BulkRowResult { index, identifier, status: BulkStatus::Failed, user_id, reason, detail }
    }
}

fn reason_of(refusal: &PersonRefusal) -> BulkReason {
    match refusal {
        PersonRefusal::EmailTaken => BulkReason::EmailTaken,
        PersonRefusal::TeamNotFound => BulkReason::TeamNotFound,
        PersonRefusal::User(UserRefusal::NotFound) => BulkReason::NotFound,
        PersonRefusal::Installation(InstallationRefusal::Oneself) => BulkReason::CannotModifySelf,
        PersonRefusal::Installation(InstallationRefusal::LastSuperAdmin) => BulkReason::LastSuperAdmin,
        PersonRefusal::BadName
        | PersonRefusal::BadEmail
        | PersonRefusal::WeakPassword(_)
        | PersonRefusal::User(_)
        | PersonRefusal::Team(_)
        | PersonRefusal::Organization(_) => BulkReason::Failed,
    }
}

/// Makes an account; answers who it is for, and the position of the last event.
async fn create(
    app: &App,
    context: &Context,
    wanted: AdminUserCreateIn,
) -> Result<Result<(UserId, Position), Refused>, Problem> {
    let AdminUserCreateIn { email, full_name, password, role, team_id } = wanted;
    let role: Option<TeamRole> = match role.map(|role| role.parse()).transpose() {
        Ok(role) => role,
        Err(_) => return Ok(Err(Refused::Role)),
    };
    let (organization, team) = match (team_id.map(TeamId), role) {
        (None, Some(_)) => return Ok(Err(Refused::Role)),
        (None, None) => (first_organization(app).await?, None),
        (Some(team), role) => match app.views.team(team).await? {
            Some(row) => (row.organization, Some((team, role.unwrap_or(TeamRole::Developer)))),
            None => return Ok(Err(Refused::Person(PersonRefusal::TeamNotFound))),
        },
    };
    let context = Context { organization: Some(organization), ..context.clone() };
    let person = NewPerson { email, name: full_name, password };
    match app.identities.create_person(&context, person, organization, team).await {
        Ok(registered) => Ok(Ok((registered.user, registered.position))),
        Err(CommandError::Refused(refusal)) => Ok(Err(Refused::Person(refusal))),
        Err(error) => Err(error.into()),
    }
}

impl BulkResultOut {
    fn of(results: Vec<BulkRowResult>) -> Self {
        let failed = results.iter().filter(|row| row.status == BulkStatus::Failed).count();
        Self { total: results.len(), succeeded: results.len() - failed, failed, results }
    }
}

fn bounded(field: &str, rows: usize) -> Result<(), Problem> {
    if (1..=BULK_PEOPLE).contains(&rows) {
        return Ok(());
    }
    Err(Problem::invalid(field, format!("must have 1 to {BULK_PEOPLE} rows")))
}

#[cfg(test)]
mod tests {
    use super::{BULK_PEOPLE, BulkReason, BulkResultOut, PEOPLE_EXPORT_ROWS, Refused, bounded, fits};
    use axum::http::StatusCode;
    use scanledger_commands::identity::PersonRefusal;
    use scanledger_domain::identity::{InstallationRefusal, UserRefusal};

    #[test]
    fn refusals_have_their_reasons() {
        for (refusal, reason) in [
            (PersonRefusal::EmailTaken, BulkReason::EmailTaken),
            (PersonRefusal::TeamNotFound, BulkReason::TeamNotFound),
            (PersonRefusal::BadEmail, BulkReason::Failed),
            (UserRefusal::NotFound.into(), BulkReason::NotFound),
            (InstallationRefusal::Oneself.into(), BulkReason::CannotModifySelf),
            (InstallationRefusal::LastSuperAdmin.into(), BulkReason::LastSuperAdmin),
        ] {
            let row = Refused::Person(refusal).row(7, "x".to_owned(), None);
            assert_eq!((row.index, row.reason), (7, Some(reason)));
        }
        let result = BulkResultOut::of(vec![Refused::Role.row(0, "x".to_owned(), None)]);
        assert_eq!((result.total, result.succeeded, result.failed), (1, 0, 1));
    }

    #[test]
    fn a_request_and_a_file_have_so_many_rows() {
        assert!(bounded("users", 1).is_ok() && bounded("users", BULK_PEOPLE).is_ok());
        assert!(bounded("users", 0).is_err() && bounded("users", BULK_PEOPLE + 1).is_err());
        assert!(fits(PEOPLE_EXPORT_ROWS).is_ok());
        assert_eq!(fits(PEOPLE_EXPORT_ROWS + 1).unwrap_err().status(), StatusCode::PAYLOAD_TOO_LARGE);
    }
}
