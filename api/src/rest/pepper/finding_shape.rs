//! How findings look (reference §5).

use super::report_section::ReportSectionsOut;
use super::scan_shape::actor_id;
use super::word::{FindingStatus, Scanner, SeverityWord};
use crate::rest::{Instant, Pages};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use scanledger_commands::finding::TriageDone;
use scanledger_domain::id::ScanId;
use scanledger_domain::log::Actor;
use scanledger_domain::scanning::{Place, ScannerKind};
use scanledger_projections::finding::FindingRow;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A finding.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FindingOut {
    /// The same on every branch and in every scan, for ever.
    id: Uuid,
    project_id: Uuid,
    scan_id: Option<Uuid>,
    scanner: Scanner,
    severity: SeverityWord,
    title: String,
    description: String,
    file_path: Option<String>,
    start_line: Option<u32>,
    end_line: Option<u32>,
    /// Code, secrets masked.
    snippet: Option<String>,
    rule_id: String,
    cwe_id: Option<String>,
    cve_id: Option<String>,
    /// 0 to 1.
    confidence: f32,
    metadata: Option<MetadataOut>,
    /// Whether the snippet hides a secret.
    masked: bool,
    status: FindingStatus,
    status_note: Option<String>,
    /// The user or, without one, the API key that decided.
    status_updated_by: Option<String>,
    status_updated_at: Option<Instant>,
    /// When it was first seen in its project.
    created_at: Instant,
    /// What makes it the same finding next time.
    #[schema(value_type = String)]
    fingerprint: String,
    /// Whether it counted as new when it came onto the branch.
    is_new: bool,
}

/// Findings on a page.
#[derive(Debug, Serialize, ToSchema)]
pub struct FindingPage {
    /// The findings.
    pub findings: Vec<FindingOut>,
    /// Which page it is.
    pub pagination: Pages,
}

/// Bytes of JSON for which room is made at once: what most findings take, and what is around them.
const FINDING_BYTES: usize = 1_280;

impl IntoResponse for FindingPage {
    fn into_response(self) -> Response {
        let mut json = Vec::with_capacity(FINDING_BYTES * (self.findings.len() + 1));
        serde_json::to_writer(&mut json, &self).expect("findings have string keys and no failing serializer");
        ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], json).into_response()
    }
}

/// What only some findings have.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetadataOut {
    #[serde(skip_serializing_if = "Option::is_none")]
    package_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    package_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ecosystem: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    osv_id: Option<String>,
    /// Every id under which the advisory is known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    aliases: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix_version: Option<String>,
    /// `unmaintained`, `unsound` or `notice`, if it is no vulnerability.
    #[serde(skip_serializing_if = "Option::is_none")]
    informational: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    references: Vec<String>,
    /// What may be shown of a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    masked_value: Option<String>,
    /// Every place, if there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    locations: Vec<LocationOut>,
    /// The finding as a report has it, if it is about a dependency.
    #[serde(skip_serializing_if = "Option::is_none")]
    report_sections: Option<ReportSectionsOut>,
}

/// A place where a finding was seen.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LocationOut {
    file_path: String,
    start_line: Option<u32>,
    end_line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    package_version: Option<String>,
}

impl From<Place> for LocationOut {
    fn from(place: Place) -> Self {
        Self {
            file_path: place.path,
            start_line: place.line,
            end_line: place.end_line,
            package_version: place.version,
        }
    }
}

impl FindingOut {
    /// A finding as part of a scan, with its code.
    pub fn new(row: FindingRow, scan: Option<ScanId>, snippet: Option<String>) -> Self {
        let report_sections = ReportSectionsOut::of(&row);
        let is_advisory = row.scanner == ScannerKind::Sca;
        let mut places = row.places;
        let first = if places.len() > 1 { places.first().cloned() } else { places.pop() };
        let (file_path, start_line, end_line, package_version) = first
            .map_or((None, None, None, None), |place| {
                (Some(place.path), place.line, place.end_line, place.version)
            });
        let masked = row.secret.is_some();
        let (ecosystem, package_name) =
            row.package.map(|package| (package.ecosystem.as_str(), package.name)).unzip();
        let metadata = MetadataOut {
            package_name,
            package_version,
            ecosystem,
            osv_id: is_advisory.then(|| row.rule.clone()),
            aliases: row.advisories,
            fix_version: row.fix,
            informational: row.informational,
            references: row.references,
            masked_value: row.secret.map(|secret| secret.masked),
            locations: places.into_iter().map(LocationOut::from).collect(),
            report_sections,
        };
        let (status_updated_by, status_updated_at, status_note) = match row.triaged {
            None => (None, None, None),
            Some(triaged) => (actor_id(triaged.actor), Some(Instant(triaged.at)), triaged.note),
        };
        Self {
            id: row.id.0,
            project_id: row.project.0,
            scan_id: scan.map(|scan| scan.0),
            scanner: row.scanner.into(),
            severity: row.severity.into(),
            title: row.title,
            description: row.description,
            file_path,
            start_line,
            end_line,
            snippet,
            rule_id: row.rule,
            cwe_id: row.cwe,
            cve_id: row.cve,
            confidence: row.confidence,
            metadata: (!metadata.is_empty()).then_some(metadata),
            masked,
            status: row.state.into(),
            status_note,
            status_updated_by,
            status_updated_at,
            created_at: Instant(row.detected_at),
            fingerprint: row.fingerprint.to_string(),
            is_new: row.is_new,
        }
    }

    /// The finding after a decision, whether the read model shows it already or not.
    #[must_use]
    pub fn decided(mut self, done: &TriageDone, by: Actor) -> Self {
        self.status = done.status.state.into();
        self.status_note.clone_from(&done.status.note);
        if let Some(at) = done.recorded_at {
            self.status_updated_by = actor_id(by);
            self.status_updated_at = Some(Instant(at));
        }
        self
    }
}

impl MetadataOut {
    fn is_empty(&self) -> bool {
        self.package_name.is_none()
            && self.osv_id.is_none()
            && self.aliases.is_empty()
            && self.fix_version.is_none()
            && self.informational.is_none()
            && self.references.is_empty()
            && self.masked_value.is_none()
            && self.locations.is_empty()
            && self.report_sections.is_none()
    }
}
