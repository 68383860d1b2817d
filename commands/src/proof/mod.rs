//! Signing checkpoints of the Merkle tree over the log, and never over a log that was changed.
//!
//! What is guaranteed, and when:
//!
//! - A checkpoint is only signed over a tree whose leaves were hashed from the log by this process, or compared with
//!   the log by it: before its first signature a process reads the whole log again ([`examine`]), and holds it
//!   against every checkpoint that is kept and against the stored tree; later events it has hashed itself after
//!   their commit, and compares with the log once more before they are signed for the first time.
//! - Before each signature the tree is proven to be a continuation of the last checkpoint
//!   ([`Contradiction::Fork`] if not).
//! - An event at or before the last checkpoint that is changed while a server runs is therefore never signed over:
//!   that server goes on to sign what it read before the change, which the changed log does not match. The change is
//!   found by the next examination: daily, at the next start, or by `scanledger verify`.
//! - An event after the last checkpoint that is changed while a server runs is found before it is signed. If it is
//!   changed while none runs, no signature is there to contradict it: a stored tree that knows better is reported
//!   (by `verify`, and as an error at the next start) and replaced. This is why a checkpoint is signed at the end of
//!   a process too.
//! - Whoever can change the log, the tree, and every checkpoint that is kept here can make them agree. Checkpoints
//!   that were published elsewhere still contradict them.

mod checkpointer;
mod examination;
mod published;
mod store;

pub use checkpointer::{CheckpointDeps, Checkpointer, Publish, SignError, Standing};
pub use examination::{Contradiction, Examination, LeafDifference, examine};
pub use published::{Damage, Published, check_published, contradicted, find_unnamed};
pub use store::{CheckpointStore, KeptCheckpoint};

use scanledger_domain::log::Position;
use scanledger_domain::proof::TreeHash;
use scanledger_domain::{BoxFuture, Cause};

/// The stored tree over the log, as far as signing needs it. Implemented over the projections.
pub trait AuditTree: Send + Sync {
    /// How many leaves it has.
    fn size(&self) -> u64;

    /// The root of the tree of the first `size` leaves. Blocks.
    ///
    /// # Errors
    /// When there are not so many, or the store fails.
    fn root(&self, size: u64) -> Result<TreeHash, Cause>;

    /// The hashes of at most `count` leaves from number `from` on. Blocks.
    ///
    /// # Errors
    /// When the store fails.
    fn leaves(&self, from: u64, count: u64) -> Result<Vec<TreeHash>, Cause>;

    /// The position of a leaf's event, if the tree has it. Blocks.
    ///
    /// # Errors
    /// When the store fails.
    fn position_of(&self, leaf: u64) -> Result<Option<Position>, Cause>;

    /// The consistency proof between the trees of the first `from` and `to` leaves. Blocks.
    ///
    /// # Errors
    /// When there are not so many, or the store fails.
    fn consistency(&self, from: u64, to: u64) -> Result<Vec<TreeHash>, Cause>;

    /// Waits until it has every event that the log holds now.
    ///
    /// # Errors
    /// When log or store fail.
    fn catch_up(&self) -> BoxFuture<'_, Result<(), Cause>>;

    /// Builds it anew from the log.
    ///
    /// # Errors
    /// When log or store fail.
    fn rebuild(&self) -> BoxFuture<'_, Result<(), Cause>>;
}
