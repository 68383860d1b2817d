//! The suite that every event log passes, on a stand-in for the server: what this crate adds to KurrentDB is held to
//! it wherever the tests run. Whether the server is as it is described here, `tests/kurrentdb` can tell.

use kurrentdb::Position as Place;
use parking_lot::Mutex;
use scanledger_conformance::{Capabilities, Harness, conformance_tests};
use scanledger_domain::BoxFuture;
use scanledger_domain::log::{AppendError, EventLog, LogError, NewEvent, Position, StreamName, Version};
use scanledger_domain::time::{Clock, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tempfile::TempDir;
use tokio::sync::watch;
use uuid::Uuid;

use crate::envelope::{Stored, open, seal};
use crate::error::{broken, unavailable};
use crate::log::KurrentLog;
use crate::remote::{Following, Reading, Remote};

/// Events after which a subscription is lost.
const LOST_AFTER: usize = 300;

/// One log in memory, with what is inconvenient about KurrentDB: positions with holes, reading from events only, ids
/// that may stand twice, idempotency per stream and expected revision, a coarse clock that goes back, subscriptions
/// that are lost, and a place of a batch that is that of its first event or of its last.
struct StandIn {
    events: Mutex<Vec<Stored>>,
    count: watch::Sender<usize>,
    /// Whether it says where it ends.
    is_silent: AtomicBool,
    /// Where others wrote last.
    others: AtomicU64,
    /// Whether looking back from there to the last event takes too long.
    is_far: AtomicBool,
}

impl StandIn {
    fn new() -> Arc<Self> {
        let (events, count) = (Mutex::default(), watch::Sender::new(0));
        Arc::new(Self {
            events,
            count,
            is_silent: AtomicBool::default(),
            others: AtomicU64::default(),
            is_far: AtomicBool::default(),
        })
    }

    fn write(
        &self,
        stream: &StreamName,
        expected: Version,
        new: Vec<NewEvent>,
    ) -> Result<Position, AppendError> {
        let mut events = self.events.lock();
        let there: Vec<_> = events.iter().filter(|event| event.stream == *stream).collect();
        let actual = Version(there.len() as u64);
        if expected != actual {
            let behind = there.get(expected.0 as usize..).unwrap_or_default();
            let is_repeated =
                behind.len() >= new.len() && behind.iter().zip(&new).all(|(old, new)| old.id == new.id);
            return match behind.first() {
                Some(first) if is_repeated => Ok(first.position),
                _ => Err(AppendError::Conflict { stream: stream.clone(), expected, actual }),
            };
        }
        let mut version = actual.0;
        for event in new {
            let number = events.len() as i64;
            let sealed = seal(event.schema, &event.metadata);
            let (schema, metadata) = open(&sealed).expect("what was sealed");
            let before =
                events.last().map_or(100, |last| last.position.0).max(self.others.load(Ordering::Relaxed));
            version += 1;
            events.push(Stored {
                position: Position(before + 50 + event.data.len() as u64),
                id: event.id,
                stream: stream.clone(),
                version: Version(version),
                kind: event.kind.into(),
                schema,
                data: event.data,
                metadata: metadata.to_vec(),
                created: Timestamp(1_795_255_200_000_000 + (number / 8) * 1_000 - (number % 50) * 100),
            });
        }
        self.is_far.store(false, Ordering::Relaxed);
        self.count.send_replace(events.len());
        Ok(events.last().map_or(Position::START, |last| last.position))
    }

    /// Where in the list an event is.
    fn index_of(&self, at: Option<Position>) -> Result<usize, LogError> {
        let Some(at) = at else { return Ok(0) };
        let index = self.events.lock().iter().position(|event| event.position == at);
        index.ok_or_else(|| broken("read the log")("no event begins at this position"))
    }

    fn select(&self, from: usize, limit: usize, wanted: impl Fn(&Stored) -> bool) -> Vec<Stored> {
        let events = self.events.lock();
        events[from..].iter().filter(|event| wanted(event)).take(limit).cloned().collect()
    }
}

fn answer<'a, T: Send + 'a>(answer: T) -> BoxFuture<'a, T> {
    Box::pin(std::future::ready(answer))
}

impl Remote for Arc<StandIn> {
    fn append<'a>(
        &'a self,
        stream: &'a StreamName,
        expected: Version,
        events: Vec<NewEvent>,
    ) -> BoxFuture<'a, Result<Position, AppendError>> {
        answer(self.write(stream, expected, events))
    }

    fn stream<'a>(
        &'a self,
        stream: &'a StreamName,
        after: Version,
        limit: usize,
    ) -> Reading<'a, Vec<Stored>> {
        answer(Ok(self.select(0, limit, |event| event.stream == *stream && event.version > after)))
    }

    fn all(&self, from: Option<Position>, after: Position, limit: usize) -> Reading<'_, Vec<Stored>> {
        let from = self.index_of(from);
        answer(from.map(|from| self.select(from, limit, |event| event.position > after)))
    }

    fn end(&self) -> Reading<'_, Option<Place>> {
        if self.is_silent.load(Ordering::Relaxed) {
            return answer(Err(unavailable("find the end of all streams")));
        }
        let last = self.events.lock().last().map_or(100, |last| last.position.0);
        let end = last.max(self.others.load(Ordering::Relaxed));
        answer(Ok(Some(Place { commit: end, prepare: end })))
    }

    fn has_more(&self, after: Place) -> Reading<'_, bool> {
        answer(Ok(self.events.lock().last().is_some_and(|last| last.position.0 > after.commit)))
    }

    fn head(&self) -> Reading<'_, Position> {
        if self.is_silent.load(Ordering::Relaxed) || self.is_far.load(Ordering::Relaxed) {
            return answer(Err(unavailable("find the head of the log")));
        }
        answer(Ok(self.events.lock().last().map_or(Position::START, |last| last.position)))
    }

    fn end_of<'a>(&'a self, stream: &'a StreamName) -> Reading<'a, Position> {
        let events = self.events.lock();
        let last = events.iter().rfind(|event| event.stream == *stream);
        answer(Ok(last.map_or(Position::START, |last| last.position)))
    }

    fn follow(&self, after: Option<Position>) -> BoxFuture<'_, Box<dyn Following>> {
        // The event from which it is followed is skipped.
        let next = self.index_of(after).map(|index| index + usize::from(after.is_some()));
        let until = next.as_ref().map_or(0, |next| next + LOST_AFTER);
        let count = self.count.subscribe();
        answer(Box::new(Followed { log: Arc::clone(self), next: next.ok(), until, count }))
    }
}

struct Followed {
    log: Arc<StandIn>,
    next: Option<usize>,
    until: usize,
    count: watch::Receiver<usize>,
}

impl Following for Followed {
    fn next(&mut self) -> Reading<'_, Stored> {
        Box::pin(async move {
            let next =
                self.next.filter(|next| *next < self.until).ok_or_else(|| unavailable("follow the log"))?;
            if self.count.wait_for(|count| *count > next).await.is_err() {
                return Err(unavailable("follow the log"));
            }
            self.next = Some(next + 1);
            Ok(self.log.events.lock()[next].clone())
        })
    }
}

struct OnStandIn {
    remote: Arc<StandIn>,
    folder: TempDir,
}

impl OnStandIn {
    fn new() -> Self {
        Self { remote: StandIn::new(), folder: tempfile::tempdir().expect("a temporary folder can be made") }
    }

    /// A node, with an index of its own.
    async fn node(&self, name: &str) -> KurrentLog {
        let remote = Arc::new(Arc::clone(&self.remote));
        let log = KurrentLog::over(remote, Uuid::from_u128(0x106), self.folder.path().join(name)).await;
        log.expect("the stand-in is always there")
    }
}

impl Harness for OnStandIn {
    fn capabilities(&self) -> Capabilities {
        Capabilities { contiguous: false, atomic_over_streams: false, own_clock: false, ..Capabilities::ALL }
    }

    fn open(&self, _: Arc<dyn Clock>) -> BoxFuture<'_, Arc<dyn EventLog>> {
        Box::pin(async { Arc::new(self.node("places.db").await) as Arc<dyn EventLog> })
    }
}

conformance_tests!(OnStandIn::new());

mod nodes {
    use super::OnStandIn;
    use crate::log::KurrentLog;
    use scanledger_domain::id::CommandId;
    use scanledger_domain::log::{
        Append, AppendError, Appended, EventLog, FoundOrRead, LogError, NewEvent, Position, StreamName,
        Version,
    };
    use std::sync::Arc;
    use std::sync::atomic::Ordering;
    use std::time::Duration;
    use uuid::Uuid;

    fn part(n: u128, expected: u64) -> Vec<Append> {
        part_of("finding-1", n, expected)
    }

    fn part_of(name: &str, n: u128, expected: u64) -> Vec<Append> {
        let event = NewEvent {
            id: CommandId(Uuid::from_u128(n)).event(0),
            kind: "finding.triaged",
            schema: 1,
            data: b"{}".to_vec(),
            metadata: b"{}".to_vec().into(),
        };
        let stream = StreamName::stored(name);
        vec![Append { stream, expected: Version(expected), events: vec![event] }]
    }

    async fn append(log: &KurrentLog, n: u128, expected: u64) -> Result<Appended, AppendError> {
        log.append(part(n, expected)).await
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_node_knows_at_once_what_another_one_has_appended() {
        let world = OnStandIn::new();
        let (one, two) = (world.node("one").await, world.node("two").await);
        for n in 0..40 {
            let (writer, reader) = if n % 2 == 0 { (&one, &two) } else { (&two, &one) };
            let id = CommandId(Uuid::from_u128(n)).event(0);
            let place = append(writer, n, n as u64).await.unwrap();
            let found = if n % 3 == 0 {
                reader.find(id).await.unwrap()
            } else {
                match reader.find_or_read(id, &StreamName::stored("finding-1"), 100).await.unwrap() {
                    FoundOrRead::Found(position) => Some(position),
                    FoundOrRead::Read(_) => None,
                }
            };
            assert_eq!(found, Some(place.first));
            // Repeated on the version that the other one's event made: the server alone would write it twice.
            assert_eq!(append(reader, n, n as u64 + 1).await.unwrap(), place);
        }
        let all = one.read_all(Position::START, 100).await.unwrap();
        assert_eq!(all.len(), 40);
        assert_eq!(two.read_all(Position::START, 100).await.unwrap(), all, "with the same times");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_lost_index_is_built_again_as_it_was() {
        let world = OnStandIn::new();
        let log = world.node("places.db").await;
        for n in 0..20 {
            append(&log, n, n as u64).await.unwrap();
        }
        let before = log.read_all(Position::START, 100).await.unwrap();
        let another = world.node("another file").await;
        assert_eq!(another.read_all(Position::START, 100).await.unwrap(), before);
        assert_eq!(append(&another, 7, 20).await.unwrap().first, before[7].position);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_log_that_was_put_back_to_a_backup_gets_a_new_index() {
        let world = OnStandIn::new();
        let log = world.node("places.db").await;
        for n in 0..5 {
            append(&log, n, n as u64).await.unwrap();
        }
        drop(log);
        world.remote.events.lock().truncate(3);
        world.remote.count.send_replace(3);
        let log = world.node("places.db").await;
        assert_eq!(log.find(CommandId(Uuid::from_u128(4)).event(0)).await.unwrap(), None);
        append(&log, 9, 3).await.unwrap();
        assert_eq!(log.read_all(Position::START, 100).await.unwrap().len(), 4);
    }

    /// Waits until the server's word is no older than this.
    async fn heard(log: &KurrentLog, age: Duration) {
        let hears = async {
            while log.head_age() > age {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), hears).await.expect("the server is heard");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_word_of_the_server_grows_old_while_it_is_silent() {
        let world = OnStandIn::new();
        let log = world.node("places.db").await;
        heard(&log, Duration::from_secs(1)).await;
        world.remote.is_silent.store(true, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert!(log.head_age() > Duration::from_secs(2), "{:?}", log.head_age());
        world.remote.is_silent.store(false, Ordering::Relaxed);
        heard(&log, Duration::from_secs(1)).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_quiet_log_is_heard_of_however_much_others_write_after_its_last_event() {
        let world = OnStandIn::new();
        let log = world.node("places.db").await;
        let last = append(&log, 0, 0).await.unwrap().first;
        assert_eq!(log.head().await.unwrap(), last);
        world.remote.is_far.store(true, Ordering::Relaxed);
        for written in 1..=4 {
            world.remote.others.store(last.0 + written * 1_000_000, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert!(log.head_age() < Duration::from_millis(2_500), "{:?}", log.head_age());
        assert_eq!(log.head().await.unwrap(), last);
        let next = append(&log, 1, 1).await.unwrap().first;
        assert!(next.0 > last.0 + 4_000_000, "it lies behind theirs");
        assert_eq!(log.head().await.unwrap(), next);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_head_of_a_log_that_was_put_back_is_not_that_of_before() {
        let world = OnStandIn::new();
        let log = world.node("places.db").await;
        for n in 0..5 {
            append(&log, n, n as u64).await.unwrap();
        }
        let before = log.head().await.unwrap();
        world.remote.events.lock().truncate(3);
        let there = world.remote.events.lock()[2].position;
        assert!(there < before);
        assert_eq!(log.head().await.unwrap(), there);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn closing_finishes_what_was_begun_and_takes_nothing_more() {
        let world = OnStandIn::new();
        let log = Arc::new(world.node("places.db").await);
        let mut following = log.subscribe(Position::START);
        let begun = (0..16_u128).map(|n| {
            let log = Arc::clone(&log);
            tokio::spawn(async move { log.append(part_of(&format!("finding-{n}"), n, 0)).await })
        });
        let begun: Vec<_> = begun.collect();
        log.close().await;
        log.close().await;
        let mut written = 0;
        for append in begun {
            match append.await.unwrap() {
                Ok(_) => written += 1,
                Err(error) => {
                    assert!(matches!(error, AppendError::Log(LogError::Unavailable { .. })), "{error}")
                }
            }
        }
        let late = append(&log, 99, 0).await;
        assert!(matches!(late, Err(AppendError::Log(LogError::Unavailable { .. }))), "{late:?}");
        assert_eq!(log.read_all(Position::START, 100).await.unwrap().len(), written);
        let all = written as u64;
        let stats = log.stats();
        assert_eq!((stats.events, stats.groups, stats.requests), (all, all, all));
        let mut seen = 0;
        while let Ok(events) = following.next().await {
            seen += events.len();
        }
        assert_eq!(seen, written);
        assert_eq!(*log.head_watch().borrow(), log.head().await.unwrap());
    }
}
