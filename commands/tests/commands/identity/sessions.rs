//! Signing in, going on and out; forgotten passwords.

use super::installation;
use crate::support::World;
use scanledger_commands::CommandError;
use scanledger_commands::identity::{
    Asked, KeysAfter, NewKey, PasswordChange, PersonRefusal, ResetAsked, SignInRefusal, SignedIn,
};
use scanledger_domain::event::Event;
use scanledger_domain::id::CommandId;
use scanledger_domain::identity::{
    AccessEvent, ApiKey, ApiKeyState, Breadth, KeyForm, KeyHash, KeyKind, Role, Scopes, SessionEnd,
    SessionEvent, SessionKind, SignInFailure, User, UserCommand, UserRefusal, apikey_stream, user_stream,
};
use scanledger_domain::time::Timestamp;

fn asked(world: &World) -> Asked {
    Asked {
        command: CommandId(world.ids.fresh()),
        address: Some("192.0.2.7".into()),
        user_agent: Some("a browser of Ana".into()),
        request: None,
    }
}

async fn sign_in(
    world: &World,
    email: &str,
    password: &str,
) -> Result<SignedIn, CommandError<SignInRefusal>> {
    world.identities.sign_in(&asked(world), email, password, SessionKind::Tokens).await
}

async fn go_on(world: &World, token: &str) -> Result<SignedIn, CommandError<SignInRefusal>> {
    world.identities.continue_session(&asked(world), token).await
}

async fn failures(world: &World) -> Vec<SignInFailure> {
    let events = world.decoded().await.into_iter();
    events
        .filter_map(|event| match event {
            Event::Access(AccessEvent::SignInFailed(failed)) => Some(failed.reason),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn who_has_the_password_is_let_in_whatever_the_case_of_the_address() {
    let world = World::new();
    let user = installation(&world).await.user;
    let signed_in = sign_in(&world, " ANA@example.org", "correct horse").await.unwrap();
    assert_eq!(signed_in.user, user);
    for event in world.events().await {
        for bytes in [&event.data, &event.metadata] {
            let text = String::from_utf8_lossy(bytes);
            assert!(!text.contains(signed_in.token.reveal()), "{text}");
            assert!(!text.contains("192.0.2.7") && !text.contains("browser"), "{text}");
        }
    }
}

#[tokio::test]
async fn everybody_else_is_told_the_same_and_recorded() {
    let world = World::new();
    let user = installation(&world).await.user;
    for (email, password) in
        [("bob@example.org", "correct horse"), ("ana@example.org", "wrong"), ("ana@example.org", "")]
    {
        let refused = sign_in(&world, email, password).await;
        assert!(matches!(refused, Err(CommandError::Refused(SignInRefusal::Invalid))), "{refused:?}");
    }
    let stream = user_stream(user);
    world.ledger.execute::<User>(&world.fresh(), &stream, None, UserCommand::Deactivate).await.unwrap();
    let refused = sign_in(&world, "ana@example.org", "correct horse").await;
    assert!(matches!(refused, Err(CommandError::Refused(SignInRefusal::Invalid))));
    use SignInFailure::{Inactive, Password, Unknown};
    assert_eq!(failures(&world).await, [Unknown, Password, Password, Inactive]);
}

#[tokio::test]
async fn a_token_gives_the_next_one_and_using_it_again_ends_every_session() {
    let world = World::new();
    installation(&world).await;
    let first = sign_in(&world, "ana@example.org", "correct horse").await.unwrap();
    let other = sign_in(&world, "ana@example.org", "correct horse").await.unwrap();
    let second = go_on(&world, first.token.reveal()).await.unwrap();
    assert_eq!(second.session, first.session);
    let third = go_on(&world, second.token.reveal()).await.unwrap();
    let reused = go_on(&world, first.token.reveal()).await;
    assert!(matches!(reused, Err(CommandError::Refused(SignInRefusal::Reused))), "{reused:?}");
    for token in [&third.token, &other.token] {
        let over = go_on(&world, token.reveal()).await;
        assert!(matches!(over, Err(CommandError::Refused(SignInRefusal::Over))), "{over:?}");
    }
    assert!(sign_in(&world, "ana@example.org", "correct horse").await.is_ok());
}

#[tokio::test]
async fn of_two_who_use_a_token_at_once_one_is_let_on() {
    let world = World::new();
    installation(&world).await;
    let first = sign_in(&world, "ana@example.org", "correct horse").await.unwrap();
    let (one, other) = tokio::join!(go_on(&world, first.token.reveal()), go_on(&world, first.token.reveal()));
    assert_eq!([one.is_ok(), other.is_ok()].iter().filter(|ok| **ok).count(), 1, "{one:?} {other:?}");
}

#[tokio::test]
async fn nonsense_is_no_token() {
    let world = World::new();
    installation(&world).await;
    let first = sign_in(&world, "ana@example.org", "correct horse").await.unwrap();
    let (id, _) = first.token.reveal().split_once('.').unwrap();
    let guess = format!("{id}.{}", "A".repeat(43));
    for bad in ["", ".", "x.y", id, &guess, &format!("{}x", first.token.reveal())] {
        let over = go_on(&world, bad).await;
        assert!(matches!(over, Err(CommandError::Refused(SignInRefusal::Over))), "{bad}");
        assert_eq!(world.identities.sign_out(&asked(&world), bad).await.unwrap(), None);
    }
    assert!(go_on(&world, first.token.reveal()).await.is_ok(), "a guess ends nothing");
}

#[tokio::test]
async fn who_signs_out_is_out() {
    let world = World::new();
    installation(&world).await;
    let signed_in = sign_in(&world, "ana@example.org", "correct horse").await.unwrap();
    let token = signed_in.token.reveal();
    assert!(world.identities.sign_out(&asked(&world), token).await.unwrap().is_some());
    assert_eq!(world.identities.sign_out(&asked(&world), token).await.unwrap(), None);
    assert!(matches!(go_on(&world, token).await, Err(CommandError::Refused(SignInRefusal::Over))));
    let ends: Vec<_> = world
        .decoded()
        .await
        .into_iter()
        .filter_map(|event| match event {
            Event::Session(SessionEvent::Ended(ended)) => Some(ended.reason),
            _ => None,
        })
        .collect();
    assert_eq!(ends, [SessionEnd::SignedOut]);
}

#[tokio::test]
async fn an_address_may_be_asked_about_once_in_a_while_whether_or_not_anybody_has_it() {
    let world = World::new();
    installation(&world).await;
    for email in ["ana@example.org", "nobody@example.org"] {
        assert_eq!(world.identities.ask_for_reset(email), ResetAsked::Taken);
        let again = world.identities.ask_for_reset(&email.to_uppercase());
        assert!(matches!(again, ResetAsked::TooSoon { seconds: 1..=300 }), "{again:?}");
    }
}

#[tokio::test]
async fn another_password_ends_every_session_and_its_token() {
    let world = World::new();
    let user = installation(&world).await.user;
    let before = sign_in(&world, "ana@example.org", "correct horse").await.unwrap();
    let token = format!("{}.{}", user.0.simple(), "A".repeat(43));
    let expires_at = Timestamp(i64::MAX);
    let command = UserCommand::RequestReset { token: KeyHash::of(&token), expires_at };
    world.ledger.execute::<User>(&world.fresh(), &user_stream(user), None, command).await.unwrap();
    let reset = async |token: &str, password: &str| {
        world.identities.reset_password(&asked(&world), token, password, KeysAfter::Kept).await
    };
    let weak = reset(&token, "password1").await;
    assert!(matches!(weak, Err(CommandError::Refused(PersonRefusal::WeakPassword(_)))), "{weak:?}");
    reset(&token, "another horse").await.unwrap();
    for bad in [token.as_str(), "x", "", &format!("{}.x", user.0.simple())] {
        let refused = reset(bad, "one more horse").await;
        assert!(
            matches!(refused, Err(CommandError::Refused(PersonRefusal::User(UserRefusal::BadToken)))),
            "{refused:?}"
        );
    }
    assert!(go_on(&world, before.token.reveal()).await.is_err());
    assert!(sign_in(&world, "ana@example.org", "correct horse").await.is_err());
    assert!(sign_in(&world, "ana@example.org", "another horse").await.is_ok());
}

fn change(present: &str, next: &str, keys: KeysAfter) -> PasswordChange {
    PasswordChange { present: present.into(), next: next.into(), keys, kind: SessionKind::Tokens }
}

#[tokio::test]
async fn who_knows_the_present_password_changes_it_and_goes_on_in_a_new_session() {
    let world = World::new();
    let user = installation(&world).await.user;
    let before = sign_in(&world, "ana@example.org", "correct horse").await.unwrap();
    let wrong = change("wrong horse", "another horse", KeysAfter::Kept);
    let wrong = world.identities.change_password(&asked(&world), user, wrong).await;
    assert!(
        matches!(wrong, Err(CommandError::Refused(PersonRefusal::User(UserRefusal::WrongPassword)))),
        "{wrong:?}"
    );
    assert_eq!(failures(&world).await, [SignInFailure::Password]);
    let weak = change("correct horse", "password1", KeysAfter::Kept);
    let weak = world.identities.change_password(&asked(&world), user, weak).await;
    assert!(matches!(weak, Err(CommandError::Refused(PersonRefusal::WeakPassword(_)))), "{weak:?}");
    let still = go_on(&world, before.token.reveal()).await.unwrap();

    let right = change("correct horse", "another horse", KeysAfter::Kept);
    let changed = world.identities.change_password(&asked(&world), user, right).await.unwrap();
    assert!(go_on(&world, still.token.reveal()).await.is_err());
    assert!(go_on(&world, changed.signed_in.token.reveal()).await.is_ok());
    assert!(sign_in(&world, "ana@example.org", "correct horse").await.is_err());
    assert!(sign_in(&world, "ana@example.org", "another horse").await.is_ok());
}

#[tokio::test]
async fn keys_that_act_for_somebody_end_with_their_password_if_that_is_wanted() {
    let world = World::new();
    let made = installation(&world).await;
    let key = |kind| NewKey {
        organization: made.organization,
        name: "a key".into(),
        form: KeyForm::Pepper,
        kind,
        role: Role::Developer,
        team: None,
        project: None,
        scopes: Scopes::ALL,
        breadth: Breadth::ReadWrite,
        by: Some(made.user),
        expires_at: None,
    };
    let mut keys = vec![];
    for kind in [KeyKind::Personal, KeyKind::Personal, KeyKind::Service] {
        keys.push(world.identities.create_key(&world.fresh(), key(kind)).await.unwrap().created.key);
    }
    let kept = change("correct horse", "another horse", KeysAfter::Kept);
    let kept = world.identities.change_password(&asked(&world), made.user, kept).await.unwrap();
    assert_eq!((kept.revoked_keys, kept.live_keys), (0, 2));
    let ended = change("another horse", "one more horse", KeysAfter::Revoked);
    let ended = world.identities.change_password(&asked(&world), made.user, ended).await.unwrap();
    assert_eq!((ended.revoked_keys, ended.live_keys), (2, 0));
    let mut states = vec![];
    for key in keys {
        states
            .push(world.ledger.load::<ApiKey>(&apikey_stream(key)).await.unwrap().0 == ApiKeyState::Revoked);
    }
    assert_eq!(states, [true, true, false], "what acts for itself goes on");
}
