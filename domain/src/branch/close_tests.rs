//! When a branch is closed, rule by rule; `reopening_tests.rs` is about what comes after it.

use super::*;
use crate::branch::samples::{SHOP, closed, observed, scan, secret};
use crate::branch::{Branch, branch_id};
use crate::decider::given;
use proptest::prelude::{Just, Strategy, any, prop_assert_eq, prop_oneof, proptest};

const NOW: Timestamp = Timestamp(1_795_255_200_000_000);

/// The history of `main` after scans of these files, each with a secret.
fn scanned(files: &[&str]) -> Vec<BranchEvent> {
    let all: Vec<_> = files.iter().map(|file| observed(secret(file))).collect();
    Branch::decide(&Inventory::default(), scan(1, &all)).unwrap()
}

fn close(role: BranchRole, reason: CloseReason) -> CloseBranch {
    CloseBranch { branch: branch_id(SHOP, "main"), role, reason }
}

fn silent_for(microseconds: i64) -> CloseReason {
    CloseReason::Silent { heard_at: Timestamp(NOW.0 - microseconds), now: NOW }
}

const MONTH: i64 = SILENT_BRANCH_DAYS * 24 * 3_600 * 1_000_000;

#[test]
fn a_branch_that_is_merged_deleted_or_silent_is_closed() {
    for (reason, because) in [
        (CloseReason::Merged, ClosedBecause::Merged),
        (CloseReason::Deleted, ClosedBecause::Deleted),
        (silent_for(MONTH), ClosedBecause::Silent),
    ] {
        given::<Closing>(scanned(&["a"])).when(close(BranchRole::Other, reason)).then([closed(because)]);
    }
}

#[test]
fn thirty_days_are_silence_and_a_microsecond_less_is_not() {
    for (silence, is_closed) in
        [(MONTH - 1, false), (MONTH, true), (MONTH + 1, true), (0, false), (-1, false)]
    {
        let outcome = given::<Closing>(scanned(&[])).when(close(BranchRole::Other, silent_for(silence)));
        match is_closed {
            true => outcome.then([closed(ClosedBecause::Silent)]),
            false => outcome.then_refused(CloseRefusal::NotSilent),
        }
    }
}

#[test]
fn the_default_branch_is_never_closed() {
    for reason in [CloseReason::Merged, CloseReason::Deleted, silent_for(2 * MONTH)] {
        given::<Closing>(scanned(&["a"]))
            .when(close(BranchRole::Default, reason))
            .then_refused(CloseRefusal::IsDefault);
    }
}

#[test]
fn a_branch_that_never_had_results_or_is_closed_has_nothing_to_close() {
    let twice = [scanned(&["a"]), vec![closed(ClosedBecause::Deleted)]].concat();
    for history in [vec![], twice] {
        for role in [BranchRole::Default, BranchRole::Other] {
            for reason in [CloseReason::Merged, silent_for(0)] {
                given::<Closing>(history.clone()).when(close(role, reason)).then_nothing();
            }
        }
    }
}

#[test]
fn a_branch_with_a_part_of_a_scan_is_closed_like_any_other() {
    let mut begun = scanned(&["a", "b"]);
    begun.truncate(2);
    given::<Closing>(begun)
        .when(close(BranchRole::Other, CloseReason::Merged))
        .then([closed(ClosedBecause::Merged)]);
}

#[test]
fn a_branch_that_was_opened_again_can_be_closed_again() {
    let history = [scanned(&["a"]), vec![closed(ClosedBecause::Silent)], scanned(&["a"])].concat();
    given::<Closing>(history)
        .when(close(BranchRole::Other, CloseReason::Deleted))
        .then([closed(ClosedBecause::Deleted)]);
}

fn any_reason() -> impl Strategy<Value = CloseReason> {
    prop_oneof![
        Just(CloseReason::Merged),
        Just(CloseReason::Deleted),
        (-MONTH..3 * MONTH).prop_map(silent_for),
    ]
}

proptest! {
    #[test]
    fn closing_twice_is_closing_once(
        is_default in any::<bool>(),
        first in any_reason(),
        second in any_reason(),
    ) {
        let role = if is_default { BranchRole::Default } else { BranchRole::Other };
        let state = scanned(&["a"]).iter().fold(BranchLife::default(), Closing::evolve);
        if let Ok(events) = Closing::decide(&state, close(role, first)) {
            let after = events.iter().fold(state, Closing::evolve);
            prop_assert_eq!(Closing::decide(&after, close(role, second)), Ok(vec![]));
        }
    }
}
