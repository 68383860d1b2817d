//! Reading: a few connections of their own, each used on a blocking thread for one call at a time.

use crate::error::{broken, unavailable};
use crate::schema::connect_reader;
use hashlink::LruCache;
use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension, Row, params};
use scanledger_domain::BoxFuture;
use scanledger_domain::id::EventId;
use scanledger_domain::log::{LogError, Position, Recorded, StreamName, Version};
use scanledger_domain::time::Timestamp;
use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Reads on blocking threads that run at the same time; more wait.
const READERS: usize = 4;

/// Stream names that each reader remembers.
const NAMES: usize = 16_384;

const COLUMNS_WHERE: [&str; 2] = [
    "SELECT position, id, stream, version, kind, schema, data, metadata, recorded_at FROM events \
     WHERE position > ?1 ORDER BY position LIMIT ?2",
    "SELECT position, id, stream, version, kind, schema, data, metadata, recorded_at FROM events \
     WHERE stream = (SELECT stream FROM streams WHERE name = ?1) AND version > ?2 ORDER BY version LIMIT ?3",
];

/// Events and bytes of a stream that are read on the caller's thread before a command is decided; what is beyond is read
/// on by a blocking thread.
const BRIEF_EVENTS: usize = 64;
const BRIEF_BYTES: usize = 64 * 1024;

/// The connections for reading, opened when first needed.
pub(crate) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Reader>>,
    /// Connections that are kept: one for each thread that may read at the same time.
    kept: usize,
    permits: Arc<Semaphore>,
}

/// One connection, and the names it has met.
pub(crate) struct Reader {
    connection: Connection,
    streams: LruCache<i64, StreamName>,
    kinds: HashMap<i64, Arc<str>>,
}

/// Events of a stream, in order.
pub(crate) struct Part {
    pub(crate) events: Vec<Recorded>,
    /// Whether there may be more that was asked for.
    pub(crate) goes_on: bool,
}

impl Readers {
    pub(crate) fn new(path: &Path) -> Self {
        let permits = Arc::new(Semaphore::new(READERS));
        let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self { path: path.to_owned(), idle: Mutex::default(), kept: READERS + threads, permits }
    }

    /// Runs `read` on a blocking thread: one hop, whatever it does there.
    pub(crate) fn run<T: Send + 'static>(
        self: &Arc<Self>,
        doing: &'static str,
        read: impl FnOnce(&mut Reader) -> rusqlite::Result<T> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, LogError>> {
        let readers = Arc::clone(self);
        Box::pin(async move {
            let permit = Arc::clone(&readers.permits).acquire_owned().await;
            let permit = permit.map_err(|_| unavailable(doing))?;
            let task = tokio::task::spawn_blocking(move || {
                // Held until the connection is back, also when the caller has gone.
                let _permit = permit;
                readers.with_reader(read)
            });
            match task.await {
                Ok(result) => result.map_err(broken(doing)),
                Err(error) if error.is_panic() => Err(broken(doing)(error)),
                Err(error) => Err(LogError::Unavailable { doing, source: Some(error.into()) }),
            }
        })
    }

    /// Runs `read` on the caller's thread: for a few rows by their keys, tens of microseconds, where a hop to a
    /// blocking thread and back costs as much again.
    pub(crate) fn run_here<T>(
        &self,
        doing: &'static str,
        read: impl FnOnce(&mut Reader) -> rusqlite::Result<T>,
    ) -> Result<T, LogError> {
        self.with_reader(read).map_err(broken(doing))
    }

    /// A connection that failed is not used again.
    fn with_reader<T>(&self, read: impl FnOnce(&mut Reader) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        let idle = self.idle.lock().pop();
        let mut reader = match idle {
            Some(reader) => reader,
            None => Reader::new(connect_reader(&self.path)?),
        };
        let value = read(&mut reader)?;
        let mut idle = self.idle.lock();
        if idle.len() < self.kept {
            idle.push(reader);
        }
        Ok(value)
    }
}

impl Reader {
    fn new(connection: Connection) -> Self {
        Self { connection, streams: LruCache::new(NAMES), kinds: HashMap::new() }
    }

    /// Events above `after`, at most `limit`; stops early after the event that reaches `bytes`.
    pub(crate) fn all(
        &mut self,
        after: Position,
        limit: usize,
        bytes: usize,
    ) -> rusqlite::Result<Vec<Recorded>> {
        let mut select = self.connection.prepare_cached(COLUMNS_WHERE[0])?;
        let mut rows = select.query(params![number(after.0), count(limit)])?;
        let mut names = Names { connection: &self.connection, kinds: &mut self.kinds };
        let (mut events, mut read) = (Vec::new(), 0_usize);
        while let Some(row) = rows.next()? {
            let stream = row.get(2)?;
            let name = match self.streams.get(&stream) {
                Some(name) => name.clone(),
                None => {
                    let name = names.stream(stream)?;
                    self.streams.insert(stream, name.clone());
                    name
                }
            };
            let event = recorded(row, name, &mut names)?;
            read = read.saturating_add(event.data.len() + event.metadata.len());
            events.push(event);
            if read >= bytes {
                break;
            }
        }
        Ok(events)
    }

    /// Events of `stream` with a version above `after`, at most `limit`.
    pub(crate) fn stream(
        &mut self,
        stream: &StreamName,
        after: Version,
        limit: usize,
    ) -> rusqlite::Result<Vec<Recorded>> {
        self.stream_until(stream, after, limit, usize::MAX).map(|part| part.events)
    }

    /// As [`Self::stream`], as far as it is soon read: a few events, or one that is large.
    pub(crate) fn stream_briefly(
        &mut self,
        stream: &StreamName,
        after: Version,
        limit: usize,
    ) -> rusqlite::Result<Part> {
        let mut part = self.stream_until(stream, after, limit.min(BRIEF_EVENTS), BRIEF_BYTES)?;
        part.goes_on |= part.events.len() == BRIEF_EVENTS;
        part.goes_on &= part.events.len() < limit;
        Ok(part)
    }

    fn stream_until(
        &mut self,
        stream: &StreamName,
        after: Version,
        limit: usize,
        bytes: usize,
    ) -> rusqlite::Result<Part> {
        let mut select = self.connection.prepare_cached(COLUMNS_WHERE[1])?;
        let mut rows = select.query(params![stream.as_str(), number(after.0), count(limit)])?;
        let mut names = Names { connection: &self.connection, kinds: &mut self.kinds };
        let (mut events, mut read) = (Vec::new(), 0_usize);
        while let Some(row) = rows.next()? {
            if read >= bytes {
                return Ok(Part { events, goes_on: true });
            }
            let event = recorded(row, stream.clone(), &mut names)?;
            read = read.saturating_add(event.data.len() + event.metadata.len());
            events.push(event);
        }
        Ok(Part { events, goes_on: false })
    }

    pub(crate) fn position_of(&mut self, id: EventId) -> rusqlite::Result<Option<Position>> {
        let mut select = self.connection.prepare_cached("SELECT position FROM events WHERE id = ?1")?;
        let found: Option<i64> = select.query_row([id.as_bytes()], |row| row.get(0)).optional()?;
        Ok(found.map(|position| Position(position.cast_unsigned())))
    }

    pub(crate) fn head(&mut self) -> rusqlite::Result<Position> {
        head(&self.connection)
    }
}

/// The position of the last event.
pub(crate) fn head(connection: &Connection) -> rusqlite::Result<Position> {
    let mut select = connection.prepare_cached("SELECT coalesce(max(position), 0) FROM events")?;
    select.query_row([], |row| row.get::<_, i64>(0)).map(|position| Position(position.cast_unsigned()))
}

/// The names behind the numbers in `events`.
struct Names<'a> {
    connection: &'a Connection,
    kinds: &'a mut HashMap<i64, Arc<str>>,
}

impl Names<'_> {
    fn stream(&self, stream: i64) -> rusqlite::Result<StreamName> {
        let mut select = self.connection.prepare_cached("SELECT name FROM streams WHERE stream = ?1")?;
        select.query_row([stream], |row| Ok(StreamName::stored(row.get_ref(0)?.as_str()?)))
    }

    /// Types are few, so that every one met is kept.
    fn kind(&mut self, kind: i64) -> rusqlite::Result<Arc<str>> {
        if let Some(name) = self.kinds.get(&kind) {
            return Ok(Arc::clone(name));
        }
        let mut select = self.connection.prepare_cached("SELECT name FROM kinds WHERE kind = ?1")?;
        let name: Arc<str> = select.query_row([kind], |row| row.get(0))?;
        self.kinds.insert(kind, Arc::clone(&name));
        Ok(name)
    }
}

fn recorded(row: &Row<'_>, stream: StreamName, names: &mut Names<'_>) -> rusqlite::Result<Recorded> {
    Ok(Recorded {
        position: Position(row.get::<_, i64>(0)?.cast_unsigned()),
        id: EventId(uuid::Uuid::from_bytes(row.get(1)?)),
        stream,
        version: Version(row.get::<_, i64>(3)?.cast_unsigned()),
        kind: names.kind(row.get(4)?)?,
        schema: row.get(5)?,
        data: row.get(6)?,
        metadata: row.get(7)?,
        recorded_at: Timestamp(row.get(8)?),
    })
}

/// A position or version as SQLite counts; what it cannot count is beyond every event.
fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
