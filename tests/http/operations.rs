//! Probes, metrics and documents.

use crate::harness::Api;
use scanledger_api::route_table;
use serde_json::{Value, json};

#[tokio::test]
async fn a_server_says_that_it_is_there_and_ready() {
    let api = Api::without_workers().await;
    let nobody = api.with_key(None);
    let health = nobody.get("/health").await.expect(200);
    assert_eq!((&health["status"], &health["version"]), (&json!("ok"), &json!(env!("CARGO_PKG_VERSION"))));
    assert_eq!(nobody.get("/api/health").await.expect(200)["status"], "healthy");
    let ready = nobody.get("/health/ready").await.expect(200);
    assert_eq!((&ready["status"], &ready["lag"], &ready["parked"]), (&json!("ready"), &json!(0), &json!(0)));
    assert_eq!(ready["position"], ready["head"]);
}

#[tokio::test]
async fn metrics_are_in_prometheus_format() {
    let api = Api::without_workers().await;
    let metrics = api.with_key(None).get("/metrics").await;
    assert_eq!(metrics.status, 200);
    assert!(metrics.header("content-type").starts_with("text/plain; version=0.0.4"));
    assert!(metrics.text().contains("scanledger_"), "{}", metrics.text());
}

#[tokio::test]
async fn the_document_describes_every_route() {
    let api = Api::without_workers().await;
    let document = api.with_key(None).get("/openapi.json").await.expect(200);
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    for rule in route_table() {
        let operation = &document["paths"][&rule.path][rule.method.to_lowercase()];
        assert!(operation["summary"].is_string(), "{} {}", rule.method, rule.path);
        assert!(operation["operationId"].is_string());
        let responses = operation["responses"].as_object().unwrap();
        // What clients ask for, and there is never: another vendor's engine, a token without a page to allow it, and
        // what thieves look for.
        let never =
            ["/api/agent/deployments/deepbinary/{slug}", "/api/agent/tokens/requests", "/decoy/{*path}"];
        let is_never_there = never.contains(&rule.path.as_str());
        assert!(
            is_never_there || responses.keys().any(|status| status.starts_with(['2', '3'])),
            "{} {}",
            rule.method,
            rule.path
        );
    }
    let text = document.to_string();
    for (name, _) in document["components"]["schemas"].as_object().unwrap() {
        assert!(text.contains(&format!("#/components/schemas/{name}\"")), "{name} is used nowhere");
    }
    for reference in text.split("\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert_ne!(document["components"]["schemas"][name], Value::Null, "{name} is not there");
    }
}

#[tokio::test]
async fn the_page_to_browse_works_without_anything_from_elsewhere() {
    let api = Api::without_workers().await;
    let page = api.with_key(None).get("/docs").await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.header("content-security-policy").contains("default-src 'none'"));
    let text = page.text();
    let script = text.split("src=\"").nth(1).unwrap().split('"').next().unwrap();
    let script = api.with_key(None).get(script).await;
    assert_eq!((script.status, script.header("content-type")), (200, "text/javascript; charset=utf-8"));
    assert!(script.text().contains("rapi-doc"));
}
