//! What can happen to a scan.

use super::stored::{
    Cancelled, Completed, Deleted, Failed, Failure, FailureCode, Interruption, PartialKept, Paused, Queued,
    Requeued, Resumed, ScanEvent, ScanOutcome, Settling, Started, Stopped,
};
use super::{CLIENT_ATTEMPT, ClientEnd, ResultsReceived, ScanStatus, Step};
use crate::decider::Decider;
use crate::id::ScanId;
use crate::limits::{REF_CHARS, SCAN_INTERRUPTIONS};
use crate::log::StreamName;
use crate::project::Verdict;
use crate::report::Artifact;

/// What can be asked of a scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScanCommand {
    /// Queue it.
    Queue(Queued),
    /// A worker claims it.
    Start {
        /// Whether nothing else runs beside it on the worker.
        alone: bool,
    },
    /// Somebody does something to it.
    Take(Step),
    /// The worker begins to record results.
    Settle {
        /// The worker's attempt.
        attempt: u32,
    },
    /// What the client of a scan found is on the branch.
    Receive(ResultsReceived),
    /// The client of a scan has nothing to add to what it found.
    End {
        /// How it ended for the client.
        end: ClientEnd,
        /// What the gate said.
        verdict: Verdict,
    },
    /// The worker has recorded all results.
    Complete {
        /// The worker's attempt.
        attempt: u32,
        /// What came out.
        outcome: ScanOutcome,
        /// What the gate said.
        verdict: Verdict,
    },
    /// The worker has recorded what a stopped scan had found.
    KeepPartial {
        /// The worker's attempt.
        attempt: u32,
        /// What had come out.
        outcome: ScanOutcome,
    },
    /// The worker cannot do it.
    Fail {
        /// The worker's attempt.
        attempt: u32,
        /// Why.
        failure: Failure,
        /// What the worker had logged until then, if it could be kept.
        log: Option<Artifact>,
    },
    /// Its worker is gone.
    Interrupt {
        /// The attempt that was interrupted.
        attempt: u32,
        /// Whether the worker left in good order.
        because: Interruption,
    },
}

/// Where a scan stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScanState {
    /// There is none.
    Missing,
    /// It is there.
    Live(Box<ScanLife>),
    /// It was deleted.
    Deleted,
}

/// A scan that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanLife {
    /// What was asked for.
    pub queued: Queued,
    /// Where it stands.
    pub status: ScanStatus,
    /// The present run, from 1.
    pub run: u32,
    /// The last attempt, from 1; 0 before the first.
    pub attempt: u32,
    /// Whether the last attempt ran alone.
    pub alone: bool,
    /// How often a worker vanished.
    pub interruptions: u32,
    /// How often a worker vanished while it ran alone.
    pub interruptions_alone: u32,
    /// Whether this run has begun to record results; it can then no longer be stopped.
    pub has_settled: bool,
    /// Whether a worker had begun this run when it was stopped, and has not recorded what it found.
    pub owes_partial: bool,
    /// What its client found, once that is on the branch.
    pub received: Option<ResultsReceived>,
}

/// Why something is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScanRefusal {
    /// There is none, or it was deleted.
    #[error("the scan does not exist")]
    NotFound,
    /// There is one already.
    #[error("the scan exists already")]
    Exists,
    /// Its state does not allow the step.
    #[error("a scan that is {from} cannot be {}", done(*.step))]
    IllegalStep {
        /// Where it stands.
        from: ScanStatus,
        /// What was asked.
        step: Step,
    },
    /// It does not wait for a worker.
    #[error("the scan is not waiting for a worker")]
    NotQueued,
    /// The worker was superseded, or the scan was ended or paused.
    #[error("the scan is {status} in attempt {current}")]
    Superseded {
        /// Where it stands.
        status: ScanStatus,
        /// The present attempt.
        current: u32,
    },
    /// A branch name or commit is empty or too long.
    #[error("{0} must have 1 to {REF_CHARS} characters and no control characters")]
    BadRef(&'static str),
}

const fn done(step: Step) -> &'static str {
    match step {
        Step::Pause => "paused",
        Step::Resume => "resumed",
        Step::Stop => "stopped",
        Step::Cancel => "cancelled",
        Step::Delete => "deleted",
    }
}

/// The rules of scans.
#[derive(Debug)]
pub struct Scan;

/// Whether a scan whose worker vanished this often may only run while nothing else does.
pub const fn must_run_alone(interruptions: u32) -> bool {
    interruptions >= 2
}

/// The stream of a scan.
pub fn scan_stream(id: ScanId) -> StreamName {
    StreamName::new("scan", id)
}

impl ScanLife {
    fn new(queued: Queued) -> Self {
        Self {
            queued,
            status: ScanStatus::Queued,
            run: 1,
            attempt: 0,
            alone: false,
            interruptions: 0,
            interruptions_alone: 0,
            has_settled: false,
            owes_partial: false,
            received: None,
        }
    }

    /// Whether a client runs it, so that no worker has a part in it and nobody can pause or stop it.
    pub const fn is_run_by_client(&self) -> bool {
        self.queued.client.is_some()
    }

    /// Whether it may only run while nothing else does, because workers vanished twice under it.
    pub const fn must_run_alone(&self) -> bool {
        must_run_alone(self.interruptions)
    }

    fn check_attempt(&self, attempt: u32, allowed: &[ScanStatus]) -> Result<(), ScanRefusal> {
        if attempt == self.attempt && allowed.contains(&self.status) {
            return Ok(());
        }
        Err(self.superseded())
    }

    const fn superseded(&self) -> ScanRefusal {
        ScanRefusal::Superseded { status: self.status, current: self.attempt }
    }

    fn take(&self, step: Step) -> Result<ScanEvent, ScanRefusal> {
        let scan = self.queued.scan;
        let illegal = ScanRefusal::IllegalStep { from: self.status, step };
        if !self.status.steps().contains(&step) {
            return Err(illegal);
        }
        // What runs elsewhere can be disowned, but not be told to wait.
        if self.is_run_by_client() && !matches!(step, Step::Cancel | Step::Delete) {
            return Err(illegal);
        }
        // Results of this run are on the branch already, although a lost worker put it back into the queue.
        if self.has_settled && self.status.is_active() {
            return Err(illegal);
        }
        Ok(match step {
            Step::Pause => Paused { scan }.into(),
            Step::Resume if self.status == ScanStatus::Paused => Resumed { scan }.into(),
            Step::Resume if self.has_settled && self.owes_partial => return Err(illegal),
            Step::Resume => Requeued { scan, run: self.run + 1, because: Interruption::Resumed }.into(),
            Step::Stop => Stopped { scan }.into(),
            Step::Cancel => Cancelled { scan }.into(),
            Step::Delete => Deleted { scan }.into(),
        })
    }

    fn interrupt(&self, attempt: u32, because: Interruption) -> Result<Vec<ScanEvent>, ScanRefusal> {
        self.check_attempt(attempt, &[ScanStatus::Running, ScanStatus::Settling])?;
        if self.is_run_by_client() {
            return Err(self.superseded());
        }
        let scan = self.queued.scan;
        let lost_alone = self.alone && because == Interruption::WorkerLost;
        if lost_alone && self.interruptions_alone + 1 >= SCAN_INTERRUPTIONS {
            let message = format!("its worker was lost {SCAN_INTERRUPTIONS} times while nothing else ran");
            let failure = Failure { code: FailureCode::Interrupted, message };
            return Ok(vec![Failed { scan, failure, log: None }.into()]);
        }
        Ok(vec![Requeued { scan, run: self.run, because }.into()])
    }

    fn apply(&mut self, event: &ScanEvent) {
        match event {
            ScanEvent::Queued(_) | ScanEvent::Deleted(_) => (),
            ScanEvent::Started(started) => {
                self.status = ScanStatus::Running;
                self.attempt = started.attempt;
                self.alone = started.alone;
            }
            ScanEvent::Paused(_) => self.status = ScanStatus::Paused,
            ScanEvent::Resumed(_) => self.status = ScanStatus::Running,
            ScanEvent::Requeued(requeued) => {
                self.status = ScanStatus::Queued;
                match requeued.because {
                    Interruption::WorkerLost => {
                        self.interruptions += 1;
                        self.interruptions_alone += u32::from(self.alone);
                    }
                    Interruption::Shutdown => (),
                    Interruption::Resumed => {
                        self.has_settled = false;
                        self.owes_partial = false;
                    }
                }
                self.run = requeued.run;
            }
            ScanEvent::Settling(_) => {
                self.has_settled = true;
                if self.status != ScanStatus::Stopped {
                    self.status = ScanStatus::Settling;
                }
            }
            ScanEvent::ResultsReceived(received) => self.received = Some(received.clone()),
            ScanEvent::Completed(_) => self.status = ScanStatus::Completed,
            ScanEvent::Failed(_) => self.status = ScanStatus::Failed,
            ScanEvent::Stopped(_) => {
                self.owes_partial = self.status != ScanStatus::Queued;
                self.status = ScanStatus::Stopped;
            }
            ScanEvent::PartialKept(_) => self.owes_partial = false,
            ScanEvent::Cancelled(_) => self.status = ScanStatus::Cancelled,
        }
    }
}

fn check_ref(field: &'static str, text: &str) -> Result<(), ScanRefusal> {
    let length = text.chars().count();
    if length == 0 || length > REF_CHARS || text.chars().any(char::is_control) {
        return Err(ScanRefusal::BadRef(field));
    }
    Ok(())
}

fn queue(queued: Queued) -> Result<Vec<ScanEvent>, ScanRefusal> {
    check_ref("branch", &queued.branch)?;
    for (field, commit) in [("commitSha", &queued.commit), ("baseSha", &queued.base)] {
        if let Some(commit) = commit {
            check_ref(field, commit)?;
        }
    }
    let scan = queued.scan;
    let is_run_by_client = queued.client.is_some();
    let mut events = vec![queued.into()];
    if is_run_by_client {
        // It runs already, wherever that is: it never waits for a worker.
        events.push(Started { scan, run: 1, attempt: CLIENT_ATTEMPT, alone: false }.into());
    }
    Ok(events)
}

impl Decider for Scan {
    type State = ScanState;
    type Command = ScanCommand;
    type Event = ScanEvent;
    type Refusal = ScanRefusal;

    fn initial() -> ScanState {
        ScanState::Missing
    }

    fn evolve(state: ScanState, event: &ScanEvent) -> ScanState {
        match (state, event) {
            (_, ScanEvent::Queued(queued)) => ScanState::Live(Box::new(ScanLife::new(queued.clone()))),
            (_, ScanEvent::Deleted(_)) => ScanState::Deleted,
            (ScanState::Live(mut life), event) => {
                life.apply(event);
                ScanState::Live(life)
            }
            (state @ (ScanState::Missing | ScanState::Deleted), _) => state,
        }
    }

    fn decide(state: &ScanState, command: ScanCommand) -> Result<Vec<ScanEvent>, ScanRefusal> {
        let life = match (state, command) {
            (ScanState::Missing, ScanCommand::Queue(queued)) => return queue(queued),
            (_, ScanCommand::Queue(_)) => return Err(ScanRefusal::Exists),
            (ScanState::Missing | ScanState::Deleted, _) => return Err(ScanRefusal::NotFound),
            (ScanState::Live(life), command) => (life, command),
        };
        let (life, command) = life;
        let scan = life.queued.scan;
        match command {
            ScanCommand::Queue(_) => Err(ScanRefusal::Exists),
            ScanCommand::Start { alone } if life.status == ScanStatus::Queued => {
                Ok(vec![Started { scan, run: life.run, attempt: life.attempt + 1, alone }.into()])
            }
            ScanCommand::Start { .. } => Err(ScanRefusal::NotQueued),
            ScanCommand::Take(step) => life.take(step).map(|event| vec![event]),
            ScanCommand::Settle { attempt } => {
                let owed = life.status == ScanStatus::Stopped && life.owes_partial;
                let allowed: &[_] = if owed { &[ScanStatus::Stopped] } else { &[ScanStatus::Running] };
                life.check_attempt(attempt, allowed)?;
                Ok(vec![Settling { scan, attempt }.into()])
            }
            ScanCommand::Receive(received) => {
                life.check_attempt(CLIENT_ATTEMPT, &[ScanStatus::Settling])?;
                match &life.received {
                    None if life.is_run_by_client() => Ok(vec![received.into()]),
                    Some(before) if *before == received => Ok(vec![]),
                    None | Some(_) => Err(life.superseded()),
                }
            }
            ScanCommand::End { end, verdict } => {
                life.check_attempt(CLIENT_ATTEMPT, &[ScanStatus::Settling])?;
                let received = life.received.as_ref().ok_or_else(|| life.superseded())?;
                let outcome = ScanOutcome { client: Some(end), ..received.outcome.clone() };
                Ok(vec![Completed { scan, outcome, verdict }.into()])
            }
            ScanCommand::Complete { attempt, outcome, verdict } => {
                life.check_attempt(attempt, &[ScanStatus::Settling])?;
                if life.is_run_by_client() {
                    return Err(life.superseded());
                }
                Ok(vec![Completed { scan, outcome, verdict }.into()])
            }
            ScanCommand::KeepPartial { attempt, outcome } => {
                if !(life.owes_partial && life.has_settled) {
                    return Err(ScanRefusal::Superseded { status: life.status, current: life.attempt });
                }
                life.check_attempt(attempt, &[ScanStatus::Stopped])?;
                Ok(vec![PartialKept { scan, outcome }.into()])
            }
            ScanCommand::Fail { attempt, failure, log } => {
                life.check_attempt(attempt, &[ScanStatus::Running, ScanStatus::Settling])?;
                Ok(vec![Failed { scan, failure, log }.into()])
            }
            ScanCommand::Interrupt { attempt, because } => life.interrupt(attempt, because),
        }
    }
}

#[cfg(test)]
#[path = "decider_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "client_tests.rs"]
mod client_tests;

#[cfg(test)]
#[path = "interruption_tests.rs"]
mod interruption_tests;

#[cfg(test)]
#[path = "matrix_tests.rs"]
mod matrix_tests;

#[cfg(test)]
#[path = "stopping_tests.rs"]
mod stopping_tests;
