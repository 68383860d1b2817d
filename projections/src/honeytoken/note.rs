//! Notes on honeytokens.

use crate::store::column::{actor, id};
use crate::store::{ReadError, Views};
use rusqlite::{Row, params};
use scanledger_domain::id::{HoneytokenId, NoteId, OrganizationId};
use scanledger_domain::log::{Actor, Position};
use scanledger_domain::time::Timestamp;

/// A note on a honeytoken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoneytokenNote {
    /// Its id.
    pub id: NoteId,
    /// Its number: the position of its `honeytoken.note_added`.
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
    /// The notes on a honeytoken of an organization, in the order in which they were written; at most
    /// [`scanledger_domain::limits::HONEYTOKEN_NOTES`].
    ///
    /// # Errors
    /// When the store fails.
    pub async fn honeytoken_notes(
        &self,
        organization: OrganizationId,
        honeytoken: HoneytokenId,
    ) -> Result<Vec<HoneytokenNote>, ReadError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT n.id, n.key, n.author_kind, n.author_id, n.text, n.written_at, n.edited_at FROM honeytoken h
                 JOIN organization o ON o.key = h.organization AND o.id = ?1
                 JOIN honeytoken_note n ON n.honeytoken = h.key
                 WHERE h.id = ?2 ORDER BY n.key",
            )?;
            let rows = statement.query_map(params![organization.as_bytes(), honeytoken.as_bytes()], read)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<HoneytokenNote> {
    Ok(HoneytokenNote {
        id: NoteId(id(row, 0)?),
        number: Position(row.get::<_, i64>(1)?.cast_unsigned()),
        author: actor(row.get(2)?, row, 3)?,
        text: row.get(4)?,
        written_at: Timestamp(row.get(5)?),
        edited_at: row.get::<_, Option<i64>>(6)?.map(Timestamp),
    })
}
