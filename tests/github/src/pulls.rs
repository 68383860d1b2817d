//! Pull requests. <https://docs.github.com/en/rest/pulls/pulls>

use crate::Stub;
use crate::apps::{Place, Shared, allow};
use crate::refusal::{NOT_FOUND, Refusal, invalid};
use crate::world::{Pull, Repository};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;

pub(crate) fn routes() -> Router<Arc<Stub>> {
    Router::new()
        .route("/repos/{owner}/{name}/pulls", get(list).post(open))
        .route("/repos/{owner}/{name}/pulls/{number}", get(find))
        .route("/repos/{owner}/{name}/pulls/{number}/files", get(files))
}

fn shape(stub: &Stub, repository: &Repository, number: u64, pull: &Pull) -> Value {
    let url = stub.url.get().unwrap();
    let end = |(branch, sha): &(String, String), id: Option<u64>| {
        let repository = id.map(|id| json!({ "id": id }));
        json!({ "ref": branch, "sha": sha, "repo": repository })
    };
    json!({
        "number": number,
        "html_url": format!("{url}/{}/pull/{number}", repository.full_name),
        "state": "open",
        "title": pull.title,
        "body": pull.body,
        "head": end(&pull.head, pull.head_repository),
        "base": end(&pull.base, Some(repository.id)),
    })
}

async fn list(
    State(stub): Shared,
    Path(place): Path<Place>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let mut world = stub.world.lock().unwrap();
    let repository = allow(&stub, &mut world, &headers, &place, "pull_requests:read")?;
    let owner = &place.0;
    let is_asked_for = |pull: &Pull| {
        query.get("head").is_none_or(|head| *head == format!("{owner}:{}", pull.head.0))
            && query.get("base").is_none_or(|base| *base == pull.base.0)
    };
    let pulls = repository.pulls.iter().filter(|(_, pull)| is_asked_for(pull));
    Ok(Json(pulls.map(|(number, pull)| shape(&stub, repository, *number, pull)).collect()))
}

async fn open(
    State(stub): Shared,
    Path(place): Path<Place>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let mut world = stub.world.lock().unwrap();
    let repository = allow(&stub, &mut world, &headers, &place, "pull_requests:write")?;
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let end = |branch: String| {
        let sha = repository.refs.get(&format!("heads/{branch}")).cloned();
        sha.map(|sha| (branch, sha)).ok_or(invalid("Validation Failed: there is no such branch"))
    };
    let (head, base) = (end(text("head"))?, end(text("base"))?);
    if head.1 == base.1 {
        return Err(invalid("Validation Failed: no commits between the branches"));
    }
    if repository.pulls.values().any(|pull| pull.head.0 == head.0 && pull.base.0 == base.0) {
        return Err(invalid("Validation Failed: a pull request already exists"));
    }
    if text("title").is_empty() || text("body").chars().count() > 65_536 {
        return Err(invalid("Validation Failed: title or body"));
    }
    let number = repository.pulls.keys().max().map_or(1, |last| last + 1);
    let head_repository = Some(repository.id);
    let (title, body) = (text("title"), text("body"));
    let pull = Pull { title, body, head, head_repository, base, files: Vec::new() };
    let answer = shape(&stub, repository, number, &pull);
    repository.pulls.insert(number, pull);
    Ok((StatusCode::CREATED, Json(answer)))
}

async fn find(
    State(stub): Shared,
    Path((owner, name, number)): Path<(String, String, u64)>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let mut world = stub.world.lock().unwrap();
    let repository = allow(&stub, &mut world, &headers, &(owner, name), "pull_requests:read")?;
    let pull = repository.pulls.get(&number).ok_or(NOT_FOUND)?;
    Ok(Json(shape(&stub, repository, number, pull)))
}

async fn files(
    State(stub): Shared,
    Path((owner, name, number)): Path<(String, String, u64)>,
    Query(query): Query<HashMap<String, usize>>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let mut world = stub.world.lock().unwrap();
    let repository = allow(&stub, &mut world, &headers, &(owner, name), "pull_requests:read")?;
    let pull = repository.pulls.get(&number).ok_or(NOT_FOUND)?;
    let rows = query.get("per_page").copied().unwrap_or(30).min(100);
    let skipped = rows * (query.get("page").copied().unwrap_or(1) - 1);
    let page = pull.files.iter().skip(skipped).take(rows);
    Ok(Json(page.map(|(path, status)| json!({ "filename": path, "status": status })).collect()))
}
