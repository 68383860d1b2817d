//! A backup: what of an installation cannot be built again, in one tar file.
//!
//! | entry | what it is |
//! |---|---|
//! | `manifest.json` | a [`Manifest`] |
//! | `log.ndjson` | every event up to a position, one a line |
//! | `state.json` | signed checkpoints up to there, and when API keys were last used |
//! | `blobs/<hash>` | each blob that the log names and that is there |
//! | `blobs.ndjson` | hash and, as far as it is known, size of each of them |
//! | `SHA256SUMS` | the SHA-256 of every entry before it, as `sha256sum` reads them |
//!
//! Everything personal in it is sealed. The keys are in a file of their own, which is to be kept elsewhere, and
//! neither has the server's key. What is left out is built again (read models, the tree over the log, advisories), or
//! has no meaning elsewhere (leases, remembered requests).
//!
//! It is one moment: the log is read up to a position, and everything else later, when it holds at least what belongs
//! to that position.

mod archive;
mod erased;
mod line;
mod place;
mod restore;
mod spool;
mod unfinished;
mod write;

pub use place::refuse_half;
pub use restore::{Restore, Restored, restore};
pub use unfinished::Unfinished;
pub use write::create;

use scanledger_domain::blob::BlobHash;
use scanledger_domain::id::ApiKeyId;
use scanledger_domain::log::Position;
use scanledger_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use uuid::Uuid;

const FORMAT: &str = "scanledger backup";
const VERSION: u32 = 1;
/// Bytes of manifest and state, which are read whole: room for a signed checkpoint every ten minutes in ten years.
const WHOLE_BYTES: u64 = 256 * 1024 * 1024;

/// Blobs that are lost and are named; further ones are counted.
const LISTED: usize = 20;

const MANIFEST: &str = "manifest.json";
const LOG: &str = "log.ndjson";
const STATE: &str = "state.json";
const BLOBS: &str = "blobs.ndjson";
const SUMS: &str = "SHA256SUMS";
const BLOB_FOLDER: &str = "blobs/";

/// What a backup is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Manifest {
    /// Always the same words.
    format: String,
    /// Of this layout.
    version: u32,
    /// Which version of the program wrote it.
    program: String,
    /// When, in RFC 3339.
    made_at: String,
    /// The identity of the log.
    log: Uuid,
    /// The last event in it.
    position: Position,
    /// How many events it has.
    events: u64,
    /// The newest signed checkpoint in it, as a signed note.
    checkpoint: Option<String>,
    /// The revision of the read models that the program had.
    views: String,
    /// Whether blobs are in it.
    blobs: Contents,
}

/// How much of each blob is in a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Contents {
    /// Its bytes.
    Bytes,
    /// Its hash.
    Hashes,
}

/// What of the state store is kept.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct KeptState {
    /// When API keys were last used.
    key_uses: Vec<KeyUse>,
    /// Signed checkpoints, smallest first.
    checkpoints: Vec<KeptNote>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct KeyUse {
    key: ApiKeyId,
    at: Timestamp,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct KeptNote {
    note: String,
    previous: Option<u64>,
    blob: Option<BlobHash>,
}

/// A line of `blobs.ndjson`.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BlobLine {
    hash: BlobHash,
    size: Option<u64>,
}

/// Which backup is wanted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Wanted {
    /// Absolute path of the file, which must not be there yet.
    pub out: PathBuf,
    /// Absolute path of the file for the keys, which must not be there yet; none for a backup without.
    pub keys_out: Option<PathBuf>,
    /// How much of each blob.
    pub blobs: Contents,
}

/// What is in a backup that was written.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackedUp {
    /// The last event in it.
    pub position: u64,
    /// How many events it has.
    pub events: u64,
    /// Signed checkpoints in it.
    pub checkpoints: u64,
    /// Blobs in it, or of which the hash is.
    pub blobs: u64,
    /// Blobs that are not there, and that something names which was not deleted.
    #[serde(default)]
    pub lost: u64,
    /// The first 20 of them.
    #[serde(default)]
    pub lost_blobs: Vec<BlobHash>,
    /// Bytes of the file.
    pub bytes: u64,
}
