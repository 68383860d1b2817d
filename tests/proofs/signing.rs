//! When checkpoints are signed while a server runs, and when no more.

use rusqlite::Connection;
use scanledger::adapters::SystemClock;
use scanledger::proofs::{ProofDeps, Proofs, Schedule};
use scanledger_blobs::Blobs;
use scanledger_commands::ports::Checkpoints;
use scanledger_commands::proof::{CheckpointStore, Contradiction, Publish, SignError, Standing};
use scanledger_domain::Cause;
use scanledger_domain::blob::BlobStore;
use scanledger_domain::id::{CommandId, EventId};
use scanledger_domain::log::{Append, EventLog, NewEvent, Position, StreamName, Version};
use scanledger_domain::proof::{Checkpoint, Frontier, Origin, SignedCheckpoint, leaf_hash};
use scanledger_log_sqlite::SqliteLog;
use scanledger_state::{ServerKey, State};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

pub const PATIENCE: Duration = Duration::from_secs(20);
const NEVER: Duration = Duration::from_secs(3_600);

/// A log without a server around it, so that time and events are the test's.
pub struct Place {
    folder: tempfile::TempDir,
    log: Arc<SqliteLog>,
    state: State,
    pub blobs: Blobs,
    appended: u64,
}

impl Place {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = ServerKey::create(&folder.path().join("server.key")).unwrap();
        let log = SqliteLog::open(&folder.path().join("log.db"), Arc::new(SystemClock)).unwrap();
        Self {
            log: Arc::new(log),
            state: State::open(&folder.path().join("state.db"), &key).unwrap(),
            blobs: Blobs::local(folder.path().join("blobs")).unwrap(),
            appended: 0,
            folder,
        }
    }

    pub async fn append(&mut self, count: u64) {
        append_to(&self.log, self.appended + 1..=self.appended + count).await;
        self.appended += count;
    }

    /// Proofs over the log, and the checkpoints that they publish.
    pub async fn proofs(&self) -> (Proofs, mpsc::UnboundedReceiver<SignedCheckpoint>) {
        let (publish, published) = mpsc::unbounded_channel();
        let publish = Arc::new(move |text: &str| drop(publish.send(SignedCheckpoint::parse(text).unwrap())));
        let checkpoints = Arc::clone(&self.state.checkpoints) as _;
        (self.node(self.folder.path(), checkpoints, publish).await, published)
    }

    /// Proofs of a node that has its tree in `folder`.
    async fn node(&self, folder: &Path, checkpoints: Arc<dyn Checkpoints>, publish: Publish) -> Proofs {
        let blobs = Arc::new(self.blobs.clone());
        let deps = ProofDeps { log: Arc::clone(&self.log) as _, checkpoints, blobs, publish };
        Proofs::open(folder, deps, || Ok([7; 32])).await.unwrap()
    }

    pub fn log(&self) -> Arc<dyn EventLog> {
        Arc::clone(&self.log) as _
    }

    /// Proofs over another way to see the log.
    pub async fn proofs_over(&self, log: Arc<dyn EventLog>) -> Proofs {
        let (blobs, publish) = (Arc::new(self.blobs.clone()), Arc::new(|_: &str| ()));
        let deps = ProofDeps { log, checkpoints: Arc::clone(&self.state.checkpoints) as _, blobs, publish };
        Proofs::open(self.folder.path(), deps, || Ok([7; 32])).await.unwrap()
    }

    pub fn store(&self) -> CheckpointStore {
        CheckpointStore::new(Arc::clone(&self.state.checkpoints) as _)
    }

    pub fn blob_folder(&self) -> PathBuf {
        self.folder.path().join("blobs")
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log.db")
    }

    fn change(&self, position: u64) {
        let log = Connection::open(self.log_file()).unwrap();
        let sql = "UPDATE events SET data = CAST('{\"number\":0}' AS BLOB) WHERE position = ?1";
        assert_eq!(log.execute(sql, [position.cast_signed()]).unwrap(), 1);
    }
}

/// Appends an event for each of these numbers.
async fn append_to(log: &SqliteLog, numbers: RangeInclusive<u64>) {
    for number in numbers {
        let event = NewEvent {
            id: CommandId(Uuid::from_u128(number.into())).event(0),
            kind: "thing.happened",
            schema: 1,
            data: format!("{{\"number\":{number}}}").into_bytes(),
            metadata: Arc::from(*b"{}"),
        };
        let stream = StreamName::new("thing", number);
        let append = Append { stream, expected: Version::NONE, events: vec![event] };
        log.append(vec![append]).await.unwrap();
    }
}

/// The checkpoints of all nodes, as one of them sees them that is slow: before it is told which one is the latest,
/// something happens elsewhere, once.
struct Slow {
    checkpoints: Arc<dyn Checkpoints>,
    meanwhile: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Checkpoints for Slow {
    fn find(&self, name: &str) -> Result<Option<Vec<u8>>, Cause> {
        if name == "checkpoint/latest"
            && let Some(happen) = self.meanwhile.lock().unwrap().take()
        {
            happen();
        }
        self.checkpoints.find(name)
    }

    fn put(&self, name: &str, value: &[u8]) -> Result<(), Cause> {
        self.checkpoints.put(name, value)
    }

    fn replace(&self, name: &str, before: Option<&[u8]>, value: &[u8]) -> Result<bool, Cause> {
        self.checkpoints.replace(name, before, value)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_another_node_signs_further_meanwhile_is_not_taken_for_a_changed_one() {
    let mut place = Place::new();
    place.append(20).await;
    let checkpoints: Arc<dyn Checkpoints> = Arc::clone(&place.state.checkpoints) as _;
    let elsewhere = tempfile::tempdir().unwrap();
    let other = place.node(elsewhere.path(), Arc::clone(&checkpoints), Arc::new(|_| ())).await;
    let slow = Arc::new(Slow { checkpoints, meanwhile: Mutex::default() });
    let own = place.node(place.folder.path(), Arc::clone(&slow) as _, Arc::new(|_| ())).await;
    for node in [&own, &other] {
        assert_eq!(node.sign().await.unwrap().size(), 20);
    }
    let (runtime, log, there) = (Handle::current(), Arc::clone(&place.log), other.clone());
    *slow.meanwhile.lock().unwrap() = Some(Box::new(move || {
        runtime.block_on(async {
            append_to(&log, 21..=25).await;
            assert_eq!(there.sign().await.unwrap().size(), 25);
        });
    }));
    assert_eq!(own.sign().await.unwrap().size(), 25);
    assert!(matches!(own.standing(), Standing::Sound { .. }), "{:?}", own.standing());
    assert!(slow.meanwhile.lock().unwrap().is_none(), "it happened");
    append_to(&place.log, 26..=26).await;
    assert_eq!(own.sign().await.unwrap().size(), 26);
    assert_eq!(place.store().all().unwrap().iter().map(|kept| kept.size()).collect::<Vec<_>>(), [20, 25, 26]);
}

/// Waits until a figure is as large.
pub async fn reached(proofs: &Proofs, name: &str, value: u64) {
    let until = async {
        while !proofs.figures().iter().any(|(figure, _, _, now)| *figure == name && *now >= value) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, until).await.unwrap();
}

async fn next(published: &mut mpsc::UnboundedReceiver<SignedCheckpoint>) -> Checkpoint {
    tokio::time::timeout(PATIENCE, published.recv()).await.unwrap().unwrap().checkpoint
}

#[tokio::test]
async fn a_checkpoint_is_signed_after_so_many_events_and_at_the_end() {
    let mut place = Place::new();
    place.append(3).await;
    let (proofs, mut published) = place.proofs().await;
    let (stop, stopped) = watch::channel(false);
    let schedule = Schedule { events: 10, every: NEVER, examine: NEVER };
    let running = proofs.spawn(schedule, stopped);
    place.append(9).await;
    let first = next(&mut published).await;
    assert!((10..=12).contains(&first.size), "{first:?}");
    place.append(3).await;
    stop.send_replace(true);
    running.await.unwrap();
    let last = next(&mut published).await;
    assert_eq!(last.size, 15);
    let mut expected = Frontier::default();
    let events = place.log.read_all(Position::START, 100).await.unwrap();
    events.iter().for_each(|event| expected.push(leaf_hash(event)));
    assert_eq!((last.root, last.origin), (expected.root(), Origin(events[0].id)));
    let kept = place.store().all().unwrap();
    assert_eq!(kept.iter().map(|kept| kept.size()).collect::<Vec<_>>(), [first.size, 15]);
    for kept in kept {
        let blob = place.blobs.load(kept.blob.unwrap()).await.unwrap();
        assert_eq!(String::from_utf8(blob).unwrap(), kept.signed.note.to_string());
    }
}

#[tokio::test]
async fn a_checkpoint_is_signed_after_some_time_if_there_is_news() {
    let mut place = Place::new();
    let (proofs, mut published) = place.proofs().await;
    let (stop, stopped) = watch::channel(false);
    let schedule = Schedule { events: 1_000, every: Duration::from_millis(20), examine: NEVER };
    let running = proofs.spawn(schedule, stopped);
    for size in 1..=3 {
        place.append(1).await;
        assert_eq!(next(&mut published).await.size, size);
    }
    stop.send_replace(true);
    running.await.unwrap();
    assert!(published.try_recv().is_err(), "nothing is signed twice");
}

#[tokio::test]
async fn an_empty_log_has_no_checkpoint() {
    let place = Place::new();
    let (proofs, _published) = place.proofs().await;
    assert!(matches!(proofs.sign().await, Err(SignError::Empty)));
    assert!(place.store().latest().unwrap().is_none());
}

#[tokio::test]
async fn a_server_that_starts_on_a_changed_log_signs_nothing_and_says_so() {
    let mut place = Place::new();
    place.append(20).await;
    let (proofs, _published) = place.proofs().await;
    proofs.sign().await.unwrap();
    drop(proofs);
    place.change(7);
    place.append(20).await;
    let (proofs, mut published) = place.proofs().await;
    let (stop, stopped) = watch::channel(false);
    let schedule = Schedule { events: 1, every: Duration::from_millis(10), examine: NEVER };
    let running = proofs.spawn(schedule, stopped);
    reached(&proofs, "audit_refused", 1).await;
    assert_eq!(proofs.standing(), Standing::Refused(Contradiction::Changed { size: 20 }));
    assert!(proofs.refusal().unwrap().contains("the log was changed"));
    assert!(proofs.figures().iter().any(|(name, _, _, value)| *name == "audit_refused" && *value == 1));
    stop.send_replace(true);
    running.await.unwrap();
    assert!(published.try_recv().is_err());
    assert_eq!(place.store().latest().unwrap().unwrap().size(), 20);
}

#[tokio::test]
async fn what_is_changed_while_a_server_runs_is_not_what_it_signs() {
    let mut place = Place::new();
    place.append(20).await;
    let (proofs, _published) = place.proofs().await;
    proofs.sign().await.unwrap();
    let events = place.log.read_all(Position::START, 100).await.unwrap();
    place.change(7);
    place.append(1).await;
    let signed = proofs.sign().await.unwrap().signed.checkpoint;
    let mut expected = Frontier::default();
    events.iter().for_each(|event| expected.push(leaf_hash(event)));
    let last = place.log.read_all(Position(20), 1).await.unwrap();
    expected.push(leaf_hash(&last[0]));
    assert_eq!((signed.size, signed.root), (21, expected.root()), "it signed what was there before");
    // The next time that the whole log is read, it is found; at the latest when another server starts.
    let (next, _published) = place.proofs().await;
    let refused = next.sign().await;
    assert!(
        matches!(refused, Err(SignError::Contradicted(Contradiction::Changed { size: 20 }))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn an_event_that_is_changed_before_its_first_signature_is_not_signed() {
    let mut place = Place::new();
    place.append(20).await;
    let (proofs, _published) = place.proofs().await;
    proofs.sign().await.unwrap();
    let (stop, stopped) = watch::channel(false);
    let running = proofs.spawn(Schedule { events: 1_000, every: NEVER, examine: NEVER }, stopped);
    // What it reads at its start has to be over, else it would read the change as well.
    reached(&proofs, "audit_examinations_total", 2).await;
    place.append(5).await;
    reached(&proofs, "audit_tree_leaves", 25).await;
    place.change(23);
    let expected = Contradiction::Event { position: Position(23) };
    for _ in 0..2 {
        let refused = proofs.sign().await;
        assert!(matches!(refused, Err(SignError::Contradicted(found)) if found == expected), "{refused:?}");
    }
    stop.send_replace(true);
    running.await.unwrap();
    assert_eq!(place.store().latest().unwrap().unwrap().size(), 20);
}

#[tokio::test]
async fn an_event_that_is_changed_between_two_examinations_is_found_by_the_second() {
    let mut place = Place::new();
    place.append(20).await;
    let (proofs, mut published) = place.proofs().await;
    let (stop, stopped) = watch::channel(false);
    let often = Duration::from_millis(1);
    let running = proofs.spawn(Schedule { events: u64::MAX, every: often, examine: often }, stopped);
    reached(&proofs, "audit_examinations_total", 2).await;
    place.change(7);
    reached(&proofs, "audit_refused", 1).await;
    let known = [
        Standing::Refused(Contradiction::Event { position: Position(7) }),
        Standing::Refused(Contradiction::Changed { size: 20 }),
    ];
    assert!(known.contains(&proofs.standing()), "{:?}", proofs.standing());
    stop.send_replace(true);
    running.await.unwrap();
    while let Ok(signed) = published.try_recv() {
        assert_eq!(signed.checkpoint.size, 20);
    }
}

#[tokio::test]
async fn a_tree_that_was_changed_is_built_anew_and_signs_the_log() {
    let mut place = Place::new();
    place.append(20).await;
    let (proofs, _published) = place.proofs().await;
    let first = proofs.sign().await.unwrap();
    drop(proofs);
    let tree = Connection::open(place.folder.path().join("tree.db")).unwrap();
    assert_eq!(tree.execute("UPDATE tile SET hashes = zeroblob(length(hashes))", []).unwrap(), 1);
    drop(tree);
    let (proofs, _published) = place.proofs().await;
    assert_eq!(proofs.sign().await.unwrap(), first);
    place.append(1).await;
    assert_eq!(proofs.sign().await.unwrap().size(), 21);
}

#[tokio::test]
async fn a_checkpoint_of_another_key_among_ours_is_found() {
    let mut place = Place::new();
    place.append(3).await;
    let (proofs, _published) = place.proofs().await;
    let mut kept = proofs.sign().await.unwrap();
    let other = EventId(Uuid::nil());
    kept.signed.note.signatures[0].signature[0] ^= 1;
    assert_ne!(kept.signed.checkpoint.origin, Origin(other));
    // Whoever is in the store writes past what keeps the list.
    let note = kept.signed.note.to_string();
    let written = serde_json::json!({ "note": note, "previous": kept.previous, "blob": null }).to_string();
    place.state.checkpoints.put("checkpoint/3", written.as_bytes()).unwrap();
    let (proofs, _published) = place.proofs().await;
    let refused = proofs.sign().await;
    assert!(
        matches!(refused, Err(SignError::Contradicted(Contradiction::Unsigned { size: 3 }))),
        "{refused:?}"
    );
}
