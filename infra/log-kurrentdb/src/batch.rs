//! Which batches are taken at all.

use scanledger_domain::limits::{BATCH_BYTES, BATCH_EVENTS};
use scanledger_domain::log::{Append, AppendError, NewEvent};
use std::collections::HashSet;

/// The one part of a batch that may be written, whatever the log holds.
pub(crate) fn check(batch: Vec<Append>) -> Result<Append, AppendError> {
    if batch.is_empty() || batch.iter().any(|part| part.events.is_empty()) {
        return Err(AppendError::Invalid("a part without events"));
    }
    let events = || batch.iter().flat_map(|part| &part.events);
    let count = events().count();
    if count > BATCH_EVENTS {
        return Err(AppendError::Invalid("too many events"));
    }
    if events().map(NewEvent::size).sum::<usize>() > BATCH_BYTES {
        return Err(AppendError::Invalid("too many bytes"));
    }
    let mut ids = HashSet::with_capacity(count);
    if !events().all(|event| ids.insert(event.id)) {
        return Err(AppendError::Invalid("an event id stands twice"));
    }
    let mut parts = batch.into_iter();
    match (parts.next(), parts.next()) {
        (Some(part), None) => Ok(part),
        _ => Err(AppendError::Invalid("several streams, and this log writes one at a time")),
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use scanledger_domain::id::CommandId;
    use scanledger_domain::limits::{BATCH_BYTES, BATCH_EVENTS};
    use scanledger_domain::log::{Append, AppendError, NewEvent, StreamName, Version};
    use uuid::Uuid;

    fn part(name: &str, ordinals: impl Iterator<Item = u32>, bytes: usize) -> Append {
        let event = |ordinal| NewEvent {
            id: CommandId(Uuid::nil()).event(ordinal),
            kind: "finding.triaged",
            schema: 1,
            data: vec![b'1'; bytes],
            metadata: vec![].into(),
        };
        let stream = StreamName::stored(name);
        Append { stream, expected: Version::NONE, events: ordinals.map(event).collect() }
    }

    fn reason(batch: Vec<Append>) -> &'static str {
        match check(batch) {
            Err(AppendError::Invalid(reason)) => reason,
            other => panic!("refused as invalid, not {other:?}"),
        }
    }

    #[test]
    fn one_stream_is_written_at_a_time() {
        assert_eq!(check(vec![part("a", 0..2, 1)]).unwrap(), part("a", 0..2, 1));
        assert!(reason(vec![part("a", 0..1, 1), part("b", 1..2, 1)]).starts_with("several streams"));
        assert!(reason(vec![part("a", 0..1, 1), part("a", 1..2, 1)]).starts_with("several streams"));
    }

    #[test]
    fn what_no_log_takes_is_refused() {
        assert_eq!(reason(vec![]), "a part without events");
        assert_eq!(reason(vec![part("a", 0..0, 1)]), "a part without events");
        assert_eq!(reason(vec![part("a", 0..1, 1), part("b", 0..0, 1)]), "a part without events");
        assert_eq!(reason(vec![part("a", [0, 1, 0].into_iter(), 1)]), "an event id stands twice");
    }

    #[test]
    fn a_batch_is_full_at_its_limits_and_not_before() {
        let events = BATCH_EVENTS as u32;
        assert!(check(vec![part("a", 0..events, 1)]).is_ok());
        assert_eq!(reason(vec![part("a", 0..events + 1, 1)]), "too many events");
        assert!(check(vec![part("a", 0..2, BATCH_BYTES / 2)]).is_ok());
        assert_eq!(reason(vec![part("a", 0..2, BATCH_BYTES / 2 + 1)]), "too many bytes");
    }
}
