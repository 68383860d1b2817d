//! A database that loses the last events, as one does whose place an asynchronous replica takes, or that is put back to
//! a point in time, while nodes run on it.

use crate::node::{Node, eventually, send};
use crate::place::{Place, Role};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Makes a project; answers the position of the last event of that.
async fn make(node: &Node, name: &str) -> u64 {
    let made = node.post("/api/projects", &json!({ "name": name })).await;
    made.expect(201);
    made.position()
}

async fn projects(node: &Node) -> BTreeSet<String> {
    let answer = node.get("/api/projects").await;
    // While it cannot tell who asks, it says so.
    if answer.status != 200 {
        return BTreeSet::new();
    }
    let page: Value = answer.expect(200);
    let names = page["projects"].as_array().unwrap().iter().map(|project| project["name"].as_str().unwrap());
    names.map(str::to_owned).collect()
}

async fn shows(node: &Node, names: &[&str]) {
    let wanted: BTreeSet<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let what = format!("{} shows {wanted:?}", node.name);
    eventually(&what, async || projects(node).await == wanted).await;
}

fn lose_after(place: &Place, position: u64) {
    place.database.ask(&format!("DELETE FROM scanledger_log.events WHERE position > {position}"));
}

#[tokio::test]
async fn nodes_show_what_the_log_has_after_its_database_has_lost_the_last_events() {
    let place = Place::set_up().await;
    let (a, b) = tokio::join!(place.start("a", Role::Api), place.start("b", Role::Api));
    let kept = make(&a, "kept").await;
    make(&a, "lost").await;
    let lost = make(&a, "lost too").await;
    for node in [&a, &b] {
        shows(node, &["kept", "lost", "lost too"]).await;
        eventually("the tree has what will be lost", async || {
            node.metric("scanledger_audit_tree_leaves").await >= lost
        })
        .await;
        eventually("the log was read again", async || {
            node.metric("scanledger_audit_examinations_total").await > 0
        })
        .await;
    }

    // While no node looks, the log comes to the same positions again, and further.
    for node in [&a, &b] {
        node.freeze().await;
    }
    lose_after(&place, kept);
    let c = place.start("c", Role::Api).await;
    let after = ["kept", "one", "two", "three", "four"];
    let mut reached = kept;
    for name in &after[1..] {
        reached = make(&c, name).await;
    }
    let head = make(&c, "last").await;
    assert!(head > lost, "{head} is not above {lost}");
    shows(&c, &["kept", "one", "two", "three", "four", "last"]).await;
    for node in [&a, &b] {
        node.thaw().await;
    }
    for node in [&a, &b] {
        shows(node, &["kept", "one", "two", "three", "four", "last"]).await;
        node.ready().await;
        let log = place.node_log(node.name);
        assert!(log.contains("the read models are built anew from what it has"), "{log}");
        // What was hashed is not what is there, and nothing is signed over that.
        eventually("nothing is signed", async || node.metric("scanledger_audit_refused").await == 1).await;
        let ready = node.get("/health/ready").await.expect(200);
        assert!(ready["refusal"].as_str().unwrap().contains("the log was changed"), "{ready}");
    }

    // Once more, and nothing comes after it.
    lose_after(&place, reached);
    for node in [&a, &b, &c] {
        shows(node, &after).await;
        let beyond = node.request(Method::GET, "/api/projects").header("scanledger-min-position", head);
        assert_eq!(send(beyond).await.status, 400, "nobody waits for what was lost");
    }
    make(&b, "next").await;
    for node in [&a, &b, &c] {
        shows(node, &["kept", "one", "two", "three", "four", "next"]).await;
        node.ready().await;
    }

    // Nor does a restart bring anything back.
    a.end().await;
    let a = place.start("a", Role::Api).await;
    let d = place.start("d", Role::Api).await;
    for node in [&a, &d] {
        shows(node, &["kept", "one", "two", "three", "four", "next"]).await;
    }
    for node in [a, b, c, d] {
        node.end().await;
    }
    place.run_on("d", &["verify"]).await;
}
