//! Taking events over from another log: what comes out is what went in, and what does not fit is refused whole.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use proptest::prelude::*;
use scanledger_domain::id::CommandId;
use scanledger_domain::log::{
    Append, EventLog, ImportError, ImportLog, LogError, NewEvent, Position, Recorded, StreamName, Version,
};
use scanledger_domain::time::{Clock, Timestamp};
use scanledger_log_sqlite::SqliteLog;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;
use uuid::Uuid;

/// 2026-11-21T10:00:00Z.
const MORNING: i64 = 1_795_255_200_000_000;

struct StandingClock(i64);

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0)
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

    fn open(&self) -> SqliteLog {
        SqliteLog::open(&self.path(), Arc::new(StandingClock(MORNING))).unwrap()
    }
}

fn stream(number: u8) -> StreamName {
    StreamName::new("sample", number)
}

/// Events of this many bytes, as a log recorded them: one for each number of a stream.
fn history(streams: impl IntoIterator<Item = (u8, Vec<u8>)>) -> Vec<Recorded> {
    let mut versions: HashMap<u8, u64> = HashMap::new();
    (1..)
        .zip(streams)
        .map(|(position, (number, bytes))| {
            let version = versions.entry(number).or_default();
            *version += 1;
            Recorded {
                position: Position(position),
                id: CommandId(Uuid::from_u128(7)).event(u32::try_from(position).unwrap()),
                stream: stream(number),
                version: Version(*version),
                kind: if number.is_multiple_of(2) { "sample.made" } else { "sample.changed" }.into(),
                schema: u16::from(number) + 1,
                metadata: bytes.iter().rev().copied().collect(),
                data: bytes,
                recorded_at: Timestamp(MORNING + i64::try_from(position * position).unwrap()),
            }
        })
        .collect()
}

/// Four events in two streams.
fn four() -> Vec<Recorded> {
    history([(1, b"{}".to_vec()), (2, b"[1]".to_vec()), (1, b"{ }".to_vec()), (1, b"".to_vec())])
}

async fn everything(log: &SqliteLog) -> Vec<Recorded> {
    log.read_all(Position::START, usize::MAX).await.unwrap()
}

/// Takes over the first `before` of four events, changes the rest by `change`, and answers why it was refused.
async fn refused(before: usize, change: impl FnOnce(&mut Vec<Recorded>)) -> ImportError {
    let folder = Folder::new();
    let log = folder.open();
    let mut events = four();
    let rest = events.split_off(before);
    log.import(events.clone()).await.unwrap();
    let mut changed = rest.clone();
    change(&mut changed);
    let error = log.import(changed).await.unwrap_err();
    assert_eq!(everything(&log).await, events, "a refused import leaves nothing behind");
    // What fits is still welcome, also to streams that the refused import had begun.
    assert_eq!(log.import(rest).await.unwrap(), Position(4));
    error
}

#[track_caller]
fn assert_does_not_fit(error: &ImportError, at: u64, because: &str) {
    let ImportError::DoesNotFit { position, reason } = error else { panic!("{error:?}") };
    assert_eq!(*position, Position(at));
    assert!(reason.contains(because), "{reason}");
}

#[tokio::test]
async fn events_come_out_as_they_went_in_also_after_opening_anew() {
    let folder = Folder::new();
    let log = folder.open();
    assert_eq!(log.import(four()).await.unwrap(), Position(4));
    assert_eq!(everything(&log).await, four());
    assert_eq!(log.head().await.unwrap(), Position(4));
    assert_eq!(log.find(four()[2].id).await.unwrap(), Some(Position(3)));
    let stats = log.stats();
    assert_eq!((stats.events, stats.groups, stats.requests), (4, 1, 1));
    drop(log);
    assert_eq!(everything(&folder.open()).await, four());
}

#[tokio::test]
async fn an_import_of_nothing_changes_nothing() {
    let folder = Folder::new();
    let log = folder.open();
    assert_eq!(log.import(vec![]).await.unwrap(), Position::START);
    log.import(four()).await.unwrap();
    assert_eq!(log.import(vec![]).await.unwrap(), Position(4));
    assert_eq!(everything(&log).await, four());
}

#[tokio::test]
async fn who_follows_the_log_hears_of_an_import() {
    let folder = Folder::new();
    let log = folder.open();
    let mut news = log.subscribe(Position(1));
    let mut head = log.head_watch();
    let waiting = tokio::spawn(async move { news.next().await.unwrap() });
    log.import(four()).await.unwrap();
    assert_eq!(waiting.await.unwrap(), four()[1..]);
    assert_eq!(*head.borrow_and_update(), Position(4));
}

#[tokio::test]
async fn appends_go_on_after_an_import_with_versions_and_times_above_its_own() {
    let folder = Folder::new();
    let log = folder.open();
    let new = |command| NewEvent {
        id: CommandId(Uuid::from_u128(command)).event(0),
        kind: "sample.made",
        schema: 1,
        data: b"{}".to_vec(),
        metadata: Arc::from(*b"{}"),
    };
    let append = |expected, command| {
        let (stream, expected) = (stream(1), Version(expected));
        log.append(vec![Append { stream, expected, events: vec![new(command)] }])
    };
    // The writer now remembers that the stream has no event.
    append(1, 100).await.unwrap_err();
    log.import(four()).await.unwrap();
    append(0, 101).await.unwrap_err();
    let appended = append(3, 102).await.unwrap();
    assert_eq!(appended.first, Position(5));
    assert!(appended.recorded_at > four()[3].recorded_at, "although the clock stands before it");
    let known = append(4, 102).await.unwrap();
    assert_eq!(known.first, Position(5));
}

#[tokio::test]
async fn an_import_that_does_not_begin_after_the_head_is_refused() {
    for (head, first) in [(0, 1), (2, 3), (2, 1)] {
        let folder = Folder::new();
        let log = folder.open();
        log.import(four()[..head].to_vec()).await.unwrap();
        let error = log.import(four()[first..].to_vec()).await.unwrap_err();
        let ImportError::NotNext { head: at, next } = error else { panic!("{error:?}") };
        assert_eq!((at, next), (Position(head as u64), Position(first as u64 + 1)));
        assert_eq!(everything(&log).await, four()[..head]);
    }
}

#[tokio::test]
async fn a_gap_within_an_import_is_refused() {
    let error = refused(1, |events| drop(events.remove(1))).await;
    assert_does_not_fit(&error, 4, "position");
    let error = refused(1, |events| events.swap(1, 2)).await;
    assert_does_not_fit(&error, 4, "position");
}

#[tokio::test]
async fn a_version_that_does_not_follow_in_its_stream_is_refused() {
    // Against what the log has, against what the import has, and in a stream that does not exist.
    for (before, at, version) in [(1, 3, 3), (1, 4, 2), (0, 1, 2), (0, 1, 0), (2, 3, 1)] {
        let error = refused(before, |events| events[at - before - 1].version = Version(version)).await;
        assert_does_not_fit(&error, at as u64, "version");
    }
}

#[tokio::test]
async fn an_id_that_the_log_has_already_is_refused() {
    for (before, at, of) in [(1, 3, 1), (0, 3, 1), (3, 4, 2)] {
        let error = refused(before, |events| events[at - before - 1].id = four()[of - 1].id).await;
        assert_does_not_fit(&error, at as u64, "id");
    }
}

#[tokio::test]
async fn an_event_that_is_not_later_than_the_one_before_it_is_refused() {
    for (before, at) in [(2, 3), (0, 3)] {
        for earlier in [0, 1] {
            let time = Timestamp(four()[at - 2].recorded_at.0 - earlier);
            let error = refused(before, |events| events[at - before - 1].recorded_at = time).await;
            assert_does_not_fit(&error, at as u64, "later");
        }
    }
}

#[tokio::test]
async fn a_log_that_cannot_be_written_takes_nothing_over() {
    let folder = Folder::new();
    let log = folder.open();
    let beside = SqliteLog::open_read_only(&folder.path()).unwrap();
    let unavailable =
        |error| matches!(error, Err(ImportError::Log(LogError::Unavailable { source: None, .. })));
    assert!(unavailable(beside.import(four()).await));
    log.close().await;
    assert!(unavailable(log.import(four()).await));
    assert!(everything(&log).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_beside_appends_lands_whole_or_not_at_all() {
    for _ in 0..20 {
        let folder = Folder::new();
        let log = Arc::new(folder.open());
        let appends = tokio::spawn({
            let log = Arc::clone(&log);
            async move {
                let event = NewEvent {
                    id: CommandId(Uuid::from_u128(1)).event(0),
                    kind: "sample.made",
                    schema: 1,
                    data: b"{}".to_vec(),
                    metadata: Arc::from(*b"{}"),
                };
                let part = Append { stream: stream(9), expected: Version::NONE, events: vec![event] };
                log.append(vec![part]).await.unwrap().first
            }
        });
        let imported = log.import(four()).await;
        let appended = appends.await.unwrap();
        let events = everything(&log).await;
        match imported {
            Ok(_) => assert_eq!((appended, &events[..4]), (Position(5), &four()[..])),
            Err(ImportError::NotNext { head, next }) => {
                assert_eq!((head, next, appended, events.len()), (Position(1), Position(1), Position(1), 1));
            }
            Err(error) => panic!("{error}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_was_recorded_is_taken_over_in_whatever_parts(
        streams in prop::collection::vec((0..5_u8, prop::collection::vec(any::<u8>(), 0..40)), 1..60),
        parts in prop::collection::vec(1..20_usize, 1..20),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let events = history(streams);
            let folder = Folder::new();
            let (mut rest, mut parts) = (&events[..], parts.iter().cycle());
            let mut log = folder.open();
            while !rest.is_empty() {
                let (part, after) = rest.split_at(rest.len().min(*parts.next().unwrap()));
                let head = log.import(part.to_vec()).await.unwrap();
                prop_assert_eq!(head, part.last().unwrap().position);
                rest = after;
                if rest.len() % 3 == 0 {
                    drop(log);
                    log = folder.open();
                }
            }
            prop_assert_eq!(&everything(&log).await, &events);
            for number in 0..5 {
                let of_stream: Vec<_> =
                    events.iter().filter(|event| event.stream == stream(number)).cloned().collect();
                let read = log.read_stream(&stream(number), Version::NONE, usize::MAX).await.unwrap();
                prop_assert_eq!(read, of_stream);
            }
            Ok(())
        })?;
    }
}
