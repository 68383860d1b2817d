//! A server that goes away and comes back.

use crate::database::Database;
use crate::samples::{append, assert_sound, clock, event, everything, stream};
use crate::server::Server;
use scanledger_domain::log::{AppendError, EventLog, LogError, Position, Recorded};
use scanledger_log_postgres::PostgresLog;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

/// Writes to a stream of its own until told to end; a refused append is repeated. Answers what was acknowledged.
async fn write(
    log: Arc<PostgresLog>,
    writer: u128,
    is_done: Arc<AtomicBool>,
    acknowledged: Arc<AtomicU64>,
) -> HashMap<u128, Position> {
    let mut told = HashMap::new();
    let mut version = 0;
    while !is_done.load(Ordering::Relaxed) {
        let command = writer * 1_000_000 + u128::from(version);
        match append(&*log, writer, version, command).await {
            Ok(appended) => {
                told.insert(command, appended.last);
                acknowledged.fetch_add(1, Ordering::Relaxed);
                version += 1;
            }
            Err(AppendError::Log(LogError::Unavailable { .. })) => {}
            Err(error) => panic!("only the server stands against an append: {error:?}"),
        }
    }
    told
}

/// Waits until so many further appends were acknowledged.
async fn progress(acknowledged: &AtomicU64, further: u64) {
    let wanted = acknowledged.load(Ordering::Relaxed) + further;
    let wait = async {
        while acknowledged.load(Ordering::Relaxed) < wanted {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(60), wait).await.expect("appends go on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_crashes_and_restarts_loses_nothing_that_was_acknowledged() {
    let server = Server::start();
    let database = Database::create_on(server.url()).await;
    let log = Arc::new(PostgresLog::open(database.url(), clock()).await.unwrap());
    let (is_done, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut writers = JoinSet::new();
    for writer in 0..12 {
        writers.spawn(write(Arc::clone(&log), writer, Arc::clone(&is_done), Arc::clone(&acknowledged)));
    }
    let mut subscription = log.subscribe(Position::START);
    let follower = tokio::spawn(async move {
        let mut seen: Vec<Recorded> = Vec::new();
        while seen.last().is_none_or(|event| event.stream != stream(99)) {
            match subscription.next().await {
                Ok(events) => seen.extend(events),
                Err(LogError::Unavailable { .. }) => {}
                Err(error) => panic!("a subscription goes on: {error:?}"),
            }
        }
        seen
    });

    progress(&acknowledged, 100).await;
    // Without a goodbye to anyone, as when the machine loses power: what comes back is what was flushed.
    for mode in ["immediate", "fast", "immediate"] {
        server.control(&["restart", "-m", mode]);
        progress(&acknowledged, 100).await;
    }
    is_done.store(true, Ordering::Relaxed);
    let mut told = HashMap::new();
    while let Some(writer) = writers.join_next().await {
        told.extend(writer.unwrap());
    }
    append(&*log, 99, 0, 99_000_000).await.unwrap();

    let all = everything(&*log).await;
    assert_sound(&all);
    for (command, position) in &told {
        let at = &all[usize::try_from(position.0).unwrap() - 1];
        assert_eq!(at.id, event(*command).id, "what was acknowledged is where it was said to be");
    }
    assert_eq!(all.len(), told.len() + 1, "nothing was written that nobody was told of in the end");
    assert_eq!(follower.await.unwrap(), all, "who followed saw all of it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_server_is_away_callers_are_told_so_and_afterwards_all_goes_on() {
    let server = Server::start();
    let database = Database::create_on(server.url()).await;
    let log = Arc::new(PostgresLog::open(database.url(), clock()).await.unwrap());
    append(&*log, 1, 0, 1).await.unwrap();
    let mut subscription = log.subscribe(Position(1));

    server.control(&["stop", "-m", "immediate"]);
    let began = Instant::now();
    let (appended, read, followed) =
        tokio::join!(append(&*log, 1, 1, 2), log.read_all(Position::START, 10), subscription.next());
    assert!(matches!(appended, Err(AppendError::Log(LogError::Unavailable { .. }))), "{appended:?}");
    assert!(matches!(read, Err(LogError::Unavailable { .. })), "{read:?}");
    assert!(matches!(followed, Err(LogError::Unavailable { .. })), "{followed:?}");
    assert!(began.elapsed() < Duration::from_secs(15), "nobody waits much longer than five seconds");

    server.control(&["start"]);
    // Each waits for the server by itself: no one has to ask twice.
    assert_eq!(append(&*log, 1, 1, 2).await.unwrap().last, Position(2));
    assert_eq!(log.read_all(Position::START, 10).await.unwrap().len(), 2);
    let next = async {
        loop {
            if let Ok(events) = subscription.next().await {
                return events;
            }
        }
    };
    let seen = timeout(Duration::from_secs(10), next).await.expect("the subscription goes on");
    assert_eq!(seen.iter().map(|event| event.position).collect::<Vec<_>>(), [Position(2)], "where it was");
}
