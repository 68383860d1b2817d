//! What goes wrong in a scan itself.

use super::{Broken, Cut, Held, completed, failed_log, failure, scanned, weaknesses};
use crate::support::World;
use scanledger_domain::BoxFuture;
use scanledger_domain::blob::{BlobError, BlobHash, BlobStore};
use scanledger_domain::scan::FailureCode;
use scanledger_domain::scanning::{Scanner, ScannerKind};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
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

/// A store that takes everything but reports.
struct WithoutReports(Arc<dyn BlobStore>);

impl BlobStore for WithoutReports {
    fn put(&self, bytes: Vec<u8>) -> BoxFuture<'_, Result<BlobHash, BlobError>> {
        if String::from_utf8_lossy(&bytes).contains("sarif") {
            let refused = BlobError::Failed { doing: "store a blob", source: "it is full".into() };
            return Box::pin(async { Err(refused) });
        }
        self.0.put(bytes)
    }

    fn owner(&self, log: Uuid) -> BoxFuture<'_, Result<Uuid, BlobError>> {
        self.0.owner(log)
    }

    fn put_file(&self, path: PathBuf) -> BoxFuture<'_, Result<(BlobHash, u64), BlobError>> {
        self.0.put_file(path)
    }

    fn load(&self, hash: BlobHash) -> BoxFuture<'_, Result<Vec<u8>, BlobError>> {
        self.0.load(hash)
    }

    fn load_range(&self, hash: BlobHash, range: Range<u64>) -> BoxFuture<'_, Result<Vec<u8>, BlobError>> {
        self.0.load_range(hash, range)
    }

    fn load_to_file<'a>(&'a self, hash: BlobHash, path: &'a Path) -> BoxFuture<'a, Result<(), BlobError>> {
        self.0.load_to_file(hash, path)
    }

    fn contains(&self, hash: BlobHash) -> BoxFuture<'_, Result<bool, BlobError>> {
        self.0.contains(hash)
    }

    fn remove(&self, hash: BlobHash) -> BoxFuture<'_, Result<(), BlobError>> {
        self.0.remove(hash)
    }

    fn set_aside(&self, hash: BlobHash) -> BoxFuture<'_, Result<(), BlobError>> {
        self.0.set_aside(hash)
    }

    fn put_back(&self, hash: BlobHash) -> BoxFuture<'_, Result<(), BlobError>> {
        self.0.put_back(hash)
    }

    fn discard(&self, hash: BlobHash) -> BoxFuture<'_, Result<(), BlobError>> {
        self.0.discard(hash)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_whose_reports_cannot_be_kept_fails_with_all_that_it_logged() {
    let mut world = World::new();
    world.blobs = Arc::new(WithoutReports(Arc::clone(&world.blobs)));
    let shop = world.project("shop").await;
    let _pool = world.pool(1, vec![Held::free(ScannerKind::Sast, weaknesses(1))]).await;
    let scan = world.queue(shop, "main", &[("a", "b")]).await;
    assert_eq!(failure(&world, scan).await.0, FailureCode::Internal);
    let log = failed_log(&world, scan).await;
    for said in ["the scan runs", "the results are recorded", "the scan failed"] {
        assert_eq!(log.matches(said).count(), 1, "{said}: {log}");
    }
}
