//! How far reactors and publishers have come, by name.

use crate::{Shared, StateError, failed};
use rusqlite::{OptionalExtension, params};

/// Small values by name, each durable when it was put.
pub struct Checkpoints {
    connection: Shared,
}

impl Checkpoints {
    pub(crate) fn new(connection: Shared) -> Self {
        Self { connection }
    }

    /// The value put last.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn find(&self, name: &str) -> Result<Option<Vec<u8>>, StateError> {
        let connection = self.connection.lock();
        connection
            .prepare_cached("SELECT value FROM checkpoint WHERE name = ?1")
            .and_then(|mut select| select.query_row([name], |row| row.get(0)).optional())
            .map_err(failed("read a checkpoint"))
    }

    /// Keeps `value` under `name` instead of what was there.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn put(&self, name: &str, value: &[u8]) -> Result<(), StateError> {
        let connection = self.connection.lock();
        connection
            .prepare_cached(
                "INSERT INTO checkpoint (name, value) VALUES (?1, ?2) \
                 ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            )
            .and_then(|mut upsert| upsert.execute(params![name, value]))
            .map(drop)
            .map_err(failed("write a checkpoint"))
    }

    /// Forgets what is kept under `name`.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn remove(&self, name: &str) -> Result<(), StateError> {
        let connection = self.connection.lock();
        connection
            .prepare_cached("DELETE FROM checkpoint WHERE name = ?1")
            .and_then(|mut delete| delete.execute([name]))
            .map(drop)
            .map_err(failed("remove a checkpoint"))
    }
}
