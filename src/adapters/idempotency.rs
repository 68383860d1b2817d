//! Bodies of requests that came with an idempotency key, remembered in the state store.

use scanledger_commands::ports::{IdempotencyStore, Seen};
use scanledger_domain::id::CommandId;
use scanledger_domain::{BoxFuture, Cause};
use scanledger_state::State;
use std::sync::{Arc, Mutex, PoisonError};

/// Remembers the hash of each body.
pub struct RememberedBodies {
    state: Arc<State>,
    /// Held from the look to the note, so that of two requests at the same time one is the first.
    one_at_a_time: Arc<Mutex<()>>,
}

impl RememberedBodies {
    /// Over the state store.
    pub fn new(state: Arc<State>) -> Self {
        Self { state, one_at_a_time: Arc::default() }
    }
}

impl IdempotencyStore for RememberedBodies {
    fn remember(&self, command: CommandId, body: [u8; 32]) -> BoxFuture<'_, Result<Seen, Cause>> {
        let (state, one_at_a_time) = (Arc::clone(&self.state), Arc::clone(&self.one_at_a_time));
        Box::pin(async move {
            let seen = tokio::task::spawn_blocking(move || -> Result<Seen, Cause> {
                let _guard = one_at_a_time.lock().unwrap_or_else(PoisonError::into_inner);
                let name = format!("request/{command}");
                Ok(match state.checkpoints.find(&name)? {
                    Some(before) if before == body => Seen::Same,
                    Some(_) => Seen::Different,
                    None => {
                        state.checkpoints.put(&name, &body)?;
                        Seen::New
                    }
                })
            });
            seen.await?
        })
    }
}
