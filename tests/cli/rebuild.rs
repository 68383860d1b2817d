//! `rebuild`.

use crate::shell::Place;
use reqwest::{Client, Method, RequestBuilder};
use rusqlite::Connection;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Events that make a rebuild take some seconds, and tell of its progress more than once.
const EVENTS: i64 = 50_000;
/// Who sends requests at the same time.
const CALLERS: usize = 4;
/// How long a server may take for what it does by itself.
const PATIENCE: Duration = Duration::from_secs(60);

fn views(place: &Place) -> Vec<String> {
    let files = std::fs::read_dir(place.data()).expect("there is a data folder").flatten();
    let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("views-") && name.ends_with(".db")).collect()
}

#[test]
fn read_models_are_built_anew_and_say_the_same() {
    let place = Place::set_up();
    let before = views(&place);
    let json = place.run(&["rebuild", "--json"]).json();
    assert!(
        json["position"].as_u64().unwrap() > 0 && json["eventsPerSecond"].as_f64().unwrap() > 0.0,
        "{json}"
    );
    assert_ne!(views(&place), before);
    place.run(&["verify"]).done();
}

#[test]
fn a_running_server_builds_and_swaps() {
    let place = Place::set_up();
    let server = place.serve();
    assert!(place.run(&["rebuild"]).done().starts_with("built up to position "));
    place.run(&["key", "create", "--name", "after"]).done();
    assert_eq!(server.end("TERM").code(), Some(0));
    assert_eq!(views(&place).len(), 1);
    place.run(&["verify"]).done();
}

#[test]
fn what_a_running_server_serves_need_not_be_prepared() {
    let place = Place::set_up();
    place.run(&["rebuild", "--prepare"]).done();
    let _server = place.serve();
    assert!(place.run(&["rebuild", "--prepare"]).fails(4).contains("serves these read models already"));
}

/// Adds refusals to a log that nobody has open.
fn lengthen(place: &Place) {
    let log = Connection::open(place.data().join("log.db")).expect("there is a log");
    let denied = include_str!("../../domain/tests/golden/access.denied.1.json").trim_end();
    let names = "INSERT INTO streams (name) VALUES ('access-019a0000-0000-7000-8000-00000000000a');
                 INSERT INTO kinds (name) VALUES ('access.denied');";
    log.execute_batch(names).expect("nobody was refused anything before");
    let add = "WITH RECURSIVE more (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM more WHERE n < ?1),
                   last AS MATERIALIZED (SELECT * FROM events ORDER BY position DESC LIMIT 1)
               INSERT INTO events (position, id, stream, version, kind, schema, data, metadata, recorded_at)
               SELECT last.position + n, randomblob(16), (SELECT max(stream) FROM streams), n,
                   (SELECT max(kind) FROM kinds), 1, CAST(?2 AS BLOB), last.metadata, last.recorded_at + n
               FROM more, last";
    assert_eq!(log.execute(add, (EVENTS, denied)).expect("events can be added"), EVENTS as usize);
}

/// A caller of a server.
#[derive(Clone)]
struct Caller {
    url: String,
    key: String,
    http: Client,
}

impl Caller {
    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).bearer_auth(&self.key)
    }

    /// What a request came to, if it was not answered with `status`.
    async fn send(&self, status: u16, request: RequestBuilder) -> Result<Value, String> {
        let answer = request.send().await.map_err(|error| error.to_string())?;
        let (url, found) = (answer.url().clone(), answer.status().as_u16());
        let text = answer.text().await.map_err(|error| error.to_string())?;
        if found == status {
            Ok(serde_json::from_str(&text).unwrap_or(Value::String(text)))
        } else {
            Err(format!("{url} answered {found}: {text}"))
        }
    }

    async fn get(&self, path: &str) -> Result<Value, String> {
        self.send(200, self.request(Method::GET, path)).await
    }

    /// Writes, reads what it wrote, and reads some more.
    async fn round(&self, name: &str) -> Result<(), String> {
        let made = self.request(Method::POST, "/api/projects").json(&json!({ "name": name }));
        let made = self.send(201, made).await?;
        let id = made["id"].as_str().ok_or("a project has an id")?;
        let own = format!("/api/projects/{id}");
        for path in [own.as_str(), "/api/projects", "/api/apikeys", "/api/events?limit=5"] {
            self.get(path).await?;
        }
        Ok(())
    }

    /// Rounds until told to stop; answers how many went well, and what the others came to.
    async fn load(self, number: usize, is_done: Arc<AtomicBool>) -> (u64, Vec<String>) {
        let (mut good, mut bad) = (0, Vec::new());
        while !is_done.load(Ordering::Relaxed) {
            match self.round(&format!("{number}.{good}.{}", bad.len())).await {
                Ok(()) => good += 1,
                Err(what) => bad.push(what),
            }
        }
        (good, bad)
    }

    /// Looks at readiness and metrics until told to stop; answers the positions of rebuilds that each told.
    async fn watch(self, is_done: Arc<AtomicBool>) -> [BTreeSet<u64>; 2] {
        let mut seen = [BTreeSet::new(), BTreeSet::new()];
        while !is_done.load(Ordering::Relaxed) {
            let ready = self.get("/health/ready").await.expect("the server is ready all the time");
            seen[0].extend(ready["rebuilding"].as_u64());
            seen[1].insert(self.rebuild_metric().await);
        }
        seen
    }

    async fn rebuild_metric(&self) -> u64 {
        let metrics = self.get("/metrics").await.expect("there are metrics");
        let lines = metrics.as_str().expect("metrics are text").lines();
        let mut values = lines.filter_map(|line| line.strip_prefix("scanledger_projector_rebuild_position "));
        values.next().expect("the metric is there").parse().expect("it is a number")
    }

    /// Waits until the read models have the whole log.
    async fn caught_up(&self) {
        let began = Instant::now();
        while !self.get("/health/ready").await.is_ok_and(|ready| ready["lag"] == 0) {
            assert!(began.elapsed() < PATIENCE, "the read models do not catch up");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_while_read_models_are_built_and_swapped_and_progress_is_told() {
    let place = Arc::new(Place::set_up());
    let key = place.run(&["key", "create", "--name", "load", "--role", "admin"]).done().trim().to_owned();
    lengthen(&place);
    let server = place.serve_with(&["--rate-limit", "off"]);
    let caller = Caller { url: server.url.clone(), key, http: Client::new() };
    caller.caught_up().await;

    let is_done = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> =
        (0..CALLERS).map(|number| tokio::spawn(caller.clone().load(number, Arc::clone(&is_done)))).collect();
    let watcher = tokio::spawn(caller.clone().watch(Arc::clone(&is_done)));
    for _ in 0..2 {
        let rebuilding = Arc::clone(&place);
        tokio::task::spawn_blocking(move || rebuilding.run(&["rebuild"]).done()).await.unwrap();
    }
    is_done.store(true, Ordering::Relaxed);
    let (mut good, mut bad) = (0, Vec::new());
    for caller in callers {
        let (more, worse) = caller.await.unwrap();
        good += more;
        bad.extend(worse);
    }
    assert_eq!(bad, Vec::<String>::new(), "beside {good} rounds without a failure");
    assert!(good > 20, "{good} rounds are no load");

    let end = u64::try_from(EVENTS).unwrap();
    let [readiness, metric] = watcher.await.unwrap();
    assert!(readiness.iter().any(|position| (1..=end).contains(position)), "{readiness:?}");
    assert!(metric.iter().any(|position| (1..=end).contains(position)), "{metric:?}");
    let ready = caller.get("/health/ready").await.unwrap();
    assert_eq!((&ready["rebuilding"], caller.rebuild_metric().await), (&Value::Null, 0));
    assert_eq!(server.end("TERM").code(), Some(0));
    assert_eq!(views(&place).len(), 1);
    place.run(&["verify"]).done();
}
