//! The stored tree, against the one in memory that its right edge is enough for.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use rusqlite::Connection;
use scanledger_domain::id::EventId;
use scanledger_domain::log::{Append, EventLog, LogError, NewEvent, Position, Recorded, StreamName, Version};
use scanledger_domain::proof::{Frontier, TreeHash, leaf_hash, verify_consistency, verify_inclusion};
use scanledger_domain::time::{Clock, Timestamp};
use scanledger_log_sqlite::SqliteLog;
use scanledger_projections::tree::{Reached, TREE_FILE, Tree, TreeError};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use uuid::Uuid;

const LOG: Uuid = Uuid::from_u128(1);
/// More than two full tiles of the lowest level, so that there is a second one and a part.
const EVENTS: u64 = 700;

fn event(position: u64) -> Recorded {
    Recorded {
        position: Position(position),
        id: EventId(Uuid::from_u128(u128::from(position))),
        stream: StreamName::new("thing", position % 7),
        version: Version(position / 7 + 1),
        kind: "thing.happened".into(),
        schema: 1,
        data: position.to_string().into_bytes(),
        metadata: b"{}".to_vec(),
        recorded_at: Timestamp(i64::try_from(position).unwrap()),
    }
}

fn events(positions: impl IntoIterator<Item = u64>) -> Vec<Recorded> {
    positions.into_iter().map(event).collect()
}

/// The roots of the trees of the first 0, 1, 2, … of some events.
fn roots(events: &[Recorded]) -> Vec<TreeHash> {
    let mut frontier = Frontier::default();
    let mut roots = vec![frontier.root()];
    for event in events {
        frontier.push(leaf_hash(event));
        roots.push(frontier.root());
    }
    roots
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join(TREE_FILE)
    }

    fn tree(&self) -> Tree {
        Tree::open(&self.path(), LOG).unwrap()
    }
}

#[test]
fn every_root_and_proof_is_right_however_the_events_came() {
    let place = Place::new();
    let all = events(1..=EVENTS);
    let expected = roots(&all);
    for step in [1, 13, 256, 699] {
        let tree = place.tree();
        tree.clear().unwrap();
        drop(tree);
        for (number, batch) in all.chunks(step).enumerate() {
            let tree = place.tree();
            let after = Position((number * step) as u64);
            assert!(tree.append(after, batch).unwrap());
            let size = tree.reached().size;
            assert_eq!(size, EVENTS.min(((number + 1) * step) as u64));
            assert_eq!(tree.root(size).unwrap(), expected[usize::try_from(size).unwrap()], "{step} {size}");
        }
    }
    let tree = place.tree();
    let root = |size: u64| expected[usize::try_from(size).unwrap()];
    for size in (1..=EVENTS).step_by(37).chain([255, 256, 257, 511, 512, 513, EVENTS]) {
        assert_eq!(tree.root(size).unwrap(), root(size));
        for leaf in [0, 1.min(size - 1), size / 2, size - 1] {
            let proof = tree.inclusion(leaf, size).unwrap();
            let hash = leaf_hash(&event(leaf + 1));
            assert_eq!(verify_inclusion(hash, leaf, size, root(size), &proof), Ok(()), "{leaf} in {size}");
        }
        let proof = tree.consistency(size, EVENTS).unwrap();
        assert_eq!(verify_consistency(size, root(size), EVENTS, root(EVENTS), &proof), Ok(()));
    }
    let hashes: Vec<TreeHash> = all.iter().map(leaf_hash).collect();
    assert_eq!(tree.leaves(0, EVENTS).unwrap(), hashes);
    assert_eq!(tree.leaves(250, 20).unwrap(), hashes[250..270]);
    assert_eq!(tree.leaves(EVENTS - 1, 20).unwrap(), hashes[hashes.len() - 1..]);
    assert!(tree.leaves(EVENTS, 20).unwrap().is_empty());
}

#[test]
fn what_the_tree_has_is_not_added_again() {
    let place = Place::new();
    let tree = place.tree();
    tree.append(Position::START, &events(1..=10)).unwrap();
    assert!(tree.append(Position(4), &events(5..=12)).unwrap());
    assert!(tree.append(Position(12), &[]).unwrap());
    assert!(!tree.append(Position(13), &events(14..=15)).unwrap(), "13 would be missing");
    assert_eq!(tree.reached(), Reached { size: 12, position: Position(12) });
    assert_eq!(tree.root(12).unwrap(), roots(&events(1..=12))[12]);
}

#[test]
fn what_is_outside_the_tree_is_refused() {
    let place = Place::new();
    let tree = place.tree();
    tree.append(Position::START, &events(1..=10)).unwrap();
    let is_outside =
        |outcome: Result<Vec<TreeHash>, TreeError>| matches!(outcome, Err(TreeError::Outside(_)));
    assert!(is_outside(tree.inclusion(10, 10)));
    assert!(is_outside(tree.inclusion(0, 11)));
    assert!(is_outside(tree.consistency(0, 10)));
    assert!(is_outside(tree.consistency(5, 11)));
    assert!(matches!(tree.root(11), Err(TreeError::Outside(_))));
}

#[test]
fn leaves_have_numbers_of_their_own_where_positions_have_holes() {
    let place = Place::new();
    let tree = place.tree();
    let positions = [1, 2, 3, 10, 11, 40, 50, 51, 52];
    tree.append(Position::START, &events(positions)).unwrap();
    for (leaf, position) in (0..).zip(positions) {
        assert_eq!(tree.leaf_at(Position(position)).unwrap(), Some(leaf), "{position}");
        assert_eq!(tree.position_of(leaf).unwrap(), Some(Position(position)), "{leaf}");
    }
    for position in [0, 4, 9, 12, 39, 41, 49, 53, u64::MAX] {
        assert_eq!(tree.leaf_at(Position(position)).unwrap(), None, "{position}");
    }
    assert_eq!(tree.position_of(9).unwrap(), None);
}

#[test]
fn a_tree_of_another_log_and_a_file_that_is_none_begin_anew() {
    let place = Place::new();
    place.tree().append(Position::START, &events(1..=10)).unwrap();
    assert_eq!(place.tree().reached().size, 10);
    assert_eq!(Tree::open(&place.path(), Uuid::from_u128(2)).unwrap().reached(), Reached::default());
    std::fs::write(place.path(), "no database").unwrap();
    assert_eq!(place.tree().reached(), Reached::default());
}

#[test]
fn a_damaged_edge_is_built_anew() {
    let place = Place::new();
    place.tree().append(Position::START, &events(1..=10)).unwrap();
    let file = Connection::open(place.path()).unwrap();
    file.execute("UPDATE tile SET hashes = zeroblob(32)", []).unwrap();
    drop(file);
    let tree = place.tree();
    assert_eq!(tree.reached(), Reached::default());
    tree.append(Position::START, &events(1..=10)).unwrap();
    assert_eq!(tree.root(10).unwrap(), roots(&events(1..=10))[10]);
}

#[test]
fn beside_the_writer_others_only_read() {
    let place = Place::new();
    assert!(Tree::open_read_only(&place.path()).unwrap().is_none());
    let tree = place.tree();
    tree.append(Position::START, &events(1..=10)).unwrap();
    let reader = Tree::open_read_only(&place.path()).unwrap().unwrap();
    assert_eq!(reader.root(10).unwrap(), tree.root(10).unwrap());
    assert!(matches!(reader.append(Position(10), &events(11..=12)), Err(TreeError::ReadOnly)));
    tree.append(Position(10), &events(11..=12)).unwrap();
    assert_eq!(reader.root(12).unwrap(), tree.root(12).unwrap());
}

struct Ticking(std::sync::atomic::AtomicI64);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
    }
}

fn log(place: &Place, name: &str) -> Arc<dyn EventLog> {
    Arc::new(SqliteLog::open(&place.0.path().join(name), Arc::new(Ticking(1.into()))).unwrap())
}

async fn append(log: &dyn EventLog, from: u64, count: u64) {
    for number in from..from + count {
        let event = NewEvent {
            id: EventId(Uuid::from_u128(u128::from(number) << 8)),
            kind: "thing.happened",
            schema: 1,
            data: number.to_string().into_bytes(),
            metadata: Arc::from(*b"{}"),
        };
        let stream = StreamName::new("thing", number);
        log.append(vec![Append { stream, expected: Version::NONE, events: vec![event] }]).await.unwrap();
    }
}

#[tokio::test]
async fn it_follows_the_log_and_survives_being_emptied() {
    let place = Place::new();
    let log = log(&place, "log.db");
    append(&*log, 0, 20).await;
    let tree = Tree::open(&place.path(), log.identity()).unwrap();
    assert_eq!(tree.catch_up(&*log).await.unwrap().size, 20);
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn({
        let (tree, log) = (tree.clone(), Arc::clone(&log));
        async move { tree.run(log, stopped).await }
    });
    let mut reached = tree.watch();
    let mut until = async |size| {
        let waited = reached.wait_for(|reached| reached.size == size);
        tokio::time::timeout(Duration::from_secs(20), waited).await.unwrap().unwrap();
    };
    append(&*log, 20, 20).await;
    until(40).await;
    tree.clear().unwrap();
    append(&*log, 40, 1).await;
    until(41).await;
    let all = log.read_all(Position::START, 100).await.unwrap();
    assert_eq!(tree.root(41).unwrap(), roots(&all)[41]);
    stop.send_replace(true);
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_tree_that_ends_with_an_event_that_the_log_has_not_is_emptied() {
    let place = Place::new();
    let log = log(&place, "log.db");
    append(&*log, 0, 5).await;
    let tree = Tree::open(&place.path(), log.identity()).unwrap();
    tree.catch_up(&*log).await.unwrap();
    assert!(!tree.fit(&*log).await.unwrap());
    tree.append(Position(5), &events([6])).unwrap();
    assert!(tree.fit(&*log).await.unwrap());
    assert_eq!(tree.reached(), Reached::default());
    assert_eq!(tree.catch_up(&*log).await.unwrap().size, 5);
}

#[tokio::test]
async fn a_tree_does_not_go_on_from_an_event_that_it_did_not_hash() {
    let place = Place::new();
    let log = log(&place, "log.db");
    append(&*log, 0, 5).await;
    let tree = Tree::open(&place.path(), log.identity()).unwrap();
    let mut there = log.read_all(Position::START, 5).await.unwrap();
    there[4].id = EventId(Uuid::from_u128(7));
    tree.append(Position::START, &there).unwrap();
    let root = tree.root(5).unwrap();
    append(&*log, 5, 3).await;
    let (_stop, stopped) = watch::channel(false);
    let ended = tokio::time::timeout(Duration::from_secs(20), tree.run(Arc::clone(&log), stopped)).await;
    let lost = Position(5);
    assert!(
        matches!(ended, Ok(Err(TreeError::Log(LogError::Diverged { position }))) if position == lost),
        "{ended:?}"
    );
    assert_eq!((tree.reached().position, tree.root(5).unwrap()), (lost, root));
}
