//! A new server key on one node, and what the others do until they have it.

use crate::node::{Node, eventually, send};
use crate::place::{Place, Role};
use reqwest::Method;
use serde_json::{Value, json};

/// Invites somebody: their address is sealed for the invitation, with a key that is made for it, and that of the caller
/// for the API key. Answers the position.
async fn invite(node: &Node, name: &str) -> u64 {
    let invited = node.post("/api/users", &invitation(name)).await;
    invited.expect(201);
    invited.position()
}

fn invitation(name: &str) -> Value {
    json!({ "email": format!("{name}@acme.example"), "role": "DEVELOPER" })
}

/// The names of who is invited.
async fn invited(node: &Node, position: u64) -> Vec<String> {
    let list = node.get_at("/api/users/invitations", position).await;
    let all = list["invitations"].as_array().unwrap().iter();
    let mut names: Vec<_> = all
        .map(|invitation| invitation["email"].as_str().unwrap().split_once('@').unwrap().0.to_owned())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn nodes_that_share_the_key_file_go_on_with_the_new_key() {
    let place = Place::set_up().await;
    let (a, b) = tokio::join!(place.start("a", Role::Api), place.start("b", Role::Api));
    invite(&a, "bea").await;
    let said = place.run_on("a", &["keys", "rotate"]).await;
    // The other node has none of these keys in memory.
    let position = invite(&a, "cem").await;
    assert_eq!(invited(&b, position).await, ["bea", "cem"]);
    let position = invite(&b, "dan").await;
    assert_eq!(invited(&a, position).await, ["bea", "cem", "dan"]);
    assert!(said.contains("nodes that share this file go on by themselves"), "{said}");

    // An erasure empties the memory of both.
    place.run_on("b", &["keys", "rotate"]).await;
    place.run_on("b", &["people", "erase", "--email", "eve@elsewhere.example"]).await;
    let position = invite(&a, "fay").await;
    for node in [&a, &b] {
        assert_eq!(invited(node, position).await, ["bea", "cem", "dan", "fay"], "{}", node.name);
        assert_eq!(node.get("/health/ready").await.status, 200);
    }
    a.end().await;
    b.end().await;
    let b = place.start("b", Role::Api).await;
    assert_eq!(invited(&b, position).await.len(), 4);
}

#[tokio::test]
async fn a_node_with_a_key_file_of_its_own_is_not_ready_until_that_is_the_new_one() {
    let place = Place::set_up().await;
    let own = place.path("b.key");
    // In one step: half a file is another trouble.
    let bring = || {
        let beside = own.with_extension("new");
        std::fs::copy(place.path("server.key"), &beside).unwrap();
        std::fs::rename(beside, &own).unwrap();
    };
    bring();
    let settings = [("SCANLEDGER_KEY_FILE", own.to_str().unwrap())];
    let (a, b) = tokio::join!(place.start("a", Role::Api), place.launch("b", Role::Api, &settings));
    b.ready().await;
    invite(&a, "bea").await;
    place.run_on("a", &["keys", "rotate"]).await;
    let position = invite(&a, "cem").await;

    // It knows before somebody asks for what it cannot open.
    let mut ready = Value::Null;
    eventually("the node is not ready", async || {
        let answer = b.get("/health/ready").await;
        ready = serde_json::from_str(&answer.text).unwrap();
        answer.status == 503
    })
    .await;
    let why = ready["reasons"][0].as_str().unwrap();
    assert!(why.contains("put the present key file in its place"), "{ready}");
    let list = b.request(Method::GET, "/api/users/invitations").header("scanledger-min-position", position);
    for answer in [send(list).await, b.post("/api/users", &invitation("dan")).await] {
        assert_eq!(answer.expect(503)["error"], "the server cannot do this at the moment");
        assert!(answer.headers.contains_key("retry-after"), "{:?}", answer.headers);
    }
    b.get("/api/projects").await.expect(200);
    assert_eq!(invited(&a, position).await, ["bea", "cem"]);
    assert_eq!(a.get("/health/ready").await.status, 200);

    bring();
    b.ready().await;
    assert_eq!(invited(&b, position).await, ["bea", "cem"]);
    let position = invite(&b, "dan").await;
    assert_eq!(invited(&a, position).await, ["bea", "cem", "dan"]);
    let said = |what: &str| place.node_log("b").matches(what).count();
    eventually("its log says that it goes on", async || said("goes on with the present server key") == 1)
        .await;
    assert_eq!(said("what is personal can be neither read nor written"), 1);
}
