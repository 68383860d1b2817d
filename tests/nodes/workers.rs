//! Workers that vanish, and workers that are told something.

use crate::node::{AGAIN, Node, eventually};
use crate::place::{Place, Role};
use crate::trees::{large, leaky, scan_of, upload};
use serde_json::{Value, json};
use std::time::Duration;

/// How long a worker may go on with a scan that somebody paused, cancelled or stopped: well less than the second after
/// which a node looks at the log, of which nobody has told it anything.
const HEARD: Duration = Duration::from_millis(400);
/// How often each of them is done; the time in the middle counts.
const ROUNDS: usize = 5;
/// How long a scan has run when something is asked: by then its worker has read what the log had at the beginning.
const UNDER_WAY: Duration = Duration::from_millis(200);
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
async fn a_worker_hears_at_once_what_another_node_was_asked() {
    what_is_asked_of_a_node_reaches_a_worker(Place::set_up().await).await;
}

/// Pauses, cancels and stops scans on one node, and sees when the worker of another one has heard of it.
pub async fn what_is_asked_of_a_node_reaches_a_worker(place: Place) {
    let (a, worker) = tokio::join!(place.start("a", Role::Api), place.start("one", Role::Worker(1)));
    let mut rounds = Vec::new();
    for round in 0..ROUNDS {
        rounds.push(asked(&place, &a, &worker, round).await);
    }
    let log = log(&place).await;
    let lasted = |from: &Value, to: &Value| {
        let micros = u64::try_from(recorded_at(to) - recorded_at(from));
        Duration::from_micros(micros.expect("the effect comes after its cause"))
    };
    let waits = |wait: &dyn Fn(&Asked) -> Duration| rounds.iter().map(wait).collect::<Vec<_>>();
    for (what, mut waits) in [
        ("from the pause to a worker at rest", waits(&|round| round.rested)),
        (
            "from a cancelled scan to the next one",
            waits(&|round| {
                let cancelled = event_of(&log, "scan.cancelled", &round.cancelled).unwrap();
                lasted(cancelled, event_of(&log, "scan.started", &round.next).unwrap())
            }),
        ),
        (
            "from a stopped scan to what it had found",
            waits(&|round| {
                let stopped = event_of(&log, "scan.stopped", &round.stopped).unwrap();
                lasted(stopped, event_of(&log, "scan.partial_kept", &round.stopped).unwrap())
            }),
        ),
    ] {
        waits.sort_unstable();
        eprintln!("{what}: {waits:?}");
        assert!(waits[ROUNDS / 2] < HEARD, "{what}: {waits:?}");
    }
}

/// What was asked in a round.
struct Asked {
    /// How long after a pause the worker did nothing.
    rested: Duration,
    /// A scan that was cancelled, and the one that waited for its place.
    cancelled: String,
    next: String,
    stopped: String,
}

async fn asked(place: &Place, a: &Node, worker: &Node, round: usize) -> Asked {
    let step = async |scan: &str, step: &str| {
        a.post(&format!("/api/scans/{scan}/{step}"), &json!(null)).await.expect(200);
    };
    // There is one place to work: a scan that is paused or cancelled makes room for the next one.
    let archive = large(2, FILLER);
    let stopped = scan_of(&upload(a, &format!("stopped {round}"), archive.clone()).await);
    running(a, &stopped).await;
    tokio::time::sleep(UNDER_WAY).await;
    step(&stopped, "pause").await;
    let paused = eventually("a worker whose scan is paused is at rest", async || {
        let before = worker.worked();
        tokio::time::sleep(REST).await;
        worker.worked() <= before + 1
    })
    .await;
    let cancelled = scan_of(&upload(a, &format!("cancelled {round}"), archive).await);
    running(a, &cancelled).await;
    let next = scan_of(&upload(a, &format!("next {round}"), leaky(2)).await);
    tokio::time::sleep(UNDER_WAY).await;
    step(&cancelled, "cancel").await;
    a.completed(&next).await;
    step(&stopped, "resume").await;
    running(a, &stopped).await;
    tokio::time::sleep(AGAIN).await;
    step(&stopped, "stop").await;
    eventually("what a stopped scan had found is kept", async || {
        event_of(&log(place).await, "scan.partial_kept", &stopped).is_some()
    })
    .await;
    // By then it had been at rest for as long as it takes to see that.
    Asked { rested: paused.saturating_sub(REST), cancelled, next, stopped }
}
