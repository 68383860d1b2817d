//! Counts of requests that had documents searched.

use super::SqliteStore;
use crate::store::{CallRow, CallRows};
use rusqlite::params;
use scanledger_domain::Cause;
use scanledger_domain::id::OrganizationId;

impl CallRows for SqliteStore {
    fn add(&self, rows: &[CallRow]) -> Result<(), Cause> {
        let mut connection = self.rest.lock();
        let tx = connection.transaction()?;
        {
            let mut upsert = tx.prepare_cached(
                "INSERT INTO document_call (organization, day, calls) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (organization, day) DO UPDATE SET calls = calls + excluded.calls",
            )?;
            for CallRow { organization, day, calls } in rows {
                upsert.execute(params![organization.0.as_bytes(), day, i64::try_from(*calls)?])?;
            }
        }
        Ok(tx.commit()?)
    }

    fn sum(&self, organization: OrganizationId, first: i32) -> Result<u64, Cause> {
        let connection = self.rest.lock();
        let mut select = connection.prepare_cached(
            "SELECT coalesce(sum(calls), 0) FROM document_call WHERE organization = ?1 AND day >= ?2",
        )?;
        let sum: i64 = select.query_row(params![organization.0.as_bytes(), first], |row| row.get(0))?;
        Ok(u64::try_from(sum)?)
    }

    fn forget(&self, first: i32) -> Result<(), Cause> {
        let connection = self.rest.lock();
        connection.prepare_cached("DELETE FROM document_call WHERE day < ?1")?.execute([first])?;
        Ok(())
    }
}
