//! Samples of events, and what every log must look like afterwards.

use scanledger_domain::id::CommandId;
use scanledger_domain::log::{
    Append, AppendError, Appended, EventLog, NewEvent, Position, Recorded, StreamName, Version,
};
use scanledger_domain::time::{Clock, Timestamp};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use uuid::Uuid;

/// 2026-11-21T10:00:00Z, for ever.
pub(crate) struct StandingClock;

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        Timestamp(1_795_255_200_000_000)
    }
}

pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(StandingClock)
}

pub(crate) fn event(command: u128) -> NewEvent {
    let id = CommandId(Uuid::from_u128(command)).event(0);
    NewEvent { id, kind: "sample.made", schema: 1, data: b"{}".to_vec(), metadata: Arc::from(*b"{}") }
}

pub(crate) fn stream(number: u128) -> StreamName {
    StreamName::new("sample", number)
}

/// Appends one event of this command.
pub(crate) async fn append(
    log: &dyn EventLog,
    number: u128,
    expected: u64,
    command: u128,
) -> Result<Appended, AppendError> {
    let part = Append { stream: stream(number), expected: Version(expected), events: vec![event(command)] };
    log.append(vec![part]).await
}

/// The whole log, read in pages.
pub(crate) async fn everything(log: &dyn EventLog) -> Vec<Recorded> {
    let mut all: Vec<Recorded> = Vec::new();
    loop {
        let after = all.last().map_or(Position::START, |event| event.position);
        let page = log.read_all(after, 10_000).await.unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

/// Positions without holes from 1, time that rises, versions that count up, ids that stand once.
#[track_caller]
pub(crate) fn assert_sound(events: &[Recorded]) {
    let (mut versions, mut ids) = (HashMap::new(), HashSet::new());
    let mut last = Timestamp(i64::MIN);
    for (position, event) in (1..).zip(events) {
        assert_eq!(event.position, Position(position), "positions have no holes");
        assert!(event.recorded_at > last, "time rises with the position");
        last = event.recorded_at;
        let version = versions.entry(&event.stream).or_insert(0);
        *version += 1;
        assert_eq!(event.version, Version(*version), "versions of {} count up", event.stream);
        assert!(ids.insert(event.id), "an id stands once");
    }
}
