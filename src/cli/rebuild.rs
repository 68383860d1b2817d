//! `scanledger rebuild`.

use super::operate::{Missing, operate, unexpected};
use super::options::RebuildOptions;
use super::output::{Bar, Exit, json, line};
use crate::control;
use crate::log::OpenLog;
use crate::operations::{Operation, Outcome, Progress};
use anyhow::{Result, bail};
use scanledger_projections::Projector;
use std::sync::Arc;

pub(super) async fn run(options: RebuildOptions) -> Result<Exit> {
    let (position, seconds) = if options.prepare { prepare(&options).await? } else { swap(&options).await? };
    // A log too short to be timed was built at once.
    let rate = (position as f64 / seconds.max(0.001)).round();
    if options.json.wanted {
        json(&serde_json::json!({ "position": position, "seconds": seconds, "eventsPerSecond": rate }));
    } else {
        line(&format!("built up to position {position} in {seconds:.2} s, {rate} events/s"));
    }
    Ok(Exit::Done)
}

async fn swap(options: &RebuildOptions) -> Result<(u64, f64)> {
    match operate(&options.store, Missing::Refuse, Operation::Rebuild).await? {
        Outcome::Rebuilt { position, seconds, .. } => Ok((position, seconds)),
        _ => unexpected(),
    }
}

/// Follows the log with this version's read models, beside whatever server runs.
async fn prepare(options: &RebuildOptions) -> Result<(u64, f64)> {
    let folder = options.store.data.folder();
    folder.require(&options.store.data.log)?;
    let lock = folder.try_lock()?;
    let log = match &lock {
        Some(_) => OpenLog::open(&options.store.data.log, &folder).await?,
        None => OpenLog::open_read_only(&options.store.data.log, &folder).await?,
    };
    let log = log.port();
    if lock.is_none() {
        let served = control::ask(&folder.socket(), &Operation::Revision, &|_| ()).await?;
        if matches!(served, Outcome::Revision { revision } if revision == scanledger_projections::store::revision())
        {
            bail!(
                "the running server serves these read models already; `rebuild` without --prepare builds them anew"
            );
        }
    }
    let bar = Bar::new();
    let began = std::time::Instant::now();
    let projector = Projector::prepare(folder.root(), Arc::clone(&log)).await?;
    let head = log.head().await?.0;
    bar.tell(Progress { what: "events".to_owned(), done: 0, total: Some(head) });
    let position = projector.catch_up().await?;
    bar.finish();
    projector.close().await?;
    Ok((position.0, began.elapsed().as_secs_f64()))
}
