//! Lists of findings.

use super::only::{Bits, Only};
use super::order::{Order, OrderKey, Orders};
use super::row::{COLUMNS, FindingRow, read};
use super::runs;
use crate::at::{At, Moment, resolve, resolve_on_branch};
use crate::page::{Page, Paging};
use crate::project::default_branch;
use crate::store::{ReadError, Views};
use rusqlite::{Connection, OptionalExtension, named_params, params};
use scanledger_domain::finding::TriageState;
use scanledger_domain::id::{OrganizationId, ProjectId, ScanId};
use scanledger_domain::limits::SEARCH_CHARS;
use scanledger_domain::scanning::ScannerKind;
use scanledger_domain::severity::Severity;

/// Whose findings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListScope {
    /// What a scan covered, as its results left the branch.
    Scan(ScanId),
    /// What is on a branch of a project; the default branch without a name.
    Branch(ProjectId, Option<String>),
}

/// Which findings. Empty lists mean all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FindingFilter {
    /// Of these severities.
    pub severities: Vec<Severity>,
    /// In these triage states.
    pub states: Vec<TriageState>,
    /// Of these scanners.
    pub scanners: Vec<ScannerKind>,
    /// Whose path contains this, whatever the case.
    pub path_contains: Option<String>,
    /// With all of these words in title, rule, advisories, package or path; `*` at the end of a word stands for
    /// any ending.
    pub text: Option<String>,
}

impl FindingFilter {
    pub(super) fn passes(&self, severity: u8, status: u8, scanner: u8) -> bool {
        (self.severities.is_empty() || self.severities.iter().any(|s| s.rank() == severity))
            && (self.states.is_empty() || self.states.iter().any(|s| s.code() == status))
            && (self.scanners.is_empty() || self.scanners.iter().any(|s| s.code() == scanner))
    }
}

/// In which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum FindingSort {
    /// Worst first; then by triage state, scanner and first sight.
    #[default]
    Severity,
    /// By path and line.
    File,
    /// In order of first sight.
    Created,
}

/// A question about findings.
#[derive(Debug, Clone)]
pub struct FindingQuery {
    /// Who may see them.
    pub organization: OrganizationId,
    /// Whose.
    pub scope: ListScope,
    /// When.
    pub at: At,
    /// Which.
    pub filter: FindingFilter,
    /// In which order.
    pub sort: FindingSort,
    /// Which of them.
    pub paging: Paging,
}

/// The answer.
pub type FindingList = Page<FindingRow>;

/// The branch and the moments that a scope and an instant come to.
struct Target {
    branch: i64,
    presence: Moment,
    triage: Moment,
    /// Bits of the scanners that the scan covered; all for a branch.
    coverage: u32,
    /// What of that alone, for a scan that a client ran.
    only: Option<Only>,
    changed: i64,
}

impl Views {
    /// Findings on a page, with the exact total.
    ///
    /// A scope without results (a scan that is running or was cancelled, a branch never scanned) is an empty list.
    ///
    /// # Errors
    /// [`ReadError::Missing`] for a scan, project or instant that the organization does not have.
    pub async fn findings(&self, query: FindingQuery) -> Result<FindingList, ReadError> {
        let head = self.position();
        self.read_ordered(move |connection, orders| {
            let organization = query.organization;
            let target = match &query.scope {
                ListScope::Scan(scan) => {
                    let moment = resolve(connection, organization, query.at, head)?;
                    scan_target(connection, organization, *scan, moment)?
                }
                ListScope::Branch(project, name) => {
                    let moment = resolve_on_branch(connection, organization, query.at, head)?;
                    branch_target(connection, organization, *project, name.as_deref(), moment)?
                }
            };
            match target {
                Some(target) => Ok(list(connection, orders, &target, &query)?),
                None => Ok(Page { rows: vec![], total: 0 }),
            }
        })
        .await
    }
}

fn list(
    connection: &Connection,
    orders: &Orders,
    target: &Target,
    query: &FindingQuery,
) -> rusqlite::Result<FindingList> {
    let mut filter = query.filter.clone();
    let everything = ScannerKind::ALL.iter().fold(0, |mask, scanner| mask | 1 << scanner.code());
    if target.coverage & everything != everything {
        let covered = |scanner: &ScannerKind| target.coverage & (1 << scanner.code()) != 0;
        let asked = if filter.scanners.is_empty() { ScannerKind::ALL.to_vec() } else { filter.scanners };
        filter.scanners = asked.into_iter().filter(covered).collect();
        if filter.scanners.is_empty() {
            return Ok(Page { rows: vec![], total: 0 });
        }
    }
    let is_plain = filter.text.is_none() && filter.path_contains.is_none() && target.only.is_none();
    if is_plain && query.sort == FindingSort::Severity && target.presence == target.triage {
        let runs = runs::runs(connection, target.branch, target.presence, &filter)?;
        let total = runs.iter().map(|run| run.count).sum();
        let rows =
            runs::page(connection, &orders.starts, (target.branch, target.presence), &runs, query.paging)?;
        return Ok(Page { rows, total });
    }
    by_order(connection, orders, target, &filter, query)
}

fn by_order(
    connection: &Connection,
    orders: &Orders,
    target: &Target,
    filter: &FindingFilter,
    query: &FindingQuery,
) -> rusqlite::Result<FindingList> {
    let is_live = target.presence == Moment::Live || target.triage == Moment::Live;
    let key = OrderKey {
        branch: target.branch,
        presence: target.presence,
        triage: target.triage,
        sort: query.sort,
        changed: if is_live { target.changed } else { 0 },
    };
    let order = orders.load(connection, &key)?;
    let mut chosen = chosen(connection, &order, filter)?;
    if let Some(only) = target.only {
        chosen = Some(only.of(connection, &order, chosen)?);
    }
    let passes = |rank: usize| {
        let entry = order.entries[rank];
        filter.passes(entry.severity, entry.status, entry.scanner)
    };
    let ranks: Box<dyn Iterator<Item = usize>> = match &chosen {
        None => Box::new((0..order.entries.len()).filter(|&rank| passes(rank))),
        Some(bits) => Box::new(bits.iter().filter(|&rank| passes(rank))),
    };
    let mut total = 0;
    let mut keys = Vec::new();
    for rank in ranks {
        if total >= query.paging.offset && keys.len() < query.paging.limit as usize {
            keys.push(order.entries[rank].presence);
        }
        total += 1;
    }
    Ok(Page { rows: rows_of(connection, &keys, target.triage, target.presence)?, total })
}

/// The ranks that text and path leave; `None` if neither is asked for.
fn chosen(connection: &Connection, order: &Order, filter: &FindingFilter) -> rusqlite::Result<Option<Bits>> {
    let mut chosen = None;
    if let Some(text) = filter.text.as_deref() {
        let mut bits = Bits::new(order.entries.len());
        if let Some(words) = match_expression(text) {
            let mut statement =
                connection.prepare_cached("SELECT rowid FROM finding_text WHERE finding_text MATCH ?1")?;
            let mut rows = statement.query([words])?;
            while let Some(row) = rows.next()? {
                if let Some(rank) = order.rank(row.get(0)?) {
                    bits.insert(rank);
                }
            }
        }
        chosen = Some(bits);
    }
    if let Some(part) = filter.path_contains.as_deref() {
        let mut bits = Bits::new(order.entries.len());
        let pattern = format!("%{}%", part.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"));
        let mut statement =
            connection.prepare_cached("SELECT path LIKE ?2 ESCAPE '\\' FROM presence WHERE key = ?1")?;
        for (rank, entry) in order.entries.iter().enumerate() {
            let rank = u32::try_from(rank).unwrap_or(u32::MAX);
            if statement.query_row(params![entry.presence, pattern], |row| row.get(0))? {
                bits.insert(rank);
            }
        }
        chosen = Some(match chosen {
            None => bits,
            Some(mut other) => {
                other.intersect(&bits);
                other
            }
        });
    }
    Ok(chosen)
}

/// What people type, as an expression of the full-text index: every word must occur.
pub(crate) fn match_expression(text: &str) -> Option<String> {
    let cut: String = text.chars().take(SEARCH_CHARS).collect();
    let mut expression = String::new();
    for piece in cut.split_whitespace() {
        let is_prefix = piece.ends_with('*');
        let mut words =
            piece.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).peekable();
        while let Some(word) = words.next() {
            if !expression.is_empty() {
                expression.push(' ');
            }
            expression.push('"');
            expression.push_str(word);
            expression.push('"');
            if is_prefix && words.peek().is_none() {
                expression.push('*');
            }
        }
    }
    (!expression.is_empty()).then_some(expression)
}

fn rows_of(
    connection: &Connection,
    keys: &[i64],
    triage: Moment,
    presence: Moment,
) -> rusqlite::Result<Vec<FindingRow>> {
    let holds = match triage {
        Moment::Live => crate::at::holds!("t", live),
        Moment::Past(_) => crate::at::holds!("t", past),
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM presence p
         JOIN finding f ON f.key = p.finding
         JOIN branch b ON b.key = p.branch
         JOIN project pr ON pr.key = f.project
         LEFT JOIN triage t ON t.finding = f.key AND {holds}
         WHERE p.key = :key AND :at = :at"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut status = connection.prepare_cached(&format!(
        "SELECT t.status FROM triage t JOIN presence p ON p.finding = t.finding
         WHERE p.key = :key AND :at = :at AND {holds}"
    ))?;
    let mut rows = Vec::with_capacity(keys.len());
    for key in keys {
        let of = named_params! { ":key": key, ":at": triage.position() };
        let mut row = statement.query_row(of, read)?;
        if triage != presence {
            let code: Option<u8> = status.query_row(of, |row| row.get(0)).optional()?;
            row.state = code.and_then(TriageState::from_code).unwrap_or_default();
        }
        rows.push(row);
    }
    Ok(rows)
}

/// Where a scan's findings are: on its branch where its results were complete, with the triage of `moment`.
fn scan_target(
    connection: &Connection,
    organization: OrganizationId,
    scan: ScanId,
    moment: Moment,
) -> Result<Option<Target>, ReadError> {
    let exists: bool = connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM scan s JOIN organization o ON o.key = s.organization
             JOIN project p ON p.key = s.project
             WHERE s.id = ?1 AND o.id = ?2 AND s.deleted IS NULL AND p.deleted IS NULL)",
        )?
        .query_row(params![scan.as_bytes(), organization.as_bytes()], |row| row.get(0))?;
    if !exists {
        return Err(ReadError::Missing("scan"));
    }
    let holds = match moment {
        Moment::Live => crate::at::holds!("st", live),
        Moment::Past(_) => crate::at::holds!("st", past),
    };
    let anchor = connection
        .prepare_cached(&format!(
            "SELECT a.branch, a.position, a.coverage, b.changed, b.pending_from, a.client ->> 'extent', s.key, b.project
             FROM scan s JOIN scan_state st ON st.scan = s.key AND {holds}
             JOIN branch_scan a ON a.scan = s.id AND a.position = st.anchor
             JOIN branch b ON b.key = a.branch WHERE s.id = :scan AND :at = :at"
        ))?
        .query_row(named_params! { ":scan": scan.as_bytes(), ":at": moment.position() }, |row| {
            let only = match row.get_ref(5)?.as_str_or_null()? {
                None => None,
                Some("changes") => Some(Only::Seen(row.get(6)?)),
                Some(_) => Some(Only::Uploads(row.get(7)?)),
            };
            let anchor = (row.get(0)?, row.get::<_, i64>(1)?, row.get(2)?);
            Ok((anchor, only, row.get(3)?, row.get::<_, Option<i64>>(4)?))
        })
        .optional()?;
    let Some(((branch, position, coverage), only, changed, pending_from)) = anchor else { return Ok(None) };
    // If nothing came or went between the scan and the moment, presence is the same at both, and one moment will do.
    let next: Option<i64> = connection
        .prepare_cached(
            "SELECT changed FROM branch_scan WHERE branch = ?1 AND position > ?2 AND changed IS NOT NULL
             ORDER BY position LIMIT 1",
        )?
        .query_row([branch, position], |row| row.get(0))
        .optional()?;
    let next = next.or(pending_from);
    let presence =
        if next.is_none_or(|next| next > moment.position()) { moment } else { Moment::Past(position) };
    Ok(Some(Target { branch, presence, triage: moment, coverage, only, changed }))
}

fn branch_target(
    connection: &Connection,
    organization: OrganizationId,
    project: ProjectId,
    name: Option<&str>,
    moment: Moment,
) -> Result<Option<Target>, ReadError> {
    let (key, default) = default_branch(connection, organization, project, moment)?;
    let branch = connection
        .prepare_cached("SELECT key, changed FROM branch WHERE project = ?1 AND name = ?2 AND opened <= ?3")?
        .query_row(params![key, name.or(default.as_deref()), moment.position()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    Ok(branch.map(|(branch, changed)| Target {
        branch,
        presence: moment,
        triage: moment,
        coverage: u32::MAX,
        only: None,
        changed,
    }))
}

#[cfg(test)]
mod tests {
    use super::match_expression;

    #[test]
    fn what_people_type_becomes_words_that_all_must_occur() {
        let cases = [
            ("lodash", Some("\"lodash\"")),
            ("GHSA-1234-abcd", Some("\"GHSA\" \"1234\" \"abcd\"")),
            ("lod*", Some("\"lod\"*")),
            ("a b", Some("\"a\" \"b\"")),
            ("\"; DROP TABLE finding; --", Some("\"DROP\" \"TABLE\" \"finding\"")),
            ("NEAR(a b)", Some("\"NEAR\" \"a\" \"b\"")),
            ("  *  ", None),
        ];
        for (typed, expression) in cases {
            assert_eq!(match_expression(typed).as_deref(), expression, "{typed}");
        }
    }
}
