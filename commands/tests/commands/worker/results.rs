//! What a scan that goes well leaves: findings, artifacts, a verdict.

use super::{
    Held, LOCKFILE, branch_events, completed, detected, failure, import, scanned, token, weaknesses,
};
use crate::support::World;
use crate::support::callers::key;
use scanledger_commands::finding::Decision;
use scanledger_commands::worker::WorkerOptions;
use scanledger_domain::advisory::Generation;
use scanledger_domain::branch::BranchEvent;
use scanledger_domain::finding::TriageState;
use scanledger_domain::limits::BATCH_EVENTS;
use scanledger_domain::project::{GateReason, GateResult};
use scanledger_domain::report::ArtifactKind;
use scanledger_domain::scan::FailureCode;
use scanledger_domain::scanning::{Outcome, ScannerKind};
use std::collections::HashMap;
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_runs_to_its_verdict_and_leaves_its_artifacts() {
    let world = World::new();
    import(&world);
    let shop = world.project("shop").await;
    let pool = world.pool(1, world.real_scanners()).await;
    let token = token();
    let files = [("package-lock.json", LOCKFILE), ("src/config.py", token.as_str())];
    let scan = world.queue(shop, "main", &files).await;
    let (outcome, verdict) = completed(&world, scan).await;
    pool.shutdown().await;
    assert_eq!((outcome.counts.total(), outcome.components, outcome.new), (2, 1, 0));
    assert_eq!(outcome.generation.map(|generation| generation.0), Some(1));
    let kinds: Vec<_> = outcome.artifacts.iter().map(|artifact| artifact.kind).collect();
    use ArtifactKind::{CycloneDx, Sarif, ScanLog, Spdx};
    assert_eq!(kinds, [Sarif, CycloneDx, Spdx, ScanLog]);
    for artifact in &outcome.artifacts {
        let bytes = world.blobs.load(artifact.blob).await.unwrap();
        assert_eq!(bytes.len() as u64, artifact.size);
        assert!(!String::from_utf8(bytes).unwrap().contains(&token[9..]), "{:?}", artifact.kind);
    }
    let sarif = world.blobs.load(outcome.artifacts[0].blob).await.unwrap();
    let sarif: serde_json::Value = serde_json::from_slice(&sarif).unwrap();
    assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len(), 2);
    let scanned = scanned(&world).await;
    assert_eq!(scanned[0].coverage, [ScannerKind::Sca, ScannerKind::Secrets]);
    assert!(verdict.read_at.0 > 0 && verdict.gate.fail_on_new);
    assert!(world.progress.of(scan).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn excerpts_are_stored_beside_the_log_and_found_again() {
    let world = World::new();
    let shop = world.project("shop").await;
    let _pool = world.pool(1, vec![Held::free(ScannerKind::Sast, weaknesses(1_001))]).await;
    let scan = world.queue(shop, "main", &[("a", "b")]).await;
    completed(&world, scan).await;
    let mut blobs = HashMap::new();
    for event in branch_events(&world).await {
        if let BranchEvent::Detected(detected) = event {
            let excerpt = detected.occurrence.excerpt.unwrap();
            let (start, end) = (u64::from(excerpt.start), u64::from(excerpt.start + excerpt.length));
            let text = world.blobs.load_range(excerpt.blob, start..end).await.unwrap();
            let n = detected.occurrence.places[0].path.trim_start_matches("src/").trim_end_matches(".rs");
            assert_eq!(String::from_utf8(text).unwrap(), format!("unsafe {{ {n} }}"));
            *blobs.entry(excerpt.blob).or_insert(0) += 1;
        }
    }
    let mut sizes: Vec<_> = blobs.into_values().collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [1, 1_000]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rescan_that_finds_the_same_costs_five_small_events() {
    let world = World::new();
    import(&world);
    let shop = world.project("shop").await;
    let token = token();
    let files = [("package-lock.json", LOCKFILE), ("src/config.py", token.as_str())];
    let pool = world.pool(1, world.real_scanners()).await;
    let first = world.queue(shop, "main", &files).await;
    completed(&world, first).await;
    let before = world.events().await.len();
    let second = world.scans.rescan(&world.fresh(), first).await.unwrap().queued.scan;
    let (outcome, verdict) = completed(&world, second).await;
    pool.shutdown().await;
    let added = &world.events().await[before..];
    let kinds: Vec<_> = added.iter().map(|event| &*event.kind).collect();
    assert_eq!(kinds, ["scan.queued", "scan.started", "scan.settling", "branch.scanned", "scan.completed"]);
    let bytes: usize = added.iter().map(|event| event.data.len()).sum();
    assert!(bytes < 2_048, "{bytes}");
    assert_eq!((outcome.unchanged, outcome.new, outcome.fixed), (2, 0, 0));
    assert!(!verdict.reasons.iter().any(|reason| matches!(reason, GateReason::NewFindings { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_finding_fails_the_gate_until_it_is_dismissed() {
    let world = World::new();
    let shop = world.project("shop").await;
    let pool = world.pool(1, world.real_scanners()).await;
    let clean = world.queue(shop, "main", &[("src/main.py", "print(1)")]).await;
    assert_eq!(completed(&world, clean).await.1.result, GateResult::Passed);
    let token = token();
    let files = [("src/main.py", "print(1)"), ("src/config.py", token.as_str())];
    let scan = world.queue(shop, "main", &files).await;
    let (outcome, verdict) = completed(&world, scan).await;
    assert_eq!((outcome.new, verdict.result), (1, GateResult::Failed));
    let new = GateReason::NewFindings { count: 1 };
    assert!(verdict.reasons.contains(&new), "{:?}", verdict.reasons);
    let finding = detected(&world).await[0];
    let decision = Decision { to: TriageState::FalsePositive, note: None };
    world.findings.triage(&world.fresh(), &key(), finding, decision).await.unwrap();
    let again = world.queue(shop, "main", &files).await;
    assert_eq!(completed(&world, again).await.1.result, GateResult::Passed);
    let gone = world.queue(shop, "main", &[("src/main.py", "print(1)")]).await;
    assert_eq!(completed(&world, gone).await.0.fixed, 1);
    pool.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dependencies_without_advisories_are_listed_and_resolve_nothing() {
    let world = World::new();
    let shop = world.project("shop").await;
    let _pool = world.pool(1, world.real_scanners()).await;
    let scan = world.queue(shop, "main", &[("package-lock.json", LOCKFILE)]).await;
    let (outcome, _) = completed(&world, scan).await;
    assert_eq!((outcome.components, outcome.generation), (1, None));
    assert_eq!(scanned(&world).await[0].coverage, [ScannerKind::Secrets]);
}

#[tokio::test(flavor = "multi_thread")]
async fn scans_of_one_branch_that_settle_together_are_recorded_one_after_the_other() {
    let world = World::new();
    let shop = world.project("shop").await;
    let held = Held::new(ScannerKind::Sast, weaknesses(2_500));
    let _pool = world.pool_with(1, vec![Arc::clone(&held) as _], |o| o.workers = 3).await;
    let mut scans = vec![];
    for _ in 0..3 {
        scans.push(world.queue(shop, "main", &[("a", "b")]).await);
    }
    held.has_begun(3).await;
    held.let_go();
    for scan in scans {
        assert_eq!(completed(&world, scan).await.0.counts.low, 2_500);
    }
    assert_eq!(detected(&world).await.len(), 2_500);
    assert!(detected(&world).await.len() > 2 * BATCH_EVENTS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_starts_from_the_default_branch_and_what_it_adds_is_new() {
    let world = World::new();
    let shop = world.project("shop").await;
    let pool = world.pool(1, vec![Held::free(ScannerKind::Sast, weaknesses(3))]).await;
    let main = world.queue(shop, "main", &[("a", "b")]).await;
    completed(&world, main).await;
    pool.shutdown().await;
    let _pool = world.pool(1, vec![Held::free(ScannerKind::Sast, weaknesses(4))]).await;
    let feature = world.queue(shop, "feature", &[("a", "b")]).await;
    let (outcome, verdict) = completed(&world, feature).await;
    assert_eq!((outcome.counts.low, outcome.unchanged, outcome.new), (4, 3, 1));
    assert_eq!(verdict.reasons, [GateReason::NewFindings { count: 1 }]);
    assert_eq!(detected(&world).await.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn results_of_older_advisories_are_not_recorded_over_newer_ones() {
    let world = World::new();
    let shop = world.project("shop").await;
    let matched = |generation| Outcome { generation: Some(Generation(generation)), ..Outcome::default() };
    let pool = world.pool(1, vec![Held::free(ScannerKind::Sca, matched(2))]).await;
    let newer = world.queue(shop, "main", &[("a", "b")]).await;
    completed(&world, newer).await;
    pool.shutdown().await;
    let one = |o: &mut WorkerOptions| o.workers = 1;
    let pool = world.pool_with(2, vec![Held::free(ScannerKind::Sca, matched(1))], one).await;
    let older = world.queue(shop, "main", &[("a", "b")]).await;
    assert_eq!(failure(&world, older).await.0, FailureCode::Interrupted);
    assert_eq!(scanned(&world).await.len(), 1);
    pool.shutdown().await;
}
