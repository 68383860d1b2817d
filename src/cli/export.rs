//! `scanledger export …`.

#[cfg(feature = "parquet")]
mod parquet;

use super::options::{DataOptions, ExportCommand};
use super::output::{Bar, Exit};
use crate::log::OpenLog;
use crate::operations::Progress;
use anyhow::{Context, Result, bail};
use scanledger_domain::log::{Envelope, EventLog, Position, Recorded};
use scanledger_domain::time::Timestamp;
use std::io::{BufWriter, ErrorKind, IsTerminal, Write};

/// Events read at once.
const READ_EVENTS: usize = 2_000;

pub(super) async fn run(command: ExportCommand) -> Result<Exit> {
    match command {
        ExportCommand::Events { data, from, to, types } => events(&data, from, to, &types).await,
        #[cfg(feature = "parquet")]
        ExportCommand::Parquet(options) => parquet::run(options).await,
    }
}

async fn events(data: &DataOptions, from: u64, to: Option<u64>, types: &[String]) -> Result<Exit> {
    let folder = data.folder();
    folder.require(&data.log)?;
    let log = OpenLog::open_read_only(&data.log, &folder).await?.port();
    let head = log.head().await?.0;
    let to = to.unwrap_or(head).min(head);
    // Where lines go to the terminal, a bar would run through them.
    let bar = (!std::io::stdout().is_terminal()).then(Bar::new);
    let written = write_events(&*log, from, to, types, bar.as_ref()).await;
    if let Some(bar) = bar {
        bar.finish();
    }
    written
}

/// Writes the events from one position to another, both included, to standard output.
async fn write_events(
    log: &dyn EventLog,
    from: u64,
    to: u64,
    types: &[String],
    bar: Option<&Bar>,
) -> Result<Exit> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut after = Position(from.saturating_sub(1));
    let mut line = Vec::new();
    while after.0 < to {
        let batch = log.read_all(after, READ_EVENTS).await?;
        let Some(last) = batch.last() else { break };
        after = last.position;
        for recorded in batch.iter().filter(|recorded| recorded.position.0 <= to) {
            if types.is_empty() || types.iter().any(|kind| **kind == *recorded.kind) {
                line.clear();
                write_line(&mut line, recorded)
                    .with_context(|| format!("while writing the event at position {}", recorded.position))?;
                match out.write_all(&line) {
                    Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(Exit::Done),
                    written => written.context("while writing")?,
                }
            }
        }
        if let Some(bar) = bar {
            let (what, first) = ("writing events".to_owned(), from.max(1) - 1);
            let (done, total) = (after.0.min(to).saturating_sub(first), to.saturating_sub(first));
            bar.tell(Progress { what, done, total: Some(total) });
        }
    }
    match out.flush() {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("while writing"),
        _ => Ok(Exit::Done),
    }
}

/// Adds an event's line, from which the very same event can be read back; refuses one of which that cannot be said.
fn write_line(line: &mut Vec<u8>, recorded: &Recorded) -> Result<()> {
    for (name, bytes) in [("data", &recorded.data), ("metadata", &recorded.metadata)] {
        if bytes.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
            bail!("its {name} has a line break and does not fit into one line");
        }
        if bytes.trim_ascii().len() != bytes.len() {
            bail!("its {name} has white space around it, which a line would lose");
        }
    }
    let at = recorded.recorded_at;
    if Timestamp::parse_rfc3339(&at.to_rfc3339_micros()) != Some(at) {
        bail!("its time is in no year that can be written");
    }
    Envelope::write(recorded, line).context("its data or metadata is not JSON")?;
    line.push(b'\n');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::write_line;
    use scanledger_domain::id::EventId;
    use scanledger_domain::log::{Position, Recorded, StreamName, Version};
    use scanledger_domain::time::Timestamp;
    use uuid::Uuid;

    fn event(data: &[u8]) -> Recorded {
        Recorded {
            position: Position(1),
            id: EventId(Uuid::from_u128(1)),
            stream: StreamName::new("sample", 1),
            version: Version(1),
            kind: "sample.made".into(),
            schema: 1,
            data: data.to_vec(),
            metadata: b"{}".to_vec(),
            recorded_at: Timestamp(0),
        }
    }

    fn refusal(event: &Recorded) -> String {
        let mut line = vec![];
        let refused = write_line(&mut line, event).unwrap_err();
        assert!(line.is_empty());
        refused.to_string()
    }

    #[test]
    fn what_would_not_come_back_as_it_was_is_refused() {
        for (data, why) in [
            (&b"{\n}"[..], "line break"),
            (b"{}\r", "line break"),
            (b" {}", "white space"),
            (b"{}\t", "white space"),
            (b"{", "not JSON"),
            (b"", "not JSON"),
            (b"\"\xff\"", "not JSON"),
        ] {
            assert!(refusal(&event(data)).contains(why), "{why}");
            let metadata = Recorded { metadata: data.to_vec(), ..event(b"{}") };
            assert!(refusal(&metadata).contains(why), "{why}");
        }
        for at in [i64::MAX, i64::MIN, 253_402_300_800_000_000] {
            let event = Recorded { recorded_at: Timestamp(at), ..event(b"{}") };
            assert!(refusal(&event).contains("no year"), "{at}");
        }
    }

    #[test]
    fn json_that_is_not_written_as_usual_stays_as_it_is() {
        let data = r#"{ "b" : 1.0e0,"a":"\u00e9é\/" ,"a":[ ]}"#;
        let mut line = vec![];
        write_line(&mut line, &event(data.as_bytes())).unwrap();
        assert!(String::from_utf8(line).unwrap().contains(data));
    }
}
