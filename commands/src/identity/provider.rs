//! Signing in with somebody who vouches for people.

use super::session::Known;
use super::{Asked, Identities, NewPerson, PersonRefusal, SignInRefusal, SignedIn};
use crate::context::Context;
use crate::error::{CommandError, Fault};
use crate::ledger::{Committed, Races};
use crate::ports::{EmailStanding, Vouched};
use scanledger_domain::claim::{ClaimRefusal, Unique, claim_stream};
use scanledger_domain::id::{IdentityId, OrganizationId, SubjectId, TeamId, UserId};
use scanledger_domain::identity::{
    Method, Organization, OrganizationCommand, OrganizationRole, Provider, SessionKind, SignInFailure, Team,
    TeamCommand, TeamRole, User, UserCommand, UserIdentityLinked, UserState, organization_stream,
    team_stream, user_stream,
};
use scanledger_domain::log::Actor;

/// What members of a group at a provider are here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRule {
    /// The group, as the provider calls it.
    pub group: String,
    /// What its members are in the organization.
    pub role: OrganizationRole,
    /// What they are in a team of it.
    pub team: Option<(TeamId, TeamRole)>,
}

/// Why a provider's word does not sign anybody in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderRefusal {
    /// The account is not active.
    #[error("the account is not active")]
    Inactive,
    /// There is no organization to belong to.
    #[error("there is no organization yet")]
    NoOrganization,
    /// The provider names no address that it has verified, and nobody has this identity yet.
    #[error("the provider names no verified address")]
    NoEmail,
    /// The account cannot be made.
    #[error(transparent)]
    Person(#[from] PersonRefusal),
    /// The session cannot begin.
    #[error(transparent)]
    SignIn(#[from] SignInRefusal),
}

type Result<T> = std::result::Result<T, CommandError<ProviderRefusal>>;

impl Identities {
    /// Signs in whom a provider vouches for: who has this identity, else who has the verified address, else somebody
    /// new in the eldest organization with a team of their own (TRUSCA reference §3.1). `rules` say what members of
    /// groups are in that organization; without any, groups mean nothing.
    ///
    /// # Errors
    /// A [`ProviderRefusal`], which is recorded; else a fault.
    pub async fn sign_in_vouched(
        &self,
        asked: &Asked,
        provider: Provider,
        vouched: &Vouched,
        rules: &[GroupRule],
        kind: SessionKind,
    ) -> Result<SignedIn> {
        let known = match self.known_or_new(asked, provider, vouched).await {
            Ok(known) => known,
            Err(CommandError::Refused(refusal)) => {
                self.record_failure(asked, None, None, SignInFailure::Provider).await?;
                return Err(CommandError::Refused(refusal));
            }
            Err(error) => return Err(error),
        };
        if !known.account.is_active {
            let user = Some(known.account.user);
            self.record_failure(asked, user, known.organization, SignInFailure::Inactive).await?;
            return Err(CommandError::Refused(ProviderRefusal::Inactive));
        }
        if !rules.is_empty() {
            self.apply(asked, &known, vouched, rules).await?;
        }
        self.start(asked, &known, Method::Provider(provider), kind)
            .await
            .map_err(|error| error.map_refused(ProviderRefusal::from))
    }

    /// Records that a provider did not vouch for whoever came.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub async fn record_unvouched(&self, asked: &Asked) -> std::result::Result<(), Fault> {
        self.record_failure(asked, None, None, SignInFailure::Provider).await
    }

    async fn known_or_new(&self, asked: &Asked, provider: Provider, vouched: &Vouched) -> Result<Known> {
        let claim = claim_stream(&*self.vault, Unique::Identity(provider, &vouched.subject));
        if let Some(known) = self.holder_of(claim).await? {
            return Ok(known);
        }
        let verified = vouched.email.as_ref().filter(|email| email.standing == EmailStanding::Verified);
        let Some(email) = verified else {
            return Err(CommandError::Refused(ProviderRefusal::NoEmail));
        };
        if let Some(known) = self.person_with(&email.address).await? {
            if known.account.is_active {
                let context = self.own_context(asked, &known)?;
                self.link(&context, known.account.user, provider, vouched).await?;
                // The epoch may have moved on.
                let linked = self.person(known.account.user).await?;
                return linked.ok_or(CommandError::Refused(ProviderRefusal::Inactive));
            }
            return Ok(known);
        }
        let organization = self.views.eldest_organization().await?;
        let organization = organization.ok_or(CommandError::Refused(ProviderRefusal::NoOrganization))?;
        self.new_vouched(asked, provider, vouched, &email.address, organization).await
    }

    async fn new_vouched(
        &self,
        asked: &Asked,
        provider: Provider,
        vouched: &Vouched,
        email: &str,
        organization: OrganizationId,
    ) -> Result<Known> {
        let id: UserId = asked.command.derive("user").0.into();
        let context = self.context(asked, Actor::User(id), Some(organization), SubjectId(id.0))?;
        let person = |error: CommandError<PersonRefusal>| error.map_refused(ProviderRefusal::from);
        let name = vouched.name.clone().filter(|name| scanledger_domain::identity::is_long_name(name));
        let new = NewPerson { email: email.to_owned(), name, password: None };
        let registered = self.new_person(&context, new).await.map_err(person)?;
        let user = registered.user;
        let linked = self.linked(&context, user, provider, vouched)?;
        let team = context.made_id("team");
        let mut races = Races::default();
        loop {
            let mut batch = self.ledger.batch(&context);
            let email = super::person::plain_email(email);
            let email_claim = claim_stream(&*self.vault, Unique::Email(&email));
            let identity_claim = claim_stream(&*self.vault, Unique::Identity(provider, &vouched.subject));
            for claim in [email_claim, identity_claim] {
                batch
                    .take::<User>(claim, &user_stream(user), |state| !matches!(state, UserState::Missing))
                    .await
                    .map_err(|error| {
                        error.map_refused(|ClaimRefusal::TakenBy { .. }| PersonRefusal::EmailTaken.into())
                    })?;
            }
            batch
                .decide_all::<User>(
                    user_stream(user),
                    [UserCommand::Register(registered.clone()), UserCommand::Link(linked.clone())],
                )
                .await
                .map_err(|error| error.map_refused(|refusal| PersonRefusal::from(refusal).into()))?;
            self.add_to_organization(&mut batch, organization, user).await.map_err(person)?;
            self.add_unnamed_team(&mut batch, organization, team, user).await.map_err(person)?;
            match batch.commit().await? {
                Committed::At { position, .. } => {
                    self.views.wait_for(position, super::VIEWS_WAIT).await?;
                    let known = self.person(user).await?;
                    let nobody = || CommandError::Refused(ProviderRefusal::Inactive);
                    return Ok(Known { organization: Some(organization), ..known.ok_or_else(nobody)? });
                }
                Committed::Nothing => return Err(CommandError::Refused(ProviderRefusal::Inactive)),
                Committed::Raced => races.lost()?,
            }
        }
    }

    /// Lets a provider vouch for somebody who is signed in or has shown the same verified address.
    async fn link(
        &self,
        context: &Context,
        user: UserId,
        provider: Provider,
        vouched: &Vouched,
    ) -> Result<()> {
        let linked = self.linked(context, user, provider, vouched)?;
        let context = context.derive("link");
        let mut races = Races::default();
        loop {
            let mut batch = self.ledger.batch(&context);
            let claim = claim_stream(&*self.vault, Unique::Identity(provider, &vouched.subject));
            batch.take::<User>(claim, &user_stream(user), |state| state.account().is_some()).await.map_err(
                |error| error.map_refused(|ClaimRefusal::TakenBy { .. }| PersonRefusal::EmailTaken.into()),
            )?;
            batch
                .decide_all::<User>(
                    user_stream(user),
                    [UserCommand::ProveAddress, UserCommand::Link(linked.clone())],
                )
                .await
                .map_err(|error| error.map_refused(|refusal| PersonRefusal::from(refusal).into()))?;
            match batch.commit().await? {
                Committed::At { .. } | Committed::Nothing => return Ok(()),
                Committed::Raced => races.lost()?,
            }
        }
    }

    fn linked(
        &self,
        context: &Context,
        user: UserId,
        provider: Provider,
        vouched: &Vouched,
    ) -> std::result::Result<UserIdentityLinked, Fault> {
        let subject_id = SubjectId(user.0);
        let identity: IdentityId = context.made_id("identity");
        let subject = self.vault.seal(subject_id, &vouched.subject)?;
        let email = vouched.email.as_ref();
        let email = email.map(|email| self.vault.seal(subject_id, &email.address)).transpose()?;
        Ok(UserIdentityLinked { user, identity, provider, subject, email })
    }

    /// Makes somebody what the rules say about their groups.
    async fn apply(
        &self,
        asked: &Asked,
        known: &Known,
        vouched: &Vouched,
        rules: &[GroupRule],
    ) -> Result<()> {
        let Some(organization) = self.views.eldest_organization().await? else { return Ok(()) };
        let user = known.account.user;
        let matching = || rules.iter().filter(|rule| vouched.groups.contains(&rule.group));
        // The strongest of several: roles sort strongest first.
        let role = matching().map(|rule| rule.role).min().unwrap_or(OrganizationRole::Member);
        let context = self.own_context(asked, known)?.derive("groups");
        let mut races = Races::default();
        loop {
            let mut batch = self.ledger.batch(&context);
            let command = OrganizationCommand::AddMember { user, role };
            let decided = batch.decide::<Organization>(organization_stream(organization), command).await;
            // That an owner stays is worth more than what the provider says.
            match decided {
                Ok(_) | Err(CommandError::Refused(_)) => (),
                Err(CommandError::Stale { actual }) => return Err(CommandError::Stale { actual }),
                Err(CommandError::Contended) => return Err(CommandError::Contended),
                Err(CommandError::Fault(fault)) => return Err(fault.into()),
            }
            let mut teams: Vec<(TeamId, TeamRole)> = matching().filter_map(|rule| rule.team).collect();
            teams.sort_unstable();
            teams.dedup_by_key(|(team, _)| *team);
            for (team, role) in teams {
                let decided =
                    batch.decide::<Team>(team_stream(team), TeamCommand::AddMember { user, role }).await;
                if let Err(CommandError::Fault(fault)) = decided {
                    return Err(fault.into());
                }
            }
            match batch.commit().await? {
                Committed::At { position, .. } => {
                    self.views.wait_for(position, super::VIEWS_WAIT).await?;
                    return Ok(());
                }
                Committed::Nothing => return Ok(()),
                Committed::Raced => races.lost()?,
            }
        }
    }

    fn own_context(&self, asked: &Asked, known: &Known) -> std::result::Result<Context, Fault> {
        let user = known.account.user;
        Ok(self.context(asked, Actor::User(user), known.organization, SubjectId(user.0))?)
    }
}
