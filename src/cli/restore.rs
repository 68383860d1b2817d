//! `scanledger restore`.

use super::operate::blob_place;
use super::options::RestoreOptions;
use super::output::{Bar, Exit, json, line};
use crate::backup::{Restore, restore};
use crate::operations::Tell;
use anyhow::Result;
use std::sync::Arc;

pub(super) async fn run(options: RestoreOptions) -> Result<Exit> {
    let RestoreOptions { store, file, keys, erased, json: wanted } = options;
    let bar = Bar::new();
    let shown = bar.clone();
    let tell: Tell = Arc::new(move |progress| shown.tell(progress));
    let root = store.data.data.display().to_string();
    let wanted_restore = Restore {
        file,
        keys,
        erased,
        folder: store.data.folder(),
        log: store.data.log.clone(),
        blobs: blob_place(&store),
    };
    let restored = restore(wanted_restore, &tell).await;
    bar.finish();
    let restored = restored?;
    if wanted.wanted {
        json(&restored);
    } else {
        line(&format!(
            "restored {} events, {} blobs and all keys into {root}; {} people and API keys stay erased",
            restored.position, restored.blobs, restored.erased
        ));
    }
    Ok(Exit::Done)
}
