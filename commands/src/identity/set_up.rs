//! Setting up an installation.

use super::{Identities, IssuedKey, NewKey, NewPerson, PersonRefusal};
use crate::context::Context;
use crate::error::CommandError;
use crate::ledger::{Batch, Committed, Races};
use scanledger_domain::claim::{ClaimRefusal, Unique, claim_stream};
use scanledger_domain::id::{OrganizationId, TeamId, UserId};
use scanledger_domain::identity::{
    ApiKey, ApiKeyCommand, ApiKeyRefusal, Breadth, Installation, InstallationCommand, InstallationRefusal,
    KeyForm, KeyKind, Organization, OrganizationCommand, OrganizationCreated, OrganizationRefusal,
    OrganizationRole, Rank, Role, Scopes, Team, TeamCommand, TeamCreated, TeamRefusal, TeamRole, User,
    UserCommand, UserRefusal, UserRegistered, apikey_stream, installation_stream, organization_stream,
    team_stream, user_stream,
};
use std::fmt;

/// The team that everybody starts in.
const DEFAULT_TEAM: &str = "Default";
/// Its slug.
const DEFAULT_SLUG: &str = "default";

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

/// What an installation started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetUpDone {
    /// The organization.
    pub organization: OrganizationId,
    /// Its owner, who also runs the installation.
    pub user: UserId,
    /// The team `Default`, which the owner runs.
    pub team: TeamId,
    /// A key without a person, with the role admin and all scopes.
    pub key: IssuedKey,
}

/// Why an installation cannot be set up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetUpRefusal {
    /// It was.
    #[error("this installation is set up already")]
    AlreadySetUp,
    /// What is said of its owner will not do.
    #[error(transparent)]
    Person(#[from] PersonRefusal),
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
    /// The installation's rules.
    #[error(transparent)]
    Installation(#[from] InstallationRefusal),
}

type Result<T> = std::result::Result<T, CommandError<SetUpRefusal>>;

impl Identities {
    /// Makes the first organization, its owner and the first key, all or nothing; works once.
    ///
    /// The organization of `context` is ignored: events name the one that is made.
    ///
    /// # Errors
    /// [`SetUpRefusal::AlreadySetUp`] from the second time on, whatever the command id; other refusals for
    /// what was asked for; else a fault.
    pub async fn set_up(&self, context: &Context, set_up: SetUp) -> Result<SetUpDone> {
        let organization: OrganizationId = context.made_id("organization");
        let team: TeamId = context.made_id("team");
        let context = Context { organization: Some(organization), ..context.clone() };
        if self.ledger.find(context.command).await?.is_some() {
            return Err(CommandError::Refused(SetUpRefusal::AlreadySetUp));
        }
        if set_up.name.trim().is_empty() {
            return Err(CommandError::Refused(PersonRefusal::BadName.into()));
        }
        let new = NewPerson {
            email: set_up.email.clone(),
            name: Some(set_up.name.clone()),
            password: set_up.password.clone(),
        };
        let registered = self.new_person(&context, new).await;
        let registered = registered.map_err(|error| error.map_refused(SetUpRefusal::from))?;
        let user = registered.user;
        let wanted = NewKey {
            organization,
            name: set_up.key_name.clone(),
            form: KeyForm::Pepper,
            kind: KeyKind::Service,
            role: Role::Admin,
            team: None,
            project: None,
            scopes: Scopes::ALL,
            breadth: Breadth::ReadWrite,
            by: None,
            expires_at: None,
        };
        let (token, created) = self.new_key(context.made_id("key"), wanted)?;
        let mut races = Races::default();
        loop {
            let mut batch = self.ledger.batch(&context);
            self.add_first_organization(&mut batch, organization, user, &set_up.organization).await?;
            self.add_owner(&mut batch, registered.clone(), &set_up.email).await?;
            self.add_default_team(&mut batch, organization, team, user).await?;
            let create = ApiKeyCommand::Create { created: created.clone(), now: self.clock.now() };
            batch
                .decide::<ApiKey>(apikey_stream(created.key), create)
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

    async fn add_first_organization(
        &self,
        batch: &mut Batch<'_>,
        organization: OrganizationId,
        user: UserId,
        name: &str,
    ) -> Result<()> {
        let holder = organization_stream(organization);
        batch
            .take::<Organization>(claim_stream(&*self.vault, Unique::Setup), &holder, |state| {
                state.organization.is_some()
            })
            .await
            .map_err(|error| error.map_refused(|ClaimRefusal::TakenBy { .. }| SetUpRefusal::AlreadySetUp))?;
        let create = OrganizationCommand::Create(OrganizationCreated { organization, name: name.to_owned() });
        let owner = OrganizationCommand::AddMember { user, role: OrganizationRole::Owner };
        let decided = batch.decide_all::<Organization>(holder, [create, owner]).await;
        decided.map(|_| ()).map_err(|error| error.map_refused(SetUpRefusal::from))
    }

    async fn add_owner(&self, batch: &mut Batch<'_>, registered: UserRegistered, email: &str) -> Result<()> {
        let user = registered.user;
        let email = scanledger_domain::identity::plain_email(email);
        let taken = self.take_email(batch, user, &email).await;
        taken.map_err(|error| error.map_refused(SetUpRefusal::from))?;
        let commands = [UserCommand::Register(registered), UserCommand::SetRank(Rank::SuperAdmin)];
        batch
            .decide_all::<User>(user_stream(user), commands)
            .await
            .map_err(|error| error.map_refused(SetUpRefusal::from))?;
        let decided =
            batch.decide::<Installation>(installation_stream(), InstallationCommand::Add(user)).await;
        decided.map(|_| ()).map_err(|error| error.map_refused(SetUpRefusal::from))
    }

    async fn add_default_team(
        &self,
        batch: &mut Batch<'_>,
        organization: OrganizationId,
        team: TeamId,
        user: UserId,
    ) -> Result<()> {
        let stream = team_stream(team);
        let claim = claim_stream(&*self.vault, Unique::TeamSlug(organization, DEFAULT_SLUG));
        batch
            .take::<Team>(claim, &stream, |state| state.live().is_some())
            .await
            .map_err(|error| error.map_refused(|ClaimRefusal::TakenBy { .. }| SetUpRefusal::AlreadySetUp))?;
        let (name, slug) = (DEFAULT_TEAM.to_owned(), Some(DEFAULT_SLUG.to_owned()));
        let created = TeamCreated { team, organization, name, slug, description: None };
        let admin = TeamCommand::AddMember { user, role: TeamRole::Admin };
        let decided = batch.decide_all::<Team>(stream, [TeamCommand::Create(created), admin]).await;
        decided.map(|_| ()).map_err(|error| error.map_refused(SetUpRefusal::from))
    }
}
