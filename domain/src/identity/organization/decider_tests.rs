//! The rules of organizations, one by one.

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
    given::<Organization>([created(), added(ANA, Member)]).when(add(ANA, Admin)).then([added(ANA, Admin)]);
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
        given::<Organization>(open()).when(accept(token, now)).then_refused(OrganizationRefusal::NotInvited);
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
