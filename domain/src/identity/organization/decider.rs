//! The rules of organizations.

use super::{
    InvitationAccepted, InvitationRevoked, Invited, MemberAdded, MemberRemoved, OrganizationCreated,
    OrganizationEvent, OrganizationRole,
};
use crate::decider::Decider;
use crate::id::{InvitationId, OrganizationId, UserId};
use crate::identity::{KeyHash, is_long_name};
use crate::limits::{LONG_NAME_CHARS, OPEN_INVITATIONS};
use crate::time::Timestamp;
use std::collections::BTreeMap;

/// What can be asked of an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrganizationCommand {
    /// Make it.
    Create(OrganizationCreated),
    /// Let a person belong to it.
    AddMember {
        /// Who.
        user: UserId,
        /// As what.
        role: OrganizationRole,
    },
    /// Let a person go.
    RemoveMember {
        /// Who.
        user: UserId,
    },
    /// Let whoever has a token come.
    Invite(Invited),
    /// Take an invitation back.
    RevokeInvitation(InvitationId),
    /// Come.
    Accept {
        /// Hash of the token.
        token: KeyHash,
        /// Who.
        user: UserId,
        /// The present instant.
        now: Timestamp,
    },
}

/// Where an organization stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OrganizationState {
    /// Its id, once it exists.
    pub organization: Option<OrganizationId>,
    /// Its name.
    pub name: String,
    /// Who belongs to it.
    pub members: BTreeMap<UserId, OrganizationRole>,
    /// Invitations that were neither accepted nor revoked; some may have ended.
    pub invitations: BTreeMap<InvitationId, Invited>,
}

impl OrganizationState {
    /// Whether somebody else owns it.
    fn can_spare(&self, user: UserId) -> bool {
        let is_owner = |role: &OrganizationRole| *role == OrganizationRole::Owner;
        !self.members.get(&user).is_some_and(is_owner)
            || self.members.iter().any(|(other, role)| *other != user && is_owner(role))
    }
}

/// Why something is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrganizationRefusal {
    /// There is one already.
    #[error("the organization exists already")]
    Exists,
    /// There is none.
    #[error("the organization does not exist")]
    NotFound,
    /// Its name will not do.
    #[error("a name must be one line of 1 to {LONG_NAME_CHARS} characters")]
    BadName,
    /// They do not belong to it.
    #[error("the user does not belong to the organization")]
    NotAMember,
    /// Nobody would own it.
    #[error("the last owner has to stay")]
    LastOwner,
    /// Only owners may.
    #[error("only owners make owners, or change what owners are")]
    OwnersOnly,
    /// Only people may, and keys for everything.
    #[error("a key that may not be used for everything makes ordinary members only")]
    PeopleOnly,
    /// There is no such invitation, or it is over.
    #[error("the invitation does not exist, or is over")]
    NotInvited,
    /// There are too many.
    #[error("at most {OPEN_INVITATIONS} invitations can be open")]
    TooManyInvitations,
}

impl OrganizationRefusal {
    /// Whether it is not for whoever asked, rather than not possible.
    pub const fn is_about_who_asks(&self) -> bool {
        matches!(self, Self::OwnersOnly | Self::PeopleOnly)
    }
}

/// The rules of organizations.
#[derive(Debug)]
pub struct Organization;

impl Decider for Organization {
    type State = OrganizationState;
    type Command = OrganizationCommand;
    type Event = OrganizationEvent;
    type Refusal = OrganizationRefusal;

    fn initial() -> OrganizationState {
        OrganizationState::default()
    }

    fn evolve(mut state: OrganizationState, event: &OrganizationEvent) -> OrganizationState {
        match event {
            OrganizationEvent::Created(created) => {
                state.organization = Some(created.organization);
                state.name.clone_from(&created.name);
            }
            OrganizationEvent::MemberAdded(added) => {
                state.members.insert(added.user, added.role);
            }
            OrganizationEvent::MemberRemoved(removed) => {
                state.members.remove(&removed.user);
            }
            OrganizationEvent::Invited(invited) => {
                state.invitations.insert(invited.invitation, invited.clone());
            }
            OrganizationEvent::InvitationRevoked(InvitationRevoked { invitation, .. })
            | OrganizationEvent::InvitationAccepted(InvitationAccepted { invitation, .. }) => {
                state.invitations.remove(invitation);
            }
        }
        state
    }

    fn decide(
        state: &OrganizationState,
        command: OrganizationCommand,
    ) -> Result<Vec<OrganizationEvent>, OrganizationRefusal> {
        match (state.organization, command) {
            (Some(_), OrganizationCommand::Create(_)) => Err(OrganizationRefusal::Exists),
            (None, OrganizationCommand::Create(created)) if !is_long_name(&created.name) => {
                Err(OrganizationRefusal::BadName)
            }
            (None, OrganizationCommand::Create(created)) => Ok(vec![created.into()]),
            (None, _) => Err(OrganizationRefusal::NotFound),
            (Some(organization), command) => of_organization(state, organization, command),
        }
    }
}

fn of_organization(
    state: &OrganizationState,
    organization: OrganizationId,
    command: OrganizationCommand,
) -> Result<Vec<OrganizationEvent>, OrganizationRefusal> {
    let event: OrganizationEvent = match command {
        OrganizationCommand::Create(_) => return Err(OrganizationRefusal::Exists),
        OrganizationCommand::AddMember { user, role } if state.members.get(&user) == Some(&role) => {
            return Ok(vec![]);
        }
        OrganizationCommand::AddMember { user, role }
            if role != OrganizationRole::Owner && !state.can_spare(user) =>
        {
            return Err(OrganizationRefusal::LastOwner);
        }
        OrganizationCommand::AddMember { user, role } => MemberAdded { organization, user, role }.into(),
        OrganizationCommand::RemoveMember { user } if !state.members.contains_key(&user) => {
            return Err(OrganizationRefusal::NotAMember);
        }
        OrganizationCommand::RemoveMember { user } if !state.can_spare(user) => {
            return Err(OrganizationRefusal::LastOwner);
        }
        OrganizationCommand::RemoveMember { user } => MemberRemoved { organization, user }.into(),
        OrganizationCommand::Invite(_) if state.invitations.len() >= OPEN_INVITATIONS => {
            return Err(OrganizationRefusal::TooManyInvitations);
        }
        OrganizationCommand::Invite(invited) => invited.into(),
        OrganizationCommand::RevokeInvitation(invitation) if !state.invitations.contains_key(&invitation) => {
            return Err(OrganizationRefusal::NotInvited);
        }
        OrganizationCommand::RevokeInvitation(invitation) => {
            InvitationRevoked { organization, invitation }.into()
        }
        OrganizationCommand::Accept { token, user, now } => {
            let is_open = |invited: &&Invited| invited.token == token && now < invited.expires_at;
            let found = state.invitations.values().find(is_open).ok_or(OrganizationRefusal::NotInvited)?;
            let accepted = InvitationAccepted { organization, invitation: found.invitation, user }.into();
            // Who belongs already keeps what they are, if that is more.
            return Ok(match state.members.get(&user) {
                Some(present) if *present <= found.role => vec![accepted],
                Some(_) | None => {
                    vec![accepted, MemberAdded { organization, user, role: found.role }.into()]
                }
            });
        }
    };
    Ok(vec![event])
}
