//! The events of a branch, as stored.

use super::{ClientCoverage, InventoryDigest};
use crate::advisory::Generation;
use crate::blob::BlobHash;
use crate::component::{Component, Package};
use crate::finding::{Columns, Fingerprint, UploadFacts};
use crate::id::{BranchId, FindingId, OrganizationId, ProjectId, ScanId};
use crate::log::Position;
use crate::scanning::{Place, ScannerKind};
use crate::severity::Severity;
use crate::stored_events;
use serde::{Deserialize, Deserializer, Serialize};

/// The branch that another starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseBranch {
    /// Which.
    #[serde(rename = "branch")]
    pub branch: BranchId,
    /// What was on it at this position is on the new branch from its beginning.
    #[serde(rename = "position")]
    pub position: Position,
}

/// `branch.opened`: the first scan of a branch has results, or the first one since it was closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// Its id.
    #[serde(rename = "branch")]
    pub branch: BranchId,
    /// Whose it is.
    #[serde(rename = "organization")]
    pub organization: OrganizationId,
    /// Of what.
    #[serde(rename = "project")]
    pub project: ProjectId,
    /// Its name.
    #[serde(rename = "name")]
    pub name: String,
    /// What it starts from; none for the first branch of a project, and if the default branch is not open.
    #[serde(rename = "base", skip_serializing_if = "Option::is_none", default)]
    pub base: Option<BaseBranch>,
}

/// A piece of a blob that holds excerpts of code, secrets masked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExcerptRef {
    /// The blob.
    #[serde(rename = "blob")]
    pub blob: BlobHash,
    /// First byte.
    #[serde(rename = "start")]
    pub start: u32,
    /// Bytes.
    #[serde(rename = "length")]
    pub length: u32,
}

/// What may change about a finding while it stays the same finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurrence {
    /// How bad.
    #[serde(rename = "severity")]
    pub severity: Severity,
    /// Where; at least one.
    #[serde(rename = "places")]
    pub places: Vec<Place>,
    /// The version that mends it, for packages.
    #[serde(rename = "fix", skip_serializing_if = "Option::is_none", default)]
    pub fix: Option<String>,
    /// The code around the first place; no part of the inventory digest, because it follows from the rest.
    #[serde(rename = "excerpt", skip_serializing_if = "Option::is_none", default)]
    pub excerpt: Option<ExcerptRef>,
    /// Where the match begins and ends on the lines of the first place, if the scanner says.
    #[serde(rename = "columns", skip_serializing_if = "Option::is_none", default)]
    pub columns: Option<Columns>,
    /// Whether a file imports the package, for vulnerable dependencies whose imports were read and could be told.
    #[serde(rename = "imported", skip_serializing_if = "Option::is_none", default)]
    pub imported: Option<bool>,
}

/// What is kept of a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretFacts {
    /// HMAC-SHA-384, hex.
    #[serde(rename = "hash")]
    pub hash: String,
    /// HMAC-SHA-256 for leak look-ups, hex.
    #[serde(rename = "leakHash")]
    pub leak_hash: String,
    /// What of it may be shown.
    #[serde(rename = "masked")]
    pub masked: String,
}

/// `finding.detected`: a finding is on the branch for the first time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Detected {
    /// Its id.
    #[serde(rename = "finding")]
    pub finding: FindingId,
    /// What makes it the same finding next time.
    #[serde(rename = "fingerprint")]
    pub fingerprint: Fingerprint,
    /// Who found it.
    #[serde(rename = "scanner")]
    pub scanner: ScannerKind,
    /// Rule, detector or advisory.
    #[serde(rename = "rule")]
    pub rule: String,
    /// One line.
    #[serde(rename = "title")]
    pub title: String,
    /// A paragraph.
    #[serde(rename = "description", skip_serializing_if = "String::is_empty", default)]
    pub description: String,
    /// `CWE-79`.
    #[serde(rename = "cwe", skip_serializing_if = "Option::is_none", default)]
    pub cwe: Option<String>,
    /// `CVE-2020-1234`.
    #[serde(rename = "cve", skip_serializing_if = "Option::is_none", default)]
    pub cve: Option<String>,
    /// 0 to 1.
    #[serde(rename = "confidence")]
    pub confidence: f32,
    /// The package, for vulnerable dependencies.
    #[serde(rename = "package", skip_serializing_if = "Option::is_none", default)]
    pub package: Option<Package>,
    /// Every advisory id and alias of its group, for vulnerable dependencies.
    #[serde(rename = "advisories", skip_serializing_if = "Vec::is_empty", default)]
    pub advisories: Vec<String>,
    /// `unmaintained`, `unsound` or `notice`, if it is no vulnerability.
    #[serde(rename = "informational", skip_serializing_if = "Option::is_none", default)]
    pub informational: Option<String>,
    /// What is kept of a secret.
    #[serde(rename = "secret", skip_serializing_if = "Option::is_none", default)]
    pub secret: Option<SecretFacts>,
    /// What is kept of what a client found and named itself.
    #[serde(rename = "upload", skip_serializing_if = "Option::is_none", default)]
    pub upload: Option<UploadFacts>,
    /// Addresses to read more.
    #[serde(rename = "references", skip_serializing_if = "Vec::is_empty", default)]
    pub references: Vec<String>,
    /// Where and how bad.
    #[serde(rename = "occurrence")]
    pub occurrence: Occurrence,
    /// Whether gates and people see it as new.
    #[serde(rename = "new")]
    pub is_new: bool,
}

/// `finding.reopened`: a finding that had gone from the branch is back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reopened {
    /// Its id.
    #[serde(rename = "finding")]
    pub finding: FindingId,
    /// Who found it.
    #[serde(rename = "scanner")]
    pub scanner: ScannerKind,
    /// Where and how bad.
    #[serde(rename = "occurrence")]
    pub occurrence: Occurrence,
    /// Everything that its advisories say of it by now, for vulnerable dependencies; absent in events from before it was
    /// kept.
    #[serde(rename = "advisory", skip_serializing_if = "Option::is_none", default)]
    pub advisory: Option<AdvisoryFacts>,
}

/// `finding.resolved`: a scan that covered it no longer finds it on the branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolved {
    /// Its id.
    #[serde(rename = "finding")]
    pub finding: FindingId,
}

/// What the advisories of a finding say of it, as far as it is told: what is absent is as it was.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AdvisoryFacts {
    /// One line.
    #[serde(rename = "title", skip_serializing_if = "Option::is_none", default)]
    pub title: Option<String>,
    /// A paragraph; may be empty.
    #[serde(rename = "description", skip_serializing_if = "Option::is_none", default)]
    pub description: Option<String>,
    /// `CWE-79`; null if no record says so any more.
    #[serde(rename = "cwe", skip_serializing_if = "Option::is_none", default, deserialize_with = "present")]
    pub cwe: Option<Option<String>>,
    /// `CVE-2020-1234`; null if no record says so any more.
    #[serde(rename = "cve", skip_serializing_if = "Option::is_none", default, deserialize_with = "present")]
    pub cve: Option<Option<String>>,
    /// Every advisory id and alias that it was ever known by.
    #[serde(rename = "advisories", skip_serializing_if = "Option::is_none", default)]
    pub advisories: Option<Vec<String>>,
    /// `unmaintained`, `unsound` or `notice`; null if it is a vulnerability by now.
    #[serde(
        rename = "informational",
        skip_serializing_if = "Option::is_none",
        default,
        deserialize_with = "present"
    )]
    pub informational: Option<Option<String>>,
    /// Addresses to read more.
    #[serde(rename = "references", skip_serializing_if = "Option::is_none", default)]
    pub references: Option<Vec<String>>,
}

/// Tells null from what is absent.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(value: D) -> Result<Option<T>, D::Error> {
    T::deserialize(value).map(Some)
}

/// One finding that looks different now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// Its id.
    #[serde(rename = "finding")]
    pub finding: FindingId,
    /// Where and how bad.
    #[serde(rename = "occurrence")]
    pub occurrence: Occurrence,
    /// What its advisories say of it since it was last told on the branch; absent if that is nothing new.
    #[serde(rename = "advisory", skip_serializing_if = "Option::is_none", default)]
    pub advisory: Option<AdvisoryFacts>,
}

/// `branch.findings_updated`: places, versions, severities, fixes or what advisories say changed while the fingerprints
/// stayed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingsUpdated {
    /// Each finding once.
    #[serde(rename = "findings")]
    pub findings: Vec<Update>,
}

/// What makes a component the same component in the next scan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ComponentKey {
    /// The package.
    #[serde(rename = "package")]
    pub package: Package,
    /// Its version.
    #[serde(rename = "version")]
    pub version: String,
    /// The lockfile.
    #[serde(rename = "path")]
    pub path: String,
}

impl From<&Component> for ComponentKey {
    fn from(component: &Component) -> Self {
        Self {
            package: component.package.clone(),
            version: component.version.clone(),
            path: component.path.clone(),
        }
    }
}

/// `branch.components_changed`: what the branch is made of changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentsChanged {
    /// Came, or has another scope now.
    #[serde(rename = "set", skip_serializing_if = "Vec::is_empty", default)]
    pub set: Vec<Component>,
    /// Went.
    #[serde(rename = "removed", skip_serializing_if = "Vec::is_empty", default)]
    pub removed: Vec<ComponentKey>,
}

/// How a scan changed the findings of a branch, over all parts in which its results were recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ScanCounts {
    /// On the branch for the first time.
    #[serde(rename = "detected")]
    pub detected: u64,
    /// Back after they had gone.
    #[serde(rename = "reopened")]
    pub reopened: u64,
    /// Gone.
    #[serde(rename = "resolved")]
    pub resolved: u64,
    /// Still there, looking different.
    #[serde(rename = "updated")]
    pub updated: u64,
    /// Still there, as they were.
    #[serde(rename = "unchanged")]
    pub unchanged: u64,
    /// Those detected or reopened that count as new.
    #[serde(rename = "new")]
    pub new: u64,
}

/// `branch.scanned`: the results of a scan are complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scanned {
    /// The branch.
    #[serde(rename = "branch")]
    pub branch: BranchId,
    /// The scan.
    #[serde(rename = "scan")]
    pub scan: ScanId,
    /// Its run.
    #[serde(rename = "run")]
    pub run: u32,
    /// What it looked at: findings of other scanners kept their state.
    #[serde(rename = "coverage")]
    pub coverage: Vec<ScannerKind>,
    /// If a client looked: which part of what these scanners can find it covered.
    #[serde(rename = "client", skip_serializing_if = "Option::is_none", default)]
    pub client: Option<ClientCoverage>,
    /// How it changed the findings.
    #[serde(rename = "counts")]
    pub counts: ScanCounts,
    /// What was matched against, if anything was.
    #[serde(rename = "generation", skip_serializing_if = "Option::is_none", default)]
    pub generation: Option<Generation>,
    /// Over everything that is on the branch now.
    #[serde(rename = "digest")]
    pub digest: InventoryDigest,
}

/// Why a branch was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ClosedBecause {
    /// Its pull request was merged.
    #[serde(rename = "merged")]
    Merged,
    /// It is gone from its repository.
    #[serde(rename = "deleted")]
    Deleted,
    /// Nobody scanned it for [`crate::limits::SILENT_BRANCH_DAYS`].
    #[serde(rename = "silent")]
    Silent,
}

/// `branch.closed`: the findings and components that were on the branch are on it no longer. None of them was mended by
/// that: what people decided about a finding stays, and a scan that sees it again has it reopened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// The branch.
    #[serde(rename = "branch")]
    pub branch: BranchId,
    /// Why.
    #[serde(rename = "because")]
    pub because: ClosedBecause,
}

stored_events! {
    /// What happened to a branch.
    pub enum BranchEvent {
        /// Its first scan has results.
        Opened(Opened) = ("branch.opened", 1),
        /// A finding came.
        Detected(Detected) = ("finding.detected", 1),
        /// A finding came back.
        Reopened(Reopened) = ("finding.reopened", 1),
        /// A finding went.
        Resolved(Resolved) = ("finding.resolved", 1),
        /// Findings look different.
        FindingsUpdated(FindingsUpdated) = ("branch.findings_updated", 1),
        /// Components came, changed or went.
        ComponentsChanged(ComponentsChanged) = ("branch.components_changed", 1),
        /// A scan's results are complete.
        Scanned(Scanned) = ("branch.scanned", 1),
        /// It is closed.
        Closed(Closed) = ("branch.closed", 1),
    }
}
