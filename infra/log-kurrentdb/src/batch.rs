//! Which batches are taken at all.

use scanledger_domain::log::{Append, InvalidBatch};

/// The one part of a batch that may be written, whatever the log holds.
pub(crate) fn check(batch: Vec<Append>) -> Result<Append, InvalidBatch> {
    Append::check_all(&batch)?;
    let mut parts = batch.into_iter();
    match (parts.next(), parts.next()) {
        (Some(part), None) => Ok(part),
        _ => Err(InvalidBatch::SeveralStreams),
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use scanledger_domain::id::CommandId;
    use scanledger_domain::log::{Append, InvalidBatch, NewEvent, StreamName, Version};
    use uuid::Uuid;

    fn part(name: &str, ordinals: std::ops::Range<u32>) -> Append {
        let event = |ordinal| NewEvent {
            id: CommandId(Uuid::nil()).event(ordinal),
            kind: "finding.triaged",
            schema: 1,
            data: b"{}".to_vec(),
            metadata: b"{}".to_vec().into(),
        };
        let stream = StreamName::stored(name);
        Append { stream, expected: Version::NONE, events: ordinals.map(event).collect() }
    }

    #[test]
    fn one_stream_is_written_at_a_time() {
        assert_eq!(check(vec![part("a", 0..2)]), Ok(part("a", 0..2)));
        assert_eq!(check(vec![part("a", 0..1), part("b", 1..2)]), Err(InvalidBatch::SeveralStreams));
    }

    #[test]
    fn what_no_log_takes_is_refused() {
        assert_eq!(check(vec![]), Err(InvalidBatch::NoEvents));
        assert_eq!(check(vec![part("a", 0..1), part("a", 1..2)]), Err(InvalidBatch::StreamTwice));
    }
}
