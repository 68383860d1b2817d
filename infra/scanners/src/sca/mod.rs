//! Finds dependencies with known vulnerabilities: reads the lockfiles of a tree and asks the advisories about
//! every package in them.

mod finding;
mod inventory;

use finding::Findings;
use inventory::Inventory;
use scanledger_domain::advisory::AdvisoryIndex;
use scanledger_domain::scanning::{Control, Outcome, ScanError, Scanner, ScannerKind};
use scanledger_domain::source::SourceTree;
use std::sync::Arc;

/// How many packages are looked up between two points at which the scan can be interrupted.
const LOOKUPS_BETWEEN_SAFE_POINTS: usize = 200;

/// What a scan says when there is nothing to match with. The components are listed all the same.
const NOTHING_IMPORTED: &str = "no advisories imported: dependencies were listed but not matched";

/// Matches the packages in lockfiles with advisories.
pub struct ScaScanner {
    advisories: Arc<dyn AdvisoryIndex>,
}

impl ScaScanner {
    /// A scanner that matches with what `advisories` holds when a scan runs.
    pub fn new(advisories: Arc<dyn AdvisoryIndex>) -> Self {
        Self { advisories }
    }
}

impl Scanner for ScaScanner {
    fn kind(&self) -> ScannerKind {
        ScannerKind::Sca
    }

    /// If nothing was ever imported, the outcome has components, no detections, no generation and a warning.
    fn scan(&self, source: &SourceTree, control: &dyn Control) -> Result<Outcome, ScanError> {
        // Taken before matching: if an import comes in between, the older number makes sure that the branch
        // is matched again.
        let generation = self.advisories.generation();
        let mut inventory = Inventory::read(source, control)?;
        let mut findings = Findings::new(self.advisories.as_ref());
        if generation.is_some() {
            for (number, (package, version, paths)) in inventory.lookups().into_iter().enumerate() {
                if number % LOOKUPS_BETWEEN_SAFE_POINTS == 0 {
                    control.safe_point()?;
                }
                let matches = self
                    .advisories
                    .matches(package, version)
                    .map_err(|source| ScanError::Failed { scanner: ScannerKind::Sca, source })?;
                for matched in matches {
                    findings.add(package, version, &paths, matched);
                }
            }
        } else {
            inventory.warnings.push((String::new(), NOTHING_IMPORTED.to_owned()));
        }
        let detections = findings.finish();
        Ok(Outcome {
            detections,
            components: inventory.components,
            dependencies: inventory.dependencies,
            warnings: inventory.warnings,
            files_scanned: inventory.files_scanned,
            generation,
        })
    }
}

#[cfg(test)]
mod tests;
