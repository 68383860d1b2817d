//! One run of one scan, from the claimed scan to its last event.

use super::control::{Ending, RunControl, Signal};
use super::results::{CanWait, project_gone};
use super::scanlog::ScanLog;
use super::{WorkerDeps, WorkerOptions, lease};
use crate::context::Context;
use crate::error::{CommandError, Fault};
use crate::ledger::Ledger;
use crate::ports::ReadError;
use scanledger_domain::project::{Project, ProjectState, project_stream};
use scanledger_domain::report::ArtifactKind;
use scanledger_domain::scan::{
    Failure, FailureCode, Interruption, Scan, ScanCommand, ScanLife, ScanOutcome, ScanRefusal, ScanState,
    ScanStatus, scan_stream,
};
use std::sync::Arc;
use std::time::Duration;

/// How long a worker waits for its read model.
pub(crate) const VIEW_TIMEOUT: Duration = Duration::from_secs(30);
/// How long to wait for word of a pause that the log knows already.
const PAUSE_ARRIVES: Duration = Duration::from_millis(50);

/// A scan that this worker has claimed.
pub(super) struct Run {
    pub(super) deps: WorkerDeps,
    pub(super) options: WorkerOptions,
    /// The scan as it was when it was claimed.
    pub(super) life: ScanLife,
    /// Of the claim; what the run does follows from it.
    pub(super) context: Context,
    pub(super) control: Arc<RunControl>,
    pub(super) log: ScanLog,
}

/// Why a run is not completed.
#[derive(Debug)]
pub(super) enum Halt {
    /// It is to end.
    Ended(Ending),
    /// It cannot be done, and the user is told why.
    Failed(Failure),
    /// It may work later.
    Retry(&'static str),
    /// The server is broken.
    Broken(Fault),
}

impl From<Fault> for Halt {
    fn from(fault: Fault) -> Self {
        Self::Broken(fault)
    }
}

impl From<ReadError> for Halt {
    fn from(error: ReadError) -> Self {
        Self::Broken(error.into())
    }
}

/// The value of a task on a blocking thread.
pub(super) fn joined<T>(joined: Result<T, tokio::task::JoinError>) -> Result<T, Halt> {
    joined.map_err(|error| Fault::other("finish a piece of work", error).into())
}

impl Run {
    /// Does all of it, and gives the lease back.
    pub(super) async fn run(mut self) {
        let (scan, attempt) = (self.life.queued.scan, self.life.attempt);
        let alive = lease::keep_alive(&self.deps, &self.options, scan, attempt, Arc::clone(&self.control));
        tracing::info!(scan.id = %scan, run = self.life.run, attempt, "a scan runs");
        let halted = match Box::pin(self.work()).await {
            Ok(()) => Ok(()),
            Err(halt) => self.halt(halt).await,
        };
        if let Err(halt) = halted {
            tracing::warn!(scan.id = %scan, attempt, ?halt, "the end of a run could not be recorded");
        }
        drop(alive);
        self.deps.progress.forget(scan);
        let owner = lease::lease_owner(self.options.node, attempt);
        lease::release(&self.deps.leases, scan, owner).await;
    }

    async fn work(&mut self) -> Result<(), Halt> {
        let queued = self.life.queued.clone();
        self.log.info(
            "the scan runs",
            &[
                ("scan", queued.scan.to_string().into()),
                ("scanType", queued.scan_type.as_str().into()),
                ("branch", queued.branch.as_str().into()),
                ("run", self.life.run.into()),
                ("attempt", self.life.attempt.into()),
            ],
        );
        let (project, _) = self.deps.ledger.load::<Project>(&project_stream(queued.project)).await?;
        if !matches!(project, ProjectState::Live(_)) {
            return Err(project_gone());
        }
        let workspace = self.materialise().await?;
        let gathered = Box::pin(self.gather(&workspace.source)).await?;
        let imported = self.imported(&workspace.source, &gathered).await?;
        drop(workspace);

        let attempt = self.life.attempt;
        let settled = self.tell("settle", ScanCommand::Settle { attempt }).await?;
        let is_partial = settled.status == ScanStatus::Stopped;
        if gathered.is_empty() {
            // Only a stopped scan gets here with nothing to record.
            self.tell("keep", ScanCommand::KeepPartial { attempt, outcome: ScanOutcome::default() }).await?;
            return Ok(());
        }
        let mut gathered = gathered;
        let (mut observed, merges) = self.observe(std::mem::take(&mut gathered.detections)).await?;
        imported.tell(&mut observed);
        let recorded = Box::pin(self.record(&gathered, observed)).await?;
        self.settle_merges(&merges).await?;
        self.settle_incidents(&recorded).await?;
        let (outcome, verdict, reports) = Box::pin(self.conclude(gathered, recorded)).await?;
        let can_wait = if is_partial { CanWait::No } else { CanWait::Yes };
        let outcome = ScanOutcome { artifacts: self.keep(reports, can_wait).await?, ..outcome };
        if is_partial {
            self.tell("keep", ScanCommand::KeepPartial { attempt, outcome }).await?;
        } else {
            let result = verdict.result;
            self.tell("complete", ScanCommand::Complete { attempt, outcome, verdict }).await?;
            tracing::info!(scan.id = %queued.scan, gate = ?result, "a scan is complete");
        }
        Ok(())
    }

    /// Records why the run is not completed.
    async fn halt(&mut self, halt: Halt) -> Result<(), Halt> {
        let Some(halt) = self.sit_out(halt).await? else { return Ok(()) };
        let (scan, attempt) = (self.life.queued.scan, self.life.attempt);
        let (label, command) = match halt {
            Halt::Ended(Ending::Cancelled | Ending::Superseded) => return Ok(()),
            Halt::Ended(Ending::Stopped) => return self.keep_nothing().await,
            Halt::Ended(Ending::Shutdown) => {
                ("shutdown", ScanCommand::Interrupt { attempt, because: Interruption::Shutdown })
            }
            Halt::Retry(why) => {
                tracing::warn!(scan.id = %scan, attempt, why, "a scan goes back into the queue");
                ("retry", ScanCommand::Interrupt { attempt, because: Interruption::WorkerLost })
            }
            Halt::Broken(fault) => {
                tracing::error!(scan.id = %scan, attempt, error = &fault as &dyn std::error::Error, "a scan failed");
                let message = "the server could not do it; its log says why".to_owned();
                ("fail", self.fail(Failure { code: FailureCode::Internal, message }).await)
            }
            Halt::Failed(failure) => ("fail", self.fail(failure).await),
        };
        match self.tell(label, command).await {
            Ok(_) | Err(Halt::Ended(Ending::Cancelled | Ending::Superseded | Ending::Shutdown)) => Ok(()),
            Err(Halt::Ended(Ending::Stopped)) => self.keep_nothing().await,
            Err(halt) => Err(halt),
        }
    }

    /// The end of a scan that failed, with what was logged until then: that is where it says how far it came.
    async fn fail(&mut self, failure: Failure) -> ScanCommand {
        let (code, reason) = (serde_json::json!(failure.code), failure.message.as_str().into());
        self.log.error("the scan failed", &[("code", code), ("reason", reason)]);
        let log = match self.store(ArtifactKind::ScanLog, self.log.to_bytes()).await {
            Ok(log) => Some(log),
            Err(fault) => {
                let error = &fault as &dyn std::error::Error;
                tracing::warn!(scan.id = %self.life.queued.scan, error, "the log of a failed scan could not be kept");
                None
            }
        };
        ScanCommand::Fail { attempt: self.life.attempt, failure, log }
    }

    async fn keep_nothing(&self) -> Result<(), Halt> {
        keep_nothing(&self.deps.ledger, &self.context, &self.life).await
    }

    /// Tells the scan's stream; while the scan is paused, waits. A paused scan that is waiting when the process
    /// ends stays paused: whoever resumes it finds it without a worker, and it is requeued.
    pub(super) async fn tell(&self, label: &str, command: ScanCommand) -> Result<ScanLife, Halt> {
        let context = self.context.derive(label);
        let stream = scan_stream(self.life.queued.scan);
        loop {
            let told = self.deps.ledger.execute::<Scan>(&context, &stream, None, command.clone()).await;
            let status = match told {
                Ok(done) => match done.state {
                    ScanState::Live(life) => return Ok(*life),
                    ScanState::Missing | ScanState::Deleted => {
                        return Err(Halt::Ended(Ending::Superseded));
                    }
                },
                Err(CommandError::Refused(ScanRefusal::Superseded { status, current }))
                    if current == self.life.attempt =>
                {
                    status
                }
                Err(CommandError::Refused(_)) => return Err(Halt::Ended(Ending::Superseded)),
                Err(CommandError::Stale { .. } | CommandError::Contended) => {
                    return Err(Halt::Retry("others wrote to the scan, again and again"));
                }
                Err(CommandError::Fault(fault)) => return Err(fault.into()),
            };
            match status {
                ScanStatus::Paused => {
                    tokio::time::sleep(PAUSE_ARRIVES).await;
                    if let Signal::End(ending @ (Ending::Shutdown | Ending::Superseded)) =
                        self.control.unpaused().await
                    {
                        return Err(Halt::Ended(ending));
                    }
                }
                ScanStatus::Stopped => return Err(Halt::Ended(Ending::Stopped)),
                ScanStatus::Cancelled => return Err(Halt::Ended(Ending::Cancelled)),
                ScanStatus::Queued
                | ScanStatus::Running
                | ScanStatus::Settling
                | ScanStatus::Completed
                | ScanStatus::Failed => return Err(Halt::Ended(Ending::Superseded)),
            }
        }
    }
}

/// Ends what a stopped scan owes: nothing more of it will be recorded.
pub(super) async fn keep_nothing(ledger: &Ledger, context: &Context, life: &ScanLife) -> Result<(), Halt> {
    let (stream, attempt) = (scan_stream(life.queued.scan), life.attempt);
    let (state, _) = ledger.load::<Scan>(&stream).await?;
    let ScanState::Live(present) = state else { return Ok(()) };
    if !present.owes_partial || present.attempt != attempt {
        return Ok(());
    }
    let mut steps = Vec::new();
    if !present.has_settled {
        steps.push(("settle-nothing", ScanCommand::Settle { attempt }));
    }
    steps.push(("keep-nothing", ScanCommand::KeepPartial { attempt, outcome: ScanOutcome::default() }));
    for (label, command) in steps {
        match ledger.execute::<Scan>(&context.derive(label), &stream, None, command).await {
            Ok(_) => (),
            // Somebody else was faster with it.
            Err(CommandError::Refused(_)) => return Ok(()),
            Err(CommandError::Stale { .. } | CommandError::Contended) => {
                return Err(Halt::Retry("others wrote to the scan, again and again"));
            }
            Err(CommandError::Fault(fault)) => return Err(fault.into()),
        }
    }
    Ok(())
}
