//! Signing in, going on and out; forgotten passwords.

use super::installation;
use crate::support::World;
use scanledger_commands::CommandError;
use scanledger_commands::identity::{Asked, PersonRefusal, ResetAsked, SignInRefusal, SignedIn};
use scanledger_domain::event::Event;
use scanledger_domain::id::CommandId;
use scanledger_domain::identity::{
    AccessEvent, KeyHash, SessionEnd, SessionEvent, SessionKind, SignInFailure, User, UserCommand,
    UserRefusal, user_stream,
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
        world.identities.reset_password(&asked(&world), token, password).await
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
