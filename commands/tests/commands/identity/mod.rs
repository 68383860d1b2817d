//! Set-up, API keys, people and their sessions, teams and members.

mod failures;
mod people;
mod sessions;
mod teams;

use crate::support::{ACME, World};
use scanledger_commands::CommandError;
use scanledger_commands::identity::{
    KeyRefusal, NewKey, PersonRefusal, SetUp, SetUpDone, SetUpRefusal, role_of_issued_key,
};
use scanledger_domain::event::Event;
use scanledger_domain::identity::{
    ApiKeyRefusal, Breadth, KeyForm, KeyHash, KeyKind, OrganizationRefusal, Role, Scopes, UserEvent,
    WeakPassword,
};
use scanledger_domain::limits::PERSONAL_TOKENS;

fn set_up() -> SetUp {
    SetUp {
        organization: "Acme".into(),
        name: "Ana".into(),
        email: "ana@example.org".into(),
        password: Some("correct horse".into()),
        key_name: "first".into(),
    }
}

#[tokio::test]
async fn setting_up_is_one_batch_whose_personal_data_is_sealed() {
    let world = World::new();
    let done = world.identities.set_up(&world.fresh(), set_up()).await.unwrap();
    let kinds: Vec<_> = world.events().await.iter().map(|event| event.kind.to_string()).collect();
    assert_eq!(
        kinds,
        [
            "claim.taken",
            "organization.created",
            "organization.member_added",
            "claim.taken",
            "user.registered",
            "user.rank_changed",
            "installation.super_admin_added",
            "claim.taken",
            "team.created",
            "team.member_added",
            "apikey.created",
        ]
    );
    for event in world.events().await {
        let data = String::from_utf8(event.data).unwrap();
        let told = ["Ana", "ana@", "correct horse", done.key.token.reveal()];
        assert!(!told.iter().any(|clear| data.contains(clear)), "{data}");
    }
    let user = world.decoded().await.into_iter().find_map(|event| match event {
        Event::User(UserEvent::Registered(registered)) => Some(registered),
        _ => None,
    });
    let user = user.unwrap();
    assert_eq!(world.vault.open(&user.email).unwrap().as_deref(), Some("ana@example.org"));
    let password = world.vault.open(&user.password.unwrap()).unwrap().unwrap();
    assert!(password.starts_with("$argon2id$"), "{password}");
    assert_eq!(done.key.created.hash, KeyHash::of(done.key.token.reveal()));
    assert_eq!((done.key.created.role, done.key.created.by), (Role::Admin, None));
}

#[tokio::test]
async fn a_token_is_ppr_and_32_characters_and_is_not_printed_by_accident() {
    let world = World::new();
    let key = world.identities.set_up(&world.fresh(), set_up()).await.unwrap().key;
    let token = key.token.reveal();
    assert_eq!((token.len(), &token[..4]), (36, "ppr_"));
    assert_eq!(key.created.prefix, token[..10]);
    assert!(!format!("{key:?}").contains(token));
}

#[tokio::test]
async fn an_installation_is_set_up_once() {
    let world = World::new();
    let context = world.fresh();
    world.identities.set_up(&context, set_up()).await.unwrap();
    let events = world.events().await.len();
    for context in [context, world.fresh()] {
        let other = SetUp { email: "bob@example.org".into(), ..set_up() };
        let again = world.identities.set_up(&context, other).await;
        assert!(matches!(again, Err(CommandError::Refused(SetUpRefusal::AlreadySetUp))), "{again:?}");
    }
    assert_eq!(world.events().await.len(), events);
}

#[tokio::test]
async fn a_set_up_that_is_refused_leaves_nothing() {
    let world = World::new();
    let cases = [
        (SetUp { name: " ".into(), ..set_up() }, PersonRefusal::BadName.into()),
        (SetUp { email: "ana".into(), ..set_up() }, PersonRefusal::BadEmail.into()),
        (
            SetUp { password: Some("seven77".into()), ..set_up() },
            PersonRefusal::WeakPassword(WeakPassword::Length).into(),
        ),
        (
            SetUp { password: Some("x".repeat(257)), ..set_up() },
            PersonRefusal::WeakPassword(WeakPassword::Length).into(),
        ),
        (
            SetUp { organization: String::new(), ..set_up() },
            SetUpRefusal::Organization(OrganizationRefusal::BadName),
        ),
        (SetUp { key_name: String::new(), ..set_up() }, SetUpRefusal::Key(ApiKeyRefusal::BadName)),
    ];
    for (wanted, refusal) in cases {
        match world.identities.set_up(&world.fresh(), wanted).await {
            Err(CommandError::Refused(actual)) => assert_eq!(actual, refusal),
            other => panic!("{other:?}"),
        }
    }
    assert!(world.events().await.is_empty());
}

async fn installation(world: &World) -> SetUpDone {
    world.identities.set_up(&world.fresh(), set_up()).await.unwrap()
}

fn key() -> NewKey {
    NewKey {
        organization: ACME,
        name: "ci".into(),
        form: KeyForm::Pepper,
        kind: KeyKind::Service,
        role: Role::Developer,
        team: None,
        project: None,
        scopes: Scopes::ALL,
        breadth: Breadth::ReadWrite,
        by: None,
        expires_at: None,
    }
}

#[tokio::test]
async fn a_key_is_shown_once_and_ends_for_good() {
    let world = World::new();
    let wanted = key();
    let context = world.fresh();
    let issued = world.identities.create_key(&context, wanted.clone()).await.unwrap();
    let key = issued.created.key;
    let again = world.identities.create_key(&context, wanted).await;
    assert!(
        matches!(again, Err(CommandError::Refused(KeyRefusal::ShownBefore { key: shown })) if shown == key)
    );
    world.identities.revoke_key(&world.fresh(), key).await.unwrap();
    let gone = world.identities.revoke_key(&world.fresh(), key).await;
    assert!(matches!(gone, Err(CommandError::Refused(ApiKeyRefusal::NotFound))));
}

#[test]
fn a_key_made_with_the_api_is_never_more_than_a_developer() {
    let roles = [Role::Viewer, Role::Developer, Role::Security, Role::Admin].map(role_of_issued_key);
    assert_eq!(roles, [Role::Viewer, Role::Developer, Role::Developer, Role::Developer]);
}

#[tokio::test]
async fn every_form_of_key_is_issued_and_nobody_collects_personal_tokens() {
    let world = World::new();
    let user = installation(&world).await.user;
    for form in KeyForm::ALL {
        let issued = world.identities.create_key(&world.fresh(), NewKey { form, ..key() }).await.unwrap();
        assert_eq!(KeyForm::of(issued.token.reveal()), Some(form));
        assert_eq!(issued.created.hash, KeyHash::of(issued.token.reveal()));
    }
    let personal = NewKey { form: KeyForm::GitGuardian, kind: KeyKind::Personal, by: Some(user), ..key() };
    for _ in 0..PERSONAL_TOKENS {
        world.identities.create_key(&world.fresh(), personal.clone()).await.unwrap();
    }
    let one_more = world.identities.create_key(&world.fresh(), personal).await;
    assert!(matches!(one_more, Err(CommandError::Refused(KeyRefusal::TooManyTokens))), "{one_more:?}");
}
