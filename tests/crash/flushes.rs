//! What is acknowledged was flushed to the disk before: a process that is killed leaves its writes with the system, so
//! only counting the calls shows that a power cut would lose nothing either.

use crate::archive::Project;
use crate::client::Client;
use crate::place::Place;
use reqwest::Method;
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::process::Command;
use tokio::sync::watch;

/// Decisions one after the other, hence a batch each.
const DECISIONS: u64 = 30;
/// How long the tracer may take to write what it saw.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long nothing must have changed to be at rest.
const REST: Duration = Duration::from_millis(300);

#[tokio::test]
async fn every_batch_of_appends_is_flushed() {
    if !can_trace().await {
        // `tests/run.sh` says so where nobody may trace, and sets the variable everywhere else.
        assert!(std::env::var_os("SCANLEDGER_TEST_STRACE").is_none(), "strace could trace a moment ago");
        eprintln!(
            "NOT CHECKED: that every batch is flushed, because strace is not there or may not trace here"
        );
        return;
    }
    let place = Place::set_up().await;
    let trace = place.beside("trace");
    let server = place.serve_under(&tracer(trace.to_str().unwrap())).await;
    let client = Client::new(&place.key, watch::Sender::new(Some(server.url.clone())).subscribe());
    let (batches, flushes) = at_rest(&client, &trace).await;

    let fields = [("newProjectName", "shop")];
    let project = Project::random(&mut fastrand::Rng::with_seed(7), 0);
    let queued = client.upload("upload", &project, &fields).await;
    let scan = queued.json()["scanId"].as_str().unwrap().to_owned();
    while client.get(&format!("/api/scans/{scan}"), queued.position()).await.json()["status"] != "COMPLETED" {
        tokio::time::sleep(REST).await;
    }
    let page = client.get(&format!("/api/scans/{scan}/findings"), queued.position()).await.json();
    let finding = page["findings"][0]["id"].as_str().unwrap();
    for number in 0..DECISIONS {
        let body = json!({ "status": "IN_PROGRESS", "statusNote": format!("decision {number}") });
        let path = format!("/api/findings/{finding}");
        client.change(Method::PATCH, &path, &format!("decision {number}"), &body, 0).await;
    }

    let (batches_after, flushes_after) = at_rest(&client, &trace).await;
    let (batches, flushes) = (batches_after - batches, flushes_after - flushes);
    server.kill().await;
    eprintln!("{batches} batches of appends, {flushes} flushes of the log");
    assert!(batches > DECISIONS, "{batches} batches for {DECISIONS} decisions and a scan");
    assert!(flushes >= batches, "{flushes} flushes for {batches} batches");
}

/// Runs a server in this process while a tracer beside it writes down its flushes with the files they are of.
fn tracer(trace: &str) -> [&str; 8] {
    ["strace", "-D", "-f", "-y", "-e", "trace=fdatasync,fsync", "-o", trace]
}

async fn can_trace() -> bool {
    let tried = Command::new("strace").args(&tracer("/dev/null")[1..]).arg("true").output().await;
    tried.is_ok_and(|tried| tried.status.success())
}

/// Batches appended and flushes of the log since the server's start, when neither becomes more.
async fn at_rest(client: &Client, trace: &Path) -> (u64, u64) {
    let began = Instant::now();
    let mut before = counts(client, trace).await;
    loop {
        tokio::time::sleep(REST).await;
        let now = counts(client, trace).await;
        if now == before {
            return now;
        }
        before = now;
        assert!(began.elapsed() < PATIENCE, "the server comes to rest");
    }
}

async fn counts(client: &Client, trace: &Path) -> (u64, u64) {
    let metrics = client.get("/metrics", 0).await;
    let batches =
        metrics.text().lines().find_map(|line| line.strip_prefix("scanledger_log_append_batches_total "));
    let trace = std::fs::read_to_string(trace).unwrap();
    // `4242 fdatasync(9</…/log.db-wal>) = 0`, or `… <unfinished ...>`, whose end is on another line.
    let flushes = trace.lines().filter(|line| line.contains("/log.db-wal>"));
    (batches.unwrap().parse().unwrap(), flushes.count() as u64)
}
