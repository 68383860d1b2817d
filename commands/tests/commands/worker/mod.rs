//! The worker: from the queue to the verdict, through pauses, stops, crashes and races.

mod closing;
mod failures;
mod incidents;
mod interruptions;
mod losing;
mod merging;
mod results;
mod steps;

use crate::support::{World, eventually};
use scanledger_domain::OutOfReach;
use scanledger_domain::branch::{BranchEvent, Scanned};
use scanledger_domain::event::Event;
use scanledger_domain::id::{FindingId, ScanId};
use scanledger_domain::project::Verdict;
use scanledger_domain::scan::{FailureCode, ScanEvent, ScanOutcome, scan_stream};
use scanledger_domain::scanning::{
    Control, Detection, Identity, Outcome, Place, ScanError, Scanner, ScannerKind,
};
use scanledger_domain::severity::Severity;
use scanledger_domain::source::SourceTree;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
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

/// Finds everything once the store that it needs is back, at the second attempt.
#[derive(Default)]
struct Cut(AtomicUsize);

impl Scanner for Cut {
    fn kind(&self) -> ScannerKind {
        ScannerKind::Sast
    }

    fn scan(&self, _: &SourceTree, _: &dyn Control) -> Result<Outcome, ScanError> {
        if self.0.fetch_add(1, Ordering::SeqCst) == 0 {
            let source = OutOfReach("no route to the store".into());
            return Err(ScanError::Failed { scanner: self.kind(), source: source.into() });
        }
        Ok(weaknesses(2))
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

async fn failure(world: &World, scan: ScanId) -> (FailureCode, String) {
    world.until(scan, |life| !life.status.is_active()).await;
    match scan_events(world, scan).await.pop() {
        Some(ScanEvent::Failed(failed)) => (failed.failure.code, failed.failure.message),
        other => panic!("{other:?}"),
    }
}

/// What was logged of a scan that failed.
async fn failed_log(world: &World, scan: ScanId) -> String {
    match scan_events(world, scan).await.pop() {
        Some(ScanEvent::Failed(failed)) => {
            String::from_utf8(world.blobs.load(failed.log.unwrap().blob).await.unwrap()).unwrap()
        }
        other => panic!("{other:?}"),
    }
}
