//! The last events that were committed here, so that who follows the log need not read them from the file.

use parking_lot::Mutex;
use scanledger_domain::log::{Position, Recorded};
use std::collections::VecDeque;

/// Events that are kept.
const EVENTS: usize = 2_048;
/// Bytes of data and metadata that are kept.
const BYTES: usize = 2 * 1024 * 1024;

/// The end of the log, without a gap; empty until this process has appended.
#[derive(Default)]
pub(crate) struct Tail(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    events: VecDeque<Recorded>,
    bytes: usize,
}

impl Tail {
    /// Adds what was committed, in order.
    pub(crate) fn extend(&self, committed: impl IntoIterator<Item = Recorded>) {
        let mut kept = self.0.lock();
        for event in committed {
            // Another process has appended in between.
            if kept.events.back().is_some_and(|last| last.position.0 + 1 != event.position.0) {
                *kept = Kept::default();
            }
            kept.bytes += size(&event);
            kept.events.push_back(event);
            while kept.events.len() > EVENTS || kept.bytes > BYTES {
                let Some(eldest) = kept.events.pop_front() else { break };
                kept.bytes -= size(&eldest);
            }
        }
    }

    /// Events above `after`, at most `limit`; none if some of them are no longer here, or nothing is above it.
    pub(crate) fn after(&self, after: Position, limit: usize) -> Vec<Recorded> {
        let kept = self.0.lock();
        let Some(first) = kept.events.front() else { return vec![] };
        let Some(skip) = (after.0 + 1).checked_sub(first.position.0) else { return vec![] };
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        kept.events.iter().skip(skip).take(limit).cloned().collect()
    }
}

fn size(event: &Recorded) -> usize {
    event.data.len() + event.metadata.len()
}

#[cfg(test)]
mod tests {
    use super::{BYTES, EVENTS, Tail};
    use scanledger_domain::id::EventId;
    use scanledger_domain::log::{Position, Recorded, StreamName, Version};
    use scanledger_domain::time::Timestamp;

    fn event(position: u64, bytes: usize) -> Recorded {
        Recorded {
            position: Position(position),
            id: EventId(uuid::Uuid::from_u128(u128::from(position))),
            stream: StreamName::new("thing", 1),
            version: Version(position),
            kind: "thing.happened".into(),
            schema: 1,
            data: vec![b' '; bytes],
            metadata: vec![],
            recorded_at: Timestamp(0),
        }
    }

    fn positions(tail: &Tail, after: u64) -> Vec<u64> {
        tail.after(Position(after), usize::MAX).iter().map(|event| event.position.0).collect()
    }

    #[test]
    fn it_answers_only_without_a_gap() {
        let tail = Tail::default();
        assert!(positions(&tail, 0).is_empty());
        tail.extend((5..8).map(|position| event(position, 1)));
        assert!(positions(&tail, 3).is_empty(), "4 is not here");
        assert_eq!(positions(&tail, 4), [5, 6, 7]);
        assert_eq!(positions(&tail, 6), [7]);
        assert!(positions(&tail, 7).is_empty());
        assert_eq!(tail.after(Position(4), 2).len(), 2);
    }

    #[test]
    fn what_another_process_appended_is_a_gap() {
        let tail = Tail::default();
        tail.extend([event(1, 1), event(2, 1), event(4, 1)]);
        assert!(positions(&tail, 0).is_empty());
        assert_eq!(positions(&tail, 3), [4]);
    }

    #[test]
    fn it_keeps_so_many_events_and_so_many_bytes() {
        let tail = Tail::default();
        tail.extend((1..=EVENTS as u64 + 1).map(|position| event(position, 1)));
        assert!(positions(&tail, 0).is_empty());
        assert_eq!(positions(&tail, 1).len(), EVENTS);
        tail.extend([event(EVENTS as u64 + 2, BYTES)]);
        assert_eq!(positions(&tail, EVENTS as u64 + 1), [EVENTS as u64 + 2]);
        tail.extend([event(EVENTS as u64 + 3, BYTES + 1)]);
        assert!(positions(&tail, EVENTS as u64 + 2).is_empty());
    }
}
