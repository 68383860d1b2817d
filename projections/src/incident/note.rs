//! Notes on incidents.

use crate::at::{At, Moment, holds, resolve};
use crate::store::column::{actor, id};
use crate::store::{ReadError, Views};
use rusqlite::{Row, named_params};
use scanledger_domain::id::{IncidentId, NoteId, OrganizationId};
use scanledger_domain::log::{Actor, Position};
use scanledger_domain::time::Timestamp;

/// A note on an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentNote {
    /// Its id.
    pub id: NoteId,
    /// Its number: the position of its `incident.note_added`.
    pub number: Position,
    /// Who wrote it.
    pub author: Actor,
    /// What it says.
    pub text: String,
    /// When it was written.
    pub written_at: Timestamp,
    /// When it was last changed.
    pub edited_at: Option<Timestamp>,
}

impl Views {
    /// The notes on an incident, in the order in which they were written; at most
    /// [`scanledger_domain::limits::INCIDENT_NOTES`]. Whether the caller sees the incident is for them to know.
    ///
    /// # Errors
    /// As [`Views::resolve`].
    pub async fn incident_notes(
        &self,
        organization: OrganizationId,
        incident: IncidentId,
        at: At,
    ) -> Result<Vec<IncidentNote>, ReadError> {
        let head = self.position();
        self.read(move |connection| {
            let moment = resolve(connection, organization, at, head)?;
            let holding = match moment {
                Moment::Live => holds!("n", live),
                Moment::Past(_) => holds!("n", past),
            };
            let mut statement = connection.prepare_cached(&format!(
                "SELECT n.id, n.note, n.author_kind, n.author_id, n.text, n.written_at, n.edited_at FROM incident i
                 JOIN organization g ON g.key = i.organization AND g.id = :organization
                 JOIN incident_note n ON n.incident = i.key AND {holding}
                 WHERE i.id = :incident AND :at = :at ORDER BY n.note"
            ))?;
            let rows = statement.query_map(
                named_params! {
                    ":organization": organization.as_bytes(),
                    ":incident": incident.as_bytes(),
                    ":at": moment.position(),
                },
                read,
            )?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<IncidentNote> {
    Ok(IncidentNote {
        id: NoteId(id(row, 0)?),
        number: Position(row.get::<_, i64>(1)?.cast_unsigned()),
        author: actor(row.get(2)?, row, 3)?,
        text: row.get(4)?,
        written_at: Timestamp(row.get(5)?),
        edited_at: row.get::<_, Option<i64>>(6)?.map(Timestamp),
    })
}
