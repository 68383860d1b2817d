//! Lists of findings.

use super::only::Bits;
use super::order::{Order, OrderKey, Orders};
use super::row::{COLUMN_COUNT, COLUMNS_OF_BRANCH, FindingRow, read};
use super::runs::{self, Run};
use super::target::{Target, branch_target, scan_target};
use crate::at::{At, Moment, resolve, resolve_on_branch};
use crate::page::{Page, Paging};
use crate::store::column::{containing, to_json};
use crate::store::{ReadError, Views};
use rusqlite::{Connection, named_params, params};
use scanledger_domain::finding::TriageState;
use scanledger_domain::id::{OrganizationId, ProjectId, ScanId};
use scanledger_domain::limits::SEARCH_CHARS;
use scanledger_domain::log::Position;
use scanledger_domain::scanning::ScannerKind;
use scanledger_domain::severity::Severity;
use std::borrow::Cow;

/// Rows of a page that is read on the caller's thread.
const SHORT_ROWS: u32 = 100;
/// Index entries that such a page may walk over to where it begins: tens of microseconds.
const SHORT_WALK: u64 = 2_000;
/// Runs that such a page may be from: a statement for each.
const SHORT_RUNS: usize = 8;

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

impl Views {
    /// Findings on a page, with the exact total.
    ///
    /// A scope without results (a scan that is running or was cancelled, a branch never scanned) is an empty list.
    ///
    /// # Errors
    /// [`ReadError::Missing`] for a scan, project or instant that the organization does not have.
    pub async fn findings(&self, query: FindingQuery) -> Result<FindingList, ReadError> {
        let head = self.position();
        if query.may_be_short()
            && let Some(Some(page)) = self.look_up_ordered(|connection, orders| {
                find(connection, &query, head, |target, filter| {
                    short(connection, orders, target, filter, &query)
                })
            })?
        {
            return Ok(page);
        }
        self.read_ordered(move |connection, orders| {
            find(connection, &query, head, |target, filter| list(connection, orders, target, filter, &query))
        })
        .await
    }
}

impl FindingQuery {
    /// Whether the answer may take so little that it is not worth a hop to another thread and back.
    fn may_be_short(&self) -> bool {
        self.at == At::Now
            && self.paging.limit <= SHORT_ROWS
            && self.sort == FindingSort::Severity
            && self.filter.text.is_none()
            && self.filter.path_contains.is_none()
    }
}

/// What `list` answers about the target of a query, with a filter that asks for what was covered alone.
fn find<T: From<FindingList>>(
    connection: &Connection,
    query: &FindingQuery,
    head: Position,
    list: impl FnOnce(&Target, &FindingFilter) -> rusqlite::Result<T>,
) -> Result<T, ReadError> {
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
    let nothing = Page { rows: vec![], total: 0 };
    let Some(target) = target else { return Ok(nothing.into()) };
    let mut filter = query.filter.clone();
    let everything = ScannerKind::ALL.iter().fold(0, |mask, scanner| mask | 1 << scanner.code());
    if target.coverage & everything != everything {
        let covered = |scanner: &ScannerKind| target.coverage & (1 << scanner.code()) != 0;
        let asked = if filter.scanners.is_empty() { ScannerKind::ALL.to_vec() } else { filter.scanners };
        filter.scanners = asked.into_iter().filter(covered).collect();
        if filter.scanners.is_empty() {
            return Ok(nothing.into());
        }
    }
    Ok(list(&target, &filter)?)
}

/// A page that is one short walk over an index; none if it would be more.
fn short(
    connection: &Connection,
    orders: &Orders,
    target: &Target,
    filter: &FindingFilter,
    query: &FindingQuery,
) -> rusqlite::Result<Option<FindingList>> {
    if !target.has_runs(filter, query.sort) {
        return Ok(None);
    }
    let runs = runs::runs(connection, target.branch.key, target.presence, filter)?;
    let walk = runs::walk(&runs, query.paging);
    if walk.entries > SHORT_WALK || walk.runs > SHORT_RUNS {
        return Ok(None);
    }
    by_runs(connection, orders, target, &runs, query.paging).map(Some)
}

fn list(
    connection: &Connection,
    orders: &Orders,
    target: &Target,
    filter: &FindingFilter,
    query: &FindingQuery,
) -> rusqlite::Result<FindingList> {
    if !target.has_runs(filter, query.sort) {
        return by_order(connection, orders, target, filter, query);
    }
    let runs = runs::runs(connection, target.branch.key, target.presence, filter)?;
    by_runs(connection, orders, target, &runs, query.paging)
}

fn by_runs(
    connection: &Connection,
    orders: &Orders,
    target: &Target,
    runs: &[Run],
    paging: Paging,
) -> rusqlite::Result<FindingList> {
    let total = runs.iter().map(|run| run.count).sum();
    let rows = runs::page(connection, &orders.starts, (target.branch, target.presence), runs, paging)?;
    Ok(Page { rows, total })
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
        branch: target.branch.key,
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
    Ok(Page { rows: rows_of(connection, &keys, target)?, total })
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
        let pattern = containing(part);
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

fn rows_sql(triage: Moment, presence: Moment) -> String {
    let holds = match triage {
        Moment::Live => crate::at::holds!("t", live),
        Moment::Past(_) => crate::at::holds!("t", past),
    };
    let mut columns = Cow::Borrowed(COLUMNS_OF_BRANCH.as_str());
    if triage != presence {
        // Presence keeps the status of its own moment.
        columns = columns.replace("p.status", "coalesce(t.status, 0)").into();
    }
    format!(
        "SELECT {columns}, k.key FROM json_each(:keys) k
         CROSS JOIN presence p ON p.key = k.value
         CROSS JOIN finding f ON f.key = p.finding
         LEFT JOIN triage t ON t.finding = f.key AND {holds}
         WHERE :at = :at"
    )
}

/// The rows with these keys of presences, in the same order.
fn rows_of(connection: &Connection, keys: &[i64], target: &Target) -> rusqlite::Result<Vec<FindingRow>> {
    let mut statement = connection.prepare_cached(&rows_sql(target.triage, target.presence))?;
    let mut found = statement.query(named_params! {
        ":keys": to_json(&keys),
        ":at": target.triage.position(),
        ":project_id": target.branch.project,
        ":branch_id": target.branch.id,
    })?;
    let mut rows = Vec::with_capacity(keys.len());
    while let Some(row) = found.next()? {
        rows.push((row.get::<_, i64>(COLUMN_COUNT)?, read(row)?));
    }
    rows.sort_by_key(|(place, _)| *place);
    Ok(rows.into_iter().map(|(_, row)| row).collect())
}

#[cfg(test)]
mod tests {
    use super::{match_expression, rows_sql};
    use crate::at::Moment::{Live, Past};
    use crate::plan::Plan;

    #[test]
    fn rows_of_a_page_are_looked_up_by_their_keys() {
        for (triage, presence) in [(Live, Live), (Live, Past(7)), (Past(7), Past(7)), (Past(9), Past(7))] {
            let plan = Plan::of(&rows_sql(triage, presence));
            plan.scans_no_table();
            plan.sorts_nothing();
            plan.has("SEARCH t USING INDEX triage_finding (finding=?");
        }
    }

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
