//! Which blobs the log names, answered by the projections.

use super::read_model::failed;
use scanledger_commands::blobs::BlobUses;
use scanledger_commands::ports::ReadError;
use scanledger_domain::BoxFuture;
use scanledger_domain::blob::{BlobHash, BlobUse, Deleted, Deletion};
use scanledger_domain::log::Position;
use scanledger_projections::Views;
use std::time::Duration;

/// The views of this node.
#[derive(Debug, Clone)]
pub struct ViewsBlobUses {
    views: Views,
}

impl ViewsBlobUses {
    /// Over the views of this node.
    pub const fn new(views: Views) -> Self {
        Self { views }
    }
}

impl BlobUses for ViewsBlobUses {
    fn wait_for(&self, position: Position, timeout: Duration) -> BoxFuture<'_, Result<(), ReadError>> {
        Box::pin(async move {
            self.views.wait_for(position, timeout).await.map_err(failed("wait for a position"))
        })
    }

    fn deletions(&self, after: Position, limit: usize) -> BoxFuture<'_, Result<Vec<Deletion>, ReadError>> {
        Box::pin(
            async move { self.views.deletions(after, limit).await.map_err(failed("see what was deleted")) },
        )
    }

    fn parked(&self) -> BoxFuture<'_, Result<Vec<Position>, ReadError>> {
        Box::pin(async move {
            self.views.parked(None).await.map_err(failed("see which events could not be applied"))
        })
    }

    fn blobs_of(&self, what: Vec<Deleted>) -> BoxFuture<'_, Result<Vec<(BlobHash, BlobUse)>, ReadError>> {
        Box::pin(async move { self.views.blobs_of(what).await.map_err(failed("see which blobs are named")) })
    }

    fn uses_of(&self, blobs: Vec<BlobHash>) -> BoxFuture<'_, Result<Vec<(BlobHash, BlobUse)>, ReadError>> {
        Box::pin(async move { self.views.uses_of(blobs).await.map_err(failed("see which blobs are named")) })
    }
}
