//! Totals by branch, severity, status and scanner: now, and since each position.

use super::apply::Counters;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::HashMap;

/// What a total is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Cell {
    pub(crate) branch: i64,
    pub(crate) severity: u8,
    pub(crate) status: u8,
    pub(crate) scanner: u8,
}

pub(super) struct Total {
    key: i64,
    value: i64,
    is_changed: bool,
}

/// More totals than this are forgotten after a batch; they are looked up again when needed.
const TOTALS_KEPT: usize = 20_000;

impl Counters {
    /// Adds `by` to a total from `position` on.
    pub(crate) fn add(
        &mut self,
        tx: &Connection,
        cell: Cell,
        position: i64,
        by: i64,
    ) -> rusqlite::Result<()> {
        let total = match self.totals.entry(cell) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => entry.insert(load(tx, cell)?),
        };
        total.value += by;
        total.is_changed = true;
        tx.prepare_cached(
            "INSERT INTO counter (cell, position, value) VALUES (?1, ?2, ?3)
             ON CONFLICT (cell, position) DO UPDATE SET value = excluded.value",
        )?
        .execute([total.key, position, total.value])?;
        Ok(())
    }

    /// Writes the totals as they are after a batch.
    pub(crate) fn flush(&mut self, tx: &Connection) -> rusqlite::Result<()> {
        let mut update = tx.prepare_cached("UPDATE counter_cell SET value = ?2 WHERE key = ?1")?;
        for total in self.totals.values_mut().filter(|total| total.is_changed) {
            update.execute([total.key, total.value])?;
            total.is_changed = false;
        }
        if self.totals.len() > TOTALS_KEPT {
            self.totals = HashMap::new();
        }
        Ok(())
    }
}

fn load(tx: &Connection, cell: Cell) -> rusqlite::Result<Total> {
    let found = tx
        .prepare_cached(
            "SELECT key, value FROM counter_cell WHERE branch = ?1 AND severity = ?2 AND status = ?3 AND scanner = ?4",
        )?
        .query_row(params![cell.branch, cell.severity, cell.status, cell.scanner], |row| {
            Ok(Total { key: row.get(0)?, value: row.get(1)?, is_changed: false })
        })
        .optional()?;
    if let Some(total) = found {
        return Ok(total);
    }
    tx.prepare_cached(
        "INSERT INTO counter_cell (branch, severity, status, scanner, value) VALUES (?1, ?2, ?3, ?4, 0)",
    )?
    .execute(params![cell.branch, cell.severity, cell.status, cell.scanner])?;
    Ok(Total { key: tx.last_insert_rowid(), value: 0, is_changed: false })
}
