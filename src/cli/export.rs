//! `scanledger export …`.

use super::options::ExportCommand;
use super::output::Exit;
use crate::data::DataFolder;
use anyhow::{Context, Result};
use scanledger_domain::log::{EventLog, Position, Recorded};
use scanledger_log_sqlite::SqliteLog;
use serde::Serialize;
use serde_json::value::RawValue;
use std::io::{BufWriter, ErrorKind, Write};

/// Events read at once.
const READ_EVENTS: usize = 2_000;

/// An envelope as exports and the event feed show it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    position: u64,
    id: String,
    stream: &'a str,
    version: u64,
    #[serde(rename = "type")]
    kind: &'a str,
    schema: u16,
    data: &'a RawValue,
    metadata: &'a RawValue,
    recorded_at: String,
}

pub(super) async fn run(command: ExportCommand) -> Result<Exit> {
    let ExportCommand::Events { data, from, to, types } = command;
    let folder = DataFolder::new(&data.data);
    folder.require()?;
    let log = SqliteLog::open_read_only(&folder.log())
        .with_context(|| format!("while opening the event log of {}", folder.root().display()))?;
    let head = log.head().await?.0;
    let to = to.unwrap_or(head).min(head);
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut after = Position(from.saturating_sub(1));
    while after.0 < to {
        let batch = log.read_all(after, READ_EVENTS).await?;
        let Some(last) = batch.last() else { break };
        after = last.position;
        for recorded in batch.iter().filter(|recorded| recorded.position.0 <= to) {
            if types.is_empty() || types.iter().any(|kind| **kind == *recorded.kind) {
                match write_line(&mut out, recorded) {
                    Err(error) if is_closed(&error) => return Ok(Exit::Done),
                    other => other?,
                }
            }
        }
    }
    match out.flush() {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("while writing"),
        _ => Ok(Exit::Done),
    }
}

fn is_closed(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

fn write_line(out: &mut impl Write, recorded: &Recorded) -> Result<()> {
    let line = Line {
        position: recorded.position.0,
        id: recorded.id.to_string(),
        stream: recorded.stream.as_str(),
        version: recorded.version.0,
        kind: &recorded.kind,
        schema: recorded.schema,
        data: serde_json::from_slice(&recorded.data).context("while reading an event's data")?,
        metadata: serde_json::from_slice(&recorded.metadata).context("while reading an event's metadata")?,
        recorded_at: recorded.recorded_at.to_rfc3339_micros(),
    };
    let text = serde_json::to_vec(&line).context("while writing an event")?;
    out.write_all(&text)?;
    out.write_all(b"\n")?;
    Ok(())
}
