//! The tree against its definition written down naively, and against another implementation.

use super::leaf::tests::event;
use super::{
    BUNDLE_FORMAT, BundleError, BundleEvent, BundleHeader, BundleVerifier, Checkpoint, Ed25519Signer,
    Frontier, Nodes, Origin, OutsideTree, SignedCheckpoint, Signer, TreeHash, consistency, empty_root,
    inclusion, leaf_bytes, leaf_hash, node_hash, root, verify_consistency, verify_inclusion,
};
use crate::log::Position;
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use proptest::prelude::{any, prop_assert, prop_assert_eq, prop_assume, proptest};
use sha2::Sha256;

/// Leaves of the trees that are compared: around and beyond several powers of two.
const LEAVES: u64 = 150;

/// MTH of RFC 9162 §2.1.1, as it is written there.
fn naive(leaves: &[TreeHash]) -> TreeHash {
    match leaves {
        [] => empty_root(),
        [one] => *one,
        many => {
            let half = many.len().next_power_of_two() / 2;
            node_hash(naive(&many[..half]), naive(&many[half..]))
        }
    }
}

/// Complete subtrees of leaves in memory; refuses to answer for one that is not complete.
struct Memory(Vec<TreeHash>);

impl Memory {
    fn of(leaves: u64) -> Self {
        Self((0..leaves).map(|number| leaf_hash(&event(number))).collect())
    }

    fn root(&mut self, size: u64) -> TreeHash {
        root(self, size).unwrap()
    }
}

impl Nodes for Memory {
    type Error = OutsideTree;

    fn node(&mut self, level: u32, index: u64) -> Result<TreeHash, OutsideTree> {
        let begin = usize::try_from(index << level).unwrap();
        let complete = self.0.get(begin..begin + (1 << level));
        complete.map(naive).ok_or(OutsideTree { asked: index, size: self.0.len() as u64 })
    }
}

fn other(leaves: u64) -> MemoryBackedTree<Sha256, Vec<u8>> {
    let mut tree = MemoryBackedTree::new();
    (0..leaves).for_each(|number| tree.push(leaf_bytes(&event(number))));
    tree
}

fn bytes(proof: &[TreeHash]) -> Vec<u8> {
    proof.iter().flat_map(|hash| hash.0).collect()
}

#[test]
fn roots_are_those_of_the_definition_and_of_another_implementation() {
    let mut ours = Memory::of(LEAVES);
    let mut frontier = Frontier::default();
    let mut theirs = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    assert_eq!(frontier.root(), empty_root());
    for size in 0..=LEAVES {
        let expected = naive(&ours.0[..usize::try_from(size).unwrap()]);
        assert_eq!(ours.root(size), expected, "{size}");
        assert_eq!((frontier.size(), frontier.root()), (size, expected));
        if size > 0 {
            assert_eq!(theirs.root().as_bytes().as_slice(), expected.0, "{size}");
        }
        frontier.push(leaf_hash(&event(size)));
        theirs.push(leaf_bytes(&event(size)));
    }
}

#[test]
fn a_proof_of_what_is_not_there_is_refused() {
    let mut tree = Memory::of(8);
    assert_eq!(inclusion(&mut tree, 8, 8), Err(OutsideTree { asked: 8, size: 8 }));
    assert_eq!(inclusion(&mut tree, 0, 0), Err(OutsideTree { asked: 0, size: 0 }));
    assert_eq!(consistency(&mut tree, 0, 8), Err(OutsideTree { asked: 0, size: 8 }));
    assert_eq!(consistency(&mut tree, 8, 7), Err(OutsideTree { asked: 8, size: 7 }));
}

proptest! {
    #[test]
    fn inclusion_is_proven_as_another_implementation_does(size in 1..=LEAVES, leaf in 0..LEAVES) {
        let leaf = leaf % size;
        let mut ours = Memory::of(size);
        let proof = inclusion(&mut ours, leaf, size).unwrap();
        let theirs = other(size);
        let expected = theirs.prove_inclusion(usize::try_from(leaf).unwrap());
        prop_assert_eq!(bytes(&proof), expected.as_bytes());
        let read = InclusionProof::try_from_bytes(bytes(&proof)).unwrap();
        prop_assert!(theirs.root().verify_inclusion(&leaf_bytes(&event(leaf)), leaf, &read).is_ok());
        let (hash, root) = (leaf_hash(&event(leaf)), ours.root(size));
        prop_assert_eq!(verify_inclusion(hash, leaf, size, root, &proof), Ok(()));
    }

    #[test]
    fn consistency_is_proven_as_another_implementation_does(from in 1..=LEAVES, more in 0..LEAVES) {
        let to = from + more;
        let mut ours = Memory::of(to);
        let proof = consistency(&mut ours, from, to).unwrap();
        let (old, new) = (ours.root(from), ours.root(to));
        prop_assert_eq!(verify_consistency(from, old, to, new, &proof), Ok(()));
        // Between a tree and itself theirs has a proof with hashes in it, which RFC 9162 has not.
        if more > 0 {
            let theirs = other(to).prove_consistency(usize::try_from(more).unwrap());
            prop_assert_eq!(bytes(&proof), theirs.as_bytes());
            let root = |hash: TreeHash, size| RootHash::<Sha256>::new(hash.0.into(), size);
            let read = ConsistencyProof::try_from_bytes(bytes(&proof)).unwrap();
            prop_assert!(root(new, to).verify_consistency(&root(old, from), &read).is_ok());
        }
    }

    #[test]
    fn a_proof_proves_one_leaf_at_one_place_of_one_tree(
        size in 1..=LEAVES, leaf in 0..LEAVES, other_leaf in 0..LEAVES, other_size in 1..=LEAVES,
        at in any::<proptest::sample::Index>(), bit in 0_usize..256,
    ) {
        let leaf = leaf % size;
        let mut tree = Memory::of(LEAVES);
        let proof = inclusion(&mut tree, leaf, size).unwrap();
        let (hash, root) = (leaf_hash(&event(leaf)), tree.root(size));
        if other_leaf != leaf {
            prop_assert!(verify_inclusion(hash, other_leaf, size, root, &proof).is_err());
            prop_assert!(verify_inclusion(leaf_hash(&event(other_leaf)), leaf, size, root, &proof).is_err());
        }
        if other_size != size {
            let root = tree.root(other_size);
            prop_assert!(verify_inclusion(hash, leaf, other_size, root, &proof).is_err());
        }
        let mut longer = proof.clone();
        longer.push(hash);
        prop_assert!(verify_inclusion(hash, leaf, size, root, &longer).is_err());
        if !proof.is_empty() {
            prop_assert!(verify_inclusion(hash, leaf, size, root, &proof[1..]).is_err());
            let mut changed = proof.clone();
            changed[at.index(proof.len())].0[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(verify_inclusion(hash, leaf, size, root, &changed).is_err());
        }
    }

    #[test]
    fn no_change_before_a_checkpoint_is_consistent_with_it(
        from in 2..=LEAVES, more in 0..LEAVES, at in any::<proptest::sample::Index>(), how in 0_u8..4,
    ) {
        let to = from + more;
        let mut before = Memory::of(to);
        let mut after = Memory::of(to);
        let at = at.index(usize::try_from(from).unwrap() - 1);
        match how {
            0 => after.0[at].0[0] ^= 1,
            1 => drop(after.0.remove(at)),
            2 => after.0.swap(at, at + 1),
            _ => after.0.truncate(at),
        }
        prop_assume!(after.0.len() as u64 >= from);
        let to = after.0.len() as u64;
        let proof = consistency(&mut after, from, to).unwrap();
        let (old, new) = (before.root(from), after.root(to));
        prop_assert!(verify_consistency(from, old, to, new, &proof).is_err());
    }

    #[test]
    fn no_proof_makes_the_checks_panic(
        leaf in any::<u64>(), size in any::<u64>(), hashes in 0_usize..70, a in any::<[u8; 32]>(),
    ) {
        let proof = vec![TreeHash(a); hashes];
        let _ = verify_inclusion(TreeHash(a), leaf, size, TreeHash(a), &proof);
        let _ = verify_consistency(leaf, TreeHash(a), size, TreeHash(a), &proof);
    }

    #[test]
    fn no_line_makes_the_bundle_reader_panic(line in ".{0,200}") {
        let (lines, signer, origin) = bundle(1..3, None);
        let key = signer.verifier_key(&origin);
        let _ = BundleVerifier::begin(&line, &key);
        prop_assert!(BundleVerifier::begin(&lines[0], &key).unwrap().event(&line).is_err());
    }
}

/// The lines of a bundle of some leaves of a log of ten.
fn bundle(
    leaves: std::ops::Range<u64>,
    project: Option<crate::id::ProjectId>,
) -> (Vec<String>, Ed25519Signer, Origin) {
    let signer = Ed25519Signer::from_seed([3; 32]);
    let origin = Origin(event(0).id);
    let mut tree = Memory::of(10);
    let checkpoint = Checkpoint { origin, size: 10, root: tree.root(10) };
    let header = BundleHeader {
        format: BUNDLE_FORMAT.to_owned(),
        checkpoint: SignedCheckpoint::sign(checkpoint, &signer).note.to_string(),
        verifier_key: signer.verifier_key(&origin).to_string(),
        from: Position(leaves.start + 1),
        to: Position(leaves.end),
        project,
        events: leaves.end - leaves.start,
    };
    let mut lines = vec![serde_json::to_string(&header).unwrap()];
    for leaf in leaves {
        let recorded = event(leaf);
        let proof = inclusion(&mut tree, leaf, 10).unwrap();
        lines.push(serde_json::to_string(&BundleEvent::new(&recorded, leaf, proof).unwrap()).unwrap());
    }
    (lines, signer, origin)
}

fn check(lines: &[String], signer: &Ed25519Signer, origin: Origin) -> Result<u64, BundleError> {
    let mut verifier = BundleVerifier::begin(&lines[0], &signer.verifier_key(&origin))?;
    for line in &lines[1..] {
        verifier.event(line)?;
    }
    verifier.finish().map(|summary| summary.header.events)
}

#[test]
fn a_bundle_proves_its_events() {
    let (lines, signer, origin) = bundle(2..7, None);
    assert_eq!(check(&lines, &signer, origin).unwrap(), 5);
    let (empty, ..) = bundle(2..2, None);
    assert_eq!(check(&empty, &signer, origin).unwrap(), 0);
}

#[test]
fn a_bundle_that_was_changed_is_refused() {
    let (lines, signer, origin) = bundle(2..7, None);
    let of = |lines: Vec<String>| check(&lines, &signer, origin).unwrap_err();
    let replace = |at: usize, from: &str, to: &str| {
        let mut lines = lines.clone();
        assert_ne!(lines[at].replacen(from, to, 1), lines[at]);
        lines[at] = lines[at].replacen(from, to, 1);
        of(lines)
    };
    let without = |at: usize| {
        let mut lines = lines.clone();
        lines.remove(at);
        of(lines)
    };
    assert!(matches!(
        replace(3, "number\\\":4", "number\\\":5"),
        BundleError::Event { position: Position(5), .. }
    ));
    assert!(matches!(replace(3, "\"schema\":1", "\"schema\":2"), BundleError::Event { .. }));
    assert!(matches!(replace(0, "\\n10\\n", "\\n11\\n"), BundleError::Checkpoint(_)));
    assert!(matches!(replace(0, "bundle/1", "bundle/2"), BundleError::Format(_)));
    assert!(matches!(replace(0, "\"events\":5", "\"events\":6"), BundleError::Count { said: 6, found: 5 }));
    assert!(matches!(replace(0, "\"to\":7", "\"to\":6"), BundleError::Outside(Position(7))));
    assert!(matches!(without(3), BundleError::Gap { before: 3, position: Position(6) }));
    assert!(matches!(without(5), BundleError::Count { said: 5, found: 4 }));
    let (others, ..) = bundle(2..7, None);
    let stranger = Ed25519Signer::from_seed([4; 32]);
    assert!(matches!(check(&others, &stranger, origin), Err(BundleError::Checkpoint(_))));
}

#[test]
fn a_bundle_of_a_project_may_have_gaps() {
    let (mut lines, signer, origin) = bundle(2..7, Some(crate::id::ProjectId(uuid::Uuid::nil())));
    lines.remove(3);
    lines[0] = lines[0].replacen("\"events\":5", "\"events\":4", 1);
    assert_eq!(check(&lines, &signer, origin).unwrap(), 4);
    lines.swap(1, 2);
    assert!(matches!(check(&lines, &signer, origin), Err(BundleError::Gap { .. })));
}
