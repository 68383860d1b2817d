//! The store in a schema of a PostgreSQL database, shared by several nodes.
//!
//! Locks are rows and never sessions: what a node held that vanished lapses by time. Every statement names the
//! schema, so that no search path decides what is meant.

mod checkpoints;
mod clock;
mod document_calls;
mod key_uses;
mod keys;
mod leases;
mod requests;
mod schema;
mod sweeping;
mod thread;
mod watch;

pub use thread::Outage;

use crate::ERASURE_DELAY;
use crate::store::Store;
use clock::Difference;
use scanledger_domain::{Cause, OutOfReach};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgPool};
use std::error::Error;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use sweeping::Swept;
use thread::PgThread;
use watch::Watch;

/// How long a call may take before its caller gets an [`Outage`].
const CALL: Duration = Duration::from_secs(5);

/// How long a call may take that reads or writes all keys.
const LONG_CALL: Duration = Duration::from_secs(10 * 60);

/// How long deleted keys may take to leave the files.
const SWEEP: Duration = Duration::from_secs(60);

/// Rows that are written with one statement.
const ROWS: usize = 1_000;

/// A connection to the database.
pub(crate) struct PgStore {
    thread: PgThread,
    watch: Arc<Watch>,
    /// Between the callers' clock and the database's.
    difference: Difference,
    /// The log says already that deleted keys are still in the files.
    is_unswept: AtomicBool,
}

impl PgStore {
    /// Connects, and makes or migrates the schema.
    pub(crate) async fn connect(url: &str) -> Result<Self, Cause> {
        let options = options(url)?;
        let watch = Arc::new(Watch::default());
        let thread = PgThread::start(options.clone(), Arc::clone(&watch))?;
        // The pool tries again until it is late, and then says no more than that.
        thread.call_async(CALL, move |_| async move { Ok(options.connect().await?.close().await?) }).await?;
        thread.call_async(LONG_CALL, |pool| async move { schema::migrate(&pool).await }).await?;
        Ok(Self { thread, watch, difference: Difference::default(), is_unswept: AtomicBool::new(false) })
    }

    /// What `work` answers; blocks until then.
    fn call<T, F, Fut>(&self, work: F) -> Result<T, Cause>
    where
        T: Send + 'static,
        F: FnOnce(PgPool) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, Cause>> + Send + 'static,
    {
        self.thread.call(CALL, work)
    }

    /// The count of erasures, from memory as long as that is young enough.
    fn count_erasures(&self) -> Result<i64, Cause> {
        if let Some(known) = self.watch.known().map_err(|outage| OutOfReach(outage.into()))? {
            return Ok(known);
        }
        let asked = Instant::now();
        let erasures = self.thread.call(ERASURE_DELAY, |pool| async move { watch::read(&pool).await })?;
        self.watch.saw(erasures, asked);
        Ok(erasures)
    }
}

impl Store for PgStore {
    /// Nothing waits for it, and nothing fails with it: the keys are deleted, and their remains open with the server's
    /// key alone.
    fn sweep(&self) -> Result<(), Cause> {
        match self.thread.call(SWEEP, sweeping::sweep) {
            Ok(Swept::TooLarge(table)) => {
                self.is_unswept.store(false, Ordering::Relaxed);
                tracing::warn!(
                    table,
                    "deleted keys stay in the files of a table that takes too long to be written anew beside running \
                     nodes: run VACUUM FULL on it in a quiet hour"
                );
            }
            Ok(Swept::Gone) => {
                self.is_unswept.store(false, Ordering::Relaxed);
                tracing::info!("deleted keys have left the files of the database");
            }
            Ok(Swept::Nothing) => {
                if self.is_unswept.swap(false, Ordering::Relaxed) {
                    tracing::info!(
                        "another node has seen to deleted keys in the files of the database; its log says whether they have left"
                    );
                }
            }
            Err(cause) => {
                if !self.is_unswept.swap(true, Ordering::Relaxed) {
                    tracing::warn!(
                        "deleted keys are in the files of the database until it works to write these anew: {}",
                        chain(&*cause)
                    );
                }
            }
        }
        Ok(())
    }
}

/// An error and its causes in one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}

/// Whether somebody has made the schema and keys in it.
pub(crate) async fn is_set_up(url: &str) -> Result<bool, Cause> {
    let options = options(url)?;
    let thread = PgThread::start(options, Arc::new(Watch::default()))?;
    thread.call_async(CALL, |pool| async move { schema::is_set_up(&pool).await }).await
}

/// What every connection is opened with. A statement that takes too long, and a transaction that its client has
/// forgotten, end on the server's side too, so that nobody waits for their locks.
fn options(url: &str) -> Result<PgConnectOptions, Cause> {
    let options = PgConnectOptions::from_str(url)?;
    Ok(options.application_name("scanledger-state").options([
        ("statement_timeout", "10s"),
        ("lock_timeout", "4s"),
        ("idle_in_transaction_session_timeout", "10s"),
    ]))
}
