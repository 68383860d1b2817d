//! Keeping the tree up with the log.

use super::{Reached, Tree, TreeError};
use crate::history::{is_there, read_on};
use scanledger_domain::log::{EventLog, LogError, Position, Recorded};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

/// Events read from the log at once.
const READ_EVENTS: usize = 2_000;
/// How long news may wait for more: one transaction for many commits of the log, and nobody waits for the tree.
const PACE: Duration = Duration::from_millis(200);
/// Events that may gather meanwhile, and of one step after which there is no wait: a log remembers about so many, and
/// reading others costs more than adding them.
const BUSY_EVENTS: u32 = 1_000;
/// How long to wait before asking a log again that did not answer.
const RETRY: Duration = Duration::from_millis(500);

impl Tree {
    /// Makes sure that the log holds, where the tree ends, the event that it ends with; empties the tree if not.
    /// Answers whether it had to. One read.
    ///
    /// # Errors
    /// When log or file cannot be read.
    pub async fn fit(&self, log: &dyn EventLog) -> Result<bool, TreeError> {
        let (Reached { position, .. }, last) = self.end()?;
        let fits = is_there(log, position, last).await?;
        if !fits {
            tracing::warn!("the log no longer has the event that the tree ends with: the tree is built anew");
            let tree = self.clone();
            blocking(move || tree.clear()).await?;
        }
        Ok(!fits)
    }

    /// Follows the log until `stop` changes, the file cannot be written, or the log no longer has what was hashed. Then
    /// the tree stays as it is, for whoever signs to hold the log against.
    ///
    /// # Errors
    /// When the file cannot be written; [`LogError::Diverged`] when the log has another history.
    pub async fn run(
        &self,
        log: Arc<dyn EventLog>,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), TreeError> {
        let mut told = self.reached().position;
        // The last one comes first, to be held against what was hashed.
        let mut subscription = log.subscribe(Position(told.0.saturating_sub(1)));
        let mut since = Instant::now();
        loop {
            let batch = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return Ok(()),
                batch = subscription.next() => batch,
            };
            let pause = match batch {
                Ok(batch) => {
                    let pause = pause(batch.len(), since.elapsed());
                    since = Instant::now();
                    let last = batch.last().map_or(told, |event| event.position);
                    if !self.add(told, batch).await? {
                        // Somebody emptied it meanwhile.
                        self.catch_up(&*log).await?;
                    }
                    told = last;
                    pause
                }
                Err(lost @ LogError::Diverged { .. }) => return Err(lost.into()),
                Err(error) => {
                    tracing::warn!("the log did not answer the tree: {error}");
                    RETRY
                }
            };
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return Ok(()),
                () = tokio::time::sleep(pause) => (),
            }
        }
    }

    /// Adds everything the log holds now.
    ///
    /// # Errors
    /// When the log cannot be read or the file cannot be written; [`LogError::Diverged`] when the log no longer has
    /// the event that the tree ends with.
    pub async fn catch_up(&self, log: &dyn EventLog) -> Result<Reached, TreeError> {
        loop {
            let (Reached { position: after, .. }, last) = self.end()?;
            let batch = read_on(log, after, last, READ_EVENTS).await?;
            if batch.is_empty() {
                return Ok(self.reached());
            }
            self.add(after, batch).await?;
        }
    }

    /// How far it is, and the id of the event there.
    fn end(&self) -> Result<(Reached, Option<Uuid>), TreeError> {
        let writer = self.shared.writer.as_ref().ok_or(TreeError::ReadOnly)?.lock();
        Ok((writer.reached(), writer.last_event()))
    }

    async fn add(&self, after: Position, batch: Vec<Recorded>) -> Result<bool, TreeError> {
        let tree = self.clone();
        blocking(move || tree.append(after, &batch)).await
    }
}

/// How long to wait for more after a step that brought so many events in so much time.
fn pause(events: usize, elapsed: Duration) -> Duration {
    match u32::try_from(events) {
        Ok(events @ 1..BUSY_EVENTS) => PACE.min(elapsed * BUSY_EVENTS / events),
        Ok(0) => PACE,
        Ok(_) | Err(_) => Duration::ZERO,
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, TreeError> + Send + 'static,
) -> Result<T, TreeError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| TreeError::Cancelled)?
}

#[cfg(test)]
mod tests {
    use super::{BUSY_EVENTS, PACE, pause};
    use std::time::Duration;

    #[test]
    fn as_many_events_gather_as_a_log_remembers_and_none_waits_long() {
        let (busy, second) = (BUSY_EVENTS as usize, Duration::from_secs(1));
        assert_eq!(pause(3, second), PACE);
        assert_eq!(pause(busy / 2, Duration::from_millis(10)), Duration::from_millis(20));
        assert_eq!(pause(busy, second), Duration::ZERO);
        assert_eq!(pause(0, Duration::ZERO), PACE);
    }
}
