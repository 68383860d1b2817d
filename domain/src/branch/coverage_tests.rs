//! What scans of clients change on a branch, and what they leave alone.

use super::tests::{NONE, after, detected, digest, folded, resolved};
use super::*;
use crate::blob::BlobHash;
use crate::branch::samples::{observed, scan, secret, uploaded, weakness};
use crate::branch::{Coverage, Occurrence, RuleCoverage};
use crate::decider::given;
use crate::finding::Columns;
use crate::scanning::ScannerKind;
use std::collections::HashSet;

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
    let update = FindingsUpdated { findings: vec![Update { finding: eval.finding, occurrence }] };
    then(&history, full(2, &["eval"], &[], std::slice::from_ref(&moved)), &[update.into()], &[&moved]);
}

#[test]
fn a_scan_of_a_client_is_recorded_once() {
    let eval = observed(uploaded("eval", "a.py"));
    let record = full(1, &["eval"], &[], std::slice::from_ref(&eval));
    given::<Branch>(after([record.clone()])).when(record).then_nothing();
}
