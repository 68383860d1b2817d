//! `scanledger import …`.

mod batches;
mod line;

use super::options::ImportCommand;
use super::output::{Bar, Exit, json, line};
use crate::log::OpenLog;
use crate::operations::Progress;
use anyhow::{Result, bail};
use batches::{Batch, Batches};
use scanledger_domain::log::{ImportError, ImportLog, Position, Recorded};
use std::path::Path;
use std::time::Instant;

/// What came of an import.
#[derive(Default)]
struct Imported {
    /// Events written.
    events: u64,
    /// Events that were there already.
    skipped: u64,
    /// The last event.
    head: Position,
}

pub(super) async fn run(command: ImportCommand) -> Result<Exit> {
    let ImportCommand::Events { data, source, json: wanted } = command;
    let bar = Bar::new();
    let mut batches = Batches::open(&source)?;
    // Read before anything is made, so that a file that is no export leaves nothing behind.
    let Some(first) = batches.next().await? else { bail!("there are no events in {}", shown(&source)) };
    let folder = data.folder();
    folder.create()?;
    let Some(_lock) = folder.try_lock()? else {
        bail!("another process has the data folder {}: an import needs it alone", folder.root().display());
    };
    let began = Instant::now();
    let log = OpenLog::open(&data.log, &folder).await?;
    let Some(importer) = log.importer() else {
        bail!("the store of {} cannot take over events with their positions and times", data.log);
    };
    let outcome = take_over(&*importer, first, &mut batches, &bar).await;
    log.close().await;
    bar.finish();
    let Imported { events, skipped, head } = outcome?;
    let seconds = began.elapsed().as_secs_f64();
    if wanted.wanted {
        json(
            &serde_json::json!({ "position": head, "events": events, "skipped": skipped, "seconds": seconds }),
        );
    } else {
        let known = if skipped > 0 { format!("; {skipped} were there already") } else { String::new() };
        line(&format!("imported {events} events up to position {head} in {seconds:.2} s{known}"));
    }
    Ok(Exit::Done)
}

async fn take_over(log: &dyn ImportLog, first: Batch, batches: &mut Batches, bar: &Bar) -> Result<Imported> {
    let mut done = Imported { head: log.head().await?, ..Imported::default() };
    let mut next = Some(first);
    while let Some(mut batch) = next {
        let known = batch.events.iter().take_while(|event| event.position <= done.head).count();
        let new = batch.events.split_off(known);
        compare(log, &batch).await?;
        done.skipped += known as u64;
        let first_line = batch.first_line + known as u64;
        let written = new.len() as u64;
        if let Some(from) = new.first().map(|event| event.position) {
            done.head = log.import(new).await.map_err(|error| refused(error, first_line, from))?;
        }
        done.events += written;
        let (what, done, total) = batches.progress();
        bar.tell(Progress { what, done, total });
        next = batches.next().await?;
    }
    Ok(done)
}

/// Makes sure that the log has exactly these events.
async fn compare(log: &dyn ImportLog, batch: &Batch) -> Result<()> {
    let Some(first) = batch.events.first() else { return Ok(()) };
    let there = log.read_all(Position(first.position.0 - 1), batch.events.len()).await?;
    for (index, event) in batch.events.iter().enumerate() {
        if there.get(index) != Some(event) {
            let number = batch.first_line + index as u64;
            bail!(
                "line {number}: the log has another event at position {}: {}",
                event.position,
                difference(event, there.get(index))
            );
        }
    }
    Ok(())
}

/// What of the event in the log is not as in the file.
fn difference(event: &Recorded, there: Option<&Recorded>) -> &'static str {
    match there {
        Some(there) if there.id == event.id => "its id is the same, its content is not",
        Some(_) | None => "the file is of another installation, or of one that went on elsewhere",
    }
}

/// The refusal of events that stand in the file from line `first_line` on, in which position `from` is.
fn refused(error: ImportError, first_line: u64, from: Position) -> anyhow::Error {
    match error {
        ImportError::NotNext { head, next } => anyhow::anyhow!(
            "line {first_line}: the log ends at position {head}, and the file goes on with position {next}"
        ),
        ImportError::DoesNotFit { position, reason } => {
            let number = first_line + position.0 - from.0;
            anyhow::anyhow!("line {number}: the event at position {position} does not fit: {reason}")
        }
        ImportError::Log(error) => anyhow::Error::from(error).context("while importing events"),
    }
}

fn shown(source: &Path) -> String {
    if source == Path::new("-") { "standard input".to_owned() } else { source.display().to_string() }
}
