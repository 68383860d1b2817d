//! What handlers and workers are made of.

use super::{Engine, GitHubOptions, ServerOptions};
use crate::adapters::{
    ArchiveUnpacker, OwnRules, ServerProbe, StateDocumentCalls, StateKeyUsage, SystemClock, TimeOrderedIds,
    ViewsReadModel,
};
use crate::log::OpenLog;
use crate::nodes::InForce;
use anyhow::{Context, Result};
use scanledger_api::app::{App, Services};
use scanledger_api::auth::AccessTokens;
use scanledger_api::documents::Documents;
use scanledger_api::entrance::Entrance;
use scanledger_bus_nats::BusState;
use scanledger_commands::branch::Branches;
use scanledger_commands::ci::ClientScans;
use scanledger_commands::finding::Findings;
use scanledger_commands::honeytoken::Honeytokens;
use scanledger_commands::incident::Incidents;
use scanledger_commands::policy::Policies;
use scanledger_commands::ports::{OsEntropy, ReadModel, RuleChecker};
use scanledger_commands::progress::ScanProgress;
use scanledger_commands::project::Projects;
use scanledger_commands::scan::Scans;
use scanledger_commands::worker::{WorkerDeps, WorkerOptions, WorkerPool};
use scanledger_domain::id::Ids;
use scanledger_domain::scanning::{Scanner, ScannerKind};
use scanledger_domain::time::Clock;
use scanledger_formats::Formats;
use scanledger_imports::TreeSitterImports;
use scanledger_scanners::Patterns;
use scanledger_semgrep::SemgrepEngine;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What services and workers share.
pub(super) struct Parts {
    pub(super) clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    read_model: Arc<dyn ReadModel>,
    scanners: Vec<Arc<dyn Scanner>>,
    progress: Arc<ScanProgress>,
    /// How the bus is doing, if there is one.
    pub(super) bus: Option<watch::Receiver<BusState>>,
}

impl Parts {
    pub(super) fn new(engine: &Engine) -> Self {
        Self {
            clock: Arc::new(SystemClock),
            ids: Arc::new(TimeOrderedIds),
            read_model: Arc::new(ViewsReadModel::new(&engine.projector)),
            scanners: scanners(engine),
            progress: Arc::new(ScanProgress::default()),
            bus: None,
        }
    }

    /// What closes branches.
    pub(super) fn branches(&self, engine: &Engine) -> Branches {
        Branches::new(engine.ledger.clone(), Arc::clone(&self.read_model))
    }

    fn kinds(&self) -> Vec<ScannerKind> {
        self.scanners.iter().map(|scanner| scanner.kind()).collect()
    }
}

/// Every scanner; where nodes share a log, dependencies are matched with what any of them imported.
fn scanners(engine: &Engine) -> Vec<Arc<dyn Scanner>> {
    let advisories = Arc::clone(&engine.advisories);
    let scanners = scanledger_scanners::all(advisories, engine.vault());
    if matches!(engine.log, OpenLog::Sqlite(_)) {
        return scanners;
    }
    let in_force = |scanner: Arc<dyn Scanner>| -> Arc<dyn Scanner> {
        if scanner.kind() == ScannerKind::Sca {
            return Arc::new(InForce::new(scanner, engine.follower.clone()));
        }
        scanner
    };
    scanners.into_iter().map(in_force).collect()
}

fn rule_checker(program: &PathBuf) -> Arc<dyn RuleChecker> {
    Arc::new(SemgrepEngine::new(program))
}

pub(super) fn services(
    engine: &Arc<Engine>,
    parts: &Parts,
    options: &ServerOptions,
    entrance: Entrance,
    upload_folder: PathBuf,
) -> Result<App> {
    let ledger = engine.ledger.clone();
    let read_model = Arc::clone(&parts.read_model);
    let projects = Projects::new(ledger.clone(), engine.vault(), Arc::clone(&read_model));
    let unpacker = Arc::new(ArchiveUnpacker);
    let scans = Scans::new(ledger.clone(), Arc::clone(&engine.blobs), unpacker, parts.kinds());
    let github = options.github.as_ref();
    let access = |github: &GitHubOptions| {
        github.access(engine, projects.clone(), scans.clone(), parts.branches(engine))
    };
    let dpendx = github.map(access).transpose()?;
    Ok(Arc::new(Services {
        views: engine.projector.views(),
        identities: engine.identities.clone(),
        projects: projects.clone(),
        scans,
        client_scans: ClientScans::new(
            ledger.clone(),
            Arc::clone(&read_model),
            Arc::clone(&engine.blobs),
            projects,
        ),
        policies: Policies::new(ledger.clone(), &OwnRules, options.semgrep.as_ref().map(rule_checker)),
        findings: Findings::new(ledger.clone(), Arc::clone(&read_model)),
        honeytokens: Honeytokens::new(
            ledger.clone(),
            engine.vault(),
            Arc::clone(&read_model),
            Arc::clone(&parts.clock),
            Arc::new(OsEntropy),
        ),
        incidents: Incidents::new(ledger.clone(), read_model, Arc::clone(&parts.clock), Arc::new(OsEntropy)),
        ledger,
        documents: Documents::new(
            Arc::new(Patterns),
            Arc::new(StateDocumentCalls::new(Arc::clone(&engine.state))),
            options.scan_quota,
        ),
        blobs: Arc::clone(&engine.blobs),
        reports: Arc::new(Formats::new()),
        vault: engine.vault(),
        clock: Arc::clone(&parts.clock),
        ids: Arc::clone(&parts.ids),
        progress: Arc::clone(&parts.progress),
        idempotency: Arc::clone(&engine.state.requests) as _,
        tokens: AccessTokens::new(&*engine.state.vault),
        entrance,
        key_usage: Arc::new(StateKeyUsage::new(Arc::clone(&engine.state))),
        probe: Arc::new(ServerProbe::new(engine, parts.bus.clone(), options.recorder.clone())),
        upload_folder,
        dpendx,
        started_at: parts.clock.now(),
    }))
}

/// Workers begin when the read models are up to date, because scans of a former life of this node are found there.
pub(super) fn spawn_workers(
    engine: Arc<Engine>,
    parts: Parts,
    workers: usize,
    folder: PathBuf,
    mut stopped: watch::Receiver<bool>,
) -> JoinHandle<Option<WorkerPool>> {
    tokio::spawn(async move {
        if workers == 0 {
            return None;
        }
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => None,
            started = start_workers(&engine, &parts, workers, folder) => match started {
                Ok(pool) => Some(pool),
                Err(error) => {
                    tracing::error!("workers could not be started; scans stay queued: {error:#}");
                    None
                }
            },
        }
    })
}

async fn start_workers(
    engine: &Engine,
    parts: &Parts,
    workers: usize,
    folder: PathBuf,
) -> Result<WorkerPool> {
    let deps = WorkerDeps {
        ledger: engine.ledger.clone(),
        views: Arc::clone(&parts.read_model),
        blobs: Arc::clone(&engine.blobs),
        unpacker: Arc::new(ArchiveUnpacker),
        scanners: parts.scanners.clone(),
        imports: vec![Arc::new(TreeSitterImports::new())],
        reports: Arc::new(Formats::new()),
        leases: Arc::clone(&engine.state.leases) as _,
        clock: Arc::clone(&parts.clock),
        ids: Arc::clone(&parts.ids),
        entropy: Arc::new(OsEntropy),
        progress: Arc::clone(&parts.progress),
    };
    let head = engine.event_log().head().await.context("while asking for the head of the log")?;
    let mut reached = engine.projector.views().watch();
    reached.wait_for(|position| *position >= head).await.context("while waiting for the read models")?;
    // On other logs every scan asks. Here nobody else imports, but a former life may have died in an import.
    if matches!(engine.log, OpenLog::Sqlite(_))
        && let Err(error) = engine.follower.catch_up().await
    {
        tracing::warn!("advisories have to be imported again: {error:#}");
    }
    let options = WorkerOptions { workers, ..WorkerOptions::new(engine.node, folder) };
    WorkerPool::start(deps, options).await.context("while starting workers")
}
