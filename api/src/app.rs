//! What every handler works with.

use crate::auth::AccessTokens;
use crate::documents::Documents;
use crate::entrance::Entrance;
use scanledger_commands::ci::ClientScans;
use scanledger_commands::finding::Findings;
use scanledger_commands::honeytoken::Honeytokens;
use scanledger_commands::hosted::Hosted;
use scanledger_commands::identity::Identities;
use scanledger_commands::incident::Incidents;
use scanledger_commands::ledger::Ledger;
use scanledger_commands::policy::Policies;
use scanledger_commands::ports::{IdempotencyStore, WebhookSecret};
use scanledger_commands::progress::ScanProgress;
use scanledger_commands::project::Projects;
use scanledger_commands::scan::Scans;
use scanledger_domain::Cause;
use scanledger_domain::blob::BlobStore;
use scanledger_domain::id::{ApiKeyId, Ids};
use scanledger_domain::log::Position;
use scanledger_domain::report::ReportWriter;
use scanledger_domain::time::{Clock, Timestamp};
use scanledger_domain::vault::Vault;
use scanledger_projections::{Health, Views};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// When keys were last used: coarse, and never an event.
pub trait KeyUsage: Send + Sync {
    /// Takes note that a key was used. Must not block.
    fn touch(&self, key: ApiKeyId, at: Timestamp);

    /// When keys were last used; unused ones are left out.
    ///
    /// # Errors
    /// When the store fails.
    fn last_used(&self, keys: &[ApiKeyId]) -> Result<HashMap<ApiKeyId, Timestamp>, Cause>;
}

/// How the server is doing, for probes.
pub trait Probe: Send + Sync {
    /// The head of the log, as far as this node knows.
    fn head(&self) -> Position;

    /// How old that knowledge is: for so long others may have appended what this node does not know of.
    fn head_age(&self) -> Duration;

    /// What the read models have yet to reach, until they had all that was in the log when this node started.
    fn goal(&self) -> Option<Position>;

    /// How the projector is doing.
    fn projector(&self) -> Health;

    /// Why nothing is signed any more, if the log contradicts what was signed.
    fn refusal(&self) -> Option<String>;

    /// Why what is personal can be neither read nor written here, if it cannot: the server's key is another one by now.
    fn keys(&self) -> Option<String>;

    /// How the bus is doing, if there is one.
    fn bus(&self) -> Option<BusHealth>;

    /// Metrics in Prometheus' text format.
    fn metrics(&self) -> String;
}

/// How publishing to the bus is doing on this node. Without the bus everything works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusHealth {
    /// Whether there is a connection.
    pub is_connected: bool,
    /// Events of the log that the bus has not yet; `None` on a node that publishes none.
    pub lag: Option<u64>,
    /// Why publishing events does not go on.
    pub failure: Option<String>,
    /// Why signed checkpoints are not published.
    pub checkpoint_failure: Option<String>,
}

/// Repositories at a code host, as the dpendx dialect gets at them.
pub struct DpendxAccess {
    /// Checks of them.
    pub hosted: Hosted,
    /// What the code host signs with.
    pub secret: Option<WebhookSecret>,
    /// How long a request waits for the end of its scan.
    pub wait: Duration,
}

/// Everything handlers reach: services that write, views that read, and ports.
pub struct Services {
    /// Reads.
    pub views: Views,
    /// Writes, and the log behind the event feed.
    pub ledger: Ledger,
    /// Keys.
    pub identities: Identities,
    /// Projects.
    pub projects: Projects,
    /// Scans.
    pub scans: Scans,
    /// Scans that clients run.
    pub client_scans: ClientScans,
    /// Rules that clients run.
    pub policies: Policies,
    /// Triage.
    pub findings: Findings,
    /// Incidents of secrets.
    pub incidents: Incidents,
    /// Credentials that tell who uses them.
    pub honeytokens: Honeytokens,
    /// Searching what clients send.
    pub documents: Documents,
    /// Sources, artifacts, excerpts.
    pub blobs: Arc<dyn BlobStore>,
    /// Formats of reports.
    pub reports: Arc<dyn ReportWriter>,
    /// Personal data and hashes.
    pub vault: Arc<dyn Vault>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn Ids>,
    /// How far running scans are.
    pub progress: Arc<ScanProgress>,
    /// Bodies of requests that came with an `Idempotency-Key`.
    pub idempotency: Arc<dyn IdempotencyStore>,
    /// When keys were last used.
    pub key_usage: Arc<dyn KeyUsage>,
    /// Signed tokens of sessions.
    pub tokens: AccessTokens,
    /// How people come in.
    pub entrance: Entrance,
    /// Probes.
    pub probe: Arc<dyn Probe>,
    /// Where uploads are written before they are stored.
    pub upload_folder: PathBuf,
    /// Repositories at a code host, if one is configured.
    pub dpendx: Option<DpendxAccess>,
    /// When this server started.
    pub started_at: Timestamp,
}

/// Everything handlers reach, shared.
pub type App = Arc<Services>;
