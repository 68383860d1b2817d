//! Who we are, and tokens of installations.

use crate::setup::{INSTALLATION, Setup, Still, app, short, told, widgets};
use futures::future::join_all;
use scanledger_commands::ports::{CodeHost as _, CodeHostError};
use scanledger_github::{AppKey, SetupError};
use scanledger_github_stub::{Canned, GitHubStub};
use std::sync::Arc;

/// Requests for tokens.
const TOKENS: &str = "POST /api/v3/app/installations/42/access_tokens";

async fn ask(setup: &Setup) -> Result<(), CodeHostError> {
    setup.app.resolve(&widgets(), &"main".parse().unwrap()).await.map(drop)
}

#[tokio::test]
async fn one_token_does_for_all_who_ask_at_once_and_later() {
    let setup = Setup::new().await;
    for answer in join_all((0..20).map(|_| ask(&setup))).await {
        answer.unwrap();
    }
    ask(&setup).await.unwrap();
    assert_eq!(setup.stub.count(TOKENS), 1);
    assert_eq!(setup.stub.count("/commits/main"), 21);
    setup.assert_polite();
}

#[tokio::test]
async fn a_token_is_replaced_five_minutes_before_it_ends() {
    let setup = Setup::new().await;
    ask(&setup).await.unwrap();
    for (late, expected) in [(3_600 - 301, 1), (3_600 - 300, 2), (3_600, 2)] {
        setup.theirs.set_late(late);
        setup.ours.set_late(late);
        ask(&setup).await.unwrap();
        assert_eq!(setup.stub.count(TOKENS), expected, "after {late} s");
    }
}

#[tokio::test]
async fn clocks_may_differ_by_most_of_a_minute() {
    for theirs in [-50, 50] {
        let setup = Setup::new().await;
        setup.theirs.set_late(theirs);
        ask(&setup).await.unwrap();
        assert_eq!(setup.stub.count(TOKENS), 1, "{theirs}");
    }
}

#[tokio::test]
async fn a_clock_that_is_quite_wrong_is_corrected_once() {
    for theirs in [-400, 900, 86_400] {
        let setup = Setup::new().await;
        setup.theirs.set_late(theirs);
        ask(&setup).await.unwrap();
        assert_eq!(setup.stub.count(TOKENS), 2, "{theirs}");
        setup.theirs.set_late(theirs + 3_500);
        setup.ours.set_late(3_500);
        ask(&setup).await.unwrap();
        assert_eq!(setup.stub.count(TOKENS), 3, "{theirs}: it was forgotten");
    }
}

#[tokio::test]
async fn a_token_that_is_refused_is_replaced_once() {
    let setup = Setup::new().await;
    ask(&setup).await.unwrap();
    setup.stub.world(|world| world.revoke_tokens());
    for answer in join_all((0..5).map(|_| ask(&setup))).await {
        answer.unwrap();
    }
    assert_eq!(setup.stub.count(TOKENS), 2);
    for _ in 0..2 {
        setup.stub.answer_next("/commits/main", Canned::refusal(401, "Bad credentials"));
    }
    let error = ask(&setup).await.unwrap_err();
    assert!(matches!(error, CodeHostError::Unreachable(_)), "{error:?}");
    assert_eq!(setup.stub.count(TOKENS), 3);
}

#[tokio::test]
async fn the_key_is_taken_in_each_of_its_forms() {
    use base64::Engine as _;
    let setup = Setup::new().await;
    let (pkcs1, pkcs8) = (setup.stub.private_key(), setup.stub.private_key_pkcs8());
    let line = base64::engine::general_purpose::STANDARD.encode(&pkcs1);
    let folded = line.as_bytes().chunks(76).map(|part| str::from_utf8(part).unwrap()).collect::<Vec<_>>();
    for text in [&pkcs1, &pkcs8, &line, &folded.join("\n")] {
        let key = AppKey::try_new(text).unwrap();
        let app = app(&setup.stub, key, &setup.ours, short());
        app.resolve(&widgets(), &"main".parse().unwrap()).await.unwrap();
    }
    let broken = pkcs1.replacen("\nM", "\nN", 1);
    assert!(matches!(AppKey::try_new(&broken), Err(SetupError::Key)));
}

#[tokio::test]
async fn the_key_of_another_app_is_a_misconfiguration() {
    let setup = Setup::new().await;
    let other = GitHubStub::start(Arc::new(Still::default())).await;
    let key = AppKey::try_new(&other.private_key()).unwrap();
    let app = app(&setup.stub, key, &setup.ours, short());
    let error = app.resolve(&widgets(), &"main".parse().unwrap()).await.unwrap_err();
    assert!(matches!(error, CodeHostError::Misconfigured(_)), "{error:?}");
    assert_eq!(setup.stub.count(TOKENS), 1);
}

#[tokio::test]
async fn an_installation_that_is_gone_or_suspended_says_so() {
    let setup = Setup::new().await;
    setup.stub.world(|world| world.installations.get_mut(&INSTALLATION).unwrap().is_suspended = true);
    assert!(matches!(ask(&setup).await, Err(CodeHostError::Suspended)));
    setup.stub.world(|world| world.installations.clear());
    assert!(matches!(ask(&setup).await, Err(CodeHostError::NotInstalled)));
}

#[tokio::test]
async fn an_installation_that_is_suspended_later_says_so() {
    let setup = Setup::new().await;
    ask(&setup).await.unwrap();
    setup.stub.world(|world| world.installations.get_mut(&INSTALLATION).unwrap().is_suspended = true);
    assert!(matches!(ask(&setup).await, Err(CodeHostError::Suspended)));
}

#[tokio::test]
async fn neither_key_nor_token_is_shown() {
    let setup = Setup::new().await;
    let pem = setup.stub.private_key();
    let secret = pem.lines().nth(1).unwrap();
    let shown = format!("{:?}", AppKey::try_new(&pem).unwrap());
    assert_eq!(shown, "AppKey(..)");
    let said = format!("t0ken {secret} {}", setup.stub.api());
    setup.stub.answer_next(TOKENS, Canned::refusal(422, &said));
    let errors = [
        ask(&setup).await.unwrap_err(),
        {
            setup.stub.answer_next("/commits/main", Canned::refusal(400, &said));
            ask(&setup).await.unwrap_err()
        },
        {
            setup.stub.answer_next("/commits/main", Canned::refusal(200, "").with_body(&said));
            ask(&setup).await.unwrap_err()
        },
    ];
    for error in errors {
        let told = told(&error);
        for secret in ["t0ken", secret, "127.0.0.1"] {
            assert!(!told.contains(secret), "{told}");
        }
    }
}
