//! An upgrade to a version whose read models have another shape: one node after the other, beside nodes of the version
//! before and on one log with them.

use crate::balancer::Balancer;
use crate::joining::{HEAD, answers_alike, write};
use crate::node::{Node, eventually};
use crate::order::is_the_same_everywhere;
use crate::place::{Place, Role, Version};
use reqwest::{Client, Method, RequestBuilder};
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

/// Decisions about 500 findings each, before anything is upgraded.
const DECISIONS: u64 = 4;
/// Who sends requests at the same time.
const CALLERS: usize = 3;
/// How long a node goes on that gets no more requests, for those that are under way.
const DRAINED: Duration = Duration::from_millis(300);
/// Every thousand events a copy of the read models is left for nodes that join.
const SHARING: [(&str, &str); 1] = [("SCANLEDGER_SHARE_VIEWS", "1000")];
/// What a node says that takes such a copy.
const TAKEN_OVER: &str = "read models of another node are taken over";

/// Whose read models are in a folder: a version for each file.
fn versions(folder: &Path) -> Vec<Version> {
    let mut versions = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with("views-") || !name.ends_with(".db") {
            continue;
        }
        let looked =
            Connection::open_with_flags(entry.path(), OpenFlags::SQLITE_OPEN_READ_ONLY).and_then(|file| {
                file.query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'next'", [], |row| row.get(0))
            });
        match looked {
            Ok(0_i64) => versions.push(Version::This),
            Ok(_) => versions.push(Version::Next),
            // It was removed a moment ago.
            Err(_) => (),
        }
    }
    versions.sort_unstable();
    versions
}

/// A caller of whichever node there is.
#[derive(Clone)]
struct Caller {
    url: String,
    key: String,
    http: Client,
}

impl Caller {
    fn new(place: &Place, balancer: &Balancer) -> Self {
        // Each request has a connection of its own, so that each goes to a node that takes some.
        let http = Client::builder().pool_max_idle_per_host(0).build().unwrap();
        Self { url: balancer.url.clone(), key: place.key.clone(), http }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).bearer_auth(&self.key)
    }

    /// Makes a project, and reads it and others, wherever that may be.
    async fn round(&self, name: &str) -> Result<(), String> {
        let made = self.request(Method::POST, "/api/projects").json(&json!({ "name": name }));
        let (made, position) = answered(made, 201).await?;
        let id = made["id"].as_str().ok_or("a project has an id")?;
        for path in [format!("/api/projects/{id}"), "/api/projects?limit=5".to_owned()] {
            answered(self.request(Method::GET, &path).header("scanledger-min-position", &position), 200)
                .await?;
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
}

/// The body of an answer and its position, or what else a request came to.
async fn answered(request: RequestBuilder, status: u16) -> Result<(Value, String), String> {
    let answer = request.send().await.map_err(|error| format!("{error:?}"))?;
    let (url, found) = (answer.url().clone(), answer.status().as_u16());
    let position = answer.headers().get("scanledger-position").and_then(|value| value.to_str().ok());
    let position = position.unwrap_or_default().to_owned();
    let text = answer.text().await.map_err(|error| format!("{error:?}"))?;
    if found != status {
        return Err(format!("{url} answered {found}: {text}"));
    }
    Ok((serde_json::from_str(&text).map_err(|error| error.to_string())?, position))
}

/// Upgrades a node, beside `others` and with its read models prepared; `events` were in the log long before.
async fn upgrade(place: &Place, balancer: &Balancer, old: Node, others: [&Node; 2], events: u64) -> Node {
    let (name, folder) = (old.name, old.folder.clone());
    let urls = |nodes: &[&Node]| nodes.iter().map(|node| node.url.clone()).collect::<Vec<_>>();
    let aim = |urls: Vec<String>| balancer.aim(urls.iter().map(String::as_str));
    assert_eq!(versions(&folder), [Version::This]);
    place.run_of(Version::Next, name, &["rebuild", "--prepare"]).await;
    assert_eq!(versions(&folder), [Version::This, Version::Next], "node {name} serves from its own");
    old.get("/api/projects").await.expect(200);

    aim(urls(&others));
    tokio::time::sleep(DRAINED).await;
    old.end().await;
    assert_eq!(versions(&folder), [Version::This, Version::Next], "node {name} could go back");
    let new = place.launch_of(Version::Next, name, Role::Api, &[]).await;
    new.ready().await;
    aim(urls(&[others[0], others[1], &new]));
    let applied = new.metric("scanledger_projector_applied_events_total").await;
    // What others write meanwhile it has to apply in any case.
    let head = new.metric(HEAD).await;
    assert!(
        applied + events <= head,
        "node {name} goes on with what was prepared, and applied {applied} of {head} events"
    );
    eventually("read models of the version before are gone", async || versions(&folder) == [Version::Next])
        .await;
    new
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_are_upgraded_to_other_read_models_one_by_one_without_a_failed_request() {
    let place = Place::set_up().await;
    let (a, worker) = tokio::join!(place.start("a", Role::Api), place.start("one", Role::Worker(1)));
    write(&a, DECISIONS).await;
    worker.end().await;
    let events = a.metric(HEAD).await;
    // A process looks at once whether a copy is worth its bytes, and later only now and then.
    a.end().await;
    let a = place.launch("a", Role::Api, &SHARING).await;
    a.ready().await;
    eventually("a copy is shared", async || {
        place.node_log("a").contains("read models were copied for nodes that join")
    })
    .await;

    // Who joins takes the copy of its own version, and no other.
    let b = place.start("b", Role::Api).await;
    assert!(place.node_log("b").contains(TAKEN_OVER));
    let c = place.launch_of(Version::Next, "c", Role::Api, &[]).await;
    c.ready().await;
    assert!(!place.node_log("c").contains(TAKEN_OVER));
    assert!(c.metric("scanledger_projector_applied_events_total").await >= events);
    assert_eq!(versions(&c.folder), [Version::Next]);
    answers_alike(&a, &c).await;
    answers_alike(&b, &c).await;

    let balancer = Balancer::start().await;
    balancer.aim([a.url.as_str(), b.url.as_str(), c.url.as_str()]);
    let is_done = Arc::new(AtomicBool::new(false));
    let mut callers = JoinSet::new();
    for number in 0..CALLERS {
        callers.spawn(Caller::new(&place, &balancer).load(number, Arc::clone(&is_done)));
    }
    let a = upgrade(&place, &balancer, a, [&b, &c], events).await;
    let b = upgrade(&place, &balancer, b, [&a, &c], events).await;
    place.run_of(Version::Next, "b", &["rebuild"]).await;
    is_done.store(true, Ordering::Relaxed);
    let (mut good, mut bad) = (0, Vec::new());
    for (more, worse) in callers.join_all().await {
        good += more;
        bad.extend(worse);
    }
    eprintln!("{good} rounds beside the upgrade");
    assert_eq!(bad, Vec::<String>::new(), "beside {good} rounds without a failure");
    assert!(good > 20, "{good} rounds are no load");

    is_the_same_everywhere(&place, &[&a, &b, &c]).await;
    answers_alike(&a, &b).await;
    for node in [a, b, c] {
        let (name, folder) = (node.name, node.folder.clone());
        node.end().await;
        assert_eq!(versions(&folder), [Version::Next]);
        place.run_of(Version::Next, name, &["verify"]).await;
        assert!(!place.node_log(name).contains("panicked"), "node {name}");
    }
}
