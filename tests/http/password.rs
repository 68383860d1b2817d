//! Another password by who is signed in, and what becomes of sessions, keys and the owner's mail.

use crate::harness::{Api, Client};
use crate::operations::hold_views;
use crate::pepper_browser;
use crate::trusca_browser::{Browser, PASSWORD, invalid, problem, server};
use crate::trusca_reset::{address, message_about, token_of, with_mail};
use reqwest::Method;
use scanledger_commands::Context;
use scanledger_commands::identity::NewKey;
use scanledger_domain::id::{CommandId, UserId};
use scanledger_domain::identity::{Breadth, KeyForm, KeyKind, Role, Scopes};
use scanledger_domain::log::{Actor, Position, Recorded};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::task::JoinHandle;
use uuid::Uuid;

const OTHER: &str = "amber meadow 12";
const PATH: &str = "/v1/users/me/password";
/// How long anything may take before a test has failed.
const PATIENCE: Duration = Duration::from_secs(60);

fn change(present: &str, next: &str) -> Value {
    json!({ "current_password": present, "new_password": next })
}

/// A key that acts for whoever is signed in.
async fn personal_key(api: &Api, browser: &mut Browser<'_>) -> Client {
    let made = browser.post("/api/apikeys", &json!({ "name": "CI" })).await.expect(201);
    api.with_key(Some(made["plaintext"].as_str().unwrap()))
}

#[tokio::test]
async fn who_knows_the_present_password_chooses_another_and_stays_signed_in() {
    let api = server().await;
    let mut bea = Browser::registered(&api, "bea@example.org").await;
    let mut elsewhere = Browser::of(&api);
    elsewhere.login("bea@example.org", PASSWORD).await.expect(200);
    let before = bea.token.clone();

    let answer = bea.post(PATH, &change(PASSWORD, OTHER)).await;
    let changed = answer.expect(200);
    assert_eq!((&changed["revoked_keys"], &changed["live_keys"]), (&json!(0), &json!(0)));
    assert_eq!(answer.header("cache-control"), "no-store");
    for over in [before, elsewhere.token.clone()] {
        bea.token = over;
        problem(&bea.get("/auth/me").await, 401, "Authentication required");
    }
    problem(&elsewhere.refresh().await, 401, "Invalid Refresh Token");
    bea.token = changed["token"]["access_token"].as_str().map(str::to_owned);
    bea.get("/auth/me").await.expect(200);
    bea.refresh().await.expect(200);
    problem(&elsewhere.login("bea@example.org", PASSWORD).await, 401, "Invalid Credentials");
    elsewhere.login("bea@example.org", OTHER).await.expect(200);

    let types = "/api/events?limit=1000&types=user.password_set";
    let events = bea.get(types).await.expect(200);
    assert_eq!(events[0]["data"]["setter"], "changed", "{events}");
}

#[tokio::test]
async fn a_browser_with_a_cookie_gets_another_cookie() {
    let api = server().await;
    pepper_browser::registered(&api, "bea@example.org").await;
    let mut bea = pepper_browser::Browser::signed_in(&api, "bea@example.org").await;
    let before = bea.clone();
    let request = bea.request(Method::POST, PATH).header("origin", api.server.url());
    let changed = bea.send(request.json(&change(PASSWORD, OTHER))).await.expect(200);
    assert_eq!(changed["token"], Value::Null);
    let mut stale = before;
    stale.get("/auth/me").await.expect(401);
    assert_eq!(bea.get("/auth/me").await.expect(200)["email"], "bea@example.org");
}

#[tokio::test]
async fn nothing_is_changed_without_the_present_password_or_with_one_that_will_not_do() {
    let api = server().await;
    let mut bea = Browser::registered(&api, "bea@example.org").await;
    for (body, field) in [
        (change("wrong", OTHER), "current_password"),
        (change("", OTHER), "current_password"),
        (change(&"x".repeat(257), OTHER), "current_password"),
        (json!({ "new_password": OTHER }), "current_password"),
        (change(PASSWORD, "password1"), "new_password"),
        (change(PASSWORD, "corvette"), "new_password"),
        (change(PASSWORD, &"ab".repeat(65)), "new_password"),
        (json!({ "current_password": PASSWORD }), "new_password"),
    ] {
        invalid(&bea.post(PATH, &body).await, field);
    }
    bea.get("/auth/me").await.expect(200);
    bea.login("bea@example.org", PASSWORD).await.expect(200);
    let failed = bea.get("/api/events?limit=1000&types=access.sign_in_failed").await.expect(200);
    assert_eq!(failed.as_array().unwrap().len(), 1, "the one that was wrong is recorded: {failed}");
    // 64 and 128 characters will do.
    let longest = "aß".repeat(64);
    bea.post(PATH, &change(PASSWORD, &longest)).await.expect(200);
    bea.login("bea@example.org", &longest).await.expect(200);
}

#[tokio::test]
async fn guessing_the_present_password_is_as_slow_as_signing_in() {
    let api = Api::without_workers().await;
    let mut bea = Browser::registered(&api, "bea@example.org").await;
    let mut last = bea.post(PATH, &change("guess 1", OTHER)).await;
    assert!(last.header("ratelimit-policy").contains("login"), "{:?}", last.headers);
    for _ in 0..5 {
        last = bea.post(PATH, &change("guess 2", OTHER)).await;
    }
    last.expect(429);
    assert!(!last.header("retry-after").is_empty());
}

#[tokio::test]
async fn keys_that_act_for_somebody_end_with_the_password_if_that_is_wanted() {
    let api = server().await;
    let mut bea = Browser::registered(&api, "bea@example.org").await;
    let keys = [personal_key(&api, &mut bea).await, personal_key(&api, &mut bea).await];
    let changed = bea.post(PATH, &change(PASSWORD, OTHER)).await.expect(200);
    assert_eq!((&changed["revoked_keys"], &changed["live_keys"]), (&json!(0), &json!(2)));
    keys[0].get("/api/projects").await.expect(200);

    bea.login("bea@example.org", OTHER).await.expect(200);
    let mut body = change(OTHER, PASSWORD);
    body["revoke_keys"] = json!(true);
    let changed = bea.post(PATH, &body).await.expect(200);
    assert_eq!((&changed["revoked_keys"], &changed["live_keys"]), (&json!(2), &json!(0)));
    for key in &keys {
        key.get("/api/projects").await.expect(401);
    }
    // Keys without a person behind them are the organization's.
    api.get("/api/projects").await.expect(200);
}

/// Asks for another password, with an end of keys, and waits until the log has it; the answer comes when the read models
/// have it too.
async fn begun(api: &Api, bea: &Browser<'_>) -> JoinHandle<reqwest::Result<reqwest::Response>> {
    let mut body = change(PASSWORD, OTHER);
    body["revoke_keys"] = json!(true);
    let answer = tokio::spawn(bea.request(Method::POST, PATH).json(&body).send());
    logged(api, "user.password_set", 1).await;
    answer
}

/// Waits until the log has so many events of a kind.
async fn logged(api: &Api, kind: &str, count: usize) {
    let log = api.server.engine.event_log();
    let all = async {
        let is_one = |event: &&Recorded| *event.kind == *kind;
        while log.read_all(Position::START, 1_000).await.unwrap().iter().filter(is_one).count() < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, all).await.unwrap_or_else(|_| panic!("too few of {kind}"));
}

#[tokio::test]
async fn a_session_that_began_with_another_password_is_over_if_everything_was_ended_meanwhile() {
    let api = server().await;
    let mut bea = Browser::registered(&api, "bea@example.org").await;
    let user = bea.get("/auth/me").await.expect(200)["id"].as_str().unwrap().parse().unwrap();
    api.shown().await;
    let held = hold_views(&api);
    let answer = begun(&api, &bea).await;
    // Somebody else's hand: the owner's, or an administrator's.
    let identities = &api.server.engine.identities;
    for is_active in [false, true] {
        let context = Context::new(CommandId(api.server.app.ids.fresh()), Actor::Operator, None);
        identities.set_active(&context, UserId(Uuid::nil()), user, is_active).await.unwrap();
    }
    drop(held);
    let changed: Value = answer.await.unwrap().unwrap().json().await.unwrap();
    bea.token = changed["token"]["access_token"].as_str().map(str::to_owned);
    assert!(bea.token.is_some(), "{changed}");
    api.shown().await;
    problem(&bea.get("/auth/me").await, 401, "Authentication required");
    bea.login("bea@example.org", OTHER).await.expect(200);
}

#[tokio::test]
async fn a_change_that_was_begun_is_finished_though_whoever_asked_has_gone() {
    let api = server().await;
    let mut bea = Browser::registered(&api, "bea@example.org").await;
    let key = personal_key(&api, &mut bea).await;
    api.shown().await;
    let held = hold_views(&api);
    let answer = begun(&api, &bea).await;
    answer.abort();
    // The server notices that nobody listens any more before there is anything to go on with.
    tokio::time::sleep(Duration::from_millis(200)).await;
    drop(held);
    // The session that takes the place of the others is the last thing that is done.
    logged(&api, "session.started", 2).await;
    api.shown().await;
    key.get("/api/projects").await.expect(401);
}

#[tokio::test]
async fn a_key_that_ended_a_moment_ago_is_in_nobodys_way() {
    let api = server().await;
    let mut bea = Browser::registered(&api, "bea@example.org").await;
    let keys = [personal_key(&api, &mut bea).await, personal_key(&api, &mut bea).await];
    let listed = bea.get("/api/apikeys").await.expect(200);
    let prefix = &keys[0].key()[..10];
    let own = listed["keys"].as_array().unwrap().iter().find(|key| key["prefix"] == prefix).unwrap();
    let key = own["id"].as_str().unwrap().parse().unwrap();
    let organization = api.server.app.views.organization_of_key(key).await.unwrap();
    let held = hold_views(&api);
    let context = Context::new(CommandId(api.server.app.ids.fresh()), Actor::Operator, organization);
    api.server.engine.identities.revoke_key(&context, key).await.unwrap();
    let answer = begun(&api, &bea).await;
    drop(held);
    let changed: Value = answer.await.unwrap().unwrap().json().await.unwrap();
    assert_eq!((&changed["revoked_keys"], &changed["live_keys"]), (&json!(1), &json!(0)), "{changed}");
    for key in &keys {
        key.get("/api/projects").await.expect(401);
    }
}

#[tokio::test]
async fn read_models_that_are_behind_keep_nobody_from_going_on_and_no_key_alive() {
    let api = server().await;
    let mut bea = Browser::registered(&api, "bea@example.org").await;
    let user = bea.get("/auth/me").await.expect(200)["id"].as_str().unwrap().parse().unwrap();
    personal_key(&api, &mut bea).await;
    let listed = bea.get("/api/apikeys").await.expect(200);
    let known = listed["keys"][0]["id"].as_str().unwrap().parse().unwrap();
    let organization = api.server.app.views.organization_of_key(known).await.unwrap().unwrap();
    api.shown().await;
    let held = hold_views(&api);
    let answer = begun(&api, &bea).await;
    // Somebody who has taken a session over makes one more, which this server does not know yet.
    let wanted = NewKey {
        organization,
        name: "meanwhile".to_owned(),
        form: KeyForm::Pepper,
        kind: KeyKind::Personal,
        role: Role::Viewer,
        team: None,
        project: None,
        scopes: Scopes::ALL,
        breadth: Breadth::ReadOnly,
        by: Some(user),
        expires_at: None,
    };
    let context = Context::new(CommandId(api.server.app.ids.fresh()), Actor::User(user), Some(organization));
    let made = api.server.engine.identities.create_key(&context, wanted).await.unwrap();
    // The next session begins without the read models.
    logged(&api, "session.started", 2).await;
    drop(held);
    let answer = answer.await.unwrap().unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    let changed: Value = answer.json().await.unwrap();
    assert_eq!((&changed["revoked_keys"], &changed["live_keys"]), (&json!(1), &json!(0)), "{changed}");
    bea.token = changed["token"]["access_token"].as_str().map(str::to_owned);
    logged(&api, "apikey.revoked", 2).await;
    api.shown().await;
    bea.get("/auth/me").await.expect(200);
    api.with_key(Some(made.token.reveal())).get("/api/projects").await.expect(401);
}

#[tokio::test]
async fn the_owner_is_told_and_a_reset_ends_keys_if_that_is_wanted() {
    let api = with_mail().await;
    let email = address("told");
    let mut bea = Browser::registered(&api, &email).await;
    let keys = [personal_key(&api, &mut bea).await, personal_key(&api, &mut bea).await];
    bea.post(PATH, &change(PASSWORD, OTHER)).await.expect(200);
    let told = message_about(&email, "is another one").await;
    assert!(told.contains("2 API keys still act for you"), "{told}");
    assert!(!told.contains(OTHER) && !told.contains("?token="), "{told}");

    bea.post("/auth/forgot-password", &json!({ "email": email })).await.expect(204);
    let token = token_of(&message_about(&email, "?token=").await);
    let body = json!({ "token": token, "new_password": PASSWORD, "revoke_keys": true });
    bea.post("/auth/reset-password", &body).await.expect(204);
    message_about(&email, "No API key acts for you").await;
    for key in &keys {
        key.get("/api/projects").await.expect(401);
    }
    bea.login(&email, PASSWORD).await.expect(200);
}
