//! Words of the dialect, and shapes that its answers share.

use scanledger_commands::hosted::Outcome;
use scanledger_domain::check::CheckFinding;
use scanledger_domain::code_host::CheckConclusion;
use scanledger_domain::severity::Severity;
use serde::Serialize;
use utoipa::ToSchema;

/// Whether a result speaks against the commit.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = dpendx::Conclusion)]
pub enum ConclusionOut {
    /// Nothing does.
    Success,
    /// Something does.
    Failure,
    /// There is something to know, but nothing that blocks.
    Neutral,
}

impl From<CheckConclusion> for ConclusionOut {
    fn from(conclusion: CheckConclusion) -> Self {
        match conclusion {
            CheckConclusion::Success => Self::Success,
            CheckConclusion::Failure => Self::Failure,
            CheckConclusion::Neutral => Self::Neutral,
        }
    }
}

/// How bad.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schema(as = dpendx::Severity)]
pub enum SeverityOut {
    /// CVSS 9.0 to 10.0.
    Critical,
    /// CVSS 7.0 to 8.9.
    High,
    /// CVSS 4.0 to 6.9.
    Medium,
    /// CVSS 0.1 to 3.9.
    Low,
    /// Nobody says.
    Unknown,
}

impl From<Severity> for SeverityOut {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Critical => Self::Critical,
            Severity::High => Self::High,
            Severity::Medium => Self::Medium,
            Severity::Low => Self::Low,
            // What is only a notice is never listed.
            Severity::Unknown | Severity::Info => Self::Unknown,
        }
    }
}

/// What came out of a scan.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = dpendx::ScanResult)]
pub struct ResultOut {
    conclusion: ConclusionOut,
    vulnerability_count: u64,
    /// Vulnerable packages that a file imports.
    imported_count: u64,
    /// Packages at versions that were looked at.
    total_deps: u64,
    ecosystems: Vec<String>,
    /// From the queue to the end.
    duration_ms: u64,
    /// Worst first.
    findings: Vec<FindingOut>,
}

/// A vulnerable package at a version.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = dpendx::Finding)]
pub struct FindingOut {
    package: String,
    version: String,
    ecosystem: String,
    /// The advisory's id.
    vulnerability_id: String,
    severity: SeverityOut,
    /// Whether a file imports it, as far as that can be told.
    is_imported: bool,
    fixed_version: Option<String>,
}

impl From<CheckFinding> for FindingOut {
    fn from(finding: CheckFinding) -> Self {
        Self {
            version: finding.written_version(),
            ecosystem: finding.package.ecosystem.to_string(),
            severity: finding.severity.into(),
            is_imported: finding.is_imported(),
            package: finding.package.name,
            vulnerability_id: finding.advisory,
            fixed_version: finding.fixed_version,
        }
    }
}

impl From<Outcome> for ResultOut {
    fn from(Outcome { review, duration_ms }: Outcome) -> Self {
        Self {
            conclusion: review.conclusion.into(),
            vulnerability_count: review.findings.len() as u64,
            imported_count: review.imported(),
            total_deps: review.dependencies,
            ecosystems: review.ecosystems.iter().map(ToString::to_string).collect(),
            duration_ms,
            findings: review.findings.into_iter().map(FindingOut::from).collect(),
        }
    }
}
