//! A finder for tests: a secret is `KEY<…>`, over as many lines as it takes.

use crate::severity::Severity;

use super::{DetectorFacts, DetectorNature, SecretCategory, SecretFamily, SecretFinder, SecretMatch};

const FACTS: DetectorFacts = DetectorFacts {
    id: "WORD",
    title: "Word",
    provider: "Tests",
    nature: DetectorNature::Specific,
    family: SecretFamily::Other,
    category: SecretCategory::Other,
};

/// Finds `KEY<…>`.
pub struct Words;

impl SecretFinder for Words {
    fn detectors(&self) -> Vec<&'static DetectorFacts> {
        vec![&FACTS]
    }

    fn find(&self, text: &str) -> Vec<SecretMatch> {
        let mut found = Vec::new();
        let mut at = 0;
        while let Some(start) = text[at..].find("KEY<").map(|start| at + start) {
            let Some(end) = text[start..].find('>').map(|end| start + end + 1) else { break };
            found.push(SecretMatch { detector: &FACTS, severity: Severity::High, place: start..end });
            at = end;
        }
        found
    }
}
