//! GitHub, as its documentation has it.

use crate::codes::{
    BACK, CLIENT, Codes, Fields, SECRET, assert_discreet, authorization, browse, registration, words,
};
use crate::server::Server;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use scanledger_commands::ports::{
    Authorization, EmailStanding, IdentityProvider as _, ProviderError, VouchedEmail,
};
use scanledger_sign_in::{GitHub, GitHubSite, Registration};
use serde_json::{Value, json};
use std::sync::Arc;

/// A GitHub with one person.
struct Site {
    codes: Codes,
    user: Value,
    emails: (StatusCode, Value),
}

impl Default for Site {
    fn default() -> Self {
        let emails = json!([
            { "email": "old@example.com", "primary": false, "verified": true, "visibility": null },
            { "email": "ana@example.com", "primary": true, "verified": true, "visibility": "private" },
        ]);
        Self {
            codes: Codes::default(),
            user: json!({ "id": 583_231, "login": "ana", "name": "Ana Lovelace", "email": null }),
            emails: (StatusCode::OK, emails),
        }
    }
}

impl Site {
    async fn start(self) -> Server {
        let router = Router::new()
            .route("/login/oauth/authorize", get(authorize))
            .route("/login/oauth/access_token", post(token))
            .route("/api/v3/user", get(user))
            .route("/api/v3/user/emails", get(emails))
            .with_state(Arc::new(self));
        Server::start(|_| router).await
    }
}

async fn authorize(State(site): State<Arc<Site>>, Query(query): Query<Fields>) -> Response {
    assert_eq!(query["scope"], "read:user user:email");
    site.codes.grant(&query)
}

async fn token(State(site): State<Arc<Site>>, headers: HeaderMap, Form(form): Form<Fields>) -> Response {
    // Anything else gets a form.
    assert_eq!(headers["accept"], "application/json");
    let error =
        |error: &str| Json(json!({ "error": error, "error_description": form["code"] })).into_response();
    if form["client_id"] != CLIENT {
        return (StatusCode::NOT_FOUND, Json(json!({ "error": "Not Found" }))).into_response();
    }
    if form["client_secret"] != SECRET {
        return error("incorrect_client_credentials");
    }
    if form["redirect_uri"] != BACK {
        return error("redirect_uri_mismatch");
    }
    match site.codes.redeem(&form) {
        Some(_) => Json(
            json!({ "access_token": "gho_t0ken", "scope": "read:user,user:email", "token_type": "bearer" }),
        )
        .into_response(),
        None => error("bad_verification_code"),
    }
}

fn is_allowed(headers: &HeaderMap) -> bool {
    headers["authorization"] == "Bearer gho_t0ken"
        && headers["accept"] == "application/vnd.github+json"
        && headers.contains_key("user-agent")
}

async fn user(State(site): State<Arc<Site>>, headers: HeaderMap) -> Response {
    match is_allowed(&headers) {
        true => Json(site.user.clone()).into_response(),
        false => StatusCode::UNAUTHORIZED.into_response(),
    }
}

async fn emails(State(site): State<Arc<Site>>, headers: HeaderMap) -> Response {
    match is_allowed(&headers) {
        true => (site.emails.0, Json(site.emails.1.clone())).into_response(),
        false => StatusCode::UNAUTHORIZED.into_response(),
    }
}

fn github(server: &Server, registration: Registration) -> GitHub {
    GitHub::new(registration, GitHubSite::enterprise(&server.url).unwrap()).unwrap()
}

/// A provider, and a browser that came back.
async fn arrival(site: Site) -> (Server, GitHub, Authorization, String) {
    let server = site.start().await;
    let github = github(&server, registration());
    let authorization = authorization();
    let code = browse(&github, &authorization).await;
    (server, github, authorization, code)
}

#[tokio::test]
async fn github_vouches_for_the_number_of_an_account_and_its_primary_address() {
    let (_server, github, authorization, code) = arrival(Site::default()).await;
    let vouched = github.exchange(&code, &authorization).await.unwrap();
    assert_eq!(vouched.subject, "583231");
    assert_eq!(vouched.name.as_deref(), Some("Ana Lovelace"));
    let address = "ana@example.com".to_owned();
    let email = VouchedEmail { address, standing: EmailStanding::Verified };
    assert!(vouched.email == Some(email));
    assert_eq!(vouched.groups, [""; 0]);
}

#[tokio::test]
async fn an_address_that_github_did_not_check_is_said_to_be_so_and_a_login_is_a_name() {
    let emails = json!([{ "email": "ana@example.com", "primary": true, "verified": false }]);
    let user = json!({ "id": 7, "login": "ana", "name": " " });
    let site = Site { emails: (StatusCode::OK, emails), user, ..Site::default() };
    let (_server, github, authorization, code) = arrival(site).await;
    let vouched = github.exchange(&code, &authorization).await.unwrap();
    assert_eq!(vouched.email.unwrap().standing, EmailStanding::Unverified);
    assert_eq!(vouched.name.as_deref(), Some("ana"));
}

#[tokio::test]
async fn somebody_without_an_address_is_somebody() {
    let site = Site { emails: (StatusCode::OK, json!([])), ..Site::default() };
    let (_server, github, authorization, code) = arrival(site).await;
    assert!(github.exchange(&code, &authorization).await.unwrap().email.is_none());
}

#[tokio::test]
async fn a_code_is_good_once() {
    let (_server, github, authorization, code) = arrival(Site::default()).await;
    github.exchange(&code, &authorization).await.unwrap();
    let again = github.exchange(&code, &authorization).await.unwrap_err();
    assert!(matches!(again, ProviderError::Refused(_)), "{}", words(&again));
    assert_discreet(&again, &authorization);
}

#[tokio::test]
async fn a_code_is_good_for_the_browser_that_asked_alone() {
    let (_server, github, own, code) = arrival(Site::default()).await;
    let stolen = authorization();
    let error = github.exchange(&code, &stolen).await.unwrap_err();
    assert!(matches!(error, ProviderError::Refused(_)), "{}", words(&error));
    assert_discreet(&error, &own);

    let (_server, github, mut mangled, code) = arrival(Site::default()).await;
    mangled.verifier = "short".to_owned();
    let error = github.exchange(&code, &mangled).await.unwrap_err();
    assert!(matches!(error, ProviderError::Refused(_)), "{}", words(&error));
}

#[tokio::test]
async fn a_code_that_was_never_given_is_refused() {
    let (_server, github, authorization, _) = arrival(Site::default()).await;
    for code in ["", "c0de-99", "a&client_id=b", "\r\n"] {
        let error = github.exchange(code, &authorization).await.unwrap_err();
        assert!(matches!(error, ProviderError::Refused(_)), "{code:?}: {}", words(&error));
    }
}

#[tokio::test]
async fn a_client_that_github_does_not_know_is_misconfigured() {
    let server = Site::default().start().await;
    let right = github(&server, registration());
    for wrong in [
        Registration { client_secret: "other s3cret".to_owned(), ..registration() },
        Registration { client_id: "other".to_owned(), ..registration() },
    ] {
        let authorization = authorization();
        let code = browse(&right, &authorization).await;
        let error = github(&server, wrong).exchange(&code, &authorization).await.unwrap_err();
        assert!(matches!(error, ProviderError::Misconfigured(_)), "{}", words(&error));
        assert!(!words(&error).contains("s3cret"), "{}", words(&error));
        assert_discreet(&error, &authorization);
    }
    let (mut elsewhere, code) = (authorization(), "c0de-1");
    elsewhere.redirect_uri = "https://elsewhere.example".to_owned();
    let error = right.exchange(code, &elsewhere).await.unwrap_err();
    assert!(matches!(error, ProviderError::Misconfigured(_)), "{}", words(&error));
}

#[tokio::test]
async fn an_app_that_may_not_see_addresses_is_misconfigured() {
    for status in [StatusCode::FORBIDDEN, StatusCode::NOT_FOUND] {
        let site = Site { emails: (status, json!({ "message": "ana@example.com" })), ..Site::default() };
        let (_server, github, authorization, code) = arrival(site).await;
        let error = github.exchange(&code, &authorization).await.unwrap_err();
        assert!(matches!(error, ProviderError::Misconfigured(_)), "{}", words(&error));
        assert_discreet(&error, &authorization);
    }
}

#[tokio::test]
async fn answers_that_are_none_are_trouble_of_the_provider() {
    for site in [
        Site { user: json!({ "login": "ana@example.com" }), ..Site::default() },
        Site { user: json!("ana@example.com"), ..Site::default() },
        Site { emails: (StatusCode::OK, json!({ "email": "ana@example.com" })), ..Site::default() },
        Site { emails: (StatusCode::BAD_GATEWAY, json!([])), ..Site::default() },
        Site { emails: (StatusCode::TOO_MANY_REQUESTS, json!([])), ..Site::default() },
    ] {
        let (_server, github, authorization, code) = arrival(site).await;
        let error = github.exchange(&code, &authorization).await.unwrap_err();
        assert!(matches!(error, ProviderError::Unreachable(_)), "{}", words(&error));
        assert_discreet(&error, &authorization);
    }
}
