//! How an event looks in KurrentDB, both ways, byte for byte.

use kurrentdb::{EventData, RecordedEvent, StreamState};
use scanledger_domain::id::EventId;
use scanledger_domain::log::{NewEvent, Position, StreamName, Version};
use scanledger_domain::time::Timestamp;
use serde_json::value::RawValue;
use std::sync::Arc;
use uuid::Uuid;

use crate::namespace::Namespace;

/// The custom metadata of an event is `{"schema":1,"metadata":…}`. It is put together and taken apart as bytes,
/// because a JSON reader would lose white space, and the bytes get hashed.
const OPENING: &[u8] = br#"{"schema":"#;
const BETWEEN: &[u8] = br#","metadata":"#;
const CLOSING: &[u8] = b"}";

/// Nanoseconds times 100 are what the server counts in; a microsecond has ten.
const TICKS_PER_MICROSECOND: i64 = 10;

/// What a server before 22.6 says instead of a position when a single stream is read.
pub(crate) const NO_POSITION: u64 = u64::MAX;

/// The largest revision there is: the server counts with a sign.
pub(crate) const LAST_REVISION: u64 = i64::MAX as u64 - 1;

/// Why an event of ours cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("an event in a stream of this log was written by another program: {0}")]
    Foreign(&'static str),
    #[error("the server says no positions in streams; KurrentDB or EventStoreDB from 22.6 on does")]
    NoPosition,
    #[error("the server sent a link instead of an event")]
    NoEvent,
}

/// An event as the server has it, without the time that the log as a whole gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) position: Position,
    pub(crate) id: EventId,
    pub(crate) stream: StreamName,
    pub(crate) version: Version,
    pub(crate) kind: Arc<str>,
    pub(crate) schema: u16,
    pub(crate) data: Vec<u8>,
    pub(crate) metadata: Vec<u8>,
    /// By the clock of the server that was the leader; neither strictly increasing nor surely increasing.
    pub(crate) created: Timestamp,
}

/// What of a recorded event matters here; the client's own type cannot be made by anybody else.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts<'a> {
    pub(crate) commit: u64,
    pub(crate) id: Uuid,
    pub(crate) stream: &'a str,
    pub(crate) revision: u64,
    pub(crate) kind: &'a str,
    pub(crate) data: &'a [u8],
    pub(crate) custom_metadata: &'a [u8],
    /// 100 ns since 1970, in decimal. The client's `created` has lost everything below a second.
    pub(crate) created: Option<&'a str>,
}

impl<'a> From<&'a RecordedEvent> for Parts<'a> {
    fn from(event: &'a RecordedEvent) -> Self {
        Self {
            commit: event.position.commit,
            id: event.id,
            stream: event.stream_id(),
            revision: event.revision,
            kind: &event.event_type,
            data: &event.data,
            custom_metadata: &event.custom_metadata,
            created: event.metadata.get("created").map(String::as_str),
        }
    }
}

impl Stored {
    pub(crate) fn read(namespace: &Namespace, parts: &Parts<'_>) -> Result<Self, Malformed> {
        if parts.commit == NO_POSITION {
            return Err(Malformed::NoPosition);
        }
        let stream = namespace.own(parts.stream).ok_or(Malformed::Foreign("the name of its stream"))?;
        let (schema, metadata) = open(parts.custom_metadata).ok_or(Malformed::Foreign("its metadata"))?;
        let ticks: i64 =
            parts.created.and_then(|ticks| ticks.parse().ok()).ok_or(Malformed::Foreign("its time"))?;
        Ok(Self {
            position: Position(parts.commit),
            id: EventId(parts.id),
            stream,
            version: version(parts.revision),
            kind: parts.kind.into(),
            schema,
            data: parts.data.to_vec(),
            metadata: metadata.to_vec(),
            created: Timestamp(ticks / TICKS_PER_MICROSECOND),
        })
    }
}

/// How many events a stream has whose last one has this revision.
pub(crate) fn version(revision: u64) -> Version {
    Version(revision.saturating_add(1))
}

/// What the server is to expect of a stream with so many events.
pub(crate) fn expected_state(expected: Version) -> StreamState {
    match expected.0.checked_sub(1) {
        None => StreamState::NoStream,
        Some(revision) => StreamState::StreamRevision(revision.min(LAST_REVISION)),
    }
}

/// An event as it is sent.
pub(crate) fn outgoing(event: NewEvent) -> EventData {
    let sealed = seal(event.schema, &event.metadata);
    payload(event.kind, event.data).id(event.id.0).metadata(sealed.into())
}

/// The data under the content type JSON, so that the server's pages and projections can show it; under none if
/// the client's serializer would change a byte, such as white space around the document.
fn payload(kind: &str, data: Vec<u8>) -> EventData {
    let raw = serde_json::from_slice::<&RawValue>(&data).ok().filter(|raw| raw.get().len() == data.len());
    let json = raw.and_then(|raw| EventData::json(kind, &raw).ok());
    json.unwrap_or_else(|| EventData::binary(kind, data.into()))
}

/// Schema and metadata as custom metadata.
pub(crate) fn seal(schema: u16, metadata: &[u8]) -> Vec<u8> {
    let schema = schema.to_string();
    [OPENING, schema.as_bytes(), BETWEEN, metadata, CLOSING].concat()
}

/// Takes custom metadata apart; `None` if [`seal`] did not make it.
pub(crate) fn open(custom_metadata: &[u8]) -> Option<(u16, &[u8])> {
    let rest = custom_metadata.strip_prefix(OPENING)?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (schema, rest) = rest.split_at(digits);
    let schema = std::str::from_utf8(schema).ok()?.parse().ok()?;
    Some((schema, rest.strip_prefix(BETWEEN)?.strip_suffix(CLOSING)?))
}

#[cfg(test)]
mod tests {
    use super::{
        LAST_REVISION, Malformed, NO_POSITION, Parts, Stored, expected_state, open, outgoing, payload, seal,
        version,
    };
    use crate::namespace::Namespace;
    use kurrentdb::StreamState;
    use scanledger_domain::id::{CommandId, EventId};
    use scanledger_domain::log::{NewEvent, Position, StreamName, Version};
    use scanledger_domain::time::Timestamp;
    use uuid::Uuid;

    const ID: Uuid = Uuid::from_u128(0xe7);

    fn namespace() -> Namespace {
        Namespace::new("scanledger").unwrap()
    }

    fn parts(custom_metadata: &[u8]) -> Parts<'_> {
        Parts {
            commit: 4_711,
            id: ID,
            stream: "scanledger.finding-018f",
            revision: 2,
            kind: "finding.triaged",
            data: b" {\"a\": 1} ",
            custom_metadata,
            created: Some("17952552001234567"),
        }
    }

    #[test]
    fn an_event_comes_back_as_it_was_sent() {
        let custom = seal(3, b" { \"actor\": {} } ");
        let stored = Stored::read(&namespace(), &parts(&custom)).unwrap();
        let expected = Stored {
            position: Position(4_711),
            id: EventId(ID),
            stream: StreamName::stored("finding-018f"),
            version: Version(3),
            kind: "finding.triaged".into(),
            schema: 3,
            data: b" {\"a\": 1} ".to_vec(),
            metadata: b" { \"actor\": {} } ".to_vec(),
            created: Timestamp(1_795_255_200_123_456),
        };
        assert_eq!(stored, expected);
    }

    #[test]
    fn custom_metadata_is_json_that_others_can_read() {
        let custom: serde_json::Value = serde_json::from_slice(&seal(7, br#"{"request":"r-1"}"#)).unwrap();
        assert_eq!(custom, serde_json::json!({ "schema": 7, "metadata": { "request": "r-1" } }));
    }

    #[test]
    fn schema_and_metadata_survive_whatever_they_are() {
        for schema in [0, 1, 10, u16::MAX] {
            for metadata in ["{}", " \n{}\t", r#"{"metadata":"}","schema":2}"#, r#""é😀\u0000""#, "", "}"]
            {
                let custom = seal(schema, metadata.as_bytes());
                assert_eq!(open(&custom), Some((schema, metadata.as_bytes())), "{metadata:?}");
            }
        }
    }

    #[test]
    fn what_another_program_wrote_is_refused() {
        for custom in [
            &b""[..],
            b"{}",
            b"not json",
            br#"{"schema":,"metadata":{}}"#,
            br#"{"schema":65536,"metadata":{}}"#,
            br#"{"schema":-1,"metadata":{}}"#,
            br#"{ "schema":1,"metadata":{}}"#,
        ] {
            let read = Stored::read(&namespace(), &parts(custom));
            assert_eq!(read, Err(Malformed::Foreign("its metadata")), "{}", String::from_utf8_lossy(custom));
        }
        let custom = seal(1, b"{}");
        let foreign = Parts { stream: "other.finding-1", ..parts(&custom) };
        assert!(matches!(Stored::read(&namespace(), &foreign), Err(Malformed::Foreign(_))));
        let timeless = Parts { created: None, ..parts(&custom) };
        assert!(matches!(Stored::read(&namespace(), &timeless), Err(Malformed::Foreign(_))));
    }

    #[test]
    fn a_server_that_says_no_positions_is_too_old() {
        let custom = seal(1, b"{}");
        let old = Parts { commit: NO_POSITION, ..parts(&custom) };
        assert_eq!(Stored::read(&namespace(), &old), Err(Malformed::NoPosition));
    }

    #[test]
    fn versions_count_events_and_revisions_count_from_nought() {
        assert_eq!(expected_state(Version::NONE), StreamState::NoStream);
        for revision in [0, 1, 41, LAST_REVISION] {
            assert_eq!(expected_state(version(revision)), StreamState::StreamRevision(revision));
        }
        assert_eq!(expected_state(Version(u64::MAX)), StreamState::StreamRevision(LAST_REVISION));
        assert_eq!(version(u64::MAX), Version(u64::MAX));
    }

    /// The client shows what it will send only to `Debug`.
    fn shown(event: impl std::fmt::Debug) -> String {
        format!("{event:?}")
    }

    #[test]
    fn data_is_sent_as_json_unless_that_would_change_a_byte() {
        let exact = r#"{"big":1e400,"z":1,"a":[ 1 ],"twice":1,"twice":2,"u":"\u00e9\ud83d"}"#;
        let sent = shown(payload("finding.triaged", exact.as_bytes().to_vec()));
        assert!(
            sent.contains("application/json") && sent.contains(&exact.escape_default().to_string()),
            "{sent}"
        );
        for other in [&b" {}"[..], b"{}\n", b"{", b"\xff", b""] {
            let sent = shown(payload("finding.triaged", other.to_vec()));
            assert!(sent.contains("application/octet-stream"), "{sent}");
            assert!(
                sent.contains(&shown(String::from_utf8_lossy(other)).replace('\u{fffd}', "\\xff")),
                "{sent}"
            );
        }
    }

    #[test]
    fn an_event_is_sent_under_its_id_type_schema_and_metadata() {
        let id = CommandId(ID).event(0);
        let sent = shown(outgoing(NewEvent {
            id,
            kind: "finding.triaged",
            schema: 2,
            data: b"{}".to_vec(),
            metadata: b"{\"request\":1}".to_vec().into(),
        }));
        for part in
            [id.0.to_string().as_str(), "finding.triaged", r#"{\"schema\":2,\"metadata\":{\"request\":1}}"#]
        {
            assert!(sent.contains(part), "{part} in {sent}");
        }
    }
}
