//! What one node does is so on all of them.

use crate::node::{Node, eventually, send};
use crate::order::is_the_same_everywhere;
use crate::place::{Place, Role};
use crate::trees::{leaky, request, scan_of, upload};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How long a revoked key may be taken by another node.
const REVOKED: Duration = Duration::from_secs(1);

struct Nodes {
    place: Place,
    a: Node,
    b: Node,
    _workers: [Node; 2],
}

/// Two nodes that answer and two that work.
async fn four() -> Nodes {
    let place = Place::set_up().await;
    let (a, b, one, other) = tokio::join!(
        place.start("a", Role::Api),
        place.start("b", Role::Api),
        place.start("one", Role::Worker(1)),
        place.start("other", Role::Worker(1)),
    );
    Nodes { place, a, b, _workers: [one, other] }
}

#[tokio::test]
async fn what_one_node_does_is_so_on_all_of_them() {
    let nodes = four().await;
    a_project_is_read_elsewhere_at_the_position_of_its_making(&nodes).await;
    a_scan_has_the_same_findings_on_every_node(&nodes).await;
    a_repeated_request_is_done_once_wherever_it_arrives(&nodes).await;
    a_revoked_key_is_refused_elsewhere(&nodes).await;
    advisories_are_matched_by_workers_that_did_not_import_them(&nodes).await;
    let Nodes { place, a, b, .. } = &nodes;
    is_the_same_everywhere(place, &[a, b]).await;
    for node in ["a", "b"] {
        place.run_on(node, &["verify"]).await;
    }
}

async fn a_project_is_read_elsewhere_at_the_position_of_its_making(Nodes { a, b, .. }: &Nodes) {
    for number in 0..20 {
        let (here, there) = if number % 2 == 0 { (a, b) } else { (b, a) };
        let name = format!("project {number}");
        let made = here.post("/api/projects", &json!({ "name": name })).await;
        let id = made.expect(201)["id"].as_str().unwrap().to_owned();
        let read = there.get_at(&format!("/api/projects/{id}"), made.position()).await;
        assert_eq!(read["name"], *name);
    }
}

async fn a_scan_has_the_same_findings_on_every_node(Nodes { a, b, .. }: &Nodes) {
    let queued = upload(a, "shop", leaky(30)).await;
    let scan = scan_of(&queued);
    b.get_at(&format!("/api/scans/{scan}"), queued.position()).await;
    b.completed(&scan).await;
    let position = a.metric("scanledger_log_head_position").await;
    let path = format!("/api/scans/{scan}/findings?limit=500");
    let (here, there) = tokio::join!(a.get_at(&path, position), b.get_at(&path, position));
    assert_eq!(here["pagination"]["total"], 30);
    assert_eq!(here, there);
}

async fn a_repeated_request_is_done_once_wherever_it_arrives(Nodes { place, a, b, .. }: &Nodes) {
    let project = |node: &Node| {
        let request = node.request(Method::POST, "/api/projects").header("idempotency-key", "one project");
        send(request.json(&json!({ "name": "once" })))
    };
    let (here, there) = tokio::join!(project(a), project(b));
    assert_eq!(here.expect(201)["id"], there.expect(201)["id"]);
    let path = format!("/api/projects/{}", here.expect(201)["id"].as_str().unwrap());
    // Who came second is told where the project was made; the first one, where its name was taken, right after.
    b.get_at(&path, here.position()).await;
    a.get_at(&path, there.position()).await;
    let other = b.request(Method::POST, "/api/projects").header("idempotency-key", "one project");
    send(other.json(&json!({ "name": "another" }))).await.expect(422);

    let scan = |node: &Node| send(request(node, "once", leaky(3)).header("idempotency-key", "one scan"));
    let (here, there) = tokio::join!(scan(a), scan(b));
    let id = scan_of(&here);
    assert_eq!(id, scan_of(&there));
    assert_eq!(here.position(), there.position());
    let log = place.log().await;
    let queued = |line: &&String| line.contains(r#""type":"scan.queued""#) && line.contains(&id);
    assert_eq!(log.iter().filter(queued).count(), 1);
    a.completed(&id).await;
}

async fn a_revoked_key_is_refused_elsewhere(Nodes { a, b, .. }: &Nodes) {
    let made = a.post("/api/apikeys", &json!({ "name": "CI" })).await;
    let key = made.expect(201);
    let request = || b.request_as(key["plaintext"].as_str().unwrap(), Method::GET, "/api/projects");
    let at_its_making = request().header("scanledger-min-position", made.position());
    assert_eq!(send(at_its_making).await.status, 200, "a new key is known at the position of its making");
    let ask = async || send(request()).await.status;
    let id = key["id"].as_str().unwrap();
    send(a.request(Method::DELETE, &format!("/api/apikeys/{id}"))).await.expect(200);
    let revoked = Instant::now();
    eventually("a revoked key is refused", async || ask().await == 401).await;
    eprintln!("a revoked key was refused by the other node after {:?}", revoked.elapsed());
    assert!(revoked.elapsed() < REVOKED, "it was taken for {:?}", revoked.elapsed());
}

async fn advisories_are_matched_by_workers_that_did_not_import_them(Nodes { place, a, b, .. }: &Nodes) {
    let generation = place.import_advisories("a").await;
    // More than one worker can take at a time, so that each has some.
    let mut scans = Vec::new();
    for number in 0..6 {
        scans.push(scan_of(&upload(a, &format!("matched {number}"), leaky(1)).await));
    }
    for scan in &scans {
        b.completed(scan).await;
        let page = b.get(&format!("/api/scans/{scan}/findings?limit=500")).await.expect(200);
        let total = page["pagination"]["total"].as_u64().unwrap();
        assert!(total > 1, "dependencies were matched with generation {generation}: {page}");
    }
    let log = place.log().await;
    let events: Vec<Value> = log.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    for scan in &scans {
        let scanned = events
            .iter()
            .find(|event| event["type"] == "branch.scanned" && event["data"]["scan"] == scan.as_str());
        assert_eq!(scanned.unwrap()["data"]["generation"], generation);
    }
}
