//! Branch rows at work: changed in memory by each event, written once per batch.

use super::apply::{Effect, PendingRow};
use crate::store::column::{json, to_json};
use rusqlite::{Connection, params};
use scanledger_domain::branch::InventoryDigest;
use std::collections::HashMap;

/// The part of a branch row that changes with most events.
pub(crate) struct BranchState {
    pub(crate) version: u64,
    pub(crate) digest: InventoryDigest,
    pub(crate) has_history: bool,
    pub(crate) pending: Option<PendingRow>,
    pub(crate) pending_from: Option<i64>,
    /// Whether its rows were not what the log says when anybody looked last.
    pub(crate) is_broken: bool,
    changed: i64,
    is_dirty: bool,
}

/// Branches at work.
#[derive(Default)]
pub(crate) struct BranchStates {
    states: HashMap<i64, BranchState>,
}

/// More branches than this are forgotten after a batch.
const STATES_KEPT: usize = 2_000;

impl BranchStates {
    /// The state of a branch, to be changed.
    pub(crate) fn load(&mut self, tx: &Connection, branch: i64) -> rusqlite::Result<&mut BranchState> {
        Ok(match self.states.entry(branch) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => entry.insert(read(tx, branch)?),
        })
    }

    /// Takes note of a change by a run that is not complete yet.
    pub(crate) fn record(
        &mut self,
        tx: &Connection,
        branch: i64,
        version: u64,
        position: i64,
        effect: &Effect,
    ) -> rusqlite::Result<()> {
        let state = self.load(tx, branch)?;
        state.version = version;
        state.digest = state.digest.plus(effect.added).minus(effect.removed);
        state.pending.get_or_insert_default().add(&effect.pending);
        state.pending_from.get_or_insert(position);
        state.touch(position);
        Ok(())
    }

    /// Takes note that triage changed something on a branch.
    pub(crate) fn touch(&mut self, tx: &Connection, branch: i64, position: i64) -> rusqlite::Result<()> {
        self.load(tx, branch)?.touch(position);
        Ok(())
    }

    /// Forgets every branch, when rows were changed by more than events. Nothing waits to be written between batches.
    pub(crate) fn forget(&mut self) {
        self.states = HashMap::new();
    }

    /// Writes what changed.
    pub(crate) fn flush(&mut self, tx: &Connection) -> rusqlite::Result<()> {
        let mut update = tx.prepare_cached(
            "UPDATE branch SET version = ?2, digest = ?3, has_history = ?4, pending = ?5, pending_from = ?6,
                               changed = ?7 WHERE key = ?1",
        )?;
        for (branch, state) in self.states.iter_mut().filter(|(_, state)| state.is_dirty) {
            update.execute(params![
                branch,
                state.version.cast_signed(),
                state.digest.to_bytes(),
                state.has_history,
                state.pending.as_ref().map(to_json),
                state.pending_from,
                state.changed,
            ])?;
            state.is_dirty = false;
        }
        if self.states.len() > STATES_KEPT {
            self.states = HashMap::new();
        }
        Ok(())
    }
}

impl BranchState {
    /// The branch changed at `position`; it is written with the batch.
    pub(crate) fn touch(&mut self, position: i64) {
        self.changed = position;
        self.is_dirty = true;
    }
}

fn read(tx: &Connection, branch: i64) -> rusqlite::Result<BranchState> {
    tx.prepare_cached(
        "SELECT version, digest, has_history, pending, pending_from, changed, mismatch IS NOT NULL
         FROM branch WHERE key = ?1",
    )?
    .query_row([branch], |row| {
        Ok(BranchState {
            version: row.get::<_, i64>(0)?.cast_unsigned(),
            digest: InventoryDigest::from_bytes(row.get(1)?),
            has_history: row.get(2)?,
            pending: json(row, 3)?,
            pending_from: row.get(4)?,
            changed: row.get(5)?,
            is_broken: row.get(6)?,
            is_dirty: false,
        })
    })
}
