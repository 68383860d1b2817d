//! Clocks that tests control.

use scanledger_domain::time::{Clock, Timestamp};
use std::sync::atomic::{AtomicI64, Ordering};

/// Moves on by one millisecond each time it is asked.
#[derive(Debug)]
pub struct TickingClock(AtomicI64);

impl TickingClock {
    /// Starts at `now`.
    pub fn starting_at(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.0))
    }
}

impl Clock for TickingClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.fetch_add(1_000, Ordering::Relaxed))
    }
}

/// Stands still until it is set, forwards or backwards.
#[derive(Debug)]
pub struct SteppingClock(AtomicI64);

impl SteppingClock {
    /// Stands at `now`.
    pub fn standing_at(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.0))
    }

    /// Moves it to `now`.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.0, Ordering::Relaxed);
    }
}

impl Clock for SteppingClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}
