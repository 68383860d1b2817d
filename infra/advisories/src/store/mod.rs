//! The store: one SQLite file, read through a cache, written by imports.

mod import;
mod index;
mod reader;
mod sealed;
mod standing;

pub use standing::Standing;

use crate::report::{ImportError, ImportProgress, ImportReport};
use crate::source::Bounds;
use import::Becoming;
use reader::Reader;
use rusqlite::{Connection, OpenFlags};
use scanledger_domain::Cause;
use scanledger_domain::advisory::Generation;
use scanledger_domain::id::EventId;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The migrations, in order; `PRAGMA user_version` counts those that were applied.
const MIGRATIONS: [&str; 2] = [
    include_str!("../../../../migrations/advisories/0001_advisories.sql"),
    include_str!("../../../../migrations/advisories/0002_event.sql"),
];

/// The schema after all migrations.
const SCHEMA: u32 = MIGRATIONS.len() as u32;

/// How long to wait for an import by another process.
const BUSY: Duration = Duration::from_secs(60);

/// The advisories of this installation, in one SQLite file.
///
/// Any number of processes may read the file while one imports; each sees a new generation soon after it is
/// complete, and never a part of it.
#[derive(Debug)]
pub struct AdvisoryStore {
    path: PathBuf,
    is_read_only: bool,
    reader: Reader,
}

/// The store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite failed.
    #[error("the advisories failed while trying to {doing}")]
    Failed {
        /// What was tried.
        doing: &'static str,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// The file was written by another version of the program.
    #[error("the advisories have schema {found}, this program knows {known}")]
    Schema {
        /// The schema of the file.
        found: u32,
        /// The newest schema that is known.
        known: u32,
    },
    /// What is stored of a record cannot be read.
    #[error("advisory {id} is damaged")]
    Damaged {
        /// The record.
        id: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

fn failed(doing: &'static str) -> impl FnOnce(rusqlite::Error) -> StoreError {
    move |source| StoreError::Failed { doing, source }
}

impl AdvisoryStore {
    /// Opens the advisories at `path`, creating the file if it is missing.
    ///
    /// # Errors
    /// When the file cannot be opened, is no such store, or was written by a newer program.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        migrate(&mut writer(path)?)?;
        let reader = Reader::open(connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?)?;
        Ok(Self { path: path.to_owned(), is_read_only: false, reader })
    }

    /// Opens the advisories at `path` for matching only. Readers of a write-ahead log share an index beside the file;
    /// where none can be made, and there is no log, nobody writes, and the file is read as it is.
    ///
    /// # Errors
    /// When the file is missing, cannot be opened, is no such store, or has another schema.
    pub fn open_read_only(path: &Path) -> Result<Self, StoreError> {
        let (connection, found) = sealed::read_only(path)?;
        // What is read to match is in all of them.
        if !(1..=SCHEMA).contains(&found) {
            return Err(StoreError::Schema { found, known: SCHEMA });
        }
        Ok(Self { path: path.to_owned(), is_read_only: true, reader: Reader::open(connection)? })
    }

    /// Imports OSV records: zips as published (one JSON file per record), folders (searched for `.json` files,
    /// links not followed) and single files. All of it becomes one generation, or nothing does.
    ///
    /// A known record is replaced by one with a later `modified`, or with the same one and another content. A
    /// source without a usable `modified` (the Go database gives the year 1) loses against one with it, and is
    /// compared by content otherwise. Among equals in one import the first is kept, so that importing the same
    /// again changes nothing. Records that are missing in the sources stay. If no record changed, neither does
    /// the generation.
    ///
    /// A record that cannot be read is counted and reported, and hinders no other.
    ///
    /// # Errors
    /// When a source cannot be read or is beyond its limits, or the store fails; nothing is changed then.
    pub fn import(
        &self,
        sources: &[PathBuf],
        progress: &dyn Fn(ImportProgress<'_>),
    ) -> Result<ImportReport, ImportError> {
        self.import_within(sources, Becoming::Next, progress, Bounds::default())
    }

    /// As [`AdvisoryStore::import`], but what comes in is in force only when `record` has taken note of it: until then
    /// nobody matches with it, and if it fails nothing is changed. `record` is called once, with the generation that it
    /// is to be and what changes with it, and answers the event that says so; it is not called if no record changes, and
    /// the store stays exactly as it is then, as on a node that hears of imports from the log.
    ///
    /// # Errors
    /// As [`AdvisoryStore::import`], and [`ImportError::NotRecorded`].
    pub fn import_recorded(
        &self,
        sources: &[PathBuf],
        progress: &dyn Fn(ImportProgress<'_>),
        record: &mut dyn FnMut(&ImportReport) -> Result<EventId, Cause>,
    ) -> Result<ImportReport, ImportError> {
        self.import_within(sources, Becoming::Recorded(record), progress, Bounds::default())
    }

    /// Imports what `event` of the log says was imported as `generation`, which becomes the generation here, too.
    /// Without sources the generation is taken over and no record is.
    ///
    /// # Errors
    /// As [`AdvisoryStore::import`].
    pub fn import_as(
        &self,
        generation: Generation,
        event: EventId,
        sources: &[PathBuf],
        progress: &dyn Fn(ImportProgress<'_>),
    ) -> Result<ImportReport, ImportError> {
        self.import_within(sources, Becoming::Given(generation, event), progress, Bounds::default())
    }

    fn import_within(
        &self,
        sources: &[PathBuf],
        becoming: Becoming<'_>,
        progress: &dyn Fn(ImportProgress<'_>),
        bounds: Bounds,
    ) -> Result<ImportReport, ImportError> {
        if self.is_read_only {
            return Err(ImportError::ReadOnly);
        }
        let report = import::import(&mut writer(&self.path)?, sources, becoming, progress, bounds)?;
        // Who imports matches with it from here on; other processes look for themselves.
        self.reader.latest()?;
        Ok(report)
    }
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(failed("open the file"))?;
    connection.busy_timeout(BUSY).map_err(failed("set the time to wait"))?;
    // The decoded records are cached; a small page cache is enough to fetch them.
    connection.pragma_update(None, "cache_size", -512).map_err(failed("bound the page cache"))?;
    Ok(connection)
}

/// A connection of its own for each import, so that its memory is given back afterwards.
fn writer(path: &Path) -> Result<Connection, StoreError> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    let set = |name: &str, value: &str| connection.pragma_update(None, name, value);
    set("journal_mode", "WAL").map_err(failed("switch to a write-ahead log"))?;
    // What a power failure took back would have to be fetched and imported again.
    set("synchronous", "FULL").map_err(failed("make commits durable"))?;
    set("cache_size", "-16384").map_err(failed("set the page cache"))?;
    Ok(connection)
}

fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let transaction = connection
        .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
        .map_err(failed("begin the migrations"))?;
    let found = schema(&transaction)?;
    let missing = MIGRATIONS.get(found as usize..).ok_or(StoreError::Schema { found, known: SCHEMA })?;
    for migration in missing {
        transaction.execute_batch(migration).map_err(failed("apply a migration"))?;
    }
    transaction.pragma_update(None, "user_version", SCHEMA).map_err(failed("note the migrations"))?;
    transaction.commit().map_err(failed("commit the migrations"))
}

fn schema(connection: &Connection) -> Result<u32, StoreError> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed("read the schema"))
}

#[cfg(test)]
mod tests;
