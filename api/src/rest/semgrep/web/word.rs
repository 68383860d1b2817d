//! Words of the dialect for what the domain calls otherwise (reference §5, §6).

use scanledger_domain::finding::{Confidence, TriageState, Validation};
use scanledger_domain::policy::Mode;
use scanledger_domain::scanning::ScannerKind;
use scanledger_domain::severity::Severity;
use scanledger_projections::finding::Stay;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What kind of finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = semgrep::web::IssueType)]
#[serde(rename_all = "snake_case")]
pub enum IssueType {
    /// Weaknesses in code and configuration.
    #[default]
    Sast,
    /// Vulnerable and malicious packages.
    Sca,
    /// Secrets.
    Secrets,
    /// What a model found. There is none.
    AiSast,
}

impl IssueType {
    /// Whose findings those are.
    pub const fn scanners(self) -> &'static [ScannerKind] {
        use ScannerKind::{Container, Dast, Iac, Malicious, Sast, Sca, Secrets, ZeroDay};
        match self {
            Self::Sast => &[Sast, Iac, ZeroDay, Container, Dast],
            Self::Sca => &[Sca, Malicious],
            Self::Secrets => &[Secrets],
            Self::AiSast => &[],
        }
    }
}

/// How a finding stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = semgrep::web::Status)]
#[serde(rename_all = "snake_case")]
pub enum StatusWord {
    /// It is there, and nobody has decided otherwise.
    Open,
    /// It is gone.
    Fixed,
    /// People want nothing done about it.
    Ignored,
    /// Somebody looks at it.
    Reviewing,
    /// It is to be mended.
    Fixing,
    /// A model says that nothing is to be done about it. There is none.
    ProvisionallyIgnored,
}

impl StatusWord {
    /// The status of a finding.
    pub const fn of(stay: Stay, state: TriageState) -> Self {
        match (stay, state) {
            (Stay::Gone, _) => Self::Fixed,
            (Stay::There, TriageState::Untriaged) => Self::Open,
            (Stay::There, TriageState::Investigating) => Self::Reviewing,
            (Stay::There, TriageState::Confirmed | TriageState::Fixed) => Self::Fixing,
            (Stay::There, TriageState::FalsePositive | TriageState::NotAffected | TriageState::Accepted) => {
                Self::Ignored
            }
        }
    }

    /// Whether findings of this status are there.
    pub const fn stay(self) -> Stay {
        match self {
            Self::Fixed => Stay::Gone,
            Self::Open | Self::Ignored | Self::Reviewing | Self::Fixing | Self::ProvisionallyIgnored => {
                Stay::There
            }
        }
    }

    /// The states that findings of this status may be in.
    pub fn states(self) -> Vec<TriageState> {
        TriageState::ALL.into_iter().filter(|state| Self::of(self.stay(), *state) == self).collect()
    }
}

/// What people decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = semgrep::web::TriageState)]
#[serde(rename_all = "snake_case")]
pub enum TriageWord {
    /// Nothing yet.
    Untriaged,
    /// Nothing is to be done about it.
    Ignored,
    /// It is as if nobody had looked at it.
    Reopened,
    /// Somebody looks at it.
    Reviewing,
    /// It is to be mended.
    Fixing,
    /// A model says that nothing is to be done about it. There is none.
    ProvisionallyIgnored,
}

impl TriageWord {
    /// The word for a state, about which people decided or not.
    pub const fn of(state: TriageState, is_decided: bool) -> Self {
        match state {
            TriageState::Untriaged if is_decided => Self::Reopened,
            TriageState::Untriaged => Self::Untriaged,
            TriageState::Investigating => Self::Reviewing,
            TriageState::Confirmed | TriageState::Fixed => Self::Fixing,
            TriageState::FalsePositive | TriageState::NotAffected | TriageState::Accepted => Self::Ignored,
        }
    }

    /// The state that is meant, for this reason; none for what only a model decides.
    pub const fn written(self, reason: Option<ReasonWord>) -> Option<TriageState> {
        match (self, reason) {
            (Self::Untriaged | Self::Reopened, _) => Some(TriageState::Untriaged),
            (Self::Reviewing, _) => Some(TriageState::Investigating),
            (Self::Fixing, _) => Some(TriageState::Confirmed),
            (Self::Ignored, Some(ReasonWord::FalsePositive)) => Some(TriageState::FalsePositive),
            (Self::Ignored, _) => Some(TriageState::Accepted),
            (Self::ProvisionallyIgnored, _) => None,
        }
    }
}

/// Why nothing is to be done about a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = semgrep::web::TriageReason)]
#[serde(rename_all = "snake_case")]
pub enum ReasonWord {
    /// The risk is taken.
    AcceptableRisk,
    /// The scanner is wrong, or it does not matter here.
    FalsePositive,
    /// Kept as `acceptable_risk`.
    NoTime,
    /// Kept as `acceptable_risk`.
    NoTriageReason,
    /// Kept as `acceptable_risk`.
    Duplicate,
}

impl ReasonWord {
    /// The reason in a state.
    pub const fn of(state: TriageState) -> Option<Self> {
        match state {
            TriageState::FalsePositive | TriageState::NotAffected => Some(Self::FalsePositive),
            TriageState::Accepted => Some(Self::AcceptableRisk),
            TriageState::Untriaged
            | TriageState::Investigating
            | TriageState::Confirmed
            | TriageState::Fixed => None,
        }
    }
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = semgrep::web::Severity)]
#[serde(rename_all = "snake_case")]
pub enum SeverityWord {
    /// Informational too.
    Low,
    /// Or unknown.
    Medium,
    /// High.
    High,
    /// Critical.
    Critical,
}

impl SeverityWord {
    /// The word for a severity.
    pub const fn of(severity: Severity) -> Self {
        match severity {
            Severity::Critical => Self::Critical,
            Severity::High => Self::High,
            // Gates treat what nobody knows as medium.
            Severity::Medium | Severity::Unknown => Self::Medium,
            Severity::Low | Severity::Info => Self::Low,
        }
    }

    /// The severities that have this word.
    pub fn meant(self) -> impl Iterator<Item = Severity> {
        Severity::ALL.into_iter().filter(move |severity| Self::of(*severity) == self)
    }

    /// The word in capitals, as the families with camel-case names have it.
    pub const fn constant(self) -> &'static str {
        match self {
            Self::Low => "SEVERITY_LOW",
            Self::Medium => "SEVERITY_MEDIUM",
            Self::High => "SEVERITY_HIGH",
            Self::Critical => "SEVERITY_CRITICAL",
        }
    }
}

/// How sure a rule is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = semgrep::web::Confidence)]
#[serde(rename_all = "snake_case")]
pub enum ConfidenceWord {
    /// Often wrong.
    Low,
    /// Sometimes wrong.
    Medium,
    /// Seldom wrong.
    High,
}

impl From<Confidence> for ConfidenceWord {
    fn from(confidence: Confidence) -> Self {
        match confidence {
            Confidence::Low => Self::Low,
            Confidence::Medium => Self::Medium,
            Confidence::High => Self::High,
        }
    }
}

impl From<ConfidenceWord> for Confidence {
    fn from(word: ConfidenceWord) -> Self {
        match word {
            ConfidenceWord::Low => Self::Low,
            ConfidenceWord::Medium => Self::Medium,
            ConfidenceWord::High => Self::High,
        }
    }
}

/// How sure a rule is, in capitals.
pub const fn confidence_constant(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Low => "CONFIDENCE_LOW",
        Confidence::Medium => "CONFIDENCE_MEDIUM",
        Confidence::High => "CONFIDENCE_HIGH",
    }
}

/// What came of trying out a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[schema(as = semgrep::web::ValidationState)]
pub enum ValidationWord {
    /// It works.
    #[serde(rename = "confirmed_valid", alias = "VALIDATION_STATE_CONFIRMED_VALID")]
    ConfirmedValid,
    /// It does not.
    #[serde(rename = "confirmed_invalid", alias = "VALIDATION_STATE_CONFIRMED_INVALID")]
    ConfirmedInvalid,
    /// That could not be seen.
    #[serde(rename = "validation_error", alias = "VALIDATION_STATE_VALIDATION_ERROR")]
    ValidationError,
    /// Nobody tried.
    #[serde(rename = "no_validator", alias = "VALIDATION_STATE_NO_VALIDATOR")]
    NoValidator,
}

impl From<ValidationWord> for Validation {
    fn from(word: ValidationWord) -> Self {
        match word {
            ValidationWord::ConfirmedValid => Self::Valid,
            ValidationWord::ConfirmedInvalid => Self::Invalid,
            ValidationWord::ValidationError => Self::Error,
            ValidationWord::NoValidator => Self::None,
        }
    }
}

/// What came of trying out a secret, in capitals.
pub const fn validation_constant(validation: Validation) -> &'static str {
    match validation {
        Validation::Valid => "VALIDATION_STATE_CONFIRMED_VALID",
        Validation::Invalid => "VALIDATION_STATE_CONFIRMED_INVALID",
        Validation::Error => "VALIDATION_STATE_VALIDATION_ERROR",
        Validation::None => "VALIDATION_STATE_NO_VALIDATOR",
    }
}

/// What a rule may do, as parts of the board of rules were called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[schema(as = semgrep::web::PolicyWord)]
pub enum PolicyWord {
    /// Nothing.
    #[serde(rename = "rule-board-audit", alias = "monitor")]
    Audit,
    /// Say something at the pull request.
    #[serde(rename = "rule-board-pr-comments", alias = "comment")]
    PrComments,
    /// Fail the build.
    #[serde(rename = "rule-board-block", alias = "block")]
    Block,
}

impl PolicyWord {
    /// The mode that is meant.
    pub const fn mode(self) -> Mode {
        match self {
            Self::Audit => Mode::Monitor,
            Self::PrComments => Mode::Comment,
            Self::Block => Mode::Block,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ReasonWord, StatusWord, TriageWord};
    use scanledger_domain::finding::TriageState;
    use scanledger_projections::finding::Stay;

    /// Every state and its words.
    const TABLE: [(TriageState, TriageWord, Option<ReasonWord>); 7] = [
        (TriageState::Untriaged, TriageWord::Untriaged, None),
        (TriageState::Investigating, TriageWord::Reviewing, None),
        (TriageState::Confirmed, TriageWord::Fixing, None),
        (TriageState::FalsePositive, TriageWord::Ignored, Some(ReasonWord::FalsePositive)),
        (TriageState::NotAffected, TriageWord::Ignored, Some(ReasonWord::FalsePositive)),
        (TriageState::Accepted, TriageWord::Ignored, Some(ReasonWord::AcceptableRisk)),
        (TriageState::Fixed, TriageWord::Fixing, None),
    ];

    #[test]
    fn states_have_words_and_a_written_word_means_the_first_of_its_states() {
        for (state, word, reason) in TABLE {
            assert_eq!((TriageWord::of(state, false), ReasonWord::of(state)), (word, reason), "{state}");
            let first = TABLE.iter().find(|row| (row.1, row.2) == (word, reason)).unwrap().0;
            assert_eq!(word.written(reason), Some(first), "{state}");
        }
        assert_eq!(TriageWord::of(TriageState::Untriaged, true), TriageWord::Reopened);
        assert_eq!(TriageWord::Reopened.written(None), Some(TriageState::Untriaged));
        for reason in
            [None, Some(ReasonWord::NoTime), Some(ReasonWord::NoTriageReason), Some(ReasonWord::Duplicate)]
        {
            assert_eq!(TriageWord::Ignored.written(reason), Some(TriageState::Accepted));
        }
        assert_eq!(TriageWord::ProvisionallyIgnored.written(None), None);
    }

    #[test]
    fn every_finding_has_one_status() {
        use StatusWord::{Fixed, Fixing, Ignored, Open, ProvisionallyIgnored, Reviewing};
        let all = [Open, Ignored, Reviewing, Fixing, ProvisionallyIgnored];
        for state in TriageState::ALL {
            let of = all.iter().filter(|status| status.states().contains(&state)).count();
            assert_eq!(of, 1, "{state}");
            assert_eq!(StatusWord::of(Stay::Gone, state), Fixed);
        }
        assert_eq!(Fixed.states().len(), TriageState::ALL.len());
        assert_eq!(ProvisionallyIgnored.states(), []);
    }
}
