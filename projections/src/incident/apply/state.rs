//! Where incidents stand, one row after the other.

use crate::at::FOREVER;
use crate::finding::decide::Decision;
use crate::projector::{ApplyError, Decoded};
use crate::store::column::{actor_columns, optional_id};
use rusqlite::{Connection, OptionalExtension, params};
use scanledger_domain::finding::TriageState;
use scanledger_domain::id::{IncidentId, UserId};
use scanledger_domain::incident::{IncidentStatus, Triaged};

type ActorColumns = (u8, Option<[u8; 16]>);

/// A row of `incident_state`.
pub(super) struct State {
    pub(super) organization: i64,
    pub(super) status: u8,
    pub(super) reason: Option<String>,
    pub(super) since: i64,
    pub(super) severity: u8,
    pub(super) assignee: Option<UserId>,
    pub(super) is_regression: bool,
    pub(super) is_revoked: bool,
    pub(super) triggered_at: i64,
    pub(super) resolved_at: i64,
    pub(super) ignored_at: i64,
    pub(super) closer: Option<ActorColumns>,
    pub(super) note: Option<String>,
    /// Who decided last, and when.
    pub(super) decided: Option<(ActorColumns, i64)>,
}

impl State {
    /// Somebody decided.
    pub(super) fn triage(&mut self, decoded: &Decoded, triaged: &Triaged) {
        let actor = actor_columns(decoded.metadata.actor);
        let (status, reason) = (triaged.to.code(), triaged.reason.map(|reason| reason.as_str().to_owned()));
        let standing = IncidentStatus::of(triaged.to, self.assignee.is_some());
        if (status, &reason) != (self.status, &self.reason) {
            self.since = decoded.position();
            let at = |closes: bool| if closes { decoded.at() } else { FOREVER };
            self.resolved_at = at(standing == IncidentStatus::Resolved);
            self.ignored_at = at(standing == IncidentStatus::Ignored);
            self.closer = (!standing.is_open()).then_some(actor);
        }
        (self.status, self.reason) = (status, reason);
        self.is_regression &= standing.is_open();
        // What somebody said holds until somebody says otherwise, or the incident is no longer resolved.
        self.is_revoked =
            triaged.is_secret_revoked.unwrap_or(self.is_revoked && standing == IncidentStatus::Resolved);
        self.note = triaged.note.clone().or_else(|| self.note.take());
        self.decided = Some((actor, decoded.at()));
    }

    /// The secret turned up again.
    pub(super) fn regress(&mut self, decoded: &Decoded) {
        (self.status, self.reason) = (TriageState::Untriaged.code(), None);
        self.since = decoded.position();
        (self.is_regression, self.is_revoked) = (true, false);
        self.triggered_at = decoded.at();
        (self.resolved_at, self.ignored_at, self.closer) = (FOREVER, FOREVER, None);
        self.decided = Some((actor_columns(decoded.metadata.actor), decoded.at()));
    }

    /// Writes it as the row that holds from `position` on.
    pub(super) fn insert(&self, tx: &Connection, number: i64, position: i64) -> rusqlite::Result<()> {
        let ((actor_kind, actor_id), decided_at) = match self.decided {
            Some(((kind, id), at)) => ((Some(kind), id), Some(at)),
            None => ((None, None), None),
        };
        tx.prepare_cached(
            "INSERT INTO incident_state (incident, organization, status, reason, since, severity, assignee, is_regression,
                 is_revoked, triggered_at, resolved_at, ignored_at, closer_kind, closer_id, note, actor_kind, actor_id,
                 decided_at, valid_from, valid_to)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)",
        )?
        .execute(params![
            number,
            self.organization,
            self.status,
            self.reason,
            self.since,
            self.severity,
            self.assignee.as_ref().map(UserId::as_bytes),
            self.is_regression,
            self.is_revoked,
            self.triggered_at,
            self.resolved_at,
            self.ignored_at,
            self.closer.map(|(kind, _)| kind),
            self.closer.and_then(|(_, id)| id),
            self.note,
            actor_kind,
            actor_id,
            decided_at,
            position,
            FOREVER,
        ])?;
        Ok(())
    }
}

/// Ends the row that held until now and begins its successor; answers status and note of that.
pub(super) fn change(
    tx: &Connection,
    decoded: &Decoded,
    number: i64,
    how: impl FnOnce(&mut State),
) -> Result<(u8, Option<String>), ApplyError> {
    let (last, mut state) = tx
        .prepare_cached(
            "SELECT s.rowid, s.organization, s.status, s.reason, s.since, s.severity, s.assignee, s.is_regression,
                    s.is_revoked, s.triggered_at, s.resolved_at, s.ignored_at, s.closer_kind, s.closer_id, s.note,
                    s.actor_kind, s.actor_id, s.decided_at
             FROM incident_state s INDEXED BY incident_state_live
             WHERE s.organization = (SELECT organization FROM incident WHERE key = ?1) AND s.incident = ?1
               AND s.valid_to = 9223372036854775807",
        )?
        .query_row([number], |row| Ok((row.get::<_, i64>(0)?, read_state(row)?)))?;
    how(&mut state);
    tx.prepare_cached("UPDATE incident_state SET valid_to = ?2 WHERE rowid = ?1")?
        .execute([last, decoded.position()])?;
    state.insert(tx, number, decoded.position())?;
    Ok((state.status, state.note))
}

fn read_state(row: &rusqlite::Row<'_>) -> rusqlite::Result<State> {
    let closer = match row.get::<_, Option<u8>>(12)? {
        Some(kind) => Some((kind, row.get(13)?)),
        None => None,
    };
    let decided = match row.get::<_, Option<u8>>(15)? {
        Some(kind) => Some(((kind, row.get(16)?), row.get(17)?)),
        None => None,
    };
    Ok(State {
        organization: row.get(1)?,
        status: row.get(2)?,
        reason: row.get(3)?,
        since: row.get(4)?,
        severity: row.get(5)?,
        assignee: optional_id(row, 6)?.map(UserId),
        is_regression: row.get(7)?,
        is_revoked: row.get(8)?,
        triggered_at: row.get(9)?,
        resolved_at: row.get(10)?,
        ignored_at: row.get(11)?,
        closer,
        note: row.get(14)?,
        decided,
    })
}

/// What was decided about an incident, if there is one and anybody did.
pub(crate) fn decision(tx: &Connection, incident: IncidentId) -> Result<Option<Decision>, ApplyError> {
    let decided = tx
        .prepare_cached(
            "SELECT s.status, s.note, s.actor_kind, s.actor_id, s.decided_at FROM incident i
             JOIN incident_state s INDEXED BY incident_state_live
               ON s.organization = i.organization AND s.incident = i.key AND s.valid_to = 9223372036854775807
             WHERE i.id = ?1 AND s.decided_at IS NOT NULL",
        )?
        .query_row([incident.as_bytes()], |row| {
            Ok(Decision {
                status: row.get(0)?,
                note: row.get(1)?,
                actor: (row.get(2)?, row.get(3)?),
                at: row.get(4)?,
            })
        })
        .optional()?;
    Ok(decided)
}
