//! Scans whose worker is gone: who may run them again, who may fail them, and that the one before is refused.

use super::tests::{
    SCAN, complete, fail, interrupt, keep_partial, life, queued, requeued, settle, settling, start, started,
    started_alone, stopped, superseded,
};
use super::{Failed, Failure, FailureCode, Interruption, Scan, ScanCommand, ScanStatus};
use crate::decider::given;
use crate::limits::SCAN_INTERRUPTIONS;
use Interruption::{Shutdown, WorkerLost};

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
