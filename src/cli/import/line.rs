//! An event as a line of `export events`.

use crate::log::lines::{Form, LastLine};
use anyhow::{Context, Result, anyhow, bail};
use scanledger_domain::id::EventId;
use scanledger_domain::limits::BATCH_BYTES;
use scanledger_domain::log::{Position, Recorded, StreamName, Version};
use scanledger_domain::time::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use uuid::Uuid;

/// Bytes of a line: the largest data and metadata that an event can have, and what stands around them.
const LINE_BYTES: usize = BATCH_BYTES + 16 * 1024;

/// What `export events` writes, however the file was passed on.
pub(super) const FORM: Form = Form { line_bytes: LINE_BYTES, last: LastLine::MayBeOpen, event };

/// A line of `export events`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Line<'a> {
    position: u64,
    id: Uuid,
    #[serde(borrow)]
    stream: Cow<'a, str>,
    version: u64,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    schema: u16,
    #[serde(borrow)]
    data: &'a RawValue,
    #[serde(borrow)]
    metadata: &'a RawValue,
    #[serde(borrow)]
    recorded_at: Cow<'a, str>,
}

/// The event of a line, with data and metadata byte for byte as they stand in it.
fn event(line: &[u8]) -> Result<Recorded> {
    let line: Line<'_> = serde_json::from_slice(line).context("this is no event")?;
    let (data, metadata) = (line.data.get().as_bytes(), line.metadata.get().as_bytes());
    if data.len() + metadata.len() > BATCH_BYTES {
        bail!("data and metadata have more than {BATCH_BYTES} bytes");
    }
    if line.position == 0 {
        bail!("positions begin with 1");
    }
    let recorded_at = Timestamp::parse_rfc3339(&line.recorded_at)
        // Anything finer would be lost.
        .filter(|at| at.to_rfc3339_micros() == line.recorded_at)
        .ok_or_else(|| anyhow!("recordedAt is no instant in UTC with microseconds"))?;
    Ok(Recorded {
        position: Position(line.position),
        id: EventId(line.id),
        stream: StreamName::stored(&line.stream),
        version: Version(line.version),
        kind: line.kind.into(),
        schema: line.schema,
        data: data.to_vec(),
        metadata: metadata.to_vec(),
        recorded_at,
    })
}

#[cfg(test)]
mod tests {
    use super::event;
    use scanledger_domain::limits::BATCH_BYTES;

    fn line(metadata_bytes: usize) -> Vec<u8> {
        let data = r#"{ "claim" : 1.0 }"#;
        let metadata = format!(r#"{{"x":"{}"}}"#, "y".repeat(metadata_bytes - data.len() - 8));
        let start =
            r#"{"position":1,"id":"00000000-0000-0000-0000-000000000001","stream":"a-1","version":1,"#;
        let end = r#""recordedAt":"2026-11-21T10:00:00.000001Z"}"#;
        format!(r#"{start}"type":"x.y","schema":1,"data":{data},"metadata":{metadata},{end}"#).into_bytes()
    }

    #[test]
    fn data_and_metadata_have_so_many_bytes_and_not_one_more() {
        let full = event(&line(BATCH_BYTES)).unwrap();
        assert_eq!(full.data.len() + full.metadata.len(), BATCH_BYTES);
        let refusal = format!("{:#}", event(&line(BATCH_BYTES + 1)).unwrap_err());
        assert!(refusal.contains("have more than"), "{refusal}");
    }
}
