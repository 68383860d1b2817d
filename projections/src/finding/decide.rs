//! From decisions to rows: what people decided about a finding, and on which branches it shows.

use super::apply::{INSERT_PRESENCE, end_presence};
use super::merge::{merged, merged_into};
use crate::at::FOREVER;
use crate::branch::cell;
use crate::incident::apply as incident;
use crate::projector::{ApplyError, Decoded, Scratch};
use crate::store::column::actor_columns;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params};
use scanledger_domain::finding::FindingEvent;
use scanledger_domain::id::{FindingId, IncidentId};

/// Somebody decided, or a finding turned out to be another; answers the key of the project.
pub(crate) fn triage(
    tx: &Connection,
    scratch: &mut Scratch,
    decoded: &Decoded,
    event: &FindingEvent,
) -> Result<i64, ApplyError> {
    let triaged = match event {
        FindingEvent::Triaged(triaged) => triaged,
        FindingEvent::Merged(event) => return merged(tx, scratch, decoded, event),
    };
    let project = scratch.keys.project(tx, triaged.project.0)?;
    let known = known(tx, triaged.finding)?;
    let note = triaged.note.clone().or_else(|| known.note.clone());
    let decision = Decision::of(decoded, triaged.to.code(), note);
    decide(tx, scratch, decoded.position(), &known, &decision)?;
    for younger in merged_into(tx, known.key)? {
        decide(tx, scratch, decoded.position(), &known_as(tx, younger)?, &decision)?;
    }
    Ok(project)
}

/// Somebody decided about the secret of an incident: every finding of it shows that.
pub(crate) fn triage_incident(
    tx: &Connection,
    scratch: &mut Scratch,
    position: i64,
    incident: IncidentId,
    decision: &Decision,
) -> Result<(), ApplyError> {
    let findings: Vec<Known> = tx
        .prepare_cached(&format!("{KNOWN} WHERE f.incident = ?1 ORDER BY f.key"))?
        .query_map([incident.as_bytes()], read_known)?
        .collect::<Result<_, _>>()?;
    for known in findings {
        decide(tx, scratch, position, &known, decision)?;
    }
    Ok(())
}

/// A decision as findings show it.
pub(crate) struct Decision {
    /// The code of the state.
    pub(crate) status: u8,
    /// Why.
    pub(crate) note: Option<String>,
    /// Who decided.
    pub(crate) actor: (u8, Option<[u8; 16]>),
    /// When.
    pub(crate) at: i64,
}

impl Decision {
    /// The decision that an event tells.
    pub(crate) fn of(decoded: &Decoded, status: u8, note: Option<String>) -> Self {
        Self { status, note, actor: actor_columns(decoded.metadata.actor), at: decoded.at() }
    }

    /// The decision that a row of `triage` tells.
    pub(super) fn of_row(tx: &Connection, row: i64) -> rusqlite::Result<Self> {
        tx.prepare_cached(
            "SELECT status, note, actor_kind, actor_id, changed_at FROM triage WHERE rowid = ?1",
        )?
        .query_row([row], |row| {
            let actor = (row.get(2)?, row.get(3)?);
            Ok(Self { status: row.get(0)?, note: row.get(1)?, actor, at: row.get(4)? })
        })
    }

    fn insert(&self, tx: &Connection, finding: i64, position: i64) -> rusqlite::Result<()> {
        let (actor_kind, actor_id) = self.actor;
        tx.prepare_cached(
            "INSERT INTO triage (finding, status, note, actor_kind, actor_id, changed_at, valid_from, valid_to)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            finding,
            self.status,
            self.note,
            actor_kind,
            actor_id,
            self.at,
            position,
            FOREVER
        ])?;
        Ok(())
    }
}

/// Shows a decision on one finding, and on no other.
pub(super) fn decide(
    tx: &Connection,
    scratch: &mut Scratch,
    position: i64,
    known: &Known,
    decision: &Decision,
) -> Result<(), ApplyError> {
    if let Some(last) = known.decision {
        tx.prepare_cached("UPDATE triage SET valid_to = ?2 WHERE rowid = ?1")?.execute([last, position])?;
    }
    decision.insert(tx, known.key, position)?;
    if known.status != decision.status {
        move_presence(tx, scratch, position, known.key, decision.status)?;
    }
    Ok(())
}

/// What was decided about the secret of a finding that nobody had seen yet; answers the status.
pub(super) fn adopt(
    tx: &Connection,
    position: i64,
    finding: i64,
    incident: IncidentId,
) -> Result<u8, ApplyError> {
    let Some(decision) = incident::decision(tx, incident)? else { return Ok(0) };
    decision.insert(tx, finding, position)?;
    Ok(decision.status)
}

/// A row of `presence` that still holds, with what its successor takes over as it is.
struct Live {
    key: i64,
    branch: i64,
    severity: u8,
    status: u8,
    scanner: u8,
    /// `since` and everything behind it.
    rest: [Value; 12],
}

/// Shows a finding in another triage state on every branch that has it.
fn move_presence(
    tx: &Connection,
    scratch: &mut Scratch,
    position: i64,
    finding: i64,
    status: u8,
) -> Result<(), ApplyError> {
    // The last row of each branch, from one branch to the next: what was before may be long.
    let mut last = tx.prepare_cached(
        "SELECT key, branch, severity, status, scanner, since, is_new, path, line, end_line, places, fix, excerpt, columns,
                imported, digest, advisory, valid_to
         FROM presence INDEXED BY presence_finding
         WHERE finding = ?1 AND branch < ?2 ORDER BY branch DESC, valid_from DESC LIMIT 1",
    )?;
    let (mut live, mut below) = (Vec::with_capacity(1), i64::MAX);
    while let Some((row, valid_to)) =
        last.query_row([finding, below], |row| Ok((read_live(row)?, row.get::<_, i64>(17)?))).optional()?
    {
        below = row.branch;
        if valid_to == FOREVER {
            live.push(row);
        }
    }
    for Live { key, branch, severity, status: before, scanner, rest } in live.into_iter().rev() {
        end_presence(tx, key, position)?;
        let [since, is_new, path, line, end_line, places, fix, excerpt, columns, imported, digest, advisory] =
            &rest;
        tx.prepare_cached(INSERT_PRESENCE)?.execute(params![
            branch, finding, severity, status, scanner, position, FOREVER, since, is_new, path, line,
            end_line, places, fix, excerpt, columns, imported, digest, advisory,
        ])?;
        scratch.counters.add(tx, cell(branch, severity, before, scanner), position, -1)?;
        scratch.counters.add(tx, cell(branch, severity, status, scanner), position, 1)?;
        scratch.branches.touch(tx, branch, position)?;
    }
    Ok(())
}

fn read_live(row: &rusqlite::Row<'_>) -> rusqlite::Result<Live> {
    let mut rest = [const { Value::Null }; 12];
    for (index, value) in rest.iter_mut().enumerate() {
        *value = row.get(5 + index)?;
    }
    Ok(Live {
        key: row.get(0)?,
        branch: row.get(1)?,
        severity: row.get(2)?,
        status: row.get(3)?,
        scanner: row.get(4)?,
        rest,
    })
}

/// A finding and the last decision about it, which holds until the next.
pub(super) struct Known {
    pub(super) key: i64,
    pub(super) status: u8,
    /// Its row of `triage`.
    pub(super) decision: Option<i64>,
    note: Option<String>,
}

const KNOWN: &str = "SELECT f.key, coalesce(t.status, 0), t.rowid, t.note FROM finding f
    LEFT JOIN triage t ON t.rowid = (SELECT last.rowid FROM triage last WHERE last.finding = f.key
                                     ORDER BY last.valid_from DESC LIMIT 1)";

/// A finding that some earlier event made.
pub(super) fn known(tx: &Connection, id: FindingId) -> Result<Known, ApplyError> {
    tx.prepare_cached(&format!("{KNOWN} WHERE f.id = ?1"))?
        .query_row([id.as_bytes()], read_known)
        .optional()?
        .ok_or(ApplyError::Unknown("a finding"))
}

/// The finding with a key.
pub(super) fn known_as(tx: &Connection, key: i64) -> rusqlite::Result<Known> {
    tx.prepare_cached(&format!("{KNOWN} WHERE f.key = ?1"))?.query_row([key], read_known)
}

fn read_known(row: &rusqlite::Row<'_>) -> rusqlite::Result<Known> {
    Ok(Known { key: row.get(0)?, status: row.get(1)?, decision: row.get(2)?, note: row.get(3)? })
}
