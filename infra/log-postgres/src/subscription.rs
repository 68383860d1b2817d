//! Following the log: first what is there, then what comes.

use crate::error::{broken, unavailable};
use crate::news::{News, Reach};
use crate::reader::{Page, Readers};
use scanledger_domain::BoxFuture;
use scanledger_domain::id::EventId;
use scanledger_domain::limits::LOST_AFTER;
use scanledger_domain::log::{LogError, Position, Recorded, Subscription};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Events that one step reads at most.
const STEP_EVENTS: usize = 1_024;

/// Bytes after which a step reads no further event, so that large events do not pile up in memory.
const STEP_BYTES: usize = 4 * 1024 * 1024;

/// How long a step waits after a read that found nothing where there should be something, as on a standby that is
/// behind the server that sent the notification.
const BEHIND: Duration = Duration::from_millis(100);

/// A reader that follows the log.
///
/// Each page is read from the event that was handed out last, which must be there as it was. A server that lost its
/// end, or was put back to an earlier state, gives the same positions to other events; a page that begins after the
/// position alone would go on over that.
pub(crate) struct PostgresSubscription {
    readers: Arc<Readers>,
    news: Arc<News>,
    head: watch::Receiver<Position>,
    reach: watch::Receiver<Reach>,
    doubts: watch::Receiver<u64>,
    /// The last position handed out. It moves in the same step as the answer, so that a cancelled call
    /// changes nothing.
    after: Position,
    /// The event that is there, once it was read.
    last: Option<EventId>,
    /// Whether it has to be looked at, also if nothing comes after it.
    is_doubtful: bool,
    /// Since when it is not there, on a server that has nothing more to replay.
    missing: Option<Instant>,
    has_diverged: bool,
    /// The read under way. It goes on when the call that began it is cancelled, and the next call takes it over;
    /// otherwise a caller with little patience would never get to the end of a long one.
    reading: Option<JoinHandle<Result<Page, LogError>>>,
}

impl PostgresSubscription {
    pub(crate) fn new(readers: Arc<Readers>, news: Arc<News>, after: Position) -> Self {
        let (head, reach, doubts) = (news.head.subscribe(), news.reach.subscribe(), news.doubts.subscribe());
        Self {
            readers,
            news,
            head,
            reach,
            doubts,
            after,
            last: None,
            // What is there now is what later pages have to go on from.
            is_doubtful: after > Position::START,
            missing: None,
            has_diverged: false,
            reading: None,
        }
    }

    async fn step(&mut self) -> Result<Vec<Recorded>, LogError> {
        loop {
            if self.has_diverged {
                return Err(LogError::Diverged { position: self.after });
            }
            // Marked as seen *before* reading: what is committed during the read wakes the wait below.
            let has_news = *self.head.borrow_and_update() > self.after;
            if self.reading.is_some() || has_news || self.is_doubtful {
                // Who answers next may be another server, which is given its own time.
                let page = self.read().await.inspect_err(|_| self.missing = None)?;
                let events = self.accept(page)?;
                if !events.is_empty() {
                    return Ok(events);
                }
                if has_news || self.is_doubtful {
                    // Whichever comes first; a closed log is seen below.
                    let _ = tokio::time::timeout(BEHIND, self.head.changed()).await;
                }
            }
            self.wait().await?;
        }
    }

    /// Takes what was read, if it goes on from what was handed out.
    fn accept(&mut self, page: Page) -> Result<Vec<Recorded>, LogError> {
        let Page { before, events, is_replaying } = page;
        match (self.last, before) {
            (Some(last), Some(before)) if last != before => {
                self.has_diverged = true;
                return Err(LogError::Diverged { position: self.after });
            }
            // Where it began, a log with holes has no event, and others after it.
            (last, None) if self.after > Position::START && (last.is_some() || events.is_empty()) => {
                self.is_doubtful = true;
                if is_replaying {
                    self.missing = None;
                    return Ok(Vec::new());
                }
                if self.missing.get_or_insert_with(Instant::now).elapsed() >= LOST_AFTER {
                    self.has_diverged = true;
                    return Err(LogError::Diverged { position: self.after });
                }
                return Ok(Vec::new());
            }
            (last, before) => self.last = before.or(last),
        }
        (self.is_doubtful, self.missing) = (false, None);
        if let Some(last) = events.last() {
            (self.after, self.last) = (last.position, Some(last.id));
            self.news.saw(last.position, last.id);
        }
        Ok(events)
    }

    /// Waits until the head may be above `after`, or until there is a doubt.
    async fn wait(&mut self) -> Result<(), LogError> {
        let is_closed = *self.reach.borrow() == Reach::Closed;
        // What is left of a log that is being closed is still handed out.
        if *self.head.borrow() > self.after || self.is_doubtful && !is_closed {
            return Ok(());
        }
        if is_closed {
            return Err(unavailable("follow a closed log"));
        }
        tokio::select! {
            changed = self.head.changed() => changed.map_err(|_| unavailable("follow a closed log")),
            changed = self.doubts.changed() => {
                self.is_doubtful = self.after > Position::START;
                changed.map_err(|_| unavailable("follow a closed log"))
            }
            changed = self.reach.changed() => match changed.map(|()| *self.reach.borrow_and_update()) {
                Ok(Reach::Open) => Ok(()),
                // Once per failed look, so that who asks again at once waits until there is something to say.
                Ok(Reach::Lost(_)) => Err(unavailable("follow the log: its server is out of reach")),
                Ok(Reach::Closed) | Err(_) => Err(unavailable("follow a closed log")),
            },
        }
    }

    async fn read(&mut self) -> Result<Page, LogError> {
        let (readers, after) = (&self.readers, self.after);
        let reading =
            self.reading.get_or_insert_with(|| {
                tokio::spawn(readers.run("follow the log", move |reader| {
                    Box::pin(reader.page(after, STEP_EVENTS, STEP_BYTES))
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
