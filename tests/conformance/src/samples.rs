//! Samples of streams and events, and steps that many rules share.

use crate::clock::TickingClock;
use crate::harness::Harness;
use scanledger_domain::id::{CommandId, EventId};
use scanledger_domain::log::{
    Append, AppendError, Appended, EventLog, NewEvent, Position, Recorded, StreamName, Subscription, Version,
};
use scanledger_domain::time::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// 2026-11-21T10:00:00Z.
pub(crate) const MORNING: Timestamp = Timestamp(1_795_255_200_000_000);

/// How long a rule waits for something that must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// The harness's log, with a clock that ticks.
pub(crate) async fn open<H: Harness>(harness: &H) -> Arc<dyn EventLog> {
    harness.open(Arc::new(TickingClock::starting_at(MORNING))).await
}

pub(crate) fn stream(name: impl std::fmt::Display) -> StreamName {
    StreamName::new("sample", name)
}

/// The id of event `ordinal` of the command with this name.
pub(crate) fn id(command: &str, ordinal: u32) -> EventId {
    CommandId(Uuid::new_v5(&Uuid::NAMESPACE_OID, command.as_bytes())).event(ordinal)
}

/// An event as a real one looks.
pub(crate) fn event(command: &str, ordinal: u32) -> NewEvent {
    let metadata = format!(r#"{{"actor":{{"kind":"system"}},"correlation":"{}"}}"#, Uuid::nil());
    NewEvent {
        id: id(command, ordinal),
        kind: if ordinal.is_multiple_of(2) { "sample.opened" } else { "sample.changed" },
        schema: 1,
        data: format!(r#"{{"command":"{command}","ordinal":{ordinal}}}"#).into_bytes(),
        metadata: metadata.into_bytes().into(),
    }
}

/// `count` events of one command.
pub(crate) fn events(command: &str, count: u32) -> Vec<NewEvent> {
    (0..count).map(|ordinal| event(command, ordinal)).collect()
}

/// One part of a batch.
pub(crate) fn part(stream: &StreamName, expected: u64, events: Vec<NewEvent>) -> Append {
    Append { stream: stream.clone(), expected: Version(expected), events }
}

/// Appends `events` to one stream.
pub(crate) async fn append(
    log: &dyn EventLog,
    stream: &StreamName,
    expected: u64,
    events: Vec<NewEvent>,
) -> Result<Appended, AppendError> {
    log.append(vec![part(stream, expected, events)]).await
}

/// Appends `events` to one stream, which has to work.
pub(crate) async fn must_append(
    log: &dyn EventLog,
    stream: &StreamName,
    expected: u64,
    events: Vec<NewEvent>,
) -> Appended {
    append(log, stream, expected, events).await.expect("an append that nothing stands against")
}

/// The whole log.
pub(crate) async fn everything(log: &dyn EventLog) -> Vec<Recorded> {
    log.read_all(Position::START, usize::MAX).await.expect("the log can be read")
}

/// The whole stream.
pub(crate) async fn history(log: &dyn EventLog, stream: &StreamName) -> Vec<Recorded> {
    log.read_stream(stream, Version::NONE, usize::MAX).await.expect("a stream can be read")
}

/// The next events of a subscription, which have to come.
pub(crate) async fn following(subscription: &mut dyn Subscription) -> Vec<Recorded> {
    let events = within(subscription.next()).await.expect("a subscription to an open log goes on");
    assert!(!events.is_empty(), "a subscription answers with at least one event");
    events
}

/// Waits for what must come.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("what must come does so within a minute")
}

/// What `follow` promises of the order of events: positions rise, without holes if the store can do that,
/// and so does the time; versions count up from 1 within each stream.
#[track_caller]
pub(crate) fn assert_ordered<H: Harness>(harness: &H, events: &[Recorded]) {
    let mut versions = std::collections::HashMap::new();
    for pair in events.windows(2) {
        assert!(pair[0].position < pair[1].position, "positions rise");
        assert!(pair[0].recorded_at < pair[1].recorded_at, "time rises with the position");
    }
    if harness.capabilities().contiguous {
        let positions: Vec<u64> = events.iter().map(|event| event.position.0).collect();
        let counted: Vec<u64> = (1..=events.len() as u64).collect();
        assert_eq!(positions, counted, "positions are contiguous from 1");
    }
    for event in events {
        let version = versions.entry(&event.stream).or_insert(0);
        *version += 1;
        assert_eq!(event.version, Version(*version), "versions of {} count up from 1", event.stream);
    }
}

/// What an answer says about a single stream's events must be what the log has.
#[track_caller]
pub(crate) fn assert_at(events: &[Recorded], appended: Appended) {
    let (Some(first), Some(last)) = (events.first(), events.last()) else {
        panic!("events were appended, and none are there")
    };
    let recorded = Appended { first: first.position, last: last.position, recorded_at: last.recorded_at };
    assert_eq!(appended, recorded, "the answer is where the events are");
}
