//! A browser, as far as Pepper's web client needs one: it keeps cookies, and follows nothing.

use crate::harness::{Answer, Api};
use reqwest::header::{CONTENT_TYPE, COOKIE, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Method, RequestBuilder};
use scanledger::server::ServerOptions;
use scanledger_api::limit::{Quotas, Settings};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use url::form_urlencoded::Serializer;

/// A password that will do.
pub const PASSWORD: &str = "violet harbour 7";

/// A server without limits of requests, so that a test may sign in as often as it likes.
pub async fn server(change: impl FnOnce(&mut ServerOptions)) -> Api {
    Api::with(|options| {
        options.limits = Settings { quotas: Quotas::off(), ..Settings::default() };
        change(options);
    })
    .await
}

/// Makes an account, and answers its id.
pub async fn registered(api: &Api, email: &str) -> String {
    let wanted = json!({ "email": email, "password": PASSWORD, "name": "Bea" });
    let made = api.with_key(None).post("/api/auth/register", &wanted).await.expect(201);
    made["user"]["id"].as_str().unwrap().to_owned()
}

/// Somebody's browser.
#[derive(Clone)]
pub struct Browser<'a> {
    api: &'a Api,
    http: reqwest::Client,
    pub cookies: BTreeMap<String, String>,
}

impl<'a> Browser<'a> {
    /// One that was never here.
    pub fn of(api: &'a Api) -> Self {
        let http = reqwest::Client::builder().redirect(Policy::none()).build().unwrap();
        Self { api, http, cookies: BTreeMap::new() }
    }

    /// One whose user is signed in.
    pub async fn signed_in(api: &'a Api, email: &str) -> Self {
        let mut browser = Self::of(api);
        browser.sign_in(email, PASSWORD).await.expect(200);
        browser
    }

    /// A request with the cookies.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = self.http.request(method, format!("{}{path}", self.api.server.url()));
        request.header(COOKIE, cookies.join("; "))
    }

    /// Sends a request, and keeps the cookies of its answer.
    pub async fn send(&mut self, request: RequestBuilder) -> Answer {
        let answer = self.api.send(request).await;
        for line in answer.headers.get_all(SET_COOKIE) {
            let line = line.to_str().unwrap();
            let (name, rest) = line.split_once('=').unwrap();
            let (value, attributes) = rest.split_once(';').unwrap();
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub async fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// Sends a form.
    pub async fn form(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let form = Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self.request(Method::POST, path).body(form);
        self.send(request.header(CONTENT_TYPE, "application/x-www-form-urlencoded")).await
    }

    /// The token that forms have to carry.
    pub async fn csrf(&mut self) -> String {
        self.get("/api/auth/csrf").await.expect(200)["csrfToken"].as_str().unwrap().to_owned()
    }

    /// Signs in as NextAuth's client does.
    pub async fn sign_in(&mut self, email: &str, password: &str) -> Answer {
        let token = self.csrf().await;
        let fields =
            [("csrfToken", token.as_str()), ("email", email), ("password", password), ("json", "true")];
        self.form("/api/auth/callback/credentials", &fields).await
    }

    /// Signs out as NextAuth's client does.
    pub async fn sign_out(&mut self) -> Answer {
        let token = self.csrf().await;
        self.form("/api/auth/signout", &[("csrfToken", &token), ("json", "true")]).await
    }
}
