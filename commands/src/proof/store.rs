//! Every signed checkpoint of a log, in the state store.

use crate::error::Fault;
use crate::ports::Checkpoints;
use scanledger_domain::Cause;
use scanledger_domain::blob::BlobHash;
use scanledger_domain::proof::SignedCheckpoint;
use serde_json::{Value, json};
use std::sync::Arc;

/// Under which name the size of the newest one is.
const LATEST: &str = "checkpoint/latest";
/// What is said to have failed.
const KEEP: &str = "keep a checkpoint";

/// A signed checkpoint, and how to get to the one before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptCheckpoint {
    /// The checkpoint.
    pub signed: SignedCheckpoint,
    /// The size of the tree in the one before, if there is one.
    pub previous: Option<u64>,
    /// Where it is in the blob store, if it could be put there.
    pub blob: Option<BlobHash>,
}

impl KeptCheckpoint {
    /// The size of its tree.
    pub const fn size(&self) -> u64 {
        self.signed.checkpoint.size
    }

    fn encode(&self) -> Vec<u8> {
        let value = json!({
            "note": self.signed.note.to_string(),
            "previous": self.previous,
            "blob": self.blob.map(|blob| blob.to_string()),
        });
        value.to_string().into_bytes()
    }

    fn decode(bytes: &[u8]) -> Result<Self, Cause> {
        let value: Value = serde_json::from_slice(bytes)?;
        let blob = value["blob"].as_str().map(str::parse).transpose()?;
        let signed = SignedCheckpoint::parse(value["note"].as_str().unwrap_or_default())?;
        Ok(Self { signed, previous: value["previous"].as_u64(), blob })
    }
}

/// Checkpoints by size, each with the size of the one before: a list that grows at one end. Its calls block.
#[derive(Clone)]
pub struct CheckpointStore {
    store: Arc<dyn Checkpoints>,
}

impl CheckpointStore {
    /// In the state store.
    pub fn new(store: Arc<dyn Checkpoints>) -> Self {
        Self { store }
    }

    /// The checkpoint of the largest tree.
    ///
    /// # Errors
    /// When the store fails, or holds something else under the name.
    pub fn latest(&self) -> Result<Option<KeptCheckpoint>, Fault> {
        match self.latest_size()? {
            None => Ok(None),
            // What is named is there: it is written first.
            Some(size) => {
                self.find(size)?.map(Some).ok_or_else(|| damaged("the latest checkpoint is missing"))
            }
        }
    }

    /// The checkpoint of the tree of `size` leaves, if one was signed.
    ///
    /// # Errors
    /// As [`Self::latest`].
    pub fn find(&self, size: u64) -> Result<Option<KeptCheckpoint>, Fault> {
        let bytes = self.store.find(&name(size)).map_err(failed("read a checkpoint"))?;
        let kept = bytes.map(|bytes| KeptCheckpoint::decode(&bytes)).transpose();
        let kept = kept.map_err(failed("read a checkpoint"))?;
        match kept {
            Some(kept) if kept.size() != size => Err(damaged("a checkpoint has another size than its name")),
            kept => Ok(kept),
        }
    }

    /// All of them, smallest first. One look-up each.
    ///
    /// # Errors
    /// As [`Self::latest`]; also when one is missing.
    pub fn all(&self) -> Result<Vec<KeptCheckpoint>, Fault> {
        self.later_than(0)
    }

    /// Those of trees with more than `size` leaves, smallest first. One look-up each, and one more.
    ///
    /// # Errors
    /// As [`Self::all`].
    pub fn later_than(&self, size: u64) -> Result<Vec<KeptCheckpoint>, Fault> {
        let mut later: Vec<KeptCheckpoint> = Vec::new();
        let mut next = self.latest_size()?;
        while let Some(at) = next.filter(|at| *at > size) {
            let kept = self.find(at)?.ok_or_else(|| damaged("a checkpoint is missing"))?;
            next = kept.previous;
            if next.is_some_and(|previous| previous >= at) {
                return Err(damaged("checkpoints are out of order"));
            }
            later.push(kept);
        }
        later.reverse();
        Ok(later)
    }

    /// Notes that the checkpoint of the tree of `size` leaves is `blob` in the blob store; `false` if there is none, or
    /// another process changed it meanwhile.
    ///
    /// # Errors
    /// As [`Self::find`].
    pub fn note_blob(&self, size: u64, blob: BlobHash) -> Result<bool, Fault> {
        let Some(before) = self.store.find(&name(size)).map_err(failed(KEEP))? else { return Ok(false) };
        let kept = KeptCheckpoint::decode(&before).map_err(failed(KEEP))?;
        if kept.blob == Some(blob) {
            return Ok(true);
        }
        let noted = KeptCheckpoint { blob: Some(blob), ..kept };
        self.store.replace(&name(size), Some(&before), &noted.encode()).map_err(failed(KEEP))
    }

    /// Keeps a checkpoint as the newest one; `false` if another process kept one meanwhile, which then stays as it is.
    ///
    /// # Errors
    /// When the store fails.
    pub fn keep(&self, kept: &KeptCheckpoint) -> Result<bool, Fault> {
        if !self.write(kept)? {
            return Ok(false);
        }
        let before = kept.previous.map(|size| size.to_string().into_bytes());
        let latest = kept.size().to_string().into_bytes();
        self.store.replace(LATEST, before.as_deref(), &latest).map_err(failed(KEEP))
    }

    /// Writes a checkpoint under its size, where it is in the list as soon as it is the latest; `false` if it cannot
    /// become that.
    fn write(&self, kept: &KeptCheckpoint) -> Result<bool, Fault> {
        let (name, value) = (name(kept.size()), kept.encode());
        if self.store.replace(&name, None, &value).map_err(failed(KEEP))? {
            return Ok(true);
        }
        let there = self.store.find(&name).map_err(failed(KEEP))?;
        if there.as_deref() == Some(&value) {
            return Ok(true);
        }
        // Another one of this size is in the list, or was written by somebody who had seen the same latest one, and
        // then either will do, or an earlier one, and comes too late: the list only grows.
        Ok(self.latest_size()? == kept.previous
            && self.store.replace(&name, there.as_deref(), &value).map_err(failed(KEEP))?)
    }

    fn latest_size(&self) -> Result<Option<u64>, Fault> {
        let Some(bytes) = self.store.find(LATEST).map_err(failed("read the latest checkpoint"))? else {
            return Ok(None);
        };
        let size = std::str::from_utf8(&bytes).ok().and_then(|text| text.parse().ok());
        size.map(Some).ok_or_else(|| damaged("the size of the latest checkpoint is no number"))
    }
}

fn name(size: u64) -> String {
    format!("checkpoint/{size}")
}

fn failed(doing: &'static str) -> impl FnOnce(Cause) -> Fault {
    move |source| Fault::other(doing, source)
}

fn damaged(what: &'static str) -> Fault {
    Fault::other("read the list of checkpoints", what)
}
