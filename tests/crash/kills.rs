//! `kill -9` at random moments under load.

use crate::checks::{decisions_stand, environment, log_has, nothing_happened_twice};
use crate::export::Log;
use crate::load::Load;
use crate::place::Place;
use std::hash::{BuildHasher, RandomState};
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
