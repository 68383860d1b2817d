//! Doing something to a data folder: here if nobody has it, else by the server that does.

use super::options::StoreOptions;
use super::output::Bar;
use crate::control;
use crate::operations::{Operation, Outcome, perform};
use crate::server::{BlobPlace, Engine};
use anyhow::{Result, bail};
use std::sync::Arc;

/// Whether a folder that is not there is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// Make it.
    Make,
    /// Say so.
    Refuse,
}

/// Does `operation`, with progress on a terminal.
pub(super) async fn operate(store: &StoreOptions, missing: Missing, operation: Operation) -> Result<Outcome> {
    let folder = store.data.folder();
    match missing {
        Missing::Make => folder.create()?,
        Missing::Refuse => folder.require(&store.data.log)?,
    }
    let bar = Arc::new(Bar::new());
    let shown = Arc::clone(&bar);
    let outcome = if let Some(lock) = folder.try_lock()? {
        let engine = Engine::open_locked(folder, lock, &store.data.log, &blob_place(store)).await?;
        engine.projector.catch_up().await?;
        let outcome = perform(&engine, operation, Arc::new(move |progress| shown.tell(progress))).await;
        let closed = engine.close().await;
        outcome.and_then(|outcome| closed.map(|()| outcome))
    } else {
        control::ask(&folder.socket(), &operation, &move |progress| shown.tell(progress)).await
    };
    bar.finish();
    outcome
}

/// Where blobs are, with the `AWS_…` settings of the environment for those in a bucket.
pub(super) fn blob_place(store: &StoreOptions) -> BlobPlace {
    match &store.blobs {
        None => BlobPlace::Folder,
        Some(url) => BlobPlace::Url {
            url: url.clone(),
            settings: std::env::vars().filter(|(name, _)| name.starts_with("AWS_")).collect(),
        },
    }
}

/// The answer of a server that did not do what it was asked.
pub(super) fn unexpected<T>() -> Result<T> {
    bail!("the server answered something else than was asked; is it of another version?")
}
