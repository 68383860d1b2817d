//! Pepper's words (reference §2), and what they are in the domain.

use scanledger_domain::finding::TriageState;
use scanledger_domain::project::{GateResult, Verdict};
use scanledger_domain::report::ArtifactKind;
use scanledger_domain::scan::{self, SourceKind};
use scanledger_domain::scanning::ScannerKind;
use scanledger_domain::severity::Severity;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a scan looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ScanType {
    /// Everything.
    Full,
    /// Source code.
    SastOnly,
    /// Dependencies.
    ScaOnly,
    /// Secrets.
    SecretsOnly,
    /// Container images.
    ContainerOnly,
    /// A running application.
    DastOnly,
    /// What changed.
    Incremental,
    /// Infrastructure as code.
    IacOnly,
    /// Zero-day patterns.
    ZeroDayOnly,
}

impl From<ScanType> for scan::ScanType {
    fn from(word: ScanType) -> Self {
        match word {
            ScanType::Full => Self::Full,
            ScanType::SastOnly => Self::Sast,
            ScanType::ScaOnly => Self::Sca,
            ScanType::SecretsOnly => Self::Secrets,
            ScanType::ContainerOnly => Self::Container,
            ScanType::DastOnly => Self::Dast,
            ScanType::Incremental => Self::Incremental,
            ScanType::IacOnly => Self::Iac,
            ScanType::ZeroDayOnly => Self::ZeroDay,
        }
    }
}

impl From<scan::ScanType> for ScanType {
    fn from(scan_type: scan::ScanType) -> Self {
        match scan_type {
            scan::ScanType::Full => Self::Full,
            scan::ScanType::Sast => Self::SastOnly,
            scan::ScanType::Sca => Self::ScaOnly,
            scan::ScanType::Secrets => Self::SecretsOnly,
            scan::ScanType::Iac => Self::IacOnly,
            scan::ScanType::ZeroDay => Self::ZeroDayOnly,
            scan::ScanType::Container => Self::ContainerOnly,
            scan::ScanType::Dast => Self::DastOnly,
            scan::ScanType::Incremental => Self::Incremental,
        }
    }
}

/// Where a scan stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ScanStatus {
    /// It waits for a worker.
    Queued,
    /// A worker has it.
    Running,
    /// It ended, with a verdict.
    Completed,
    /// It could not be done.
    Failed,
    /// A worker has it and waits.
    Paused,
    /// Somebody ended it early.
    Stopped,
    /// Somebody discarded it.
    Cancelled,
}

impl ScanStatus {
    /// The states that the word stands for.
    pub const fn states(self) -> &'static [scan::ScanStatus] {
        match self {
            Self::Queued => &[scan::ScanStatus::Queued],
            Self::Running => &[scan::ScanStatus::Running, scan::ScanStatus::Settling],
            Self::Completed => &[scan::ScanStatus::Completed],
            Self::Failed => &[scan::ScanStatus::Failed],
            Self::Paused => &[scan::ScanStatus::Paused],
            Self::Stopped => &[scan::ScanStatus::Stopped],
            Self::Cancelled => &[scan::ScanStatus::Cancelled],
        }
    }
}

impl From<scan::ScanStatus> for ScanStatus {
    fn from(status: scan::ScanStatus) -> Self {
        match status {
            scan::ScanStatus::Queued => Self::Queued,
            scan::ScanStatus::Running | scan::ScanStatus::Settling => Self::Running,
            scan::ScanStatus::Paused => Self::Paused,
            scan::ScanStatus::Completed => Self::Completed,
            scan::ScanStatus::Failed => Self::Failed,
            scan::ScanStatus::Stopped => Self::Stopped,
            scan::ScanStatus::Cancelled => Self::Cancelled,
        }
    }
}

/// What the build gate said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schema(as = GateWord)]
pub enum Gate {
    /// Nothing yet.
    Pending,
    /// The build may go on.
    Passed,
    /// It may not.
    Failed,
}

impl From<Option<&Verdict>> for Gate {
    fn from(verdict: Option<&Verdict>) -> Self {
        match verdict.map(|verdict| verdict.result) {
            None => Self::Pending,
            Some(GateResult::Passed) => Self::Passed,
            Some(GateResult::Failed) => Self::Failed,
        }
    }
}

/// How bad a finding is; a severity that nobody knows is MEDIUM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SeverityWord {
    /// CVSS 9.0 to 10.0.
    Critical,
    /// CVSS 7.0 to 8.9.
    High,
    /// CVSS 4.0 to 6.9, or not known.
    Medium,
    /// CVSS 0.1 to 3.9.
    Low,
    /// Informational.
    Info,
}

impl SeverityWord {
    /// The severities that the word stands for.
    pub const fn severities(self) -> &'static [Severity] {
        match self {
            Self::Critical => &[Severity::Critical],
            Self::High => &[Severity::High],
            Self::Medium => &[Severity::Medium, Severity::Unknown],
            Self::Low => &[Severity::Low],
            Self::Info => &[Severity::Info],
        }
    }
}

impl From<Severity> for SeverityWord {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Critical => Self::Critical,
            Severity::High => Self::High,
            Severity::Medium | Severity::Unknown => Self::Medium,
            Severity::Low => Self::Low,
            Severity::Info => Self::Info,
        }
    }
}

/// What people decided about a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FindingStatus {
    /// Nobody has looked.
    Open,
    /// Somebody is looking, or it is being mended.
    InProgress,
    /// Somebody says it is mended.
    Resolved,
    /// The scanner is wrong, or it does not matter here.
    FalsePositive,
    /// It is real, and stays.
    AcceptedRisk,
}

impl FindingStatus {
    /// The states that the word stands for. When it is written, the first.
    pub const fn states(self) -> &'static [TriageState] {
        match self {
            Self::Open => &[TriageState::Untriaged],
            Self::InProgress => &[TriageState::Investigating, TriageState::Confirmed],
            Self::Resolved => &[TriageState::Fixed],
            Self::FalsePositive => &[TriageState::FalsePositive, TriageState::NotAffected],
            Self::AcceptedRisk => &[TriageState::Accepted],
        }
    }

    /// The state that is meant when the word is written.
    pub const fn written(self) -> TriageState {
        self.states()[0]
    }
}

impl From<TriageState> for FindingStatus {
    fn from(state: TriageState) -> Self {
        match state {
            TriageState::Untriaged => Self::Open,
            TriageState::Investigating | TriageState::Confirmed => Self::InProgress,
            TriageState::FalsePositive | TriageState::NotAffected => Self::FalsePositive,
            TriageState::Accepted => Self::AcceptedRisk,
            TriageState::Fixed => Self::Resolved,
        }
    }
}

/// Who found something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Scanner {
    /// Weaknesses in source code, by pattern.
    SastPattern,
    /// Weaknesses in source code, by language model.
    SastLlm,
    /// Known vulnerabilities of dependencies.
    Sca,
    /// Secrets, by pattern.
    SecretsPattern,
    /// Secrets, by language model.
    SecretsLlm,
    /// Infrastructure as code.
    Iac,
    /// Malicious packages.
    MaliciousPkg,
    /// Zero-day patterns.
    ZeroDay,
    /// Container images.
    Container,
    /// Running applications.
    Dast,
}

impl Scanner {
    /// The scanner that the word stands for; there are none that ask a language model.
    pub const fn kind(self) -> Option<ScannerKind> {
        match self {
            Self::SastPattern => Some(ScannerKind::Sast),
            Self::Sca => Some(ScannerKind::Sca),
            Self::SecretsPattern => Some(ScannerKind::Secrets),
            Self::Iac => Some(ScannerKind::Iac),
            Self::MaliciousPkg => Some(ScannerKind::Malicious),
            Self::ZeroDay => Some(ScannerKind::ZeroDay),
            Self::Container => Some(ScannerKind::Container),
            Self::Dast => Some(ScannerKind::Dast),
            Self::SastLlm | Self::SecretsLlm => None,
        }
    }
}

impl From<ScannerKind> for Scanner {
    fn from(kind: ScannerKind) -> Self {
        match kind {
            ScannerKind::Sca => Self::Sca,
            ScannerKind::Secrets => Self::SecretsPattern,
            ScannerKind::Sast => Self::SastPattern,
            ScannerKind::Iac => Self::Iac,
            ScannerKind::Malicious => Self::MaliciousPkg,
            ScannerKind::ZeroDay => Self::ZeroDay,
            ScannerKind::Container => Self::Container,
            ScannerKind::Dast => Self::Dast,
        }
    }
}

/// Where a scan's source came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SourceType {
    /// An archive that somebody uploaded, or the results of a client.
    Upload,
    /// A commit of a repository, fetched from its host.
    GitClone,
}

impl From<SourceKind> for SourceType {
    fn from(kind: SourceKind) -> Self {
        match kind {
            SourceKind::Upload | SourceKind::Client => Self::Upload,
            SourceKind::Repository => Self::GitClone,
        }
    }
}

/// A kind of file that a scan leaves behind (reference §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ArtifactType {
    /// SARIF 2.1.0.
    Sarif,
    /// CycloneDX 1.5 JSON.
    SbomCyclonedx,
    /// SPDX 2.3 JSON.
    SbomSpdx,
    /// JSON lines.
    ScanLog,
}

impl From<ArtifactKind> for ArtifactType {
    fn from(kind: ArtifactKind) -> Self {
        match kind {
            ArtifactKind::Sarif => Self::Sarif,
            ArtifactKind::CycloneDx => Self::SbomCyclonedx,
            ArtifactKind::Spdx => Self::SbomSpdx,
            ArtifactKind::ScanLog => Self::ScanLog,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FindingStatus, ScanStatus, ScanType, Scanner, SeverityWord, SourceType};
    use scanledger_domain::finding::TriageState;
    use scanledger_domain::scan::{self, SourceKind};
    use scanledger_domain::scanning::ScannerKind;
    use scanledger_domain::severity::Severity;
    use serde_json::json;

    fn word(value: impl serde::Serialize) -> String {
        json!(value).as_str().unwrap().to_owned()
    }

    #[test]
    fn scan_types_have_peppers_words_and_lead_back() {
        let words: Vec<_> = scan::ScanType::ALL.map(|kind| word(ScanType::from(kind))).into();
        let expected = "FULL SAST_ONLY SCA_ONLY SECRETS_ONLY IAC_ONLY ZERO_DAY_ONLY CONTAINER_ONLY DAST_ONLY INCREMENTAL";
        assert_eq!(words.join(" "), expected);
        for kind in scan::ScanType::ALL {
            let read: ScanType = serde_json::from_value(json!(ScanType::from(kind))).unwrap();
            assert_eq!(scan::ScanType::from(read), kind);
        }
    }

    #[test]
    fn every_word_stands_for_the_states_that_are_shown_with_it() {
        for status in scan::ScanStatus::ALL {
            assert!(ScanStatus::from(status).states().contains(&status), "{status}");
        }
        for severity in Severity::ALL {
            assert!(SeverityWord::from(severity).severities().contains(&severity), "{severity}");
        }
        for state in TriageState::ALL {
            assert!(FindingStatus::from(state).states().contains(&state), "{state}");
        }
        for kind in ScannerKind::ALL {
            assert_eq!(Scanner::from(kind).kind(), Some(kind));
        }
    }

    #[test]
    fn a_written_status_takes_the_first_state_of_its_row() {
        let written = [
            (FindingStatus::Open, TriageState::Untriaged),
            (FindingStatus::InProgress, TriageState::Investigating),
            (FindingStatus::Resolved, TriageState::Fixed),
            (FindingStatus::FalsePositive, TriageState::FalsePositive),
            (FindingStatus::AcceptedRisk, TriageState::Accepted),
        ];
        for (status, state) in written {
            assert_eq!(status.written(), state);
        }
    }

    #[test]
    fn what_nobody_knows_is_medium() {
        assert_eq!(word(SeverityWord::from(Severity::Unknown)), "MEDIUM");
    }

    #[test]
    fn words_are_spelled_as_pepper_spells_them() {
        assert_eq!(word(Scanner::from(ScannerKind::Secrets)), "SECRETS_PATTERN");
        assert_eq!(word(Scanner::from(ScannerKind::Malicious)), "MALICIOUS_PKG");
        assert_eq!(word(FindingStatus::from(TriageState::NotAffected)), "FALSE_POSITIVE");
        assert_eq!(word(super::ArtifactType::SbomCyclonedx), "SBOM_CYCLONEDX");
        let sources = [SourceKind::Upload, SourceKind::Client, SourceKind::Repository];
        assert_eq!(sources.map(|kind| word(SourceType::from(kind))), ["UPLOAD", "UPLOAD", "GIT_CLONE"]);
    }
}
