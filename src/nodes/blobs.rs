//! Removing what deleted scans and projects left in the blob store, on one node at a time.

use super::spawn_reactor;
use crate::adapters::{SystemClock, ViewsBlobUses};
use crate::log::OpenLog;
use crate::server::Engine;
use scanledger_commands::blobs::BlobRemoval;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long to wait after a failure.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// Removes blobs that nothing names any more, `grace` after what named them was deleted.
pub fn spawn_blob_removal(
    engine: &Engine,
    grace: Duration,
    stopped: watch::Receiver<bool>,
) -> JoinHandle<()> {
    let removal = BlobRemoval {
        log: engine.event_log(),
        uses: Arc::new(ViewsBlobUses::new(engine.projector.views())),
        blobs: Arc::clone(&engine.blobs),
        checkpoints: Arc::clone(&engine.state.checkpoints) as _,
        clock: Arc::new(SystemClock),
        grace,
    };
    if matches!(engine.log, OpenLog::Sqlite(_)) {
        return tokio::spawn(alone(removal, stopped));
    }
    let work = move |stop| Box::pin(removal.clone().run(stop)) as scanledger_domain::BoxFuture<'static, _>;
    spawn_reactor(engine, "blobs", Box::new(work), stopped)
}

/// Where there is one node, the lock on its folder says what a lease would, without a write every second.
async fn alone(removal: BlobRemoval, mut stopped: watch::Receiver<bool>) {
    while let Err(error) = removal.clone().run(stopped.clone()).await {
        tracing::warn!("removing blobs failed and begins again: {error}");
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(TRY_AGAIN) => (),
        }
    }
}
