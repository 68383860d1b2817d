//! `scanledger-log-postgres`, as a node opens it.

use crate::contender::Store;
use crate::{DATA_BYTES, METADATA_BYTES, Result, STREAMS};
use scanledger_domain::id::{CommandId, EventId};
use scanledger_domain::limits::BATCH_EVENTS;
use scanledger_domain::log::{Append, EventLog, NewEvent, StreamName, Version};
use scanledger_domain::time::{Clock, Timestamp};
use scanledger_log_postgres::PostgresLog;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;
use uuid::Uuid;

struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "a bench has no clock passed in")]
        let now = std::time::SystemTime::now();
        let micros = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        Timestamp(i64::try_from(micros).unwrap_or(i64::MAX))
    }
}

pub(crate) struct Ours {
    log: PostgresLog,
    metadata: Arc<[u8]>,
    versions: Vec<AtomicU64>,
    ids: AtomicU64,
}

impl Ours {
    /// Opens a log in the empty database at `url` and fills it.
    pub(crate) async fn prepare(url: &str) -> Result<Self> {
        let log = PostgresLog::open(url, Arc::new(SystemClock)).await?;
        let ours = Self {
            log,
            metadata: Arc::from([b'm'; METADATA_BYTES]),
            versions: (0..STREAMS).map(|_| AtomicU64::new(0)).collect(),
            ids: AtomicU64::new(0),
        };
        for first in (0..STREAMS).step_by(BATCH_EVENTS) {
            let streams = first..STREAMS.min(first + BATCH_EVENTS);
            ours.log.append(streams.map(|stream| ours.one(stream)).collect()).await?;
        }
        Ok(ours)
    }

    fn one(&self, stream: usize) -> Append {
        let expected = Version(self.versions[stream].fetch_add(1, Ordering::Relaxed));
        let id = spread(self.ids.fetch_add(1, Ordering::Relaxed));
        let event = NewEvent {
            id,
            kind: "bench.appended",
            schema: 1,
            data: vec![b'd'; DATA_BYTES],
            metadata: Arc::clone(&self.metadata),
        };
        Append { stream: StreamName::new("bench", name(stream)), expected, events: vec![event] }
    }
}

impl Store for Ours {
    async fn append(&self, stream: usize) -> Result<u64> {
        self.log.append(vec![self.one(stream)]).await?;
        Ok(0)
    }

    fn commits(&self) -> Option<u64> {
        Some(self.log.stats().groups)
    }
}

/// The id of stream number `stream`, spread as real ids are.
pub(crate) fn name(stream: usize) -> Uuid {
    spread(u64::MAX - stream as u64).0
}

/// An id as commands make them.
fn spread(number: u64) -> EventId {
    CommandId(Uuid::from_u128(u128::from(number))).event(0)
}
