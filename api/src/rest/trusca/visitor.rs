//! Requests of whom nobody knows yet who sends them, and the cookies that such requests get.

use crate::app::App;
use crate::auth::{asked, cookies, same_origin};
use crate::limit::ClientAddress;
use crate::problem::Problem;
use crate::request::Origin;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method};
use scanledger_commands::identity::Asked;
use std::convert::Infallible;
use std::time::Duration;

/// Whoever sent a request for which nobody has to be signed in.
pub struct Visitor {
    origin: Origin,
    method: Method,
    headers: HeaderMap,
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
        let (method, headers) = (parts.method.clone(), parts.headers.clone());
        Ok(Self { origin: Origin::of(parts), method, headers })
    }
}

impl Visitor {
    /// What is asked, before it is known who asks.
    pub fn asked(&self, app: &App) -> Asked {
        asked(app, &self.origin)
    }

    /// Where the request came from.
    pub fn address(&self) -> Option<ClientAddress> {
        self.origin.address.map(ClientAddress)
    }

    /// A cookie.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        cookies(&self.headers).find(|(found, _)| *found == name).map(|(_, value)| value)
    }

    /// A cookie that is all there is to a request which changes something.
    ///
    /// # Errors
    /// 403 if it is there and the request comes from a page of somebody else.
    pub fn own_cookie(&self, name: &str) -> Result<Option<&str>, Problem> {
        let Some(value) = self.cookie(name) else { return Ok(None) };
        same_origin(&self.method, &self.headers)?;
        Ok(Some(value))
    }
}

/// A cookie of this dialect: no script sees it, and no page of somebody else sends it along with what it posts
/// (reference §2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cookie {
    /// Its name.
    pub name: &'static str,
    /// Below which path it is sent.
    pub path: &'static str,
}

impl Cookie {
    /// Sets it; `value` has to be of letters, digits, `-`, `_` and `.`.
    pub fn set(self, app: &App, value: &str, lifetime: Duration) -> HeaderValue {
        self.header(value, lifetime, app.entrance.is_secure())
    }

    /// Takes it away.
    pub fn clear(self, app: &App) -> HeaderValue {
        self.header("", Duration::ZERO, app.entrance.is_secure())
    }

    /// RFC 6265 §4.1.
    fn header(self, value: &str, lifetime: Duration, is_secure: bool) -> HeaderValue {
        let (Self { name, path }, seconds) = (self, lifetime.as_secs());
        let secure = if is_secure { "; Secure" } else { "" };
        let text = format!("{name}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
        HeaderValue::try_from(text).expect("a token has no characters beyond a cookie's")
    }
}

#[cfg(test)]
mod tests {
    use super::Cookie;
    use std::time::Duration;

    const COOKIE: Cookie = Cookie { name: "refresh_token", path: "/auth" };

    #[test]
    fn a_cookie_is_out_of_reach_of_scripts_and_of_other_sites() {
        let week = Duration::from_secs(604_800);
        assert_eq!(
            COOKIE.header("a.b-_", week, true),
            "refresh_token=a.b-_; Path=/auth; Max-Age=604800; HttpOnly; SameSite=Lax; Secure"
        );
        assert_eq!(
            COOKIE.header("", Duration::ZERO, false),
            "refresh_token=; Path=/auth; Max-Age=0; HttpOnly; SameSite=Lax"
        );
    }
}
