//! Following the log: first what is there, then what comes.

use crate::error::{broken, unavailable};
use crate::news::{News, Reach};
use crate::reader::Readers;
use scanledger_domain::BoxFuture;
use scanledger_domain::log::{LogError, Position, Recorded, Subscription};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Events that one step reads at most.
const STEP_EVENTS: usize = 1_024;

/// Bytes after which a step reads no further event, so that large events do not pile up in memory.
const STEP_BYTES: usize = 4 * 1024 * 1024;

/// How long a step waits after a read that found nothing where there should be something, as on a standby that is
/// behind the server that sent the notification.
const BEHIND: Duration = Duration::from_millis(100);

/// A reader that follows the log.
pub(crate) struct PostgresSubscription {
    readers: Arc<Readers>,
    head: watch::Receiver<Position>,
    reach: watch::Receiver<Reach>,
    /// The last position handed out. It moves in the same step as the answer, so that a cancelled call
    /// changes nothing.
    after: Position,
    /// The read under way. It goes on when the call that began it is cancelled, and the next call takes it over;
    /// otherwise a caller with little patience would never get to the end of a long one.
    reading: Option<JoinHandle<Result<Vec<Recorded>, LogError>>>,
}

impl PostgresSubscription {
    pub(crate) fn new(readers: Arc<Readers>, news: &News, after: Position) -> Self {
        let (head, reach) = (news.head.subscribe(), news.reach.subscribe());
        Self { readers, head, reach, after, reading: None }
    }

    async fn step(&mut self) -> Result<Vec<Recorded>, LogError> {
        loop {
            // Marked as seen *before* reading: what is committed during the read wakes the wait below.
            if self.reading.is_some() || *self.head.borrow_and_update() > self.after {
                let events = self.read().await?;
                if let Some(last) = events.last() {
                    self.after = last.position;
                    return Ok(events);
                }
                // Whichever comes first; a closed log is seen below.
                let _ = tokio::time::timeout(BEHIND, self.head.changed()).await;
            }
            self.wait().await?;
        }
    }

    /// Waits until the head may be above `after`.
    async fn wait(&mut self) -> Result<(), LogError> {
        if *self.head.borrow() > self.after {
            return Ok(());
        }
        if *self.reach.borrow() == Reach::Closed {
            return Err(unavailable("follow a closed log"));
        }
        tokio::select! {
            changed = self.head.changed() => changed.map_err(|_| unavailable("follow a closed log")),
            changed = self.reach.changed() => match changed.map(|()| *self.reach.borrow_and_update()) {
                Ok(Reach::Open) => Ok(()),
                // Once per failed look, so that who asks again at once waits until there is something to say.
                Ok(Reach::Lost(_)) => Err(unavailable("follow the log: its server is out of reach")),
                Ok(Reach::Closed) | Err(_) => Err(unavailable("follow a closed log")),
            },
        }
    }

    async fn read(&mut self) -> Result<Vec<Recorded>, LogError> {
        let (readers, after) = (&self.readers, self.after);
        let reading =
            self.reading.get_or_insert_with(|| {
                tokio::spawn(readers.run("follow the log", move |reader| {
                    Box::pin(reader.some(after, STEP_EVENTS, STEP_BYTES))
                }))
            });
        let read = reading.await;
        self.reading = None;
        read.unwrap_or_else(|error| Err(broken("follow the log")(error)))
    }
}

impl Subscription for PostgresSubscription {
    fn next(&mut self) -> BoxFuture<'_, Result<Vec<Recorded>, LogError>> {
        Box::pin(self.step())
    }
}
