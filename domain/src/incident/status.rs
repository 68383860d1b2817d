//! What an incident is to whoever works through a list of them.

use super::IgnoreReason;
use crate::finding::TriageState;
use std::str::FromStr;

/// Where an incident stands: open are those that are triggered or assigned, the others are closed
/// (GitGuardian reference §4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IncidentStatus {
    /// It is open, and nobody in particular works at it.
    Triggered,
    /// It is open, and somebody works at it.
    Assigned,
    /// The secret was dealt with.
    Resolved,
    /// Nothing needs to be done.
    Ignored,
}

impl IncidentStatus {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Triggered, Self::Assigned, Self::Resolved, Self::Ignored];

    /// The status of an incident in a triage state, which somebody is assigned to or nobody.
    pub fn of(state: TriageState, is_assigned: bool) -> Self {
        match state {
            TriageState::Fixed => Self::Resolved,
            _ if IgnoreReason::of(state).is_some() => Self::Ignored,
            _ if is_assigned => Self::Assigned,
            _ => Self::Triggered,
        }
    }

    /// Whether something is still to be done.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Triggered | Self::Assigned)
    }

    /// The lower-case word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Triggered => "triggered",
            Self::Assigned => "assigned",
            Self::Resolved => "resolved",
            Self::Ignored => "ignored",
        }
    }
}

/// What is worth knowing about an incident or one of its places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IncidentTag {
    /// It was there before anybody looked: it was first seen by the first scan of a branch.
    FromHistoricalScan,
    /// It stands in a file of tests, see [`super::is_test_file`].
    TestFile,
    /// It stands in a file that is made for secrets, see [`super::is_sensitive_file`].
    SensitiveFile,
    /// It came back after it was fixed.
    Regression,
    /// It stands on the default branch of a project.
    DefaultBranch,
}

/// A word that names no tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a tag")]
pub struct NotATag;

impl IncidentTag {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::FromHistoricalScan,
        Self::TestFile,
        Self::SensitiveFile,
        Self::Regression,
        Self::DefaultBranch,
    ];

    /// The lower-case word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FromHistoricalScan => "from_historical_scan",
            Self::TestFile => "test_file",
            Self::SensitiveFile => "sensitive_file",
            Self::Regression => "regression",
            Self::DefaultBranch => "default_branch",
        }
    }
}

impl FromStr for IncidentTag {
    type Err = NotATag;
    fn from_str(text: &str) -> Result<Self, NotATag> {
        Self::ALL.into_iter().find(|tag| tag.as_str().eq_ignore_ascii_case(text)).ok_or(NotATag)
    }
}

#[cfg(test)]
mod tests {
    use super::{IncidentStatus, IncidentTag};
    use crate::finding::TriageState;

    #[test]
    fn what_is_open_shows_whether_somebody_works_at_it_and_what_is_closed_does_not() {
        for state in TriageState::ALL {
            let (alone, assigned) = (IncidentStatus::of(state, false), IncidentStatus::of(state, true));
            let is_open =
                matches!(state, TriageState::Untriaged | TriageState::Investigating | TriageState::Confirmed);
            assert_eq!((alone.is_open(), assigned.is_open()), (is_open, is_open), "{state}");
            assert_eq!(alone != assigned, is_open, "{state}");
        }
        assert_eq!(IncidentStatus::of(TriageState::Fixed, true), IncidentStatus::Resolved);
        assert_eq!(IncidentStatus::of(TriageState::Accepted, true), IncidentStatus::Ignored);
    }

    #[test]
    fn tags_are_read_in_either_case() {
        for tag in IncidentTag::ALL {
            assert_eq!(tag.as_str().parse(), Ok(tag));
            assert_eq!(tag.as_str().to_uppercase().parse(), Ok(tag));
        }
    }
}
