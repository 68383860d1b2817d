//! The only places where time and ids come from the system.

use scanledger_domain::id::Ids;
use scanledger_domain::time::{Clock, Timestamp};
use uuid::Uuid;

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else is passed")]
    fn now(&self) -> Timestamp {
        chrono::Utc::now().into()
    }
}

/// UUIDv7 of the present instant.
#[derive(Debug, Clone, Copy, Default)]
pub struct TimeOrderedIds;

impl Ids for TimeOrderedIds {
    #[expect(clippy::disallowed_methods, reason = "this is the source of ids that everybody else is passed")]
    fn fresh(&self) -> Uuid {
        Uuid::now_v7()
    }
}
