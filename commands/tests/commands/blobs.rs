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

/// One scan was deleted, and nothing else names its source, as far as anybody knows.
#[derive(Default)]
struct Uses {
    has_parked: AtomicBool,
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
        Box::pin(async { Ok(vec![(source(), BlobUse::UnusedSince(DELETION.position))]) })
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
        let (folder, name) = (world.dir.path().join("blobs"), source().to_string());
        let [place, aside] =
            [folder.clone(), folder.join("aside")].map(|folder| folder.join(&name[..2]).join(&name));
        Self { uses, clock, place, aside, _stop: stop }
    }

    fn park(&self, has_parked: bool) {
        self.uses.has_parked.store(has_parked, Ordering::SeqCst);
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
    running.clock.0.store(i64::try_from(GRACE.as_micros()).unwrap(), Ordering::SeqCst);
    running.looked().await;
    assert!(running.aside.exists());
    running.park(false);
    eventually("it is discarded", || !running.aside.exists()).await;
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
