//! SARIF 2.1.0 (OASIS), as GitHub, Azure DevOps and IDEs take it in.
//!
//! The document is serialised straight from the borrowed report: nothing is built per finding.

mod model;
mod rules;

use crate::uri;
use domain::Cause;
use domain::finding::TriageState;
use domain::report::{Report, ReportFinding};
use domain::scan::{GapReason, ScannerGap};
use domain::scanning::{Place, ScannerKind};
use domain::severity::Severity;
use model::{
    Address, ArtifactLocation, AutomationDetails, BaseId, Baseline, Driver, Fingerprints, Invocation, Level,
    Location, Log, Message, Notification, PhysicalLocation, Provenance, Region, ResultProperties,
    RunProperties, SarifResult, Sequence, Suppression, Text, Told, Tool, Version,
};
use rules::Rules;
use scanledger_domain as domain;
use uuid::Variant;

/// What a finding takes in the document, roughly; better to ask for too much than to copy while growing.
const FINDING_BYTES: usize = 1_500;

/// Writes the findings of `report`.
pub(crate) fn write(report: &Report, version: &'static str) -> Result<Vec<u8>, Cause> {
    let rules = Rules::of(&report.findings);
    let findings = &report.findings;
    let results = Sequence(|| {
        let baseline = |finding: &ReportFinding| report.scan.map(|_| Baseline::of(finding));
        let indexed = findings.iter().zip(&rules.index_of_finding);
        indexed.map(move |(finding, &rule)| result(finding, rule, baseline(finding)))
    });
    let repository = report.repository.as_deref().and_then(uri::repository);
    let log = Log {
        schema: model::SCHEMA,
        version: "2.1.0",
        runs: [model::Run {
            tool: Tool {
                driver: Driver {
                    name: crate::TOOL,
                    version,
                    semantic_version: version,
                    rules: rules.descriptors(),
                },
            },
            invocations: [Invocation {
                // Files that could not be read leave the run what it is (SARIF §3.20.14, §3.20.21).
                execution_successful: report.gaps.iter().all(|gap| gap.because == GapReason::Unread),
                end_time_utc: report.created_at.to_rfc3339_millis(),
                tool_execution_notifications: report.gaps.iter().map(notification).collect(),
            }],
            version_control_provenance: repository.as_deref().map(|repository_uri| {
                [Provenance {
                    repository_uri,
                    revision_id: report.commit.as_deref(),
                    branch: report.branch.as_deref(),
                    mapped_to: BaseId { uri_base_id: model::ROOT },
                }]
            }),
            automation_details: AutomationDetails { id: automation_id(report) },
            original_uri_base_ids: model::BASES,
            results,
            properties: RunProperties {
                project: &report.project,
                scan: report.scan.map(|scan| scan.0),
                branch: report.branch.as_deref(),
                commit: report.commit.as_deref(),
            },
        }],
    };
    let mut bytes = Vec::with_capacity(4096 + findings.len() * FINDING_BYTES);
    serde_json::to_writer(&mut bytes, &log)?;
    Ok(bytes)
}

/// Category and run (SARIF §3.17.3): what is before the last slash is the same for every scan of the project.
fn automation_id(report: &Report) -> String {
    match report.scan {
        Some(scan) => format!("scanledger/{}/{scan}", report.project),
        None => format!("scanledger/{}/", report.project),
    }
}

fn notification(gap: &ScannerGap) -> Notification {
    let level = match gap.because {
        GapReason::Failed => "error",
        GapReason::Skipped | GapReason::Unread => "warning",
    };
    Notification { level, message: Told { text: gap.to_string() } }
}

fn result(
    finding: &ReportFinding,
    rule_index: usize,
    baseline_state: Option<Baseline>,
) -> SarifResult<'_, impl serde::Serialize> {
    let has_region = finding.places.first().and_then(line).is_some();
    let id = finding.id.0;
    // The schema takes GUIDs of versions 1 to 5 only.
    let is_guid = matches!(id.get_version_num(), 1..=5) && id.get_variant() == Variant::RFC4122;
    SarifResult {
        rule_id: &finding.rule,
        rule_index,
        level: Level::of(finding.severity),
        message: Message { text: Text { title: &finding.title, description: &finding.description } },
        locations: Sequence(|| {
            finding.places.iter().enumerate().map(|(index, place)| location(finding, index, place))
        }),
        partial_fingerprints: Fingerprints {
            own: &finding.fingerprint,
            line_hash: model::LineHash(&finding.fingerprint),
        },
        correlation_guid: is_guid.then_some(id),
        suppressions: suppression(finding),
        baseline_state,
        properties: ResultProperties {
            finding: id,
            scanner: finding.scanner.as_str(),
            severity: finding.severity.as_str(),
            state: finding.state.as_str(),
            confidence: crate::words::confidence(finding.confidence),
            cve: finding.cve.as_deref(),
            cwe: finding.cwe.as_deref(),
            package: finding.package.as_deref(),
            fixed_version: finding.fixed_version.as_deref(),
            references: &finding.references,
            excerpt: finding.excerpt.as_deref().filter(|_| !has_region),
        },
    }
}

/// Decisions that take a finding off the list (SARIF §3.35); the others leave it there.
fn suppression(finding: &ReportFinding) -> Option<Suppression<'_>> {
    match finding.state {
        TriageState::FalsePositive | TriageState::NotAffected | TriageState::Accepted => {
            Some(Suppression { kind: "external", status: "accepted", justification: finding.note.as_deref() })
        }
        TriageState::Untriaged | TriageState::Investigating | TriageState::Confirmed | TriageState::Fixed => {
            None
        }
    }
}

fn line(place: &Place) -> Option<u32> {
    place.line.filter(|&line| line > 0)
}

fn location<'a>(finding: &'a ReportFinding, index: usize, place: &'a Place) -> Location<'a> {
    let region = line(place).map(|start_line| Region {
        start_line,
        end_line: place.end_line.filter(|&end| end >= start_line),
        snippet: finding.excerpt.as_deref().filter(|_| index == 0).map(|text| model::Plain { text }),
    });
    let artifact_location = address(finding.scanner, &place.path);
    Location {
        physical_location: artifact_location
            .map(|artifact_location| PhysicalLocation { artifact_location, region }),
        properties: place.version.as_deref().map(|version| Version { version }),
    }
}

/// Running applications are found at an address on the web, everything else in a file.
fn address(scanner: ScannerKind, path: &str) -> Option<ArtifactLocation<'_>> {
    if let (ScannerKind::Dast, Some(uri)) = (scanner, uri::web(path)) {
        return Some(ArtifactLocation { uri: Address::Web(uri), uri_base_id: None });
    }
    let relative = uri::Relative(path.trim_start_matches('/'));
    (!relative.0.is_empty())
        .then_some(ArtifactLocation { uri: Address::File(relative), uri_base_id: Some(model::ROOT) })
}

impl Baseline {
    const fn of(finding: &ReportFinding) -> Self {
        if finding.is_new { Self::New } else { Self::Unchanged }
    }
}

impl Level {
    /// The level of a severity; an unknown one counts as medium, as in build gates.
    const fn of(severity: Severity) -> Self {
        match severity {
            Severity::Critical | Severity::High => Self::Error,
            Severity::Medium | Severity::Unknown => Self::Warning,
            Severity::Low | Severity::Info => Self::Note,
        }
    }
}
