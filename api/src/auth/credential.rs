//! What a request shows of who sent it.

use crate::problem::Problem;
use axum::http::{HeaderMap, Method, header};
use scanledger_domain::identity::KeyForm;

/// How the name of a session's cookie ends (Pepper reference §1).
pub const SESSION_COOKIE: &str = "next-auth.session-token";
/// What it begins with where it is sent over HTTPS only.
pub const SECURE_PREFIX: &str = "__Secure-";

/// How browsers reach this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Over HTTPS.
    Secure,
    /// In clear, on a laptop.
    Plain,
}

/// What a request shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presented<'a> {
    /// An API key of this form.
    Key(&'a str, KeyForm),
    /// A signed token in the header.
    AccessToken(&'a str),
    /// A signed token in a cookie.
    Cookie(&'a str),
}

impl<'a> Presented<'a> {
    /// What a request's headers show; `Authorization` counts before a cookie. Where cookies are sent over HTTPS only,
    /// one that could have come in clear, or from a sibling domain, is none.
    ///
    /// # Errors
    /// 401 if they show nothing, or nothing that could be good.
    pub fn of(headers: &'a HeaderMap, transport: Transport) -> Result<Self, Problem> {
        let Some(value) = headers.get(header::AUTHORIZATION) else {
            let missing = "this needs a signed-in session or an API key: Authorization: Bearer …";
            return session_token(headers, transport)
                .map(Presented::Cookie)
                .ok_or_else(|| Problem::unauthenticated(missing));
        };
        let (scheme, token) = value.to_str().ok().and_then(|value| value.split_once(' ')).unwrap_or_default();
        if !["bearer", "token"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
            return Err(Problem::unauthenticated("the header Authorization must be: Bearer …"));
        }
        let token = token.trim();
        if let Some(form) = KeyForm::of(token) {
            return Ok(Presented::Key(token, form));
        }
        // RFC 7519 §3: three parts, the first of which is a JSON object in base64url.
        if token.starts_with("ey") && token.bytes().filter(|b| *b == b'.').count() == 2 {
            return Ok(Presented::AccessToken(token));
        }
        Err(Problem::unauthenticated("the API key is not valid"))
    }
}

/// The session's cookie of a request: over HTTPS only the one that cannot have come in clear.
pub fn session_token(headers: &HeaderMap, transport: Transport) -> Option<&str> {
    let is_session = |name: &str| match transport {
        Transport::Secure => name.strip_prefix(SECURE_PREFIX) == Some(SESSION_COOKIE),
        Transport::Plain => name == SESSION_COOKIE,
    };
    cookies(headers).find(|(name, _)| is_session(name)).map(|(_, value)| value)
}

/// The cookies of a request (RFC 6265 §5.4).
pub fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='))
}

/// Checks that a request which a browser signs by itself, with its cookies, comes from a page of this server
/// (OWASP: verifying origin with standard headers).
///
/// # Errors
/// 403 for a request that changes something and comes from elsewhere.
pub fn same_origin(method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    // A socket is opened with GET, from any page, and then used for anything.
    if method.is_safe() && !headers.contains_key(header::UPGRADE) {
        return Ok(());
    }
    let foreign = || {
        let error = "a request with a session's cookie must come from a page of this server";
        Problem::new(axum::http::StatusCode::FORBIDDEN, error).with_code("FOREIGN_ORIGIN")
    };
    let text = |name| headers.get(name).map(|value: &axum::http::HeaderValue| value.to_str().unwrap_or(""));
    if let Some(site) = text(header::HeaderName::from_static("sec-fetch-site")) {
        return if matches!(site, "same-origin" | "none") { Ok(()) } else { Err(foreign()) };
    }
    let host = text(header::HOST).unwrap_or_default();
    let sent = text(header::ORIGIN).or_else(|| text(header::REFERER));
    match sent {
        // Browsers that send neither are too old to be signed in here; programs have no cookies of somebody else.
        None => Ok(()),
        Some(origin) => {
            let authority = origin.split_once("://").map_or("", |(_, rest)| rest);
            let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
            if !host.is_empty() && authority.eq_ignore_ascii_case(host) { Ok(()) } else { Err(foreign()) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Presented, Transport, same_origin};
    use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
    use scanledger_domain::identity::KeyForm;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    fn of(headers: &HeaderMap) -> Result<Presented<'_>, crate::problem::Problem> {
        Presented::of(headers, Transport::Plain)
    }

    #[test]
    fn the_scheme_is_bearer_or_token_whatever_the_case() {
        let key = "ppr_AbCdEfGhIjKlMnOpQrStUvWxYz01-_89";
        for scheme in ["Bearer", "bearer", "Token", "TOKEN "] {
            let headers = headers(&[("authorization", &format!("{scheme} {key}"))]);
            assert_eq!(of(&headers).unwrap(), Presented::Key(key, KeyForm::Pepper));
        }
        for bad in [&format!("Basic {key}"), "Bearer", "", "Bearer ppr_short", "Bearer eyJ.x", "Bearer x.y.z"]
        {
            let refused = of(&headers(&[("authorization", bad)])).unwrap_err();
            assert_eq!(refused.status().as_u16(), 401, "{bad}");
        }
        let nothing = HeaderMap::new();
        assert_eq!(of(&nothing).unwrap_err().status().as_u16(), 401);
    }

    #[test]
    fn a_signed_token_is_told_by_its_parts() {
        let signed = headers(&[("authorization", "Bearer eyJh.eyJz.c2ln")]);
        assert_eq!(of(&signed).unwrap(), Presented::AccessToken("eyJh.eyJz.c2ln"));
    }

    #[test]
    fn a_cookie_counts_without_a_header() {
        for (name, transport, other) in [
            ("next-auth.session-token", Transport::Plain, Transport::Secure),
            ("__Secure-next-auth.session-token", Transport::Secure, Transport::Plain),
        ] {
            let only = headers(&[("cookie", &format!("a=b; {name}=eyJ.x.y; c=d"))]);
            assert_eq!(Presented::of(&only, transport).unwrap(), Presented::Cookie("eyJ.x.y"));
            assert!(Presented::of(&only, other).is_err());
        }
        let other = headers(&[("cookie", "xnext-auth.session-token=eyJ.x.y")]);
        assert!(of(&other).is_err());
        let both = headers(&[("cookie", "next-auth.session-token=eyJ.x.y"), ("authorization", "Bearer bad")]);
        assert!(of(&both).is_err());
    }

    #[test]
    fn what_changes_something_comes_from_here() {
        let may = |method: &Method, pairs: &[(&'static str, &str)]| {
            let host = [("host", "scan.example:8080")];
            same_origin(method, &headers(&[&host, pairs].concat())).is_ok()
        };
        assert!(may(&Method::GET, &[("origin", "https://evil.example")]));
        assert!(!may(&Method::GET, &[("origin", "https://evil.example"), ("upgrade", "websocket")]));
        for (pairs, allowed) in [
            (vec![("origin", "https://scan.example:8080")], true),
            (vec![("origin", "https://SCAN.example:8080")], true),
            (vec![("referer", "https://scan.example:8080/page?x=1")], true),
            (vec![], true),
            (vec![("sec-fetch-site", "same-origin"), ("origin", "https://scan.example:8080")], true),
            (vec![("origin", "https://evil.example")], false),
            (vec![("origin", "https://scan.example")], false),
            (vec![("origin", "https://scan.example:8080.evil.example")], false),
            (vec![("origin", "https://evil.example/scan.example:8080")], false),
            (vec![("origin", "null")], false),
            (vec![("referer", "https://evil.example/")], false),
            (vec![("sec-fetch-site", "cross-site")], false),
            (vec![("sec-fetch-site", "same-site"), ("origin", "https://scan.example:8080")], false),
        ] {
            assert_eq!(may(&Method::POST, &pairs), allowed, "{pairs:?}");
        }
    }
}
