//! Following `$all`: one live subscription per process feeds the index, and everybody else is woken by it.

use scanledger_domain::BoxFuture;
use scanledger_domain::log::{LogError, Position, Recorded, Subscription};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

use crate::Shared;
use crate::envelope::Stored;
use crate::error::unavailable;
use crate::places::{Places, Seen, off_thread};
use crate::remote::Remote;

/// Events on their way from the server to the index.
const ON_THEIR_WAY: usize = 4_096;
/// Events that the index takes in with one transaction.
const TOGETHER: usize = 1_000;
/// Events that a subscription hands out at a time.
const PAGE: usize = 1_000;
/// How long to wait before following is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// Receives what the server sends, for ever: after a failure, on from the last event that the index has.
pub(crate) async fn follow(remote: Arc<dyn Remote>, places: Arc<Places>, reached: watch::Sender<Position>) {
    loop {
        let (sender, receiver) = mpsc::channel(ON_THEIR_WAY);
        let mut indexing = pin!(index(&places, receiver, &reached));
        let (received, indexed) = tokio::select! {
            // What was received when the server went away is still taken in.
            received = receive(&*remote, &places, sender) => (received, indexing.await),
            indexed = &mut indexing => (Ok(()), indexed),
        };
        for error in [received.err(), indexed.err()].into_iter().flatten() {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::warn!(%error, cause, "the event log is followed again from where that was");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Ends with an error of the server, or when nobody listens.
async fn receive(
    remote: &dyn Remote,
    places: &Arc<Places>,
    to: mpsc::Sender<Stored>,
) -> Result<(), LogError> {
    let mut following = remote.follow(resume_from(places).await?).await;
    loop {
        let event = following.next().await?;
        if to.send(event).await.is_err() {
            return Ok(());
        }
    }
}

/// The event after which following goes on.
async fn resume_from(places: &Arc<Places>) -> Result<Option<Position>, LogError> {
    let last = off_thread(places, Places::last).await?;
    Ok(last.map(|(position, _)| position))
}

/// Takes into the index what comes, as much as has come, and tells everybody.
async fn index(
    places: &Arc<Places>,
    mut from: mpsc::Receiver<Stored>,
    reached: &watch::Sender<Position>,
) -> Result<(), LogError> {
    let mut events = Vec::with_capacity(TOGETHER);
    while from.recv_many(&mut events, TOGETHER).await > 0 {
        let seen: Vec<Seen> = events.drain(..).map(|event| Seen::from(&event)).collect();
        let last = off_thread(places, move |places| places.put(&seen)).await?;
        reached.send_replace(last);
    }
    Ok(())
}

/// Pages of the log, woken by the index.
pub(crate) struct KurrentSubscription {
    shared: Arc<Shared>,
    reached: watch::Receiver<Position>,
    last: Position,
}

impl KurrentSubscription {
    pub(crate) fn new(shared: Arc<Shared>, after: Position) -> Self {
        let reached = shared.reached.clone();
        Self { shared, reached, last: after }
    }

    async fn page(&mut self) -> Result<Vec<Recorded>, LogError> {
        loop {
            if *self.reached.borrow_and_update() > self.last {
                let events = self.shared.all(self.last, PAGE).await?;
                // Nothing is awaited between here and the answer: a wait that is given up has taken nothing.
                if let Some(last) = events.last() {
                    self.last = last.position;
                    return Ok(events);
                }
            }
            if self.reached.changed().await.is_err() {
                return Err(unavailable("follow a log that is closed"));
            }
        }
    }
}

impl Subscription for KurrentSubscription {
    fn next(&mut self) -> BoxFuture<'_, Result<Vec<Recorded>, LogError>> {
        Box::pin(self.page())
    }
}

#[cfg(test)]
mod tests {
    use super::{index, resume_from};
    use crate::envelope::Stored;
    use crate::places::Places;
    use scanledger_domain::id::CommandId;
    use scanledger_domain::log::{Position, StreamName, Version};
    use scanledger_domain::time::Timestamp;
    use std::sync::Arc;
    use tokio::sync::{mpsc, watch};
    use uuid::Uuid;

    fn event(position: u64) -> Stored {
        Stored {
            position: Position(position),
            id: CommandId(Uuid::from_u128(u128::from(position))).event(0),
            stream: StreamName::stored("finding-1"),
            version: Version(1),
            kind: "finding.triaged".into(),
            schema: 1,
            data: vec![],
            metadata: vec![],
            created: Timestamp(0),
        }
    }

    #[tokio::test]
    async fn after_a_lost_connection_following_goes_on_behind_the_last_event() {
        let dir = tempfile::tempdir().unwrap();
        let places = Arc::new(Places::open(&dir.path().join("places.db"), Uuid::nil()).unwrap());
        assert_eq!(resume_from(&places).await.unwrap(), None);

        let (reached, seen) = watch::channel(Position::START);
        for (arriving, last) in [([10, 20], 20), ([20, 30], 30)] {
            let (sender, receiver) = mpsc::channel(8);
            for position in arriving {
                sender.send(event(position)).await.unwrap();
            }
            // The server goes away.
            drop(sender);
            index(&places, receiver, &reached).await.unwrap();
            assert_eq!(*seen.borrow(), Position(last));
            assert_eq!(resume_from(&places).await.unwrap(), Some(Position(last)));
        }
    }
}
