//! What an open log has done, for metrics.

use std::sync::atomic::{AtomicU64, Ordering};

/// What was appended since the log was opened, by this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogStats {
    /// Events.
    pub events: u64,
    /// Writes that appended something; each was flushed to disk once.
    pub groups: u64,
    /// The most requests that one write took.
    pub largest_group: u64,
}

/// The counters behind [`LogStats`]; an adapter's appender adds to them, and anybody may read.
#[derive(Debug, Default)]
pub struct LogCounters {
    events: AtomicU64,
    groups: AtomicU64,
    largest_group: AtomicU64,
}

impl LogCounters {
    /// Counts one write that appended `events` events for `requests` callers.
    pub fn add_group(&self, events: u64, requests: u64) {
        self.events.fetch_add(events, Ordering::Relaxed);
        self.groups.fetch_add(1, Ordering::Relaxed);
        self.largest_group.fetch_max(requests, Ordering::Relaxed);
    }

    /// What was counted so far.
    pub fn read(&self) -> LogStats {
        LogStats {
            events: self.events.load(Ordering::Relaxed),
            groups: self.groups.load(Ordering::Relaxed),
            largest_group: self.largest_group.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LogCounters, LogStats};

    #[test]
    fn groups_add_up_and_the_largest_stays() {
        let counters = LogCounters::default();
        assert_eq!(counters.read(), LogStats::default());
        for (events, requests) in [(3, 2), (40, 7), (1, 1)] {
            counters.add_group(events, requests);
        }
        assert_eq!(counters.read(), LogStats { events: 44, groups: 3, largest_group: 7 });
    }
}
