//! Two clocks: the callers', and the database's, which decides.

use parking_lot::Mutex;
use scanledger_domain::time::Timestamp;
use std::time::{Duration, Instant};

/// A call that took longer says little about how the clocks differ.
const PROMPT: Duration = Duration::from_millis(500);

/// How many microseconds the callers' clock is ahead of the database's, as seen when a caller last brought its time.
/// None before the first.
#[derive(Default)]
pub(super) struct Difference {
    ahead_us: Mutex<Option<i64>>,
}

impl Difference {
    /// A caller said `now` at `asked`, and the database `database_us` in the answer that has just come. The half of
    /// the time in between is an error of at most that half.
    pub(super) fn learn(&self, now: Timestamp, asked: Instant, database_us: i64) {
        let took = asked.elapsed();
        let half_us = i64::try_from(took.as_micros() / 2).unwrap_or(i64::MAX);
        let ahead_us = now.0.saturating_add(half_us).saturating_sub(database_us);
        let mut known = self.ahead_us.lock();
        if known.is_none() || took < PROMPT {
            *known = Some(ahead_us);
        }
    }

    /// An instant of the database on the callers' clock.
    pub(super) fn to_callers(&self, database_us: i64) -> Timestamp {
        Timestamp(database_us.saturating_add(self.ahead_us.lock().unwrap_or(0)))
    }
}
