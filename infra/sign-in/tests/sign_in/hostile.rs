//! Servers that redirect, flood or fall silent.

use crate::codes::{assert_discreet, authorization, registration, words};
use crate::server::Server;
use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{any, get};
use scanledger_commands::ports::{IdentityProvider as _, ProviderError};
use scanledger_sign_in::{GitHub, GitHubSite};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

async fn failure(router: Router) -> ProviderError {
    let server = Server::start(|_| router).await;
    let github = GitHub::new(registration(), GitHubSite::enterprise(&server.url).unwrap()).unwrap();
    let authorization = authorization();
    let error = github.exchange("c0de-1", &authorization).await.unwrap_err();
    assert_discreet(&error, &authorization);
    error
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let was_followed = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&was_followed);
    let router = Router::new()
        .route("/login/oauth/access_token", any(|| async { Redirect::temporary("/elsewhere") }))
        .route("/elsewhere", any(move || async move { seen.store(true, Ordering::SeqCst) }));
    let error = failure(router).await;
    assert!(
        matches!(error, ProviderError::Unreachable(_)) && words(&error).contains("307"),
        "{}",
        words(&error)
    );
    assert!(!was_followed.load(Ordering::SeqCst));
}

/// More than anybody keeps in memory.
fn flood(sent: Arc<AtomicU64>) -> Response {
    let chunks = futures::stream::repeat_with(move || {
        sent.fetch_add(1 << 16, Ordering::SeqCst);
        Ok::<_, std::convert::Infallible>(vec![b' '; 1 << 16])
    });
    Body::from_stream(chunks).into_response()
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let sent = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&sent);
    let router = Router::new().route("/login/oauth/access_token", any(|| async { flood(counted) }));
    let error = failure(router).await;
    assert!(words(&error).contains("larger than 1048576 bytes"), "{}", words(&error));
    // What the buffers of the connection hold comes on top.
    assert!(sent.load(Ordering::SeqCst) < 64 << 20, "{sent:?}");
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let begun = std::time::Instant::now();
    let router = Router::new().route("/login/oauth/access_token", any(std::future::pending::<()>));
    let error = failure(router).await;
    assert!(matches!(error, ProviderError::Unreachable(_)), "{}", words(&error));
    // Ten seconds, and what a busy machine adds.
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_server_that_is_not_there_is_out_of_reach() {
    let server = Server::start(|_| Router::new().route("/", get(|| async {}))).await;
    let site = GitHubSite::enterprise(&server.url).unwrap();
    drop(server);
    // The port is closed once the task has ended.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let github = GitHub::new(registration(), site).unwrap();
    let error = github.exchange("c0de-1", &authorization()).await.unwrap_err();
    assert!(matches!(error, ProviderError::Unreachable(_)), "{}", words(&error));
}
