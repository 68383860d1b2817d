//! Removing what deleted scans and projects left in the blob store, and what nothing ever named, on one node at a time.

use super::copies::Copies;
use super::spawn_on_one_node;
use crate::adapters::{SystemClock, ViewsBlobUses};
use crate::server::Engine;
use scanledger_commands::blobs::{BlobRemoval, KeptBlobs};
use scanledger_commands::proof::CheckpointStore;
use scanledger_domain::blob::BlobHash;
use scanledger_domain::{BoxFuture, Cause};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What the state store names: copies of read models, and signed checkpoints.
struct KeptBeside {
    copies: Copies,
    checkpoints: CheckpointStore,
}

impl KeptBlobs for KeptBeside {
    fn blobs(&self) -> BoxFuture<'_, Result<HashSet<BlobHash>, Cause>> {
        Box::pin(async move {
            let mut blobs = self.copies.blobs().await?;
            let checkpoints = self.checkpoints.clone();
            let signed = tokio::task::spawn_blocking(move || checkpoints.all()).await??;
            blobs.extend(signed.iter().filter_map(|kept| kept.blob));
            Ok(blobs)
        })
    }
}

/// Removes blobs that nothing names any more, `grace` after what named them was deleted, and those that nothing ever
/// named.
pub fn spawn_blob_removal(
    engine: &Engine,
    grace: Duration,
    stopped: watch::Receiver<bool>,
) -> JoinHandle<()> {
    let checkpoints = Arc::clone(&engine.state.checkpoints);
    let kept = KeptBeside {
        copies: Copies::new(Arc::clone(&checkpoints) as _, Arc::clone(&engine.blobs)),
        checkpoints: CheckpointStore::new(Arc::clone(&checkpoints) as _),
    };
    let removal = BlobRemoval {
        log: engine.event_log(),
        uses: Arc::new(ViewsBlobUses::new(engine.projector.views())),
        kept: Arc::new(kept),
        blobs: Arc::clone(&engine.blobs),
        checkpoints,
        clock: Arc::new(SystemClock),
        grace,
    };
    let work = move |stop| Box::pin(removal.clone().run(stop)) as BoxFuture<'static, _>;
    spawn_on_one_node(engine, "blobs", Box::new(work), stopped)
}
