//! Who belongs to an organization: roles, leaving, and invitations.

use super::person::finish;
use super::session::after;
use super::{Asked, Identities, NewPerson, PersonChanged, PersonRefusal, Registered, Token};
use crate::context::Context;
use crate::error::{CommandError, Fault};
use crate::ledger::{Committed, Races};
use crate::ports::Mail;
use scanledger_domain::claim::{Claim, ClaimCommand, Unique, claim_stream};
use scanledger_domain::decider::StoredEvent as _;
use scanledger_domain::id::{InvitationId, OrganizationId, SubjectId, TeamId, UserId};
use scanledger_domain::identity::{
    AddressProof, Changer, Invited, InvitedTeam, KeyHash, Organization, OrganizationCommand,
    OrganizationEvent, OrganizationRefusal, OrganizationRole, Team, TeamCommand, TeamRefusal, TeamRole,
    UserRegistered, is_email, may_change_member, organization_stream, plain_email, team_stream,
};
use scanledger_domain::log::{Actor, Position, Recorded};
use scanledger_domain::time::Timestamp;
use std::fmt;

/// Somebody who is to be invited.
#[derive(Clone, PartialEq, Eq)]
pub struct NewInvitation {
    /// Their address.
    pub email: String,
    /// As what.
    pub role: OrganizationRole,
    /// Into which team, and as what there.
    pub team: Option<(TeamId, TeamRole)>,
}

impl fmt::Debug for NewInvitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewInvitation").field("role", &self.role).finish_non_exhaustive()
    }
}

/// An invitation that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Its id.
    pub invitation: InvitationId,
    /// What is to be shown to whoever invites: the message may not arrive, and without a mail system there is none.
    pub token: Token,
    /// Whether a message is on its way.
    pub sent: InvitationSent,
    /// Position of the event.
    pub position: Position,
}

/// An invitation as it is in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitationRecorded {
    /// What is recorded.
    pub invited: Invited,
    /// Position of the event.
    pub position: Position,
    /// When that was recorded.
    pub recorded_at: Timestamp,
}

/// Whether a message is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvitationSent {
    /// It is.
    ByMail,
    /// It is not: whoever invites has to pass the token on.
    NotSent,
}

/// Why something is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MemberRefusal {
    /// Not an e-mail address.
    #[error("the e-mail address is not one")]
    BadEmail,
    /// They belong to it already.
    #[error("the user belongs to the organization already")]
    MemberAlready,
    /// There is no such team in the organization.
    #[error("the team does not exist")]
    TeamNotFound,
    /// The request was made before; its token was shown then.
    #[error("the invitation was made by an earlier request, and its token is shown only once")]
    ShownBefore,
    /// The person's rules.
    #[error(transparent)]
    Person(#[from] PersonRefusal),
    /// The organization's rules.
    #[error(transparent)]
    Organization(#[from] OrganizationRefusal),
}

type Result<T> = std::result::Result<T, CommandError<MemberRefusal>>;

fn refused(refusal: OrganizationRefusal) -> CommandError<MemberRefusal> {
    CommandError::Refused(refusal.into())
}

impl Identities {
    /// Makes somebody who belongs to an organization something else in it.
    ///
    /// # Errors
    /// [`OrganizationRefusal::NotAMember`], [`OrganizationRefusal::OwnersOnly`], [`OrganizationRefusal::LastOwner`];
    /// else a fault.
    pub async fn set_member_role(
        &self,
        context: &Context,
        by: Changer,
        organization: OrganizationId,
        user: UserId,
        role: OrganizationRole,
    ) -> Result<PersonChanged> {
        let state = self.ledger.load::<Organization>(&organization_stream(organization)).await?.0;
        let Some(present) = state.members.get(&user) else {
            return Err(CommandError::Refused(OrganizationRefusal::NotAMember.into()));
        };
        may_change_member(by, Some(*present), Some(role)).map_err(refused)?;
        self.change_members(context, organization, OrganizationCommand::AddMember { user, role }).await
    }

    /// Lets somebody leave an organization, and with it what they are in its teams.
    ///
    /// # Errors
    /// As [`Self::set_member_role`].
    pub async fn remove_member(
        &self,
        context: &Context,
        by: Changer,
        organization: OrganizationId,
        user: UserId,
    ) -> Result<PersonChanged> {
        let state = self.ledger.load::<Organization>(&organization_stream(organization)).await?.0;
        may_change_member(by, state.members.get(&user).copied(), None).map_err(refused)?;
        let mut races = Races::default();
        loop {
            let mut batch = self.ledger.batch(context);
            batch
                .decide::<Organization>(
                    organization_stream(organization),
                    OrganizationCommand::RemoveMember { user },
                )
                .await
                .map_err(|error| error.map_refused(MemberRefusal::from))?;
            for team in self.views.teams_of(user, organization).await? {
                match batch.decide::<Team>(team_stream(team), TeamCommand::RemoveMember { user }).await {
                    Ok(_) | Err(CommandError::Refused(TeamRefusal::NotAMember | TeamRefusal::NotFound)) => (),
                    Err(error) => {
                        return Err(error.map_refused(|refusal| PersonRefusal::from(refusal).into()));
                    }
                }
            }
            let done = finish(batch, &mut races).await;
            if let Some(changed) = done.map_err(|error| error.map_refused(MemberRefusal::from))? {
                return Ok(changed);
            }
        }
    }

    /// Takes an invitation back.
    ///
    /// # Errors
    /// [`OrganizationRefusal::NotInvited`]; else a fault.
    pub async fn revoke_invitation(
        &self,
        context: &Context,
        organization: OrganizationId,
        invitation: InvitationId,
    ) -> Result<PersonChanged> {
        self.change_members(context, organization, OrganizationCommand::RevokeInvitation(invitation)).await
    }

    /// Invites somebody, and sends them a message if messages can be sent; `link` is what the token is put behind.
    ///
    /// # Errors
    /// [`MemberRefusal::BadEmail`], [`MemberRefusal::MemberAlready`], [`MemberRefusal::TeamNotFound`],
    /// [`OrganizationRefusal::TooManyInvitations`]; else a fault.
    pub async fn invite(
        &self,
        context: &Context,
        by: Changer,
        organization: OrganizationId,
        new: NewInvitation,
        link: &str,
    ) -> Result<Invitation> {
        may_change_member(by, None, Some(new.role)).map_err(refused)?;
        let email = plain_email(&new.email);
        if !is_email(&email) {
            return Err(CommandError::Refused(MemberRefusal::BadEmail));
        }
        let stream = organization_stream(organization);
        let state = self.ledger.load::<Organization>(&stream).await?.0;
        if let Some(known) = self.person_with(&email).await?
            && state.members.contains_key(&known.account.user)
        {
            return Err(CommandError::Refused(MemberRefusal::MemberAlready));
        }
        let team = match new.team {
            None => None,
            Some((id, role)) => {
                let life = self.ledger.load::<Team>(&team_stream(id)).await?.0;
                if life.live().is_none_or(|life| life.organization != organization) {
                    return Err(CommandError::Refused(MemberRefusal::TeamNotFound));
                }
                Some(InvitedTeam { id, role })
            }
        };
        let invitation: InvitationId = context.made_id("invitation");
        let token = self.secret(&invitation.0.simple().to_string())?;
        let invited = Invited {
            organization,
            invitation,
            email: self.vault.seal(SubjectId(invitation.0), &email)?,
            role: new.role,
            team,
            token: token.hash(),
            expires_at: after(self.clock.now(), self.lifetimes.invitation),
        };
        let mut races = Races::default();
        let position = loop {
            let mut batch = self.ledger.batch(context);
            let claim = claim_stream(&*self.vault, Unique::Invitation(&token.hash()));
            batch
                .decide::<Organization>(stream.clone(), OrganizationCommand::Invite(invited.clone()))
                .await
                .map_err(|error| error.map_refused(MemberRefusal::from))?;
            batch
                .decide::<Claim>(claim, ClaimCommand::Take { holder: stream.clone() })
                .await
                .map_err(|error| error.map_refused(|_| MemberRefusal::ShownBefore))?;
            match batch.commit().await? {
                Committed::At { position, .. } => break position,
                Committed::Nothing => return Err(CommandError::Refused(MemberRefusal::ShownBefore)),
                Committed::Raced => races.lost()?,
            }
        };
        let sent = self.send_invitation(&email, &state.name, link, &token).await;
        Ok(Invitation { invitation, token, sent, position })
    }

    /// The invitation that a command made, for who answers before the read model shows it.
    ///
    /// # Errors
    /// When the log cannot be read, or the command has made none.
    pub async fn invitation_made_by(
        &self,
        context: &Context,
    ) -> std::result::Result<InvitationRecorded, Fault> {
        let recorded = self.ledger.recorded(context.command).await?;
        let made = recorded.into_iter().find_map(|event| {
            match OrganizationEvent::decode(&event.kind, event.schema, &event.data) {
                Ok(OrganizationEvent::Invited(invited)) => {
                    let Recorded { position, recorded_at, .. } = event;
                    Some(InvitationRecorded { invited, position, recorded_at })
                }
                Ok(_) | Err(_) => None,
            }
        });
        made.ok_or(Fault::Batch("another command under the same id"))
    }

    async fn send_invitation(
        &self,
        email: &str,
        organization: &str,
        link: &str,
        token: &Token,
    ) -> InvitationSent {
        let Some(mailer) = &self.mailer else { return InvitationSent::NotSent };
        let text = format!(
            "You are invited to {organization} on Scanledger. Open this address to come in:\n\n{link}{}\n",
            token.reveal()
        );
        let subject = format!("You are invited to {organization}");
        match mailer.send(Mail { to: email.to_owned(), subject, text }).await {
            Ok(()) => InvitationSent::ByMail,
            Err(error) => {
                tracing::error!(error = &*error as &dyn std::error::Error, "an invitation was not sent");
                InvitationSent::NotSent
            }
        }
    }

    /// Comes into an organization with an account that there is.
    ///
    /// # Errors
    /// [`OrganizationRefusal::NotInvited`]; else a fault.
    pub async fn accept_invitation(
        &self,
        context: &Context,
        user: UserId,
        token: &str,
    ) -> Result<PersonChanged> {
        let hash = KeyHash::of(token);
        let (organization, team) = self.invitation_of(&hash).await?;
        // It is the organization's audit log that says who came.
        let context = &Context { organization: Some(organization), ..context.clone() };
        let mut races = Races::default();
        loop {
            let mut batch = self.ledger.batch(context);
            let command = OrganizationCommand::Accept { token: hash.clone(), user, now: self.clock.now() };
            batch
                .decide::<Organization>(organization_stream(organization), command)
                .await
                .map_err(|error| error.map_refused(MemberRefusal::from))?;
            self.join_team(&mut batch, team, user).await?;
            let done = finish(batch, &mut races).await;
            if let Some(changed) = done.map_err(|error| error.map_refused(MemberRefusal::from))? {
                return Ok(changed);
            }
        }
    }

    /// Makes an account for whoever has the token of an invitation; the address is the invited one.
    ///
    /// # Errors
    /// [`OrganizationRefusal::NotInvited`] and the refusals of [`Identities::register`]; else a fault.
    pub async fn register_invited(
        &self,
        asked: &Asked,
        token: &str,
        name: Option<String>,
        password: Option<String>,
    ) -> Result<Registered> {
        let hash = KeyHash::of(token);
        let (organization, team) = self.invitation_of(&hash).await?;
        let state = self.ledger.load::<Organization>(&organization_stream(organization)).await?.0;
        let not_invited = || CommandError::Refused(OrganizationRefusal::NotInvited.into());
        let invited = state.invitations.values().find(|invited| invited.token == hash);
        let invited = invited.ok_or_else(not_invited)?;
        let email = self.vault.open(&invited.email)?.ok_or_else(not_invited)?;
        let person = |error: CommandError<PersonRefusal>| error.map_refused(MemberRefusal::from);
        let id: UserId = asked.command.derive("user").0.into();
        let context = self.context(asked, Actor::User(id), Some(organization), SubjectId(id.0))?;
        let new = NewPerson { email: email.clone(), name, password };
        let registered = self.new_person(&context, new).await.map_err(person)?;
        // Whoever invites may have seen the token, and whoever has it is not for that who reads the address.
        let registered = UserRegistered { address: AddressProof::Claimed, ..registered };
        let user = registered.user;
        let mut races = Races::default();
        loop {
            let mut batch = self.ledger.batch(&context);
            self.add_person(&mut batch, registered.clone(), &email).await.map_err(person)?;
            let command = OrganizationCommand::Accept { token: hash.clone(), user, now: self.clock.now() };
            batch
                .decide::<Organization>(organization_stream(organization), command)
                .await
                .map_err(|error| error.map_refused(MemberRefusal::from))?;
            self.join_team(&mut batch, team, user).await?;
            match batch.commit().await? {
                Committed::At { position, .. } => return Ok(Registered { user, position }),
                Committed::Nothing => return Err(not_invited()),
                Committed::Raced => races.lost()?,
            }
        }
    }

    /// Whose invitation a token is.
    async fn invitation_of(&self, token: &KeyHash) -> Result<(OrganizationId, Option<InvitedTeam>)> {
        let not_invited = || CommandError::Refused(OrganizationRefusal::NotInvited.into());
        let claim = claim_stream(&*self.vault, Unique::Invitation(token));
        let holder = self.ledger.load::<Claim>(&claim).await?.0.ok_or_else(not_invited)?;
        let organization = holder.as_str().strip_prefix("organization-").and_then(|id| id.parse().ok());
        let organization: OrganizationId = organization.ok_or_else(not_invited)?;
        let state = self.ledger.load::<Organization>(&organization_stream(organization)).await?.0;
        let invited = state.invitations.values().find(|invited| invited.token == *token);
        Ok((organization, invited.ok_or_else(not_invited)?.team))
    }

    /// A team that is gone meanwhile keeps nobody out of the organization.
    async fn join_team(
        &self,
        batch: &mut crate::ledger::Batch<'_>,
        team: Option<InvitedTeam>,
        user: UserId,
    ) -> Result<()> {
        let Some(InvitedTeam { id, role }) = team else { return Ok(()) };
        match self.add_to_team(batch, id, user, role).await {
            Ok(())
            | Err(CommandError::Refused(
                PersonRefusal::TeamNotFound | PersonRefusal::Team(TeamRefusal::LastAdmin),
            )) => Ok(()),
            Err(error) => Err(error.map_refused(MemberRefusal::from)),
        }
    }

    async fn change_members(
        &self,
        context: &Context,
        organization: OrganizationId,
        command: OrganizationCommand,
    ) -> Result<PersonChanged> {
        let stream = organization_stream(organization);
        let done = self.ledger.execute::<Organization>(context, &stream, None, command).await;
        let done = done.map_err(|error| error.map_refused(MemberRefusal::from))?;
        Ok(PersonChanged { position: done.position })
    }
}
