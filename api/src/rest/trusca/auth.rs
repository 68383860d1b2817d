//! Making an account, signing in, going on and signing out (reference §3.1).

use super::shape::{ProblemOut, done, email_of};
use super::visitor::{Cookie, Visitor};
use crate::app::App;
use crate::auth::{Bearer, Caller, TokenKind, account_of, record_locked};
use crate::entrance::Registration;
use crate::extract::Body;
use crate::limit::Limits;
use crate::problem::Problem;
use crate::request::POSITION;
use crate::rest::people::{SealedPerson, open_people};
use crate::rest::{Moment, Written, shown};
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use scanledger_commands::identity::{Identities, NewPerson, SignInRefusal, SignedIn};
use scanledger_commands::{CommandError, Context};
use scanledger_domain::id::{OrganizationId, SubjectId, UserId};
use scanledger_domain::identity::{Rank, SessionKind, TeamRole};
use scanledger_domain::limits::SIGN_IN_PASSWORD_CHARS;
use scanledger_domain::log::Actor;
use scanledger_domain::vault::ERASED_PERSON;
use scanledger_projections::identity::{MembershipRow, UserRow};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use utoipa::ToSchema;
use uuid::Uuid;

/// The cookie with the token to continue a session (reference §2.1).
const REFRESH: Cookie = Cookie { name: "refresh_token", path: "/auth" };

/// An account that is wanted.
#[derive(Deserialize, ToSchema)]
#[schema(as = trusca::RegisterRequest)]
pub struct RegisterIn {
    email: String,
    /// One line of at most 255 characters.
    full_name: Option<String>,
    /// 8 to 128 characters.
    password: String,
}

/// Somebody who wants to sign in.
#[derive(Deserialize, ToSchema)]
#[schema(as = trusca::LoginRequest)]
pub struct LoginIn {
    email: String,
    password: String,
}

/// A person.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = trusca::UserPublic)]
pub struct UserOut {
    id: Uuid,
    email: String,
    full_name: Option<String>,
    is_active: bool,
    is_superuser: bool,
    created_at: Moment,
}

/// A person with their teams.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = trusca::UserMeResponse)]
pub struct MeOut {
    #[serde(flatten)]
    user: UserOut,
    /// The eldest first.
    memberships: Vec<MembershipOut>,
}

/// A place in a team.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = trusca::MembershipPublic)]
pub struct MembershipOut {
    team_id: Uuid,
    team_name: String,
    /// `team_admin`, `developer` or `viewer`.
    role: &'static str,
}

impl From<MembershipRow> for MembershipOut {
    fn from(row: MembershipRow) -> Self {
        Self { team_id: row.team.0, team_name: row.team_name, role: TeamRole::as_str(row.role) }
    }
}

/// What a client goes on with.
#[derive(Serialize, ToSchema)]
#[schema(as = trusca::TokenResponse)]
pub struct TokenOut {
    /// For the header `Authorization`.
    access_token: String,
    /// Always `bearer`.
    token_type: &'static str,
    /// How long it is good, in seconds.
    expires_in: u64,
}

/// Makes an account with an organization and a team of its own
#[utoipa::path(
    post, path = "/auth/register", tag = "Sign-in", request_body = RegisterIn,
    responses(
        (status = 201, body = UserOut),
        (status = 404, body = ProblemOut, description = "Nobody may register by themselves."),
        (status = 409, body = ProblemOut, description = "Somebody has the address."),
        (status = 422, body = ProblemOut, description = "The address is none, or the password is weak.")
    )
)]
pub async fn register(
    State(app): State<App>,
    visitor: Visitor,
    body: Body<RegisterIn>,
) -> Result<Written<UserOut>, Problem> {
    if app.entrance.registration == Registration::Closed {
        let error = "nobody may register by themselves here";
        return Err(Problem::new(StatusCode::NOT_FOUND, error).with_title("Not Found"));
    }
    let RegisterIn { email, full_name, password } = body.value;
    let email = email_of(&email)?;
    let asked = visitor.asked(&app);
    // Their organization is theirs from the first event on, so that its audit log begins with their account.
    let made = Context::new(asked.command, Actor::System, None);
    let (user, organization): (UserId, OrganizationId) =
        (Identities::person_made_by(&made), made.made_id("organization"));
    let context = app.identities.context(&asked, Actor::User(user), Some(organization), SubjectId(user.0));
    let context = context.map_err(|error| Problem::fault(&error))?;
    let new = NewPerson { email: email.clone(), name: full_name.clone(), password: Some(password) };
    let registered = app.identities.register(&context, new).await?;
    shown(&app, Some(registered.position)).await;
    let answer = match app.views.user(user).await? {
        Some(row) => user_out(&app, row).await?,
        // Reads are late; the account is made all the same.
        None => UserOut {
            id: user.0,
            email,
            full_name: full_name.filter(|name| !name.is_empty()),
            is_active: true,
            is_superuser: false,
            created_at: Moment(app.clock.now()),
        },
    };
    Ok(Written::at(&app, StatusCode::CREATED, Some(registered.position), answer).await)
}

/// Signs in with a password
///
/// The answer sets the cookie `refresh_token`, with which `POST /auth/refresh` goes on.
#[utoipa::path(
    post, path = "/auth/login", tag = "Sign-in", request_body = LoginIn,
    responses(
        (status = 200, body = TokenOut),
        (status = 401, body = ProblemOut, description = "The address, the password or the account will not do."),
        (status = 422, body = ProblemOut, description = "The request is not valid."),
        (status = 429, body = ProblemOut, description = "Too many attempts, or too many that failed.")
    )
)]
pub async fn login(
    State(app): State<App>,
    Extension(limits): Extension<Arc<Limits>>,
    visitor: Visitor,
    body: Body<LoginIn>,
) -> Result<Response, Problem> {
    let LoginIn { email, password } = body.value;
    let email = email_of(&email)?;
    if !SIGN_IN_PASSWORD_CHARS.contains(&password.chars().count()) {
        let longest = SIGN_IN_PASSWORD_CHARS.end();
        return Err(Problem::invalid("password", format!("must have 1 to {longest} characters")));
    }
    let asked = visitor.asked(&app);
    // Without a connection there is no network that could be slowed down.
    let door = visitor.address().map(|address| (account_of(&app, &email), address));
    if let Some((account, address)) = door
        && let Err(wait) = limits.lockout.check(account, address)
    {
        record_locked(&app, asked, &email);
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, wait.to_string());
        return Err(problem.retry_after(wait.seconds));
    }
    let signed_in = app.identities.sign_in(&asked, &email, &password, SessionKind::Tokens).await;
    if let Some((account, address)) = door {
        match &signed_in {
            Ok(_) => limits.lockout.succeeded(account, address),
            Err(CommandError::Refused(SignInRefusal::Invalid)) => limits.lockout.failed(account, address),
            Err(_) => (),
        }
    }
    tokens(&app, &signed_in?).await
}

/// Takes the cookie's token, and gives the next access token and another cookie
///
/// A token that was used before ends all sessions of its owner.
#[utoipa::path(
    post, path = "/auth/refresh", tag = "Sign-in",
    responses(
        (status = 200, body = TokenOut),
        (status = 401, body = ProblemOut, description = "No cookie, or its token is not good or was used before."),
        (status = 403, body = ProblemOut, description = "The request comes from a page of somebody else.")
    )
)]
pub async fn refresh(State(app): State<App>, visitor: Visitor) -> Result<Response, Problem> {
    let token = visitor.own_cookie(REFRESH.name)?.ok_or(SignInRefusal::Over)?;
    let signed_in = app.identities.continue_session(&visitor.asked(&app), token).await?;
    tokens(&app, &signed_in).await
}

/// Ends the session of the cookie, whatever it is, and takes the cookie away
#[utoipa::path(
    post, path = "/auth/logout", tag = "Sign-in",
    responses(
        (status = 204, description = "Whoever came is signed out."),
        (status = 403, body = ProblemOut, description = "The request comes from a page of somebody else.")
    )
)]
pub async fn logout(State(app): State<App>, visitor: Visitor) -> Result<Response, Problem> {
    let position = match visitor.own_cookie(REFRESH.name)? {
        Some(token) => app.identities.sign_out(&visitor.asked(&app), token).await?,
        None => None,
    };
    let mut response = done(&app, position).await;
    response.headers_mut().insert(header::SET_COOKIE, REFRESH.clear(&app));
    Ok(response)
}

/// Who is signed in, with their teams
#[utoipa::path(get, path = "/auth/me", tag = "Sign-in", responses((status = 200, body = MeOut)))]
pub async fn me(State(app): State<App>, caller: Caller) -> Result<Json<MeOut>, Problem> {
    let (user, row) = own_account(&app, &caller).await?;
    let memberships = app.views.memberships(user).await?;
    let memberships = memberships.into_iter().map(MembershipOut::from).collect();
    Ok(Json(MeOut { user: user_out(&app, row).await?, memberships }))
}

/// The account of whoever is signed in.
///
/// # Errors
/// 401 for who is nobody, or no longer.
pub(super) async fn own_account(app: &App, caller: &Caller) -> Result<(UserId, UserRow), Problem> {
    let nobody = || Problem::unauthenticated("the account does not exist any more");
    let user = caller.person().ok_or_else(nobody)?;
    Ok((user, app.views.user(user).await?.ok_or_else(nobody)?))
}

async fn user_out(app: &App, row: UserRow) -> Result<UserOut, Problem> {
    let sealed = SealedPerson { name: row.name, email: row.email };
    let person = open_people(app, vec![sealed]).await?.pop();
    let (name, email) = person.map_or((None, None), |person| (Some(person.name), person.email));
    Ok(UserOut {
        id: row.id.0,
        email: email.unwrap_or_else(|| ERASED_PERSON.to_owned()),
        full_name: name.filter(|name| !name.is_empty()),
        is_active: row.is_active,
        is_superuser: row.rank == Rank::SuperAdmin,
        created_at: Moment(row.registered_at),
    })
}

/// The cookie to go on with.
pub(super) fn refresh_cookie(app: &App, signed_in: &SignedIn) -> HeaderValue {
    let left = signed_in.token_expires_at.0.saturating_sub(app.clock.now().0);
    let left = Duration::from_micros(u64::try_from(left).unwrap_or_default());
    REFRESH.set(app, signed_in.token.reveal(), left)
}

/// The access token of a session.
///
/// # Errors
/// When signing fails, which is a defect.
pub(super) fn access_token(app: &App, signed_in: &SignedIn) -> Result<TokenOut, Problem> {
    let lifetime = app.identities.lifetimes().access;
    let bearer = Bearer { user: signed_in.user, session: signed_in.session };
    let token = app.tokens.sign(TokenKind::Access, bearer, app.ids.fresh(), app.clock.now(), lifetime);
    let access_token = token.map_err(|error| Problem::fault(&error))?;
    Ok(TokenOut { access_token, token_type: "bearer", expires_in: lifetime.as_secs() })
}

/// The answer to somebody who is signed in, once reads know the session.
async fn tokens(app: &App, signed_in: &SignedIn) -> Result<Response, Problem> {
    let body = access_token(app, signed_in)?;
    let cookie = refresh_cookie(app, signed_in);
    let position = shown(app, Some(signed_in.position)).await;
    // RFC 6749 §5.1.
    let headers =
        [(header::SET_COOKIE, cookie), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((headers, [(POSITION, position.to_string())], Json(body)).into_response())
}
