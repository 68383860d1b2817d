//! What scans cost, from upload to completed.

use crate::client::{Client, Until, load};
use crate::process::{Server, cpu_of, scanledger};
use crate::table::{Table, say};
use crate::tree::{SECRETS_A_FILE, Tree};
use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::path::Path;
use std::time::{Duration, Instant};

/// How often each figure is measured; the median counts.
const ROUNDS: usize = 3;
/// Files of the tree with 10,000 findings.
const FILES: usize = 1_000;
/// How long a scan may take.
const PATIENCE: Duration = Duration::from_secs(300);
/// Between two looks at a scan.
const LOOK: Duration = Duration::from_millis(20);

/// A scan that is completed.
pub struct Scanned {
    /// Its id.
    pub scan: String,
    /// Its project.
    pub project: String,
    /// What it found.
    pub findings: usize,
    /// Not there before.
    pub new: u64,
    /// Not there any more.
    pub fixed: u64,
    /// Processor time of the server, in seconds.
    pub cpu: f64,
    /// In seconds.
    pub wall: f64,
}

impl Scanned {
    fn cpu_ms(&self) -> f64 {
        self.cpu * 1e3 / self.findings as f64
    }
}

/// Uploads and waits until the scan is completed and the read model has reached the head.
pub async fn scan(server: &Server, client: &Client, project: &str, archive: &[u8]) -> Result<Scanned> {
    let (cpu, began) = (server.cpu()?, Instant::now());
    let boundary = "a-boundary-that-no-archive-contains";
    let mut body = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"newProjectName\"\r\n\r\n{project}\r\n\
         --{boundary}\r\nContent-Disposition: form-data; name=\"source\"; filename=\"tree.tar.gz\"\r\n\
         Content-Type: application/gzip\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(archive);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    let media_type = format!("multipart/form-data; boundary={boundary}");
    let queued = client.ask(&client.request("POST", "/api/scans", &media_type, &body)).await?;
    let id = text(&queued["scanId"])?;
    let mut connection = client.connect().await?;
    let request = client.get(&format!("/api/scans/{id}"));
    let shown = loop {
        let (_, body) = connection.round_trip(&request).await?;
        let shown: Value = serde_json::from_slice(body)?;
        match shown["status"].as_str() {
            Some("COMPLETED") => break shown,
            Some("QUEUED" | "RUNNING") if began.elapsed() < PATIENCE => tokio::time::sleep(LOOK).await,
            _ => bail!("the scan should have been completed: {shown}"),
        }
    };
    let wall = began.elapsed().as_secs_f64();
    Ok(Scanned {
        scan: id,
        project: text(&queued["projectId"])?,
        findings: usize::try_from(shown["_count"]["findings"].as_u64().context("a number of findings")?)?,
        new: shown["newCount"].as_u64().context("a number")?,
        fixed: shown["fixedCount"].as_u64().context("a number")?,
        cpu: server.cpu()? - cpu,
        wall,
    })
}

fn text(value: &Value) -> Result<String> {
    Ok(value.as_str().context("a text")?.to_owned())
}

/// The head of the log.
pub async fn head(client: &Client) -> Result<u64> {
    client.ask(&client.get("/health/ready")).await?["head"].as_u64().context("a head")
}

/// Waits until nothing is left to be done after a scan.
pub async fn settle(server: &Server) -> Result<()> {
    loop {
        let before = server.cpu()?;
        tokio::time::sleep(Duration::from_millis(300)).await;
        if server.cpu()? - before < 0.015 {
            return Ok(());
        }
    }
}

#[derive(Deserialize)]
struct Stored<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// Events and bytes of their data behind a position.
async fn written(client: &Client, after: u64) -> Result<(usize, usize, Vec<String>)> {
    let request = client.get(&format!("/api/events?after={after}&limit=1000"));
    let body = client.ask_bytes(&request).await?;
    let events: Vec<Stored<'_>> = serde_json::from_slice(&body)?;
    let bytes = events.iter().map(|event| event.data.get().len()).sum();
    Ok((events.len(), bytes, events.iter().map(|event| event.kind.to_owned()).collect()))
}

/// 10,000 findings, and the same again.
pub async fn measure(server: &Server, client: &Client, folder: &Path, table: &mut Table) -> Result<()> {
    let (mut firsts, mut agains, mut local) = (Vec::new(), Vec::new(), Vec::new());
    let mut behind = (0, 0, Vec::new());
    let file = folder.join("tree.tar.gz");
    for round in 0..ROUNDS {
        let archive = Tree { seed: 100 + round as u64, files: FILES, without: 0 }.archive()?;
        let project = format!("small {round}");
        let first = scan(server, client, &project, &archive).await?;
        ensure!(first.findings == FILES * SECRETS_A_FILE, "{} findings", first.findings);
        settle(server).await?;
        let before = head(client).await?;
        let again = scan(server, client, &project, &archive).await?;
        ensure!((again.new, again.fixed) == (0, 0), "the same again is nothing new");
        behind = written(client, before).await?;
        settle(server).await?;
        std::fs::write(&file, &archive)?;
        let path = file.to_string_lossy().into_owned();
        let command = scanledger(&folder.join("none"), &["scan", &path, "--format", "json"]);
        local.push(cpu_of(command)? * 1e3 / first.findings as f64);
        firsts.push((first.cpu_ms(), first.wall));
        agains.push((again.cpu_ms(), again.wall));
    }
    let (first, again) = (median(firsts), median(agains));
    local.sort_by(f64::total_cmp);
    let local = local[ROUNDS / 2];
    let baseline = |measured: f64| {
        format!("`scanledger scan` of the same archive {local:.4} ms: {:.2} times", measured / local)
    };
    let shown = |(cpu, wall): (f64, f64)| format!("{cpu:.4} ms CPU a finding ({wall:.2} s)");
    table.add(
        "scan with 10,000 findings",
        "< 0.2 ms CPU a finding",
        shown(first),
        baseline(first.0),
        Some(first.0 < 0.2),
    )?;
    table.add(
        "the same again",
        "< 0.05 ms CPU a finding",
        shown(again),
        baseline(again.0),
        Some(again.0 < 0.05),
    )?;
    let (events, bytes, kinds) = behind;
    table.add(
        "events of the same again",
        "≤ 6, data < 2 KB",
        format!("{events} events, {bytes} bytes"),
        kinds.join(", "),
        Some(events <= 6 && bytes < 2_048),
    )
}

/// The figures of the round with the median processor time.
fn median(mut rounds: Vec<(f64, f64)>) -> (f64, f64) {
    rounds.sort_by(|a, b| a.0.total_cmp(&b.0));
    rounds[rounds.len() / 2]
}

/// A project with 100,000 findings.
pub async fn fill(server: &Server, client: &Client, tree: &Tree, table: &mut Table) -> Result<Scanned> {
    let archive = tree.archive()?;
    let scanned = scan(server, client, "large", &archive).await?;
    settle(server).await?;
    ensure!(scanned.findings == tree.files * SECRETS_A_FILE, "{} findings", scanned.findings);
    table.add(
        "scan with 100,000 findings",
        "",
        format!("{:.4} ms CPU a finding ({:.2} s)", scanned.cpu_ms(), scanned.wall),
        format!("archive of {:.1} MiB", archive.len() as f64 / 1_048_576.0),
        None,
    )?;
    Ok(scanned)
}

/// All findings of a scan, in the order of a list.
pub async fn ids(client: &Client, scan: &str) -> Result<Vec<String>> {
    let mut connection = client.connect().await?;
    let mut ids = Vec::new();
    for page in 1.. {
        let path = format!("/api/scans/{scan}/findings?limit=500&sort=created&page={page}");
        let (status, body) = connection.round_trip(&client.get(&path)).await?;
        ensure!(status == 200, "{status}: {}", String::from_utf8_lossy(body));
        let found: Value = serde_json::from_slice(body)?;
        let rows = found["findings"].as_array().context("a list")?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            ids.push(text(&row["id"])?);
        }
    }
    Ok(ids)
}

/// Decides about many findings, 500 at a time.
pub async fn triage(server: &Server, client: &Client, ids: &[String], status: &str) -> Result<()> {
    let requests = ids
        .chunks(500)
        .map(|ids| {
            client.patch("/api/findings/bulk", &serde_json::json!({ "findingIds": ids, "status": status }))
        })
        .collect();
    load(server, client, 1, requests, Until::AllSent).await?;
    Ok(())
}

/// 20 rescans of a large project with 5,000 triages before each. Answers the position after a third of both, and
/// how many rescans there were in `limit`.
pub async fn history(
    server: &Server,
    client: &Client,
    tree: &Tree,
    ids: &[String],
    rescans: usize,
    limit: Duration,
) -> Result<(u64, usize)> {
    let began = Instant::now();
    let share = ids.len().div_ceil(rescans);
    let (mut third, mut done) = (0, 0);
    for (n, ids) in ids.chunks(share).enumerate() {
        triage(server, client, ids, ["ACCEPTED_RISK", "FALSE_POSITIVE", "IN_PROGRESS"][n % 3]).await?;
        if began.elapsed() < limit {
            let archive = Tree { without: (n + 1) * 5, ..*tree }.archive()?;
            let scanned = scan(server, client, "large", &archive).await?;
            say(&format!(
                "  rescan {}: {:.2} s, {:.2} s CPU, {} fixed",
                n + 1,
                scanned.wall,
                scanned.cpu,
                scanned.fixed
            ))?;
            done += 1;
        }
        if n == rescans / 3 {
            settle(server).await?;
            third = head(client).await?;
        }
    }
    settle(server).await?;
    Ok((third, done))
}
