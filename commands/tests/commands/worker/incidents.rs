//! Incidents of the secrets that scans find: opened once, before the scan is complete, whatever happens in between.

use super::{Held, completed};
use crate::support::World;
use crate::support::callers::key;
use scanledger_commands::finding::Decision;
use scanledger_commands::worker::WorkerPool;
use scanledger_domain::branch::{Branch, RecordScan, branch_id, branch_stream, observe};
use scanledger_domain::decider::Decider as _;
use scanledger_domain::event::Event;
use scanledger_domain::finding::TriageState;
use scanledger_domain::id::{FindingId, IncidentId, ProjectId};
use scanledger_domain::incident::{Incident, IncidentEvent, Opened, incident_stream};
use scanledger_domain::limits::BATCH_EVENTS;
use scanledger_domain::project::GateReason;
use scanledger_domain::scan::{Scan, ScanCommand, scan_stream};
use scanledger_domain::scanning::{Detection, Identity, Outcome, Place, ScannerKind};
use scanledger_domain::severity::Severity;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The secret number `n` in a file.
fn secret(path: &str, n: u32, severity: Severity) -> Detection {
    let hash = |length: usize| n.to_be_bytes().into_iter().cycle().take(length).collect::<Vec<u8>>();
    Detection {
        identity: Identity::Secret {
            path: path.to_owned(),
            hash: hash(48),
            leak_hash: hash(32),
            masked: "gh…".to_owned(),
        },
        rule: "GITHUB_TOKEN".into(),
        title: "A token".into(),
        description: "It stands in the clear.".into(),
        severity,
        cwe: None,
        cve: None,
        confidence: 0.9,
        places: vec![Place { path: path.to_owned(), line: Some(1), end_line: None, version: None }],
        fixed_version: None,
        excerpt: None,
        references: vec![],
    }
}

fn found(detections: Vec<Detection>) -> Outcome {
    Outcome { detections, files_scanned: 1, ..Outcome::default() }
}

/// Scans a branch on which a scanner finds this.
async fn scan(world: &World, project: ProjectId, branch: &str, detections: Vec<Detection>) {
    let scanner = Held::free(ScannerKind::Secrets, found(detections));
    let pool = world.pool(1, vec![scanner]).await;
    let scan = world.queue(project, branch, &[("a", "b")]).await;
    completed(world, scan).await;
    pool.shutdown().await;
}

async fn incident_events(world: &World) -> Vec<IncidentEvent> {
    let events = world.decoded().await.into_iter();
    let of_incidents = events.filter_map(|event| match event {
        Event::Incident(event) => Some(event),
        _ => None,
    });
    of_incidents.collect()
}

async fn opened(world: &World) -> Vec<Opened> {
    let events = incident_events(world).await.into_iter();
    let opened = events.filter_map(|event| match event {
        IncidentEvent::Opened(opened) => Some(opened),
        _ => None,
    });
    opened.collect()
}

async fn state(world: &World, incident: IncidentId) -> TriageState {
    let (state, _) = world.ledger.load::<Incident>(&incident_stream(incident)).await.unwrap();
    state.known().unwrap().state
}

async fn finding(world: &World) -> FindingId {
    super::detected(world).await[0]
}

async fn decide(world: &World, finding: FindingId, to: TriageState) {
    let decision = Decision { to, note: None };
    world.findings.triage(&world.fresh(), &key(), finding, decision).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_one_incident_in_however_many_files_and_projects_it_stands() {
    let world = World::new();
    let (shop, bank) = (world.project("shop").await, world.project("bank").await);
    let twice = vec![secret("a", 1, Severity::Medium), secret("b", 1, Severity::High)];
    scan(&world, shop, "main", twice).await;
    scan(&world, bank, "main", vec![secret("c", 1, Severity::Low), secret("c", 2, Severity::Low)]).await;
    let opened = opened(&world).await;
    let severities: Vec<_> = opened.iter().map(|opened| opened.severity).collect();
    assert_eq!(severities, [Severity::High, Severity::Low], "as bad as the worst of its first findings");
    assert!(opened.iter().all(|opened| opened.is_historical), "nothing is new in a first scan");
    let kinds: Vec<_> = world.events().await.iter().map(|event| event.kind.to_string()).collect();
    let place = |kind: &str| kinds.iter().position(|other| other == kind).unwrap();
    assert!(place("branch.scanned") < place("incident.opened"));
    assert!(place("incident.opened") < place("scan.completed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_a_later_scan_finds_is_no_old_one() {
    let world = World::new();
    let shop = world.project("shop").await;
    scan(&world, shop, "main", vec![secret("a", 1, Severity::Low)]).await;
    scan(&world, shop, "main", vec![secret("a", 1, Severity::Low), secret("a", 2, Severity::Low)]).await;
    let historical: Vec<_> = opened(&world).await.iter().map(|opened| opened.is_historical).collect();
    assert_eq!(historical, [true, false]);
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_secrets_are_opened_in_batches() {
    let world = World::new();
    let shop = world.project("shop").await;
    let count = BATCH_EVENTS as u32 + 1;
    let all = (0..count).map(|n| secret(&format!("src/{n}"), n, Severity::Low)).collect();
    scan(&world, shop, "main", all).await;
    let opened: HashSet<_> = opened(&world).await.iter().map(|opened| opened.incident).collect();
    assert_eq!(opened.len(), count as usize);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_comes_back_after_it_was_fixed_is_a_regression_and_one_that_stays_is_not() {
    let world = World::new();
    let shop = world.project("shop").await;
    let it = || vec![secret("a", 1, Severity::High)];
    scan(&world, shop, "main", it()).await;
    let (finding, incident) = (finding(&world).await, opened(&world).await[0].incident);
    decide(&world, finding, TriageState::Fixed).await;
    scan(&world, shop, "main", it()).await;
    assert_eq!(state(&world, incident).await, TriageState::Fixed, "it only stayed");
    scan(&world, shop, "main", vec![]).await;
    assert_eq!(state(&world, incident).await, TriageState::Fixed);
    scan(&world, shop, "main", it()).await;
    assert_eq!(state(&world, incident).await, TriageState::Untriaged);
    let regressions = || async {
        let events = incident_events(&world).await;
        events.iter().filter(|event| matches!(event, IncidentEvent::Regressed(_))).count()
    };
    assert_eq!(regressions().await, 1);
    scan(&world, shop, "main", it()).await;
    assert_eq!(regressions().await, 1);
    decide(&world, finding, TriageState::Accepted).await;
    scan(&world, shop, "main", vec![]).await;
    scan(&world, shop, "main", it()).await;
    assert_eq!(state(&world, incident).await, TriageState::Accepted, "what is accepted may come and go");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_first_scan_finds_was_there_before_and_is_no_regression() {
    let world = World::new();
    let (shop, bank) = (world.project("shop").await, world.project("bank").await);
    scan(&world, shop, "main", vec![secret("a", 1, Severity::High)]).await;
    let incident = opened(&world).await[0].incident;
    decide(&world, finding(&world).await, TriageState::Fixed).await;
    scan(&world, bank, "main", vec![secret("a", 1, Severity::High)]).await;
    assert_eq!(state(&world, incident).await, TriageState::Fixed);
    scan(&world, bank, "main", vec![secret("a", 1, Severity::High), secret("b", 1, Severity::High)]).await;
    assert_eq!(state(&world, incident).await, TriageState::Untriaged);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gate_counts_a_regression() {
    let world = World::new();
    let shop = world.project("shop").await;
    let it = || vec![secret("a", 1, Severity::Low)];
    scan(&world, shop, "main", it()).await;
    decide(&world, finding(&world).await, TriageState::Fixed).await;
    scan(&world, shop, "main", vec![]).await;
    let scanner = Held::free(ScannerKind::Secrets, found(it()));
    let _pool = world.pool(1, vec![scanner]).await;
    let scan = world.queue(shop, "main", &[("a", "b")]).await;
    let (_, verdict) = completed(&world, scan).await;
    assert_eq!(verdict.reasons, [GateReason::NewFindings { count: 1 }]);
}

/// Records the results of a scan as a worker does that vanishes before it opens incidents.
async fn recorded_and_lost(world: &World, project: ProjectId, detections: Vec<Detection>) {
    let scan = world.queue(project, "main", &[("a", "b")]).await;
    let stream = scan_stream(scan);
    for command in [ScanCommand::Start { alone: false }, ScanCommand::Settle { attempt: 1 }] {
        world.ledger.execute::<Scan>(&world.fresh(), &stream, None, command).await.unwrap();
    }
    let snapshot = world.views.inventory(project, "main").await.unwrap();
    let life = world.life(scan).await;
    let record = RecordScan {
        branch: branch_id(project, "main"),
        organization: life.queued.organization,
        project,
        name: "main".into(),
        base: None,
        scan,
        run: 1,
        coverage: vec![ScannerKind::Secrets].into(),
        observed: observe(project, detections.clone(), &HashMap::new()),
        components: None,
        generation: None,
    };
    let events = Branch::decide(&snapshot.inventory, record).unwrap();
    let branch = branch_stream(branch_id(project, "main"));
    world.ledger.append_parts(&world.fresh(), &branch, snapshot.version, &events).await.unwrap();
    let _pool: WorkerPool = world.pool(1, vec![Held::free(ScannerKind::Secrets, found(detections))]).await;
    completed(world, scan).await;
    assert_eq!(world.life(scan).await.attempt, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_lost_between_results_and_incidents_leaves_them_to_the_next() {
    let world = World::new();
    let shop = world.project("shop").await;
    recorded_and_lost(&world, shop, vec![secret("a", 1, Severity::Low), secret("b", 2, Severity::Low)]).await;
    assert_eq!(opened(&world).await.len(), 2);
    decide(&world, finding(&world).await, TriageState::Fixed).await;
    scan(&world, shop, "main", vec![]).await;
    let fixed = incident_events(&world).await.iter().find_map(|event| match event {
        IncidentEvent::Triaged(triaged) => Some(triaged.incident),
        _ => None,
    });
    recorded_and_lost(&world, shop, vec![secret("a", 1, Severity::Low), secret("b", 2, Severity::Low)]).await;
    assert_eq!(state(&world, fixed.unwrap()).await, TriageState::Untriaged);
    assert_eq!(opened(&world).await.len(), 2, "nothing is opened twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn scans_that_find_the_same_secret_at_the_same_time_open_it_once() {
    let world = Arc::new(World::new());
    let mut pools = vec![];
    for node in 1..5 {
        let all = (0..50).map(|n| secret("a", n, Severity::Low)).map(|mut secret| {
            if let Identity::Secret { path, hash, .. } = &mut secret.identity {
                *path = format!("src/{}", hash[3]);
            }
            secret
        });
        let scanner = Held::free(ScannerKind::Secrets, found(all.collect()));
        pools.push(world.pool(node, vec![scanner]).await);
    }
    let mut scans = vec![];
    for n in 0..6 {
        let project = world.project(&format!("project {n}")).await;
        scans.push(world.queue(project, "main", &[("a", "b")]).await);
    }
    for scan in scans {
        completed(&world, scan).await;
    }
    assert_eq!(opened(&world).await.len(), 50);
}
