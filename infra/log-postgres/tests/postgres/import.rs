//! Taking a log over from elsewhere.

use crate::database::Database;
use crate::samples::{append, assert_sound, clock, event as sample, everything};
use scanledger_domain::log::{
    AppendError, EventLog, ImportError, ImportLog, LogError, Position, Recorded, Version,
};
use scanledger_domain::time::Timestamp;
use scanledger_log_postgres::PostgresLog;

/// Changes an event; gets the log's first one, too.
type Spoil = fn(&mut Recorded, &Recorded);

/// A log with a few thousand events in it.
async fn source() -> (Database, Vec<Recorded>) {
    let database = Database::create().await;
    let log = PostgresLog::open(database.url(), clock()).await.unwrap();
    for version in 0..100 {
        let appends = (0..25).map(|stream| append(&log, stream, version, u128::from(version) * 25 + stream));
        for appended in futures::future::join_all(appends).await {
            appended.unwrap();
        }
    }
    let events = everything(&log).await;
    assert_sound(&events);
    (database, events)
}

async fn empty() -> (Database, PostgresLog) {
    let database = Database::create().await;
    let log = PostgresLog::open(database.url(), clock()).await.unwrap();
    (database, log)
}

#[tokio::test]
async fn an_imported_log_is_the_same_log_and_goes_on() {
    let (_source, events) = source().await;
    let (_database, log) = empty().await;
    let mut subscription = log.subscribe(Position::START);
    assert_eq!(log.import(events[..1_700].to_vec()).await.unwrap(), Position(1_700));
    assert_eq!(log.import(events[1_700..].to_vec()).await.unwrap(), Position(2_500));
    assert_eq!(log.import(vec![]).await.unwrap(), Position(2_500), "no events are no change");
    assert_eq!(everything(&log).await, events);
    let mut seen = Vec::new();
    while seen.len() < events.len() {
        seen.extend(subscription.next().await.unwrap());
    }
    assert_eq!(seen, events, "who follows the log hears of it");

    let late = append(&log, 3, 0, 9_999).await;
    assert!(matches!(late, Err(AppendError::Conflict { actual: Version(100), .. })), "{late:?}");
    assert_eq!(append(&log, 3, 100, 9_999).await.unwrap().last, Position(2_501));
    let third = events.iter().find(|event| event.id == sample(3).id).unwrap();
    assert_eq!(append(&log, 3, 0, 3).await.unwrap().last, third.position, "ids are known");
    assert_sound(&everything(&log).await);
}

#[tokio::test]
async fn an_import_that_does_not_go_on_where_the_log_ends_is_refused() {
    let (_source, events) = source().await;
    let (_database, log) = empty().await;
    let refused = log.import(events[1..].to_vec()).await;
    assert!(
        matches!(refused, Err(ImportError::NotNext { head: Position(0), next: Position(2) })),
        "{refused:?}"
    );
    log.import(events[..10].to_vec()).await.unwrap();
    let repeated = log.import(events[..10].to_vec()).await;
    assert!(
        matches!(repeated, Err(ImportError::NotNext { head: Position(10), next: Position(1) })),
        "{repeated:?}"
    );
}

#[tokio::test]
async fn an_event_that_contradicts_the_log_refuses_the_whole_import() {
    let (_source, events) = source().await;
    let (_database, log) = empty().await;
    log.import(events[..100].to_vec()).await.unwrap();
    let last = events.len() - 1;
    let spoils: [(&str, Spoil); 5] = [
        ("position", |event, _| event.position.0 += 1),
        ("later", |event, first| event.recorded_at = first.recorded_at),
        ("version", |event, _| event.version.0 += 1),
        ("version", |event, _| event.version = Version(1)),
        ("id", |event, first| event.id = first.id),
    ];
    for (word, spoil) in spoils {
        let mut spoilt = events[100..].to_vec();
        spoil(spoilt.last_mut().unwrap(), &events[0]);
        match log.import(spoilt).await {
            Err(ImportError::DoesNotFit { reason, .. }) => assert!(reason.contains(word), "{word}: {reason}"),
            answer => panic!("{word}: {answer:?}"),
        }
        assert_eq!(log.head().await.unwrap(), Position(100), "nothing of it was written");
    }
    let mut early = events[100..].to_vec();
    early[0].recorded_at = Timestamp(0);
    let refused = log.import(early).await;
    assert!(matches!(refused, Err(ImportError::DoesNotFit { position: Position(101), .. })), "{refused:?}");
    assert_eq!(log.import(events[100..].to_vec()).await.unwrap().0, last as u64 + 1);
}

#[tokio::test]
async fn a_log_that_is_open_for_reading_takes_no_import() {
    let (database, events) = source().await;
    let log = PostgresLog::open_read_only(database.url()).await.unwrap();
    let refused = log.import(events).await;
    assert!(matches!(refused, Err(ImportError::Log(LogError::Unavailable { .. }))), "{refused:?}");
}
