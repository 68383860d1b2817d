//! API keys (reference §9).

use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Body, Id, digest_of};
use crate::problem::Problem;
use crate::rest::{Instant, Written};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use scanledger_commands::identity::{NewKey, role_of_issued_key};
use scanledger_domain::id::ApiKeyId;
use scanledger_domain::identity::{KeyForm, KeyKind, Resource, Role};
use scanledger_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A key, without its token.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyOut {
    id: Uuid,
    name: String,
    /// The first characters of its token.
    prefix: String,
    last_used_at: Option<Instant>,
    created_at: Instant,
    expires_at: Option<Instant>,
}

/// Keys, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeysOut {
    keys: Vec<KeyOut>,
}

/// A key that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyIn {
    /// One line of 1 to 100 characters.
    name: String,
    /// When it ends (RFC 3339); never if absent.
    expires_at: Option<String>,
}

/// A key that was made.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IssuedKeyOut {
    id: Uuid,
    /// The whole token; shown once.
    plaintext: String,
    prefix: String,
    name: String,
    expires_at: Option<Instant>,
}

/// That it is done.
#[derive(Debug, Serialize, ToSchema)]
pub struct OkOut {
    ok: bool,
}

/// The keys of the organization, newest first
#[utoipa::path(get, path = "/api/apikeys", tag = "API keys", responses((status = 200, body = KeysOut)))]
pub async fn list_keys(State(app): State<App>, caller: Caller) -> Result<Json<KeysOut>, Problem> {
    let rows = app.views.keys(caller.organization()).await?;
    let ids: Vec<ApiKeyId> = rows.iter().map(|key| key.id).collect();
    let usage = std::sync::Arc::clone(&app.key_usage);
    let used = tokio::task::spawn_blocking(move || usage.last_used(&ids)).await;
    let used = used.map_err(|error| Problem::fault(&error))?.map_err(|cause| Problem::fault(&*cause))?;
    let keys = rows.into_iter().map(|key| KeyOut {
        id: key.id.0,
        name: key.name,
        prefix: key.prefix,
        last_used_at: used.get(&key.id).copied().map(Instant),
        created_at: Instant(key.created_at),
        expires_at: key.expires_at.map(Instant),
    });
    Ok(Json(KeysOut { keys: keys.collect() }))
}

/// Makes a key; its token is in this answer and nowhere else
///
/// The key has the role of its maker, at most `Developer`.
#[utoipa::path(
    post, path = "/api/apikeys", tag = "API keys", request_body = KeyIn,
    responses((status = 201, body = IssuedKeyOut), (status = 409, body = crate::problem::ProblemBody))
)]
pub async fn create_key(
    State(app): State<App>,
    caller: Caller,
    body: Body<KeyIn>,
) -> Result<Written<IssuedKeyOut>, Problem> {
    let wanted = NewKey {
        organization: caller.organization(),
        name: body.value.name,
        form: KeyForm::Pepper,
        kind: if caller.person().is_some() { KeyKind::Personal } else { KeyKind::Service },
        role: role_of_issued_key(caller.principal.role().unwrap_or(Role::Viewer)),
        team: None,
        project: None,
        // A key makes none that may be used for more than itself.
        scopes: caller.principal.limit.scopes,
        breadth: caller.principal.limit.breadth,
        by: caller.person(),
        expires_at: body.value.expires_at.as_deref().map(expiry).transpose()?,
    };
    let context = caller.command(&app, body.digest).await?;
    let issued = app.identities.create_key(&context, wanted).await?;
    let answer = IssuedKeyOut {
        id: issued.created.key.0,
        plaintext: issued.token.reveal().to_owned(),
        prefix: issued.created.prefix,
        name: issued.created.name,
        expires_at: issued.created.expires_at.map(Instant),
    };
    Ok(Written::at(&app, StatusCode::CREATED, Some(issued.position), answer).await)
}

fn expiry(text: &str) -> Result<Timestamp, Problem> {
    let expected = "must be an instant in RFC 3339, such as 2026-12-31T00:00:00Z";
    Timestamp::parse_rfc3339(text).ok_or_else(|| Problem::invalid("expiresAt", expected))
}

/// Ends a key for good, from the next request on
#[utoipa::path(
    delete, path = "/api/apikeys/{id}", tag = "API keys",
    responses((status = 200, body = OkOut), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn revoke_key(
    State(app): State<App>,
    caller: Caller,
    Id(key): Id<ApiKeyId>,
) -> Result<Written<OkOut>, Problem> {
    let revocation = async {
        let owner = app.views.organization_of_key(key).await?.ok_or_else(|| Problem::missing("API key"))?;
        caller.may_or_record(&app, Resource::Organization(owner)).await?;
        let context = caller.command(&app, digest_of(b"")).await?;
        Ok(app.identities.revoke_key(&context, key).await?)
    };
    let position = caller.once(&app, digest_of(b""), revocation).await?;
    Ok(Written::at(&app, StatusCode::OK, position, OkOut { ok: true }).await)
}
