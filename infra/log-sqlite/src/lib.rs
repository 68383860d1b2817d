//! The event log on SQLite, with group commit.
//!
//! One thread owns the connection that writes. Callers hand it their requests over a bounded channel; it
//! takes everything that waits, decides each request against the heads of the streams, writes what is
//! accepted in one transaction with one sync to disk, and answers all of them. Readers have connections
//! of their own and never wait for the writer (WAL).

mod error;
mod import;
mod reader;
mod schema;
mod subscription;
mod tail;
mod writer;

pub use schema::{SETTINGS, Unusable};

use crate::error::{broken, unavailable};
use crate::import::Import;
use crate::reader::{Part, Reader, Readers};
use crate::subscription::{Follow, SqliteSubscription};
use crate::tail::Tail;
use crate::writer::{Message, Request, Writer};
use rusqlite::Connection;
use scanledger_domain::BoxFuture;
use scanledger_domain::id::EventId;
use scanledger_domain::log::{
    Append, AppendError, Appended, EventLog, FoundOrRead, ImportError, ImportLog, LogCounters, LogError,
    LogStats, Position, Recorded, StreamName, Subscription, Version,
};
use scanledger_domain::time::Clock;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot, watch};
use uuid::Uuid;

/// Requests that may wait for the writer before callers wait to hand theirs over.
const WAITING_REQUESTS: usize = 1_024;

/// An event log in one SQLite file.
///
/// Reading needs a tokio runtime (blocking threads and, for a log opened for reading, timers). Dropping it
/// finishes the requests in hand and waits for the writer to end.
pub struct SqliteLog {
    identity: Uuid,
    readers: Arc<Readers>,
    counters: Arc<LogCounters>,
    /// None for a log that was opened for reading.
    appender: Option<Appender>,
}

/// The way to the writer's thread.
struct Appender {
    inbox: mpsc::Sender<Message>,
    head: watch::Receiver<Position>,
    tail: Arc<Tail>,
    thread: JoinHandle<()>,
}

impl SqliteLog {
    /// Opens the log at `path` for reading and appending, and makes it if there is none.
    ///
    /// Blocks on the disk. One process appends at a time; a second one loses nothing, but neither hears of
    /// the other's events before its own next append.
    ///
    /// # Errors
    /// [`LogError::Broken`] with [`Unusable`] as its source when the file is of a newer version or is no
    /// event log, and with the driver's error when it cannot be opened.
    pub fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, LogError> {
        let connection = schema::open(path).map_err(broken("open the event log"))?;
        let (identity, last) = describe(&connection)?;
        let counters = Arc::new(LogCounters::default());
        let (inbox, requests) = mpsc::channel(WAITING_REQUESTS);
        let (publish, head) = watch::channel(last);
        let tail = Arc::new(Tail::default());
        let writer = Writer {
            connection,
            clock,
            head: publish,
            tail: Arc::clone(&tail),
            counters: Arc::clone(&counters),
        };
        let thread = std::thread::Builder::new()
            .name("log-writer".to_owned())
            .spawn(move || writer.run(requests))
            .map_err(broken("start the writer of the event log"))?;
        let appender = Some(Appender { inbox, head, tail, thread });
        Ok(Self { identity, readers: Arc::new(Readers::new(path)), counters, appender })
    }

    /// Opens the log at `path` for reading, beside a server that may be appending to it.
    ///
    /// Appending answers [`LogError::Unavailable`]; subscriptions look for news ten times a second.
    ///
    /// # Errors
    /// As [`SqliteLog::open`]; also when there is no log at `path`.
    pub fn open_read_only(path: &Path) -> Result<Self, LogError> {
        let connection = schema::open_read_only(path).map_err(broken("open the event log for reading"))?;
        let (identity, _) = describe(&connection)?;
        let counters = Arc::new(LogCounters::default());
        Ok(Self { identity, readers: Arc::new(Readers::new(path)), counters, appender: None })
    }

    /// The position of the last event, as it changes; published after the commit and before any caller of
    /// that commit gets its answer. For a log opened for reading: 0, and it never changes.
    pub fn head_watch(&self) -> watch::Receiver<Position> {
        match &self.appender {
            Some(appender) => appender.head.clone(),
            None => watch::channel(Position::START).1,
        }
    }

    /// What was appended since the log was opened.
    pub fn stats(&self) -> LogStats {
        self.counters.read()
    }

    /// Finishes every request that was handed over, then stops appending; subscriptions end. Reading stays
    /// possible. Closing twice is harmless.
    pub async fn close(&self) {
        let Some(appender) = &self.appender else { return };
        // A refusal means that it is closing already; what is left is to wait for the end.
        let _ = appender.inbox.send(Message::Close).await;
        let mut head = appender.head.clone();
        while head.changed().await.is_ok() {}
    }

    /// What was read of a stream, and on a blocking thread the rest, so that it is `limit` events or all.
    async fn rest_of(
        &self,
        stream: &StreamName,
        first: Part,
        limit: usize,
    ) -> Result<Vec<Recorded>, LogError> {
        let Part { mut events, goes_on } = first;
        if goes_on && let Some(last) = events.last() {
            let (stream, after, left) = (stream.clone(), last.version, limit - events.len());
            let rest =
                self.readers.run("read on a stream", move |reader| reader.stream(&stream, after, left));
            events.extend(rest.await?);
        }
        Ok(events)
    }
}

impl Drop for SqliteLog {
    fn drop(&mut self) {
        if let Some(Appender { inbox, thread, .. }) = self.appender.take() {
            drop(inbox);
            // A writer that panicked has told its callers by dropping their answers.
            let _ = thread.join();
        }
    }
}

impl EventLog for SqliteLog {
    fn identity(&self) -> Uuid {
        self.identity
    }

    /// As the port says. A caller that goes away after its request was taken may still have appended.
    fn append(&self, batch: Vec<Append>) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async move {
            Append::check_all(&batch)?;
            let Some(appender) = &self.appender else {
                return Err(unavailable("append to a log that is open for reading").into());
            };
            let (answer, answered) = oneshot::channel();
            let request = Message::Append(Request { batch, answer });
            if appender.inbox.send(request).await.is_err() {
                return Err(unavailable("append to a closed log").into());
            }
            answered.await.unwrap_or_else(|_| Err(unavailable("append events: the writer has ended").into()))
        })
    }

    fn read_stream<'a>(
        &'a self,
        stream: &'a StreamName,
        after: Version,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Recorded>, LogError>> {
        Box::pin(async move {
            let first = self
                .readers
                .run_here("read a stream", |reader| reader.stream_briefly(stream, after, limit))?;
            self.rest_of(stream, first, limit).await
        })
    }

    fn read_all(&self, after: Position, limit: usize) -> BoxFuture<'_, Result<Vec<Recorded>, LogError>> {
        self.readers.run("read the log", move |reader| reader.all(after, limit, usize::MAX))
    }

    fn find(&self, id: EventId) -> BoxFuture<'_, Result<Option<Position>, LogError>> {
        self.readers.run("find an event", move |reader| reader.position_of(id))
    }

    fn find_or_read<'a>(
        &'a self,
        id: EventId,
        stream: &'a StreamName,
        limit: usize,
    ) -> BoxFuture<'a, Result<FoundOrRead, LogError>> {
        Box::pin(async move {
            let found = self.readers.run_here("find an event or read a stream", |reader| {
                Ok(match reader.position_of(id)? {
                    Some(position) => ControlFlow::Break(position),
                    None => ControlFlow::Continue(reader.stream_briefly(stream, Version::NONE, limit)?),
                })
            })?;
            Ok(match found {
                ControlFlow::Break(position) => FoundOrRead::Found(position),
                ControlFlow::Continue(first) => FoundOrRead::Read(self.rest_of(stream, first, limit).await?),
            })
        })
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, LogError>> {
        match &self.appender {
            Some(appender) => {
                let head = *appender.head.borrow();
                Box::pin(std::future::ready(Ok(head)))
            }
            None => self.readers.run("find the head of the log", Reader::head),
        }
    }

    fn subscribe(&self, after: Position) -> Box<dyn Subscription> {
        let follow = match &self.appender {
            Some(appender) => Follow::Writer(appender.head.clone(), Arc::clone(&appender.tail)),
            None => Follow::File,
        };
        Box::new(SqliteSubscription::new(Arc::clone(&self.readers), follow, after))
    }
}

impl ImportLog for SqliteLog {
    /// As the port says. A caller that goes away after its events were taken may still have imported them.
    fn import(&self, events: Vec<Recorded>) -> BoxFuture<'_, Result<Position, ImportError>> {
        Box::pin(async move {
            let Some(appender) = &self.appender else {
                return Err(unavailable("import into a log that is open for reading").into());
            };
            let (answer, answered) = oneshot::channel();
            if appender.inbox.send(Message::Import(Import { events, answer })).await.is_err() {
                return Err(unavailable("import into a closed log").into());
            }
            answered.await.unwrap_or_else(|_| Err(unavailable("import events: the writer has ended").into()))
        })
    }
}

/// The log's identity and the position of its last event.
fn describe(connection: &Connection) -> Result<(Uuid, Position), LogError> {
    let doing = "read the identity of the event log";
    let identity = schema::identity(connection).map_err(broken(doing))?;
    Ok((identity, reader::head(connection).map_err(broken(doing))?))
}
