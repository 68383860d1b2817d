//! The bus goes away, and the database goes away.

use crate::load::{Acknowledged, Load};
use crate::node::{Answer, Node, eventually, send};
use crate::order::is_the_same_everywhere;
use crate::place::{Place, Role};
use crate::proxy::Proxy;
use crate::{checks, export};
use futures::future::join_all;
use reqwest::{Method, RequestBuilder};
use scanledger_domain::limits::AUTHENTICATION_LAG;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How much later than it should something may happen on a slow machine.
const SLACK: Duration = Duration::from_secs(3);
/// How long another node may not show what one has written, when there is no bus: well less than the second after
/// which it looks at the log, of which nobody has told it anything.
const SHOWN: Duration = Duration::from_millis(300);

#[tokio::test]
async fn without_the_bus_all_goes_on_and_when_it_returns_it_has_all_events_once() {
    let mut place = Place::with_nats().await;
    let (a, b) = tokio::join!(place.start("a", Role::Api), place.start("b", Role::Api));
    write(&a, &b, "before").await;
    is_the_same_everywhere(&place, &[&a, &b]).await;
    place.nats.as_mut().unwrap().kill();
    let shown = write(&a, &b, "without").await;
    eprintln!("without the bus: half of what was written was shown on the other node after {shown:?}");
    assert!(shown < SHOWN, "shown after {shown:?}");
    place.nats.as_mut().unwrap().begin();
    write(&b, &a, "after").await;
    is_the_same_everywhere(&place, &[&a, &b]).await;
}

/// Writes on one node and reads on the other; answers how long it took to be shown there, in the middle.
async fn write(here: &Node, there: &Node, what: &str) -> Duration {
    let mut waits = Vec::new();
    for number in 0..20 {
        let name = format!("{what} {number}");
        let made = here.post("/api/projects", &json!({ "name": name })).await;
        let id = made.expect(201)["id"].as_str().unwrap().to_owned();
        // Without asking for the position, so that nothing hurries.
        let shown = eventually("a write is shown on the other node", async || {
            there.get(&format!("/api/projects/{id}")).await.status == 200
        })
        .await;
        waits.push(shown);
    }
    waits.sort_unstable();
    waits[waits.len() / 2]
}

/// Everything that can be asked of a node, with a body for what needs one.
fn requests(node: &Node, finding: &str) -> Vec<(&'static str, RequestBuilder)> {
    let keyed = |request: RequestBuilder| request.header("idempotency-key", "while it is away");
    let triage = json!({ "status": "IN_PROGRESS", "statusNote": "while it is away" });
    let patch = || node.request(Method::PATCH, &format!("/api/findings/{finding}")).json(&triage);
    let project = || node.request(Method::POST, "/api/projects").json(&json!({ "name": "away" }));
    let upload = || crate::trees::request(node, "away", crate::trees::leaky(1));
    vec![
        ("triage", patch()),
        ("triage with a key", keyed(patch())),
        ("a project", project()),
        ("a project with a key", keyed(project())),
        ("an upload", upload()),
        ("an upload with a key", keyed(upload())),
        ("a new key", node.request(Method::POST, "/api/apikeys").json(&json!({ "name": "CI" }))),
        ("a bulk", {
            let body = json!({ "ids": [finding], "status": "RESOLVED" });
            node.request(Method::POST, "/api/findings/bulk").json(&body)
        }),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_database_is_away_clients_are_told_to_wait_and_afterwards_all_goes_on() {
    let place = Place::with_own_servers().await;
    place.import_advisories("shell").await;
    let (a, b, worker) = tokio::join!(
        place.start("a", Role::Api),
        place.start("b", Role::Api),
        place.start("one", Role::Worker(2)),
    );
    let load = Load::start(&place.key, &mut fastrand::Rng::with_seed(11));
    load.aim(&a.url);
    let finding = first_finding(&b).await;
    eventually("the load has written something", async || load.acknowledged().decided.len() > 20).await;

    place.database.server().end();
    let gone = Instant::now();
    let read = format!("/api/findings/{finding}");
    for node in [&a, &b] {
        // What was read before is there all the same, for a while.
        node.get(&read).await.expect(200);
    }
    for node in [&a, &b] {
        let (what, asked): (Vec<_>, Vec<_>) = requests(node, &finding).into_iter().unzip();
        let answers = join_all(asked.into_iter().map(send)).await;
        for (what, answer) in what.iter().zip(&answers) {
            told_to_wait(what, answer);
        }
    }
    tokio::time::sleep_until((gone + AUTHENTICATION_LAG + SLACK).into()).await;
    for node in [&a, &b] {
        told_to_wait("a read", &node.get(&read).await);
        node.get("/health").await.expect(200);
    }
    place.database.server().begin();
    let before = load.acknowledged().decided.len();
    eventually("writes go on", async || load.acknowledged().decided.len() > before + 20).await;
    // Once more, and this time without a goodbye.
    place.database.server().kill();
    place.database.server().begin();
    let before = load.acknowledged().decided.len();
    let took = eventually("writes go on", async || load.acknowledged().decided.len() > before).await;
    eprintln!("after the database was back, writes went on within {took:?}");

    load.nothing_is_gone().await;
    load.aim(&b.url);
    load.nothing_is_gone().await;
    let (acknowledged, client) = load.finish().await;
    checks::decisions_stand(&acknowledged, &client).await;
    is_all_there(&place, &acknowledged).await;
    is_the_same_everywhere(&place, &[&a, &b]).await;
    for node in [a, b, worker] {
        let name = node.name;
        node.end().await;
        place.run_on(name, &["verify"]).await;
        assert!(!place.node_log(name).contains("panicked"));
    }
}

/// A route of each dialect for which one has to say who one is.
const READS: [&str; 4] = ["/api/projects", "/v1/audit", "/v1/sources", "/api/v1/deployments"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_cut_off_from_the_database_takes_a_key_that_was_revoked_for_ten_seconds_at_most() {
    let place = Place::set_up().await;
    let proxy = Proxy::to(place.database.url());
    let settings = [("SCANLEDGER_LOG", proxy.url())];
    let (cut_off, other) = tokio::join!(place.launch("a", Role::Api, &settings), place.start("b", Role::Api));
    cut_off.ready().await;
    let made = other.post("/api/apikeys", &json!({ "name": "CI" })).await.expect(201);
    let (id, key) = (made["id"].as_str().unwrap(), made["plaintext"].as_str().unwrap());
    let ask = async |path| send(cut_off.request_as(key, Method::GET, path)).await;
    eventually("the key opens", async || ask(READS[0]).await.status == 200).await;

    proxy.freeze();
    let since = Instant::now();
    let revoked = send(other.request(Method::DELETE, &format!("/api/apikeys/{id}"))).await;
    assert!(revoked.status < 300, "{}", revoked.text);
    ask(READS[0]).await.expect(200);
    let refused = loop {
        let answer = ask(READS[0]).await;
        if answer.status != 200 {
            break answer;
        }
        assert!(since.elapsed() < AUTHENTICATION_LAG + SLACK, "it still opens");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    eprintln!("a key that was revoked elsewhere was taken for {:?}", since.elapsed());
    assert_eq!(refused.expect(503)["code"], "VIEWS_BEHIND");
    for path in READS {
        told_to_wait(path, &ask(path).await);
        told_to_wait(path, &cut_off.get(path).await);
    }
    cut_off.get("/health").await.expect(200);

    proxy.thaw();
    let back = Instant::now();
    eventually("the revoked key is known as such", async || ask(READS[0]).await.status == 401).await;
    cut_off.get(READS[0]).await.expect(200);
    assert!(back.elapsed() < AUTHENTICATION_LAG, "it took {:?}", back.elapsed());

    // Its connections are dead now, and nobody tells it.
    proxy.fail_over();
    tokio::time::sleep(AUTHENTICATION_LAG + SLACK).await;
    cut_off.get(READS[0]).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_starts_while_the_database_is_away_waits_for_it() {
    let place = Place::with_own_servers().await;
    place.database.server().end();
    let begin = async {
        let said = async || place.node_log("a").contains("waiting for postgres://127.0.0.1");
        eventually("the node says that it waits", said).await;
        // Longer than any attempt to connect takes.
        tokio::time::sleep(Duration::from_secs(8)).await;
        place.database.server().begin();
    };
    let (node, ()) = tokio::join!(place.launch("a", Role::Api, &[]), begin);
    node.ready().await;
    node.post("/api/projects", &json!({ "name": "after" })).await.expect(201);
    node.end().await;
}

/// A finding that the load has made.
async fn first_finding(node: &Node) -> String {
    let mut found = Value::Null;
    eventually("there is a finding", async || {
        let projects = node.get("/api/projects").await.expect(200);
        let Some(project) = projects["projects"][0]["id"].as_str() else { return false };
        found = node.get(&format!("/api/projects/{project}/findings?limit=1")).await.expect(200);
        found["findings"][0]["id"].is_string()
    })
    .await;
    found["findings"][0]["id"].as_str().unwrap().to_owned()
}

/// 503, with a time to wait.
#[track_caller]
fn told_to_wait(what: &str, answer: &Answer) {
    assert_eq!(answer.status, 503, "{what}: {}", answer.text);
    let after = answer.headers.get("retry-after").unwrap_or_else(|| panic!("{what}: no Retry-After"));
    assert!(after.to_str().unwrap().parse::<u64>().unwrap() > 0);
}

async fn is_all_there(place: &Place, acknowledged: &Acknowledged) {
    let log = export::Log::export(place).await;
    checks::log_has(&log, acknowledged);
    checks::nothing_happened_twice(&log, acknowledged);
}
