//! A running server: every part, wired.

mod code_host;
mod engine;
mod entrance;
mod http;
mod memory;
mod options;
mod parts;

pub use code_host::GitHubOptions;
pub use engine::Engine;
pub use entrance::{
    AccountsOptions, EntranceOptions, GroupSetting, InvalidGroup, MailOptions, OidcClient, Secret,
};
pub use options::{BlobPlace, Duty, ServerOptions};

use crate::adapters::SystemClock;
use crate::nodes::{
    SHARING, Sharing, follow_server_key, remove_former_views, spawn_blob_removal, spawn_branch_closing,
    spawn_checkpoints, spawn_reactor, start_bus, try_parked,
};
use crate::proofs::Schedule;
use anyhow::{Context, Result};
use metrics_exporter_prometheus::PrometheusHandle;
use parts::{Parts, services, spawn_workers};
use scanledger_api::app::App;
use scanledger_api::limit::Limits;
use scanledger_commands::worker::WorkerPool;
use scanledger_domain::time::Clock;
use scanledger_projections::Projector;
use scanledger_state::State;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How often last-used times are written and metrics are tidied up.
const TIDY_INTERVAL: Duration = Duration::from_secs(30);
/// How long requests in hand may take after a signal to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// A server that runs.
pub struct RunningServer {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its parts.
    pub engine: Arc<Engine>,
    /// What handlers work with.
    pub app: App,
    stop: watch::Sender<bool>,
    stop_projector: watch::Sender<bool>,
    stop_workers: watch::Sender<bool>,
    stop_proofs: watch::Sender<bool>,
    stop_publishing: watch::Sender<bool>,
    http: JoinHandle<std::io::Result<()>>,
    /// What runs until the server stops.
    tasks: Vec<JoinHandle<()>>,
    workers: JoinHandle<Option<WorkerPool>>,
    proving: JoinHandle<()>,
}

/// Starts a server: opens the data folder, follows the log, runs workers and listens.
///
/// # Errors
/// When the folder is in use, a part cannot be opened, or the address is taken.
pub async fn start(options: ServerOptions) -> Result<RunningServer> {
    let (mailer, providers) = (options.entrance.mailer()?, options.entrance.providers()?);
    // What opening needs is most of what starting would hold to its end.
    let engine = Box::pin(Engine::open(options.folder.clone(), &options.log, &options.blobs)).await?;
    let engine = Arc::new(engine.with_mail(mailer, options.entrance.lifetimes));
    let temporary = engine.folder.temporary();
    if let Err(error) = engine.folder.clear_temporary() {
        tracing::warn!("{error:#}");
    }
    let upload_folder = temporary.join("uploads");
    std::fs::create_dir_all(&upload_folder).context("while making the folder for uploads")?;
    let listener = TcpListener::bind(options.listen)
        .await
        .with_context(|| format!("while listening on {}", options.listen))?;
    let address = listener.local_addr().context("while asking for the address")?;
    // Before any lease is looked at: on a shared store this learns how its clock differs from this node's.
    tidy(&engine.state).await;
    let (stop, stopped) = watch::channel(false);
    let (stop_projector, projector_stopped) = watch::channel(false);
    let mut tasks = vec![spawn_projector(engine.projector.clone(), projector_stopped)];
    tasks.push(tokio::spawn(crate::nodes::Erasures::new(&engine).run(stopped.clone())));
    tasks.push(tokio::spawn(remove_former_views(Arc::clone(&engine), stopped.clone())));
    tasks.push(tokio::spawn(try_parked(Arc::clone(&engine), stopped.clone())));
    let mut parts = Parts::new(&engine);
    let (stop_proofs, proofs_stopped) = watch::channel(false);
    let proving = engine.proofs.spawn(Schedule::default(), proofs_stopped);
    let (stop_publishing, publishing_stopped) = watch::channel(false);
    let mut bus = None;
    if let Some(place) = &options.bus {
        let (connected, more) = start_bus(&engine, place, stopped.clone()).await?;
        tasks.extend(more);
        parts.bus = Some(connected.state());
        bus = Some(connected);
    }
    tasks.push(spawn_checkpoints(&engine, bus, publishing_stopped));
    let entrance = options.entrance.entrance(&engine, providers, &url_of(address)).await?;
    if options.entrance.tells_where_it_is()
        && options.entrance.public_url.is_none()
        && !address.ip().is_loopback()
    {
        tracing::warn!(
            url = entrance.public_url,
            "links in messages and from providers lead here: set --public-url"
        );
    }
    let app = services(&engine, &parts, &options, entrance, upload_folder)?;
    tasks.push(spawn_blob_removal(&engine, options.blob_grace, stopped.clone()));
    tasks.push(spawn_branch_closing(&engine, parts.branches(&engine), stopped.clone()));
    if let Some(dpendx) = &app.dpendx {
        tasks.push(code_host::spawn_checks(&engine, &dpendx.hosted, stopped.clone()));
    }
    tasks.push(crate::control::listen(Arc::clone(&engine), stopped.clone())?);
    let router = match options.duty {
        Duty::Everything { .. } | Duty::Answers => {
            let limits = Arc::new(Limits::new(&options.limits));
            scanledger_api::router(Arc::clone(&app), limits)
        }
        Duty::Works { .. } => scanledger_api::operations_router(Arc::clone(&app)),
    };
    let router = router.layer(axum::Extension(engine.proofs.reads()));
    if let Some(restores) = &engine.restores {
        restores.refuse().await?;
    }
    let http = tokio::spawn(http::serve(listener, router, stopped.clone()));
    let (stop_workers, workers_stopped) = watch::channel(false);
    if options.log.is_shared() {
        tasks.extend(spawn_node_tasks(&engine, options.share_views, &stopped));
    }
    tasks.push(memory::spawn_returning(stopped.clone()));
    tasks.push(spawn_tidying(Arc::clone(&engine.state), options.recorder, stopped));
    let workers = spawn_workers(
        Arc::clone(&engine),
        parts,
        options.duty.workers(),
        temporary.join("scans"),
        workers_stopped,
    );
    Ok(RunningServer {
        address,
        engine,
        app,
        stop,
        stop_projector,
        stop_workers,
        stop_proofs,
        stop_publishing,
        http,
        tasks,
        workers,
        proving,
    })
}

/// What a node does because there are others.
fn spawn_node_tasks(
    engine: &Arc<Engine>,
    share_after: NonZeroU64,
    stopped: &watch::Receiver<bool>,
) -> [JoinHandle<()>; 3] {
    let views = engine.projector.views();
    let following = tokio::spawn(engine.follower.clone().run(views, stopped.clone()));
    let shared = Arc::clone(engine);
    let sharing = spawn_reactor(
        engine,
        SHARING,
        Box::new(move |stop| {
            let sharing = Sharing::new(&shared, share_after);
            Box::pin(async move { Ok(sharing.run(stop).await?) })
        }),
        stopped.clone(),
    );
    let (state, views) = (Arc::clone(&engine.state), engine.projector.views());
    let following_key = tokio::spawn(follow_server_key(state, views, stopped.clone()));
    [following, sharing, following_key]
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
            tidy(&state).await;
        }
    })
}

/// Writes what was noted in memory, and drops what is no longer needed.
async fn tidy(state: &Arc<State>) {
    let state = Arc::clone(state);
    let tidied = tokio::task::spawn_blocking(move || {
        state.key_uses.flush()?;
        state.document_calls.flush()?;
        state.tidy(SystemClock.now())
    });
    if let Ok(Err(error)) = tidied.await {
        tracing::warn!("the state store could not be tidied up: {error}");
    }
}

/// The base URL of a server that listens at `address`, as somebody on this machine writes it.
fn url_of(address: SocketAddr) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}

impl RunningServer {
    /// The base URL, as somebody on this machine writes it.
    pub fn url(&self) -> String {
        url_of(self.address)
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

    /// Waits until a restore has begun in its database, and says so: then it has to end at once, because its keys are not
    /// those of what is in there from then on.
    pub async fn overtaken(&self) -> anyhow::Error {
        match &self.engine.restores {
            Some(restores) => restores.begun().await,
            None => std::future::pending().await,
        }
    }

    /// Stops: running scans go back to the queue, requests and batches in hand are finished, new ones refused.
    ///
    /// # Errors
    /// When something cannot be written.
    pub async fn shutdown(self) -> Result<()> {
        let Self {
            engine,
            app,
            stop,
            stop_projector,
            stop_workers,
            stop_proofs,
            stop_publishing,
            mut http,
            tasks,
            workers,
            proving,
            ..
        } = self;
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
        // Requests in hand wait until reads show what they wrote.
        stop_projector.send_replace(true);
        // After the last request, so that its events are signed too; whoever publishes that ends after it.
        stop_proofs.send_replace(true);
        drop(proving.await);
        stop_publishing.send_replace(true);
        for task in tasks {
            drop(task.await);
        }
        drop(app);
        engine.close().await
    }
}
