//! `scanledger demo`: the whole product on a sample project. After set-up and the import of advisories, everything
//! goes through HTTP, as any client would do it.

mod client;
mod sample;
mod show;

use super::options::DemoOptions;
use super::output::{Bar, Exit};
use super::serve::StopSignals;
use crate::data::DataFolder;
use crate::operations::{Made, Operation, Outcome, Progress, Tell, perform};
use crate::server::{RunningServer, ServerOptions, start};
use anyhow::{Context, Result, bail};
use client::{Client, Finding, Queued, Scan};
use show::Show;
use std::sync::Arc;
use std::time::Instant;
use tempfile::TempDir;

pub(super) async fn run(options: DemoOptions) -> Result<Exit> {
    let mut stop = StopSignals::new()?;
    let scratch =
        tempfile::Builder::new().prefix("scanledger-demo-").tempdir().context("while making a folder")?;
    let data = options.data.clone().unwrap_or_else(|| scratch.path().join("data"));
    let folder = DataFolder::new(&data);
    if folder.exists() {
        bail!("there is data in {} already: name another folder, or leave --data out", data.display());
    }
    let server = start(ServerOptions { listen: options.listen, ..ServerOptions::new(&data) }).await?;
    let show = Show::new(&folder, options.data.is_some());
    let told = tokio::select! {
        told = Box::pin(tell(&server, &show, &scratch)) => told,
        () = stop.wait() => Err(anyhow::anyhow!("the demo was interrupted")),
    };
    if let Ok(key) = &told {
        show.links(&server.url(), key, options.exit);
        if !options.exit {
            stop.wait().await;
        }
    }
    let stopped = server.shutdown().await;
    told?;
    stopped?;
    Ok(Exit::Done)
}

/// The story; answers the key with which it went.
async fn tell(server: &RunningServer, show: &Show, scratch: &TempDir) -> Result<String> {
    show.title();
    let made = set_up(server).await?;
    show.set_up();
    show.advisories(&import(server, scratch).await?);
    let client = Client::try_new(&server.url(), &made.api_key)?;

    let shop = sample::shop()?;
    show.upload(&shop, "POST /api/scans");
    let (queued, first) = scan(&client, show, shop.bytes, None).await?;
    let found = client.findings(&first.id, None).await?.body;
    show.findings(&found);

    let (false_alarm, accepted) = choose(&found)?;
    let note = "revoked in March; the runbook shows how it looked";
    let decided = client.triage(&false_alarm.id, "FALSE_POSITIVE", note).await?;
    let before = decided.position.context("the server named no position")?.saturating_sub(1);
    show.triaged(&decided.body, note);
    let note = "dates come from our own database only; to be replaced";
    show.triaged(&client.triage(&accepted.id, "ACCEPTED_RISK", note).await?.body, note);

    let upgraded = sample::upgraded_shop()?;
    show.upload(&upgraded, "the same project, one dependency upgraded");
    let (_, second) = scan(&client, show, upgraded.bytes, Some(&queued)).await?;
    let diff = client.diff(&queued.project_id, &first.id, &second.id).await?;
    show.changes(&diff, &second);
    show.gate(&client.verdict(&second.id).await?);

    let then = client.findings(&first.id, Some(before)).await?.body;
    let today = client.findings(&first.id, None).await?.body;
    show.time_travel(before, &first, &then, &today);
    show.audit(&client.audit().await?);
    Ok(made.api_key)
}

async fn set_up(server: &RunningServer) -> Result<Made> {
    let operation = Operation::SetUp {
        organization: "Demo".to_owned(),
        name: "Demo".to_owned(),
        email: "demo@example.com".to_owned(),
        password: None,
    };
    let quiet: Tell = Arc::new(|_| ());
    match perform(&server.engine, operation, quiet).await? {
        Outcome::SetUp(made) => Ok(made),
        _ => super::operate::unexpected(),
    }
}

async fn import(server: &RunningServer, scratch: &TempDir) -> Result<Vec<(String, u64)>> {
    let folder = scratch.path().join("advisories");
    std::fs::create_dir(&folder).context("while making a folder for advisories")?;
    let sources = sample::write_advisories(&folder)?;
    let bar = Bar::new();
    let shown = bar.clone();
    let tell: Tell = Arc::new(move |progress| shown.tell(progress));
    let imported = perform(&server.engine, Operation::ImportAdvisories { sources }, tell).await?;
    bar.finish();
    let Outcome::Imported(summary) = imported else { return super::operate::unexpected() };
    Ok(summary.files.into_iter().map(|file| (file.ecosystems.join(", "), file.records)).collect())
}

/// Uploads a source and waits for its scan, with progress.
async fn scan(client: &Client, show: &Show, archive: Vec<u8>, to: Option<&Queued>) -> Result<(Queued, Scan)> {
    let began = Instant::now();
    let queued = client.upload(archive, "shop", to.map(|queued| queued.project_id.as_str())).await?;
    let bar = Bar::new();
    let mut seen: Vec<String> = vec![];
    let scan = client
        .wait_for(&queued.scan_id, |scan| {
            if seen.last() != Some(&scan.status) {
                seen.push(scan.status.clone());
            }
            let running = scan.scanner_progress.values();
            let (done, total) =
                running.fold((0, 0), |sum, one| (sum.0 + one.files_completed, sum.1 + one.files_total));
            if total > 0 {
                bar.tell(Progress { what: format!("scan {}", scan.status), done, total: Some(total) });
            }
        })
        .await;
    bar.finish();
    let scan = scan?;
    show.scanned(&scan, &seen, began.elapsed());
    Ok((queued, scan))
}

/// The two findings that are triaged: a secret in the documentation, and a dependency of little weight that the
/// upgrade leaves alone.
fn choose(found: &[Finding]) -> Result<(&Finding, &Finding)> {
    let is_documentation =
        |finding: &&Finding| finding.file_path.as_deref().is_some_and(|path| path.starts_with("docs/"));
    let is_dependency = |finding: &&Finding| finding.scanner == "SCA" && finding.package() != Some("lodash");
    let secret =
        found.iter().find(is_documentation).context("the sample has no secret in its documentation")?;
    let moment = found.iter().find(|finding| finding.package() == Some("moment"));
    let dependency = moment.or_else(|| found.iter().rfind(is_dependency));
    Ok((secret, dependency.context("the sample has no vulnerable dependency")?))
}
