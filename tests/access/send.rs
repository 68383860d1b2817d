//! Requests as clients send them.

use crate::callers::Caller;
use crate::world::{PASSWORD, World};
use reqwest::header::{HeaderMap, SET_COOKIE};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

/// What came back.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: String,
}

impl Reply {
    /// The body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// A request of somebody that is still to be sent.
pub fn request(world: &World, caller: &Caller, method: &str, path: &str) -> RequestBuilder {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let request = world.http.request(method, format!("{}{path}", world.server.url()));
    caller.headers.iter().fold(request, |request, (name, value)| request.header(*name, value))
}

/// Sends it.
pub async fn send(request: RequestBuilder) -> Reply {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    Reply { status, body: response.text().await.unwrap() }
}

/// A session with a token in a header.
pub struct SignedIn {
    /// The token.
    pub access: String,
    refresh: String,
}

/// Signs somebody in, as portals do.
pub async fn sign_in(world: &World, email: &str) -> SignedIn {
    let url = format!("{}/auth/login", world.server.url());
    let body = json!({ "email": email, "password": PASSWORD });
    let response = world.http.post(url).json(&body).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200, "{email} should be let in");
    let refresh = cookies(response.headers()).into_iter().find(|cookie| cookie.starts_with("refresh_token="));
    let body: Value = response.json().await.unwrap();
    let access = body["access_token"].as_str().unwrap().to_owned();
    SignedIn { access, refresh: refresh.unwrap() }
}

impl SignedIn {
    /// Ends it.
    pub async fn sign_out(&self, world: &World) {
        let url = format!("{}/auth/logout", world.server.url());
        let response = world.http.post(url).header("cookie", &self.refresh).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 204);
    }
}

/// Signs somebody in, as browsers do; answers the cookie of their session.
pub async fn cookie_of(world: &World, email: &str) -> String {
    let base = world.server.url();
    let response = world.http.get(format!("{base}/api/auth/csrf")).send().await.unwrap();
    let cookie = cookies(response.headers()).join("; ");
    let body: Value = response.json().await.unwrap();
    let body = json!({
        "csrfToken": body["csrfToken"], "email": email, "password": PASSWORD, "json": true, "callbackUrl": base,
    });
    let request = world.http.post(format!("{base}/api/auth/callback/credentials")).json(&body);
    let response = request.header("cookie", cookie).header("origin", &base).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200, "{email} should be let in");
    let session = cookies(response.headers()).into_iter().find(|cookie| cookie.contains("session-token="));
    session.expect("a session has a cookie")
}

/// The cookies that an answer sets, as they are sent back.
fn cookies(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(SET_COOKIE).iter().map(|value| value.to_str().unwrap());
    lines.filter_map(|line| line.split(';').next()).map(str::to_owned).collect()
}
