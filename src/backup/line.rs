//! An event as a line of a backup. Data and metadata stand in it as JSON strings, so that their bytes come back as
//! they were, however they were written.

use crate::log::lines::{Form, LastLine, Lines};
use anyhow::{Context, Result};
use scanledger_domain::id::EventId;
use scanledger_domain::limits::BATCH_BYTES;
use scanledger_domain::log::{Position, Recorded, StreamName, Version};
use scanledger_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::io::BufRead;
use uuid::Uuid;

/// Bytes of a line: an escaped byte takes at most six, and there is a little around them.
const LINE_BYTES: usize = 6 * BATCH_BYTES + 16 * 1024;

const FORM: Form = Form { line_bytes: LINE_BYTES, last: LastLine::Ended, event };

#[derive(Serialize, Deserialize)]
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
    data: Cow<'a, str>,
    #[serde(borrow)]
    metadata: Cow<'a, str>,
    /// Microseconds since 1970.
    recorded_at: i64,
}

/// Adds the line of an event, with its end.
pub(super) fn write(line: &mut Vec<u8>, event: &Recorded) -> Result<()> {
    let text = |bytes| std::str::from_utf8(bytes).context("its data or metadata is not UTF-8");
    let shown = Line {
        position: event.position.0,
        id: event.id.0,
        stream: event.stream.as_str().into(),
        version: event.version.0,
        kind: (&*event.kind).into(),
        schema: event.schema,
        data: text(&event.data)?.into(),
        metadata: text(&event.metadata)?.into(),
        recorded_at: event.recorded_at.0,
    };
    serde_json::to_writer(&mut *line, &shown)?;
    line.push(b'\n');
    Ok(())
}

/// Reads lines as [`write`] makes them.
pub(super) fn read<R: BufRead>(reader: R) -> Lines<R> {
    Lines::new(FORM, reader)
}

fn event(line: &[u8]) -> Result<Recorded> {
    let line: Line<'_> = serde_json::from_slice(line).context("this is no event")?;
    Ok(Recorded {
        position: Position(line.position),
        id: EventId(line.id),
        stream: StreamName::stored(&line.stream),
        version: Version(line.version),
        kind: line.kind.into(),
        schema: line.schema,
        data: line.data.into_owned().into_bytes(),
        metadata: line.metadata.into_owned().into_bytes(),
        recorded_at: Timestamp(line.recorded_at),
    })
}

#[cfg(test)]
mod tests {
    use super::{LINE_BYTES, read, write};
    use scanledger_domain::id::EventId;
    use scanledger_domain::limits::BATCH_BYTES;
    use scanledger_domain::log::{Position, Recorded, StreamName, Version};
    use scanledger_domain::time::Timestamp;
    use uuid::Uuid;

    fn event(data: &str) -> Recorded {
        Recorded {
            position: Position(7),
            id: EventId(Uuid::from_u128(1)),
            stream: StreamName::new("user", Uuid::from_u128(2)),
            version: Version(2),
            kind: "user.erased".into(),
            schema: 1,
            data: data.as_bytes().to_vec(),
            metadata:
                br#" {"actor":{"kind":"operator"},"correlation":"00000000-0000-0000-0000-000000000001"}"#
                    .to_vec(),
            recorded_at: Timestamp(1_795_255_200_000_001),
        }
    }

    fn back(line: &[u8]) -> anyhow::Result<Option<Recorded>> {
        read(line).next().transpose()
    }

    #[test]
    fn an_event_comes_back_byte_for_byte_however_its_json_was_written() {
        for data in [
            r#"{"user":"00000000-0000-0000-0000-000000000002"}"#,
            "{ \"user\" :\n\t\"00000000-0000-0000-0000-000000000002\", \"x\": \"\u{e9}\\u00e9\\/\" }\r\n",
        ] {
            let mut line = vec![];
            write(&mut line, &event(data)).unwrap();
            assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
            assert_eq!(back(&line).unwrap(), Some(event(data)));
        }
        assert_eq!(back(b"").unwrap(), None);
    }

    #[test]
    fn the_largest_event_fits_into_a_line() {
        // Control characters take most when escaped; in data they stand escaped already.
        let note = "\\\"".repeat((BATCH_BYTES - 60) / 2);
        let data = format!(r#"{{"user":"00000000-0000-0000-0000-000000000002","x":"{note}"}}"#);
        let mut line = vec![];
        write(&mut line, &event(&data)).unwrap();
        assert!(line.len() > 2 * BATCH_BYTES - 200 && line.len() < LINE_BYTES);
        assert_eq!(back(&line).unwrap(), Some(event(&data)));
    }

    #[test]
    fn what_is_cut_off_or_never_ends_or_is_no_event_is_refused() {
        let mut line = vec![];
        write(&mut line, &event(r#"{"user":"00000000-0000-0000-0000-000000000002"}"#)).unwrap();
        let refusal = |line: &[u8]| format!("{:#}", back(line).unwrap_err());
        assert!(refusal(&line[..line.len() - 1]).contains("line 1: it is cut off"));
        assert!(refusal("x".repeat(LINE_BYTES + 2).as_bytes()).contains("has more than"));
        assert!(refusal(b"{}\n").contains("this is no event"));
        let text = String::from_utf8(line).unwrap();
        assert!(refusal(text.replacen("user.erased", "user.eaten", 1).as_bytes()).contains("does not know"));
        assert!(refusal(text.replacen("actor", "author", 1).as_bytes()).contains("metadata cannot be read"));
    }

    #[test]
    fn what_is_no_text_is_not_written() {
        let mut line = vec![];
        assert!(write(&mut line, &Recorded { data: vec![0xff], ..event("") }).is_err());
        assert!(line.is_empty());
    }
}
