//! The worker: from the queue to the verdict, through pauses, stops, crashes and races.

use crate::support::{World, eventually};
use scanledger_commands::finding::{Decision, Reach};
use scanledger_commands::progress::ScannerStatus;
use scanledger_commands::worker::WorkerOptions;
use scanledger_domain::advisory::Generation;
use scanledger_domain::branch::{
    Branch, BranchEvent, Inventory, RecordScan, Scanned, branch_id, branch_stream, observe,
};
use scanledger_domain::decider::Decider as _;
use scanledger_domain::event::Event;
use scanledger_domain::finding::TriageState;
use scanledger_domain::id::{FindingId, ScanId};
use scanledger_domain::limits::BATCH_EVENTS;
use scanledger_domain::log::Version;
use scanledger_domain::project::{GateReason, GateResult, Verdict};
use scanledger_domain::report::ArtifactKind;
use scanledger_domain::scan::{
    FailureCode, Interruption, Scan, ScanCommand, ScanEvent, ScanOutcome, ScanStatus, Step, scan_stream,
};
use scanledger_domain::scanning::{
    Control, Detection, Identity, Outcome, Place, ScanError, Scanner, ScannerKind,
};
use scanledger_domain::severity::Severity;
use scanledger_domain::source::SourceTree;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

const LOCKFILE: &str = r#"{
  "name": "shop", "lockfileVersion": 3, "packages": {
    "": {"name": "shop", "dependencies": {"left": "1.0.0"}},
    "node_modules/left": {"version": "1.0.0"}
  }
}"#;
const ADVISORY: &str = r#"{
  "id": "GHSA-aaaa-bbbb-cccc", "modified": "2024-01-01T00:00:00Z", "aliases": ["CVE-2024-1"],
  "summary": "left goes right", "affected": [{
    "package": {"ecosystem": "npm", "name": "left"},
    "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.2.0"}]}]
  }],
  "database_specific": {"severity": "HIGH"}
}"#;

/// A token of the right shape, put together here so that no scanner of sources takes this file for a leak.
fn token() -> String {
    ["TOKEN = \"gh", "p_Zq8Rw3Tn6Yb1Xc5Vm9Lk2Jh7Gf4Ds0Pa8uE3\""].concat()
}

fn import(world: &World) {
    let file = world.dir.path().join("advisory.json");
    std::fs::write(&file, ADVISORY).unwrap();
    world.advisories.import(&[file], &|_| ()).unwrap();
}

/// A scanner that waits at its safe points until it is let go.
struct Held {
    kind: ScannerKind,
    outcome: Outcome,
    begun: AtomicU32,
    go: AtomicBool,
}

impl Held {
    fn new(kind: ScannerKind, outcome: Outcome) -> Arc<Self> {
        Arc::new(Self { kind, outcome, begun: AtomicU32::new(0), go: AtomicBool::new(false) })
    }

    fn free(kind: ScannerKind, outcome: Outcome) -> Arc<Self> {
        let held = Self::new(kind, outcome);
        held.go.store(true, Ordering::SeqCst);
        held
    }

    async fn has_begun(&self, times: u32) {
        eventually("the scanner begins", || self.begun.load(Ordering::SeqCst) >= times).await;
    }

    fn let_go(&self) {
        self.go.store(true, Ordering::SeqCst);
    }
}

impl Scanner for Held {
    fn kind(&self) -> ScannerKind {
        self.kind
    }

    fn scan(&self, _: &SourceTree, control: &dyn Control) -> Result<Outcome, ScanError> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        control.progress(1, 2);
        while !self.go.load(Ordering::SeqCst) {
            control.safe_point()?;
            std::thread::sleep(Duration::from_millis(2));
        }
        control.safe_point()?;
        Ok(self.outcome.clone())
    }
}

/// A scanner that fails.
struct Broken(ScannerKind);

impl Scanner for Broken {
    fn kind(&self) -> ScannerKind {
        self.0
    }

    fn scan(&self, _: &SourceTree, _: &dyn Control) -> Result<Outcome, ScanError> {
        Err(ScanError::Failed { scanner: self.0, source: "its rules are broken".into() })
    }
}

fn weakness(n: usize) -> Detection {
    let path = format!("src/{n}.rs");
    Detection {
        identity: Identity::Code { path: path.clone(), context: "unsafe".into(), index: 0 },
        rule: "RULE".into(),
        title: "A weakness".into(),
        description: "It is weak.".into(),
        severity: Severity::Low,
        cwe: None,
        cve: None,
        confidence: 0.5,
        places: vec![Place { path, line: Some(1), end_line: None, version: None }],
        fixed_version: None,
        excerpt: Some(format!("unsafe {{ {n} }}")),
        references: vec![],
    }
}

fn weaknesses(count: usize) -> Outcome {
    Outcome {
        detections: (0..count).map(weakness).collect(),
        files_scanned: count as u64,
        ..Outcome::default()
    }
}

async fn completed(world: &World, scan: ScanId) -> (ScanOutcome, Verdict) {
    world.until(scan, |life| !life.status.is_active()).await;
    let events = scan_events(world, scan).await;
    match events.last() {
        Some(ScanEvent::Completed(completed)) => (completed.outcome.clone(), completed.verdict.clone()),
        other => panic!("{other:?}"),
    }
}

async fn scan_events(world: &World, scan: ScanId) -> Vec<ScanEvent> {
    let stream = scan_stream(scan);
    let recorded = world.events().await;
    let own = recorded.iter().filter(|recorded| recorded.stream == stream);
    own.map(|recorded| match Event::of(recorded).unwrap() {
        Event::Scan(event) => event,
        other => panic!("{other:?}"),
    })
    .collect()
}

async fn branch_events(world: &World) -> Vec<BranchEvent> {
    let events = world.decoded().await.into_iter();
    let of_branches = events.filter_map(|event| match event {
        Event::Branch(event) => Some(event),
        _ => None,
    });
    of_branches.collect()
}

async fn scanned(world: &World) -> Vec<Scanned> {
    let events = branch_events(world).await.into_iter();
    let ends = events.filter_map(|event| match event {
        BranchEvent::Scanned(scanned) => Some(scanned),
        _ => None,
    });
    ends.collect()
}

async fn detected(world: &World) -> Vec<FindingId> {
    let events = branch_events(world).await.into_iter();
    let detections = events.filter_map(|event| match event {
        BranchEvent::Detected(detected) => Some(detected.finding),
        _ => None,
    });
    detections.collect()
}

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
    let reach = Reach { organization: crate::support::ACME, project: None };
    let decision = Decision { to: TriageState::FalsePositive, note: None };
    world.findings.triage(&world.fresh(), reach, finding, decision).await.unwrap();
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
    let stream = scan_stream(scan);
    for command in [ScanCommand::Start { alone: false }, ScanCommand::Settle { attempt: 1 }] {
        world.ledger.execute::<Scan>(&world.fresh(), &stream, None, command).await.unwrap();
    }
    let snapshot = world.views.inventory(shop, "main").await.unwrap();
    let observed = observe(shop, weaknesses(10).detections, &HashMap::new());
    let life = world.life(scan).await;
    let record = RecordScan {
        branch: branch_id(shop, "main"),
        organization: life.queued.organization,
        project: shop,
        name: "main".into(),
        base: None,
        scan,
        run: 1,
        coverage: vec![ScannerKind::Sast],
        observed,
        components: None,
        generation: None,
    };
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
    let stream = scan_stream(scan);
    for command in [ScanCommand::Start { alone: false }, ScanCommand::Settle { attempt: 1 }] {
        world.ledger.execute::<Scan>(&world.fresh(), &stream, None, command).await.unwrap();
    }
    let life = world.life(scan).await;
    let record = RecordScan {
        branch: branch_id(shop, "main"),
        organization: life.queued.organization,
        project: shop,
        name: "main".into(),
        base: None,
        scan,
        run: 1,
        coverage: vec![ScannerKind::Sast],
        observed: observe(shop, weaknesses(3).detections, &HashMap::new()),
        components: None,
        generation: None,
    };
    let events = Branch::decide(&Inventory::default(), record).unwrap();
    let branch = branch_stream(branch_id(shop, "main"));
    world.ledger.append_parts(&world.fresh(), &branch, Version::NONE, &events).await.unwrap();
    let _pool = world.pool(1, vec![Held::free(ScannerKind::Sast, weaknesses(3))]).await;
    assert_eq!(completed(&world, scan).await.0.counts.low, 3);
    assert_eq!(scanned(&world).await.len(), 1);
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

async fn failure(world: &World, scan: ScanId) -> (FailureCode, String) {
    world.until(scan, |life| !life.status.is_active()).await;
    match scan_events(world, scan).await.pop() {
        Some(ScanEvent::Failed(failed)) => (failed.failure.code, failed.failure.message),
        other => panic!("{other:?}"),
    }
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
async fn a_scan_that_was_interrupted_twice_runs_alone() {
    let world = World::new();
    let shop = world.project("shop").await;
    let suspect = world.queue(shop, "suspect", &[("a", "b")]).await;
    let stream = scan_stream(suspect);
    for attempt in [1, 2] {
        let lost = ScanCommand::Interrupt { attempt, because: Interruption::WorkerLost };
        for command in [ScanCommand::Start { alone: false }, lost] {
            world.ledger.execute::<Scan>(&world.fresh(), &stream, None, command).await.unwrap();
        }
    }
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
