//! The code host, as it is configured.

use super::{Engine, Secret};
use crate::adapters::{SystemClock, ViewsScanResults};
use crate::nodes::spawn_reactor;
use anyhow::{Context, Result};
use scanledger_api::app::DpendxAccess;
use scanledger_commands::branch::Branches;
use scanledger_commands::hosted::{ChecksReactor, Hosted, HostedParts};
use scanledger_commands::ports::WebhookSecret;
use scanledger_commands::project::Projects;
use scanledger_commands::scan::Scans;
use scanledger_domain::code_host::InstallationId;
use scanledger_domain::id::OrganizationId;
use scanledger_github::{AppId, AppKey, GitHubApi, GitHubApp, Patience};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A GitHub App, and whose its installations are.
#[derive(Clone)]
pub struct GitHubOptions {
    /// The app.
    pub app: AppId,
    /// Its key.
    pub key: AppKey,
    /// Where the API is.
    pub api: GitHubApi,
    /// What deliveries are signed with; none are taken without one.
    pub webhook_secret: Option<Secret>,
    /// Whose the installations are.
    pub installations: HashMap<InstallationId, OrganizationId>,
    /// Where people read more about a check: its key is put behind it.
    pub report_url: Option<String>,
    /// How long a request waits for the end of its scan.
    pub wait: Duration,
}

impl fmt::Debug for GitHubOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GitHubOptions")
            .field("app", &self.app)
            .field("api", &self.api)
            .finish_non_exhaustive()
    }
}

impl GitHubOptions {
    /// What handlers and the reactor work with.
    pub(super) fn access(
        &self,
        engine: &Engine,
        projects: Projects,
        scans: Scans,
        branches: Branches,
    ) -> Result<DpendxAccess> {
        let clock = Arc::new(SystemClock);
        let (api, key) = (self.api.clone(), self.key.clone());
        let host = GitHubApp::new(api, self.app, key, clock.clone(), Patience::default())
            .context("while setting up the GitHub App")?;
        let hosted = Hosted::new(HostedParts {
            ledger: engine.ledger.clone(),
            host: Arc::new(host),
            projects,
            scans,
            branches,
            results: Arc::new(ViewsScanResults::new(engine.projector.views(), clock)),
            installations: self.installations.clone(),
            site: self.api.site(),
            report_url: self.report_url.clone(),
            temporary: engine.folder.temporary().join("repositories"),
        });
        let secret = self.webhook_secret.as_ref().and_then(|secret| WebhookSecret::new(&secret.0));
        Ok(DpendxAccess { hosted, secret, wait: self.wait })
    }
}

/// Does what checks owe to the code host, on whichever node holds the lease.
pub(super) fn spawn_checks(
    engine: &Engine,
    hosted: &Hosted,
    stopped: watch::Receiver<bool>,
) -> JoinHandle<()> {
    let (hosted, checkpoints) = (hosted.clone(), Arc::clone(&engine.state.checkpoints));
    let work = move |stop| {
        let reactor =
            ChecksReactor::new(hosted.clone(), Arc::clone(&checkpoints) as _, Arc::new(SystemClock));
        Box::pin(reactor.run(stop)) as scanledger_domain::BoxFuture<'static, _>
    };
    spawn_reactor(engine, "checks", Box::new(work), stopped)
}
