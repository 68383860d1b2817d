//! Where a request came from that nobody is signed in for yet.

use super::Identities;
use crate::context::Context;
use scanledger_domain::id::{CommandId, OrganizationId, SubjectId};
use scanledger_domain::log::Actor;
use scanledger_domain::vault::VaultError;
use std::fmt;

/// A request before it is known who asks. `Debug` shows nothing personal.
#[derive(Clone, PartialEq, Eq)]
pub struct Asked {
    /// The command that it is.
    pub command: CommandId,
    /// The caller's network address, in clear.
    pub address: Option<String>,
    /// The caller's user agent, in clear.
    pub user_agent: Option<String>,
    /// The id of the request, as in the server's log lines.
    pub request: Option<String>,
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked").field("command", &self.command).finish_non_exhaustive()
    }
}

impl Identities {
    /// The context of a request once it is known who asks, and under whose key the origin is sealed.
    ///
    /// # Errors
    /// When the key store cannot be used.
    pub fn context(
        &self,
        asked: &Asked,
        actor: Actor,
        organization: Option<OrganizationId>,
        subject: SubjectId,
    ) -> Result<Context, VaultError> {
        let seal =
            |text: &Option<String>| text.as_deref().map(|text| self.vault.seal(subject, text)).transpose();
        let mut context = Context::new(asked.command, actor, organization);
        context.address = seal(&asked.address)?;
        context.user_agent = seal(&asked.user_agent)?;
        context.request.clone_from(&asked.request);
        Ok(context)
    }
}
