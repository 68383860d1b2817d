//! The store in one SQLite file.

mod checkpoints;
mod document_calls;
mod key_uses;
mod keys;
mod leases;
mod requests;
mod schema;

use crate::store::Store;
use parking_lot::Mutex;
use rusqlite::Connection;
use scanledger_domain::Cause;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long an erasure waits for readers of other processes before it leaves the emptying of the write-ahead log
/// for later.
const SWEEP: Duration = Duration::from_secs(1);

/// An open file.
pub(crate) struct SqliteStore {
    /// The vault has a connection of its own, because it is asked on every request and must not wait for another
    /// table's sync to disk.
    keys: Mutex<Connection>,
    /// What leases, last-used times, counts, checkpoints and requests share.
    rest: Arc<Mutex<Connection>>,
    /// The write-ahead log may hold keys that were deleted. True at first: a process may have ended in between.
    is_unswept: AtomicBool,
}

impl SqliteStore {
    /// Opens the file, and makes or migrates it.
    pub(crate) fn open(path: &Path) -> Result<Self, Cause> {
        let keys = Mutex::new(schema::open(path)?);
        let rest = Arc::new(Mutex::new(schema::open(path)?));
        Ok(Self { keys, rest, is_unswept: AtomicBool::new(true) })
    }

    /// Empties the write-ahead log, whose older pages hold keys that were deleted since. If a reader of another
    /// process is in the way, [`Store::sweep`] does it later.
    fn empty_wal(&self, connection: &Connection) -> rusqlite::Result<()> {
        self.is_unswept.store(true, Ordering::Relaxed);
        connection.busy_timeout(SWEEP)?;
        let is_busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
        connection.busy_timeout(schema::BUSY)?;
        self.is_unswept.store(is_busy?, Ordering::Relaxed);
        Ok(())
    }
}

impl Store for SqliteStore {
    fn sweep(&self) -> Result<(), Cause> {
        if self.is_unswept.load(Ordering::Relaxed) {
            self.empty_wal(&self.keys.lock())?;
        }
        Ok(())
    }
}
