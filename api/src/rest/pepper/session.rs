//! Sessions of browsers (reference §1): the routes that NextAuth's clients use.

use super::browser::{address_of, cookie, cookie_name, destination, failure, session_cookie};
use super::csrf;
use super::form::{Flag, Form};
use super::member::RoleWord;
use crate::app::App;
use crate::auth::{
    Bearer, Presented, TokenKind, account_of, asked, authenticate, record_locked, same_origin, session_token,
};
use crate::extract::Opaque;
use crate::limit::Limits;
use crate::memory::Memory;
use crate::problem::Problem;
use crate::request::{Origin, POSITION};
use crate::rest::people::{SealedPerson, open_people};
use crate::rest::{Instant, shown};
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use scanledger_commands::CommandError;
use scanledger_commands::identity::{Asked, SignedIn};
use scanledger_domain::identity::{Belonging, Credential, Principal, SessionKind};
use scanledger_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use utoipa::ToSchema;
use uuid::Uuid;

/// The token that forms have to carry.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CsrfOut {
    csrf_token: String,
}

/// Ways to sign in, by id.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProvidersOut {
    credentials: ProviderOut,
}

/// A way to sign in.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderOut {
    id: &'static str,
    name: &'static str,
    r#type: &'static str,
    signin_url: String,
    callback_url: String,
}

/// A sign-in with a password.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignInIn {
    /// From `GET /api/auth/csrf`.
    csrf_token: Option<String>,
    email: Option<String>,
    #[schema(value_type = Option<String>)]
    password: Option<Opaque>,
    /// Where the browser goes afterwards: a path or an address of this server.
    callback_url: Option<String>,
    /// Whether the answer is JSON rather than a redirection.
    #[schema(value_type = Option<bool>)]
    json: Option<Flag>,
}

/// A sign-out.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignOutIn {
    /// From `GET /api/auth/csrf`.
    csrf_token: Option<String>,
    /// Where the browser goes afterwards: a path or an address of this server.
    callback_url: Option<String>,
    /// Whether the answer is JSON rather than a redirection.
    #[schema(value_type = Option<bool>)]
    json: Option<Flag>,
}

/// Where the browser goes.
#[derive(Debug, Serialize, ToSchema)]
pub struct UrlOut {
    url: String,
}

/// A session; nothing of it for who has none.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionOut {
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<SessionUserOut>,
    /// When it ends if it is not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<Instant>,
}

/// Whose session it is.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionUserOut {
    id: Uuid,
    /// None for who gave none.
    name: Option<String>,
    email: Option<String>,
    memberships: Vec<MembershipOut>,
}

/// An organization that somebody belongs to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MembershipOut {
    organization_id: Uuid,
    role: RoleWord,
    organization_name: String,
    /// The name in lower case, with `-` for what is neither a letter nor a digit.
    organization_slug: String,
}

/// The token that forms have to carry, and its cookie
#[utoipa::path(get, path = "/api/auth/csrf", tag = "Sessions", responses((status = 200, body = CsrfOut)))]
pub async fn csrf_token(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    let token = csrf::token(&app, &headers)?;
    let cookie = cookie(&app, &csrf::cookie_name(&app), &token.cookie, None)?;
    Ok(([(header::SET_COOKIE, cookie)], Json(CsrfOut { csrf_token: token.text })).into_response())
}

/// Ways to sign in
#[utoipa::path(
    get, path = "/api/auth/providers", tag = "Sessions", responses((status = 200, body = ProvidersOut))
)]
pub async fn providers(State(app): State<App>) -> Json<ProvidersOut> {
    let base = &app.entrance.public_url;
    Json(ProvidersOut {
        credentials: ProviderOut {
            id: "credentials",
            name: "credentials",
            r#type: "credentials",
            signin_url: format!("{base}/api/auth/signin/credentials"),
            callback_url: format!("{base}/api/auth/callback/credentials"),
        },
    })
}

/// Signs a browser in with a password
///
/// Sets the session's cookie. Whoever asks for JSON gets the address to go to, others are sent there.
#[utoipa::path(
    post, path = "/api/auth/callback/credentials", tag = "Sessions",
    request_body(content = SignInIn, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = UrlOut),
        (status = 302, description = "The browser is sent on, signed in or with `error=CredentialsSignin`."),
        (status = 401, body = UrlOut, description = "The address or the password is not right."),
        (status = 403, body = crate::problem::ProblemBody, description = "The token of the form is not right."),
        (status = 429, body = crate::problem::ProblemBody, description = "Too many have failed before.")
    )
)]
pub async fn sign_in(
    State(app): State<App>,
    Extension(limits): Extension<Arc<Limits>>,
    parts: Parts,
    form: Form<SignInIn>,
) -> Result<Response, Problem> {
    same_origin(&parts.method, &parts.headers)?;
    let SignInIn { csrf_token, email, password, callback_url, json } = form.value;
    csrf::check(&app, &parts.headers, csrf_token.as_deref())?;
    let email = email.unwrap_or_default();
    let password = password.map(|password| password.0).unwrap_or_default();
    let (account, address) = (account_of(&app, &email), address_of(&parts));
    let asked = asked(&app, &Origin::of(&parts));
    if let Err(wait) = limits.lockout.check(account, address) {
        record_locked(&app, asked, &email);
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, wait.to_string());
        return Err(problem.with_code("TOO_MANY_FAILURES").retry_after(wait.seconds));
    }
    let form = json.map_or(form.kind, Flag::kind);
    match app.identities.sign_in(&asked, &email, &password, SessionKind::Cookie).await {
        Ok(signed_in) => {
            limits.lockout.succeeded(account, address);
            signed_in_to(&app, &signed_in, form, &destination(&app, callback_url.as_deref())).await
        }
        Err(CommandError::Refused(_)) => {
            limits.lockout.failed(account, address);
            Ok(form.answer(StatusCode::UNAUTHORIZED, failure(&app, "CredentialsSignin")))
        }
        Err(error) => Err(error.into()),
    }
}

async fn signed_in_to(
    app: &App,
    signed_in: &SignedIn,
    form: super::form::Kind,
    url: &str,
) -> Result<Response, Problem> {
    let position = shown(app, Some(signed_in.position)).await;
    let bearer = Bearer { user: signed_in.user, session: signed_in.session };
    let cookie = session_cookie(app, bearer, app.identities.lifetimes().refresh)?;
    let mut response = form.answer(StatusCode::OK, url.to_owned());
    response.headers_mut().append(header::SET_COOKIE, cookie);
    response.headers_mut().insert(POSITION, position.0.into());
    Ok(response)
}

/// The session of the browser; an empty object without one
///
/// The cookie is set anew, so that a session which is used goes on.
#[utoipa::path(get, path = "/api/auth/session", tag = "Sessions", responses((status = 200, body = SessionOut)))]
pub async fn read_session(
    State(app): State<App>,
    memory: Memory,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let none = || Json(SessionOut { user: None, expires: None });
    let Some(token) = session_token(&headers, app.entrance.transport()) else {
        return Ok(none().into_response());
    };
    let principal = match authenticate(&app, &memory, Presented::Cookie(token)).await {
        Ok(principal) => principal,
        Err(refused) if refused.status() == StatusCode::UNAUTHORIZED => {
            let over = cookie(&app, &cookie_name(&app), "", Some(Duration::ZERO))?;
            return Ok(([(header::SET_COOKIE, over)], none()).into_response());
        }
        Err(problem) => return Err(problem),
    };
    let Some((bearer, expires)) = session_of(&app, &principal)? else { return Ok(none().into_response()) };
    let seconds = expires.0.saturating_sub(app.clock.now().0) / 1_000_000;
    let lifetime = Duration::from_secs(seconds.try_into().unwrap_or_default());
    let cookie = session_cookie(&app, bearer, lifetime)?;
    let user = session_user(&app, &principal).await?;
    let session = SessionOut { user, expires: Some(Instant(expires)) };
    Ok(([(header::SET_COOKIE, cookie)], Json(session)).into_response())
}

/// Whose session it is, and when it ends if it is not used from now on.
fn session_of(app: &App, principal: &Principal) -> Result<Option<(Bearer, Timestamp)>, Problem> {
    let (Credential::Session(session), Some(person)) = (principal.credential, principal.person()) else {
        return Ok(None);
    };
    let Some(row) = app.views.session(session)? else { return Ok(None) };
    let unused = i64::try_from(app.identities.lifetimes().refresh.as_secs()).unwrap_or(i64::MAX / 2_000_000);
    let expires = app.clock.now().plus_seconds(unused).min(row.expires_at);
    Ok(Some((Bearer { user: person.user, session }, expires)))
}

async fn session_user(app: &App, principal: &Principal) -> Result<Option<SessionUserOut>, Problem> {
    let Some(standing) = principal.person() else { return Ok(None) };
    let Some(row) = app.views.user(standing.user).await? else { return Ok(None) };
    let sealed = SealedPerson { name: row.name, email: row.email };
    let person = open_people(app, vec![sealed]).await?.into_iter().next();
    let mut memberships = Vec::with_capacity(standing.organizations.len());
    for belonging in &standing.organizations {
        memberships.extend(membership(app, belonging).await?);
    }
    Ok(person.map(|person| SessionUserOut {
        id: row.id.0,
        name: Some(person.name).filter(|name| !name.is_empty()),
        email: person.email,
        memberships,
    }))
}

async fn membership(app: &App, belonging: &Belonging) -> Result<Option<MembershipOut>, Problem> {
    let organization = app.views.organization(belonging.organization).await?;
    Ok(organization.map(|organization| MembershipOut {
        organization_id: organization.id.0,
        role: belonging.role().into(),
        organization_slug: slug(&organization.name),
        organization_name: organization.name,
    }))
}

/// Ends the session of the browser
#[utoipa::path(
    post, path = "/api/auth/signout", tag = "Sessions",
    request_body(content = SignOutIn, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = UrlOut),
        (status = 302, description = "The browser is sent on."),
        (status = 403, body = crate::problem::ProblemBody, description = "The token of the form is not right.")
    )
)]
pub async fn sign_out(
    State(app): State<App>,
    parts: Parts,
    form: Form<SignOutIn>,
) -> Result<Response, Problem> {
    same_origin(&parts.method, &parts.headers)?;
    let SignOutIn { csrf_token, callback_url, json } = form.value;
    csrf::check(&app, &parts.headers, csrf_token.as_deref())?;
    let position = end(&app, &asked(&app, &Origin::of(&parts)), &parts.headers).await?;
    let url = destination(&app, callback_url.as_deref());
    let mut response = json.map_or(form.kind, Flag::kind).answer(StatusCode::OK, url);
    let over = cookie(&app, &cookie_name(&app), "", Some(Duration::ZERO))?;
    response.headers_mut().append(header::SET_COOKIE, over);
    response.headers_mut().insert(POSITION, position.into());
    Ok(response)
}

/// Ends the session of a cookie, and waits until reads show it.
async fn end(app: &App, asked: &Asked, headers: &HeaderMap) -> Result<u64, Problem> {
    let bearer = session_token(headers, app.entrance.transport())
        .and_then(|token| app.tokens.check(TokenKind::Session, token, app.clock.now()));
    let position = match bearer {
        Some(Bearer { user, session }) => app.identities.end_session(asked, user, session).await?,
        None => None,
    };
    Ok(shown(app, position).await.0)
}

fn slug(name: &str) -> String {
    let words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::slug;

    #[test]
    fn slugs_are_words_in_lower_case() {
        assert_eq!(slug("Acme & Söhne  GmbH"), "acme-söhne-gmbh");
        assert_eq!(slug("!"), "");
    }
}
