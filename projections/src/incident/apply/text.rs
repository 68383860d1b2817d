//! What people write about incidents, and whom they show them to.

use crate::at::FOREVER;
use crate::projector::{ApplyError, Decoded};
use crate::store::column::actor_columns;
use rusqlite::{Connection, OptionalExtension, params};
use scanledger_domain::incident::{NoteAdded, NoteEdited, NoteRemoved, Shared};

/// Somebody wrote something.
pub(super) fn add_note(
    tx: &Connection,
    decoded: &Decoded,
    number: i64,
    added: &NoteAdded,
) -> Result<(), ApplyError> {
    let (author_kind, author_id) = actor_columns(added.by);
    tx.prepare_cached(
        "INSERT INTO incident_note (note, id, incident, text, author_kind, author_id, written_at, valid_from, valid_to)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?1, ?8)",
    )?
    .execute(params![
        decoded.position(),
        added.note.as_bytes(),
        number,
        added.text,
        author_kind,
        author_id,
        decoded.at(),
        FOREVER,
    ])?;
    Ok(())
}

/// A note says something else.
pub(super) fn edit_note(tx: &Connection, decoded: &Decoded, edited: &NoteEdited) -> Result<(), ApplyError> {
    let last = live_note(tx, edited.note.as_bytes())?;
    end_note(tx, last, decoded.position())?;
    tx.prepare_cached(
        "INSERT INTO incident_note (note, id, incident, text, author_kind, author_id, written_at, edited_at, valid_from,
                                    valid_to)
         SELECT note, id, incident, ?2, author_kind, author_id, written_at, ?3, ?4, ?5 FROM incident_note WHERE rowid = ?1",
    )?
    .execute(params![last, edited.text, decoded.at(), decoded.position(), FOREVER])?;
    Ok(())
}

/// A note was taken back.
pub(super) fn remove_note(
    tx: &Connection,
    decoded: &Decoded,
    removed: &NoteRemoved,
) -> Result<(), ApplyError> {
    let last = live_note(tx, removed.note.as_bytes())?;
    Ok(end_note(tx, last, decoded.position())?)
}

fn live_note(tx: &Connection, note: &[u8; 16]) -> Result<i64, ApplyError> {
    tx.prepare_cached("SELECT rowid FROM incident_note WHERE id = ?1 AND valid_to = 9223372036854775807")?
        .query_row([note], |row| row.get(0))
        .optional()?
        .ok_or(ApplyError::Unknown("a note"))
}

fn end_note(tx: &Connection, row: i64, position: i64) -> rusqlite::Result<()> {
    tx.prepare_cached("UPDATE incident_note SET valid_to = ?2 WHERE rowid = ?1")?.execute([row, position])?;
    Ok(())
}

/// Whoever has a link sees it.
pub(super) fn share(
    tx: &Connection,
    decoded: &Decoded,
    number: i64,
    shared: &Shared,
) -> Result<(), ApplyError> {
    unshare(tx, decoded.position(), number)?;
    tx.prepare_cached(
        "INSERT INTO incident_share (id, incident, token_hash, expires_at, shared_at, valid_from, valid_to)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        shared.share.as_bytes(),
        number,
        shared.token_hash.0,
        shared.expires_at.map(|at| at.0),
        decoded.at(),
        decoded.position(),
        FOREVER,
    ])?;
    Ok(())
}

/// The link shows nothing any more.
pub(super) fn unshare(tx: &Connection, position: i64, number: i64) -> Result<(), ApplyError> {
    let last: Option<(i64, i64)> = tx
        .prepare_cached(
            "SELECT rowid, valid_to FROM incident_share WHERE incident = ?1 ORDER BY valid_from DESC LIMIT 1",
        )?
        .query_row([number], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    if let Some((row, FOREVER)) = last {
        tx.prepare_cached("UPDATE incident_share SET valid_to = ?2 WHERE rowid = ?1")?
            .execute([row, position])?;
    }
    Ok(())
}
