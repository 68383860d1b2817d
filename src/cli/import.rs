//! `scanledger import …`.

mod batches;
mod line;

use super::options::ImportCommand;
use super::output::{Bar, Exit, json, line, notice};
use crate::data::DataFolder;
use crate::log::OpenLog;
use crate::log::sealed::is_opened_by;
use crate::log::taking::{Batch, Taking};
use crate::operations::Progress;
use crate::place::LogPlace;
use anyhow::{Result, bail};
use batches::Batches;
use scanledger_domain::log::{ImportLog, Position};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

pub(super) async fn run(command: ImportCommand) -> Result<Exit> {
    let ImportCommand::Events { data, source, json: wanted } = command;
    let bar = Bar::new();
    let mut batches = Batches::open(&source)?;
    // Read before anything is made, so that a file that is no export leaves nothing behind.
    let Some(first) = batches.next().await? else { bail!("there are no events in {}", shown(&source)) };
    let folder = data.folder();
    folder.create()?;
    let Some(_lock) = folder.try_lock()? else {
        bail!("another process has the data folder {}: an import needs it alone", folder.root().display());
    };
    let began = Instant::now();
    let log = OpenLog::open(&data.log, &folder).await?;
    let Some(importer) = log.importer() else {
        bail!("the store of {} cannot take over events with their positions and times", data.log);
    };
    let outcome = take_over(importer, &folder, &data.log, first, &mut batches, &bar).await;
    log.close().await;
    bar.finish();
    let taken = outcome?;
    let (events, skipped, head) = (taken.written(), taken.known(), taken.head());
    let seconds = began.elapsed().as_secs_f64();
    if wanted.wanted {
        json(
            &serde_json::json!({ "position": head, "events": events, "skipped": skipped, "seconds": seconds }),
        );
    } else {
        let known = if skipped > 0 { format!("; {skipped} were there already") } else { String::new() };
        line(&format!("imported {events} events up to position {head} in {seconds:.2} s{known}"));
    }
    if !folder.has_state(&data.log).await? {
        notice(&missing(&data.log));
    }
    Ok(Exit::Done)
}

async fn take_over(
    log: Arc<dyn ImportLog>,
    folder: &DataFolder,
    place: &LogPlace,
    first: Batch,
    batches: &mut Batches,
    bar: &Bar,
) -> Result<Taking> {
    let mut taking = Taking::begin(log).await?;
    if taking.head() == Position::START {
        refuse_other_keys(folder, place, &first).await?;
    }
    let mut next = Some(first);
    while let Some(batch) = next {
        taking.take(batch).await?;
        let (what, done, total) = batches.progress();
        bar.tell(Progress { what, done, total });
        next = batches.next().await?;
    }
    Ok(taking)
}

/// Makes sure that keys which are there already are those of the log that comes: a server that was started too early
/// has made others.
async fn refuse_other_keys(folder: &DataFolder, place: &LogPlace, first: &Batch) -> Result<()> {
    if !folder.has_key()? || !folder.has_state(place).await? {
        return Ok(());
    }
    let state = folder.state_of(place, false).await?;
    let events = first.events.clone();
    let are_its = tokio::task::spawn_blocking(move || is_opened_by(&events, &*state.vault)).await??;
    if !are_its {
        bail!(
            "the keys that are there already are not those of this log, and nothing personal in it could be read \
             with them: name an empty place, or copy the keys of the old installation first"
        );
    }
    Ok(())
}

/// What a place with nothing but a log needs before it is served.
fn missing(place: &LogPlace) -> String {
    let how = match place {
        LogPlace::Folder | LogPlace::Kurrent(_) => {
            "copy server.key, state.db and blobs without blobs/owner of the old installation into the data folder"
        }
        LogPlace::Postgres(_) => {
            "run `scanledger backup` on the old installation and `scanledger restore` here, which compares these \
             events and brings keys, signed checkpoints and blobs"
        }
    };
    format!("the log is not everything, and is not served without the keys that it was sealed with: {how}")
}

fn shown(source: &Path) -> String {
    if source == Path::new("-") { "standard input".to_owned() } else { source.display().to_string() }
}
