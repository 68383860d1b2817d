//! The dialect's words for what incidents are (reference §4.1), and the domain's for them.

use scanledger_domain::incident::{IgnoreReason, IncidentStatus, IncidentTag};
use scanledger_domain::severity::Severity;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// Where an incident stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schema(as = gitguardian::IncidentStatus)]
pub enum StatusWord {
    /// Nothing needs to be done.
    Ignored,
    /// It is open, and nobody in particular works at it.
    Triggered,
    /// It is open, and somebody works at it.
    Assigned,
    /// It was dealt with.
    Resolved,
}

impl From<IncidentStatus> for StatusWord {
    fn from(status: IncidentStatus) -> Self {
        match status {
            IncidentStatus::Triggered => Self::Triggered,
            IncidentStatus::Assigned => Self::Assigned,
            IncidentStatus::Resolved => Self::Resolved,
            IncidentStatus::Ignored => Self::Ignored,
        }
    }
}

impl From<StatusWord> for IncidentStatus {
    fn from(word: StatusWord) -> Self {
        match word {
            StatusWord::Triggered => Self::Triggered,
            StatusWord::Assigned => Self::Assigned,
            StatusWord::Resolved => Self::Resolved,
            StatusWord::Ignored => Self::Ignored,
        }
    }
}

/// How bad an incident is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = gitguardian::Severity)]
pub enum SeverityWord {
    /// Somebody gets in at once.
    Critical,
    /// Nearly so.
    High,
    /// Worth a look soon.
    Medium,
    /// Worth a look.
    Low,
    /// Good to know.
    Info,
    /// Nobody said.
    Unknown,
}

impl SeverityWord {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Critical, Self::High, Self::Medium, Self::Low, Self::Info, Self::Unknown];

    /// How bad on the scale from 0 to 100: nothing but the severity is known, and the order is that of severities.
    pub const fn risk_score(self) -> u8 {
        match self {
            Self::Critical => 100,
            Self::High => 80,
            Self::Medium => 50,
            Self::Low => 20,
            Self::Info => 5,
            Self::Unknown => 35,
        }
    }
}

impl From<Severity> for SeverityWord {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Critical => Self::Critical,
            Severity::High => Self::High,
            Severity::Medium => Self::Medium,
            Severity::Low => Self::Low,
            Severity::Info => Self::Info,
            Severity::Unknown => Self::Unknown,
        }
    }
}

impl From<SeverityWord> for Severity {
    fn from(word: SeverityWord) -> Self {
        match word {
            SeverityWord::Critical => Self::Critical,
            SeverityWord::High => Self::High,
            SeverityWord::Medium => Self::Medium,
            SeverityWord::Low => Self::Low,
            SeverityWord::Info => Self::Info,
            SeverityWord::Unknown => Self::Unknown,
        }
    }
}

/// Whether a secret opens something. Providers are not asked, so it is always the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = gitguardian::Validity)]
pub enum ValidityWord {
    /// It does.
    Valid,
    /// It does not.
    Invalid,
    /// The provider did not answer.
    FailedToCheck,
    /// Nobody can be asked.
    NoChecker,
    /// Nobody was asked yet.
    Unknown,
}

/// Why an incident is ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = gitguardian::IgnoreReason)]
pub enum ReasonWord {
    /// It opens nothing but tests.
    TestCredential,
    /// It is no secret.
    FalsePositive,
    /// It is a secret, and stays.
    LowRisk,
    /// It is a secret that opens nothing.
    Invalid,
}

impl From<IgnoreReason> for ReasonWord {
    fn from(reason: IgnoreReason) -> Self {
        match reason {
            IgnoreReason::TestCredential => Self::TestCredential,
            IgnoreReason::FalsePositive => Self::FalsePositive,
            IgnoreReason::LowRisk => Self::LowRisk,
            IgnoreReason::Invalid => Self::Invalid,
        }
    }
}

impl From<ReasonWord> for IgnoreReason {
    fn from(word: ReasonWord) -> Self {
        match word {
            ReasonWord::TestCredential => Self::TestCredential,
            ReasonWord::FalsePositive => Self::FalsePositive,
            ReasonWord::LowRisk => Self::LowRisk,
            ReasonWord::Invalid => Self::Invalid,
        }
    }
}

/// A tag in a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagWord {
    /// One that incidents can have here.
    Ours(IncidentTag),
    /// None at all.
    None,
    /// One that incidents never have here.
    Never,
}

/// Tags of the reference that stand for what is not known here.
const NEVER: [&str; 10] = [
    "FALSE_POSITIVE",
    "IGNORED_IN_CHECK_RUN",
    "PUBLIC",
    "PUBLICLY_EXPOSED",
    "PUBLICLY_LEAKED",
    "CHECK_RUN_SKIP_FALSE_POSITIVE",
    "CHECK_RUN_SKIP_LOW_RISK",
    "CHECK_RUN_SKIP_TEST_CRED",
    "VAULTED",
    "REVOCABLE_BY_GG",
];

impl<'de> Deserialize<'de> for TagWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?.to_ascii_uppercase();
        match text.as_str() {
            "NONE" => Ok(Self::None),
            never if NEVER.contains(&never) => Ok(Self::Never),
            ours => ours.parse().map(Self::Ours).map_err(serde::de::Error::custom),
        }
    }
}

/// A tag in an answer.
pub fn tag(tag: IncidentTag) -> String {
    tag.as_str().to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::{ReasonWord, SeverityWord, StatusWord, TagWord, tag};
    use scanledger_domain::incident::{IgnoreReason, IncidentStatus, IncidentTag};
    use scanledger_domain::severity::Severity;

    #[test]
    fn words_lead_back() {
        for status in IncidentStatus::ALL {
            assert_eq!(IncidentStatus::from(StatusWord::from(status)), status);
        }
        for word in SeverityWord::ALL {
            assert_eq!(SeverityWord::from(Severity::from(word)), word);
        }
        let risks = Severity::ALL.map(|severity| SeverityWord::from(severity).risk_score());
        assert!(risks.is_sorted_by(|worse, better| worse > better), "{risks:?}");
        for reason in ["test_credential", "false_positive", "low_risk", "invalid"] {
            let word: ReasonWord = serde_json::from_value(reason.into()).unwrap();
            assert_eq!(IgnoreReason::from(word).as_str(), reason);
            assert_eq!(ReasonWord::from(IgnoreReason::from(word)), word);
        }
        for one in IncidentTag::ALL {
            let read: TagWord = serde_json::from_value(tag(one).into()).unwrap();
            assert_eq!(read, TagWord::Ours(one));
        }
    }
}
