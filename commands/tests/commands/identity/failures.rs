//! Whose audit log says that somebody could not sign in.

use super::installation;
use crate::support::World;
use scanledger_commands::CommandError;
use scanledger_commands::identity::{
    Asked, KeysAfter, NewPerson, Newcomers, PasswordChange, PersonRefusal, ProviderRefusal, SignInRefusal,
};
use scanledger_commands::ports::{EmailStanding, Vouched, VouchedEmail};
use scanledger_domain::event::Event;
use scanledger_domain::id::{CommandId, OrganizationId, UserId};
use scanledger_domain::identity::{
    AccessEvent, Organization, OrganizationCommand, OrganizationCreated, OrganizationRole, Provider,
    SessionKind, SignInFailure, UserRefusal, organization_stream,
};
use scanledger_domain::limits::{BATCH_BYTES, BATCH_EVENTS, REF_CHARS};
use scanledger_domain::log::Metadata;
use std::collections::BTreeSet;
use uuid::Uuid;

const OTHER: OrganizationId = OrganizationId(Uuid::from_u128(0x07e2));
const BOB: &str = "bob@example.org";

fn asked(world: &World) -> Asked {
    let address = Some("192.0.2.7".into());
    Asked { command: CommandId(world.ids.fresh()), address, user_agent: None, request: None }
}

/// Bob, whose address nobody has shown to be his, in an organization of his own, in another one and in the first one.
async fn bob(world: &World) -> (UserId, [OrganizationId; 3]) {
    let first = installation(world).await.organization;
    let new = NewPerson { email: BOB.into(), name: None, password: Some("correct horse".into()) };
    let context = world.fresh();
    let bob = world.identities.register(&context, new).await.unwrap().user;
    let created = OrganizationCreated { organization: OTHER, name: "Other".into() };
    let join = || OrganizationCommand::AddMember { user: bob, role: OrganizationRole::Member };
    for (organization, command) in
        [(OTHER, OrganizationCommand::Create(created)), (OTHER, join()), (first, join())]
    {
        let stream = organization_stream(organization);
        world.ledger.execute::<Organization>(&world.fresh(), &stream, None, command).await.unwrap();
    }
    (bob, [context.made_id("organization"), OTHER, first])
}

/// Failures so far: why, about whom, and whose audit log says so.
async fn failures(world: &World) -> Vec<(SignInFailure, Option<UserId>, Option<OrganizationId>)> {
    let events = world.events().await.into_iter();
    events
        .filter_map(|recorded| match Event::of(&recorded).unwrap() {
            Event::Access(AccessEvent::SignInFailed(failed)) => {
                let metadata = Metadata::decode(&recorded.metadata).unwrap();
                assert!(metadata.address.is_some());
                Some((failed.reason, failed.user, metadata.organization))
            }
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn a_failure_is_told_to_each_organization_of_the_person_and_that_of_nobody_to_none() {
    let world = World::new();
    let (bob, homes) = bob(&world).await;
    for email in [BOB, "nobody@example.org"] {
        let refused = world.identities.sign_in(&asked(&world), email, "wrong", SessionKind::Tokens).await;
        assert!(matches!(refused, Err(CommandError::Refused(SignInRefusal::Invalid))), "{refused:?}");
        world.identities.record_locked(&asked(&world), email).await.unwrap();
    }
    let of_bob = |reason| homes.map(|home| (reason, Some(bob), Some(home)));
    let mut expected = [of_bob(SignInFailure::Password), of_bob(SignInFailure::Locked)].concat();
    expected.extend([SignInFailure::Unknown, SignInFailure::Locked].map(|reason| (reason, None, None)));
    assert_eq!(failures(&world).await, expected);
}

/// Makes somebody a member of so many more organizations.
async fn join_many(world: &World, user: UserId, count: usize) {
    let numbers: Vec<u128> = (1..=count as u128).collect();
    for numbers in numbers.chunks(BATCH_EVENTS / 4) {
        let context = world.fresh();
        let mut batch = world.ledger.batch(&context);
        for number in numbers {
            let organization = OrganizationId(Uuid::from_u128(0x0a11 << 64 | number));
            let created = OrganizationCreated { organization, name: "One of many".into() };
            let join = OrganizationCommand::AddMember { user, role: OrganizationRole::Member };
            let commands = [OrganizationCommand::Create(created), join];
            batch.decide_all::<Organization>(organization_stream(organization), commands).await.unwrap();
        }
        batch.commit().await.unwrap();
    }
}

#[tokio::test]
async fn a_failure_is_told_to_more_organizations_than_a_batch_has_room_for() {
    let world = World::new();
    let (user, homes) = bob(&world).await;
    join_many(&world, user, BATCH_EVENTS).await;
    // The longest origin that comes over HTTP.
    let asked = Asked { user_agent: Some("x".repeat(REF_CHARS)), ..asked(&world) };
    let refused = world.identities.sign_in(&asked, BOB, "wrong", SessionKind::Tokens).await;
    assert!(matches!(refused, Err(CommandError::Refused(SignInRefusal::Invalid))), "{refused:?}");
    let failures = failures(&world).await;
    assert!(
        failures.iter().all(|(reason, about, _)| (*reason, *about) == (SignInFailure::Password, Some(user)))
    );
    let told: BTreeSet<OrganizationId> = failures.iter().filter_map(|(_, _, home)| *home).collect();
    assert_eq!((failures.len(), told.len()), (BATCH_EVENTS + homes.len(), BATCH_EVENTS + homes.len()));
}

#[tokio::test]
async fn a_failure_that_cannot_be_recorded_is_a_refusal_all_the_same() {
    let world = World::new();
    let (user, _) = bob(&world).await;
    let too_long = || Asked { user_agent: Some("x".repeat(BATCH_BYTES)), ..asked(&world) };
    for email in [BOB, "nobody@example.org"] {
        let refused = world.identities.sign_in(&too_long(), email, "wrong", SessionKind::Tokens).await;
        assert!(matches!(refused, Err(CommandError::Refused(SignInRefusal::Invalid))), "{refused:?}");
    }
    let change = PasswordChange {
        present: "wrong".into(),
        next: "another horse".into(),
        keys: KeysAfter::Kept,
        kind: SessionKind::Tokens,
    };
    let refused = world.identities.change_password(&too_long(), user, change).await;
    let wrong = PersonRefusal::User(UserRefusal::WrongPassword);
    assert!(matches!(&refused, Err(CommandError::Refused(refusal)) if *refusal == wrong), "{refused:?}");
    assert_eq!(failures(&world).await, []);
}

#[tokio::test]
async fn whoever_has_the_address_that_a_provider_names_is_told() {
    let world = World::new();
    let (bob, homes) = bob(&world).await;
    let of_bob = homes.map(|home| (SignInFailure::Provider, Some(bob), Some(home)));
    let mut expected = vec![];
    let some = |address: &str, standing| Some(VouchedEmail { address: address.into(), standing });
    for (email, refusal, told) in [
        (some(BOB, EmailStanding::Verified), ProviderRefusal::Unproven, &of_bob[..]),
        (some(BOB, EmailStanding::Unverified), ProviderRefusal::NoEmail, &of_bob[..]),
        (
            some("nobody@example.org", EmailStanding::Verified),
            ProviderRefusal::Closed,
            &[(SignInFailure::Provider, None, None)],
        ),
        (None, ProviderRefusal::NoEmail, &[(SignInFailure::Provider, None, None)]),
    ] {
        let vouched = Vouched { subject: "7".into(), email, name: None, groups: vec![] };
        let (come, kind) = (asked(&world), SessionKind::Tokens);
        let refused = world
            .identities
            .sign_in_vouched(&come, Provider::GitHub, &vouched, Newcomers::Refused, &[], kind)
            .await;
        let Err(CommandError::Refused(found)) = refused else { panic!("{refused:?}") };
        assert_eq!(found, refusal);
        expected.extend_from_slice(told);
        assert_eq!(failures(&world).await, expected);
    }
}
