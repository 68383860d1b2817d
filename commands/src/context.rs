//! On whose behalf, and in answer to what, a command is given.

use scanledger_domain::id::{ApiKeyId, CommandId, OrganizationId};
use scanledger_domain::log::{Actor, Metadata};
use scanledger_domain::vault::Sealed;
use std::sync::Arc;
use uuid::Uuid;

/// What goes into the metadata of every event of a command, and the id that makes repeating it harmless.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// The command: a fresh id, or that of an [`IdempotencyKey`].
    pub command: CommandId,
    /// Who gives it.
    pub actor: Actor,
    /// The organization it belongs to; none for the installation as a whole.
    pub organization: Option<OrganizationId>,
    /// The same for everything that follows from one request.
    pub correlation: Uuid,
    /// The command or event it answers.
    pub causation: Option<Uuid>,
    /// The caller's network address.
    pub address: Option<Sealed>,
    /// The caller's user agent.
    pub user_agent: Option<Sealed>,
    /// The id of the HTTP request, as in the server's log lines.
    pub request: Option<String>,
    /// The API key that a person used; none if they had signed in. A key without a person is the actor itself.
    pub key: Option<ApiKeyId>,
}

impl Context {
    /// The context of a command that answers nothing before it; its correlation is its own id.
    pub fn new(command: CommandId, actor: Actor, organization: Option<OrganizationId>) -> Self {
        Self {
            command,
            actor,
            organization,
            correlation: command.0,
            causation: None,
            address: None,
            user_agent: None,
            request: None,
            key: None,
        }
    }

    /// The context of the command that follows from this one under `label`: the same every time.
    #[must_use]
    pub fn derive(&self, label: &str) -> Self {
        Self { command: self.command.derive(label), causation: Some(self.command.0), ..self.clone() }
    }

    /// The id of something that this command makes, under `label`: a repeated command makes the same thing.
    pub fn made_id<T: From<Uuid>>(&self, label: &str) -> T {
        self.command.derive(label).0.into()
    }

    /// The exact bytes that are stored as metadata of its events.
    pub fn metadata(&self) -> Arc<[u8]> {
        let metadata = Metadata {
            organization: self.organization,
            actor: self.actor,
            correlation: self.correlation,
            causation: self.causation,
            address: self.address.clone(),
            user_agent: self.user_agent.clone(),
            request: self.request.clone(),
            key: self.key,
        };
        metadata.encode().into()
    }
}

/// What a client sends to make a repeated request harmless, and what it is unique within.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdempotencyKey<'a> {
    /// The organization that the caller works in; none for what people do to their own account.
    pub organization: Option<OrganizationId>,
    /// The caller.
    pub actor: Actor,
    /// `POST`.
    pub method: &'a str,
    /// The request's path, as sent.
    pub path: &'a str,
    /// The header `Idempotency-Key`.
    pub key: &'a str,
}

/// Namespace of command ids that come from idempotency keys: `UUIDv5(DNS, "idempotency-key.scanledger")`.
const IDEMPOTENCY_KEYS: Uuid = Uuid::from_u128(0x290d_81ae_e42a_5c8e_87e2_232f_a759_fe82);

impl IdempotencyKey<'_> {
    /// The command that every request with this key is.
    pub fn command(&self) -> CommandId {
        let mut name = Vec::new();
        let mut part = |bytes: &[u8]| {
            name.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
            name.extend_from_slice(bytes);
        };
        part(self.organization.as_ref().map_or(&[][..], |organization| organization.as_bytes()));
        match &self.actor {
            Actor::User(user) => {
                part(b"user");
                part(user.as_bytes());
            }
            Actor::Key(key) => {
                part(b"key");
                part(key.as_bytes());
            }
            Actor::System => part(b"system"),
            Actor::Operator => part(b"operator"),
        }
        part(self.method.as_bytes());
        part(self.path.as_bytes());
        part(self.key.as_bytes());
        CommandId(Uuid::new_v5(&IDEMPOTENCY_KEYS, &name))
    }
}

#[cfg(test)]
mod tests {
    use super::{Context, IdempotencyKey};
    use scanledger_domain::id::{ApiKeyId, CommandId, OrganizationId, ScanId, UserId};
    use scanledger_domain::log::{Actor, Metadata};
    use scanledger_domain::vault::Sealed;
    use uuid::Uuid;

    const KEY: IdempotencyKey<'static> = IdempotencyKey {
        organization: Some(OrganizationId(Uuid::from_u128(1))),
        actor: Actor::Key(ApiKeyId(Uuid::from_u128(2))),
        method: "POST",
        path: "/api/scans",
        key: "build-7",
    };

    #[test]
    fn the_same_key_of_the_same_caller_on_the_same_path_is_the_same_command() {
        assert_eq!(KEY.command(), KEY.command());
    }

    #[test]
    fn whatever_differs_makes_another_command() {
        let others = [
            IdempotencyKey { organization: None, ..KEY },
            IdempotencyKey { organization: Some(OrganizationId(Uuid::from_u128(9))), ..KEY },
            IdempotencyKey { actor: Actor::Key(ApiKeyId(Uuid::from_u128(9))), ..KEY },
            IdempotencyKey { actor: Actor::User(UserId(Uuid::from_u128(2))), ..KEY },
            IdempotencyKey { actor: Actor::Operator, ..KEY },
            IdempotencyKey { actor: Actor::System, ..KEY },
            IdempotencyKey { method: "PUT", ..KEY },
            IdempotencyKey { path: "/api/scan", key: "sbuild-7", ..KEY },
            IdempotencyKey { key: "build-8", ..KEY },
        ];
        let mut commands: Vec<_> = others.iter().map(IdempotencyKey::command).collect();
        commands.push(KEY.command());
        let all = commands.len();
        commands.sort_unstable();
        commands.dedup();
        assert_eq!(commands.len(), all);
    }

    #[test]
    fn a_derived_context_names_its_cause_and_keeps_the_correlation() {
        let context = Context::new(CommandId(Uuid::from_u128(5)), Actor::System, None);
        let derived = context.derive("next");
        assert_eq!(derived, context.derive("next"));
        assert_ne!(derived.command, context.derive("other").command);
        assert_eq!((derived.causation, derived.correlation), (Some(Uuid::from_u128(5)), Uuid::from_u128(5)));
    }

    #[test]
    fn a_repeated_command_makes_the_same_thing() {
        let context = Context::new(CommandId(Uuid::from_u128(5)), Actor::System, None);
        assert_eq!(context.made_id::<ScanId>("scan"), context.made_id::<ScanId>("scan"));
    }

    #[test]
    fn metadata_says_everything_the_context_knows() {
        let context = Context {
            address: Some(Sealed("a".into())),
            user_agent: Some(Sealed("b".into())),
            request: Some("r-1".into()),
            key: Some(ApiKeyId(Uuid::from_u128(2))),
            causation: Some(Uuid::from_u128(7)),
            ..Context::new(CommandId(Uuid::from_u128(5)), Actor::Operator, KEY.organization)
        };
        let expected = Metadata {
            organization: KEY.organization,
            actor: Actor::Operator,
            correlation: Uuid::from_u128(5),
            causation: Some(Uuid::from_u128(7)),
            address: Some(Sealed("a".into())),
            user_agent: Some(Sealed("b".into())),
            request: Some("r-1".into()),
            key: Some(ApiKeyId(Uuid::from_u128(2))),
        };
        assert_eq!(Metadata::decode(&context.metadata()).unwrap(), expected);
    }
}
