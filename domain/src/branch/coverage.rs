//! What of a branch a scan looked at, which says what it means that it did not see a finding.

use super::{Held, Observed};
use crate::blob::BlobHash;
use crate::id::FindingId;
use crate::limits::PLACES;
use crate::scan::Extent;
use crate::scanning::{Place, ScannerKind, Unread};
use crate::severity::Severity;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// What a scan looked at: a finding that it covers and did not see is gone. Everything else keeps its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Coverage {
    /// Everything that some scanners of the server can find. What clients uploaded is not theirs.
    Scanners(ScannerCoverage),
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

/// What scanners of the server looked at in a whole source.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScannerCoverage {
    /// Those that have an outcome.
    pub scanners: Vec<ScannerKind>,
    /// What each of them should have looked at and could not read: nothing ends there.
    pub unread: HashMap<ScannerKind, Unread>,
    /// What those could not read that list components: none is removed there.
    pub unread_components: Unread,
    /// Where findings are on the branch, of scanners that could not read something. One that is missing here is taken
    /// to be where nothing was read.
    pub places: HashMap<FindingId, Vec<Place>>,
}

impl ScannerCoverage {
    /// Scanners that could not read something.
    pub fn hindered(&self) -> impl Iterator<Item = ScannerKind> {
        self.unread.iter().filter(|(_, unread)| !unread.is_empty()).map(|(scanner, _)| *scanner)
    }

    fn covers(&self, finding: FindingId, scanner: ScannerKind) -> bool {
        let Some(unread) = self.unread.get(&scanner).filter(|unread| !unread.is_empty()) else {
            return self.scanners.contains(&scanner);
        };
        let places = self.places.get(&finding).filter(|places| !places.is_empty());
        self.scanners.contains(&scanner)
            && places.is_some_and(|places| !places.iter().any(|place| unread.contains(&place.path)))
    }
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

/// A finding of the server's scanners that is on a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    /// Which.
    pub finding: FindingId,
    /// Who found it.
    pub scanner: ScannerKind,
    /// How bad.
    pub severity: Severity,
    /// Where; at least one.
    pub places: Vec<Place>,
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
    pub fn covers(&self, finding: FindingId, held: &Held, by: Option<&FoundBy>) -> bool {
        match (self, by) {
            (Self::Scanners(covered), None) => covered.covers(finding, held.scanner),
            (Self::Rules(covered), Some(by)) => {
                covered.rules.contains(&*by.rule) && !covered.unread.contains(&*by.path)
            }
            (Self::Scanners(_), Some(_)) | (Self::Rules(_), None) | (Self::Changes { .. }, _) => false,
        }
    }

    /// Whether not seeing a component of the file at `path` means that it is gone.
    pub fn covers_component(&self, path: &str) -> bool {
        match self {
            Self::Scanners(covered) => !covered.unread_components.contains(path),
            Self::Rules(_) | Self::Changes { .. } => true,
        }
    }

    /// Leaves a finding that was seen in one place in its other places too, as far as those could not be read.
    pub(super) fn keep_places(&self, observed: &mut Observed) {
        let Self::Scanners(covered) = self else { return };
        let Some(unread) = covered.unread.get(&observed.scanner()) else { return };
        let Some(held) = covered.places.get(&observed.finding) else { return };
        let places = &mut observed.detection.places;
        let seen = places.len();
        for place in held.iter().filter(|place| unread.contains(&place.path)) {
            if !places[..seen].contains(place) {
                places.push(place.clone());
            }
        }
        if places.len() > seen {
            places.sort();
            places.truncate(PLACES);
        }
    }

    /// What it looked for.
    pub fn scanners(&self) -> &[ScannerKind] {
        match self {
            Self::Scanners(covered) => &covered.scanners,
            Self::Rules(covered) => &covered.scanners,
            Self::Changes { scanners, .. } => scanners,
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
    /// Scanners that could read everything.
    fn from(scanners: Vec<ScannerKind>) -> Self {
        Self::Scanners(ScannerCoverage { scanners, ..ScannerCoverage::default() })
    }
}
