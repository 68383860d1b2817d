//! `scanledger export parquet`.

use crate::cli::options::{AsOf, ParquetOptions};
use crate::cli::output::{Bar, Exit, json, line};
use crate::cli::replay::{build_views, position_of, put, refuse_to_overwrite};
use crate::data::DataFolder;
use crate::log::OpenLog;
use crate::operations::Progress;
use anyhow::{Context, Result};
use scanledger_domain::log::{EventLog, Position, Recorded};
use scanledger_parquet::{EventRow, FindingRow, ParquetFile, ScanRow};
use scanledger_projections::export::{ExportFile, FindingInterval, ScanInterval, Validity};
use scanledger_projections::store::snapshot;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Batches of events that wait to be written.
const WAITING: usize = 2;

const FILES: [&str; 3] = ["events.parquet", "findings.parquet", "scans.parquet"];

/// A file that was written.
#[derive(Serialize)]
struct Written {
    file: PathBuf,
    rows: u64,
    bytes: u64,
}

pub(super) async fn run(options: ParquetOptions) -> Result<Exit> {
    let ParquetOptions { data, out, as_of, json: wanted } = options;
    let folder = data.folder();
    folder.require(&data.log)?;
    for name in FILES {
        refuse_to_overwrite(&out.join(name))?;
    }
    std::fs::create_dir_all(&out).with_context(|| format!("while making {}", out.display()))?;
    let log = OpenLog::open_read_only(&data.log, &folder).await?.port();
    let position = position_of(&*log, as_of).await?;
    let scratch = tempfile::Builder::new()
        .prefix(".export-")
        .tempdir_in(&out)
        .with_context(|| format!("while making a folder in {}", out.display()))?;
    let from = (as_of == AsOf::Now).then_some(&folder);
    let (views, position) = views_up_to(position, &log, from, scratch.path()).await?;
    let [events, findings, scans] = FILES.map(|name| scratch.path().join(name));
    let mut rows = vec![write_events(&log, events.clone(), position).await?];
    let written = tokio::task::spawn_blocking(move || write_views(&views, &findings, &scans, position));
    rows.extend(written.await??);
    let mut files = Vec::new();
    for (name, rows) in FILES.into_iter().zip(rows) {
        let (finished, file) = (scratch.path().join(name), out.join(name));
        let bytes = finished.metadata().context("while looking at a written file")?.len();
        put(&finished, &file)?;
        files.push(Written { file, rows, bytes });
    }
    if wanted.wanted {
        json(&serde_json::json!({ "position": position, "files": files }));
    } else {
        for Written { file, rows, bytes } in files {
            line(&format!("{}  {rows} rows, {} KiB", file.display(), bytes.div_ceil(1024)));
        }
        line(&format!("up to position {position}"));
    }
    Ok(Exit::Done)
}

/// Read models up to `until` in a file of the folder `scratch`, and where they end. Those of the data folder `from` are
/// gone on with if they fit, which is faster than to build everything.
async fn views_up_to(
    until: Position,
    log: &Arc<dyn EventLog>,
    from: Option<&DataFolder>,
    scratch: &Path,
) -> Result<(PathBuf, Position)> {
    if let Some(folder) = from {
        let copy = scratch.join("copy.db");
        let taken = snapshot(folder.root(), &copy).context("while copying the read models")?;
        // One that cannot be gone on with is of another log; what is built from this one is right in any case.
        if taken.is_some_and(|taken| taken.position <= until)
            && let Ok(position) = build_views(&copy, log, until).await
        {
            return Ok((copy, position));
        }
    }
    let built = scratch.join("built.db");
    let position = build_views(&built, log, until).await?;
    Ok((built, position))
}

/// Writes the log up to `until`; answers how many events that was.
async fn write_events(log: &Arc<dyn EventLog>, path: PathBuf, until: Position) -> Result<u64> {
    let (sender, mut batches) = mpsc::channel::<Vec<Recorded>>(WAITING);
    let writer = tokio::task::spawn_blocking(move || -> Result<u64> {
        let mut file = ParquetFile::create(&path, until)?;
        while let Some(batch) = batches.blocking_recv() {
            for recorded in batch {
                file.push(&event_row(recorded)?)?;
            }
        }
        Ok(file.finish()?)
    });
    let bar = Bar::new();
    let mut after = Position::START;
    while after < until {
        let mut batch = log.read_all(after, super::READ_EVENTS).await?;
        let Some(last) = batch.last() else { break };
        after = last.position;
        batch.retain(|recorded| recorded.position <= until);
        // A writer that is gone has failed, and says so below.
        if sender.send(batch).await.is_err() {
            break;
        }
        bar.tell(Progress { what: "writing events".to_owned(), done: after.0, total: Some(until.0) });
    }
    drop(sender);
    bar.finish();
    writer.await?.context("while writing events.parquet")
}

/// Writes findings and scans; answers how many rows each file has.
fn write_views(views: &Path, findings: &Path, scans: &Path, position: Position) -> Result<[u64; 2]> {
    let views = ExportFile::open(views).context("while opening the read models")?;
    let mut file = ParquetFile::create(findings, position)?;
    views
        .findings(|finding| Ok::<_, anyhow::Error>(file.push(&finding_row(finding))?))
        .context("while writing findings.parquet")?;
    let findings = file.finish().context("while writing findings.parquet")?;
    let mut file = ParquetFile::create(scans, position)?;
    views
        .scans(|scan| Ok::<_, anyhow::Error>(file.push(&scan_row(scan))?))
        .context("while writing scans.parquet")?;
    let scans = file.finish().context("while writing scans.parquet")?;
    Ok([findings, scans])
}

fn event_row(recorded: Recorded) -> Result<EventRow> {
    let Recorded { position, id, stream, version, kind, schema, data, metadata, recorded_at } = recorded;
    let text = |bytes| {
        String::from_utf8(bytes).with_context(|| format!("the event at {position} is not written in UTF-8"))
    };
    let (data, metadata) = (text(data)?, text(metadata)?);
    Ok(EventRow { position, id, stream, version, kind, schema, data, metadata, recorded_at })
}

fn finding_row(interval: FindingInterval) -> FindingRow {
    let Validity { from: (valid_from, valid_from_at), to } = interval.validity;
    let (ecosystem, package) = match interval.package {
        Some(package) => (Some(package.ecosystem), Some(package.name)),
        None => (None, None),
    };
    FindingRow {
        valid_from,
        valid_from_at,
        valid_to: to.map(|(position, _)| position),
        valid_to_at: to.map(|(_, at)| at),
        finding: interval.finding,
        organization: interval.organization,
        project: interval.project,
        project_name: interval.project_name,
        branch: interval.branch,
        branch_name: interval.branch_name,
        scanner: interval.scanner,
        rule: interval.rule,
        title: interval.title,
        severity: interval.severity,
        state: interval.state,
        cwe: interval.cwe,
        cve: interval.cve,
        path: interval.path,
        line: interval.line,
        ecosystem,
        package,
        package_version: interval.package_version,
        fix: interval.fix,
        is_new: interval.is_new,
        since: interval.since,
        detected_at: interval.detected_at,
    }
}

fn scan_row(interval: ScanInterval) -> ScanRow {
    let Validity { from: (valid_from, valid_from_at), to } = interval.validity;
    let counts = interval.counts;
    ScanRow {
        valid_from,
        valid_from_at,
        valid_to: to.map(|(position, _)| position),
        valid_to_at: to.map(|(_, at)| at),
        scan: interval.scan,
        organization: interval.organization,
        project: interval.project,
        project_name: interval.project_name,
        branch_name: interval.branch_name,
        scan_type: interval.scan_type,
        commit: interval.commit,
        status: interval.status,
        run: interval.run,
        attempt: interval.attempt,
        queued_at: interval.queued_at,
        started_at: interval.started_at,
        ended_at: interval.ended_at,
        gate: interval.gate,
        critical: counts.map(|counts| counts.critical),
        high: counts.map(|counts| counts.high),
        medium: counts.map(|counts| counts.medium),
        unknown: counts.map(|counts| counts.unknown),
        low: counts.map(|counts| counts.low),
        info: counts.map(|counts| counts.info),
        new_findings: interval.new_findings,
        fixed_findings: interval.fixed_findings,
        failure: interval.failure,
    }
}
