//! Keeping the tree up with the log.

use super::{Reached, Tree, TreeError};
use scanledger_domain::log::{EventLog, Position, Recorded};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Events read from the log at once.
const READ_EVENTS: usize = 2_000;
/// How long news may wait for more: one transaction for many commits of the log, and nobody waits for the tree.
const PACE: Duration = Duration::from_millis(200);
/// Events of one step after which there is no wait, because there are more.
const BUSY_EVENTS: usize = 1_000;
/// How long to wait before asking a log again that did not answer.
const RETRY: Duration = Duration::from_millis(500);

impl Tree {
    /// Makes sure that the log holds, where the tree ends, the event that it ends with; empties the tree if not.
    /// Answers whether it had to. One read.
    ///
    /// # Errors
    /// When log or file cannot be read.
    pub async fn fit(&self, log: &dyn EventLog) -> Result<bool, TreeError> {
        let writer = self.shared.writer.as_ref().ok_or(TreeError::ReadOnly)?;
        let (Reached { position, .. }, last) = {
            let writer = writer.lock();
            (writer.reached(), writer.last_event())
        };
        if position == Position::START {
            return Ok(false);
        }
        let there = log.read_all(Position(position.0 - 1), 1).await?;
        let fits = there.first().is_some_and(|event| event.position == position && Some(event.id.0) == last);
        if !fits {
            tracing::warn!("the log no longer has the event that the tree ends with: the tree is built anew");
            let tree = self.clone();
            blocking(move || tree.clear()).await?;
        }
        Ok(!fits)
    }

    /// Follows the log until `stop` changes or the file cannot be written.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn run(
        &self,
        log: Arc<dyn EventLog>,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), TreeError> {
        let mut told = self.reached().position;
        let mut subscription = log.subscribe(told);
        loop {
            let batch = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return Ok(()),
                batch = subscription.next() => batch,
            };
            let pause = match batch {
                Ok(batch) => {
                    let pause = if batch.len() < BUSY_EVENTS { PACE } else { Duration::ZERO };
                    let last = batch.last().map_or(told, |event| event.position);
                    if !self.add(told, batch).await? {
                        // Somebody emptied it meanwhile.
                        self.catch_up(&*log).await?;
                    }
                    told = last;
                    pause
                }
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
    /// When the log cannot be read or the file cannot be written.
    pub async fn catch_up(&self, log: &dyn EventLog) -> Result<Reached, TreeError> {
        loop {
            let after = self.reached().position;
            let batch = log.read_all(after, READ_EVENTS).await?;
            if batch.is_empty() {
                return Ok(self.reached());
            }
            self.add(after, batch).await?;
        }
    }

    async fn add(&self, after: Position, batch: Vec<Recorded>) -> Result<bool, TreeError> {
        let tree = self.clone();
        blocking(move || tree.append(after, &batch)).await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, TreeError> + Send + 'static,
) -> Result<T, TreeError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| TreeError::Cancelled)?
}
