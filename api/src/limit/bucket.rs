//! Counting per key, in memory that has a bound.

use super::class::Quota;
use super::ticks::Ticks;
use governor::RateLimiter;
use governor::middleware::StateInformationMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use hashlink::LruCache;
use parking_lot::Mutex;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::time::Duration;

/// A quota for each key: the generic cell rate algorithm, which gives units back one by one instead of all at the
/// end of a window.
pub(super) struct Bucket<K: Hash + Eq + Clone> {
    limiter: RateLimiter<Ask<K>, Store<K>, Ticks, StateInformationMiddleware>,
    clock: Ticks,
    /// After how long one unit comes back.
    period: Duration,
}

/// What is asked about a key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Ask<K> {
    /// A unit, if there is one.
    Take(K),
    /// Whether there is one.
    Look(K),
}

impl<K: Hash + Eq + Clone> Bucket<K> {
    /// Of a quota, for at most `keys` keys: beyond them, the key that was asked about longest ago starts afresh.
    pub(super) fn new(quota: Quota, keys: usize, clock: Ticks) -> Self {
        let period = Duration::from_secs(quota.window_seconds.into()) / quota.limit;
        let burst = NonZeroU32::new(quota.burst).unwrap_or(NonZeroU32::MIN);
        let quota = governor::Quota::with_period(period)
            .expect("a window of at least a second for at most a million requests gives each a microsecond");
        let store = Store(Mutex::new(LruCache::new(keys)));
        Self { limiter: RateLimiter::new(quota.allow_burst(burst), store, clock.clone()), clock, period }
    }

    /// Takes a unit, and says how many are left; or how long to wait for one.
    pub(super) fn take(&self, key: K) -> Result<u32, Duration> {
        self.ask(&Ask::Take(key))
    }

    /// As [`Self::take`], and takes nothing.
    pub(super) fn look(&self, key: K) -> Result<u32, Duration> {
        self.ask(&Ask::Look(key))
    }

    fn ask(&self, ask: &Ask<K>) -> Result<u32, Duration> {
        match self.limiter.check_key(ask) {
            Ok(state) => Ok(state.remaining_burst_capacity()),
            Err(until) => Err(until.wait_time_from(self.clock.elapsed())),
        }
    }

    /// After how long one unit comes back.
    pub(super) fn period(&self) -> Duration {
        self.period
    }
}

/// When each key has all its units again.
struct Store<K>(Mutex<LruCache<K, Nanos>>);

impl<K: Hash + Eq + Clone> StateStore for Store<K> {
    type Key = Ask<K>;

    fn measure_and_replace<T, F, E>(&self, ask: &Ask<K>, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut states = self.0.lock();
        match ask {
            Ask::Look(key) => decide(states.peek(key).copied()).map(|(answer, _)| answer),
            Ask::Take(key) => {
                let (answer, state) = decide(states.get(key).copied())?;
                states.insert(key.clone(), state);
                Ok(answer)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ticks::Standing;
    use super::Bucket;
    use crate::limit::class::Quota;
    use std::time::Duration;

    fn bucket(limit: u32, burst: u32, keys: usize, clock: &Standing) -> Bucket<u32> {
        Bucket::new(Quota { limit, window_seconds: 60, burst }, keys, clock.ticks())
    }

    #[test]
    fn a_quota_may_be_used_at_once_and_comes_back_one_by_one() {
        let clock = Standing::default();
        let bucket = bucket(5, 5, 10, &clock);
        let left: Vec<_> = (0..5).map(|_| bucket.take(1).unwrap()).collect();
        assert_eq!(left, [4, 3, 2, 1, 0]);
        assert_eq!(bucket.take(1), Err(Duration::from_secs(12)));
        clock.advance(11.5);
        assert_eq!(bucket.take(1), Err(Duration::from_millis(500)));
        clock.advance(0.5);
        assert_eq!(bucket.take(1), Ok(0));
        assert_eq!(bucket.take(1), Err(Duration::from_secs(12)));
        clock.advance(600.0);
        assert_eq!(bucket.take(1), Ok(4));
    }

    #[test]
    fn a_burst_is_smaller_than_the_quota_and_no_less_comes_back() {
        let clock = Standing::default();
        let bucket = bucket(60, 2, 10, &clock);
        assert_eq!((bucket.take(1), bucket.take(1)), (Ok(1), Ok(0)));
        assert_eq!(bucket.take(1), Err(Duration::from_secs(1)));
        clock.advance(1.0);
        assert_eq!(bucket.take(1), Ok(0));
    }

    #[test]
    fn keys_are_counted_apart() {
        let bucket = bucket(1, 1, 10, &Standing::default());
        assert_eq!((bucket.take(1), bucket.take(2)), (Ok(0), Ok(0)));
        assert!(bucket.take(1).is_err());
    }

    #[test]
    fn looking_takes_nothing() {
        let bucket = bucket(1, 1, 10, &Standing::default());
        assert_eq!((bucket.look(1), bucket.look(1), bucket.take(1)), (Ok(0), Ok(0), Ok(0)));
        assert_eq!(bucket.look(1), Err(Duration::from_secs(60)));
    }

    #[test]
    fn no_more_keys_are_kept_than_there_is_room_for() {
        let bucket = bucket(1, 1, 10, &Standing::default());
        for key in 0..1_000 {
            assert_eq!(bucket.take(key), Ok(0));
        }
        let states = bucket.limiter.into_state_store().0.into_inner();
        assert_eq!(states.len(), 10);
        assert!((990..1_000).all(|key| states.contains_key(&key)));
    }
}
