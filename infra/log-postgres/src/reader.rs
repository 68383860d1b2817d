//! Reading: a few connections of their own, each used for one call at a time.

use crate::connect::{ANSWER, FIRST_WORD, PATIENCE, PAUSES, READ, TRANSFER, connect, heard, options, within};
use crate::error::{broken, failed, is_lost, is_passing, too_late};
use futures::TryStreamExt;
use parking_lot::Mutex;
use scanledger_domain::BoxFuture;
use scanledger_domain::id::EventId;
use scanledger_domain::log::{FoundOrRead, LogError, Position, Recorded, StreamName, Version};
use scanledger_domain::time::Timestamp;
use sqlx::Row;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgRow};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout_at};
use uuid::Uuid;

/// Reads that run at the same time; more wait.
const READERS: usize = 8;

/// Events up to which a page counts as a short read.
const SHORT_PAGE: usize = 1_024;

/// The columns of an event, in the order in which [`recorded`] takes them.
macro_rules! columns {
    () => {
        "position, version, recorded_at, id, schema, stream, kind, data, metadata"
    };
}

/// The connections for reading, opened when first needed.
///
/// Not the driver's pool: that asks the server whether a connection is alive each time one comes back, which doubles
/// the round trips of the short reads here. A connection that has gone shows it by failing or by silence; the read is
/// then repeated on a fresh one, and what was idle all that time is not used again.
pub(crate) struct Readers {
    options: PgConnectOptions,
    idle: Mutex<Vec<Reader>>,
    permits: Semaphore,
    /// For looks: when all others read long pages, it is still known how far the log has come.
    look: Semaphore,
}

/// One connection, and the event types it has met.
pub(crate) struct Reader {
    connection: PgConnection,
    kinds: HashMap<Box<str>, Arc<str>>,
    silence: Silence,
    /// When the server last answered on it.
    heard: Instant,
}

/// What is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Where the log ends: waits for no other read.
    Look,
    /// A row, or a few.
    Short,
    /// A page on the way through the whole log, for which the server may have to fetch what it has long put aside.
    Long,
}

impl Extent {
    /// Of at most `limit` events.
    pub(crate) fn of_page(limit: usize) -> Self {
        if limit <= SHORT_PAGE { Self::Short } else { Self::Long }
    }

    /// How long nothing may come from a server that is there.
    fn silence(self) -> Duration {
        match self {
            Self::Look | Self::Short => ANSWER,
            Self::Long => READ + TRANSFER,
        }
    }
}

/// For how long the server may say nothing. Each part of an answer is waited for by itself, so that a long answer over
/// a slow line is not taken for silence.
#[derive(Debug, Clone, Copy)]
struct Silence {
    next: Duration,
    further: Duration,
}

impl Silence {
    async fn row(
        &mut self,
        rows: &mut (impl futures::Stream<Item = sqlx::Result<PgRow>> + Unpin),
    ) -> sqlx::Result<Option<PgRow>> {
        let row = heard(self.next, rows.try_next()).await?;
        self.next = self.further;
        Ok(row)
    }
}

/// What a subscription reads at once.
#[derive(Default)]
pub(crate) struct Page {
    /// The event that the others follow, if it is there.
    pub(crate) before: Option<EventId>,
    pub(crate) events: Vec<Recorded>,
    /// Whether it may yet come, if it is not there: [`Readers::is_replaying`].
    pub(crate) is_replaying: bool,
}

impl Readers {
    pub(crate) fn new(base: &PgConnectOptions) -> Self {
        let permits = Semaphore::new(READERS);
        Self { options: options(base, READ), idle: Mutex::default(), permits, look: Semaphore::new(1) }
    }

    /// Runs a short `read` in a task of its own, which ends in good order also when the caller goes away. A server
    /// that cannot be reached is tried again for [`PATIENCE`].
    pub(crate) fn run<T, R>(
        self: &Arc<Self>,
        doing: &'static str,
        read: R,
    ) -> BoxFuture<'static, Result<T, LogError>>
    where
        T: Send + 'static,
        R: for<'r> Fn(&'r mut Reader) -> BoxFuture<'r, sqlx::Result<T>> + Send + Sync + 'static,
    {
        self.run_as(Extent::Short, doing, read)
    }

    /// As [`Self::run`], for a read of any extent.
    pub(crate) fn run_as<T, R>(
        self: &Arc<Self>,
        extent: Extent,
        doing: &'static str,
        read: R,
    ) -> BoxFuture<'static, Result<T, LogError>>
    where
        T: Send + 'static,
        R: for<'r> Fn(&'r mut Reader) -> BoxFuture<'r, sqlx::Result<T>> + Send + Sync + 'static,
    {
        let readers = Arc::clone(self);
        Box::pin(async move {
            match tokio::spawn(async move { readers.read(extent, doing, read).await }).await {
                Ok(result) => result,
                Err(error) if error.is_panic() => Err(broken(doing)(error)),
                Err(error) => Err(LogError::Unavailable { doing, source: Some(error.into()) }),
            }
        })
    }

    async fn read<T, R>(&self, extent: Extent, doing: &'static str, read: R) -> Result<T, LogError>
    where
        R: for<'r> Fn(&'r mut Reader) -> BoxFuture<'r, sqlx::Result<T>>,
    {
        let deadline = Instant::now() + PATIENCE;
        let permits = if extent == Extent::Look { &self.look } else { &self.permits };
        let Ok(Ok(_permit)) = timeout_at(deadline, permits.acquire()).await else {
            return Err(LogError::Unavailable { doing, source: Some(too_late().into()) });
        };
        let [mut pause, longest] = PAUSES;
        loop {
            let idle = self.idle.lock().pop();
            let was_idle = idle.is_some();
            let began = Instant::now();
            let outcome = self.attempt(extent, deadline, idle, &read).await;
            if outcome.as_ref().is_err_and(is_lost) {
                // Those that were heard meanwhile are alive; the others went the same way, most likely.
                self.idle.lock().retain(|reader| reader.heard >= began);
            }
            match outcome {
                Ok(value) => return Ok(value),
                // Cut while nobody used it; that says nothing about a fresh one.
                Err(error) if is_passing(&error) && was_idle && Instant::now() < deadline => {}
                Err(error) if is_passing(&error) && Instant::now() + pause < deadline => {
                    sleep(pause).await;
                    pause = longest.min(pause * 2);
                }
                Err(error) => return Err(failed(doing)(error)),
            }
        }
    }

    /// A connection that failed is not used again.
    async fn attempt<T, R>(
        &self,
        extent: Extent,
        deadline: Instant,
        idle: Option<Reader>,
        read: &R,
    ) -> sqlx::Result<T>
    where
        R: for<'r> Fn(&'r mut Reader) -> BoxFuture<'r, sqlx::Result<T>>,
    {
        let further = extent.silence();
        let mut reader = match idle {
            Some(reader) => Reader { silence: Silence { next: FIRST_WORD, further }, ..reader },
            None => {
                let connecting = timeout_at(deadline, connect(&self.options)).await;
                let connection = connecting.unwrap_or_else(|_| Err(too_late()))?;
                let silence = Silence { next: further, further };
                Reader { connection, kinds: HashMap::new(), silence, heard: Instant::now() }
            }
        };
        let value = within(READ, read(&mut reader)).await?;
        reader.heard = Instant::now();
        self.idle.lock().push(reader);
        Ok(value)
    }

    /// The last event, if there is one.
    pub(crate) fn last(
        self: &Arc<Self>,
    ) -> BoxFuture<'static, Result<Option<(Position, EventId)>, LogError>> {
        self.run_as(Extent::Look, "find the last event of the log", |reader| Box::pin(reader.last()))
    }

    /// Whether the server has yet to replay what was written before, as a standby does, and one that is put back: that it
    /// has less than was read before says nothing then.
    pub(crate) fn is_replaying(self: &Arc<Self>) -> BoxFuture<'static, Result<bool, LogError>> {
        self.run_as(Extent::Look, "ask whether the server replays", |reader| Box::pin(reader.is_replaying()))
    }

    /// The position of the last event.
    pub(crate) fn head(self: &Arc<Self>) -> BoxFuture<'static, Result<Position, LogError>> {
        self.run("find the head of the log", |reader| Box::pin(reader.head()))
    }
}

impl Reader {
    /// Events above `after`, at most `limit`.
    pub(crate) async fn all(&mut self, after: Position, limit: usize) -> sqlx::Result<Vec<Recorded>> {
        let select = concat!(
            "SELECT ",
            columns!(),
            " FROM scanledger_log.events WHERE position > $1 ORDER BY position LIMIT $2"
        );
        let rows = sqlx::query(select).bind(number(after.0)).bind(count(limit)).fetch(&mut self.connection);
        collect(rows, &mut self.kinds, self.silence).await
    }

    /// The event at `after`, and events above it: at most `limit`, and none after the one that reaches `bytes`. All of
    /// one moment, and of the first no more than its id.
    pub(crate) async fn page(&mut self, after: Position, limit: usize, bytes: usize) -> sqlx::Result<Page> {
        // The lengths are known without reading values that are stored apart.
        let select = "SELECT position, version, recorded_at, id, schema, stream, kind, \
             CASE WHEN position > $1 THEN data ELSE '' END, CASE WHEN position > $1 THEN metadata ELSE '' END \
             FROM (SELECT *, coalesce(sum(length(data) + length(metadata)) FILTER (WHERE position > $1) OVER \
             (ORDER BY position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before \
             FROM (SELECT * FROM scanledger_log.events WHERE position >= $1 ORDER BY position LIMIT $2) AS next) \
             AS next WHERE before < $3 ORDER BY position";
        let after = number(after.0);
        let limit = count(limit).saturating_add(1);
        let query = sqlx::query(select).bind(after).bind(limit).bind(count(bytes));
        let mut rows = query.fetch(&mut self.connection);
        let mut page = Page::default();
        while let Some(row) = self.silence.row(&mut rows).await? {
            if row.try_get::<i64, _>(0)? == after {
                page.before = Some(EventId(row.try_get(3)?));
            } else {
                page.events.push(recorded(&row, &mut self.kinds)?);
            }
        }
        drop(rows);
        if page.before.is_none() && after > 0 {
            // Asked later than the page, so that one that has ended by then is given its time.
            page.is_replaying = self.is_replaying().await?;
        }
        Ok(page)
    }

    /// Events of `stream` with a version above `after`, at most `limit`.
    pub(crate) async fn stream(
        &mut self,
        stream: &StreamName,
        after: Version,
        limit: usize,
    ) -> sqlx::Result<Vec<Recorded>> {
        let select = concat!(
            "SELECT ",
            columns!(),
            " FROM scanledger_log.events WHERE stream = $1 AND version > $2 \
             ORDER BY version LIMIT $3"
        );
        let query = sqlx::query(select).bind(stream.as_str()).bind(number(after.0)).bind(count(limit));
        collect(query.fetch(&mut self.connection), &mut self.kinds, self.silence).await
    }

    /// One round trip for both questions.
    pub(crate) async fn find_or_read(
        &mut self,
        id: EventId,
        stream: &StreamName,
        limit: usize,
    ) -> sqlx::Result<FoundOrRead> {
        let select = concat!(
            "(SELECT ",
            columns!(),
            " FROM scanledger_log.events WHERE id = $1) UNION ALL \
             (SELECT ",
            columns!(),
            " FROM scanledger_log.events WHERE stream = $2 AND NOT EXISTS \
             (SELECT FROM scanledger_log.events WHERE id = $1) ORDER BY version LIMIT $3)"
        );
        let query = sqlx::query(select).bind(id.0).bind(stream.as_str()).bind(count(limit));
        let mut events = collect(query.fetch(&mut self.connection), &mut self.kinds, self.silence).await?;
        // The second half is empty if the first is not.
        if let Some(found) = events.iter().find(|event| event.id == id) {
            return Ok(FoundOrRead::Found(found.position));
        }
        // In order already, which the server does for a union but does not promise.
        events.sort_by_key(|event| event.version);
        Ok(FoundOrRead::Read(events))
    }

    pub(crate) async fn position_of(&mut self, id: EventId) -> sqlx::Result<Option<Position>> {
        let select = "SELECT position FROM scanledger_log.events WHERE id = $1";
        let asked = sqlx::query_scalar::<_, i64>(select).bind(id.0).fetch_optional(&mut self.connection);
        let found = heard(self.silence.next, asked).await?;
        Ok(found.map(|position| Position(position.cast_unsigned())))
    }

    async fn is_replaying(&mut self) -> sqlx::Result<bool> {
        let asked =
            sqlx::query_scalar::<_, bool>("SELECT pg_is_in_recovery()").fetch_one(&mut self.connection);
        heard(self.silence.next, asked).await
    }

    async fn last(&mut self) -> sqlx::Result<Option<(Position, EventId)>> {
        let select = "SELECT position, id FROM scanledger_log.events ORDER BY position DESC LIMIT 1";
        let asked = sqlx::query_as::<_, (i64, Uuid)>(select).fetch_optional(&mut self.connection);
        let last = heard(self.silence.next, asked).await?;
        Ok(last.map(|(position, id)| (Position(position.cast_unsigned()), EventId(id))))
    }

    async fn head(&mut self) -> sqlx::Result<Position> {
        let select = "SELECT coalesce(max(position), 0) FROM scanledger_log.events";
        let asked = sqlx::query_scalar::<_, i64>(select).fetch_one(&mut self.connection);
        let head = heard(self.silence.next, asked).await?;
        Ok(Position(head.cast_unsigned()))
    }
}

async fn collect(
    mut rows: impl futures::Stream<Item = sqlx::Result<PgRow>> + Unpin,
    kinds: &mut HashMap<Box<str>, Arc<str>>,
    mut silence: Silence,
) -> sqlx::Result<Vec<Recorded>> {
    let mut events = Vec::new();
    while let Some(row) = silence.row(&mut rows).await? {
        events.push(recorded(&row, kinds)?);
    }
    Ok(events)
}

fn recorded(row: &PgRow, kinds: &mut HashMap<Box<str>, Arc<str>>) -> sqlx::Result<Recorded> {
    let kind: &str = row.try_get(6)?;
    let kind = match kinds.get(kind) {
        Some(kind) => Arc::clone(kind),
        // Types are few, so that every one met is kept.
        None => {
            let shared: Arc<str> = kind.into();
            kinds.insert(kind.into(), Arc::clone(&shared));
            shared
        }
    };
    let schema: i32 = row.try_get(4)?;
    Ok(Recorded {
        position: Position(row.try_get::<i64, _>(0)?.cast_unsigned()),
        version: Version(row.try_get::<i64, _>(1)?.cast_unsigned()),
        recorded_at: Timestamp(row.try_get(2)?),
        id: EventId(row.try_get(3)?),
        schema: u16::try_from(schema).map_err(|error| sqlx::Error::Decode(error.into()))?,
        stream: StreamName::stored(row.try_get(5)?),
        kind,
        data: row.try_get(7)?,
        metadata: row.try_get(8)?,
    })
}

/// A position or version as PostgreSQL counts; what it cannot count is beyond every event.
fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
