//! What holds on a branch for any sequence of scans, any crash, and wherever it is closed.

use super::facts::Said;
use super::samples::{
    at_line, closed, component, observed, on_feature, scan, secret, uploaded, vulnerable, weakness,
};
use super::{
    AdvisoryDigest, BaseBranch, Branch, BranchEvent, ClosedBecause, ComponentKey, Coverage, Folded, Held,
    Inventory, InventoryDigest, Observed, Present, RecordScan, RuleCoverage, ScanCounts, Scanned,
    ScannerCoverage,
};
use crate::blob::BlobHash;
use crate::component::{Component, Scope};
use crate::decider::{Decider, StoredEvent};
use crate::id::FindingId;
use crate::log::Position;
use crate::scanning::{Detection, Identity, ScannerKind, Unread};
use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, proptest};
use proptest::test_runner::TestCaseError;
use std::collections::BTreeMap;

/// What a scan sees: which scanners cover, per finding the line it is in, per component its scope.
#[derive(Debug, Clone)]
struct Seen {
    covers: [bool; 3],
    /// Which of their words advisories use.
    words: u8,
    /// Whether the files of each finding could not be read.
    unread: [bool; 9],
    lines: [Option<u32>; 9],
    /// What a client covers instead of scanners, if a client looks.
    client: Option<ClientSaw>,
    scopes: Option<[Option<Scope>; 4]>,
}

/// Which of two rules a client ran, which of two files it could not read, and whether it looked at changes only.
#[derive(Debug, Clone)]
struct ClientSaw {
    rules: [bool; 2],
    unread: [bool; 2],
    is_diff: bool,
    /// The lines of what it found: each rule in each file.
    lines: [Option<u32>; 4],
}

const RULES: [&str; 2] = ["eval", "exec"];
const FILES: [&str; 2] = ["a.py", "b.py"];

impl ClientSaw {
    fn coverage(&self) -> Coverage {
        let chosen = |words: [&str; 2], which: [bool; 2]| {
            words.into_iter().zip(which).filter(|(_, is)| *is).map(|(word, _)| word.to_owned()).collect()
        };
        if self.is_diff {
            return Coverage::Changes { scanners: vec![ScannerKind::Sast], rules: 2 };
        }
        Coverage::Rules(RuleCoverage {
            scanners: vec![ScannerKind::Sast],
            rules: chosen(RULES, self.rules),
            unread: chosen(FILES, self.unread),
            kept: BlobHash([0; 32]),
        })
    }

    fn observed(&self) -> Vec<Observed> {
        let found = self
            .lines
            .into_iter()
            .enumerate()
            .filter_map(|(i, line)| Some(at_line(observed(uploaded(RULES[i % 2], FILES[i / 2])), line?)));
        found.collect()
    }
}

const KINDS: [ScannerKind; 3] = [ScannerKind::Sca, ScannerKind::Secrets, ScannerKind::Sast];

impl Seen {
    fn record(&self, n: u128) -> RecordScan {
        if let Some(client) = &self.client {
            return RecordScan { coverage: client.coverage(), ..scan(n, &client.observed()) };
        }
        let all: Vec<Observed> = (0..9).map(|i| finding(i, 1, self.words)).collect();
        let covered = KINDS.into_iter().zip(self.covers).filter_map(|(kind, covers)| covers.then_some(kind));
        let unread_by = |kind: ScannerKind| -> Unread {
            let unread = all.iter().zip(self.unread).filter(|(seen, is)| *is && seen.scanner() == kind);
            unread.map(|(seen, _)| &*seen.detection.places[0].path).collect()
        };
        let coverage = ScannerCoverage {
            scanners: covered.collect(),
            unread: KINDS.map(|kind| (kind, unread_by(kind))).into(),
            places: all.iter().map(|seen| (seen.finding, seen.detection.places.clone())).collect(),
            ..ScannerCoverage::default()
        };
        let is_read =
            |seen: &Observed| !coverage.unread[&seen.scanner()].contains(&seen.detection.places[0].path);
        let observed = (0..).zip(self.lines).filter_map(|(i, line)| Some(finding(i, line?, self.words)));
        let observed: Vec<_> = observed.filter(is_read).collect();
        let components = self.scopes.map(|scopes| {
            let there = (0..).zip(scopes).filter_map(|(i, scope): (u32, _)| {
                Some(Component { scope: scope?, ..component(&format!("p{i}"), "1.0.0") })
            });
            there.collect()
        });
        RecordScan { coverage: Coverage::Scanners(coverage), components, ..scan(n, &observed) }
    }
}

/// Finding number `i`, a third of them for each scanner.
fn finding(i: u32, line: u32, words: u8) -> Observed {
    let name = format!("f{i}");
    let detection = match i % 3 {
        0 => Detection { description: format!("words {words}"), ..vulnerable(&name, &["GHSA-1"]) },
        1 => secret(&name),
        _ => weakness(&name),
    };
    at_line(observed(detection), line)
}

fn any_seen() -> impl Strategy<Value = Seen> {
    let line = proptest::option::of(1..4_u32);
    let scope = proptest::option::of(any::<bool>().prop_map(|needed| match needed {
        true => Scope::Runtime,
        false => Scope::Development,
    }));
    (
        any::<[bool; 3]>(),
        0..3_u8,
        proptest::array::uniform9(proptest::bool::weighted(0.1)),
        proptest::array::uniform9(line),
        proptest::option::of(proptest::array::uniform4(scope)),
        proptest::option::weighted(0.3, any_client_saw()),
    )
        .prop_map(|(covers, words, unread, lines, scopes, client)| Seen {
            covers,
            words,
            unread,
            lines,
            scopes,
            client,
        })
}

fn any_client_saw() -> impl Strategy<Value = ClientSaw> {
    let lines = proptest::array::uniform4(proptest::option::of(1..4_u32));
    (any::<[bool; 2]>(), any::<[bool; 2]>(), any::<bool>(), lines)
        .prop_map(|(rules, unread, is_diff, lines)| ClientSaw { rules, unread, is_diff, lines })
}

fn any_scans() -> impl Strategy<Value = Vec<Seen>> {
    proptest::collection::vec(any_seen(), 1..6)
}

/// What ought to be on a branch, computed without events.
#[derive(Debug, Clone, Default)]
struct Model {
    findings: BTreeMap<FindingId, Observed>,
    components: BTreeMap<ComponentKey, Component>,
}

/// Whether not seeing a finding means that it is gone, in other words than the code's.
fn is_covered(coverage: &Coverage, held: &Observed) -> bool {
    let is_upload = matches!(held.detection.identity, Identity::Upload(_));
    let path = &held.detection.places[0].path;
    match coverage {
        Coverage::Scanners(covered) => {
            let scanner = held.scanner();
            let is_unread = covered.unread.get(&scanner).is_some_and(|unread| unread.contains(path));
            !is_upload && covered.scanners.contains(&scanner) && !is_unread
        }
        Coverage::Rules(covered) => {
            is_upload && covered.rules.contains(&held.detection.rule) && !covered.unread.contains(path)
        }
        Coverage::Changes { .. } => false,
    }
}

impl Model {
    fn see(&mut self, record: &RecordScan) {
        self.findings.retain(|_, held| !is_covered(&record.coverage, held));
        self.findings.extend(record.observed.iter().map(|seen| (seen.finding, seen.clone())));
        if let Some(components) = &record.components {
            self.components =
                components.iter().map(|part| (ComponentKey::from(part), part.clone())).collect();
        }
    }

    /// How everything looks that no client found.
    fn looks(&self) -> BTreeMap<FindingId, Present> {
        let own =
            self.findings.iter().filter(|(_, seen)| !matches!(seen.detection.identity, Identity::Upload(_)));
        own.map(|(&finding, seen)| {
            let (severity, places) = (seen.detection.severity, seen.detection.places.clone());
            (finding, Present { finding, scanner: seen.scanner(), severity, places })
        })
        .collect()
    }

    fn digest(&self) -> InventoryDigest {
        let findings =
            self.findings.iter().map(|(id, seen)| InventoryDigest::of_finding(*id, &seen.occurrence()));
        let components = self.components.values().map(InventoryDigest::of_component);
        findings.chain(components).fold(InventoryDigest::default(), InventoryDigest::plus)
    }

    fn agrees(&self, state: &Inventory) -> Result<(), TestCaseError> {
        for (id, held) in &state.findings {
            prop_assert_eq!(held.is_present, self.findings.contains_key(id));
        }
        for (id, seen) in &self.findings {
            prop_assert!(state.holds(*id));
            prop_assert_eq!(state.findings[id].scanner, seen.scanner());
            prop_assert_eq!(state.findings[id].digest, InventoryDigest::of_finding(*id, &seen.occurrence()));
            let all = Said::of(seen).map(Said::all);
            prop_assert_eq!(state.findings[id].advisory, AdvisoryDigest::after(None, all.as_ref()));
        }
        let components: BTreeMap<_, _> = state.components.clone().into_iter().collect();
        let expected =
            self.components.iter().map(|(key, part)| (key.clone(), InventoryDigest::of_component(part)));
        prop_assert_eq!(components, expected.collect::<BTreeMap<_, _>>());
        prop_assert_eq!(state.digest, self.digest());
        Ok(())
    }
}

/// What one record must have counted, given what was there before and whether it can be new.
fn counts(before: &Model, ever: &[FindingId], record: &RecordScan, can_be_new: bool) -> ScanCounts {
    let mut counts = ScanCounts::default();
    for seen in &record.observed {
        match before.findings.get(&seen.finding) {
            Some(held)
                if held.occurrence() == seen.occurrence()
                    && held.detection.description == seen.detection.description =>
            {
                counts.unchanged += 1;
            }
            Some(_) => counts.updated += 1,
            None if ever.contains(&seen.finding) => counts.reopened += 1,
            None => counts.detected += 1,
        }
    }
    let mut after = before.clone();
    after.see(record);
    counts.resolved = before.findings.keys().filter(|id| !after.findings.contains_key(id)).count() as u64;
    counts.new = if can_be_new { counts.detected + counts.reopened } else { 0 };
    counts
}

fn ended(events: &[BranchEvent]) -> Result<Scanned, TestCaseError> {
    match events.last() {
        Some(BranchEvent::Scanned(scanned)) => Ok(scanned.clone()),
        other => Err(TestCaseError::fail(format!("{other:?}"))),
    }
}

/// Through the log and back.
fn stored(event: &BranchEvent) -> BranchEvent {
    BranchEvent::decode(event.kind(), event.schema(), &event.encode()).unwrap()
}

fn fold(state: Inventory, events: &[BranchEvent]) -> Inventory {
    events.iter().fold(state, |state, event| Branch::evolve(state, &stored(event)))
}

fn recorded(scans: &[Seen]) -> Inventory {
    (1..).zip(scans).fold(Inventory::default(), |state, (n, seen)| {
        let events = Branch::decide(&state, seen.record(n)).unwrap();
        fold(state, &events)
    })
}

proptest! {
    #[test]
    fn folding_all_events_gives_what_was_last_seen(
        scans in any_scans(),
        ends in proptest::collection::vec(proptest::bool::weighted(0.25), 6),
    ) {
        let (mut state, mut model, mut ever) = (Inventory::default(), Model::default(), Vec::new());
        let mut has_history = false;
        for ((n, seen), is_closed) in (1..).zip(&scans).zip(ends) {
            let record = seen.record(n);
            let events = Branch::decide(&state, record.clone()).unwrap();
            let expected = counts(&model, &ever, &record, has_history);
            state = fold(state, &events);
            model.see(&record);
            ever.extend(record.observed.iter().map(|seen| seen.finding));
            model.agrees(&state)?;
            let end = ended(&events)?;
            prop_assert_eq!(end.counts, expected);
            prop_assert_eq!(end.digest, state.digest);
            prop_assert_eq!(Branch::decide(&state, record.clone()).unwrap(), vec![]);
            has_history = true;
            if is_closed {
                state = fold(state, &[closed(ClosedBecause::Silent)]);
                (model, has_history) = (Model::default(), false);
                model.agrees(&state)?;
                prop_assert_eq!(Branch::decide(&state, record).unwrap(), vec![]);
            }
        }
    }

    #[test]
    fn how_findings_look_is_folded_with_what_is_there(scans in any_scans()) {
        let (mut folded, mut model) = (Folded::watching(KINDS.to_vec()), Model::default());
        for (n, seen) in (1..).zip(&scans) {
            let record = seen.record(n);
            let events = Branch::decide(folded.inventory(), record.clone()).unwrap();
            events.iter().for_each(|event| folded.apply(&stored(event)));
            model.see(&record);
        }
        let (inventory, looks) = folded.into_parts();
        model.agrees(&inventory)?;
        let looks: BTreeMap<FindingId, Present> = looks.into_iter().map(|look| (look.finding, look)).collect();
        prop_assert_eq!(looks, model.looks());
    }

    #[test]
    fn a_branch_that_starts_from_another_differs_from_it_by_what_was_seen(
        main in any_scans(),
        before in proptest::option::of(any_scans()),
        seen in any_seen(),
    ) {
        let own = before.map_or_else(Inventory::default, |before| {
            fold(recorded(&before), &[closed(ClosedBecause::Deleted)])
        });
        let mut model = Model::default();
        for (n, seen) in (1..).zip(&main) {
            model.see(&seen.record(n));
        }
        let base = recorded(&main);
        let is_there = |(finding, held): (&FindingId, &Held)| held.is_present.then_some(*finding);
        let ever: Vec<_> = base.findings.iter().filter_map(is_there).chain(own.findings.keys().copied()).collect();
        let inherited = own.starting_from(base);
        let base = BaseBranch { branch: super::branch_id(super::samples::SHOP, "main"), position: Position(9) };
        let record = on_feature(seen.record(100), Some(base));
        let events = Branch::decide(&inherited, record.clone()).unwrap();
        prop_assert_eq!(ended(&events)?.counts, counts(&model, &ever, &record, true));
        let state = fold(inherited, &events);
        model.see(&record);
        model.agrees(&state)?;
    }

    #[test]
    fn crashes_anywhere_change_nothing_about_the_end(
        is_first in any::<bool>(),
        before in any_scans(),
        last in any_seen(),
        cuts in proptest::collection::vec(0..8_usize, 0..5),
    ) {
        let start = if is_first { Inventory::default() } else { recorded(&before) };
        let record = last.record(100);
        let whole = Branch::decide(&start, record.clone()).unwrap();
        let uninterrupted = fold(start.clone(), &whole);
        let (mut state, mut done) = (start, 0);
        for cut in cuts {
            let rest = Branch::decide(&state, record.clone()).unwrap();
            prop_assert_eq!(&rest[..], &whole[done..]);
            let kept = cut.min(rest.len());
            state = fold(state, &rest[..kept]);
            done += kept;
        }
        let rest = Branch::decide(&state, record).unwrap();
        prop_assert_eq!(&rest[..], &whole[done..]);
        prop_assert_eq!(fold(state, &rest), uninterrupted);
    }

    #[test]
    fn what_was_recorded_of_a_run_before_its_branch_was_closed_is_recorded_again(
        before in any_scans(),
        last in any_seen(),
        cut in 0..12_usize,
    ) {
        let (start, record) = (recorded(&before), last.record(100));
        let whole = Branch::decide(&start, record.clone()).unwrap();
        let kept = cut.min(whole.len() - 1);
        let state = fold(fold(start, &whole[..kept]), &[closed(ClosedBecause::Merged)]);
        let rest = Branch::decide(&state, record.clone()).unwrap();
        let state = fold(state, &rest);
        let mut model = Model::default();
        model.see(&record);
        model.agrees(&state)?;
        prop_assert_eq!(ended(&rest)?.digest, state.digest);
        prop_assert_eq!(Branch::decide(&state, record).unwrap(), vec![]);
    }

    #[test]
    fn a_digest_does_not_depend_on_the_order_in_which_things_came(scans in any_scans(), last in any_seen()) {
        let uploads = ClientSaw { rules: [true; 2], unread: [false; 2], is_diff: false, lines: [Some(1); 4] };
        let uploads = Seen { client: Some(last.client.clone().map_or(uploads.clone(), |client| ClientSaw { lines: client.lines, ..uploads })), ..last.clone() };
        let everything = Seen { covers: [true; 3], unread: [false; 9], scopes: Some(last.scopes.unwrap_or_default()), client: None, ..last };
        let straight = recorded(&[everything.clone(), uploads.clone()]);
        let detour = recorded(&[scans, vec![everything, uploads]].concat());
        prop_assert_eq!(straight.digest, detour.digest);
    }
}
