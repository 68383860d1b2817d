//! Scans that clients run.

use crate::support::callers::{CORE, EDGE, key, member};
use crate::support::{ACME, World};
use scanledger_commands::CommandError;
use scanledger_commands::ci::{ClientScan, ClientScanProblem, ClientScans, ClientUpload, NewClientScan};
use scanledger_commands::project::{ClientTarget, NewProject, ProjectProblem};
use scanledger_domain::branch::BranchEvent;
use scanledger_domain::event::Event;
use scanledger_domain::finding::{RuleTags, UploadFacts};
use scanledger_domain::identity::{Denied, Principal, TeamRole};
use scanledger_domain::limits::CLIENT_SILENCE_SECONDS;
use scanledger_domain::project::{Gate, ProjectDetails};
use scanledger_domain::scan::{ClientEnd, ClientRun, Extent, FailureCode, ScanEvent, ScanStatus};
use scanledger_domain::scanning::{Detection, Identity, Place, ScannerKind, Uploaded};
use scanledger_domain::severity::Severity;
use scanledger_domain::time::{Clock, Timestamp};
use std::sync::Arc;
use uuid::Uuid;

fn client_scans(world: &World) -> ClientScans {
    let (ledger, views, blobs) = (world.ledger.clone(), Arc::clone(&world.views), Arc::clone(&world.blobs));
    ClientScans::new(ledger, views, blobs, world.projects.clone())
}

fn wanted(principal: Principal, run: u128) -> NewClientScan {
    NewClientScan {
        target: ClientTarget {
            principal,
            name: "acme/shop".to_owned(),
            repo_url: None,
            branch: Some("main".to_owned()),
        },
        branch: Some("main".to_owned()),
        commit: None,
        base: None,
        client: ClientRun {
            run: Uuid::from_u128(run),
            tool: None,
            extent: Extent::Full,
            products: vec![ScannerKind::Sast],
            repository: "acme/shop".to_owned(),
            repository_url: None,
            environment: None,
            trigger: None,
            job_url: None,
            pull_request: None,
            people: None,
            author: None,
            opener: None,
        },
    }
}

async fn begun(world: &World, run: u128) -> ClientScan {
    client_scans(world).begin(&world.fresh(), wanted(key(), run)).await.unwrap()
}

fn found(path: &str) -> Detection {
    let facts = UploadFacts {
        match_based_id: format!("{}_0", path.len()),
        syntactic_id: None,
        path: path.to_owned(),
        tags: RuleTags::default(),
        validation: None,
        package: None,
    };
    let uploaded =
        Uploaded { scanner: ScannerKind::Sast, facts, columns: None, package: None, advisories: vec![] };
    Detection {
        identity: Identity::Upload(Box::new(uploaded)),
        rule: "eval".to_owned(),
        title: "No eval".to_owned(),
        description: String::new(),
        severity: Severity::High,
        cwe: None,
        cve: None,
        confidence: 0.9,
        places: vec![Place { path: path.to_owned(), line: Some(1), end_line: None, version: None }],
        fixed_version: None,
        excerpt: None,
        references: vec![],
    }
}

fn upload(paths: &[&str]) -> ClientUpload {
    ClientUpload {
        detections: paths.iter().map(|path| found(path)).collect(),
        rules: ["eval".to_owned()].into(),
        ..ClientUpload::default()
    }
}

async fn recorded(world: &World, is: impl Fn(&BranchEvent) -> bool) -> usize {
    let events = world.decoded().await;
    events.iter().filter(|event| matches!(event, Event::Branch(event) if is(event))).count()
}

#[tokio::test]
async fn a_run_begins_one_scan_however_often_it_asks() {
    let world = World::new();
    let scans = client_scans(&world);
    let first = begun(&world, 1).await;
    assert_eq!(begun(&world, 1).await, first);
    assert_eq!(scans.numbered(first.number).await.unwrap(), Some(first.clone()));
    assert_eq!(scans.begun(ACME, Uuid::from_u128(1)).await.unwrap(), Some(first.clone()));
    assert_ne!(begun(&world, 2).await.number, first.number);
    let queued = world.decoded().await;
    let queued = queued.iter().filter(|event| matches!(event, Event::Scan(ScanEvent::Queued(_)))).count();
    assert_eq!(queued, 2);
}

#[tokio::test]
async fn two_requests_with_the_same_results_record_them_once() {
    let world = World::new();
    let scan = begun(&world, 1).await;
    let scans = client_scans(&world);
    let paths: Vec<String> = (0..40).map(|n| "x".repeat(n + 1)).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let context = world.fresh();
    let both = tokio::join!(
        scans.receive(&context, &scan, upload(&paths)),
        scans.receive(&context, &scan, upload(&paths)),
    );
    assert!(both.0.is_ok() && both.1.is_ok(), "{both:?}");
    assert_eq!(recorded(&world, |event| matches!(event, BranchEvent::Scanned(_))).await, 1);
    assert_eq!(recorded(&world, |event| matches!(event, BranchEvent::Detected(_))).await, 40);
    let received = scans.numbered(scan.number).await.unwrap().unwrap();
    let end = ClientEnd { exit_code: 1, total_time_ms: Some(3), blocking: None };
    let ended = scans.end(&world.fresh(), &received, end).await.unwrap();
    assert_eq!(ended.blocking, Vec::<String>::new());
    let again = scans.end(&world.fresh(), &received, end).await.unwrap();
    assert_eq!(again, ended);
    let life = world.life(scan.life.queued.scan).await;
    assert_eq!(life.status, ScanStatus::Completed);
}

#[tokio::test]
async fn results_that_come_again_are_not_recorded_again() {
    let world = World::new();
    let scan = begun(&world, 1).await;
    let scans = client_scans(&world);
    scans.receive(&world.fresh(), &scan, upload(&["a", "bb"])).await.unwrap();
    let full = scans.numbered(scan.number).await.unwrap().unwrap();
    // As if the answer had been lost, and with it what this process knew.
    let before = world.events().await.len();
    scans.receive(&world.fresh(), &full, upload(&["a", "bb"])).await.unwrap();
    scans.receive(&world.fresh(), &scan, upload(&["a", "bb"])).await.unwrap();
    assert_eq!(world.events().await.len(), before);
}

#[tokio::test]
async fn workers_leave_a_clients_scan_alone_until_its_client_is_silent_for_long() {
    let mut world = World::new();
    let scan = begun(&world, 1).await.life.queued.scan;
    let pool = world.pool(1, world.real_scanners()).await;
    let project = world.project("other").await;
    let other = world.queue(project, "main", &[("a.txt", "nothing")]).await;
    world.until(other, |life| life.status == ScanStatus::Completed).await;
    assert_eq!(world.life(scan).await.status, ScanStatus::Running);
    pool.shutdown().await;

    world.clock = Arc::new(Later(Arc::clone(&world.clock), CLIENT_SILENCE_SECONDS - 60));
    let pool = world.pool(1, world.real_scanners()).await;
    let next = world.queue(project, "main", &[("a.txt", "nothing")]).await;
    world.until(next, |life| life.status == ScanStatus::Completed).await;
    assert_eq!(world.life(scan).await.status, ScanStatus::Running);
    pool.shutdown().await;

    world.clock = Arc::new(Later(Arc::clone(&world.clock), 120));
    let pool = world.pool(1, world.real_scanners()).await;
    world.until(scan, |life| life.status == ScanStatus::Failed).await;
    pool.shutdown().await;
    let events = world.decoded().await;
    let failure = events.iter().find_map(|event| match event {
        Event::Scan(ScanEvent::Failed(failed)) => Some(failed.failure.clone()),
        _ => None,
    });
    assert_eq!(failure.unwrap().code, FailureCode::ClientSilent);
}

/// Another clock, so many seconds later.
struct Later(Arc<dyn Clock>, i64);

impl Clock for Later {
    fn now(&self) -> Timestamp {
        self.0.now().plus_seconds(self.1)
    }
}

#[tokio::test]
async fn a_project_that_the_caller_does_not_see_is_not_theirs_to_scan() {
    let world = World::new();
    let details = ProjectDetails {
        name: "acme/shop".to_owned(),
        description: None,
        repo_url: None,
        default_branch: "main".to_owned(),
        dast_target_url: None,
    };
    let new = NewProject { organization: ACME, team: Some(CORE), details, gate: Gate::default() };
    let made = world.projects.create(&world.fresh(), new).await.unwrap().project;
    let scans = client_scans(&world);
    let outside = member(&[(EDGE, TeamRole::Developer)]);
    let refused = scans.begin(&world.fresh(), wanted(outside, 1)).await.unwrap_err();
    let CommandError::Refused(problem) = refused else { panic!("{refused:?}") };
    assert_eq!(problem, ClientScanProblem::Project(ProjectProblem::Denied(Denied::OtherTeam)));
    let inside = member(&[(CORE, TeamRole::Developer)]);
    let scan = scans.begin(&world.fresh(), wanted(inside, 1)).await.unwrap();
    assert_eq!(scan.scope.project, made.project);
}
