//! The event log on PostgreSQL, with group commit over several nodes.
//!
//! One task per process appends. Callers hand it their requests over a bounded channel, unless there is nobody else,
//! in which case the caller does it. The task takes everything that waits and writes it with one call of a function in
//! the database, which takes the one row under which positions are given out, checks the streams, inserts and commits.
//! So the row is held for no round trip, positions are contiguous, and a reader never sees one before the one below it.
//! Any number of nodes may append to one log.
//!
//! A server that is out of reach for a moment is waited for; nothing that was acknowledged is lost and nothing is
//! written twice, because event ids are unique. Needs a tokio runtime with time and IO. Made for PostgreSQL 14 and
//! later.

mod announce;
mod appender;
mod connect;
mod error;
mod import;
mod news;
mod reader;
mod schema;
mod subscription;

pub use schema::Unusable;

use crate::appender::{Appender, Message, Request, Way};
use crate::connect::{APPEND, PATIENCE, connect, options};
use crate::error::{broken, failed, unavailable};
use crate::news::News;
use crate::reader::{Extent, Readers};
use crate::subscription::PostgresSubscription;
use scanledger_domain::BoxFuture;
use scanledger_domain::id::EventId;
use scanledger_domain::log::{
    Append, AppendError, Appended, EventLog, FoundOrRead, ImportError, ImportLog, LogCounters, LogError,
    LogStats, Position, Recorded, StreamName, Subscription, Version,
};
use scanledger_domain::time::Clock;
use sqlx::Connection;
use sqlx::postgres::PgConnectOptions;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

/// Requests that may wait for the appender before callers wait to hand theirs over.
const WAITING_REQUESTS: usize = 1_024;

/// How much longer than the appender a caller waits, in case that the appender itself hangs on a dead connection.
const GRACE: Duration = Duration::from_millis(500);

/// An event log in the schema `scanledger_log` of a PostgreSQL database.
///
/// Dropping it finishes the requests in hand, in the background.
pub struct PostgresLog {
    identity: Uuid,
    readers: Arc<Readers>,
    news: Arc<News>,
    counters: Arc<LogCounters>,
    /// None for a log that was opened for reading.
    appending: Option<Appending>,
    /// What hears of other nodes' events; ends with the log.
    _followers: JoinSet<()>,
}

/// The way to the appender, and what an import needs.
struct Appending {
    way: Way,
    options: PgConnectOptions,
}

impl PostgresLog {
    /// Opens the log in the database at `url` (`postgres://user:password@host:port/database`, with the parameters
    /// that libpq knows) for reading and appending, and makes it if there is none.
    ///
    /// # Errors
    /// [`LogError::Unavailable`] when the server cannot be reached, [`LogError::Broken`] with [`Unusable`] as its
    /// source when the log was made by a newer version, and with the driver's error in other cases. No error shows
    /// the password.
    pub async fn open(url: &str, clock: Arc<dyn Clock>) -> Result<Self, LogError> {
        let base = parse(url)?;
        let identity = schema::open(&base).await?;
        let mut log = Self::reading(identity, &base).await?;
        let options = options(&base, APPEND);
        let news = Arc::clone(&log.news);
        let (committed, to_announce) = watch::channel(Position::START);
        let appender = Appender::new(options.clone(), clock, news, committed, Arc::clone(&log.counters));
        let way = Way::new(appender, WAITING_REQUESTS);
        tokio::spawn(announce::announce(base, to_announce));
        log.appending = Some(Appending { way, options });
        Ok(log)
    }

    /// Opens the log in the database at `url` for reading, beside servers that may be appending to it. The database
    /// may be a standby.
    ///
    /// Appending answers [`LogError::Unavailable`].
    ///
    /// # Errors
    /// As [`PostgresLog::open`]; also, with [`Unusable::Older`], when there is no log.
    pub async fn open_read_only(url: &str) -> Result<Self, LogError> {
        let base = parse(url)?;
        let identity = schema::open_read_only(&base).await?;
        Self::reading(identity, &base).await
    }

    /// Connects to the server at `url` and says goodbye: whether a log could be opened there now.
    ///
    /// # Errors
    /// As [`PostgresLog::open`], of which [`LogError::Unavailable`] may pass.
    pub async fn reach(url: &str) -> Result<(), LogError> {
        let connection = connect(&parse(url)?).await.map_err(failed("reach the server of the event log"))?;
        // All that is left to do is to say goodbye.
        let _ = connection.close().await;
        Ok(())
    }

    async fn reading(identity: Uuid, base: &PgConnectOptions) -> Result<Self, LogError> {
        let readers = Arc::new(Readers::new(base));
        let asked = Instant::now();
        let news = Arc::new(News::new(readers.head().await?, asked));
        let mut followers = JoinSet::new();
        followers.spawn(news::listen(base.clone(), Arc::clone(&news)));
        followers.spawn(news::look(Arc::clone(&readers), Arc::clone(&news)));
        let counters = Arc::default();
        Ok(Self { identity, readers, news, counters, appending: None, _followers: followers })
    }

    /// The position of the last event that this process knows of, as it changes; published after the commit and,
    /// for what was appended here, before any caller of that commit gets its answer.
    pub fn head_watch(&self) -> watch::Receiver<Position> {
        self.news.head.subscribe()
    }

    /// How old the word of the server is that the log ends where [`Self::head_watch`] says. What other nodes have
    /// appended since may not be known here. Goes on from 0 about once a second while the server answers.
    pub fn head_age(&self) -> Duration {
        self.news.head_age()
    }

    /// Makes the log look for news now. For a bus that hears of other nodes' events in its own way; the log finds
    /// them without it, too.
    pub fn waker(&self) -> Arc<Notify> {
        Arc::clone(&self.news.waker)
    }

    /// What was appended here since the log was opened.
    pub fn stats(&self) -> LogStats {
        self.counters.read()
    }

    /// Finishes every request that was handed over, then stops appending; subscriptions end. Reading stays
    /// possible. Closing twice is harmless.
    pub async fn close(&self) {
        match &self.appending {
            Some(appending) => {
                // A refusal means that it is closing already; what is left is to wait for the end.
                let _ = appending.way.inbox.send(Message::Close).await;
                appending.way.inbox.closed().await;
                let mut reach = self.news.reach.subscribe();
                let _ = reach.wait_for(|reach| *reach == news::Reach::Closed).await;
            }
            None => self.news.close(),
        }
    }

    /// Serves a request, or hands it over, and waits for its answer for as long as a server may be out of reach.
    async fn request(&self, appending: &Appending, batch: Vec<Append>) -> Result<Appended, AppendError> {
        let deadline = Instant::now() + PATIENCE;
        let (answer, answered) = oneshot::channel();
        match appending.way.lead(Request::new(batch, answer, deadline)) {
            // If it does not end in time, neither does the wait for its answer.
            Ok(lead) => drop(timeout_at(deadline + GRACE, lead).await),
            Err(request) => {
                let sent = appending.way.inbox.send(Message::Append(request));
                match timeout_at(deadline + GRACE, sent).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => return Err(unavailable("append to a closed log").into()),
                    Err(_) => return Err(unavailable("append events: too many wait already").into()),
                }
            }
        }
        match timeout_at(deadline + GRACE, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(unavailable("append events: the appender has ended").into()),
            Err(_) => Err(unavailable("append events: the server does not answer").into()),
        }
    }
}

impl Drop for PostgresLog {
    fn drop(&mut self) {
        // The appender closes the other kind when it has finished.
        if self.appending.is_none() {
            self.news.close();
        }
    }
}

impl EventLog for PostgresLog {
    fn identity(&self) -> Uuid {
        self.identity
    }

    /// As the port says. A caller that goes away after its request was taken may still have appended.
    fn append(&self, batch: Vec<Append>) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move {
            Append::check_all(&batch)?;
            match &self.appending {
                Some(appending) => self.request(appending, batch).await,
                None => Err(unavailable("append to a log that is open for reading").into()),
            }
        })
    }

    fn read_stream<'a>(
        &'a self,
        stream: &'a StreamName,
        after: Version,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Recorded>, LogError>> {
        let stream = stream.clone();
        self.readers.run("read a stream", move |reader| {
            let stream = stream.clone();
            Box::pin(async move { reader.stream(&stream, after, limit).await })
        })
    }

    /// As the port says. A server that has yet to replay what was known to be there does not count as one that has
    /// lost it.
    fn read_all(&self, after: Position, limit: usize) -> BoxFuture<'_, Result<Vec<Recorded>, LogError>> {
        let known = *self.news.head.borrow();
        let extent = Extent::of_page(limit);
        let read =
            self.readers.run_as(extent, "read the log", move |reader| Box::pin(reader.all(after, limit)));
        Box::pin(async move {
            let events = read.await?;
            if events.is_empty() && limit > 0 && after < known && self.readers.is_replaying().await? {
                return Err(unavailable("read the log: its server has yet to replay what comes next"));
            }
            Ok(events)
        })
    }

    fn find(&self, id: EventId) -> BoxFuture<'_, Result<Option<Position>, LogError>> {
        self.readers.run("find an event", move |reader| Box::pin(reader.position_of(id)))
    }

    fn find_or_read<'a>(
        &'a self,
        id: EventId,
        stream: &'a StreamName,
        limit: usize,
    ) -> BoxFuture<'a, Result<FoundOrRead, LogError>> {
        let stream = stream.clone();
        self.readers.run("find an event or read a stream", move |reader| {
            let stream = stream.clone();
            Box::pin(async move { reader.find_or_read(id, &stream, limit).await })
        })
    }

    /// As the port says, over all nodes: the server is asked.
    fn head(&self) -> BoxFuture<'_, Result<Position, LogError>> {
        self.readers.head()
    }

    fn subscribe(&self, after: Position) -> Box<dyn Subscription> {
        Box::new(PostgresSubscription::new(Arc::clone(&self.readers), Arc::clone(&self.news), after))
    }
}

impl ImportLog for PostgresLog {
    fn import(&self, events: Vec<Recorded>) -> BoxFuture<'_, Result<Position, ImportError>> {
        Box::pin(async move {
            let Some(appending) = &self.appending else {
                return Err(unavailable("import into a log that is open for reading").into());
            };
            let head = import::import(&appending.options, &events).await?;
            self.news.publish(head);
            Ok(head)
        })
    }
}

fn parse(url: &str) -> Result<PgConnectOptions, LogError> {
    url.parse().map_err(|error: sqlx::Error| broken("read the URL of the event log")(error))
}
