//! When keys were last used, in the state store.

use scanledger_api::app::KeyUsage;
use scanledger_domain::Cause;
use scanledger_domain::id::ApiKeyId;
use scanledger_domain::time::Timestamp;
use scanledger_state::State;
use std::collections::HashMap;
use std::sync::Arc;

/// Keeps uses in memory; the server writes them now and then.
pub struct StateKeyUsage {
    state: Arc<State>,
}

impl StateKeyUsage {
    /// Over the state store.
    pub fn new(state: Arc<State>) -> Self {
        Self { state }
    }
}

impl KeyUsage for StateKeyUsage {
    fn touch(&self, key: ApiKeyId, at: Timestamp) {
        self.state.key_uses.touch_key(key, at);
    }

    fn last_used(&self, keys: &[ApiKeyId]) -> Result<HashMap<ApiKeyId, Timestamp>, Cause> {
        Ok(self.state.key_uses.last_used(keys)?)
    }
}
