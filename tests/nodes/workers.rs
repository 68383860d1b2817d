//! Workers that vanish, and workers that are told something.

use crate::node::{AGAIN, Node, eventually};
use crate::place::{Place, Role};
use crate::trees::{large, leaky, scan_of, upload};
use serde_json::{Value, json};
use std::time::Duration;

/// How long a worker may go on with a scan that somebody paused or cancelled.
const HEARD: Duration = Duration::from_secs(1);
/// How long a worker takes no processor time when it is at rest.
const REST: Duration = Duration::from_millis(100);
/// Files without findings, enough to keep a worker busy for more than a second.
const FILLER: u64 = 900;

/// The event of this type about a scan.
fn event_of<'a>(log: &'a [Value], kind: &str, scan: &str) -> Option<&'a Value> {
    log.iter().rfind(|event| event["type"] == kind && event["stream"] == format!("scan-{scan}"))
}

async fn log(place: &Place) -> Vec<Value> {
    place.log().await.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// When an event was recorded, in microseconds since some instant.
fn recorded_at(event: &Value) -> i64 {
    let text = event["recordedAt"].as_str().unwrap();
    chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros()
}

async fn running(node: &Node, scan: &str) {
    let path = format!("/api/scans/{scan}");
    eventually("a scan runs", async || node.get(&path).await.expect(200)["status"] == "RUNNING").await;
}

#[tokio::test]
async fn what_a_killed_worker_had_begun_another_one_finishes() {
    let place = Place::set_up().await;
    let (a, one, other) = tokio::join!(
        place.start("a", Role::Api),
        place.start("one", Role::Worker(1)),
        place.start("other", Role::Worker(1)),
    );
    let scan = scan_of(&upload(&a, "shop", large(40, FILLER)).await);
    running(&a, &scan).await;
    let lease = format!("scan-{scan}");
    let mut holder = None;
    eventually("a worker holds the scan", async || {
        holder = place.lease_holder(&lease);
        holder.is_some()
    })
    .await;
    let (victim, survivor) = if holder == Some(one.id()) { (one, other) } else { (other, one) };
    victim.kill().await;
    let took = eventually("the scan is lost and begun again", async || {
        place.lease_holder(&lease).is_some_and(|holder| holder == survivor.id())
    })
    .await;
    eprintln!("a scan of a killed worker was begun by another one after {took:?}");
    let done = a.completed(&scan).await;
    assert_eq!(done["_count"]["findings"], 40);
    let log = log(&place).await;
    let count = |kind: &str| log.iter().filter(|event| event["type"] == kind).count();
    assert_eq!((count("scan.started"), count("scan.requeued"), count("scan.completed")), (2, 1, 1));
    assert_eq!(count("finding.detected"), 40);
}

#[tokio::test]
async fn a_worker_hears_within_a_second_what_another_node_was_asked() {
    what_is_asked_of_a_node_reaches_a_worker(Place::set_up().await).await;
}

/// Pauses, cancels and stops scans on one node, and sees when the worker of another one has heard of it.
pub async fn what_is_asked_of_a_node_reaches_a_worker(place: Place) {
    let (a, worker) = tokio::join!(place.start("a", Role::Api), place.start("one", Role::Worker(1)));
    let step = async |scan: &str, step: &str| {
        a.post(&format!("/api/scans/{scan}/{step}"), &json!(null)).await.expect(200);
    };
    // There is one place to work: a scan that is paused or cancelled makes room for the next one.
    let archive = large(2, FILLER);
    let paused = scan_of(&upload(&a, "paused", archive.clone()).await);
    running(&a, &paused).await;
    step(&paused, "pause").await;
    let took = eventually("a worker whose scan is paused is at rest", async || {
        let before = worker.worked();
        tokio::time::sleep(REST).await;
        worker.worked() <= before + 1
    })
    .await;
    eprintln!("from the pause to a worker at rest: {took:?}");
    assert!(took < HEARD, "from the pause to a worker at rest: {took:?}");
    let cancelled = scan_of(&upload(&a, "cancelled", archive).await);
    running(&a, &cancelled).await;
    let last = scan_of(&upload(&a, "last", leaky(2)).await);
    step(&cancelled, "cancel").await;
    a.completed(&last).await;
    step(&paused, "resume").await;
    running(&a, &paused).await;
    tokio::time::sleep(AGAIN).await;
    step(&paused, "stop").await;
    eventually("what a stopped scan had found is kept", async || {
        event_of(&log(&place).await, "scan.partial_kept", &paused).is_some()
    })
    .await;

    let log = log(&place).await;
    for (asked, of, effect, on) in [
        ("scan.cancelled", &cancelled, "scan.started", &last),
        ("scan.stopped", &paused, "scan.partial_kept", &paused),
    ] {
        let from = recorded_at(event_of(&log, asked, of).unwrap());
        let to = recorded_at(event_of(&log, effect, on).unwrap());
        let took = Duration::from_micros(u64::try_from(to - from).expect("the effect comes after its cause"));
        eprintln!("from {asked} to {effect}: {took:?}");
        assert!(took < HEARD, "from {asked} to {effect}: {took:?}");
    }
}
