//! What an open log has done, for metrics.

use std::sync::atomic::{AtomicU64, Ordering};

/// By how many requests writes are told apart: at most so many each.
pub const GROUP_SIZES: [u64; 11] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024];

/// What was appended since the log was opened, by this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogStats {
    /// Events.
    pub events: u64,
    /// Writes that appended something; each was flushed to disk once.
    pub groups: u64,
    /// Requests that they took, all together.
    pub requests: u64,
    /// Writes by size: those that took no more requests than the [`GROUP_SIZES`] in the same place, but more than the
    /// one before. Writes that took more than the last are in none.
    pub by_size: [u64; GROUP_SIZES.len()],
}

impl LogStats {
    /// How many writes took more than `size` requests, which is one of [`GROUP_SIZES`].
    pub fn groups_above(&self, size: u64) -> u64 {
        let others = GROUP_SIZES.iter().zip(self.by_size).filter(|(most, _)| **most <= size);
        self.groups.saturating_sub(others.map(|(_, groups)| groups).sum())
    }
}

/// The counters behind [`LogStats`]; an adapter's appender adds to them, and anybody may read.
#[derive(Debug, Default)]
pub struct LogCounters {
    events: AtomicU64,
    groups: AtomicU64,
    requests: AtomicU64,
    by_size: [AtomicU64; GROUP_SIZES.len()],
}

impl LogCounters {
    /// Counts one write that appended `events` events for `requests` callers.
    pub fn add_group(&self, events: u64, requests: u64) {
        self.events.fetch_add(events, Ordering::Relaxed);
        self.groups.fetch_add(1, Ordering::Relaxed);
        self.requests.fetch_add(requests, Ordering::Relaxed);
        let place = GROUP_SIZES.partition_point(|most| *most < requests);
        if let Some(count) = self.by_size.get(place) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What was counted so far.
    pub fn read(&self) -> LogStats {
        LogStats {
            events: self.events.load(Ordering::Relaxed),
            groups: self.groups.load(Ordering::Relaxed),
            requests: self.requests.load(Ordering::Relaxed),
            by_size: self.by_size.each_ref().map(|count| count.load(Ordering::Relaxed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{GROUP_SIZES, LogCounters, LogStats};

    #[test]
    fn groups_add_up_and_are_told_apart_by_their_size() {
        let counters = LogCounters::default();
        assert_eq!(counters.read(), LogStats::default());
        for (events, requests) in [(3, 2), (40, 7), (1, 1), (9, 8), (5_000, 1_024), (9_000, 1_025)] {
            counters.add_group(events, requests);
        }
        let stats = counters.read();
        assert_eq!((stats.events, stats.groups, stats.requests), (14_053, 6, 2_067));
        assert_eq!(stats.by_size, [1, 1, 0, 2, 0, 0, 0, 0, 0, 0, 1]);
        let above = [1, 2, 8, 512, 1_024].map(|size| stats.groups_above(size));
        assert_eq!(above, [5, 4, 2, 2, 1]);
        assert!(GROUP_SIZES.is_sorted());
    }
}
