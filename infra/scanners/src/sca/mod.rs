//! Finds dependencies with known vulnerabilities: reads the lockfiles of a tree and asks the advisories about
//! every package in them.

mod finding;
mod inventory;

use finding::Findings;
use inventory::Inventory;
use scanledger_domain::advisory::AdvisoryIndex;
use scanledger_domain::component::Ecosystem;
use scanledger_domain::scanning::{Control, LeftOut, Outcome, ScanError, Scanner, ScannerKind};
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

    /// If nothing was ever imported, the outcome has components, no detections, no generation and a warning; so it has
    /// if nothing was imported of any ecosystem in the source. There is a warning for each that is missing.
    fn scan(&self, source: &SourceTree, control: &dyn Control) -> Result<Outcome, ScanError> {
        // Taken before matching: if an import comes in between, the older number makes sure that the branch
        // is matched again.
        let generation = self.advisories.generation();
        let known = self.advisories.ecosystems();
        let mut inventory = Inventory::read(source, control)?;
        let wanted = inventory.ecosystems();
        let unmatched: Vec<Ecosystem> = match generation {
            Some(_) => wanted.iter().filter(|ecosystem| !known.contains(ecosystem)).copied().collect(),
            None => vec![],
        };
        for ecosystem in &unmatched {
            let missing = format!("no advisories of {ecosystem} imported");
            let message = format!("{missing}: its dependencies were listed but not matched");
            inventory.warnings.push((String::new(), message));
        }
        let is_matched = wanted.is_empty() || unmatched.len() < wanted.len();
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
            unread: inventory.unread,
            files_scanned: inventory.files_scanned,
            left_out: LeftOut { folders: inventory.skipped_folders, files: 0 },
            generation: generation.filter(|_| is_matched),
            unmatched,
        })
    }
}

#[cfg(test)]
mod tests;
