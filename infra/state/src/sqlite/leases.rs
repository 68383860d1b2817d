//! Leases, on the callers' clock.

use super::SqliteStore;
use crate::leases::{Holder, Lease};
use crate::store::LeaseRows;
use rusqlite::{OptionalExtension, Row, named_params, params};
use scanledger_domain::Cause;
use scanledger_domain::time::Timestamp;

impl LeaseRows for SqliteStore {
    fn acquire(&self, name: &str, owner: &str, now: Timestamp, ttl_us: i64) -> Result<Option<Lease>, Cause> {
        let connection = self.rest.lock();
        let mut upsert = connection.prepare_cached(
            "INSERT INTO lease (name, owner, attempt, until) VALUES (:name, :owner, 1, :until) \
             ON CONFLICT (name) DO UPDATE SET \
                 attempt = CASE WHEN until > :now THEN attempt ELSE attempt + 1 END, \
                 until = max(until, :until), \
                 owner = :owner \
             WHERE until <= :now OR owner = :owner \
             RETURNING attempt, until",
        )?;
        let until = now.0.saturating_add(ttl_us);
        let values = named_params! { ":name": name, ":owner": owner, ":now": now.0, ":until": until };
        Ok(upsert.query_row(values, |row| lease(row, 0)).optional()?)
    }

    fn renew(&self, name: &str, owner: &str, now: Timestamp, ttl_us: i64) -> Result<Option<Lease>, Cause> {
        let connection = self.rest.lock();
        let mut update = connection.prepare_cached(
            "UPDATE lease SET until = max(until, ?4) WHERE name = ?1 AND owner = ?2 AND until > ?3 \
             RETURNING attempt, until",
        )?;
        let values = params![name, owner, now.0, now.0.saturating_add(ttl_us)];
        Ok(update.query_row(values, |row| lease(row, 0)).optional()?)
    }

    fn release(&self, name: &str, owner: &str) -> Result<bool, Cause> {
        let connection = self.rest.lock();
        let mut delete = connection.prepare_cached("DELETE FROM lease WHERE name = ?1 AND owner = ?2")?;
        Ok(delete.execute([name, owner])? > 0)
    }

    fn lapsed(&self, now: Timestamp) -> Result<Vec<Holder>, Cause> {
        let connection = self.rest.lock();
        let mut select = connection.prepare_cached(
            "SELECT name, owner, attempt, until FROM lease WHERE until <= ?1 ORDER BY until, name",
        )?;
        let holders = select.query_map([now.0], holder)?;
        Ok(holders.collect::<rusqlite::Result<_>>()?)
    }

    fn holder(&self, name: &str) -> Result<Option<Holder>, Cause> {
        let connection = self.rest.lock();
        let mut select =
            connection.prepare_cached("SELECT name, owner, attempt, until FROM lease WHERE name = ?1")?;
        Ok(select.query_row([name], holder).optional()?)
    }
}

fn lease(row: &Row<'_>, column: usize) -> rusqlite::Result<Lease> {
    Ok(Lease { attempt: row.get(column)?, until: Timestamp(row.get(column + 1)?) })
}

fn holder(row: &Row<'_>) -> rusqlite::Result<Holder> {
    Ok(Holder { name: row.get(0)?, owner: row.get(1)?, lease: lease(row, 2)? })
}
