//! Check runs. <https://docs.github.com/en/rest/checks/runs>

use crate::apps::{Place, Shared, allow};
use crate::refusal::{NOT_FOUND, Refusal, invalid};
use crate::world::Repository;
use crate::{APP_ID, Stub};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;

pub(crate) fn routes() -> Router<Arc<Stub>> {
    Router::new()
        .route("/repos/{owner}/{name}/check-runs", post(create))
        .route("/repos/{owner}/{name}/check-runs/{id}", get(read).patch(update))
}

pub(crate) fn runs_of(repository: &Repository, sha: &str, query: &HashMap<String, String>) -> Value {
    let is_asked_for = |run: &&Value| {
        run["head_sha"] == sha
            && query.get("check_name").is_none_or(|name| run["name"] == **name)
            && query.get("app_id").is_none_or(|id| run["app"]["id"].as_u64() == id.parse().ok())
    };
    let runs: Vec<_> = repository.checks.values().filter(is_asked_for).map(shown).collect();
    json!({ "total_count": runs.len(), "check_runs": runs })
}

/// A check run as it is answered: of its annotations, only how many there are.
fn shown(run: &Value) -> Value {
    let mut shown = run.clone();
    let annotations = run["output"]["annotations"].as_array().map_or(0, Vec::len);
    let output = &run["output"];
    shown["output"] = json!({
        "title": output["title"],
        "summary": output["summary"],
        "text": output["text"],
        "annotations_count": annotations,
    });
    shown
}

async fn read(
    State(stub): Shared,
    Path((owner, name, id)): Path<(String, String, u64)>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let mut world = stub.world.lock().unwrap();
    let repository = allow(&stub, &mut world, &headers, &(owner, name), "checks:read")?;
    Ok(Json(shown(repository.checks.get(&id).ok_or(NOT_FOUND)?)))
}

async fn create(
    State(stub): Shared,
    Path(place): Path<Place>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let mut world = stub.world.lock().unwrap();
    let id = world.next_number();
    let repository = allow(&stub, &mut world, &headers, &place, "checks:write")?;
    let known = body["head_sha"].as_str().is_some_and(|sha| repository.commits.contains_key(sha));
    if !known {
        return Err(invalid("No commit found for SHA: that one"));
    }
    if body["name"].as_str().is_none_or(str::is_empty) {
        return Err(invalid("name is missing"));
    }
    let mut run = json!({ "id": id, "app": { "id": APP_ID }, "status": "queued", "conclusion": null });
    lay_over(&mut run, body)?;
    let answer = shown(&run);
    repository.checks.insert(id, run);
    Ok((StatusCode::CREATED, Json(answer)))
}

async fn update(
    State(stub): Shared,
    Path((owner, name, id)): Path<(String, String, u64)>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Result<Json<Value>, Refusal> {
    let mut world = stub.world.lock().unwrap();
    let repository = allow(&stub, &mut world, &headers, &(owner, name), "checks:write")?;
    let run = repository.checks.get_mut(&id).ok_or(NOT_FOUND)?;
    lay_over(run, body)?;
    Ok(Json(shown(run)))
}

/// Takes what is sent; annotations come to those that are there.
fn lay_over(run: &mut Value, body: Value) -> Result<(), Refusal> {
    let is_completed = body["status"] == "completed";
    if is_completed != body["conclusion"].is_string() {
        return Err(invalid("a conclusion goes with completed"));
    }
    if !body["output"].is_null() {
        check_output(&body["output"])?;
    }
    check_actions(&body["actions"])?;
    let mut annotations = run["output"]["annotations"].as_array().cloned().unwrap_or_default();
    annotations.extend(body["output"]["annotations"].as_array().cloned().unwrap_or_default());
    for (name, value) in body.as_object().cloned().unwrap_or_default() {
        run[name] = value;
    }
    run["output"]["annotations"] = annotations.into();
    Ok(())
}

fn check_output(output: &Value) -> Result<(), Refusal> {
    let fits = |name: &str| {
        output[name].as_str().is_none_or(|text| !text.is_empty() && text.chars().count() <= 65_535)
    };
    if !output["title"].is_string() || !output["summary"].is_string() || !fits("summary") || !fits("text") {
        return Err(invalid("output needs a title and a summary, of at most 65535 characters"));
    }
    let annotations = output["annotations"].as_array().cloned().unwrap_or_default();
    if annotations.len() > 50 {
        return Err(invalid("at most 50 annotations"));
    }
    let is_good = |annotation: &Value| {
        let (start, end) = (annotation["start_line"].as_u64(), annotation["end_line"].as_u64());
        annotation["path"].is_string()
            && annotation["message"].is_string()
            && start.is_some_and(|start| start > 0 && end >= Some(start))
            && ["notice", "warning", "failure"].iter().any(|level| annotation["annotation_level"] == **level)
    };
    if annotations.iter().all(is_good) { Ok(()) } else { Err(invalid("an annotation is not one")) }
}

fn check_actions(actions: &Value) -> Result<(), Refusal> {
    let actions = actions.as_array().cloned().unwrap_or_default();
    let fits = |action: &Value, name: &str, most: usize| {
        action[name].as_str().is_some_and(|text| (1..=most).contains(&text.chars().count()))
    };
    let is_good = |action: &Value| {
        fits(action, "label", 20) && fits(action, "description", 40) && fits(action, "identifier", 20)
    };
    if actions.len() <= 3 && actions.iter().all(is_good) { Ok(()) } else { Err(invalid("actions")) }
}
