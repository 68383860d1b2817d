//! A small world for tests: one organization, one project, and scans decided by the real deciders.

#![expect(clippy::unwrap_used, reason = "a test that cannot set its world up has failed")]

pub mod identity;
pub mod incident;

use scanledger_domain::branch::{Branch, Coverage, Inventory, RecordScan, branch_id, branch_stream, observe};
use scanledger_domain::component::Component;
use scanledger_domain::decider::{Decider, StoredEvent};
use scanledger_domain::finding::{
    Fingerprint, MergeCommand, Merging, Triage, TriageCommand, TriageState, TriageStatus, finding_stream,
};
use scanledger_domain::id::{CommandId, FindingId, OrganizationId, ProjectId, ScanId};
use scanledger_domain::identity::{OrganizationCreated, OrganizationEvent, organization_stream};
use scanledger_domain::log::{Actor, Append, EventLog, Metadata, NewEvent, Position, StreamName, Version};
use scanledger_domain::project::{Created, Gate, GateInput, ProjectDetails, ProjectEvent, project_stream};
use scanledger_domain::scan::{
    Completed, Queued, ScanEvent, ScanOutcome, ScanType, Source, SourceKind, scan_stream,
};
use scanledger_domain::scanning::{Detection, Identity, Place, ScannerKind};
use scanledger_domain::severity::{Severity, SeverityCounts};
use scanledger_domain::time::{Clock, Timestamp};
use scanledger_log_sqlite::SqliteLog;
use scanledger_projections::{Projector, Views};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use uuid::Uuid;

pub const ORGANIZATION: OrganizationId = OrganizationId(Uuid::from_u128(1));
pub const PROJECT: ProjectId = ProjectId(Uuid::from_u128(2));
/// The commit that every scan looks at.
pub const COMMIT: &str = "0b1d";

/// A clock that is one second later each time it is asked.
#[derive(Default)]
struct Ticking(AtomicI64);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.fetch_add(1_000_000, Ordering::Relaxed))
    }
}

pub struct World {
    pub folder: tempfile::TempDir,
    pub log: Arc<dyn EventLog>,
    pub projector: Projector,
    /// Whom events name.
    pub actor: Actor,
    versions: HashMap<StreamName, u64>,
    inventories: HashMap<String, Inventory>,
    triage: HashMap<FindingId, TriageStatus>,
    commands: u128,
}

impl World {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = open_log(&folder.path().join("log.db"));
        let projector = Projector::open(folder.path(), Arc::clone(&log)).await.unwrap();
        let mut world = Self {
            folder,
            log,
            projector,
            actor: Actor::Operator,
            versions: HashMap::new(),
            inventories: HashMap::new(),
            triage: HashMap::new(),
            commands: 1_000,
        };
        let organization = OrganizationCreated { organization: ORGANIZATION, name: "Acme".to_owned() };
        world.append(organization_stream(ORGANIZATION), &[OrganizationEvent::from(organization)]).await;
        let details = ProjectDetails {
            name: "shop".to_owned(),
            description: None,
            repo_url: None,
            default_branch: "main".to_owned(),
            dast_target_url: None,
        };
        let created = Created {
            project: PROJECT,
            organization: ORGANIZATION,
            team: None,
            details,
            gate: Gate::default(),
        };
        world.append(project_stream(PROJECT), &[ProjectEvent::from(created)]).await;
        world
    }

    pub fn views(&self) -> Views {
        self.projector.views()
    }

    /// Appends events to a stream at the version this world knows, and projects them.
    pub async fn append<E: StoredEvent>(&mut self, stream: StreamName, events: &[E]) -> Position {
        let metadata: Arc<[u8]> = metadata(self.actor).into();
        let mut position = Position::START;
        for part in events.chunks(500) {
            self.commands += 1;
            let command = CommandId(Uuid::from_u128(self.commands));
            let version = self.versions.entry(stream.clone()).or_default();
            let new = part.iter().enumerate().map(|(index, event)| NewEvent {
                id: command.event(u32::try_from(index).unwrap()),
                kind: event.kind(),
                schema: event.schema(),
                data: event.encode(),
                metadata: Arc::clone(&metadata),
            });
            let append =
                Append { stream: stream.clone(), expected: Version(*version), events: new.collect() };
            *version += part.len() as u64;
            position = self.log.append(vec![append]).await.unwrap().last;
        }
        self.projector.catch_up().await.unwrap();
        position
    }

    /// A scan of `branch` that saw this; answers the scan and where it was completed.
    pub async fn scan(
        &mut self,
        branch: &str,
        detections: Vec<Detection>,
        components: Vec<Component>,
    ) -> (ScanId, Position) {
        self.scan_covering(branch, &[ScannerKind::Sca, ScannerKind::Secrets], detections, components).await
    }

    pub async fn scan_covering(
        &mut self,
        branch: &str,
        coverage: &[ScannerKind],
        detections: Vec<Detection>,
        components: Vec<Component>,
    ) -> (ScanId, Position) {
        self.scan_with(branch, coverage.to_vec().into(), detections, Some(components)).await
    }

    pub async fn scan_with(
        &mut self,
        branch: &str,
        coverage: Coverage,
        detections: Vec<Detection>,
        components: Option<Vec<Component>>,
    ) -> (ScanId, Position) {
        self.commands += 1;
        let scan = ScanId(Uuid::from_u128(self.commands));
        let queued = Queued {
            scan,
            organization: ORGANIZATION,
            project: PROJECT,
            branch: branch.to_owned(),
            scan_type: ScanType::Full,
            source: Source {
                kind: SourceKind::Upload,
                blob: scanledger_domain::blob::BlobHash::of(b"source"),
                name: "source.tar.gz".to_owned(),
                size: 6,
            },
            commit: Some(COMMIT.to_owned()),
            base: None,
            by: Actor::Operator,
            rescan_of: None,
            client: None,
        };
        self.append(scan_stream(scan), &[ScanEvent::from(queued)]).await;
        let outcome = outcome(&detections);
        self.record((scan, 1), branch, coverage, detections, components).await;
        let verdict = Gate::default().verdict(&GateInput::default(), self.views().position());
        let completed = Completed { scan, outcome, verdict };
        (scan, self.append(scan_stream(scan), &[ScanEvent::from(completed)]).await)
    }

    /// What a run of a scan of `branch` saw; answers where its results were complete.
    pub async fn record(
        &mut self,
        (scan, run): (ScanId, u32),
        branch: &str,
        coverage: Coverage,
        detections: Vec<Detection>,
        components: Option<Vec<Component>>,
    ) -> Position {
        let snapshot = self.views().inventory(PROJECT, branch).await.unwrap();
        let package = |detection: &Detection| match &detection.identity {
            Identity::Advisory { package, .. } => Some(package.clone()),
            _ => None,
        };
        let packages = detections.iter().filter_map(package).collect();
        let known = self.views().known_advisories(PROJECT, packages).await.unwrap();
        let command = RecordScan {
            branch: branch_id(PROJECT, branch),
            organization: ORGANIZATION,
            project: PROJECT,
            name: branch.to_owned(),
            base: snapshot.base,
            scan,
            run,
            coverage,
            observed: observe(PROJECT, detections, &known),
            components,
            generation: None,
        };
        let events = Branch::decide(&snapshot.inventory, command).unwrap();
        let mut folded = snapshot.inventory;
        for event in &events {
            folded.apply(event);
        }
        self.inventories.insert(branch.to_owned(), folded);
        self.append(branch_stream(branch_id(PROJECT, branch)), &events).await
    }

    pub async fn triage(&mut self, finding: FindingId, to: TriageState, note: Option<&str>) -> Position {
        let status = self.triage.entry(finding).or_default();
        let command = TriageCommand {
            finding,
            project: PROJECT,
            fingerprint: Fingerprint([0; 16]),
            to,
            note: note.map(str::to_owned),
        };
        let events = Triage::decide(status, command).unwrap();
        *status = events.iter().fold(std::mem::take(status), Triage::evolve);
        self.append(finding_stream(finding), &events).await
    }

    /// Merges a finding into an elder one.
    pub async fn merge(&mut self, finding: FindingId, into: FindingId) -> Position {
        let status = self.triage.entry(finding).or_default();
        let command = MergeCommand { finding, project: PROJECT, fingerprint: Fingerprint([0; 16]), into };
        let events = Merging::decide(status, command).unwrap();
        *status = events.iter().fold(std::mem::take(status), Triage::evolve);
        self.append(finding_stream(finding), &events).await
    }

    /// One decision about each of many findings, appended in big batches and projected at the end.
    pub async fn triage_many(&mut self, findings: &[FindingId], to: TriageState) {
        let metadata: Arc<[u8]> = metadata(self.actor).into();
        for chunk in findings.chunks(500) {
            let mut batch = Vec::with_capacity(chunk.len());
            self.commands += 1;
            let command = CommandId(Uuid::from_u128(self.commands));
            for (index, &finding) in chunk.iter().enumerate() {
                let status = self.triage.entry(finding).or_default();
                let fingerprint = Fingerprint([0; 16]);
                let asked = TriageCommand { finding, project: PROJECT, fingerprint, to, note: None };
                let events = Triage::decide(status, asked).unwrap();
                *status = events.iter().fold(std::mem::take(status), Triage::evolve);
                let Some(event) = events.first() else { continue };
                let stream = finding_stream(finding);
                let version = self.versions.entry(stream.clone()).or_default();
                let new = NewEvent {
                    id: command.event(u32::try_from(index).unwrap()),
                    kind: event.kind(),
                    schema: event.schema(),
                    data: event.encode(),
                    metadata: Arc::clone(&metadata),
                };
                batch.push(Append { stream, expected: Version(*version), events: vec![new] });
                *version += 1;
            }
            self.log.append(batch).await.unwrap();
        }
        self.projector.catch_up().await.unwrap();
    }

    /// What the events say is on a branch.
    pub fn inventory(&self, branch: &str) -> &Inventory {
        &self.inventories[branch]
    }
}

/// What comes out of a scan that saw this.
pub fn outcome(detections: &[Detection]) -> ScanOutcome {
    let mut counts = SeverityCounts::default();
    for detection in detections {
        counts.add(detection.severity, 1);
    }
    ScanOutcome { counts, files: 1, ..ScanOutcome::default() }
}

pub fn metadata(actor: Actor) -> Vec<u8> {
    Metadata {
        organization: Some(ORGANIZATION),
        actor,
        correlation: Uuid::from_u128(7),
        causation: None,
        address: None,
        user_agent: None,
        request: None,
        key: None,
    }
    .encode()
}

pub fn open_log(path: &Path) -> Arc<dyn EventLog> {
    Arc::new(SqliteLog::open(path, Arc::new(Ticking::default())).unwrap())
}

/// A secret in a file.
pub fn secret(path: &str, value: u32, severity: Severity) -> Detection {
    Detection {
        identity: Identity::Secret {
            path: path.to_owned(),
            hash: value.to_be_bytes().to_vec(),
            leak_hash: value.to_le_bytes().to_vec(),
            masked: "ab**yz".to_owned(),
        },
        rule: "GENERIC_SECRET".to_owned(),
        title: format!("Secret number{value}"),
        description: "A secret stands in the clear.".to_owned(),
        severity,
        cwe: Some("CWE-798".to_owned()),
        cve: None,
        confidence: 0.8,
        places: vec![Place { path: path.to_owned(), line: Some(3), end_line: Some(3), version: None }],
        fixed_version: None,
        excerpt: None,
        references: vec![],
    }
}
