//! From events about findings to rows.

use super::decide::{adopt, known};
use super::learn::{learn, told_last};
use super::words::Words;
use crate::at::FOREVER;
use crate::branch::apply::{BranchKeys, Effect, PendingRow};
use crate::branch::cell;
use crate::incident::apply as incident;
use crate::projector::{ApplyError, Decoded, Scratch};
use crate::store::column::{list_to_json, to_json};
use rusqlite::{Connection, OptionalExtension, params};
use scanledger_domain::branch::{
    AdvisoryDigest, AdvisoryFacts, Detected, FindingsUpdated, InventoryDigest, Occurrence, Reopened, Resolved,
};
use scanledger_domain::id::{FindingId, IncidentId};

/// A row of `presence`.
pub(super) const INSERT_PRESENCE: &str =
    "INSERT INTO presence (branch, finding, severity, status, scanner, valid_from, valid_to, since, is_new,
                           path, line, end_line, places, fix, excerpt, columns, imported, digest, advisory)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)";

/// A finding came.
pub(crate) fn detected(
    tx: &Connection,
    scratch: &mut Scratch,
    decoded: &Decoded,
    keys: BranchKeys,
    detected: &Detected,
) -> Result<Effect, ApplyError> {
    let incident = incident::of_finding(tx, keys.project, detected.secret.as_ref())?;
    let inserted = insert_finding(tx, decoded, keys, detected, incident)?;
    let (finding, status) = match inserted {
        Some(finding) => {
            Words::of(detected).write(scratch.texts.findings.text());
            scratch.texts.findings.end(finding);
            let status = incident.map(|incident| adopt(tx, decoded.position(), finding, incident));
            (finding, status.transpose()?.unwrap_or_default())
        }
        None => {
            let (finding, status) = finding_and_status(tx, detected.finding)?;
            if let Some(told) = AdvisoryFacts::of_detected(detected) {
                learn(tx, &mut scratch.texts.findings, finding, told)?;
            }
            (finding, status)
        }
    };
    if let Some(incident) = incident {
        incident::came(tx, decoded, keys, (finding, incident), !detected.is_new, &detected.occurrence)?;
    }
    let row = Row {
        finding,
        status,
        scanner: detected.scanner.code(),
        since: decoded.position(),
        is_new: detected.is_new,
        advisory: AdvisoryDigest::of_detected(detected),
    };
    insert_arrival(tx, decoded, keys, &row)?;
    let added = insert_presence(tx, scratch, decoded, keys, detected.finding, &row, &detected.occurrence)?;
    let pending = PendingRow { detected: 1, new: u64::from(detected.is_new), ..PendingRow::default() };
    Ok(Effect { added, pending, ..Effect::default() })
}

/// A finding came back.
pub(crate) fn reopened(
    tx: &Connection,
    scratch: &mut Scratch,
    decoded: &Decoded,
    keys: BranchKeys,
    reopened: &Reopened,
) -> Result<Effect, ApplyError> {
    let (finding, status) = finding_and_status(tx, reopened.finding)?;
    let is_new = scratch.branches.load(tx, keys.branch)?.has_history;
    incident::came_back(tx, decoded, keys, finding, reopened, !is_new)?;
    let known = told_last(tx, keys.branch, finding)?;
    if let Some(told) = &reopened.advisory {
        learn(tx, &mut scratch.texts.findings, finding, told.clone())?;
    }
    let row = Row {
        finding,
        status,
        scanner: reopened.scanner.code(),
        since: decoded.position(),
        is_new,
        advisory: AdvisoryDigest::after(known, reopened.advisory.as_ref()),
    };
    insert_arrival(tx, decoded, keys, &row)?;
    let added = insert_presence(tx, scratch, decoded, keys, reopened.finding, &row, &reopened.occurrence)?;
    let pending = PendingRow { reopened: 1, new: u64::from(is_new), ..PendingRow::default() };
    Ok(Effect { added, pending, ..Effect::default() })
}

/// A finding went.
pub(crate) fn resolved(
    tx: &Connection,
    scratch: &mut Scratch,
    decoded: &Decoded,
    keys: BranchKeys,
    resolved: &Resolved,
) -> Result<Effect, ApplyError> {
    let finding = key(tx, resolved.finding)?;
    let closed = close(tx, scratch, decoded.position(), keys.branch, finding)?;
    let removed = closed.map(|closed| closed.digest).unwrap_or_default();
    Ok(Effect { removed, pending: PendingRow { resolved: 1, ..PendingRow::default() }, ..Effect::default() })
}

/// Findings look different.
pub(crate) fn updated(
    tx: &Connection,
    scratch: &mut Scratch,
    decoded: &Decoded,
    keys: BranchKeys,
    updated: &FindingsUpdated,
) -> Result<Effect, ApplyError> {
    let mut effect = Effect::default();
    for update in &updated.findings {
        let (finding, status) = finding_and_status(tx, update.finding)?;
        let Some(closed) = close(tx, scratch, decoded.position(), keys.branch, finding)? else { continue };
        if let Some(told) = &update.advisory {
            learn(tx, &mut scratch.texts.findings, finding, told.clone())?;
        }
        let row = Row {
            finding,
            status,
            scanner: closed.scanner,
            since: closed.since,
            is_new: closed.is_new,
            advisory: AdvisoryDigest::after(closed.advisory, update.advisory.as_ref()),
        };
        let added = insert_presence(tx, scratch, decoded, keys, update.finding, &row, &update.occurrence)?;
        effect.added = effect.added.plus(added);
        effect.removed = effect.removed.plus(closed.digest);
    }
    effect.pending.updated = updated.findings.len() as u64;
    Ok(effect)
}

/// By key, and not by what it is found by: SQLite opens a savepoint for a statement that might change several
/// rows, and copies each page before it changes it.
pub(super) fn end_presence(tx: &Connection, key: i64, position: i64) -> rusqlite::Result<()> {
    tx.prepare_cached("UPDATE presence SET valid_to = ?2 WHERE key = ?1")?.execute([key, position])?;
    Ok(())
}

fn key(tx: &Connection, id: FindingId) -> Result<i64, ApplyError> {
    tx.prepare_cached("SELECT key FROM finding WHERE id = ?1")?
        .query_row([id.as_bytes()], |row| row.get(0))
        .optional()?
        .ok_or(ApplyError::Unknown("a finding"))
}

/// The key of a finding and the status that people gave it.
fn finding_and_status(tx: &Connection, id: FindingId) -> Result<(i64, u8), ApplyError> {
    let known = known(tx, id)?;
    Ok((known.key, known.status))
}

/// The key of the row, unless the project has the finding already.
fn insert_finding(
    tx: &Connection,
    decoded: &Decoded,
    keys: BranchKeys,
    detected: &Detected,
    incident: Option<IncidentId>,
) -> Result<Option<i64>, ApplyError> {
    let inserted = tx
        .prepare_cached(
            "INSERT OR IGNORE INTO finding (id, project, scanner, fingerprint, rule, title, description, cwe, cve,
                 confidence, ecosystem, package, advisories, informational, secret, refs, detected, detected_at,
                 upload, incident)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)",
        )?
        .execute(params![
            detected.finding.as_bytes(),
            keys.project,
            detected.scanner.code(),
            detected.fingerprint.0,
            detected.rule,
            detected.title,
            detected.description,
            detected.cwe,
            detected.cve,
            detected.confidence,
            detected.package.as_ref().map(|package| package.ecosystem.as_str()),
            detected.package.as_ref().map(|package| package.name.as_str()),
            list_to_json(&detected.advisories),
            detected.informational,
            detected.secret.as_ref().map(to_json),
            list_to_json(&detected.references),
            decoded.position(),
            decoded.at(),
            detected.upload.as_ref().map(to_json),
            incident.as_ref().map(IncidentId::as_bytes),
        ])?;
    Ok((inserted == 1).then(|| tx.last_insert_rowid()))
}

struct Row {
    finding: i64,
    status: u8,
    scanner: u8,
    since: i64,
    is_new: bool,
    advisory: Option<AdvisoryDigest>,
}

fn insert_arrival(tx: &Connection, decoded: &Decoded, keys: BranchKeys, row: &Row) -> Result<(), ApplyError> {
    tx.prepare_cached(
        "INSERT INTO arrival (organization, scanner, position, finding, project, branch)
         VALUES ((SELECT organization FROM project WHERE key = ?4), ?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![row.scanner, decoded.position(), row.finding, keys.project, keys.branch])?;
    Ok(())
}

fn insert_presence(
    tx: &Connection,
    scratch: &mut Scratch,
    decoded: &Decoded,
    keys: BranchKeys,
    id: FindingId,
    row: &Row,
    occurrence: &Occurrence,
) -> Result<InventoryDigest, ApplyError> {
    let digest = InventoryDigest::of_finding(id, occurrence);
    let first = occurrence.places.first();
    let says_more = occurrence.places.len() != 1 || first.is_some_and(|place| place.version.is_some());
    tx.prepare_cached(INSERT_PRESENCE)?.execute(params![
        keys.branch,
        row.finding,
        occurrence.severity.rank(),
        row.status,
        row.scanner,
        decoded.position(),
        FOREVER,
        row.since,
        row.is_new,
        first.map_or("", |place| place.path.as_str()),
        first.and_then(|place| place.line),
        first.and_then(|place| place.end_line),
        says_more.then(|| to_json(&occurrence.places)),
        occurrence.fix,
        occurrence.excerpt.as_ref().map(to_json),
        occurrence.columns.as_ref().map(to_json),
        occurrence.imported,
        digest.to_bytes(),
        row.advisory.map(AdvisoryDigest::to_bytes),
    ])?;
    let cell = cell(keys.branch, occurrence.severity.rank(), row.status, row.scanner);
    scratch.counters.add(tx, cell, decoded.position(), 1)?;
    Ok(digest)
}

struct Closed {
    scanner: u8,
    since: i64,
    is_new: bool,
    digest: InventoryDigest,
    advisory: Option<AdvisoryDigest>,
}

fn close(
    tx: &Connection,
    scratch: &mut Scratch,
    position: i64,
    branch: i64,
    finding: i64,
) -> Result<Option<Closed>, ApplyError> {
    let found = tx
        .prepare_cached(
            "SELECT key, severity, status, scanner, since, is_new, digest, advisory FROM presence
             INDEXED BY presence_finding
             WHERE finding = ?1 AND branch = ?2 AND valid_to = 9223372036854775807
             ORDER BY valid_from DESC LIMIT 1",
        )?
        .query_row([finding, branch], |row| {
            let counted = cell(branch, row.get(1)?, row.get(2)?, row.get(3)?);
            let digest = InventoryDigest::from_bytes(row.get(6)?);
            let advisory = row.get::<_, Option<_>>(7)?.map(AdvisoryDigest::from_bytes);
            let closed =
                Closed { scanner: row.get(3)?, since: row.get(4)?, is_new: row.get(5)?, digest, advisory };
            Ok((row.get(0)?, counted, closed))
        })
        .optional()?;
    let Some((key, counted, closed)) = found else { return Ok(None) };
    end_presence(tx, key, position)?;
    scratch.counters.add(tx, counted, position, -1)?;
    Ok(Some(closed))
}
