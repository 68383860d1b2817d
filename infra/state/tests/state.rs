//! Leases, last-used times and checkpoints, and which files are opened at all.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use rusqlite::Connection;
use scanledger_domain::id::ApiKeyId;
use scanledger_domain::time::Timestamp;
use scanledger_state::{Holder, Lease, ServerKey, State, StateError, Unusable};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Barrier;
use tempfile::TempDir;
use uuid::Uuid;

struct Folder {
    folder: TempDir,
    key: ServerKey,
}

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = ServerKey::create(&folder.path().join("server.key")).unwrap();
        Self { folder, key }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("state.db")
    }

    fn open(&self) -> State {
        State::open(&self.path(), &self.key).unwrap()
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp(1_795_255_200_000_000).plus_seconds(seconds)
}

fn lease(attempt: u32, until: Timestamp) -> Option<Lease> {
    Some(Lease { attempt, until })
}

fn unusable(opened: Result<State, StateError>) -> Unusable {
    let Err(error) = opened else { panic!("the file must not be opened") };
    error.source.downcast_ref::<Unusable>().expect("the reason is given").clone()
}

#[test]
fn a_lease_that_is_held_is_not_given_to_another() {
    let leases = Folder::new().open().leases;
    assert_eq!(leases.acquire("scan 1", "ana", at(0), 30_000).unwrap(), lease(1, at(30)));
    assert_eq!(leases.acquire("scan 1", "bo", at(29), 30_000).unwrap(), None);
    assert_eq!(leases.acquire("scan 2", "bo", at(29), 30_000).unwrap(), lease(1, at(59)));
}

#[test]
fn a_lapsed_lease_goes_to_the_next_who_asks_as_a_further_attempt() {
    let leases = Folder::new().open().leases;
    leases.acquire("scan 1", "ana", at(0), 30_000).unwrap();
    assert_eq!(leases.acquire("scan 1", "bo", at(30), 30_000).unwrap(), lease(2, at(60)));
    assert_eq!(leases.acquire("scan 1", "ana", at(31), 30_000).unwrap(), None);
    assert_eq!(leases.acquire("scan 1", "bo", at(90), 30_000).unwrap(), lease(3, at(120)));
}

#[test]
fn an_owner_that_asks_again_keeps_its_attempt_and_never_loses_time() {
    let leases = Folder::new().open().leases;
    leases.acquire("scan 1", "ana", at(0), 30_000).unwrap();
    assert_eq!(leases.acquire("scan 1", "ana", at(10), 30_000).unwrap(), lease(1, at(40)));
    assert_eq!(leases.acquire("scan 1", "ana", at(11), 1_000).unwrap(), lease(1, at(40)));
    assert_eq!(leases.renew("scan 1", "ana", at(12), 1_000).unwrap(), lease(1, at(40)));
}

#[test]
fn only_its_holder_renews_a_lease_and_only_before_it_lapses() {
    let leases = Folder::new().open().leases;
    leases.acquire("scan 1", "ana", at(0), 30_000).unwrap();
    assert_eq!(leases.renew("scan 1", "ana", at(29), 30_000).unwrap(), lease(1, at(59)));
    assert_eq!(leases.renew("scan 1", "bo", at(30), 30_000).unwrap(), None);
    assert_eq!(leases.renew("scan 1", "ana", at(59), 30_000).unwrap(), None);
    assert_eq!(leases.renew("scan 2", "ana", at(30), 30_000).unwrap(), None);
}

#[test]
fn only_its_owner_releases_a_lease_and_attempts_then_start_again() {
    let leases = Folder::new().open().leases;
    leases.acquire("scan 1", "ana", at(0), 30_000).unwrap();
    leases.acquire("scan 1", "bo", at(40), 30_000).unwrap();
    assert!(!leases.release("scan 1", "ana").unwrap());
    assert!(leases.release("scan 1", "bo").unwrap());
    assert!(!leases.release("scan 1", "bo").unwrap());
    assert_eq!(leases.holder("scan 1").unwrap(), None);
    assert_eq!(leases.acquire("scan 1", "ana", at(41), 30_000).unwrap(), lease(1, at(71)));
}

#[test]
fn lapsed_leases_are_listed_the_longest_lapsed_first() {
    let leases = Folder::new().open().leases;
    for (name, ttl_ms) in [("slow", 20_000), ("fast", 10_000), ("alive", 60_000)] {
        leases.acquire(name, "ana", at(0), ttl_ms).unwrap();
    }
    let holder = |name: &str, seconds| Holder {
        name: name.to_owned(),
        owner: "ana".to_owned(),
        lease: Lease { attempt: 1, until: at(seconds) },
    };
    assert_eq!(leases.lapsed(at(9)).unwrap(), []);
    assert_eq!(leases.lapsed(at(10)).unwrap(), [holder("fast", 10)]);
    assert_eq!(leases.lapsed(at(30)).unwrap(), [holder("fast", 10), holder("slow", 20)]);
    assert_eq!(leases.holder("fast").unwrap(), Some(holder("fast", 10)));
    assert_eq!(leases.holder("none").unwrap(), None);
}

#[test]
fn of_many_who_want_a_lease_at_once_one_gets_it() {
    let folder = Folder::new();
    let start = Barrier::new(8);
    let won = std::thread::scope(|scope| {
        let contenders: Vec<_> = (0..8)
            .map(|number| {
                let (state, start) = (folder.open(), &start);
                scope.spawn(move || {
                    start.wait();
                    state.leases.acquire("scan 1", &format!("worker {number}"), at(0), 30_000).unwrap()
                })
            })
            .collect();
        contenders.into_iter().filter_map(|contender| contender.join().unwrap()).count()
    });
    assert_eq!(won, 1);
}

#[test]
fn last_used_times_are_seen_at_once_and_kept_when_flushed() {
    let folder = Folder::new();
    let [a, b, c] = [1, 2, 3].map(|key| ApiKeyId(Uuid::from_u128(key)));
    let state = folder.open();
    state.key_uses.touch_key(a, at(1));
    state.key_uses.touch_key(a, at(5));
    state.key_uses.touch_key(a, at(3));
    state.key_uses.touch_key(b, at(2));
    let both = HashMap::from([(a, at(5)), (b, at(2))]);
    assert_eq!(state.key_uses.last_used(&[a, b, c]).unwrap(), both);
    assert_eq!(folder.open().key_uses.last_used(&[a, b, c]).unwrap(), HashMap::new());

    state.key_uses.flush().unwrap();
    assert_eq!(folder.open().key_uses.last_used(&[a, b, c]).unwrap(), both);
    state.key_uses.touch_key(b, at(1));
    state.key_uses.touch_key(c, at(9));
    state.key_uses.flush().unwrap();
    state.key_uses.flush().unwrap();
    let all = HashMap::from([(a, at(5)), (b, at(2)), (c, at(9))]);
    assert_eq!(folder.open().key_uses.last_used(&[a, b, c]).unwrap(), all);
    assert_eq!(state.key_uses.last_used(&[c]).unwrap(), HashMap::from([(c, at(9))]));
}

#[test]
fn times_that_could_not_be_written_are_kept_for_the_next_flush() {
    let folder = Folder::new();
    let key = ApiKeyId(Uuid::from_u128(1));
    let state = folder.open();
    state.key_uses.touch_key(key, at(1));
    let other = Connection::open(folder.path()).unwrap();
    other
        .execute_batch(
            "CREATE TRIGGER full BEFORE INSERT ON key_use BEGIN SELECT RAISE(ABORT, 'disk full'); END",
        )
        .unwrap();
    assert!(state.key_uses.flush().is_err());
    other.execute_batch("DROP TRIGGER full").unwrap();
    state.key_uses.flush().unwrap();
    assert_eq!(folder.open().key_uses.last_used(&[key]).unwrap(), HashMap::from([(key, at(1))]));
}

#[test]
fn a_checkpoint_is_what_was_put_last() {
    let folder = Folder::new();
    let checkpoints = folder.open().checkpoints;
    assert_eq!(checkpoints.find("bus").unwrap(), None);
    checkpoints.put("bus", b"12").unwrap();
    checkpoints.put("mail", b"").unwrap();
    checkpoints.put("bus", &[0, 255]).unwrap();
    let again = folder.open().checkpoints;
    assert_eq!(again.find("bus").unwrap(), Some(vec![0, 255]));
    assert_eq!(again.find("mail").unwrap(), Some(vec![]));
    again.remove("bus").unwrap();
    again.remove("bus").unwrap();
    assert_eq!(checkpoints.find("bus").unwrap(), None);
}

#[test]
fn a_store_of_a_newer_version_is_refused_and_left_alone() {
    let folder = Folder::new();
    drop(folder.open());
    Connection::open(folder.path()).unwrap().pragma_update(None, "user_version", 2).unwrap();
    let newer = Unusable::Newer { found: 2, known: 1 };
    assert_eq!(unusable(State::open(&folder.path(), &folder.key)), newer);
}

#[test]
fn a_database_of_another_program_is_refused_and_left_alone() {
    let folder = Folder::new();
    Connection::open(folder.path()).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    let before = std::fs::read(folder.path()).unwrap();
    assert_eq!(unusable(State::open(&folder.path(), &folder.key)), Unusable::Foreign);
    assert_eq!(std::fs::read(folder.path()).unwrap(), before);
}

#[test]
fn first_openers_at_the_same_time_make_one_store() {
    let folder = Folder::new();
    let start = Barrier::new(4);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                start.wait();
                let state = folder.open();
                state.checkpoints.put("here", b"1").unwrap();
            });
        }
    });
    assert_eq!(folder.open().checkpoints.find("here").unwrap(), Some(b"1".to_vec()));
}
