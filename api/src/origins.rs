//! Pages of other origins that may ask this server (Fetch standard §3.3, "CORS"; Pepper reference §1). None may unless
//! the operator names their origin.
//!
//! Such a page uses a key or a token, as every client does: it may not send cookies along, because
//! `Access-Control-Allow-Credentials` is never answered. A layer of `tower-http` would answer every `OPTIONS` with 200,
//! also those of origins that may not ask, which are refused here.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::str::FromStr;
use std::sync::Arc;
use thiserror::Error;
use url::Url;

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");
/// What requests have beside what browsers let every page send. Keys of all dialects are in `Authorization`.
const ACCEPTED: HeaderValue = HeaderValue::from_static(
    "Authorization, Content-Type, Idempotency-Key, Scanledger-Min-Position, Scanledger-Organization, X-Request-Id",
);
/// What answers have beside what browsers let every page read.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Content-Disposition, Link, Location, RateLimit, RateLimit-Policy, Retry-After, Scanledger-Position, \
     WWW-Authenticate, X-App-Version, X-Per-Page, X-Request-Id, X-Secrets-Engine-Version",
);
/// For how many seconds a browser need not ask again; none remembers it for longer than two hours.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");
const ORIGIN: HeaderValue = HeaderValue::from_static("Origin");

/// An origin whose pages may ask this server: scheme, host and port, as browsers send them (RFC 6454 §6.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedOrigin(HeaderValue);

/// Why an origin cannot be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidOrigin {
    /// It is more or less than scheme, host and port.
    #[error(
        "expected an origin: http or https, a host and, if need be, a port, such as https://portal.example.org"
    )]
    Malformed,
    /// It is several, or everybody.
    #[error("an origin has no `*`: name each one whose pages may ask")]
    Everybody,
}

impl FromStr for AllowedOrigin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        if text.contains('*') {
            return Err(InvalidOrigin::Everybody);
        }
        let rest = text.split_once("://").map_or("", |(_, rest)| rest);
        if rest.is_empty() || rest.contains(['/', '\\', '?', '#', '@']) || text.contains(char::is_whitespace)
        {
            return Err(InvalidOrigin::Malformed);
        }
        let url = Url::parse(text).map_err(|_| InvalidOrigin::Malformed)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(InvalidOrigin::Malformed);
        }
        let origin = HeaderValue::try_from(url.origin().ascii_serialization());
        origin.map(Self).map_err(|_| InvalidOrigin::Malformed)
    }
}

/// The origins whose pages may ask this server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedOrigins(Vec<AllowedOrigin>);

impl FromIterator<AllowedOrigin> for AllowedOrigins {
    fn from_iter<I: IntoIterator<Item = AllowedOrigin>>(origins: I) -> Self {
        Self(origins.into_iter().collect())
    }
}

impl AllowedOrigins {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The origin of a request, if its pages may ask.
    fn of(&self, headers: &HeaderMap) -> Option<AllowedOrigin> {
        let sent = AllowedOrigin(headers.get(header::ORIGIN)?.clone());
        self.0.contains(&sent).then_some(sent)
    }
}

/// Answers what a browser asks before it sends a request of an allowed page, and lets that page read answers. Everybody
/// else is answered as if no origin were allowed.
pub(crate) async fn share(
    State(origins): State<Arc<AllowedOrigins>>,
    request: Request,
    next: Next,
) -> Response {
    let origin = origins.of(request.headers());
    let mut response = match &origin {
        Some(_) if is_preflight(request.method(), request.headers()) => preflight(),
        Some(_) | None => {
            let mut response = next.run(request).await;
            if origin.is_some() {
                response.headers_mut().insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
            }
            response
        }
    };
    let headers = response.headers_mut();
    headers.append(header::VARY, ORIGIN);
    if let Some(AllowedOrigin(origin)) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    response
}

/// Whether a browser asks before it sends a request (Fetch standard §3.3.2).
pub(crate) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    *method == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn preflight() -> Response {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, ACCEPTED),
        (header::ACCESS_CONTROL_MAX_AGE, MAX_AGE),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

#[cfg(test)]
mod tests {
    use super::{AllowedOrigin, AllowedOrigins, InvalidOrigin};
    use axum::http::{HeaderMap, HeaderValue, header};

    #[test]
    fn an_origin_is_kept_as_browsers_send_it() {
        for (text, sent) in [
            ("https://portal.example.org", "https://portal.example.org"),
            ("HTTPS://Portal.example.org:443", "https://portal.example.org"),
            ("http://localhost:5173", "http://localhost:5173"),
            ("http://[::1]:80", "http://[::1]"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
        ] {
            let origin: AllowedOrigin = text.parse().unwrap();
            assert_eq!(origin.0, sent, "{text}");
        }
    }

    #[test]
    fn what_is_more_or_less_than_an_origin_is_refused() {
        for bad in [
            "",
            "null",
            "portal.example.org",
            "https://",
            "https://portal.example.org/",
            "https://portal.example.org/app",
            "https://portal.example.org?x",
            "https://ana@portal.example.org",
            "https://portal.example.org:99999",
            "https:// portal.example.org",
            "ftp://portal.example.org",
            "file:///etc",
        ] {
            assert_eq!(bad.parse::<AllowedOrigin>(), Err(InvalidOrigin::Malformed), "{bad}");
        }
        for everybody in ["*", "https://*", "https://*.example.org", "http://localhost:*"] {
            assert_eq!(everybody.parse::<AllowedOrigin>(), Err(InvalidOrigin::Everybody), "{everybody}");
        }
    }

    #[test]
    fn only_the_same_scheme_host_and_port_may_ask() {
        let origins: AllowedOrigins = ["https://portal.example.org".parse().unwrap()].into_iter().collect();
        let may = |origin: &'static str| {
            let headers = HeaderMap::from_iter([(header::ORIGIN, HeaderValue::from_static(origin))]);
            origins.of(&headers).is_some()
        };
        assert!(may("https://portal.example.org"));
        for other in [
            "http://portal.example.org",
            "https://portal.example.org:8443",
            "https://portal.example.org.evil.example",
            "https://evil.example/https://portal.example.org",
            "https://portal.example.or",
            "null",
            "",
        ] {
            assert!(!may(other), "{other}");
        }
        assert!(origins.of(&HeaderMap::new()).is_none());
    }
}
