//! Read models for nodes that join: a copy in the blob store now and then, from which a new node goes on; and those of
//! former versions, which nobody reads any more.

#[cfg(test)]
mod tests;

use super::copies::{Copies, Copy, Newest};
use super::erasure::{keep, reached};
use crate::adapters::{SystemClock, TimeOrderedIds};
use crate::data::{DataFolder, node_id};
use crate::server::Engine;
use anyhow::{Context, Result};
use parking_lot::Mutex;
use scanledger_commands::ports::Checkpoints;
use scanledger_domain::blob::{BlobHash, BlobStore};
use scanledger_domain::id::{EventId, Ids};
use scanledger_domain::log::{EventLog, LogError, Position};
use scanledger_domain::time::Clock;
use scanledger_projections::store::{
    Others, Snapshot, adopt, has_views, remove_other_revisions, revision, snapshot,
};
use scanledger_projections::{Health, Views};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::num::NonZeroU64;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::watch;
use uuid::Uuid;

/// Events after which another copy is worth its bytes, unless somebody says otherwise; a node that joins has no more
/// than these to apply, and what came while it did.
pub const VIEWS_EVENTS: NonZeroU64 = NonZeroU64::new(50_000).expect("it is not zero");
/// How often the distance is looked at.
const LOOK: Duration = Duration::from_secs(30);
/// How long to wait at most after a copy could not be made or stored.
const LATER: Duration = Duration::from_secs(5 * 60);
/// Bytes that are hashed at once.
const HASH_BYTES: usize = 256 * 1024;

/// Gives a folder without read models the newest copy, if there is one.
///
/// # Errors
/// When the state store, the blob store or the folder fails.
pub async fn join(
    folder: &DataFolder,
    checkpoints: Arc<dyn Checkpoints>,
    blobs: Arc<dyn BlobStore>,
) -> Result<Option<u64>> {
    if has_views(folder.root()) {
        return Ok(None);
    }
    let copies = Copies::new(Arc::clone(&checkpoints), Arc::clone(&blobs));
    let newest = copies.newest(revision()).await.context("while looking for read models of other nodes")?;
    let Some(Newest { copy: Copy { blob, position, .. }, erased }) = newest else { return Ok(None) };
    let scratch = scratch(folder)?;
    let path = scratch.path().join("views.db");
    blobs.load_to_file(blob, &path).await.context("while fetching read models of another node")?;
    note_erasures(folder, checkpoints, erased).await.context("while noting who is forgotten in them")?;
    let taken = adopt(folder.root(), &path).context("while taking over read models of another node")?;
    Ok(taken.then_some(position.0))
}

/// Notes that a node without read models of this revision has done its part in the erasures up to `erased`, before it
/// takes over what another one built after them: the keys were deleted then, and what may be left here of the people is
/// in files of other versions.
async fn note_erasures(
    folder: &DataFolder,
    checkpoints: Arc<dyn Checkpoints>,
    erased: Position,
) -> Result<()> {
    let node = node_id(folder, || TimeOrderedIds.fresh())?;
    let root = folder.root().to_owned();
    let noting = tokio::task::spawn_blocking(move || -> Result<()> {
        if reached(&*checkpoints, node)? < erased {
            remove_other_revisions(&root, Others::All)?;
            keep(&*checkpoints, node, erased)?;
        }
        Ok(())
    });
    noting.await?
}

/// What copies read models for other nodes.
pub struct Sharing {
    folder: DataFolder,
    node: Uuid,
    views: Views,
    log: Arc<dyn EventLog>,
    checkpoints: Arc<dyn Checkpoints>,
    blobs: Arc<dyn BlobStore>,
    events: NonZeroU64,
    /// A copy that ended beyond the log at the last look.
    beyond: Mutex<Option<BlobHash>>,
}

impl Sharing {
    /// Of the read models of an engine; a copy is worth its bytes after so many `events`.
    pub fn new(engine: &Engine, events: NonZeroU64) -> Self {
        Self {
            folder: engine.folder.clone(),
            node: engine.node,
            views: engine.projector.views(),
            log: engine.event_log(),
            checkpoints: Arc::clone(&engine.state.checkpoints) as _,
            blobs: Arc::clone(&engine.blobs),
            events,
            beyond: Mutex::default(),
        }
    }

    /// Keeps a copy of the read models in the blob store that is no older than so many events, until `stopped`. What
    /// cannot be copied or stored is tried again, less and less often, because each attempt reads all of them.
    ///
    /// # Errors
    /// When the list of copies cannot be read.
    pub async fn run(self, mut stopped: watch::Receiver<bool>) -> Result<()> {
        let copies = Copies::new(Arc::clone(&self.checkpoints), Arc::clone(&self.blobs));
        let (mut is_shared, mut is_swept, mut pause) = (true, true, LOOK);
        loop {
            let newest = self.newest(&copies).await?;
            let from = newest.map_or(0, |copy| copy.position.0);
            let shared = match self.views.position().0 >= from.saturating_add(self.events.get()) {
                true => self.share(&copies).await,
                false => Ok(Shared::Done),
            };
            let swept = copies.sweep().await;
            // Each is said once, however long it goes on.
            if let (Err(error), true) = (&shared, is_shared) {
                tracing::warn!("read models are copied for nodes that join later: {error:#}");
            }
            if let (Err(error), true) = (&swept, is_swept) {
                tracing::warn!("older copies of read models are removed later: {error:#}");
            }
            (is_shared, is_swept) = (shared.is_ok(), swept.is_ok());
            pause = match shared {
                Ok(Shared::Done) => LOOK,
                Ok(Shared::InVain) | Err(_) => (2 * pause).min(LATER),
            };
            tokio::select! {
                _ = stopped.wait_for(|stop| *stop) => return Ok(()),
                () = tokio::time::sleep(pause) => (),
            }
        }
    }

    /// The newest copy; not one with an event that the log has lost since, which no node could start from. A log that
    /// ends before it is not believed at the first look: a standby that stands in for its server may only be behind.
    async fn newest(&self, copies: &Copies) -> Result<Option<Copy>> {
        let Some(Newest { copy, .. }) = copies.newest(revision()).await? else { return Ok(None) };
        let ending = match self.ending(copy.position, copy.event).await {
            Ok(ending) => ending,
            Err(error) => {
                tracing::debug!("the newest copy of read models is compared with the log later: {error}");
                return Ok(Some(copy));
            }
        };
        let beyond = (ending == Ending::Beyond).then_some(copy.blob);
        let before = std::mem::replace(&mut *self.beyond.lock(), beyond);
        if ending == Ending::There || (ending == Ending::Beyond && before != beyond) {
            return Ok(Some(copy));
        }
        tracing::warn!(
            position = copy.position.0,
            "a copy of read models is removed, because the log no longer has its last event"
        );
        copies.refuse(copy.blob).await?;
        Ok(None)
    }

    /// What the log has where read models end, with which `event`.
    async fn ending(&self, position: Position, event: Option<EventId>) -> Result<Ending, LogError> {
        let (Some(event), Some(before)) = (event, position.0.checked_sub(1)) else {
            return Ok(Ending::There);
        };
        let there = self.log.read_all(Position(before), 1).await?;
        Ok(match there.first() {
            Some(there) if there.position == position && there.id == event => Ending::There,
            Some(_) => Ending::Another,
            None => Ending::Beyond,
        })
    }

    async fn share(&self, copies: &Copies) -> Result<Shared> {
        // Asked before the copy is made: it is of read models that were built after this erasure.
        let (checkpoints, node) = (Arc::clone(&self.checkpoints), self.node);
        let since = tokio::task::spawn_blocking(move || reached(&*checkpoints, node)).await??;
        if !copies.takes(since).await? {
            // Not before this node has built its own anew.
            return Ok(Shared::Done);
        }
        let scratch = scratch(&self.folder)?;
        let (root, path) = (self.folder.root().to_owned(), scratch.path().join("views.db"));
        let copy = path.clone();
        let taken = tokio::task::spawn_blocking(move || -> Result<_> {
            let Some(Snapshot { position, event, .. }) = snapshot(&root, &copy)? else { return Ok(None) };
            Ok(Some((position, event, hash_of(&copy)?)))
        });
        let taken = taken.await?.context("while copying the read models")?;
        let Some((position, event, blob)) = taken else { return Ok(Shared::Done) };
        let ending = self.ending(position, event).await;
        if ending.context("while comparing a copy of the read models with the log")? != Ending::There {
            // The projector is about to build them anew.
            return Ok(Shared::InVain);
        }
        if !copies.claim(blob, since).await? {
            return Ok(Shared::InVain);
        }
        let bytes = match self.blobs.put_file(path).await {
            Ok((_, bytes)) => bytes,
            Err(error) => {
                copies.withdraw(blob).await?;
                return Err(error).context("while storing a copy of the read models");
            }
        };
        let copy = Copy { revision: revision().to_owned(), blob, position, event };
        if copies.offer(copy, since).await? {
            tracing::info!(position = position.0, bytes, "read models were copied for nodes that join");
        }
        Ok(Shared::Done)
    }
}

/// What became of a copy.
#[derive(Debug, PartialEq, Eq)]
enum Shared {
    /// It is offered, or was not made.
    Done,
    /// It was made, and the list does not take it, or the log does not have its last event.
    InVain,
}

/// What a log has where read models end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// Their last event.
    There,
    /// Another event.
    Another,
    /// Nothing: it ends before that.
    Beyond,
}

/// Removes the read models of former versions in this node's folder once those of this version have caught up with the
/// log; until then a server of the version before could still go back to them.
pub async fn remove_former_views(engine: Arc<Engine>, mut stopped: watch::Receiver<bool>) {
    let caught_up = async {
        let mut reached = engine.projector.views().watch();
        let head = engine.event_log().head().await?;
        reached.wait_for(|position| *position >= head).await?;
        anyhow::Ok(())
    };
    let caught_up = tokio::select! {
        _ = stopped.wait_for(|stop| *stop) => return,
        caught_up = caught_up => caught_up,
    };
    let removed = match caught_up {
        Ok(()) => {
            let former = Others::Former { now: SystemClock.now() };
            remove_other_revisions(engine.folder.root(), former).map_err(anyhow::Error::from)
        }
        Err(error) => Err(error),
    };
    match removed {
        Ok(0) => (),
        Ok(files) => tracing::info!(files, "read models of former versions were removed"),
        Err(error) => tracing::warn!("read models of former versions stay until the next start: {error:#}"),
    }
}

/// Builds the read models anew, once, if another node made them and could not apply every event: this one may. Whoever is
/// cut off begins again at the next start.
pub async fn try_parked(engine: Arc<Engine>, mut stopped: watch::Receiver<bool>) {
    let Health { parked, is_untried: true, .. } = engine.projector.health() else { return };
    tracing::info!(parked, "events that another node could not apply are tried here, beside serving");
    let built = tokio::select! {
        _ = stopped.wait_for(|stop| *stop) => return,
        built = engine.projector.rebuild(Arc::new(|_, _| ())) => built,
    };
    match built {
        Ok(_) => tracing::info!(parked = engine.projector.health().parked, "they were tried"),
        Err(error) => {
            let error = anyhow::Error::from(error);
            tracing::warn!("they are tried again at the next start: {error:#}");
        }
    }
}

/// A folder of its own among the temporary ones, so that what is in it does not outlive a start if this process dies.
fn scratch(folder: &DataFolder) -> Result<TempDir> {
    let doing = "while making a folder for read models";
    std::fs::create_dir_all(folder.temporary()).context(doing)?;
    tempfile::tempdir_in(folder.temporary()).context(doing)
}

fn hash_of(path: &Path) -> io::Result<BlobHash> {
    let mut file = BufReader::with_capacity(HASH_BYTES, File::open(path)?);
    let mut hash = Sha256::new();
    loop {
        let part = file.fill_buf()?;
        if part.is_empty() {
            return Ok(BlobHash(hash.finalize().into()));
        }
        hash.update(part);
        let read = part.len();
        file.consume(read);
    }
}
