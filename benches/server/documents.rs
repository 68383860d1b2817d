//! Documents that a client sends to be looked at for secrets, as `ggshield` does before every commit: what a request of
//! as many as it takes costs, beside what the vendor's own client costs for the same, and many clients at once.

use crate::client::{Client, Request};
use crate::process::{Server, cpu_of};
use crate::table::Table;
use crate::tree::Tree;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use tokio::task::JoinSet;

/// Documents of a request, as many as the client sends at most.
const DOCUMENTS: usize = 20;
/// Bytes of a document.
const BYTES: usize = 100_000;
/// Requests that are sent one after another, and by many clients together.
const REQUESTS: usize = 200;
/// Clients at once.
const CLIENTS: usize = 50;
/// How often the vendor's client is run.
const RUNS: usize = 5;

/// Documents without a secret, documents with ten each, then many clients.
pub async fn measure(server: &Server, client: &Client, folder: &Path, table: &mut Table) -> Result<()> {
    let vendor = Vendor::find()?;
    for secrets in [0, 10] {
        let documents: Vec<String> = (0..DOCUMENTS)
            .map(|n| Tree { seed: 77, files: DOCUMENTS, without: 0 }.document(n, secrets, BYTES))
            .collect();
        let what = format!(
            "`multiscan` of {DOCUMENTS} documents of {} KB, {secrets} secrets in each",
            BYTES / 1_000
        );
        let request = request(client, &documents);
        let alone = send(server, client, &request, 1, secrets).await?;
        let beside = match &vendor {
            Some(vendor) => {
                let place = folder.join(format!("documents-{secrets}"));
                vendor.costs(server, client, &place, &documents)?
            }
            None => "ggshield is not installed: `tests/clients/run.sh ggshield` does it".to_owned(),
        };
        table.add(&what, "", alone.told(), beside, None)?;
        let many = send(server, client, &request, CLIENTS, secrets).await?;
        table.add(
            &format!("the same from {CLIENTS} clients at once"),
            "no error",
            format!("{}; {:.0}/s, no error", many.told(), many.times.len() as f64 / many.wall),
            format!("one client {:.0}/s", alone.times.len() as f64 / alone.wall),
            Some(true),
        )?;
    }
    Ok(())
}

fn request(client: &Client, documents: &[String]) -> Request {
    let body: Vec<Value> = documents
        .iter()
        .enumerate()
        .map(|(n, document)| json!({ "filename": format!("src/file{n}.ts"), "document": document }))
        .collect();
    client.request("POST", "/v1/multiscan", "application/json", json!(body).to_string().as_bytes())
}

struct Sent {
    /// Of each request, in milliseconds, in order of size.
    times: Vec<f64>,
    /// Of all, in seconds.
    wall: f64,
    /// Processor time of the server for a request, in milliseconds.
    cpu: f64,
}

impl Sent {
    fn told(&self) -> String {
        let at = |share: f64| self.times[(self.times.len() as f64 * share) as usize];
        format!("p50 {:.1} ms, p99 {:.1} ms, {:.1} ms CPU a request", at(0.5), at(0.99), self.cpu)
    }
}

/// Sends it [`REQUESTS`] times from `clients` connections. Each answer must have a result for every document, with as
/// many findings as there are secrets.
async fn send(
    server: &Server,
    client: &Client,
    request: &Request,
    clients: usize,
    secrets: usize,
) -> Result<Sent> {
    let answer: Value = client.ask(request).await?;
    let results = answer.as_array().context("an array")?;
    ensure!(results.len() == DOCUMENTS, "{} results", results.len());
    for result in results {
        ensure!(result["policy_break_count"] == secrets, "{result}");
    }
    let length = client.ask_bytes(request).await?.len();
    let next = Arc::new(AtomicUsize::new(0));
    let mut open = Vec::with_capacity(clients);
    for _ in 0..clients {
        open.push(client.connect().await?);
    }
    let (cpu, began) = (server.cpu()?, Instant::now());
    let mut workers = JoinSet::new();
    for mut connection in open {
        let (next, request) = (Arc::clone(&next), Arc::clone(request));
        workers.spawn(async move {
            let mut times = vec![];
            while next.fetch_add(1, Ordering::Relaxed) < REQUESTS {
                let began = Instant::now();
                let (status, body) = connection.round_trip(&request).await?;
                ensure!(status == 200 && body.len() == length, "{status}: {}", String::from_utf8_lossy(body));
                times.push(began.elapsed().as_secs_f64() * 1e3);
            }
            Ok(times)
        });
    }
    let mut times = vec![];
    while let Some(worker) = workers.join_next().await {
        times.extend(worker??);
    }
    let (cpu, wall) = (server.cpu()? - cpu, began.elapsed().as_secs_f64());
    times.sort_by(f64::total_cmp);
    Ok(Sent { cpu: cpu * 1e3 / times.len() as f64, times, wall })
}

/// GitGuardian's own client.
struct Vendor(PathBuf);

impl Vendor {
    /// Where `tests/clients/run.sh` puts it.
    fn find() -> Result<Option<Self>> {
        let clients = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../clients");
        let Ok(entries) = std::fs::read_dir(clients) else { return Ok(None) };
        for entry in entries {
            let entry = entry?;
            let program = entry.path().join("bin/ggshield");
            if entry.file_name().to_string_lossy().starts_with("ggshield-") && program.exists() {
                return Ok(Some(Self(program.canonicalize()?)));
            }
        }
        Ok(None)
    }

    /// Its own processor time for a folder with the documents and for one with a single empty line, medians; and the
    /// server's for the first.
    fn costs(&self, server: &Server, client: &Client, place: &Path, documents: &[String]) -> Result<String> {
        let (full, empty) = (place.join("full"), place.join("empty"));
        std::fs::create_dir_all(&full)?;
        std::fs::create_dir_all(&empty)?;
        for (n, document) in documents.iter().enumerate() {
            std::fs::write(full.join(format!("file{n}.ts")), document)?;
        }
        std::fs::write(empty.join("file.ts"), "\n")?;
        let (mut ours, mut theirs, mut start) = (vec![], vec![], vec![]);
        for _ in 0..RUNS {
            let before = server.cpu()?;
            theirs.push(cpu_of(self.command(client, place, &full))? * 1e3);
            ours.push((server.cpu()? - before) * 1e3);
            start.push(cpu_of(self.command(client, place, &empty))? * 1e3);
        }
        let [ours, theirs, start] = [ours, theirs, start].map(|mut times| {
            times.sort_by(f64::total_cmp);
            times[RUNS / 2]
        });
        Ok(format!(
            "`ggshield secret scan path` of the same: {theirs:.0} ms CPU of its own, {start:.0} of them for nothing to scan; \
             {ours:.0} of the server"
        ))
    }

    fn command(&self, client: &Client, place: &Path, folder: &Path) -> Command {
        let mut command = Command::new(&self.0);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", place)
            .env("LANG", "C.UTF-8")
            .env("GITGUARDIAN_INSTANCE", format!("http://{}", client.address))
            .env("GITGUARDIAN_API_KEY", &client.key)
            .env("GITGUARDIAN_ALLOW_INSECURE", "1")
            .current_dir(place)
            .args(["--no-check-for-updates", "secret", "scan", "path", "--recursive", "--yes", "--exit-zero"])
            .arg(folder);
        command
    }
}
