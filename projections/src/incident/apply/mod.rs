//! From events of incidents to rows, and from findings of secrets to the places of incidents.

mod place;
mod state;
mod text;

pub(crate) use place::{came, came_back, of_finding};
pub(crate) use state::decision;

use crate::at::FOREVER;
use crate::finding::decide::{Decision, triage_incident};
use crate::projector::{ApplyError, Decoded, Scratch};
use crate::store::column::to_json;
use place::occur;
use rusqlite::{Connection, OptionalExtension, params};
use scanledger_domain::finding::TriageState;
use scanledger_domain::id::{FindingId, IncidentId};
use scanledger_domain::incident::{IncidentEvent, Opened};
use state::{State, change};
use text::{add_note, edit_note, remove_note, share, unshare};

/// Applies an event of an incident; answers the key of the project of the finding that was looked at, if one was.
pub(crate) fn apply(
    tx: &Connection,
    scratch: &mut Scratch,
    decoded: &Decoded,
    event: &IncidentEvent,
) -> Result<Option<i64>, ApplyError> {
    if let IncidentEvent::Opened(opened) = event {
        open(tx, scratch, decoded, opened)?;
        return Ok(None);
    }
    let number = number(tx, event.incident())?;
    match event {
        IncidentEvent::Opened(_) => (),
        IncidentEvent::Triaged(triaged) => {
            let (status, note) = change(tx, decoded, number, |state| state.triage(decoded, triaged))?;
            let decision = Decision::of(decoded, status, note);
            triage_incident(tx, scratch, decoded.position(), triaged.incident, &decision)?;
            return triaged.finding.map(|finding| project_of(tx, finding)).transpose();
        }
        IncidentEvent::Regressed(regressed) => {
            let (status, note) = change(tx, decoded, number, |state| state.regress(decoded))?;
            let decision = Decision::of(decoded, status, note);
            triage_incident(tx, scratch, decoded.position(), regressed.incident, &decision)?;
        }
        IncidentEvent::SeveritySet(set) => {
            change(tx, decoded, number, |state| state.severity = set.severity.rank())?;
        }
        IncidentEvent::Assigned(assigned) => {
            change(tx, decoded, number, |state| state.assignee = Some(assigned.user))?;
        }
        IncidentEvent::Unassigned(_) => {
            change(tx, decoded, number, |state| state.assignee = None)?;
        }
        IncidentEvent::NoteAdded(added) => add_note(tx, decoded, number, added)?,
        IncidentEvent::NoteEdited(edited) => edit_note(tx, decoded, edited)?,
        IncidentEvent::NoteRemoved(removed) => remove_note(tx, decoded, removed)?,
        IncidentEvent::Shared(shared) => share(tx, decoded, number, shared)?,
        IncidentEvent::Unshared(_) => unshare(tx, decoded.position(), number)?,
        IncidentEvent::Occurred(occurred) => occur(tx, scratch, decoded, occurred)?,
    }
    Ok(None)
}

fn project_of(tx: &Connection, finding: FindingId) -> Result<i64, ApplyError> {
    tx.prepare_cached("SELECT project FROM finding WHERE id = ?1")?
        .query_row([finding.as_bytes()], |row| row.get(0))
        .optional()?
        .ok_or(ApplyError::Unknown("a finding"))
}

fn number(tx: &Connection, incident: IncidentId) -> Result<i64, ApplyError> {
    tx.prepare_cached("SELECT key FROM incident WHERE id = ?1")?
        .query_row([incident.as_bytes()], |row| row.get(0))
        .optional()?
        .ok_or(ApplyError::Unknown("an incident"))
}

fn open(
    tx: &Connection,
    scratch: &mut Scratch,
    decoded: &Decoded,
    opened: &Opened,
) -> Result<(), ApplyError> {
    let organization = scratch.keys.organization(tx, Some(opened.organization))?;
    tx.prepare_cached(
        "INSERT INTO incident (key, id, organization, secret, rule, is_historical, opened_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        decoded.position(),
        opened.incident.as_bytes(),
        organization,
        to_json(&opened.secret),
        opened.rule,
        opened.is_historical,
        decoded.at(),
    ])?;
    let state = State {
        organization,
        status: TriageState::default().code(),
        reason: None,
        since: decoded.position(),
        severity: opened.severity.rank(),
        assignee: None,
        is_regression: false,
        is_revoked: false,
        triggered_at: decoded.at(),
        resolved_at: FOREVER,
        ignored_at: FOREVER,
        closer: None,
        note: None,
        decided: None,
    };
    state.insert(tx, decoded.position(), decoded.position())?;
    Ok(())
}
