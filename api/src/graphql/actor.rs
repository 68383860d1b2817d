//! Whoever caused something.

use super::load::Batches;
use super::scope::Scope;
use super::word::ActorKind;
use async_graphql::{Context, ID, Object, Result};
use scanledger_domain::identity::Action;
use scanledger_domain::log;

/// Whoever caused something.
pub(super) struct Actor(pub(super) log::Actor);

/// Whoever caused something: a person, a key, the server itself, or an operator at its shell.
#[Object]
impl Actor {
    /// What they are.
    async fn kind(&self) -> ActorKind {
        match self.0 {
            log::Actor::User(_) => ActorKind::User,
            log::Actor::Key(_) => ActorKind::Key,
            log::Actor::System => ActorKind::System,
            log::Actor::Operator => ActorKind::Operator,
        }
    }

    /// The id of a person or key.
    async fn id(&self) -> Option<ID> {
        match self.0 {
            log::Actor::User(user) => Some(ID(user.to_string())),
            log::Actor::Key(key) => Some(ID(key.to_string())),
            log::Actor::System | log::Actor::Operator => None,
        }
    }

    /// The name of a person or key; `erased person` for one who was.
    async fn name(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        Ok(Batches::of(ctx).load_one(self.0).await?.and_then(|known| known.name))
    }

    /// The address of a person; needs the role security.
    async fn email(&self, ctx: &Context<'_>) -> Result<Option<String>> {
        Scope::of(ctx).authorize(Action::ReadAudit)?;
        Ok(Batches::of(ctx).load_one(self.0).await?.and_then(|known| known.email))
    }
}
