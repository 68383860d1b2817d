//! Issuing, narrowing and revoking API keys.

use super::{Identities, Token};
use crate::context::Context;
use crate::error::{CommandError, Fault};
use scanledger_domain::id::{ApiKeyId, OrganizationId, ProjectId, TeamId, UserId};
use scanledger_domain::identity::{
    ApiKey, ApiKeyCommand, ApiKeyCreated, ApiKeyRefusal, Breadth, KeyForm, KeyKind, Role, Scopes,
    apikey_stream,
};
use scanledger_domain::limits::PERSONAL_TOKENS;
use scanledger_domain::log::Position;
use scanledger_domain::time::Timestamp;

/// A key that was just made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedKey {
    /// The whole token. Only its hash is kept.
    pub token: Token,
    /// What is in the log.
    pub created: ApiKeyCreated,
    /// Position of the event.
    pub position: Position,
    /// When it was recorded.
    pub created_at: Timestamp,
}

/// A key that somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// Whose it will be.
    pub organization: OrganizationId,
    /// What people call it.
    pub name: String,
    /// What it looks like.
    pub form: KeyForm,
    /// For whom it acts.
    pub kind: KeyKind,
    /// The strongest role that it lets through; for keys that are made with the API, [`role_of_issued_key`].
    pub role: Role,
    /// The only team whose projects it sees; none for all.
    pub team: Option<TeamId>,
    /// The only project it sees; none for all.
    pub project: Option<ProjectId>,
    /// What it may be used for.
    pub scopes: Scopes,
    /// Whether it may change anything.
    pub breadth: Breadth,
    /// Who wants it; none for a key that makes another, and at the shell.
    pub by: Option<UserId>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// Why a key is not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefusal {
    /// The request was made before; its token was shown then, and only a hash is left.
    #[error("the key was made by an earlier request, and its token is shown only once")]
    ShownBefore {
        /// The key that was made then.
        key: ApiKeyId,
    },
    /// The person has enough of them.
    #[error("a person has at most {PERSONAL_TOKENS} live personal tokens")]
    TooManyTokens,
    /// The key's rules.
    #[error(transparent)]
    Key(#[from] ApiKeyRefusal),
}

/// The role of a key that somebody with the role `creator` makes with the API: their own, at most developer
/// (Pepper reference §1).
pub fn role_of_issued_key(creator: Role) -> Role {
    creator.min(Role::Developer)
}

impl Identities {
    /// Makes a key and answers its token, once.
    ///
    /// # Errors
    /// [`KeyRefusal::ShownBefore`] when the command is repeated; the key's refusals; else a fault.
    pub async fn create_key(
        &self,
        context: &Context,
        wanted: NewKey,
    ) -> Result<IssuedKey, CommandError<KeyRefusal>> {
        let key = context.made_id("key");
        let now = self.clock.now();
        if let (KeyForm::GitGuardian, KeyKind::Personal, Some(user)) = (wanted.form, wanted.kind, wanted.by) {
            let live = self.views.live_personal_tokens(user, wanted.form, now).await?;
            if live >= PERSONAL_TOKENS as u64 {
                return Err(CommandError::Refused(KeyRefusal::TooManyTokens));
            }
        }
        let (token, created) = self.new_key(key, wanted)?;
        let command = ApiKeyCommand::Create { created: created.clone(), now };
        let done = self
            .ledger
            .execute::<ApiKey>(context, &apikey_stream(key), None, command)
            .await
            .map_err(|error| error.map_refused(KeyRefusal::from))?;
        if done.is_repeat {
            return Err(CommandError::Refused(KeyRefusal::ShownBefore { key }));
        }
        let position = done.position.unwrap_or_default();
        Ok(IssuedKey { token, created, position, created_at: done.recorded_at.unwrap_or(now) })
    }

    /// Ends a key for good.
    ///
    /// # Errors
    /// [`ApiKeyRefusal::NotFound`] if there is none or it was revoked; else a fault.
    pub async fn revoke_key(
        &self,
        context: &Context,
        key: ApiKeyId,
    ) -> Result<Option<Position>, CommandError<ApiKeyRefusal>> {
        let done =
            self.ledger.execute::<ApiKey>(context, &apikey_stream(key), None, ApiKeyCommand::Revoke).await?;
        Ok(done.position)
    }

    /// Lets a key only read from here on.
    ///
    /// # Errors
    /// As [`Self::revoke_key`].
    pub async fn narrow_key(
        &self,
        context: &Context,
        key: ApiKeyId,
    ) -> Result<Option<Position>, CommandError<ApiKeyRefusal>> {
        let done =
            self.ledger.execute::<ApiKey>(context, &apikey_stream(key), None, ApiKeyCommand::Narrow).await?;
        Ok(done.position)
    }

    pub(super) fn new_key(&self, key: ApiKeyId, wanted: NewKey) -> Result<(Token, ApiKeyCreated), Fault> {
        let mut random = [0; 32];
        self.entropy.fill(&mut random).map_err(|error| Fault::other("make a token", error))?;
        let NewKey { organization, name, form, kind, role, team, project, scopes, breadth, by, expires_at } =
            wanted;
        let token = Token(form.token(&random));
        let prefix = form.visible(token.reveal()).to_owned();
        let hash = token.hash();
        let scopes = (!scopes.is_all()).then_some(scopes);
        let created = ApiKeyCreated {
            key,
            organization,
            name,
            form,
            prefix,
            hash,
            role,
            project,
            by,
            expires_at,
            team,
            kind,
            scopes,
            breadth,
        };
        Ok((token, created))
    }
}
