//! Branches that end: the code host says so, or nobody scans them any more.

use crate::archive::leaky;
use crate::dpendx_webhook::branch;
use crate::dpendx_world::{World, imported, mended, place, pull_request};
use crate::harness::{Api, column, id};
use scanledger::adapters::ViewsReadModel;
use scanledger_commands::branch::Branches;
use scanledger_domain::limits::SILENT_BRANCH_DAYS;
use serde_json::{Value, json};
use std::sync::Arc;

/// That the branch called `name` is gone.
fn deleted(name: &str) -> Value {
    place(json!({ "ref": name, "ref_type": "branch" }))
}

/// That the pull request from the branch `feature` was closed.
fn closed(commit: &str, merged: bool) -> Value {
    let mut payload = pull_request("closed", 7, "feature", commit);
    payload["pull_request"]["merged"] = json!(merged);
    payload
}

/// How many findings are on a branch, now or as of something.
async fn total(api: &Api, project: &str, query: &str) -> u64 {
    let page = api.get(&format!("/api/projects/{project}/findings?{query}")).await.expect(200);
    assert_eq!(page["findings"].as_array().unwrap().len() as u64, page["pagination"]["total"], "{page}");
    page["pagination"]["total"].as_u64().unwrap()
}

/// A repository whose `main` was scanned and is mended, and whose `feature` has a checked pull request; the project, and
/// the commit.
async fn checked() -> (World, String, String) {
    let (world, _) = World::new(&mended()).await;
    world.scan().await.expect(200);
    let commit = branch(&world, &imported());
    world.deliver("pull_request", "d-1", &pull_request("opened", 7, "feature", &commit)).await.expect(202);
    world.completed().await;
    world.api.shown().await;
    let projects = world.api.get("/api/projects").await.expect(200);
    let project = id(&projects["projects"][0]);
    (world, project, commit)
}

/// Delivers what ends a branch, and answers what became of it.
async fn told(world: &World, event: &str, delivery: &str, payload: &Value, status: u16) -> Value {
    let body = world.deliver(event, delivery, payload).await.expect(status);
    world.api.shown().await;
    body["status"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_branch_that_was_deleted_counts_no_more_until_it_is_scanned_again() {
    let (world, project, commit) = checked().await;
    let api = &world.api;
    let found = total(api, &project, "branch=feature").await;
    assert!(found > 0);
    let page = api.get(&format!("/api/projects/{project}/findings?branch=feature")).await.expect(200);
    let finding = id(&page["findings"][0]);
    api.patch(&format!("/api/findings/{finding}"), &json!({ "status": "ACCEPTED_RISK" })).await.expect(200);
    api.shown().await;
    let before = api.server.app.views.position();

    assert_eq!(told(&world, "delete", "d-2", &deleted("feature"), 202).await, "accepted");
    assert_eq!(total(api, &project, "branch=feature").await, 0);
    assert_eq!(total(api, &project, &format!("branch=feature&asOf={before}")).await, found);
    assert_eq!(total(api, &project, "branch=feature&severity=CRITICAL,HIGH,MEDIUM,LOW").await, 0);
    let seen = api.get(&format!("/api/findings/{finding}")).await.expect(200);
    assert_eq!(seen["status"], "ACCEPTED_RISK", "what was decided is still known");
    // Said again in other words, there is nothing to do; a tag is no branch, and the default branch stays.
    let main = total(api, &project, "branch=main").await;
    for (delivery, payload) in [
        ("d-3", deleted("feature")),
        ("d-4", deleted("never")),
        ("d-5", place(json!({ "ref": "feature", "ref_type": "tag" }))),
        ("d-6", deleted("main")),
    ] {
        assert_eq!(told(&world, "delete", delivery, &payload, 200).await, "ignored", "{payload}");
    }
    assert_eq!(total(api, &project, "branch=main").await, main);

    let mut files = imported();
    files.push(("README.md", "# Widgets\n"));
    let second = branch(&world, &files);
    assert_ne!(second, commit);
    let pushed = pull_request("synchronize", 7, "feature", &second);
    world.deliver("pull_request", "d-7", &pushed).await.expect(202);
    world
        .until("the second commit is checked", |world| {
            let checks = world.checks();
            checks.into_iter().find(|check| check["head_sha"] == *second && check["status"] == "completed")
        })
        .await;
    api.shown().await;
    assert_eq!(total(api, &project, "branch=feature").await, found);
    let back = api.get(&format!("/api/findings/{finding}")).await.expect(200);
    assert_eq!(back["status"], "ACCEPTED_RISK");
    // A delivery that comes once more is about the branch that was.
    assert_eq!(told(&world, "delete", "d-2", &deleted("feature"), 202).await, "accepted");
    assert_eq!(total(api, &project, "branch=feature").await, found);
    world.assert_polite();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pull_request_that_was_merged_ends_its_branch_and_one_that_was_only_closed_does_not() {
    let (world, project, commit) = checked().await;
    let found = total(&world.api, &project, "branch=feature").await;
    assert_eq!(told(&world, "pull_request", "d-2", &closed(&commit, false), 200).await, "ignored");
    assert_eq!(total(&world.api, &project, "branch=feature").await, found);
    let mut of_fork = closed(&commit, true);
    of_fork["pull_request"]["head"]["repo"] = json!({ "full_name": "somebody/widgets" });
    assert_eq!(told(&world, "pull_request", "d-3", &of_fork, 200).await, "ignored", "nothing of it is here");
    let mut foreign = deleted("feature");
    foreign["installation"]["id"] = json!(4711);
    assert_eq!(told(&world, "delete", "d-4", &foreign, 200).await, "ignored");
    assert_eq!(total(&world.api, &project, "branch=feature").await, found);
    assert_eq!(told(&world, "pull_request", "d-5", &closed(&commit, true), 202).await, "accepted");
    assert_eq!(total(&world.api, &project, "branch=feature").await, 0);
    let unsigned = world.deliver_signed("delete", "d-6", &deleted("main").to_string(), "sha256=00").await;
    unsigned.expect(401);
}

#[tokio::test]
async fn a_branch_that_nobody_scans_is_closed_and_a_scan_brings_it_back() {
    let api = Api::start().await;
    let first = api.scanned(&leaky(2), &[("newProjectName", "shop")]).await;
    let project = first["projectId"].as_str().unwrap().to_owned();
    let of_topic = [("projectId", project.as_str()), ("branch", "topic")];
    let topic = api.scanned(&leaky(3), &of_topic).await;
    assert_eq!(total(&api, &project, "branch=topic").await, 3);
    let before = api.server.app.views.position();
    let views = ViewsReadModel::new(&api.server.engine.projector);
    let branches = Branches::new(api.server.engine.ledger.clone(), Arc::new(views));
    let now = api.server.app.clock.now();
    assert_eq!(branches.close_silent(now.plus_days(SILENT_BRANCH_DAYS - 1)).await.unwrap(), 0);
    assert_eq!(branches.close_silent(now.plus_days(SILENT_BRANCH_DAYS + 1)).await.unwrap(), 1);
    api.shown().await;
    assert_eq!((total(&api, &project, "branch=topic").await, total(&api, &project, "").await), (0, 2));
    assert_eq!(total(&api, &project, &format!("branch=topic&asOf={before}")).await, 3);
    let scan = api.get(&format!("/api/scans/{}/findings", id(&topic))).await.expect(200);
    assert_eq!(scan["pagination"]["total"], 3, "a scan found what it found");
    let query = json!({ "query": format!(
        "{{ findings(project: \"{project}\", branch: \"topic\") {{ totalCount }}
            then: findings(project: \"{project}\", branch: \"topic\", asOf: \"{before}\") {{ totalCount }} }}"
    ) });
    let answer = api.post("/graphql", &query).await.expect(200);
    assert_eq!(
        answer["data"],
        json!({ "findings": { "totalCount": 0 }, "then": { "totalCount": 3 } }),
        "{answer}"
    );
    let diff = api.get(&format!("/api/projects/{project}/diff?branch=topic&from={before}")).await.expect(200);
    assert_eq!(diff["findings"]["removedTotal"], 3);

    api.scanned(&leaky(3), &of_topic).await;
    let page = api.get(&format!("/api/projects/{project}/findings?branch=topic")).await.expect(200);
    assert_eq!(column(&page["findings"], "status"), ["OPEN"; 3]);
}
