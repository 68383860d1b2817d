//! Scans that clients run: what may happen to them, and what workers have no part in.

use super::tests::{SCAN, end, failure, outcome, received, verdict, wish};
use super::*;
use crate::decider::{given, harness::Outcome};
use crate::limits::{CLIENT_SILENCE_SECONDS, REF_CHARS};
use crate::scan::{ClientRun, Extent, FailureCode, ScanType, branch_of_client, silence};
use uuid::Uuid;

fn of_client() -> Queued {
    let client = ClientRun {
        run: Uuid::from_u128(9),
        tool: None,
        extent: Extent::Full,
        products: vec![],
        repository: "acme/shop".to_owned(),
        repository_url: None,
        environment: None,
        trigger: None,
        job_url: None,
        pull_request: None,
        people: None,
        author: None,
        opener: None,
    };
    Queued { client: Some(client), ..wish() }
}

fn started() -> ScanEvent {
    Started { scan: SCAN, run: 1, attempt: CLIENT_ATTEMPT, alone: false }.into()
}

fn settling() -> ScanEvent {
    Settling { scan: SCAN, attempt: CLIENT_ATTEMPT }.into()
}

fn completed() -> ScanEvent {
    let outcome = ScanOutcome { client: Some(end()), ..outcome() };
    Completed { scan: SCAN, outcome, verdict: verdict() }.into()
}

fn failed() -> ScanEvent {
    Failed { scan: SCAN, failure: failure(), log: None }.into()
}

/// The events of a client's scan, as far as it has come.
fn life(more: &[ScanEvent]) -> Vec<ScanEvent> {
    [&[of_client().into(), started()], more].concat()
}

fn past(status: ScanStatus) -> ScanRefusal {
    ScanRefusal::Superseded { status, current: CLIENT_ATTEMPT }
}

#[track_caller]
fn when(more: &[ScanEvent], command: ScanCommand) -> Outcome<Scan> {
    given::<Scan>(life(more)).when(command)
}

#[test]
fn it_runs_from_the_moment_it_is_asked_for() {
    given::<Scan>([]).when(ScanCommand::Queue(of_client())).then([of_client().into(), started()]);
    when(&[], ScanCommand::Start { alone: false }).then_refused(ScanRefusal::NotQueued);
}

#[test]
fn it_goes_from_results_to_its_end() {
    let attempt = CLIENT_ATTEMPT;
    when(&[], ScanCommand::Settle { attempt }).then([settling()]);
    when(&[settling()], ScanCommand::Receive(received())).then([received().into()]);
    let all = [settling(), received().into()];
    when(&all, ScanCommand::End { end: end(), verdict: verdict() }).then([completed()]);
}

#[test]
fn the_same_results_again_change_nothing_and_others_are_refused() {
    let all = [settling(), received().into()];
    when(&all, ScanCommand::Receive(received())).then_nothing();
    let other = ResultsReceived { ignored: 9, ..received() };
    when(&all, ScanCommand::Receive(other)).then_refused(past(ScanStatus::Settling));
}

#[test]
fn it_does_not_end_before_its_results_have_come() {
    let ends = || ScanCommand::End { end: end(), verdict: verdict() };
    when(&[], ends()).then_refused(past(ScanStatus::Running));
    when(&[settling()], ends()).then_refused(past(ScanStatus::Settling));
    when(&[], ScanCommand::Receive(received())).then_refused(past(ScanStatus::Running));
}

#[test]
fn it_fails_wherever_it_has_come() {
    let attempt = CLIENT_ATTEMPT;
    for more in [&[][..], &[settling()], &[settling(), received().into()]] {
        when(more, ScanCommand::Fail { attempt, failure: failure(), log: None }).then([failed()]);
    }
    let over = [settling(), received().into(), completed()];
    when(&over, ScanCommand::Fail { attempt, failure: failure(), log: None })
        .then_refused(past(ScanStatus::Completed));
}

#[test]
fn workers_have_no_part_in_it() {
    let attempt = CLIENT_ATTEMPT;
    for because in [Interruption::WorkerLost, Interruption::Shutdown] {
        when(&[], ScanCommand::Interrupt { attempt, because }).then_refused(past(ScanStatus::Running));
    }
    let all = [settling(), received().into()];
    when(&all, ScanCommand::Complete { attempt, outcome: outcome(), verdict: verdict() })
        .then_refused(past(ScanStatus::Settling));
}

#[test]
fn people_can_disown_it_but_not_tell_it_to_wait() {
    for step in [Step::Pause, Step::Resume, Step::Stop] {
        when(&[], ScanCommand::Take(step))
            .then_refused(ScanRefusal::IllegalStep { from: ScanStatus::Running, step });
    }
    when(&[], ScanCommand::Take(Step::Cancel)).then([Cancelled { scan: SCAN }.into()]);
    when(&[failed()], ScanCommand::Take(Step::Delete)).then([Deleted { scan: SCAN }.into()]);
    let cancelled = [Cancelled { scan: SCAN }.into()];
    let attempt = CLIENT_ATTEMPT;
    when(&cancelled, ScanCommand::Settle { attempt }).then_refused(past(ScanStatus::Cancelled));
}

#[test]
fn a_client_has_a_day_before_its_scan_fails_and_what_came_is_told() {
    assert_eq!(CLIENT_SILENCE_SECONDS, 86_400);
    let (nothing, some) = (silence(None), silence(Some(&received())));
    assert_eq!((nothing.code, some.code), (FailureCode::ClientSilent, FailureCode::ClientSilent));
    assert_eq!(nothing.message, "the client that ran it was not heard of for 24 hours");
    assert!(some.message.starts_with("its results are recorded"), "{}", some.message);
    let command = ScanCommand::Fail { attempt: CLIENT_ATTEMPT, failure: some.clone(), log: None };
    when(&[settling(), received().into()], command)
        .then([Failed { scan: SCAN, failure: some, log: None }.into()]);
}

#[test]
fn what_a_pull_request_changes_is_never_on_the_default_branch() {
    let run = |extent: Extent, pull_request: Option<&str>| ClientRun {
        extent,
        pull_request: pull_request.map(str::to_owned),
        ..of_client().client.expect("a client runs it")
    };
    for (named, extent, pull_request, branch) in [
        (Some("main"), Extent::Changes, Some("7"), "refs/pull/7/head"),
        (None, Extent::Changes, Some("7"), "refs/pull/7/head"),
        (Some("feature"), Extent::Changes, Some("7"), "feature"),
        (Some("refs/pull/7/merge"), Extent::Changes, Some("7"), "refs/pull/7/merge"),
        (Some("main"), Extent::Changes, None, "main"),
        (Some("main"), Extent::Full, Some("7"), "main"),
        (None, Extent::Full, None, "main"),
    ] {
        assert_eq!(branch_of_client(named, "main", &run(extent, pull_request)), branch, "{named:?}");
    }
    let longest = branch_of_client(None, "main", &run(Extent::Changes, Some(&"é".repeat(300))));
    assert_eq!(longest.chars().count(), REF_CHARS);
}

#[test]
fn what_it_looks_for_says_which_type_it_is() {
    use crate::scanning::ScannerKind::{Sast, Sca, Secrets};
    let run = |extent, products: &[crate::scanning::ScannerKind]| ClientRun {
        extent,
        products: products.to_vec(),
        ..of_client().client.unwrap()
    };
    for (products, is) in [
        (&[Sast][..], ScanType::Sast),
        (&[Sca], ScanType::Sca),
        (&[Secrets], ScanType::Secrets),
        (&[Sast, Sca], ScanType::Full),
        (&[], ScanType::Full),
    ] {
        assert_eq!(run(Extent::Full, products).scan_type(), is, "{products:?}");
        assert_eq!(run(Extent::Changes, products).scan_type(), ScanType::Incremental);
    }
}

#[test]
fn a_whole_branch_becomes_the_default_and_nothing_else() {
    let run = |extent| ClientRun { extent, ..of_client().client.unwrap() };
    assert!(run(Extent::Full).makes_default("main"));
    assert!(!run(Extent::Full).makes_default("refs/pull/7/merge"));
    assert!(!run(Extent::Changes).makes_default("main"));
}
