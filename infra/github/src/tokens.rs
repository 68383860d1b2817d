//! Tokens of installations, and until when GitHub wants to be left alone by each.
//! <https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-an-installation-access-token-for-a-github-app>

use hashlink::LruCache;
use parking_lot::Mutex;
use reqwest::header::HeaderValue;
use scanledger_domain::code_host::InstallationId;
use scanledger_domain::time::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Installations that are remembered: anybody can make numbers up, so there has to be an end.
const REMEMBERED: usize = 10_000;
/// How long before its end a token is not used any more: what is begun with it has to end before.
const SPARE_SECONDS: i64 = 5 * 60;

/// A token of an installation.
pub(crate) struct Token {
    pub(crate) bearer: HeaderValue,
    /// When it ends, by GitHub's clock.
    pub(crate) ends: Timestamp,
}

impl Token {
    /// Whether it is good for a while at `now`, by GitHub's clock.
    pub(crate) fn is_good(&self, now: Timestamp) -> bool {
        now.plus_seconds(SPARE_SECONDS) < self.ends
    }
}

/// What is known about an installation.
pub(crate) struct Slot {
    /// Held while a new token is asked for, so that only one is.
    pub(crate) token: tokio::sync::Mutex<Option<Arc<Token>>>,
    /// By our clock, in its microseconds.
    limited_until: AtomicI64,
}

impl Slot {
    fn new() -> Self {
        Self { token: tokio::sync::Mutex::new(None), limited_until: AtomicI64::new(i64::MIN) }
    }

    /// Until when, by our clock, GitHub is to be left alone.
    pub(crate) fn limited_until(&self) -> Timestamp {
        Timestamp(self.limited_until.load(Ordering::Relaxed))
    }

    pub(crate) fn limit(&self, until: Timestamp) {
        self.limited_until.fetch_max(until.0, Ordering::Relaxed);
    }
}

/// All installations that somebody asked for lately.
pub(crate) struct Tokens(Mutex<LruCache<InstallationId, Arc<Slot>>>);

impl Tokens {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(LruCache::new(REMEMBERED)))
    }

    pub(crate) fn slot(&self, installation: InstallationId) -> Arc<Slot> {
        let mut slots = self.0.lock();
        if let Some(slot) = slots.get(&installation) {
            return Arc::clone(slot);
        }
        let slot = Arc::new(Slot::new());
        slots.insert(installation, Arc::clone(&slot));
        slot
    }
}
