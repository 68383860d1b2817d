//! What of a branch a scan looked at, which says what it means that it did not see a finding.

use super::Held;
use crate::blob::BlobHash;
use crate::scan::Extent;
use crate::scanning::ScannerKind;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::sync::Arc;

/// What a scan looked at: a finding that it covers and did not see is gone. Everything else keeps its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Coverage {
    /// Everything that these scanners of the server can find. What clients uploaded is not theirs.
    Scanners(Vec<ScannerKind>),
    /// Everything that some rules of a client can find.
    Rules(RuleCoverage),
    /// Changed files only, by a client: that it did not see a finding means nothing.
    Changes {
        /// What it looked for.
        scanners: Vec<ScannerKind>,
        /// How many rules it ran.
        rules: u64,
    },
}

/// What a client looked at in a whole source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleCoverage {
    /// What it looked for.
    pub scanners: Vec<ScannerKind>,
    /// The rules that it ran.
    pub rules: HashSet<String>,
    /// Files that it could not read, although it saw them.
    pub unread: HashSet<String>,
    /// `rules` and `unread` as JSON, for whoever asks later.
    pub kept: BlobHash,
}

/// What `branch.scanned` says about the coverage of a client's scan, besides the scanners.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientCoverage {
    /// How much of the source it looked at.
    #[serde(rename = "extent")]
    pub extent: Extent,
    /// How many rules it ran.
    #[serde(rename = "rules")]
    pub rules: u64,
    /// Which, and what it could not read, as JSON; none for changes, which resolve nothing.
    #[serde(rename = "kept", skip_serializing_if = "Option::is_none", default)]
    pub kept: Option<BlobHash>,
}

/// Which rule of a client found something, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundBy {
    /// The rule.
    pub rule: Arc<str>,
    /// The file.
    pub path: Arc<str>,
}

impl Coverage {
    /// Whether not seeing a finding means that it is gone; `by` is which rule of a client found it, if a client did.
    pub fn covers(&self, held: &Held, by: Option<&FoundBy>) -> bool {
        match (self, by) {
            (Self::Scanners(scanners), None) => scanners.contains(&held.scanner),
            (Self::Rules(covered), Some(by)) => {
                covered.rules.contains(&*by.rule) && !covered.unread.contains(&*by.path)
            }
            (Self::Scanners(_), Some(_)) | (Self::Rules(_), None) | (Self::Changes { .. }, _) => false,
        }
    }

    /// What it looked for.
    pub fn scanners(&self) -> &[ScannerKind] {
        match self {
            Self::Scanners(scanners) | Self::Changes { scanners, .. } => scanners,
            Self::Rules(covered) => &covered.scanners,
        }
    }

    /// What `branch.scanned` says of it besides the scanners.
    pub fn client(&self) -> Option<ClientCoverage> {
        match self {
            Self::Scanners(_) => None,
            Self::Rules(covered) => Some(ClientCoverage {
                extent: Extent::Full,
                rules: covered.rules.len() as u64,
                kept: Some(covered.kept),
            }),
            Self::Changes { rules, .. } => {
                Some(ClientCoverage { extent: Extent::Changes, rules: *rules, kept: None })
            }
        }
    }
}

impl From<Vec<ScannerKind>> for Coverage {
    fn from(scanners: Vec<ScannerKind>) -> Self {
        Self::Scanners(scanners)
    }
}
