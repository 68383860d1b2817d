//! The thread that talks to the database, so that callers may wait for it without a runtime, or inside any.

use super::watch::{self, Watch};
use scanledger_domain::{BoxFuture, Cause, OutOfReach};
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Connections of one process. Calls are short, and reads of keys come from memory.
const CONNECTIONS: u32 = 4;

/// How long a call waits for a connection, which includes making one.
const CONNECT: Duration = Duration::from_secs(3);

/// How long the end waits for connections to be closed.
const FAREWELL: Duration = Duration::from_secs(1);

/// The database of the state store cannot be reached at the moment. Later it may; nothing has to be opened anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Outage {
    /// It did not answer in time. What was to be written may have been written.
    #[error("the database of the state store did not answer within {} s", .0.as_secs_f32())]
    TooSlow(Duration),
    /// It was asked a moment ago and did not answer.
    #[error("the database of the state store does not answer")]
    Down,
    /// The thread that talks to it has ended.
    #[error("the connection to the state store was closed")]
    Closed,
}

type Job = Box<dyn FnOnce(PgPool) -> BoxFuture<'static, ()> + Send>;

/// The way to the thread. Dropping it ends the thread and closes its connections.
pub(super) struct PgThread {
    jobs: Option<mpsc::UnboundedSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl PgThread {
    /// Starts the thread; it connects when it is first asked.
    pub(super) fn start(options: PgConnectOptions, watch: Arc<Watch>) -> Result<Self, Cause> {
        // Not bounded, because each caller waits for its answer before it asks again.
        let (jobs, inbox) = mpsc::unbounded_channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new()
            .name("state-postgres".to_owned())
            .spawn(move || runtime.block_on(serve(options, inbox, watch)))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// What `work` answers within `limit`; blocks until then.
    pub(super) fn call<T, F, Fut>(&self, limit: Duration, work: F) -> Result<T, Cause>
    where
        T: Send + 'static,
        F: FnOnce(PgPool) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, Cause>> + Send + 'static,
    {
        let (answer, answered) = std::sync::mpsc::sync_channel(1);
        self.hand_over(limit, work, move |result| {
            // A caller cannot go away, since it blocks.
            let _ = answer.send(result);
        })
        .map_err(|outage| OutOfReach(outage.into()))?;
        answered.recv().unwrap_or_else(|_| Err(Outage::Closed.into())).map_err(in_reach_or_not)
    }

    /// What `work` answers within `limit`.
    pub(super) async fn call_async<T, F, Fut>(&self, limit: Duration, work: F) -> Result<T, Cause>
    where
        T: Send + 'static,
        F: FnOnce(PgPool) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, Cause>> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        self.hand_over(limit, work, move |result| {
            // A caller that went away wants no answer; the work is done all the same.
            let _ = answer.send(result);
        })
        .map_err(|outage| OutOfReach(outage.into()))?;
        answered.await.unwrap_or_else(|_| Err(Outage::Closed.into())).map_err(in_reach_or_not)
    }

    fn hand_over<T, F, Fut>(
        &self,
        limit: Duration,
        work: F,
        answer: impl FnOnce(Result<T, Cause>) + Send + 'static,
    ) -> Result<(), Outage>
    where
        T: Send + 'static,
        F: FnOnce(PgPool) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, Cause>> + Send + 'static,
    {
        let job: Job = Box::new(move |pool| {
            Box::pin(async move {
                let result = tokio::time::timeout(limit, work(pool)).await;
                answer(result.unwrap_or_else(|_| Err(Outage::TooSlow(limit).into())));
            })
        });
        let jobs = self.jobs.as_ref().ok_or(Outage::Closed)?;
        jobs.send(job).map_err(|_| Outage::Closed)
    }
}

/// SQLSTATEs, and the beginnings of such, that say nothing about the request: the connection or the server has gone,
/// is starting, is a standby or has no room, or it took too long.
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
const PASSING: [&str; 9] = ["08", "53", "57P", "57014", "55P03", "25006", "25P03", "25P04", "40"];

/// Says of a cause, if it is so, that the same may work later.
fn in_reach_or_not(cause: Cause) -> Cause {
    let is_passing = match cause.downcast_ref::<sqlx::Error>() {
        Some(
            sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut,
        ) => true,
        Some(sqlx::Error::Database(error)) => {
            error.code().is_some_and(|code| PASSING.iter().any(|passing| code.starts_with(passing)))
        }
        Some(_) => false,
        None => cause.is::<Outage>(),
    };
    if is_passing { OutOfReach(cause).into() } else { cause }
}

impl Drop for PgThread {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // If it panicked, its callers were told by their missing answers.
            let _ = thread.join();
        }
    }
}

async fn serve(options: PgConnectOptions, mut inbox: mpsc::UnboundedReceiver<Job>, watch: Arc<Watch>) {
    let pool =
        PgPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(CONNECT).connect_lazy_with(options);
    let watching = tokio::spawn(watch::keep_looking(pool.clone(), watch));
    while let Some(job) = inbox.recv().await {
        tokio::spawn(job(pool.clone()));
    }
    watching.abort();
    // A connection that cannot be closed in time is cut.
    let _ = tokio::time::timeout(FAREWELL, pool.close()).await;
}
