//! A node: a server as a process of its own, and requests to it.

use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::io::BufReader;
use tokio::process::{Child, ChildStdout, Command};

/// How long anything may take before a test has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// How long to wait before looking again.
pub const AGAIN: Duration = Duration::from_millis(10);

/// A running node; killed if it is still there at the end.
pub struct Node {
    /// What the test calls it.
    pub name: &'static str,
    /// Its base URL.
    pub url: String,
    /// Its data folder.
    pub folder: PathBuf,
    key: String,
    http: reqwest::Client,
    child: Child,
    /// Kept open, so that it can print.
    _out: BufReader<ChildStdout>,
}

/// What a node answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    /// The body of an answer with this status.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// The position of what a write did.
    #[track_caller]
    pub fn position(&self) -> u64 {
        let position = self.headers.get("scanledger-position").expect("a write says its position");
        position.to_str().unwrap().parse().unwrap()
    }
}

impl Node {
    pub fn new(
        name: &'static str,
        url: String,
        folder: PathBuf,
        key: &str,
        child: Child,
        out: BufReader<ChildStdout>,
    ) -> Self {
        Self { name, url, folder, key: key.to_owned(), http: reqwest::Client::new(), child, _out: out }
    }

    /// The id under which it holds leases.
    pub fn id(&self) -> String {
        std::fs::read_to_string(self.folder.join("node")).unwrap().trim().to_owned()
    }

    /// A request that is still to be sent.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.request_as(&self.key, method, path)
    }

    /// As [`Self::request`], with another key.
    pub fn request_as(&self, key: &str, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).bearer_auth(key).timeout(PATIENCE)
    }

    /// Reads what there is at the moment.
    pub async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await
    }

    /// Reads from a read model that has reached `position`.
    pub async fn get_at(&self, path: &str, position: u64) -> Value {
        let request = self.request(Method::GET, path).header("scanledger-min-position", position);
        send(request).await.expect(200)
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        send(self.request(Method::POST, path).json(body)).await
    }

    /// Waits until it takes requests.
    pub async fn ready(&self) {
        eventually("a node is ready", async || {
            send(self.request(Method::GET, "/health/ready")).await.status == 200
        })
        .await;
    }

    /// Waits until a scan has ended well, and answers it.
    pub async fn completed(&self, scan: &str) -> Value {
        let mut seen = Value::Null;
        let path = format!("/api/scans/{scan}");
        eventually("a scan is completed", async || {
            seen = self.get(&path).await.expect(200);
            !["QUEUED", "RUNNING"].contains(&seen["status"].as_str().unwrap())
        })
        .await;
        assert_eq!(seen["status"], "COMPLETED", "{seen}");
        seen
    }

    /// Everything in its event feed: one envelope each, in the order of the log.
    pub async fn feed(&self) -> Vec<String> {
        let (mut events, mut after) = (Vec::new(), 0);
        loop {
            let page = self.page_of_feed(after).await;
            page.expect(200);
            events.extend(page.text.lines().map(str::to_owned));
            let reached = page.position();
            // Events of nobody or of others are passed over, so a page may be empty before the end.
            if reached == after {
                return events;
            }
            after = reached;
        }
    }

    /// A page of the feed. A node whose database was away says so until it has connected again: 503, and a client comes
    /// back.
    async fn page_of_feed(&self, after: u64) -> Answer {
        let began = Instant::now();
        loop {
            let request = self.request(Method::GET, &format!("/api/events?limit=1000&after={after}"));
            let page = send(request.header("accept", "application/x-ndjson")).await;
            if page.status != 503 || began.elapsed() > PATIENCE {
                return page;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// A number among its metrics.
    pub async fn metric(&self, name: &str) -> u64 {
        let metrics = self.get("/metrics").await;
        let line = metrics.text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in {}", metrics.text)).parse().unwrap()
    }

    /// Whether the process is there; it may stand still.
    pub fn is_there(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// `kill -9`.
    pub async fn kill(mut self) {
        assert!(self.is_there(), "node {} ended by itself", self.name);
        self.child.kill().await.unwrap();
    }

    /// The processor time that it has taken, in hundredths of a second.
    pub fn worked(&self) -> u64 {
        let id = self.child.id().expect("it runs");
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
        // The name before may hold anything; of what follows, user and system time are the 12th and 13th.
        let (_, rest) = stat.rsplit_once(") ").unwrap();
        rest.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum()
    }

    /// Lets it stand still as if its machine had vanished: no connection is closed.
    pub async fn freeze(&self) {
        self.signal("-STOP").await;
    }

    /// Lets it go on.
    pub async fn thaw(&self) {
        self.signal("-CONT").await;
    }

    /// Asks it to end, and waits until it has.
    pub async fn end(mut self) {
        self.signal("-TERM").await;
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("a node ends").unwrap();
        assert!(ended.success(), "node {} ended with {ended}", self.name);
    }

    async fn signal(&self, signal: &str) {
        let id = self.child.id().expect("it runs").to_string();
        assert!(Command::new("kill").args([signal, &id]).status().await.unwrap().success());
    }
}

/// Sends a request and reads the whole answer.
pub async fn send(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer { status, headers, text: response.text().await.unwrap() }
}

/// Waits until something is so, and answers how long that took.
pub async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < PATIENCE, "not in {PATIENCE:?}: {what}");
        tokio::time::sleep(AGAIN).await;
    }
    began.elapsed()
}
