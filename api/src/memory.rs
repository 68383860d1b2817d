//! What handlers remember between requests. Nothing here is needed for correctness; everything has a bound.

use crate::app::App;
use crate::auth::Recorded;
use crate::excerpt::Excerpts;
use crate::rest::semgrep::UploadMemory;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use hashlink::LruCache;
use parking_lot::Mutex;
use scanledger_domain::id::UserId;
use scanledger_domain::identity::KeyHash;
use scanledger_domain::log::{LogError, Position};
use scanledger_projections::identity::{KeyRow, PersonStanding};
use std::convert::Infallible;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Keys and people that are remembered, of each.
const LOOKED_UP: usize = 1_024;
/// How old the eldest event may be that the read model has not taken in, in microseconds.
const MAX_LAG_MICROS: i64 = 10_000_000;

/// What handlers remember. Cheap to clone.
#[derive(Clone, Default)]
pub struct Memory {
    /// Code excerpts.
    pub excerpts: Arc<Excerpts>,
    /// Keys that were looked up.
    pub(crate) keys: Arc<LookedUp<KeyHash, KeyRow>>,
    /// People that were looked up.
    pub(crate) people: Arc<LookedUp<UserId, PersonStanding>>,
    /// Accesses that were recorded.
    pub(crate) recorded: Arc<Recorded>,
    /// Until when the read model is surely fresh enough.
    pub(crate) freshness: Arc<Freshness>,
    /// What is held of uploads.
    pub(crate) uploads: Arc<UploadMemory>,
}

impl Memory {
    /// What the server that got this request remembers.
    pub fn of(parts: &Parts) -> Self {
        parts.extensions.get::<Self>().cloned().unwrap_or_default()
    }
}

impl FromRequestParts<App> for Memory {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
        Ok(Self::of(parts))
    }
}

/// What the read model said at a position.
///
/// An entry holds only while the read model is where it was: whatever happens moves it on, a revocation too, so
/// a key that was revoked is never found here.
pub(crate) struct LookedUp<K, V>(Mutex<LruCache<K, (Position, Arc<V>)>>);

impl<K: Eq + Hash, V> Default for LookedUp<K, V> {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(LOOKED_UP)))
    }
}

impl<K: Eq + Hash, V> LookedUp<K, V> {
    /// What was seen when the read model was at `position`.
    pub(crate) fn find(&self, key: &K, position: Position) -> Option<Arc<V>> {
        let mut entries = self.0.lock();
        let (seen, value) = entries.get(key)?;
        (*seen == position).then(|| Arc::clone(value))
    }

    /// Remembers what was read when the read model had reached `position`, or later.
    pub(crate) fn insert(&self, key: K, position: Position, value: Arc<V>) {
        self.0.lock().insert(key, (position, value));
    }
}

/// Whether the read model is fresh enough to authenticate with.
///
/// The log is asked only when that is not certain: an event that is `age` old now is not yet
/// [`MAX_LAG_MICROS`] old for the rest of that time.
#[derive(Default)]
pub(crate) struct Freshness(AtomicI64);

impl Freshness {
    /// Whether no event has waited for the read model for longer than [`MAX_LAG_MICROS`].
    pub(crate) async fn is_fresh(&self, app: &App) -> Result<bool, LogError> {
        let now = app.clock.now().0;
        if now < self.0.load(Ordering::Relaxed) {
            return Ok(true);
        }
        let position = app.views.position();
        let waiting_since = if position >= app.probe.head() {
            now
        } else {
            let next = app.ledger.log().read_all(position, 1).await?;
            next.first().map_or(now, |event| event.recorded_at.0)
        };
        Ok(self.judge(now, waiting_since))
    }

    /// Whether the eldest event that waits, since `waiting_since`, has not waited for too long.
    fn judge(&self, now: i64, waiting_since: i64) -> bool {
        let until = waiting_since.saturating_add(MAX_LAG_MICROS);
        self.0.store(until, Ordering::Relaxed);
        now <= until
    }
}

#[cfg(test)]
mod tests {
    use super::{Freshness, LookedUp, MAX_LAG_MICROS};
    use scanledger_domain::log::Position;
    use std::sync::Arc;

    #[test]
    fn a_read_model_is_fresh_until_an_event_has_waited_for_ten_seconds() {
        let freshness = Freshness::default();
        assert!(freshness.judge(MAX_LAG_MICROS + 5, 5));
        assert!(!freshness.judge(MAX_LAG_MICROS + 6, 5));
    }

    #[test]
    fn what_was_looked_up_is_remembered_until_anything_happens() {
        let keys = LookedUp::default();
        assert_eq!(keys.find(&"ppr", Position(3)), None);
        keys.insert("ppr", Position(3), Arc::new("CI"));
        assert_eq!(keys.find(&"ppr", Position(3)), Some(Arc::new("CI")));
        assert_eq!(keys.find(&"ppr", Position(4)), None);
    }
}
