//! From events of branches to rows.

use super::broken::rows_digest;
use super::counters::{Cell, Total};
use super::life;
use crate::at::FOREVER;
use crate::projector::{ApplyError, Decoded, Scratch};
use crate::store::column::to_json;
use rusqlite::{Connection, OptionalExtension, params};
use scanledger_domain::branch::{BranchEvent, InventoryDigest, Opened, Scanned};
use scanledger_domain::scanning::ScannerKind;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use uuid::Uuid;

/// Totals of the branches at work.
#[derive(Default)]
pub(crate) struct Counters {
    pub(super) totals: HashMap<Cell, Total>,
}

/// Keys of a branch.
#[derive(Clone, Copy)]
pub(crate) struct BranchKeys {
    pub(crate) branch: i64,
    pub(crate) project: i64,
}

/// Counts of results that are recorded already while their run is not complete.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct PendingRow {
    pub(crate) detected: u64,
    pub(crate) reopened: u64,
    pub(crate) resolved: u64,
    pub(crate) updated: u64,
    pub(crate) new: u64,
}

impl PendingRow {
    pub(super) const fn add(&mut self, more: &Self) {
        self.detected += more.detected;
        self.reopened += more.reopened;
        self.resolved += more.resolved;
        self.updated += more.updated;
        self.new += more.new;
    }
}

/// What an event changes about its branch, besides rows of findings and components.
#[derive(Default)]
pub(crate) struct Effect {
    pub(crate) added: InventoryDigest,
    pub(crate) removed: InventoryDigest,
    pub(crate) pending: PendingRow,
}

/// Applies an event of a branch; answers the key of its project.
pub(crate) fn apply(
    tx: &Connection,
    scratch: &mut Scratch,
    decoded: &Decoded,
    event: &BranchEvent,
) -> Result<i64, ApplyError> {
    if let BranchEvent::Opened(opened) = event {
        return open(tx, scratch, decoded, opened);
    }
    let keys = keys_of_stream(tx, scratch, decoded.recorded.stream.as_str())?;
    let effect = match event {
        BranchEvent::Opened(_) => Effect::default(),
        BranchEvent::Detected(detected) => {
            crate::finding::apply::detected(tx, scratch, decoded, keys, detected)?
        }
        BranchEvent::Reopened(reopened) => {
            crate::finding::apply::reopened(tx, scratch, decoded, keys, reopened)?
        }
        BranchEvent::Resolved(resolved) => {
            crate::finding::apply::resolved(tx, scratch, decoded, keys, resolved)?
        }
        BranchEvent::FindingsUpdated(updated) => {
            crate::finding::apply::updated(tx, scratch, decoded, keys, updated)?
        }
        BranchEvent::ComponentsChanged(changed) => {
            crate::component::apply_changed(tx, decoded, keys, changed)?
        }
        BranchEvent::Scanned(scanned) => {
            complete(tx, scratch, decoded, keys, scanned)?;
            scratch.excerpts.note(tx, keys.project, event)?;
            return Ok(keys.project);
        }
        BranchEvent::Closed(closed) => {
            close(tx, scratch, decoded, keys.branch)?;
            life::closed(tx, decoded, keys.branch, closed.because)?;
            return Ok(keys.project);
        }
    };
    scratch.excerpts.note(tx, keys.project, event)?;
    scratch.branches.record(tx, keys.branch, decoded.recorded.version.0, decoded.position(), &effect)?;
    Ok(keys.project)
}

fn keys_of_stream(tx: &Connection, scratch: &mut Scratch, stream: &str) -> Result<BranchKeys, ApplyError> {
    let id = stream
        .strip_prefix("branch-")
        .and_then(|id| Uuid::parse_str(id).ok())
        .ok_or(ApplyError::Unknown("a branch"))?;
    if let Some(&keys) = scratch.keys.branches.get(&id) {
        return Ok(keys);
    }
    let keys = tx
        .prepare_cached("SELECT key, project FROM branch WHERE id = ?1")?
        .query_row([id.as_bytes()], |row| Ok(BranchKeys { branch: row.get(0)?, project: row.get(1)? }))
        .optional()?
        .ok_or(ApplyError::Unknown("a branch"))?;
    scratch.keys.branches.insert(id, keys);
    Ok(keys)
}

fn open(
    tx: &Connection,
    scratch: &mut Scratch,
    decoded: &Decoded,
    opened: &Opened,
) -> Result<i64, ApplyError> {
    let project = scratch.keys.project(tx, opened.project.0)?;
    let branch = match closed(tx, opened)? {
        Some(branch) => open_again(tx, scratch, decoded, opened, branch)?,
        None => insert(tx, scratch, decoded, opened, project)?,
    };
    life::opened(tx, decoded, branch)?;
    if let Some(base) = &opened.base {
        let from: Option<i64> = tx
            .prepare_cached("SELECT key FROM branch WHERE id = ?1")?
            .query_row([base.branch.as_bytes()], |row| row.get(0))
            .optional()?;
        let from = from.ok_or(ApplyError::Unknown("a base branch"))?;
        inherit(tx, scratch, decoded.position(), branch, from, base.position.0.cast_signed())?;
    }
    Ok(project)
}

/// The key of the branch, if it was open before and is no longer.
fn closed(tx: &Connection, opened: &Opened) -> rusqlite::Result<Option<i64>> {
    tx.prepare_cached("SELECT key FROM branch WHERE id = ?1 AND closed IS NOT NULL")?
        .query_row([opened.branch.as_bytes()], |row| row.get(0))
        .optional()
}

fn insert(
    tx: &Connection,
    scratch: &mut Scratch,
    decoded: &Decoded,
    opened: &Opened,
    project: i64,
) -> Result<i64, ApplyError> {
    let organization = scratch.keys.organization(tx, Some(opened.organization))?;
    tx.prepare_cached(
        "INSERT INTO branch (id, project, organization, name, base, opened, heard_at, version, digest, has_history,
                             changed)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?6)",
    )?
    .execute(params![
        opened.branch.as_bytes(),
        project,
        organization,
        opened.name,
        opened.base.as_ref().map(to_json),
        decoded.position(),
        decoded.at(),
        decoded.recorded.version.0.cast_signed(),
        InventoryDigest::default().to_bytes(),
        opened.base.is_some(),
    ])?;
    Ok(tx.last_insert_rowid())
}

fn open_again(
    tx: &Connection,
    scratch: &mut Scratch,
    decoded: &Decoded,
    opened: &Opened,
    branch: i64,
) -> Result<i64, ApplyError> {
    tx.prepare_cached("UPDATE branch SET closed = NULL, base = ?2, heard_at = ?3 WHERE key = ?1")?
        .execute(params![branch, opened.base.as_ref().map(to_json), decoded.at()])?;
    let state = scratch.branches.load(tx, branch)?;
    state.version = decoded.recorded.version.0;
    state.has_history = opened.base.is_some();
    state.touch(decoded.position());
    Ok(branch)
}

/// Everything that is on the branch goes.
fn close(tx: &Connection, scratch: &mut Scratch, decoded: &Decoded, branch: i64) -> Result<(), ApplyError> {
    let position = decoded.position();
    for (cell, total) in totals(tx, branch)? {
        scratch.counters.add(tx, cell, position, -total)?;
    }
    for table in ["presence", "component"] {
        tx.prepare_cached(&format!(
            "UPDATE {table} SET valid_to = ?2 WHERE branch = ?1 AND valid_to = 9223372036854775807"
        ))?
        .execute([branch, position])?;
    }
    tx.prepare_cached("UPDATE branch SET closed = ?2, generation = NULL WHERE key = ?1")?
        .execute([branch, position])?;
    let state = scratch.branches.load(tx, branch)?;
    state.version = decoded.recorded.version.0;
    state.digest = InventoryDigest::default();
    state.has_history = false;
    state.pending = None;
    // To lists that are anchored on an earlier scan, this is a change by whatever comes next.
    state.pending_from.get_or_insert(position);
    state.touch(position);
    Ok(())
}

/// How many findings are on a branch, counted.
fn totals(tx: &Connection, branch: i64) -> rusqlite::Result<Vec<(Cell, i64)>> {
    let mut cells = tx.prepare_cached(
        "SELECT severity, status, scanner, count(*) FROM presence
         WHERE branch = ?1 AND valid_to = 9223372036854775807 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
    )?;
    let rows = cells.query_map([branch], |row| {
        let cell = Cell { branch, severity: row.get(0)?, status: row.get(1)?, scanner: row.get(2)? };
        Ok((cell, row.get(3)?))
    })?;
    rows.collect()
}

/// What was on the base is on the branch from its beginning, with the triage of today.
fn inherit(
    tx: &Connection,
    scratch: &mut Scratch,
    position: i64,
    branch: i64,
    from: i64,
    at: i64,
) -> Result<(), ApplyError> {
    // Rows that still hold and rows that ended since have an index each, so both are asked by themselves.
    for state in ["= 9223372036854775807", "< 9223372036854775807"] {
        let holds = format!("branch = ?2 AND valid_to {state} AND valid_from <= ?4 AND valid_to > ?4");
        tx.prepare_cached(&format!(
            "INSERT INTO presence (branch, finding, severity, status, scanner, valid_from, valid_to, since, is_new,
                                   path, line, end_line, places, fix, excerpt, columns, imported, digest, advisory)
             SELECT ?1, finding, severity,
                    coalesce((SELECT t.status FROM triage t
                              WHERE t.finding = presence.finding AND t.valid_to = 9223372036854775807), 0),
                    scanner, ?3, ?5, ?3, 0, path, line, end_line, places, fix, excerpt, columns, imported, digest,
                    advisory
             FROM presence WHERE {holds} ORDER BY finding"
        ))?
        .execute([branch, from, position, at, FOREVER])?;
        tx.prepare_cached(&format!(
            "INSERT INTO component (branch, ecosystem, name, version, path, scope, direct, digest, valid_from, valid_to)
             SELECT ?1, ecosystem, name, version, path, scope, direct, digest, ?3, ?5
             FROM component WHERE {holds} ORDER BY ecosystem, name, version, path"
        ))?
        .execute([branch, from, position, at, FOREVER])?;
    }
    tx.prepare_cached(
        "INSERT INTO arrival (organization, scanner, position, finding, project, branch)
         SELECT b.organization, q.scanner, ?2, q.finding, b.project, b.key FROM branch b
         CROSS JOIN presence q ON q.branch = b.key AND q.valid_to = 9223372036854775807
         WHERE b.key = ?1 ORDER BY q.scanner, q.finding",
    )?
    .execute([branch, position])?;
    for (cell, total) in totals(tx, branch)? {
        scratch.counters.add(tx, cell, position, total)?;
    }
    let digest = rows_digest(tx, branch)?;
    tx.prepare_cached(
        "UPDATE branch SET generation = (SELECT generation FROM branch WHERE key = ?2) WHERE key = ?1",
    )?
    .execute([branch, from])?;
    let state = scratch.branches.load(tx, branch)?;
    state.digest = digest;
    state.touch(position);
    Ok(())
}

/// A bit for each scanner.
pub(crate) fn coverage_mask(coverage: &[ScannerKind]) -> u32 {
    coverage.iter().fold(0, |mask, scanner| mask | 1 << scanner.code())
}

fn complete(
    tx: &Connection,
    scratch: &mut Scratch,
    decoded: &Decoded,
    keys: BranchKeys,
    scanned: &Scanned,
) -> Result<(), ApplyError> {
    let state = scratch.branches.load(tx, keys.branch)?;
    // Of rows that were found wrong once, the digest that events add up to says too little: a row that is lost takes
    // nothing from it until it goes.
    state.is_broken =
        state.digest != scanned.digest || state.is_broken && rows_digest(tx, keys.branch)? != scanned.digest;
    let mismatch = state.is_broken.then(|| format!("{:?}", scanned.digest));
    if mismatch.is_some() {
        tracing::error!(
            branch.id = %scanned.branch,
            event.position = decoded.recorded.position.0,
            "the inventory of a branch is not what its log says: the read models are broken, rebuild them"
        );
    }
    let changed = state.pending_from.take();
    state.pending = None;
    state.has_history = true;
    state.version = decoded.recorded.version.0;
    state.touch(decoded.position());
    tx.prepare_cached(
        "INSERT INTO branch_scan (scan, branch, run, position, changed, coverage, counts, generation, client,
                                  ended_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        scanned.scan.as_bytes(),
        keys.branch,
        scanned.run,
        decoded.position(),
        changed,
        coverage_mask(&scanned.coverage),
        to_json(&scanned.counts),
        scanned.generation.map(|generation| generation.0.cast_signed()),
        scanned.client.as_ref().map(to_json),
        decoded.at(),
    ])?;
    tx.prepare_cached(
        "UPDATE branch SET last_scan = ?2, last_run = ?3, generation = coalesce(?4, generation), mismatch = ?5,
                           heard_at = ?6
         WHERE key = ?1",
    )?
    .execute(params![
        keys.branch,
        scanned.scan.as_bytes(),
        scanned.run,
        scanned.generation.map(|generation| generation.0.cast_signed()),
        mismatch,
        decoded.at(),
    ])?;
    Ok(())
}
