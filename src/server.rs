//! A running server: every part, wired.

use crate::adapters::{
    ArchiveUnpacker, RememberedBodies, ServerProbe, StateKeyUsage, StateLeases, SystemClock, TimeOrderedIds,
    ViewsReadModel,
};
use crate::data::{DataFolder, DataLock, node_id};
use anyhow::{Context, Result, bail};
use metrics_exporter_prometheus::PrometheusHandle;
use scanledger_advisories::AdvisoryStore;
use scanledger_api::app::{App, Services};
use scanledger_blobs::Blobs;
use scanledger_commands::finding::Findings;
use scanledger_commands::identity::Identities;
use scanledger_commands::ledger::Ledger;
use scanledger_commands::ports::{OsEntropy, ReadModel};
use scanledger_commands::progress::ScanProgress;
use scanledger_commands::project::Projects;
use scanledger_commands::scan::Scans;
use scanledger_commands::worker::{WorkerDeps, WorkerOptions, WorkerPool};
use scanledger_domain::blob::BlobStore;
use scanledger_domain::id::Ids;
use scanledger_domain::log::EventLog;
use scanledger_domain::scanning::ScannerKind;
use scanledger_domain::time::Clock;
use scanledger_domain::vault::Vault;
use scanledger_formats::Formats;
use scanledger_log_sqlite::SqliteLog;
use scanledger_projections::Projector;
use scanledger_state::State;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How often last-used times are written and metrics are tidied up.
const TIDY_INTERVAL: Duration = Duration::from_secs(30);
/// How long requests in hand may take after a signal to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// Where and how a server runs.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// The data folder.
    pub data: PathBuf,
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where blobs are.
    pub blobs: BlobPlace,
    /// How many scans run at the same time; 0 for a server that only answers.
    pub workers: usize,
    /// Renders the metrics of this process, if a recorder is installed.
    pub recorder: Option<PrometheusHandle>,
}

impl ServerOptions {
    /// A server on `data`, on a free port of this machine.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            blobs: BlobPlace::Folder,
            workers: 2,
            recorder: None,
        }
    }
}

/// Where blobs are kept.
#[derive(Debug, Clone)]
pub enum BlobPlace {
    /// In the data folder.
    Folder,
    /// At a URL (`s3://…`, `file:///…`).
    Url {
        /// The URL.
        url: String,
        /// Settings such as `AWS_REGION`.
        settings: Vec<(String, String)>,
    },
}

impl BlobPlace {
    fn open(&self, folder: &DataFolder) -> Result<Blobs> {
        match self {
            Self::Folder => Blobs::local(folder.blobs()).context("while opening the folder of blobs"),
            Self::Url { url, settings } => {
                let settings = settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
                Blobs::from_url(url, settings).with_context(|| format!("while opening the blob store {url}"))
            }
        }
    }
}

/// The parts that commands at the shell and the server share: everything that needs the lock.
pub struct Engine {
    /// The data folder.
    pub folder: DataFolder,
    /// The event log.
    pub log: Arc<SqliteLog>,
    /// Keys, leases and the like.
    pub state: Arc<State>,
    /// Keeps the read models up with the log.
    pub projector: Projector,
    /// Advisories.
    pub advisories: Arc<AdvisoryStore>,
    /// Blobs.
    pub blobs: Arc<dyn BlobStore>,
    /// Writes.
    pub ledger: Ledger,
    /// Keys.
    pub identities: Identities,
    _lock: DataLock,
}

impl Engine {
    /// Opens everything in `folder`, making what is missing.
    ///
    /// # Errors
    /// When another process has the folder, or a part cannot be opened.
    pub async fn open(folder: DataFolder, blobs: &BlobPlace) -> Result<Self> {
        folder.create()?;
        let Some(lock) = folder.try_lock()? else {
            bail!("another process has the data folder {} open", folder.root().display());
        };
        Self::open_locked(folder, lock, blobs).await
    }

    /// As [`Self::open`], by who has the lock already.
    ///
    /// # Errors
    /// When a part cannot be opened.
    pub async fn open_locked(folder: DataFolder, lock: DataLock, blobs: &BlobPlace) -> Result<Self> {
        let state = Arc::new(folder.open_state(!folder.exists())?);
        let log =
            SqliteLog::open(&folder.log(), Arc::new(SystemClock)).context("while opening the event log")?;
        let log = Arc::new(log);
        let port: Arc<dyn EventLog> = Arc::clone(&log) as _;
        let projector =
            Projector::open(folder.root(), Arc::clone(&port)).await.context("while opening the views")?;
        let advisories = AdvisoryStore::open(&folder.advisories()).context("while opening the advisories")?;
        let blobs: Arc<dyn BlobStore> = Arc::new(blobs.open(&folder)?);
        let ledger = Ledger::new(port);
        let vault: Arc<dyn Vault> = Arc::clone(&state.vault) as _;
        let identities = Identities::new(ledger.clone(), vault, Arc::new(SystemClock), Arc::new(OsEntropy));
        Ok(Self {
            folder,
            log,
            state,
            projector,
            advisories: Arc::new(advisories),
            blobs,
            ledger,
            identities,
            _lock: lock,
        })
    }

    /// The log as a port.
    pub fn event_log(&self) -> Arc<dyn EventLog> {
        Arc::clone(&self.log) as _
    }

    /// The vault as a port.
    pub fn vault(&self) -> Arc<dyn Vault> {
        Arc::clone(&self.state.vault) as _
    }

    /// Ends writing: finishes the appends in hand, brings the views up to them, and writes the rest.
    ///
    /// # Errors
    /// When something cannot be written.
    pub async fn close(&self) -> Result<()> {
        self.log.close().await;
        if let Err(error) = self.projector.catch_up().await {
            let error = anyhow::Error::from(error);
            tracing::warn!("the read models are behind the log; the next start goes on with them: {error:#}");
        }
        self.state.key_uses.flush().context("while writing when keys were used")?;
        self.projector.clone().close().await.context("while closing the read models")
    }
}

/// A server that runs.
pub struct RunningServer {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its parts.
    pub engine: Arc<Engine>,
    /// What handlers work with.
    pub app: App,
    stop: watch::Sender<bool>,
    stop_workers: watch::Sender<bool>,
    http: JoinHandle<std::io::Result<()>>,
    projecting: JoinHandle<()>,
    tidying: JoinHandle<()>,
    control: JoinHandle<()>,
    workers: JoinHandle<Option<WorkerPool>>,
}

/// Starts a server: opens the data folder, follows the log, runs workers and listens.
///
/// # Errors
/// When the folder is in use, a part cannot be opened, or the address is taken.
pub async fn start(options: ServerOptions) -> Result<RunningServer> {
    let folder = DataFolder::new(&options.data);
    let engine = Arc::new(Engine::open(folder, &options.blobs).await?);
    let temporary = engine.folder.temporary();
    drop(std::fs::remove_dir_all(&temporary));
    let upload_folder = temporary.join("uploads");
    std::fs::create_dir_all(&upload_folder).context("while making the folder for uploads")?;
    let listener = TcpListener::bind(options.listen)
        .await
        .with_context(|| format!("while listening on {}", options.listen))?;
    let address = listener.local_addr().context("while asking for the address")?;
    let (stop, stopped) = watch::channel(false);

    let projecting = spawn_projector(engine.projector.clone(), stopped.clone());
    let parts = Parts::new(&engine);
    let app = services(&engine, &parts, &options, upload_folder);
    let control = crate::control::listen(Arc::clone(&engine), stopped.clone())?;
    let router = scanledger_api::router(Arc::clone(&app));
    let http = tokio::spawn(serve(listener, router, stopped.clone()));
    let (stop_workers, workers_stopped) = watch::channel(false);
    let workers =
        spawn_workers(Arc::clone(&engine), parts, options.workers, temporary.join("scans"), workers_stopped);
    let tidying = spawn_tidying(Arc::clone(&engine.state), options.recorder, stopped);
    Ok(RunningServer {
        address,
        engine,
        app,
        stop,
        stop_workers,
        http,
        projecting,
        tidying,
        control,
        workers,
    })
}

/// What services and workers share.
struct Parts {
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    read_model: Arc<dyn ReadModel>,
    scanners: Vec<Arc<dyn scanledger_domain::scanning::Scanner>>,
    progress: Arc<ScanProgress>,
}

impl Parts {
    fn new(engine: &Engine) -> Self {
        let advisories = Arc::clone(&engine.advisories);
        Self {
            clock: Arc::new(SystemClock),
            ids: Arc::new(TimeOrderedIds),
            read_model: Arc::new(ViewsReadModel::new(engine.projector.views())),
            scanners: scanledger_scanners::all(advisories, engine.vault()),
            progress: Arc::new(ScanProgress::default()),
        }
    }

    fn kinds(&self) -> Vec<ScannerKind> {
        self.scanners.iter().map(|scanner| scanner.kind()).collect()
    }
}

fn services(engine: &Arc<Engine>, parts: &Parts, options: &ServerOptions, upload_folder: PathBuf) -> App {
    let ledger = engine.ledger.clone();
    let read_model = Arc::clone(&parts.read_model);
    Arc::new(Services {
        views: engine.projector.views(),
        identities: engine.identities.clone(),
        projects: Projects::new(ledger.clone(), engine.vault(), Arc::clone(&read_model)),
        scans: Scans::new(ledger.clone(), Arc::clone(&engine.blobs), parts.kinds()),
        findings: Findings::new(ledger.clone(), read_model),
        ledger,
        blobs: Arc::clone(&engine.blobs),
        reports: Arc::new(Formats::new()),
        vault: engine.vault(),
        clock: Arc::clone(&parts.clock),
        ids: Arc::clone(&parts.ids),
        progress: Arc::clone(&parts.progress),
        idempotency: Arc::new(RememberedBodies::new(Arc::clone(&engine.state))),
        key_usage: Arc::new(StateKeyUsage::new(Arc::clone(&engine.state))),
        probe: Arc::new(ServerProbe::new(
            Arc::clone(&engine.log),
            engine.projector.clone(),
            options.recorder.clone(),
        )),
        upload_folder,
    })
}

/// Workers begin when the read models are up to date, because scans of a former life of this node are found there.
fn spawn_workers(
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
    let node = node_id(&engine.state, || parts.ids.fresh())?;
    let deps = WorkerDeps {
        ledger: engine.ledger.clone(),
        views: Arc::clone(&parts.read_model),
        blobs: Arc::clone(&engine.blobs),
        unpacker: Arc::new(ArchiveUnpacker),
        scanners: parts.scanners.clone(),
        reports: Arc::new(Formats::new()),
        leases: Arc::new(StateLeases::new(Arc::clone(&engine.state))),
        clock: Arc::clone(&parts.clock),
        ids: Arc::clone(&parts.ids),
        entropy: Arc::new(OsEntropy),
        progress: Arc::clone(&parts.progress),
    };
    let head = engine.event_log().head().await.context("while asking for the head of the log")?;
    let mut reached = engine.projector.views().watch();
    reached.wait_for(|position| *position >= head).await.context("while waiting for the read models")?;
    let options = WorkerOptions { workers, ..WorkerOptions::new(node, folder) };
    WorkerPool::start(deps, options).await.context("while starting workers")
}

async fn serve(
    listener: TcpListener,
    router: axum::Router,
    mut stopped: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service)
        .with_graceful_shutdown(async move { drop(stopped.wait_for(|stop| *stop).await) })
        .await
}

fn spawn_projector(projector: Projector, stopped: watch::Receiver<bool>) -> JoinHandle<()> {
    tokio::spawn(async move {
        if let Err(error) = projector.run(stopped).await {
            let error = anyhow::Error::from(error);
            tracing::error!("the projector stopped; reads show what it had reached: {error:#}");
        }
    })
}

fn spawn_tidying(
    state: Arc<State>,
    recorder: Option<PrometheusHandle>,
    mut stopped: watch::Receiver<bool>,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = stopped.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(TIDY_INTERVAL) => (),
            }
            if let Some(recorder) = &recorder {
                // Else samples of histograms pile up until somebody asks for the metrics.
                recorder.run_upkeep();
            }
            let state = Arc::clone(&state);
            let flushed = tokio::task::spawn_blocking(move || state.key_uses.flush()).await;
            if let Ok(Err(error)) = flushed {
                tracing::warn!("last-used times of keys could not be written: {error}");
            }
        }
    })
}

impl RunningServer {
    /// The base URL, as somebody on this machine writes it.
    pub fn url(&self) -> String {
        let ip = match self.address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        format!("http://{}", SocketAddr::new(ip, self.address.port()))
    }

    /// Whether there is an organization, as far as the read models know after at most `wait`.
    ///
    /// # Errors
    /// When the read models do not get there in time, or fail.
    pub async fn is_set_up(&self, wait: Duration) -> Result<bool> {
        let head = self.engine.event_log().head().await?;
        let views = self.engine.projector.views();
        views.wait_for(head, wait).await?;
        Ok(!views.organizations().await?.is_empty())
    }

    /// Stops: running scans go back to the queue, requests and batches in hand are finished, new ones refused.
    ///
    /// # Errors
    /// When something cannot be written.
    pub async fn shutdown(self) -> Result<()> {
        let Self { engine, app, stop, stop_workers, mut http, projecting, tidying, control, workers, .. } =
            self;
        // Workers first, while everything that they write to still runs.
        stop_workers.send_replace(true);
        if let Ok(Some(workers)) = workers.await {
            workers.shutdown().await;
        }
        stop.send_replace(true);
        if tokio::time::timeout(DRAIN, &mut http).await.is_err() {
            tracing::warn!("requests were still open after {} s and are cut off", DRAIN.as_secs());
            http.abort();
        }
        drop(tokio::join!(projecting, tidying, control));
        drop(app);
        engine.close().await
    }
}
