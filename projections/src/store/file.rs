//! Views files: their schema, revision and names.

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

const SCHEMA: &str = include_str!("../../../migrations/views/views.sql");

/// Counts changes of the projections' logic: raise it whenever the same events give other rows.
pub const REVISION: u32 = 4;

/// Names the shape and the logic of the read models: 12 hex digits over the schema and [`REVISION`].
pub fn revision() -> &'static str {
    static NAME: LazyLock<String> = LazyLock::new(|| {
        let mut hash = Sha256::new();
        hash.update(SCHEMA);
        hash.update(REVISION.to_be_bytes());
        hex::encode(&hash.finalize()[..6])
    });
    &NAME
}

/// The views file of this revision in `folder`: the one with the highest number, or the first if there is none.
pub(crate) fn views_path(folder: &Path) -> PathBuf {
    let number = numbers(folder).into_iter().max().unwrap_or(1);
    folder.join(file_name(number))
}

/// The name for the file that replaces `current`.
pub(crate) fn next_path(folder: &Path) -> PathBuf {
    folder.join(file_name(numbers(folder).into_iter().max().unwrap_or(0) + 1))
}

fn file_name(number: u32) -> String {
    format!("views-{}-{number}.db", revision())
}

fn numbers(folder: &Path) -> Vec<u32> {
    let prefix = format!("views-{}-", revision());
    let Ok(entries) = std::fs::read_dir(folder) else { return vec![] };
    entries
        .filter_map(|entry| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            name.strip_prefix(&prefix)?.strip_suffix(".db")?.parse().ok()
        })
        .collect()
}

/// Removes views files of this revision other than `keep`, and what a build that never ended left behind.
pub(crate) fn prune(folder: &Path, keep: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let kept = keep.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    let prefix = format!("views-{}-", revision());
    for entry in entries.flatten() {
        let name = entry.file_name().into_string().unwrap_or_default();
        if name.starts_with(&prefix) && !name.starts_with(&kept) {
            // A file that cannot be removed is tried again at the next start.
            drop(std::fs::remove_file(entry.path()));
        }
    }
}

/// Opens or creates a views file for writing.
pub(crate) fn open_writer(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "page_size", 8192)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "cache_size", -32_768)?;
    connection.pragma_update(None, "wal_autocheckpoint", 4_000)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    keep_plans(&connection)?;
    connection.set_prepared_statement_cache_capacity(128);
    let is_empty: bool = connection.query_row(
        "SELECT count(*) = 0 FROM sqlite_schema WHERE name = 'checkpoint'",
        [],
        |row| row.get(0),
    )?;
    if is_empty {
        connection.execute_batch(&format!("BEGIN; {SCHEMA} COMMIT;"))?;
    }
    Ok(connection)
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Whatever anybody asks: many rows.
    Queries,
    /// A few rows by their keys, again and again between writes.
    LookUps,
}

/// Opens a views file for reading.
pub(crate) fn open_reader(path: &Path, reading: Reading) -> rusqlite::Result<Connection> {
    use rusqlite::OpenFlags;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", -2_048)?;
    if reading == Reading::Queries {
        // After each write the whole map is made anew, which costs more than reading a few pages.
        connection.pragma_update(None, "mmap_size", 268_435_456)?;
    }
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    keep_plans(&connection)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Otherwise SQLite looks at bound values when it chooses among partial indexes, and compiles a cached statement
/// again whenever they change: 15 % of the time of a page of findings.
fn keep_plans(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}
