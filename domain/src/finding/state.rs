//! The one triage state under all dialects' vocabularies.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What people decided about a finding. Every move is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[repr(u8)]
pub enum TriageState {
    /// Nobody has looked.
    #[default]
    #[serde(rename = "untriaged")]
    Untriaged = 0,
    /// Somebody is looking.
    #[serde(rename = "investigating")]
    Investigating = 1,
    /// It is real and has to be mended.
    #[serde(rename = "confirmed")]
    Confirmed = 2,
    /// The scanner is wrong.
    #[serde(rename = "false_positive")]
    FalsePositive = 3,
    /// The scanner is right, but it does not matter here.
    #[serde(rename = "not_affected")]
    NotAffected = 4,
    /// It is real, and stays.
    #[serde(rename = "accepted")]
    Accepted = 5,
    /// Somebody says it is mended.
    #[serde(rename = "fixed")]
    Fixed = 6,
}

/// A word that names no triage state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a triage state")]
pub struct NotATriageState;

impl TriageState {
    /// All states.
    pub const ALL: [Self; 7] = [
        Self::Untriaged,
        Self::Investigating,
        Self::Confirmed,
        Self::FalsePositive,
        Self::NotAffected,
        Self::Accepted,
        Self::Fixed,
    ];

    /// The number under which read models keep it.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The state of a number that read models keep.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// The lower-case word, as in events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Untriaged => "untriaged",
            Self::Investigating => "investigating",
            Self::Confirmed => "confirmed",
            Self::FalsePositive => "false_positive",
            Self::NotAffected => "not_affected",
            Self::Accepted => "accepted",
            Self::Fixed => "fixed",
        }
    }

    /// Whether people decided that nothing is to be done about it: a client neither shows it nor blocks on it.
    pub const fn is_dismissed(self) -> bool {
        matches!(self, Self::FalsePositive | Self::NotAffected | Self::Accepted)
    }

    /// Whether something is still to be done about it: nobody dismissed it, and nobody says that it is mended.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Untriaged | Self::Investigating | Self::Confirmed)
    }

    /// Whether a build gate counts findings in this state.
    pub const fn counts_for_gate(self) -> bool {
        !matches!(self, Self::FalsePositive | Self::NotAffected | Self::Fixed)
    }
}

impl fmt::Display for TriageState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TriageState {
    type Err = NotATriageState;
    fn from_str(text: &str) -> Result<Self, NotATriageState> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or(NotATriageState)
    }
}

#[cfg(test)]
mod tests {
    use super::TriageState;

    #[test]
    fn what_is_open_is_neither_dismissed_nor_mended() {
        for state in TriageState::ALL {
            let is_mended = state == TriageState::Fixed;
            assert_eq!(state.is_open(), !state.is_dismissed() && !is_mended, "{state}");
        }
    }
}
