//! Scans that are stopped: what they had found is kept, and a next run may follow.

use super::tests::{
    complete, completed, illegal, keep_partial, life, partial_kept, paused, queued, requeued, settle,
    settling, start, started, stopped, superseded,
};
use super::{Interruption, Scan, ScanCommand, ScanStatus};
use crate::decider::given;
use crate::scan::Step;
use Interruption::WorkerLost;

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
