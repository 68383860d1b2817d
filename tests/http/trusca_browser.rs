//! A browser, as far as TRUSCA's front end needs one: it keeps cookies below their paths, and follows nothing.

use crate::harness::{Answer, Api};
use reqwest::header::SET_COOKIE;
use reqwest::redirect::Policy;
use reqwest::{Method, RequestBuilder};
use scanledger::server::ServerOptions;
use scanledger_api::limit::{Quotas, Settings};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A password that will do.
pub const PASSWORD: &str = "violet harbour 7";

/// A server without limits of requests, so that a test may sign in as often as it likes.
pub async fn server() -> Api {
    server_with(|_| ()).await
}

/// As [`server`], with other options.
pub async fn server_with(change: impl FnOnce(&mut ServerOptions)) -> Api {
    Api::with(|options| {
        options.limits = Settings { quotas: Quotas::off(), ..Settings::default() };
        change(options);
    })
    .await
}

/// Checks that an answer is a problem (RFC 9457) with this status and title, and answers it.
#[track_caller]
pub fn problem(answer: &Answer, status: u16, title: &str) -> Value {
    let body = answer.expect(status);
    assert_eq!(answer.header("content-type"), "application/problem+json", "{body}");
    assert_eq!((&body["status"], &body["title"]), (&json!(status), &json!(title)), "{body}");
    assert!(body["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{body}");
    body
}

/// Checks that an answer is a validation error about a field.
#[track_caller]
pub fn invalid(answer: &Answer, field: &str) {
    let body = problem(answer, 422, "Validation Error");
    assert_eq!(body["errors"][0]["loc"], json!(["body", field]), "{body}");
}

#[derive(Clone)]
struct Kept {
    value: String,
    path: String,
}

/// Somebody's browser.
#[derive(Clone)]
pub struct Browser<'a> {
    api: &'a Api,
    http: reqwest::Client,
    cookies: BTreeMap<String, Kept>,
    /// The access token.
    pub token: Option<String>,
}

impl<'a> Browser<'a> {
    /// One that was never here.
    pub fn of(api: &'a Api) -> Self {
        let http = reqwest::Client::builder().redirect(Policy::none()).build().unwrap();
        Self { api, http, cookies: BTreeMap::new(), token: None }
    }

    /// One whose user has an account and is signed in.
    pub async fn registered(api: &'a Api, email: &str) -> Self {
        let mut browser = Self::of(api);
        browser.register(email).await.expect(201);
        browser.login(email, PASSWORD).await.expect(200);
        browser
    }

    /// A request to a path of the server, or to anywhere.
    pub fn request(&self, method: Method, to: &str) -> RequestBuilder {
        let url = if to.starts_with('/') { format!("{}{to}", self.api.server.url()) } else { to.to_owned() };
        let request = self.http.request(method, url);
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends a request with the cookies of its path, and keeps those of the answer.
    pub async fn send(&mut self, request: RequestBuilder) -> Answer {
        let (client, request) = request.build_split();
        let mut request = request.unwrap();
        let path = request.url().path().to_owned();
        let below = |kept: &&(&String, &Kept)| path.starts_with(&kept.1.path);
        let cookies: Vec<_> = self.cookies.iter().collect();
        let sent: Vec<String> =
            cookies.iter().filter(below).map(|(name, kept)| format!("{name}={}", kept.value)).collect();
        if !sent.is_empty() {
            request.headers_mut().insert("cookie", sent.join("; ").parse().unwrap());
        }
        let answer = self.api.send(RequestBuilder::from_parts(client, request)).await;
        for line in answer.headers.get_all(SET_COOKIE) {
            self.keep(line.to_str().unwrap());
        }
        answer
    }

    fn keep(&mut self, line: &str) {
        let mut parts = line.split("; ");
        let (name, value) = parts.next().unwrap().split_once('=').unwrap();
        let attributes: BTreeMap<&str, &str> =
            parts.map(|part| part.split_once('=').unwrap_or((part, ""))).collect();
        if attributes["Max-Age"] == "0" {
            self.cookies.remove(name);
        } else {
            let kept = Kept { value: value.to_owned(), path: attributes["Path"].to_owned() };
            self.cookies.insert(name.to_owned(), kept);
        }
    }

    pub async fn get(&mut self, to: &str) -> Answer {
        let request = self.request(Method::GET, to);
        self.send(request).await
    }

    pub async fn post(&mut self, to: &str, body: &Value) -> Answer {
        let request = self.request(Method::POST, to).json(body);
        self.send(request).await
    }

    pub async fn register(&mut self, email: &str) -> Answer {
        let body = json!({ "email": email, "password": PASSWORD, "full_name": "Bea Okoye" });
        self.post("/auth/register", &body).await
    }

    /// Signs in, and keeps the access token.
    pub async fn login(&mut self, email: &str, password: &str) -> Answer {
        let answer = self.post("/auth/login", &json!({ "email": email, "password": password })).await;
        self.take_token(answer)
    }

    /// Goes on, and keeps the access token.
    pub async fn refresh(&mut self) -> Answer {
        let request = self.request(Method::POST, "/auth/refresh");
        let answer = self.send(request).await;
        self.take_token(answer)
    }

    fn take_token(&mut self, answer: Answer) -> Answer {
        if let Some(token) = answer.json()["access_token"].as_str() {
            self.token = Some(token.to_owned());
        }
        answer
    }

    /// A cookie's value; empty without it.
    pub fn cookie(&self, name: &str) -> &str {
        self.cookies.get(name).map_or("", |kept| &kept.value)
    }

    /// Changes a cookie's value.
    pub fn set_cookie(&mut self, name: &str, value: &str) {
        self.cookies.get_mut(name).unwrap().value = value.to_owned();
    }
}
