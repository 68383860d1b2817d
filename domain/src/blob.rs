//! Sources, reports, SBOMs and excerpts: big bytes, kept by the hash of their content.

use crate::{BoxFuture, Cause};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;

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
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
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

/// A store of blobs by content hash. Writing the same bytes twice stores them once.
pub trait BlobStore: Send + Sync {
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

    /// Removes the blob; removing what is not there is no error.
    fn remove(&self, hash: BlobHash) -> BoxFuture<'_, Result<(), BlobError>>;
}
