//! Which requests go together into one transaction.

use super::Request;
use super::hints::Hints;
use scanledger_domain::id::EventId;
use scanledger_domain::limits::BATCH_EVENTS;
use scanledger_domain::log::{Append, Appended, NewEvent, Position, StreamName, Version};
use scanledger_domain::time::Timestamp;
use std::collections::{HashMap, HashSet, VecDeque};

/// Requests that are looked at together.
pub(super) const GROUP_REQUESTS: usize = 1_024;

/// Bytes after which a transaction takes no further request, so that a queue of large batches does not
/// become one long commit.
const GROUP_BYTES: usize = 16 * 1024 * 1024;

/// The version up to which a stream may be appended to: what comes after it still counts in PostgreSQL. Whoever
/// expects a later one finds another.
const LAST_VERSION: Version = Version(i64::MAX.cast_unsigned() - BATCH_EVENTS as u64);

/// A stream that a group writes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// What the first request on it expects.
    pub(super) from: Version,
    /// Where the last one leaves it.
    pub(super) to: Version,
}

/// Requests that can all be accepted as far as is known here, in the order in which they came.
#[derive(Default)]
pub(super) struct Group {
    pub(super) requests: Vec<Request>,
    pub(super) streams: HashMap<StreamName, Span>,
    ids: HashSet<EventId>,
    bytes: usize,
}

/// What is to be done with the requests that wait.
#[derive(Default)]
pub(super) struct Sorted {
    /// To be written now.
    pub(super) group: Group,
    /// To be looked up, because they seem to be lost races or repeats.
    pub(super) doubtful: Vec<Request>,
    /// To be looked at again, once the group is written.
    pub(super) later: VecDeque<Request>,
}

/// Where a request belongs.
enum Place {
    Group,
    Doubtful,
    Later,
}

impl Sorted {
    pub(super) fn new(waiting: VecDeque<Request>, hints: &mut Hints) -> Self {
        let mut sorted = Self::default();
        for request in waiting {
            match sorted.group.place_of(&request, hints) {
                Place::Group => sorted.group.add(request),
                Place::Doubtful => sorted.doubtful.push(request),
                Place::Later => sorted.later.push_back(request),
            }
        }
        sorted
    }
}

impl Group {
    fn place_of(&self, request: &Request, hints: &mut Hints) -> Place {
        if request.is_doubtful || request.batch.iter().any(|part| part.expected > LAST_VERSION) {
            return Place::Doubtful;
        }
        if self.bytes >= GROUP_BYTES {
            return Place::Later;
        }
        for part in &request.batch {
            match self.streams.get(&part.stream) {
                Some(span) if span.to != part.expected => return Place::Later,
                Some(_) => {}
                None if hints.contradict(&part.stream, part.expected) => return Place::Doubtful,
                None => {}
            }
        }
        if request.events().any(|event| self.ids.contains(&event.id)) {
            return Place::Later;
        }
        Place::Group
    }

    fn add(&mut self, request: Request) {
        for part in &request.batch {
            let to = Version(part.expected.0 + part.events.len() as u64);
            let span = self.streams.entry(part.stream.clone()).or_insert(Span { from: part.expected, to });
            span.to = to;
        }
        for event in request.events() {
            self.ids.insert(event.id);
            self.bytes += event.size();
        }
        self.requests.push(request);
    }

    /// Every event with its stream and version, in the order in which they are written.
    pub(super) fn events(&self) -> impl Iterator<Item = (&StreamName, Version, &NewEvent)> {
        self.requests.iter().flat_map(|request| &request.batch).flat_map(numbered)
    }

    /// How many events there are.
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Where each request went, once the group's last event is at `last`.
    pub(super) fn answers(&self, last: Position, recorded_at: Timestamp) -> Vec<Appended> {
        let mut end = last.0 - self.len() as u64;
        let place = |request: &Request| {
            let first = Position(end + 1);
            end += request.events().count() as u64;
            let before_last = (last.0 - end).cast_signed();
            Appended { first, last: Position(end), recorded_at: Timestamp(recorded_at.0 - before_last) }
        };
        self.requests.iter().map(place).collect()
    }
}

fn numbered(part: &Append) -> impl Iterator<Item = (&StreamName, Version, &NewEvent)> {
    (part.expected.0 + 1..).zip(&part.events).map(|(version, event)| (&part.stream, Version(version), event))
}
