//! What a scan leaves alone: findings on its branch that it did not see and that may be there all the same.

use crate::branch::{Observed, Present, ScannerCoverage};
use crate::id::FindingId;
use crate::scan::ScanType;
use crate::scanning::ScannerKind;
use crate::severity::Severity;
use std::collections::HashSet;

/// Findings on a branch that a scan would have to see again to keep, had its scanners been able to look everywhere. They
/// stay as they are, and the gate counts them: else a build would pass because a scanner could not work.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LeftAlone(Vec<Present>);

impl LeftAlone {
    /// Whose findings a scan may leave alone: scanners of its type, in their order there, that have no outcome or could
    /// not read something.
    pub fn scanners(scan_type: ScanType, coverage: &ScannerCoverage) -> Vec<ScannerKind> {
        let hindered: HashSet<ScannerKind> = coverage.hindered().collect();
        let is_unsure = |kind: &ScannerKind| !coverage.scanners.contains(kind) || hindered.contains(kind);
        scan_type.scanners().iter().copied().filter(is_unsure).collect()
    }

    /// Of what is on the branch once the results are recorded, what the scan left alone; `present` has at least the
    /// findings of [`Self::scanners`].
    pub fn of(
        mut present: Vec<Present>,
        scan_type: ScanType,
        coverage: &ScannerCoverage,
        observed: &[Observed],
    ) -> Self {
        let unsure = Self::scanners(scan_type, coverage);
        let seen: HashSet<FindingId> = observed.iter().map(|observed| observed.finding).collect();
        present.retain(|present| unsure.contains(&present.scanner) && !seen.contains(&present.finding));
        Self(present)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Each of them, for the gate; none is one that the scan saw.
    pub fn findings(&self) -> impl Iterator<Item = (FindingId, Severity)> {
        self.0.iter().map(|present| (present.finding, present.severity))
    }

    /// How bad those of them are that count as findings of the scan, as lists show them: those of scanners that have an
    /// outcome. What the others found before is on the branch, and no result of this scan.
    pub fn of_the_scan(&self, coverage: &ScannerCoverage) -> impl Iterator<Item = Severity> {
        let is_its_own = |present: &&Present| coverage.scanners.contains(&present.scanner);
        self.0.iter().filter(is_its_own).map(|present| present.severity)
    }
}

#[cfg(test)]
mod tests {
    use super::LeftAlone;
    use crate::branch::{Observed, Present, ScannerCoverage, observe};
    use crate::finding::TriageState;
    use crate::id::ProjectId;
    use crate::log::Position;
    use crate::project::{Gate, GateInput, GateReason, Limit};
    use crate::scan::ScanType;
    use crate::scanning::ScannerKind::{self, Iac, Sast, Sca, Secrets};
    use crate::scanning::{Detection, Identity, Place};
    use crate::severity::Severity::{self, Critical, High, Low};
    use std::collections::{HashMap, HashSet};
    use uuid::Uuid;

    /// A weakness in the file `path`.
    fn weakness(path: &str, severity: Severity) -> Observed {
        let detection = Detection {
            identity: Identity::Code { path: path.to_owned(), context: "eval(x)".to_owned(), index: 0 },
            rule: "eval".to_owned(),
            title: "eval was found".to_owned(),
            description: String::new(),
            severity,
            cwe: None,
            cve: None,
            confidence: 0.5,
            places: vec![Place { path: path.to_owned(), line: Some(1), end_line: None, version: None }],
            fixed_version: None,
            excerpt: None,
            references: vec![],
        };
        observe(ProjectId(Uuid::from_u128(1)), vec![detection], &HashMap::new()).remove(0)
    }

    /// The same on the branch, found by `scanner`.
    fn present(observed: &Observed, scanner: ScannerKind) -> Present {
        let Observed { finding, detection, .. } = observed;
        let (severity, places) = (detection.severity, detection.places.clone());
        Present { finding: *finding, scanner, severity, places }
    }

    /// These have an outcome, and `hindered` could not read everything.
    fn coverage(scanners: &[ScannerKind], hindered: &[ScannerKind]) -> ScannerCoverage {
        let unread = hindered.iter().map(|scanner| (*scanner, ["src"].into_iter().collect()));
        ScannerCoverage {
            scanners: scanners.to_vec(),
            unread: unread.collect(),
            ..ScannerCoverage::default()
        }
    }

    /// What is on a branch, by whom it was found.
    struct Branch(Vec<Present>);

    fn given(present: impl IntoIterator<Item = Present>) -> Branch {
        Branch(present.into_iter().collect())
    }

    impl Branch {
        fn when(self, scan_type: ScanType, coverage: &ScannerCoverage, seen: &[Observed]) -> Scanned {
            let left = LeftAlone::of(self.0, scan_type, coverage, seen);
            Scanned { left, coverage: coverage.clone(), seen: seen.to_vec() }
        }
    }

    struct Scanned {
        left: LeftAlone,
        coverage: ScannerCoverage,
        seen: Vec<Observed>,
    }

    impl Scanned {
        #[track_caller]
        fn then_leaves(self, expected: &[&Observed]) -> Self {
            let left: Vec<_> = self.left.findings().map(|(finding, _)| finding).collect();
            assert_eq!(left, expected.iter().map(|observed| observed.finding).collect::<Vec<_>>());
            assert_eq!(self.left.count(), expected.len());
            self
        }

        #[track_caller]
        fn then_has(self, expected: &[Severity]) -> Self {
            assert_eq!(self.left.of_the_scan(&self.coverage).collect::<Vec<_>>(), expected);
            self
        }

        /// What a gate that allows nothing but INFO says, if everything is in this state and nothing is new.
        #[track_caller]
        fn then_the_gate_counts(self, state: TriageState, expected: &[(Severity, u64)]) -> Self {
            let strict = Limit::AtMost(0);
            let gate = Gate {
                max_critical: strict,
                max_high: strict,
                max_medium: strict,
                max_low: strict,
                fail_on_new: true,
            };
            let seen = self.seen.iter().map(|observed| (observed.finding, observed.detection.severity));
            let input = GateInput::of(seen.chain(self.left.findings()), &HashSet::new(), |_| state);
            let reasons = expected.iter().map(|&(severity, count)| {
                let allowed = 0;
                GateReason::TooMany { severity, count, allowed }
            });
            assert_eq!(gate.verdict(&input, Position(1)).reasons, reasons.collect::<Vec<_>>());
            self
        }
    }

    #[test]
    fn findings_of_a_scanner_without_an_outcome_count_for_the_gate_and_are_none_of_the_scan() {
        let (known, seen) = (weakness("a", Critical), weakness("b", Low));
        given([present(&known, Secrets), present(&seen, Sast)])
            .when(ScanType::Full, &coverage(&[Sast], &[]), &[seen])
            .then_leaves(&[&known])
            .then_has(&[])
            .then_the_gate_counts(TriageState::Untriaged, &[(Critical, 1), (Low, 1)]);
    }

    #[test]
    fn findings_of_a_scanner_that_could_not_read_everything_count_for_both() {
        let known = weakness("a", High);
        given([present(&known, Sast)])
            .when(ScanType::Full, &coverage(&ScannerKind::ALL, &[Sast]), &[])
            .then_leaves(&[&known])
            .then_has(&[High])
            .then_the_gate_counts(TriageState::Untriaged, &[(High, 1)]);
    }

    #[test]
    fn what_a_hindered_scanner_saw_counts_once() {
        let (seen, known) = (weakness("a", High), weakness("b", High));
        given([present(&seen, Sast), present(&known, Sast)])
            .when(ScanType::Sast, &coverage(&[Sast], &[Sast]), std::slice::from_ref(&seen))
            .then_leaves(&[&known])
            .then_the_gate_counts(TriageState::Untriaged, &[(High, 2)]);
    }

    #[test]
    fn a_scanner_that_looked_everywhere_leaves_nothing_alone() {
        let known = weakness("a", Critical);
        given([present(&known, Sast)])
            .when(ScanType::Sast, &coverage(&[Sast], &[]), &[])
            .then_leaves(&[])
            .then_the_gate_counts(TriageState::Untriaged, &[]);
    }

    #[test]
    fn findings_of_scanners_that_the_scan_is_not_about_do_not_count() {
        let known = weakness("a", Critical);
        given([present(&known, Secrets)])
            .when(ScanType::Sast, &coverage(&[Sast], &[]), &[])
            .then_leaves(&[])
            .then_the_gate_counts(TriageState::Untriaged, &[]);
    }

    #[test]
    fn a_finding_that_is_left_alone_and_dismissed_does_not_count() {
        let known = weakness("a", Critical);
        given([present(&known, Sast)])
            .when(ScanType::Sast, &coverage(&[], &[]), &[])
            .then_leaves(&[&known])
            .then_the_gate_counts(TriageState::FalsePositive, &[]);
    }

    #[test]
    fn scanners_are_asked_about_that_have_no_outcome_or_could_not_read_everything() {
        let of = |scan_type, scanners: &[_], hindered: &[_]| {
            LeftAlone::scanners(scan_type, &coverage(scanners, hindered))
        };
        assert_eq!(of(ScanType::Full, &ScannerKind::ALL, &[]), []);
        assert_eq!(of(ScanType::Full, &[], &[]), ScannerKind::ALL);
        assert_eq!(of(ScanType::Incremental, &[Sca, Sast], &[Sca]), [Sca, Secrets]);
        assert_eq!(of(ScanType::Sast, &[Sast], &[Iac]), [], "another one's trouble is no trouble");
        let read_all = ScannerCoverage {
            unread: HashMap::from([(Sast, std::iter::empty::<String>().collect())]),
            ..coverage(&[Sast], &[])
        };
        assert_eq!(LeftAlone::scanners(ScanType::Sast, &read_all), []);
    }
}
