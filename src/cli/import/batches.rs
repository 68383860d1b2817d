//! Events in batches from a file, read and decoded on a thread of their own.

use super::line::FORM;
use crate::log::lines::Lines;
use crate::log::taking::Batch;
use anyhow::{Context, Result, bail};
use scanledger_domain::log::Position;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc;

/// Batches that wait for the log.
const WAITING: usize = 2;

/// The events of a file or of standard input.
pub(super) struct Batches {
    batches: mpsc::Receiver<Result<Batch>>,
    read_bytes: Arc<AtomicU64>,
    size: Option<u64>,
}

impl Batches {
    /// Begins to read the file at `path`, or standard input for `-`.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let (inner, size): (Box<dyn Read + Send>, _) = if path == Path::new("-") {
            (Box::new(io::stdin()), None)
        } else {
            let file = File::open(path).with_context(|| format!("while opening {}", path.display()))?;
            let size = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|about| about.len());
            (Box::new(file), size)
        };
        let (sender, batches) = mpsc::channel(WAITING);
        let read_bytes = Arc::new(AtomicU64::new(0));
        let counted = Counted { inner, bytes: Arc::clone(&read_bytes) };
        tokio::task::spawn_blocking(move || {
            let mut lines = Lines::new(FORM, BufReader::new(counted));
            let mut last = None;
            loop {
                let batch = next(&mut lines, &mut last).transpose();
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

/// The next events, which go on after position `last`; `None` after the last.
fn next<R: BufRead>(lines: &mut Lines<R>, last: &mut Option<Position>) -> Result<Option<Batch>> {
    let first_line = lines.number() + 1;
    let events = lines.batch()?;
    for (number, event) in (first_line..).zip(&events) {
        if let Some(last) = last.replace(event.position)
            && event.position.0 != last.0 + 1
        {
            bail!("line {number}: position {} does not follow {last}", event.position);
        }
    }
    Ok((!events.is_empty()).then_some(Batch { first_line, events }))
}

/// Counts what is read.
struct Counted<R> {
    inner: R,
    bytes: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
