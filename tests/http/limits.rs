//! How much one client may ask for, and who is taken for one client.

use crate::archive::leaky;
use crate::harness::{Answer, Api, Client};
use reqwest::Method;
use scanledger_api::limit::{HEAD_BYTES, HEAD_FIELDS, QuotaChange, Settings, TrustedProxy};
use scanledger_domain::identity::Role;
use serde_json::json;

/// Longer than any test here takes, so that nothing comes back meanwhile.
const LONG: &str = "24h";

async fn limited(quotas: &[&str], proxies: &[&str]) -> Api {
    let settings = Settings {
        proxies: proxies.iter().map(|proxy| proxy.parse::<TrustedProxy>().unwrap()).collect(),
        quotas: quotas.iter().map(|quota| quota.parse::<QuotaChange>().unwrap()).collect(),
        ..Settings::default()
    };
    Api::with_limits(settings).await
}

async fn get_via(client: &Client, path: &str, forwarded_for: &str) -> Answer {
    client.send(client.request(Method::GET, path).header("x-forwarded-for", forwarded_for)).await
}

#[tokio::test]
async fn every_answer_says_where_the_client_stands() {
    let api = Api::without_workers().await;
    let answer = api.get("/api/projects").await;
    answer.expect(200);
    assert_eq!(answer.header("ratelimit-policy"), "\"general\";q=6000;w=60");
    assert_eq!(answer.header("ratelimit"), "\"general\";r=999;t=1");
    let missing = api.get("/api/nothing").await;
    assert_eq!((missing.status, missing.header("ratelimit-policy")), (404, "\"general\";q=6000;w=60"));
    let probe = api.get("/health").await;
    assert_eq!((probe.status, probe.header("ratelimit-policy")), (200, ""));
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back() {
    let api = limited(&[&format!("search=2/{LONG}")], &[]).await;
    // Counted with the address until the key is known to be valid.
    api.get("/api/audit-log").await.expect(200);
    api.get("/api/audit-log").await.expect(200);
    api.get("/api/audit-log").await.expect(200);
    let refused = api.get("/api/audit-log").await;
    refused.refused_as(429, "RATE_LIMITED");
    assert_eq!(refused.header("ratelimit-policy"), "\"search\";q=2;w=86400");
    assert_eq!(refused.header("ratelimit"), format!("\"search\";r=0;t={}", refused.header("retry-after")));
    let seconds: u32 = refused.header("retry-after").parse().unwrap();
    assert!((43_000..=43_200).contains(&seconds), "{seconds}");
    assert!(!refused.header("x-request-id").is_empty());
    api.get("/api/projects").await.expect(200);
    let other = api.with_role(Role::Admin, None).await;
    other.get("/api/projects").await.expect(200);
    other.get("/api/audit-log").await.expect(200);
}

#[tokio::test]
async fn a_refused_upload_starts_no_scan() {
    let api = limited(&[&format!("upload=1/{LONG}")], &[]).await;
    api.get("/api/projects").await.expect(200);
    api.upload(&leaky(1), &[]).await.expect(201);
    api.upload(&leaky(1), &[]).await.refused_as(429, "RATE_LIMITED");
    assert_eq!(api.get("/api/scans").await.expect(200)["pagination"]["total"], 1);
}

#[tokio::test]
async fn keys_that_are_not_valid_are_not_tried_for_ever_and_valid_ones_go_on() {
    let api = limited(&[&format!("failure=2/{LONG}")], &[]).await;
    api.get("/api/projects").await.expect(200);
    let guesser = api.with_key(Some("ppr_AbCdEfGhIjKlMnOpQrStUvWxYz01-_89"));
    guesser.get("/api/projects").await.refused(401);
    guesser.get("/api/projects").await.refused(401);
    let refused = guesser.get("/api/projects").await;
    refused.refused_as(429, "RATE_LIMITED");
    assert_eq!(refused.header("ratelimit-policy"), "\"failure\";q=2;w=86400");
    api.get("/api/projects").await.expect(200);
    api.with_key(None).get("/api/projects").await.refused(401);
}

#[tokio::test]
async fn a_revoked_key_is_no_longer_one_that_was_accepted() {
    let api = limited(&[&format!("failure=1/{LONG}")], &[]).await;
    let made = api.post("/api/apikeys", &json!({ "name": "CI" })).await.expect(201);
    let client = api.with_key(made["plaintext"].as_str());
    client.get("/api/projects").await.expect(200);
    api.delete(&format!("/api/apikeys/{}", made["id"].as_str().unwrap())).await;
    client.get("/api/projects").await.refused(401);
    client.get("/api/projects").await.refused(429);
}

#[tokio::test]
async fn clients_of_a_trusted_proxy_are_told_apart_and_recorded() {
    let api = limited(&[&format!("general=2/{LONG}")], &["127.0.0.1"]).await;
    let anonymous = api.with_key(None);
    for client in ["203.0.113.9", "198.51.100.1, 203.0.113.10"] {
        get_via(&anonymous, "/api/projects", client).await.refused(401);
        get_via(&anonymous, "/api/projects", client).await.refused(401);
        get_via(&anonymous, "/api/projects", client).await.refused(429);
    }
    let made = api.request(Method::POST, "/api/projects").json(&json!({ "name": "shop" }));
    api.send(made.header("x-forwarded-for", "203.0.113.77")).await.expect(201);
    let audit = get_via(&api, "/api/audit-log", "203.0.113.77").await.expect(200);
    assert!(audit.to_string().contains("\"203.0.113.77\""), "{audit}");
}

#[tokio::test]
async fn what_a_stranger_says_about_its_address_does_not_count() {
    let api = limited(&[&format!("general=2/{LONG}")], &[]).await;
    let anonymous = api.with_key(None);
    for (n, status) in [(1, 401), (2, 401), (3, 429)] {
        get_via(&anonymous, "/api/projects", &format!("203.0.113.{n}")).await.refused(status);
    }
}

#[tokio::test]
async fn the_head_of_a_request_has_limits() {
    let api = Api::without_workers().await;
    let with_fields = |count: usize| {
        (0..count)
            .fold(api.request(Method::GET, "/health"), |request, n| request.header(format!("x-{n}"), "1"))
    };
    // The client sends three of its own: host, accept and authorization.
    api.send(with_fields(HEAD_FIELDS - 3)).await.expect(200);
    api.send(with_fields(HEAD_FIELDS - 2)).await.expect(431);
    let large = "x".repeat(HEAD_BYTES);
    api.send(api.request(Method::GET, "/health").header("x-large", large)).await.expect(431);
}
