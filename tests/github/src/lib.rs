//! A GitHub of a test's own, over HTTP: it checks what it is sent as GitHub does, and remembers it.
//!
//! [`GitHubStub::start`] serves the REST API below `/api/v3`, as an Enterprise Server has it, and archives from another
//! server, as github.com does. What is in it is a [`World`], which a test changes and looks at while it is served.
//! Requests that GitHub would not like are [`GitHubStub::violations`], which a test expects to be none.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod apps;
mod checks;
mod gate;
mod git;
mod key;
mod pulls;
mod refusal;
mod repos;
mod server;
mod tarball;
mod world;

pub use gate::{Canned, Seen};
pub use world::{Commit, Files, Installation, Pull, Repository, World};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use gate::Wait;
use hmac::{Hmac, KeyInit as _, Mac as _};
use key::AppKeyPair;
use scanledger_domain::time::Clock;
use server::Server;
use sha2::Sha256;
use std::sync::{Arc, Mutex, OnceLock};

/// The app's number.
pub const APP_ID: u64 = 31_415;
/// What deliveries are signed with.
pub const WEBHOOK_SECRET: &str = "only the stub and the server know";

/// What the handlers share.
pub(crate) struct Stub {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) key: AppKeyPair,
    pub(crate) world: Mutex<World>,
    pub(crate) seen: Mutex<Vec<Seen>>,
    pub(crate) canned: Mutex<Vec<Wait>>,
    pub(crate) violations: Mutex<Vec<String>>,
    /// Where archives come from, once that is known.
    pub(crate) archives: OnceLock<String>,
    pub(crate) url: OnceLock<String>,
}

impl Stub {
    /// Seconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        self.clock.now().0.div_euclid(1_000_000)
    }
}

/// A GitHub that ends with the test.
pub struct GitHubStub {
    stub: Arc<Stub>,
    api: Server,
    archives: Server,
}

impl GitHubStub {
    /// Serves an empty world. Its time is that of `clock`.
    pub async fn start(clock: Arc<dyn Clock>) -> Self {
        let stub = Arc::new(Stub {
            clock,
            key: AppKeyPair::generate(),
            world: Mutex::default(),
            seen: Mutex::default(),
            canned: Mutex::default(),
            violations: Mutex::default(),
            archives: OnceLock::new(),
            url: OnceLock::new(),
        });
        let archives = Server::start(tarball::routes(Arc::clone(&stub))).await;
        let routes = Router::new()
            .merge(apps::routes())
            .merge(repos::routes())
            .merge(checks::routes())
            .merge(git::routes())
            .merge(pulls::routes())
            // The gate has read the body by then.
            .layer(DefaultBodyLimit::disable())
            .with_state(Arc::clone(&stub));
        let routes = Router::new().nest("/api/v3", routes);
        let api = Server::start(routes.layer(from_fn_with_state(Arc::clone(&stub), gate::gate))).await;
        stub.archives.set(archives.url.clone()).unwrap();
        stub.url.set(api.url.clone()).unwrap();
        Self { stub, api, archives }
    }

    /// Where the REST API is.
    pub fn api(&self) -> String {
        format!("{}/api/v3", self.api.url)
    }

    /// The server that archives come from, which is not to see a token.
    pub fn archives(&self) -> &str {
        &self.archives.url
    }

    /// The app's key as GitHub hands it out: PKCS #1 in PEM.
    pub fn private_key(&self) -> String {
        self.stub.key.pkcs1_pem()
    }

    /// The same key as PKCS #8 in PEM.
    pub fn private_key_pkcs8(&self) -> String {
        self.stub.key.pkcs8_pem()
    }

    /// Changes the world, or looks at it.
    pub fn world<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        look(&mut self.stub.world.lock().unwrap())
    }

    /// The requests so far, in order.
    pub fn seen(&self) -> Vec<Seen> {
        self.stub.seen.lock().unwrap().clone()
    }

    /// How many requests so far had this in `METHOD /path?query`.
    pub fn count(&self, part: &str) -> usize {
        self.stub.seen.lock().unwrap().iter().filter(|seen| seen.line().contains(part)).count()
    }

    /// What GitHub would not have liked.
    pub fn violations(&self) -> Vec<String> {
        self.stub.violations.lock().unwrap().clone()
    }

    /// Answers the next request with `part` in `METHOD /path?query` so, whatever it is. Several wait in line.
    pub fn answer_next(&self, part: &str, answer: Canned) {
        self.answer_after(0, part, answer);
    }

    /// As [`Self::answer_next`], once so many of these requests have been answered as ever.
    pub fn answer_after(&self, passing: usize, part: &str, answer: Canned) {
        self.stub.canned.lock().unwrap().push(Wait { part: part.to_owned(), passing, answer });
    }

    /// The header `X-Hub-Signature-256` of a delivery.
    pub fn sign(body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(WEBHOOK_SECRET.as_bytes()).unwrap();
        mac.update(body);
        format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
    }
}
