//! Leases, on the database's clock.

use super::PgStore;
use crate::leases::{Holder, Lease};
use crate::store::LeaseRows;
use scanledger_domain::Cause;
use scanledger_domain::time::Timestamp;
use std::time::Instant;

/// Attempt and end of a lease, and the database's time.
type LeaseRow = (i32, i64, i64);

/// Name, owner, attempt and end of a lease.
type HolderRow = (String, String, i32, i64);

impl LeaseRows for PgStore {
    fn acquire(&self, name: &str, owner: &str, now: Timestamp, ttl_us: i64) -> Result<Option<Lease>, Cause> {
        let (name, owner, asked) = (name.to_owned(), owner.to_owned(), Instant::now());
        let row = self.call(move |pool| async move {
            let upsert = sqlx::query_as(
                "INSERT INTO scanledger_state.lease AS held (name, owner, attempt, until) \
                 VALUES ($1, $2, 1, scanledger_state.now_us() + $3) \
                 ON CONFLICT (name) DO UPDATE SET \
                     attempt = CASE WHEN held.until > scanledger_state.now_us() \
                                    THEN held.attempt ELSE held.attempt + 1 END, \
                     until = greatest(held.until, excluded.until), \
                     owner = excluded.owner \
                 WHERE held.until <= scanledger_state.now_us() OR held.owner = excluded.owner \
                 RETURNING attempt, until, scanledger_state.now_us()",
            );
            Ok(upsert.bind(name).bind(owner).bind(ttl_us).fetch_optional(&pool).await?)
        })?;
        self.lease(row, now, asked)
    }

    fn renew(&self, name: &str, owner: &str, now: Timestamp, ttl_us: i64) -> Result<Option<Lease>, Cause> {
        let (name, owner, asked) = (name.to_owned(), owner.to_owned(), Instant::now());
        let row = self.call(move |pool| async move {
            let update = sqlx::query_as(
                "UPDATE scanledger_state.lease SET until = greatest(until, scanledger_state.now_us() + $3) \
                 WHERE name = $1 AND owner = $2 AND until > scanledger_state.now_us() \
                 RETURNING attempt, until, scanledger_state.now_us()",
            );
            Ok(update.bind(name).bind(owner).bind(ttl_us).fetch_optional(&pool).await?)
        })?;
        self.lease(row, now, asked)
    }

    fn release(&self, name: &str, owner: &str) -> Result<bool, Cause> {
        let (name, owner) = (name.to_owned(), owner.to_owned());
        self.call(move |pool| async move {
            let delete = sqlx::query("DELETE FROM scanledger_state.lease WHERE name = $1 AND owner = $2");
            Ok(delete.bind(name).bind(owner).execute(&pool).await?.rows_affected() > 0)
        })
    }

    fn lapsed(&self, now: Timestamp) -> Result<Vec<Holder>, Cause> {
        let asked = Instant::now();
        let (rows, database_us): (Vec<HolderRow>, i64) = self.call(|pool| async move {
            let select = sqlx::query_as(
                "SELECT name, owner, attempt, until FROM scanledger_state.lease \
                 WHERE until <= (SELECT scanledger_state.now_us()) ORDER BY until, name",
            );
            let rows = select.fetch_all(&pool).await?;
            Ok((rows, sqlx::query_scalar("SELECT scanledger_state.now_us()").fetch_one(&pool).await?))
        })?;
        self.difference.learn(now, asked, database_us);
        rows.into_iter().map(|row| self.holding(row)).collect()
    }

    fn holder(&self, name: &str) -> Result<Option<Holder>, Cause> {
        let name = name.to_owned();
        let row = self.call(|pool| async move {
            let select = sqlx::query_as(
                "SELECT name, owner, attempt, until FROM scanledger_state.lease WHERE name = $1",
            );
            Ok(select.bind(name).fetch_optional(&pool).await?)
        })?;
        row.map(|row| self.holding(row)).transpose()
    }
}

impl PgStore {
    fn lease(&self, row: Option<LeaseRow>, now: Timestamp, asked: Instant) -> Result<Option<Lease>, Cause> {
        let Some((attempt, until_us, database_us)) = row else { return Ok(None) };
        self.difference.learn(now, asked, database_us);
        let until = self.difference.to_callers(until_us);
        Ok(Some(Lease { attempt: u32::try_from(attempt)?, until }))
    }

    fn holding(&self, (name, owner, attempt, until_us): HolderRow) -> Result<Holder, Cause> {
        let until = self.difference.to_callers(until_us);
        Ok(Holder { name, owner, lease: Lease { attempt: u32::try_from(attempt)?, until } })
    }
}
