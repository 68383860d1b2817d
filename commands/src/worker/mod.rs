//! Workers: they take scans from the queue, run the scanners, and record what came out.
//!
//! The log is the queue: a worker claims a scan by appending `scan.started` with the version it has seen, and
//! exactly one wins. A lease row says that the worker lives; the reaper puts scans whose lease lapsed back into
//! the queue. Results are the difference to what the branch has, so that a rerun continues where the first
//! run stopped.

mod control;
mod excerpts;
mod gather;
mod history;
mod imports;
mod incidents;
mod lease;
mod merge;
mod outage;
mod pick;
mod pool;
mod reaper;
pub(crate) mod record;
pub(crate) mod results;
pub(crate) mod run;
mod scanlog;
mod signals;
mod source;

pub use pool::WorkerPool;

use crate::ledger::Ledger;
use crate::ports::{Entropy, Leases, ReadModel, Unpacker};
use crate::progress::ScanProgress;
use scanledger_domain::blob::BlobStore;
use scanledger_domain::id::Ids;
use scanledger_domain::limits::SCAN_OUTAGE_SECONDS;
use scanledger_domain::reachability::ImportReader;
use scanledger_domain::report::ReportWriter;
use scanledger_domain::scanning::Scanner;
use scanledger_domain::time::Clock;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// What workers work with.
#[derive(Clone)]
pub struct WorkerDeps {
    /// Where scans are claimed and results are recorded.
    pub ledger: Ledger,
    /// The queue, and what is on branches.
    pub views: Arc<dyn ReadModel>,
    /// Sources, excerpts and artifacts.
    pub blobs: Arc<dyn BlobStore>,
    /// Unpacks sources.
    pub unpacker: Arc<dyn Unpacker>,
    /// The scanners of this server, at most one of a kind.
    pub scanners: Vec<Arc<dyn Scanner>>,
    /// What tells whether packages are imported, for scans of repositories at a code host.
    pub imports: Vec<Arc<dyn ImportReader>>,
    /// Writes SARIF and SBOMs.
    pub reports: Arc<dyn ReportWriter>,
    /// Who works at what.
    pub leases: Arc<dyn Leases>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New command ids.
    pub ids: Arc<dyn Ids>,
    /// For the choice among the oldest scans.
    pub entropy: Arc<dyn Entropy>,
    /// Where progress is published.
    pub progress: Arc<ScanProgress>,
}

/// How workers work.
#[derive(Debug, Clone)]
pub struct WorkerOptions {
    /// This node: the same after a restart, and another one on every other node.
    pub node: Uuid,
    /// How many scans run at the same time.
    pub workers: usize,
    /// Where sources are unpacked; made if missing.
    pub temp_dir: PathBuf,
    /// After how long without a sign of life a worker counts as lost.
    pub lease_ttl: Duration,
    /// How often the queue and the leases are looked at when nothing else calls for it.
    pub poll_interval: Duration,
    /// How long a scan waits the first time that a store is out of reach; each further attempt waits twice as long, at
    /// most [`scanledger_domain::limits::SCAN_OUTAGE_SECONDS_MOST`].
    pub outage_pause: Duration,
}

impl WorkerOptions {
    /// Two workers, a lease of 15 s, a look at the queue every 2 s, and [`SCAN_OUTAGE_SECONDS`] until the first try
    /// after an outage.
    pub fn new(node: Uuid, temp_dir: PathBuf) -> Self {
        Self {
            node,
            workers: 2,
            temp_dir,
            lease_ttl: Duration::from_secs(15),
            poll_interval: Duration::from_secs(2),
            outage_pause: Duration::from_secs(SCAN_OUTAGE_SECONDS),
        }
    }
}
