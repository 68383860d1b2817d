//! The real log, made to write a stream at a time and to crash, and a clock that can be put forward.

use parking_lot::Mutex;
use scanledger_domain::BoxFuture;
use scanledger_domain::id::EventId;
use scanledger_domain::log::{
    Append, AppendError, Appended, EventLog, InvalidBatch, LogError, Position, Recorded, StreamName,
    Subscription, Version,
};
use scanledger_domain::time::{Clock, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use uuid::Uuid;

/// What happens while the writer is between two appends.
pub type Meanwhile = BoxFuture<'static, ()>;

/// The real log, as one that writes a stream at a time; it fails after a number of appends, and something may
/// happen before one of them.
pub struct OneAtATime {
    pub log: Arc<dyn EventLog>,
    pub appends_left: AtomicU32,
    pub meanwhile: Mutex<Option<(u32, Meanwhile)>>,
}

impl EventLog for OneAtATime {
    fn identity(&self) -> Uuid {
        self.log.identity()
    }

    fn is_atomic_over_streams(&self) -> bool {
        false
    }

    fn append(&self, batch: Vec<Append>) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move {
            if batch.len() > 1 {
                return Err(InvalidBatch::SeveralStreams.into());
            }
            let left = self.appends_left.load(Ordering::Relaxed);
            if left == 0 {
                let doing = "append after the crash";
                return Err(LogError::Unavailable { doing, source: None }.into());
            }
            self.appends_left.store(left - 1, Ordering::Relaxed);
            let due = self.meanwhile.lock().take_if(|(at, _)| *at == left);
            if let Some((_, meanwhile)) = due {
                meanwhile.await;
            }
            self.log.append(batch).await
        })
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
        self.log.subscribe(after)
    }
}

/// The world's clock, some seconds ahead.
pub struct Ahead(pub Arc<dyn Clock>, pub Arc<AtomicI64>);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        self.0.now().plus_seconds(self.1.load(Ordering::Relaxed))
    }
}
