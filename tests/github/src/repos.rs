//! Repositories, commits, files and the way to archives. <https://docs.github.com/en/rest/repos>

use crate::Stub;
use crate::apps::{Place, Shared, allow};
use crate::refusal::{NOT_FOUND, Refusal, invalid};
use crate::world::Repository;
use axum::extract::{Path, Query, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;

pub(crate) fn routes() -> Router<Arc<Stub>> {
    Router::new()
        .route("/repos/{owner}/{name}", get(repository))
        .route("/repos/{owner}/{name}/commits/{*rest}", get(commit))
        .route("/repos/{owner}/{name}/contents/{*path}", get(contents))
        .route("/repos/{owner}/{name}/tarball/{*reference}", get(tarball))
}

async fn repository(
    State(stub): Shared,
    Path(place): Path<Place>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let mut world = stub.world.lock().unwrap();
    let repository = allow(&stub, &mut world, &headers, &place, "metadata:read")?;
    Ok(Json(json!({
        "id": repository.id,
        "full_name": repository.full_name,
        "private": repository.is_private,
        "default_branch": repository.default_branch,
    })))
}

async fn commit(
    State(stub): Shared,
    Path((owner, name, rest)): Path<(String, String, String)>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let mut world = stub.world.lock().unwrap();
    let place = (owner, name);
    if let Some(reference) = rest.strip_suffix("/check-runs") {
        let repository = allow(&stub, &mut world, &headers, &place, "checks:read")?;
        let sha = resolve(repository, reference)?;
        return Ok(Json(crate::checks::runs_of(repository, &sha, &query)).into_response());
    }
    let repository = allow(&stub, &mut world, &headers, &place, "contents:read")?;
    let sha = resolve(repository, &rest)?;
    match headers.get(ACCEPT).map(|accept| accept.as_bytes()) {
        Some(b"application/vnd.github.sha") => Ok(sha.into_response()),
        _ => Ok(Json(json!({ "sha": sha })).into_response()),
    }
}

fn resolve(repository: &Repository, reference: &str) -> Result<String, Refusal> {
    if repository.commits.is_empty() {
        return Err(Refusal(StatusCode::CONFLICT, "Git Repository is empty."));
    }
    repository.resolve(reference).ok_or(invalid("No commit found for SHA: that one"))
}

async fn contents(
    State(stub): Shared,
    Path((owner, name, path)): Path<(String, String, String)>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let mut world = stub.world.lock().unwrap();
    let repository = allow(&stub, &mut world, &headers, &(owner, name), "contents:read")?;
    let reference = query.get("ref").unwrap_or(&repository.default_branch);
    let sha = repository.resolve(reference);
    let sha = sha.ok_or(Refusal(StatusCode::NOT_FOUND, "No commit found for the ref that one"))?;
    let files = repository.files(&sha);
    if let Some(content) = files.get(&path) {
        let raw = "application/vnd.github.raw+json; charset=utf-8";
        return Ok(([(CONTENT_TYPE, raw)], content.clone()).into_response());
    }
    let folder = format!("{path}/");
    let below: Vec<_> = files.keys().filter(|file| file.starts_with(&folder)).collect();
    if below.is_empty() { Err(NOT_FOUND) } else { Ok(Json(json!(below)).into_response()) }
}

async fn tarball(
    State(stub): Shared,
    Path((owner, name, reference)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let mut world = stub.world.lock().unwrap();
    let repository = allow(&stub, &mut world, &headers, &(owner, name), "contents:read")?;
    let archives = stub.archives.get().unwrap();
    let location = format!("{archives}/{}/legacy.tar.gz/{reference}?token=t1cket", repository.full_name);
    Ok((StatusCode::FOUND, [(LOCATION, location)]).into_response())
}
