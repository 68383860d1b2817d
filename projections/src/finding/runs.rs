//! Runs: a branch's findings of one severity, status and scanner, with their exact number.
//!
//! Lists by severity are a walk over runs. Because the numbers are known, any page is reached by skipping whole
//! runs, and within a run from its nearer end: the last page costs what the first does.

use super::list::FindingFilter;
use super::row::{COLUMN_COUNT, COLUMNS_OF_BRANCH, FindingRow, read};
use super::starts::{PastRun, Start, Starts};
use super::target::ShownBranch;
use crate::Moment;
use crate::at::holds;
use crate::page::Paging;
use rusqlite::{Connection, named_params};
use scanledger_domain::limits::PAGE_ROWS;

macro_rules! live_sql {
    ($order:literal) => {
        concat!(
            "SELECT {COLUMNS}, p.finding FROM (
                SELECT q.key FROM presence q
                WHERE q.branch = :branch AND q.severity = :severity AND q.status = :status AND q.scanner = :scanner
                  AND ",
            holds!("q", live),
            " AND :at = :at AND :start = :start ORDER BY q.finding ",
            $order,
            " LIMIT :take OFFSET :skip
             ) AS page
             JOIN presence p ON p.key = page.key
             JOIN finding f ON f.key = p.finding
             LEFT JOIN triage t ON t.finding = f.key AND ",
            holds!("t", live)
        )
    };
}

macro_rules! past_sql {
    ($order:literal) => {
        concat!(
            "SELECT {COLUMNS}, p.finding FROM (
                SELECT q.key, q.finding FROM presence q
                WHERE q.branch = :branch AND q.severity = :severity AND q.status = :status AND q.scanner = :scanner
                  AND q.valid_to = 9223372036854775807 AND q.valid_from <= :at AND q.finding >= :start
                UNION ALL
                SELECT q.key, q.finding FROM presence q
                WHERE q.branch = :branch AND q.severity = :severity AND q.status = :status AND q.scanner = :scanner
                  AND q.valid_to < 9223372036854775807 AND q.finding >= :start AND ",
            holds!("q", past),
            " ORDER BY 2 ",
            $order,
            " LIMIT :take OFFSET :skip
             ) AS page
             JOIN presence p ON p.key = page.key
             JOIN finding f ON f.key = p.finding
             LEFT JOIN triage t ON t.finding = f.key AND ",
            holds!("t", past)
        )
    };
}

/// The column behind those of a row.
const FINDING: usize = COLUMN_COUNT;

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

/// What a live page takes besides its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Walk {
    /// Index entries between the nearer end of its first run and its first row, or its last one.
    pub(super) entries: u64,
    /// Runs that it has rows of.
    pub(super) runs: usize,
}

/// The runs that a page has rows of: what is before its rows in each, and how many they are.
fn taken(runs: &[Run], paging: Paging) -> impl Iterator<Item = (&Run, u64, u64)> {
    let (mut skip, mut wanted) = (paging.offset, u64::from(paging.limit));
    runs.iter().filter_map(move |run| {
        let before = skip.min(run.count);
        let take = wanted.min(run.count - before);
        skip -= before;
        wanted -= take;
        (take > 0).then_some((run, before, take))
    })
}

/// What a page over runs takes.
pub(super) fn walk(runs: &[Run], paging: Paging) -> Walk {
    taken(runs, paging).fold(Walk::default(), |walk, (run, skip, take)| Walk {
        entries: walk.entries + skip.min(run.count - skip - take),
        runs: walk.runs + 1,
    })
}

/// The rows of a page over runs.
pub(super) fn page(
    connection: &Connection,
    starts: &Starts,
    (branch, moment): (ShownBranch, Moment),
    runs: &[Run],
    paging: Paging,
) -> rusqlite::Result<Vec<FindingRow>> {
    let mut rows = Vec::with_capacity(paging.limit.min(PAGE_ROWS) as usize);
    for (run, skip, take) in taken(runs, paging) {
        let part = Part { branch, run, skip, take };
        match moment {
            Moment::Live => part.live(connection, &mut rows)?,
            Moment::Past(at) => part.past(connection, starts, at, &mut rows)?,
        }
    }
    Ok(rows)
}

/// What a page takes of one run.
struct Part<'a> {
    branch: ShownBranch,
    run: &'a Run,
    skip: u64,
    take: u64,
}

impl Part<'_> {
    /// Rows behind the part.
    fn behind(&self) -> u64 {
        self.run.count - self.skip - self.take
    }

    fn live(&self, connection: &Connection, rows: &mut Vec<FindingRow>) -> rusqlite::Result<()> {
        let behind = self.behind();
        let (sql, skip) =
            if behind < self.skip { (live_sql!("DESC"), behind) } else { (live_sql!("ASC"), self.skip) };
        let nowhere = Start { rank: 0, finding: i64::MIN };
        self.rows(connection, sql, (Moment::Live.position(), nowhere, skip), rows).map(drop)
    }

    fn past(
        &self,
        connection: &Connection,
        starts: &Starts,
        at: i64,
        rows: &mut Vec<FindingRow>,
    ) -> rusqlite::Result<()> {
        let &Run { severity, status, scanner, .. } = self.run;
        let run = PastRun { branch: self.branch.key, at, severity, status, scanner };
        let start = starts.before(&run, self.skip);
        let (ahead, behind) = (self.skip - start.rank, self.behind());
        let (sql, skip) =
            if behind < ahead { (past_sql!("DESC"), behind) } else { (past_sql!("ASC"), ahead) };
        if let Some((first, last)) = self.rows(connection, sql, (at, start, skip), rows)? {
            starts.learn(run, Start { rank: self.skip, finding: first });
            // Where the next page begins, or a little before.
            starts.learn(run, Start { rank: self.skip + self.take, finding: last + 1 });
        }
        Ok(())
    }

    /// Adds the rows of the part, and answers the keys of its first finding and its last.
    fn rows(
        &self,
        connection: &Connection,
        sql: &str,
        (at, start, skip): (i64, Start, u64),
        rows: &mut Vec<FindingRow>,
    ) -> rusqlite::Result<Option<(i64, i64)>> {
        let mut statement = connection.prepare_cached(&sql.replace("{COLUMNS}", &COLUMNS_OF_BRANCH))?;
        let mut found = statement.query(named_params! {
            ":branch": self.branch.key,
            ":branch_id": self.branch.id,
            ":project_id": self.branch.project,
            ":severity": self.run.severity,
            ":status": self.run.status,
            ":scanner": self.run.scanner,
            ":at": at,
            ":start": start.finding,
            ":take": self.take.cast_signed(),
            ":skip": skip.cast_signed(),
        })?;
        let mut part = Vec::with_capacity(self.take.min(u64::from(PAGE_ROWS)) as usize);
        while let Some(row) = found.next()? {
            part.push((row.get::<_, i64>(FINDING)?, read(row)?));
        }
        // They come as the index was walked, forwards or backwards; SQLite would put every column through a sorter.
        part.sort_by_key(|(finding, _)| *finding);
        let ends = part.first().zip(part.last()).map(|((first, _), (last, _))| (*first, *last));
        rows.extend(part.into_iter().map(|(_, row)| row));
        Ok(ends)
    }
}

#[cfg(test)]
mod tests {
    use super::{COLUMNS_OF_BRANCH, Paging, Run, Walk, walk};
    use crate::at::holds;
    use crate::plan::Plan;

    #[test]
    fn a_page_of_a_run_walks_over_an_index_and_sorts_nothing() {
        for (sql, index) in [
            (live_sql!("ASC"), "presence_live"),
            (live_sql!("DESC"), "presence_live"),
            (past_sql!("ASC"), "presence_closed"),
            (past_sql!("DESC"), "presence_closed"),
        ] {
            let plan = Plan::of(&sql.replace("{COLUMNS}", &COLUMNS_OF_BRANCH));
            plan.has(&format!("COVERING INDEX {index} (branch=? AND severity=? AND status=? AND scanner=?"));
            plan.scans_no_table();
            plan.sorts_nothing();
        }
    }

    #[test]
    fn a_page_begins_or_ends_at_the_nearer_end_of_a_run() {
        let run = |count| Run { severity: 0, status: 0, scanner: 0, count };
        let counts = [run(1_000), run(50), run(500)];
        for (offset, limit, entries, runs) in [
            (0, 100, 0, 1),
            (300, 100, 300, 1),
            (700, 100, 200, 1),
            (950, 100, 0, 2),
            (1_000, 100, 0, 2),
            (1_040, 5, 5, 1),
            (900, 200, 0, 3),
            (2_000, 1, 0, 0),
            (0, 0, 0, 0),
        ] {
            assert_eq!(walk(&counts, Paging { offset, limit }), Walk { entries, runs }, "{offset}");
        }
    }
}
