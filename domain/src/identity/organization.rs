//! Organizations and who belongs to them.

use super::{KeyHash, TeamRole, is_long_name};
use crate::decider::Decider;
use crate::id::{InvitationId, OrganizationId, TeamId, UserId};
use crate::limits::{LONG_NAME_CHARS, OPEN_INVITATIONS};
use crate::log::StreamName;
use crate::stored_events;
use crate::time::Timestamp;
use crate::vault::Sealed;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::str::FromStr;

/// What a person is in an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum OrganizationRole {
    /// May do everything, and cannot be removed by others.
    #[serde(rename = "owner")]
    Owner,
    /// May do everything inside it.
    #[serde(rename = "admin")]
    Admin,
    /// May do what teams allow.
    #[serde(rename = "member")]
    Member,
}

impl OrganizationRole {
    /// All of them, strongest first.
    pub const ALL: [Self; 3] = [Self::Owner, Self::Admin, Self::Member];

    /// Its name in events and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Member => "member",
        }
    }
}

impl FromStr for OrganizationRole {
    type Err = UnknownOrganizationRole;

    fn from_str(text: &str) -> Result<Self, UnknownOrganizationRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(UnknownOrganizationRole)
    }
}

/// A word that names no role in an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a role in an organization is owner, admin or member")]
pub struct UnknownOrganizationRole;

/// `organization.created`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganizationCreated {
    /// Its id.
    #[serde(rename = "organization")]
    pub organization: OrganizationId,
    /// Its name.
    #[serde(rename = "name")]
    pub name: String,
}

/// `organization.member_added`: a person belongs to it, or has another role now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberAdded {
    /// The organization.
    #[serde(rename = "organization")]
    pub organization: OrganizationId,
    /// Who.
    #[serde(rename = "user")]
    pub user: UserId,
    /// As what.
    #[serde(rename = "role")]
    pub role: OrganizationRole,
}

/// `organization.member_removed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberRemoved {
    /// The organization.
    #[serde(rename = "organization")]
    pub organization: OrganizationId,
    /// Who.
    #[serde(rename = "user")]
    pub user: UserId,
}

/// `organization.invited`: whoever has the token may come in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invited {
    /// The organization.
    #[serde(rename = "organization")]
    pub organization: OrganizationId,
    /// The id of the invitation; the address is sealed for it.
    #[serde(rename = "invitation")]
    pub invitation: InvitationId,
    /// The address it was sent to, sealed.
    #[serde(rename = "email")]
    pub email: Sealed,
    /// As what.
    #[serde(rename = "role")]
    pub role: OrganizationRole,
    /// Into which team, and as what there.
    #[serde(rename = "team", skip_serializing_if = "Option::is_none", default)]
    pub team: Option<InvitedTeam>,
    /// Hash of the token.
    #[serde(rename = "token")]
    pub token: KeyHash,
    /// When it ends.
    #[serde(rename = "expiresAt")]
    pub expires_at: Timestamp,
}

/// A place in a team that comes with an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitedTeam {
    /// The team.
    #[serde(rename = "id")]
    pub id: TeamId,
    /// As what.
    #[serde(rename = "role")]
    pub role: TeamRole,
}

/// `organization.invitation_revoked`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationRevoked {
    /// The organization.
    #[serde(rename = "organization")]
    pub organization: OrganizationId,
    /// The invitation.
    #[serde(rename = "invitation")]
    pub invitation: InvitationId,
}

/// `organization.invitation_accepted`; `organization.member_added` follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationAccepted {
    /// The organization.
    #[serde(rename = "organization")]
    pub organization: OrganizationId,
    /// The invitation.
    #[serde(rename = "invitation")]
    pub invitation: InvitationId,
    /// Who came.
    #[serde(rename = "user")]
    pub user: UserId,
}

stored_events! {
    /// What happened to an organization.
    pub enum OrganizationEvent {
        /// It was created.
        Created(OrganizationCreated) = ("organization.created", 1),
        /// Somebody belongs to it.
        MemberAdded(MemberAdded) = ("organization.member_added", 1),
        /// Somebody no longer does.
        MemberRemoved(MemberRemoved) = ("organization.member_removed", 1),
        /// Somebody may come.
        Invited(Invited) = ("organization.invited", 1),
        /// They may no longer.
        InvitationRevoked(InvitationRevoked) = ("organization.invitation_revoked", 1),
        /// They came.
        InvitationAccepted(InvitationAccepted) = ("organization.invitation_accepted", 1),
    }
}

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

/// Who changes what somebody is in an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Changer {
    /// An owner of it, or somebody who runs the installation.
    Owner,
    /// Somebody who runs it without owning it, such as a key that may be used for everything.
    Admin,
    /// A key that may be used for some things only, and must not make itself somebody who may do everything.
    Delegate,
}

/// Whether somebody who is `present` in an organization, if anything, may be made `wanted`, or nothing: only owners
/// make owners, and change what owners are.
///
/// # Errors
/// [`OrganizationRefusal::OwnersOnly`].
pub fn may_change_member(
    by: Changer,
    present: Option<OrganizationRole>,
    wanted: Option<OrganizationRole>,
) -> Result<(), OrganizationRefusal> {
    let is_about_owners = [present, wanted].contains(&Some(OrganizationRole::Owner));
    let is_about_members = [present, wanted].iter().flatten().all(|role| *role == OrganizationRole::Member);
    match by {
        Changer::Admin if is_about_owners => Err(OrganizationRefusal::OwnersOnly),
        Changer::Delegate if !is_about_members => Err(OrganizationRefusal::PeopleOnly),
        Changer::Owner | Changer::Admin | Changer::Delegate => Ok(()),
    }
}

/// The rules of organizations.
#[derive(Debug)]
pub struct Organization;

/// The stream of an organization.
pub fn organization_stream(id: OrganizationId) -> StreamName {
    StreamName::new("organization", id)
}

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

#[cfg(test)]
mod tests {
    use super::{
        Changer, InvitationAccepted, InvitationRevoked, Invited, MemberAdded, MemberRemoved, Organization,
        OrganizationCommand, OrganizationCreated, OrganizationEvent, OrganizationRefusal, OrganizationRole,
        may_change_member, organization_stream,
    };
    use crate::decider::{Decider as _, given};
    use crate::id::{InvitationId, OrganizationId, UserId};
    use crate::identity::KeyHash;
    use crate::limits::{LONG_NAME_CHARS, OPEN_INVITATIONS};
    use crate::time::Timestamp;
    use crate::vault::Sealed;
    use OrganizationRole::{Admin, Member, Owner};
    use uuid::Uuid;

    const ACME: OrganizationId = OrganizationId(Uuid::from_u128(1));
    const ANA: UserId = UserId(Uuid::from_u128(2));
    const BOB: UserId = UserId(Uuid::from_u128(3));

    fn named(name: &str) -> OrganizationCreated {
        OrganizationCreated { organization: ACME, name: name.to_owned() }
    }

    fn created() -> OrganizationEvent {
        named("Acme").into()
    }

    fn added(user: UserId, role: OrganizationRole) -> OrganizationEvent {
        MemberAdded { organization: ACME, user, role }.into()
    }

    fn add(user: UserId, role: OrganizationRole) -> OrganizationCommand {
        OrganizationCommand::AddMember { user, role }
    }

    #[test]
    fn an_organization_is_created_once() {
        given::<Organization>([]).when(OrganizationCommand::Create(named("Acme"))).then([created()]);
        given::<Organization>([created()])
            .when(OrganizationCommand::Create(named("Acme")))
            .then_refused(OrganizationRefusal::Exists);
    }

    #[test]
    fn a_name_has_at_most_the_limit_of_characters_not_bytes() {
        let longest = "é".repeat(LONG_NAME_CHARS);
        given::<Organization>([])
            .when(OrganizationCommand::Create(named(&longest)))
            .then([named(&longest).into()]);
        given::<Organization>([])
            .when(OrganizationCommand::Create(named(&format!("{longest}x"))))
            .then_refused(OrganizationRefusal::BadName);
    }

    #[test]
    fn a_name_is_one_line_with_something_on_it() {
        for name in ["", " \u{a0}", "two\nlines", "tab\tbed", "bell\u{7}"] {
            given::<Organization>([])
                .when(OrganizationCommand::Create(named(name)))
                .then_refused(OrganizationRefusal::BadName);
        }
    }

    #[test]
    fn somebody_can_belong_to_it_as_anything() {
        for role in [Owner, Admin, Member] {
            given::<Organization>([created()]).when(add(ANA, role)).then([added(ANA, role)]);
        }
        given::<Organization>([created(), added(ANA, Owner)]).when(add(BOB, Owner)).then([added(BOB, Owner)]);
    }

    #[test]
    fn nobody_belongs_to_what_does_not_exist() {
        given::<Organization>([]).when(add(ANA, Member)).then_refused(OrganizationRefusal::NotFound);
    }

    #[test]
    fn another_role_is_an_event_and_the_same_role_is_none() {
        given::<Organization>([created(), added(ANA, Member)])
            .when(add(ANA, Admin))
            .then([added(ANA, Admin)]);
        given::<Organization>([created(), added(ANA, Member)]).when(add(ANA, Member)).then_nothing();
        given::<Organization>([created(), added(ANA, Member), added(ANA, Admin)])
            .when(add(ANA, Member))
            .then([added(ANA, Member)]);
    }

    #[test]
    fn owners_are_made_and_unmade_by_owners_alone() {
        for (present, wanted) in [(None, Some(Owner)), (Some(Owner), Some(Member)), (Some(Owner), None)] {
            let refused = Err(OrganizationRefusal::OwnersOnly);
            assert_eq!(may_change_member(Changer::Admin, present, wanted), refused);
            assert_eq!(may_change_member(Changer::Owner, present, wanted), Ok(()));
        }
        assert_eq!(may_change_member(Changer::Admin, Some(Member), Some(Admin)), Ok(()));
        assert_eq!(may_change_member(Changer::Delegate, None, Some(Member)), Ok(()));
        for (present, wanted) in [(None, Some(Admin)), (Some(Member), Some(Admin)), (Some(Admin), None)] {
            let refused = Err(OrganizationRefusal::PeopleOnly);
            assert_eq!(may_change_member(Changer::Delegate, present, wanted), refused);
        }
        assert_eq!(may_change_member(Changer::Admin, Some(Admin), None), Ok(()));
    }

    #[test]
    fn somebody_owns_it() {
        let remove = |user| OrganizationCommand::RemoveMember { user };
        let removed = |user| OrganizationEvent::from(MemberRemoved { organization: ACME, user });
        let both = || [created(), added(ANA, Owner), added(BOB, Admin)];
        given::<Organization>(both()).when(remove(ANA)).then_refused(OrganizationRefusal::LastOwner);
        given::<Organization>(both()).when(add(ANA, Admin)).then_refused(OrganizationRefusal::LastOwner);
        given::<Organization>(both()).when(remove(BOB)).then([removed(BOB)]);
        let two = both().into_iter().chain([added(BOB, Owner)]);
        given::<Organization>(two).when(remove(ANA)).then([removed(ANA)]);
        given::<Organization>([created()]).when(remove(BOB)).then_refused(OrganizationRefusal::NotAMember);
    }

    fn invited(number: u128) -> Invited {
        Invited {
            organization: ACME,
            invitation: InvitationId(Uuid::from_u128(number)),
            email: Sealed("sealed".to_owned()),
            role: Member,
            team: None,
            token: KeyHash::of("token"),
            expires_at: Timestamp(100),
        }
    }

    fn accept(token: &str, now: i64) -> OrganizationCommand {
        OrganizationCommand::Accept { token: KeyHash::of(token), user: BOB, now: Timestamp(now) }
    }

    #[test]
    fn an_invitation_is_accepted_once_and_in_time() {
        let accepted = || {
            let invitation = InvitationId(Uuid::from_u128(7));
            OrganizationEvent::from(InvitationAccepted { organization: ACME, invitation, user: BOB })
        };
        let open = || [created(), invited(7).into()];
        given::<Organization>([created()])
            .when(OrganizationCommand::Invite(invited(7)))
            .then([invited(7).into()]);
        given::<Organization>(open()).when(accept("token", 99)).then([accepted(), added(BOB, Member)]);
        given::<Organization>(open().into_iter().chain([added(BOB, Admin)]))
            .when(accept("token", 99))
            .then([accepted()]);
        for (token, now) in [("guess", 99), ("token", 100)] {
            given::<Organization>(open())
                .when(accept(token, now))
                .then_refused(OrganizationRefusal::NotInvited);
        }
        let revoked = InvitationRevoked { organization: ACME, invitation: invited(7).invitation };
        given::<Organization>(open())
            .when(OrganizationCommand::RevokeInvitation(invited(7).invitation))
            .then([revoked.clone().into()]);
        for over in [accepted(), revoked.into()] {
            let history = || open().into_iter().chain([over.clone()]);
            given::<Organization>(history())
                .when(accept("token", 99))
                .then_refused(OrganizationRefusal::NotInvited);
            given::<Organization>(history())
                .when(OrganizationCommand::RevokeInvitation(invited(7).invitation))
                .then_refused(OrganizationRefusal::NotInvited);
        }
    }

    #[test]
    fn invitations_are_limited() {
        let many = (0..OPEN_INVITATIONS as u128).map(|number| invited(number).into());
        let mut full = [created()]
            .into_iter()
            .chain(many)
            .fold(Organization::initial(), |state, event| Organization::evolve(state, &event));
        let invite = || OrganizationCommand::Invite(invited(u128::MAX));
        let refused = Err(OrganizationRefusal::TooManyInvitations);
        assert_eq!(Organization::decide(&full, invite()), refused);
        full.invitations.pop_first();
        assert!(Organization::decide(&full, invite()).is_ok());
    }

    #[test]
    fn its_stream_is_named_by_its_id() {
        assert_eq!(organization_stream(ACME).as_str(), "organization-00000000-0000-0000-0000-000000000001");
    }
}
