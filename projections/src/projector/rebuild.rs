//! Building read models anew, beside the ones that serve.

use super::Writer;
use super::batch::Decoded;
use super::follow::{ProjectorError, Shared, decode};
use crate::history::{is_there, read_on};
use crate::store::{File, next_path};
use scanledger_domain::log::{EventLog, Position};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Events read from the log at once.
pub(super) const READ_EVENTS: usize = 2_000;
/// Events in one transaction of a build: long enough that commits do not count.
const BUILD_EVENTS: usize = 20_000;
/// How near to the head a build has to be before the old file stops being written.
const NEARLY_THERE: u64 = 5_000;

/// Builds the views of a log into `path`, up to `until` or the end of the log, whichever comes first; answers how far
/// they are. The file is made if it is not there; one that holds views of this log is gone on with. For `verify`
/// and `replay`.
///
/// # Errors
/// When the log cannot be read, an event cannot be decoded, or the file cannot be written or holds the views of another
/// log.
pub async fn build(
    path: &Path,
    log: &Arc<dyn EventLog>,
    until: Position,
    progress: Arc<dyn Fn(Position, Position) + Send + Sync>,
) -> Result<Position, ProjectorError> {
    let writer = begin(path, log)?;
    let writer = advance(writer, log, until, &progress).await?;
    let position = writer.position();
    finish(writer).await?;
    Ok(position)
}

fn begin(path: &Path, log: &Arc<dyn EventLog>) -> Result<Writer, ProjectorError> {
    let mut writer = Writer::open(path, log.identity())?.ok_or(ProjectorError::Cancelled)?;
    writer.build_mode()?;
    Ok(writer)
}

async fn finish(writer: Writer) -> Result<(), ProjectorError> {
    tokio::task::spawn_blocking(move || writer.close()).await.map_err(|_| ProjectorError::Cancelled)??;
    Ok(())
}

/// Reads and decodes on this task while a blocking thread applies.
async fn advance(
    mut writer: Writer,
    log: &Arc<dyn EventLog>,
    until: Position,
    progress: &Arc<dyn Fn(Position, Position) + Send + Sync>,
) -> Result<Writer, ProjectorError> {
    let (sender, mut receiver) = tokio::sync::mpsc::channel::<Vec<Decoded>>(4);
    let told = Arc::clone(progress);
    let (mut read_to, mut last) = writer.end();
    let applier = tokio::task::spawn_blocking(move || -> Result<Writer, ProjectorError> {
        let mut waiting: Vec<Decoded> = Vec::new();
        while let Some(batch) = receiver.blocking_recv() {
            waiting.extend(batch);
            if waiting.len() >= BUILD_EVENTS {
                writer.apply(&waiting)?;
                waiting.clear();
                told(writer.position(), until);
            }
        }
        writer.apply(&waiting)?;
        told(writer.position(), until);
        Ok(writer)
    });
    while read_to < until {
        let batch = read_on(&**log, read_to, last, READ_EVENTS).await?;
        let Some(end) = batch.last() else { break };
        (read_to, last) = (end.position, Some(end.id.0));
        let decoded = tokio::task::spawn_blocking(move || {
            decode(batch.into_iter().take_while(|recorded| recorded.position <= until))
        });
        let decoded = decoded.await.map_err(|_| ProjectorError::Cancelled)??;
        if sender.send(decoded).await.is_err() {
            break;
        }
    }
    drop(sender);
    applier.await.map_err(|_| ProjectorError::Cancelled)?
}

pub(super) async fn rebuild_and_swap(
    shared: &Arc<Shared>,
    progress: Arc<dyn Fn(Position, Position) + Send + Sync>,
) -> Result<Position, ProjectorError> {
    shared.health.lock().rebuilding = Some(Position::START);
    let path = next_path(&shared.folder);
    let building = path.with_extension("building");
    drop(std::fs::remove_file(&building));
    let outcome = build_and_swap(shared, &building, &path, progress).await;
    if outcome.is_err() {
        for ending in ["", "-wal", "-shm"] {
            drop(std::fs::remove_file(with_ending(&building, ending)));
        }
    }
    outcome
}

async fn build_and_swap(
    shared: &Arc<Shared>,
    building: &Path,
    path: &Path,
    progress: Arc<dyn Fn(Position, Position) + Send + Sync>,
) -> Result<Position, ProjectorError> {
    let noted = Arc::clone(shared);
    let progress: Arc<dyn Fn(Position, Position) + Send + Sync> = Arc::new(move |position, head| {
        noted.health.lock().rebuilding = Some(position);
        progress(position, head);
    });
    let mut writer = begin(building, &shared.log)?;
    loop {
        let head = shared.log.head().await?;
        if head.0.saturating_sub(writer.position().0) < NEARLY_THERE {
            break;
        }
        writer = advance(writer, &shared.log, head, &progress).await?;
    }
    // From here on the old file is not written, so that the new one cannot be behind what was already shown.
    let mut present = shared.writer.lock().await;
    let (shown, last) = present.as_ref().map(Writer::end).unwrap_or_default();
    let is_continued = is_there(&*shared.log, shown, last).await?;
    let writer = advance(writer, &shared.log, shown.max(shared.log.head().await?), &progress).await?;
    let (parked, broken_branches) = (writer.parked(), writer.broken());
    finish(writer).await?;
    std::fs::rename(building, path)?;
    let writer = Writer::open(path, shared.log.identity())?.ok_or(ProjectorError::Cancelled)?;
    let position = writer.position();
    let old = {
        let mut file = shared.file.write();
        // While nobody reads: what is remembered of the old file must not be taken for something of this one.
        shared.position.send_replace(position);
        let history = file.history + u64::from(!is_continued);
        std::mem::replace(&mut *file, File::new(path, history))
    };
    let replaced = present.replace(writer);
    drop(present);
    {
        let mut health = shared.health.lock();
        health.position = position;
        health.parked = parked;
        health.broken_branches = broken_branches;
        health.is_untried = false;
    }
    drop(replaced);
    tokio::spawn(remove_when_unread(old));
    Ok(position)
}

/// Removes a replaced file once the last query that began on it has ended.
async fn remove_when_unread(old: Arc<File>) {
    while Arc::strong_count(&old) > 1 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    for ending in ["", "-wal", "-shm"] {
        drop(std::fs::remove_file(with_ending(&old.path, ending)));
    }
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}
