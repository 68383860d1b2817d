//! The file of the tree: its schema and how it is opened.

use super::{Reached, TreeError};
use rusqlite::{Connection, OpenFlags};
use scanledger_domain::log::Position;
use std::path::Path;
use std::time::Duration;

/// The name of the file in the data folder.
pub const TREE_FILE: &str = "tree.db";

/// Hashes in a tile.
pub(super) const TILE: u64 = 256;
/// Bytes of a hash.
pub(super) const HASH: usize = 32;
/// Idle connections for reading that are kept.
pub(super) const KEPT_CONNECTIONS: usize = 4;

const SCHEMA: &str = include_str!("../../../migrations/tree/tree.sql");
/// Raised with every change of the schema or of what is hashed; files of another version are built anew.
const VERSION: i32 = 1;
/// SQLite's `application_id` of our trees: "SLtr" in ASCII.
const APPLICATION: i32 = 0x534c_7472;
/// How long a connection waits for another one's lock.
const BUSY: Duration = Duration::from_secs(5);

/// Opens the file for writing, and makes it. [`TreeError::Damaged`] for one of another version or program.
pub(super) fn open_writer(path: &Path) -> Result<Connection, TreeError> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // What a crash loses is read from the log again.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    let is_empty: bool =
        connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))?;
    if is_empty {
        connection.execute_batch(&format!(
            "BEGIN; {SCHEMA} PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION}; COMMIT;"
        ))?;
    }
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    if pragma("application_id")? != APPLICATION || pragma("user_version")? != VERSION {
        return Err(TreeError::Damaged);
    }
    Ok(connection)
}

/// Opens the file for reading.
pub(super) fn open_reader(path: &Path) -> Result<Connection, TreeError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// How far the tree in a file is.
pub(super) fn reached(connection: &Connection) -> Result<Reached, TreeError> {
    let mut select = connection.prepare_cached("SELECT size, position FROM tree")?;
    let reached = select.query_row([], |row| {
        let (size, position): (i64, i64) = (row.get(0)?, row.get(1)?);
        Ok(Reached { size: size.cast_unsigned(), position: Position(position.cast_unsigned()) })
    })?;
    Ok(reached)
}

/// Removes the file and what belongs to it.
pub(super) fn remove(path: &Path) {
    for ending in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        // What cannot be removed fails when it is opened.
        drop(std::fs::remove_file(name));
    }
}
