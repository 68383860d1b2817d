//! Kinds and states of scans.

use crate::scanning::ScannerKind;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What a scan looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ScanType {
    /// Everything there is.
    #[serde(rename = "full")]
    Full,
    /// Source code.
    #[serde(rename = "sast")]
    Sast,
    /// Dependencies.
    #[serde(rename = "sca")]
    Sca,
    /// Secrets.
    #[serde(rename = "secrets")]
    Secrets,
    /// Infrastructure as code.
    #[serde(rename = "iac")]
    Iac,
    /// Zero-day patterns.
    #[serde(rename = "zero_day")]
    ZeroDay,
    /// Container images.
    #[serde(rename = "container")]
    Container,
    /// A running application.
    #[serde(rename = "dast")]
    Dast,
    /// Code, dependencies and secrets of changed files.
    #[serde(rename = "incremental")]
    Incremental,
}

/// A word that names no scan type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a scan type")]
pub struct NotAScanType;

impl ScanType {
    /// All types.
    pub const ALL: [Self; 9] = [
        Self::Full,
        Self::Sast,
        Self::Sca,
        Self::Secrets,
        Self::Iac,
        Self::ZeroDay,
        Self::Container,
        Self::Dast,
        Self::Incremental,
    ];

    /// The scanners it asks for (Pepper reference §2).
    pub const fn scanners(self) -> &'static [ScannerKind] {
        match self {
            Self::Full => &ScannerKind::ALL,
            Self::Sast => &[ScannerKind::Sast],
            Self::Sca => &[ScannerKind::Sca, ScannerKind::Malicious],
            Self::Secrets => &[ScannerKind::Secrets],
            Self::Iac => &[ScannerKind::Iac],
            Self::ZeroDay => &[ScannerKind::ZeroDay],
            Self::Container => &[ScannerKind::Container],
            Self::Dast => &[ScannerKind::Dast],
            Self::Incremental => &[ScannerKind::Sast, ScannerKind::Sca, ScannerKind::Secrets],
        }
    }

    /// The lower-case word, as in events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Sast => "sast",
            Self::Sca => "sca",
            Self::Secrets => "secrets",
            Self::Iac => "iac",
            Self::ZeroDay => "zero_day",
            Self::Container => "container",
            Self::Dast => "dast",
            Self::Incremental => "incremental",
        }
    }
}

impl fmt::Display for ScanType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ScanType {
    type Err = NotAScanType;
    fn from_str(text: &str) -> Result<Self, NotAScanType> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(NotAScanType)
    }
}

/// Where a scan stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ScanStatus {
    /// It waits for a worker.
    #[serde(rename = "queued")]
    Queued,
    /// A worker has it.
    #[serde(rename = "running")]
    Running,
    /// A worker has it and waits.
    #[serde(rename = "paused")]
    Paused,
    /// Its results are being recorded; it can no longer be stopped.
    #[serde(rename = "settling")]
    Settling,
    /// It ended, with a verdict.
    #[serde(rename = "completed")]
    Completed,
    /// It could not be done.
    #[serde(rename = "failed")]
    Failed,
    /// Somebody ended it early; what was found so far is kept.
    #[serde(rename = "stopped")]
    Stopped,
    /// Somebody discarded it; nothing is kept.
    #[serde(rename = "cancelled")]
    Cancelled,
}

/// What somebody can do to a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// Let it wait.
    Pause,
    /// Let it go on, or begin the next run of a stopped one.
    Resume,
    /// End it, keep what was found.
    Stop,
    /// End it, keep nothing.
    Cancel,
    /// Hide it.
    Delete,
}

impl Step {
    /// All steps.
    pub const ALL: [Self; 5] = [Self::Pause, Self::Resume, Self::Stop, Self::Cancel, Self::Delete];
}

impl ScanStatus {
    /// All states.
    pub const ALL: [Self; 8] = [
        Self::Queued,
        Self::Running,
        Self::Paused,
        Self::Settling,
        Self::Completed,
        Self::Failed,
        Self::Stopped,
        Self::Cancelled,
    ];

    /// What may be done in this state (Pepper reference §3.4, §3.5).
    pub const fn steps(self) -> &'static [Step] {
        match self {
            Self::Queued => &[Step::Stop, Step::Cancel, Step::Delete],
            Self::Running => &[Step::Pause, Step::Stop, Step::Cancel],
            Self::Paused => &[Step::Resume, Step::Stop, Step::Cancel],
            Self::Settling => &[],
            Self::Stopped => &[Step::Resume, Step::Delete],
            Self::Completed | Self::Failed | Self::Cancelled => &[Step::Delete],
        }
    }

    /// Whether a worker may still change it.
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Queued | Self::Running | Self::Paused | Self::Settling)
    }

    /// The lower-case word, as in events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Settling => "settling",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::Cancelled => "cancelled",
        }
    }
}

impl FromStr for ScanStatus {
    type Err = NotAScanType;
    fn from_str(text: &str) -> Result<Self, NotAScanType> {
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or(NotAScanType)
    }
}

impl fmt::Display for ScanStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::{NotAScanType, ScanStatus, ScanType, Step};
    use crate::scanning::ScannerKind;

    #[test]
    fn words_lead_back() {
        for kind in ScanType::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
        }
        for status in ScanStatus::ALL {
            assert_eq!(status.to_string().parse(), Ok(status));
            assert_eq!(serde_json::to_string(&status).unwrap(), format!("\"{status}\""));
        }
        assert_eq!("FULL".parse::<ScanType>(), Err(NotAScanType));
        assert_eq!("done".parse::<ScanStatus>(), Err(NotAScanType));
    }

    #[test]
    fn scan_types_ask_for_scanners() {
        assert_eq!(ScanType::Full.scanners(), ScannerKind::ALL);
        assert_eq!(ScanType::Sca.scanners(), [ScannerKind::Sca, ScannerKind::Malicious]);
        assert_eq!(
            ScanType::Incremental.scanners(),
            [ScannerKind::Sast, ScannerKind::Sca, ScannerKind::Secrets]
        );
        assert!(ScanType::ALL.iter().all(|kind| !kind.scanners().is_empty()));
    }

    #[test]
    fn only_what_no_worker_may_change_can_be_deleted_or_it_waits() {
        for status in ScanStatus::ALL {
            let can_be_deleted = status.steps().contains(&Step::Delete);
            assert_eq!(can_be_deleted, !status.is_active() || status == ScanStatus::Queued, "{status}");
        }
    }
}
