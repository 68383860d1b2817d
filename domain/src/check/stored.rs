//! The events of a check, as stored.

use super::{CheckConfig, CheckKey};
use crate::code_host::{
    CheckConclusion, CheckRunId, CommitSha, GitRef, InstallationId, InstalledRepository, PullRequestNumber,
};
use crate::id::{OrganizationId, ProjectId, ScanId};
use crate::stored_events;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// `check.requested`: somebody wants the dependencies of a repository looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requested {
    /// The scan that it will be about.
    #[serde(rename = "scan")]
    pub scan: ScanId,
    /// Whose it is.
    #[serde(rename = "organization")]
    pub organization: OrganizationId,
    /// Which repository, through which installation.
    #[serde(rename = "at")]
    pub at: InstalledRepository,
    /// The branch, tag or commit that was asked for.
    #[serde(rename = "reference")]
    pub reference: GitRef,
    /// The commit, if it was known then.
    #[serde(rename = "commit", skip_serializing_if = "Option::is_none", default)]
    pub commit: Option<CommitSha>,
    /// The pull request that it is about; only then is it shown at the code host.
    #[serde(rename = "pullRequest", skip_serializing_if = "Option::is_none", default)]
    pub pull_request: Option<PullRequestNumber>,
    /// The branch of the repository that fixes can be merged into; none for a tag, a branch of a fork, or a
    /// commit that is not the last one of its branch.
    #[serde(rename = "target", skip_serializing_if = "Option::is_none", default)]
    pub target: Option<GitRef>,
    /// What it is called in public, see [`Requested::shown_as`]. Checks from before there were keys have none.
    #[serde(rename = "key", skip_serializing_if = "Option::is_none", default)]
    pub key: Option<CheckKey>,
}

/// `check.begun`: the source is here, and its scan is in the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// The scan.
    #[serde(rename = "scan")]
    pub scan: ScanId,
    /// Of what.
    #[serde(rename = "project")]
    pub project: ProjectId,
    /// On which branch it is recorded.
    #[serde(rename = "branch")]
    pub branch: String,
    /// The commit that is looked at.
    #[serde(rename = "commit")]
    pub commit: CommitSha,
    /// What the repository says about its checks.
    #[serde(rename = "config")]
    pub config: CheckConfig,
    /// The files that the pull request changes, of those that name dependencies; none if all files count.
    #[serde(rename = "changed", skip_serializing_if = "Option::is_none", default)]
    pub changed: Option<Vec<String>>,
    /// What was wrong with the configuration.
    #[serde(rename = "warnings", skip_serializing_if = "Vec::is_empty", default)]
    pub warnings: Vec<String>,
}

/// `check.shown`: the code host shows that somebody works at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// The scan.
    #[serde(rename = "scan")]
    pub scan: ScanId,
    /// Under this number.
    #[serde(rename = "checkRun")]
    pub check_run: CheckRunId,
}

/// `check.reported`: the code host shows what came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reported {
    /// The scan.
    #[serde(rename = "scan")]
    pub scan: ScanId,
    /// What was said.
    #[serde(rename = "conclusion")]
    pub conclusion: CheckConclusion,
    /// Vulnerable packages that were listed.
    #[serde(rename = "vulnerabilities")]
    pub vulnerabilities: u64,
    /// Those of them that are imported.
    #[serde(rename = "imported")]
    pub imported: u64,
    /// Dependencies that were looked at.
    #[serde(rename = "dependencies")]
    pub dependencies: u64,
}

/// Why a check ends without a report, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FailureKind {
    /// The code host does not let the installation do it, or the repository is gone.
    #[serde(rename = "host_refused")]
    HostRefused,
    /// The source cannot be scanned: it is too large, or no project can be made for it.
    #[serde(rename = "source_refused")]
    SourceRefused,
    /// The code host or this server could not do it, again and again.
    #[serde(rename = "out_of_reach")]
    OutOfReach,
}

/// `check.failed`: it ends without a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckFailure {
    /// The scan.
    #[serde(rename = "scan")]
    pub scan: ScanId,
    /// Why, for programs.
    #[serde(rename = "code")]
    pub code: FailureKind,
    /// Why, for people.
    #[serde(rename = "message")]
    pub message: String,
}

/// `check.fix_requested`: somebody pressed the button that asks for a pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FixRequested {
    /// The scan.
    #[serde(rename = "scan")]
    pub scan: ScanId,
}

/// `check.fixed`: what came of a wish for a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fixed {
    /// The scan.
    #[serde(rename = "scan")]
    pub scan: ScanId,
    /// The pull request; none if there is nothing that can be mended, or it was not to be.
    #[serde(rename = "pullRequest", skip_serializing_if = "Option::is_none", default)]
    pub pull_request: Option<PullRequestNumber>,
    /// Packages that it moves to another version.
    #[serde(rename = "fixes")]
    pub fixes: u64,
    /// Why there is no pull request, for people.
    #[serde(rename = "problem", skip_serializing_if = "Option::is_none", default)]
    pub problem: Option<String>,
}

/// `check.slot_taken`: an installation has a scan under way. In a stream of the installation's, see
/// [`slots_stream`](super::slots_stream).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotTaken {
    /// The scan.
    #[serde(rename = "scan")]
    pub scan: ScanId,
    /// Whose it is.
    #[serde(rename = "installation")]
    pub installation: InstallationId,
    /// Since when, by the clock of the node that works at it.
    #[serde(rename = "at")]
    pub at: Timestamp,
}

/// `check.slot_left`: the scan has ended, or nobody waits for it any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotLeft {
    /// The scan.
    #[serde(rename = "scan")]
    pub scan: ScanId,
    /// Whose it is.
    #[serde(rename = "installation")]
    pub installation: InstallationId,
}

stored_events! {
    /// What happened to a check, and to the slots of an installation.
    pub enum CheckEvent {
        /// It is wanted.
        Requested(Requested) = ("check.requested", 1),
        /// Its scan is in the queue.
        Begun(Begun) = ("check.begun", 1),
        /// It is shown at the code host.
        Shown(Shown) = ("check.shown", 1),
        /// Its outcome is shown there.
        Reported(Reported) = ("check.reported", 1),
        /// It ended without.
        Failed(CheckFailure) = ("check.failed", 1),
        /// Somebody wants a pull request.
        FixRequested(FixRequested) = ("check.fix_requested", 1),
        /// That was made, or not.
        Fixed(Fixed) = ("check.fixed", 1),
        /// An installation has a scan under way.
        SlotTaken(SlotTaken) = ("check.slot_taken", 1),
        /// It has not any more.
        SlotLeft(SlotLeft) = ("check.slot_left", 1),
    }
}

impl CheckEvent {
    /// The scan that it is about.
    pub const fn scan(&self) -> ScanId {
        match self {
            Self::Requested(event) => event.scan,
            Self::Begun(event) => event.scan,
            Self::Shown(event) => event.scan,
            Self::Reported(event) => event.scan,
            Self::Failed(event) => event.scan,
            Self::FixRequested(event) => event.scan,
            Self::Fixed(event) => event.scan,
            Self::SlotTaken(event) => event.scan,
            Self::SlotLeft(event) => event.scan,
        }
    }
}
