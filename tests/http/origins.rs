//! Pages of other origins that ask with a browser.

use crate::harness::{Answer, Api, Client};
use reqwest::Method;
use scanledger_api::limit::Settings;

const PORTAL: &str = "https://portal.example.org";
const OTHERS: [&str; 5] = [
    "http://portal.example.org",
    "https://portal.example.org:8443",
    "https://portal.example.org.evil.example",
    "https://evil.example",
    "null",
];
const NOTHING: &str = "";

async fn server() -> Api {
    let origins = [PORTAL.parse().unwrap(), "http://localhost:5173".parse().unwrap()].into_iter().collect();
    Api::with_limits(Settings { origins, ..Settings::default() }).await
}

async fn from(client: &Client, origin: &str, path: &str) -> Answer {
    client.send(client.request(Method::GET, path).header("origin", origin)).await
}

async fn preflight(client: &Client, origin: &str, path: &str) -> Answer {
    let request = client.request(Method::OPTIONS, path).header("origin", origin);
    let request = request.header("access-control-request-method", "PATCH");
    client.send(request.header("access-control-request-headers", "authorization, content-type")).await
}

/// Whether answers differ by origin, as caches have to know.
fn varies(answer: &Answer) -> bool {
    let fields = answer.headers.get_all("vary").iter().flat_map(|value| value.to_str().unwrap().split(','));
    fields.map(str::trim).any(|field| field.eq_ignore_ascii_case("origin"))
}

#[tokio::test]
async fn a_page_of_an_allowed_origin_may_ask_in_every_dialect() {
    let api = server().await;
    let nobody = api.with_key(None);
    for path in ["/api/projects", "/v1/teams", "/v1/admin/users", "/auth/me", "/graphql", "/api/agent/scans"]
    {
        let may = preflight(&nobody, PORTAL, path).await;
        assert_eq!((may.status, may.bytes.len()), (204, 0), "{path}");
        assert_eq!(may.header("access-control-allow-origin"), PORTAL, "{path}");
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] {
            assert!(may.header("access-control-allow-methods").contains(method), "{path} {method}");
        }
        for header in ["Authorization", "Content-Type", "Idempotency-Key", "Scanledger-Min-Position"] {
            assert!(may.header("access-control-allow-headers").contains(header), "{path} {header}");
        }
        assert_eq!(may.header("access-control-max-age"), "7200", "{path}");
        assert!(varies(&may), "{path}");
        let refused = from(&nobody, PORTAL, path).await;
        assert_eq!(refused.header("access-control-allow-origin"), PORTAL, "errors can be read: {path}");
        for answer in [may, refused] {
            assert_eq!(answer.header("access-control-allow-credentials"), NOTHING, "{path}");
        }
    }
    for (path, vary) in [("/api/projects", None), ("/v1/teams", Some("Cookie"))] {
        let answer = from(&api, PORTAL, path).await;
        answer.expect(200);
        assert_eq!(answer.header("access-control-allow-origin"), PORTAL);
        let exposed: Vec<_> = answer.headers.get_all("access-control-expose-headers").iter().collect();
        assert_eq!(exposed.len(), 1, "{path}");
        for header in ["Scanledger-Position", "Location", "Retry-After", "Link", "X-App-Version"] {
            assert!(exposed[0].to_str().unwrap().contains(header), "{path} {header}");
        }
        assert!(varies(&answer), "{path}");
        let others = answer.headers.get_all("vary").iter().map(|value| value.to_str().unwrap());
        assert!(vary.is_none_or(|wanted| others.into_iter().any(|field| field == wanted)), "{path}");
    }
}

#[tokio::test]
async fn pages_of_other_origins_learn_nothing() {
    let api = server().await;
    for origin in OTHERS {
        let may = preflight(&api, origin, "/api/projects").await;
        may.refused(403);
        let answer = from(&api, origin, "/api/projects").await;
        answer.expect(200);
        for answer in [may, answer] {
            for header in ["origin", "methods", "headers", "credentials"] {
                assert_eq!(answer.header(&format!("access-control-allow-{header}")), NOTHING, "{origin}");
            }
            assert!(varies(&answer), "{origin}");
        }
    }
    let without = api.get("/api/projects").await;
    without.expect(200);
    assert_eq!(without.header("access-control-allow-origin"), NOTHING);
    assert!(varies(&without));
    let options = api.send(api.request(Method::OPTIONS, "/api/projects").header("origin", PORTAL)).await;
    assert_eq!((options.status, options.header("access-control-allow-methods")), (204, NOTHING));
}

#[tokio::test]
async fn without_a_list_no_page_of_another_origin_may_ask() {
    let api = Api::without_workers().await;
    preflight(&api, PORTAL, "/api/projects").await.refused(403);
    let answer = from(&api, PORTAL, "/api/projects").await;
    answer.expect(200);
    assert_eq!(answer.header("access-control-allow-origin"), NOTHING);
    assert!(!varies(&answer));
}
