//! Probes, metrics and documents.

use crate::graphql::Socket;
use crate::harness::Api;
use reqwest::Method;
use scanledger_api::route_table;
use scanledger_api::routes::{Access, Rule};
use scanledger_domain::identity::Effect;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How long something may take that has to come within seconds.
const SOON: Duration = Duration::from_secs(40);

#[tokio::test]
async fn a_server_says_that_it_is_there_and_ready() {
    let api = Api::without_workers().await;
    let nobody = api.with_key(None);
    let health = nobody.get("/health").await.expect(200);
    assert_eq!((&health["status"], &health["version"]), (&json!("ok"), &json!(env!("CARGO_PKG_VERSION"))));
    assert_eq!(nobody.get("/api/health").await.expect(200)["status"], "healthy");
    let ready = nobody.get("/health/ready").await.expect(200);
    assert_eq!(ready["status"], "ready");
    for number in ["lag", "parked", "broken_branches"] {
        assert_eq!(ready[number], 0, "{number}");
    }
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

/// The value of a metric; its name has its labels, if there are any.
#[track_caller]
pub fn value(metrics: &str, name: &str) -> u64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in\n{metrics}")).parse().unwrap()
}

#[tokio::test]
async fn metrics_say_how_far_log_and_read_models_are() {
    let api = Api::without_workers().await;
    let read = async || {
        api.shown().await;
        api.with_key(None).get("/metrics").await.text()
    };
    let before = read().await;
    for number in 0..4 {
        api.project(&format!("project {number}")).await;
    }
    let after = read().await;
    let head = api.server.engine.event_log().head().await.unwrap().0;
    // This server has written and read every event there is.
    for name in ["log_head_position", "log_appended_events_total", "projector_position"] {
        assert_eq!(value(&after, &format!("scanledger_{name}")), head, "{name}");
    }
    assert_eq!(value(&after, "scanledger_projector_applied_events_total"), head);
    for name in ["projector_lag_events", "projector_parked_events", "projector_broken_branches"] {
        assert_eq!(value(&after, &format!("scanledger_{name}")), 0, "{name}");
    }
    let grown = |name: &str| value(&after, name) - value(&before, name);
    // One after the other: a batch each, which took one request.
    assert_eq!(grown("scanledger_log_append_batches_total"), 4);
    let sizes = "scanledger_log_append_batch_requests";
    for part in ["_count", "_sum", "_bucket{le=\"1\"}", "_bucket{le=\"+Inf\"}"] {
        assert_eq!(grown(&format!("{sizes}{part}")), 4, "{part}");
    }
    let buckets = after.lines().filter_map(|line| line.strip_prefix(&format!("{sizes}_bucket")));
    let buckets: Vec<u64> = buckets.map(|line| line.rsplit(' ').next().unwrap().parse().unwrap()).collect();
    assert!(buckets.len() > 8 && buckets.is_sorted(), "{after}");
    assert_eq!(buckets.last(), Some(&value(&after, "scanledger_log_append_batches_total")));
    assert!(after.contains(&format!("# TYPE {sizes} histogram\n")), "{after}");
}

/// The file of the read models, beside the server that has it open.
pub fn open_views(api: &Api) -> rusqlite::Connection {
    let files = std::fs::read_dir(api.server.engine.folder.root()).unwrap();
    let mut views = files.map(|entry| entry.unwrap().path()).filter(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with("views-") && name.ends_with(".db")
    });
    rusqlite::Connection::open(views.next().unwrap()).unwrap()
}

/// Lets nobody else write to the file of the read models, until it is dropped: the projector waits, for 5 seconds before
/// it gives up.
pub fn hold_views(api: &Api) -> rusqlite::Connection {
    let held = open_views(api);
    held.execute_batch("BEGIN IMMEDIATE").unwrap();
    held
}

#[tokio::test]
async fn who_asks_for_what_the_read_models_have_not_reached_is_told_to_come_again() {
    let api = Api::without_workers().await;
    let mut idle = Socket::acknowledged(&api, api.key()).await;
    let mut running = Socket::acknowledged(&api, api.key()).await;
    running.subscribe("a", r#"subscription { events(types: ["organization.created"]) { type } }"#).await;
    // The projector waits from now on, and says so after a while.
    let _held = hold_views(&api);
    let reached = api.server.app.views.position().0;
    let made = api.post("/api/projects", &json!({ "name": "shop" })).await;
    assert_eq!(made.expect(201)["name"], "shop", "a write is answered from what was decided");
    let position = made.header("scanledger-position").to_owned();

    let request = api.request(Method::GET, "/api/projects").header("scanledger-min-position", &position);
    let behind = api.send(request).await;
    behind.refused_as(503, "VIEWS_BEHIND");
    assert_eq!(behind.header("retry-after"), "1");
    assert!(behind.text().contains(&format!("has not reached {position} in time")), "{}", behind.text());
    // Whoever does not ask for it reads what there is, until that is too old to say who they are.
    let began = Instant::now();
    loop {
        let read = api.get("/api/projects").await;
        if read.status == 503 {
            read.refused_as(503, "VIEWS_BEHIND");
            assert_eq!(read.header("retry-after"), "1");
            break;
        }
        assert_eq!(read.expect(200)["projects"], json!([]));
        assert!(began.elapsed() < SOON, "read models may be ten seconds old");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    // Nor does anything new begin on a socket that is open, while what is under way goes on.
    let end = tokio::time::timeout(Duration::from_millis(1_500), running.closed()).await;
    assert!(end.is_err(), "what is under way ended with {end:?}");
    idle.subscribe("b", "{ head }").await;
    assert_eq!(idle.closed().await, 1013);
    let nobody = api.with_key(None);
    assert_eq!(nobody.get("/health").await.status, 200);
    assert_eq!(nobody.get("/health/ready").await.status, 503);
    let metrics = nobody.get("/metrics").await.text();
    let head = position.parse::<u64>().unwrap();
    assert_eq!(value(&metrics, "scanledger_projector_lag_events"), head - reached);
}

/// Whether a route remembers what it did under an idempotency key: what changes something does, but for clients' runs of
/// scans, searches for secrets and what people change about their own accounts.
fn takes_key(rule: &Rule) -> bool {
    let Access::Needs(action) = rule.access else { return false };
    let is_otherwise = ["/v1/scan", "/v1/multiscan", "/exposed/v1/scan", "/exposed/v1/multiscan"]
        .contains(&rule.path.as_str())
        || ["/api/agent/", "/api/cli/"].iter().any(|root| rule.path.starts_with(root))
        || (rule.path.starts_with("/v1/users/me/") && rule.method != "DELETE");
    rule.method != "GET" && action.needs().effect == Effect::Writes && !is_otherwise
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
        let said = |name: &str| {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            parameters.filter(|one| one["$ref"] == format!("#/components/parameters/{name}")).count()
        };
        let place = format!("{} {}", rule.method, rule.path);
        assert_eq!(said("Scanledger-Min-Position"), usize::from(rule.access != Access::Open), "{place}");
        let is_keyed = takes_key(&rule);
        assert_eq!(said("Idempotency-Key"), usize::from(is_keyed), "{place}");
        let positions = responses.iter().filter(|(_, response)| {
            response["headers"]["Scanledger-Position"]["$ref"] == "#/components/headers/Scanledger-Position"
        });
        let positions: Vec<&str> = positions.map(|(status, _)| status.as_str()).collect();
        assert_eq!(!positions.is_empty(), is_keyed, "{place}");
        assert!(positions.iter().all(|status| status.starts_with('2')), "{place}");
        assert!(!is_keyed || responses.contains_key("422"), "{place}");
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
