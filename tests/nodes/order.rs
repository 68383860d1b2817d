//! Whether everybody sees the same events in the same order.

use crate::node::{Node, eventually};
use crate::place::Place;
use serde_json::Value;

/// Checks that the log has positions without a hole, that the feeds of all `nodes` are the organization's part of it,
/// and that the bus, if there is one, has all of it: each event once, in order, to the byte. What is appended meanwhile
/// is left out.
pub async fn is_the_same_everywhere(place: &Place, nodes: &[&Node]) {
    let log = place.log().await;
    let head = log.len() as u64;
    for (line, position) in log.iter().zip(1..) {
        assert_eq!(envelope(line)["position"], position, "positions are contiguous");
    }
    let of_organization: Vec<&String> = log
        .iter()
        .filter(|line| envelope(line)["metadata"]["organization"] == place.organization.as_str())
        .collect();
    for node in nodes {
        eventually("a node has everything that is in the log", async || {
            node.metric("scanledger_projector_position").await >= head
        })
        .await;
        let feed = node.feed().await;
        differ_not(node.name, &feed, &of_organization);
    }
    if let Some(nats) = &place.nats {
        nats.has(head).await;
        let published = nats.events().await;
        differ_not("the bus", &published, &log.iter().collect::<Vec<_>>());
    }
}

/// Checks that `seen` begins with all of `expected`, and goes on with what is newer, each event once.
fn differ_not(who: &str, seen: &[String], expected: &[&String]) {
    for (number, (seen, expected)) in seen.iter().zip(expected).enumerate() {
        assert_eq!(&seen, expected, "event {number} of {who}");
    }
    assert!(seen.len() >= expected.len(), "{who} has {} of {} events", seen.len(), expected.len());
    let last = &seen[expected.len().saturating_sub(1)..];
    let positions: Vec<_> = last.iter().map(|line| envelope(line)["position"].as_u64()).collect();
    assert!(positions.is_sorted_by(|one, next| one < next), "{who} goes on with {positions:?}");
}

fn envelope(line: &str) -> Value {
    serde_json::from_str(line).unwrap()
}
