//! Everything in a views file, row by row, for files that other tools read.
//!
//! Nothing is held in memory but the row that is handed out. Deleted projects and scans are left out, as they are
//! everywhere; personal fields are not in these rows at all.

mod analyst;

pub use analyst::add_analyst_views;

use crate::at::FOREVER;
use crate::store::column::{id, json};
use crate::store::{Reading, open_reader};
use rusqlite::{Connection, Row};
use scanledger_domain::component::{Ecosystem, Package};
use scanledger_domain::finding::TriageState;
use scanledger_domain::id::{BranchId, FindingId, OrganizationId, ProjectId, ScanId};
use scanledger_domain::log::Position;
use scanledger_domain::project::{GateResult, Verdict};
use scanledger_domain::scan::{Failure, ScanOutcome, ScanStatus, ScanType};
use scanledger_domain::scanning::{Place, ScannerKind};
use scanledger_domain::severity::{Severity, SeverityCounts};
use scanledger_domain::time::Timestamp;
use std::path::Path;

/// The positions over which a row holds, and when their events were recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// The event that made it so.
    pub from: (Position, Timestamp),
    /// The event that ended it; `None` if it still holds.
    pub to: Option<(Position, Timestamp)>,
}

/// A finding on a branch, from one change of its place, severity or triage to the next.
#[derive(Debug, Clone, PartialEq)]
pub struct FindingInterval {
    /// The finding, the same on every branch.
    pub finding: FindingId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// Its project.
    pub project: ProjectId,
    /// What people call the project now.
    pub project_name: String,
    /// The branch it is on.
    pub branch: BranchId,
    /// The branch's name.
    pub branch_name: String,
    /// Who found it.
    pub scanner: ScannerKind,
    /// Rule, detector or advisory.
    pub rule: String,
    /// One line.
    pub title: String,
    /// How bad.
    pub severity: Severity,
    /// What people decided.
    pub state: TriageState,
    /// `CWE-79`.
    pub cwe: Option<String>,
    /// `CVE-2020-1234`.
    pub cve: Option<String>,
    /// Its first place: relative to the root of the source, with `/`.
    pub path: String,
    /// The place's first line, from 1.
    pub line: Option<u32>,
    /// The package, for vulnerable dependencies.
    pub package: Option<Package>,
    /// The affected version at its first place.
    pub package_version: Option<String>,
    /// The version that mends it.
    pub fix: Option<String>,
    /// Whether it counted as new when it came onto the branch.
    pub is_new: bool,
    /// Since which position it has been on the branch without a break, whatever its triage.
    pub since: Position,
    /// When it was first seen in its project.
    pub detected_at: Timestamp,
    /// When all this holds.
    pub validity: Validity,
}

/// A scan in one of its states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanInterval {
    /// The scan.
    pub scan: ScanId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// Its project.
    pub project: ProjectId,
    /// What people call the project now.
    pub project_name: String,
    /// The name of the branch it looks at.
    pub branch_name: String,
    /// What it looks for.
    pub scan_type: ScanType,
    /// The commit it was asked for.
    pub commit: Option<String>,
    /// The state.
    pub status: ScanStatus,
    /// How often it was begun anew after a stop, from 1.
    pub run: u32,
    /// How often a worker took it.
    pub attempt: u32,
    /// When it was asked for.
    pub queued_at: Timestamp,
    /// When a worker took it.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What the gate said.
    pub gate: Option<GateResult>,
    /// Its findings by severity, whatever their triage.
    pub counts: Option<SeverityCounts>,
    /// Findings that were not on the branch before.
    pub new_findings: Option<u64>,
    /// Findings that were no longer there.
    pub fixed_findings: Option<u64>,
    /// Why it failed.
    pub failure: Option<String>,
    /// When all this holds.
    pub validity: Validity,
}

/// A views file that nobody writes: a snapshot, or one that was built for this.
#[derive(Debug)]
pub struct ExportFile(Connection);

/// When the event at `$position` was recorded; events of nobody's organization stand under 0.
macro_rules! recorded_at {
    ($organization:literal, $position:literal) => {
        concat!(
            "coalesce((SELECT recorded_at FROM event_index WHERE organization = ",
            $organization,
            " AND position = ",
            $position,
            "), (SELECT recorded_at FROM event_index WHERE organization = 0 AND position = ",
            $position,
            "))"
        )
    };
}

/// The order of the joins is fixed, or SQLite might sort instead of reading in key order.
const FINDINGS: &str = concat!(
    "SELECT p.valid_from, ",
    recorded_at!("pr.organization", "p.valid_from"),
    ", p.valid_to, ",
    recorded_at!("pr.organization", "p.valid_to"),
    ", f.id, o.id, pr.id, d.name, b.id, b.name, p.scanner, f.rule, f.title, p.severity, p.status, f.cwe, f.cve,
       p.path, p.line, f.ecosystem, f.package, p.places, p.fix, p.is_new, p.since, f.detected_at
     FROM presence p CROSS JOIN branch b ON b.key = p.branch CROSS JOIN finding f ON f.key = p.finding
     CROSS JOIN project pr ON pr.key = b.project CROSS JOIN organization o ON o.key = pr.organization
     CROSS JOIN project_detail d ON d.project = pr.key AND d.valid_to = 9223372036854775807
     WHERE pr.deleted IS NULL AND p.valid_from < p.valid_to ORDER BY p.key"
);

const SCANS: &str = concat!(
    "SELECT st.valid_from, ",
    recorded_at!("s.organization", "st.valid_from"),
    ", st.valid_to, ",
    recorded_at!("s.organization", "st.valid_to"),
    ", s.id, o.id, p.id, d.name, s.branch, s.scan_type, s.commit_id, st.status, st.run, st.attempt, s.queued_at,
       st.started_at, st.ended_at, st.verdict, st.outcome, st.failure
     FROM scan_state st CROSS JOIN scan s ON s.key = st.scan CROSS JOIN project p ON p.key = s.project
     CROSS JOIN organization o ON o.key = s.organization
     CROSS JOIN project_detail d ON d.project = p.key AND d.valid_to = 9223372036854775807
     WHERE s.deleted IS NULL AND p.deleted IS NULL AND st.valid_from < st.valid_to ORDER BY st.rowid"
);

impl ExportFile {
    /// Opens a views file.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(path: &Path) -> rusqlite::Result<Self> {
        open_reader(path, Reading::Queries).map(Self)
    }

    /// The last event in it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn position(&self) -> rusqlite::Result<Position> {
        let position = self.0.query_row("SELECT position FROM checkpoint", [], |row| row.get::<_, i64>(0))?;
        Ok(Position(position.cast_unsigned()))
    }

    /// Hands out every interval of every finding on every branch, in the order in which they began to be kept.
    ///
    /// # Errors
    /// What `each` answers, and when the file cannot be read.
    pub fn findings<E: From<rusqlite::Error>>(
        &self,
        each: impl FnMut(FindingInterval) -> Result<(), E>,
    ) -> Result<(), E> {
        self.rows(FINDINGS, finding, each)
    }

    /// Hands out every state of every scan, in the order in which they began to be kept.
    ///
    /// # Errors
    /// What `each` answers, and when the file cannot be read.
    pub fn scans<E: From<rusqlite::Error>>(
        &self,
        each: impl FnMut(ScanInterval) -> Result<(), E>,
    ) -> Result<(), E> {
        self.rows(SCANS, scan, each)
    }

    fn rows<T, E: From<rusqlite::Error>>(
        &self,
        sql: &str,
        read: fn(&Row<'_>) -> rusqlite::Result<T>,
        mut each: impl FnMut(T) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut select = self.0.prepare(sql)?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            each(read(row)?)?;
        }
        Ok(())
    }
}

/// Reads the first four columns.
fn validity(row: &Row<'_>) -> rusqlite::Result<Validity> {
    let position = |index| Ok::<_, rusqlite::Error>(Position(row.get::<_, i64>(index)?.cast_unsigned()));
    let from = (position(0)?, Timestamp(row.get(1)?));
    let to = match row.get::<_, i64>(2)? {
        FOREVER => None,
        _ => Some((position(2)?, Timestamp(row.get(3)?))),
    };
    Ok(Validity { from, to })
}

fn finding(row: &Row<'_>) -> rusqlite::Result<FindingInterval> {
    let ecosystem: Option<Ecosystem> = row.get_ref(19)?.as_str_or_null()?.and_then(|name| name.parse().ok());
    let package: Option<String> = row.get(20)?;
    let places: Option<Vec<Place>> = json(row, 21)?;
    Ok(FindingInterval {
        validity: validity(row)?,
        finding: FindingId(id(row, 4)?),
        organization: OrganizationId(id(row, 5)?),
        project: ProjectId(id(row, 6)?),
        project_name: row.get(7)?,
        branch: BranchId(id(row, 8)?),
        branch_name: row.get(9)?,
        scanner: ScannerKind::from_code(row.get(10)?).unwrap_or(ScannerKind::Sast),
        rule: row.get(11)?,
        title: row.get(12)?,
        severity: Severity::from_rank(row.get(13)?),
        state: TriageState::from_code(row.get(14)?).unwrap_or_default(),
        cwe: row.get(15)?,
        cve: row.get(16)?,
        path: row.get(17)?,
        line: row.get(18)?,
        package: ecosystem.zip(package).map(|(ecosystem, name)| Package { ecosystem, name }),
        package_version: places.and_then(|places| places.into_iter().next()?.version),
        fix: row.get(22)?,
        is_new: row.get(23)?,
        since: Position(row.get::<_, i64>(24)?.cast_unsigned()),
        detected_at: Timestamp(row.get(25)?),
    })
}

fn scan(row: &Row<'_>) -> rusqlite::Result<ScanInterval> {
    let bad =
        |index| rusqlite::Error::InvalidColumnType(index, "scan".to_owned(), rusqlite::types::Type::Text);
    let outcome: Option<ScanOutcome> = json(row, 18)?;
    let verdict: Option<Verdict> = json(row, 17)?;
    let failure: Option<Failure> = json(row, 19)?;
    Ok(ScanInterval {
        validity: validity(row)?,
        scan: ScanId(id(row, 4)?),
        organization: OrganizationId(id(row, 5)?),
        project: ProjectId(id(row, 6)?),
        project_name: row.get(7)?,
        branch_name: row.get(8)?,
        scan_type: row.get_ref(9)?.as_str()?.parse().map_err(|_| bad(9))?,
        commit: row.get(10)?,
        status: row.get_ref(11)?.as_str()?.parse().map_err(|_| bad(11))?,
        run: row.get(12)?,
        attempt: row.get(13)?,
        queued_at: Timestamp(row.get(14)?),
        started_at: row.get::<_, Option<i64>>(15)?.map(Timestamp),
        ended_at: row.get::<_, Option<i64>>(16)?.map(Timestamp),
        gate: verdict.map(|verdict| verdict.result),
        counts: outcome.as_ref().map(|outcome| outcome.counts),
        new_findings: outcome.as_ref().map(|outcome| outcome.new),
        fixed_findings: outcome.as_ref().map(|outcome| outcome.fixed),
        failure: failure.map(|failure| failure.message),
    })
}

#[cfg(test)]
mod tests {
    use super::{FINDINGS, SCANS};
    use crate::store::open_writer;

    #[test]
    fn rows_are_read_in_key_order_and_never_sorted() {
        let folder = tempfile::tempdir().unwrap();
        let file = open_writer(&folder.path().join("views.db")).unwrap();
        for (sql, first) in [(FINDINGS, "SCAN p"), (SCANS, "SCAN st")] {
            let mut plan = file.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let steps: Vec<String> =
                plan.query_map([], |row| row.get(3)).unwrap().collect::<Result<_, _>>().unwrap();
            assert_eq!(steps[0], first);
            assert!(
                !steps.iter().skip(1).any(|step| step.contains("SCAN ") || step.contains("B-TREE")),
                "{steps:#?}"
            );
        }
    }
}
