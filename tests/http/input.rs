//! Input that no well-meaning client sends: always a clear 4xx in the dialect's shape.

use crate::archive::leaky;
use crate::harness::{Answer, Api};
use reqwest::Method;
use scanledger_domain::limits::JSON_BODY_BYTES;
use serde_json::json;

async fn send_json(api: &Api, body: impl Into<Vec<u8>>) -> Answer {
    let request = api.request(Method::POST, "/api/projects").header("content-type", "application/json");
    api.send(request.body(body.into())).await
}

#[tokio::test]
async fn bodies_that_are_no_json_are_malformed() {
    let api = Api::without_workers().await;
    let deep = format!("{{\"name\":{}1{}}}", "[".repeat(500), "]".repeat(500));
    for body in ["", "{", "name=shop", "{\"name\":\"a\"}x", "[1,]", deep.as_str()] {
        send_json(&api, body).await.refused_as(400, "MALFORMED_JSON");
    }
    send_json(&api, b"{\"name\":\"\xff\"}".to_vec()).await.refused_as(400, "MALFORMED_JSON");
    send_json(&api, b"{\"name\":\"a\",\"other\":\"\xff\"}".to_vec()).await.refused_as(400, "MALFORMED_JSON");
    send_json(&api, b"{\"name\":\"\\ud800\"}".to_vec()).await.refused(400);
    send_json(&api, "null").await.refused(400);
    send_json(&api, "[]").await.refused(400);
    send_json(&api, "[\"shop\", null, null, null, null]").await.refused(400);
    assert_eq!(api.get("/api/projects").await.expect(200)["projects"], json!([]));
}

#[tokio::test]
async fn a_body_has_a_limit() {
    let api = Api::without_workers().await;
    let padded = |bytes: usize| {
        let body = "{\"name\":\"shop\"}".to_owned();
        let padding = " ".repeat(bytes - body.len());
        body + &padding
    };
    send_json(&api, padded(JSON_BODY_BYTES + 1)).await.refused(413);
    send_json(&api, padded(JSON_BODY_BYTES)).await.expect(201);
}

#[tokio::test]
async fn a_body_without_a_length_has_the_same_limit() {
    let api = Api::without_workers().await;
    let chunks = (0..=JSON_BODY_BYTES / 4_096).map(|_| Ok::<_, std::io::Error>(vec![b' '; 4_096]));
    let body = reqwest::Body::wrap_stream(futures::stream::iter(chunks));
    let request = api.request(Method::POST, "/api/projects").header("content-type", "application/json");
    api.send(request.body(body)).await.refused(413);
}

#[tokio::test]
async fn a_body_of_another_kind_is_unsupported() {
    let api = Api::without_workers().await;
    let request = || api.request(Method::POST, "/api/projects").body("{\"name\":\"shop\"}");
    api.send(request()).await.refused(415);
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/xml"] {
        api.send(request().header("content-type", kind)).await.refused(415);
    }
    api.send(request().header("content-type", "Application/JSON;charset=utf-8")).await.expect(201);
}

#[tokio::test]
async fn addresses_that_are_not_utf_8_are_refused() {
    let api = Api::without_workers().await;
    api.get("/api/scans/%FF").await.refused(400);
    api.get("/api/scans/%FF/artifacts/log").await.refused(400);
    api.get("/api/projects?q=%FF").await.refused(400);
    api.get("/api/projects?q=%C3%A9").await.expect(200);
}

#[tokio::test]
async fn wrong_methods_and_addresses_are_told_apart() {
    let api = Api::without_workers().await;
    let answer = api.send(api.request(Method::PUT, "/api/projects")).await;
    answer.refused(405);
    let mut allowed: Vec<&str> = answer.header("allow").split(',').collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["GET", "HEAD", "POST"]);
    let odd = Method::from_bytes(b"FETCH").unwrap();
    api.send(api.request(odd, "/api/scans")).await.refused(405);
    for path in ["/api", "/api/", "/api/nothing", "/nothing", "/api/scans/", "/api/scans/x/y/z"] {
        api.get(path).await.refused(404);
    }
}

#[tokio::test]
async fn head_and_options_answer_without_a_body() {
    let api = Api::without_workers().await;
    let head = api.send(api.request(Method::HEAD, "/api/projects")).await;
    assert_eq!((head.status, head.bytes.len()), (200, 0));
    let nobody = api.with_key(None);
    assert_eq!(nobody.send(nobody.request(Method::HEAD, "/api/projects")).await.status, 401);
    let options = nobody.send(nobody.request(Method::OPTIONS, "/api/projects")).await;
    assert_eq!((options.status, options.bytes.len()), (204, 0));
    assert!(options.header("allow").contains("POST"));
    let preflight = nobody.request(Method::OPTIONS, "/api/projects");
    let preflight =
        preflight.header("origin", "https://evil.example").header("access-control-request-method", "POST");
    let preflight = nobody.send(preflight).await;
    preflight.refused(403);
    assert_eq!(preflight.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn every_answer_under_api_is_private_and_named() {
    let api = Api::without_workers().await;
    for path in ["/api/projects", "/api/nothing", "/api/health", "/api/scans?limit=x"] {
        let answer = api.get(path).await;
        assert_eq!(answer.header("cache-control"), "no-store, private", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert!(!answer.header("x-request-id").is_empty(), "{path}");
    }
    let with = async |id: &str| {
        let answer = api.send(api.request(Method::GET, "/api/projects").header("x-request-id", id)).await;
        answer.header("x-request-id").to_owned()
    };
    assert_eq!(with("build-7.a_B").await, "build-7.a_B");
    assert_ne!(with("two words").await, "two words");
    assert_ne!(with(&"x".repeat(129)).await, "x".repeat(129));
}

#[tokio::test]
async fn a_request_id_is_in_the_events_that_the_request_caused() {
    let api = Api::without_workers().await;
    let request = api.request(Method::POST, "/api/projects").header("x-request-id", "build-7");
    api.send(request.header("user-agent", "ci/1").json(&json!({ "name": "shop" }))).await.expect(201);
    let events = api.get("/api/events?types=project.created").await.expect(200);
    let metadata = &events[0]["metadata"];
    assert_eq!((&metadata["request"], &metadata["actor"]["kind"]), (&json!("build-7"), &json!("key")));
    let sealed = ["address", "userAgent"].map(|field| metadata[field].as_str().unwrap());
    assert!(sealed.iter().all(|text| !text.contains("127.0.0.1") && !text.contains("ci/1")), "{metadata}");
    let entry = &api.get("/api/audit-log?action=project.created").await.expect(200)["entries"][0];
    assert_eq!((&entry["ipAddress"], &entry["userAgent"]), (&json!("127.0.0.1"), &json!("ci/1")));
}

#[tokio::test]
async fn bad_input_loses_no_event() {
    let api = Api::without_workers().await;
    let before = api.server.engine.event_log().head().await.unwrap();
    send_json(&api, "{").await.refused(400);
    send_json(&api, "{\"name\":\"\"}").await.refused(400);
    api.upload(&leaky(1), &[("scanType", "NONE")]).await.refused(400);
    api.post("/api/findings/bulk", &json!({ "ids": [], "status": "OPEN" })).await.refused(400);
    assert_eq!(api.server.engine.event_log().head().await.unwrap(), before);
    api.project("shop").await;
}
