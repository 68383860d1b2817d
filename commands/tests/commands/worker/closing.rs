//! Branches that are closed while they are scanned.

use super::{Held, completed, detected, weaknesses};
use crate::support::World;
use scanledger_commands::branch::Branches;
use scanledger_commands::finding::Decision;
use scanledger_domain::branch::{
    Branch, CloseReason, RecordScan, ScanCounts, branch_id, branch_stream, observe,
};
use scanledger_domain::decider::Decider as _;
use scanledger_domain::finding::TriageState;
use scanledger_domain::id::{ProjectId, ScanId};
use scanledger_domain::log::Version;
use scanledger_domain::project::GateResult;
use scanledger_domain::scan::{Scan, ScanCommand, scan_stream};
use scanledger_domain::scanning::ScannerKind;
use std::collections::HashMap;
use std::sync::Arc;

/// A worker of another node has this scan of `topic`, and records the first so many events about so many weaknesses.
async fn record(world: &World, scan: ScanId, weak: usize, first: usize) {
    for command in [ScanCommand::Start { alone: false }, ScanCommand::Settle { attempt: 1 }] {
        world.ledger.execute::<Scan>(&world.fresh(), &scan_stream(scan), None, command).await.unwrap();
    }
    let queued = world.life(scan).await.queued;
    let snapshot = world.views.inventory(queued.project, "topic").await.unwrap();
    let branch = branch_id(queued.project, "topic");
    let record = RecordScan {
        branch,
        organization: queued.organization,
        project: queued.project,
        name: "topic".into(),
        base: snapshot.base,
        scan,
        run: 1,
        coverage: vec![ScannerKind::Sast].into(),
        observed: observe(queued.project, weaknesses(weak).detections, &HashMap::new()),
        components: None,
        generation: None,
    };
    let events = Branch::decide(&snapshot.inventory, record).unwrap();
    let (stream, part) = (branch_stream(branch), &events[..first.min(events.len())]);
    world.ledger.append_parts(&world.fresh(), &stream, snapshot.version, part).await.unwrap();
}

async fn close(world: &World, project: ProjectId) {
    let branches = Branches::new(world.ledger.clone(), Arc::clone(&world.views));
    let closed = branches.close(&world.fresh(), project, "topic", CloseReason::Merged).await.unwrap();
    assert!(closed.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_a_run_that_a_closed_branch_had_are_recorded_by_the_next_attempt() {
    let world = World::new();
    let shop = world.project("shop").await;
    let scan = world.queue(shop, "topic", &[("a", "b")]).await;
    // The branch is opened, and two of six weaknesses are on it.
    record(&world, scan, 6, 3).await;
    close(&world, shop).await;
    let _pool = world.pool(1, vec![Held::free(ScannerKind::Sast, weaknesses(6))]).await;
    let (outcome, _) = completed(&world, scan).await;
    assert_eq!(outcome.counts.low, 6);
    assert_eq!(detected(&world).await.len(), 6);
    let now = world.views.inventory(shop, "topic").await.unwrap().inventory;
    assert!(now.opened.is_some());
    assert_eq!(now.findings.values().filter(|held| held.is_present).count(), 6);
    let scanned = super::scanned(&world).await;
    assert_eq!(scanned[0].counts, ScanCounts { detected: 4, reopened: 2, ..ScanCounts::default() });
    assert_eq!(scanned[0].digest, now.digest);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_that_is_closed_before_its_scan_is_concluded_has_the_verdict_of_what_was_there() {
    let world = World::new();
    let shop = world.project("shop").await;
    let pool = world.pool(1, vec![Held::free(ScannerKind::Sast, weaknesses(0))]).await;
    completed(&world, world.queue(shop, "main", &[("a", "b")]).await).await;
    pool.shutdown().await;
    let scan = world.queue(shop, "topic", &[("a", "b")]).await;
    record(&world, scan, 1, usize::MAX).await;
    let finding = detected(&world).await[0];
    let decision = Decision { to: TriageState::FalsePositive, note: None };
    let ana = crate::support::callers::key();
    world.findings.triage(&world.fresh(), &ana, finding, decision).await.unwrap();
    close(&world, shop).await;
    let _pool = world.pool(1, vec![Held::free(ScannerKind::Sast, weaknesses(1))]).await;
    let (outcome, verdict) = completed(&world, scan).await;
    assert_eq!((outcome.new, outcome.counts.low), (1, 1));
    assert_eq!(verdict.result, GateResult::Passed, "what people decided counts: {:?}", verdict.reasons);
    let open = world.views.open_branch(shop, "topic").await.unwrap();
    assert_eq!(open, None, "what was recorded already does not open it again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_that_is_closed_while_it_is_scanned_is_opened_by_what_the_scan_finds() {
    let world = World::new();
    let shop = world.project("shop").await;
    let held = Held::free(ScannerKind::Sast, weaknesses(3));
    let pool = world.pool(1, vec![held]).await;
    completed(&world, world.queue(shop, "topic", &[("a", "b")]).await).await;
    pool.shutdown().await;
    let held = Held::new(ScannerKind::Sast, weaknesses(2));
    let _pool = world.pool(1, vec![Arc::clone(&held) as _]).await;
    let scan = world.queue(shop, "topic", &[("a", "b")]).await;
    held.has_begun(1).await;
    close(&world, shop).await;
    let gone = world.views.inventory(shop, "topic").await.unwrap();
    assert!(gone.version > Version::NONE && gone.inventory.opened.is_none());
    held.let_go();
    completed(&world, scan).await;
    let now = world.views.inventory(shop, "topic").await.unwrap().inventory;
    assert_eq!(now.findings.values().filter(|held| held.is_present).count(), 2);
    let counts = super::scanned(&world).await[1].counts;
    assert_eq!(counts, ScanCounts { reopened: 2, ..ScanCounts::default() });
}
