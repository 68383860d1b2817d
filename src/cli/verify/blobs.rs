//! What is in the blob store, against what names it.

use super::super::audit::check_stored;
use super::super::operate::blob_place;
use super::super::options::StoreOptions;
use super::super::output::Bar;
use super::Findings;
use crate::data::DataFolder;
use crate::operations::Progress;
use crate::server::BlobPlace;
use anyhow::Result;
use scanledger_domain::blob::{BlobHash, BlobStore};
use std::collections::HashSet;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Blobs that are looked for at once.
const AT_ONCE: usize = 16;

/// Whether every blob is there that something names which was not deleted, if it is known which, and whether the signed
/// checkpoints that are there are those of the log.
pub(super) async fn check(
    store: &StoreOptions,
    living: Option<HashSet<BlobHash>>,
    found: &mut Findings,
    bar: &Bar,
) -> Result<()> {
    let blobs = open(&blob_place(store), &store.data.folder())?;
    if let Some(living) = &living {
        check_living(blobs.as_ref(), living, found, bar).await?;
    }
    let known = living.unwrap_or_default();
    let mut stored = check_stored(&store.data, blobs.as_ref(), known, found.position, bar).await?;
    // Whoever changed the log makes many tables differ, and these say what it was.
    found.differs_first(std::mem::take(&mut stored.differences));
    found.stored_checkpoints = Some(stored);
    Ok(())
}

/// The store; `None` if it is a folder that is not there, which opening it would make.
fn open(place: &BlobPlace, folder: &DataFolder) -> Result<Option<Arc<dyn BlobStore>>> {
    if matches!(place, BlobPlace::Folder) && !folder.blobs().try_exists()? {
        return Ok(None);
    }
    Ok(Some(Arc::new(place.open(folder)?)))
}

async fn check_living(
    blobs: Option<&Arc<dyn BlobStore>>,
    living: &HashSet<BlobHash>,
    found: &mut Findings,
    bar: &Bar,
) -> Result<()> {
    let total = living.len() as u64;
    found.blobs = Some(total);
    let mut living: Vec<BlobHash> = living.iter().copied().collect();
    living.sort_unstable();
    let Some(store) = blobs else {
        living.iter().for_each(|blob| found.differs(format!("blob {blob} is missing")));
        return Ok(());
    };
    let mut asked = JoinSet::new();
    let mut living = living.into_iter();
    for done in 0.. {
        bar.tell(Progress { what: "looking for blobs".to_owned(), done, total: Some(total) });
        for blob in living.by_ref().take(AT_ONCE - asked.len()) {
            let store = Arc::clone(store);
            asked.spawn(async move { (blob, store.contains(blob).await) });
        }
        let Some(answer) = asked.join_next().await else { break };
        let (blob, is_there) = answer?;
        if !is_there? {
            found.differs(format!("blob {blob} is missing"));
        }
    }
    Ok(())
}
