//! How often documents were searched, in the state store.

use scanledger_api::documents::DocumentCalls;
use scanledger_domain::Cause;
use scanledger_domain::id::OrganizationId;
use scanledger_domain::time::Timestamp;
use scanledger_state::State;
use std::sync::Arc;

/// Counts in memory; the server writes the counts now and then.
pub struct StateDocumentCalls {
    state: Arc<State>,
}

impl StateDocumentCalls {
    /// Over the state store.
    pub fn new(state: Arc<State>) -> Self {
        Self { state }
    }
}

impl DocumentCalls for StateDocumentCalls {
    fn note(&self, organization: OrganizationId, at: Timestamp) {
        self.state.document_calls.note(organization, at);
    }

    fn count(&self, organization: OrganizationId, since: Timestamp) -> Result<u64, Cause> {
        Ok(self.state.document_calls.count(organization, since)?)
    }
}
