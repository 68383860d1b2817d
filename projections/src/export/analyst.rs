//! Views for people who open a file with `sqlite3`: names instead of keys, words instead of numbers.

use crate::store::open_writer;
use scanledger_domain::finding::TriageState;
use scanledger_domain::scanning::ScannerKind;
use scanledger_domain::severity::Severity;
use std::path::Path;

/// Adds `analyst_findings` and `analyst_scans` to a views file that nobody else has open, and makes it one file
/// that can be read from where nothing can be written.
///
/// They show what holds at the end of the file: the findings of every branch, and every scan.
///
/// # Errors
/// When the file cannot be written.
pub fn add_analyst_views(path: &Path) -> rusqlite::Result<()> {
    let connection = open_writer(path)?;
    connection.execute_batch(&format!("BEGIN; {} COMMIT;", views()))?;
    connection.pragma_update(None, "journal_mode", "DELETE")?;
    connection.close().map_err(|(_, error)| error)
}

fn views() -> String {
    let severity = word("p.severity", Severity::ALL.map(|severity| (severity.rank(), severity.as_str())));
    let state = word("p.status", TriageState::ALL.map(|state| (state.code(), state.as_str())));
    let scanner = word("p.scanner", ScannerKind::ALL.map(|kind| (kind.code(), kind.as_str())));
    let (finding, scan) = (uuid("f.id"), uuid("s.id"));
    let (detected, changed) = (instant("f.detected_at"), instant("t.changed_at"));
    let (queued, started, ended) = (instant("s.queued_at"), instant("st.started_at"), instant("st.ended_at"));
    format!(
        "CREATE VIEW analyst_findings AS
         SELECT o.name AS organization, d.name AS project, b.name AS branch, {severity} AS severity, {state} AS state,
                {scanner} AS scanner, f.rule, f.title, f.cve, f.cwe, f.ecosystem, f.package, p.fix, p.path, p.line,
                {detected} AS detected_at, {changed} AS triaged_at, t.note AS triage_note, {finding} AS finding_id
         FROM presence p JOIN branch b ON b.key = p.branch JOIN finding f ON f.key = p.finding
         JOIN project pr ON pr.key = b.project AND pr.deleted IS NULL
         JOIN organization o ON o.key = pr.organization
         JOIN project_detail d ON d.project = pr.key AND d.valid_to = {FOREVER}
         LEFT JOIN triage t ON t.finding = f.key AND t.valid_to = {FOREVER}
         WHERE p.valid_to = {FOREVER};
         CREATE VIEW analyst_scans AS
         SELECT o.name AS organization, d.name AS project, s.branch, s.scan_type, s.commit_id AS commit_id, st.status,
                json_extract(st.verdict, '$.result') AS gate, {queued} AS queued_at, {started} AS started_at,
                {ended} AS ended_at, json_extract(st.outcome, '$.counts.critical') AS critical,
                json_extract(st.outcome, '$.counts.high') AS high,
                json_extract(st.outcome, '$.counts.medium') AS medium,
                json_extract(st.outcome, '$.counts.low') AS low,
                json_extract(st.failure, '$.message') AS failure, {scan} AS scan_id
         FROM scan s JOIN scan_state st ON st.scan = s.key AND st.valid_to = {FOREVER}
         JOIN project pr ON pr.key = s.project AND pr.deleted IS NULL
         JOIN organization o ON o.key = s.organization
         JOIN project_detail d ON d.project = pr.key AND d.valid_to = {FOREVER}
         WHERE s.deleted IS NULL;",
        FOREVER = crate::at::FOREVER,
    )
}

/// A number as the word that stands for it.
fn word<const N: usize>(column: &str, words: [(u8, &'static str); N]) -> String {
    let cases = words.map(|(number, word)| format!(" WHEN {number} THEN '{word}'"));
    format!("CASE {column}{} END", cases.concat())
}

/// Sixteen bytes as an id is written.
fn uuid(column: &str) -> String {
    let part = |from: u8, length: u8| format!("substr(hex({column}), {from}, {length})");
    let parts = [part(1, 8), part(9, 4), part(13, 4), part(17, 4), part(21, 12)];
    format!("lower({})", parts.join(" || '-' || "))
}

/// Microseconds since 1970 as RFC 3339, as far as SQLite writes it: with milliseconds.
fn instant(column: &str) -> String {
    format!("strftime('%Y-%m-%dT%H:%M:%fZ', {column} / 1000000.0, 'unixepoch')")
}
