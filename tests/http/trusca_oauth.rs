//! Signing in over TRUSCA with somebody who vouches (reference §3.1): GitHub, as its documentation has it.

use crate::harness::{Answer, Api};
use crate::trusca_browser::{Browser, PASSWORD, problem, server, server_with};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use reqwest::Method;
use scanledger::server::{AccountsOptions, ServerOptions};
use scanledger_commands::Context;
use scanledger_commands::identity::NewPerson;
use scanledger_domain::id::{CommandId, UserId};
use scanledger_domain::log::Actor;
use scanledger_sign_in::Registration;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;
use uuid::Uuid;

type Fields = HashMap<String, String>;

const CLIENT: &str = "client-1";
const SECRET: &str = "cl1ent s3cret";

/// A GitHub with one person, who agrees to everything.
struct Site {
    person: Mutex<Value>,
    /// The challenge of each code that was not brought back.
    codes: Mutex<HashMap<String, (String, String)>>,
}

struct GitHub {
    url: String,
    site: Arc<Site>,
    task: JoinHandle<()>,
}

impl Drop for GitHub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl GitHub {
    async fn start() -> Self {
        let person = Mutex::new(person(7, "gus@example.org", true));
        let site = Arc::new(Site { person, codes: Mutex::default() });
        let router = Router::new()
            .route("/login/oauth/authorize", get(agree))
            .route("/login/oauth/access_token", post(token))
            .route(
                "/api/v3/user",
                get(async |State(site): State<Arc<Site>>| Json(site.person.lock()["user"].clone())),
            )
            .route(
                "/api/v3/user/emails",
                get(async |State(site): State<Arc<Site>>| Json(site.person.lock()["emails"].clone())),
            )
            .with_state(Arc::clone(&site));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, site, task }
    }

    /// Somebody else is at the browser.
    fn is_now(&self, person: Value) {
        *self.site.person.lock() = person;
    }

    /// A server whose users may come from here.
    async fn server(&self) -> Api {
        self.server_with(|_| ()).await
    }

    /// As [`Self::server`], with other options.
    async fn server_with(&self, change: impl FnOnce(&mut ServerOptions)) -> Api {
        server_with(|options| {
            let (client_id, client_secret) = (CLIENT.to_owned(), SECRET.to_owned());
            let client = Registration { client_id, client_secret };
            options.entrance.github = Some(AccountsOptions { client, url: Some(self.url.parse().unwrap()) });
            options.entrance.landing_url = Some("https://portal.example.org/app".parse().unwrap());
            options.entrance.failure_url = Some("https://portal.example.org/login".parse().unwrap());
            change(options);
        })
        .await
    }
}

fn person(id: u64, email: &str, is_verified: bool) -> Value {
    json!({
        "user": { "id": id, "login": "gus", "name": "Gus Lind", "email": null },
        "emails": [{ "email": email, "primary": true, "verified": is_verified, "visibility": "private" }],
    })
}

async fn agree(State(site): State<Arc<Site>>, Query(query): Query<Fields>) -> Response {
    if query["client_id"] != CLIENT || query["code_challenge_method"] != "S256" {
        return StatusCode::BAD_REQUEST.into_response();
    }
    let code = format!("c0de-{}", site.codes.lock().len());
    let granted = (query["code_challenge"].clone(), query["redirect_uri"].clone());
    site.codes.lock().insert(code.clone(), granted);
    let mut back = Url::parse(&query["redirect_uri"]).unwrap();
    back.query_pairs_mut().append_pair("code", &code).append_pair("state", &query["state"]);
    Redirect::to(back.as_str()).into_response()
}

async fn token(State(site): State<Arc<Site>>, headers: HeaderMap, Form(form): Form<Fields>) -> Json<Value> {
    assert_eq!(headers["accept"], "application/json");
    let granted = site.codes.lock().remove(&form["code"]);
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&form["code_verifier"]));
    let is_good =
        granted == Some((challenge, form["redirect_uri"].clone())) && form["client_secret"] == SECRET;
    Json(match is_good {
        true => json!({ "access_token": "gho_t0ken", "scope": "user:email", "token_type": "bearer" }),
        false => json!({ "error": "bad_verification_code" }),
    })
}

/// Goes to GitHub and comes back, and answers where to: a path of the server with its query.
async fn round_trip(browser: &mut Browser<'_>, query: &str) -> String {
    let sent = browser.get(&format!("/auth/oauth/github/authorize{query}")).await;
    sent.expect(302);
    let cookie = sent.header("set-cookie").to_owned();
    assert!(cookie.ends_with("; Path=/auth/oauth; Max-Age=300; HttpOnly; SameSite=Lax"), "{cookie}");
    assert!(!sent.header("location").contains(browser.cookie("oauth_flow")));
    let agreed = browser.get(sent.header("location")).await;
    assert_eq!(agreed.status, 303);
    let back = Url::parse(agreed.header("location")).unwrap();
    format!("{}?{}", back.path(), back.query().unwrap())
}

/// Signs in with GitHub, and answers what the browser is told in the end.
async fn sign_in(browser: &mut Browser<'_>, query: &str) -> Answer {
    let back = round_trip(browser, query).await;
    browser.get(&back).await
}

/// A command of the administrator.
fn by_ana(api: &Api, command: u128) -> Context {
    let actor = Actor::User(api.user.parse().unwrap());
    Context::new(CommandId(Uuid::from_u128(command)), actor, None)
}

#[track_caller]
fn landed(answer: &Answer, at: &str) {
    answer.expect(302);
    assert_eq!((answer.header("location"), answer.header("cache-control")), (at, "no-store"));
    assert!(answer.header("set-cookie").starts_with("refresh_token="), "{:?}", answer.headers);
}

#[track_caller]
fn failed(answer: &Answer, error: &str) {
    answer.expect(302);
    assert_eq!(answer.header("location"), format!("https://portal.example.org/login?error={error}"));
    assert!(answer.headers.get_all("set-cookie").iter().all(|cookie| {
        cookie.to_str().unwrap() == "oauth_flow=; Path=/auth/oauth; Max-Age=0; HttpOnly; SameSite=Lax"
    }));
}

#[tokio::test]
async fn who_is_new_gets_an_account_with_a_team_in_the_first_organization() {
    let github = GitHub::start().await;
    let api = github.server().await;
    let mut gus = Browser::of(&api);
    landed(&sign_in(&mut gus, "").await, "https://portal.example.org/app");
    assert_eq!(gus.cookie("oauth_flow"), "");
    gus.refresh().await.expect(200);
    let me = gus.get("/auth/me").await.expect(200);
    assert_eq!((&me["email"], &me["full_name"]), (&json!("gus@example.org"), &json!("Gus Lind")));
    assert_eq!(me["memberships"][0]["role"], "team_admin");
    let listed = gus.get("/v1/users/me/oauth-identities").await.expect(200);
    assert_eq!(listed["has_password"], false);
    let identity = &listed["items"][0];
    let expected = json!({
        "id": identity["id"], "provider": "github", "provider_user_id": "7",
        "provider_email": "gus@example.org", "created_at": identity["created_at"],
    });
    assert_eq!(listed["items"], json!([expected]));

    // Nothing to sign in with would be left.
    let path = format!("/v1/users/me/oauth-identities/{}", identity["id"].as_str().unwrap());
    let unlink = gus.request(Method::DELETE, &path);
    let refused = problem(&gus.send(unlink).await, 409, "Cannot remove last authentication method");
    assert_eq!(refused["type"], "urn:trustedoss:problem:oauth_unlink_blocks_login");

    // The number counts from here on, whatever the address becomes.
    github.is_now(person(7, "gus.lind@example.org", false));
    let mut again = Browser::of(&api);
    landed(&sign_in(&mut again, "").await, "https://portal.example.org/app");
    again.refresh().await.expect(200);
    assert_eq!(again.get("/auth/me").await.expect(200)["id"], me["id"]);
}

#[tokio::test]
async fn who_has_the_verified_address_is_the_same_person_until_they_unlink() {
    let github = GitHub::start().await;
    let api = github.server().await;
    // An administrator makes the account, so that its address is believed.
    let new = NewPerson {
        email: "gus@example.org".to_owned(),
        name: Some("Gus".to_owned()),
        password: Some(PASSWORD.to_owned()),
    };
    let organization = api.organization.parse().unwrap();
    let context = by_ana(&api, 5);
    let made = api.server.engine.identities.create_person(&context, new, organization, None).await.unwrap();
    api.shown().await;
    let mut gus = Browser::of(&api);
    gus.login("gus@example.org", PASSWORD).await.expect(200);
    let mut elsewhere = Browser::of(&api);
    landed(&sign_in(&mut elsewhere, "").await, "https://portal.example.org/app");
    elsewhere.refresh().await.expect(200);
    assert_eq!(elsewhere.get("/auth/me").await.expect(200)["id"], made.user.to_string());

    let listed = gus.get("/v1/users/me/oauth-identities").await.expect(200);
    assert_eq!(listed["has_password"], true);
    let path = format!("/v1/users/me/oauth-identities/{}", listed["items"][0]["id"].as_str().unwrap());
    let mut positions = Vec::new();
    for _ in 0..2 {
        let unlink = gus.request(Method::DELETE, &path).header("idempotency-key", "unlink-1");
        let answer = gus.send(unlink).await;
        answer.expect(204);
        positions.push(answer.header("scanledger-position").to_owned());
    }
    assert_eq!(positions[0], positions[1], "a repeat does nothing");
    assert_eq!(gus.get("/v1/users/me/oauth-identities").await.expect(200)["items"], json!([]));
    let unlink = gus.request(Method::DELETE, &path);
    gus.send(unlink).await.expect(404);

    // What GitHub says of an address that it has not checked proves nothing.
    github.is_now(person(7, "gus@example.org", false));
    failed(&sign_in(&mut Browser::of(&api), "").await, "oauth_failed");
    gus.login("gus@example.org", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn an_account_that_somebody_made_for_an_address_gets_nothing_from_its_owner() {
    let github = GitHub::start().await;
    let api = github.server().await;
    let mut squatter = Browser::registered(&api, "gus@example.org").await;
    let mut gus = Browser::of(&api);
    failed(&sign_in(&mut gus, "").await, "oauth_failed");
    assert_eq!(squatter.get("/v1/users/me/oauth-identities").await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn groups_of_the_openid_provider_say_nothing_about_who_comes_from_another() {
    let github = GitHub::start().await;
    let api =
        github.server_with(|options| options.entrance.groups = vec!["ops=admin".parse().unwrap()]).await;
    let mut gus = Browser::of(&api);
    landed(&sign_in(&mut gus, "").await, "https://portal.example.org/app");
    gus.refresh().await.expect(200);
    let elsewhere = gus.request(Method::GET, "/api/projects");
    let elsewhere = gus.send(elsewhere.header("scanledger-organization", &api.organization)).await;
    elsewhere.refused_as(403, "FOREIGN_ORGANIZATION");
}

#[tokio::test]
async fn a_browser_lands_where_it_wanted_to_if_that_is_here() {
    let github = GitHub::start().await;
    let api = github.server().await;
    for (wanted, at) in [
        ("/projects?tab=1", "https://portal.example.org/projects?tab=1"),
        ("https://portal.example.org/x", "https://portal.example.org/x"),
        ("//evil.example", "https://portal.example.org/app"),
        ("/\\evil.example", "https://portal.example.org/app"),
        ("https://evil.example", "https://portal.example.org/app"),
        ("", "https://portal.example.org/app"),
    ] {
        let mut query = Url::parse("x:/").unwrap();
        query.query_pairs_mut().append_pair("redirect_after", wanted);
        let query = format!("?{}", query.query().unwrap());
        landed(&sign_in(&mut Browser::of(&api), &query).await, at);
    }
}

#[tokio::test]
async fn only_the_browser_that_went_comes_back_and_only_once() {
    let github = GitHub::start().await;
    let api = github.server().await;
    let (mut gus, mut victim) = (Browser::of(&api), Browser::of(&api));
    let prepared = round_trip(&mut gus, "").await;
    // Without a cookie, and with one of another attempt.
    failed(&victim.get(&prepared).await, "oauth_invalid_state");
    round_trip(&mut victim, "").await;
    failed(&victim.get(&prepared).await, "oauth_invalid_state");
    assert_eq!(victim.cookie("refresh_token"), "");

    let before = gus.clone();
    landed(&gus.get(&prepared).await, "https://portal.example.org/app");
    failed(&gus.get(&prepared).await, "oauth_invalid_state");
    failed(&before.clone().get(&prepared).await, "oauth_failed");
}

#[tokio::test]
async fn a_browser_without_a_person_is_told_why() {
    let github = GitHub::start().await;
    let api = github.server().await;
    let back = "/auth/oauth/github/callback";
    let mut gus = Browser::of(&api);
    failed(&gus.get(&format!("{back}?error=access_denied&state=x")).await, "oauth_denied");
    failed(&gus.get(&format!("{back}?state=x")).await, "oauth_missing_params");
    failed(&gus.get(&format!("{back}?code=x&state=")).await, "oauth_missing_params");
    failed(&gus.get(&format!("{back}?code=x&state=x")).await, "oauth_invalid_state");

    // A code that GitHub does not know.
    let came = round_trip(&mut gus, "").await.replace("code=c0de-", "code=x");
    failed(&gus.get(&came).await, "oauth_failed");

    // Somebody who is let in no more.
    landed(&sign_in(&mut gus, "").await, "https://portal.example.org/app");
    gus.refresh().await.expect(200);
    let user: UserId = gus.get("/auth/me").await.expect(200)["id"].as_str().unwrap().parse().unwrap();
    let ana = api.user.parse().unwrap();
    api.server.engine.identities.set_active(&by_ana(&api, 5), ana, user, false).await.unwrap();
    api.shown().await;
    failed(&sign_in(&mut gus, "").await, "oauth_user_inactive");
}

#[tokio::test]
async fn a_provider_is_one_of_three_and_may_not_be_configured() {
    let github = GitHub::start().await;
    for (api, configured) in [(server().await, false), (github.server().await, true)] {
        let providers = api.with_key(None).get("/auth/oauth/providers").await.expect(200);
        let status =
            |provider: &str, configured: bool| json!({ "provider": provider, "configured": configured });
        let expected = [status("github", configured), status("google", false), status("oidc", false)];
        assert_eq!(providers, json!({ "providers": expected }));
    }
    let api = server().await;
    let mut gus = Browser::of(&api);
    for path in ["/auth/oauth/github/authorize", "/auth/oauth/oidc/callback?code=x&state=x"] {
        let disabled = problem(&gus.get(path).await, 503, "OAuth Provider Disabled");
        assert_eq!(disabled["oauth_provider_disabled"], true);
    }
    problem(&gus.get("/auth/oauth/gitlab/authorize").await, 422, "Validation Error");
    problem(&gus.get("/auth/oauth/gitlab/callback").await, 404, "Not Found");
}
