//! What a scan changes on a branch that was closed before.

use super::tests::{NONE, after, after_on, detected, digest, folded, opened, reopened, scanned};
use super::*;
use crate::branch::samples::{
    SHOP, at_line, closed, component, observed, on_feature, scan, secret, weakness,
};
use crate::branch::{ClosedBecause, branch_id};
use crate::decider::given;
use crate::log::Position;

/// The same history, and the end of the branch.
fn and_closed(mut events: Vec<BranchEvent>) -> Vec<BranchEvent> {
    events.push(closed(ClosedBecause::Merged));
    events
}

#[test]
fn nothing_is_on_a_closed_branch() {
    let a = observed(secret("a"));
    let first = RecordScan {
        components: Some(vec![component("lodash", "1.0.0")]),
        generation: Some(Generation(7)),
        ..scan(1, std::slice::from_ref(&a))
    };
    let after = folded(&and_closed(after([first])));
    assert_eq!(after.digest, InventoryDigest::default());
    assert!(!after.holds(a.finding));
    assert!(after.components.is_empty());
    assert_eq!((after.opened, after.generation, after.has_history), (None, None, false));
}

#[test]
fn a_scan_opens_a_closed_branch_again_and_what_was_there_is_reopened() {
    let (old, fresh) = (observed(secret("old")), observed(secret("fresh")));
    given::<Branch>(and_closed(after([scan(1, std::slice::from_ref(&old))])))
        .when(scan(2, &[old.clone(), fresh.clone()]))
        .then([
            opened(),
            reopened(&old),
            detected(&fresh, false),
            scanned(2, ScanCounts { detected: 1, reopened: 1, ..NONE }, &[&old, &fresh], &[]),
        ]);
}

#[test]
fn what_a_closed_branch_had_is_not_resolved_by_a_scan_that_does_not_see_it() {
    let a = observed(secret("a"));
    given::<Branch>(and_closed(after([scan(1, &[a])])))
        .when(scan(2, &[]))
        .then([opened(), scanned(2, NONE, &[], &[])]);
}

#[test]
fn a_closed_branch_begins_again_with_what_is_on_its_base() {
    let [shared, own, gone] = ["shared", "own", "gone"].map(|path| observed(secret(path)));
    let main = after([scan(1, &[shared.clone(), gone.clone()])]);
    let base = Some(BaseBranch { branch: branch_id(SHOP, "main"), position: Position(40) });
    let feature = on_feature(scan(2, &[shared.clone(), own.clone()]), base);
    let feature = and_closed(after_on(Inventory::default().starting_from(folded(&main)), [feature]));
    let state = folded(&feature).starting_from(folded(&main));
    let record = on_feature(scan(3, &[shared.clone(), own.clone()]), base);
    let events = Branch::decide(&state, record).unwrap();
    let [BranchEvent::Opened(opened), changes @ .., BranchEvent::Scanned(scanned)] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(opened.base, base);
    assert_eq!(changes, [reopened(&own), super::tests::resolved(&gone)]);
    assert_eq!(scanned.counts, ScanCounts { reopened: 1, resolved: 1, unchanged: 1, new: 1, ..NONE });
    assert_eq!(scanned.digest, digest(&[&shared, &own], &[]));
    assert_eq!(after_digest(state, &events), scanned.digest);
}

fn after_digest(state: Inventory, events: &[BranchEvent]) -> InventoryDigest {
    events.iter().fold(state, Branch::evolve).digest
}

#[test]
fn a_base_lends_what_is_on_it_and_none_of_its_past() {
    let (a, b) = (observed(secret("a")), observed(weakness("b")));
    let main = folded(&after([scan(1, &[a.clone(), b.clone()]), scan(2, std::slice::from_ref(&b))]));
    assert!(main.findings.contains_key(&a.finding));
    let begun = Inventory::default().starting_from(main.clone());
    assert!(!begun.findings.contains_key(&a.finding));
    assert_eq!((begun.digest, begun.last_scan, begun.opened), (main.digest, None, None));
    assert_eq!(begun.pending, Pending::default());
}

#[test]
fn a_run_that_was_recorded_before_its_branch_was_closed_is_not_recorded_again() {
    let record = scan(1, &[observed(secret("a"))]);
    given::<Branch>(and_closed(after([record.clone()]))).when(record).then_nothing();
}

#[test]
fn closing_amid_the_parts_of_a_run_loses_nothing_of_it() {
    let before = [observed(secret("a")), observed(secret("b"))];
    let seen = [at_line(before[0].clone(), 9), observed(secret("c")), observed(weakness("d"))];
    let components = Some(vec![component("lodash", "1.0.0")]);
    let record = RecordScan { components, ..scan(2, &seen) };
    let main = after([scan(1, &before)]);
    let whole = Branch::decide(&folded(&main), record.clone()).unwrap();
    for done in 0..whole.len() {
        let cut = and_closed([&main[..], &whole[..done]].concat());
        let rest = Branch::decide(&folded(&cut), record.clone()).unwrap();
        let Some(BranchEvent::Scanned(scanned)) = rest.last() else { panic!("{rest:?}") };
        let end = folded(&[cut, rest.clone()].concat());
        assert_eq!(end.digest, digest(&[&seen[0], &seen[1], &seen[2]], &[component("lodash", "1.0.0")]));
        assert_eq!(scanned.digest, end.digest, "after {done} parts");
        assert_eq!(scanned.counts.detected + scanned.counts.reopened, 3, "after {done} parts");
        assert_eq!(scanned.counts.unchanged + scanned.counts.updated + scanned.counts.resolved, 0);
    }
}

#[test]
fn advisories_of_before_the_end_of_a_branch_bind_nobody() {
    let with = |n, generation| RecordScan { generation: Some(Generation(generation)), ..scan(n, &[]) };
    let events = Branch::decide(&folded(&and_closed(after([with(1, 2)]))), with(2, 1)).unwrap();
    assert!(matches!(&events[..], [BranchEvent::Opened(_), BranchEvent::Scanned(_)]), "{events:?}");
}
