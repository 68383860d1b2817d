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
use scanledger_domain::limits::AUTHENTICATION_LAG;
use scanledger_domain::log::{LogError, Position};
use scanledger_projections::Shown;
use scanledger_projections::identity::{KeyRow, PersonStanding};
use std::convert::Infallible;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// Keys and people that are remembered, of each.
const LOOKED_UP: usize = 1_024;
/// [`AUTHENTICATION_LAG`] in microseconds.
const MAX_LAG_MICROS: i64 = AUTHENTICATION_LAG.as_secs().cast_signed() * 1_000_000;

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

/// What the read model said when it showed something.
///
/// An entry holds only while the read model is where it was: whatever happens moves it on, a revocation too, so
/// a key that was revoked is never found here.
pub(crate) struct LookedUp<K, V>(Mutex<LruCache<K, (Shown, Arc<V>)>>);

impl<K: Eq + Hash, V> Default for LookedUp<K, V> {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(LOOKED_UP)))
    }
}

impl<K: Eq + Hash, V> LookedUp<K, V> {
    /// What was seen when the read model showed the same.
    pub(crate) fn find(&self, key: &K, shown: Shown) -> Option<Arc<V>> {
        let mut entries = self.0.lock();
        let (seen, value) = entries.get(key)?;
        (*seen == shown).then(|| Arc::clone(value))
    }

    /// Remembers what was read when the read model showed this, or more.
    pub(crate) fn insert(&self, key: K, shown: Shown, value: Arc<V>) {
        self.0.lock().insert(key, (shown, value));
    }
}

/// Whether the read model is fresh enough to authenticate with.
///
/// The log is asked only when that is not certain: an event that is `age` old now is not yet
/// [`MAX_LAG_MICROS`] old for the rest of that time. Nor is an event of which this node does not know, if the log was
/// heard from `age` ago: one that is cut off trusts what it knows for no longer than that.
///
/// A read model that shows what the log has lost is not, however far it is: a revocation may have been given a position
/// that it shows already.
#[derive(Default)]
pub(crate) struct Freshness(AtomicI64);

impl Freshness {
    /// Whether no event has waited for the read model for longer than [`MAX_LAG_MICROS`], as far as anybody knows.
    pub(crate) async fn is_fresh(&self, app: &App) -> Result<bool, LogError> {
        if app.views.has_diverged() {
            return Ok(false);
        }
        let now = app.clock.now().0;
        if self.is_certain(now) {
            return Ok(true);
        }
        // Before the head is looked at, which may only be newer then.
        let age = app.probe.head_age();
        if age > AUTHENTICATION_LAG {
            // Asking a log that is out of reach takes longer than whoever waits for it should.
            return Ok(false);
        }
        let (position, head) = (app.views.position(), app.probe.head());
        let waiting_since = match position.cmp(&head) {
            std::cmp::Ordering::Equal => since(now, age),
            std::cmp::Ordering::Less => {
                let next = app.ledger.log().read_all(position, 1).await?;
                next.first().map_or(now, |event| event.recorded_at.0)
            }
            // It may have been built anew up to events that this node has yet to hear of. Or the log has lost events,
            // and the read model does not know that yet.
            std::cmp::Ordering::Greater => {
                let there = app.ledger.log().read_all(Position(position.0 - 1), 2).await?;
                if there.first().is_none_or(|event| event.position != position) {
                    return Ok(false);
                }
                there.get(1).map_or_else(|| since(now, age), |event| event.recorded_at.0)
            }
        };
        Ok(self.judge(now, waiting_since))
    }

    /// Whether it is still fresh, going by what was judged last. A clock that is set back makes that no better.
    fn is_certain(&self, now: i64) -> bool {
        let left = self.0.load(Ordering::Relaxed).saturating_sub(now);
        (1..=MAX_LAG_MICROS).contains(&left)
    }

    /// Whether the eldest event that waits, since `waiting_since`, has not waited for too long.
    fn judge(&self, now: i64, waiting_since: i64) -> bool {
        let until = waiting_since.min(now).saturating_add(MAX_LAG_MICROS);
        self.0.store(until, Ordering::Relaxed);
        now <= until
    }
}

/// `age` before `now`.
fn since(now: i64, age: Duration) -> i64 {
    now.saturating_sub(i64::try_from(age.as_micros()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::{Freshness, LookedUp, MAX_LAG_MICROS, since};
    use scanledger_domain::log::Position;
    use scanledger_projections::Shown;
    use std::sync::Arc;
    use std::time::Duration;

    #[test]
    fn a_read_model_is_fresh_until_an_event_has_waited_for_ten_seconds() {
        let freshness = Freshness::default();
        assert!(freshness.judge(MAX_LAG_MICROS + 5, 5));
        assert!(!freshness.judge(MAX_LAG_MICROS + 6, 5));
    }

    #[test]
    fn a_read_model_is_fresh_for_ten_seconds_after_the_log_was_heard_from() {
        let (freshness, now) = (Freshness::default(), 90 * MAX_LAG_MICROS);
        assert!(freshness.judge(now, since(now, Duration::from_secs(4))));
        assert!(freshness.is_certain(now + 5_999_999));
        assert!(!freshness.is_certain(now + 6_000_000));
    }

    #[test]
    fn a_clock_that_is_set_back_makes_no_read_model_fresh_for_longer() {
        let (freshness, now) = (Freshness::default(), 90 * MAX_LAG_MICROS);
        assert!(freshness.judge(now, now));
        assert!(freshness.is_certain(now));
        assert!(!freshness.is_certain(now - 1));
        assert!(freshness.judge(now, now + 1), "an event of a node whose clock is ahead waits since now");
        assert!(!freshness.is_certain(now + MAX_LAG_MICROS));
    }

    #[test]
    fn what_was_looked_up_is_remembered_until_anything_happens() {
        let keys = LookedUp::default();
        let at = |history, position| Shown { history, position: Position(position) };
        assert_eq!(keys.find(&"ppr", at(0, 3)), None);
        keys.insert("ppr", at(0, 3), Arc::new("CI"));
        assert_eq!(keys.find(&"ppr", at(0, 3)), Some(Arc::new("CI")));
        assert_eq!(keys.find(&"ppr", at(0, 4)), None);
        // The log has lost its end and has come there again.
        assert_eq!(keys.find(&"ppr", at(1, 3)), None);
    }
}
