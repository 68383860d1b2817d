//! Scans of a repository at a branch, tag or commit (reference §2).

use super::shape::ResultOut;
use super::{access, context, refusal};
use crate::app::App;
use crate::extract::Body;
use crate::limit::{Class, Limits, Slot};
use crate::problem::{Problem, ProblemBody};
use crate::rest::shown;
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use scanledger_commands::Context;
use scanledger_commands::hosted::{Hosted, Progress, Wanted};
use scanledger_domain::check::CheckLife;
use scanledger_domain::code_host::{
    CommitSha, GitRef, InstallationId, Repository, RepositoryName, RepositoryOwner,
};
use scanledger_domain::id::ScanId;
use scanledger_domain::limits::INSTALLATION_SCANS;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tracing::Instrument as _;
use utoipa::ToSchema;
use uuid::Uuid;

/// After how long a scan no longer counts as under way, whatever became of it (reference §2: 5 minutes).
const UNDER_WAY: Duration = Duration::from_secs(300);

/// What is to be scanned.
#[derive(Deserialize, ToSchema)]
#[schema(as = dpendx::ScanRequest)]
pub struct ScanIn {
    /// The installation of the GitHub App.
    #[schema(value_type = u64, minimum = 1)]
    installation_id: InstallationId,
    /// The user or organization.
    #[schema(value_type = String)]
    owner: RepositoryOwner,
    /// The repository.
    #[schema(value_type = String)]
    repo: RepositoryName,
    /// The branch or tag.
    #[schema(value_type = String)]
    r#ref: GitRef,
    /// The commit; the last one of `ref` if it is not there.
    #[schema(value_type = Option<String>)]
    sha: Option<CommitSha>,
}

/// How far a scan is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "status", rename_all = "lowercase")]
#[schema(as = dpendx::ScanResponse)]
pub enum ScanOut {
    /// It has ended.
    Success {
        /// The scan.
        scan_id: Uuid,
        /// What came out.
        result: ResultOut,
    },
    /// It goes on.
    Accepted {
        /// The scan.
        scan_id: Uuid,
        /// For people.
        #[schema(value_type = String)]
        message: &'static str,
    },
}

/// Scans the dependencies of a repository
///
/// Answers 200 if that is done within a few seconds, else 202; the scan then goes on.
#[utoipa::path(
    post, path = "/api/scan", tag = "dpendx", request_body = ScanIn,
    responses(
        (status = 200, body = ScanOut),
        (status = 202, body = ScanOut),
        (status = 401, body = ProblemBody, description = "The app is not installed on the repository."),
        (status = 403, body = ProblemBody, description = "The installation may not read the repository."),
        (status = 404, body = ProblemBody, description = "There is no such repository, branch, tag or commit."),
        (status = 422, body = ProblemBody, description = "The source cannot be scanned.")
    )
)]
pub async fn scan(
    State(app): State<App>,
    Extension(limits): Extension<Arc<Limits>>,
    Body { value, .. }: Body<ScanIn>,
) -> Result<(StatusCode, Json<ScanOut>), Problem> {
    let dpendx = access(&app)?;
    let installation = value.installation_id;
    let context = context(&app, &dpendx.hosted, installation)?;
    let slot = limits.scans.take(installation, INSTALLATION_SCANS).ok_or_else(too_many)?;
    limits.take_of_installation(Class::Checks, installation)?;
    let wanted = Wanted {
        installation,
        repository: Repository { owner: value.owner, name: value.repo },
        reference: value.r#ref,
        commit: value.sha,
    };
    // The work goes on without the client, and with it the place that it takes.
    let (answer, answered) = oneshot::channel();
    let (hosted, wait) = (dpendx.hosted.clone(), dpendx.wait);
    let work = work(app, hosted, context, wanted, wait, slot, answer);
    tokio::spawn(work.in_current_span());
    let (scan, progress) = answered.await.map_err(|_| Problem::internal())??;
    let scan_id = scan.0;
    match progress {
        Progress::Done(outcome) => {
            Ok((StatusCode::OK, Json(ScanOut::Success { scan_id, result: (*outcome).into() })))
        }
        Progress::Incomplete { why } => {
            let error = format!("the scan {scan_id} ended without a result: {why}");
            Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error).with_code("scan_failed"))
        }
        Progress::Running => {
            let message = "the scan is under way";
            Ok((StatusCode::ACCEPTED, Json(ScanOut::Accepted { scan_id, message })))
        }
    }
}

/// How far a scan came while its client waited.
type Waited = Result<(ScanId, Progress), Problem>;

/// Has a repository scanned, says how far that came after `wait`, and keeps the place until it has ended.
async fn work(
    app: App,
    hosted: Hosted,
    context: Context,
    wanted: Wanted,
    wait: Duration,
    slot: Slot<InstallationId>,
    answer: oneshot::Sender<Waited>,
) {
    let begun = begin(&app, &hosted, &context, wanted).await;
    let life = match begun {
        Ok(life) => life,
        Err(problem) => {
            drop(slot);
            // Nobody may be there any more to hear of it.
            drop(answer.send(Err(problem)));
            return;
        }
    };
    let waited = ended(&app, &hosted, &life, wait).await;
    let goes_on = matches!(waited, Ok(Progress::Running));
    let held = goes_on.then_some(slot);
    drop(answer.send(waited.map(|progress| (life.requested.scan, progress))));
    if held.is_some()
        && let Err(problem) = ended(&app, &hosted, &life, UNDER_WAY).await
    {
        tracing::warn!(status = problem.status().as_u16(), "the end of a scan was not seen");
    }
    drop(held);
}

/// Queues the scan, and waits until reads show it.
async fn begin(app: &App, hosted: &Hosted, context: &Context, wanted: Wanted) -> Result<CheckLife, Problem> {
    let begun = hosted.scan(context, wanted).await.map_err(refusal::refused(app))?;
    let life = hosted.find(begun.scan).await?.ok_or_else(Problem::internal)?;
    let head = app.ledger.log().head().await.map_err(scanledger_commands::Fault::from)?;
    shown(app, Some(head)).await;
    Ok(life)
}

fn too_many() -> Problem {
    let error = format!("the installation has {INSTALLATION_SCANS} scans under way");
    Problem::new(StatusCode::TOO_MANY_REQUESTS, error).with_code("rate_limited").retry_after(10)
}

/// Waits for the end of a scan, at most so long.
async fn ended(app: &App, hosted: &Hosted, life: &CheckLife, wait: Duration) -> Result<Progress, Problem> {
    let mut positions = app.views.watch();
    let looking = async {
        loop {
            positions.borrow_and_update();
            let progress = hosted.progress(life).await.map_err(refusal::refused(app))?;
            if progress != Progress::Running || positions.changed().await.is_err() {
                return Ok(progress);
            }
        }
    };
    tokio::time::timeout(wait, looking).await.unwrap_or(Ok(Progress::Running))
}
