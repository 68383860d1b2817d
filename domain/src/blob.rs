//! Sources, reports, SBOMs and excerpts: big bytes, kept by the hash of their content.

use crate::id::{ProjectId, ScanId};
use crate::log::Position;
use crate::time::Timestamp;
use crate::{BoxFuture, Cause};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use uuid::Uuid;

/// Under which name a store keeps whose it is. Who deletes that object gives the store to the next who asks.
pub const OWNER: &str = "owner";

/// SHA-256 of a blob, as lower-case hex in JSON.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobHash(pub [u8; 32]);

impl BlobHash {
    /// The hash of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for BlobHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for BlobHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobHash({self})")
    }
}

/// Text that is not 64 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a blob hash: expected 64 hexadecimal digits")]
pub struct NotABlobHash;

impl FromStr for BlobHash {
    type Err = NotABlobHash;
    fn from_str(text: &str) -> Result<Self, NotABlobHash> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| NotABlobHash)?;
        Ok(Self(bytes))
    }
}

impl Serialize for BlobHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BlobHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(HexVisitor)
    }
}

/// Reads the text where it stands.
struct HexVisitor;

impl serde::de::Visitor<'_> for HexVisitor {
    type Value = BlobHash;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the hex digits of a blob's hash")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<BlobHash, E> {
        text.parse().map_err(E::custom)
    }
}

/// A stored blob failed to be written or read.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// There is no such blob.
    #[error("blob {0} does not exist")]
    Missing(BlobHash),
    /// The store failed.
    #[error("the blob store failed while trying to {doing}")]
    Failed {
        /// What was tried.
        doing: &'static str,
        /// Why.
        #[source]
        source: Cause,
    },
}

/// Something that was deleted, and needs its blobs no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Deleted {
    /// One scan: its source, its reports and its log.
    Scan(ScanId),
    /// A project: all that its scans have, and the excerpts of its findings.
    Project(ProjectId),
}

/// Where in the log something was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deletion {
    /// The position of the event.
    pub position: Position,
    /// What was deleted.
    pub what: Deleted,
}

/// Whether the log names a blob for something that there still is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobUse {
    /// It does.
    Used,
    /// All that named it was deleted; the last of it here.
    UnusedSince(Position),
}

/// Where in a store a blob lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shelf {
    /// Where it was written.
    Place,
    /// Where [`BlobStore::set_aside`] moved it.
    Aside,
}

/// A blob that lies in a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// Its hash.
    pub blob: BlobHash,
    /// When its bytes were written, by the store's clock. What is set aside may have the time of that instead.
    pub written: Timestamp,
}

/// A store of blobs by content hash. Writing the same bytes twice stores them once.
pub trait BlobStore: Send + Sync {
    /// The log whose blobs these are: `log`, which is noted under [`OWNER`], if nothing was noted yet. Two that ask at
    /// the same time may both be told that it is theirs; whoever asks again is told who it is.
    fn owner(&self, log: Uuid) -> BoxFuture<'_, Result<Uuid, BlobError>>;

    /// Stores bytes and answers their hash; durable when it answers.
    fn put(&self, bytes: Vec<u8>) -> BoxFuture<'_, Result<BlobHash, BlobError>>;

    /// Stores the file at `path` without reading it into memory whole; answers hash and size in bytes.
    fn put_file(&self, path: PathBuf) -> BoxFuture<'_, Result<(BlobHash, u64), BlobError>>;

    /// The whole blob.
    fn load(&self, hash: BlobHash) -> BoxFuture<'_, Result<Vec<u8>, BlobError>>;

    /// Part of a blob.
    fn load_range(&self, hash: BlobHash, range: Range<u64>) -> BoxFuture<'_, Result<Vec<u8>, BlobError>>;

    /// Writes the blob to a file that does not exist yet.
    fn load_to_file<'a>(&'a self, hash: BlobHash, path: &'a Path) -> BoxFuture<'a, Result<(), BlobError>>;

    /// Whether the blob is there.
    fn contains(&self, hash: BlobHash) -> BoxFuture<'_, Result<bool, BlobError>>;

    /// Removes the blob from its place; removing what is not there is no error.
    fn remove(&self, hash: BlobHash) -> BoxFuture<'_, Result<(), BlobError>>;

    /// Moves the blob out of its place without losing it: whoever asks for it still gets it, and whoever stores the same
    /// bytes writes them anew. No error if it is not in its place.
    fn set_aside(&self, hash: BlobHash) -> BoxFuture<'_, Result<(), BlobError>>;

    /// Moves the blob back to its place; no error if it was not set aside.
    fn put_back(&self, hash: BlobHash) -> BoxFuture<'_, Result<(), BlobError>>;

    /// Removes the blob for good if it was set aside, and leaves alone what is in its place since.
    fn discard(&self, hash: BlobHash) -> BoxFuture<'_, Result<(), BlobError>>;

    /// Every blob on a shelf whose hash begins with the byte `first`, in no order: a 256th of them. What else lies in the
    /// store, whatever it is called, is left out.
    fn list(&self, shelf: Shelf, first: u8) -> BoxFuture<'_, Result<Vec<Listed>, BlobError>>;
}
