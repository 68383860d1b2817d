//! Runs: a branch's findings of one severity, status and scanner, with their exact number.
//!
//! Lists by severity are a walk over runs. Because the numbers are known, any page is reached by skipping whole
//! runs, and within a run from its nearer end: the last page costs what the first does.

use super::list::FindingFilter;
use super::row::{COLUMNS, FindingRow, read};
use crate::Moment;
use crate::at::holds;
use crate::page::Paging;
use rusqlite::{Connection, named_params};

macro_rules! live_sql {
    ($order:literal) => {
        concat!(
            "SELECT {COLUMNS} FROM (
                SELECT q.key FROM presence q
                WHERE q.branch = :branch AND q.severity = :severity AND q.status = :status AND q.scanner = :scanner
                  AND ",
            holds!("q", live),
            " AND :at = :at ORDER BY q.finding ",
            $order,
            " LIMIT :take OFFSET :skip
             ) AS page
             JOIN presence p ON p.key = page.key
             JOIN finding f ON f.key = p.finding
             JOIN branch b ON b.key = p.branch
             JOIN project pr ON pr.key = f.project
             LEFT JOIN triage t ON t.finding = f.key AND ",
            holds!("t", live),
            " ORDER BY p.finding"
        )
    };
}

macro_rules! past_sql {
    ($order:literal) => {
        concat!(
            "SELECT {COLUMNS} FROM (
                SELECT q.key, q.finding FROM presence q
                WHERE q.branch = :branch AND q.severity = :severity AND q.status = :status AND q.scanner = :scanner
                  AND q.valid_to = 9223372036854775807 AND q.valid_from <= :at
                UNION ALL
                SELECT q.key, q.finding FROM presence q
                WHERE q.branch = :branch AND q.severity = :severity AND q.status = :status AND q.scanner = :scanner
                  AND q.valid_to < 9223372036854775807 AND ",
            holds!("q", past),
            " ORDER BY 2 ",
            $order,
            " LIMIT :take OFFSET :skip
             ) AS page
             JOIN presence p ON p.key = page.key
             JOIN finding f ON f.key = p.finding
             JOIN branch b ON b.key = p.branch
             JOIN project pr ON pr.key = f.project
             LEFT JOIN triage t ON t.finding = f.key AND ",
            holds!("t", past),
            " ORDER BY p.finding"
        )
    };
}

/// One run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) severity: u8,
    pub(crate) status: u8,
    pub(crate) scanner: u8,
    pub(crate) count: u64,
}

/// A branch's runs at a moment that pass a filter, in list order.
pub(super) fn runs(
    connection: &Connection,
    branch: i64,
    moment: Moment,
    filter: &FindingFilter,
) -> rusqlite::Result<Vec<Run>> {
    let sql = match moment {
        Moment::Live => {
            "SELECT severity, status, scanner, value FROM counter_cell
             WHERE branch = :branch AND value > 0 AND :at = :at ORDER BY severity, status, scanner"
        }
        // Filtered below: a condition on the subquery would make SQLite run it twice for every total.
        Moment::Past(_) => {
            "SELECT severity, status, scanner,
                    (SELECT value FROM counter k WHERE k.cell = c.key AND k.position <= :at
                     ORDER BY k.position DESC LIMIT 1)
             FROM counter_cell c WHERE branch = :branch ORDER BY severity, status, scanner"
        }
    };
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(named_params! { ":branch": branch, ":at": moment.position() }, |row| {
        Ok(Run {
            severity: row.get(0)?,
            status: row.get(1)?,
            scanner: row.get(2)?,
            count: row.get::<_, Option<i64>>(3)?.unwrap_or(0).cast_unsigned(),
        })
    })?;
    rows.filter(|run| {
        run.as_ref().map_or(true, |run| run.count > 0 && filter.passes(run.severity, run.status, run.scanner))
    })
    .collect()
}

/// The rows of a page over runs.
pub(super) fn page(
    connection: &Connection,
    branch: i64,
    moment: Moment,
    runs: &[Run],
    paging: Paging,
) -> rusqlite::Result<Vec<FindingRow>> {
    let mut rows = Vec::with_capacity(paging.limit.min(500) as usize);
    let mut skip = paging.offset;
    let mut wanted = u64::from(paging.limit);
    for run in runs {
        if wanted == 0 {
            break;
        }
        if skip >= run.count {
            skip -= run.count;
            continue;
        }
        let take = wanted.min(run.count - skip);
        part(connection, branch, moment, run, skip, take, &mut rows)?;
        wanted -= take;
        skip = 0;
    }
    Ok(rows)
}

fn part(
    connection: &Connection,
    branch: i64,
    moment: Moment,
    run: &Run,
    skip: u64,
    take: u64,
    rows: &mut Vec<FindingRow>,
) -> rusqlite::Result<()> {
    let behind = run.count - skip - take;
    let is_reversed = behind < skip;
    let sql = match (moment, is_reversed) {
        (Moment::Live, false) => live_sql!("ASC"),
        (Moment::Live, true) => live_sql!("DESC"),
        (Moment::Past(_), false) => past_sql!("ASC"),
        (Moment::Past(_), true) => past_sql!("DESC"),
    };
    let mut statement = connection.prepare_cached(&sql.replace("{COLUMNS}", COLUMNS))?;
    let mut found = statement.query(named_params! {
        ":branch": branch,
        ":severity": run.severity,
        ":status": run.status,
        ":scanner": run.scanner,
        ":at": moment.position(),
        ":take": take.cast_signed(),
        ":skip": (if is_reversed { behind } else { skip }).cast_signed(),
    })?;
    while let Some(row) = found.next()? {
        rows.push(read(row)?);
    }
    Ok(())
}
