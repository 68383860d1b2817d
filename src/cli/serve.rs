//! `scanledger serve`.

use super::operate::blob_place;
use super::options::{Role, ServeOptions};
use super::output::{Exit, announce, notice};
use super::{code_host, entrance};
use crate::log::OpenLog;
use crate::server::{Duty, RunningServer, ServerOptions, start};
use anyhow::{Context, Result, bail};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use scanledger_api::limit::Settings;
use scanledger_domain::limits::BLOB_GRACE;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Upper ends of the buckets of durations, in seconds.
const BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// How long to wait for the read models before saying nothing about whether the folder is set up.
const LOOK: Duration = Duration::from_secs(2);

pub(super) async fn run(options: ServeOptions) -> Result<Exit> {
    let workers = usize::from(options.workers);
    let duty = match options.role {
        Role::All => Duty::Everything { workers },
        Role::Api => Duty::Answers,
        Role::Worker if !options.store.data.log.is_shared() => bail!(
            "a process that only works needs a log that several processes share (--log postgres://…); a SQLite log \
             belongs to one: use --role all"
        ),
        Role::Worker => Duty::Works { workers },
    };
    let entrance = entrance::options(&options.entrance)?;
    let mut stop = StopSignals::new()?;
    tokio::select! {
        reached = OpenLog::wait_for(&options.store.data.log, Duration::from_secs(options.wait.into())) => reached?,
        () = stop.wait() => return Ok(Exit::Done),
    }
    let server = start(ServerOptions {
        listen: options.listen,
        blobs: blob_place(&options.store),
        bus: options.bus.place(),
        duty,
        share_views: options.share_views,
        blob_grace: BLOB_GRACE,
        limits: Settings {
            proxies: options.trusted_proxy.iter().copied().collect(),
            origins: options.allow_origin.iter().cloned().collect(),
            quotas: options.rate_limit.iter().copied().collect(),
        },
        scan_quota: options.scan_quota,
        semgrep: options.semgrep.clone(),
        entrance,
        github: code_host::options(&options.code_host)?,
        recorder: Some(record_metrics()?),
        folder: options.store.data.folder(),
        log: options.store.data.log.clone(),
    })
    .await?;
    announce(&format!("Scanledger listens on {0}  (docs: {0}/docs, GraphQL: {0}/graphql)", server.url()));
    if !server.address.ip().is_loopback() {
        tracing::warn!("there is no TLS here: put a proxy that has it in front");
    }
    tokio::select! {
        () = stop.wait() => (),
        error = server.overtaken() => return Err(error),
        () = hint(&server, &options) => tokio::select! {
            () = stop.wait() => (),
            error = server.overtaken() => return Err(error),
        },
    }
    tracing::info!("stopping: finishing what is in hand");
    tokio::select! {
        ended = server.shutdown() => ended?,
        () = stop.wait() => bail!("ended at once by a second signal; what was acknowledged is in the log"),
    }
    Ok(Exit::Done)
}

/// Says what is missing on a folder that is not set up.
async fn hint(server: &RunningServer, options: &ServeOptions) {
    if let Ok(false) = server.is_set_up(LOOK).await {
        let data = options.store.data.data.display();
        notice(&format!(
            "nothing is set up in {data} yet; while this runs, in another shell:\n  \
             scanledger setup --data {data} --organization NAME --email E-MAIL"
        ));
    }
}

fn record_metrics() -> Result<PrometheusHandle> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS)
        .and_then(PrometheusBuilder::install_recorder)
        .context("while installing the metrics recorder")
}

/// The signals that end a server.
pub(super) struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Takes them over: from now on they do not end the process by themselves.
    pub(super) fn new() -> Result<Self> {
        let listen = |kind| signal(kind).context("while listening for signals");
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    /// Until the next of them.
    pub(super) async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => (),
            _ = self.interrupt.recv() => (),
        }
    }
}
