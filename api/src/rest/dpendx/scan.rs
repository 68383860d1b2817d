//! Scans of a repository at a branch, tag or commit (reference §2).

use super::shape::ResultOut;
use super::{access, context, refusal};
use crate::app::App;
use crate::extract::Body;
use crate::limit::{Class, Limits};
use crate::problem::{Problem, ProblemBody};
use crate::rest::shown;
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use scanledger_commands::hosted::{Hosted, Progress, ScanSlots, Wanted};
use scanledger_commands::{CommandError, Context};
use scanledger_domain::check::{CheckLife, SlotRefusal, SlotTaken};
use scanledger_domain::code_host::{
    CommitSha, GitRef, InstallationId, Repository, RepositoryName, RepositoryOwner,
};
use scanledger_domain::id::ScanId;
use scanledger_domain::limits::{CHECK_TIME, INSTALLATION_SCANS};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tracing::Instrument as _;
use utoipa::ToSchema;
use uuid::Uuid;

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
    let slots = ScanSlots::new(app.ledger.clone());
    // Who has to wait for a slot has not used up one of the hour's scans.
    if slots.taken(installation, app.clock.now()).await? >= INSTALLATION_SCANS {
        return Err(too_many());
    }
    limits.take_of_installation(Class::Checks, installation)?;
    let wanted = Wanted {
        installation,
        repository: Repository { owner: value.owner, name: value.repo },
        reference: value.r#ref,
        commit: value.sha,
    };
    let (hosted, wait) = (dpendx.hosted.clone(), dpendx.wait);
    let work = Work { app, hosted, slots, context, wait };
    // The work goes on without the client, and with it the slot that it takes.
    let (answer, answered) = oneshot::channel();
    tokio::spawn(work.run(wanted, answer).in_current_span());
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

/// What it takes to see a scan through.
struct Work {
    app: App,
    hosted: Hosted,
    slots: ScanSlots,
    context: Context,
    /// How long its client waits.
    wait: Duration,
}

impl Work {
    /// Has a repository scanned, says how far that came while the client waited, and keeps the slot until the scan has
    /// ended.
    async fn run(self, wanted: Wanted, answer: oneshot::Sender<Waited>) {
        let scan = Hosted::scan_of(&*self.app.vault, &self.context);
        let slot = SlotTaken { scan, installation: wanted.installation, at: self.app.clock.now() };
        if let Err(error) = self.slots.take(&self.context, slot).await {
            // Nobody may be there any more to hear of it.
            drop(answer.send(Err(not_taken(error))));
            return;
        }
        let (life, waited) = match self.begin(wanted).await {
            Ok(life) => {
                let progress = self.ended(&life, self.wait).await;
                (Some(life), progress.map(|progress| (scan, progress)))
            }
            Err(problem) => (None, Err(problem)),
        };
        let goes_on = life.filter(|_| matches!(waited, Ok((_, Progress::Running))));
        match goes_on {
            // Before the answer, so that whoever hears it finds the slot free.
            None => {
                self.leave(slot).await;
                drop(answer.send(waited));
            }
            Some(life) => {
                drop(answer.send(waited));
                self.see_through(&life).await;
                self.leave(slot).await;
            }
        }
    }

    /// Queues the scan, and waits until reads show it.
    async fn begin(&self, wanted: Wanted) -> Result<CheckLife, Problem> {
        let begun = self.hosted.scan(&*self.app.vault, &self.context, wanted).await;
        let begun = begun.map_err(refusal::refused(&self.app))?;
        let life = self.hosted.find(begun.scan).await?.ok_or_else(Problem::internal)?;
        let head = self.app.ledger.log().head().await.map_err(scanledger_commands::Fault::from)?;
        shown(&self.app, Some(head)).await;
        Ok(life)
    }

    /// Waits for the end of a scan that its client does not wait for.
    async fn see_through(&self, life: &CheckLife) {
        if let Err(problem) = self.ended(life, CHECK_TIME).await {
            tracing::warn!(status = problem.status().as_u16(), "the end of a scan was not seen");
        }
    }

    async fn leave(&self, slot: SlotTaken) {
        if let Err(error) = self.slots.leave(&self.context, &slot).await {
            tracing::warn!(scan.id = %slot.scan, %error, "a slot is not given back; it ends by itself");
        }
    }

    /// Waits for the end of a scan, at most so long.
    async fn ended(&self, life: &CheckLife, wait: Duration) -> Result<Progress, Problem> {
        let mut positions = self.app.views.watch();
        let looking = async {
            loop {
                positions.borrow_and_update();
                let progress = self.hosted.progress(life).await.map_err(refusal::refused(&self.app))?;
                if progress != Progress::Running || positions.changed().await.is_err() {
                    return Ok(progress);
                }
            }
        };
        tokio::time::timeout(wait, looking).await.unwrap_or(Ok(Progress::Running))
    }
}

fn not_taken(error: CommandError<SlotRefusal>) -> Problem {
    match error {
        CommandError::Refused(SlotRefusal::AllTaken) => too_many(),
        CommandError::Fault(fault) => fault.into(),
        CommandError::Stale { .. } | CommandError::Contended => Problem::unavailable(error.to_string()),
    }
}

fn too_many() -> Problem {
    let error = SlotRefusal::AllTaken.to_string();
    Problem::new(StatusCode::TOO_MANY_REQUESTS, error).with_code("rate_limited").retry_after(10)
}
