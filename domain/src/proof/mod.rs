//! Proofs that the log is what it was: a Merkle tree over its events, signed checkpoints, and bundles of events
//! that verify without a server.
//!
//! The tree is that of RFC 9162 §2.1 (the same as RFC 6962 §2.1) with SHA-256: a leaf is the hash of `0x00` and
//! an event's exact bytes ([`leaf_hash`]), a node the hash of `0x01` and its two children. Leaves are numbered
//! from 0 in the order of the log. A [`Checkpoint`] is the size and the root of the tree in the text format of
//! C2SP `tlog-checkpoint`, signed as a C2SP `signed-note` with Ed25519.
//!
//! `ct-merkle` is what the tests compare with. It does not do the work itself, because its proofs name nodes of
//! the tree's incomplete right edge, which change with every append and cannot be stored once and for all, and
//! because some of its functions panic on sizes and indices that come from outside.

mod bundle;
mod checkpoint;
mod hash;
mod leaf;
mod note;
mod tree;
mod verify;

#[cfg(test)]
mod property_tests;

pub use bundle::{
    BUNDLE_FORMAT, BundleError, BundleEvent, BundleHeader, BundleSummary, BundleVerifier, NotBundled,
};
pub use checkpoint::{Checkpoint, CheckpointError, Origin, SignedCheckpoint, TREE_LEAVES};
pub use hash::{NotATreeHash, TreeHash, empty_root, node_hash};
pub use leaf::{leaf_bytes, leaf_hash};
pub use note::{
    Ed25519Signer, KeyError, NOTE_BYTES, NoteError, NoteSignature, SignedNote, Signer, VerifierKey,
};
pub use tree::{Frontier, Nodes, OutsideTree, consistency, inclusion, root};
pub use verify::{ProofError, verify_consistency, verify_inclusion};
