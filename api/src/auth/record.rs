//! Which accesses were recorded of late, so that one is not recorded with every page of a list.

use super::Caller;
use crate::app::App;
use crate::problem::Problem;
use hashlink::LruCache;
use parking_lot::Mutex;
use scanledger_domain::identity::{Action, Credential};
use scanledger_domain::time::Timestamp;

/// Accesses that are remembered.
const KEPT: usize = 4_096;
/// Seconds in which the same caller doing the same is recorded once.
const SECONDS: i64 = 60;

/// What was recorded of late: who, what, on which route.
pub(crate) struct Recorded(Mutex<LruCache<(Credential, Action, String), Timestamp>>);

impl Default for Recorded {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(KEPT)))
    }
}

impl Recorded {
    /// Whether this is to be recorded; then it counts as recorded.
    fn is_due(&self, credential: Credential, action: Action, route: &str, now: Timestamp) -> bool {
        let mut recorded = self.0.lock();
        let key = (credential, action, route.to_owned());
        if recorded.get(&key).is_some_and(|until| now < *until) {
            return false;
        }
        recorded.insert(key, now.plus_seconds(SECONDS));
        true
    }
}

impl Caller {
    /// Records a refusal of what only some may do. That it could not be recorded changes nothing about it.
    pub(super) async fn record_denied(&self, app: &App) {
        if !self.action.is_administrative() || !self.is_due(app, self.action) {
            return;
        }
        let recorded = match self.fresh_command(app) {
            Ok(context) => app.identities.record_denied(&context, self.action, self.route.clone()).await,
            Err(_) => return,
        };
        if let Err(error) = recorded {
            tracing::warn!(error = &error as &dyn std::error::Error, "a refusal was not recorded");
        }
    }

    /// Records that `action` takes data out, before it does: what cannot be recorded is not given.
    ///
    /// # Errors
    /// When the log or the key store cannot be used.
    pub(crate) async fn record_granted(&self, app: &App, action: Action) -> Result<(), Problem> {
        if !self.is_due(app, action) {
            return Ok(());
        }
        let context = self.fresh_command(app)?;
        Ok(app.identities.record_granted(&context, action, self.route.clone(), None).await?)
    }

    fn is_due(&self, app: &App, action: Action) -> bool {
        self.memory.recorded.is_due(self.principal.credential, action, &self.route, app.clock.now())
    }
}

#[cfg(test)]
mod tests {
    use super::{Recorded, SECONDS};
    use scanledger_domain::id::ApiKeyId;
    use scanledger_domain::identity::{Action, Credential, KeyForm};
    use scanledger_domain::time::Timestamp;
    use uuid::Uuid;

    #[test]
    fn the_same_is_recorded_once_in_a_while() {
        let recorded = Recorded::default();
        let key = |number| Credential::Key { key: ApiKeyId(Uuid::from_u128(number)), form: KeyForm::Pepper };
        let at = |seconds: i64| Timestamp(seconds * 1_000_000);
        assert!(recorded.is_due(key(1), Action::ReadAudit, "GET /a", at(0)));
        assert!(!recorded.is_due(key(1), Action::ReadAudit, "GET /a", at(SECONDS - 1)));
        assert!(recorded.is_due(key(1), Action::ReadAudit, "GET /b", at(1)));
        assert!(recorded.is_due(key(1), Action::Export, "GET /a", at(1)));
        assert!(recorded.is_due(key(2), Action::ReadAudit, "GET /a", at(1)));
        assert!(recorded.is_due(key(1), Action::ReadAudit, "GET /a", at(SECONDS)));
    }
}
