//! Around every request: its id, log line, metrics, protective headers, and a last resort when a handler panics.

use crate::origins::is_preflight;
use crate::problem::Problem;
use crate::request::{Ids, REQUEST_ID, RequestId};
use axum::Extension;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use std::panic::AssertUnwindSafe;
use std::time::Instant;
use tracing::Instrument;

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store, private");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");
const DENY: HeaderValue = HeaderValue::from_static("DENY");

/// Runs a request under its id and reports how it went, without query, tokens or bodies.
pub async fn observe(Extension(ids): Extension<Ids>, request: Request, next: Next) -> Response {
    let id = RequestId::of(request.headers(), &ids);
    let method = metric_method(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("unmatched", |path| path.as_str());
    let is_api = is_api(request.uri().path());
    let span =
        tracing::info_span!("request", request.id = id.as_str(), http.method = method, http.route = route);
    let start = Instant::now();
    let work = AssertUnwindSafe(next.run(request)).catch_unwind();
    let work = async {
        let mut response = work.await.unwrap_or_else(|panic| panicked(&*panic));
        report(method, route, response.status(), start);
        if is_api {
            protect(response.headers_mut());
        }
        response
    };
    let mut response = id.clone().scope(work.instrument(span)).await;
    response.headers_mut().insert(REQUEST_ID, id.header());
    response
}

/// What belongs to no route.
pub async fn not_found() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "there is nothing at this address")
}

/// A path that exists, but not with this method. `Allow` is added by the router.
///
/// Preflights that come here are refused: those of allowed origins are answered before ([`crate::origins`]). Plain
/// `OPTIONS` is answered.
pub async fn method_not_allowed(method: Method, headers: HeaderMap) -> Response {
    if is_preflight(&method, &headers) {
        return Problem::new(StatusCode::FORBIDDEN, "this origin is not allowed").into_response();
    }
    if method != Method::OPTIONS {
        let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this address does not know the method");
        return problem.into_response();
    }
    StatusCode::NO_CONTENT.into_response()
}

fn is_api(path: &str) -> bool {
    ["/api", "/graphql", "/v1", "/auth", "/exposed"]
        .iter()
        .any(|root| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// A method as a label: clients may invent any number of others.
fn metric_method(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        _ => "OTHER",
    }
}

fn report(method: &'static str, route: &str, status: StatusCode, start: Instant) {
    let elapsed = start.elapsed();
    let labels = || {
        [
            metrics::Label::from_static_parts("method", method),
            metrics::Label::new("route", route.to_owned()),
            metrics::Label::new("status", status.as_str().to_owned()),
        ]
        .to_vec()
    };
    metrics::counter!("scanledger_http_requests_total", labels()).increment(1);
    metrics::histogram!("scanledger_http_request_seconds", labels()).record(elapsed.as_secs_f64());
    let duration_ms = elapsed.as_secs_f64() * 1_000.0;
    tracing::info!(http.status = status.as_u16(), duration_ms, "{method} {route} {}", status.as_u16());
}

fn protect(headers: &mut HeaderMap) {
    headers.entry(header::CACHE_CONTROL).or_insert(NO_STORE);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    headers.entry(header::REFERRER_POLICY).or_insert(NO_REFERRER);
    headers.entry(header::X_FRAME_OPTIONS).or_insert(DENY);
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Response {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    tracing::error!("a handler panicked: {text}");
    Problem::internal().into_response()
}

#[cfg(test)]
mod tests {
    use super::is_api;

    #[test]
    fn what_apis_answer_is_never_cached() {
        for path in
            ["/api", "/api/", "/api/scans", "/graphql", "/v1/api-keys", "/auth/me", "/exposed/v1/health"]
        {
            assert!(is_api(path), "{path}");
        }
        for path in ["/", "/apis", "/docs", "/health", "/graphqlx"] {
            assert!(!is_api(path), "{path}");
        }
    }
}
