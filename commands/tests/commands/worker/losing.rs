//! A log that loses its last events under running workers: scans that wait then are taken all the same.

use super::{Held, completed};
use crate::support::World;
use scanledger_commands::Ledger;
use scanledger_domain::BoxFuture;
use scanledger_domain::id::EventId;
use scanledger_domain::log::{
    Append, AppendError, Appended, EventLog, LogError, Position, Recorded, StreamName, Subscription, Version,
};
use scanledger_domain::scanning::{Outcome, ScannerKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use uuid::Uuid;

/// The real log, of which whoever asks first has seen more than there is.
struct Losing {
    log: Arc<dyn EventLog>,
    /// So many events, until they are lost.
    more: AtomicU64,
}

impl EventLog for Losing {
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
        Box::pin(async {
            let Position(head) = self.log.head().await?;
            Ok(Position(head + self.more.swap(0, Ordering::SeqCst)))
        })
    }

    fn subscribe(&self, after: Position) -> Box<dyn Subscription> {
        Box::new(Follower { log: Arc::clone(&self.log), inner: self.log.subscribe(after), after })
    }
}

struct Follower {
    log: Arc<dyn EventLog>,
    inner: Box<dyn Subscription>,
    after: Position,
}

impl Subscription for Follower {
    fn next(&mut self) -> BoxFuture<'_, Result<Vec<Recorded>, LogError>> {
        Box::pin(async {
            if self.after > self.log.head().await? {
                return Err(LogError::Diverged { position: self.after });
            }
            self.inner.next().await
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn scans_that_wait_when_the_log_has_lost_its_end_are_taken() {
    let mut world = World::new();
    let project = world.project("shop").await;
    let waits = world.queue(project, "main", &[("a", "b")]).await;
    world.ledger = Ledger::new(Arc::new(Losing { log: Arc::clone(&world.log), more: AtomicU64::new(1_000) }));
    let pool = world.pool(1, vec![Held::free(ScannerKind::Secrets, Outcome::default())]).await;
    completed(&world, waits).await;
    let queued = world.queue(project, "main", &[("a", "c")]).await;
    completed(&world, queued).await;
    pool.shutdown().await;
}
