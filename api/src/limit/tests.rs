//! The guard in front of a router whose routes have the names of real ones.

use super::ticks::Standing;
use super::{Guard, Limits, Settings, guard};
use crate::routes::{Access, Rule};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use scanledger_domain::identity::Action;
use serde_json::{Value, json};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tower::ServiceExt as _;

const ANA: &str = "203.0.113.9";
const BEN: &str = "198.51.100.1";

struct World {
    router: Router,
    clock: Standing,
    runs: Arc<AtomicU32>,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// Keys that begin with `good` are valid.
async fn guarded(headers: HeaderMap) -> StatusCode {
    match headers.get("authorization").and_then(|value| value.to_str().ok()) {
        Some(value) if value.contains(" good") => StatusCode::OK,
        _ => StatusCode::UNAUTHORIZED,
    }
}

fn world(quotas: &[&str], proxies: &[&str]) -> World {
    let settings = Settings {
        proxies: proxies.iter().map(|proxy| proxy.parse::<super::TrustedProxy>().unwrap()).collect(),
        quotas: quotas.iter().map(|quota| quota.parse::<super::QuotaChange>().unwrap()).collect(),
        ..Settings::default()
    };
    let clock = Standing::default();
    let limits = Arc::new(Limits::with_clock(&settings, &clock.ticks()));
    let rule = |method, path: &str, access| Rule { method, path: path.to_owned(), access };
    let rules = [rule("GET", "/api/scans", Access::Needs(Action::Read)), rule("GET", "/open", Access::Open)];
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let login = post(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        async { StatusCode::OK }
    });
    let router = Router::new()
        .route("/auth/login", login)
        .route("/api/auth/callback/credentials", post(async || StatusCode::OK))
        .route("/api/scans", get(guarded))
        .route("/v1/scan", get(guarded))
        .route("/exposed/v1/scan", get(guarded))
        .route("/open", get(async || StatusCode::OK))
        .route("/health", get(async || StatusCode::OK))
        .layer(from_fn_with_state(Guard::new(limits, &rules), guard))
        .layer(axum::middleware::from_fn(crate::dialect::shape));
    World { router, clock, runs }
}

impl World {
    async fn send(&self, method: &str, path: &str, from: &str, headers: &[(&str, &str)]) -> Answer {
        let peer = SocketAddr::new(from.parse::<IpAddr>().unwrap(), 4711);
        let request = Request::builder().method(method).uri(path).extension(ConnectInfo(peer));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = to_bytes(response.into_body(), 10_000).await.unwrap();
        Answer { status, headers, body: serde_json::from_slice(&body).unwrap_or_default() }
    }

    async fn login(&self, from: &str) -> Answer {
        self.send("POST", "/auth/login", from, &[]).await
    }

    async fn scans(&self, from: &str, key: &str) -> u16 {
        let value = format!("Bearer {key}");
        self.send("GET", "/api/scans", from, &[("authorization", &value)]).await.status
    }
}

#[tokio::test]
async fn the_sixth_sign_in_of_a_minute_is_one_too_many() {
    let world = world(&[], &[]);
    for left in (0..5).rev() {
        let answer = world.login(ANA).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("ratelimit-policy"), "\"login\";q=5;w=60");
        assert_eq!(answer.header("ratelimit"), format!("\"login\";r={left};t=12"));
        assert_eq!(answer.header("retry-after"), "");
    }
    let refused = world.login(ANA).await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.header("retry-after"), "12");
    assert_eq!(refused.header("ratelimit-policy"), "\"login\";q=5;w=60");
    assert_eq!(refused.header("ratelimit"), "\"login\";r=0;t=12");
    assert_eq!(world.runs.load(Ordering::Relaxed), 5, "no handler runs for what is refused");
    assert_eq!(world.login(BEN).await.status, 200);
    world.clock.advance(12.0);
    assert_eq!(world.login(ANA).await.status, 200);
    assert_eq!(world.login(ANA).await.status, 429);
}

#[tokio::test]
async fn both_ways_to_sign_in_are_counted_together() {
    let world = world(&["login=1/60s"], &[]);
    assert_eq!(world.send("POST", "/api/auth/callback/credentials", ANA, &[]).await.status, 200);
    assert_eq!(world.login(ANA).await.status, 429);
}

#[tokio::test]
async fn a_refusal_has_the_shape_of_its_dialect() {
    let world = world(&["login=1/60s", "general=1/60s"], &[]);
    world.login(ANA).await;
    let trusca = world.login(ANA).await;
    assert_eq!(trusca.header("content-type"), "application/problem+json");
    assert_eq!(
        trusca.body,
        json!({
            "type": "about:blank",
            "title": "Too Many Requests",
            "status": 429,
            "detail": "too many requests; try again in 60 s",
            "instance": "/auth/login",
        })
    );
    world.send("GET", "/open", ANA, &[]).await;
    for (path, headers) in [("/exposed/v1/scan", &[][..]), ("/v1/scan", &[("authorization", "Token x")])] {
        let answer = world.send("GET", path, ANA, headers).await;
        assert_eq!((answer.status, answer.header("content-type")), (429, "application/json"));
        assert_eq!(answer.body, json!({ "detail": "too many requests; try again in 60 s" }));
    }
    let plain = world.send("GET", "/api/scans", ANA, &[]).await;
    assert_eq!(
        plain.body,
        json!({ "error": "too many requests; try again in 60 s", "code": "RATE_LIMITED" })
    );
}

#[tokio::test]
async fn an_accepted_credential_is_counted_by_itself_wherever_it_comes_from() {
    let world = world(&["general=2/60s"], &[]);
    // The first one is counted with its address, because nobody knows yet whether the key is valid.
    assert_eq!(world.scans(ANA, "good-1").await, 200);
    assert_eq!(world.scans(ANA, "good-1").await, 200);
    assert_eq!(world.scans(BEN, "good-1").await, 200);
    assert_eq!(world.scans(BEN, "good-1").await, 429);
    assert_eq!(world.scans(ANA, "good-2").await, 200);
    assert_eq!(world.scans(ANA, "good-2").await, 200);
}

#[tokio::test]
async fn inventing_credentials_does_not_help() {
    let world = world(&["general=3/60s"], &[]);
    for n in 0..3 {
        let value = format!("Bearer invented-{n}");
        assert_eq!(world.send("GET", "/open", ANA, &[("authorization", &value)]).await.status, 200);
    }
    assert_eq!(world.send("GET", "/open", ANA, &[("authorization", "Bearer invented-0")]).await.status, 429);
    assert_eq!(world.send("GET", "/open", ANA, &[("authorization", "Bearer other")]).await.status, 429);
}

#[tokio::test]
async fn whoever_guesses_credentials_is_stopped_and_valid_ones_beside_them_are_not() {
    let world = world(&["failure=3/60s"], &[]);
    assert_eq!(world.scans(ANA, "good").await, 200);
    for n in 0..3 {
        assert_eq!(world.scans(ANA, &format!("guess-{n}")).await, 401);
    }
    let refused = world.send("GET", "/api/scans", ANA, &[("authorization", "Bearer guess-3")]).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "20"));
    assert_eq!(refused.header("ratelimit-policy"), "\"failure\";q=3;w=60");
    assert_eq!(world.scans(ANA, "good").await, 200);
    assert_eq!(world.scans(BEN, "good-of-ben").await, 200);
    assert_eq!(world.send("GET", "/open", ANA, &[]).await.status, 200);
    world.clock.advance(20.0);
    assert_eq!(world.scans(ANA, "guess-4").await, 401);
    assert_eq!(world.scans(ANA, "guess-5").await, 429);
}

#[tokio::test]
async fn requests_without_a_credential_are_no_guesses() {
    let world = world(&["failure=1/60s"], &[]);
    for _ in 0..5 {
        assert_eq!(world.send("GET", "/api/scans", ANA, &[]).await.status, 401);
    }
    assert_eq!(world.scans(ANA, "good").await, 200);
}

#[tokio::test]
async fn probes_are_always_answered() {
    let world = world(&["general=1/60s"], &[]);
    for _ in 0..10 {
        let answer = world.send("GET", "/health", ANA, &[]).await;
        assert_eq!((answer.status, answer.header("ratelimit")), (200, ""));
    }
}

#[tokio::test]
async fn an_ipv6_network_is_one_client() {
    let world = world(&["login=1/60s"], &[]);
    assert_eq!(world.login("2001:db8:0:1::1").await.status, 200);
    assert_eq!(world.login("2001:db8:0:1:dead::beef").await.status, 429);
    assert_eq!(world.login("2001:db8:0:2::1").await.status, 200);
}

#[tokio::test]
async fn clients_behind_a_proxy_are_told_apart_if_it_is_trusted() {
    let via = |world: World| async move {
        let mut statuses = Vec::new();
        for client in [ANA, BEN] {
            let headers = [("x-forwarded-for", client)];
            statuses.push(world.send("POST", "/auth/login", "10.0.0.1", &headers).await.status);
        }
        statuses
    };
    assert_eq!(via(world(&["login=1/60s"], &["10.0.0.0/8"])).await, [200, 200]);
    assert_eq!(via(world(&["login=1/60s"], &[])).await, [200, 429]);
}

#[tokio::test]
async fn limits_can_be_switched_off() {
    let world = world(&["off"], &[]);
    for _ in 0..20 {
        let answer = world.login(ANA).await;
        assert_eq!((answer.status, answer.header("ratelimit-policy")), (200, ""));
    }
}

#[tokio::test]
async fn what_belongs_to_no_route_counts_too() {
    let world = world(&["general=1/60s"], &[]);
    assert_eq!(world.send("GET", "/nothing", ANA, &[]).await.status, 404);
    assert_eq!(world.send("GET", "/nothing", ANA, &[]).await.status, 429);
}
