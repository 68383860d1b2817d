//! An event as one JSON object: the one shape in which events leave the server.

use super::Recorded;
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

/// An event with everything that the log keeps of it, ready to be written as JSON.
///
/// The event feed, exports and the bus show events so: `data` and `metadata` stand in it byte for byte as they were
/// appended, `recordedAt` in RFC 3339 with microseconds, which loses nothing. On one line, because stored JSON has no
/// line breaks outside of strings.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope<'a> {
    position: u64,
    id: Uuid,
    stream: &'a str,
    version: u64,
    #[serde(rename = "type")]
    kind: &'a str,
    schema: u16,
    data: &'a RawValue,
    metadata: &'a RawValue,
    recorded_at: String,
}

impl<'a> Envelope<'a> {
    /// The envelope of `event`.
    ///
    /// # Errors
    /// When its data or its metadata is not JSON, which no event of this program is.
    pub fn new(event: &'a Recorded) -> Result<Self, serde_json::Error> {
        Ok(Self {
            position: event.position.0,
            id: event.id.0,
            stream: event.stream.as_str(),
            version: event.version.0,
            kind: &event.kind,
            schema: event.schema,
            data: serde_json::from_slice(&event.data)?,
            metadata: serde_json::from_slice(&event.metadata)?,
            recorded_at: event.recorded_at.to_rfc3339_micros(),
        })
    }

    /// Appends the envelope of `event` to `out`, without a line break.
    ///
    /// # Errors
    /// As [`Envelope::new`]; `out` is then as it was.
    pub fn write(event: &'a Recorded, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        let envelope = Self::new(event)?;
        out.reserve(event.data.len() + event.metadata.len() + AROUND_BYTES);
        serde_json::to_writer(out, &envelope)
    }
}

/// What an envelope has beside data and metadata, roughly.
const AROUND_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use super::Envelope;
    use crate::id::EventId;
    use crate::log::{Position, Recorded, StreamName, Version};
    use crate::time::Timestamp;
    use uuid::Uuid;

    fn recorded() -> Recorded {
        Recorded {
            position: Position(42),
            id: EventId(Uuid::from_u128(7)),
            stream: StreamName::stored("finding-1"),
            version: Version(3),
            kind: "finding.triaged".into(),
            schema: 2,
            data: br#"{"b": 1.0,"a":"\u00e9"}"#.to_vec(),
            metadata: br#"{"actor":{"kind":"system"}}"#.to_vec(),
            recorded_at: Timestamp(1_795_255_200_000_001),
        }
    }

    #[test]
    fn an_envelope_shows_what_was_stored_byte_for_byte() {
        let mut line = b"before ".to_vec();
        Envelope::write(&recorded(), &mut line).unwrap();
        assert_eq!(
            String::from_utf8(line).unwrap(),
            concat!(
                r#"before {"position":42,"id":"00000000-0000-0000-0000-000000000007","stream":"finding-1","#,
                r#""version":3,"type":"finding.triaged","schema":2,"data":{"b": 1.0,"a":"\u00e9"},"#,
                r#""metadata":{"actor":{"kind":"system"}},"recordedAt":"2026-11-21T10:00:00.000001Z"}"#
            )
        );
    }

    #[test]
    fn what_is_no_json_is_refused_and_leaves_no_half_of_a_line() {
        let mut line = Vec::new();
        let event = Recorded { metadata: b"{".to_vec(), ..recorded() };
        assert!(Envelope::write(&event, &mut line).is_err());
        assert!(line.is_empty());
    }
}
