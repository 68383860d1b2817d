//! The events of a scan, as stored.

use super::{ClientEnd, ClientRun, ResultsReceived, ScanType};
use crate::advisory::Generation;
use crate::blob::BlobHash;
use crate::id::{OrganizationId, ProjectId, ScanId};
use crate::log::Actor;
use crate::project::Verdict;
use crate::report::Artifact;
use crate::scanning::ScannerKind;
use crate::severity::SeverityCounts;
use crate::stored_events;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where a scan's source came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SourceKind {
    /// An archive that somebody uploaded.
    #[serde(rename = "upload")]
    Upload,
    /// Nowhere here: the client that runs the scan has it.
    #[serde(rename = "client")]
    Client,
    /// A repository at a code host; the check of the scan says which.
    #[serde(rename = "repository")]
    Repository,
}

/// The source of a scan. For [`SourceKind::Client`] the blob is that of nothing, and never stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Where it came from.
    #[serde(rename = "kind")]
    pub kind: SourceKind,
    /// The archive.
    #[serde(rename = "blob")]
    pub blob: BlobHash,
    /// The archive's file name, without folders.
    #[serde(rename = "name")]
    pub name: String,
    /// Bytes of the archive.
    #[serde(rename = "size")]
    pub size: u64,
}

impl Source {
    /// The source of a scan that a client runs, which calls it `name`.
    pub fn of_client(name: String) -> Self {
        Self { kind: SourceKind::Client, blob: BlobHash::of(b""), name, size: 0 }
    }
}

/// `scan.queued`: somebody wants a scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queued {
    /// Its id.
    #[serde(rename = "scan")]
    pub scan: ScanId,
    /// Whose it is.
    #[serde(rename = "organization")]
    pub organization: OrganizationId,
    /// What is scanned.
    #[serde(rename = "project")]
    pub project: ProjectId,
    /// On which branch.
    #[serde(rename = "branch")]
    pub branch: String,
    /// What it looks for.
    #[serde(rename = "scanType")]
    pub scan_type: ScanType,
    /// The source.
    #[serde(rename = "source")]
    pub source: Source,
    /// The commit, if the client said.
    #[serde(rename = "commit", skip_serializing_if = "Option::is_none", default)]
    pub commit: Option<String>,
    /// The commit to compare with, if the client said.
    #[serde(rename = "base", skip_serializing_if = "Option::is_none", default)]
    pub base: Option<String>,
    /// Who wants it.
    #[serde(rename = "by")]
    pub by: Actor,
    /// The scan whose source is scanned again.
    #[serde(rename = "rescanOf", skip_serializing_if = "Option::is_none", default)]
    pub rescan_of: Option<ScanId>,
    /// The client that runs it; none if the workers of the server do.
    #[serde(rename = "client", skip_serializing_if = "Option::is_none", default)]
    pub client: Option<ClientRun>,
}

/// `scan.started`: a worker has claimed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// The scan.
    #[serde(rename = "scan")]
    pub scan: ScanId,
    /// Which run of it, from 1; a resume after a stop begins the next.
    #[serde(rename = "run")]
    pub run: u32,
    /// Which attempt over all runs, from 1; tells a superseded worker from the present one.
    #[serde(rename = "attempt")]
    pub attempt: u32,
    /// Whether nothing else runs beside it on the worker.
    #[serde(rename = "alone")]
    pub alone: bool,
}

macro_rules! about_a_scan {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub struct $name {
            /// The scan.
            #[serde(rename = "scan")]
            pub scan: ScanId,
        }
    )+};
}

about_a_scan! {
    /// `scan.paused`.
    Paused,
    /// `scan.resumed`: a paused scan goes on.
    Resumed,
    /// `scan.stopped`: ended early, findings kept.
    Stopped,
    /// `scan.cancelled`: discarded.
    Cancelled,
    /// `scan.deleted`: hidden everywhere, at every instant.
    Deleted,
}

/// Why a scan went back to the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Interruption {
    /// Its worker vanished; the run is kept.
    #[serde(rename = "worker_lost")]
    WorkerLost,
    /// Its worker shut down in good order; the run is kept and nothing is held against the scan.
    #[serde(rename = "shutdown")]
    Shutdown,
    /// Somebody resumed it after a stop: the next run.
    #[serde(rename = "resumed")]
    Resumed,
}

/// `scan.requeued`: it waits for a worker again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requeued {
    /// The scan.
    #[serde(rename = "scan")]
    pub scan: ScanId,
    /// The run that waits.
    #[serde(rename = "run")]
    pub run: u32,
    /// Why.
    #[serde(rename = "because")]
    pub because: Interruption,
}

/// `scan.settling`: results are being recorded from here on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settling {
    /// The scan.
    #[serde(rename = "scan")]
    pub scan: ScanId,
    /// The attempt that records them.
    #[serde(rename = "attempt")]
    pub attempt: u32,
}

/// What one scanner did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScannerReport {
    /// Which.
    #[serde(rename = "scanner")]
    pub scanner: ScannerKind,
    /// How many findings it reported.
    #[serde(rename = "findings")]
    pub findings: u64,
    /// How many files it looked at.
    #[serde(rename = "files")]
    pub files: u64,
}

/// Why a scanner did not do all of what a scan asked of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum GapReason {
    /// It failed.
    #[serde(rename = "failed")]
    Failed,
    /// It had nothing to work with.
    #[serde(rename = "skipped")]
    Skipped,
    /// It could not read some files. What it found in the others is complete.
    #[serde(rename = "unread")]
    Unread,
}

/// A scanner that did not do all of what a scan asked of it: what it left out keeps its state on the branch, and counts
/// for the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScannerGap {
    /// Which.
    #[serde(rename = "scanner")]
    pub scanner: ScannerKind,
    /// Why.
    #[serde(rename = "because")]
    pub because: GapReason,
    /// How many files and folders it could not read.
    #[serde(rename = "unread", skip_serializing_if = "is_zero", default)]
    pub unread: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl fmt::Display for ScannerGap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scanner, because, unread } = self;
        match because {
            GapReason::Failed => write!(f, "the {scanner} scanner failed"),
            GapReason::Skipped => write!(f, "the {scanner} scanner had nothing to work with"),
            GapReason::Unread => {
                write!(f, "the {scanner} scanner could not read everything ({unread} left out)")
            }
        }
    }
}

/// What came out of a scan; by default, nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ScanOutcome {
    /// Findings of the scan by severity, whatever their triage.
    #[serde(rename = "counts")]
    pub counts: SeverityCounts,
    /// Findings that were not on the branch before.
    #[serde(rename = "new")]
    pub new: u64,
    /// Findings that are no longer there.
    #[serde(rename = "fixed")]
    pub fixed: u64,
    /// Findings that were there before and still are.
    #[serde(rename = "unchanged")]
    pub unchanged: u64,
    /// Files looked at, by the scanner that looked at most.
    #[serde(rename = "files")]
    pub files: u64,
    /// Components found.
    #[serde(rename = "components")]
    pub components: u64,
    /// What each scanner did.
    #[serde(rename = "scanners")]
    pub scanners: Vec<ScannerReport>,
    /// Scanners that did not do all of what was asked; those that failed or were skipped are not among `scanners`.
    #[serde(rename = "gaps", skip_serializing_if = "Vec::is_empty", default)]
    pub gaps: Vec<ScannerGap>,
    /// What was matched against.
    #[serde(rename = "generation", skip_serializing_if = "Option::is_none", default)]
    pub generation: Option<Generation>,
    /// Files it left behind.
    #[serde(rename = "artifacts")]
    pub artifacts: Vec<Artifact>,
    /// How it ended for the client, if a client ran it.
    #[serde(rename = "client", skip_serializing_if = "Option::is_none", default)]
    pub client: Option<ClientEnd>,
}

/// `scan.completed`: it ended, with a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completed {
    /// The scan.
    #[serde(rename = "scan")]
    pub scan: ScanId,
    /// What came out.
    #[serde(rename = "outcome")]
    pub outcome: ScanOutcome,
    /// What the gate said.
    #[serde(rename = "verdict")]
    pub verdict: Verdict,
}

/// `scan.partial_kept`: what a stopped scan had found is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartialKept {
    /// The scan.
    #[serde(rename = "scan")]
    pub scan: ScanId,
    /// What had come out.
    #[serde(rename = "outcome")]
    pub outcome: ScanOutcome,
}

/// What went wrong with a scan, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FailureCode {
    /// The archive is broken, escapes its folder or exceeds a limit.
    #[serde(rename = "source_rejected")]
    SourceRejected,
    /// The archive is no longer stored.
    #[serde(rename = "source_missing")]
    SourceMissing,
    /// No scanner could work.
    #[serde(rename = "scanners_failed")]
    ScannersFailed,
    /// Its worker vanished too often while nothing else ran.
    #[serde(rename = "interrupted")]
    Interrupted,
    /// The client that ran it says that it failed.
    #[serde(rename = "client_failed")]
    ClientFailed,
    /// The client that ran it was not heard of again.
    #[serde(rename = "client_silent")]
    ClientSilent,
    /// The server's fault; its log says more.
    #[serde(rename = "internal")]
    Internal,
}

/// What went wrong with a scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// For programs.
    #[serde(rename = "code")]
    pub code: FailureCode,
    /// For people.
    #[serde(rename = "message")]
    pub message: String,
}

/// `scan.failed`: it could not be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// The scan.
    #[serde(rename = "scan")]
    pub scan: ScanId,
    /// Why.
    #[serde(rename = "failure")]
    pub failure: Failure,
    /// What its worker had logged until then.
    #[serde(rename = "log", skip_serializing_if = "Option::is_none", default)]
    pub log: Option<Artifact>,
}

stored_events! {
    /// What happened to a scan.
    pub enum ScanEvent {
        /// Somebody wants it.
        Queued(Queued) = ("scan.queued", 1),
        /// A worker claimed it.
        Started(Started) = ("scan.started", 1),
        /// It waits.
        Paused(Paused) = ("scan.paused", 1),
        /// It goes on.
        Resumed(Resumed) = ("scan.resumed", 1),
        /// It is back in the queue.
        Requeued(Requeued) = ("scan.requeued", 1),
        /// Its results are being recorded.
        Settling(Settling) = ("scan.settling", 1),
        /// What its client found is recorded.
        ResultsReceived(ResultsReceived) = ("scan.results_received", 1),
        /// It ended with a verdict.
        Completed(Completed) = ("scan.completed", 1),
        /// It could not be done.
        Failed(Failed) = ("scan.failed", 1),
        /// It was ended early.
        Stopped(Stopped) = ("scan.stopped", 1),
        /// What a stopped scan found is recorded.
        PartialKept(PartialKept) = ("scan.partial_kept", 1),
        /// It was discarded.
        Cancelled(Cancelled) = ("scan.cancelled", 1),
        /// It was hidden.
        Deleted(Deleted) = ("scan.deleted", 1),
    }
}
