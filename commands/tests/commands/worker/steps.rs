//! Pause, stop, cancel, resume.

use super::{Held, branch_events, completed, scan_events, scanned, weaknesses};
use crate::support::{World, eventually};
use scanledger_commands::progress::ScannerStatus;
use scanledger_domain::scan::{Scan, ScanCommand, ScanEvent, ScanStatus, Step, scan_stream};
use scanledger_domain::scanning::{Outcome, ScannerKind};
use std::sync::Arc;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_scan_waits_until_it_is_resumed() {
    let world = World::new();
    let shop = world.project("shop").await;
    let held = Held::new(ScannerKind::Sast, weaknesses(1));
    let _pool = world.pool(1, vec![Arc::clone(&held) as _]).await;
    let scan = world.queue(shop, "main", &[("a", "b")]).await;
    held.has_begun(1).await;
    assert_eq!(world.progress.of(scan)[&ScannerKind::Sast].status, ScannerStatus::Running);
    world.step(scan, Step::Pause).await;
    held.let_go();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(world.life(scan).await.status, ScanStatus::Paused);
    world.step(scan, Step::Resume).await;
    completed(&world, scan).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_scan_keeps_what_complete_scanners_found() {
    let world = World::new();
    let shop = world.project("shop").await;
    let held = Held::new(ScannerKind::Iac, Outcome::default());
    let quick = Held::free(ScannerKind::Sast, weaknesses(2));
    let _pool = world.pool(1, vec![Arc::clone(&held) as _, Arc::clone(&quick) as _]).await;
    let scan = world.queue(shop, "main", &[("a", "b")]).await;
    held.has_begun(1).await;
    quick.has_begun(1).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    world.step(scan, Step::Stop).await;
    world.until(scan, |life| life.status == ScanStatus::Stopped && !life.owes_partial).await;
    let Some(ScanEvent::PartialKept(kept)) = scan_events(&world, scan).await.pop() else { panic!() };
    assert_eq!((kept.outcome.counts.low, kept.outcome.scanners.len()), (2, 1));
    assert_eq!(scanned(&world).await[0].coverage, [ScannerKind::Sast]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_stopped_before_any_scanner_was_done_records_nothing_and_can_be_resumed() {
    let world = World::new();
    let shop = world.project("shop").await;
    let held = Held::new(ScannerKind::Sast, weaknesses(1));
    let _pool = world.pool(1, vec![Arc::clone(&held) as _]).await;
    let scan = world.queue(shop, "main", &[("a", "b")]).await;
    held.has_begun(1).await;
    world.step(scan, Step::Stop).await;
    world.until(scan, |life| life.status == ScanStatus::Stopped && !life.owes_partial).await;
    assert_eq!(branch_events(&world).await, []);
    held.let_go();
    world.step(scan, Step::Resume).await;
    completed(&world, scan).await;
    let life = world.life(scan).await;
    assert_eq!((life.run, life.attempt), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_scan_leaves_nothing() {
    let world = World::new();
    let shop = world.project("shop").await;
    let held = Held::new(ScannerKind::Sast, weaknesses(3));
    let pool = world.pool(1, vec![Arc::clone(&held) as _]).await;
    let scan = world.queue(shop, "main", &[("a", "b")]).await;
    held.has_begun(1).await;
    world.step(scan, Step::Cancel).await;
    eventually("the scan is forgotten", || world.progress.of(scan).is_empty()).await;
    pool.shutdown().await;
    assert_eq!(branch_events(&world).await, []);
    assert!(matches!(scan_events(&world, scan).await.last(), Some(ScanEvent::Cancelled(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stopped_scan_owes_is_settled_when_its_worker_is_gone() {
    let world = World::new();
    let shop = world.project("shop").await;
    let scan = world.queue(shop, "main", &[("a", "b")]).await;
    let stream = scan_stream(scan);
    for command in [ScanCommand::Start { alone: false }, ScanCommand::Take(Step::Stop)] {
        world.ledger.execute::<Scan>(&world.fresh(), &stream, None, command).await.unwrap();
    }
    let _pool = world.pool(1, vec![]).await;
    world.until(scan, |life| !life.owes_partial).await;
    assert_eq!(branch_events(&world).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn paused_scans_do_not_block_the_queue() {
    let world = World::new();
    let shop = world.project("shop").await;
    let held = Held::new(ScannerKind::Sast, weaknesses(1));
    let _pool = world.pool_with(1, vec![Arc::clone(&held) as _], |o| o.workers = 1).await;
    let paused = world.queue(shop, "main", &[("a", "b")]).await;
    held.has_begun(1).await;
    world.step(paused, Step::Pause).await;
    let other = world.queue(shop, "other", &[("a", "b")]).await;
    held.has_begun(2).await;
    held.let_go();
    completed(&world, other).await;
    world.step(paused, Step::Resume).await;
    completed(&world, paused).await;
}
