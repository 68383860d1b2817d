//! The suite that every event log passes, on PostgreSQL.

use crate::database::Database;
use scanledger_conformance::{Harness, conformance_tests};
use scanledger_domain::BoxFuture;
use scanledger_domain::log::EventLog;
use scanledger_domain::time::Clock;
use scanledger_log_postgres::PostgresLog;
use std::sync::Arc;

impl Harness for Database {
    fn open(&self, clock: Arc<dyn Clock>) -> BoxFuture<'_, Arc<dyn EventLog>> {
        Box::pin(async move {
            let log = PostgresLog::open(self.url(), clock).await.expect("the log can be opened");
            Arc::new(log) as Arc<dyn EventLog>
        })
    }
}

conformance_tests!(Database::create().await);
