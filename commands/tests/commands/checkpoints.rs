//! The list of signed checkpoints, when several processes add to it at the same time.

use scanledger_commands::proof::{CheckpointStore, KeptCheckpoint};
use scanledger_domain::blob::BlobHash;
use scanledger_domain::id::EventId;
use scanledger_domain::proof::{Checkpoint, Ed25519Signer, Origin, SignedCheckpoint, TreeHash};
use scanledger_state::{ServerKey, State};
use std::sync::Arc;
use uuid::Uuid;

struct World {
    _folder: tempfile::TempDir,
    state: State,
    list: CheckpointStore,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = ServerKey::create(&folder.path().join("server.key")).unwrap();
        let state = State::open(&folder.path().join("state.db"), &key).unwrap();
        let list = CheckpointStore::new(Arc::clone(&state.checkpoints) as _);
        Self { _folder: folder, state, list }
    }

    fn sizes(&self) -> Vec<u64> {
        self.list.all().unwrap().iter().map(KeptCheckpoint::size).collect()
    }
}

fn checkpoint(size: u64, previous: Option<u64>) -> KeptCheckpoint {
    let signer = Ed25519Signer::from_seed([7; 32]);
    let origin = Origin(EventId(Uuid::from_u128(1)));
    let checkpoint = Checkpoint { origin, size, root: TreeHash([3; 32]) };
    let blob = Some(BlobHash::of(&size.to_be_bytes()));
    KeptCheckpoint { signed: SignedCheckpoint::sign(checkpoint, &signer), previous, blob }
}

#[test]
fn who_comes_too_late_with_the_same_size_changes_nothing() {
    let world = World::new();
    for (size, previous) in [(5, None), (10, Some(5))] {
        assert!(world.list.keep(&checkpoint(size, previous)).unwrap());
    }
    // Each read another latest one before the others were faster.
    for late in [checkpoint(10, None), checkpoint(10, Some(5)), checkpoint(5, None), checkpoint(7, Some(5))] {
        assert!(!world.list.keep(&late).unwrap());
        assert_eq!(world.sizes(), [5, 10]);
        assert_eq!(world.list.latest().unwrap(), Some(checkpoint(10, Some(5))));
    }
    assert!(world.list.keep(&checkpoint(12, Some(10))).unwrap());
    assert_eq!(world.sizes(), [5, 10, 12]);
}

#[test]
fn those_that_are_later_than_another_are_listed_alone() {
    let world = World::new();
    assert!(world.list.later_than(0).unwrap().is_empty());
    for (size, previous) in [(5, None), (10, Some(5)), (12, Some(10))] {
        assert!(world.list.keep(&checkpoint(size, previous)).unwrap());
    }
    for (after, expected) in
        [(0, vec![5, 10, 12]), (5, vec![10, 12]), (11, vec![12]), (12, vec![]), (99, vec![])]
    {
        let later = world.list.later_than(after).unwrap();
        assert_eq!(later.iter().map(KeptCheckpoint::size).collect::<Vec<_>>(), expected, "after {after}");
    }
}

#[test]
fn where_a_checkpoint_was_stored_is_noted_later_and_changes_nothing_else() {
    let world = World::new();
    let unstored = KeptCheckpoint { blob: None, ..checkpoint(10, Some(5)) };
    assert!(world.list.keep(&checkpoint(5, None)).unwrap());
    assert!(world.list.keep(&unstored).unwrap());
    let blob = BlobHash::of(b"where it is now");
    assert!(!world.list.note_blob(7, blob).unwrap(), "there is none of this size");
    for _ in 0..2 {
        assert!(world.list.note_blob(10, blob).unwrap());
        let expected = KeptCheckpoint { blob: Some(blob), ..unstored.clone() };
        assert_eq!(world.list.all().unwrap(), [checkpoint(5, None), expected]);
    }
}

#[test]
fn what_somebody_wrote_who_never_came_to_the_list_is_in_nobodys_way() {
    for left in [checkpoint(10, None), checkpoint(10, Some(5)), checkpoint(10, Some(3))] {
        // As it is written before it is in the list: where the list is another one, it never is.
        let elsewhere = World::new();
        assert!(elsewhere.list.keep(&checkpoint(1, None)).unwrap());
        assert!(!elsewhere.list.keep(&left).unwrap());
        let written = elsewhere.state.checkpoints.find("checkpoint/10").unwrap().unwrap();
        let world = World::new();
        assert!(world.list.keep(&checkpoint(5, None)).unwrap());
        world.state.checkpoints.put("checkpoint/10", &written).unwrap();
        assert!(world.list.keep(&checkpoint(10, Some(5))).unwrap());
        assert_eq!(world.sizes(), [5, 10]);
    }
}

#[test]
fn of_many_at_the_same_time_one_is_kept_and_the_list_stays_whole() {
    let world = World::new();
    for round in 1..=20 {
        let latest = world.list.latest().unwrap().map(|latest| latest.size());
        let kept = std::thread::scope(|scope| {
            let keeping: Vec<_> = (0..4)
                .map(|number| {
                    // Some have not seen the latest one, and one of the sizes is wanted by two.
                    let previous = if number == 3 { None } else { latest };
                    let kept = checkpoint(10 * round + number % 3, previous);
                    let list = &world.list;
                    scope.spawn(move || list.keep(&kept).unwrap())
                })
                .collect();
            keeping.into_iter().map(|keeping| keeping.join().unwrap()).filter(|is_kept| *is_kept).count()
        });
        assert_eq!(kept, 1);
        assert_eq!(world.sizes().len() as u64, round);
    }
}
