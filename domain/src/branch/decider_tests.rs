//! What a scan changes on a branch, rule by rule; `recording_tests.rs` is about runs in many
//! parts, `property_tests.rs` holds for any sequence of scans.

use super::*;
use crate::blob::BlobHash;
use crate::branch::samples::{
    ACME, SHOP, at_line, component, observed, on_feature, place, scan, secret, vulnerable, weakness,
};
use crate::branch::{ExcerptRef, SecretFacts, branch_id, branch_stream};
use crate::component::{Ecosystem, Package, Scope};
use crate::decider::given;
use crate::log::Position;
use crate::scanning::{Detection, ScannerKind};
use crate::severity::Severity;

/// What happened when scans were recorded one after the other; each must be accepted.
#[track_caller]
pub(super) fn after(scans: impl IntoIterator<Item = RecordScan>) -> Vec<BranchEvent> {
    after_on(Inventory::default(), scans)
}

#[track_caller]
pub(super) fn after_on(
    mut state: Inventory,
    scans: impl IntoIterator<Item = RecordScan>,
) -> Vec<BranchEvent> {
    let mut happened = Vec::new();
    for scan in scans {
        let events = Branch::decide(&state, scan).unwrap();
        state = events.iter().fold(state, Branch::evolve);
        happened.extend(events);
    }
    happened
}

pub(super) fn folded(events: &[BranchEvent]) -> Inventory {
    events.iter().fold(Inventory::default(), Branch::evolve)
}

/// What a branch that starts from `main` is decided on.
pub(super) fn inherited(main: &[BranchEvent]) -> Inventory {
    Inventory::default().starting_from(folded(main))
}

pub(super) fn opened() -> BranchEvent {
    Opened {
        branch: branch_id(SHOP, "main"),
        organization: ACME,
        project: SHOP,
        name: "main".to_owned(),
        base: None,
    }
    .into()
}

/// The first sight of a sample secret or weakness.
pub(super) fn detected(seen: &Observed, is_new: bool) -> BranchEvent {
    let secret = (seen.scanner() == ScannerKind::Secrets).then(|| SecretFacts {
        hash: "ab".repeat(48),
        leak_hash: "cd".repeat(32),
        masked: "gh…".to_owned(),
    });
    Detected {
        finding: seen.finding,
        fingerprint: seen.fingerprint,
        scanner: seen.scanner(),
        rule: seen.detection.rule.clone(),
        title: seen.detection.title.clone(),
        description: String::new(),
        cwe: None,
        cve: None,
        confidence: 0.5,
        package: None,
        advisories: vec![],
        informational: None,
        secret,
        upload: match &seen.detection.identity {
            Identity::Upload(uploaded) => Some(uploaded.facts.clone()),
            _ => None,
        },
        references: vec![],
        occurrence: seen.occurrence(),
        is_new,
    }
    .into()
}

pub(super) fn reopened(seen: &Observed) -> BranchEvent {
    let advisory = Said::of(seen).map(Said::all);
    Reopened { finding: seen.finding, scanner: seen.scanner(), occurrence: seen.occurrence(), advisory }
        .into()
}

pub(super) fn resolved(seen: &Observed) -> BranchEvent {
    Resolved { finding: seen.finding }.into()
}

pub(super) fn updated(seen: &[&Observed]) -> BranchEvent {
    let update =
        |seen: &&Observed| Update { finding: seen.finding, occurrence: seen.occurrence(), advisory: None };
    FindingsUpdated { findings: seen.iter().map(update).collect() }.into()
}

fn set(components: &[Component]) -> BranchEvent {
    ComponentsChanged { set: components.to_vec(), removed: vec![] }.into()
}

fn removed(components: &[Component]) -> BranchEvent {
    ComponentsChanged { set: vec![], removed: components.iter().map(ComponentKey::from).collect() }.into()
}

/// The end of scan number `n`, which leaves exactly `present` and `components` on the branch.
pub(super) fn scanned(
    n: u128,
    counts: ScanCounts,
    present: &[&Observed],
    components: &[Component],
) -> BranchEvent {
    let RecordScan { branch, scan, run, coverage, generation, .. } = scan(n, &[]);
    let digest = digest(present, components);
    let (coverage, client) = (coverage.scanners().to_vec(), coverage.client());
    Scanned { branch, scan, run, coverage, client, counts, generation, digest }.into()
}

pub(super) fn digest(present: &[&Observed], components: &[Component]) -> InventoryDigest {
    let findings = present.iter().map(|seen| InventoryDigest::of_finding(seen.finding, &seen.occurrence()));
    let components = components.iter().map(InventoryDigest::of_component);
    findings.chain(components).fold(InventoryDigest::default(), InventoryDigest::plus)
}

pub(super) const NONE: ScanCounts =
    ScanCounts { detected: 0, reopened: 0, resolved: 0, updated: 0, unchanged: 0, new: 0 };

#[test]
fn the_first_scan_opens_the_branch_and_nothing_is_new() {
    let (a, b) = (observed(secret("a")), observed(weakness("b")));
    given::<Branch>([]).when(scan(1, &[a.clone(), b.clone()])).then([
        opened(),
        detected(&a, false),
        detected(&b, false),
        scanned(1, ScanCounts { detected: 2, ..NONE }, &[&a, &b], &[]),
    ]);
}

#[test]
fn a_first_scan_that_finds_nothing_opens_the_branch_too() {
    given::<Branch>([]).when(scan(1, &[])).then([opened(), scanned(1, NONE, &[], &[])]);
}

#[test]
fn what_a_later_scan_finds_for_the_first_time_is_new() {
    let (a, b) = (observed(secret("a")), observed(secret("b")));
    given::<Branch>(after([scan(1, std::slice::from_ref(&a))])).when(scan(2, &[a.clone(), b.clone()])).then(
        [
            detected(&b, true),
            scanned(2, ScanCounts { detected: 1, unchanged: 1, new: 1, ..NONE }, &[&a, &b], &[]),
        ],
    );
}

#[test]
fn a_scan_that_sees_the_same_is_exactly_one_event() {
    let all = [observed(secret("a")), observed(weakness("b"))];
    let parts = Some(vec![component("lodash", "1.0.0")]);
    let first = RecordScan { components: parts.clone(), ..scan(1, &all) };
    given::<Branch>(after([first])).when(RecordScan { components: parts, ..scan(2, &all) }).then([scanned(
        2,
        ScanCounts { unchanged: 2, ..NONE },
        &[&all[0], &all[1]],
        &[component("lodash", "1.0.0")],
    )]);
}

#[test]
fn what_a_covered_scanner_no_longer_finds_is_resolved_and_the_rest_stays() {
    let (a, b) = (observed(secret("a")), observed(weakness("b")));
    let only_secrets = RecordScan { coverage: vec![ScannerKind::Secrets].into(), ..scan(2, &[]) };
    let events = after([scan(1, &[a.clone(), b.clone()]), only_secrets]);
    let last: Scanned = match events.last() {
        Some(BranchEvent::Scanned(scanned)) => scanned.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(events[events.len() - 2], resolved(&a));
    assert_eq!(last.counts, ScanCounts { resolved: 1, ..NONE });
    assert_eq!(last.digest, digest(&[&b], &[]));
    assert_eq!(last.coverage, [ScannerKind::Secrets]);
    assert!(!folded(&events).holds(a.finding));
    assert!(folded(&events).holds(b.finding));
}

#[test]
fn findings_are_resolved_in_the_order_of_their_ids() {
    let all = ["a", "b", "c", "d"].map(|path| observed(secret(path)));
    let mut ids: Vec<_> = all.iter().map(|seen| seen.finding).collect();
    ids.sort_unstable();
    let events = after([scan(1, &all), scan(2, &[])]);
    let gone: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            BranchEvent::Resolved(resolved) => Some(resolved.finding),
            _ => None,
        })
        .collect();
    assert_eq!(gone, ids);
}

#[test]
fn a_finding_that_is_gone_is_resolved_once() {
    let a = observed(secret("a"));
    given::<Branch>(after([scan(1, &[a]), scan(2, &[])])).when(scan(3, &[])).then([scanned(
        3,
        NONE,
        &[],
        &[],
    )]);
}

#[test]
fn a_finding_that_comes_back_is_reopened_and_new() {
    let a = observed(secret("a"));
    let moved = at_line(a.clone(), 7);
    given::<Branch>(after([scan(1, &[a]), scan(2, &[])]))
        .when(scan(3, std::slice::from_ref(&moved)))
        .then([reopened(&moved), scanned(3, ScanCounts { reopened: 1, new: 1, ..NONE }, &[&moved], &[])]);
}

#[test]
fn a_finding_that_looks_different_is_updated() {
    let seen = observed(vulnerable("lodash", &["GHSA-1"]));
    let changes: [fn(&mut Detection); 7] = [
        |seen| seen.places[0].line = Some(7),
        |seen| seen.places[0].end_line = Some(7),
        |seen| seen.places[0].path = "moved".to_owned(),
        |seen| seen.places[0].version = Some("1.2.3".to_owned()),
        |seen| seen.places.push(place("another", 1)),
        |seen| seen.severity = Severity::Low,
        |seen| seen.fixed_version = None,
    ];
    for change in changes {
        let mut other = seen.clone();
        change(&mut other.detection);
        given::<Branch>(after([scan(1, std::slice::from_ref(&seen))]))
            .when(scan(2, std::slice::from_ref(&other)))
            .then([updated(&[&other]), scanned(2, ScanCounts { updated: 1, ..NONE }, &[&other], &[])]);
    }
}

#[test]
fn another_excerpt_or_title_alone_is_no_change() {
    let seen = observed(secret("a"));
    let mut other = seen.clone();
    other.excerpt = Some(ExcerptRef { blob: BlobHash([1; 32]), start: 0, length: 9 });
    other.detection.title = "worded in another way".to_owned();
    other.detection.confidence = 0.9;
    given::<Branch>(after([scan(1, std::slice::from_ref(&seen))]))
        .when(scan(2, std::slice::from_ref(&other)))
        .then([scanned(2, ScanCounts { unchanged: 1, ..NONE }, &[&seen], &[])]);
}

#[test]
fn components_come_change_and_go() {
    let (lodash, left_pad) = (component("lodash", "1.0.0"), component("left-pad", "1.0.0"));
    let optional = Component { scope: Scope::Optional, ..lodash.clone() };
    let with =
        |n, components: &[Component]| RecordScan { components: Some(components.to_vec()), ..scan(n, &[]) };
    let both = [lodash.clone(), left_pad.clone()];
    given::<Branch>([]).when(with(1, &both)).then([opened(), set(&both), scanned(1, NONE, &[], &both)]);
    given::<Branch>(after([with(1, &both)])).when(with(2, &[left_pad.clone(), optional.clone()])).then([
        set(std::slice::from_ref(&optional)),
        scanned(2, NONE, &[], &[left_pad.clone(), optional.clone()]),
    ]);
    let newer = component("lodash", "2.0.0");
    given::<Branch>(after([with(1, &both)])).when(with(2, std::slice::from_ref(&newer))).then([
        removed(&[left_pad, lodash]),
        set(std::slice::from_ref(&newer)),
        scanned(2, NONE, &[], &[newer]),
    ]);
    given::<Branch>(after([with(1, std::slice::from_ref(&optional))]))
        .when(with(2, &[]))
        .then([removed(&[optional]), scanned(2, NONE, &[], &[])]);
}

#[test]
fn components_stay_when_nobody_looked() {
    let first = RecordScan { components: Some(vec![component("lodash", "1.0.0")]), ..scan(1, &[]) };
    given::<Branch>(after([first])).when(scan(2, &[])).then([scanned(
        2,
        NONE,
        &[],
        &[component("lodash", "1.0.0")],
    )]);
}

#[test]
fn a_component_named_twice_is_there_once() {
    let lodash = component("lodash", "1.0.0");
    let again = Component { scope: Scope::Development, ..lodash.clone() };
    given::<Branch>([])
        .when(RecordScan { components: Some(vec![lodash.clone(), again]), ..scan(1, &[]) })
        .then([
            opened(),
            set(std::slice::from_ref(&lodash)),
            scanned(1, NONE, &[], std::slice::from_ref(&lodash)),
        ]);
}

#[test]
fn a_branch_begins_with_what_is_on_its_base() {
    let (old, fresh, gone) = (observed(secret("old")), observed(secret("fresh")), observed(secret("gone")));
    let main = after([scan(1, &[old.clone(), gone.clone()])]);
    let base = Some(BaseBranch { branch: branch_id(SHOP, "main"), position: Position(40) });
    let record = on_feature(scan(2, &[old.clone(), fresh.clone()]), base);
    let events = Branch::decide(&inherited(&main), record.clone()).unwrap();
    let [BranchEvent::Opened(opened), rest @ ..] = &events[..] else { panic!("{events:?}") };
    assert_eq!((opened.branch, opened.base), (record.branch, base));
    let [changes @ .., BranchEvent::Scanned(scanned)] = rest else { panic!("{events:?}") };
    assert_eq!(changes, [detected(&fresh, true), resolved(&gone)]);
    assert_eq!(scanned.counts, ScanCounts { detected: 1, resolved: 1, unchanged: 1, new: 1, ..NONE });
    assert_eq!(scanned.digest, digest(&[&old, &fresh], &[]));
    let after = events.iter().fold(inherited(&main), Branch::evolve);
    assert_eq!(after.digest, scanned.digest);
    assert_eq!(after.opened.as_ref(), Some(opened));
}

#[test]
fn dependencies_are_never_matched_with_older_advisories_than_before() {
    let with = |n, generation| RecordScan { generation, ..scan(n, &[]) };
    let second = after([with(1, Some(Generation(2)))]);
    given::<Branch>(second.clone())
        .when(with(2, Some(Generation(1))))
        .then_refused(BranchRefusal::StaleAdvisories { offered: Generation(1), current: Generation(2) });
    for generation in [None, Some(Generation(2)), Some(Generation(3))] {
        let events = after_on(folded(&second), [with(2, generation)]);
        assert!(matches!(&events[..], [BranchEvent::Scanned(scanned)] if scanned.generation == generation));
    }
    let not_matched_since = [second.clone(), after_on(folded(&second), [with(2, None)])].concat();
    given::<Branch>(not_matched_since)
        .when(with(3, Some(Generation(1))))
        .then_refused(BranchRefusal::StaleAdvisories { offered: Generation(1), current: Generation(2) });
}

#[test]
fn a_vulnerable_package_is_recorded_with_its_advisories() {
    let mut seen = vulnerable("lodash", &["GHSA-1", "CVE-1"]);
    seen.description = "Prototype pollution.".to_owned();
    seen.cwe = Some("CWE-1321".to_owned());
    seen.cve = Some("CVE-1".to_owned());
    seen.references = vec!["https://example.org/1".to_owned()];
    if let Identity::Advisory { informational, .. } = &mut seen.identity {
        *informational = Some("notice".to_owned());
    }
    let seen = Observed {
        excerpt: Some(ExcerptRef { blob: BlobHash([1; 32]), start: 2, length: 3 }),
        ..observed(seen)
    };
    let events = after([scan(1, std::slice::from_ref(&seen))]);
    let expected = Detected {
        finding: seen.finding,
        fingerprint: seen.fingerprint,
        scanner: ScannerKind::Sca,
        rule: "GHSA-1".to_owned(),
        title: "GHSA-1 was found".to_owned(),
        description: "Prototype pollution.".to_owned(),
        cwe: Some("CWE-1321".to_owned()),
        cve: Some("CVE-1".to_owned()),
        confidence: 0.5,
        package: Some(Package::new(Ecosystem::Npm, "lodash")),
        advisories: vec!["GHSA-1".to_owned(), "CVE-1".to_owned()],
        informational: Some("notice".to_owned()),
        secret: None,
        upload: None,
        references: vec!["https://example.org/1".to_owned()],
        occurrence: seen.occurrence(),
        is_new: false,
    };
    assert_eq!(events[1], expected.into());
}

#[test]
fn a_branch_is_known_by_project_and_name() {
    let main = branch_id(SHOP, "main");
    // RFC 9562 §5.5 over the project's id and "main".
    assert_eq!(branch_stream(main).as_str(), "branch-0b51233c-ad0b-5238-9c16-f45a0713c52e");
    assert_ne!(main, branch_id(SHOP, "Main"));
}
