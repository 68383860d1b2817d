//! API keys.

use crate::harness::{Api, NOBODY, column, id};
use scanledger_domain::identity::Role;
use scanledger_domain::time::Timestamp;
use serde_json::{Value, json};

#[tokio::test]
async fn a_key_works_from_its_making_to_its_revocation() {
    let api = Api::without_workers().await;
    let made = api.post("/api/apikeys", &json!({ "name": "CI" })).await;
    let key = made.expect(201);
    assert!(made.header("scanledger-position").parse::<u64>().unwrap() > 0);
    let (token, prefix) = (key["plaintext"].as_str().unwrap(), key["prefix"].as_str().unwrap());
    assert_eq!((token.len(), &token[..4]), (36, "ppr_"));
    assert_eq!(&token[..10], prefix);
    assert_eq!((&key["name"], &key["expiresAt"]), (&json!("CI"), &Value::Null));

    let client = api.with_key(Some(token));
    client.get("/api/projects").await.expect(200);
    let listed = api.get("/api/apikeys").await.expect(200);
    assert_eq!(column(&listed["keys"], "name"), ["CI", "setup"]);
    assert!(listed["keys"][0]["lastUsedAt"].is_string());
    assert!(!listed.to_string().contains(token));

    let revoked = api.delete(&format!("/api/apikeys/{}", id(&key))).await;
    assert_eq!(revoked.expect(200), json!({ "ok": true }));
    client.get("/api/projects").await.refused(401);
    api.delete(&format!("/api/apikeys/{}", id(&key))).await.refused(404);
    let left = api.get("/api/apikeys").await.expect(200);
    assert_eq!(column(&left["keys"], "name"), ["setup"]);
}

#[tokio::test]
async fn a_key_made_with_the_api_is_a_developers_at_most() {
    let api = Api::without_workers().await;
    let key = api.post("/api/apikeys", &json!({ "name": "CI" })).await.expect(201);
    let client = api.with_key(key["plaintext"].as_str());
    client.get("/api/apikeys").await.refused_as(403, "ROLE_REQUIRED");
    client.get("/api/audit-log").await.refused_as(403, "ROLE_REQUIRED");
    client.post("/api/projects", &json!({ "name": "shop" })).await.expect(201);
}

#[tokio::test]
async fn a_key_needs_a_name_and_an_end_that_is_still_to_come() {
    let api = Api::without_workers().await;
    for (body, path) in [
        (json!({}), "name"),
        (json!({ "name": "" }), "name"),
        (json!({ "name": "x".repeat(101) }), "name"),
        (json!({ "name": 7 }), "name"),
        (json!({ "name": "CI", "expiresAt": "tomorrow" }), "expiresAt"),
        (json!({ "name": "CI", "expiresAt": "2001-01-01T00:00:00Z" }), "expiresAt"),
    ] {
        api.post("/api/apikeys", &body).await.refused_for(path);
    }
    let body = json!({ "name": "x".repeat(100), "expiresAt": "2999-01-01T00:00:00+01:00" });
    assert_eq!(api.post("/api/apikeys", &body).await.expect(201)["expiresAt"], "2998-12-31T23:00:00.000Z");
}

#[tokio::test]
async fn a_key_that_has_expired_is_no_key() {
    let api = Api::without_workers().await;
    let soon = Timestamp(api.server.app.clock.now().0 + 1_500_000);
    let client = api.with_key_until(Role::Viewer, None, Some(soon)).await;
    client.get("/api/projects").await.expect(200);
    while api.server.app.clock.now() <= soon {
        tokio::task::yield_now().await;
    }
    client.get("/api/projects").await.refused(401);
}

#[tokio::test]
async fn the_scheme_of_a_key_is_bearer_and_the_answer_says_so() {
    let api = Api::without_workers().await;
    let nobody = api.with_key(None);
    let answer = nobody.get("/api/projects").await;
    answer.refused(401);
    assert_eq!(answer.header("www-authenticate"), "Bearer");
    for value in [format!("Basic {}", api.key()), api.key().to_owned(), "Bearer".to_owned()] {
        let request = nobody.request(reqwest::Method::GET, "/api/projects").header("authorization", value);
        nobody.send(request).await.refused(401);
    }
    api.delete(&format!("/api/apikeys/{NOBODY}")).await.refused(404);
    api.delete("/api/apikeys/clx0000").await.refused(404);
}

#[tokio::test]
async fn a_repeated_request_makes_one_key_and_shows_its_token_once() {
    let api = Api::without_workers().await;
    let request = || {
        let request = api.request(reqwest::Method::POST, "/api/apikeys").header("idempotency-key", "build-7");
        request.json(&json!({ "name": "CI" }))
    };
    api.send(request()).await.expect(201);
    api.send(request()).await.refused_as(409, "TOKEN_SHOWN_BEFORE");
    let listed = api.get("/api/apikeys").await.expect(200);
    assert_eq!(column(&listed["keys"], "name"), ["CI", "setup"]);
}
