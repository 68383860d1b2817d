//! Signing in with somebody who vouches for people.

use super::notice::Notice;
use super::session::Known;
use super::{Asked, Identities, NewPerson, PersonRefusal, SignInRefusal, SignedIn, to_the_end};
use crate::context::Context;
use crate::error::{CommandError, Fault};
use crate::ledger::{Committed, Races};
use crate::ports::{EmailStanding, Vouched};
use scanledger_domain::claim::{ClaimRefusal, Unique, claim_stream};
use scanledger_domain::id::{IdentityId, OrganizationId, SubjectId, TeamId, UserId};
use scanledger_domain::identity::{
    AddressProof, Method, Organization, OrganizationCommand, OrganizationRole, Provider, SessionKind,
    SignInFailure, Team, TeamCommand, TeamRole, User, UserCommand, UserIdentityLinked, UserState,
    organization_stream, team_stream, user_stream,
};
use scanledger_domain::log::{Actor, StreamName};
use std::collections::BTreeMap;

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

/// What becomes of somebody whom a provider vouches for and whom nobody knows yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Newcomers {
    /// They are not let in.
    Refused,
    /// They get an organization and a team of their own, as whoever registers does: anybody has an account there.
    OnTheirOwn,
    /// They belong to the eldest organization, whose provider it is.
    InEldest,
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
    /// They have no account, and nobody gets one this way.
    #[error("nobody gets an account this way")]
    Closed,
    /// Somebody has an account with the address, and nobody knows whether it is theirs. Using a token of a password
    /// reset, which is sent there, shows it.
    #[error("the account with this address has to show first that it is its own")]
    Unproven,
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
    /// new. `rules` say what members of groups are in the eldest organization; without any, groups mean nothing.
    ///
    /// TRUSCA puts every newcomer into the eldest organization (reference §3.1). Where anybody can have an account at
    /// the provider, that would open what belongs to no team there to anybody.
    ///
    /// # Errors
    /// A [`ProviderRefusal`], which is recorded, for whoever has the address that the provider names; else a fault.
    pub async fn sign_in_vouched(
        &self,
        asked: &Asked,
        provider: Provider,
        vouched: &Vouched,
        newcomers: Newcomers,
        rules: &[GroupRule],
        kind: SessionKind,
    ) -> Result<SignedIn> {
        let known = match self.known_or_new(asked, provider, vouched, newcomers).await {
            Ok(known) => known,
            Err(CommandError::Refused(refusal)) => {
                let about = match &vouched.email {
                    Some(email) => self.person_with(&email.address).await?,
                    None => None,
                };
                self.note_failure(asked, about.as_ref(), SignInFailure::Provider).await;
                return Err(CommandError::Refused(refusal));
            }
            Err(error) => return Err(error),
        };
        if !known.account.is_active {
            self.note_failure(asked, Some(&known), SignInFailure::Inactive).await;
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
        self.record_failure(asked, None, SignInFailure::Provider).await
    }

    async fn known_or_new(
        &self,
        asked: &Asked,
        provider: Provider,
        vouched: &Vouched,
        newcomers: Newcomers,
    ) -> Result<Known> {
        let claim = claim_stream(&*self.vault, Unique::Identity(provider, &vouched.subject));
        if let Some(known) = self.holder_of(claim).await? {
            return Ok(known);
        }
        let verified = vouched.email.as_ref().filter(|email| email.standing == EmailStanding::Verified);
        let Some(email) = verified else {
            return Err(CommandError::Refused(ProviderRefusal::NoEmail));
        };
        if let Some(known) = self.person_with(&email.address).await? {
            // Whoever claimed the address may be somebody else, who waits for its owner to come (account pre-hijacking).
            if known.account.address == AddressProof::Claimed {
                return Err(CommandError::Refused(ProviderRefusal::Unproven));
            }
            if known.account.is_active {
                let context = self.own_context(asked, &known)?;
                self.link(&context, known.account.user, provider, vouched).await?;
            }
            return Ok(known);
        }
        let home = match newcomers {
            Newcomers::Refused => return Err(CommandError::Refused(ProviderRefusal::Closed)),
            Newcomers::OnTheirOwn => None,
            Newcomers::InEldest => {
                let eldest = self.first_organization().await?;
                Some(eldest.ok_or(CommandError::Refused(ProviderRefusal::NoOrganization))?)
            }
        };
        self.new_vouched(asked, provider, vouched, &email.address, home).await
    }

    /// Makes an account in `home`, or with an organization of its own.
    async fn new_vouched(
        &self,
        asked: &Asked,
        provider: Provider,
        vouched: &Vouched,
        email: &str,
        home: Option<OrganizationId>,
    ) -> Result<Known> {
        let id: UserId = asked.command.derive("user").0.into();
        let organization = home.unwrap_or_else(|| asked.command.derive("organization").0.into());
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
            let email = scanledger_domain::identity::plain_email(email);
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
            match home {
                Some(home) => self.add_to_organization(&mut batch, home, user).await.map_err(person)?,
                None => self.add_own_home(&mut batch, organization, team, user).await.map_err(person)?,
            }
            match batch.commit().await? {
                Committed::At { position, .. } => {
                    self.views.wait_for(position, super::VIEWS_WAIT).await?;
                    let known = self.person(user).await?;
                    let nobody = || CommandError::Refused(ProviderRefusal::Inactive);
                    return Ok(Known { organizations: vec![organization], ..known.ok_or_else(nobody)? });
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
        let claim = claim_stream(&*self.vault, Unique::Identity(provider, &vouched.subject));
        let (identities, context) = (self.clone(), context.derive("link"));
        to_the_end(async move { identities.link_and_tell(&context, linked, claim).await }).await?
    }

    async fn link_and_tell(
        &self,
        context: &Context,
        linked: UserIdentityLinked,
        claim: StreamName,
    ) -> Result<()> {
        let UserIdentityLinked { user, provider, .. } = linked;
        let mut races = Races::default();
        loop {
            let mut batch = self.ledger.batch(context);
            let claim = claim.clone();
            batch.take::<User>(claim, &user_stream(user), |state| state.account().is_some()).await.map_err(
                |error| error.map_refused(|ClaimRefusal::TakenBy { .. }| PersonRefusal::EmailTaken.into()),
            )?;
            batch
                .decide::<User>(user_stream(user), UserCommand::Link(linked.clone()))
                .await
                .map_err(|error| error.map_refused(|refusal| PersonRefusal::from(refusal).into()))?;
            match batch.commit().await? {
                Committed::At { .. } => {
                    self.tell(user, Notice::Linked(provider), None);
                    return Ok(());
                }
                Committed::Nothing => return Ok(()),
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
        let Some(organization) = self.first_organization().await? else { return Ok(()) };
        let user = known.account.user;
        let matching = || rules.iter().filter(|rule| vouched.groups.contains(&rule.group));
        let members = self.ledger.load::<Organization>(&organization_stream(organization)).await?.0.members;
        // Who was let go and is in no group stays away.
        if matching().next().is_none() && !members.contains_key(&user) {
            return Ok(());
        }
        // The strongest of several: roles sort strongest first.
        let role = matching().map(|rule| rule.role).min().unwrap_or(OrganizationRole::Member);
        let context = self.own_context(asked, known)?.derive("groups");
        // It is this organization's audit log that says who became what in it.
        let context = Context { organization: Some(organization), ..context };
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
            for (team, role) in teams(rules, &vouched.groups) {
                let command = match role {
                    Some(role) => TeamCommand::AddMember { user, role },
                    None => TeamCommand::RemoveMember { user },
                };
                // That somebody runs a team is worth more than what the provider says.
                if let Err(CommandError::Fault(fault)) =
                    batch.decide::<Team>(team_stream(team), command).await
                {
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
        Ok(self.context(asked, Actor::User(user), known.home(), SubjectId(user.0))?)
    }
}

/// What somebody in `groups` is in each team that rules name; nothing in those whose groups they are not in.
fn teams(rules: &[GroupRule], groups: &[String]) -> BTreeMap<TeamId, Option<TeamRole>> {
    let mut teams = BTreeMap::new();
    for rule in rules {
        let Some((team, role)) = rule.team else { continue };
        let place: &mut Option<TeamRole> = teams.entry(team).or_default();
        if groups.contains(&rule.group) {
            // Roles sort strongest first.
            *place = Some(place.map_or(role, |present| present.min(role)));
        }
    }
    teams
}
