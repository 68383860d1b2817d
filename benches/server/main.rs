//! A whole server, measured from outside over HTTP: keys and sign-in, documents, scans, lists, triage, time travel,
//! memory and start.
//!
//! `cargo bench --bench server`, or `cargo bench --bench server -- access` for keys and sign-in alone,
//! `-- documents` for documents alone, `-- pages` for lists, `-- triage` for decisions. Processor time is that of the
//! server process, all threads. The data lies in Cargo's folder for temporary files in `target`, so that syncing costs
//! what it costs on a disk.

mod access;
mod client;
mod documents;
mod lists;
mod process;
mod scans;
mod table;
mod tree;

use anyhow::{Context, Result, ensure};
use client::{Client, Until, load};
use process::{Memory, Server, scanledger};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};
use table::Table;
use tree::Tree;

/// Files of the tree with 100,000 findings.
const FILES: usize = 10_000;
/// Rescans of that tree.
const RESCANS: usize = 20;
/// After this time, the remaining rescans are left out, and the table says so.
const RESCANS_AT_MOST: Duration = Duration::from_secs(600);
/// Findings that are triaged one by one: half a minute of them, since seconds differ.
const SINGLE_TRIAGES: usize = 40_000;

fn main() -> Result<()> {
    // Cargo's test runner starts benches too, with nothing to be measured.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(Box::pin(bench()))
}

async fn bench() -> Result<()> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let data = folder.path().join("data");
    let mut table = Table::default();
    let key = set_up(&data)?;
    let server = Server::start(&data)?;
    let client = Client { address: server.address.clone(), key };
    ready(&server, &client).await?;
    let idle = idle(&server).await?;
    memory(&mut table, "memory of a new server, idle", idle, Some(60.0))?;
    let part = |part: &str| std::env::args().any(|argument| argument == part);
    let only = ["access", "documents", "pages", "triage"].into_iter().find(|name| part(name));
    let wanted = |name: &str| only.is_none_or(|only| only == name);
    if wanted("access") {
        access::measure(&server, &client, &mut table).await?;
    }
    if wanted("documents") {
        documents::measure(&server, &client, folder.path(), &mut table).await?;
    }
    if !(wanted("pages") || wanted("triage")) {
        server.end()?;
        return table.print();
    }

    if only.is_none() {
        scans::measure(&server, &client, folder.path(), &mut table).await?;
    }
    let tree = Tree { seed: 1, files: FILES, without: 0 };
    let large = scans::fill(&server, &client, &tree, &mut table).await?;
    let ids = scans::ids(&client, &large.scan).await?;
    scans::triage(&server, &client, &ids[..20_000], "FALSE_POSITIVE").await?;
    scans::triage(&server, &client, &ids[20_000..30_000], "IN_PROGRESS").await?;
    if wanted("pages") {
        lists::measure(&server, &client, &large.scan, &mut table).await?;
    }
    if wanted("triage") {
        let single = &ids[30_000..30_000 + SINGLE_TRIAGES];
        triage_one_by_one(&server, &client, single, &mut table).await?;
    }
    if only.is_some() {
        server.end()?;
        return table.print();
    }

    let (third, rescans) = scans::history(&server, &client, &tree, &ids, RESCANS, RESCANS_AT_MOST).await?;
    lists::measure_past(&server, &client, &large.project, third, rescans, &mut table).await?;
    lists::measure_audit(&server, &client, &ids[50_000], &mut table).await?;
    memory(&mut table, "memory after all of this", server.memory()?, None)?;
    let head = scans::head(&client).await?;
    server.end()?;
    disk(&data, head, &mut table)?;
    start_again(&data, &client, head, &mut table).await?;
    table.print()
}

fn set_up(data: &Path) -> Result<String> {
    let arguments = ["setup", "--organization", "Acme", "--email", "ana@example.org"];
    let output = scanledger(data, &arguments).output()?;
    let made: Value = serde_json::from_slice(&output.stdout)
        .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
    Ok(made["apiKey"].as_str().context("a key")?.to_owned())
}

/// Waits until the server is ready; answers the time since it was started.
async fn ready(server: &Server, client: &Client) -> Result<Duration> {
    let request = client.get("/health/ready");
    let mut connection = client.connect().await?;
    while connection.round_trip(&request).await?.0 != 200 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(server.began.elapsed())
}

/// Memory after a few seconds in which nobody asks anything.
async fn idle(server: &Server) -> Result<Memory> {
    tokio::time::sleep(Duration::from_secs(3)).await;
    server.memory()
}

fn memory(table: &mut Table, what: &str, memory: Memory, limit: Option<f64>) -> Result<()> {
    let Memory { resident, shared_out, private, peak } = memory;
    let expected = limit.map_or(String::new(), |limit| format!("< {limit} MB"));
    let measured =
        format!("{resident:.1} MB resident, {private:.1} private, {shared_out:.1} PSS, {peak:.1} at most");
    table.add(what, &expected, measured, String::new(), limit.map(|limit| resident < limit))
}

/// What the files take, by the event.
fn disk(data: &Path, events: u64, table: &mut Table) -> Result<()> {
    let (mut log, mut views) = (0, 0);
    for entry in std::fs::read_dir(data)? {
        let entry = entry?;
        let bytes = entry.metadata()?.len();
        match entry.file_name().to_string_lossy() {
            name if name.starts_with("log.db") => log += bytes,
            name if name.starts_with("views-") => views += bytes,
            _ => {}
        }
    }
    ensure!(log > 0 && views > 0, "log and read models are where they were looked for");
    let each = |bytes: u64| bytes as f64 / events as f64;
    table.add(
        &format!("files of {events} events"),
        "",
        format!("log {:.0} bytes an event, read models {:.0}", each(log), each(views)),
        String::new(),
        None,
    )
}

async fn triage_one_by_one(
    server: &Server,
    client: &Client,
    ids: &[String],
    table: &mut Table,
) -> Result<()> {
    let requests = ids
        .iter()
        .map(|id| {
            client.patch(
                &format!("/api/findings/{id}"),
                &json!({ "status": "ACCEPTED_RISK", "statusNote": "behind a proxy" }),
            )
        })
        .collect();
    let measured = load(server, client, 8, requests, Until::AllSent).await?;
    let spell = Until::Elapsed(Duration::from_secs(2));
    let reads = ids.iter().map(|id| client.get(&format!("/api/findings/{id}"))).collect();
    let reads = load(server, client, 8, reads, spell).await?;
    table.add(
        "triage of one finding, 8 connections",
        "< 0.5 ms CPU",
        format!("{:.3} ms CPU, {:.0}/s", measured.cpu_ms(), measured.rate()),
        format!(
            "reading the finding {:.3} ms CPU: {:.2} times",
            reads.cpu_ms(),
            measured.cpu_ms() / reads.cpu_ms()
        ),
        Some(measured.cpu_ms() < 0.5),
    )
}

async fn start_again(data: &Path, client: &Client, head: u64, table: &mut Table) -> Result<()> {
    let mut times = Vec::new();
    for _ in 0..5 {
        let server = Server::start(data)?;
        let client = Client { address: server.address.clone(), ..client.clone() };
        times.push(ready(&server, &client).await?.as_secs_f64());
        if times.len() == 5 {
            let idle = idle(&server).await?;
            memory(table, &format!("memory idle after a start with {head} events"), idle, Some(60.0))?;
        }
        server.end()?;
    }
    times.sort_by(f64::total_cmp);
    let began = Instant::now();
    scanledger(data, &["version"]).output()?;
    let bare = began.elapsed().as_secs_f64();
    table.add(
        &format!("start to ready with {head} events"),
        "< 1 s",
        format!("{:.3} s", times[2]),
        format!("`scanledger version` {bare:.3} s"),
        Some(times[2] < 1.0),
    )
}
