//! How far running scans are. In memory only: progress is worth nothing after a crash, and never in the log.

use parking_lot::RwLock;
use scanledger_domain::id::ScanId;
use scanledger_domain::scanning::ScannerKind;
use std::collections::{BTreeMap, HashMap};

/// Where a scanner stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScannerStatus {
    /// It works.
    Running,
    /// It has an outcome.
    Done,
    /// It had nothing to work with.
    Skipped,
    /// It could not work.
    Failed,
}

/// How far a scanner is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScannerProgress {
    /// Where it stands.
    pub status: ScannerStatus,
    /// Findings, once it is done.
    pub findings: Option<u64>,
    /// Files it is done with.
    pub files_completed: u64,
    /// Files it will look at, as far as it knows.
    pub files_total: u64,
}

impl Default for ScannerProgress {
    fn default() -> Self {
        Self { status: ScannerStatus::Running, findings: None, files_completed: 0, files_total: 0 }
    }
}

/// The progress of every scan that runs in this process.
#[derive(Debug, Default)]
pub struct ScanProgress {
    scans: RwLock<HashMap<ScanId, BTreeMap<ScannerKind, ScannerProgress>>>,
}

impl ScanProgress {
    /// How far each scanner of a scan is; empty if the scan does not run in this process.
    pub fn of(&self, scan: ScanId) -> BTreeMap<ScannerKind, ScannerProgress> {
        self.scans.read().get(&scan).cloned().unwrap_or_default()
    }

    /// Notes how far a scanner is.
    pub fn publish(&self, scan: ScanId, scanner: ScannerKind, progress: ScannerProgress) {
        self.scans.write().entry(scan).or_default().insert(scanner, progress);
    }

    /// Forgets a scan that no longer runs.
    pub fn forget(&self, scan: ScanId) {
        self.scans.write().remove(&scan);
    }
}

#[cfg(test)]
mod tests {
    use super::{ScanProgress, ScannerProgress, ScannerStatus};
    use scanledger_domain::id::ScanId;
    use scanledger_domain::scanning::ScannerKind;
    use uuid::Uuid;

    #[test]
    fn the_last_word_of_each_scanner_holds_until_the_scan_is_forgotten() {
        let (progress, scan) = (ScanProgress::default(), ScanId(Uuid::from_u128(1)));
        let done = ScannerProgress {
            status: ScannerStatus::Done,
            findings: Some(3),
            files_completed: 9,
            files_total: 9,
        };
        progress.publish(scan, ScannerKind::Sca, ScannerProgress::default());
        progress.publish(scan, ScannerKind::Sca, done);
        progress.publish(scan, ScannerKind::Secrets, ScannerProgress::default());
        assert_eq!(
            progress.of(scan),
            [(ScannerKind::Sca, done), (ScannerKind::Secrets, ScannerProgress::default())].into()
        );
        assert!(progress.of(ScanId(Uuid::from_u128(2))).is_empty());
        progress.forget(scan);
        assert!(progress.of(scan).is_empty());
    }
}
