//! Leases of scans, in the state store.

use scanledger_commands::ports::{LeaseHolder, Leases};
use scanledger_domain::Cause;
use scanledger_domain::time::Timestamp;
use scanledger_state::State;
use std::sync::Arc;
use std::time::Duration;

/// Leases as rows of `state.db`.
pub struct StateLeases {
    state: Arc<State>,
}

impl StateLeases {
    /// Over the state store.
    pub fn new(state: Arc<State>) -> Self {
        Self { state }
    }
}

fn milliseconds(ttl: Duration) -> u32 {
    u32::try_from(ttl.as_millis()).unwrap_or(u32::MAX)
}

impl Leases for StateLeases {
    fn acquire(&self, name: &str, owner: &str, now: Timestamp, ttl: Duration) -> Result<bool, Cause> {
        Ok(self.state.leases.acquire(name, owner, now, milliseconds(ttl))?.is_some())
    }

    fn renew(&self, name: &str, owner: &str, now: Timestamp, ttl: Duration) -> Result<bool, Cause> {
        Ok(self.state.leases.renew(name, owner, now, milliseconds(ttl))?.is_some())
    }

    fn release(&self, name: &str, owner: &str) -> Result<(), Cause> {
        self.state.leases.release(name, owner)?;
        Ok(())
    }

    fn holder(&self, name: &str) -> Result<Option<LeaseHolder>, Cause> {
        let holder = self.state.leases.holder(name)?;
        Ok(holder.map(|holder| LeaseHolder { owner: holder.owner, until: holder.lease.until }))
    }
}
