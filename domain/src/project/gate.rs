//! Build gates: how many findings of which severity a build may have.

use crate::finding::TriageState;
use crate::id::FindingId;
use crate::log::Position;
use crate::severity::{Severity, SeverityCounts};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};

/// How many findings are allowed; unlimited as `-1` in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub enum Limit {
    /// Any number.
    Unlimited,
    /// At most this many.
    AtMost(u32),
}

/// A number that is no limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GateRefusal {
    /// Below -1 or beyond 32 bits.
    #[error("a limit is -1 for unlimited, or a number from 0 to {}", u32::MAX)]
    NotALimit,
}

impl TryFrom<i64> for Limit {
    type Error = GateRefusal;
    fn try_from(number: i64) -> Result<Self, GateRefusal> {
        match number {
            -1 => Ok(Self::Unlimited),
            _ => u32::try_from(number).map(Self::AtMost).map_err(|_| GateRefusal::NotALimit),
        }
    }
}

impl From<Limit> for i64 {
    fn from(limit: Limit) -> Self {
        match limit {
            Limit::Unlimited => -1,
            Limit::AtMost(n) => n.into(),
        }
    }
}

/// The gate of a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// Critical findings.
    #[serde(rename = "maxCritical")]
    pub max_critical: Limit,
    /// High findings.
    #[serde(rename = "maxHigh")]
    pub max_high: Limit,
    /// Medium findings, together with those of unknown severity.
    #[serde(rename = "maxMedium")]
    pub max_medium: Limit,
    /// Low findings.
    #[serde(rename = "maxLow")]
    pub max_low: Limit,
    /// Whether a new finding fails the build.
    #[serde(rename = "failOnNew")]
    pub fail_on_new: bool,
}

impl Default for Gate {
    /// Pepper's defaults (reference §6).
    fn default() -> Self {
        Self {
            max_critical: Limit::AtMost(0),
            max_high: Limit::AtMost(5),
            max_medium: Limit::AtMost(20),
            max_low: Limit::Unlimited,
            fail_on_new: true,
        }
    }
}

/// What the gate said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum GateResult {
    /// The build may go on.
    #[serde(rename = "passed")]
    Passed,
    /// It may not.
    #[serde(rename = "failed")]
    Failed,
}

/// One reason why a gate failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum GateReason {
    /// More findings of a severity than allowed.
    #[serde(rename = "too_many")]
    TooMany {
        /// Which severity; medium includes unknown.
        #[serde(rename = "severity")]
        severity: Severity,
        /// How many there are.
        #[serde(rename = "count")]
        count: u64,
        /// How many may be.
        #[serde(rename = "allowed")]
        allowed: u32,
    },
    /// New findings, and the gate forbids them.
    #[serde(rename = "new_findings")]
    NewFindings {
        /// How many.
        #[serde(rename = "count")]
        count: u64,
    },
}

/// The verdict on a build, and what it knew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// What the gate said.
    #[serde(rename = "result")]
    pub result: GateResult,
    /// Why, if it failed.
    #[serde(rename = "reasons", skip_serializing_if = "Vec::is_empty", default)]
    pub reasons: Vec<GateReason>,
    /// The gate in force.
    #[serde(rename = "gate")]
    pub gate: Gate,
    /// The position at which triage and gate were read.
    #[serde(rename = "readAt")]
    pub read_at: Position,
}

/// What a gate is asked about: findings of a scan by severity and state, and the new ones among them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GateInput {
    /// `(severity, state, how many)`.
    pub findings: Vec<(Severity, TriageState, u64)>,
    /// The new findings among them: `(severity, state, how many)`.
    pub new: Vec<(Severity, TriageState, u64)>,
}

impl GateInput {
    /// Counts findings by how bad they are and what was decided about them; `seen` names each finding once, and `new`
    /// says which of them are new.
    pub fn of(
        seen: impl Iterator<Item = (FindingId, Severity)>,
        new: &HashSet<FindingId>,
        state_of: impl Fn(FindingId) -> TriageState,
    ) -> Self {
        let mut counts: BTreeMap<(Severity, TriageState), (u64, u64)> = BTreeMap::new();
        for (finding, severity) in seen {
            let (all, fresh) = counts.entry((severity, state_of(finding))).or_default();
            *all += 1;
            *fresh += u64::from(new.contains(&finding));
        }
        let of = |pick: fn((u64, u64)) -> u64| {
            let counted = counts.iter().map(|(&(severity, state), &n)| (severity, state, pick(n)));
            counted.filter(|(_, _, n)| *n > 0).collect()
        };
        Self { findings: of(|(all, _)| all), new: of(|(_, fresh)| fresh) }
    }
}

impl Verdict {
    /// Whether a build fails that would have gone on, because its rules only watch: somebody decided that the project
    /// may have no new findings ([`Gate::fail_on_new`]), and there are some. The other limits of the gate count what
    /// was there before too, and say nothing about the change that is being built: they fail no client's build.
    pub fn fails_client(&self) -> bool {
        self.reasons.iter().any(|reason| matches!(reason, GateReason::NewFindings { .. }))
    }
}

impl Gate {
    /// The first gate of a project that a client's scan makes. What its rules may do to a build is decided for each rule
    /// ([`crate::policy::Mode`]), so new findings fail nothing until somebody says so.
    pub fn of_client_scans() -> Self {
        Self { fail_on_new: false, ..Self::default() }
    }

    /// Whether a finding is anything to a gate, as one among many and as a new one: its state counts
    /// ([`TriageState::counts_for_gate`]), and it is more than INFO (Pepper reference §6).
    pub fn counts(severity: Severity, state: TriageState) -> bool {
        severity != Severity::Info && state.counts_for_gate()
    }

    /// The verdict, reading only what [counts](Self::counts).
    pub fn verdict(&self, input: &GateInput, read_at: Position) -> Verdict {
        let mut counts = SeverityCounts::default();
        for &(severity, state, n) in &input.findings {
            if Self::counts(severity, state) {
                counts.add(severity.at_gates(), n);
            }
        }
        let new = input.new.iter().filter(|(severity, state, _)| Self::counts(*severity, *state));
        let new: u64 = new.map(|(_, _, n)| n).sum();
        let mut reasons = Vec::new();
        for (severity, count, limit) in [
            (Severity::Critical, counts.critical, self.max_critical),
            (Severity::High, counts.high, self.max_high),
            (Severity::Medium, counts.medium, self.max_medium),
            (Severity::Low, counts.low, self.max_low),
        ] {
            if let Limit::AtMost(allowed) = limit
                && count > u64::from(allowed)
            {
                reasons.push(GateReason::TooMany { severity, count, allowed });
            }
        }
        if self.fail_on_new && new > 0 {
            reasons.push(GateReason::NewFindings { count: new });
        }
        let result = if reasons.is_empty() { GateResult::Passed } else { GateResult::Failed };
        Verdict { result, reasons, gate: *self, read_at }
    }
}

#[cfg(test)]
mod tests {
    use super::{Gate, GateInput, GateReason, GateResult, Limit};
    use crate::finding::TriageState;
    use crate::id::FindingId;
    use crate::log::Position;
    use crate::severity::Severity;
    use std::collections::HashSet;
    use uuid::Uuid;

    fn reasons(
        gate: Gate,
        findings: &[(Severity, TriageState, u64)],
        new: &[(Severity, TriageState, u64)],
    ) -> Vec<GateReason> {
        let input = GateInput { findings: findings.to_vec(), new: new.to_vec() };
        let verdict = gate.verdict(&input, Position(1));
        assert_eq!(verdict.result == GateResult::Passed, verdict.reasons.is_empty());
        verdict.reasons
    }

    #[test]
    fn a_limit_is_passed_when_exceeded_not_when_reached() {
        let gate = Gate { fail_on_new: false, ..Gate::default() };
        assert_eq!(reasons(gate, &[(Severity::High, TriageState::Untriaged, 5)], &[]), []);
        assert_eq!(
            reasons(gate, &[(Severity::High, TriageState::Untriaged, 6)], &[]),
            [GateReason::TooMany { severity: Severity::High, count: 6, allowed: 5 }]
        );
    }

    #[test]
    fn unlimited_is_unlimited_and_info_never_counts() {
        let gate = Gate { fail_on_new: false, ..Gate::default() };
        let many =
            [(Severity::Low, TriageState::Untriaged, 9_999), (Severity::Info, TriageState::Untriaged, 9_999)];
        assert_eq!(reasons(gate, &many, &[]), []);
        let info = (Severity::Info, TriageState::Untriaged, 3);
        assert_eq!(reasons(Gate::default(), &[info], &[info]), [], "nor does a new one");
    }

    #[test]
    fn new_findings_of_every_other_severity_count() {
        for severity in Severity::ALL {
            let new = reasons(Gate::default(), &[], &[(severity, TriageState::Untriaged, 1)]);
            assert_eq!(new.is_empty(), severity == Severity::Info, "{severity}");
        }
    }

    #[test]
    fn unknown_severity_is_gated_as_medium() {
        let gate = Gate { fail_on_new: false, ..Gate::default() };
        let both =
            [(Severity::Medium, TriageState::Untriaged, 20), (Severity::Unknown, TriageState::Confirmed, 1)];
        assert_eq!(
            reasons(gate, &both, &[]),
            [GateReason::TooMany { severity: Severity::Medium, count: 21, allowed: 20 }]
        );
    }

    #[test]
    fn dismissed_findings_do_not_count_and_accepted_ones_do() {
        let gate = Gate { fail_on_new: true, ..Gate::default() };
        for state in TriageState::ALL {
            let findings = [(Severity::Critical, state, 1)];
            let failed = !reasons(gate, &findings, &findings).is_empty();
            let dismissed =
                matches!(state, TriageState::FalsePositive | TriageState::NotAffected | TriageState::Fixed);
            assert_eq!(failed, !dismissed, "{state}");
        }
    }

    #[test]
    fn new_findings_fail_only_where_the_gate_says_so() {
        let new = [(Severity::Low, TriageState::Untriaged, 2)];
        assert_eq!(reasons(Gate::default(), &[], &new), [GateReason::NewFindings { count: 2 }]);
        assert_eq!(reasons(Gate { fail_on_new: false, ..Gate::default() }, &[], &new), []);
    }

    #[test]
    fn only_new_findings_fail_a_build_of_a_client() {
        let verdict = |gate: Gate, new| {
            let findings = vec![(Severity::Critical, TriageState::Untriaged, 1)];
            let new = vec![(Severity::Critical, TriageState::Untriaged, new)];
            gate.verdict(&GateInput { findings, new }, Position(1))
        };
        assert!(verdict(Gate::default(), 1).fails_client());
        assert!(!verdict(Gate::default(), 0).fails_client());
        let watched = verdict(Gate::of_client_scans(), 1);
        assert_eq!((watched.result, watched.fails_client()), (GateResult::Failed, false));
    }

    #[test]
    fn findings_are_counted_by_severity_and_decision_and_new_ones_once_more() {
        let id = |n| FindingId(Uuid::from_u128(n));
        let seen = [(1, Severity::High), (2, Severity::High), (3, Severity::High), (4, Severity::Low)];
        let seen = seen.into_iter().map(|(n, severity)| (id(n), severity));
        // The last one is new somewhere else.
        let new = HashSet::from([id(2), id(4), id(5)]);
        let fixed = |finding| match finding == id(3) {
            true => TriageState::Fixed,
            false => TriageState::Untriaged,
        };
        let findings = vec![
            (Severity::High, TriageState::Untriaged, 2),
            (Severity::High, TriageState::Fixed, 1),
            (Severity::Low, TriageState::Untriaged, 1),
        ];
        let fresh =
            vec![(Severity::High, TriageState::Untriaged, 1), (Severity::Low, TriageState::Untriaged, 1)];
        assert_eq!(GateInput::of(seen, &new, fixed), GateInput { findings, new: fresh });
    }

    #[test]
    fn limits_are_minus_one_or_natural() {
        assert_eq!(Limit::try_from(-1), Ok(Limit::Unlimited));
        assert_eq!(Limit::try_from(0), Ok(Limit::AtMost(0)));
        assert!(Limit::try_from(-2).is_err());
        assert!(Limit::try_from(i64::from(u32::MAX) + 1).is_err());
    }
}
