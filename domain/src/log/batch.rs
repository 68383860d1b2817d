//! Which batches no log takes, whatever is in it. Adapters ask here before they ask their store.

use super::{Append, NewEvent, StreamName};
use crate::limits::{BATCH_BYTES, BATCH_EVENTS};
use std::collections::HashSet;
use std::fmt;
use std::hash::Hash;

/// Why a batch is refused, whatever the log holds: a mistake of its writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidBatch {
    /// It has no part, or a part has no event.
    NoEvents,
    /// Two parts are for one stream.
    StreamTwice,
    /// A stream's name has more than [`StreamName::BYTES`] bytes, or holds a NUL.
    BadStreamName,
    /// It has more than [`BATCH_EVENTS`] events.
    TooManyEvents,
    /// Data and metadata have more than [`BATCH_BYTES`] bytes together.
    TooManyBytes,
    /// Two events have one id.
    EventTwice,
    /// It has several parts, and the log is not [atomic over streams](super::EventLog::is_atomic_over_streams).
    SeveralStreams,
}

impl InvalidBatch {
    /// The reason, as the end of a sentence.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NoEvents => "a part without events",
            Self::StreamTwice => "a stream is named twice",
            Self::BadStreamName => "a stream's name is too long or holds a NUL",
            Self::TooManyEvents => "too many events",
            Self::TooManyBytes => "too many bytes",
            Self::EventTwice => "an event id stands twice",
            Self::SeveralStreams => "several streams, and this log writes one at a time",
        }
    }
}

impl fmt::Display for InvalidBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}

impl std::error::Error for InvalidBatch {}

impl Append {
    /// Makes sure that a batch may be written at all, whatever the log holds.
    ///
    /// # Errors
    /// The first rule that it breaks, in the order of [`InvalidBatch`]; never [`InvalidBatch::SeveralStreams`], which
    /// is not a rule of every log.
    pub fn check_all(batch: &[Self]) -> Result<(), InvalidBatch> {
        if batch.is_empty() || batch.iter().any(|part| part.events.is_empty()) {
            return Err(InvalidBatch::NoEvents);
        }
        if !all_differ(batch.len(), batch.iter().map(|part| &part.stream)) {
            return Err(InvalidBatch::StreamTwice);
        }
        if !batch.iter().all(|part| is_storable(&part.stream)) {
            return Err(InvalidBatch::BadStreamName);
        }
        let events = || batch.iter().flat_map(|part| &part.events);
        let count = events().count();
        if count > BATCH_EVENTS {
            return Err(InvalidBatch::TooManyEvents);
        }
        if events().map(NewEvent::size).sum::<usize>() > BATCH_BYTES {
            return Err(InvalidBatch::TooManyBytes);
        }
        if !all_differ(count, events().map(|event| event.id)) {
            return Err(InvalidBatch::EventTwice);
        }
        Ok(())
    }
}

/// Whether every store can keep and index the name.
fn is_storable(stream: &StreamName) -> bool {
    stream.as_str().len() <= StreamName::BYTES && !stream.as_str().contains('\0')
}

fn all_differ<T: Eq + Hash>(count: usize, mut values: impl Iterator<Item = T>) -> bool {
    let mut seen = HashSet::with_capacity(count);
    values.all(|value| seen.insert(value))
}

#[cfg(test)]
mod tests {
    use super::InvalidBatch;
    use crate::id::CommandId;
    use crate::limits::{BATCH_BYTES, BATCH_EVENTS};
    use crate::log::{Append, NewEvent, StreamName, Version};
    use std::ops::Range;
    use uuid::Uuid;

    /// Events with these ordinals, each of `data` and `metadata` bytes.
    fn part(name: &str, ordinals: Range<u32>, (data, metadata): (usize, usize)) -> Append {
        let event = |ordinal| NewEvent {
            id: CommandId(Uuid::nil()).event(ordinal),
            kind: "finding.triaged",
            schema: 1,
            data: vec![b'1'; data],
            metadata: vec![b'2'; metadata].into(),
        };
        let stream = StreamName::stored(name);
        Append { stream, expected: Version::NONE, events: ordinals.map(event).collect() }
    }

    fn small(name: &str, ordinals: Range<u32>) -> Append {
        part(name, ordinals, (2, 2))
    }

    #[track_caller]
    fn check(batch: &[Append], expected: Result<(), InvalidBatch>) {
        assert_eq!(Append::check_all(batch), expected);
    }

    #[test]
    fn every_part_has_an_event() {
        check(&[small("a", 0..1)], Ok(()));
        check(&[], Err(InvalidBatch::NoEvents));
        check(&[small("a", 0..0)], Err(InvalidBatch::NoEvents));
        check(&[small("a", 0..1), small("b", 0..0)], Err(InvalidBatch::NoEvents));
    }

    #[test]
    fn a_stream_is_named_once() {
        check(&[small("a", 0..1), small("b", 1..2), small("c", 2..3)], Ok(()));
        check(&[small("a", 0..1), small("b", 1..2), small("a", 2..3)], Err(InvalidBatch::StreamTwice));
    }

    #[test]
    fn a_name_has_so_many_bytes_and_not_one_more_and_no_nul() {
        let longest = "é".repeat(StreamName::BYTES / 2);
        check(&[small(&longest, 0..1)], Ok(()));
        check(&[small(&format!("{longest}x"), 0..1)], Err(InvalidBatch::BadStreamName));
        check(&[small("a", 0..1), small("b\0", 1..2)], Err(InvalidBatch::BadStreamName));
    }

    #[test]
    fn a_batch_has_so_many_events_and_not_one_more_over_all_its_parts() {
        let most = BATCH_EVENTS as u32;
        check(&[small("a", 0..most)], Ok(()));
        check(&[small("a", 0..1), small("b", 1..most)], Ok(()));
        check(&[small("a", 0..most + 1)], Err(InvalidBatch::TooManyEvents));
        check(&[small("a", 0..1), small("b", 1..most + 1)], Err(InvalidBatch::TooManyEvents));
    }

    #[test]
    fn a_batch_has_so_many_bytes_and_not_one_more_over_all_its_parts() {
        let (half, quarter) = (BATCH_BYTES / 2, BATCH_BYTES / 4);
        check(&[part("a", 0..1, (half, half))], Ok(()));
        check(&[part("a", 0..1, (half, half + 1))], Err(InvalidBatch::TooManyBytes));
        check(&[part("a", 0..1, (half + 1, half))], Err(InvalidBatch::TooManyBytes));
        check(&[part("a", 0..1, (quarter, quarter)), part("b", 1..2, (quarter, quarter))], Ok(()));
        let over = [part("a", 0..1, (quarter, quarter)), part("b", 1..2, (quarter, quarter + 1))];
        check(&over, Err(InvalidBatch::TooManyBytes));
    }

    #[test]
    fn an_event_id_stands_once_over_all_its_parts() {
        let mut twice = small("a", 0..2);
        twice.events[1].id = twice.events[0].id;
        check(&[twice], Err(InvalidBatch::EventTwice));
        check(&[small("a", 0..2), small("b", 1..3)], Err(InvalidBatch::EventTwice));
    }
}
