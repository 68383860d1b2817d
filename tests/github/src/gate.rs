//! What every request goes through: it is checked, remembered, and maybe answered as a test wants it.

use crate::Stub;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE, DATE, USER_AGENT};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use chrono::DateTime;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// Bytes of a request.
const MAX_BODY_BYTES: usize = 32 << 20;

/// A request that came. It has no credentials.
#[derive(Debug, Clone)]
pub struct Seen {
    /// `GET`, `POST`, …
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The body, or null.
    pub body: Value,
}

impl Seen {
    /// `METHOD /path?query`.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// An answer that a test made up.
#[derive(Debug, Clone)]
pub struct Canned {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
    delay: Duration,
}

impl Canned {
    /// An answer of this status with `message` in GitHub's shape.
    pub fn refusal(status: u16, message: &str) -> Self {
        let body = serde_json::json!({ "message": message }).to_string();
        Self { status, headers: Vec::new(), body, delay: Duration::ZERO }
    }

    /// With a header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    /// With this body instead, whatever it is.
    #[must_use]
    pub fn with_body(self, body: &str) -> Self {
        Self { body: body.to_owned(), ..self }
    }

    /// After a while.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    fn response(&self) -> Response {
        let mut response = Response::new(Body::from(self.body.clone()));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap();
        for (name, value) in &self.headers {
            let value = HeaderValue::from_str(value).unwrap();
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
        response
    }
}

/// An answer that waits for its request.
pub(crate) struct Wait {
    /// What the request has in `METHOD /path?query`.
    pub(crate) part: String,
    /// How many such requests pass before it.
    pub(crate) passing: usize,
    pub(crate) answer: Canned,
}

/// The answer that a test made up for a request.
fn take_canned(waiting: &mut Vec<Wait>, line: &str) -> Option<Canned> {
    let found = waiting.iter().position(|wait| line.contains(&wait.part))?;
    match waiting[found].passing.checked_sub(1) {
        Some(left) => {
            waiting[found].passing = left;
            None
        }
        None => Some(waiting.remove(found).answer),
    }
}

pub(crate) async fn gate(State(stub): State<Arc<Stub>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, MAX_BODY_BYTES).await.unwrap();
    let line = format!("{} {}", parts.method, parts.uri);
    for violation in violations(&parts.headers, !bytes.is_empty()) {
        stub.violations.lock().unwrap().push(format!("{line}: {violation}"));
    }
    stub.seen.lock().unwrap().push(Seen {
        method: parts.method.to_string(),
        path: parts.uri.to_string(),
        body: serde_json::from_slice(&bytes).unwrap_or_default(),
    });
    let canned = take_canned(&mut stub.canned.lock().unwrap(), &line);
    let mut response = match canned {
        Some(canned) => {
            tokio::time::sleep(canned.delay).await;
            canned.response()
        }
        None => next.run(Request::from_parts(parts, Body::from(bytes))).await,
    };
    let now = DateTime::from_timestamp(stub.now(), 0).unwrap();
    let date = now.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    response.headers_mut().insert(DATE, HeaderValue::from_str(&date).unwrap());
    response
}

/// <https://docs.github.com/en/rest/using-the-rest-api/getting-started-with-the-rest-api>
fn violations(headers: &HeaderMap, has_body: bool) -> Vec<&'static str> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut violations = Vec::new();
    if text(USER_AGENT).is_empty() {
        violations.push("no User-Agent");
    }
    if text(HeaderName::from_static("x-github-api-version")) != "2022-11-28" {
        violations.push("no X-GitHub-Api-Version");
    }
    if !text(ACCEPT).starts_with("application/vnd.github") && text(ACCEPT) != "*/*" {
        violations.push("no Accept");
    }
    if has_body && text(CONTENT_TYPE) != "application/json" {
        violations.push("a body that is not JSON");
    }
    violations
}
