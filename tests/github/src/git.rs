//! Objects and refs. <https://docs.github.com/en/rest/git>

use crate::Stub;
use crate::apps::{Place, Shared, allow};
use crate::refusal::{NOT_FOUND, Refusal, invalid};
use crate::world::{Commit, id_of};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::sync::Arc;

type Made = Result<(StatusCode, Json<Value>), Refusal>;

pub(crate) fn routes() -> Router<Arc<Stub>> {
    Router::new()
        .route("/repos/{owner}/{name}/git/blobs", post(blob))
        .route("/repos/{owner}/{name}/git/trees", post(tree))
        .route("/repos/{owner}/{name}/git/commits", post(commit))
        .route("/repos/{owner}/{name}/git/commits/{sha}", get(find_commit))
        .route("/repos/{owner}/{name}/git/refs", post(make_ref))
        .route("/repos/{owner}/{name}/git/ref/{*reference}", get(find_ref))
}

fn made(sha: &str) -> Made {
    Ok((StatusCode::CREATED, Json(json!({ "sha": sha }))))
}

async fn blob(
    State(stub): Shared,
    Path(place): Path<Place>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Made {
    let mut world = stub.world.lock().unwrap();
    let repository = allow(&stub, &mut world, &headers, &place, "contents:write")?;
    let text = body["content"].as_str().ok_or(invalid("content is missing"))?;
    let content = match body["encoding"].as_str() {
        Some("base64") => STANDARD.decode(text).map_err(|_| invalid("content is not base64"))?,
        _ => text.as_bytes().to_vec(),
    };
    let sha = id_of("blob", [&*content]);
    repository.blobs.insert(sha.clone(), content);
    made(&sha)
}

async fn tree(
    State(stub): Shared,
    Path(place): Path<Place>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Made {
    let mut world = stub.world.lock().unwrap();
    let repository = allow(&stub, &mut world, &headers, &place, "contents:write")?;
    let mut files = match body["base_tree"].as_str() {
        Some(base) => repository.trees.get(base).ok_or(NOT_FOUND)?.clone(),
        None => Default::default(),
    };
    for entry in body["tree"].as_array().ok_or(invalid("tree is missing"))? {
        let is_file = entry["mode"] == "100644" && entry["type"] == "blob";
        let (path, sha) = (entry["path"].as_str(), entry["sha"].as_str());
        let (true, Some(path), Some(sha)) = (is_file, path, sha) else {
            return Err(invalid("a tree entry is not one"));
        };
        let content = repository.blobs.get(sha).ok_or(invalid("there is no such blob"))?;
        files.insert(path.to_owned(), content.clone());
    }
    made(&repository.add_tree(files))
}

async fn commit(
    State(stub): Shared,
    Path(place): Path<Place>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Made {
    let mut world = stub.world.lock().unwrap();
    let repository = allow(&stub, &mut world, &headers, &place, "contents:write")?;
    let text = |name: &str| body[name].as_str().map(str::to_owned).ok_or(invalid("a field is missing"));
    let parents = body["parents"].as_array().cloned().unwrap_or_default();
    let parents: Vec<_> = parents.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let commit = Commit { tree: text("tree")?, parents, message: text("message")? };
    let is_known = repository.trees.contains_key(&commit.tree)
        && commit.parents.iter().all(|parent| repository.commits.contains_key(parent));
    if !is_known {
        return Err(invalid("there is no such tree or parent"));
    }
    made(&repository.add_commit(commit))
}

async fn find_commit(
    State(stub): Shared,
    Path((owner, name, sha)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let mut world = stub.world.lock().unwrap();
    let repository = allow(&stub, &mut world, &headers, &(owner, name), "contents:read")?;
    let commit = repository.commits.get(&sha).ok_or(NOT_FOUND)?;
    let parents: Vec<_> = commit.parents.iter().map(|parent| json!({ "sha": parent })).collect();
    let tree = json!({ "sha": commit.tree });
    Ok(Json(json!({ "sha": sha, "tree": tree, "parents": parents, "message": commit.message })))
}

async fn make_ref(
    State(stub): Shared,
    Path(place): Path<Place>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Made {
    let mut world = stub.world.lock().unwrap();
    let repository = allow(&stub, &mut world, &headers, &place, "contents:write")?;
    let name = body["ref"].as_str().and_then(|name| name.strip_prefix("refs/"));
    let name = name.filter(|name| name.contains('/')).ok_or(invalid("ref is not in full"))?;
    let sha = body["sha"].as_str().filter(|sha| repository.commits.contains_key(*sha));
    let sha = sha.ok_or(invalid("Object does not exist"))?;
    if repository.refs.contains_key(name) {
        return Err(invalid("Reference already exists"));
    }
    repository.refs.insert(name.to_owned(), sha.to_owned());
    let object = json!({ "type": "commit", "sha": sha });
    Ok((StatusCode::CREATED, Json(json!({ "ref": body["ref"], "object": object }))))
}

async fn find_ref(
    State(stub): Shared,
    Path((owner, name, reference)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let mut world = stub.world.lock().unwrap();
    let repository = allow(&stub, &mut world, &headers, &(owner, name), "contents:read")?;
    let sha = repository.refs.get(&reference).ok_or(NOT_FOUND)?;
    Ok(Json(json!({ "ref": format!("refs/{reference}"), "object": { "type": "commit", "sha": sha } })))
}
