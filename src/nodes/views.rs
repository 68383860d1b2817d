//! Read models for nodes that join: a copy in the blob store now and then, from which a new node goes on; and those of
//! former versions, which nobody reads any more.

use super::copies::{Copies, Copy};
use super::erasure::reached;
use crate::data::DataFolder;
use crate::server::Engine;
use anyhow::{Context, Result};
use scanledger_commands::ports::Checkpoints;
use scanledger_domain::blob::{BlobHash, BlobStore};
use scanledger_projections::Views;
use scanledger_projections::store::{
    Others, Snapshot, adopt, has_views, remove_other_revisions, revision, snapshot,
};
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
/// Bytes that are hashed at once.
const HASH_BYTES: usize = 256 * 1024;

/// Gives a folder without read models the newest copy, if there is one.
///
/// # Errors
/// When the state store or the blob store fails.
pub async fn join(
    folder: &DataFolder,
    checkpoints: Arc<dyn Checkpoints>,
    blobs: Arc<dyn BlobStore>,
) -> Result<Option<u64>> {
    if has_views(folder.root()) {
        return Ok(None);
    }
    let copies = Copies::new(checkpoints, Arc::clone(&blobs));
    let newest = copies.newest(revision()).await.context("while looking for read models of other nodes")?;
    let Some(Copy { blob, position, .. }) = newest else { return Ok(None) };
    let scratch = scratch(folder)?;
    let path = scratch.path().join("views.db");
    blobs.load_to_file(blob, &path).await.context("while fetching read models of another node")?;
    let taken = adopt(folder.root(), &path).context("while taking over read models of another node")?;
    Ok(taken.then_some(position.0))
}

/// What copies read models for other nodes.
pub struct Sharing {
    folder: DataFolder,
    node: Uuid,
    views: Views,
    checkpoints: Arc<dyn Checkpoints>,
    blobs: Arc<dyn BlobStore>,
    events: NonZeroU64,
}

impl Sharing {
    /// Of the read models of an engine; a copy is worth its bytes after so many `events`.
    pub fn new(engine: &Engine, events: NonZeroU64) -> Self {
        Self {
            folder: engine.folder.clone(),
            node: engine.node,
            views: engine.projector.views(),
            checkpoints: Arc::clone(&engine.state.checkpoints) as _,
            blobs: Arc::clone(&engine.blobs),
            events,
        }
    }

    /// Keeps a copy of the read models in the blob store that is no older than so many events, until `stopped`.
    ///
    /// # Errors
    /// When the copy cannot be made or stored.
    pub async fn run(self, mut stopped: watch::Receiver<bool>) -> Result<()> {
        let copies = Copies::new(Arc::clone(&self.checkpoints), Arc::clone(&self.blobs));
        let mut is_swept = true;
        loop {
            let newest = copies.newest(revision()).await?;
            let from = newest.map_or(0, |copy| copy.position.0);
            if self.views.position().0 >= from.saturating_add(self.events.get()) {
                self.share(&copies).await?;
            }
            let swept = copies.sweep().await;
            // Said once, however long it goes on.
            if let (Err(error), true) = (&swept, is_swept) {
                tracing::warn!("older copies of read models are removed later: {error:#}");
            }
            is_swept = swept.is_ok();
            tokio::select! {
                _ = stopped.wait_for(|stop| *stop) => return Ok(()),
                () = tokio::time::sleep(LOOK) => (),
            }
        }
    }

    async fn share(&self, copies: &Copies) -> Result<()> {
        // Asked before the copy is made: it is of read models that were built after this erasure.
        let (checkpoints, node) = (Arc::clone(&self.checkpoints), self.node);
        let since = tokio::task::spawn_blocking(move || reached(&*checkpoints, node)).await??;
        if !copies.takes(since).await? {
            // Not before this node has built its own anew.
            return Ok(());
        }
        let scratch = scratch(&self.folder)?;
        let (root, path) = (self.folder.root().to_owned(), scratch.path().join("views.db"));
        let copy = path.clone();
        let taken = tokio::task::spawn_blocking(move || -> Result<_> {
            let Some(Snapshot { position, .. }) = snapshot(&root, &copy)? else { return Ok(None) };
            Ok(Some((position, hash_of(&copy)?)))
        });
        let taken = taken.await?.context("while copying the read models")?;
        let Some((position, blob)) = taken else { return Ok(()) };
        if !copies.claim(blob, since).await? {
            return Ok(());
        }
        let stored = self.blobs.put_file(path).await;
        let (_, bytes) = stored.context("while storing a copy of the read models")?;
        let copy = Copy { revision: revision().to_owned(), blob, position };
        if copies.offer(copy, since).await? {
            tracing::info!(position = position.0, bytes, "read models were copied for nodes that join");
        }
        Ok(())
    }
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
        Ok(()) => remove_other_revisions(engine.folder.root(), Others::Former).map_err(anyhow::Error::from),
        Err(error) => Err(error),
    };
    match removed {
        Ok(0) => (),
        Ok(files) => tracing::info!(files, "read models of former versions were removed"),
        Err(error) => tracing::warn!("read models of former versions stay until the next start: {error:#}"),
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
