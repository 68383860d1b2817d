//! One scan (reference §4).

use super::deployment::Named;
use super::place::reference;
use crate::app::App;
use crate::auth::Caller;
use crate::problem::Problem;
use crate::rest::Moment;
use crate::rest::semgrep::people::people_of;
use axum::Json;
use axum::extract::State;
use scanledger_domain::policy::Product;
use scanledger_domain::project::GateResult;
use scanledger_domain::scan::{ClientPeople, ClientRun, ScanStatus};
use scanledger_projections::At;
use scanledger_projections::scan::{FoundScan, ScanRow, ScanSearch, SearchFilter};
use serde::Serialize;
use utoipa::ToSchema;

/// The exit code of a scan whose gate failed.
const GATE_FAILED: u32 = 1;
/// The exit code of a scan that failed.
const FAILED: u32 = 2;

/// A scan.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::Scan)]
pub struct ScanOut {
    id: u64,
    deployment_id: u64,
    repository_id: u64,
    started_at: Moment,
    /// Null while it runs.
    completed_at: Option<Moment>,
    /// What its client ended with. Of other scans: 1 if the gate failed, 2 if the scan did, else 0, while it runs too.
    exit_code: u32,
    enabled_products: Vec<&'static str>,
    has_logs: bool,
    meta: MetaOut,
    stats: StatsOut,
}

/// What is known about a scan's source. What is not known is left out.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = semgrep::web::ScanMeta)]
pub struct MetaOut {
    branch: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repo_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ci_job_url: Option<String>,
    repository: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit_title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pull_request_id: Option<PullRequestOut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pull_request_title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit_author_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit_author_email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit_author_username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit_author_image_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pull_request_author_username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pull_request_author_image_url: Option<String>,
    /// What set it off.
    #[serde(skip_serializing_if = "Option::is_none")]
    on: Option<String>,
    /// As `on`, under the name that the documents of the dialect have for it.
    #[serde(rename = "true", skip_serializing_if = "Option::is_none")]
    also_on: Option<String>,
}

/// The number of a pull request, or its id where that is no number.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::PullRequestId)]
#[serde(untagged)]
pub enum PullRequestOut {
    /// A number.
    Number(u64),
    /// An id.
    Id(String),
}

/// What a scan counted.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::ScanStats)]
pub struct StatsOut {
    findings: u64,
    /// Seconds.
    total_time: f64,
}

/// A scan
#[utoipa::path(
    get, path = "/api/v1/deployments/{deployment}/scan/{scan}", tag = "Semgrep",
    responses((status = 200, body = ScanOut), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn read_scan(
    State(app): State<App>,
    caller: Caller,
    path: Named<1>,
) -> Result<Json<ScanOut>, Problem> {
    let deployment = path.of(&app, &caller).await?;
    let search = ScanSearch {
        organization: caller.organization(),
        visible: caller.visible(),
        at: At::Now,
        now: app.clock.now(),
        filter: SearchFilter { number: Some(path.number(0)?), ..SearchFilter::default() },
        before: None,
        limit: 1,
    };
    let found = app.views.find_scans(search).await?.into_iter().next();
    let found = found.ok_or_else(|| Problem::missing("scan"))?;
    let people = match &found.scan.client {
        None => ClientPeople::default(),
        Some(client) => people_of(&app, client).await?,
    };
    Ok(Json(ScanOut::new(found, people, deployment.number)))
}

/// What a scan looked for.
pub fn products(scan: &ScanRow) -> Vec<&'static str> {
    let scanners = match &scan.client {
        Some(client) => client.products.as_slice(),
        None => scan.scan_type.scanners(),
    };
    let looked = Product::ALL.iter().filter(|product| scanners.contains(&product.scanner()));
    looked.map(|product| product.as_str()).collect()
}

/// What a scan ended with.
fn exit_code(scan: &ScanRow) -> u32 {
    if let Some(end) = scan.outcome.as_ref().and_then(|outcome| outcome.client) {
        return end.exit_code;
    }
    let gate = scan.verdict.as_ref().map(|verdict| verdict.result);
    match (scan.status, gate) {
        (ScanStatus::Failed, _) => FAILED,
        (_, Some(GateResult::Failed)) => GATE_FAILED,
        (_, Some(GateResult::Passed) | None) => 0,
    }
}

/// Seconds of a number of milliseconds.
pub fn seconds(milliseconds: Option<u64>) -> f64 {
    std::time::Duration::from_millis(milliseconds.unwrap_or_default()).as_secs_f64()
}

impl ScanOut {
    fn new(found: FoundScan, people: ClientPeople, deployment_id: u64) -> Self {
        let FoundScan { scan, project_number, total_ms, .. } = found;
        let outcome = scan.outcome.as_ref();
        Self {
            id: scan.queued.0,
            deployment_id,
            repository_id: project_number,
            started_at: Moment(scan.started_at.unwrap_or(scan.queued_at)),
            completed_at: scan.ended_at.map(Moment),
            exit_code: exit_code(&scan),
            enabled_products: products(&scan),
            has_logs: false,
            stats: StatsOut {
                findings: outcome.map_or(0, |outcome| outcome.counts.total()),
                total_time: seconds(total_ms),
            },
            meta: MetaOut::new(scan, people),
        }
    }
}

impl MetaOut {
    fn new(scan: ScanRow, people: ClientPeople) -> Self {
        let common = Self {
            branch: reference(&scan.branch),
            commit: scan.commit,
            repo_url: scan.project_repo_url,
            repository: scan.project_name,
            ..Self::default()
        };
        let Some(client) = scan.client else { return common };
        let ClientRun { repository, repository_url, job_url, pull_request, trigger, .. } = client;
        Self {
            repository,
            repo_url: repository_url.or(common.repo_url),
            ci_job_url: job_url,
            commit_title: people.commit_title,
            pull_request_id: pull_request.map(|id| match id.parse() {
                Ok(number) => PullRequestOut::Number(number),
                Err(_) => PullRequestOut::Id(id),
            }),
            pull_request_title: people.pull_request_title,
            commit_author_name: people.author_name,
            commit_author_email: people.author_email,
            commit_author_username: people.author_username,
            commit_author_image_url: people.author_image_url,
            pull_request_author_username: people.pull_request_author,
            pull_request_author_image_url: people.pull_request_author_image_url,
            on: trigger.clone(),
            also_on: trigger,
            branch: common.branch,
            commit: common.commit,
        }
    }
}
