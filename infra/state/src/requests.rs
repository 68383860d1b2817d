//! Bodies of requests that came with an idempotency key.

use crate::store::RequestRows;
use crate::{StateError, failed};
use scanledger_commands::ports::{IdempotencyStore, Seen};
use scanledger_domain::id::CommandId;
use scanledger_domain::time::Timestamp;
use scanledger_domain::{BoxFuture, Cause};
use std::sync::Arc;
use std::time::Duration;

/// How long the body of a request is remembered. The command itself is known to the log for ever; what is forgotten
/// is only that another body under the same key is another request.
pub const REQUEST_MEMORY: Duration = Duration::from_secs(24 * 60 * 60);

/// Remembers the hash of each body, with the time of the store.
pub struct Requests {
    rows: Arc<dyn RequestRows>,
}

impl Requests {
    pub(crate) fn new(rows: Arc<dyn RequestRows>) -> Self {
        Self { rows }
    }

    /// Drops what is older than [`REQUEST_MEMORY`] at `now`, and answers how many.
    pub(crate) fn forget(&self, now: Timestamp) -> Result<u64, StateError> {
        let age = i64::try_from(REQUEST_MEMORY.as_micros()).expect("a day has few enough microseconds");
        self.rows.forget(now, age).map_err(failed("forget old requests"))
    }
}

impl IdempotencyStore for Requests {
    fn remember(&self, command: CommandId, body: [u8; 32]) -> BoxFuture<'_, Result<Seen, Cause>> {
        let remembered = self.rows.remember(command, body);
        Box::pin(async move { Ok(remembered.await.map_err(failed("remember a request"))?) })
    }
}
