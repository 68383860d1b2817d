//! A server that loses the end of the log, as one does whose place an asynchronous replica takes, or that is put back to
//! a point in time: what follows the log does not go on over that.

use crate::database::Database;
use crate::samples::{append, clock};
use scanledger_domain::log::{EventLog, LogError, Position, Recorded, Subscription};
use scanledger_log_postgres::PostgresLog;
use sqlx::PgConnection;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// How long a loss may go unnoticed.
const PATIENCE: Duration = Duration::from_secs(15);

/// A log of so many events in streams of their own, and somebody who has seen all of them.
async fn followed(database: &Database, events: u64) -> (PostgresLog, Box<dyn Subscription>) {
    let log = PostgresLog::open(database.url(), clock()).await.unwrap();
    write(&log, 1, events).await;
    let mut subscription = log.subscribe(Position::START);
    let mut seen = 0;
    while seen < events {
        seen = subscription.next().await.unwrap().last().unwrap().position.0;
    }
    (log, subscription)
}

/// Appends so many events, of which none has been there before if `first` is another one.
async fn write(log: &PostgresLog, first: u128, events: u64) {
    for number in first..first + u128::from(events) {
        append(log, number, 0, number).await.unwrap();
    }
}

async fn run(connection: &mut PgConnection, statements: &'static str) {
    sqlx::raw_sql(statements).execute(connection).await.unwrap();
}

/// What somebody hears next, within the time in which a loss has to be noticed.
async fn next(subscription: &mut dyn Subscription) -> Result<Vec<Recorded>, LogError> {
    timeout(PATIENCE, subscription.next()).await.expect("something is said")
}

#[track_caller]
fn assert_diverged(heard: Result<Vec<Recorded>, LogError>, at: u64) {
    assert!(matches!(heard, Err(LogError::Diverged { position }) if position.0 == at), "{heard:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_that_come_to_lost_positions_are_not_taken_for_a_continuation() {
    let database = Database::create().await;
    let (log, mut subscription) = followed(&database, 6).await;
    run(&mut database.connect().await, "DELETE FROM scanledger_log.events WHERE position > 3").await;
    write(&log, 100, 5).await;
    assert_eq!(log.head().await.unwrap(), Position(8));
    // However often it is asked.
    for _ in 0..3 {
        assert_diverged(next(&mut *subscription).await, 6);
    }

    let mut anew = log.subscribe(Position::START);
    let mut seen = Vec::new();
    while seen.len() < 8 {
        seen.extend(next(&mut *anew).await.unwrap());
    }
    assert_eq!(seen, log.read_all(Position::START, 10).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loss_is_noticed_before_anything_is_appended_and_then_all_goes_on_from_where_the_log_ends() {
    let database = Database::create().await;
    let (log, mut subscription) = followed(&database, 6).await;
    run(&mut database.connect().await, "DELETE FROM scanledger_log.events WHERE position > 3").await;
    assert_diverged(next(&mut *subscription).await, 6);

    let mut head = log.head_watch();
    let lowered = head.wait_for(|head| *head == Position(3));
    timeout(PATIENCE, lowered).await.expect("the known head is that of the log again").unwrap();
    let mut anew = log.subscribe(Position(3));
    write(&log, 100, 1).await;
    assert_eq!(*log.head_watch().borrow(), Position(4));
    let began = Instant::now();
    let seen = next(&mut *anew).await.unwrap();
    assert_eq!(seen.iter().map(|event| event.position).collect::<Vec<_>>(), [Position(4)]);
    assert!(began.elapsed() < Duration::from_secs(1), "nobody waits for positions that are to come again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_event_in_the_place_of_the_last_one_is_noticed_though_nothing_follows() {
    let database = Database::create().await;
    let (log, mut subscription) = followed(&database, 6).await;
    run(&mut database.connect().await, "DELETE FROM scanledger_log.events WHERE position = 6").await;
    write(&log, 100, 1).await;
    assert_eq!(log.head().await.unwrap(), Position(6));
    assert_diverged(next(&mut *subscription).await, 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_further_than_the_log_ends_is_told_so() {
    let database = Database::create().await;
    let (log, _) = followed(&database, 3).await;
    assert_diverged(next(&mut *log.subscribe(Position(9))).await, 9);
}

/// As with a standby that stands in for its server for a moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_behind_for_a_moment_has_lost_nothing() {
    let database = Database::create().await;
    let (log, mut subscription) = followed(&database, 6).await;
    let mut connection = database.connect().await;
    run(
        &mut connection,
        "BEGIN; CREATE TABLE late AS SELECT * FROM scanledger_log.events WHERE position > 3;
         DELETE FROM scanledger_log.events WHERE position > 3; COMMIT",
    )
    .await;
    // A look finds that at once.
    log.waker().notify_one();
    let heard = timeout(Duration::from_millis(1_500), subscription.next()).await;
    assert!(heard.is_err(), "it is only late: {heard:?}");
    run(&mut connection, "INSERT INTO scanledger_log.events SELECT * FROM late").await;
    sleep(Duration::from_secs(4)).await;
    write(&log, 100, 1).await;
    let seen = next(&mut *subscription).await.unwrap();
    assert_eq!(seen.iter().map(|event| event.position).collect::<Vec<_>>(), [Position(7)]);
}

/// The event before a page is read with it, and costs no more than its id.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_any_size_follow_each_other_page_by_page() {
    let database = Database::create().await;
    let (log, mut subscription) = followed(&database, 2).await;
    // More than a step reads, in each.
    run(
        &mut database.connect().await,
        "INSERT INTO scanledger_log.events
         SELECT n, n, recorded_at + n, gen_random_uuid(), schema, 'large', kind, convert_to(repeat('x', 5000000), 'UTF8'),
         metadata FROM scanledger_log.events, generate_series(3, 6) AS n WHERE position = 1",
    )
    .await;
    for position in 3..=6 {
        let seen = next(&mut *subscription).await.unwrap();
        assert_eq!(seen.iter().map(|event| event.position.0).collect::<Vec<_>>(), [position]);
        assert_eq!((seen[0].data.len(), seen[0].metadata.len()), (5_000_000, 2));
    }
    write(&log, 100, 1).await;
    assert_eq!(next(&mut *subscription).await.unwrap().len(), 1);
}
