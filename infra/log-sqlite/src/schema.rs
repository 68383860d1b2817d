//! The file: its settings, its schema, and which files are refused.

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use scanledger_domain::Cause;
use std::path::Path;
use std::time::Duration;
use uuid::{Builder, Uuid};

/// Settings of the connection that writes. Public so that a bench can compare with the same ones.
///
/// `synchronous=FULL` syncs the WAL at every commit. The page cache (8 MiB) is for the index of event ids,
/// which are spread evenly; a larger one costs more than it saves, because SQLite looks through all of it at each
/// commit in which a page of an index was split. A checkpoint every 16 MiB of WAL instead of SQLite's 4 MiB gave 54,000 to
/// 57,000 appends per second at 256 callers on 2 cores instead of 43,000 to 46,000 (three runs each of
/// `benches/append.rs`).
pub const SETTINGS: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA cache_size = -8192;
    PRAGMA wal_autocheckpoint = 4096;
";

/// One entry per schema version, the first making version 1.
const MIGRATIONS: [&str; 1] = [include_str!("../../../migrations/log/sqlite/0001_events.sql")];

/// SQLite's `application_id` of our logs: "SLog" in ASCII.
const APPLICATION: i32 = 0x534c_6f67;

/// How long a connection waits for another one's lock.
const BUSY: Duration = Duration::from_secs(5);

/// Why a file cannot be used as an event log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// It was written by a newer version of this program.
    #[error("the event log has schema {found}, and this version knows up to {known}")]
    Newer {
        /// The schema of the file.
        found: usize,
        /// The newest schema this binary knows.
        known: usize,
    },
    /// It was written by an older version, and was opened for reading only.
    #[error("the event log has schema {found}; a server of this version has to open it once")]
    Older {
        /// The schema of the file.
        found: usize,
    },
    /// It is another program's database.
    #[error("the file is not an event log")]
    Foreign,
}

/// Opens the file for writing, and makes or migrates it.
pub(crate) fn open(path: &Path) -> Result<Connection, Cause> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let mut connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY)?;
    // Looked at before anything is changed, so that a refused file stays as it was.
    version(&connection)?;
    connection.execute_batch(SETTINGS)?;
    migrate(&mut connection)?;
    Ok(connection)
}

/// Opens the file for reading.
pub(crate) fn open_read_only(path: &Path) -> Result<Connection, Cause> {
    let connection = connect_reader(path)?;
    match version(&connection)? {
        found if found < MIGRATIONS.len() => Err(Unusable::Older { found }.into()),
        _ => Ok(connection),
    }
}

/// A further connection for reading, to a file that was looked at.
pub(crate) fn connect_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    // Else a statement is compiled again whenever another number is bound to its limit.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

/// The log's identity.
pub(crate) fn identity(connection: &Connection) -> rusqlite::Result<Uuid> {
    let bytes: [u8; 16] = connection.query_row("SELECT identity FROM log", [], |row| row.get(0))?;
    Ok(Builder::from_random_bytes(bytes).into_uuid())
}

/// The schema of the file; 0 when it is new.
fn version(connection: &Connection) -> Result<usize, Cause> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let found = usize::try_from(pragma("user_version")?)?;
    let is_empty = connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))?;
    match pragma("application_id")? {
        APPLICATION if found > MIGRATIONS.len() => {
            Err(Unusable::Newer { found, known: MIGRATIONS.len() }.into())
        }
        APPLICATION => Ok(found),
        0 if is_empty => Ok(0),
        _ => Err(Unusable::Foreign.into()),
    }
}

/// Brings the file to the newest schema. The lock is taken first, so that two openers do not both migrate.
fn migrate(connection: &mut Connection) -> Result<(), Cause> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for migration in &MIGRATIONS[version(&tx)?..] {
        tx.execute_batch(migration)?;
    }
    tx.pragma_update(None, "application_id", APPLICATION)?;
    tx.pragma_update(None, "user_version", i32::try_from(MIGRATIONS.len())?)?;
    tx.commit()?;
    Ok(())
}
