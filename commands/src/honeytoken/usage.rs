//! Taking note of who uses honeytokens.

use super::Honeytokens;
use super::credential::{access_hash, is_access_id};
use crate::context::Context;
use crate::error::{CommandError, Fault};
use crate::identity::{Asked, strangers};
use crate::ports::KnownHoneytoken;
use scanledger_domain::honeytoken::{Honeytoken, HoneytokenCommand, Usage, honeytoken_stream};
use scanledger_domain::id::OrganizationId;
use scanledger_domain::log::{Actor, Position};
use scanledger_domain::vault::HashPurpose;

impl Honeytokens {
    /// Takes note that somebody came with an access id, if it is a honeytoken's. `None` if it is none's, or enough was
    /// recorded of it.
    ///
    /// # Errors
    /// When the log cannot be read or written.
    pub async fn record_use(
        &self,
        asked: &Asked,
        access_id: &str,
        usage: Usage,
    ) -> Result<Option<Position>, Fault> {
        if !is_access_id(access_id) {
            return Ok(None);
        }
        let hash = access_hash(&*self.vault, access_id);
        let Some(known) = self.views.honeytoken_of_access(&hash).await? else { return Ok(None) };
        let KnownHoneytoken { honeytoken, organization } = known;
        let now = self.clock.now();
        // Nobody knows whose address it is, so it is sealed as those of other strangers are.
        let seal = |text: &Option<String>| {
            text.as_deref().map(|text| self.vault.seal(strangers(now), text)).transpose()
        };
        let mut context = Context::new(asked.command, Actor::System, Some(organization));
        context.address = seal(&asked.address)?;
        context.user_agent = seal(&asked.user_agent)?;
        context.request.clone_from(&asked.request);
        let command = HoneytokenCommand::Trigger {
            trigger: context.made_id("trigger"),
            now,
            usage,
            address_hash: asked.address.as_deref().map(|address| self.address_hash(organization, address)),
        };
        let stream = honeytoken_stream(honeytoken);
        match self.ledger.execute::<Honeytoken>(&context, &stream, None, command).await {
            Ok(done) => Ok(done.position),
            // Others of its uses were recorded instead.
            Err(CommandError::Refused(_) | CommandError::Stale { .. } | CommandError::Contended) => Ok(None),
            Err(CommandError::Fault(fault)) => Err(fault),
        }
    }

    /// By what uses from one address are found, hex; `address` is written as the standard library does.
    pub fn address_hash(&self, organization: OrganizationId, address: &str) -> String {
        let clear = format!("honeytoken-address\0{organization}\0{address}");
        hex::encode(self.vault.hash(HashPurpose::Claim, clear.as_bytes()))
    }
}
