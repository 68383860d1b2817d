//! How a run is recorded: once, in parts, and after a crash exactly the rest.

use super::tests::{NONE, after, after_on, folded, inherited, resolved, scanned, updated};
use super::*;
use crate::branch::branch_id;
use crate::branch::samples::{SHOP, at_line, component, observed, on_feature, place, scan, secret, weakness};
use crate::decider::{StoredEvent, given};
use crate::limits::{BATCH_BYTES, PATH_BYTES, PLACES};
use crate::log::Position;

#[test]
fn a_run_is_recorded_once() {
    let a = observed(secret("a"));
    let recorded = after([scan(1, std::slice::from_ref(&a))]);
    given::<Branch>(recorded.clone()).when(scan(1, &[])).then_nothing();
    let next_run = RecordScan { run: 2, ..scan(1, &[]) };
    let events = Branch::decide(&folded(&recorded), next_run).unwrap();
    assert_eq!(events[0], resolved(&a));
    assert!(matches!(&events[1], BranchEvent::Scanned(scanned) if scanned.run == 2));
}

#[test]
fn a_run_that_was_recorded_is_not_stale_afterwards() {
    let old = RecordScan { generation: Some(Generation(1)), ..scan(1, &[]) };
    let recorded = after([old.clone()]);
    given::<Branch>(recorded).when(RecordScan { generation: Some(Generation(0)), ..old }).then_nothing();
}

/// A branch and a scan that changes it in every way there is, in many parts.
fn busy() -> (Vec<BranchEvent>, RecordScan) {
    let back = observed(secret("back"));
    let (gone, moving) = (observed(secret("gone")), observed(weakness("moving")));
    let first = [back.clone(), gone.clone(), moving.clone()];
    let parts = |n: usize| Some((0..n).map(|i| component(&format!("p{i}"), "1.0.0")).collect());
    let main =
        after([RecordScan { components: parts(2), ..scan(1, &first) }, scan(2, &[gone, moving.clone()])]);
    let fresh = ["x", "y", "z"].map(|path| observed(secret(path)));
    let seen = [vec![back], fresh.to_vec(), vec![at_line(moving, 9)]].concat();
    (main, RecordScan { components: parts(COMPONENTS_PER_EVENT + 3), ..scan(3, &seen) })
}

#[test]
fn whatever_part_was_recorded_before_a_crash_the_rerun_records_exactly_the_rest() {
    let (main, record) = busy();
    let whole = Branch::decide(&folded(&main), record.clone()).unwrap();
    assert!(whole.len() > 7, "{}", whole.len());
    for recorded in 0..whole.len() {
        given::<Branch>([&main[..], &whole[..recorded]].concat())
            .when(record.clone())
            .then(whole[recorded..].to_vec());
    }
    given::<Branch>([main, whole].concat()).when(record).then_nothing();
}

#[test]
fn the_end_of_a_scan_counts_the_whole_run_and_its_digest_is_that_of_a_fold() {
    let (main, record) = busy();
    let events = [main.clone(), after_on(folded(&main), [record])].concat();
    let Some(BranchEvent::Scanned(scanned)) = events.last() else { panic!("{events:?}") };
    let counts = ScanCounts { detected: 3, reopened: 1, resolved: 1, updated: 1, unchanged: 0, new: 4 };
    assert_eq!(scanned.counts, counts);
    assert_eq!(scanned.digest, folded(&events).digest);
}

/// What is known of an interrupted attempt are counts, not findings: when the rerun sees something else than the
/// attempt did (newer advisories, say), findings that changed twice are taken out of `unchanged`. Everything that is
/// on the branch is right all the same; `unchanged` here ought to be 1.
#[test]
fn a_rerun_that_sees_something_else_counts_too_few_as_unchanged() {
    let (same, changing) = (observed(secret("same")), observed(secret("changing")));
    let main = after([scan(1, std::slice::from_ref(&same))]);
    let attempt = Branch::decide(&folded(&main), scan(2, &[same.clone(), changing.clone()])).unwrap();
    let interrupted = [main, attempt[..1].to_vec()].concat();
    let moved = at_line(changing, 5);
    given::<Branch>(interrupted).when(scan(2, &[same.clone(), moved.clone()])).then([
        updated(&[&moved]),
        scanned(
            2,
            ScanCounts { detected: 1, updated: 1, unchanged: 0, new: 1, ..NONE },
            &[&same, &moved],
            &[],
        ),
    ]);
}

#[test]
fn many_updates_come_in_parts() {
    let all: Vec<_> = (0..=UPDATES_PER_EVENT).map(|i| observed(secret(&format!("f{i}")))).collect();
    let moved: Vec<_> = all.iter().cloned().map(|seen| at_line(seen, 2)).collect();
    let events = after_on(folded(&after([scan(1, &all)])), [scan(2, &moved)]);
    assert_eq!(sizes(&events), [UPDATES_PER_EVENT, 1]);
}

#[test]
fn many_components_come_and_go_in_parts() {
    let with = |n, range: std::ops::Range<usize>| RecordScan {
        components: Some(range.map(|i| component(&format!("p{i}"), "1.0.0")).collect()),
        ..scan(n, &[])
    };
    let most = COMPONENTS_PER_EVENT;
    let first = after([with(1, 0..most + 1)]);
    assert_eq!(sizes(&first), [most, 1]);
    let second = after_on(folded(&first), [with(2, most + 1..3 * most + 2)]);
    assert_eq!(sizes(&second), [most, 1, most, most, 1]);
}

#[test]
fn even_the_longest_findings_and_components_fit_into_a_batch() {
    let long = |i: usize| format!("{i:0>PATH_BYTES$}");
    let in_many_places = |i: usize| {
        let mut seen = observed(secret(&format!("f{i}")));
        seen.detection.places = (0..PLACES).map(|j| place(&long(j), 1)).collect();
        seen
    };
    let all: Vec<_> = (0..UPDATES_PER_EVENT).map(in_many_places).collect();
    let moved: Vec<_> = all.iter().cloned().map(|seen| at_line(seen, 2)).collect();
    let parts =
        (0..COMPONENTS_PER_EVENT).map(|i| Component { path: long(i), ..component("lodash", "1.0.0") });
    let parts = Some(parts.collect::<Vec<_>>());
    let first = RecordScan { components: parts, ..scan(1, &all) };
    let second = RecordScan { components: Some(vec![]), ..scan(2, &moved) };
    let events = after([first, second]);
    let longest = events.iter().map(|event| event.encode().len()).max().unwrap();
    assert!(longest <= BATCH_BYTES / 3, "{longest}");
}

/// How many findings or components each event of many has.
fn sizes(events: &[BranchEvent]) -> Vec<usize> {
    events
        .iter()
        .filter_map(|event| match event {
            BranchEvent::FindingsUpdated(updated) => Some(updated.findings.len()),
            BranchEvent::ComponentsChanged(changed) => Some(changed.set.len() + changed.removed.len()),
            _ => None,
        })
        .collect()
}

#[test]
fn what_the_base_is_just_recording_is_not_counted_on_the_new_branch() {
    let (old, half) = (observed(secret("old")), observed(secret("half")));
    let recording = {
        let main = after([scan(1, std::slice::from_ref(&old))]);
        let more = Branch::decide(&folded(&main), scan(2, &[old.clone(), half.clone()])).unwrap();
        [main, more[..1].to_vec()].concat()
    };
    let base = Some(BaseBranch { branch: branch_id(SHOP, "main"), position: Position(40) });
    let record = on_feature(scan(3, &[old, half]), base);
    let opening = Branch::decide(&inherited(&recording), record.clone()).unwrap();
    let unchanged = ScanCounts { unchanged: 2, ..NONE };
    assert!(
        matches!(&opening[..], [BranchEvent::Opened(_), BranchEvent::Scanned(s)] if s.counts == unchanged)
    );
    let half_open = Branch::evolve(inherited(&recording), &opening[0]);
    assert_eq!(Branch::decide(&half_open, record).unwrap(), opening[1..]);
}

#[test]
fn a_base_that_appears_after_the_branch_was_opened_makes_nothing_new() {
    let (a, b) = (observed(secret("a")), observed(secret("b")));
    let first = Branch::decide(&Inventory::default(), scan(1, &[a.clone(), b.clone()])).unwrap();
    let base = Some(BaseBranch { branch: branch_id(SHOP, "other"), position: Position(40) });
    given::<Branch>(first[..2].to_vec())
        .when(RecordScan { base, ..scan(1, &[a, b]) })
        .then(first[2..].to_vec());
}
