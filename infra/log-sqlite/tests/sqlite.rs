//! What only the log on SQLite promises: which files it opens, how it fails, closes and is read from beside.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use rusqlite::Connection;
use scanledger_domain::id::CommandId;
use scanledger_domain::log::{
    Append, AppendError, Appended, EventLog, FoundOrRead, LogError, LogStats, NewEvent, Position, StreamName,
    Version,
};
use scanledger_domain::time::{Clock, Timestamp};
use scanledger_log_sqlite::{SqliteLog, Unusable};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::task::JoinSet;
use uuid::Uuid;

struct StandingClock;

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        Timestamp(1_795_255_200_000_000)
    }
}

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("log.db")
    }

    fn open(&self) -> Arc<SqliteLog> {
        Arc::new(SqliteLog::open(&self.path(), Arc::new(StandingClock)).unwrap())
    }

    /// The file as another program sees it.
    fn connect(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }
}

fn event(command: u128, schema: u16) -> NewEvent {
    let id = CommandId(Uuid::from_u128(command)).event(0);
    NewEvent { id, kind: "sample.made", schema, data: b"{}".to_vec(), metadata: Arc::from(*b"{}") }
}

async fn append(log: &SqliteLog, stream: u128, expected: u64, schema: u16) -> Result<Appended, AppendError> {
    let events = vec![event(stream << 64 | u128::from(expected), schema)];
    let stream = StreamName::new("sample", stream);
    log.append(vec![Append { stream, expected: Version(expected), events }]).await
}

fn unusable(opened: Result<SqliteLog, LogError>) -> Unusable {
    let Err(LogError::Broken { source, .. }) = opened else { panic!("the file must not be opened") };
    source.downcast_ref::<Unusable>().expect("the reason is given").clone()
}

#[test]
fn a_log_of_a_newer_version_is_refused_and_left_alone() {
    let folder = Folder::new();
    drop(folder.open());
    folder.connect().pragma_update(None, "user_version", 2).unwrap();
    let newer = Unusable::Newer { found: 2, known: 1 };
    assert_eq!(unusable(SqliteLog::open(&folder.path(), Arc::new(StandingClock))), newer);
    assert_eq!(unusable(SqliteLog::open_read_only(&folder.path())), newer);
    folder.connect().pragma_update(None, "user_version", 1).unwrap();
    drop(folder.open());
}

#[test]
fn a_database_of_another_program_is_refused_and_left_alone() {
    let folder = Folder::new();
    folder.connect().execute_batch("CREATE TABLE theirs (x); PRAGMA user_version = 1").unwrap();
    let before = std::fs::read(folder.path()).unwrap();
    assert_eq!(unusable(SqliteLog::open(&folder.path(), Arc::new(StandingClock))), Unusable::Foreign);
    assert_eq!(unusable(SqliteLog::open_read_only(&folder.path())), Unusable::Foreign);
    assert_eq!(std::fs::read(folder.path()).unwrap(), before);
}

#[test]
fn reading_needs_a_log_that_exists() {
    let folder = Folder::new();
    assert!(matches!(SqliteLog::open_read_only(&folder.path()), Err(LogError::Broken { .. })));
    assert!(!folder.path().exists(), "looking for a log does not make one");
}

#[test]
fn each_log_has_an_identity_of_its_own() {
    let [a, b] = [Folder::new(), Folder::new()];
    let identity = a.open().identity();
    assert_ne!(identity, b.open().identity());
    assert_eq!(identity, a.open().identity());
    assert_eq!(identity, SqliteLog::open_read_only(&a.path()).unwrap().identity());
    assert_eq!(identity.get_version_num(), 4);
}

/// The failing insert stands for a full disk: SQLite undoes the transaction in both cases.
#[tokio::test]
async fn a_transaction_that_fails_writes_nothing_and_says_so_to_everyone_in_it() {
    const POISON: u16 = 666;
    let folder = Folder::new();
    let log = folder.open();
    append(&log, 0, 0, 1).await.unwrap();
    folder
        .connect()
        .execute_batch(
            "CREATE TRIGGER full BEFORE INSERT ON events WHEN NEW.schema = 666 \
             BEGIN SELECT RAISE(ABORT, 'disk full'); END",
        )
        .unwrap();
    let mut requests = JoinSet::new();
    for stream in 0..64 {
        let log = Arc::clone(&log);
        let schema = if stream == 40 { POISON } else { 1 };
        requests.spawn(async move { (stream, append(&log, stream, u64::from(stream == 0), schema).await) });
    }
    let mut failed = Vec::new();
    while let Some(request) = requests.join_next().await {
        match request.unwrap() {
            (_, Ok(_)) => {}
            (stream, Err(AppendError::Log(LogError::Broken { source, .. }))) => {
                assert!(source.to_string().contains("disk full"), "{source}");
                failed.push(stream);
            }
            (stream, Err(error)) => panic!("stream {stream}: {error}"),
        }
    }
    assert!(failed.contains(&40));
    let recorded = log.read_all(Position::START, 1_000).await.unwrap();
    assert_eq!(recorded.len(), 1 + 64 - failed.len(), "what failed is not there, everything else is");
    assert_eq!(log.head().await.unwrap(), Position(recorded.len() as u64));

    folder.connect().execute_batch("DROP TRIGGER full").unwrap();
    for stream in failed {
        append(&log, stream, u64::from(stream == 0), 1).await.unwrap();
    }
    let recorded = log.read_all(Position::START, 1_000).await.unwrap();
    let positions: Vec<u64> = recorded.iter().map(|event| event.position.0).collect();
    assert_eq!(positions, (1..=65).collect::<Vec<_>>(), "no hole is left");
}

#[tokio::test]
async fn a_log_that_another_program_keeps_locked_is_unavailable_and_then_goes_on() {
    let folder = Folder::new();
    let log = folder.open();
    let other = folder.connect();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let locked_out = append(&log, 1, 0, 1).await;
    assert!(matches!(locked_out, Err(AppendError::Log(LogError::Unavailable { .. }))), "{locked_out:?}");
    other.execute_batch("ROLLBACK").unwrap();
    append(&log, 1, 0, 1).await.unwrap();
}

#[tokio::test]
async fn closing_finishes_what_was_handed_over_and_ends_subscriptions() {
    let folder = Folder::new();
    let log = folder.open();
    let mut requests = JoinSet::new();
    for stream in 0..50 {
        let log = Arc::clone(&log);
        requests.spawn(async move { append(&log, stream, 0, 1).await });
    }
    // On one thread the requests run first, up to where they wait for their answers.
    tokio::task::yield_now().await;
    let mut subscription = log.subscribe(Position::START);
    log.close().await;
    for request in requests.join_all().await {
        request.unwrap();
    }
    let late = append(&log, 99, 0, 1).await;
    assert!(matches!(late, Err(AppendError::Log(LogError::Unavailable { .. }))), "{late:?}");

    let mut seen = 0;
    let end = loop {
        match subscription.next().await {
            Ok(events) => seen += events.len(),
            Err(error) => break error,
        }
    };
    assert_eq!(seen, 50, "what was written before is still handed out");
    assert!(matches!(end, LogError::Unavailable { .. }), "{end}");
    assert_eq!(log.read_all(Position::START, 100).await.unwrap().len(), 50);
    log.close().await;
}

#[tokio::test]
async fn the_head_is_published_before_the_answer() {
    let log = Folder::new().open();
    let head = log.head_watch();
    for version in 0..20 {
        let appended = append(&log, 1, version, 1).await.unwrap();
        assert_eq!(*head.borrow(), appended.last);
    }
}

#[tokio::test]
async fn a_log_opened_for_reading_follows_the_server_and_does_not_append() {
    let folder = Folder::new();
    let server = folder.open();
    append(&server, 1, 0, 1).await.unwrap();
    let beside = SqliteLog::open_read_only(&folder.path()).unwrap();
    let refused = append(&beside, 1, 1, 1).await;
    assert!(matches!(refused, Err(AppendError::Log(LogError::Unavailable { .. }))), "{refused:?}");

    let mut subscription = beside.subscribe(Position::START);
    assert_eq!(subscription.next().await.unwrap().len(), 1);
    append(&server, 1, 1, 1).await.unwrap();
    assert_eq!(beside.head().await.unwrap(), Position(2));
    let seen = tokio::time::timeout(Duration::from_secs(30), subscription.next()).await.unwrap().unwrap();
    assert_eq!(seen.iter().map(|event| event.position.0).collect::<Vec<_>>(), [2]);
    beside.close().await;
}

#[tokio::test]
async fn waiting_requests_share_a_transaction() {
    let folder = Folder::new();
    let log = folder.open();
    // While another program holds the lock, the writer waits with the first request and the others gather.
    let other = folder.connect();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut requests = JoinSet::new();
    for stream in 0..100 {
        let log = Arc::clone(&log);
        requests.spawn(async move { append(&log, stream, 0, 1).await });
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    other.execute_batch("ROLLBACK").unwrap();
    for request in requests.join_all().await {
        request.unwrap();
    }
    let stats = log.stats();
    assert_eq!(stats.events, 100);
    assert!(stats.groups <= 3, "{stats:?}");
    assert!(stats.requests == 100 && stats.groups_above(32) >= 1, "{stats:?}");
    // A conflict appends nothing and counts as nothing.
    append(&log, 0, 0, 2).await.unwrap();
    assert!(append(&log, 0, 5, 1).await.is_err());
    assert_eq!(log.stats(), stats);
    assert_eq!(SqliteLog::open_read_only(&folder.path()).unwrap().stats(), LogStats::default());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_read_whole_whatever_part_of_it_is_read_at_once() {
    let folder = Folder::new();
    let log = folder.open();
    // Around the events and the bytes that are read on the caller's thread.
    for (stream, (count, bytes)) in [(63, 2), (64, 2), (65, 2), (130, 2), (3, 40_000), (4, 65_536)]
        .into_iter()
        .enumerate()
        .map(|(number, sizes)| (StreamName::new("sample", number), sizes))
    {
        let events: Vec<NewEvent> = (0..count)
            .map(|n| NewEvent {
                id: CommandId(Uuid::new_v5(&Uuid::nil(), stream.as_str().as_bytes())).event(n),
                data: vec![b' '; bytes],
                ..event(0, 1)
            })
            .collect();
        let ids: Vec<_> = events.iter().map(|event| event.id).collect();
        log.append(vec![Append { stream: stream.clone(), expected: Version::NONE, events }]).await.unwrap();
        let all = ids.len();
        for after in [0, 1, all - 1, all] {
            for limit in [1, 2, 63, 64, 65, 66, 1_000] {
                let expected: Vec<_> = ids.iter().copied().skip(after).take(limit).collect();
                let read = log.read_stream(&stream, Version(after as u64), limit).await.unwrap();
                assert_eq!(read.iter().map(|event| event.id).collect::<Vec<_>>(), expected);
                let unknown = CommandId(Uuid::nil()).event(0);
                let FoundOrRead::Read(read) = log.find_or_read(unknown, &stream, limit).await.unwrap() else {
                    panic!("nobody appended it")
                };
                assert_eq!(read.len(), limit.min(all));
            }
        }
    }
}
