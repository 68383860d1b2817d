//! Time that only goes forward.

use std::sync::Arc;
use std::time::{Duration, Instant};

/// A clock that only goes forward: somebody who sets the system's time neither frees nor blocks anybody.
#[derive(Clone)]
pub(super) struct Ticks(Arc<dyn Fn() -> Duration + Send + Sync>);

impl Default for Ticks {
    fn default() -> Self {
        let start = Instant::now();
        Self(Arc::new(move || start.elapsed()))
    }
}

impl Ticks {
    /// Time since some moment before this clock was made.
    pub(super) fn elapsed(&self) -> Duration {
        (self.0)()
    }
}

impl governor::clock::Clock for Ticks {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.elapsed()
    }
}

/// A clock that stands still until it is told otherwise.
#[cfg(test)]
#[derive(Clone, Default)]
pub(super) struct Standing(Arc<std::sync::atomic::AtomicU64>);

#[cfg(test)]
impl Standing {
    pub(super) fn ticks(&self) -> Ticks {
        let millis = Arc::clone(&self.0);
        Ticks(Arc::new(move || Duration::from_millis(millis.load(std::sync::atomic::Ordering::Relaxed))))
    }

    pub(super) fn advance(&self, seconds: f64) {
        let millis = Duration::from_secs_f64(seconds).as_millis() as u64;
        self.0.fetch_add(millis, std::sync::atomic::Ordering::Relaxed);
    }
}
