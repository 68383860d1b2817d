//! Why an incident is ignored, and which triage state that is.

use crate::finding::TriageState;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// Why an incident is ignored (GitGuardian reference §4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum IgnoreReason {
    /// It opens nothing but tests.
    #[serde(rename = "test_credential")]
    TestCredential,
    /// It is no secret.
    #[serde(rename = "false_positive")]
    FalsePositive,
    /// It is a secret, and stays.
    #[serde(rename = "low_risk")]
    LowRisk,
    /// It is a secret that opens nothing.
    #[serde(rename = "invalid")]
    Invalid,
}

/// A word that names no reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a reason: expected test_credential, false_positive, low_risk or invalid")]
pub struct NotAReason;

impl IgnoreReason {
    /// All reasons.
    pub const ALL: [Self; 4] = [Self::TestCredential, Self::FalsePositive, Self::LowRisk, Self::Invalid];

    /// The lower-case word, as in events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TestCredential => "test_credential",
            Self::FalsePositive => "false_positive",
            Self::LowRisk => "low_risk",
            Self::Invalid => "invalid",
        }
    }

    /// The triage state of what is ignored for this reason.
    pub const fn state(self) -> TriageState {
        match self {
            Self::FalsePositive => TriageState::FalsePositive,
            Self::Invalid => TriageState::NotAffected,
            Self::LowRisk | Self::TestCredential => TriageState::Accepted,
        }
    }

    /// The reason of a decision that only says the state: the first in the table. `None` for states
    /// in which nothing is ignored.
    pub const fn of(state: TriageState) -> Option<Self> {
        match state {
            TriageState::FalsePositive => Some(Self::FalsePositive),
            TriageState::NotAffected => Some(Self::Invalid),
            TriageState::Accepted => Some(Self::LowRisk),
            TriageState::Untriaged
            | TriageState::Investigating
            | TriageState::Confirmed
            | TriageState::Fixed => None,
        }
    }
}

impl FromStr for IgnoreReason {
    type Err = NotAReason;
    fn from_str(text: &str) -> Result<Self, NotAReason> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text).ok_or(NotAReason)
    }
}

#[cfg(test)]
mod tests {
    use super::IgnoreReason;
    use crate::finding::TriageState;

    #[test]
    fn every_reason_is_a_state_and_the_state_a_reason_again() {
        for reason in IgnoreReason::ALL {
            let again = IgnoreReason::of(reason.state()).unwrap();
            assert_eq!(again.state(), reason.state());
            assert_eq!(reason.as_str().parse(), Ok(reason));
        }
        let ignored = TriageState::ALL.into_iter().filter(|state| IgnoreReason::of(*state).is_some());
        assert_eq!(
            ignored.collect::<Vec<_>>(),
            [TriageState::FalsePositive, TriageState::NotAffected, TriageState::Accepted]
        );
    }
}
