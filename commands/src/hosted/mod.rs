//! Checks of repositories at a code host (dpendx reference): fetching their source, having it scanned, showing there
//! what came out, and mending it.
//!
//! An installation of the app belongs to one organization, which is configured. What it asks for goes through
//! `authorize` like everything else, as a caller that scans and reads what it scanned.

mod begin;
mod fix;
mod reactor;
mod render;
mod show;
mod slots;
mod webhook;

pub use begin::Wanted;
pub use fix::FixMade;
pub use reactor::ChecksReactor;
pub use slots::ScanSlots;
pub use webhook::Delivered;

use crate::branch::Branches;
use crate::context::Context;
use crate::error::{CommandError, Fault};
use crate::ledger::Ledger;
use crate::ports::{CodeHost, CodeHostError, ReadError};
use crate::project::{ProjectProblem, Projects};
use crate::scan::{ScanProblem, Scans};
use scanledger_domain::BoxFuture;
use scanledger_domain::check::{
    Check, CheckCommand, CheckKey, CheckLife, CheckOrigin, CheckRefusal, CheckState, Examined, Review,
    check_stream, review,
};
use scanledger_domain::code_host::InstallationId;
use scanledger_domain::id::{CommandId, OrganizationId, ScanId};
use scanledger_domain::identity::{Denied, Principal};
use scanledger_domain::log::{Actor, Position};
use scanledger_domain::scan::{Failure, ScanStatus};
use scanledger_domain::vault::Vault;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

/// What checks are called at the code host (dpendx reference §5).
pub const CHECK_NAME: &str = "dpendx";

/// What a scan looked at, as read models know it.
#[derive(Debug, Clone, PartialEq)]
pub struct ScanResult {
    /// Where it stands.
    pub status: ScanStatus,
    /// How long it took from the queue to its end, in milliseconds; up to now if it has not ended.
    pub duration_ms: u64,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// What it looked at; nothing before it is completed.
    pub examined: Examined,
}

/// What came out of scans. Implemented over the projections.
pub trait ScanResults: Send + Sync {
    /// The result of a scan of an organization; `None` if it has none of this id.
    fn result(
        &self,
        organization: OrganizationId,
        scan: ScanId,
    ) -> BoxFuture<'_, Result<Option<ScanResult>, ReadError>>;
}

/// What the service is made of.
pub struct HostedParts {
    /// Writes.
    pub ledger: Ledger,
    /// The code host.
    pub host: Arc<dyn CodeHost>,
    /// Finds and makes projects.
    pub projects: Projects,
    /// Queues scans.
    pub scans: Scans,
    /// Closes branches.
    pub branches: Branches,
    /// What came out of them.
    pub results: Arc<dyn ScanResults>,
    /// Whose the installations are.
    pub installations: HashMap<InstallationId, OrganizationId>,
    /// Where people see repositories: `https://github.com`.
    pub site: String,
    /// Where people read more about a check: what it is shown as is put behind it after a `/`.
    pub report_url: Option<String>,
    /// Where archives are written before they are stored.
    pub temporary: PathBuf,
}

/// Checks of repositories at a code host. Cheap to clone.
#[derive(Clone)]
pub struct Hosted(Arc<HostedParts>);

/// Why something about a check does not happen.
#[derive(Debug, thiserror::Error)]
pub enum HostedProblem {
    /// Nobody said to which organization the installation belongs.
    #[error("the installation is not known here")]
    UnknownInstallation,
    /// There is no such check, or it came through another installation.
    #[error("the scan does not exist")]
    NotFound,
    /// The scan has no result that could be mended.
    #[error("the scan is not completed")]
    NotCompleted,
    /// There is no branch of the repository into which fixes could be merged.
    #[error("fixes cannot be merged into what was scanned")]
    NoTarget,
    /// The code host does not do it.
    #[error(transparent)]
    Host(#[from] CodeHostError),
    /// The installation may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// There can be no project for it.
    #[error(transparent)]
    Project(ProjectProblem),
    /// There can be no scan of it.
    #[error(transparent)]
    Scan(ScanProblem),
    /// The rules of checks.
    #[error(transparent)]
    Check(#[from] CheckRefusal),
}

impl From<HostedProblem> for CommandError<HostedProblem> {
    fn from(problem: HostedProblem) -> Self {
        Self::Refused(problem)
    }
}

impl From<CodeHostError> for CommandError<HostedProblem> {
    fn from(error: CodeHostError) -> Self {
        Self::Refused(error.into())
    }
}

type Result<T, E = CommandError<HostedProblem>> = std::result::Result<T, E>;

/// What a check says, with how long its scan took.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// What it says.
    pub review: Review,
    /// From the queue to its end, in milliseconds.
    pub duration_ms: u64,
}

/// Where a check stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// Its scan has not ended.
    Running,
    /// Its scan ended without a result.
    Incomplete {
        /// Why, for people.
        why: String,
    },
    /// It has a result.
    Done(Box<Outcome>),
}

impl Hosted {
    /// The service.
    pub fn new(parts: HostedParts) -> Self {
        Self(Arc::new(parts))
    }

    /// The installation as a caller.
    ///
    /// # Errors
    /// [`HostedProblem::UnknownInstallation`].
    pub fn principal(&self, installation: InstallationId) -> std::result::Result<Principal, HostedProblem> {
        let organization = self.0.installations.get(&installation).copied();
        let organization = organization.ok_or(HostedProblem::UnknownInstallation)?;
        Ok(Principal::of_installation(installation, organization))
    }

    /// The id of the scan that [`Hosted::scan`] makes for `context`.
    pub fn scan_of(vault: &dyn Vault, context: &Context) -> ScanId {
        CheckKey::of(vault, CheckOrigin::Request(context.command)).scan(vault)
    }

    /// The check about a scan; `None` if the scan did not come from a code host, or there is none.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn find(&self, scan: ScanId) -> Result<Option<CheckLife>, Fault> {
        let (state, _) = self.0.ledger.load::<Check>(&check_stream(scan)).await?;
        Ok(match state {
            CheckState::Live(life) => Some(*life),
            CheckState::Missing => None,
        })
    }

    /// Where a check stands, and what it says.
    ///
    /// # Errors
    /// [`HostedProblem::NotFound`] if it has no scan, or a fault.
    pub async fn progress(&self, life: &CheckLife) -> Result<Progress> {
        let begun = life.begun.as_ref().ok_or(HostedProblem::NotFound)?;
        let found = self.0.results.result(life.requested.organization, begun.scan).await?;
        let ScanResult { status, duration_ms, failure, examined } = found.ok_or(HostedProblem::NotFound)?;
        Ok(match status {
            ScanStatus::Queued | ScanStatus::Running | ScanStatus::Paused | ScanStatus::Settling => {
                Progress::Running
            }
            ScanStatus::Failed | ScanStatus::Stopped | ScanStatus::Cancelled => {
                let why = failure.map_or_else(|| format!("the scan was {status}"), |failure| failure.message);
                Progress::Incomplete { why }
            }
            ScanStatus::Completed => {
                let mut review = review(&begun.config, begun.changed.as_deref(), examined);
                review.warnings.splice(0..0, begun.warnings.iter().cloned());
                Progress::Done(Box::new(Outcome { review, duration_ms }))
            }
        })
    }

    /// Records what happened to a check; repeating it under the same label is harmless.
    async fn record(&self, life: &CheckLife, label: &str, command: CheckCommand) -> Result<Option<Position>> {
        let requested = &life.requested;
        let context = context_of(requested.scan, requested.organization, label);
        let stream = check_stream(requested.scan);
        let done = self.0.ledger.execute::<Check>(&context, &stream, None, command).await;
        Ok(done.map_err(|error| error.map_refused(HostedProblem::Check))?.position)
    }
}

/// The context of a step of a check: the same for the same step, so that it is recorded once.
fn context_of(scan: ScanId, organization: OrganizationId, label: &str) -> Context {
    Context::new(CommandId(scan.0).derive(label), Actor::System, Some(organization))
}
