//! A finding as lists show it.

use rusqlite::Row;
use scanledger_domain::branch::ExcerptRef;
use scanledger_domain::component::{Ecosystem, Package};
use scanledger_domain::finding::{Columns, Fingerprint, TriageState, UploadFacts};
use scanledger_domain::id::{BranchId, FindingId, IncidentId, ProjectId};
use scanledger_domain::log::{Actor, Position};
use scanledger_domain::scanning::{Place, ScannerKind};
use scanledger_domain::severity::Severity;
use scanledger_domain::time::Timestamp;
use serde::Deserialize;
use std::borrow::Cow;
use std::sync::LazyLock;

/// Who decided last, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Triager {
    /// Who.
    pub actor: Actor,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub note: Option<String>,
}

/// What lists show of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownSecret {
    /// The incident of the secret, which may not be open yet.
    pub incident: IncidentId,
    /// What may be shown of it.
    pub masked: String,
}

/// A finding on a branch.
#[derive(Debug, Clone, PartialEq)]
pub struct FindingRow {
    /// Its id, the same on every branch and in every scan.
    pub id: FindingId,
    /// Its project.
    pub project: ProjectId,
    /// The branch it is shown on.
    pub branch: BranchId,
    /// What makes it the same finding next time.
    pub fingerprint: Fingerprint,
    /// Who found it.
    pub scanner: ScannerKind,
    /// Rule, detector or advisory.
    pub rule: String,
    /// One line.
    pub title: String,
    /// A paragraph.
    pub description: String,
    /// How bad.
    pub severity: Severity,
    /// What people decided.
    pub state: TriageState,
    /// Who decided; `None` if nobody ever did.
    pub triaged: Option<Triager>,
    /// `CWE-79`.
    pub cwe: Option<String>,
    /// `CVE-2020-1234`.
    pub cve: Option<String>,
    /// 0 to 1.
    pub confidence: f32,
    /// Where; at least one.
    pub places: Vec<Place>,
    /// The package, for vulnerable dependencies.
    pub package: Option<Package>,
    /// Every advisory id and alias, for vulnerable dependencies.
    pub advisories: Vec<String>,
    /// `unmaintained`, `unsound` or `notice`, if it is no vulnerability.
    pub informational: Option<String>,
    /// The version that mends it.
    pub fix: Option<String>,
    /// The secret, if it is one.
    pub secret: Option<ShownSecret>,
    /// Addresses to read more.
    pub references: Vec<String>,
    /// Where its code excerpt is.
    pub excerpt: Option<ExcerptRef>,
    /// When it was first seen in its project.
    pub detected_at: Timestamp,
    /// Since which position it has been on the branch without a break.
    pub since: Position,
    /// Whether it counted as new when it came onto the branch.
    pub is_new: bool,
    /// What is kept of what a client found and named itself.
    pub upload: Option<UploadFacts>,
    /// Where the match begins and ends on its lines.
    pub columns: Option<Columns>,
    /// Whether a file imports the package, if that is known.
    pub imported: Option<bool>,
}

/// The columns [`read`] expects, in order; aliases: `p` presence, `f` finding, `t` triage, `b` branch, `pr` project.
pub(crate) const COLUMNS: &str = "f.id, pr.id, b.id, f.fingerprint, p.scanner, f.rule, f.title, f.description, \
     p.severity, p.status, t.actor_kind, t.actor_id, t.changed_at, t.note, f.cwe, f.cve, f.confidence, p.path, p.line, \
     p.end_line, p.places, f.ecosystem, f.package, f.advisories, f.informational, p.fix, f.secret, f.refs, p.excerpt, \
     f.detected_at, p.since, p.is_new, f.upload, p.columns, p.imported, f.incident";

/// [`COLUMNS`] of a query about one branch: its id and that of its project are the parameters `:branch_id` and
/// `:project_id` instead of two rows to look up for each finding.
pub(crate) static COLUMNS_OF_BRANCH: LazyLock<String> =
    LazyLock::new(|| COLUMNS.replace("pr.id, b.id", ":project_id, :branch_id"));

/// How many [`COLUMNS`] there are; a query's own columns come behind them.
pub(crate) const COLUMN_COUNT: usize = 36;

/// Reads a row of [`COLUMNS`].
pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<FindingRow> {
    use crate::store::column::{actor, id, json, json_list};
    let places: Option<Vec<Place>> = json(row, 20)?;
    let places = match places {
        Some(places) => places,
        None => vec![Place { path: row.get(17)?, line: row.get(18)?, end_line: row.get(19)?, version: None }],
    };
    let ecosystem: Option<Ecosystem> = row.get_ref(21)?.as_str_or_null()?.and_then(|name| name.parse().ok());
    let name: Option<String> = row.get(22)?;
    let triaged = match row.get::<_, Option<u8>>(10)? {
        None => None,
        Some(kind) => {
            Some(Triager { actor: actor(kind, row, 11)?, at: Timestamp(row.get(12)?), note: row.get(13)? })
        }
    };
    Ok(FindingRow {
        id: FindingId(id(row, 0)?),
        project: ProjectId(id(row, 1)?),
        branch: BranchId(id(row, 2)?),
        fingerprint: Fingerprint(row.get(3)?),
        scanner: ScannerKind::from_code(row.get(4)?).unwrap_or(ScannerKind::Sast),
        rule: row.get(5)?,
        title: row.get(6)?,
        description: row.get(7)?,
        severity: Severity::from_rank(row.get(8)?),
        state: TriageState::from_code(row.get(9)?).unwrap_or_default(),
        triaged,
        cwe: row.get(14)?,
        cve: row.get(15)?,
        confidence: row.get(16)?,
        places,
        package: ecosystem.zip(name).map(|(ecosystem, name)| Package { ecosystem, name }),
        advisories: json_list(row, 23)?,
        informational: row.get(24)?,
        fix: row.get(25)?,
        secret: secret(row, 26, 35)?,
        references: json_list(row, 27)?,
        excerpt: json(row, 28)?,
        detected_at: Timestamp(row.get(29)?),
        since: Position(row.get::<_, i64>(30)?.cast_unsigned()),
        is_new: row.get(31)?,
        upload: json(row, 32)?,
        columns: json(row, 33)?,
        imported: row.get(34)?,
    })
}

/// The one thing of a secret's facts that is shown.
#[derive(Deserialize)]
struct Masked<'a> {
    #[serde(borrow)]
    masked: Cow<'a, str>,
}

fn secret(row: &Row<'_>, facts: usize, incident: usize) -> rusqlite::Result<Option<ShownSecret>> {
    let Some(Masked { masked }) = crate::store::column::json(row, facts)? else { return Ok(None) };
    let incident = IncidentId(crate::store::column::id(row, incident)?);
    Ok(Some(ShownSecret { incident, masked: masked.into_owned() }))
}
