//! Roots and proofs from stored hashes of complete subtrees.

use super::{TreeHash, empty_root, node_hash};

/// Stored hashes of complete subtrees: what never changes once it is there.
pub trait Nodes {
    /// Why a hash could not be read.
    type Error;

    /// The hash of the subtree over leaves `index * 2^level` to `(index + 1) * 2^level - 1`. Level 0 is a leaf.
    /// Only asked for subtrees whose leaves are all there.
    ///
    /// # Errors
    /// When it cannot be read.
    fn node(&mut self, level: u32, index: u64) -> Result<TreeHash, Self::Error>;
}

/// A proof was asked for that no tree has: of a leaf beyond its size, or from an empty or a larger tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("leaf or tree {asked} is outside a tree of {size} leaves")]
pub struct OutsideTree {
    /// The leaf, or the size of the smaller tree.
    pub asked: u64,
    /// The size of the tree.
    pub size: u64,
}

/// The root of the tree of the first `size` leaves. Reads one hash for each bit of `size` that is set.
///
/// # Errors
/// When a hash cannot be read.
pub fn root<N: Nodes>(nodes: &mut N, size: u64) -> Result<TreeHash, N::Error> {
    if size == 0 { Ok(empty_root()) } else { range(nodes, 0, size) }
}

/// The inclusion proof of `leaf` in the tree of the first `size` leaves (RFC 9162 §2.1.3.1), from the leaf up.
/// Reads O(log n) hashes.
///
/// # Errors
/// [`OutsideTree`] if there is no such leaf; when a hash cannot be read.
pub fn inclusion<N: Nodes>(nodes: &mut N, leaf: u64, size: u64) -> Result<Vec<TreeHash>, N::Error>
where
    N::Error: From<OutsideTree>,
{
    if leaf >= size {
        return Err(OutsideTree { asked: leaf, size }.into());
    }
    let (mut begin, mut end) = (0, size);
    let mut proof = Vec::new();
    while end - begin > 1 {
        let middle = begin + left_leaves(end - begin);
        if leaf < middle {
            proof.push(range(nodes, middle, end)?);
            end = middle;
        } else {
            proof.push(range(nodes, begin, middle)?);
            begin = middle;
        }
    }
    proof.reverse();
    Ok(proof)
}

/// The proof that the tree of the first `to` leaves goes on where that of the first `from` ended
/// (RFC 9162 §2.1.4.1). Empty if they are the same. Reads O(log n) hashes.
///
/// # Errors
/// [`OutsideTree`] if `from` is 0 or more than `to`; when a hash cannot be read.
pub fn consistency<N: Nodes>(nodes: &mut N, from: u64, to: u64) -> Result<Vec<TreeHash>, N::Error>
where
    N::Error: From<OutsideTree>,
{
    if from == 0 || from > to {
        return Err(OutsideTree { asked: from, size: to }.into());
    }
    let (mut begin, mut end) = (0, to);
    let mut proof = Vec::new();
    while end != from {
        let middle = begin + left_leaves(end - begin);
        if from <= middle {
            proof.push(range(nodes, middle, end)?);
            end = middle;
        } else {
            proof.push(range(nodes, begin, middle)?);
            begin = middle;
        }
    }
    // A subtree that begins with the first leaf is the old tree itself, which the verifier has.
    if begin > 0 {
        proof.push(range(nodes, begin, end)?);
    }
    proof.reverse();
    Ok(proof)
}

/// Leaves in the left one of the two subtrees of a tree: the largest power of two below its size, which is above 1.
const fn left_leaves(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

/// The hash over some leaves, which are a subtree of a larger tree, complete or at its right edge.
fn range<N: Nodes>(nodes: &mut N, begin: u64, end: u64) -> Result<TreeHash, N::Error> {
    let mut complete = Vec::new();
    let mut at = begin;
    while at < end {
        let level = (end - at).ilog2();
        complete.push(nodes.node(level, at >> level)?);
        at += 1 << level;
    }
    Ok(joined(&complete))
}

/// Complete subtrees of falling size as one tree.
fn joined(complete: &[TreeHash]) -> TreeHash {
    let up = complete.iter().rev().copied().reduce(|right, left| node_hash(left, right));
    up.unwrap_or_else(empty_root)
}

/// The right edge of a growing tree: as much as it takes to go on and to know its root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    complete: Vec<TreeHash>,
}

impl Frontier {
    /// How many leaves there are.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf.
    pub fn push(&mut self, leaf: TreeHash) {
        let mut hash = leaf;
        // As many pairs are complete now as the old size ends in ones.
        for _ in 0..self.size.trailing_ones() {
            let left = self.complete.pop().expect("every one in the size stands for a complete subtree");
            hash = node_hash(left, hash);
        }
        self.complete.push(hash);
        self.size += 1;
    }

    /// The root of the tree as it is.
    pub fn root(&self) -> TreeHash {
        joined(&self.complete)
    }
}
