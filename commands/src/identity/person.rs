//! People's accounts: registering, and what administrators change about them.

use super::Identities;
use crate::context::Context;
use crate::error::{CommandError, Fault};
use crate::ledger::{Batch, Committed, Races};
use scanledger_domain::claim::{ClaimRefusal, Unique, claim_stream};
use scanledger_domain::id::{OrganizationId, SubjectId, TeamId, UserId};
use scanledger_domain::identity::{
    AddressProof, Channels, Installation, InstallationCommand, InstallationRefusal, Organization,
    OrganizationCommand, OrganizationRefusal, OrganizationRole, Rank, Team, TeamRefusal, TeamRole, User,
    UserCommand, UserRefusal, UserRegistered, UserState, WeakPassword, check_password, installation_stream,
    is_email, is_long_name, may_change, organization_stream, plain_email, team_stream, user_stream,
};
use scanledger_domain::log::Position;
use std::fmt;

/// Somebody who wants an account.
#[derive(Clone, PartialEq, Eq)]
pub struct NewPerson {
    /// Their address; kept in lower case.
    pub email: String,
    /// Their name, if they give one.
    pub name: Option<String>,
    /// Their password; none if they sign in elsewhere.
    pub password: Option<String>,
}

impl fmt::Debug for NewPerson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewPerson").finish_non_exhaustive()
    }
}

/// Somebody who has an account now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Their id.
    pub user: UserId,
    /// Position of the last event.
    pub position: Position,
}

/// What an administrator makes of somebody (TRUSCA reference §3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdminRole {
    /// Runs the installation.
    SuperAdmin,
    /// Is something in a team.
    InTeam(TeamId, TeamRole),
}

/// What came of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PersonChanged {
    /// Position of the last event; `None` if it was so already.
    pub position: Option<Position>,
}

/// Why something is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PersonRefusal {
    /// Not a name of a person.
    #[error("a person's name must be one line of text")]
    BadName,
    /// Not an e-mail address.
    #[error("the e-mail address is not one")]
    BadEmail,
    /// The password will not do.
    #[error(transparent)]
    WeakPassword(#[from] WeakPassword),
    /// Somebody has the address.
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// There is no such team.
    #[error("the team does not exist")]
    TeamNotFound,
    /// The person's rules.
    #[error(transparent)]
    User(#[from] UserRefusal),
    /// The team's rules.
    #[error(transparent)]
    Team(#[from] TeamRefusal),
    /// The organization's rules.
    #[error(transparent)]
    Organization(#[from] OrganizationRefusal),
    /// The installation's rules.
    #[error(transparent)]
    Installation(#[from] InstallationRefusal),
}

type Result<T> = std::result::Result<T, CommandError<PersonRefusal>>;

impl Identities {
    /// The id of the person that registering with this command makes.
    pub fn person_made_by(context: &Context) -> UserId {
        context.made_id("user")
    }

    /// Makes an account with an organization and a team of its own.
    ///
    /// # Errors
    /// [`PersonRefusal::BadEmail`], [`PersonRefusal::BadName`], [`PersonRefusal::WeakPassword`],
    /// [`PersonRefusal::EmailTaken`]; else a fault.
    pub async fn register(&self, context: &Context, new: NewPerson) -> Result<Registered> {
        let registered = self.new_person(context, new.clone()).await?;
        let registered = UserRegistered { address: AddressProof::Claimed, ..registered };
        let (organization, team) = (context.made_id("organization"), context.made_id("team"));
        let mut races = Races::default();
        loop {
            let mut batch = self.ledger.batch(context);
            self.add_person(&mut batch, registered.clone(), &plain_email(&new.email)).await?;
            let user = registered.user;
            self.add_own_home(&mut batch, organization, team, user).await?;
            match batch.commit().await? {
                Committed::At { position, .. } => return Ok(Registered { user, position }),
                Committed::Nothing => return Err(CommandError::Refused(PersonRefusal::EmailTaken)),
                Committed::Raced => races.lost()?,
            }
        }
    }

    /// Makes an account that belongs to `organization` and, with `team`, to that. A repeated command answers the same
    /// one.
    ///
    /// # Errors
    /// As [`Self::register`], and [`PersonRefusal::TeamNotFound`].
    pub async fn create_person(
        &self,
        context: &Context,
        new: NewPerson,
        organization: OrganizationId,
        team: Option<(TeamId, TeamRole)>,
    ) -> Result<Registered> {
        if let Some(position) = self.ledger.known(context.command).await? {
            return Ok(Registered { user: Self::person_made_by(context), position });
        }
        let registered = self.new_person(context, new.clone()).await?;
        let user = registered.user;
        let mut races = Races::default();
        loop {
            let mut batch = self.ledger.batch(context);
            self.add_person(&mut batch, registered.clone(), &plain_email(&new.email)).await?;
            let command = OrganizationCommand::AddMember { user, role: OrganizationRole::Member };
            batch
                .decide::<Organization>(organization_stream(organization), command)
                .await
                .map_err(|error| error.map_refused(PersonRefusal::from))?;
            if let Some((team, role)) = team {
                self.add_to_team(&mut batch, team, user, role).await?;
            }
            match batch.commit().await? {
                Committed::At { position, .. } => return Ok(Registered { user, position }),
                Committed::Nothing => return Err(CommandError::Refused(PersonRefusal::EmailTaken)),
                Committed::Raced => races.lost()?,
            }
        }
    }

    /// Lets somebody sign in, or no more; their sessions are over then.
    ///
    /// # Errors
    /// [`InstallationRefusal::Oneself`], [`InstallationRefusal::LastSuperAdmin`], [`UserRefusal::NotFound`]; else a
    /// fault.
    pub async fn set_active(
        &self,
        context: &Context,
        by: UserId,
        user: UserId,
        is_active: bool,
    ) -> Result<PersonChanged> {
        // When it is repeated it is so already, and this command has made it so.
        if let Some(position) = self.ledger.known(context.command).await? {
            return Ok(PersonChanged { position: Some(position) });
        }
        let command = if is_active { UserCommand::Activate } else { UserCommand::Deactivate };
        if !is_active {
            may_change(by, user).map_err(refused)?;
        }
        let mut races = Races::default();
        loop {
            let mut batch = self.ledger.batch(context);
            let state = self.ledger.load::<User>(&user_stream(user)).await?.0;
            let runs = state.account().is_some_and(|account| account.rank == Rank::SuperAdmin);
            self.decide_user(&mut batch, user, command.clone()).await?;
            if runs {
                let command = if is_active {
                    InstallationCommand::Add(user)
                } else {
                    InstallationCommand::Remove(user)
                };
                self.decide_installation(&mut batch, command).await?;
            }
            if let Some(changed) = finish(batch, &mut races).await? {
                return Ok(changed);
            }
        }
    }

    /// Makes somebody run the installation, or be something in a team and no longer run the installation.
    ///
    /// # Errors
    /// [`PersonRefusal::TeamNotFound`] and as [`Self::set_active`].
    pub async fn set_role(
        &self,
        context: &Context,
        by: UserId,
        user: UserId,
        role: AdminRole,
    ) -> Result<PersonChanged> {
        may_change(by, user).map_err(refused)?;
        let mut races = Races::default();
        loop {
            let mut batch = self.ledger.batch(context);
            let state = self.ledger.load::<User>(&user_stream(user)).await?.0;
            let Some(account) = state.account() else {
                return Err(CommandError::Refused(UserRefusal::NotFound.into()));
            };
            let (rank, runs) = match role {
                AdminRole::SuperAdmin => (Rank::SuperAdmin, account.is_active),
                AdminRole::InTeam(..) => (Rank::Ordinary, false),
            };
            self.decide_user(&mut batch, user, UserCommand::SetRank(rank)).await?;
            let command =
                if runs { InstallationCommand::Add(user) } else { InstallationCommand::Remove(user) };
            self.decide_installation(&mut batch, command).await?;
            if let AdminRole::InTeam(team, role) = role {
                let organization = self.organization_of_team(team).await?;
                self.add_to_organization(&mut batch, organization, user).await?;
                self.add_to_team(&mut batch, team, user, role).await?;
            }
            if let Some(changed) = finish(batch, &mut races).await? {
                return Ok(changed);
            }
        }
    }

    /// Says where somebody wants to be told.
    ///
    /// # Errors
    /// [`UserRefusal::NotFound`]; else a fault.
    pub async fn set_channels(
        &self,
        context: &Context,
        user: UserId,
        channels: Channels,
    ) -> Result<PersonChanged> {
        self.change_user(context, user, UserCommand::SetChannels(channels)).await
    }

    pub(super) async fn change_user(
        &self,
        context: &Context,
        user: UserId,
        command: UserCommand,
    ) -> Result<PersonChanged> {
        let done = self.ledger.execute::<User>(context, &user_stream(user), None, command).await;
        let done = done.map_err(|error| error.map_refused(PersonRefusal::from))?;
        Ok(PersonChanged { position: done.position })
    }

    /// Checks what somebody says of themselves, and seals it.
    pub(super) async fn new_person(&self, context: &Context, new: NewPerson) -> Result<UserRegistered> {
        let email = plain_email(&new.email);
        let name = new.name.unwrap_or_default();
        if !is_email(&email) {
            return Err(CommandError::Refused(PersonRefusal::BadEmail));
        }
        if !name.is_empty() && !is_long_name(&name) {
            return Err(CommandError::Refused(PersonRefusal::BadName));
        }
        let user = Self::person_made_by(context);
        let subject = SubjectId(user.0);
        let password = match &new.password {
            None => None,
            Some(password) => Some(self.sealed_password(user, password).await?),
        };
        let (name, email) = (self.vault.seal(subject, &name)?, self.vault.seal(subject, &email)?);
        Ok(UserRegistered { user, name, email, password, address: AddressProof::Known })
    }

    /// The hash of a password that somebody chose, sealed.
    pub(super) async fn sealed_password(
        &self,
        user: UserId,
        password: &str,
    ) -> Result<scanledger_domain::vault::Sealed> {
        check_password(password).map_err(|weak| CommandError::Refused(weak.into()))?;
        let hash = self.passwords.hash(password).await?;
        Ok(self.vault.seal(SubjectId(user.0), &hash)?)
    }

    pub(super) async fn add_person(
        &self,
        batch: &mut Batch<'_>,
        registered: UserRegistered,
        email: &str,
    ) -> Result<()> {
        self.take_email(batch, registered.user, email).await?;
        self.decide_user(batch, registered.user, UserCommand::Register(registered)).await
    }

    pub(super) async fn take_email(&self, batch: &mut Batch<'_>, user: UserId, email: &str) -> Result<()> {
        let claim = claim_stream(&*self.vault, Unique::Email(email));
        batch
            .take::<User>(claim, &user_stream(user), |state| !matches!(state, UserState::Missing))
            .await
            .map_err(|error| error.map_refused(|ClaimRefusal::TakenBy { .. }| PersonRefusal::EmailTaken))
    }

    /// Whose a team is.
    pub(super) async fn organization_of_team(&self, team: TeamId) -> Result<OrganizationId> {
        let state = self.ledger.load::<Team>(&team_stream(team)).await?.0;
        let life = state.live().ok_or(CommandError::Refused(PersonRefusal::TeamNotFound))?;
        Ok(life.organization)
    }

    pub(super) async fn decide_user(
        &self,
        batch: &mut Batch<'_>,
        user: UserId,
        command: UserCommand,
    ) -> Result<()> {
        let decided = batch.decide::<User>(user_stream(user), command).await;
        decided.map(|_| ()).map_err(|error| error.map_refused(PersonRefusal::from))
    }

    async fn decide_installation(&self, batch: &mut Batch<'_>, command: InstallationCommand) -> Result<()> {
        let decided = batch.decide::<Installation>(installation_stream(), command).await;
        decided.map(|_| ()).map_err(|error| error.map_refused(PersonRefusal::from))
    }
}

/// Commits; `None` if somebody else was faster, and it has to be decided again.
pub(super) async fn finish(batch: Batch<'_>, races: &mut Races) -> Result<Option<PersonChanged>> {
    match batch.commit().await.map_err(|fault: Fault| CommandError::Fault(fault))? {
        Committed::At { position, .. } => Ok(Some(PersonChanged { position: Some(position) })),
        Committed::Nothing => Ok(Some(PersonChanged { position: None })),
        Committed::Raced => races.lost().map(|()| None),
    }
}

fn refused(refusal: InstallationRefusal) -> CommandError<PersonRefusal> {
    CommandError::Refused(refusal.into())
}
