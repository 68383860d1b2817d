//! API keys of people and their teams (reference §2.2, §3.4).
//!
//! A key acts for who made it, never does more than they may, and only scans and reads. Two keys may begin alike: a key
//! is found by the hash of all of it, so there is no collision of prefixes to answer 503 for, as the reference does.

use super::api_key_shape::{
    ApiKeyCreateIn, ApiKeyCreateOut, ApiKeyListItem, ApiKeyNarrowIn, ApiKeysIn, KeyScopeWord, created_out,
    items_of, team_of,
};
use super::{Page, done, page_a};
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Body, Id, Query, digest_of};
use crate::problem::Problem;
use crate::rest::Written;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use scanledger_commands::CommandError;
use scanledger_commands::identity::NewKey;
use scanledger_domain::id::{ApiKeyId, OrganizationId, ProjectId, TeamId};
use scanledger_domain::identity::{
    ApiKeyRefusal, Breadth, Denied, KeyFacts, KeyForm, KeyKind, KeyPlace, KeysSeen, Role, Scope, Scopes,
    key_end, may_end, may_issue,
};
use scanledger_domain::limits::KEY_DAYS;
use scanledger_domain::time::Timestamp;
use scanledger_projections::ReadError;
use scanledger_projections::identity::{KeyFilter, KeyReach, KeyRow, Revoked};
use uuid::Uuid;

/// Keys on a page if nobody says (reference §1.1).
const PAGE: u32 = 50;

/// Keys on a page.
type ApiKeyListPage = Page<ApiKeyListItem>;

/// The caller's keys and those of their teams, newest first
///
/// Super administrators see all.
#[utoipa::path(
    get, path = "/v1/api-keys", tag = "TRUSCA API keys", params(ApiKeysIn),
    responses((status = 200, body = ApiKeyListPage))
)]
pub async fn list_keys(
    State(app): State<App>,
    caller: Caller,
    Query(wanted): Query<ApiKeysIn>,
) -> Result<Json<ApiKeyListPage>, Problem> {
    let paged = page_a(wanted.page, wanted.page_size, PAGE);
    let (created_by, teams) = match KeysSeen::by(&caller.principal) {
        KeysSeen::All => (None, None),
        KeysSeen::Of { by, teams } => (by, Some(teams)),
    };
    let filter = KeyFilter {
        forms: Some(vec![KeyForm::Trusca]),
        created_by,
        teams,
        team: wanted.team_id.map(TeamId),
        project: wanted.project_id.map(ProjectId),
        reach: wanted.scope.map(|scope| match scope {
            KeyScopeWord::Org => KeyReach::Organization,
            KeyScopeWord::Team => KeyReach::Team,
            KeyScopeWord::Project => KeyReach::Project,
        }),
        include_revoked: if wanted.include_revoked { Revoked::Included } else { Revoked::LeftOut },
        ..KeyFilter::default()
    };
    let (rows, total) = app.views.key_page(filter, paged.paging()).await?;
    Ok(Json(Page::of(items_of(&app, rows).await?, paged, total)))
}

/// Makes a key; its token is in this answer and nowhere else
///
/// A key for everything in the organization that the caller works in is for super administrators, one for a team for
/// who runs it, one for a project for whoever scans in it.
#[utoipa::path(
    post, path = "/v1/api-keys", tag = "TRUSCA API keys", request_body = ApiKeyCreateIn,
    responses(
        (status = 201, body = ApiKeyCreateOut),
        (status = 404, body = super::shape::ProblemOut),
        (status = 422, body = super::shape::ProblemOut),
    )
)]
pub async fn create_key(
    State(app): State<App>,
    caller: Caller,
    body: Body<ApiKeyCreateIn>,
) -> Result<Written<ApiKeyCreateOut>, Problem> {
    let place = place_of(&app, &caller, &body.value).await?;
    may_issue(&caller.principal, place)?;
    let wanted = wanted_key(&caller, place, body.value, app.clock.now())?;
    let mut context = caller.command(&app, body.digest).await?;
    context.organization = Some(place.organization());
    let issued = app.identities.create_key(&context, wanted).await?;
    let position = Some(issued.position);
    Ok(Written::at(&app, StatusCode::CREATED, position, created_out(place, issued)).await)
}

/// Ends a key for good, from the next request on; one that has ended stays ended
#[utoipa::path(
    delete, path = "/v1/api-keys/{id}", tag = "TRUSCA API keys",
    responses((status = 204), (status = 404, body = super::shape::ProblemOut))
)]
pub async fn revoke_key(
    State(app): State<App>,
    caller: Caller,
    Id(key): Id<ApiKeyId>,
) -> Result<Response, Problem> {
    let revocation = async {
        let row = key_to_end(&app, &caller, key).await?;
        let mut context = caller.command(&app, digest_of(b"")).await?;
        context.organization = Some(row.organization);
        match app.identities.revoke_key(&context, key).await {
            // The row was there, so it was revoked, now or before.
            Err(CommandError::Refused(ApiKeyRefusal::NotFound)) => Ok(None),
            revoked => Ok(revoked?),
        }
    };
    Ok(done(&app, caller.once(&app, digest_of(b""), revocation).await?).await)
}

/// Lets a key only read from here on
#[utoipa::path(
    patch, path = "/v1/api-keys/{id}", tag = "TRUSCA API keys", request_body = ApiKeyNarrowIn,
    responses(
        (status = 200, body = ApiKeyListItem),
        (status = 404, body = super::shape::ProblemOut),
        (status = 422, body = super::shape::ProblemOut),
    )
)]
pub async fn narrow_key(
    State(app): State<App>,
    caller: Caller,
    Id(key): Id<ApiKeyId>,
    body: Body<ApiKeyNarrowIn>,
) -> Result<Written<ApiKeyListItem>, Problem> {
    let row = key_to_end(&app, &caller, key).await?;
    let mut context = caller.command(&app, body.digest).await?;
    context.organization = Some(row.organization);
    let position = match app.identities.narrow_key(&context, key).await {
        Err(CommandError::Refused(ApiKeyRefusal::NotFound)) => return Err(no_key()),
        narrowed => narrowed?,
    };
    let narrowed = KeyRow { breadth: Breadth::ReadOnly, ..row };
    let item = items_of(&app, vec![narrowed]).await?.pop().ok_or_else(no_key)?;
    Ok(Written::at(&app, StatusCode::OK, position, item).await)
}

/// What a key is to open.
async fn place_of(app: &App, caller: &Caller, wanted: &ApiKeyCreateIn) -> Result<KeyPlace, Problem> {
    match (wanted.scope, wanted.team_id, wanted.project_id) {
        (KeyScopeWord::Org, None, None) => Ok(KeyPlace::Organization(caller.organization())),
        (KeyScopeWord::Team, Some(team), None) => {
            let id = TeamId(team);
            if let Some(team) = app.views.team(id).await? {
                return Ok(KeyPlace::Team(team.organization, id));
            }
            // A missing team is refused like one of another organization, so that nobody can tell them apart.
            may_issue(&caller.principal, KeyPlace::Team(OrganizationId(Uuid::nil()), id))?;
            Err(Problem::missing("team").with_title("Team Not Found"))
        }
        (KeyScopeWord::Project, None, Some(project)) => {
            match app.views.scope_of_project(ProjectId(project)).await {
                Ok(scope) => Ok(KeyPlace::Project(scope)),
                Err(ReadError::Missing(what)) => Err(Problem::missing(what).with_title("Project Not Found")),
                Err(error) => Err(error.into()),
            }
        }
        _ => {
            let error = "team_id goes with the scope team, project_id with the scope project, none with org";
            let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error);
            Err(problem.with_title("Invalid API Key Scope"))
        }
    }
}

fn wanted_key(
    caller: &Caller,
    place: KeyPlace,
    wanted: ApiKeyCreateIn,
    now: Timestamp,
) -> Result<NewKey, Problem> {
    if wanted.service_account_id.is_some() {
        return Err(Problem::invalid("service_account_id", "there are no service accounts"));
    }
    let expires_at = wanted.expires_in_days.map(|days| {
        let expected = format!("must be a whole number from 1 to {KEY_DAYS}");
        key_end(now, days).ok_or_else(|| Problem::invalid("expires_in_days", expected))
    });
    let (team, project) = match place {
        KeyPlace::Organization(_) => (None, None),
        KeyPlace::Team(_, team) => (Some(team), None),
        KeyPlace::Project(scope) => (None, Some(scope.project)),
    };
    Ok(NewKey {
        organization: place.organization(),
        name: wanted.name,
        form: KeyForm::Trusca,
        kind: KeyKind::Personal,
        // What keys are accepted for (reference §2.2) takes no more than this.
        role: Role::Developer,
        team,
        project,
        scopes: [Scope::Scan, Scope::IncidentsRead].into_iter().collect::<Scopes>(),
        breadth: wanted.permission_breadth.into(),
        by: caller.person(),
        expires_at: expires_at.transpose()?,
    })
}

/// A key that the caller may end or narrow.
async fn key_to_end(app: &App, caller: &Caller, key: ApiKeyId) -> Result<KeyRow, Problem> {
    let row = app.views.key(key).await?.filter(|row| row.form == KeyForm::Trusca).ok_or_else(no_key)?;
    let team = team_of(app, &row).await?;
    let facts = KeyFacts { organization: row.organization, team, by: row.created_by };
    match may_end(&caller.principal, facts) {
        Ok(()) => Ok(row),
        Err(denied) if denied.hides() => Err(no_key()),
        Err(Denied::Role { .. }) => Err(not_yours()),
        Err(denied) => Err(denied.into()),
    }
}

fn no_key() -> Problem {
    Problem::missing("API key").with_title("API Key Not Found")
}

fn not_yours() -> Problem {
    let error = "only who made a key, who runs its team and super administrators may end it";
    Problem::new(StatusCode::FORBIDDEN, error).with_title("Forbidden")
}
