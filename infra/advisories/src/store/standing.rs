//! Which import of the log the advisories in the store are.

use super::{AdvisoryStore, StoreError, failed, writer};
use crate::report::ImportError;
use rusqlite::Connection;
use rusqlite::types::Type;
use scanledger_domain::advisory::Generation;
use scanledger_domain::id::EventId;

/// What is in force in a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The generation; 0 if there is none.
    pub generation: Generation,
    /// The import of the log that it came with; `None` if no log took note of it, or if a version imported it that did
    /// not keep this.
    pub event: Option<EventId>,
}

impl AdvisoryStore {
    /// What is in force, read from the file at this moment.
    ///
    /// # Errors
    /// When the store fails.
    pub fn standing(&self) -> Result<Standing, StoreError> {
        self.reader.ask(standing)
    }

    /// Forgets every record, so that there is no generation.
    ///
    /// # Errors
    /// When the store fails or was opened for reading only; nothing is changed then.
    pub fn clear(&self) -> Result<(), ImportError> {
        if self.is_read_only {
            return Err(ImportError::ReadOnly);
        }
        let clear = "BEGIN IMMEDIATE; DELETE FROM affected; DELETE FROM package; DELETE FROM advisory;
                     UPDATE generation SET number = 0, event = NULL; COMMIT;";
        // A connection that is dropped in the middle takes everything back.
        writer(&self.path)?.execute_batch(clear).map_err(failed("forget the advisories"))?;
        // Else records of the next first generation would be taken for those that are known.
        self.reader.latest()?;
        Ok(())
    }
}

/// What is in force.
pub(super) fn standing(connection: &Connection) -> Result<Standing, StoreError> {
    connection
        .prepare_cached("SELECT number, event FROM generation")
        .and_then(|mut select| {
            select.query_row([], |row| {
                let event: Option<String> = row.get(1)?;
                let event = event.map(|event| event.parse::<EventId>()).transpose();
                let event = event.map_err(|error| {
                    rusqlite::Error::FromSqlConversionFailure(1, Type::Text, error.into())
                })?;
                Ok(Standing { generation: Generation(row.get::<_, i64>(0)?.unsigned_abs()), event })
            })
        })
        .map_err(failed("read what is in force"))
}
