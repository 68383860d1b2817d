//! Leases: who works on what, so that nobody else does, until they stop saying so.

use crate::store::LeaseRows;
use crate::{StateError, failed};
use scanledger_commands::ports::{self, LeaseHolder};
use scanledger_domain::Cause;
use scanledger_domain::time::Timestamp;
use std::sync::Arc;
use std::time::Duration;

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
/// A lease holds up to, and without, the instant `until`. In a file the callers' clock counts, which is that of one
/// machine. On PostgreSQL the database's clock counts, so that clocks of nodes may differ: a lease lapses when its
/// time has passed there, and instants in answers are translated to the caller's clock with the difference that was
/// seen when a caller last brought its time (see [`crate::State::tidy`], which is one to do so at the start).
pub struct Leases {
    rows: Arc<dyn LeaseRows>,
}

impl Leases {
    pub(crate) fn new(rows: Arc<dyn LeaseRows>) -> Self {
        Self { rows }
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
        self.rows.acquire(name, owner, now, microseconds(ttl_ms)).map_err(failed("acquire a lease"))
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
        self.rows.renew(name, owner, now, microseconds(ttl_ms)).map_err(failed("renew a lease"))
    }

    /// Gives the lease back: the work is done, and attempts are counted from 1 again. Answers whether `owner`
    /// still had it, lapsed or not.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn release(&self, name: &str, owner: &str) -> Result<bool, StateError> {
        self.rows.release(name, owner).map_err(failed("release a lease"))
    }

    /// Leases whose holders have stopped renewing them, the longest lapsed first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn lapsed(&self, now: Timestamp) -> Result<Vec<Holder>, StateError> {
        self.rows.lapsed(now).map_err(failed("list lapsed leases"))
    }

    /// Who holds the lease, or held it last if it has lapsed and was not released.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn holder(&self, name: &str) -> Result<Option<Holder>, StateError> {
        self.rows.holder(name).map_err(failed("find the holder of a lease"))
    }
}

impl ports::Leases for Leases {
    fn acquire(&self, name: &str, owner: &str, now: Timestamp, ttl: Duration) -> Result<bool, Cause> {
        Ok(Self::acquire(self, name, owner, now, milliseconds(ttl))?.is_some())
    }

    fn renew(&self, name: &str, owner: &str, now: Timestamp, ttl: Duration) -> Result<bool, Cause> {
        Ok(Self::renew(self, name, owner, now, milliseconds(ttl))?.is_some())
    }

    fn release(&self, name: &str, owner: &str) -> Result<(), Cause> {
        Self::release(self, name, owner)?;
        Ok(())
    }

    fn holder(&self, name: &str) -> Result<Option<LeaseHolder>, Cause> {
        let holder = Self::holder(self, name)?;
        Ok(holder.map(|holder| LeaseHolder { owner: holder.owner, until: holder.lease.until }))
    }
}

/// Fifty days and more are as good as any longer time.
fn milliseconds(ttl: Duration) -> u32 {
    u32::try_from(ttl.as_millis()).unwrap_or(u32::MAX)
}

fn microseconds(ttl_ms: u32) -> i64 {
    i64::from(ttl_ms) * 1_000
}
