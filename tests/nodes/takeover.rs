//! What has to run in one place runs in one place, and goes on elsewhere when that place is gone.

use crate::node::{Node, eventually};
use crate::order::is_the_same_everywhere;
use crate::place::{Place, Role};
use serde_json::json;
use std::time::{Duration, Instant};

/// How long a reactor may be without a node to run it.
const TAKEN_OVER: Duration = Duration::from_secs(10);
/// The lease of whoever publishes to the bus.
const PUBLISHER: &str = "reactor-nats";
/// Events between two looks.
const SOME: u64 = 20;

/// Writes some events on a node.
async fn write(node: &Node, what: &str) {
    for number in 0..SOME {
        node.post("/api/projects", &json!({ "name": format!("{what} {number}") })).await.expect(201);
    }
}

/// Waits for a publisher, and answers it with the others.
async fn publisher(place: &Place, nodes: Vec<Node>) -> (Node, Vec<Node>) {
    let mut holder = None;
    eventually("a node publishes", async || {
        holder = place.lease_holder(PUBLISHER);
        nodes.iter().any(|node| Some(node.id()) == holder)
    })
    .await;
    let (mut holders, others): (Vec<_>, Vec<_>) =
        nodes.into_iter().partition(|node| Some(node.id()) == holder);
    (holders.pop().unwrap(), others)
}

/// After the publisher has gone: writes elsewhere, and measures until another node has published that.
async fn taken_over(place: &Place, gone: Instant, how: &str, other: &Node) {
    write(other, how).await;
    let head = other.metric("scanledger_log_head_position").await;
    place.nats.as_ref().unwrap().has(head).await;
    let took = gone.elapsed();
    eprintln!("{how}: events went on to the bus {took:?} after the publisher had gone");
    assert!(took < TAKEN_OVER, "{how}: {took:?}");
}

#[tokio::test]
async fn another_node_goes_on_when_the_one_that_publishes_has_gone() {
    let place = Place::with_nats().await;
    let (a, b) = tokio::join!(place.start("a", Role::Api), place.start("b", Role::Api));
    let (holder, others) = publisher(&place, vec![a, b]).await;
    write(&holder, "before").await;
    is_the_same_everywhere(&place, &[&holder, &others[0]]).await;

    let name = holder.name;
    holder.kill().await;
    taken_over(&place, Instant::now(), "killed", &others[0]).await;
    let back = place.start(name, Role::Api).await;
    is_the_same_everywhere(&place, &[&others[0], &back]).await;

    // A machine that vanishes closes no connection.
    let (holder, others) = publisher(&place, others.into_iter().chain([back]).collect()).await;
    holder.freeze().await;
    taken_over(&place, Instant::now(), "vanished", &others[0]).await;
    // It comes back and still thinks that it publishes.
    holder.thaw().await;
    write(&others[0], "after").await;
    write(&holder, "back").await;
    is_the_same_everywhere(&place, &[&holder, &others[0]]).await;
    assert_eq!(place.lease_holder(PUBLISHER), Some(others[0].id()), "one node publishes");
}

#[tokio::test]
async fn the_lease_is_given_back_by_a_node_that_ends() {
    let place = Place::with_nats().await;
    let (a, b) = tokio::join!(place.start("a", Role::Api), place.start("b", Role::Api));
    let (holder, others) = publisher(&place, vec![a, b]).await;
    holder.end().await;
    let took =
        eventually("another node publishes", async || place.lease_holder(PUBLISHER) == Some(others[0].id()))
            .await;
    eprintln!("ended: another node had the lease after {took:?}");
    write(&others[0], "after").await;
    is_the_same_everywhere(&place, &[&others[0]]).await;
}
