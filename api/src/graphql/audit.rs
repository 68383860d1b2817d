//! Entries of the audit log.

use super::actor::Actor;
use super::scalar::{Instant, Place};
use super::scope::Scope;
use super::word::AuditResource;
use async_graphql::{Context, ID, InputObject, Object, Result};
use scanledger_domain::audit;
use scanledger_domain::vault::Sealed;
use scanledger_projections::audit::AuditEntry as Row;

/// An entry of the audit log.
pub(super) struct AuditEntry(pub(super) Row);

/// Which entries.
#[derive(Debug, Clone, Default, InputObject)]
pub(super) struct AuditFilter {
    /// Of these event types, such as `finding.triaged`; empty for all.
    #[graphql(default)]
    pub(super) actions: Vec<String>,
    /// About this kind of thing.
    pub(super) resource: Option<AuditResource>,
    /// By this person.
    pub(super) user: Option<ID>,
    /// With all of these words.
    pub(super) text: Option<String>,
}

/// Somebody did something.
#[Object]
impl AuditEntry {
    /// Where it is in the log.
    async fn position(&self) -> Place {
        Place(self.0.position)
    }

    /// The event's type, such as `finding.triaged`.
    async fn action(&self) -> &str {
        &self.0.action
    }

    /// What kind of thing it is about.
    async fn resource(&self) -> Option<AuditResource> {
        audit::AuditResource::ALL
            .into_iter()
            .find(|resource| resource.as_str() == self.0.resource)
            .map(Into::into)
    }

    /// Which.
    async fn resource_id(&self) -> ID {
        ID(self.0.resource_id.to_string())
    }

    /// Who did it.
    async fn actor(&self) -> Actor {
        Actor(self.0.actor)
    }

    /// The API key that it was done with: a person's, or the one that acted by itself. Null for who had signed in.
    async fn key(&self) -> Option<ID> {
        self.0.key.map(|key| ID(key.to_string()))
    }

    /// The event's data, without what is sealed or a hash of a secret.
    async fn details(&self) -> serde_json::Value {
        audit::disclosed(&self.0.action, &self.0.details).into()
    }

    /// When.
    async fn at(&self) -> Instant {
        Instant(self.0.at)
    }

    /// From which network address; null if unknown or erased.
    async fn address(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        open(Scope::of(ctx), self.0.address.as_ref())
    }

    /// With which user agent; null if unknown or erased.
    async fn user_agent(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        open(Scope::of(ctx), self.0.user_agent.as_ref())
    }
}

fn open(scope: &Scope, sealed: Option<&Sealed>) -> Result<Option<String>> {
    let Some(sealed) = sealed else { return Ok(None) };
    scope.sources().vault.open(sealed).map_err(|error| scope.internal(&error))
}
