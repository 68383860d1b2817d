//! A finding in the words of a report (reference §5): what is known of a vulnerable dependency, section by section.

use scanledger_domain::scanning::ScannerKind;
use scanledger_projections::finding::FindingRow;
use serde::Serialize;
use utoipa::ToSchema;

/// The sections of a report about a finding.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReportSectionsOut {
    /// As the finding's title.
    vulnerability_name: String,
    /// As the finding's description.
    summary: String,
    /// Where the package stands, a place each.
    steps_to_reproduce: Vec<String>,
    /// How bad it is, and what it is known as.
    impact: String,
    /// What mends it; nothing if nobody knows.
    remediation: Vec<String>,
}

impl ReportSectionsOut {
    /// The sections of a finding about a dependency; other findings are found by pattern and have none.
    pub fn of(row: &FindingRow) -> Option<Self> {
        let package = row.package.as_ref().filter(|_| row.scanner == ScannerKind::Sca)?;
        let places = row.places.iter().map(|place| match &place.version {
            Some(version) => format!("{} has {} at version {version}", place.path, package.name),
            None => format!("{} has {}", place.path, package.name),
        });
        let known_as = if row.advisories.is_empty() { row.rule.clone() } else { row.advisories.join(", ") };
        let impact = match &row.informational {
            Some(word) => format!("no vulnerability by itself ({word}), known as {known_as}"),
            None => format!("severity {}, known as {known_as}", row.severity),
        };
        let upgrade = |fix: &String| format!("upgrade {} to version {fix} or later", package.name);
        Some(Self {
            vulnerability_name: row.title.clone(),
            summary: row.description.clone(),
            steps_to_reproduce: places.collect(),
            impact,
            remediation: row.fix.iter().map(upgrade).collect(),
        })
    }
}
