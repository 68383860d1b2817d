//! `kill -9` at random moments under load.

use crate::client::Client;
use crate::export::Log;
use crate::load::{Acknowledged, Decided, Load, decision};
use crate::place::Place;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::str::FromStr;
use std::time::Duration;

/// How often the server is killed under load, unless `SCANLEDGER_CRASH_ROUNDS` says otherwise.
const ROUNDS: u32 = 4;
/// The latest moment of a kill, in milliseconds after the server listens: several scans take less.
const LATEST_MS: u64 = 2_000;
/// As [`LATEST_MS`], for a kill while the server starts, after the process began.
const LATEST_STARTING_MS: u64 = 300;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_killed_servers_acknowledged_is_there_and_what_they_left_undone_is_finished() {
    let rounds = environment("SCANLEDGER_CRASH_ROUNDS").unwrap_or(ROUNDS);
    let seed = environment("SCANLEDGER_CRASH_SEED").unwrap_or_else(|| RandomState::new().hash_one(0));
    eprintln!("{rounds} rounds, SCANLEDGER_CRASH_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);

    let place = Place::set_up().await;
    let mut load = Load::start(&place.key, &mut random);
    for round in 1..=rounds {
        kill_under_load(&place, &mut load, round, &mut random).await;
        log_has(&Log::export(&place).await, &load.acknowledged());
        place.run(&["verify"]).await;
    }
    let server = place.serve().await;
    load.aim(&server.url);
    load.nothing_is_gone().await;
    let (acknowledged, client) = load.finish().await;
    decisions_stand(&acknowledged, &client).await;
    assert!(server.end().await.success());

    let log = Log::export(&place).await;
    log_has(&log, &acknowledged);
    nothing_happened_twice(&log, &acknowledged);
    place.run(&["verify"]).await;
    let server_log = place.server_log();
    assert!(!server_log.contains("panicked") && !server_log.contains(" ERROR "), "{server_log}");

    let interrupted = log.of_kind("scan.requeued").count();
    eprintln!(
        "{} events; acknowledged: {} scans, {} decisions; {interrupted} times a scan was interrupted",
        log.len(),
        acknowledged.queued.len(),
        acknowledged.decided.len(),
    );
    assert!(interrupted > 0, "no scan was interrupted, so this has shown little");
    assert!(acknowledged.decided.len() > acknowledged.queued.len(), "decisions were made all the time");
}

/// One life of a server, and in one round of four a short one before it.
async fn kill_under_load(place: &Place, load: &mut Load, round: u32, random: &mut fastrand::Rng) {
    let starting = Duration::from_millis(random.u64(..=LATEST_STARTING_MS));
    let moment = Duration::from_millis(random.u64(..=LATEST_MS));
    if random.u8(..4) == 0 {
        eprintln!("round {round}: killed {starting:?} after it was started");
        place.kill_while_it_starts(starting).await;
    }
    let server = place.serve().await;
    load.aim(&server.url);
    eprintln!("round {round}: killed {moment:?} after it listened");
    let look = async {
        load.nothing_is_gone().await;
        std::future::pending::<()>().await;
    };
    drop(tokio::time::timeout(moment, look).await);
    server.kill().await;
    load.hold();
}

/// Every finding is as its last acknowledged decision says.
async fn decisions_stand(acknowledged: &Acknowledged, client: &Client) {
    let mut last: HashMap<&str, &Decided> = HashMap::new();
    for decided in &acknowledged.decided {
        last.extend(decided.findings.iter().map(|finding| (finding.as_str(), decided)));
    }
    for (finding, decided) in last {
        let found = client.get(&format!("/api/findings/{finding}"), decided.position).await.json();
        assert_eq!(decision(&found), (Some(decided.status), Some(&*decided.note)), "{found}");
    }
}

/// Every acknowledged position holds the event that was acknowledged.
fn log_has(log: &Log, acknowledged: &Acknowledged) {
    for queued in &acknowledged.queued {
        assert_eq!(log.at(queued.position, "scan.queued").stream, format!("scan-{}", queued.scan));
    }
    for decided in &acknowledged.decided {
        // Several at once are one batch, and its position is that of the last event.
        let first = decided.position + 1 - decided.findings.len() as u64;
        for (position, finding) in (first..).zip(&decided.findings) {
            let event = log.at(position, "finding.triaged");
            assert_eq!(event.stream, format!("finding-{finding}"), "at position {position}");
            assert_eq!(event.data["note"], *decided.note, "at position {position}");
        }
    }
}

/// Once everything was acknowledged: the log has that and no more, however often a request was sent.
fn nothing_happened_twice(log: &Log, acknowledged: &Acknowledged) {
    let scans: HashSet<&str> = acknowledged.queued.iter().map(|queued| &*queued.scan).collect();
    assert_eq!(scans.len(), acknowledged.queued.len(), "every upload is a scan of its own");
    assert_eq!(log.of_kind("scan.queued").count(), scans.len(), "no upload was taken twice");
    assert_eq!(log.of_kind("scan.completed").count(), scans.len(), "every scan was completed once");
    let decisions: usize = acknowledged.decided.iter().map(|decided| decided.findings.len()).sum();
    assert_eq!(log.of_kind("finding.triaged").count(), decisions, "no decision was taken twice");
}

/// A number in the environment.
fn environment<T: FromStr>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} must be a number, and is {text:?}")))
}
