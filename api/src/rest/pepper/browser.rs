//! What browsers bring and get: cookies, and where they are sent (reference §1).

use crate::app::App;
use crate::auth::{Bearer, SECURE_PREFIX, SESSION_COOKIE, TokenKind};
use crate::limit::ClientAddress;
use crate::problem::Problem;
use axum::http::HeaderValue;
use axum::http::request::Parts;
use scanledger_domain::limits::URL_CHARS;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// The name of the session's cookie.
pub fn cookie_name(app: &App) -> String {
    if app.entrance.is_secure() {
        format!("{SECURE_PREFIX}{SESSION_COOKIE}")
    } else {
        SESSION_COOKIE.to_owned()
    }
}

/// The cookie of a session, good for `lifetime`.
///
/// # Errors
/// When signing fails, which is a defect.
pub fn session_cookie(app: &App, bearer: Bearer, lifetime: Duration) -> Result<HeaderValue, Problem> {
    let (kind, now) = (TokenKind::Session, app.clock.now());
    let token = app.tokens.sign(kind, bearer, app.ids.fresh(), now, lifetime);
    let token = token.map_err(|error| Problem::fault(&error))?;
    cookie(app, &cookie_name(app), &token, Some(lifetime))
}

/// A cookie that scripts do not see and that requests from elsewhere do not carry.
///
/// # Errors
/// When name and value are not ASCII, which is a defect.
pub fn cookie(
    app: &App,
    name: &str,
    value: &str,
    lifetime: Option<Duration>,
) -> Result<HeaderValue, Problem> {
    let age = lifetime.map(|lifetime| format!("; Max-Age={}", lifetime.as_secs())).unwrap_or_default();
    let secure = if app.entrance.is_secure() { "; Secure" } else { "" };
    let line = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}");
    HeaderValue::try_from(line).map_err(|error| Problem::fault(&error))
}

/// Where somebody signs in from; all who come without a connection count as one.
pub fn address_of(parts: &Parts) -> ClientAddress {
    ClientAddress::of(&parts.extensions).unwrap_or(ClientAddress(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))
}

/// Where the browser goes: what was asked for if it is on this server.
pub fn destination(app: &App, wanted: Option<&str>) -> String {
    let base = &app.entrance.public_url;
    wanted.and_then(|wanted| local(base, wanted)).unwrap_or_else(|| app.entrance.landing_url.clone())
}

/// An address on this server: a path, or one that begins with where it is reached.
fn local(base: &str, wanted: &str) -> Option<String> {
    if wanted.len() > URL_CHARS || !wanted.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
        return None;
    }
    if wanted.starts_with('/') && !wanted.starts_with("//") {
        return Some(format!("{base}{wanted}"));
    }
    let rest = wanted.strip_prefix(base)?;
    (rest.is_empty() || rest.starts_with(['/', '?', '#'])).then(|| wanted.to_owned())
}

/// Where the browser goes if it is not signed in.
pub fn failure(app: &App, error: &str) -> String {
    let url = &app.entrance.failure_url;
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}error={error}&provider=credentials")
}

#[cfg(test)]
mod tests {
    use super::local;
    use proptest::prelude::{prop_assert, proptest};

    const BASE: &str = "https://scan.example.org";

    #[test]
    fn a_browser_is_sent_to_this_server_only() {
        for (wanted, url) in [
            ("/projects?x=1", Some("https://scan.example.org/projects?x=1")),
            ("https://scan.example.org", Some("https://scan.example.org")),
            ("https://scan.example.org/a#b", Some("https://scan.example.org/a#b")),
            ("https://scan.example.org.evil.example/", None),
            ("https://scan.example.org@evil.example/", None),
            ("https://scan.example.org:8443/", None),
            ("http://scan.example.org/", None),
            ("//evil.example/", None),
            ("/\\evil.example/", None),
            ("/a\nSet-Cookie: x", None),
            ("javascript:alert(1)", None),
            ("", None),
        ] {
            assert_eq!(local(BASE, wanted).as_deref(), url, "{wanted}");
        }
    }

    proptest! {
        #[test]
        fn wherever_somebody_wants_to_go_the_host_is_ours(wanted in ".{0,80}") {
            if let Some(url) = local(BASE, &wanted) {
                let rest = url.strip_prefix(BASE).unwrap();
                prop_assert!(rest.is_empty() || rest.starts_with(['/', '?', '#']), "{url}");
            }
        }
    }
}
