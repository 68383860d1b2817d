//! When blobs that nothing names are left alone all the same.

use crate::support::{World, eventually};
use scanledger_commands::blobs::{BlobRemoval, BlobUses};
use scanledger_commands::ports::ReadError;
use scanledger_domain::BoxFuture;
use scanledger_domain::blob::{BlobHash, BlobUse, Deleted, Deletion, OWNER};
use scanledger_domain::id::ScanId;
use scanledger_domain::log::Position;
use scanledger_domain::time::{Clock, Timestamp};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use uuid::Uuid;

const GRACE: Duration = Duration::from_millis(240);
const DELETION: Deletion =
    Deletion { position: Position(1), what: Deleted::Scan(ScanId(Uuid::from_u128(1))) };

fn source() -> BlobHash {
    BlobHash::of(b"source")
}

/// What is named only after the deletion was looked at.
fn late() -> BlobHash {
    BlobHash::of(b"late")
}

/// One scan was deleted, and nothing else names its source, as far as anybody knows.
#[derive(Default)]
struct Uses {
    has_parked: AtomicBool,
    names_late: AtomicBool,
    asked: AtomicUsize,
}

impl BlobUses for Uses {
    fn wait_for(&self, _: Position, _: Duration) -> BoxFuture<'_, Result<(), ReadError>> {
        Box::pin(async { Ok(()) })
    }

    fn deletions(&self, after: Position, _: usize) -> BoxFuture<'_, Result<Vec<Deletion>, ReadError>> {
        Box::pin(async move { Ok([DELETION].into_iter().filter(|found| found.position > after).collect()) })
    }

    fn has_parked(&self) -> BoxFuture<'_, Result<bool, ReadError>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Ok(self.has_parked.load(Ordering::SeqCst)) })
    }

    fn blobs_of(&self, what: Vec<Deleted>) -> BoxFuture<'_, Result<Vec<(BlobHash, BlobUse)>, ReadError>> {
        assert_eq!(what, [DELETION.what]);
        let names_late = self.names_late.load(Ordering::SeqCst);
        let named = [source()].into_iter().chain(names_late.then(late));
        Box::pin(async { Ok(named.map(|blob| (blob, BlobUse::UnusedSince(DELETION.position))).collect()) })
    }
}

/// Stands still unless it is moved.
#[derive(Default)]
struct Still(AtomicI64);

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

/// A removal that runs, on a store with one blob.
struct Running {
    uses: Arc<Uses>,
    clock: Arc<Still>,
    place: PathBuf,
    aside: PathBuf,
    _stop: watch::Sender<bool>,
}

/// Where a blob lies, and where it does when it is set aside.
fn places(world: &World, blob: BlobHash) -> [PathBuf; 2] {
    let (folder, name) = (world.dir.path().join("blobs"), blob.to_string());
    [folder.clone(), folder.join("aside")].map(|folder| folder.join(&name[..2]).join(&name))
}

impl Running {
    async fn start(world: &World, has_parked: bool) -> Self {
        world.blobs.put(b"source".to_vec()).await.unwrap();
        let uses = Arc::new(Uses { has_parked: AtomicBool::new(has_parked), ..Uses::default() });
        let clock = Arc::new(Still::default());
        let removal = BlobRemoval {
            log: Arc::clone(&world.log),
            uses: Arc::clone(&uses) as _,
            blobs: Arc::clone(&world.blobs),
            checkpoints: Arc::clone(&world.state.checkpoints) as _,
            clock: Arc::clone(&clock) as _,
            grace: GRACE,
        };
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(async move { removal.run(stopped).await.unwrap() });
        let [place, aside] = places(world, source());
        Self { uses, clock, place, aside, _stop: stop }
    }

    fn park(&self, has_parked: bool) {
        self.uses.has_parked.store(has_parked, Ordering::SeqCst);
    }

    /// Lets the grace pass.
    fn wait(&self) {
        self.clock.0.fetch_add(i64::try_from(GRACE.as_micros()).unwrap(), Ordering::SeqCst);
    }

    /// Waits until it was found several times that there is something to do.
    async fn looked(&self) {
        let before = self.uses.asked.load(Ordering::SeqCst);
        eventually("it is looked again", || self.uses.asked.load(Ordering::SeqCst) > before + 2).await;
    }
}

#[tokio::test]
async fn nothing_is_removed_while_it_is_not_known_what_everything_names() {
    let world = World::new();
    let running = Running::start(&world, true).await;
    running.looked().await;
    assert!(running.place.exists());
    running.park(false);
    eventually("it is set aside", || running.aside.exists() && !running.place.exists()).await;
    // From when this is noted the grace counts.
    eventually("it is noted", || world.state.checkpoints.find("blobs").unwrap().is_some()).await;
    running.park(true);
    running.wait();
    running.looked().await;
    assert!(running.aside.exists());
    running.park(false);
    eventually("it is discarded", || !running.aside.exists()).await;
}

#[tokio::test]
async fn what_was_named_after_the_first_step_goes_a_grace_later() {
    let world = World::new();
    let running = Running::start(&world, false).await;
    eventually("it is noted", || world.state.checkpoints.find("blobs").unwrap().is_some()).await;
    world.blobs.put(b"late".to_vec()).await.unwrap();
    running.uses.names_late.store(true, Ordering::SeqCst);
    let [place, aside] = places(&world, late());
    let kept = || String::from_utf8(world.state.checkpoints.find("blobs").unwrap().unwrap()).unwrap();
    running.wait();
    eventually("the second step sets it aside", || aside.exists() && !place.exists()).await;
    assert!(!running.aside.exists());
    // From when this is noted the grace counts.
    eventually("it is noted", || kept().contains(r#""ended":240000"#)).await;
    assert!(aside.exists());
    running.wait();
    eventually("it is discarded", || !aside.exists()).await;
    eventually("nothing is left to do", || kept().contains(r#""again":[]"#)).await;
}

#[tokio::test]
async fn nothing_is_removed_from_a_store_of_another_log() {
    let world = World::new();
    let other = Uuid::from_u128(7);
    assert_eq!(world.blobs.owner(other).await.unwrap(), other);
    let running = Running::start(&world, false).await;
    running.looked().await;
    assert!(running.place.exists());
    std::fs::remove_file(world.dir.path().join("blobs").join(OWNER)).unwrap();
    eventually("it is set aside", || running.aside.exists() && !running.place.exists()).await;
    assert_eq!(world.blobs.owner(other).await.unwrap(), world.log.identity());
}

#[tokio::test]
async fn a_store_is_taken_before_there_is_anything_to_remove() {
    let world = World::new();
    let _running = Running::start(&world, true).await;
    let note = world.dir.path().join("blobs").join(OWNER);
    eventually("it is noted whose it is", || note.exists()).await;
    assert_eq!(world.blobs.owner(Uuid::from_u128(7)).await.unwrap(), world.log.identity());
}
