//! Small values by name.

use super::SqliteStore;
use crate::store::CheckpointRows;
use rusqlite::{OptionalExtension, params};
use scanledger_domain::Cause;

impl CheckpointRows for SqliteStore {
    fn find(&self, name: &str) -> Result<Option<Vec<u8>>, Cause> {
        let connection = self.rest.lock();
        let mut select = connection.prepare_cached("SELECT value FROM checkpoint WHERE name = ?1")?;
        Ok(select.query_row([name], |row| row.get(0)).optional()?)
    }

    fn put(&self, name: &str, value: &[u8]) -> Result<(), Cause> {
        let connection = self.rest.lock();
        let mut upsert = connection.prepare_cached(
            "INSERT INTO checkpoint (name, value) VALUES (?1, ?2) \
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )?;
        upsert.execute(params![name, value])?;
        Ok(())
    }

    fn replace(&self, name: &str, before: Option<&[u8]>, value: &[u8]) -> Result<bool, Cause> {
        let connection = self.rest.lock();
        let changed = match before {
            None => connection
                .prepare_cached(
                    "INSERT INTO checkpoint (name, value) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                )?
                .execute(params![name, value])?,
            Some(before) => connection
                .prepare_cached("UPDATE checkpoint SET value = ?2 WHERE name = ?1 AND value = ?3")?
                .execute(params![name, value, before])?,
        };
        Ok(changed > 0)
    }
}
