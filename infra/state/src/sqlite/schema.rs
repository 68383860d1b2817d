//! The file: its settings, its schema, and which files are refused.

use crate::store::Unusable;
use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use scanledger_domain::Cause;
use std::path::Path;
use std::time::Duration;

/// One entry per schema version, the first making version 1.
const MIGRATIONS: [&str; 3] = [
    include_str!("../../../../migrations/state/sqlite/0001_state.sql"),
    include_str!("../../../../migrations/state/sqlite/0002_keys_and_requests.sql"),
    include_str!("../../../../migrations/state/sqlite/0003_document_calls.sql"),
];

/// SQLite's `application_id` of our state files: "SLst" in ASCII.
const APPLICATION: i32 = 0x534c_7374;

/// How long a connection waits for another one's lock.
pub(super) const BUSY: Duration = Duration::from_secs(5);
/// How often it looks meanwhile, where SQLite does not wait.
const TRIES: u32 = 250;

/// Deleted keys are overwritten with zeros, not only unlinked.
const SETTINGS: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA secure_delete = ON;
";

/// Opens the file, and makes or migrates it.
pub(super) fn open(path: &Path) -> Result<Connection, Cause> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    // Looked at before anything is changed, so that a refused file stays as it was.
    version(&connection)?;
    set(&connection)?;
    migrate(&mut connection)?;
    Ok(connection)
}

/// Changes the settings. For who opens a new file at the same moment, and is in the way of the change to a write-ahead
/// log, SQLite does not wait by itself.
fn set(connection: &Connection) -> rusqlite::Result<()> {
    for _ in 0..TRIES {
        match connection.execute_batch(SETTINGS) {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                std::thread::sleep(BUSY / TRIES);
            }
            done => return done,
        }
    }
    connection.execute_batch(SETTINGS)
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
