//! What goes wrong in a scan itself.

use super::{Broken, Cut, Held, completed, failed_log, failure, scan_events, scanned, weaknesses};
use crate::support::{World, eventually};
use scanledger_domain::blob::{BlobError, BlobHash, BlobStore, Listed, Shelf};
use scanledger_domain::limits::SCAN_INTERRUPTIONS;
use scanledger_domain::project::GateReason;
use scanledger_domain::report::ArtifactKind;
use scanledger_domain::scan::{FailureCode, GapReason, Interruption, ScanEvent, ScannerGap, Step};
use scanledger_domain::scanning::{Outcome, Scanner, ScannerKind};
use scanledger_domain::severity::Severity;
use scanledger_domain::{BoxFuture, Cause, OutOfReach};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn one_broken_scanner_does_not_fail_the_scan_and_covers_nothing() {
    let world = World::new();
    let shop = world.project("shop").await;
    let scanners: Vec<Arc<dyn Scanner>> =
        vec![Arc::new(Broken(ScannerKind::Iac)), Held::free(ScannerKind::Sast, weaknesses(1))];
    let _pool = world.pool(1, scanners).await;
    let scan = world.queue(shop, "main", &[("a", "b")]).await;
    let (outcome, _) = completed(&world, scan).await;
    assert_eq!(scanned(&world).await[0].coverage, [ScannerKind::Sast]);
    let log = world.blobs.load(outcome.artifacts.last().unwrap().blob).await.unwrap();
    assert!(String::from_utf8(log).unwrap().contains("the scanner failed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_of_everything_says_once_which_scanners_there_are_not() {
    let world = World::new();
    let shop = world.project("shop").await;
    let _pool = world.pool(1, vec![Held::free(ScannerKind::Sast, weaknesses(1))]).await;
    let scan = world.queue(shop, "main", &[("a", "b")]).await;
    let (outcome, _) = completed(&world, scan).await;
    let log = world.blobs.load(outcome.artifacts.last().unwrap().blob).await.unwrap();
    let log = String::from_utf8(log).unwrap();
    let said: Vec<&str> = log.lines().filter(|line| line.contains("does not have")).collect();
    let [said] = said.as_slice() else { panic!("{log}") };
    let said: serde_json::Value = serde_json::from_str(said).unwrap();
    let missing: Vec<&str> = ScannerKind::ALL
        .iter()
        .filter(|kind| **kind != ScannerKind::Sast)
        .map(|kind| kind.as_str())
        .collect();
    assert_eq!((&said["level"], &said["scanners"]), (&"warn".into(), &serde_json::json!(missing)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scanner_that_reaches_no_store_is_run_again_instead_of_finding_nothing() {
    let world = World::new();
    let shop = world.project("shop").await;
    let _pool = world.pool(1, vec![Arc::new(Cut::default())]).await;
    let scan = world.queue(shop, "main", &[("a", "b")]).await;
    let (outcome, _) = completed(&world, scan).await;
    assert_eq!(outcome.counts.total(), 2);
    assert_eq!(world.life(scan).await.attempt, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_without_a_scanner_that_works_fails_and_says_which() {
    let world = World::new();
    let shop = world.project("shop").await;
    let _pool = world.pool(1, vec![Arc::new(Broken(ScannerKind::Sast))]).await;
    let scan = world.queue(shop, "main", &[("a", "b")]).await;
    let (code, message) = failure(&world, scan).await;
    assert_eq!((code, message.as_str()), (FailureCode::ScannersFailed, "no scanner could work: sast failed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_escapes_its_folder_is_rejected_and_the_entry_is_named() {
    let world = World::new();
    let shop = world.project("shop").await;
    let _pool = world.pool(1, world.real_scanners()).await;
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(0o644);
    header.set_size(4);
    let name = b"../evil.txt";
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_cksum();
    let mut archive = tar::Builder::new(vec![]);
    archive.append(&header, &b"evil"[..]).unwrap();
    let scan = world.queue_archive(shop, "main", &archive.into_inner().unwrap()).await;
    let (code, message) = failure(&world, scan).await;
    assert_eq!(code, FailureCode::SourceRejected);
    let log = failed_log(&world, scan).await;
    let last: serde_json::Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
    assert_eq!((&last["level"], &last["code"]), (&"error".into(), &"source_rejected".into()));
    assert_eq!(last["reason"], message);
    assert!(message.contains("../evil.txt"), "{message}");
    assert!(!message.contains(world.dir.path().to_str().unwrap()), "{message}");
    assert!(!world.dir.path().join("temp/evil.txt").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_whose_source_is_gone_fails_and_says_so() {
    let world = World::new();
    let shop = world.project("shop").await;
    let scan = world.queue(shop, "main", &[("a", "b")]).await;
    world.blobs.remove(world.life(scan).await.queued.source.blob).await.unwrap();
    let _pool = world.pool(1, world.real_scanners()).await;
    assert_eq!(failure(&world, scan).await.0, FailureCode::SourceMissing);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_source_stays_behind() {
    let world = World::new();
    let shop = world.project("shop").await;
    let pool = world.pool(1, vec![Held::free(ScannerKind::Sast, weaknesses(1))]).await;
    let scan = world.queue(shop, "main", &[("a", "b")]).await;
    completed(&world, scan).await;
    pool.shutdown().await;
    assert_eq!(std::fs::read_dir(world.dir.path().join("temp")).unwrap().count(), 0);
}

/// A store that takes everything but so many reports.
struct WithoutReports {
    store: Arc<dyn BlobStore>,
    refused: AtomicU32,
    why: fn() -> Cause,
}

impl WithoutReports {
    /// In place of the store of `world`; it refuses nothing yet.
    fn of(world: &mut World, why: fn() -> Cause) -> Arc<Self> {
        let store = Arc::clone(&world.blobs);
        let without = Arc::new(Self { store, refused: AtomicU32::new(0), why });
        world.blobs = Arc::clone(&without) as _;
        without
    }

    fn refuse(&self, reports: u32) {
        self.refused.store(reports, Ordering::SeqCst);
    }
}

impl BlobStore for WithoutReports {
    fn put(&self, bytes: Vec<u8>) -> BoxFuture<'_, Result<BlobHash, BlobError>> {
        let is_report = String::from_utf8_lossy(&bytes).contains("\"$schema\"");
        let take = |left: u32| left.checked_sub(1);
        if is_report && self.refused.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).is_ok() {
            let refused = BlobError::Failed { doing: "store a blob", source: (self.why)() };
            return Box::pin(async { Err(refused) });
        }
        self.store.put(bytes)
    }

    fn owner(&self, log: Uuid) -> BoxFuture<'_, Result<Uuid, BlobError>> {
        self.store.owner(log)
    }

    fn put_file(&self, path: PathBuf) -> BoxFuture<'_, Result<(BlobHash, u64), BlobError>> {
        self.store.put_file(path)
    }

    fn load(&self, hash: BlobHash) -> BoxFuture<'_, Result<Vec<u8>, BlobError>> {
        self.store.load(hash)
    }

    fn load_range(&self, hash: BlobHash, range: Range<u64>) -> BoxFuture<'_, Result<Vec<u8>, BlobError>> {
        self.store.load_range(hash, range)
    }

    fn load_to_file<'a>(&'a self, hash: BlobHash, path: &'a Path) -> BoxFuture<'a, Result<(), BlobError>> {
        self.store.load_to_file(hash, path)
    }

    fn contains(&self, hash: BlobHash) -> BoxFuture<'_, Result<bool, BlobError>> {
        self.store.contains(hash)
    }

    fn remove(&self, hash: BlobHash) -> BoxFuture<'_, Result<(), BlobError>> {
        self.store.remove(hash)
    }

    fn set_aside(&self, hash: BlobHash) -> BoxFuture<'_, Result<(), BlobError>> {
        self.store.set_aside(hash)
    }

    fn put_back(&self, hash: BlobHash) -> BoxFuture<'_, Result<(), BlobError>> {
        self.store.put_back(hash)
    }

    fn discard(&self, hash: BlobHash) -> BoxFuture<'_, Result<(), BlobError>> {
        self.store.discard(hash)
    }

    fn list(&self, shelf: Shelf, first: u8) -> BoxFuture<'_, Result<Vec<Listed>, BlobError>> {
        self.store.list(shelf, first)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_the_store_does_not_take_costs_no_verdict() {
    let mut world = World::new();
    let store = WithoutReports::of(&mut world, || "it is full".into());
    let shop = world.project("shop").await;
    let _pool = world.pool(1, vec![Held::free(ScannerKind::Sast, weaknesses(1))]).await;
    store.refuse(u32::MAX);
    let scan = world.queue(shop, "main", &[("a", "b")]).await;
    let (outcome, _) = completed(&world, scan).await;
    assert_eq!(outcome.counts.total(), 1);
    let [log] = outcome.artifacts.as_slice() else { panic!("{:?}", outcome.artifacts) };
    assert_eq!(log.kind, ArtifactKind::ScanLog);
    let log = String::from_utf8(world.blobs.load(log.blob).await.unwrap()).unwrap();
    for said in ["the scan runs", "the results are recorded", "a report could not be kept"] {
        assert_eq!(log.matches(said).count(), 1, "{said}: {log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_finding_is_still_new_after_an_outage_of_the_store_however_often_it_is_tried() {
    let mut world = World::new();
    let store = WithoutReports::of(&mut world, || OutOfReach("no route".into()).into());
    let shop = world.project("shop").await;
    let pool = world.pool(1, vec![Held::free(ScannerKind::Sast, weaknesses(1))]).await;
    completed(&world, world.queue(shop, "main", &[("a", "b")]).await).await;
    pool.shutdown().await;
    store.refuse(SCAN_INTERRUPTIONS + 1);
    // The only worker: each attempt runs alone.
    let scanners = vec![Held::free(ScannerKind::Sast, weaknesses(2)) as Arc<dyn Scanner>];
    let _pool = world.pool_with(1, scanners, |o| o.workers = 1).await;
    let scan = world.queue(shop, "main", &[("a", "b")]).await;
    let (outcome, verdict) = completed(&world, scan).await;
    assert_eq!(verdict.reasons, [GateReason::NewFindings { count: 1 }]);
    assert_eq!(outcome.artifacts[0].kind, ArtifactKind::Sarif);
    let life = world.life(scan).await;
    assert_eq!((life.attempt, life.interruptions), (SCAN_INTERRUPTIONS + 2, 0));
    assert_eq!(scanned(&world).await.len(), 2, "the results were recorded more than once");
    let mut requeued = scan_events(&world, scan).await.into_iter().filter_map(|event| match event {
        ScanEvent::Requeued(requeued) => Some(requeued.because),
        _ => None,
    });
    assert!(requeued.all(|because| because == Interruption::Shutdown));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_that_waits_for_a_store_can_be_cancelled() {
    let world = World::new();
    let shop = world.project("shop").await;
    let cut = Arc::new(Cut::default());
    let long =
        |o: &mut scanledger_commands::worker::WorkerOptions| o.outage_pause = Duration::from_secs(3_600);
    let pool = world.pool_with(1, vec![Arc::clone(&cut) as _], long).await;
    let scan = world.queue(shop, "main", &[("a", "b")]).await;
    eventually("the store is missed", || cut.0.load(Ordering::SeqCst) > 0).await;
    world.step(scan, Step::Cancel).await;
    eventually("the scan is forgotten", || world.progress.of(scan).is_empty()).await;
    pool.shutdown().await;
    assert_eq!(cut.0.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_broken_scanner_had_found_counts_for_the_gate() {
    let world = World::new();
    let shop = world.project("shop").await;
    let mut critical = weaknesses(1);
    critical.detections[0].severity = Severity::Critical;
    let pool = world.pool(1, vec![Held::free(ScannerKind::Sast, critical)]).await;
    completed(&world, world.queue(shop, "main", &[("a", "b")]).await).await;
    pool.shutdown().await;
    let others = Held::free(ScannerKind::Secrets, Outcome::default());
    let _pool = world.pool(1, vec![Arc::new(Broken(ScannerKind::Sast)), others]).await;
    let (outcome, verdict) = completed(&world, world.queue(shop, "main", &[("a", "b")]).await).await;
    let gap = ScannerGap { scanner: ScannerKind::Sast, because: GapReason::Failed, unread: 0 };
    assert_eq!(outcome.gaps, [gap]);
    assert_eq!(
        outcome.scanners.iter().map(|report| report.scanner).collect::<Vec<_>>(),
        [ScannerKind::Secrets]
    );
    let too_many = GateReason::TooMany { severity: Severity::Critical, count: 1, allowed: 0 };
    assert_eq!(verdict.reasons, [too_many]);
    // It is no finding of this scan, whose scanners did not look for it.
    assert_eq!((outcome.counts.total(), outcome.fixed), (0, 0));
    let sarif = world.blobs.load(outcome.artifacts[0].blob).await.unwrap();
    let sarif: serde_json::Value = serde_json::from_slice(&sarif).unwrap();
    assert_eq!(sarif["runs"][0]["invocations"][0]["executionSuccessful"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn findings_in_a_file_that_cannot_be_read_stay_and_are_not_new_later() {
    let world = World::new();
    let shop = world.project("shop").await;
    let run = async |found: Outcome| {
        let pool = world.pool(1, vec![Held::free(ScannerKind::Sast, found)]).await;
        let ended = completed(&world, world.queue(shop, "main", &[("a", "b")]).await).await;
        pool.shutdown().await;
        ended
    };
    run(weaknesses(2)).await;
    let (outcome, _) =
        run(Outcome { unread: ["src/0.rs"].into_iter().collect(), ..Outcome::default() }).await;
    assert_eq!((outcome.fixed, outcome.unchanged, outcome.counts.low), (1, 1, 1));
    let gap = ScannerGap { scanner: ScannerKind::Sast, because: GapReason::Unread, unread: 1 };
    assert_eq!(outcome.gaps, [gap]);
    let (outcome, verdict) = run(weaknesses(1)).await;
    assert_eq!((outcome.new, outcome.unchanged, outcome.gaps), (0, 1, vec![]));
    assert_eq!(verdict.reasons, []);
    // A branch that begins with it: the file is not read there at first.
    let unread = Outcome { unread: ["src/0.rs"].into_iter().collect(), ..Outcome::default() };
    let pool = world.pool(1, vec![Held::free(ScannerKind::Sast, unread)]).await;
    let (outcome, _) = completed(&world, world.queue(shop, "feature", &[("a", "b")]).await).await;
    assert_eq!((outcome.fixed, outcome.counts.low), (0, 1));
    pool.shutdown().await;
}
