//! Changing one's own password while one is signed in. The reference has no such route; it stands beside those of
//! one's own account (reference §3.22) and is ours.

use super::auth::{TokenOut, access_token, own_account, refresh_cookie};
use super::shape::ProblemOut;
use crate::app::App;
use crate::auth::{Bearer, Caller, account_of, asked};
use crate::extract::Body;
use crate::limit::{ClientAddress, Limits};
use crate::problem::Problem;
use crate::request::POSITION;
use crate::rest::people::open_texts;
use crate::rest::pepper::session_cookie;
use crate::rest::shown;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use scanledger_commands::CommandError;
use scanledger_commands::identity::{KeysAfter, PasswordChange, PersonRefusal};
use scanledger_domain::identity::{Credential, SessionKind, UserRefusal};
use scanledger_domain::limits::SIGN_IN_PASSWORD_CHARS;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// Another password for oneself.
#[derive(Deserialize, ToSchema)]
#[schema(as = trusca::ChangePasswordRequest)]
pub struct ChangePasswordIn {
    /// The present one; 1 to 256 characters.
    current_password: String,
    /// 8 to 128 characters.
    new_password: String,
    /// Whether all API keys that act for oneself end too; they stay if absent.
    #[serde(default)]
    revoke_keys: bool,
}

/// What has become of sessions and keys.
#[derive(Serialize, ToSchema)]
#[schema(as = trusca::ChangePasswordResponse)]
pub struct ChangedPasswordOut {
    /// To go on with; none for a browser with a session's cookie, which is set anew.
    token: Option<TokenOut>,
    /// API keys that have ended.
    revoked_keys: u64,
    /// API keys that still act for oneself, in whatever organization.
    live_keys: u64,
}

/// Chooses another password for oneself
///
/// Needs the present one. All sessions are over then, and a new one begins: its token is in the answer, and its cookie
/// is set. The owner gets a message.
#[utoipa::path(
    post, path = "/v1/users/me/password", tag = "Own account", request_body = ChangePasswordIn,
    responses(
        (status = 200, body = ChangedPasswordOut),
        (status = 409, body = ProblemOut, description = "There is no password: others vouch for whoever asks."),
        (status = 422, body = ProblemOut, description = "The present password is not right, or the new one is weak."),
        (status = 429, body = ProblemOut, description = "Too many attempts, or too many that failed.")
    )
)]
pub async fn change_password(
    State(app): State<App>,
    Extension(limits): Extension<Arc<Limits>>,
    caller: Caller,
    body: Body<ChangePasswordIn>,
) -> Result<Response, Problem> {
    let ChangePasswordIn { current_password: present, new_password: next, revoke_keys } = body.value;
    if !SIGN_IN_PASSWORD_CHARS.contains(&present.chars().count()) {
        let longest = SIGN_IN_PASSWORD_CHARS.end();
        return Err(Problem::invalid("current_password", format!("must have 1 to {longest} characters")));
    }
    let (user, row) = own_account(&app, &caller).await?;
    let email = open_texts(&app, vec![row.email]).await?.pop().flatten().unwrap_or_default();
    let asked = asked(&app, &caller.origin);
    // Whoever has taken a session over guesses no faster than whoever signs in.
    let address = caller.origin.address.map(ClientAddress);
    let door = address.map(|address| (account_of(&app, &email), address));
    if let Some((account, address)) = door
        && let Err(wait) = limits.lockout.check(account, address)
    {
        app.identities.record_locked(&asked, &email).await?;
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, wait.to_string());
        return Err(problem.retry_after(wait.seconds));
    }
    let kind = kind_of(&app, &caller)?;
    let change = PasswordChange { present, next, keys: KeysAfter::from(revoke_keys), kind };
    let changed = app.identities.change_password(&asked, user, change).await;
    if let Some((account, address)) = door {
        match &changed {
            Ok(_) => limits.lockout.succeeded(account, address),
            Err(CommandError::Refused(PersonRefusal::User(UserRefusal::WrongPassword))) => {
                limits.lockout.failed(account, address);
            }
            Err(_) => (),
        }
    }
    let changed = changed.map_err(|error| match error {
        CommandError::Refused(PersonRefusal::WeakPassword(weak)) => {
            Problem::invalid("new_password", weak.to_string())
        }
        error => error.into(),
    })?;
    let (signed_in, lifetime) = (&changed.signed_in, app.identities.lifetimes().refresh);
    let (token, cookie) = match kind {
        SessionKind::Tokens => (Some(access_token(&app, signed_in)?), refresh_cookie(&app, signed_in)),
        SessionKind::Cookie => {
            let bearer = Bearer { user, session: signed_in.session };
            (None, session_cookie(&app, bearer, lifetime)?)
        }
    };
    let position = shown(&app, Some(signed_in.position)).await;
    let headers =
        [(header::SET_COOKIE, cookie), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    let body = ChangedPasswordOut { token, revoked_keys: changed.revoked_keys, live_keys: changed.live_keys };
    Ok((headers, [(POSITION, position.to_string())], Json(body)).into_response())
}

/// What the session is for that the request came with.
fn kind_of(app: &App, caller: &Caller) -> Result<SessionKind, Problem> {
    let session = match caller.principal.credential {
        Credential::Session(session) => app.views.session(session)?,
        Credential::Key { .. } | Credential::Installation(_) => None,
    };
    session.map(|row| row.kind).ok_or_else(|| Problem::unauthenticated("the session is over"))
}
