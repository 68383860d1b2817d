//! Several nodes on one log, and what cuts their connections.

use crate::database::Database;
use crate::samples::{append, assert_sound, clock, everything, stream};
use scanledger_domain::log::{AppendError, EventLog, LogError, Position, Recorded, Version};
use scanledger_log_postgres::PostgresLog;
use sqlx::PgConnection;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

const NODES: usize = 2;
const WRITERS: u128 = 8;
const APPENDS: u128 = 60;
/// Streams that the writers of both nodes fight for.
const STREAMS: u128 = 6;

/// Two nodes on one log.
pub(crate) async fn nodes(database: &Database) -> Vec<Arc<PostgresLog>> {
    let mut nodes = Vec::new();
    for _ in 0..NODES {
        nodes.push(Arc::new(PostgresLog::open(database.url(), clock()).await.unwrap()));
    }
    nodes
}

/// What a writer was told: the position of each command that was acknowledged.
type Told = HashMap<u128, Position>;

/// Appends one event per command to streams that others write to as well, at the version the log names, with pauses
/// of its own; gives up some of its appends on the way, and repeats those, as a client does.
async fn write(log: Arc<PostgresLog>, writer: u128) -> Told {
    let mut told = Told::new();
    for number in 0..APPENDS {
        let command = writer * 1_000 + number;
        let target = fastrand::u128(..STREAMS);
        let mut version = fastrand::u64(..3);
        loop {
            sleep(Duration::from_micros(fastrand::u64(..3_000))).await;
            let mut attempt = {
                let log = Arc::clone(&log);
                JoinSet::from_iter([async move { append(&*log, target, version, command).await }])
            };
            if fastrand::u8(..5) == 0 {
                // The task that waits for the answer is aborted at any moment.
                sleep(Duration::from_micros(fastrand::u64(..4_000))).await;
                attempt.abort_all();
            }
            match attempt.join_next().await.unwrap() {
                Ok(Ok(appended)) => {
                    assert_eq!(appended.first, appended.last);
                    told.insert(command, appended.last);
                    break;
                }
                Ok(Err(AppendError::Conflict { actual, .. })) => version = actual.0,
                // A repeat with the version it was given up at answers its old place, or is refused with a new one.
                Err(aborted) => assert!(aborted.is_cancelled()),
                Ok(Err(error)) => panic!("nothing stands against an append: {error:?}"),
            }
        }
    }
    told
}

/// Follows the log, which must go on after every break, until it is told to end and has seen `done` events.
pub(crate) async fn tail(
    log: Arc<PostgresLog>,
    mut done: tokio::sync::watch::Receiver<usize>,
) -> Vec<Recorded> {
    let mut subscription = log.subscribe(Position::START);
    let mut seen: Vec<Recorded> = Vec::new();
    loop {
        let wanted = *done.borrow_and_update();
        if seen.len() >= wanted {
            return seen;
        }
        tokio::select! {
            events = subscription.next() => match events {
                Ok(events) => {
                    for event in &events {
                        let before = seen.last().map_or(0, |event| event.position.0);
                        assert!(event.position.0 > before, "{} after {before}", event.position);
                    }
                    seen.extend(events);
                }
                Err(LogError::Unavailable { .. }) => {}
                Err(error) => panic!("a subscription goes on: {error:?}"),
            },
            _ = done.changed() => {}
        }
    }
}

/// Cuts every connection to the database again and again, until told to end.
async fn cut(mut connection: PgConnection, is_done: Arc<AtomicBool>) -> i64 {
    let mut cut = 0;
    while !is_done.load(Ordering::Relaxed) {
        sleep(Duration::from_millis(fastrand::u64(20..200))).await;
        cut += Database::cut(&mut connection).await;
    }
    cut
}

/// The commands that were acknowledged are in the log where they were said to be, each once, and a reader that
/// followed all the time has seen the same log as one that reads it afterwards.
async fn run_nodes(database: &Database, is_cut: bool) {
    let nodes = nodes(database).await;
    let (done, until) = tokio::sync::watch::channel(usize::MAX);
    let tails: Vec<_> =
        nodes.iter().map(|node| tokio::spawn(tail(Arc::clone(node), until.clone()))).collect();
    let is_done = Arc::new(AtomicBool::new(false));
    let cutter =
        if is_cut { Some(tokio::spawn(cut(database.connect().await, Arc::clone(&is_done)))) } else { None };
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        writers.spawn(write(Arc::clone(&nodes[writer as usize % NODES]), writer));
    }
    let mut told = Told::new();
    while let Some(writer) = writers.join_next().await {
        told.extend(writer.unwrap());
    }
    is_done.store(true, Ordering::Relaxed);
    if let Some(cutter) = cutter {
        assert!(cutter.await.unwrap() > 0, "connections were cut");
    }

    let all = everything(&*nodes[0]).await;
    assert_sound(&all);
    assert_eq!(all.len(), (WRITERS * APPENDS) as usize, "each command is there once");
    assert_eq!(told.len(), all.len(), "each command was acknowledged");
    for (command, position) in told {
        let event = &all[usize::try_from(position.0).unwrap() - 1];
        assert_eq!(event.id, crate::samples::event(command).id, "it is where it was said to be");
    }
    assert_eq!(everything(&*nodes[1]).await, all);
    done.send_replace(all.len());
    for tail in tails {
        let seen =
            timeout(Duration::from_secs(20), tail).await.expect("who follows gets to the end").unwrap();
        assert_eq!(seen, all, "who follows sees every event once and in order");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_write_one_log_that_both_see_alike() {
    run_nodes(&Database::create().await, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_cut_lose_nothing_and_double_nothing() {
    run_nodes(&Database::create().await, true).await;
}

/// Who reads while others write never finds a position without the ones below it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_never_sees_a_position_before_the_one_below_it() {
    let database = Database::create().await;
    let nodes = nodes(&database).await;
    let mut writers = JoinSet::new();
    for writer in 0..8_u128 {
        let log = Arc::clone(&nodes[writer as usize % NODES]);
        writers.spawn(async move {
            for version in 0..50 {
                append(&*log, writer, version, writer * 1_000 + u128::from(version)).await.unwrap();
            }
        });
    }
    let mut connection = database.connect().await;
    let (mut looks, mut before) = (0, 0);
    while before < 400 {
        let (count, last): (i64, i64) =
            sqlx::query_as("SELECT count(*), coalesce(max(position), 0) FROM scanledger_log.events")
                .fetch_one(&mut connection)
                .await
                .unwrap();
        assert_eq!(count, last, "as many events as the last position says");
        assert!(last >= before, "what was seen stays");
        (looks, before) = (looks + 1, last);
    }
    assert!(looks > 10, "the log was looked at while it grew");
    while let Some(writer) = writers.join_next().await {
        writer.unwrap();
    }
}

/// A client that stands still while it holds the row delays the others, and does so for a limited time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_is_held_for_ever_makes_the_log_unavailable_until_it_is_given_back() {
    let database = Database::create().await;
    let log = PostgresLog::open(database.url(), clock()).await.unwrap();
    let mut frozen = database.connect().await;
    sqlx::raw_sql("BEGIN; SELECT FROM scanledger_log.log FOR UPDATE").execute(&mut frozen).await.unwrap();
    let began = tokio::time::Instant::now();
    let refused = append(&log, 1, 0, 1).await;
    assert!(matches!(refused, Err(AppendError::Log(LogError::Unavailable { .. }))), "{refused:?}");
    assert!(began.elapsed() < Duration::from_secs(7), "callers wait for five seconds");
    assert_eq!(log.head().await.unwrap(), Position::START, "readers do not wait");
    sqlx::raw_sql("ROLLBACK").execute(&mut frozen).await.unwrap();
    assert_eq!(append(&log, 1, 0, 2).await.unwrap().last, Position(1), "what was refused was not written");
}

/// The time of an event is that at which its appender got the row, not that at which it began to wait for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn time_goes_on_while_another_node_has_the_row() {
    let database = Database::create().await;
    let log = Arc::new(PostgresLog::open(database.url(), clock()).await.unwrap());
    let first = append(&*log, 1, 0, 1).await.unwrap();
    let mut other = database.connect().await;
    sqlx::raw_sql("BEGIN; SELECT FROM scanledger_log.log FOR UPDATE").execute(&mut other).await.unwrap();
    let waiting = {
        let log = Arc::clone(&log);
        tokio::spawn(async move { append(&*log, 1, 1, 2).await.unwrap() })
    };
    sleep(Duration::from_millis(300)).await;
    sqlx::raw_sql("COMMIT").execute(&mut other).await.unwrap();
    let waited = waiting.await.unwrap().recorded_at.0 - first.recorded_at.0;
    assert!(waited > 100_000, "the clock of this test stands, but {waited} microseconds went by");
}

/// What one node appends another one hears of without looking: well before the second after which it would look.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_is_told_of_what_another_one_appends() {
    let database = Database::create().await;
    let nodes = nodes(&database).await;
    let mut subscription = nodes[1].subscribe(Position::START);
    // The first one may find a node that does not listen yet.
    append(&*nodes[0], 1, 0, 1).await.unwrap();
    subscription.next().await.unwrap();
    sleep(Duration::from_millis(300)).await;
    let mut waits = Vec::new();
    for version in 1..6 {
        append(&*nodes[0], 1, version, u128::from(version) + 1).await.unwrap();
        let appended = tokio::time::Instant::now();
        assert_eq!(subscription.next().await.unwrap().len(), 1);
        waits.push(appended.elapsed());
    }
    waits.sort_unstable();
    assert!(waits[2] < Duration::from_millis(200), "{waits:?}");
}

/// Without notifications the log is looked at, and a bus that knows more makes that happen at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_announced_is_found_by_looking() {
    let database = Database::create().await;
    let log = PostgresLog::open(database.url(), clock()).await.unwrap();
    append(&log, 1, 0, 1).await.unwrap();
    sleep(Duration::from_millis(300)).await;
    let mut connection = database.connect().await;
    let mut subscription = log.subscribe(Position(1));
    let mut insert = async |position: i64| {
        sqlx::query(
            "INSERT INTO scanledger_log.events SELECT $1, $1, recorded_at + $1, gen_random_uuid(), schema, stream, \
             kind, data, metadata FROM scanledger_log.events WHERE position = 1",
        )
        .bind(position)
        .execute(&mut connection)
        .await
        .unwrap();
    };
    insert(2).await;
    let seen = timeout(Duration::from_secs(5), subscription.next()).await.expect("it is looked for").unwrap();
    assert_eq!(seen[0].position, Position(2));

    let mut quick = 0;
    for position in 3..8 {
        insert(position).await;
        log.waker().notify_one();
        let woken = tokio::time::Instant::now();
        let seen = subscription.next().await.unwrap();
        assert_eq!(seen[0].position.0, position.cast_unsigned());
        quick += u32::from(woken.elapsed() < Duration::from_millis(200));
    }
    assert!(quick >= 4, "a wake-up is answered at once, not at the next second: {quick} of 5");
    // What was written past the appender is what the next append goes on from.
    let late = append(&log, 1, 1, 9).await;
    assert!(matches!(late, Err(AppendError::Conflict { actual: Version(7), .. })), "{late:?}");
    assert_eq!(append(&log, 1, 7, 9).await.unwrap().last, Position(8));
    assert_eq!(log.read_stream(&stream(1), Version(7), 9).await.unwrap().len(), 1);
}
