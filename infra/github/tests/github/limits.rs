//! When GitHub wants to be left alone, or has trouble.

use crate::setup::{NOW, Setup, at, short, widgets};
use scanledger_commands::ports::{CodeHost as _, CodeHostError};
use scanledger_domain::code_host::CommitSha;
use scanledger_domain::time::Timestamp;
use scanledger_github::{ATTEMPTS, Patience};
use scanledger_github_stub::Canned;
use std::time::{Duration, Instant};

/// The requests that these tests count.
const COMMITS: &str = "GET /api/v3/repos/octo-org/widgets/commits/main";

async fn ask(setup: &Setup) -> Result<CommitSha, CodeHostError> {
    setup.app.resolve(&widgets(), &"main".parse().unwrap()).await
}

#[track_caller]
fn assert_limited(answer: Result<CommitSha, CodeHostError>, seconds: i64) {
    let expected = Timestamp((NOW + seconds) * 1_000_000);
    assert!(
        matches!(answer, Err(CodeHostError::RateLimited { until }) if until == expected),
        "{answer:?} instead of {expected}"
    );
}

#[tokio::test]
async fn a_short_limit_is_waited_for() {
    for limit in [
        Canned::refusal(429, "slow down").with_header("retry-after", 1),
        Canned::refusal(403, "secondary rate limit").with_header("retry-after", 1),
        Canned::refusal(403, "API rate limit exceeded")
            .with_header("x-ratelimit-remaining", 0)
            .with_header("x-ratelimit-reset", NOW + 1),
    ] {
        let setup = Setup::new().await;
        setup.stub.answer_next(COMMITS, limit);
        let begun = Instant::now();
        assert_eq!(ask(&setup).await.unwrap(), setup.commit);
        assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
        assert_eq!(setup.stub.count(COMMITS), 2);
    }
}

#[tokio::test]
async fn a_long_limit_says_until_when_and_nobody_asks_before() {
    let setup = Setup::new().await;
    let limit = Canned::refusal(403, "API rate limit exceeded")
        .with_header("x-ratelimit-remaining", 0)
        .with_header("x-ratelimit-reset", NOW + 1_000);
    setup.stub.answer_next(COMMITS, limit);
    assert_limited(ask(&setup).await, 1_000);
    assert_limited(ask(&setup).await, 1_000);
    assert_eq!(setup.stub.count(COMMITS), 1);

    setup.stub.world(|world| world.add(43, "octo-org/gadgets", &[("a", "b")]));
    let other = at(43, "octo-org/gadgets");
    setup.app.resolve(&other, &"main".parse().unwrap()).await.unwrap();

    setup.ours.set_late(1_000);
    setup.theirs.set_late(1_000);
    assert_eq!(ask(&setup).await.unwrap(), setup.commit);
}

#[tokio::test]
async fn a_secondary_limit_without_a_time_is_a_minute() {
    let setup = Setup::new().await;
    let limit = Canned::refusal(403, "You have exceeded a secondary rate limit. Please wait.");
    setup.stub.answer_next(COMMITS, limit);
    assert_limited(ask(&setup).await, 60);
}

#[tokio::test]
async fn the_end_of_a_limit_is_by_the_clock_of_github() {
    let setup = Setup::new().await;
    setup.theirs.set_late(-40);
    let limit = Canned::refusal(403, "API rate limit exceeded")
        .with_header("x-ratelimit-remaining", 0)
        .with_header("x-ratelimit-reset", NOW + 60);
    setup.stub.answer_next(COMMITS, limit);
    assert_limited(ask(&setup).await, 100);
}

#[tokio::test]
async fn limits_that_do_not_end_are_given_up() {
    let setup = Setup::new().await;
    for _ in 0..ATTEMPTS {
        setup.stub.answer_next(COMMITS, Canned::refusal(429, "").with_header("retry-after", 1));
    }
    assert_limited(ask(&setup).await, 1);
    assert_eq!(setup.stub.count(COMMITS), 3, "two waits of a second were allowed");
}

#[tokio::test]
async fn trouble_passes_or_is_told_after_the_last_attempt() {
    let setup = Setup::new().await;
    for status in [500, 502, 503] {
        setup.stub.answer_next(COMMITS, Canned::refusal(status, ""));
    }
    assert_eq!(ask(&setup).await.unwrap(), setup.commit);
    assert_eq!(setup.stub.count(COMMITS), 4);
    for _ in 0..ATTEMPTS {
        setup.stub.answer_next(COMMITS, Canned::refusal(502, "").with_body("<html>"));
    }
    let error = ask(&setup).await.unwrap_err();
    assert!(matches!(error, CodeHostError::Unreachable(_)), "{error:?}");
    assert_eq!(setup.stub.count(COMMITS), 8);
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_not_waited_for() {
    let patience = Patience { answer: Duration::from_millis(100), ..short() };
    let setup = Setup::with(patience).await;
    let late = Canned::refusal(200, "").after(Duration::from_secs(5));
    for _ in 0..ATTEMPTS {
        setup.stub.answer_next(COMMITS, late.clone());
    }
    let begun = Instant::now();
    let error = ask(&setup).await.unwrap_err();
    assert!(matches!(error, CodeHostError::Unreachable(_)), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_host_that_is_not_there_is_out_of_reach() {
    let setup = Setup::new().await;
    let Setup { stub, app, .. } = setup;
    drop(stub);
    let error = app.resolve(&widgets(), &"main".parse().unwrap()).await.unwrap_err();
    assert!(matches!(error, CodeHostError::Unreachable(_)), "{error:?}");
}

#[tokio::test]
async fn a_redirect_is_followed_within_the_host_alone() {
    let setup = Setup::new().await;
    let moved = format!("{}/repos/octo-org/widgets/commits/heads/main", setup.stub.api());
    let redirect = |url: &str| Canned::refusal(301, "Moved Permanently").with_header("location", url);
    setup.stub.answer_next(COMMITS, redirect(&moved));
    assert_eq!(ask(&setup).await.unwrap(), setup.commit);
    for elsewhere in [setup.stub.archives(), "https://example.com/", "ftp://127.0.0.1/", ""] {
        setup.stub.answer_next(COMMITS, redirect(elsewhere));
        // An empty location is the same place, and the second answer is a good one.
        let answer = ask(&setup).await;
        match elsewhere {
            "" => assert_eq!(answer.unwrap(), setup.commit),
            _ => assert!(matches!(answer, Err(CodeHostError::Unreachable(_))), "{elsewhere}: {answer:?}"),
        }
    }
    for _ in 0..4 {
        setup.stub.answer_next(COMMITS, redirect(""));
    }
    assert!(matches!(ask(&setup).await, Err(CodeHostError::Unreachable(_))), "there is an end");
    setup.assert_polite();
}
