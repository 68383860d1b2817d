//! Nodes that join later.

use crate::node::{AGAIN, Node};
use crate::place::{Place, Role};
use crate::trees::{leaky, scan_of, upload};
use serde_json::{Value, json};

/// Findings to decide about at once: as many as one request takes.
const FINDINGS: u64 = 500;
/// Decisions about all of them: enough events that a node which reads them all is not ready at once.
const DECISIONS: u64 = 40;
/// Decisions for a log that is no longer than what a node may be behind once it is ready.
const FEW_DECISIONS: u64 = 14;
/// How far a node may be behind that was ready.
const READY_LAG: u64 = 10_000;
/// How many events a node applies that started from a copy of the read models, at most.
const FEW: u64 = 2_000;

/// Writes a long log: as many decisions about all findings.
pub async fn write(node: &Node, decisions: u64) {
    let scan = scan_of(&upload(node, "shop", leaky(FINDINGS)).await);
    node.completed(&scan).await;
    let page = node.get(&format!("/api/scans/{scan}/findings?limit=500")).await.expect(200);
    let ids: Vec<&Value> =
        page["findings"].as_array().unwrap().iter().map(|finding| &finding["id"]).collect();
    assert_eq!(ids.len() as u64, FINDINGS);
    for number in 0..decisions {
        let status = if number % 2 == 0 { "IN_PROGRESS" } else { "FALSE_POSITIVE" };
        let body = json!({ "ids": ids, "status": status, "statusNote": format!("decision {number}") });
        node.post("/api/findings/bulk", &body).await.expect(200);
    }
}

/// Starts a node that has nothing on a log of so many events, to which nobody adds any, and holds what it says about
/// itself against how far it is; answers how often it said that it was not ready.
async fn joins(place: &Place, name: &'static str, events: u64) -> (Node, u32) {
    let node = place.launch(name, Role::Api, &[]).await;
    let mut refusals = 0;
    loop {
        let answer = node.get("/health/ready").await;
        let body: Value = serde_json::from_str(&answer.text).unwrap();
        let position = body["position"].as_u64().unwrap();
        assert_eq!(answer.status == 200, position >= events, "of {events} events: {body}");
        if answer.status == 200 {
            return (node, refusals);
        }
        refusals += 1;
        tokio::time::sleep(AGAIN).await;
    }
}

/// Where the log ends, as far as a node knows.
pub const HEAD: &str = "scanledger_log_head_position";

/// Checks that a node that is ready answers as another one does.
pub async fn answers_alike(a: &Node, b: &Node) {
    // That somebody looks at the audit log is an entry of its own on each node, once a minute.
    for node in [a, b] {
        node.get("/api/audit-log?limit=1").await.expect(200);
    }
    let heads = [a.metric(HEAD).await, b.metric(HEAD).await];
    let position = heads.into_iter().fold(0, u64::max);
    let projects = a.get_at("/api/projects", position).await;
    let project = projects["projects"][0]["id"].as_str().unwrap();
    for path in [
        "/api/projects".to_owned(),
        "/api/scans".to_owned(),
        format!("/api/projects/{project}/findings?limit=500"),
        format!("/api/projects/{project}/findings?limit=500&asOf={}", position / 2),
        "/api/audit-log?limit=200".to_owned(),
    ] {
        let (here, there) = tokio::join!(a.get_at(&path, position), b.get_at(&path, position));
        assert_eq!(here, there, "{path}");
    }
}

#[tokio::test]
async fn a_node_that_joins_is_ready_when_it_has_caught_up_and_then_answers_as_others_do() {
    let place = Place::set_up().await;
    let (a, worker) = tokio::join!(place.start("a", Role::Api), place.start("one", Role::Worker(1)));
    write(&a, DECISIONS).await;
    worker.end().await;
    let events = a.metric(HEAD).await;
    assert!(events > 2 * READY_LAG, "{events} events");

    let (b, refusals) = joins(&place, "b", events).await;
    assert!(refusals > 0, "a node that has {events} events to read is not ready at once");
    answers_alike(&a, &b).await;
    let applied = b.metric("scanledger_projector_applied_events_total").await;
    // What is more is that somebody looked at the audit log.
    assert!((events..events + 10).contains(&applied), "it read the whole log: {applied} of {events}");
    b.end().await;

    // From now on nodes share copies of what they read.
    a.end().await;
    let a = place.launch("a", Role::Api, &[("SCANLEDGER_SHARE_VIEWS", "1000")]).await;
    crate::node::eventually("a copy is shared", async || {
        place.node_log("a").contains("read models were copied for nodes that join")
    })
    .await;
    a.post("/api/projects", &json!({ "name": "later" })).await.expect(201);

    let (c, _) = joins(&place, "c", a.metric(HEAD).await).await;
    answers_alike(&a, &c).await;
    let applied = c.metric("scanledger_projector_applied_events_total").await;
    assert!(applied < FEW, "it applied {applied} of {events} events");
    c.end().await;
    place.run_on("c", &["verify"]).await;
}

#[tokio::test]
async fn a_node_that_joins_a_short_log_is_not_ready_with_a_part_of_it() {
    let place = Place::set_up().await;
    let (a, worker) = tokio::join!(place.start("a", Role::Api), place.start("one", Role::Worker(1)));
    write(&a, FEW_DECISIONS).await;
    worker.end().await;
    let events = a.metric(HEAD).await;
    assert!((READY_LAG / 2..READY_LAG).contains(&events), "{events} events");
    let (b, refusals) = joins(&place, "b", events).await;
    assert!(refusals > 0, "a node that has {events} events to read is not ready at once");
    answers_alike(&a, &b).await;
}

#[tokio::test]
async fn a_node_that_joins_after_somebody_was_forgotten_takes_over_what_was_built_since() {
    let place = Place::set_up().await;
    let sharing = [("SCANLEDGER_SHARE_VIEWS", "1")];
    let a = place.launch("a", Role::Api, &sharing).await;
    a.ready().await;
    a.post("/api/projects", &json!({ "name": "shop" })).await.expect(201);
    let people = place.run(&["people", "list"]).await;
    let ana = people.split_whitespace().next().unwrap();
    place.run_on("a", &["people", "erase", ana]).await;
    // A process looks at once, and later only now and then.
    a.end().await;
    let a = place.launch("a", Role::Api, &sharing).await;
    a.ready().await;
    let of_list = |column: &str| {
        let sql = format!(
            "SELECT list ->> '{column}' FROM (SELECT convert_from(value, 'UTF8')::json AS list
             FROM scanledger_state.checkpoint WHERE name = 'views/copies') AS stored"
        );
        place.database.ask(&sql).pop()
    };
    crate::node::eventually("a copy is shared", async || {
        of_list("copies").is_some_and(|copies| copies != "[]")
    })
    .await;
    let erased = of_list("erased").unwrap();

    let b = place.start("b", Role::Api).await;
    let done = format!(
        "SELECT convert_from(value, 'UTF8') FROM scanledger_state.checkpoint WHERE name = 'erasures/{}'",
        b.id()
    );
    assert_eq!(place.database.ask(&done), [erased]);
    answers_alike(&a, &b).await;
    let log = place.node_log("b");
    assert!(log.contains("read models of another node are taken over"), "{log}");
    b.end().await;
    assert!(!place.node_log("b").contains("erasures were finished"));
    a.end().await;
    place.run_on("b", &["verify"]).await;
}
