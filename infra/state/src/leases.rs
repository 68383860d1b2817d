//! Leases: who works on what, so that nobody else does, until they stop saying so.

use crate::{Shared, StateError, failed};
use rusqlite::{OptionalExtension, Row, named_params, params};
use scanledger_domain::time::Timestamp;

/// What a holder knows of its lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// How many times the name was taken over since it was last released, this one included: 1 for work
    /// that nobody left behind.
    pub attempt: u32,
    /// When it lapses unless it is renewed.
    pub until: Timestamp,
}

/// A lease as others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// What is held.
    pub name: String,
    /// Who holds it, or held it if it has lapsed.
    pub owner: String,
    /// The lease.
    pub lease: Lease,
}

/// Leases by name. An owner is one life of one worker: after a restart it is another one.
///
/// A lease holds up to, and without, the instant `until`. All instants are the callers' clocks, which have to
/// agree to within a fraction of the time a lease lasts.
pub struct Leases {
    connection: Shared,
}

impl Leases {
    pub(crate) fn new(connection: Shared) -> Self {
        Self { connection }
    }

    /// Takes the lease for `owner` until `ttl_ms` milliseconds after `now`; `None` if another owner holds it.
    /// An owner that holds it already keeps its attempt and gets the later end of the two.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub fn acquire(
        &self,
        name: &str,
        owner: &str,
        now: Timestamp,
        ttl_ms: u32,
    ) -> Result<Option<Lease>, StateError> {
        let connection = self.connection.lock();
        connection
            .prepare_cached(
                "INSERT INTO lease (name, owner, attempt, until) VALUES (:name, :owner, 1, :until) \
                 ON CONFLICT (name) DO UPDATE SET \
                     attempt = CASE WHEN until > :now THEN attempt ELSE attempt + 1 END, \
                     until = CASE WHEN until > :now THEN max(until, :until) ELSE :until END, \
                     owner = :owner \
                 WHERE until <= :now OR owner = :owner \
                 RETURNING attempt, until",
            )
            .and_then(|mut upsert| {
                let until = end(now, ttl_ms);
                let values =
                    named_params! { ":name": name, ":owner": owner, ":now": now.0, ":until": until.0 };
                upsert.query_row(values, |row| lease(row, 0)).optional()
            })
            .map_err(failed("acquire a lease"))
    }

    /// Prolongs the lease until `ttl_ms` milliseconds after `now`; `None` if `owner` does not hold it, or no
    /// longer: then somebody else may be at work, and the owner has to stop.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub fn renew(
        &self,
        name: &str,
        owner: &str,
        now: Timestamp,
        ttl_ms: u32,
    ) -> Result<Option<Lease>, StateError> {
        let connection = self.connection.lock();
        connection
            .prepare_cached(
                "UPDATE lease SET until = max(until, ?4) WHERE name = ?1 AND owner = ?2 AND until > ?3 \
                 RETURNING attempt, until",
            )
            .and_then(|mut update| {
                let values = params![name, owner, now.0, end(now, ttl_ms).0];
                update.query_row(values, |row| lease(row, 0)).optional()
            })
            .map_err(failed("renew a lease"))
    }

    /// Gives the lease back: the work is done, and attempts are counted from 1 again. Answers whether `owner`
    /// still had it, lapsed or not.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn release(&self, name: &str, owner: &str) -> Result<bool, StateError> {
        let connection = self.connection.lock();
        connection
            .prepare_cached("DELETE FROM lease WHERE name = ?1 AND owner = ?2")
            .and_then(|mut delete| delete.execute([name, owner]))
            .map(|deleted| deleted > 0)
            .map_err(failed("release a lease"))
    }

    /// Leases whose holders have stopped renewing them, the longest lapsed first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn lapsed(&self, now: Timestamp) -> Result<Vec<Holder>, StateError> {
        let connection = self.connection.lock();
        connection
            .prepare_cached(
                "SELECT name, owner, attempt, until FROM lease WHERE until <= ?1 ORDER BY until, name",
            )
            .and_then(|mut select| select.query_map([now.0], holder)?.collect())
            .map_err(failed("list lapsed leases"))
    }

    /// Who holds the lease, or held it last if it has lapsed and was not released.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn holder(&self, name: &str) -> Result<Option<Holder>, StateError> {
        let connection = self.connection.lock();
        connection
            .prepare_cached("SELECT name, owner, attempt, until FROM lease WHERE name = ?1")
            .and_then(|mut select| select.query_row([name], holder).optional())
            .map_err(failed("find the holder of a lease"))
    }
}

fn end(now: Timestamp, ttl_ms: u32) -> Timestamp {
    Timestamp(now.0.saturating_add(i64::from(ttl_ms) * 1_000))
}

fn lease(row: &Row<'_>, column: usize) -> rusqlite::Result<Lease> {
    Ok(Lease { attempt: row.get(column)?, until: Timestamp(row.get(column + 1)?) })
}

fn holder(row: &Row<'_>) -> rusqlite::Result<Holder> {
    Ok(Holder { name: row.get(0)?, owner: row.get(1)?, lease: lease(row, 2)? })
}
