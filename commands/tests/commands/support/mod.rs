//! An installation on real stores in a folder of its own.

pub mod callers;
mod views;

pub use views::Views;

use scanledger_advisories::AdvisoryStore;
use scanledger_blobs::Blobs;
use scanledger_commands::finding::Findings;
use scanledger_commands::identity::{Identities, IdentityParts, Lifetimes};
use scanledger_commands::incident::Incidents;
use scanledger_commands::ports::{OsEntropy, ReadModel, UnpackProblem, UnpackedFacts, Unpacker};
use scanledger_commands::progress::ScanProgress;
use scanledger_commands::project::{NewProject, Projects};
use scanledger_commands::scan::{NewScan, Scans};
use scanledger_commands::worker::{WorkerDeps, WorkerOptions, WorkerPool};
use scanledger_commands::{Context, Ledger};
use scanledger_domain::blob::BlobStore;
use scanledger_domain::event::Event;
use scanledger_domain::id::{CommandId, Ids, OrganizationId, ProjectId, ScanId};
use scanledger_domain::log::{Actor, EventLog, Position, Recorded};
use scanledger_domain::project::{Gate, ProjectDetails};
use scanledger_domain::scan::{ScanLife, ScanType, Step};
use scanledger_domain::scanning::{Scanner, ScannerKind};
use scanledger_domain::source::SourceTree;
use scanledger_domain::time::{Clock, Timestamp};
use scanledger_domain::vault::Vault;
use scanledger_formats::Formats;
use scanledger_log_sqlite::SqliteLog;
use scanledger_source::{UnpackError, UnpackLimits, pack_files, recognise, unpack};
use scanledger_state::{ServerKey, State};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use uuid::Uuid;

pub const ACME: OrganizationId = OrganizationId(Uuid::from_u128(0xacee));
/// Long enough for a busy machine; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs as fast as the real clock, from a fixed instant.
pub struct TestClock(Instant);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(1_795_000_000_000_000 + self.0.elapsed().as_micros() as i64)
    }
}

/// Counts.
#[derive(Default)]
pub struct Counted(AtomicU64);

impl Ids for Counted {
    fn fresh(&self) -> Uuid {
        Uuid::from_u128(0x1d << 100 | u128::from(self.0.fetch_add(1, Ordering::Relaxed)))
    }
}

struct Archives;

impl Unpacker for Archives {
    fn unpack(
        &self,
        archive: &Path,
        name: &str,
        to: &Path,
    ) -> Result<(SourceTree, UnpackedFacts), UnpackProblem> {
        match unpack(archive, Some(name), to, &UnpackLimits::default()) {
            Ok((tree, facts)) => {
                let (files, bytes, skipped) = (facts.files, facts.bytes, facts.skipped);
                Ok((tree, UnpackedFacts { files, bytes, skipped }))
            }
            Err(error) => Err(problem(error)),
        }
    }

    fn recognise(&self, archive: &Path, name: &str) -> Result<(), UnpackProblem> {
        recognise(archive, Some(name)).map_err(problem)
    }
}

fn problem(error: UnpackError) -> UnpackProblem {
    UnpackProblem {
        is_input_fault: error.is_input_fault(),
        message: error.to_string(),
        source: Some(error.into()),
    }
}

pub struct World {
    pub dir: TempDir,
    pub log: Arc<dyn EventLog>,
    pub ledger: Ledger,
    pub state: Arc<State>,
    pub vault: Arc<dyn Vault>,
    pub blobs: Arc<dyn BlobStore>,
    pub views: Arc<dyn ReadModel>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn Ids>,
    pub progress: Arc<ScanProgress>,
    pub advisories: Arc<AdvisoryStore>,
    pub identities: Identities,
    pub projects: Projects,
    pub scans: Scans,
    pub findings: Findings,
    pub incidents: Incidents,
}

impl World {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock: Arc<dyn Clock> = Arc::new(TestClock(Instant::now()));
        let log: Arc<dyn EventLog> =
            Arc::new(SqliteLog::open(&dir.path().join("log.db"), Arc::clone(&clock)).unwrap());
        let key = ServerKey::create(&dir.path().join("key")).unwrap();
        let state = Arc::new(State::open(&dir.path().join("state.db"), &key).unwrap());
        let vault: Arc<dyn Vault> = Arc::clone(&state.vault) as _;
        let blobs: Arc<dyn BlobStore> = Arc::new(Blobs::local(dir.path().join("blobs")).unwrap());
        let advisories = Arc::new(AdvisoryStore::open(&dir.path().join("advisories.db")).unwrap());
        let ledger = Ledger::new(Arc::clone(&log));
        let views: Arc<dyn ReadModel> = Arc::new(Views::new(Arc::clone(&log)));
        let kinds = vec![ScannerKind::Sca, ScannerKind::Secrets];
        Self {
            identities: Identities::new(IdentityParts {
                ledger: ledger.clone(),
                vault: Arc::clone(&vault),
                clock: Arc::clone(&clock),
                entropy: Arc::new(OsEntropy),
                views: Arc::clone(&views),
                mailer: None,
                lifetimes: Lifetimes::default(),
            }),
            projects: Projects::new(ledger.clone(), Arc::clone(&vault), Arc::clone(&views)),
            scans: Scans::new(ledger.clone(), Arc::clone(&blobs), Arc::new(Archives), kinds),
            findings: Findings::new(ledger.clone(), Arc::clone(&views)),
            incidents: Incidents::new(
                ledger.clone(),
                Arc::clone(&views),
                Arc::clone(&clock),
                Arc::new(OsEntropy),
            ),
            ids: Arc::new(Counted::default()),
            progress: Arc::default(),
            dir,
            log,
            ledger,
            state,
            vault,
            blobs,
            views,
            clock,
            advisories,
        }
    }

    /// A command that was never given before.
    pub fn fresh(&self) -> Context {
        Context::new(CommandId(self.ids.fresh()), Actor::Operator, Some(ACME))
    }

    pub async fn project(&self, name: &str) -> ProjectId {
        let new =
            NewProject { organization: ACME, team: None, details: details(name), gate: Gate::default() };
        self.projects.create(&self.fresh(), new).await.unwrap().project.project
    }

    pub async fn queue(&self, project: ProjectId, branch: &str, files: &[(&str, &str)]) -> ScanId {
        let files = files.iter().map(|(path, text)| (*path, text.as_bytes()));
        self.queue_archive(project, branch, &pack_files(files).unwrap()).await
    }

    pub async fn queue_archive(&self, project: ProjectId, branch: &str, archive: &[u8]) -> ScanId {
        let file = self.dir.path().join("upload");
        std::fs::write(&file, archive).unwrap();
        let source = self.scans.store_source(file, "shop.tar.gz").await.unwrap();
        let new = NewScan {
            organization: ACME,
            project,
            branch: Some(branch.to_owned()),
            scan_type: ScanType::Full,
            source,
            commit: None,
            base: None,
        };
        self.scans.queue(&self.fresh(), new).await.unwrap().queued.scan
    }

    pub async fn step(&self, scan: ScanId, step: Step) {
        self.scans.step(&self.fresh(), scan, step).await.unwrap();
    }

    /// The scanners of the product.
    pub fn real_scanners(&self) -> Vec<Arc<dyn Scanner>> {
        scanledger_scanners::all(Arc::clone(&self.advisories) as _, Arc::clone(&self.vault))
    }

    pub async fn pool(&self, node: u128, scanners: Vec<Arc<dyn Scanner>>) -> WorkerPool {
        self.pool_with(node, scanners, |_| ()).await
    }

    pub async fn pool_with(
        &self,
        node: u128,
        scanners: Vec<Arc<dyn Scanner>>,
        change: impl FnOnce(&mut WorkerOptions),
    ) -> WorkerPool {
        let deps = WorkerDeps {
            ledger: self.ledger.clone(),
            views: Arc::clone(&self.views),
            blobs: Arc::clone(&self.blobs),
            unpacker: Arc::new(Archives),
            scanners,
            imports: vec![],
            reports: Arc::new(Formats::default()),
            leases: Arc::clone(&self.state.leases) as _,
            clock: Arc::clone(&self.clock),
            ids: Arc::clone(&self.ids),
            entropy: Arc::new(OsEntropy),
            progress: Arc::clone(&self.progress),
        };
        let mut options = WorkerOptions::new(Uuid::from_u128(node), self.dir.path().join("temp"));
        options.poll_interval = Duration::from_millis(100);
        options.outage_pause = Duration::from_millis(5);
        change(&mut options);
        WorkerPool::start(deps, options).await.unwrap()
    }

    pub async fn life(&self, scan: ScanId) -> ScanLife {
        self.scans.find(scan).await.unwrap().unwrap()
    }

    /// Follows the log until the scan is as wanted.
    pub async fn until(&self, scan: ScanId, wanted: impl Fn(&ScanLife) -> bool) -> ScanLife {
        let mut subscription = self.log.subscribe(Position::START);
        let reached = async {
            loop {
                let life = self.life(scan).await;
                if wanted(&life) {
                    return life;
                }
                subscription.next().await.unwrap();
            }
        };
        match tokio::time::timeout(PATIENCE, reached).await {
            Ok(life) => life,
            Err(_) => panic!("the scan stays {:?}", self.life(scan).await),
        }
    }

    pub async fn events(&self) -> Vec<Recorded> {
        let mut all: Vec<Recorded> = vec![];
        loop {
            let after = all.last().map_or(Position::START, |last| last.position);
            let page = self.log.read_all(after, 1_000).await.unwrap();
            if page.is_empty() {
                return all;
            }
            all.extend(page);
        }
    }

    pub async fn decoded(&self) -> Vec<Event> {
        self.events().await.iter().map(|recorded| Event::of(recorded).unwrap()).collect()
    }
}

pub fn details(name: &str) -> ProjectDetails {
    ProjectDetails {
        name: name.to_owned(),
        description: None,
        repo_url: None,
        default_branch: "main".to_owned(),
        dast_target_url: None,
    }
}

/// Waits for something that leaves no event.
pub async fn eventually(what: &str, mut so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(start.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
