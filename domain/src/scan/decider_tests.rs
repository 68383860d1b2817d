//! The rules of scans, one by one: their way from the queue to the verdict. Those of scans that lose their worker or are
//! stopped have files of their own; `matrix_tests.rs` asks every state every command.

use super::{
    Cancelled, Completed, Deleted, Failed, Failure, FailureCode, Interruption, PartialKept, Paused, Queued,
    Requeued, Resumed, Scan, ScanCommand, ScanEvent, ScanLife, ScanOutcome, ScanRefusal, ScanState,
    ScanStatus, Settling, Started, Stopped, scan_stream,
};
use crate::blob::BlobHash;
use crate::decider::{Decider, given};
use crate::id::{OrganizationId, ProjectId, ScanId};
use crate::limits::REF_CHARS;
use crate::log::{Actor, Position};
use crate::project::{Gate, GateInput, Verdict};
use crate::report::{Artifact, ArtifactKind};
use crate::scan::{ClientEnd, ResultsReceived, ScanType, Source, SourceKind, Step};
use Interruption::Shutdown;
use uuid::Uuid;

pub(super) const SCAN: ScanId = ScanId(Uuid::from_u128(1));

pub(super) fn wish() -> Queued {
    Queued {
        scan: SCAN,
        organization: OrganizationId(Uuid::from_u128(2)),
        project: ProjectId(Uuid::from_u128(3)),
        branch: "main".to_owned(),
        scan_type: ScanType::Full,
        source: Source {
            kind: SourceKind::Upload,
            blob: BlobHash([4; 32]),
            name: "shop.zip".to_owned(),
            size: 5,
        },
        commit: None,
        base: None,
        by: Actor::Operator,
        rescan_of: None,
        client: None,
    }
}

pub(super) fn outcome() -> ScanOutcome {
    ScanOutcome {
        counts: Default::default(),
        new: 1,
        fixed: 2,
        unchanged: 3,
        files: 4,
        components: 5,
        scanners: vec![],
        gaps: vec![],
        generation: None,
        artifacts: vec![],
        client: None,
    }
}

pub(super) fn received() -> ResultsReceived {
    let seen = BlobHash([6; 32]);
    ResultsReceived { scan: SCAN, outcome: outcome(), seen, rules: 7, ignored: 8, changes: vec![] }
}

pub(super) fn end() -> ClientEnd {
    ClientEnd { exit_code: 1, total_time_ms: None, blocking: None }
}

pub(super) fn verdict() -> Verdict {
    Gate::default().verdict(&GateInput::default(), Position(7))
}

pub(super) fn failure() -> Failure {
    Failure { code: FailureCode::SourceRejected, message: "the archive escapes its folder".to_owned() }
}

/// What the worker of a scan that fails had logged.
fn kept_log() -> Option<Artifact> {
    Some(Artifact { kind: ArtifactKind::ScanLog, blob: BlobHash([5; 32]), size: 80 })
}

pub(super) fn queued() -> ScanEvent {
    wish().into()
}

pub(super) fn started(run: u32, attempt: u32) -> ScanEvent {
    Started { scan: SCAN, run, attempt, alone: false }.into()
}

pub(super) fn started_alone(attempt: u32) -> ScanEvent {
    Started { scan: SCAN, run: 1, attempt, alone: true }.into()
}

pub(super) fn paused() -> ScanEvent {
    Paused { scan: SCAN }.into()
}

fn resumed() -> ScanEvent {
    Resumed { scan: SCAN }.into()
}

pub(super) fn stopped() -> ScanEvent {
    Stopped { scan: SCAN }.into()
}

fn cancelled() -> ScanEvent {
    Cancelled { scan: SCAN }.into()
}

fn deleted() -> ScanEvent {
    Deleted { scan: SCAN }.into()
}

pub(super) fn requeued(run: u32, because: Interruption) -> ScanEvent {
    Requeued { scan: SCAN, run, because }.into()
}

pub(super) fn settling(attempt: u32) -> ScanEvent {
    Settling { scan: SCAN, attempt }.into()
}

pub(super) fn completed() -> ScanEvent {
    Completed { scan: SCAN, outcome: outcome(), verdict: verdict() }.into()
}

pub(super) fn partial_kept() -> ScanEvent {
    PartialKept { scan: SCAN, outcome: outcome() }.into()
}

fn failed() -> ScanEvent {
    Failed { scan: SCAN, failure: failure(), log: kept_log() }.into()
}

pub(super) fn start() -> ScanCommand {
    ScanCommand::Start { alone: false }
}

pub(super) fn settle(attempt: u32) -> ScanCommand {
    ScanCommand::Settle { attempt }
}

pub(super) fn complete(attempt: u32) -> ScanCommand {
    ScanCommand::Complete { attempt, outcome: outcome(), verdict: verdict() }
}

pub(super) fn keep_partial(attempt: u32) -> ScanCommand {
    ScanCommand::KeepPartial { attempt, outcome: outcome() }
}

pub(super) fn fail(attempt: u32) -> ScanCommand {
    ScanCommand::Fail { attempt, failure: failure(), log: kept_log() }
}

pub(super) fn interrupt(attempt: u32, because: Interruption) -> ScanCommand {
    ScanCommand::Interrupt { attempt, because }
}

pub(super) fn illegal(from: ScanStatus, step: Step) -> ScanRefusal {
    ScanRefusal::IllegalStep { from, step }
}

pub(super) fn superseded(status: ScanStatus, current: u32) -> ScanRefusal {
    ScanRefusal::Superseded { status, current }
}

#[track_caller]
pub(super) fn life(history: impl IntoIterator<Item = ScanEvent>) -> ScanLife {
    match history.into_iter().fold(Scan::initial(), |state, event| Scan::evolve(state, &event)) {
        ScanState::Live(life) => *life,
        state @ (ScanState::Missing | ScanState::Deleted) => panic!("{state:?}"),
    }
}

#[test]
fn a_scan_goes_from_the_queue_to_its_verdict() {
    given::<Scan>([]).when(ScanCommand::Queue(wish())).then([queued()]);
    given::<Scan>([queued()]).when(start()).then([started(1, 1)]);
    given::<Scan>([queued(), started(1, 1)]).when(settle(1)).then([settling(1)]);
    given::<Scan>([queued(), started(1, 1), settling(1)]).when(complete(1)).then([completed()]);
}

#[test]
fn a_scan_can_wait_and_go_on() {
    given::<Scan>([queued(), started(1, 1)]).when(ScanCommand::Take(Step::Pause)).then([paused()]);
    given::<Scan>([queued(), started(1, 1), paused()])
        .when(ScanCommand::Take(Step::Resume))
        .then([resumed()]);
    given::<Scan>([queued(), started(1, 1), paused(), resumed()]).when(settle(1)).then([settling(1)]);
}

#[test]
fn a_scan_is_cancelled_or_deleted() {
    given::<Scan>([queued(), started(1, 1)]).when(ScanCommand::Take(Step::Cancel)).then([cancelled()]);
    given::<Scan>([queued(), started(1, 1), cancelled()])
        .when(ScanCommand::Take(Step::Delete))
        .then([deleted()]);
}

#[test]
fn a_scan_that_cannot_be_done_says_why() {
    given::<Scan>([queued(), started(1, 1)]).when(fail(1)).then([failed()]);
    given::<Scan>([queued(), started(1, 1), settling(1)]).when(fail(1)).then([failed()]);
}

#[test]
fn branch_and_commits_have_limits() {
    let longest = "é".repeat(REF_CHARS);
    let too_long = format!("{longest}x");
    let on = |branch: &str| Queued { branch: branch.to_owned(), ..wish() };
    let at = |commit: &str| Queued { commit: Some(commit.to_owned()), ..wish() };
    let from = |base: &str| Queued { base: Some(base.to_owned()), ..wish() };
    for wish in [on(&longest), at(&longest), from(&longest)] {
        given::<Scan>([]).when(ScanCommand::Queue(wish.clone())).then([wish.into()]);
    }
    for bad in ["", too_long.as_str(), "a\nb", "a\0b"] {
        for (wish, field) in [(on(bad), "branch"), (at(bad), "commitSha"), (from(bad), "baseSha")] {
            given::<Scan>([]).when(ScanCommand::Queue(wish)).then_refused(ScanRefusal::BadRef(field));
        }
    }
}

#[test]
fn a_settling_scan_cannot_be_touched() {
    for step in Step::ALL {
        given::<Scan>([queued(), started(1, 1), settling(1)])
            .when(ScanCommand::Take(step))
            .then_refused(illegal(ScanStatus::Settling, step));
    }
}

#[test]
fn a_paused_or_ended_scan_is_not_settled() {
    for (end, status) in [
        (paused(), ScanStatus::Paused),
        (cancelled(), ScanStatus::Cancelled),
        (failed(), ScanStatus::Failed),
        (requeued(1, Shutdown), ScanStatus::Queued),
    ] {
        given::<Scan>([queued(), started(1, 1), end]).when(settle(1)).then_refused(superseded(status, 1));
    }
}

#[test]
fn a_scan_that_is_gone_stays_gone_whatever_is_recorded_later() {
    let state = [queued(), deleted(), started(1, 1), completed()].iter().fold(Scan::initial(), Scan::evolve);
    assert_eq!(state, ScanState::Deleted);
    assert_eq!(Scan::evolve(ScanState::Missing, &started(1, 1)), ScanState::Missing);
}

#[test]
fn refusals_read_like_sentences() {
    assert_eq!(
        illegal(ScanStatus::Completed, Step::Stop).to_string(),
        "a scan that is completed cannot be stopped"
    );
    assert_eq!(superseded(ScanStatus::Running, 2).to_string(), "the scan is running in attempt 2");
    assert_eq!(
        ScanRefusal::BadRef("branch").to_string(),
        "branch must have 1 to 255 characters and no control characters"
    );
}

#[test]
fn its_stream_is_named_by_its_id() {
    assert_eq!(scan_stream(SCAN).as_str(), "scan-00000000-0000-0000-0000-000000000001");
}
