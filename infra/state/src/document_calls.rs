//! How often organizations had documents searched: counted in memory on every request, written now and then.

use crate::store::{CallRow, CallRows};
use crate::{StateError, failed};
use parking_lot::{Mutex, RwLock};
use scanledger_domain::id::OrganizationId;
use scanledger_domain::time::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;

type Calls = HashMap<(OrganizationId, i32), u64>;

/// Requests of organizations by day. What was counted since the last [`DocumentCalls::flush`] is lost in a crash, and
/// other nodes do not know it yet.
pub struct DocumentCalls {
    rows: Arc<dyn CallRows>,
    counted: Mutex<Calls>,
    /// Held by readers, and alone while what was counted moves from memory to the store: else they would see it in
    /// both, or in neither.
    moving: RwLock<()>,
}

impl DocumentCalls {
    pub(crate) fn new(rows: Arc<dyn CallRows>) -> Self {
        Self { rows, counted: Mutex::default(), moving: RwLock::default() }
    }

    /// Counts a request at `at`. In memory only, for the request path.
    pub fn note(&self, organization: OrganizationId, at: Timestamp) {
        *self.counted.lock().entry((organization, day_of(at))).or_default() += 1;
    }

    /// How many requests an organization had from the day of `since` on. Blocks.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn count(&self, organization: OrganizationId, since: Timestamp) -> Result<u64, StateError> {
        let first = day_of(since);
        let _still = self.moving.read();
        let stored = self.rows.sum(organization, first).map_err(failed("count searched documents"))?;
        let counted = self.counted.lock();
        let own = counted.iter().filter(|((whose, day), _)| *whose == organization && *day >= first);
        Ok(stored + own.map(|(_, calls)| calls).sum::<u64>())
    }

    /// Adds what was counted since the last time to the store, in one transaction. Blocks.
    ///
    /// # Errors
    /// When the store cannot be written; the counts are then kept for the next flush.
    pub fn flush(&self) -> Result<(), StateError> {
        let _alone = self.moving.write();
        let counted: Vec<CallRow> = {
            let counted = self.counted.lock();
            let row = |(&(organization, day), &calls): (&(OrganizationId, i32), &u64)| CallRow {
                organization,
                day,
                calls,
            };
            counted.iter().map(row).collect()
        };
        if counted.is_empty() {
            return Ok(());
        }
        self.rows.add(&counted).map_err(failed("write how many documents were searched"))?;
        let mut left = self.counted.lock();
        for CallRow { organization, day, calls } in counted {
            if let Some(now) = left.get_mut(&(organization, day)) {
                *now -= calls;
            }
        }
        left.retain(|_, calls| *calls > 0);
        Ok(())
    }

    /// Drops the days before that of `since`. Blocks.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn forget(&self, since: Timestamp) -> Result<(), StateError> {
        self.rows.forget(day_of(since)).map_err(failed("forget how many documents were searched"))
    }
}

/// Days since 1970.
fn day_of(at: Timestamp) -> i32 {
    i32::try_from(at.day()).unwrap_or(if at.0 < 0 { i32::MIN } else { i32::MAX })
}
