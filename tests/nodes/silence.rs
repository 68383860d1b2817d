//! Branches that nobody scans any more are closed by one of the nodes, once.

use crate::node::{Node, eventually, send};
use crate::order::is_the_same_everywhere;
use crate::place::{Place, Role};
use crate::trees::{leaky, scan_of};
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use scanledger_domain::limits::SILENT_BRANCH_DAYS;
use serde_json::{Value, json};

/// The lease of whoever closes branches.
const CLOSER: &str = "reactor-branches";
/// What that node logs of each.
const SAID: &str = "a branch was closed, because nobody scans it";
/// Branches that are not the default one.
const TOPICS: [&str; 2] = ["topic", "other"];

async fn scan(node: &Node, branch: &'static str) {
    let part = Part::bytes(leaky(1)).file_name("shop.tar.gz");
    let form = Form::new().part("source", part).text("newProjectName", "shop").text("branch", branch);
    let scan = scan_of(&send(node.request(Method::POST, "/api/scans").multipart(form)).await);
    node.completed(&scan).await;
}

/// Lets everything that happened have happened a day longer ago than a branch may be silent.
fn let_time_pass(place: &Place) {
    let signed = "SELECT count(*) FROM scanledger_state.checkpoint WHERE name LIKE 'checkpoint/%'";
    assert_eq!(place.database.ask(signed), ["0"], "what is signed cannot be made older");
    let passed = format!("{}::bigint * 86400 * 1000000", SILENT_BRANCH_DAYS + 1);
    place.database.ask(&format!(
        "UPDATE scanledger_log.events SET recorded_at = recorded_at - {passed};
         UPDATE scanledger_state.lease SET until = until - {passed}"
    ));
}

#[tokio::test]
async fn branches_that_nobody_scans_are_closed_by_one_of_two_nodes_and_once() {
    let place = Place::set_up().await;
    let first = place.launch("first", Role::Api, &[("SCANLEDGER_ROLE", "all")]).await;
    first.ready().await;
    for branch in ["main"].into_iter().chain(TOPICS) {
        scan(&first, branch).await;
    }
    // Its end would sign a checkpoint, and its read models know when all this was.
    first.kill().await;
    let_time_pass(&place);

    let (a, b) = tokio::join!(place.start("a", Role::Api), place.start("b", Role::Api));
    let closed = "SELECT count(*) FROM scanledger_log.events WHERE kind = 'branch.closed'";
    let all = TOPICS.len().to_string();
    eventually("the branches are closed", async || place.database.ask(closed) == [&*all]).await;
    let (holder, other) = if place.lease_holder(CLOSER) == Some(a.id()) { (a, b) } else { (b, a) };
    assert_eq!(place.lease_holder(CLOSER), Some(holder.id()), "one of the two closes branches");
    let said = |node: &Node| place.node_log(node.name).matches(SAID).count();
    eventually("it says so", async || said(&holder) == TOPICS.len()).await;
    assert_eq!(said(&other), 0, "the other one has no part in it");
    is_the_same_everywhere(&place, &[&holder, &other]).await;

    // Whoever comes after it finds nothing that is left to do.
    holder.end().await;
    eventually("the other one has the lease", async || place.lease_holder(CLOSER) == Some(other.id())).await;
    other.post("/api/projects", &json!({ "name": "later" })).await.expect(201);
    let log: Vec<Value> = place.log().await.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of_kind = |kind| log.iter().filter(move |event| event["type"] == kind).map(|event| &event["data"]);
    let gone: Vec<&Value> = of_kind("branch.closed").collect();
    assert!(gone.iter().all(|closed| closed["because"] == "silent"), "{gone:?}");
    let id = |name| of_kind("branch.opened").find(|opened| opened["name"] == name).unwrap()["branch"].clone();
    let mut ids: Vec<Value> = gone.iter().map(|closed| closed["branch"].clone()).collect();
    ids.sort_by_key(Value::to_string);
    let mut expected = TOPICS.map(id);
    expected.sort_by_key(Value::to_string);
    assert_eq!(ids, expected, "each once, and not the default branch");
}
