//! Taking over the events of another log: what is there already is compared, the rest is written. Whatever was
//! interrupted is simply begun again.

use anyhow::{Result, bail};
use scanledger_domain::log::{ImportError, ImportLog, Position, Recorded};
use std::sync::Arc;

/// Events of consecutive lines, whose positions follow each other.
pub(crate) struct Batch {
    /// The line of the first one, from 1.
    pub(crate) first_line: u64,
    /// The events.
    pub(crate) events: Vec<Recorded>,
}

/// A log that takes over another one's events, in their order.
pub(crate) struct Taking {
    log: Arc<dyn ImportLog>,
    head: Position,
    known: u64,
    written: u64,
}

impl Taking {
    /// Into this log, which may have the first of the events already.
    ///
    /// # Errors
    /// When the log does not say where it ends.
    pub(crate) async fn begin(log: Arc<dyn ImportLog>) -> Result<Self> {
        let head = log.head().await?;
        Ok(Self { log, head, known: 0, written: 0 })
    }

    /// The last event of the log.
    pub(crate) const fn head(&self) -> Position {
        self.head
    }

    /// Events that were there already.
    pub(crate) const fn known(&self) -> u64 {
        self.known
    }

    /// Events that were written.
    pub(crate) const fn written(&self) -> u64 {
        self.written
    }

    /// Compares those of the events that the log has, and answers the others.
    ///
    /// # Errors
    /// When the log has another event at one of the positions, or cannot be read.
    pub(crate) async fn compare(&mut self, mut batch: Batch) -> Result<Batch> {
        let known = batch.events.iter().take_while(|event| event.position <= self.head).count();
        let new = batch.events.split_off(known);
        compare(&*self.log, &batch).await?;
        self.known += known as u64;
        Ok(Batch { first_line: batch.first_line + known as u64, events: new })
    }

    /// As [`Self::compare`], and writes the others.
    ///
    /// # Errors
    /// As [`Self::compare`]; also when they do not go on where the log ends, or cannot be written.
    pub(crate) async fn take(&mut self, batch: Batch) -> Result<()> {
        let Batch { first_line, events } = self.compare(batch).await?;
        let Some(from) = events.first().map(|event| event.position) else { return Ok(()) };
        let count = events.len() as u64;
        self.head = self.log.import(events).await.map_err(|error| refused(error, first_line, from))?;
        self.written += count;
        Ok(())
    }
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
