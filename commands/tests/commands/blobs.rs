//! When blobs that nothing names are left alone all the same, and which of those that nothing ever named go.

use crate::support::{World, eventually};
use parking_lot::Mutex;
use scanledger_commands::blobs::{BlobRemoval, BlobUses, KeptBlobs};
use scanledger_commands::ports::ReadError;
use scanledger_domain::blob::{BlobHash, BlobUse, Deleted, Deletion, OWNER};
use scanledger_domain::id::ScanId;
use scanledger_domain::log::Position;
use scanledger_domain::time::{Clock, Timestamp};
use scanledger_domain::{BoxFuture, Cause};
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use uuid::Uuid;

const GRACE: Duration = Duration::from_millis(240);
/// Microseconds since 1970: what lies in a store now is old then.
const YEAR_2100: i64 = 4_102_444_800 * 1_000_000;
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
    parked: Mutex<Vec<Position>>,
    names_late: AtomicBool,
    asked: AtomicUsize,
    /// What is known beside the source.
    known: Mutex<HashMap<BlobHash, BlobUse>>,
}

impl BlobUses for Uses {
    fn wait_for(&self, _: Position, _: Duration) -> BoxFuture<'_, Result<(), ReadError>> {
        Box::pin(async { Ok(()) })
    }

    fn deletions(&self, after: Position, _: usize) -> BoxFuture<'_, Result<Vec<Deletion>, ReadError>> {
        Box::pin(async move { Ok([DELETION].into_iter().filter(|found| found.position > after).collect()) })
    }

    fn parked(&self) -> BoxFuture<'_, Result<Vec<Position>, ReadError>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Ok(self.parked.lock().clone()) })
    }

    fn blobs_of(&self, what: Vec<Deleted>) -> BoxFuture<'_, Result<Vec<(BlobHash, BlobUse)>, ReadError>> {
        assert_eq!(what, [DELETION.what]);
        let names_late = self.names_late.load(Ordering::SeqCst);
        let named = [source()].into_iter().chain(names_late.then(late));
        Box::pin(async { Ok(named.map(|blob| (blob, BlobUse::UnusedSince(DELETION.position))).collect()) })
    }

    fn uses_of(&self, blobs: Vec<BlobHash>) -> BoxFuture<'_, Result<Vec<(BlobHash, BlobUse)>, ReadError>> {
        let mut known = self.known.lock().clone();
        known.insert(source(), BlobUse::UnusedSince(DELETION.position));
        known.retain(|blob, _| blobs.contains(blob));
        Box::pin(async { Ok(known.into_iter().collect()) })
    }
}

/// What the state store names.
#[derive(Default)]
struct Kept(Mutex<HashSet<BlobHash>>);

impl KeptBlobs for Kept {
    fn blobs(&self) -> BoxFuture<'_, Result<HashSet<BlobHash>, Cause>> {
        Box::pin(async { Ok(self.0.lock().clone()) })
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
    kept: Arc<Kept>,
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

/// What is kept of the looks at the whole store.
fn looked(world: &World) -> serde_json::Value {
    let kept = world.state.checkpoints.find("blobs/unnamed").unwrap();
    kept.map_or_else(Default::default, |kept| serde_json::from_slice(&kept).unwrap())
}

/// How many blobs that nothing names are aside, as far as that is kept.
fn kept_hashes(world: &World) -> usize {
    looked(world)["aside"].as_object().unwrap().len()
}

impl Running {
    async fn start(world: &World, parked: Vec<Position>) -> Self {
        world.blobs.put(b"source".to_vec()).await.unwrap();
        let uses = Arc::new(Uses { parked: Mutex::new(parked), ..Uses::default() });
        let (kept, clock) = (Arc::new(Kept::default()), Arc::new(Still::default()));
        let removal = BlobRemoval {
            log: Arc::clone(&world.log),
            uses: Arc::clone(&uses) as _,
            kept: Arc::clone(&kept) as _,
            blobs: Arc::clone(&world.blobs),
            checkpoints: Arc::clone(&world.state.checkpoints) as _,
            clock: Arc::clone(&clock) as _,
            grace: GRACE,
        };
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(async move { removal.run(stopped).await.unwrap() });
        let [place, aside] = places(world, source());
        Self { uses, kept, clock, place, aside, _stop: stop }
    }

    /// Lets the grace pass.
    fn wait(&self) {
        self.clock.0.fetch_add(i64::try_from(GRACE.as_micros()).unwrap(), Ordering::SeqCst);
    }

    /// Lets everything that is stored by now be old, and waits until the store was looked through.
    async fn look_through_old(&self, world: &World) {
        self.clock.0.store(YEAR_2100, Ordering::SeqCst);
        self.looked_through(world).await;
    }

    /// Lets the grace pass, and waits until the store was looked through.
    async fn look_through(&self, world: &World) {
        self.wait();
        self.looked_through(world).await;
    }

    async fn looked_through(&self, world: &World) {
        let now = self.clock.now().0;
        eventually("the store was looked through", || {
            let looked = looked(world);
            looked["began"] == now && looked["next"].is_null()
        })
        .await;
    }

    /// Waits until it was found several times that there is something to do.
    async fn looked(&self) {
        let before = self.uses.asked.load(Ordering::SeqCst);
        eventually("it is looked again", || self.uses.asked.load(Ordering::SeqCst) > before + 2).await;
    }
}

#[tokio::test]
async fn what_an_event_names_that_could_not_be_applied_is_used() {
    let world = World::new();
    let shop = world.project("shop").await;
    let before = world.log.head().await.unwrap();
    let queued = world.queue(shop, "main", &[("a", "b")]).await;
    let named = world.life(queued).await.queued.source.blob;
    let [place, aside] = places(&world, named);
    let events = world.log.read_all(before, 100).await.unwrap();
    let running = Running::start(&world, events.iter().map(|event| event.position).collect()).await;
    eventually("what is not named is set aside", || running.aside.exists() && !running.place.exists()).await;
    // From when this is noted the grace counts.
    eventually("it is noted", || world.state.checkpoints.find("blobs").unwrap().is_some()).await;
    world.blobs.put(b"cut off".to_vec()).await.unwrap();
    let [_, cut_off] = places(&world, BlobHash::of(b"cut off"));
    running.look_through_old(&world).await;
    assert!(cut_off.exists());
    assert!(place.exists() && !aside.exists());
    // The read models are built anew, and what names it was deleted.
    eventually("deletions are done", || !running.aside.exists()).await;
    running.uses.known.lock().insert(named, BlobUse::UnusedSince(DELETION.position));
    running.uses.parked.lock().clear();
    running.look_through(&world).await;
    assert!(aside.exists() && !place.exists());
}

#[tokio::test]
async fn what_nothing_ever_named_goes_in_two_steps_a_grace_apart() {
    let world = World::new();
    let running = Running::start(&world, vec![]).await;
    let put = async |bytes: &[u8]| {
        let blob = world.blobs.put(bytes.to_vec()).await.unwrap();
        (blob, places(&world, blob))
    };
    let (_, [cut_off, cut_off_aside]) = put(b"cut off").await;
    let (named, [named_place, named_aside]) = put(b"named meanwhile").await;
    let (used, [used_place, used_aside]) = put(b"used").await;
    let (signed, [signed_place, signed_aside]) = put(b"signed").await;
    let (again, [again_place, again_aside]) = put(b"deleted, stored again and cut off").await;
    let (deleted, [deleted_place, deleted_aside]) = put(b"deleted just now").await;
    let others = ["cut", "0f/README", "aside/notes", "checkpoints/1"].map(|name| {
        let path = world.dir.path().join("blobs").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, b"").unwrap();
        path
    });
    running.uses.known.lock().extend([
        (used, BlobUse::Used),
        (again, BlobUse::UnusedSince(DELETION.position)),
        (deleted, BlobUse::UnusedSince(Position(2))),
    ]);
    running.kept.0.lock().insert(signed);
    let stay = || {
        used_place.exists() && signed_place.exists() && deleted_place.exists() && {
            !used_aside.exists() && !signed_aside.exists() && !deleted_aside.exists()
        }
    };
    eventually("it is noted", || world.state.checkpoints.find("blobs").unwrap().is_some()).await;
    running.look_through(&world).await;
    assert!(!running.aside.exists(), "deletions are done first");
    assert!(cut_off.exists() && again_place.exists() && named_place.exists(), "they are too new");

    running.look_through_old(&world).await;
    assert!(cut_off_aside.exists() && again_aside.exists() && named_aside.exists());
    assert!(!cut_off.exists() && !again_place.exists() && !named_place.exists());
    assert_eq!(kept_hashes(&world), 3);
    assert!(stay());

    running.uses.known.lock().insert(named, BlobUse::Used);
    // Somebody stores the same bytes, and has yet to say what for.
    world.blobs.put(b"cut off".to_vec()).await.unwrap();
    assert!(cut_off.exists() && cut_off_aside.exists());
    running.look_through(&world).await;
    assert!(!again_aside.exists() && !again_place.exists());
    assert!(named_place.exists() && !named_aside.exists());
    assert_eq!(
        (cut_off_aside.exists(), kept_hashes(&world)),
        (true, 1),
        "this is the new one, a grace later"
    );
    assert!(stay() && others.iter().all(|path| path.exists()));
}

#[tokio::test]
async fn what_was_set_aside_by_somebody_who_died_before_that_was_kept_is_found_there() {
    let world = World::new();
    let running = Running::start(&world, vec![]).await;
    running.look_through_old(&world).await;
    let [lost, used] = [&b"lost"[..], b"used"].map(BlobHash::of);
    for bytes in [&b"lost"[..], b"used"] {
        let blob = world.blobs.put(bytes.to_vec()).await.unwrap();
        world.blobs.set_aside(blob).await.unwrap();
    }
    running.uses.known.lock().insert(used, BlobUse::Used);
    let [[_, lost], [used_place, used_aside]] = [lost, used].map(|blob| places(&world, blob));
    running.look_through(&world).await;
    assert!(used_place.exists() && !used_aside.exists());
    assert!(lost.exists());
    assert_eq!(kept_hashes(&world), 1);
    running.look_through(&world).await;
    assert!(!lost.exists());
    assert_eq!(kept_hashes(&world), 0);
}

#[tokio::test]
async fn what_was_named_after_the_first_step_goes_a_grace_later() {
    let world = World::new();
    let running = Running::start(&world, vec![]).await;
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
    let running = Running::start(&world, vec![]).await;
    running.looked().await;
    assert!(running.place.exists());
    std::fs::remove_file(world.dir.path().join("blobs").join(OWNER)).unwrap();
    eventually("it is set aside", || running.aside.exists() && !running.place.exists()).await;
    assert_eq!(world.blobs.owner(other).await.unwrap(), world.log.identity());
}

#[tokio::test]
async fn a_store_is_taken_before_there_is_anything_to_remove() {
    let world = World::new();
    let _running = Running::start(&world, vec![]).await;
    let note = world.dir.path().join("blobs").join(OWNER);
    eventually("it is noted whose it is", || note.exists()).await;
    assert_eq!(world.blobs.owner(Uuid::from_u128(7)).await.unwrap(), world.log.identity());
}
