//! Read models for nodes that join: a copy in the blob store now and then, from which a new node goes on.

use crate::data::DataFolder;
use anyhow::{Context, Result};
use scanledger_commands::ports::Checkpoints;
use scanledger_domain::blob::{BlobHash, BlobStore};
use scanledger_domain::log::Position;
use scanledger_projections::Views;
use scanledger_projections::store::{Snapshot, adopt, has_views, revision, snapshot};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Events after which another copy is worth its bytes, unless somebody says otherwise; a node that joins has no more than these to apply, and what
/// came while it did.
pub const VIEWS_EVENTS: NonZeroU64 = NonZeroU64::new(50_000).expect("it is not zero");
/// How often the distance is looked at.
const LOOK: Duration = Duration::from_secs(30);

/// The newest copy.
#[derive(Debug, Serialize, Deserialize)]
struct Shared {
    blob: BlobHash,
    position: Position,
}

fn name() -> String {
    format!("views/{}", revision())
}

fn find(checkpoints: &dyn Checkpoints) -> Result<Option<Shared>> {
    let stored = checkpoints.find(&name()).map_err(anyhow::Error::from_boxed)?;
    // What cannot be read is no reason to fail: the views can be built.
    Ok(stored.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

/// Gives a folder without read models the newest copy, if there is one.
///
/// # Errors
/// When the state store or the blob store fails.
pub async fn join(
    folder: &DataFolder,
    checkpoints: Arc<dyn Checkpoints>,
    blobs: &dyn BlobStore,
) -> Result<Option<u64>> {
    if has_views(folder.root()) {
        return Ok(None);
    }
    let shared = tokio::task::spawn_blocking(move || find(&*checkpoints))
        .await?
        .context("while looking for read models of other nodes")?;
    let Some(Shared { blob, position }) = shared else { return Ok(None) };
    let scratch = tempfile::tempdir_in(folder.root()).context("while making a folder for read models")?;
    let path = scratch.path().join("views.db");
    blobs.load_to_file(blob, &path).await.context("while fetching read models of another node")?;
    let taken = adopt(folder.root(), &path).context("while taking over read models of another node")?;
    Ok(taken.then_some(position.0))
}

/// Keeps a copy of the read models in the blob store that is no older than `events`, until `stopped`.
///
/// # Errors
/// When the copy cannot be made or stored.
pub async fn share_views(
    folder: DataFolder,
    views: Views,
    checkpoints: Arc<dyn Checkpoints>,
    blobs: Arc<dyn BlobStore>,
    events: NonZeroU64,
    mut stopped: watch::Receiver<bool>,
) -> Result<()> {
    loop {
        let asked = Arc::clone(&checkpoints);
        let before = tokio::task::spawn_blocking(move || find(&*asked)).await??;
        let from = before.as_ref().map_or(0, |shared| shared.position.0);
        if views.position().0 >= from.saturating_add(events.get()) {
            share(&folder, &checkpoints, &*blobs, before).await?;
        }
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => return Ok(()),
            () = tokio::time::sleep(LOOK) => (),
        }
    }
}

async fn share(
    folder: &DataFolder,
    checkpoints: &Arc<dyn Checkpoints>,
    blobs: &dyn BlobStore,
    before: Option<Shared>,
) -> Result<()> {
    let scratch = tempfile::tempdir_in(folder.root()).context("while making a folder for a copy")?;
    let (root, copy) = (folder.root().to_owned(), scratch.path().join("views.db"));
    let path = copy.clone();
    let taken = tokio::task::spawn_blocking(move || snapshot(&root, &copy))
        .await?
        .context("while copying the read models")?;
    let Some(Snapshot { position, .. }) = taken else { return Ok(()) };
    let (blob, bytes) = blobs.put_file(path).await.context("while storing a copy of the read models")?;
    let value = serde_json::to_vec(&Shared { blob, position })?;
    let kept = Arc::clone(checkpoints);
    tokio::task::spawn_blocking(move || kept.put(&name(), &value))
        .await?
        .map_err(anyhow::Error::from_boxed)?;
    tracing::info!(position = position.0, bytes, "read models were copied for nodes that join");
    if let Some(before) = before.filter(|before| before.blob != blob) {
        // One that stays behind costs space and nothing else.
        drop(blobs.remove(before.blob).await);
    }
    Ok(())
}
