//! The suite that every event log passes, on SQLite.

use scanledger_conformance::{Harness, conformance_tests};
use scanledger_domain::BoxFuture;
use scanledger_domain::log::EventLog;
use scanledger_domain::time::Clock;
use scanledger_log_sqlite::SqliteLog;
use std::sync::Arc;
use tempfile::TempDir;

/// A log in a folder of its own.
struct InFolder(TempDir);

impl InFolder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder can be made"))
    }
}

impl Harness for InFolder {
    fn open(&self, clock: Arc<dyn Clock>) -> BoxFuture<'_, Arc<dyn EventLog>> {
        let log = SqliteLog::open(&self.0.path().join("log.db"), clock).expect("the log can be opened");
        Box::pin(std::future::ready(Arc::new(log) as Arc<dyn EventLog>))
    }
}

conformance_tests!(InFolder::new());
