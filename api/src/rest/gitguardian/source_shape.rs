//! Sources as answers show them (reference §7): projects, by the numbers that the dialect has for them.

use super::shape::Moment;
use crate::app::App;
use crate::problem::Problem;
use scanledger_domain::code_host::HostKind;
use scanledger_domain::id::{OrganizationId, ProjectId, ScanId};
use scanledger_domain::scan::ScanStatus;
use scanledger_domain::severity::SeverityCounts;
use scanledger_projections::At;
use scanledger_projections::incident::IncidentCounts;
use scanledger_projections::project::ProjectRow;
use scanledger_projections::scan::ScanRow;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use utoipa::ToSchema;
use uuid::Uuid;

/// Whether something is to be done in a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = gitguardian::SourceHealth)]
pub enum Health {
    /// No incident is open.
    Safe,
    /// Nobody looked yet.
    Unknown,
    /// Incidents are open.
    AtRisk,
}

/// A project.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = gitguardian::Source)]
pub struct SourceOut {
    /// By which lists are in order.
    pub id: u64,
    url: String,
    /// Where its repository is, as far as the address says; else `custom_source`.
    pub r#type: &'static str,
    /// The project's name.
    pub full_name: String,
    /// Whether something is to be done.
    pub health: Health,
    default_branch: Option<String>,
    default_branch_head: Option<String>,
    open_incidents_count: u64,
    closed_incidents_count: u64,
    secret_incidents_breakdown: BreakdownOut,
    visibility: &'static str,
    /// The id of the project.
    pub external_id: String,
    source_criticality: &'static str,
    /// The last scan, if there is one.
    pub last_scan: Option<LastScanOut>,
    monitored: bool,
    monitoring_status: &'static str,
    provider_metadata: ProviderOut,
    deleted: bool,
    /// The id of the project, by which scans name it.
    source_uuid: Uuid,
}

impl SourceOut {
    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// What the provider says of a source.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = gitguardian::ProviderMetadata)]
pub struct ProviderOut {
    archived: bool,
}

/// Incidents of a source.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = gitguardian::IncidentsBreakdown)]
pub struct BreakdownOut {
    open_secret_incidents: CountsOut,
    closed_secret_incidents: CountsOut,
}

/// How many incidents.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = gitguardian::IncidentCounts)]
pub struct CountsOut {
    total: u64,
    severity_breakdown: SeveritiesOut,
}

/// How many incidents of each severity.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = gitguardian::SeverityCounts)]
pub struct SeveritiesOut {
    critical: u64,
    high: u64,
    medium: u64,
    low: u64,
    info: u64,
    unknown: u64,
}

/// A scan of a source.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = gitguardian::LastScan)]
pub struct LastScanOut {
    /// When it was asked for.
    pub date: Moment,
    /// Where it stands.
    pub status: ScanWord,
    /// Empty unless it failed.
    failing_reason: String,
    commits_scanned: u64,
    branches_scanned: u64,
    /// In seconds.
    duration: String,
    #[schema(minimum = 0, maximum = 100)]
    progress: u8,
}

/// Where a scan stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = gitguardian::ScanStatus)]
pub enum ScanWord {
    /// It waits.
    Pending,
    /// It runs.
    Running,
    /// Somebody ended it.
    Canceled,
    /// It could not be done.
    Failed,
    /// There was too much to scan.
    TooLarge,
    /// It took too long.
    Timeout,
    /// It waited too long.
    PendingTimeout,
    /// It is done.
    Finished,
}

impl From<ScanStatus> for ScanWord {
    fn from(status: ScanStatus) -> Self {
        match status {
            ScanStatus::Queued | ScanStatus::Paused => Self::Pending,
            ScanStatus::Running | ScanStatus::Settling => Self::Running,
            ScanStatus::Completed => Self::Finished,
            ScanStatus::Failed => Self::Failed,
            ScanStatus::Stopped | ScanStatus::Cancelled => Self::Canceled,
        }
    }
}

/// Projects as sources, by id: three queries, however many there are.
pub async fn sources(
    app: &App,
    organization: OrganizationId,
    rows: Vec<ProjectRow>,
) -> Result<HashMap<ProjectId, SourceOut>, Problem> {
    let ids: Vec<ProjectId> = rows.iter().map(|row| row.id).collect();
    let counts = app.views.incidents_by_project(organization, ids).await?;
    let scans: Vec<ScanId> = rows.iter().filter_map(|row| row.latest_scan).collect();
    let scans = app.views.scans_by_id(organization, scans, At::Now).await?;
    let shown = rows.into_iter().map(|row| {
        let scan = row.latest_scan.and_then(|scan| scans.get(&scan));
        let counts = counts.get(&row.id).copied().unwrap_or_default();
        (row.id, source(app, row, counts, scan))
    });
    Ok(shown.collect())
}

/// As [`sources`], of projects by id; those that there are no more are left out.
pub async fn sources_by_id(
    app: &App,
    organization: OrganizationId,
    ids: Vec<ProjectId>,
) -> Result<HashMap<ProjectId, SourceOut>, Problem> {
    let rows = app.views.projects_by_id(organization, ids, At::Now).await?;
    sources(app, organization, rows.into_values().collect()).await
}

fn source(app: &App, row: ProjectRow, counts: IncidentCounts, scan: Option<&ScanRow>) -> SourceOut {
    let closed = counts.ignored + counts.resolved;
    let health = match (counts.open, scan) {
        (1.., _) => Health::AtRisk,
        (0, None) => Health::Unknown,
        (0, Some(_)) => Health::Safe,
    };
    let details = row.details;
    SourceOut {
        id: row.number,
        r#type: source_type(details.repo_url.as_deref()),
        url: details
            .repo_url
            .unwrap_or_else(|| format!("{}/api/projects/{}", app.entrance.public_url, row.id)),
        full_name: details.name,
        health,
        default_branch: Some(details.default_branch),
        default_branch_head: None,
        open_incidents_count: counts.open,
        closed_incidents_count: closed,
        secret_incidents_breakdown: BreakdownOut {
            open_secret_incidents: counts_out(counts.open, counts.open_severities),
            closed_secret_incidents: counts_out(closed, counts.closed_severities),
        },
        visibility: "private",
        external_id: row.id.to_string(),
        source_criticality: "unknown",
        last_scan: scan.map(last_scan),
        monitored: true,
        monitoring_status: "active",
        provider_metadata: ProviderOut { archived: false },
        deleted: false,
        source_uuid: row.id.0,
    }
}

const fn counts_out(total: u64, counts: SeverityCounts) -> CountsOut {
    let SeverityCounts { critical, high, medium, unknown, low, info } = counts;
    CountsOut { total, severity_breakdown: SeveritiesOut { critical, high, medium, low, info, unknown } }
}

fn last_scan(scan: &ScanRow) -> LastScanOut {
    let status = ScanWord::from(scan.status);
    let ran_us = scan.ended_at.zip(scan.started_at).map_or(0, |(end, start)| (end.0 - start.0).max(0));
    LastScanOut {
        date: Moment(scan.queued_at),
        status,
        failing_reason: if status == ScanWord::Failed { "failed".to_owned() } else { String::new() },
        commits_scanned: u64::from(status == ScanWord::Finished),
        branches_scanned: u64::from(status == ScanWord::Finished),
        duration: format!("{}.{:06}", ran_us / 1_000_000, ran_us % 1_000_000),
        progress: if status == ScanWord::Finished { 100 } else { 0 },
    }
}

/// Where a project's repository is, as far as its address says.
pub fn source_type(repository: Option<&str>) -> &'static str {
    match repository.and_then(HostKind::of_address) {
        Some(HostKind::GitHub) => "github",
        Some(HostKind::GitLab) => "gitlab",
        Some(HostKind::Bitbucket) => "bitbucket_cloud",
        Some(HostKind::AzureDevOps) => "azure_devops",
        None => "custom_source",
    }
}
