//! The rules of scans, one by one; `matrix_tests.rs` asks every state every command.

use super::{
    Cancelled, Completed, Deleted, Failed, Failure, FailureCode, Interruption, PartialKept, Paused, Queued,
    Requeued, Resumed, Scan, ScanCommand, ScanEvent, ScanLife, ScanOutcome, ScanRefusal, ScanState,
    ScanStatus, Settling, Started, Stopped, scan_stream,
};
use crate::blob::BlobHash;
use crate::decider::{Decider, given};
use crate::id::{OrganizationId, ProjectId, ScanId};
use crate::limits::{REF_CHARS, SCAN_INTERRUPTIONS};
use crate::log::{Actor, Position};
use crate::project::{Gate, GateInput, Verdict};
use crate::report::{Artifact, ArtifactKind};
use crate::scan::{ClientEnd, ResultsReceived, ScanType, Source, SourceKind, Step};
use Interruption::{Shutdown, WorkerLost};
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

fn queued() -> ScanEvent {
    wish().into()
}

fn started(run: u32, attempt: u32) -> ScanEvent {
    Started { scan: SCAN, run, attempt, alone: false }.into()
}

fn started_alone(attempt: u32) -> ScanEvent {
    Started { scan: SCAN, run: 1, attempt, alone: true }.into()
}

fn paused() -> ScanEvent {
    Paused { scan: SCAN }.into()
}

fn resumed() -> ScanEvent {
    Resumed { scan: SCAN }.into()
}

fn stopped() -> ScanEvent {
    Stopped { scan: SCAN }.into()
}

fn cancelled() -> ScanEvent {
    Cancelled { scan: SCAN }.into()
}

fn deleted() -> ScanEvent {
    Deleted { scan: SCAN }.into()
}

fn requeued(run: u32, because: Interruption) -> ScanEvent {
    Requeued { scan: SCAN, run, because }.into()
}

fn settling(attempt: u32) -> ScanEvent {
    Settling { scan: SCAN, attempt }.into()
}

fn completed() -> ScanEvent {
    Completed { scan: SCAN, outcome: outcome(), verdict: verdict() }.into()
}

fn partial_kept() -> ScanEvent {
    PartialKept { scan: SCAN, outcome: outcome() }.into()
}

fn failed() -> ScanEvent {
    Failed { scan: SCAN, failure: failure(), log: kept_log() }.into()
}

fn start() -> ScanCommand {
    ScanCommand::Start { alone: false }
}

fn settle(attempt: u32) -> ScanCommand {
    ScanCommand::Settle { attempt }
}

fn complete(attempt: u32) -> ScanCommand {
    ScanCommand::Complete { attempt, outcome: outcome(), verdict: verdict() }
}

fn keep_partial(attempt: u32) -> ScanCommand {
    ScanCommand::KeepPartial { attempt, outcome: outcome() }
}

fn fail(attempt: u32) -> ScanCommand {
    ScanCommand::Fail { attempt, failure: failure(), log: kept_log() }
}

fn interrupt(attempt: u32, because: Interruption) -> ScanCommand {
    ScanCommand::Interrupt { attempt, because }
}

fn illegal(from: ScanStatus, step: Step) -> ScanRefusal {
    ScanRefusal::IllegalStep { from, step }
}

fn superseded(status: ScanStatus, current: u32) -> ScanRefusal {
    ScanRefusal::Superseded { status, current }
}

#[track_caller]
fn life(history: impl IntoIterator<Item = ScanEvent>) -> ScanLife {
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
fn a_scan_whose_worker_is_gone_keeps_its_run() {
    for because in [WorkerLost, Shutdown] {
        given::<Scan>([queued(), started(1, 1)]).when(interrupt(1, because)).then([requeued(1, because)]);
        given::<Scan>([queued(), started(1, 1), settling(1)])
            .when(interrupt(1, because))
            .then([requeued(1, because)]);
        given::<Scan>([queued(), started(1, 1), requeued(1, because)]).when(start()).then([started(1, 2)]);
    }
}

#[test]
fn after_two_lost_workers_a_scan_must_run_alone() {
    let once = [queued(), started(1, 1), requeued(1, WorkerLost)];
    let twice = [once.to_vec(), vec![started(1, 2), requeued(1, WorkerLost)]].concat();
    assert!(!life([queued()]).must_run_alone());
    assert!(!life(once).must_run_alone());
    assert!(life(twice.clone()).must_run_alone());
    given::<Scan>(twice).when(ScanCommand::Start { alone: true }).then([started_alone(3)]);
}

#[test]
fn a_scan_fails_when_the_last_allowed_worker_that_ran_it_alone_is_lost() {
    let message = "its worker was lost 3 times while nothing else ran".to_owned();
    let failure = Failure { code: FailureCode::Interrupted, message };
    let mut history = vec![queued()];
    for attempt in 1..SCAN_INTERRUPTIONS {
        history.push(started_alone(attempt));
        given::<Scan>(history.clone()).when(interrupt(attempt, WorkerLost)).then([requeued(1, WorkerLost)]);
        history.push(requeued(1, WorkerLost));
    }
    history.push(started_alone(SCAN_INTERRUPTIONS));
    given::<Scan>(history).when(interrupt(SCAN_INTERRUPTIONS, WorkerLost)).then([Failed {
        scan: SCAN,
        failure,
        log: None,
    }
    .into()]);
}

#[test]
fn only_a_worker_lost_while_nothing_else_ran_can_fail_a_scan() {
    let lost_alone = |attempt| [started_alone(attempt), requeued(1, WorkerLost)];
    let almost = (1..SCAN_INTERRUPTIONS).flat_map(lost_alone);
    let almost: Vec<_> = std::iter::once(queued()).chain(almost).collect();
    let last = SCAN_INTERRUPTIONS;
    given::<Scan>([almost.clone(), vec![started(1, last)]].concat())
        .when(interrupt(last, WorkerLost))
        .then([requeued(1, WorkerLost)]);
    given::<Scan>([almost, vec![started_alone(last)]].concat())
        .when(interrupt(last, Shutdown))
        .then([requeued(1, Shutdown)]);
}

#[test]
fn workers_lost_beside_others_never_fail_a_scan() {
    let mut history = vec![queued()];
    for attempt in 1..=SCAN_INTERRUPTIONS * 3 {
        history.push(started(1, attempt));
        given::<Scan>(history.clone()).when(interrupt(attempt, WorkerLost)).then([requeued(1, WorkerLost)]);
        history.push(requeued(1, WorkerLost));
    }
}

#[test]
fn a_shutdown_is_not_held_against_a_scan() {
    let mut history = vec![queued()];
    for attempt in 1..=SCAN_INTERRUPTIONS * 3 {
        history.push(started_alone(attempt));
        given::<Scan>(history.clone()).when(interrupt(attempt, Shutdown)).then([requeued(1, Shutdown)]);
        history.push(requeued(1, Shutdown));
    }
    assert!(!life(history.clone()).must_run_alone());
    assert_eq!(life(history).interruptions, 0);
}

#[test]
fn what_a_stopped_scan_had_found_is_kept_by_the_worker_that_had_it() {
    let history = [queued(), started(1, 1), stopped()];
    given::<Scan>(history.clone()).when(settle(1)).then([settling(1)]);
    given::<Scan>(history.clone()).when(settle(2)).then_refused(superseded(ScanStatus::Stopped, 1));
    let recording = [history.to_vec(), vec![settling(1)]].concat();
    assert_eq!(life(recording.clone()).status, ScanStatus::Stopped);
    given::<Scan>(recording.clone()).when(keep_partial(1)).then([partial_kept()]);
    given::<Scan>(recording.clone()).when(complete(1)).then_refused(superseded(ScanStatus::Stopped, 1));
    given::<Scan>([recording, vec![partial_kept()]].concat())
        .when(keep_partial(1))
        .then_refused(superseded(ScanStatus::Stopped, 1));
}

#[test]
fn a_partial_is_announced_before_it_is_kept() {
    given::<Scan>([queued(), started(1, 1), stopped()])
        .when(keep_partial(1))
        .then_refused(superseded(ScanStatus::Stopped, 1));
}

#[test]
fn a_scan_stopped_in_the_queue_has_found_nothing() {
    given::<Scan>([queued(), stopped()]).when(settle(0)).then_refused(superseded(ScanStatus::Stopped, 0));
    given::<Scan>([queued(), started(1, 1), requeued(1, WorkerLost), stopped()])
        .when(settle(1))
        .then_refused(superseded(ScanStatus::Stopped, 1));
}

#[test]
fn a_paused_scan_that_is_stopped_has_found_something() {
    given::<Scan>([queued(), started(1, 1), paused(), stopped()]).when(settle(1)).then([settling(1)]);
}

#[test]
fn resuming_a_stopped_scan_begins_the_next_run() {
    let stopped_early = vec![queued(), stopped()];
    let stopped_late = vec![queued(), started(1, 1), stopped()];
    let kept = [stopped_late.clone(), vec![settling(1), partial_kept()]].concat();
    for history in [stopped_early, stopped_late, kept] {
        given::<Scan>(history)
            .when(ScanCommand::Take(Step::Resume))
            .then([requeued(2, Interruption::Resumed)]);
    }
    given::<Scan>([queued(), started(1, 1), stopped(), requeued(2, Interruption::Resumed)])
        .when(start())
        .then([started(2, 2)]);
}

#[test]
fn a_stopped_scan_is_not_resumed_while_its_partial_is_being_recorded() {
    given::<Scan>([queued(), started(1, 1), stopped(), settling(1)])
        .when(ScanCommand::Take(Step::Resume))
        .then_refused(illegal(ScanStatus::Stopped, Step::Resume));
}

#[test]
fn a_resumed_scan_can_be_stopped_again_and_owes_only_what_the_new_run_finds() {
    let kept = [queued(), started(1, 1), stopped(), settling(1), partial_kept()];
    let resumed = [kept.to_vec(), vec![requeued(2, Interruption::Resumed)]].concat();
    given::<Scan>(resumed.clone()).when(ScanCommand::Take(Step::Stop)).then([stopped()]);
    given::<Scan>([resumed.clone(), vec![stopped()]].concat())
        .when(settle(1))
        .then_refused(superseded(ScanStatus::Stopped, 1));
    given::<Scan>([resumed, vec![started(2, 2), stopped()]].concat()).when(settle(2)).then([settling(2)]);
}

#[test]
fn a_settled_run_that_is_back_in_the_queue_is_neither_stopped_nor_discarded() {
    let back = vec![queued(), started(1, 1), settling(1), requeued(1, WorkerLost)];
    let running = [back.clone(), vec![started(1, 2)]].concat();
    for step in [Step::Stop, Step::Cancel, Step::Delete] {
        given::<Scan>(back.clone())
            .when(ScanCommand::Take(step))
            .then_refused(illegal(ScanStatus::Queued, step));
    }
    for step in [Step::Pause, Step::Stop, Step::Cancel] {
        given::<Scan>(running.clone())
            .when(ScanCommand::Take(step))
            .then_refused(illegal(ScanStatus::Running, step));
    }
    given::<Scan>(running.clone()).when(settle(2)).then([settling(2)]);
    given::<Scan>([running, vec![settling(2)]].concat()).when(complete(2)).then([completed()]);
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
fn a_superseded_worker_is_refused() {
    let second = vec![queued(), started(1, 1), requeued(1, WorkerLost), started(1, 2)];
    for late in [settle(1), fail(1), interrupt(1, WorkerLost), keep_partial(1), complete(1)] {
        given::<Scan>(second.clone()).when(late).then_refused(superseded(ScanStatus::Running, 2));
    }
    let settled = [second, vec![settling(2)]].concat();
    for late in [settle(1), complete(1), fail(1), interrupt(1, Shutdown)] {
        given::<Scan>(settled.clone()).when(late).then_refused(superseded(ScanStatus::Settling, 2));
    }
}

#[test]
fn a_worker_of_the_run_before_is_refused() {
    let next_run =
        vec![queued(), started(1, 1), stopped(), requeued(2, Interruption::Resumed), started(2, 2)];
    for late in [settle(1), keep_partial(1), fail(1)] {
        given::<Scan>(next_run.clone()).when(late).then_refused(superseded(ScanStatus::Running, 2));
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
