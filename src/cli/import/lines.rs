//! Events from lines, in batches, read and decoded on a thread of their own.

use anyhow::{Context, Result, anyhow, bail};
use scanledger_domain::event::Event;
use scanledger_domain::id::EventId;
use scanledger_domain::limits::BATCH_BYTES;
use scanledger_domain::log::{Metadata, Position, Recorded, StreamName, Version};
use scanledger_domain::time::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc;
use uuid::Uuid;

/// Bytes of a line: the largest data and metadata that an event can have, and what stands around them.
pub(super) const LINE_BYTES: usize = BATCH_BYTES + 16 * 1024;
/// Events that are imported in one transaction.
const IMPORT_EVENTS: usize = 5_000;
/// Bytes of lines after which a transaction takes no further event.
const IMPORT_BYTES: usize = 8 * 1024 * 1024;
/// Batches that wait for the log.
const WAITING: usize = 2;

/// Events of consecutive lines, whose positions follow each other.
pub(super) struct Batch {
    /// The line of the first one, from 1.
    pub(super) first_line: u64,
    /// At least one.
    pub(super) events: Vec<Recorded>,
}

/// The lines of a file or of standard input.
pub(super) struct Lines {
    batches: mpsc::Receiver<Result<Batch>>,
    read_bytes: Arc<AtomicU64>,
    size: Option<u64>,
}

impl Lines {
    /// Begins to read the file at `path`, or standard input for `-`.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let (reader, size): (Box<dyn Read + Send>, _) = if path == Path::new("-") {
            (Box::new(std::io::stdin()), None)
        } else {
            let file = File::open(path).with_context(|| format!("while opening {}", path.display()))?;
            let size = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|about| about.len());
            (Box::new(file), size)
        };
        let (sender, batches) = mpsc::channel(WAITING);
        let read_bytes = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&read_bytes);
        tokio::task::spawn_blocking(move || {
            let mut reading = Reading::new(reader, counted);
            loop {
                let batch = reading.batch().transpose();
                let is_last = !matches!(batch, Some(Ok(_)));
                // Nobody wants to know any more when the import has failed.
                if batch.is_some_and(|batch| sender.blocking_send(batch).is_err()) || is_last {
                    break;
                }
            }
        });
        Ok(Self { batches, read_bytes, size })
    }

    /// The next events; `None` after the last.
    ///
    /// # Errors
    /// When a line cannot be read; none of the events of its batch are answered then.
    pub(super) async fn next(&mut self) -> Result<Option<Batch>> {
        self.batches.recv().await.transpose()
    }

    /// What is counted, how far it is, and how far it will be.
    pub(super) fn progress(&self) -> (String, u64, Option<u64>) {
        ("importing, bytes".to_owned(), self.read_bytes.load(Ordering::Relaxed), self.size)
    }
}

/// Where the reading thread is.
struct Reading<R> {
    reader: BufReader<R>,
    line: Vec<u8>,
    /// Of the line that was read last, from 1.
    number: u64,
    /// Of the event that was read last.
    position: Option<Position>,
    counted: Arc<AtomicU64>,
}

impl<R: Read> Reading<R> {
    fn new(reader: R, counted: Arc<AtomicU64>) -> Self {
        Self { reader: BufReader::new(reader), line: Vec::new(), number: 0, position: None, counted }
    }

    /// The next events, whose positions follow each other; `None` after the last.
    fn batch(&mut self) -> Result<Option<Batch>> {
        let first_line = self.number + 1;
        let (mut events, mut bytes) = (Vec::new(), 0);
        while events.len() < IMPORT_EVENTS && bytes < IMPORT_BYTES && self.read_line()? {
            let event = recorded(&self.line).with_context(|| format!("line {}", self.number))?;
            if let Some(last) = self.position.replace(event.position)
                && event.position.0 != last.0 + 1
            {
                bail!("line {}: position {} does not follow {last}", self.number, event.position);
            }
            bytes += self.line.len();
            events.push(event);
        }
        Ok((!events.is_empty()).then_some(Batch { first_line, events }))
    }

    /// Reads a line without its end; answers whether there was one.
    fn read_line(&mut self) -> Result<bool> {
        self.line.clear();
        // One byte more than a line and its end may have tells whether there is more.
        let mut limited = (&mut self.reader).take(LINE_BYTES as u64 + 2);
        let read = limited.read_until(b'\n', &mut self.line).context("while reading events")?;
        if read == 0 {
            return Ok(false);
        }
        self.number += 1;
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
        }
        if self.line.len() > LINE_BYTES {
            bail!("line {}: it has more than {LINE_BYTES} bytes", self.number);
        }
        self.counted.fetch_add(read as u64, Ordering::Relaxed);
        Ok(true)
    }
}

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
fn recorded(line: &[u8]) -> Result<Recorded> {
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
    let event = Recorded {
        position: Position(line.position),
        id: EventId(line.id),
        stream: StreamName::stored(&line.stream),
        version: Version(line.version),
        kind: line.kind.into(),
        schema: line.schema,
        data: data.to_vec(),
        metadata: metadata.to_vec(),
        recorded_at,
    };
    Event::of(&event).context("this version does not know such an event")?;
    Metadata::decode(&event.metadata).context("its metadata cannot be read")?;
    Ok(event)
}

#[cfg(test)]
mod tests {
    use super::{LINE_BYTES, Reading, recorded};
    use scanledger_domain::limits::BATCH_BYTES;

    fn reading(text: &[u8]) -> Reading<&[u8]> {
        Reading::new(text, std::sync::Arc::default())
    }

    #[test]
    fn lines_end_with_a_line_feed_or_the_file() {
        let mut reading = reading(b"one\n\ntwo\r\nthree");
        let mut lines = vec![];
        while reading.read_line().unwrap() {
            lines.push(String::from_utf8(reading.line.clone()).unwrap());
        }
        assert_eq!(lines, ["one", "", "two\r", "three"]);
        assert_eq!(reading.number, 4);
    }

    #[test]
    fn a_line_has_so_many_bytes_and_not_one_more() {
        for end in ["\n", ""] {
            let text = format!("{}{end}", "x".repeat(LINE_BYTES));
            assert!(reading(text.as_bytes()).read_line().unwrap());
            let text = format!("{}{end}", "x".repeat(LINE_BYTES + 1));
            let refused = reading(text.as_bytes()).read_line().unwrap_err().to_string();
            assert!(refused.contains("line 1") && refused.contains(&LINE_BYTES.to_string()), "{refused}");
        }
    }

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
        let refusal = |bytes| format!("{:#}", recorded(&line(bytes)).unwrap_err());
        assert!(refusal(BATCH_BYTES).contains("does not know such an event"), "{}", refusal(BATCH_BYTES));
        assert!(refusal(BATCH_BYTES + 1).contains("have more than"), "{}", refusal(BATCH_BYTES + 1));
    }
}
