//! Several workers, and workers that end: who runs what, and what the next one makes of it.

use super::{Held, completed, detected, scan_events, scanned, weaknesses};
use crate::support::World;
use scanledger_domain::branch::{Branch, Inventory, RecordScan, branch_id, branch_stream, observe};
use scanledger_domain::decider::Decider as _;
use scanledger_domain::id::{ProjectId, ScanId};
use scanledger_domain::log::Version;
use scanledger_domain::project::GateReason;
use scanledger_domain::scan::{Interruption, Scan, ScanCommand, ScanEvent, ScanStatus, Step, scan_stream};
use scanledger_domain::scanning::{Scanner, ScannerKind};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Tells a scan, as its worker.
async fn tell<const N: usize>(world: &World, scan: ScanId, commands: [ScanCommand; N]) {
    let stream = scan_stream(scan);
    for command in commands {
        world.ledger.execute::<Scan>(&world.fresh(), &stream, None, command).await.unwrap();
    }
}

/// A scan in the queue that two workers were lost with.
async fn interrupted_twice(world: &World, project: ProjectId) -> ScanId {
    let scan = world.queue(project, "suspect", &[("a", "b")]).await;
    for attempt in [1, 2] {
        let lost = ScanCommand::Interrupt { attempt, because: Interruption::WorkerLost };
        tell(world, scan, [ScanCommand::Start { alone: false }, lost]).await;
    }
    scan
}

/// What the first run of a scan of `main` has to record when it saw so many weaknesses.
async fn results(world: &World, scan: ScanId, weak: usize) -> RecordScan {
    let queued = world.life(scan).await.queued;
    RecordScan {
        branch: branch_id(queued.project, "main"),
        organization: queued.organization,
        project: queued.project,
        name: "main".into(),
        base: None,
        scan,
        run: 1,
        coverage: vec![ScannerKind::Sast].into(),
        observed: observe(queued.project, weaknesses(weak).detections, &HashMap::new()),
        components: None,
        generation: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_node_requeues_what_its_former_life_ran() {
    let world = World::new();
    let shop = world.project("shop").await;
    let held = Held::new(ScannerKind::Sast, weaknesses(1));
    let pool = world.pool(1, vec![Arc::clone(&held) as _]).await;
    let scan = world.queue(shop, "main", &[("a", "b")]).await;
    held.has_begun(1).await;
    drop(pool);
    let held = Held::free(ScannerKind::Sast, weaknesses(1));
    let _pool = world.pool(1, vec![held]).await;
    completed(&world, scan).await;
    let life = world.life(scan).await;
    assert_eq!((life.run, life.attempt, life.interruptions), (1, 2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_node_takes_over_when_the_lease_has_lapsed() {
    let world = World::new();
    let shop = world.project("shop").await;
    let held = Held::new(ScannerKind::Sast, weaknesses(1));
    let short = Duration::from_millis(500);
    let pool = world.pool_with(1, vec![Arc::clone(&held) as _], |o| o.lease_ttl = short).await;
    let scan = world.queue(shop, "main", &[("a", "b")]).await;
    held.has_begun(1).await;
    let other = Held::free(ScannerKind::Sast, weaknesses(1));
    let _other = world.pool(2, vec![Arc::clone(&other) as _]).await;
    tokio::time::sleep(short * 2).await;
    assert_eq!(world.life(scan).await.attempt, 1, "a live lease was taken over");
    drop(pool);
    completed(&world, scan).await;
    assert_eq!(world.life(scan).await.attempt, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_that_is_running_at_shutdown_goes_back_without_blame() {
    let world = World::new();
    let shop = world.project("shop").await;
    let held = Held::new(ScannerKind::Sast, weaknesses(1));
    let pool = world.pool(1, vec![Arc::clone(&held) as _]).await;
    let scan = world.queue(shop, "main", &[("a", "b")]).await;
    held.has_begun(1).await;
    pool.shutdown().await;
    let life = world.life(scan).await;
    assert_eq!((life.status, life.interruptions), (ScanStatus::Queued, 0));
    let Some(ScanEvent::Requeued(requeued)) = scan_events(&world, scan).await.pop() else { panic!() };
    assert_eq!(requeued.because, Interruption::Shutdown);
    held.let_go();
    let _pool = world.pool(2, vec![Arc::clone(&held) as _]).await;
    completed(&world, scan).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_nodes_that_race_for_scans_each_scan_gets_one() {
    let world = World::new();
    let shop = world.project("shop").await;
    let scanner = || vec![Held::free(ScannerKind::Sast, weaknesses(3)) as Arc<dyn Scanner>];
    let _pools = [world.pool(1, scanner()).await, world.pool(2, scanner()).await];
    let mut scans = vec![];
    for n in 0..8 {
        scans.push(world.queue(shop, &format!("branch-{n}"), &[("a", "b")]).await);
    }
    for scan in scans {
        completed(&world, scan).await;
        assert_eq!(world.life(scan).await.attempt, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_lost_while_it_recorded_is_completed_by_the_next_attempt() {
    let world = World::new();
    let shop = world.project("shop").await;
    let clean = Held::free(ScannerKind::Sast, weaknesses(1));
    let pool = world.pool(1, vec![clean]).await;
    let first = world.queue(shop, "main", &[("a", "b")]).await;
    completed(&world, first).await;
    pool.shutdown().await;
    // A worker of another node records a part of its results and vanishes.
    let scan = world.queue(shop, "main", &[("a", "b")]).await;
    tell(&world, scan, [ScanCommand::Start { alone: false }, ScanCommand::Settle { attempt: 1 }]).await;
    let snapshot = world.views.inventory(shop, "main").await.unwrap();
    let record = results(&world, scan, 10).await;
    let events = Branch::decide(&snapshot.inventory, record).unwrap();
    let branch = branch_stream(branch_id(shop, "main"));
    let part = &events[..4];
    world.ledger.append_parts(&world.fresh(), &branch, snapshot.version, part).await.unwrap();

    let _pool = world.pool(1, vec![Held::free(ScannerKind::Sast, weaknesses(10))]).await;
    let (outcome, verdict) = completed(&world, scan).await;
    assert_eq!(world.life(scan).await.attempt, 2);
    assert_eq!(detected(&world).await.len(), 10);
    assert_eq!((outcome.new, outcome.unchanged), (9, 1));
    assert_eq!(verdict.reasons, [GateReason::NewFindings { count: 9 }]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_lost_after_its_last_result_is_only_completed() {
    let world = World::new();
    let shop = world.project("shop").await;
    let scan = world.queue(shop, "main", &[("a", "b")]).await;
    tell(&world, scan, [ScanCommand::Start { alone: false }, ScanCommand::Settle { attempt: 1 }]).await;
    let record = results(&world, scan, 3).await;
    let events = Branch::decide(&Inventory::default(), record).unwrap();
    let branch = branch_stream(branch_id(shop, "main"));
    world.ledger.append_parts(&world.fresh(), &branch, Version::NONE, &events).await.unwrap();
    let _pool = world.pool(1, vec![Held::free(ScannerKind::Sast, weaknesses(3))]).await;
    assert_eq!(completed(&world, scan).await.0.counts.low, 3);
    assert_eq!(scanned(&world).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_that_was_interrupted_twice_runs_alone() {
    let world = World::new();
    let shop = world.project("shop").await;
    let suspect = interrupted_twice(&world, shop).await;
    let held = Held::new(ScannerKind::Sast, weaknesses(1));
    let _pool = world.pool(1, vec![Arc::clone(&held) as _]).await;
    held.has_begun(1).await;
    assert_eq!(world.life(suspect).await.status, ScanStatus::Running);
    let other = world.queue(shop, "main", &[("a", "b")]).await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(world.life(other).await.status, ScanStatus::Queued);
    held.let_go();
    completed(&world, suspect).await;
    completed(&world, other).await;
    let alone: Vec<bool> = scan_events(&world, suspect)
        .await
        .into_iter()
        .filter_map(|event| match event {
            ScanEvent::Started(started) => Some(started.alone),
            _ => None,
        })
        .collect();
    assert_eq!(alone, [false, false, true]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_scan_that_has_to_run_alone_lets_others_run() {
    let world = World::new();
    let shop = world.project("shop").await;
    let suspect = interrupted_twice(&world, shop).await;
    let held = Held::new(ScannerKind::Sast, weaknesses(1));
    let _pool = world.pool_with(1, vec![Arc::clone(&held) as _], |o| o.workers = 3).await;
    held.has_begun(1).await;
    world.step(suspect, Step::Pause).await;
    let other = world.queue(shop, "main", &[("a", "b")]).await;
    held.has_begun(2).await;
    world.step(suspect, Step::Resume).await;
    let third = world.queue(shop, "third", &[("a", "b")]).await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(world.life(third).await.status, ScanStatus::Queued, "it is at work again, and alone");
    held.let_go();
    for scan in [suspect, other, third] {
        completed(&world, scan).await;
    }
}
