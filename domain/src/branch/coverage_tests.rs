//! What scans of clients change on a branch, and what they leave alone.

use super::tests::{NONE, after, detected, digest, folded, resolved, scanned};
use super::*;
use crate::blob::BlobHash;
use crate::branch::samples::{component, observed, place, scan, secret, uploaded, vulnerable, weakness};
use crate::branch::{Coverage, Occurrence, RuleCoverage, ScannerCoverage};
use crate::decider::given;
use crate::finding::Columns;
use crate::limits::PLACES;
use crate::scanning::{ScannerKind, Unread};
use std::collections::{HashMap, HashSet};

fn words(words: &[&str]) -> HashSet<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// A client has looked at everything with some rules, except at files that it could not read.
fn full(n: u128, rules: &[&str], unread: &[&str], seen: &[Observed]) -> RecordScan {
    let scanners = vec![ScannerKind::Sast];
    let coverage =
        RuleCoverage { scanners, rules: words(rules), unread: words(unread), kept: BlobHash([n as u8; 32]) };
    RecordScan { coverage: Coverage::Rules(coverage), ..scan(n, seen) }
}

/// A client has looked at changed files.
fn changes(n: u128, seen: &[Observed]) -> RecordScan {
    let coverage = Coverage::Changes { scanners: vec![ScannerKind::Sast], rules: 2 };
    RecordScan { coverage, ..scan(n, seen) }
}

fn paths(paths: &[&str]) -> Unread {
    paths.iter().copied().collect()
}

/// The scanners have looked at everything but what `scanner` could not read; `held` is what is known to be on the branch.
fn hindered(
    n: u128,
    scanner: ScannerKind,
    unread: &[&str],
    held: &[&Observed],
    seen: &[Observed],
) -> RecordScan {
    let places = held.iter().map(|held| (held.finding, held.detection.places.clone()));
    let coverage = ScannerCoverage {
        scanners: vec![ScannerKind::Sca, ScannerKind::Secrets, ScannerKind::Sast],
        unread: HashMap::from([(scanner, paths(unread))]),
        places: places.collect(),
        ..ScannerCoverage::default()
    };
    RecordScan { coverage: Coverage::Scanners(coverage), ..scan(n, seen) }
}

/// What happened besides the end of the scan, and the end.
fn parted(events: Vec<BranchEvent>) -> (Vec<BranchEvent>, Scanned) {
    match events.split_last() {
        Some((BranchEvent::Scanned(scanned), rest)) => (rest.to_vec(), scanned.clone()),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn then(history: &[BranchEvent], record: RecordScan, changed: &[BranchEvent], left: &[&Observed]) -> Scanned {
    let (events, scanned) = parted(Branch::decide(&folded(history), record).unwrap());
    assert_eq!(events, changed);
    assert_eq!(scanned.digest, digest(left, &[]));
    scanned
}

#[test]
fn a_full_scan_resolves_what_its_rules_no_longer_find() {
    let (eval, exec) = (observed(uploaded("eval", "a.py")), observed(uploaded("exec", "a.py")));
    let history = after([full(1, &["eval", "exec"], &[], &[eval.clone(), exec.clone()])]);
    let scanned = then(&history, full(2, &["eval"], &[], &[]), &[resolved(&eval)], &[&exec]);
    assert_eq!(scanned.counts, ScanCounts { resolved: 1, ..NONE });
    let client = scanned.client.unwrap();
    assert_eq!((client.rules, client.kept), (1, Some(BlobHash([2; 32]))));
}

#[test]
fn a_full_scan_leaves_files_alone_that_it_could_not_read() {
    let (a, b) = (observed(uploaded("eval", "a.py")), observed(uploaded("eval", "b.py")));
    let history = after([full(1, &["eval"], &[], &[a.clone(), b.clone()])]);
    then(&history, full(2, &["eval"], &["a.py"], &[]), &[resolved(&b)], &[&a]);
}

#[test]
fn changed_files_resolve_nothing_and_open_what_was_seen() {
    let (old, fresh) = (observed(uploaded("eval", "a.py")), observed(uploaded("eval", "b.py")));
    let history = after([full(1, &["eval"], &[], std::slice::from_ref(&old))]);
    let scanned =
        then(&history, changes(2, std::slice::from_ref(&fresh)), &[detected(&fresh, true)], &[&old, &fresh]);
    assert_eq!(scanned.counts, ScanCounts { detected: 1, new: 1, ..NONE });
    then(&history, changes(2, &[]), &[], &[&old]);
}

#[test]
fn scanners_of_the_server_and_rules_of_clients_leave_each_other_alone() {
    let (own, other) = (observed(weakness("a.py")), observed(uploaded("eval", "a.py")));
    let history =
        after([scan(1, std::slice::from_ref(&own)), full(2, &["eval"], &[], std::slice::from_ref(&other))]);
    assert!(folded(&history).holds(own.finding) && folded(&history).holds(other.finding));
    then(&history, scan(3, &[]), &[resolved(&own)], &[&other]);
    then(&history, full(3, &["eval"], &[], &[]), &[resolved(&other)], &[&own]);
    // Not even with the id of a detector of the server.
    let key = observed(secret("a.py"));
    let history = after([scan(1, std::slice::from_ref(&key))]);
    then(&history, full(2, &[&key.detection.rule], &[], &[]), &[], &[&key]);
}

#[test]
fn an_upload_that_comes_back_is_still_its_rules() {
    let eval = observed(uploaded("eval", "a.py"));
    let seen = std::slice::from_ref(&eval);
    let history =
        after([full(1, &["eval"], &[], seen), full(2, &["eval"], &[], &[]), full(3, &["eval"], &[], seen)]);
    then(&history, full(4, &["exec"], &[], &[]), &[], &[&eval]);
    then(&history, full(4, &["eval"], &[], &[]), &[resolved(&eval)], &[]);
}

#[test]
fn an_upload_that_moves_within_its_line_looks_different() {
    let eval = observed(uploaded("eval", "a.py"));
    let mut moved = eval.clone();
    if let Identity::Upload(uploaded) = &mut moved.detection.identity {
        uploaded.columns = Some(Columns { start: 3, end: 9 });
    }
    let history = after([full(1, &["eval"], &[], std::slice::from_ref(&eval))]);
    let occurrence = Occurrence { columns: Some(Columns { start: 3, end: 9 }), ..eval.occurrence() };
    let update =
        FindingsUpdated { findings: vec![Update { finding: eval.finding, occurrence, advisory: None }] };
    then(&history, full(2, &["eval"], &[], std::slice::from_ref(&moved)), &[update.into()], &[&moved]);
}

#[test]
fn a_scan_of_a_client_is_recorded_once() {
    let eval = observed(uploaded("eval", "a.py"));
    let record = full(1, &["eval"], &[], std::slice::from_ref(&eval));
    given::<Branch>(after([record.clone()])).when(record).then_nothing();
}

#[test]
fn a_scanner_leaves_files_alone_that_it_could_not_read() {
    let (a, b, weak) = (observed(secret("a.env")), observed(secret("b.env")), observed(weakness("a.env")));
    let history = after([scan(1, &[a.clone(), b.clone(), weak.clone()])]);
    let record = hindered(2, ScannerKind::Secrets, &["a.env"], &[&a, &b], &[]);
    let mut gone = [&b, &weak];
    gone.sort_unstable_by_key(|seen| seen.finding);
    let counted = then(&history, record.clone(), &gone.map(resolved), &[&a]).counts;
    assert_eq!(counted, ScanCounts { resolved: 2, ..NONE });
    // The file can be read again: nothing in it is new.
    given::<Branch>(after([scan(1, &[a.clone(), b, weak]), record]))
        .when(scan(3, std::slice::from_ref(&a)))
        .then([scanned(3, ScanCounts { unchanged: 1, ..NONE }, &[&a], &[])]);
}

#[test]
fn what_lies_in_a_folder_that_could_not_be_listed_stays() {
    let (inside, beside) = (observed(secret("keys/a")), observed(secret("keys2/a")));
    let held = [&inside, &beside];
    let history = after([scan(1, &held.map(Observed::clone))]);
    let record = |unread| hindered(2, ScannerKind::Secrets, unread, &held, &[]);
    then(&history, record(&["keys"]), &[resolved(&beside)], &[&inside]);
    then(&history, record(&[""]), &[], &held);
}

#[test]
fn a_finding_of_which_nobody_knows_where_it_is_stays_while_something_could_not_be_read() {
    let a = observed(secret("a.env"));
    let history = after([scan(1, std::slice::from_ref(&a))]);
    then(&history, hindered(2, ScannerKind::Secrets, &["b.env"], &[], &[]), &[], &[&a]);
    then(&history, hindered(2, ScannerKind::Secrets, &["b.env"], &[&a], &[]), &[resolved(&a)], &[]);
    then(&history, hindered(2, ScannerKind::Sast, &["b.env"], &[], &[]), &[resolved(&a)], &[]);
}

#[test]
fn a_finding_that_is_seen_elsewhere_stays_where_nothing_could_be_read() {
    let at = |paths: &[&str]| {
        let mut lodash = observed(vulnerable("lodash", &["GHSA-1"]));
        lodash.detection.places = paths.iter().map(|path| place(path, 1)).collect();
        lodash
    };
    let both = at(&["a/package-lock.json", "b/package-lock.json"]);
    let history = after([hindered(1, ScannerKind::Sca, &[], &[], std::slice::from_ref(&both))]);
    let record = |unread: &str, seen: &[Observed]| hindered(2, ScannerKind::Sca, &[unread], &[&both], seen);
    let in_a = at(&["a/package-lock.json"]);
    let scanned = then(&history, record("b/package-lock.json", std::slice::from_ref(&in_a)), &[], &[&both]);
    assert_eq!(scanned.counts, ScanCounts { unchanged: 1, ..NONE });
    let update = FindingsUpdated {
        findings: vec![Update { finding: in_a.finding, occurrence: in_a.occurrence(), advisory: None }],
    };
    then(&history, record("c", std::slice::from_ref(&in_a)), &[update.into()], &[&in_a]);
}

#[test]
fn places_that_are_kept_have_the_limit_of_all_places() {
    let most = PLACES as u32;
    let at = |path: &str, lines: std::ops::Range<u32>| {
        let mut lodash = observed(vulnerable("lodash", &["GHSA-1"]));
        lodash.detection.places = lines.map(|line| place(path, line)).collect();
        lodash
    };
    let held = at("b", 0..2);
    for (seen, kept) in [(most - 2, most), (most - 1, most), (most, most)] {
        let mut seen = at("a", 0..seen);
        let coverage = hindered(2, ScannerKind::Sca, &["b"], &[&held], &[]).coverage;
        coverage.keep_places(&mut seen);
        assert_eq!(seen.detection.places.len() as u32, kept);
    }
}

#[test]
fn components_of_a_lockfile_that_could_not_be_read_stay() {
    let elsewhere = Component { path: "other/package-lock.json".to_owned(), ..component("left", "1.0.0") };
    let lodash = component("lodash", "1.0.0");
    let with = |n, unread: &[&str], components: &[Component]| RecordScan {
        coverage: Coverage::Scanners(ScannerCoverage {
            scanners: vec![ScannerKind::Sca],
            unread_components: paths(unread),
            ..ScannerCoverage::default()
        }),
        components: Some(components.to_vec()),
        ..scan(n, &[])
    };
    let history = after([with(1, &[], &[lodash.clone(), elsewhere.clone()])]);
    let (events, scanned) =
        parted(Branch::decide(&folded(&history), with(2, &["package-lock.json"], &[])).unwrap());
    let removed = vec![ComponentKey::from(&elsewhere)];
    assert_eq!(events, [ComponentsChanged { set: vec![], removed }.into()]);
    assert_eq!(scanned.digest, digest(&[], &[lodash]));
}
