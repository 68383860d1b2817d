//! Orders: everything a branch shows at a moment, sorted, in memory.
//!
//! What runs cannot answer (text that hits half the rows, order by file, a scan seen with another day's triage)
//! is answered from these. They are made with one pass over the branch and kept until it changes.

use super::list::FindingSort;
use super::starts::Starts;
use crate::Moment;
use parking_lot::Mutex;
use rusqlite::{Connection, named_params};
use std::sync::Arc;

/// What an order is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OrderKey {
    pub(super) branch: i64,
    /// What is there.
    pub(super) presence: Moment,
    /// What people had decided.
    pub(super) triage: Moment,
    pub(super) sort: FindingSort,
    /// The branch's last change, if one of the moments is live; else 0.
    pub(super) changed: i64,
}

/// A row of an order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) presence: i64,
    pub(super) severity: u8,
    pub(super) status: u8,
    pub(super) scanner: u8,
}

/// All rows, in order, and where each finding stands.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) entries: Vec<Entry>,
    /// The place in `entries` of the finding with the lowest key and its followers; `u32::MAX` for none.
    ranks: Vec<u32>,
    lowest: i64,
}

/// Bytes that all kept orders may take together.
const KEPT_BYTES: usize = 16 * 1024 * 1024;

/// What is remembered of lists in one views file.
#[derive(Default)]
pub(crate) struct Orders {
    /// Orders that are kept, the latest used last.
    kept: Mutex<Vec<(OrderKey, Arc<Order>)>>,
    /// Where pages of past runs begin.
    pub(super) starts: Starts,
}

impl Order {
    /// Where a finding stands, if it is on the branch.
    pub(super) fn rank(&self, finding: i64) -> Option<u32> {
        let index = usize::try_from(finding - self.lowest).ok()?;
        self.ranks.get(index).copied().filter(|&rank| rank != u32::MAX)
    }

    fn bytes(&self) -> usize {
        self.entries.len() * size_of::<Entry>() + self.ranks.len() * size_of::<u32>()
    }
}

impl Orders {
    pub(super) fn load(&self, connection: &Connection, key: &OrderKey) -> rusqlite::Result<Arc<Order>> {
        {
            let mut kept = self.kept.lock();
            if let Some(index) = kept.iter().position(|(of, _)| of == key) {
                let found = kept.remove(index);
                let order = Arc::clone(&found.1);
                kept.push(found);
                return Ok(order);
            }
        }
        let order = Arc::new(build(connection, key)?);
        let mut kept = self.kept.lock();
        // What was made for an earlier state of the branch is of no use any more.
        kept.retain(|(of, _)| of.branch != key.branch || of.changed == key.changed || of.changed == 0);
        kept.push((key.clone(), Arc::clone(&order)));
        let mut bytes: usize = kept.iter().map(|(_, order)| order.bytes()).sum();
        while bytes > KEPT_BYTES && kept.len() > 1 {
            bytes -= kept.remove(0).1.bytes();
        }
        Ok(order)
    }
}

fn build(connection: &Connection, key: &OrderKey) -> rusqlite::Result<Order> {
    let by = match key.sort {
        FindingSort::Severity => "severity, status, scanner, finding",
        FindingSort::File => "path, coalesce(line, 0), finding",
        FindingSort::Created => "finding",
    };
    let path = if key.sort == FindingSort::File { "q.path, q.line" } else { "NULL AS path, NULL AS line" };
    let rows = |presence: &str| {
        let status = if key.triage == key.presence {
            "q.status".to_owned()
        } else {
            let triage = match key.triage {
                Moment::Live => "t.valid_to = 9223372036854775807",
                Moment::Past(_) => "t.valid_from <= :triage AND t.valid_to > :triage",
            };
            format!("coalesce((SELECT t.status FROM triage t WHERE t.finding = q.finding AND {triage}), 0)")
        };
        format!(
            "SELECT q.key AS key, q.finding AS finding, q.severity AS severity, {status} AS status,
                    q.scanner AS scanner, {path}
             FROM presence q WHERE q.branch = :branch AND {presence}"
        )
    };
    let live = "q.valid_to = 9223372036854775807";
    let union = match key.presence {
        Moment::Live => rows(live),
        Moment::Past(_) => format!(
            "{} UNION ALL {}",
            rows(&format!("{live} AND q.valid_from <= :at")),
            rows("q.valid_to < 9223372036854775807 AND q.valid_from <= :at AND q.valid_to > :at"),
        ),
    };
    let sql = format!(
        "SELECT key, finding, severity, status, scanner FROM ({union}) WHERE :at = :at AND :triage = :triage ORDER BY {by}"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(named_params! {
        ":branch": key.branch,
        ":at": key.presence.position(),
        ":triage": key.triage.position(),
    })?;
    let mut entries = Vec::new();
    let mut findings: Vec<i64> = Vec::new();
    while let Some(row) = rows.next()? {
        findings.push(row.get(1)?);
        entries.push(Entry {
            presence: row.get(0)?,
            severity: row.get(2)?,
            status: row.get(3)?,
            scanner: row.get(4)?,
        });
    }
    let lowest = findings.iter().copied().min().unwrap_or(0);
    let span = findings.iter().copied().max().map_or(0, |highest| (highest - lowest + 1) as usize);
    let mut ranks = vec![u32::MAX; span];
    for (rank, finding) in findings.into_iter().enumerate() {
        ranks[(finding - lowest) as usize] = u32::try_from(rank).unwrap_or(u32::MAX);
    }
    Ok(Order { entries, ranks, lowest })
}
