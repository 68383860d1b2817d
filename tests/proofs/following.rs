//! The tree over a log that seems to have another history for a while, as one does whose server was put back.

use crate::signing::{PATIENCE, Place, reached};
use scanledger::proofs::Schedule;
use scanledger_commands::proof::Standing;
use scanledger_domain::BoxFuture;
use scanledger_domain::id::EventId;
use scanledger_domain::log::{
    Append, AppendError, Appended, EventLog, LogError, Position, Recorded, StreamName, Subscription, Version,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use uuid::Uuid;

/// The real log; whoever follows it may be told that it has another history.
struct Doubtful {
    log: Arc<dyn EventLog>,
    doubts: watch::Sender<u32>,
    /// How often somebody began to follow it.
    followed: watch::Sender<u32>,
}

impl EventLog for Doubtful {
    fn identity(&self) -> Uuid {
        self.log.identity()
    }

    fn append(&self, batch: Vec<Append>) -> BoxFuture<'_, Result<Appended, AppendError>> {
        self.log.append(batch)
    }

    fn read_stream<'a>(
        &'a self,
        stream: &'a StreamName,
        after: Version,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Recorded>, LogError>> {
        self.log.read_stream(stream, after, limit)
    }

    fn read_all(&self, after: Position, limit: usize) -> BoxFuture<'_, Result<Vec<Recorded>, LogError>> {
        self.log.read_all(after, limit)
    }

    fn find(&self, id: EventId) -> BoxFuture<'_, Result<Option<Position>, LogError>> {
        self.log.find(id)
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, LogError>> {
        self.log.head()
    }

    fn subscribe(&self, after: Position) -> Box<dyn Subscription> {
        self.followed.send_modify(|times| *times += 1);
        Box::new(Follower { inner: self.log.subscribe(after), after, doubts: self.doubts.subscribe() })
    }
}

struct Follower {
    inner: Box<dyn Subscription>,
    after: Position,
    doubts: watch::Receiver<u32>,
}

impl Subscription for Follower {
    fn next(&mut self) -> BoxFuture<'_, Result<Vec<Recorded>, LogError>> {
        Box::pin(async {
            tokio::select! {
                biased;
                Ok(()) = self.doubts.changed() => Err(LogError::Diverged { position: self.after }),
                batch = self.inner.next() => batch,
            }
        })
    }
}

#[tokio::test]
async fn a_tree_follows_the_log_again_once_that_is_found_to_be_what_was_hashed() {
    let mut place = Place::new();
    place.append(20).await;
    let log = Arc::new(Doubtful {
        log: place.log(),
        doubts: watch::Sender::default(),
        followed: watch::Sender::default(),
    });
    let proofs = place.proofs_over(Arc::clone(&log) as _).await;
    let (stop, stopped) = watch::channel(false);
    let often = Duration::from_millis(20);
    let running = proofs.spawn(Schedule { events: 1_000, every: often, examine: often }, stopped);
    reached(&proofs, "audit_tree_leaves", 20).await;
    let mut followed = log.followed.subscribe();
    for times in 1..=3 {
        let again = followed.wait_for(|followed| *followed == times);
        tokio::time::timeout(PATIENCE, again).await.expect("the tree follows the log").unwrap();
        if times < 3 {
            log.doubts.send_modify(|doubts| *doubts += 1);
        }
    }
    place.append(5).await;
    reached(&proofs, "audit_tree_leaves", 25).await;
    assert!(matches!(proofs.standing(), Standing::Sound { .. }), "{:?}", proofs.standing());
    stop.send_replace(true);
    running.await.unwrap();
}
