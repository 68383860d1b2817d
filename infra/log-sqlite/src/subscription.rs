//! Following the log: first what is there, then what comes.

use crate::error::unavailable;
use crate::reader::Readers;
use crate::tail::Tail;
use scanledger_domain::BoxFuture;
use scanledger_domain::log::{LogError, Position, Recorded, Subscription};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Events that one step reads at most.
const STEP_EVENTS: usize = 1_024;

/// Bytes after which a step reads no further event, so that large events do not pile up in memory.
const STEP_BYTES: usize = 4 * 1024 * 1024;

/// How often a reader beside another process looks for news.
const LOOK: Duration = Duration::from_millis(100);

/// How news is heard of.
pub(crate) enum Follow {
    /// The writer in this process publishes the head after each commit.
    Writer(watch::Receiver<Position>, Arc<Tail>),
    /// Another process writes; the file has to be looked at.
    File,
}

/// A reader that follows the log.
pub(crate) struct SqliteSubscription {
    readers: Arc<Readers>,
    follow: Follow,
    /// The last position handed out. It moves in the same step as the answer, so that a cancelled call
    /// changes nothing.
    after: Position,
}

impl SqliteSubscription {
    pub(crate) fn new(readers: Arc<Readers>, follow: Follow, after: Position) -> Self {
        Self { readers, follow, after }
    }

    async fn step(&mut self) -> Result<Vec<Recorded>, LogError> {
        loop {
            let may_have_news = match &mut self.follow {
                // Marked as seen *before* reading: what is committed during the read wakes the wait below.
                Follow::Writer(head, _) => *head.borrow_and_update() > self.after,
                Follow::File => true,
            };
            if may_have_news {
                let events = self.read().await?;
                if let Some(last) = events.last() {
                    self.after = last.position;
                    return Ok(events);
                }
            }
            match &mut self.follow {
                Follow::Writer(head, _) => {
                    head.changed().await.map_err(|_| unavailable("follow a closed log"))?;
                }
                Follow::File => tokio::time::sleep(LOOK).await,
            }
        }
    }

    async fn read(&self) -> Result<Vec<Recorded>, LogError> {
        let after = self.after;
        if let Follow::Writer(_, tail) = &self.follow {
            let events = tail.after(after, STEP_EVENTS);
            if !events.is_empty() {
                return Ok(events);
            }
        }
        self.readers.run("follow the log", move |reader| reader.all(after, STEP_EVENTS, STEP_BYTES)).await
    }
}

impl Subscription for SqliteSubscription {
    fn next(&mut self) -> BoxFuture<'_, Result<Vec<Recorded>, LogError>> {
        Box::pin(self.step())
    }
}
