//! The list of copies of read models in the blob store: one for all nodes and versions, changed by compare-and-swap.
//!
//! A copy stands on it before its bytes are stored, and until they are removed, and then for as long as somebody may
//! still be storing them, so that none is left behind whoever dies in between. An erasure empties it, and from then on
//! only a node that has built its read models anew may add to it.

#[cfg(test)]
mod tests;

use crate::adapters::SystemClock;
use anyhow::{Context, Result};
use scanledger_commands::ports::Checkpoints;
use scanledger_domain::blob::{BlobHash, BlobStore};
use scanledger_domain::id::EventId;
use scanledger_domain::log::Position;
use scanledger_domain::time::{Clock, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::sync::Arc;

/// The checkpoint.
const NAME: &str = "views/copies";

/// Microseconds after a copy was removed for which it is removed again and again: whoever was storing it when it became
/// unwanted may end later.
const STORING: i64 = 60 * 60 * 1_000_000;

/// A copy that nodes may start from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Copy {
    /// The revision of the read models.
    pub(super) revision: String,
    /// Its bytes.
    pub(super) blob: BlobHash,
    /// The last event in it.
    pub(super) position: Position,
    /// Its id; none in copies of versions that did not note it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) event: Option<EventId>,
}

/// The newest copy, as of one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Newest {
    pub(super) copy: Copy,
    /// The last erasure by then: the read models in the copy were built after it, when the keys were gone.
    pub(super) erased: Position,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct List {
    /// The last erasure: read models that were built before it may not be copied any more.
    erased: Position,
    /// Complete ones.
    copies: Vec<Copy>,
    /// The one that is being stored.
    making: Option<BlobHash>,
    /// What is to be removed.
    unwanted: Vec<BlobHash>,
    /// What was removed, and may come back.
    removed: Vec<Removed>,
}

/// A copy that was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Removed {
    blob: BlobHash,
    /// For the first time.
    at: Timestamp,
}

impl Removed {
    const fn is_over(&self, now: Timestamp) -> bool {
        now.0 - self.at.0 >= STORING
    }
}

/// The list, and the blobs that it is about.
#[derive(Clone)]
pub(super) struct Copies {
    checkpoints: Arc<dyn Checkpoints>,
    blobs: Arc<dyn BlobStore>,
}

impl Copies {
    pub(super) fn new(checkpoints: Arc<dyn Checkpoints>, blobs: Arc<dyn BlobStore>) -> Self {
        Self { checkpoints, blobs }
    }

    /// The newest copy of a revision.
    pub(super) async fn newest(&self, revision: &'static str) -> Result<Option<Newest>> {
        let List { erased, copies, .. } = self.read().await?;
        let of_it = copies.into_iter().filter(|copy| copy.revision == revision);
        Ok(of_it.max_by_key(|copy| copy.position).map(|copy| Newest { copy, erased }))
    }

    /// Whether copies of read models may be added that were built anew after the erasure at `since`.
    pub(super) async fn takes(&self, since: Position) -> Result<bool> {
        Ok(self.read().await?.erased <= since)
    }

    /// Notes that `blob` will be stored, a copy of read models that were built anew after the erasure at `since`; `false`
    /// if there was a later one, or the blob is on the list already, and it must not be stored.
    pub(super) async fn claim(&self, blob: BlobHash, since: Position) -> Result<bool> {
        self.change(move |list| {
            let is_listed = list.unwanted.contains(&blob)
                || list.removed.iter().any(|removed| removed.blob == blob)
                || list.copies.iter().any(|copy| copy.blob == blob);
            if list.erased > since || is_listed {
                return false;
            }
            // Whoever claimed another one died before it was complete, or is late.
            list.unwanted.extend(list.making.replace(blob).filter(|left| *left != blob));
            true
        })
        .await
    }

    /// Takes the claim of a copy back that could not be stored. In case the store has it all the same, or will have it
    /// soon, it is removed like one that was.
    pub(super) async fn withdraw(&self, blob: BlobHash) -> Result<()> {
        let at = SystemClock.now();
        self.change(move |list| {
            if list.making.take_if(|making| *making == blob).is_some() {
                list.removed.push(Removed { blob, at });
            }
        })
        .await
    }

    /// Offers the copy that was claimed, now that it is stored, instead of all older ones; `false` if it is unwanted by
    /// now.
    pub(super) async fn offer(&self, copy: Copy, since: Position) -> Result<bool> {
        self.change(move |list| {
            let is_claimed = list.making.take_if(|making| *making == copy.blob).is_some();
            if !is_claimed || list.erased > since {
                if !list.unwanted.contains(&copy.blob) {
                    list.unwanted.push(copy.blob);
                }
                return false;
            }
            let older = list.copies.extract_if(.., |other| other.position <= copy.position);
            list.unwanted.extend(older.map(|older| older.blob));
            list.copies.push(copy.clone());
            true
        })
        .await
    }

    /// Takes every copy off the list, because of the erasure at `erased`; [`Self::sweep`] removes them.
    pub(super) async fn disown(&self, erased: Position) -> Result<()> {
        self.change(move |list| {
            // Copies that were made since are of read models that were built anew.
            if list.erased < erased {
                list.erased = erased;
                list.unwanted.extend(list.copies.drain(..).map(|copy| copy.blob));
                list.unwanted.extend(list.making.take());
            }
        })
        .await
    }

    /// Takes a copy off the list that is of events which the log no longer has; [`Self::sweep`] removes it.
    pub(super) async fn refuse(&self, blob: BlobHash) -> Result<()> {
        self.change(move |list| {
            let refused = list.copies.extract_if(.., |copy| copy.blob == blob);
            list.unwanted.extend(refused.map(|copy| copy.blob));
        })
        .await
    }

    /// Removes what is unwanted, and what was removed not long ago.
    ///
    /// # Errors
    /// When a copy cannot be removed; it stays on the list.
    pub(super) async fn sweep(&self) -> Result<()> {
        self.sweep_at(SystemClock.now()).await
    }

    async fn sweep_at(&self, now: Timestamp) -> Result<()> {
        let List { unwanted, removed, .. } = self.read().await?;
        let doing = "while removing a copy of read models";
        for blob in unwanted {
            self.blobs.remove(blob).await.context(doing)?;
            self.change(move |list| {
                list.unwanted.retain(|other| *other != blob);
                list.removed.retain(|other| other.blob != blob);
                list.removed.push(Removed { blob, at: now });
            })
            .await?;
        }
        for Removed { blob, .. } in &removed {
            self.blobs.remove(*blob).await.context(doing)?;
        }
        if removed.iter().any(|removed| removed.is_over(now)) {
            // Only what this call has removed once more.
            self.change(move |list| {
                list.removed.retain(|other| !(other.is_over(now) && removed.contains(other)))
            })
            .await?;
        }
        Ok(())
    }

    /// All that stand on it, whatever for.
    pub(super) async fn blobs(&self) -> Result<HashSet<BlobHash>> {
        let List { copies, making, unwanted, removed, erased: _ } = self.read().await?;
        let copies = copies.into_iter().map(|copy| copy.blob);
        let removed = removed.into_iter().map(|removed| removed.blob);
        Ok(copies.chain(making).chain(unwanted).chain(removed).collect())
    }

    async fn read(&self) -> Result<List> {
        let checkpoints = Arc::clone(&self.checkpoints);
        tokio::task::spawn_blocking(move || Ok(find(&*checkpoints)?.1)).await?
    }

    /// Changes the list, however many do so at the same time; `change` is called again when another one was faster.
    async fn change<T: Send + 'static>(&self, change: impl Fn(&mut List) -> T + Send + 'static) -> Result<T> {
        let checkpoints = Arc::clone(&self.checkpoints);
        tokio::task::spawn_blocking(move || {
            loop {
                let (stored, before) = find(&*checkpoints)?;
                let mut list = before.clone();
                let answer = change(&mut list);
                let value = serde_json::to_vec(&list)?;
                if list == before || replace(&*checkpoints, stored.as_deref(), &value)? {
                    return Ok(answer);
                }
            }
        })
        .await?
    }
}

/// The list as it is stored, and what it says.
fn find(checkpoints: &dyn Checkpoints) -> Result<(Option<Vec<u8>>, List)> {
    let doing = "while reading the list of copies of read models";
    let stored = checkpoints.find(NAME).map_err(anyhow::Error::from_boxed).context(doing)?;
    let list = match &stored {
        None => List::default(),
        Some(bytes) => serde_json::from_slice(bytes).context(doing)?,
    };
    Ok((stored, list))
}

fn replace(checkpoints: &dyn Checkpoints, before: Option<&[u8]>, value: &[u8]) -> Result<bool> {
    let replaced = checkpoints.replace(NAME, before, value);
    replaced.map_err(anyhow::Error::from_boxed).context("while writing the list of copies of read models")
}
