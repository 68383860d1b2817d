//! What the suite has to know about an adapter.

use scanledger_domain::BoxFuture;
use scanledger_domain::log::EventLog;
use scanledger_domain::time::Clock;
use std::sync::Arc;

/// What an adapter's store can do; rules about what it cannot do pass without looking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Positions have no holes: 1, 2, 3, …
    pub contiguous: bool,
    /// A batch over several streams is written whole or not at all.
    pub atomic_over_streams: bool,
    /// Two appenders may be open on one log at the same time.
    pub several_appenders: bool,
    /// `recorded_at` comes from the clock that the log was opened with.
    pub own_clock: bool,
}

impl Capabilities {
    /// What our own stores can do.
    pub const ALL: Self =
        Self { contiguous: true, atomic_over_streams: true, several_appenders: true, own_clock: true };
}

/// One store, empty at first, and how to open it.
pub trait Harness: Send + Sync {
    /// What the store can do.
    fn capabilities(&self) -> Capabilities {
        Capabilities::ALL
    }

    /// Opens the store: the same one each time, with everything that is in it.
    fn open(&self, clock: Arc<dyn Clock>) -> BoxFuture<'_, Arc<dyn EventLog>>;
}
