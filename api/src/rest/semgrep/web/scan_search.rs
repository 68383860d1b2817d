//! Scans of the last thirty days (reference §4).

use super::deployment::Named;
use super::lenient::{Flag, Many, Seconds, Whole, rows};
use super::place::reference;
use super::scan::{products, seconds};
use super::word::IssueType;
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Body, parse_instant};
use crate::problem::Problem;
use crate::rest::Moment;
use axum::Json;
use axum::extract::State;
use scanledger_domain::limits::SCAN_PAGE_ROWS;
use scanledger_domain::policy::Product;
use scanledger_domain::scan::{Extent, ScanType, branch_of_reference};
use scanledger_domain::scanning::ScannerKind;
use scanledger_projections::At;
use scanledger_projections::scan::{Course, FoundScan, ScanRow, ScanSearch, SearchFilter};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Scans on a page if nobody says.
const ROWS: u32 = 100;
/// How far back the search looks: thirty days.
const SECONDS_BACK: i64 = 30 * 24 * 3_600;

/// What a scan looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[schema(as = semgrep::web::ProductName)]
pub enum ProductWord {
    /// Weaknesses in code.
    #[serde(rename = "PRODUCT_SAST")]
    Sast,
    /// Vulnerable packages.
    #[serde(rename = "PRODUCT_SCA")]
    Sca,
    /// Secrets.
    #[serde(rename = "PRODUCT_SECRETS")]
    Secrets,
    /// What a model finds. Nothing looks for that.
    #[serde(rename = "PRODUCT_AI_SAST")]
    AiSast,
}

impl ProductWord {
    const fn scanner(self) -> Option<ScannerKind> {
        match self {
            Self::Sast => Some(Product::Code.scanner()),
            Self::Sca => Some(Product::SupplyChain.scanner()),
            Self::Secrets => Some(Product::Secrets.scanner()),
            Self::AiSast => None,
        }
    }
}

/// How a scan went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = semgrep::web::ScanStatus)]
pub enum ScanWord {
    /// Somebody works on it.
    #[serde(rename = "SCAN_STATUS_RUNNING")]
    Running,
    /// It ended as it should, with exit code 0 or 1.
    #[serde(rename = "SCAN_STATUS_COMPLETED")]
    Completed,
    /// It waits.
    #[serde(rename = "SCAN_STATUS_PENDING")]
    Pending,
    /// People ended it.
    #[serde(rename = "SCAN_STATUS_CANCELLED")]
    Cancelled,
    /// It failed.
    #[serde(rename = "SCAN_STATUS_ERROR")]
    Error,
    /// Its client was not heard of for an hour.
    #[serde(rename = "SCAN_STATUS_NEVER_FINISHED")]
    NeverFinished,
}

impl From<ScanWord> for Course {
    fn from(word: ScanWord) -> Self {
        match word {
            ScanWord::Running => Self::Running,
            ScanWord::Completed => Self::Completed,
            ScanWord::Pending => Self::Waiting,
            ScanWord::Cancelled => Self::Cancelled,
            ScanWord::Error => Self::Broken,
            ScanWord::NeverFinished => Self::Silent,
        }
    }
}

impl From<Course> for ScanWord {
    fn from(course: Course) -> Self {
        match course {
            Course::Running => Self::Running,
            Course::Completed => Self::Completed,
            Course::Waiting => Self::Pending,
            Course::Cancelled => Self::Cancelled,
            Course::Broken => Self::Error,
            Course::Silent => Self::NeverFinished,
        }
    }
}

/// Which scans.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = semgrep::web::ScanSearch)]
pub struct SearchIn {
    /// Only of this project.
    #[schema(value_type = Option<u64>)]
    repository_id: Option<Whole>,
    /// Only on this branch.
    branch: Option<String>,
    /// Only of everything, or only of what changed.
    #[schema(value_type = Option<bool>)]
    is_full_scan: Option<Flag>,
    /// Only that look for one of these.
    #[serde(default)]
    #[schema(value_type = Option<Vec<ProductWord>>)]
    products: Many<ProductWord>,
    /// Only that went so.
    #[serde(default)]
    #[schema(value_type = Option<Vec<ScanWord>>)]
    statuses: Many<ScanWord>,
    /// Only from this instant on (RFC 3339); never longer ago than thirty days.
    since: Option<String>,
    /// Only that took so long.
    total_time: Option<SpanIn>,
    /// From the answer before.
    #[schema(value_type = Option<String>)]
    cursor: Option<Whole>,
    /// Scans on a page.
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 500, default = 100)]
    limit: Option<Whole>,
}

/// A span of seconds.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = semgrep::web::Span)]
pub struct SpanIn {
    #[schema(value_type = Option<f64>, minimum = 0)]
    min: Option<Seconds>,
    #[schema(value_type = Option<f64>, minimum = 0)]
    max: Option<Seconds>,
}

/// Scans on a page.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::Scans)]
pub struct ScansOut {
    /// For the next page; null on the last.
    cursor: Option<String>,
    scans: Vec<ScanSummaryOut>,
}

/// A scan. Numbers of 64 bits are texts in this family.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::ScanSummary)]
pub struct ScanSummaryOut {
    id: String,
    deployment_id: String,
    repository_id: String,
    exit_code: Option<String>,
    branch: String,
    commit: Option<String>,
    started_at: Moment,
    completed_at: Option<Moment>,
    status: ScanWord,
    is_full_scan: bool,
    /// Seconds.
    total_time: f64,
    enabled_products: Vec<&'static str>,
    findings_counts: CountsOut,
}

/// What a scan found.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::FindingsCounts)]
pub struct CountsOut {
    total: String,
    code: String,
    supply_chain: String,
    secrets: String,
}

/// Scans of the last thirty days, newest first
#[utoipa::path(
    post, path = "/api/v1/deployments/{deployment}/scans/search", tag = "Semgrep", request_body = SearchIn,
    responses((status = 200, body = ScansOut))
)]
pub async fn search_scans(
    State(app): State<App>,
    caller: Caller,
    path: Named<0>,
    body: Body<SearchIn>,
) -> Result<Json<ScansOut>, Problem> {
    let deployment = path.of(&app, &caller).await?;
    let wanted = body.value;
    let limit = rows("limit", wanted.limit, ROWS, SCAN_PAGE_ROWS)?;
    let scanners: Vec<ScannerKind> = wanted.products.0.iter().filter_map(|word| word.scanner()).collect();
    if scanners.is_empty() && !wanted.products.0.is_empty() {
        return Ok(Json(ScansOut { cursor: None, scans: vec![] }));
    }
    let earliest = app.clock.now().plus_seconds(-SECONDS_BACK);
    let since = match &wanted.since {
        Some(since) => parse_instant("since", since)?.max(earliest),
        None => earliest,
    };
    let milliseconds = |span: Seconds| u64::try_from(span.0 / 1_000).unwrap_or_default();
    let (least, most) = wanted.total_time.map_or((None, None), |span| (span.min, span.max));
    let search = ScanSearch {
        organization: caller.organization(),
        visible: caller.visible(),
        at: At::Now,
        now: app.clock.now(),
        filter: SearchFilter {
            number: None,
            project: wanted.repository_id.map(|id| id.0),
            branch: wanted.branch.as_deref().map(|branch| branch_of_reference(branch).to_owned()),
            extent: wanted.is_full_scan.map(|full| match full {
                Flag::Yes => Extent::Full,
                Flag::No => Extent::Changes,
            }),
            scanners,
            courses: wanted.statuses.0.iter().map(|word| (*word).into()).collect(),
            since: Some(since),
            least_ms: least.map(milliseconds),
            most_ms: most.map(milliseconds),
        },
        before: wanted.cursor.map(|cursor| cursor.0),
        // One more, to see whether there is one.
        limit: limit + 1,
    };
    let mut found = app.views.find_scans(search).await?;
    let has_more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let last = found.last().filter(|_| has_more);
    let cursor = last.map(|last| last.scan.queued.0.to_string());
    let scans = found.into_iter().map(|found| ScanSummaryOut::new(found, deployment.number)).collect();
    Ok(Json(ScansOut { cursor, scans }))
}

impl ScanSummaryOut {
    fn new(found: FoundScan, deployment: u64) -> Self {
        let FoundScan { scan, project_number, course, total_ms } = found;
        let extent = scan.client.as_ref().map(|client| client.extent);
        Self {
            id: scan.queued.0.to_string(),
            deployment_id: deployment.to_string(),
            repository_id: project_number.to_string(),
            exit_code: scan
                .outcome
                .as_ref()
                .and_then(|outcome| outcome.client)
                .map(|end| end.exit_code.to_string()),
            branch: reference(&scan.branch),
            started_at: Moment(scan.started_at.unwrap_or(scan.queued_at)),
            completed_at: scan.ended_at.map(Moment),
            status: course.into(),
            is_full_scan: match extent {
                Some(extent) => extent == Extent::Full,
                None => scan.scan_type != ScanType::Incremental,
            },
            total_time: seconds(total_ms),
            enabled_products: products(&scan),
            findings_counts: CountsOut::of(&scan),
            commit: scan.commit,
        }
    }
}

impl CountsOut {
    fn of(scan: &ScanRow) -> Self {
        let reports = scan.outcome.as_ref().map(|outcome| outcome.scanners.as_slice()).unwrap_or_default();
        let of = |kinds: &[ScannerKind]| -> u64 {
            reports
                .iter()
                .filter(|report| kinds.contains(&report.scanner))
                .map(|report| report.findings)
                .sum()
        };
        let kinds = |kind: IssueType| of(kind.scanners());
        let (code, packages) = (kinds(IssueType::Sast), kinds(IssueType::Sca));
        let secrets = kinds(IssueType::Secrets);
        Self {
            total: (code + packages + secrets).to_string(),
            code: code.to_string(),
            supply_chain: packages.to_string(),
            secrets: secrets.to_string(),
        }
    }
}
