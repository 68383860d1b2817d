//! How scans look (reference §3.2).

use super::word::{ArtifactType, Gate, ScanStatus, ScanType, Scanner, SourceType};
use crate::rest::{Instant, Pages};
use scanledger_commands::progress::{ScannerProgress, ScannerStatus};
use scanledger_domain::log::Actor;
use scanledger_domain::scan::{GapReason, ScannerGap, ScannerReport};
use scanledger_domain::scanning::ScannerKind;
use scanledger_domain::severity::SeverityCounts;
use scanledger_projections::scan::ScanRow;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;

/// A scan.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScanOut {
    id: Uuid,
    status: ScanStatus,
    scan_type: ScanType,
    branch: String,
    commit_sha: Option<String>,
    /// Of the pull request that a client says its scan is about, if that has a number.
    pr_number: Option<u64>,
    base_sha: Option<String>,
    source_type: SourceType,
    /// The archive's name.
    source_ref: String,
    project_id: Uuid,
    /// Who wanted it: a user or, without one, an API key.
    triggered_by: Option<String>,
    job_id: Option<String>,
    started_at: Option<Instant>,
    completed_at: Option<Instant>,
    created_at: Instant,
    updated_at: Instant,
    #[serde(flatten)]
    counts: CountsOut,
    files_scanned: u64,
    deps_scanned: u64,
    /// How far each scanner is, by its name.
    #[schema(value_type = std::collections::HashMap<String, ProgressOut>)]
    scanner_progress: BTreeMap<Scanner, ProgressOut>,
    gate_result: Gate,
    error_message: Option<String>,
    /// Findings that were not on the branch before.
    new_count: u64,
    /// Findings that were on the branch and no longer are.
    fixed_count: u64,
    project: ScanProjectOut,
    artifacts: Vec<ScanArtifactOut>,
    #[serde(rename = "_count")]
    count: FindingCountOut,
}

/// Findings by severity; those of unknown severity are medium.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CountsOut {
    critical_count: u64,
    high_count: u64,
    medium_count: u64,
    low_count: u64,
    info_count: u64,
}

impl From<SeverityCounts> for CountsOut {
    fn from(counts: SeverityCounts) -> Self {
        Self {
            critical_count: counts.critical,
            high_count: counts.high,
            medium_count: counts.medium + counts.unknown,
            low_count: counts.low,
            info_count: counts.info,
        }
    }
}

/// How far a scanner is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProgressOut {
    status: ProgressStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    findings_count: Option<u64>,
    files_completed: u64,
    files_total: u64,
}

/// Where a scanner stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ProgressStatus {
    /// It works.
    Running,
    /// It has an outcome.
    Done,
    /// It had nothing to work with.
    Skipped,
    /// It could not work.
    Failed,
}

impl From<ScannerProgress> for ProgressOut {
    fn from(progress: ScannerProgress) -> Self {
        Self {
            status: match progress.status {
                ScannerStatus::Running => ProgressStatus::Running,
                ScannerStatus::Done => ProgressStatus::Done,
                ScannerStatus::Skipped => ProgressStatus::Skipped,
                ScannerStatus::Failed => ProgressStatus::Failed,
            },
            findings_count: progress.findings,
            files_completed: progress.files_completed,
            files_total: progress.files_total,
        }
    }
}

impl From<&ScannerReport> for ProgressOut {
    fn from(report: &ScannerReport) -> Self {
        Self {
            status: ProgressStatus::Done,
            findings_count: Some(report.findings),
            files_completed: report.files,
            files_total: report.files,
        }
    }
}

/// How far a scanner came that has no outcome; `None` for one that has.
fn missed(gap: &ScannerGap) -> Option<(Scanner, ProgressOut)> {
    let status = match gap.because {
        GapReason::Failed => ProgressStatus::Failed,
        GapReason::Skipped => ProgressStatus::Skipped,
        GapReason::Unread => return None,
    };
    let progress = ProgressOut { status, findings_count: None, files_completed: 0, files_total: 0 };
    Some((gap.scanner.into(), progress))
}

/// The project of a scan.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScanProjectOut {
    id: Uuid,
    name: String,
    organization_id: Uuid,
    repo_url: Option<String>,
    default_branch: String,
}

/// A file that a scan left behind.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScanArtifactOut {
    #[serde(rename = "type")]
    kind: ArtifactType,
    /// SHA-256 of its content.
    object_key: String,
    /// Bytes.
    size: u64,
}

/// How many findings a scan has.
#[derive(Debug, Serialize, ToSchema)]
pub struct FindingCountOut {
    findings: u64,
}

/// Scans on a page.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScanPageOut {
    /// Newest first.
    pub scans: Vec<ScanOut>,
    /// Which page it is.
    pub pagination: Pages,
}

/// A scan in short.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScanSummaryOut {
    id: Uuid,
    status: ScanStatus,
    scan_type: ScanType,
    branch: String,
    commit_sha: Option<String>,
    gate_result: Gate,
    created_at: Instant,
    completed_at: Option<Instant>,
    #[serde(flatten)]
    counts: CountsOut,
}

impl From<&ScanRow> for ScanSummaryOut {
    fn from(row: &ScanRow) -> Self {
        Self {
            id: row.id.0,
            status: row.status.into(),
            scan_type: row.scan_type.into(),
            branch: row.branch.clone(),
            commit_sha: row.commit.clone(),
            gate_result: row.verdict.as_ref().into(),
            created_at: Instant(row.queued_at),
            completed_at: row.ended_at.map(Instant),
            counts: row.outcome.as_ref().map(|outcome| outcome.counts.into()).unwrap_or_default(),
        }
    }
}

impl ScanOut {
    /// A scan, with what its worker says while it runs.
    pub fn new(row: ScanRow, running: BTreeMap<ScannerKind, ScannerProgress>) -> Self {
        let artifacts = row.artifacts().map(|artifact| ScanArtifactOut {
            kind: artifact.kind.into(),
            object_key: artifact.blob.to_string(),
            size: artifact.size,
        });
        let artifacts = artifacts.collect();
        let pull_request = row.client.as_ref().and_then(|run| run.pull_request.as_deref());
        let pr_number = pull_request.and_then(|number| number.parse().ok());
        let outcome = row.outcome;
        let of = |count: fn(&scanledger_domain::scan::ScanOutcome) -> u64| outcome.as_ref().map_or(0, count);
        let reports = outcome.as_ref().map(|outcome| outcome.scanners.as_slice()).unwrap_or_default();
        let mut scanner_progress: BTreeMap<Scanner, ProgressOut> =
            running.into_iter().map(|(kind, progress)| (kind.into(), progress.into())).collect();
        scanner_progress.extend(reports.iter().map(|report| (report.scanner.into(), report.into())));
        let gaps = outcome.as_ref().map(|outcome| outcome.gaps.as_slice()).unwrap_or_default();
        scanner_progress.extend(gaps.iter().filter_map(missed));
        Self {
            id: row.id.0,
            status: row.status.into(),
            scan_type: row.scan_type.into(),
            branch: row.branch,
            commit_sha: row.commit,
            pr_number,
            base_sha: row.base,
            source_type: row.source.kind.into(),
            source_ref: row.source.name,
            project_id: row.project.0,
            triggered_by: actor_id(row.by),
            job_id: None,
            started_at: row.started_at.map(Instant),
            completed_at: row.ended_at.map(Instant),
            created_at: Instant(row.queued_at),
            updated_at: Instant(row.changed_at),
            files_scanned: of(|outcome| outcome.files),
            deps_scanned: of(|outcome| outcome.components),
            new_count: of(|outcome| outcome.new),
            fixed_count: of(|outcome| outcome.fixed),
            count: FindingCountOut { findings: of(|outcome| outcome.counts.total()) },
            counts: outcome.as_ref().map(|outcome| outcome.counts.into()).unwrap_or_default(),
            scanner_progress,
            gate_result: row.verdict.as_ref().into(),
            error_message: row.failure.map(|failure| failure.message),
            project: ScanProjectOut {
                id: row.project.0,
                name: row.project_name,
                organization_id: row.organization.0,
                repo_url: row.project_repo_url,
                default_branch: row.project_default_branch,
            },
            artifacts,
        }
    }
}

/// Who did something: the id of a user or of an API key; none for the server itself.
pub fn actor_id(actor: Actor) -> Option<String> {
    match actor {
        Actor::User(user) => Some(user.to_string()),
        Actor::Key(key) => Some(key.to_string()),
        Actor::System | Actor::Operator => None,
    }
}
