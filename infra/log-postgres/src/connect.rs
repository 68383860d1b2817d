//! Connections: how each is set up, and how long anything may take on it.

use crate::error::too_late;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};
use std::time::Duration;

/// How long a caller waits for a server that is out of reach, before it hears that the log is not available.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);

/// How long the server works on one group of appends. Other nodes wait for no longer than that, too.
pub(crate) const APPEND: Duration = Duration::from_secs(10);

/// How long an appender waits for the row that another one holds.
const LOCK: Duration = Duration::from_secs(5);

/// How long the server works on one read.
pub(crate) const READ: Duration = Duration::from_secs(30);

/// How long a short read goes on without any further part of its answer, before the connection is taken for dead.
pub(crate) const ANSWER: Duration = Duration::from_secs(5);

/// The same for the first part of any answer on a connection that was used before. A server that vanished closes
/// nothing, and its connections say nothing for ever; within [`PATIENCE`] there has to be time for a fresh one.
pub(crate) const FIRST_WORD: Duration = Duration::from_secs(2);

/// How long a connection may keep a transaction open in which it does nothing.
const IDLE_TRANSACTION: Duration = Duration::from_secs(10);

/// How much longer than the server a client waits for the answer, before it takes the connection for dead.
pub(crate) const TRANSFER: Duration = Duration::from_secs(2);

/// The first and the longest pause between two attempts to reach the server.
pub(crate) const PAUSES: [Duration; 2] = [Duration::from_millis(20), Duration::from_millis(500)];

/// Options of a connection on which a statement may take as long as `statement`.
///
/// Plans are made once and read indexes: every statement here is served by one, and a plan that was made while the
/// log was small must not become a scan of the whole log when it is large. Isolation is what `append_parts` is
/// written for, whatever the database's default is.
pub(crate) fn options(base: &PgConnectOptions, statement: Duration) -> PgConnectOptions {
    let millis = |duration: Duration| duration.as_millis().to_string();
    let settings = [
        ("statement_timeout", millis(statement)),
        ("lock_timeout", millis(LOCK)),
        ("idle_in_transaction_session_timeout", millis(IDLE_TRANSACTION)),
        ("default_transaction_isolation", "read committed".to_owned()),
        ("plan_cache_mode", "force_generic_plan".to_owned()),
        ("enable_seqscan", "off".to_owned()),
        ("enable_bitmapscan", "off".to_owned()),
        ("max_parallel_workers_per_gather", "0".to_owned()),
        ("jit", "off".to_owned()),
    ];
    base.clone().options(settings).disable_statement_logging()
}

/// Connects, or fails within a few seconds.
pub(crate) async fn connect(options: &PgConnectOptions) -> sqlx::Result<PgConnection> {
    within(CONNECT, PgConnection::connect_with(options)).await
}

/// As [`connect`], for appending: a commit waits for the disk, also where the database's default is not to.
pub(crate) async fn connect_writer(options: &PgConnectOptions) -> sqlx::Result<PgConnection> {
    let mut connection = connect(options).await?;
    let durable = sqlx::query(
        "SELECT set_config('synchronous_commit', 'on', false) \
         WHERE current_setting('synchronous_commit') = 'off'",
    );
    within(CONNECT, durable.execute(&mut connection)).await?;
    Ok(connection)
}

/// What the server needs at most `limit` for; fails if the answer is not here a little later.
pub(crate) async fn within<T>(
    limit: Duration,
    answer: impl Future<Output = sqlx::Result<T>>,
) -> sqlx::Result<T> {
    heard(limit + TRANSFER, answer).await
}

/// Fails if the answer is not here in time.
pub(crate) async fn heard<T>(
    limit: Duration,
    answer: impl Future<Output = sqlx::Result<T>>,
) -> sqlx::Result<T> {
    tokio::time::timeout(limit, answer).await.unwrap_or_else(|_| Err(too_late()))
}
