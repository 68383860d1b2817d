//! What the log has done since it was opened, for metrics.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the log was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogStats {
    /// Events appended.
    pub events: u64,
    /// Transactions that appended something; each was flushed to disk once.
    pub groups: u64,
    /// The most requests that one transaction wrote.
    pub largest_group: u64,
}

/// The counters behind [`LogStats`]; only the appender adds to them.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    events: AtomicU64,
    groups: AtomicU64,
    largest_group: AtomicU64,
}

impl Counters {
    /// Counts one transaction that appended `events` for `requests` callers.
    pub(crate) fn add_group(&self, events: u64, requests: u64) {
        self.events.fetch_add(events, Ordering::Relaxed);
        self.groups.fetch_add(1, Ordering::Relaxed);
        self.largest_group.fetch_max(requests, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> LogStats {
        LogStats {
            events: self.events.load(Ordering::Relaxed),
            groups: self.groups.load(Ordering::Relaxed),
            largest_group: self.largest_group.load(Ordering::Relaxed),
        }
    }
}
