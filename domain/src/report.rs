//! What a report says, whatever its format. Formats are written by an adapter behind [`ReportWriter`].

use crate::Cause;
use crate::blob::BlobHash;
use crate::branch::Observed;
use crate::component::Component;
use crate::finding::TriageState;
use crate::id::{FindingId, ScanId};
use crate::scan::ScannerGap;
use crate::scanning::{Identity, Place, ScannerKind};
use crate::severity::Severity;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A kind of file that a scan leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ArtifactKind {
    /// SARIF 2.1.0.
    #[serde(rename = "sarif")]
    Sarif,
    /// CycloneDX 1.5 JSON.
    #[serde(rename = "cyclonedx")]
    CycloneDx,
    /// SPDX 2.3 JSON.
    #[serde(rename = "spdx")]
    Spdx,
    /// JSON lines: what the worker did.
    #[serde(rename = "log")]
    ScanLog,
}

/// A file that a scan left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// What it is.
    #[serde(rename = "kind")]
    pub kind: ArtifactKind,
    /// Its content.
    #[serde(rename = "blob")]
    pub blob: BlobHash,
    /// Bytes.
    #[serde(rename = "size")]
    pub size: u64,
}

/// A format in which findings and components can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReportFormat {
    /// SARIF 2.1.0 (OASIS).
    Sarif,
    /// CycloneDX 1.5 JSON.
    CycloneDx,
    /// SPDX 2.3 JSON.
    Spdx,
    /// CSV (RFC 4180) of findings, cells defused against formula injection.
    Csv,
    /// One self-contained HTML page for people.
    Html,
}

/// A finding as reports show it.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportFinding {
    /// Its id.
    pub id: FindingId,
    /// What makes it the same finding next time, hex.
    pub fingerprint: String,
    /// Who found it.
    pub scanner: ScannerKind,
    /// Rule, detector or advisory.
    pub rule: String,
    /// One line.
    pub title: String,
    /// A paragraph.
    pub description: String,
    /// How bad.
    pub severity: Severity,
    /// What people decided.
    pub state: TriageState,
    /// Why they did.
    pub note: Option<String>,
    /// `CWE-79`.
    pub cwe: Option<String>,
    /// `CVE-2020-1234`.
    pub cve: Option<String>,
    /// 0 to 1.
    pub confidence: f32,
    /// Where; at least one.
    pub places: Vec<Place>,
    /// Canonical purl without version, for packages.
    pub package: Option<String>,
    /// The version that mends it.
    pub fixed_version: Option<String>,
    /// Code, secrets masked.
    pub excerpt: Option<String>,
    /// Addresses to read more.
    pub references: Vec<String>,
    /// Whether it was not on the branch before.
    pub is_new: bool,
}

impl ReportFinding {
    /// A finding as it was observed, about which nobody has decided anything.
    pub fn undecided(observed: Observed) -> Self {
        let scanner = observed.scanner();
        let Observed { finding, fingerprint, detection, .. } = observed;
        let package = match &detection.identity {
            Identity::Advisory { package, .. } => Some(package.purl()),
            Identity::Upload(uploaded) => uploaded.package.as_ref().map(crate::component::Package::purl),
            Identity::Secret { .. } | Identity::Code { .. } => None,
        };
        Self {
            id: finding,
            fingerprint: fingerprint.to_string(),
            scanner,
            rule: detection.rule,
            title: detection.title,
            description: detection.description,
            severity: detection.severity,
            state: TriageState::Untriaged,
            note: None,
            cwe: detection.cwe,
            cve: detection.cve,
            confidence: detection.confidence,
            places: detection.places,
            package,
            fixed_version: detection.fixed_version,
            excerpt: detection.excerpt,
            references: detection.references,
            is_new: false,
        }
    }

    /// Puts findings in the order of reports: worst first, then by place.
    pub fn sort(findings: &mut [Self]) {
        findings.sort_by(|a, b| {
            (a.severity, &a.places, &a.rule, a.id).cmp(&(b.severity, &b.places, &b.rule, b.id))
        });
    }
}

/// Everything a report can say. The same report always gives the same bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The project's name.
    pub project: String,
    /// The scan, if the report is of one.
    pub scan: Option<ScanId>,
    /// The branch.
    pub branch: Option<String>,
    /// The commit.
    pub commit: Option<String>,
    /// Where the source is, if it is in a repository.
    pub repository: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Findings, worst first.
    pub findings: Vec<ReportFinding>,
    /// Components.
    pub components: Vec<Component>,
    /// Which component needs which, as indexes into `components`.
    pub dependencies: Vec<(usize, usize)>,
    /// Scanners that did not do all of what was asked.
    pub gaps: Vec<ScannerGap>,
}

/// A report could not be written.
#[derive(Debug, thiserror::Error)]
#[error("the report could not be written")]
pub struct ReportError(#[source] pub Cause);

/// Writes reports. Pure: no clock, no randomness (serial numbers derive from the content).
pub trait ReportWriter: Send + Sync {
    /// The report's bytes in `format`.
    ///
    /// # Errors
    /// When the format cannot express it.
    fn write(&self, format: ReportFormat, report: &Report) -> Result<Vec<u8>, ReportError>;
}
