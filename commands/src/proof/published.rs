//! Signed checkpoints in the blob store, which whoever changes log and state store may not be able to reach: whether
//! they are there, and what the log is by their word.
//!
//! Which are there is named by the list in the state store alone, so one that is missing can be told for as long as
//! that list is whole. What the list no longer names is found by looking through the store, as long as it is there: the
//! removal of blobs that nothing names takes it away after a day or two.

use super::{Contradiction, KeptCheckpoint, examine};
use crate::error::{Fault, is_out_of_reach};
use scanledger_domain::blob::{BlobError, BlobHash, BlobStore, Shelf};
use scanledger_domain::log::{EventLog, Position};
use scanledger_domain::proof::{Checkpoint, CheckpointError, NOTE_BYTES, SignedCheckpoint, Signer};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use tokio::task::JoinSet;

/// Requests to the blob store at the same time.
const AT_ONCE: usize = 16;

/// What is wrong with a checkpoint of which the state store says that it is in the blob store.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    /// It is not there.
    #[error("the checkpoint of {size} events is missing in the blob store: there is no blob {blob}")]
    Missing {
        /// The size of the checkpoint.
        size: u64,
        /// What is missing.
        blob: BlobHash,
    },
    /// It is there, and the store does not give it.
    #[error("the checkpoint of {size} events cannot be read in the blob store: blob {blob}")]
    Unreadable {
        /// The size of the checkpoint.
        size: u64,
        /// What cannot be read.
        blob: BlobHash,
        /// Why.
        #[source]
        source: BlobError,
    },
    /// Other bytes are there, which are no checkpoint.
    #[error("the checkpoint of {size} events was overwritten in the blob store: blob {blob}")]
    Overwritten {
        /// The size of the checkpoint.
        size: u64,
        /// What was overwritten.
        blob: BlobHash,
        /// What is wrong with the bytes.
        #[source]
        source: CheckpointError,
    },
    /// A checkpoint is there that somebody else signed.
    #[error(
        "the checkpoint of {size} events in the blob store is not signed with the key of this server: blob {blob}"
    )]
    Unsigned {
        /// The size of the checkpoint.
        size: u64,
        /// Where it is.
        blob: BlobHash,
    },
    /// A checkpoint of ours is there, and the state store has another one.
    #[error(
        "the checkpoint of {size} events is another one in the blob store: blob {blob}, of {found} events"
    )]
    Another {
        /// The size of the checkpoint in the state store.
        size: u64,
        /// Where the other one is.
        blob: BlobHash,
        /// Its size.
        found: u64,
    },
}

/// A checkpoint in the blob store, signed with the key of this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// Where it is.
    pub blob: BlobHash,
    /// What it says.
    pub checkpoint: Checkpoint,
}

/// Reads every checkpoint of `kept` that is said to be in the blob store, and answers what is wrong with which, in
/// their order. One request each.
///
/// # Errors
/// When the blob store is out of reach.
pub async fn check_published(
    blobs: &Arc<dyn BlobStore>,
    kept: &[KeptCheckpoint],
    signer: &dyn Signer,
    progress: &(dyn Fn(u64) + Send + Sync),
) -> Result<Vec<Damage>, Fault> {
    let named = kept.iter().enumerate().filter_map(|(index, kept)| Some((index, kept.blob?)));
    let ask = |(index, blob)| {
        let blobs = Arc::clone(blobs);
        async move { Ok((index, blob, load(&*blobs, blob).await?)) }
    };
    let mut damages = BTreeMap::new();
    let mut done = 0;
    for_each(named, ask, |(index, blob, loaded)| {
        let kept: &KeptCheckpoint = &kept[index];
        damages.extend(damage(kept, blob, loaded, signer).map(|damage| (index, damage)));
        done += 1;
        progress(done);
    })
    .await?;
    Ok(damages.into_values().collect())
}

fn damage(
    kept: &KeptCheckpoint,
    blob: BlobHash,
    loaded: Result<Vec<u8>, BlobError>,
    signer: &dyn Signer,
) -> Option<Damage> {
    let size = kept.size();
    let bytes = match loaded {
        Ok(bytes) => bytes,
        Err(BlobError::Missing(_)) => return Some(Damage::Missing { size, blob }),
        Err(source) => return Some(Damage::Unreadable { size, blob, source }),
    };
    match read(&bytes) {
        Err(source) => Some(Damage::Overwritten { size, blob, source }),
        Ok(found) if !is_signed(&found, signer) => Some(Damage::Unsigned { size, blob }),
        Ok(found) if found != kept.signed => {
            Some(Damage::Another { size, blob, found: found.checkpoint.size })
        }
        Ok(_) => None,
    }
}

/// Finds the checkpoints in the blob store, also among what was set aside, that are signed with the key of this server
/// and are not `named`. What somebody else signed says nothing: who may upload may store anything. 512 requests, and
/// one for each blob that is not named.
///
/// # Errors
/// When the blob store cannot be listed, or is out of reach.
pub async fn find_unnamed(
    blobs: &Arc<dyn BlobStore>,
    named: HashSet<BlobHash>,
    signer: &dyn Signer,
) -> Result<Vec<Published>, Fault> {
    let named = Arc::new(named);
    let shelves = [Shelf::Place, Shelf::Aside].into_iter();
    let parts = shelves.flat_map(|shelf| (0..=u8::MAX).map(move |first| (shelf, first)));
    let look = |(shelf, first)| {
        let (blobs, named) = (Arc::clone(blobs), Arc::clone(&named));
        async move { look_through(&*blobs, shelf, first, &named).await }
    };
    let mut found = Vec::new();
    for_each(parts, look, |signed| {
        let ours = signed.into_iter().filter(|(_, signed)| is_signed(signed, signer));
        found.extend(ours.map(|(blob, signed)| Published { blob, checkpoint: signed.checkpoint }));
    })
    .await?;
    found.sort_by_key(|found| (found.checkpoint.size, found.blob));
    // What is moved meanwhile is seen on both shelves.
    found.dedup();
    Ok(found)
}

/// What may be a checkpoint in a part of the store.
async fn look_through(
    blobs: &dyn BlobStore,
    shelf: Shelf,
    first: u8,
    named: &HashSet<BlobHash>,
) -> Result<Vec<(BlobHash, SignedCheckpoint)>, Fault> {
    let mut found = Vec::new();
    for listed in blobs.list(shelf, first).await?.into_iter().filter(|listed| !named.contains(&listed.blob)) {
        // What is gone since or cannot be read is missed by nobody.
        let Ok(bytes) = load(blobs, listed.blob).await? else { continue };
        found.extend(read(&bytes).ok().map(|signed| (listed.blob, signed)));
    }
    Ok(found)
}

/// Holds the log against checkpoints that were found in the blob store; answers which of them it contradicts, and how:
/// those of one size stand together. Reads the log once, if there are any.
///
/// # Errors
/// When the log cannot be read.
pub async fn contradicted(
    log: &dyn EventLog,
    found: &[Published],
    progress: &(dyn Fn(Position) + Send + Sync),
) -> Result<Vec<(Vec<BlobHash>, Contradiction)>, Fault> {
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let mut by_size: BTreeMap<u64, Vec<BlobHash>> = BTreeMap::new();
    for Published { blob, checkpoint } in found {
        by_size.entry(checkpoint.size).or_default().push(*blob);
    }
    let mut checkpoints: Vec<Checkpoint> = found.iter().map(|found| found.checkpoint).collect();
    checkpoints.sort_by_key(|checkpoint| checkpoint.size);
    let examined = examine(log, &checkpoints, None, progress).await?;
    let blobs_of = |contradiction: &Contradiction| {
        contradiction.size().and_then(|size| by_size.get(&size)).cloned().unwrap_or_default()
    };
    Ok(examined.contradictions.into_iter().map(|how| (blobs_of(&how), how)).collect())
}

/// As much of a blob as a checkpoint can have, and a byte more; inside, why it could not be read although the store
/// answers.
async fn load(blobs: &dyn BlobStore, blob: BlobHash) -> Result<Result<Vec<u8>, BlobError>, Fault> {
    match blobs.load_range(blob, 0..NOTE_BYTES as u64 + 1).await {
        Err(error) if is_out_of_reach(&error) => Err(error.into()),
        loaded => Ok(loaded),
    }
}

fn read(bytes: &[u8]) -> Result<SignedCheckpoint, CheckpointError> {
    // What is not text is no note.
    SignedCheckpoint::parse(std::str::from_utf8(bytes).unwrap_or_default())
}

fn is_signed(signed: &SignedCheckpoint, signer: &dyn Signer) -> bool {
    signer.verifier_key(&signed.checkpoint.origin).verify(&signed.note).is_ok()
}

/// Works at a few items at the same time, and takes what comes of each, in no order.
async fn for_each<I, T, W>(
    mut items: impl Iterator<Item = I>,
    work: impl Fn(I) -> W,
    mut take: impl FnMut(T),
) -> Result<(), Fault>
where
    T: Send + 'static,
    W: Future<Output = Result<T, Fault>> + Send + 'static,
{
    let mut working = JoinSet::new();
    loop {
        for item in items.by_ref().take(AT_ONCE - working.len()) {
            working.spawn(work(item));
        }
        let Some(done) = working.join_next().await else { return Ok(()) };
        take(done.map_err(|error| Fault::other("look through the blob store", error))??);
    }
}
