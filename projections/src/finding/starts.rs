//! Where ranks of past runs begin.
//!
//! A run as of earlier is an index walk that steps over rows which had ended by then: many, if what they were
//! about was decided since. What was at a past moment never changes, so that the place where a page began is
//! remembered, and the next look at that moment goes on from there.

use hashlink::LruCache;
use parking_lot::Mutex;
use std::collections::BTreeMap;

/// Runs whose places are remembered.
const RUNS: usize = 128;
/// Places that are remembered of each run.
const PLACES: usize = 256;

/// A run of a branch at a past position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct PastRun {
    pub(super) branch: i64,
    pub(super) at: i64,
    pub(super) severity: u8,
    pub(super) status: u8,
    pub(super) scanner: u8,
}

/// The row at a rank of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) rank: u64,
    pub(super) finding: i64,
}

/// Which finding stands at which rank.
pub(super) struct Starts(Mutex<LruCache<PastRun, BTreeMap<u64, i64>>>);

impl Default for Starts {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(RUNS)))
    }
}

impl Starts {
    /// The last known place at `rank` or before; the run's beginning if none is known.
    pub(super) fn before(&self, run: &PastRun, rank: u64) -> Start {
        let mut runs = self.0.lock();
        let known = runs.get(run).and_then(|places| places.range(..=rank).next_back());
        known.map_or(Start { rank: 0, finding: i64::MIN }, |(&rank, &finding)| Start { rank, finding })
    }

    /// Remembers a place.
    pub(super) fn learn(&self, run: PastRun, start: Start) {
        let mut runs = self.0.lock();
        let places = runs.entry(run).or_insert_with(BTreeMap::new);
        if places.len() < PLACES || places.contains_key(&start.rank) {
            places.insert(start.rank, start.finding);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{PLACES, PastRun, Start, Starts};

    const RUN: PastRun = PastRun { branch: 1, at: 9, severity: 0, status: 0, scanner: 0 };

    #[test]
    fn a_walk_goes_on_from_the_last_place_known() {
        let starts = Starts::default();
        assert_eq!(starts.before(&RUN, 5), Start { rank: 0, finding: i64::MIN });
        starts.learn(RUN, Start { rank: 0, finding: 70 });
        starts.learn(RUN, Start { rank: 100, finding: 300 });
        assert_eq!(starts.before(&RUN, 99), Start { rank: 0, finding: 70 });
        assert_eq!(starts.before(&RUN, 100), Start { rank: 100, finding: 300 });
        assert_eq!(starts.before(&RUN, 900), Start { rank: 100, finding: 300 });
        let later = PastRun { at: 10, ..RUN };
        assert_eq!(starts.before(&later, 100).finding, i64::MIN, "another moment is another run");
    }

    #[test]
    fn a_run_has_so_many_places() {
        let starts = Starts::default();
        for rank in 0..=PLACES as u64 {
            starts.learn(RUN, Start { rank, finding: 1 });
        }
        assert_eq!(starts.before(&RUN, u64::MAX).rank, PLACES as u64 - 1);
    }
}
