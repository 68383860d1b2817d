//! `scanledger replay`: the read models as they were, in a file of their own.

use super::options::{AsOf, ReplayOptions};
use super::output::{Bar, Exit, json, line};
use crate::log::OpenLog;
use crate::operations::Progress;
use anyhow::{Context, Result, bail};
use scanledger_domain::log::{EventLog, Position};
use scanledger_domain::time::Timestamp;
use scanledger_projections::export::add_analyst_views;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tempfile::TempPath;

pub(super) async fn run(options: ReplayOptions) -> Result<Exit> {
    let ReplayOptions { data, as_of, out, json: wanted } = options;
    let folder = data.folder();
    folder.require(&data.log)?;
    refuse_to_overwrite(&out)?;
    let log = OpenLog::open_read_only(&data.log, &folder).await?.port();
    let position = position_of(&*log, as_of).await?;
    let began = Instant::now();
    // Beside the file that it becomes, which then takes one step.
    let beside = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let scratch = tempfile::Builder::new()
        .prefix(".replay-")
        .tempdir_in(beside)
        .with_context(|| format!("while making a folder in {}", beside.display()))?;
    let built = scratch.path().join("views.db");
    let position = build_views(&built, &log, position).await?;
    let finished = out.clone();
    tokio::task::spawn_blocking(move || -> Result<()> {
        add_analyst_views(&built).context("while adding views for people")?;
        File::open(&built)?.sync_all()?;
        put(&built, &finished)
    })
    .await??;
    let seconds = began.elapsed().as_secs_f64();
    if wanted.wanted {
        json(
            &serde_json::json!({ "position": position, "events": position, "seconds": seconds, "file": out }),
        );
    } else {
        line(&format!("replayed {position} events into {} in {seconds:.2} s", out.display()));
    }
    Ok(Exit::Done)
}

/// The position of the last event that is wanted.
pub(super) async fn position_of(log: &dyn EventLog, as_of: AsOf) -> Result<Position> {
    let head = log.head().await?;
    match as_of {
        AsOf::Now => Ok(head),
        AsOf::Position(position) if position > head => {
            bail!("position {position} is beyond the end of the log at {head}")
        }
        AsOf::Position(position) => Ok(position),
        AsOf::Instant(instant) => last_by(log, instant, head).await,
    }
}

/// The position of the last event that was recorded by `instant`: time grows with the position, so a binary search.
async fn last_by(log: &dyn EventLog, instant: Timestamp, head: Position) -> Result<Position> {
    let (mut low, mut high) = (Position::START, head);
    while low < high {
        let middle = low.0 + (high.0 - low.0).div_ceil(2);
        let found = log.read_all(Position(middle - 1), 1).await?;
        match found.first() {
            Some(event) if event.recorded_at <= instant => low = event.position,
            Some(_) | None => high = Position(middle - 1),
        }
    }
    Ok(low)
}

/// Builds the read models up to `until` into the file at `path`, or goes on with those that are there.
pub(super) async fn build_views(path: &Path, log: &Arc<dyn EventLog>, until: Position) -> Result<Position> {
    let bar = Bar::new();
    let shown = bar.clone();
    let tell = move |done: Position, until: Position| {
        shown.tell(Progress { what: "replaying events".to_owned(), done: done.0, total: Some(until.0) });
    };
    let built = scanledger_projections::build(path, log, until, Arc::new(tell)).await;
    bar.finish();
    built.context("while building read models")
}

/// Makes sure that there is nothing at `path`.
pub(super) fn refuse_to_overwrite(path: &Path) -> Result<()> {
    if path.symlink_metadata().is_ok() {
        bail!("{} is there already, and is not written over", path.display());
    }
    Ok(())
}

/// Gives a finished file its name, unless something has it by now.
pub(super) fn put(finished: &Path, path: &Path) -> Result<()> {
    TempPath::try_from_path(finished)?
        .persist_noclobber(path)
        .with_context(|| format!("while making {}", path.display()))
}
