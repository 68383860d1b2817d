//! Checking proofs. Needs nothing but the proof, and reads no more of it than the tree is high.

use super::{TreeHash, node_hash};

/// Why a proof proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The leaf is not in a tree of this size, or the older tree is empty or larger than the newer one.
    #[error("the proof is about a leaf or a tree that is outside the tree")]
    Outside,
    /// It has too many or too few hashes.
    #[error("the proof has not as many hashes as the tree is high")]
    Length,
    /// It leads to another root.
    #[error("the proof leads to another root than that of the tree of {size} leaves")]
    Root {
        /// The size of that tree.
        size: u64,
    },
}

/// Whether `proof` shows that the leaf with `hash` is leaf number `leaf` of the tree of `size` leaves under `root`
/// (RFC 9162 §2.1.3.2).
///
/// # Errors
/// Why it does not.
pub fn verify_inclusion(
    hash: TreeHash,
    leaf: u64,
    size: u64,
    root: TreeHash,
    proof: &[TreeHash],
) -> Result<(), ProofError> {
    if leaf >= size {
        return Err(ProofError::Outside);
    }
    let mut at = Climb { node: leaf, last: size - 1 };
    let mut up = hash;
    for &sibling in proof {
        up = if at.has_left_sibling()? { node_hash(sibling, up) } else { node_hash(up, sibling) };
        at.step();
    }
    at.is_root()?;
    if up == root { Ok(()) } else { Err(ProofError::Root { size }) }
}

/// Whether `proof` shows that the tree of `to` leaves under `to_root` begins with that of `from` leaves under
/// `from_root` (RFC 9162 §2.1.4.2).
///
/// # Errors
/// Why it does not.
pub fn verify_consistency(
    from: u64,
    from_root: TreeHash,
    to: u64,
    to_root: TreeHash,
    proof: &[TreeHash],
) -> Result<(), ProofError> {
    if from == 0 || from > to {
        return Err(ProofError::Outside);
    }
    if from == to {
        return match proof {
            [] if from_root == to_root => Ok(()),
            [] => Err(ProofError::Root { size: to }),
            _ => Err(ProofError::Length),
        };
    }
    let (start, rest) = if from.is_power_of_two() {
        (from_root, proof)
    } else {
        let (&start, rest) = proof.split_first().ok_or(ProofError::Length)?;
        (start, rest)
    };
    let complete = (from - 1).trailing_ones();
    let mut at = Climb { node: (from - 1) >> complete, last: (to - 1) >> complete };
    let (mut old, mut new) = (start, start);
    for &hash in rest {
        if at.has_left_sibling()? {
            old = node_hash(hash, old);
            new = node_hash(hash, new);
        } else {
            new = node_hash(new, hash);
        }
        at.step();
    }
    at.is_root()?;
    if old != from_root {
        return Err(ProofError::Root { size: from });
    }
    if new != to_root {
        return Err(ProofError::Root { size: to });
    }
    Ok(())
}

/// The way from a node up to the root: its number in its level, and that of the level's last node.
struct Climb {
    node: u64,
    last: u64,
}

impl Climb {
    /// Whether the next hash stands to the left. A node at the right edge without a sibling is the same one level
    /// up.
    fn has_left_sibling(&mut self) -> Result<bool, ProofError> {
        if self.last == 0 {
            return Err(ProofError::Length);
        }
        let is_right = self.node % 2 == 1;
        if !is_right && self.node == self.last {
            let levels = self.node.trailing_zeros();
            self.node >>= levels;
            self.last >>= levels;
            return Ok(true);
        }
        Ok(is_right)
    }

    fn step(&mut self) {
        self.node >>= 1;
        self.last >>= 1;
    }

    fn is_root(&self) -> Result<(), ProofError> {
        if self.last == 0 { Ok(()) } else { Err(ProofError::Length) }
    }
}
