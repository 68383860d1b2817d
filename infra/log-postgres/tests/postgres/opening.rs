//! Which databases are opened, how, and how a log is closed.

use crate::database::Database;
use crate::samples::{append, clock, event, stream};
use scanledger_domain::log::{Append, AppendError, EventLog, LogError, Position, Version};
use scanledger_log_postgres::{PostgresLog, Unusable};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::timeout;

fn unusable(opened: Result<PostgresLog, LogError>) -> Unusable {
    let Err(LogError::Broken { source, .. }) = opened else { panic!("the log must not be opened") };
    source.downcast_ref::<Unusable>().expect("the reason is given").clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_start_together_make_one_log() {
    let database = Arc::new(Database::create().await);
    let mut starting = JoinSet::new();
    for _ in 0..8 {
        let database = Arc::clone(&database);
        starting.spawn(async move { PostgresLog::open(database.url(), clock()).await.unwrap().identity() });
    }
    let mut identities = Vec::new();
    while let Some(identity) = starting.join_next().await {
        identities.push(identity.unwrap());
    }
    identities.dedup();
    assert_eq!(identities.len(), 1, "they agree on which log it is");
    assert_eq!(identities[0].get_version_num(), 4);
}

#[tokio::test]
async fn a_log_of_a_newer_version_is_refused() {
    let database = Database::create().await;
    drop(PostgresLog::open(database.url(), clock()).await.unwrap());
    let newer = "INSERT INTO scanledger_log.migrations (version, description, success, checksum, execution_time) \
                 VALUES (5, 'of a later version', true, '', 0)";
    sqlx::query(newer).execute(&mut database.connect().await).await.unwrap();
    let newer = Unusable::Newer { found: 5, known: 4 };
    assert_eq!(unusable(PostgresLog::open(database.url(), clock()).await), newer);
    assert_eq!(unusable(PostgresLog::open_read_only(database.url()).await), newer);
}

#[tokio::test]
async fn a_log_of_the_version_before_is_brought_up_to_date() {
    let database = Database::create().await;
    let log = PostgresLog::open(database.url(), clock()).await.unwrap();
    append(&log, 1, 0, 1).await.unwrap();
    log.close().await;
    let back = "DROP FUNCTION scanledger_log.append_parts; \
                DELETE FROM scanledger_log.migrations WHERE version = 4";
    sqlx::raw_sql(back).execute(&mut database.connect().await).await.unwrap();
    let old = unusable(PostgresLog::open_read_only(database.url()).await);
    assert_eq!(old, Unusable::Older { found: 3 });

    let log = PostgresLog::open(database.url(), clock()).await.unwrap();
    // More than one, because one alone goes another way.
    let part = Append { stream: stream(1), expected: Version(1), events: vec![event(2), event(3)] };
    log.append(vec![part]).await.unwrap();
    let [first, second, third] = &log.read_all(Position::START, 10).await.unwrap()[..] else { panic!() };
    assert_eq!([first, second, third].map(|event| event.position.0), [1, 2, 3]);
    assert!(second.recorded_at > first.recorded_at);
}

#[tokio::test]
async fn reading_needs_a_log_that_exists() {
    let database = Database::create().await;
    let none = unusable(PostgresLog::open_read_only(database.url()).await);
    assert_eq!(none, Unusable::Older { found: 0 });
    let made: bool = sqlx::query_scalar("SELECT to_regnamespace('scanledger_log') IS NOT NULL")
        .fetch_one(&mut database.connect().await)
        .await
        .unwrap();
    assert!(!made, "looking for a log does not make one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_open_for_reading_follows_and_appends_nothing() {
    let database = Database::create().await;
    let log = PostgresLog::open(database.url(), clock()).await.unwrap();
    append(&log, 1, 0, 1).await.unwrap();
    let beside = PostgresLog::open_read_only(database.url()).await.unwrap();
    assert_eq!(beside.identity(), log.identity());
    assert_eq!(*beside.head_watch().borrow(), Position(1));
    let refused = append(&beside, 1, 1, 2).await;
    assert!(matches!(refused, Err(AppendError::Log(LogError::Unavailable { .. }))), "{refused:?}");

    let mut subscription = beside.subscribe(Position(1));
    append(&log, 1, 1, 2).await.unwrap();
    assert_eq!(subscription.next().await.unwrap()[0].position, Position(2));
    assert_eq!(*beside.head_watch().borrow(), Position(2));
    beside.close().await;
    assert!(matches!(subscription.next().await, Err(LogError::Unavailable { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_finishes_what_was_handed_over_and_ends_subscriptions() {
    let database = Database::create().await;
    let log = Arc::new(PostgresLog::open(database.url(), clock()).await.unwrap());
    let mut subscription = log.subscribe(Position::START);
    let mut requests = JoinSet::new();
    for stream in 0..64 {
        let log = Arc::clone(&log);
        requests.spawn(async move { append(&*log, stream, 0, stream).await });
    }
    // Some are in the log, some on their way, some may come too late.
    subscription.next().await.unwrap();
    log.close().await;
    log.close().await;
    let mut written = 0;
    while let Some(answer) = requests.join_next().await {
        match answer.unwrap() {
            Ok(_) => written += 1,
            Err(AppendError::Log(LogError::Unavailable { .. })) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    assert_eq!(
        log.head().await.unwrap(),
        Position(written),
        "who was told so is in the log, and nobody else"
    );
    assert_eq!((log.stats().events, *log.head_watch().borrow()), (written, Position(written)));
    let refused = append(&*log, 99, 0, 99).await;
    assert!(matches!(refused, Err(AppendError::Log(LogError::Unavailable { .. }))), "{refused:?}");
    let ended = async { while subscription.next().await.is_ok() {} };
    timeout(Duration::from_secs(5), ended).await.expect("subscriptions end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_come_together_are_written_together() {
    let database = Database::create().await;
    let log = Arc::new(PostgresLog::open(database.url(), clock()).await.unwrap());
    let mut requests = JoinSet::new();
    for stream in 0..256 {
        let log = Arc::clone(&log);
        requests.spawn(async move { append(&*log, stream, 0, stream).await.unwrap() });
    }
    requests.join_all().await;
    let stats = log.stats();
    assert_eq!(stats.events, 256);
    assert!(stats.groups < 64 && stats.groups_above(4) > 0, "{stats:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_who_go_away_in_the_middle_leave_a_log_that_goes_on() {
    let database = Database::create().await;
    let log = PostgresLog::open(database.url(), clock()).await.unwrap();
    let mut polls = 0;
    for number in 0..60 {
        // Nobody else appends, so the caller itself is talking to the server when it goes away.
        let mut left = Box::pin(append(&log, number, 0, number));
        for _ in 0..=number % 6 {
            if futures::poll!(&mut left).is_ready() {
                break;
            }
            polls += 1;
            tokio::time::sleep(Duration::from_micros(1)).await;
        }
        drop(left);
        let after = append(&log, 1_000 + number, 0, 1_000 + number).await.unwrap();
        let mine = log.read_stream(&stream(number), Version::NONE, 10).await.unwrap();
        assert!(mine.iter().all(|event| event.position < after.first), "the one came to its end first");
    }
    assert!(polls > 60, "they went away in the middle");
    let all = log.read_all(Position::START, 1_000).await.unwrap();
    let positions: Vec<u64> = all.iter().map(|event| event.position.0).collect();
    assert_eq!(
        positions,
        (1..=120).collect::<Vec<_>>(),
        "what was under way when its caller went was written"
    );
}

#[tokio::test]
async fn a_version_beyond_all_counting_is_a_conflict_like_any_other() {
    let database = Database::create().await;
    let log = PostgresLog::open(database.url(), clock()).await.unwrap();
    for beyond in [i64::MAX.cast_unsigned() - 1, i64::MAX.cast_unsigned(), u64::MAX] {
        let refused = append(&log, 1, beyond, 1).await;
        assert!(matches!(refused, Err(AppendError::Conflict { actual: Version::NONE, .. })), "{refused:?}");
    }
    append(&log, 1, 0, 1).await.unwrap();
}

#[tokio::test]
async fn no_error_shows_the_password() {
    let urls = [
        "postgres://someone:hunter2hunter2@127.0.0.1:1/none",
        "postgres://someone:hunter2hunter2@127.0.0.1:port/none",
        "postgres://someone:hunter2hunter2@127.0.0.1:1/none?sslmode=sometimes",
        "postgres://someone:hunter2hunter2@no-such-host.invalid/none",
        "hunter2hunter2",
    ];
    for url in urls {
        let Err(error) = PostgresLog::open(url, clock()).await else { panic!("{url} leads nowhere") };
        let mut shown = format!("{error:?} {error}");
        let mut source = error.source();
        while let Some(cause) = source {
            shown.push_str(&format!(" {cause:?} {cause}"));
            source = cause.source();
        }
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
