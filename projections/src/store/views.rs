//! How everybody reads: a pool of connections on the present views file.

use super::{Reading, open_reader};
use crate::finding::Orders;
use crate::{At, Moment};
use parking_lot::{Mutex, RwLock};
use rusqlite::Connection;
use scanledger_domain::id::OrganizationId;
use scanledger_domain::log::Position;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// Idle connections that are kept; more are opened under load and closed afterwards. Opening one costs as much as
/// several pages of findings, because it reads the schema and compiles every statement anew.
const KEPT_CONNECTIONS: usize = 16;

/// Why a read gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no such thing, or the caller's organization does not have it.
    #[error("there is no such {0}")]
    Missing(&'static str),
    /// The position is beyond the last event.
    #[error("position {asked} is beyond the head of the log at {head}")]
    BeyondHead {
        /// What was asked.
        asked: Position,
        /// Where the read model is.
        head: Position,
    },
    /// The read model has not reached a position in time.
    #[error("the read model is at {reached} and has not reached {asked} in time")]
    Behind {
        /// What was asked.
        asked: Position,
        /// Where the read model is.
        reached: Position,
    },
    /// The store failed.
    #[error("the read model could not be read")]
    Store(#[from] rusqlite::Error),
    /// The task that read was cancelled.
    #[error("the read was cancelled")]
    Cancelled,
}

/// One views file and its open connections.
pub(crate) struct File {
    pub(crate) path: PathBuf,
    /// Another one after what was shown turned out to be of a history that the log no longer has.
    pub(crate) history: u64,
    queries: Mutex<Vec<Connection>>,
    look_ups: Mutex<Vec<Connection>>,
    pub(crate) orders: Orders,
}

impl File {
    pub(crate) fn new(path: &Path, history: u64) -> Arc<Self> {
        Arc::new(Self {
            path: path.to_owned(),
            history,
            queries: Mutex::default(),
            look_ups: Mutex::default(),
            orders: Orders::default(),
        })
    }

    fn with<T>(
        &self,
        query: impl FnOnce(&Connection, &Orders) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        self.with_connection(Reading::Queries, |connection| {
            in_snapshot(connection, |connection| query(connection, &self.orders))
        })
    }

    fn with_connection<T>(
        &self,
        reading: Reading,
        query: impl FnOnce(&Connection) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        let pool = match reading {
            Reading::Queries => &self.queries,
            Reading::LookUps => &self.look_ups,
        };
        let idle = pool.lock().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => open_reader(&self.path, reading)?,
        };
        let answer = query(&connection);
        keep(pool, connection);
        answer
    }

    /// As [`Self::with`], on a connection that is idle; none if there is no such.
    fn with_idle<T>(
        &self,
        query: impl FnOnce(&Connection, &Orders) -> Result<T, ReadError>,
    ) -> Result<Option<T>, ReadError> {
        let idle = self.queries.lock().pop();
        let Some(connection) = idle else { return Ok(None) };
        let answer = in_snapshot(&connection, |connection| query(connection, &self.orders));
        keep(&self.queries, connection);
        answer.map(Some)
    }
}

/// Puts a connection back. One that was left in a transaction would go on showing what it saw then.
fn keep(pool: &Mutex<Vec<Connection>>, connection: Connection) {
    if connection.is_autocommit() {
        let mut idle = pool.lock();
        if idle.len() < KEPT_CONNECTIONS {
            idle.push(connection);
        }
    }
}

/// One snapshot for all statements of a query, or a page and its total could disagree.
fn in_snapshot<T>(
    connection: &Connection,
    query: impl FnOnce(&Connection) -> Result<T, ReadError>,
) -> Result<T, ReadError> {
    let snapshot = Snapshot::begin(connection)?;
    let answer = query(connection);
    snapshot.end()?;
    answer
}

/// A read transaction, by statements that stay prepared.
struct Snapshot<'c>(&'c Connection);

impl<'c> Snapshot<'c> {
    fn begin(connection: &'c Connection) -> rusqlite::Result<Self> {
        connection.prepare_cached("BEGIN DEFERRED")?.execute([])?;
        Ok(Self(connection))
    }

    fn end(self) -> rusqlite::Result<()> {
        self.0.prepare_cached("COMMIT")?.execute([]).map(drop)
    }
}

/// What is shown, for whoever remembers something of it: the same as long as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// Another number after a log lost events that were shown, and positions may mean other events.
    pub history: u64,
    /// The last event.
    pub position: Position,
}

/// The read models, as everybody reads them. Cheap to clone.
#[derive(Clone)]
pub struct Views {
    file: Arc<RwLock<Arc<File>>>,
    position: watch::Receiver<Position>,
    has_diverged: Arc<AtomicBool>,
}

impl std::fmt::Debug for Views {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Views").field("position", &self.position()).finish_non_exhaustive()
    }
}

impl Views {
    pub(crate) fn new(file: Arc<RwLock<Arc<File>>>, position: watch::Receiver<Position>) -> Self {
        Self { file, position, has_diverged: Arc::default() }
    }

    /// The position up to which events are in the read models.
    pub fn position(&self) -> Position {
        *self.position.borrow()
    }

    /// What is shown. A position alone does not tell that, because a log that has lost its end gives it out again.
    pub fn shown(&self) -> Shown {
        let file = self.file.read();
        // Before the file is given back: both change together.
        Shown { history: file.history, position: self.position() }
    }

    /// Whether events are shown that the log no longer has, until the read models are built anew. How far they are says
    /// nothing then: what others have appended since may have positions that are shown already.
    pub fn has_diverged(&self) -> bool {
        self.has_diverged.load(Ordering::Acquire)
    }

    pub(crate) fn set_diverged(&self, has_diverged: bool) {
        self.has_diverged.store(has_diverged, Ordering::Release);
    }

    /// Follows [`Self::position`].
    pub fn watch(&self) -> watch::Receiver<Position> {
        self.position.clone()
    }

    /// Waits until events up to `position` are in the read models.
    ///
    /// # Errors
    /// [`ReadError::Behind`] if that takes longer than `timeout`.
    pub async fn wait_for(&self, position: Position, timeout: Duration) -> Result<(), ReadError> {
        let mut watch = self.position.clone();
        if *watch.borrow_and_update() >= position {
            return Ok(());
        }
        let reached = tokio::time::timeout(timeout, watch.wait_for(|reached| *reached >= position)).await;
        match reached {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(ReadError::Behind { asked: position, reached: self.position() }),
        }
    }

    /// Runs one query on a blocking thread, in one snapshot.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        self.read_ordered(move |connection, _| query(connection)).await
    }

    /// Runs a query that touches a few rows by their keys, with one statement, on the caller's thread: tens of
    /// microseconds, where a hop to a blocking thread and back costs as much again.
    pub(crate) fn look_up<T>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        let file = Arc::clone(&self.file.read());
        file.with_connection(Reading::LookUps, query)
    }

    /// As [`Self::look_up`], with several statements that see the same.
    pub(crate) fn look_up_together<T>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        self.look_up(|connection| in_snapshot(connection, query))
    }

    /// As [`Self::read`], with the cached orders of branches.
    pub(crate) async fn read_ordered<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection, &Orders) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let file = Arc::clone(&self.file.read());
        tokio::task::spawn_blocking(move || file.with(query)).await.map_err(|_| ReadError::Cancelled)?
    }

    /// As [`Self::read_ordered`], on the caller's thread, for what takes a quarter of a millisecond as long as the pages
    /// of the file are in memory. None if that would take opening a connection, which takes much longer.
    pub(crate) fn look_up_ordered<T>(
        &self,
        query: impl FnOnce(&Connection, &Orders) -> Result<T, ReadError>,
    ) -> Result<Option<T>, ReadError> {
        let file = Arc::clone(&self.file.read());
        file.with_idle(query)
    }

    /// Where the events are that could not be applied, in order; those of one kind, or all.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn parked(&self, kind: Option<&'static str>) -> Result<Vec<Position>, ReadError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT position FROM parked WHERE ?1 IS NULL OR kind = ?1 ORDER BY position",
            )?;
            let rows = statement.query_map([kind], |row| row.get::<_, i64>(0))?;
            Ok(rows.map(|row| row.map(|at| Position(at.cast_unsigned()))).collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Checks and resolves an instant for an organization.
    ///
    /// # Errors
    /// [`ReadError::BeyondHead`], [`ReadError::Missing`] for a scan without results.
    pub async fn resolve(&self, organization: OrganizationId, at: At) -> Result<Moment, ReadError> {
        if at == At::Now {
            return Ok(Moment::Live);
        }
        let head = self.position();
        self.read(move |connection| crate::at::resolve(connection, organization, at, head)).await
    }
}
