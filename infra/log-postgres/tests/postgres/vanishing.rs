//! A server that vanishes: nothing comes from it any more, and no connection ends.

use crate::database::Database;
use crate::proxy::Proxy;
use crate::samples::{append, clock, event};
use scanledger_domain::log::{EventLog, LogError, Position, Recorded};
use scanledger_log_postgres::PostgresLog;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

/// Connections for reading that a log has at most.
const READERS: usize = 8;
/// How long callers wait for a server that is out of reach, on a slow machine.
const PATIENCE: Duration = Duration::from_secs(8);

/// As many reads at the same time.
fn reads(log: &Arc<PostgresLog>, number: usize) -> JoinSet<Result<Vec<Recorded>, LogError>> {
    let read = |log: Arc<PostgresLog>| async move { log.read_all(Position::START, 10).await };
    (0..number).map(|_| read(Arc::clone(log))).collect()
}

/// A log with an event on its way through `proxy`, and as many idle connections as it may have.
async fn warm(proxy: &Proxy) -> Arc<PostgresLog> {
    let log = Arc::new(PostgresLog::open(proxy.url(), clock()).await.unwrap());
    append(&*log, 1, 0, 1).await.unwrap();
    // None of them is done before the others have begun, so each has a connection of its own.
    proxy.freeze();
    let reading = reads(&log, READERS);
    sleep(Duration::from_millis(300)).await;
    proxy.thaw();
    assert!(reading.join_all().await.iter().all(Result::is_ok));
    log
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failover_every_read_goes_on_upon_a_fresh_connection() {
    let database = Database::create().await;
    let proxy = Proxy::to(database.url());
    let log = warm(&proxy).await;
    proxy.fail_over();
    let began = Instant::now();
    // Some find a connection that says nothing any more, and others wait behind them.
    for read in reads(&log, 3 * READERS).join_all().await {
        assert_eq!(read.expect("it is repeated while its caller waits").len(), 1);
    }
    assert!(began.elapsed() < Duration::from_secs(5), "it took {:?}", began.elapsed());
    // Nobody after them meets a dead connection.
    for _ in 0..READERS {
        let began = Instant::now();
        log.read_all(Position::START, 10).await.unwrap();
        assert!(began.elapsed() < Duration::from_secs(1), "it took {:?}", began.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_says_nothing_is_out_of_reach_within_seconds_for_all_who_ask_and_follow() {
    let database = Database::create().await;
    let proxy = Proxy::to(database.url());
    let log = warm(&proxy).await;
    let mut subscription = log.subscribe(Position(1));
    proxy.freeze();
    let began = Instant::now();
    let (read, found, followed) =
        tokio::join!(reads(&log, 2 * READERS).join_all(), log.find(event(1).id), subscription.next());
    assert!(read.iter().all(|read| matches!(read, Err(LogError::Unavailable { .. }))), "{read:?}");
    assert!(matches!(found, Err(LogError::Unavailable { .. })), "{found:?}");
    assert!(matches!(followed, Err(LogError::Unavailable { .. })), "{followed:?}");
    assert!(began.elapsed() < PATIENCE, "it took {:?}", began.elapsed());

    proxy.thaw();
    assert_eq!(log.read_all(Position::START, 10).await.unwrap().len(), 1);
    let beside = PostgresLog::open(database.url(), clock()).await.unwrap();
    append(&beside, 1, 1, 2).await.unwrap();
    let next = async {
        loop {
            if let Ok(events) = subscription.next().await {
                return events;
            }
        }
    };
    let seen = timeout(Duration::from_secs(10), next).await.expect("the subscription goes on");
    assert_eq!(seen.iter().map(|event| event.position).collect::<Vec<_>>(), [Position(2)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_known_for_how_long_the_server_was_not_heard() {
    let database = Database::create().await;
    let proxy = Proxy::to(database.url());
    let log = warm(&proxy).await;
    // About once a second it is asked, also if nothing happens.
    sleep(Duration::from_secs(3)).await;
    assert!(log.head_age() < Duration::from_millis(2_500), "{:?}", log.head_age());
    proxy.freeze();
    let frozen = Instant::now();
    // An append that is under way says nothing of what others have appended by now.
    let appended = append(&*log, 1, 1, 2).await;
    assert!(appended.is_err(), "{appended:?}");
    sleep(Duration::from_secs(3)).await;
    assert!(log.head_age() + Duration::from_millis(100) >= frozen.elapsed(), "{:?}", log.head_age());

    proxy.thaw();
    let heard = async {
        while log.head_age() > Duration::from_secs(2) {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(10), heard).await.expect("it is heard again");
}
