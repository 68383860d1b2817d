//! What advisories learn later reaches the findings that a branch has, once.

use super::tests::{NONE, after, after_on, folded, inherited, reopened, resolved, scanned, updated};
use super::*;
use crate::branch::samples::{SHOP, at_line, observed, on_feature, scan, secret, vulnerable};
use crate::branch::{AdvisoryFacts, KnownAdvisory, branch_id, observe};
use crate::component::Package;
use crate::decider::{StoredEvent, given};
use crate::limits::{BATCH_BYTES, DESCRIPTION_BYTES};
use crate::log::Position;
use crate::scanning::{Detection, ScannerKind};

/// A finding about lodash, first seen by the first id of the first group.
fn lodash(group: &[&str]) -> Detection {
    vulnerable("lodash", group)
}

/// What the detections are in a project that knows findings with these ids and no others, elder first.
fn seen_again(detections: &[Detection], known: &[&Observed]) -> Vec<Observed> {
    let mut findings: HashMap<Package, Vec<KnownAdvisory>> = HashMap::new();
    for seen in known {
        let Identity::Advisory { package, group, .. } = &seen.detection.identity else { panic!("{seen:?}") };
        let Observed { finding, fingerprint, .. } = **seen;
        let known = KnownAdvisory { finding, fingerprint, advisories: group.clone(), merged_into: None };
        findings.entry(package.clone()).or_default().push(known);
    }
    observe(SHOP, detections.to_vec(), &findings)
}

fn informational(mut seen: Detection, mark: Option<&str>) -> Detection {
    if let Identity::Advisory { informational, .. } = &mut seen.identity {
        *informational = mark.map(str::to_owned);
    }
    seen
}

/// Scan number `n`, which matched dependencies.
fn matched(n: u128, observed: &[Observed]) -> RecordScan {
    RecordScan { coverage: vec![ScannerKind::Sca].into(), ..scan(n, observed) }
}

/// The end of scan number `n`, which leaves exactly `present` on the branch.
fn ended(n: u128, counts: ScanCounts, present: &[&Observed]) -> BranchEvent {
    match scanned(n, counts, present, &[]) {
        BranchEvent::Scanned(scanned) => Scanned { coverage: vec![ScannerKind::Sca], ..scanned }.into(),
        other => panic!("{other:?}"),
    }
}

/// An update that tells `advisory`, and nothing else.
fn told(seen: &Observed, advisory: AdvisoryFacts) -> BranchEvent {
    let update = Update { finding: seen.finding, occurrence: seen.occurrence(), advisory: Some(advisory) };
    FindingsUpdated { findings: vec![update] }.into()
}

const UPDATED: ScanCounts = ScanCounts { updated: 1, ..NONE };
const UNCHANGED: ScanCounts = ScanCounts { unchanged: 1, ..NONE };

#[test]
fn an_alias_learnt_later_is_told_once() {
    let first = observed(lodash(&["GHSA-1"]));
    let detection = Detection { title: first.detection.title.clone(), ..lodash(&["CVE-1", "GHSA-1"]) };
    let [later] = &seen_again(&[detection], &[&first])[..] else { panic!("one detection is one finding") };
    assert_eq!((later.finding, later.detection.cve.as_deref()), (first.finding, Some("CVE-1")));
    let ids = ["CVE-1", "GHSA-1"].map(str::to_owned).to_vec();
    let learnt = AdvisoryFacts {
        advisories: Some(ids),
        cve: Some(Some("CVE-1".to_owned())),
        ..AdvisoryFacts::default()
    };
    let before = after([matched(1, std::slice::from_ref(&first))]);
    let second = matched(2, std::slice::from_ref(later));
    given::<Branch>(before.clone())
        .when(second.clone())
        .then([told(later, learnt), ended(2, UPDATED, &[&first])]);
    let told = [before.clone(), after_on(folded(&before), [second])].concat();
    given::<Branch>(told).when(matched(3, std::slice::from_ref(later))).then([ended(
        3,
        UNCHANGED,
        &[&first],
    )]);
}

#[test]
fn what_is_no_vulnerability_may_turn_out_to_be_one_and_the_other_way_round() {
    let [notice, weak] =
        [Some("unmaintained"), None].map(|mark| observed(informational(lodash(&["RUSTSEC-1"]), mark)));
    for (first, later, mark) in [(&notice, &weak, None), (&weak, &notice, Some("unmaintained".to_owned()))] {
        let facts = AdvisoryFacts { informational: Some(mark), ..AdvisoryFacts::default() };
        given::<Branch>(after([matched(1, std::slice::from_ref(first))]))
            .when(matched(2, std::slice::from_ref(later)))
            .then([told(later, facts), ended(2, UPDATED, &[later])]);
    }
}

#[test]
fn what_moves_and_learns_is_one_update_and_what_only_moves_tells_nothing() {
    let first = observed(lodash(&["GHSA-1"]));
    let mut later = at_line(first.clone(), 7);
    given::<Branch>(after([matched(1, std::slice::from_ref(&first))]))
        .when(matched(2, std::slice::from_ref(&later)))
        .then([updated(&[&later]), ended(2, UPDATED, &[&later])]);
    later.detection.description = "It is worse than that.".to_owned();
    let facts =
        AdvisoryFacts { description: Some(later.detection.description.clone()), ..AdvisoryFacts::default() };
    given::<Branch>(after([matched(1, std::slice::from_ref(&first))]))
        .when(matched(2, std::slice::from_ref(&later)))
        .then([told(&later, facts), ended(2, UPDATED, &[&later])]);
}

#[test]
fn a_finding_that_comes_back_is_told_everything() {
    let first = observed(lodash(&["GHSA-1"]));
    let mut later = first.clone();
    later.detection.title = "lodash: worded in another way".to_owned();
    let gone = after([matched(1, std::slice::from_ref(&first)), matched(2, &[])]);
    let counts = ScanCounts { reopened: 1, new: 1, ..NONE };
    let third = matched(3, std::slice::from_ref(&later));
    given::<Branch>(gone.clone()).when(third.clone()).then([reopened(&later), ended(3, counts, &[&later])]);
    let BranchEvent::Reopened(Reopened { advisory: Some(facts), .. }) = reopened(&later) else {
        panic!("an advisory is about it")
    };
    assert_eq!(facts.title.as_ref(), Some(&later.detection.title));
    assert_eq!((facts.cwe, facts.references), (Some(None), Some(vec![])));
    given::<Branch>([gone.clone(), after_on(folded(&gone), [third])].concat())
        .when(matched(4, std::slice::from_ref(&later)))
        .then([ended(4, UNCHANGED, &[&later])]);
}

/// As events were written before what advisories say was kept in them.
#[test]
fn what_was_reopened_without_being_told_knows_what_it_was_told_first() {
    let seen = observed(lodash(&["GHSA-1"]));
    let mut gone = after([matched(1, std::slice::from_ref(&seen)), matched(2, &[])]);
    let (finding, scanner, occurrence) = (seen.finding, seen.scanner(), seen.occurrence());
    gone.push(Reopened { finding, scanner, occurrence, advisory: None }.into());
    gone.push(ended(3, ScanCounts { reopened: 1, new: 1, ..NONE }, &[&seen]));
    given::<Branch>(gone).when(matched(4, std::slice::from_ref(&seen))).then([ended(4, UNCHANGED, &[&seen])]);
}

#[test]
fn what_nobody_knows_to_have_been_told_is_told_once() {
    let seen = observed(lodash(&["GHSA-1"]));
    let mut state = folded(&after([matched(1, std::slice::from_ref(&seen))]));
    state.findings.get_mut(&seen.finding).unwrap().advisory = None;
    let second = after_on(state.clone(), [matched(2, std::slice::from_ref(&seen))]);
    assert_eq!(second, [told(&seen, Said::of(&seen).unwrap().all()), ended(2, UPDATED, &[&seen])]);
    let state = second.iter().fold(state, Branch::evolve);
    let third = after_on(state, [matched(3, std::slice::from_ref(&seen))]);
    assert_eq!(third, [ended(3, UNCHANGED, &[&seen])]);
}

#[test]
fn a_branch_begins_with_what_its_base_was_told() {
    let first = observed(lodash(&["GHSA-1"]));
    let mut later = first.clone();
    later.detection.cwe = Some("CWE-79".to_owned());
    let main = after([matched(1, std::slice::from_ref(&first)), matched(2, std::slice::from_ref(&later))]);
    let base = Some(BaseBranch { branch: branch_id(SHOP, "main"), position: Position(40) });
    let events =
        Branch::decide(&inherited(&main), on_feature(matched(3, std::slice::from_ref(&later)), base))
            .unwrap();
    assert!(
        matches!(&events[..], [BranchEvent::Opened(_), BranchEvent::Scanned(end)] if end.counts == UNCHANGED)
    );
}

#[test]
fn an_alias_that_joins_two_findings_is_learnt_by_the_elder_and_the_younger_goes() {
    let (elder, younger) = (observed(lodash(&["GHSA-1"])), observed(lodash(&["CVE-1"])));
    let known = [&elder, &younger];
    let joined = Detection { title: elder.detection.title.clone(), ..lodash(&["CVE-1", "GHSA-1"]) };
    let later = seen_again(&[joined], &known);
    let ids = ["CVE-1", "GHSA-1"].map(str::to_owned).to_vec();
    let cve = Some(Some("CVE-1".to_owned()));
    let facts = AdvisoryFacts { advisories: Some(ids), cve, ..AdvisoryFacts::default() };
    let counts = ScanCounts { updated: 1, resolved: 1, ..NONE };
    given::<Branch>(after([matched(1, &known.map(Clone::clone))])).when(matched(2, &later)).then([
        resolved(&younger),
        told(&later[0], facts),
        ended(2, counts, &[&elder]),
    ]);
}

#[test]
fn ids_that_a_finding_was_known_by_stay_whichever_records_affect_a_version() {
    let first = observed(lodash(&["CVE-2", "GHSA-1", "OSV-1"]));
    assert_eq!(first.detection.cve.as_deref(), Some("CVE-2"));
    let of_one_record = Detection { title: first.detection.title.clone(), ..lodash(&["GHSA-1"]) };
    let later = seen_again(&[of_one_record], &[&first]);
    given::<Branch>(after([matched(1, std::slice::from_ref(&first))]))
        .when(matched(2, &later))
        .then([ended(2, UNCHANGED, &[&first])]);
    let own = Detection { cve: Some("CVE-3".to_owned()), ..lodash(&["CVE-3", "GHSA-1"]) };
    let [later] = &seen_again(&[own], &[&first])[..] else { panic!("one detection is one finding") };
    let Identity::Advisory { group, .. } = &later.detection.identity else { panic!("{later:?}") };
    assert_eq!(group, &["CVE-2", "CVE-3", "GHSA-1", "OSV-1"]);
    assert_eq!(later.detection.cve.as_deref(), Some("CVE-3"));
}

#[test]
fn what_is_told_of_many_findings_fits_into_batches() {
    let all: Vec<_> =
        (0..2 * UPDATES_PER_EVENT).map(|n| observed(vulnerable(&format!("p{n}"), &["GHSA-1"]))).collect();
    let mut later = all.clone();
    for seen in &mut later {
        seen.detection.description = "d".repeat(DESCRIPTION_BYTES);
    }
    let events = after_on(folded(&after([matched(1, &all)])), [matched(2, &later)]);
    let sizes: Vec<usize> = events.iter().map(|event| event.encode().len()).collect();
    assert!(sizes.iter().all(|size| *size <= BATCH_BYTES / 3), "{sizes:?}");
    let told = events.iter().map(|event| match event {
        BranchEvent::FindingsUpdated(updated) => updated.findings.len(),
        _ => 0,
    });
    assert_eq!(told.sum::<usize>(), all.len());
}

#[test]
fn other_words_about_a_secret_are_told_to_nobody() {
    let first = observed(secret("a"));
    let mut later = first.clone();
    later.detection.description = "It opens everything.".to_owned();
    later.detection.references = vec!["https://example.org/1".to_owned()];
    given::<Branch>(after([scan(1, std::slice::from_ref(&first))])).when(scan(2, &[later])).then([scanned(
        2,
        UNCHANGED,
        &[&first],
        &[],
    )]);
}

/// What the last scan made of a finding that is seen where `gone` was, told in full; whether it is new is in the counts.
fn seen_instead(before: &[BranchEvent], seen: &Observed, gone: &Observed, counts: ScanCounts) -> BranchEvent {
    let events = after_on(folded(before), [matched(9, std::slice::from_ref(seen))]);
    let [BranchEvent::Detected(detected), went, end] = &events[..] else { panic!("{events:?}") };
    assert_eq!((detected.finding, detected.is_new), (seen.finding, counts.new == 1));
    assert_eq!((went, end), (&resolved(gone), &ended(9, counts, &[seen])));
    events[0].clone()
}

const INSTEAD: ScanCounts = ScanCounts { detected: 1, resolved: 1, ..NONE };

#[test]
fn what_was_there_under_a_younger_finding_is_not_new_under_the_elder_one() {
    let [elder, younger] = ["GHSA-1", "CVE-1"].map(|id| observed(lodash(&[id])));
    let both = seen_again(&[lodash(&["CVE-1", "GHSA-1"])], &[&elder, &younger]);
    assert_eq!((both[0].finding, &both[0].others), (elder.finding, &vec![younger.finding]));
    let other = observed(vulnerable("minimist", &["GHSA-2"]));
    for (there, new) in [(&younger, 0), (&other, 1)] {
        let before = after([matched(1, std::slice::from_ref(there))]);
        seen_instead(&before, &both[0], there, ScanCounts { new, ..INSTEAD });
    }
}

#[test]
fn an_elder_that_comes_back_where_the_younger_was_is_not_new() {
    let [elder, younger] = ["GHSA-1", "CVE-1"].map(|id| observed(lodash(&[id])));
    let both = seen_again(&[lodash(&["CVE-1", "GHSA-1"])], &[&elder, &younger]);
    let before =
        after([matched(1, std::slice::from_ref(&elder)), matched(2, std::slice::from_ref(&younger))]);
    let back = seen_instead(&before, &both[0], &younger, INSTEAD);
    let now = folded(&[before, vec![back, resolved(&younger)]].concat());
    assert!(now.holds(elder.finding) && !now.holds(younger.finding));
    assert_eq!(now.digest, InventoryDigest::of_finding(elder.finding, &both[0].occurrence()));
}
