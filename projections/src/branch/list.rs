//! Lists of branches: those of a project, or of several in one statement.

use crate::at::{At, Moment, NOW, holds, resolve_on_branch};
use crate::page::{Page, Paging};
use crate::project::batch::hex_ids;
use crate::project::{default_branch, total};
use crate::store::column::{containing, id, json, json_list, optional_id};
use crate::store::{ReadError, Views};
use rusqlite::{Connection, Row, named_params};
use scanledger_domain::branch::{BranchRole, ClosedBecause};
use scanledger_domain::finding::TriageState;
use scanledger_domain::id::{BranchId, OrganizationId, ProjectId, ScanId};
use scanledger_domain::severity::{Severity, SeverityCounts};
use scanledger_domain::time::Timestamp;
use std::collections::HashMap;

/// A branch at some moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BranchRow {
    /// Its id.
    pub id: BranchId,
    /// Its name.
    pub name: String,
    /// What it is to its project.
    pub role: BranchRole,
    /// When it was opened; the last time, if it was closed in between.
    pub opened_at: Timestamp,
    /// Its end; `None` while it is open.
    pub closed: Option<Closure>,
    /// The latest scan with results on it, deleted ones aside.
    pub last_scan: Option<LastScan>,
    /// Findings on it about which something is still to be done ([`TriageState::is_open`]), by severity.
    pub open: SeverityCounts,
    /// Findings on it by severity, whatever their triage.
    pub counts: SeverityCounts,
}

impl BranchRow {
    /// Whether it is open.
    pub const fn state(&self) -> BranchState {
        match self.closed {
            None => BranchState::Open,
            Some(_) => BranchState::Closed,
        }
    }
}

/// The end of a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closure {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub because: ClosedBecause,
}

/// A scan with results on a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastScan {
    /// The scan.
    pub scan: ScanId,
    /// When its results were complete there.
    pub at: Timestamp,
}

/// Whether a branch is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BranchState {
    /// It is.
    Open,
    /// It ended, and was not opened since.
    Closed,
}

/// Which branches. `None` means all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BranchFilter {
    /// In this state.
    pub state: Option<BranchState>,
    /// Whose name contains this, whatever the case.
    pub name_contains: Option<String>,
}

/// In which order branches come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum BranchSort {
    /// The last scanned first, those never scanned at the end; then by name.
    #[default]
    Recent,
    /// By name, whatever the case.
    Name,
    /// Most open findings first; then by name.
    Findings,
}

/// A question about branches.
#[derive(Debug, Clone)]
pub struct BranchQuery {
    /// Whose.
    pub organization: OrganizationId,
    /// When.
    pub at: At,
    /// Which.
    pub filter: BranchFilter,
    /// In which order.
    pub sort: BranchSort,
    /// Which of each project's.
    pub paging: Paging,
}

impl Views {
    /// Branches of a project on a page, with the exact total; none before the project was there.
    ///
    /// # Errors
    /// [`ReadError::Missing`] for an unknown project or instant.
    pub async fn branches_of(
        &self,
        project: ProjectId,
        query: BranchQuery,
    ) -> Result<Page<BranchRow>, ReadError> {
        let head = self.position();
        self.read(move |connection| {
            let moment = resolve_on_branch(connection, query.organization, query.at, head)?;
            default_branch(connection, query.organization, project, moment)?;
            let page = pages(connection, &[project], &query, moment)?.remove(&project);
            Ok(page.unwrap_or_else(|| Page { rows: vec![], total: 0 }))
        })
        .await
    }

    /// The same page of the branches of several projects, each with its exact total, in one statement. Projects
    /// without any such branch, or that the organization does not have, are left out.
    ///
    /// # Errors
    /// As [`Views::resolve`].
    pub async fn branches_of_projects(
        &self,
        projects: Vec<ProjectId>,
        query: BranchQuery,
    ) -> Result<HashMap<ProjectId, Page<BranchRow>>, ReadError> {
        let head = self.position();
        self.read(move |connection| {
            let moment = resolve_on_branch(connection, query.organization, query.at, head)?;
            Ok(pages(connection, &projects, &query, moment)?)
        })
        .await
    }
}

fn pages(
    connection: &Connection,
    projects: &[ProjectId],
    query: &BranchQuery,
    moment: Moment,
) -> rusqlite::Result<HashMap<ProjectId, Page<BranchRow>>> {
    let at = match moment {
        Moment::Live => NOW,
        Moment::Past(position) => position,
    };
    let name = query.filter.name_contains.as_deref().map(containing);
    let skip = i64::try_from(query.paging.offset).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(&text(moment, query.sort))?;
    let mut rows = statement.query(named_params! {
        ":ids": hex_ids(projects.iter().map(|project| project.0)),
        ":organization": query.organization.as_bytes(),
        ":closed": query.filter.state.map(|state| state == BranchState::Closed),
        ":name": name,
        ":at": at,
        ":skip": skip,
        ":until": skip.saturating_add(query.paging.limit.into()),
    })?;
    let mut pages: HashMap<ProjectId, Page<BranchRow>> = HashMap::new();
    while let Some(row) = rows.next()? {
        let project = ProjectId(id(row, 9)?);
        let page = pages.entry(project).or_insert_with(|| Page { rows: vec![], total: 0 });
        page.total = row.get::<_, i64>(10)?.cast_unsigned();
        // The first row comes along for the total, even if the page begins after it.
        let place: i64 = row.get(11)?;
        if place > skip && query.paging.limit > 0 {
            page.rows.push(read(row)?);
        }
    }
    Ok(pages)
}

/// Where the results of the last scan of the branch `b` end, deleted ones aside.
const LAST_SCAN: &str = "(SELECT a.position FROM branch_scan a INDEXED BY branch_scan_branch
                  CROSS JOIN scan s ON s.id = a.scan AND s.deleted IS NULL
                  WHERE a.branch = b.key AND a.position <= :at ORDER BY a.position DESC LIMIT 1)";

/// First which branches there are, then which of them are on the page, and then what is shown of those: totals are read
/// of others only to put them in order.
fn text(moment: Moment, sort: BranchSort) -> String {
    let (holds, total) = match moment {
        Moment::Live => (concat!(holds!("d", live), " AND ", holds!("l", live)), total(moment)),
        Moment::Past(_) => (concat!(holds!("d", past), " AND ", holds!("l", past)), total(moment)),
    };
    let (value, order) = match sort {
        BranchSort::Recent => (LAST_SCAN.to_owned(), "value DESC, name"),
        BranchSort::Name => ("b.name".to_owned(), "value COLLATE NOCASE, name"),
        BranchSort::Findings => (
            format!(
                "(SELECT coalesce(sum({total}), 0) FROM counter_cell c WHERE c.branch = b.key AND c.status IN ({}))",
                open_codes()
            ),
            "value DESC, name",
        ),
    };
    format!(
        "WITH shown AS MATERIALIZED (
            SELECT p.id AS project, b.key AS branch, b.name AS name, b.name = d.default_branch AS is_default,
                   l.opened_at AS opened_at, l.closed_at AS closed_at, l.because AS because, {value} AS value
            FROM json_each(:ids) w CROSS JOIN project p ON p.id = unhex(w.value) AND p.deleted IS NULL
            CROSS JOIN organization o ON o.key = p.organization AND o.id = :organization
            CROSS JOIN project_detail d ON d.project = p.key
            CROSS JOIN branch b ON b.project = p.key
            CROSS JOIN branch_life l ON l.branch = b.key
            WHERE {holds} AND (:closed IS NULL OR (l.because IS NOT NULL) = :closed)
              AND (:name IS NULL OR b.name LIKE :name ESCAPE '\\')
         ), page AS (
            SELECT project, branch, is_default, opened_at, closed_at, because,
                   count(*) OVER (PARTITION BY project) AS total,
                   row_number() OVER (PARTITION BY project ORDER BY {order}) AS place
            FROM shown
         )
         SELECT b.id, b.name, page.is_default, page.opened_at, page.closed_at, page.because, e.scan, e.ended_at,
                (SELECT json_group_array(json_array(c.severity, c.status, {total})) FROM counter_cell c
                 WHERE c.branch = b.key),
                page.project, page.total, page.place
         FROM page CROSS JOIN branch b ON b.key = page.branch
         LEFT JOIN branch_scan e ON e.branch = b.key AND e.position = {LAST_SCAN}
         WHERE page.place = 1 OR (page.place > :skip AND page.place <= :until) ORDER BY page.project, page.place"
    )
}

/// The numbers of the states in which findings are open.
fn open_codes() -> String {
    let open = TriageState::ALL.into_iter().filter(|state| state.is_open());
    open.map(|state| state.code().to_string()).collect::<Vec<_>>().join(", ")
}

fn read(row: &Row<'_>) -> rusqlite::Result<BranchRow> {
    let (mut open, mut counts) = (SeverityCounts::default(), SeverityCounts::default());
    for (severity, status, total) in json_list::<(u8, u8, u64)>(row, 8)? {
        let severity = Severity::from_rank(severity);
        counts.add(severity, total);
        if TriageState::from_code(status).is_some_and(TriageState::is_open) {
            open.add(severity, total);
        }
    }
    let closed = match (row.get::<_, Option<i64>>(4)?, json(row, 5)?) {
        (Some(at), Some(because)) => Some(Closure { at: Timestamp(at), because }),
        _ => None,
    };
    let last_scan = match (optional_id(row, 6)?, row.get::<_, Option<i64>>(7)?) {
        (Some(scan), Some(at)) => Some(LastScan { scan: ScanId(scan), at: Timestamp(at) }),
        _ => None,
    };
    Ok(BranchRow {
        id: BranchId(id(row, 0)?),
        name: row.get(1)?,
        role: if row.get(2)? { BranchRole::Default } else { BranchRole::Other },
        opened_at: Timestamp(row.get(3)?),
        closed,
        last_scan,
        open,
        counts,
    })
}

#[cfg(test)]
mod tests {
    use super::{BranchSort, text};
    use crate::at::Moment;
    use crate::plan::Plan;

    #[test]
    fn a_page_of_branches_is_found_by_indexes_and_counts_no_findings() {
        for sort in [BranchSort::Recent, BranchSort::Name, BranchSort::Findings] {
            for moment in [Moment::Live, Moment::Past(9)] {
                let sql = text(moment, sort);
                assert!(!sql.contains("presence"), "findings are counted already");
                let plan = Plan::of(&sql);
                plan.scans_no_table();
                plan.has("SEARCH b USING COVERING INDEX branch_project (project=?)");
                plan.has("SEARCH l USING PRIMARY KEY (branch=?");
                plan.has("SEARCH a USING COVERING INDEX branch_scan_branch (branch=? AND position<?)");
                plan.has("SEARCH e USING INDEX branch_scan_branch (branch=? AND position=?)");
                plan.has("sqlite_autoindex_counter_cell_1 (branch=?)");
            }
        }
    }
}
