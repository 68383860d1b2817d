//! Setting up an installation, and issuing and revoking API keys.

use crate::context::Context;
use crate::error::{CommandError, Fault};
use crate::ledger::{Committed, Ledger, Races};
use crate::ports::Entropy;
use argon2::{Argon2, PasswordHasher as _};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use scanledger_domain::claim::{ClaimRefusal, Unique, claim_stream};
use scanledger_domain::id::{ApiKeyId, OrganizationId, ProjectId, SubjectId, TeamId, UserId};
use scanledger_domain::identity::{
    ApiKey, ApiKeyCommand, ApiKeyCreated, ApiKeyRefusal, KeyForm, KeyHash, Organization, OrganizationCommand,
    OrganizationCreated, OrganizationRefusal, OrganizationRole, Role, Team, TeamCommand, TeamCreated,
    TeamRefusal, TeamRole, User, UserCommand, UserRefusal, UserRegistered, UserState, apikey_stream,
    is_email, organization_stream, team_stream, user_stream,
};
use scanledger_domain::limits::NAME_CHARS;
use scanledger_domain::log::Position;
use scanledger_domain::time::{Clock, Timestamp};
use scanledger_domain::vault::Vault;
use std::fmt;
use std::sync::Arc;

/// Random bytes in a token (Pepper reference §1).
const TOKEN_BYTES: usize = 24;
/// Characters of a token that people may see (Pepper reference §1).
const PREFIX_CHARS: usize = 10;
/// Bytes of salt (RFC 9106 §3.1 recommends 16).
const SALT_BYTES: usize = 16;
/// Characters of a password: NIST SP 800-63B §5.1.1.2 asks for at least 8; the upper end bounds the hashing.
const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 8..=256;
/// The team that everybody starts in.
const DEFAULT_TEAM: &str = "Default";

/// A secret that is shown once. Neither `Debug` nor `Display` shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// The clear text, to be shown to whoever asked for it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// What an installation starts with.
#[derive(Clone)]
pub struct SetUp {
    /// Name of the first organization.
    pub organization: String,
    /// Name of its owner.
    pub name: String,
    /// The owner's address.
    pub email: String,
    /// The owner's password; none if they do not sign in with one.
    pub password: Option<String>,
    /// Name of the first API key.
    pub key_name: String,
}

impl fmt::Debug for SetUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetUp").field("organization", &self.organization).finish_non_exhaustive()
    }
}

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

/// What an installation started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetUpDone {
    /// The organization.
    pub organization: OrganizationId,
    /// Its owner.
    pub user: UserId,
    /// The team `Default`, which the owner runs.
    pub team: TeamId,
    /// A key with the role admin, made by the owner.
    pub key: IssuedKey,
}

/// Why an installation cannot be set up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetUpRefusal {
    /// It was.
    #[error("this installation is set up already")]
    AlreadySetUp,
    /// Not a name of a person.
    #[error("a person's name must be one line of 1 to {NAME_CHARS} characters")]
    BadName,
    /// Not an e-mail address.
    #[error("the e-mail address is not one")]
    BadEmail,
    /// Too short or too long.
    #[error("a password must have {} to {} characters", PASSWORD_CHARS.start(), PASSWORD_CHARS.end())]
    BadPassword,
    /// Somebody has the address.
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// The organization's rules.
    #[error(transparent)]
    Organization(#[from] OrganizationRefusal),
    /// The team's rules.
    #[error(transparent)]
    Team(#[from] TeamRefusal),
    /// The person's rules.
    #[error(transparent)]
    User(#[from] UserRefusal),
    /// The key's rules.
    #[error(transparent)]
    Key(#[from] ApiKeyRefusal),
}

/// A key that somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// Whose it will be.
    pub organization: OrganizationId,
    /// What people call it.
    pub name: String,
    /// What it may do; for keys that are made with the API, [`role_of_issued_key`].
    pub role: Role,
    /// The only project it sees; none for all.
    pub project: Option<ProjectId>,
    /// Who wants it; none at the shell.
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
    /// The key's rules.
    #[error(transparent)]
    Key(#[from] ApiKeyRefusal),
}

/// The role of a key that somebody with the role `creator` makes with the API: their own, at most developer
/// (Pepper reference §1).
pub fn role_of_issued_key(creator: Role) -> Role {
    creator.min(Role::Developer)
}

/// Sets up installations, issues and revokes keys.
#[derive(Clone)]
pub struct Identities {
    ledger: Ledger,
    vault: Arc<dyn Vault>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Identities {
    /// The service.
    pub fn new(
        ledger: Ledger,
        vault: Arc<dyn Vault>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self { ledger, vault, clock, entropy }
    }

    /// Makes the first organization, its owner and the first key, all or nothing; works once.
    ///
    /// The organization of `context` is ignored: events name the one that is made.
    ///
    /// # Errors
    /// [`SetUpRefusal::AlreadySetUp`] from the second time on, whatever the command id; other refusals for
    /// what was asked for; else a fault.
    pub async fn set_up(
        &self,
        context: &Context,
        set_up: SetUp,
    ) -> Result<SetUpDone, CommandError<SetUpRefusal>> {
        check(&set_up)?;
        let organization: OrganizationId = context.made_id("organization");
        let user: UserId = context.made_id("user");
        let team: TeamId = context.made_id("team");
        let context = Context { organization: Some(organization), ..context.clone() };
        if self.ledger.find(context.command).await?.is_some() {
            return Err(CommandError::Refused(SetUpRefusal::AlreadySetUp));
        }
        let registered = self.register(user, &set_up).await?;
        let (token, created) = self.new_key(
            context.made_id("key"),
            NewKey {
                organization,
                name: set_up.key_name,
                role: Role::Admin,
                project: None,
                by: Some(user),
                expires_at: None,
            },
        )?;
        let mut races = Races::default();
        loop {
            let mut batch = self.ledger.batch(&context);
            let holder = organization_stream(organization);
            batch
                .take::<Organization>(claim_stream(&*self.vault, Unique::Setup), &holder, |state| {
                    state.organization.is_some()
                })
                .await
                .map_err(|error| {
                    error.map_refused(|ClaimRefusal::TakenBy { .. }| SetUpRefusal::AlreadySetUp)
                })?;
            batch
                .decide_all::<Organization>(
                    holder,
                    [
                        OrganizationCommand::Create(OrganizationCreated {
                            organization,
                            name: set_up.organization.clone(),
                        }),
                        OrganizationCommand::AddMember { user, role: OrganizationRole::Owner },
                    ],
                )
                .await
                .map_err(|error| error.map_refused(SetUpRefusal::from))?;
            batch
                .take::<User>(
                    claim_stream(&*self.vault, Unique::Email(&set_up.email)),
                    &user_stream(user),
                    |state| !matches!(state, UserState::Missing),
                )
                .await
                .map_err(|error| {
                    error.map_refused(|ClaimRefusal::TakenBy { .. }| SetUpRefusal::EmailTaken)
                })?;
            batch
                .decide::<User>(user_stream(user), UserCommand::Register(registered.clone()))
                .await
                .map_err(|error| error.map_refused(SetUpRefusal::from))?;
            batch
                .decide_all::<Team>(
                    team_stream(team),
                    [
                        TeamCommand::Create(TeamCreated {
                            team,
                            organization,
                            name: DEFAULT_TEAM.to_owned(),
                        }),
                        TeamCommand::AddMember { user, role: TeamRole::Admin },
                    ],
                )
                .await
                .map_err(|error| error.map_refused(SetUpRefusal::from))?;
            batch
                .decide::<ApiKey>(
                    apikey_stream(created.key),
                    ApiKeyCommand::Create { created: created.clone(), now: self.clock.now() },
                )
                .await
                .map_err(|error| error.map_refused(SetUpRefusal::from))?;
            match batch.commit().await? {
                Committed::At { position, recorded_at } => {
                    let key = IssuedKey { token, created, position, created_at: recorded_at };
                    return Ok(SetUpDone { organization, user, team, key });
                }
                Committed::Nothing => return Err(CommandError::Refused(SetUpRefusal::AlreadySetUp)),
                Committed::Raced => races.lost()?,
            }
        }
    }

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
        let (token, created) = self.new_key(key, wanted)?;
        let now = self.clock.now();
        let done = self
            .ledger
            .execute::<ApiKey>(
                context,
                &apikey_stream(key),
                None,
                ApiKeyCommand::Create { created: created.clone(), now },
            )
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

    fn new_key(&self, key: ApiKeyId, wanted: NewKey) -> Result<(Token, ApiKeyCreated), Fault> {
        let mut random = [0; TOKEN_BYTES];
        self.entropy.fill(&mut random).map_err(|error| Fault::other("make a token", error))?;
        let form = KeyForm::Pepper;
        let token = format!("{}{}", form.prefix(), BASE64_URL_SAFE_NO_PAD.encode(random));
        let NewKey { organization, name, role, project, by, expires_at } = wanted;
        let prefix = token.chars().take(PREFIX_CHARS).collect();
        let hash = KeyHash::of(&token);
        let created =
            ApiKeyCreated { key, organization, name, form, prefix, hash, role, project, by, expires_at };
        Ok((Token(token), created))
    }

    async fn register(&self, user: UserId, set_up: &SetUp) -> Result<UserRegistered, Fault> {
        let subject = SubjectId(user.0);
        let name = self.vault.seal(subject, &set_up.name)?;
        let email = self.vault.seal(subject, &set_up.email)?;
        let password = match &set_up.password {
            Some(password) => Some(self.vault.seal(subject, &self.hash_password(password).await?)?),
            None => None,
        };
        Ok(UserRegistered { user, name, email, password })
    }

    /// Argon2id in PHC format, on a thread of its own: it takes tens of milliseconds and megabytes on purpose.
    async fn hash_password(&self, password: &str) -> Result<String, Fault> {
        const DOING: &str = "hash a password";
        let mut salt = [0; SALT_BYTES];
        self.entropy.fill(&mut salt).map_err(|error| Fault::other(DOING, error))?;
        let password = password.to_owned();
        tokio::task::spawn_blocking(move || {
            Argon2::default()
                .hash_password_with_salt(password.as_bytes(), &salt)
                .map(|hash| hash.to_string())
                .map_err(|error| Fault::other(DOING, error.to_string()))
        })
        .await
        .map_err(|error| Fault::other(DOING, error))?
    }
}

fn check(set_up: &SetUp) -> Result<(), CommandError<SetUpRefusal>> {
    let name = &set_up.name;
    let is_name =
        !name.trim().is_empty() && name.chars().count() <= NAME_CHARS && !name.chars().any(char::is_control);
    let refusal = if !is_name {
        SetUpRefusal::BadName
    } else if !is_email(&set_up.email) {
        SetUpRefusal::BadEmail
    } else if set_up
        .password
        .as_ref()
        .is_some_and(|password| !PASSWORD_CHARS.contains(&password.chars().count()))
    {
        SetUpRefusal::BadPassword
    } else {
        return Ok(());
    };
    Err(CommandError::Refused(refusal))
}
