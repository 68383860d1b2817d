//! The app, its installations and their tokens. <https://docs.github.com/en/rest/apps/apps>

use crate::refusal::{BAD_CREDENTIALS, NOT_ACCESSIBLE, NOT_FOUND, Refusal, SUSPENDED};
use crate::world::{Repository, World};
use crate::{APP_ID, Stub};
use axum::extract::{Path, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use chrono::{DateTime, SecondsFormat};
use serde_json::{Value, json};
use std::sync::Arc;

pub(crate) type Shared = State<Arc<Stub>>;
pub(crate) type Place = (String, String);

pub(crate) fn routes() -> Router<Arc<Stub>> {
    Router::new()
        .route("/app/installations/{id}/access_tokens", post(give_token))
        .route("/repos/{owner}/{name}/installation", get(installation_of))
}

fn bearer(headers: &HeaderMap) -> Result<&str, Refusal> {
    let value = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    value.and_then(|value| value.strip_prefix("Bearer ")).ok_or(BAD_CREDENTIALS)
}

fn check_app(stub: &Stub, headers: &HeaderMap) -> Result<(), Refusal> {
    let checked = stub.key.check_jwt(bearer(headers)?, APP_ID, stub.now());
    checked.map_err(|message| Refusal(StatusCode::UNAUTHORIZED, message))
}

/// Whether a token lets its installation do something, `contents:read` for instance, with a repository.
pub(crate) fn allow<'w>(
    stub: &Stub,
    world: &'w mut World,
    headers: &HeaderMap,
    (owner, name): &Place,
    permission: &str,
) -> Result<&'w mut Repository, Refusal> {
    let (installation, ends) = *world.tokens.get(bearer(headers)?).ok_or(BAD_CREDENTIALS)?;
    if ends <= stub.now() {
        return Err(BAD_CREDENTIALS);
    }
    let installation = world.installations.get(&installation).ok_or(BAD_CREDENTIALS)?;
    if installation.is_suspended {
        return Err(SUSPENDED);
    }
    let key = format!("{owner}/{name}").to_ascii_lowercase();
    let repository = world.repositories.get_mut(&key).ok_or(NOT_FOUND)?;
    let is_own = installation.repositories.contains(&key);
    let is_read = permission.ends_with(":read");
    match is_own {
        false if repository.is_private => return Err(NOT_FOUND),
        false if !is_read => return Err(NOT_ACCESSIBLE),
        false => return Ok(repository),
        true => {}
    }
    let stronger = permission.replace(":read", ":write");
    let is_allowed = permission == "metadata:read"
        || installation.permissions.contains(permission)
        || installation.permissions.contains(&*stronger);
    if is_allowed { Ok(repository) } else { Err(NOT_ACCESSIBLE) }
}

async fn give_token(
    State(stub): Shared,
    Path(id): Path<u64>,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    check_app(&stub, &headers)?;
    let mut world = stub.world.lock().unwrap();
    let number = world.next_number();
    let installation = world.installations.get(&id).ok_or(NOT_FOUND)?;
    if installation.is_suspended {
        return Err(SUSPENDED);
    }
    let permissions: serde_json::Map<_, _> = installation
        .permissions
        .iter()
        .filter_map(|permission| permission.split_once(':'))
        .map(|(what, how)| (what.to_owned(), Value::from(how)))
        .collect();
    let ends = stub.now() + world.token_seconds;
    let token = format!("t0ken-{number}");
    world.tokens.insert(token.clone(), (id, ends));
    let expires_at = DateTime::from_timestamp(ends, 0).unwrap().to_rfc3339_opts(SecondsFormat::Secs, true);
    let body = json!({
        "token": token,
        "expires_at": expires_at,
        "permissions": permissions,
        "repository_selection": "selected",
    });
    Ok((StatusCode::CREATED, Json(body)))
}

async fn installation_of(
    State(stub): Shared,
    Path((owner, name)): Path<Place>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    check_app(&stub, &headers)?;
    let world = stub.world.lock().unwrap();
    let key = format!("{owner}/{name}").to_ascii_lowercase();
    let mut installations = world.installations.iter();
    let found = installations.find(|(_, installation)| installation.repositories.contains(&key));
    let (id, installation) = found.ok_or(NOT_FOUND)?;
    let suspended_at = installation.is_suspended.then_some("2026-11-21T10:00:00Z");
    Ok(Json(
        json!({ "id": id, "app_id": APP_ID, "account": { "login": owner }, "suspended_at": suspended_at }),
    ))
}
