//! Does what checks owe to the code host: follows the log, and goes on after a crash where it was.

use super::{Hosted, HostedProblem, Result};
use crate::error::{CommandError, Fault};
use crate::ports::{Checkpoints, CodeHostError};
use crate::reactor::until_true;
use scanledger_domain::Cause;
use scanledger_domain::check::{CheckEvent, FailureKind, Owed};
use scanledger_domain::decider::StoredEvent as _;
use scanledger_domain::id::{EventId, ScanId};
use scanledger_domain::limits::CHECK_TIME;
use scanledger_domain::log::{LogError, Position, Recorded};
use scanledger_domain::time::Clock;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

/// Under which name it is kept how far this has come.
const CHECKPOINT: &str = "checks";
/// How many checks are worked at side by side.
const AT_ONCE: usize = 4;
/// How often something is tried before it is given up; with pauses that double, half an hour in all.
const ATTEMPTS: u32 = 10;
/// The first pause.
const PAUSE: Duration = Duration::from_secs(2);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);
/// How often the read model is asked again while the log has the end of a scan and it has not.
const SOON: Duration = Duration::from_millis(200);
/// How often it is looked whether a scan takes too long.
const PATROL: Duration = Duration::from_secs(15);
/// After how many events it is kept how far this has come; what comes twice does no harm.
const KEEP_EVENTS: u64 = 1_000;
/// After how much time, if there is less to keep.
const KEEP_TIME: Duration = Duration::from_secs(30);

/// Does what checks owe. Runs under a lease.
#[derive(Clone)]
pub struct ChecksReactor {
    hosted: Hosted,
    checkpoints: Arc<dyn Checkpoints>,
    clock: Arc<dyn Clock>,
}

/// A check that owes something.
struct Open {
    /// Where its story begins in the log.
    first: Position,
    /// When it is to be looked at next; none while somebody does.
    due: Option<Instant>,
    /// Whether it is to be looked at again as soon as nobody does.
    is_woken: bool,
    attempts: u32,
    /// Since when it waits for its scan.
    waits_since: Option<Instant>,
    /// Whether the log has the end of its scan, which the read model may not have yet.
    scan: ScanEnd,
}

/// Whether the log has the end of a scan.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ScanEnd {
    Unseen,
    Seen,
}

/// What came of looking at a check.
enum Looked {
    /// It owes nothing any more.
    Settled,
    /// A step is done; there is another.
    Moved,
    /// It waits for its scan.
    Waits,
    /// It did not work, and may after this pause.
    Failed(Duration),
}

impl ChecksReactor {
    /// The reactor.
    pub fn new(hosted: Hosted, checkpoints: Arc<dyn Checkpoints>, clock: Arc<dyn Clock>) -> Self {
        Self { hosted, checkpoints, clock }
    }

    /// Works until `stop`.
    ///
    /// # Errors
    /// When the log or the checkpoint cannot be used; it may be begun again.
    pub async fn run(self, mut stop: watch::Receiver<bool>) -> std::result::Result<(), Cause> {
        let mut reached = self.checkpoint().await?;
        let mut subscription = self.hosted.0.ledger.log().subscribe(reached);
        let mut open: BTreeMap<ScanId, Open> = BTreeMap::new();
        let mut work: JoinSet<(ScanId, Looked)> = JoinSet::new();
        let (mut kept, mut kept_at) = (reached, Instant::now());
        loop {
            self.begin_due(&mut open, &mut work);
            let next = open.values().filter_map(|open| open.due).min();
            let next = next.unwrap_or_else(|| Instant::now() + PATROL);
            tokio::select! {
                () = until_true(&mut stop) => return Ok(()),
                batch = subscription.next() => match batch {
                    Ok(batch) => for recorded in &batch {
                        reached = recorded.position;
                        note(recorded, &mut open)?;
                    },
                    Err(LogError::Unavailable { .. }) => tokio::time::sleep(PAUSE).await,
                    Err(lost @ LogError::Diverged { .. }) => {
                        // Where the histories part is not known; what is done already owes nothing.
                        self.keep(Position::START).await?;
                        return Err(lost.into());
                    }
                    Err(error) => return Err(error.into()),
                },
                Some(done) = work.join_next() => {
                    let (scan, looked) = done?;
                    if let Some(check) = open.get_mut(&scan) && check.settle(looked, Instant::now()) {
                        open.remove(&scan);
                    }
                }
                () = sleep_until(next), if work.len() < AT_ONCE => (),
            }
            // Everything before the first check that owes something is done.
            let first = open.values().map(|open| Position(open.first.0.saturating_sub(1))).min();
            let done = first.unwrap_or(reached).min(reached);
            if (done.0 > kept.0 + KEEP_EVENTS || (done > kept && kept_at.elapsed() >= KEEP_TIME))
                && self.keep(done).await?
            {
                (kept, kept_at) = (done, Instant::now());
            }
        }
    }

    /// Begins with what is due, as far as there is room.
    fn begin_due(&self, open: &mut BTreeMap<ScanId, Open>, work: &mut JoinSet<(ScanId, Looked)>) {
        let now = Instant::now();
        for (&scan, open) in open.iter_mut() {
            if work.len() >= AT_ONCE {
                return;
            }
            if open.due.is_none_or(|due| due > now) {
                continue;
            }
            open.due = None;
            open.is_woken = false;
            let is_late = open.waits_since.is_some_and(|since| since.elapsed() >= CHECK_TIME);
            let (reactor, attempts) = (self.clone(), open.attempts + 1);
            work.spawn(async move { (scan, reactor.look(scan, is_late, attempts).await) });
        }
    }

    /// Does one step of a check, for the `attempts`th time; what cannot be done is ended.
    async fn look(&self, scan: ScanId, is_late: bool, attempts: u32) -> Looked {
        let error = match look(&self.hosted, scan, is_late).await {
            Ok(looked) => return looked,
            Err(error) => error,
        };
        match self.trouble(&error, attempts) {
            Some(pause) if attempts < ATTEMPTS => Looked::Failed(pause),
            _ => match give_up(&self.hosted, scan, &error).await {
                Ok(()) => Looked::Moved,
                Err(error) => {
                    let cause = &error as &dyn std::error::Error;
                    tracing::warn!(scan.id = %scan, error = cause, "the end of a check could not be recorded");
                    Looked::Failed(pause(attempts))
                }
            },
        }
    }

    /// After which pause it may work; none if it will not.
    fn trouble(&self, error: &CommandError<HostedProblem>, attempts: u32) -> Option<Duration> {
        match error {
            CommandError::Refused(HostedProblem::Host(CodeHostError::RateLimited { until })) => {
                let micros = until.0.saturating_sub(self.clock.now().0);
                Some(Duration::from_micros(micros.max(0).cast_unsigned()).max(PAUSE))
            }
            CommandError::Refused(HostedProblem::Host(
                CodeHostError::Unreachable(_) | CodeHostError::Misconfigured(_) | CodeHostError::Local(_),
            ))
            | CommandError::Contended
            | CommandError::Stale { .. }
            | CommandError::Fault(_) => Some(pause(attempts)),
            CommandError::Refused(_) => None,
        }
    }

    /// How far this has come; the start if the log has another history since.
    async fn checkpoint(&self) -> std::result::Result<Position, Cause> {
        let checkpoints = Arc::clone(&self.checkpoints);
        let found = tokio::task::spawn_blocking(move || checkpoints.find(CHECKPOINT)).await??;
        let Some((position, event)) = found.as_deref().and_then(kept) else { return Ok(Position::START) };
        match event {
            Some(event) if self.event_at(position).await? != Some(event) => {
                tracing::error!(
                    position = position.0,
                    "checks are looked at from the start, because the log no longer has the event up to which they were"
                );
                Ok(Position::START)
            }
            // Versions before this one kept no event.
            Some(_) | None => Ok(position),
        }
    }

    /// Keeps how far this has come; `false` if the log does not say now which event is there.
    async fn keep(&self, position: Position) -> std::result::Result<bool, Cause> {
        let event = match self.event_at(position).await {
            Ok(event) => event,
            Err(LogError::Unavailable { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let mut value = position.0.to_be_bytes().to_vec();
        if let Some(event) = event {
            value.extend(event.0.as_bytes());
        }
        let checkpoints = Arc::clone(&self.checkpoints);
        tokio::task::spawn_blocking(move || checkpoints.put(CHECKPOINT, &value)).await??;
        Ok(true)
    }

    async fn event_at(&self, position: Position) -> std::result::Result<Option<EventId>, LogError> {
        Ok(self.hosted.0.ledger.log().event_at(position).await?.map(|event| event.id))
    }
}

/// A position, and the event there.
fn kept(value: &[u8]) -> Option<(Position, Option<EventId>)> {
    let (position, event) = value.split_first_chunk()?;
    let event = Uuid::from_slice(event).ok().map(EventId);
    Some((Position(u64::from_be_bytes(*position)), event))
}

/// The pause after so many attempts.
fn pause(attempts: u32) -> Duration {
    PAUSE.saturating_mul(1 << attempts.min(16)).min(LONGEST_PAUSE)
}

/// Takes note of an event that concerns a check.
fn note(recorded: &Recorded, open: &mut BTreeMap<ScanId, Open>) -> std::result::Result<(), Fault> {
    if recorded.kind.starts_with("check.") {
        let event = CheckEvent::decode(&recorded.kind, recorded.schema, &recorded.data)?;
        let begins = match &event {
            CheckEvent::Requested(requested) => requested.pull_request.is_some(),
            CheckEvent::FixRequested(_) => true,
            _ => false,
        };
        if begins {
            open.entry(event.scan()).or_insert_with(|| Open::new(recorded.position));
        }
        wake(open.get_mut(&event.scan()));
    } else if ENDS.contains(&&*recorded.kind) {
        let scan = recorded.stream.as_str().strip_prefix("scan-").and_then(|id| id.parse().ok());
        if let Some(open) = scan.and_then(|scan: ScanId| open.get_mut(&scan)) {
            open.scan = ScanEnd::Seen;
            wake(Some(open));
        }
    }
    Ok(())
}

/// How scans end.
const ENDS: [&str; 5] = ["scan.completed", "scan.failed", "scan.stopped", "scan.cancelled", "scan.deleted"];

impl Open {
    fn new(first: Position) -> Self {
        Self {
            first,
            due: Some(Instant::now()),
            is_woken: false,
            attempts: 0,
            waits_since: None,
            scan: ScanEnd::Unseen,
        }
    }

    /// Takes note of what came of looking at it, and says whether it is done with.
    fn settle(&mut self, looked: Looked, now: Instant) -> bool {
        let wait = match looked {
            Looked::Settled if !self.is_woken => return true,
            Looked::Failed(pause) => {
                self.attempts += 1;
                self.due = Some(now + pause);
                return false;
            }
            Looked::Settled | Looked::Moved => Duration::ZERO,
            Looked::Waits => {
                self.waits_since.get_or_insert(now);
                match self.scan {
                    ScanEnd::Seen => SOON,
                    ScanEnd::Unseen => PATROL,
                }
            }
        };
        self.attempts = 0;
        self.due = Some(now + wait);
        false
    }
}

fn wake(open: Option<&mut Open>) {
    let Some(open) = open else { return };
    open.is_woken = true;
    // What failed keeps its pause.
    if open.due.is_some() && open.attempts == 0 {
        open.due = Some(Instant::now());
    }
}

/// Does one step of a check.
async fn look(hosted: &Hosted, scan: ScanId, is_late: bool) -> Result<Looked> {
    let Some(life) = hosted.find(scan).await? else { return Ok(Looked::Settled) };
    match life.owed() {
        None => Ok(Looked::Settled),
        Some(Owed::Show) => hosted.show(&life).await.map(|()| Looked::Moved),
        Some(Owed::Begin) => hosted.begin(&life.requested).await.map(|()| Looked::Moved),
        Some(Owed::Report) => match hosted.report(&life, is_late).await {
            Ok(true) => Ok(Looked::Moved),
            // The read model has not come to the scan yet, or somebody has deleted it.
            Ok(false) => Ok(Looked::Waits),
            Err(CommandError::Refused(HostedProblem::NotFound)) if !is_late => Ok(Looked::Waits),
            Err(error) => Err(error),
        },
        Some(Owed::Fix) => hosted.fix(&life).await.map(|_| Looked::Moved),
    }
}

/// Ends what cannot be done, so that nobody waits for it.
async fn give_up(hosted: &Hosted, scan: ScanId, error: &CommandError<HostedProblem>) -> Result<()> {
    tracing::warn!(scan.id = %scan, error = error as &dyn std::error::Error, "a check is given up");
    let Some(life) = hosted.find(scan).await? else { return Ok(()) };
    let message = told(error);
    if life.owed() == Some(Owed::Fix) {
        return hosted.refuse_fix(&life, &message).await;
    }
    hosted.fail(&life, kind(error), &message).await
}

/// What people are told; what is wrong with this server is its own affair.
fn told(error: &CommandError<HostedProblem>) -> String {
    match error {
        CommandError::Refused(problem) => problem.to_string(),
        CommandError::Stale { .. } | CommandError::Contended | CommandError::Fault(_) => {
            "the server could not do it".to_owned()
        }
    }
}

const fn kind(error: &CommandError<HostedProblem>) -> FailureKind {
    match error {
        CommandError::Refused(HostedProblem::Host(
            CodeHostError::RateLimited { .. } | CodeHostError::Unreachable(_) | CodeHostError::Local(_),
        ))
        | CommandError::Stale { .. }
        | CommandError::Contended
        | CommandError::Fault(_) => FailureKind::OutOfReach,
        CommandError::Refused(HostedProblem::Host(CodeHostError::TooLarge { .. }))
        | CommandError::Refused(HostedProblem::Project(_) | HostedProblem::Scan(_)) => {
            FailureKind::SourceRefused
        }
        CommandError::Refused(_) => FailureKind::HostRefused,
    }
}

#[cfg(test)]
mod tests {
    use super::{Looked, Open, PATROL, PAUSE, pause, wake};
    use scanledger_domain::log::Position;
    use std::time::Duration;
    use tokio::time::Instant;

    #[test]
    fn what_failed_keeps_its_pause() {
        let (mut open, now) = (Open::new(Position(1)), Instant::now());
        for attempts in 1..=3 {
            assert!(!open.settle(Looked::Failed(pause(attempts)), now));
            wake(Some(&mut open));
            assert_eq!((open.attempts, open.due), (attempts, Some(now + pause(attempts))));
        }
        assert!(pause(1) > PAUSE / 2 && pause(2) > pause(1));
    }

    #[test]
    fn what_works_again_begins_to_count_anew() {
        let now = Instant::now();
        for (looked, wait) in [(Looked::Waits, PATROL), (Looked::Moved, Duration::ZERO)] {
            let mut open = Open::new(Position(1));
            open.settle(Looked::Failed(PAUSE), now);
            assert!(!open.settle(looked, now));
            assert_eq!((open.attempts, open.due), (0, Some(now + wait)));
        }
    }

    #[test]
    fn what_owes_nothing_is_done_with_unless_something_came_meanwhile() {
        let (mut open, now) = (Open::new(Position(1)), Instant::now());
        assert!(open.settle(Looked::Settled, now));
        open.is_woken = true;
        assert!(!open.settle(Looked::Settled, now));
        assert_eq!(open.due, Some(now));
    }
}
