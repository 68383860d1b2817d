//! How bad a finding is.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Severity of a finding, worst first, so that `<` means "worse than".
///
/// `Unknown` ranks between medium and low, because gates treat it as medium ([`Severity::at_gates`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Severity {
    /// CVSS 9.0 to 10.0.
    #[serde(rename = "critical")]
    Critical = 0,
    /// CVSS 7.0 to 8.9.
    #[serde(rename = "high")]
    High = 1,
    /// CVSS 4.0 to 6.9.
    #[serde(rename = "medium")]
    Medium = 2,
    /// Neither a CVSS vector nor a word of the database says.
    #[serde(rename = "unknown")]
    Unknown = 3,
    /// CVSS 0.1 to 3.9.
    #[serde(rename = "low")]
    Low = 4,
    /// Informational: no vulnerability by itself.
    #[serde(rename = "info")]
    Info = 5,
}

/// A word that names no severity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a severity: expected critical, high, medium, low, info or unknown")]
pub struct NotASeverity;

impl Severity {
    /// All severities, worst first.
    pub const ALL: [Self; 6] =
        [Self::Critical, Self::High, Self::Medium, Self::Unknown, Self::Low, Self::Info];

    /// The number under which read models keep it; smaller is worse.
    pub const fn rank(self) -> u8 {
        self as u8
    }

    /// The severity of a rank; ranks beyond the last mean `Info`.
    pub const fn from_rank(rank: u8) -> Self {
        match rank {
            0 => Self::Critical,
            1 => Self::High,
            2 => Self::Medium,
            3 => Self::Unknown,
            4 => Self::Low,
            _ => Self::Info,
        }
    }

    /// The lower-case word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Unknown => "unknown",
            Self::Low => "low",
            Self::Info => "info",
        }
    }

    /// The band of a CVSS v3 or v4 base score (CVSS v3.1 §5, v4.0 §6); a score of 0 is `Info`.
    pub fn from_cvss_score(score: f64) -> Self {
        match score {
            s if s >= 9.0 => Self::Critical,
            s if s >= 7.0 => Self::High,
            s if s >= 4.0 => Self::Medium,
            s if s > 0.0 => Self::Low,
            _ => Self::Info,
        }
    }

    /// What gates take it for: an unknown severity may be anything, and counts as medium.
    #[must_use]
    pub const fn at_gates(self) -> Self {
        match self {
            Self::Unknown => Self::Medium,
            Self::Critical | Self::High | Self::Medium | Self::Low | Self::Info => self,
        }
    }

    /// Whether this is as bad as `threshold` or worse.
    pub fn reaches(self, threshold: Self) -> bool {
        self <= threshold
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Severity {
    type Err = NotASeverity;
    fn from_str(text: &str) -> Result<Self, NotASeverity> {
        Self::ALL.into_iter().find(|s| s.as_str().eq_ignore_ascii_case(text)).ok_or(NotASeverity)
    }
}

/// How many findings there are of each severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SeverityCounts {
    /// Critical ones.
    pub critical: u64,
    /// High ones.
    pub high: u64,
    /// Medium ones.
    pub medium: u64,
    /// Those without a severity.
    pub unknown: u64,
    /// Low ones.
    pub low: u64,
    /// Informational ones.
    pub info: u64,
}

impl SeverityCounts {
    /// The count of one severity.
    pub const fn of(&self, severity: Severity) -> u64 {
        match severity {
            Severity::Critical => self.critical,
            Severity::High => self.high,
            Severity::Medium => self.medium,
            Severity::Unknown => self.unknown,
            Severity::Low => self.low,
            Severity::Info => self.info,
        }
    }

    /// Adds `n` to one severity.
    pub fn add(&mut self, severity: Severity, n: u64) {
        *match severity {
            Severity::Critical => &mut self.critical,
            Severity::High => &mut self.high,
            Severity::Medium => &mut self.medium,
            Severity::Unknown => &mut self.unknown,
            Severity::Low => &mut self.low,
            Severity::Info => &mut self.info,
        } += n;
    }

    /// All of them together.
    pub const fn total(&self) -> u64 {
        self.critical + self.high + self.medium + self.unknown + self.low + self.info
    }
}

#[cfg(test)]
mod tests {
    use super::{NotASeverity, Severity, SeverityCounts};
    use Severity::{Critical, High, Info, Low, Medium, Unknown};

    #[test]
    fn less_is_worse_and_unknown_stands_below_medium() {
        assert_eq!(Severity::ALL, [Critical, High, Medium, Unknown, Low, Info]);
        assert!(Severity::ALL.is_sorted());
        assert_eq!([Low, Critical, Unknown].into_iter().min(), Some(Critical));
    }

    #[test]
    fn a_severity_reaches_itself_and_everything_milder() {
        for (i, worse) in Severity::ALL.into_iter().enumerate() {
            for (j, milder) in Severity::ALL.into_iter().enumerate() {
                assert_eq!(worse.reaches(milder), i <= j, "{worse} {milder}");
            }
        }
    }

    #[test]
    fn gates_take_an_unknown_severity_for_medium() {
        assert_eq!(Severity::ALL.map(Severity::at_gates), [Critical, High, Medium, Medium, Low, Info]);
        assert!(Unknown.at_gates().reaches(Medium) && !Unknown.at_gates().reaches(High));
    }

    #[test]
    fn words_and_ranks_lead_back() {
        for severity in Severity::ALL {
            assert_eq!(severity.to_string().parse(), Ok(severity));
            assert_eq!(severity.as_str().to_uppercase().parse(), Ok(severity));
            assert_eq!(Severity::from_rank(severity.rank()), severity);
            assert_eq!(serde_json::to_string(&severity).unwrap(), format!("\"{severity}\""));
        }
        assert_eq!(Severity::from_rank(6), Info);
        assert_eq!(Severity::from_rank(255), Info);
        for bad in ["", "severe", " high", "none"] {
            assert_eq!(bad.parse::<Severity>(), Err(NotASeverity));
        }
    }

    #[test]
    fn bands_of_scores_begin_where_cvss_says() {
        for (score, severity) in [
            (10.0, Critical),
            (9.0, Critical),
            (8.9, High),
            (7.0, High),
            (6.9, Medium),
            (4.0, Medium),
            (3.9, Low),
            (0.1, Low),
            (0.0, Info),
            (f64::NAN, Info),
        ] {
            assert_eq!(Severity::from_cvss_score(score), severity, "{score}");
        }
    }

    #[test]
    fn counts_add_up() {
        let mut counts = SeverityCounts::default();
        for (n, severity) in (1..).zip(Severity::ALL) {
            counts.add(severity, n);
            counts.add(severity, n);
        }
        assert_eq!(Severity::ALL.map(|severity| counts.of(severity)), [2, 4, 6, 8, 10, 12]);
        assert_eq!(counts.total(), 42);
    }
}
