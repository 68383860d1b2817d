//! From events of honeytokens to rows.

use crate::at::FOREVER;
use crate::projector::{ApplyError, Decoded, Scratch};
use crate::store::column::actor_columns;
use rusqlite::{Connection, OptionalExtension, params};
use scanledger_domain::honeytoken::{
    Changed, Created, HoneytokenEvent, HoneytokenStatus, NoteAdded, NoteEdited, Triggered,
};
use scanledger_domain::id::HoneytokenId;

/// Applies an event of a honeytoken.
pub(crate) fn apply(
    tx: &Connection,
    scratch: &mut Scratch,
    decoded: &Decoded,
    event: &HoneytokenEvent,
) -> Result<(), ApplyError> {
    match event {
        HoneytokenEvent::Created(created) => {
            let organization = scratch.keys.organization(tx, Some(created.organization))?;
            create(tx, decoded, organization, created)
        }
        HoneytokenEvent::Changed(changed) => change(tx, changed),
        HoneytokenEvent::Reset(reset) => {
            let key = key(tx, reset.honeytoken)?;
            archive(tx, key)?;
            tx.prepare_cached(
                "UPDATE honeytoken SET status = ?2, triggered_at = ?3, open_events = 0 WHERE key = ?1",
            )?
            .execute(params![key, HoneytokenStatus::Active.as_str(), FOREVER])?;
            Ok(())
        }
        HoneytokenEvent::Revoked(revoked) => {
            let key = key(tx, revoked.honeytoken)?;
            archive(tx, key)?;
            let (kind, id) = actor_columns(decoded.metadata.actor);
            tx.prepare_cached(
                "UPDATE honeytoken SET status = ?2, revoked_at = ?3, revoker_kind = ?4, revoker_id = ?5,
                                       open_events = 0 WHERE key = ?1",
            )?
            .execute(params![
                key,
                HoneytokenStatus::Revoked.as_str(),
                decoded.at(),
                kind,
                id
            ])?;
            Ok(())
        }
        HoneytokenEvent::Triggered(triggered) => {
            let organization = scratch.keys.organization(tx, Some(triggered.organization))?;
            trigger(tx, decoded, organization, triggered)
        }
        HoneytokenEvent::NoteAdded(added) => add_note(tx, decoded, added),
        HoneytokenEvent::NoteEdited(edited) => edit_note(tx, decoded, edited),
        HoneytokenEvent::NoteRemoved(removed) => {
            let removed = tx
                .prepare_cached("DELETE FROM honeytoken_note WHERE id = ?1")?
                .execute([removed.note.as_bytes()])?;
            if removed == 0 { Err(ApplyError::Unknown("a note")) } else { Ok(()) }
        }
    }
}

fn key(tx: &Connection, honeytoken: HoneytokenId) -> Result<i64, ApplyError> {
    tx.prepare_cached("SELECT key FROM honeytoken WHERE id = ?1")?
        .query_row([honeytoken.as_bytes()], |row| row.get(0))
        .optional()?
        .ok_or(ApplyError::Unknown("a honeytoken"))
}

/// What a list is searched in.
fn text_of(name: &str, description: Option<&str>) -> String {
    format!("{name}\n{}", description.unwrap_or_default()).to_lowercase()
}

fn create(
    tx: &Connection,
    decoded: &Decoded,
    organization: i64,
    created: &Created,
) -> Result<(), ApplyError> {
    let (creator_kind, creator_id) = actor_columns(decoded.metadata.actor);
    tx.prepare_cached(
        "INSERT INTO honeytoken (key, id, organization, name, description, name_key, text, access_hash, access_id,
                                 secret_key, status, open_events, created_at, creator_kind, creator_id,
                                 triggered_at, revoked_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 0, ?12, ?13, ?14, ?15, ?15)",
    )?
    .execute(params![
        decoded.position(),
        created.honeytoken.as_bytes(),
        organization,
        created.name,
        created.description,
        created.name.to_lowercase(),
        text_of(&created.name, created.description.as_deref()),
        created.access_hash,
        created.access_id.0,
        created.secret_key.0,
        HoneytokenStatus::Active.as_str(),
        decoded.at(),
        creator_kind,
        creator_id,
        FOREVER,
    ])?;
    let mut insert =
        tx.prepare_cached("INSERT OR IGNORE INTO honeytoken_hash (organization, hash) VALUES (?1, ?2)")?;
    for hash in &created.leak_hashes {
        insert.execute(params![organization, hash])?;
    }
    Ok(())
}

fn change(tx: &Connection, changed: &Changed) -> Result<(), ApplyError> {
    let key = key(tx, changed.honeytoken)?;
    tx.prepare_cached(
        "UPDATE honeytoken SET name = ?2, description = ?3, name_key = ?4, text = ?5 WHERE key = ?1",
    )?
    .execute(params![
        key,
        changed.name,
        changed.description,
        changed.name.to_lowercase(),
        text_of(&changed.name, changed.description.as_deref()),
    ])?;
    Ok(())
}

/// What was open is dealt with.
fn archive(tx: &Connection, honeytoken: i64) -> rusqlite::Result<()> {
    tx.prepare_cached("UPDATE honeytoken_event SET is_open = 0 WHERE honeytoken = ?1 AND is_open")?
        .execute([honeytoken])?;
    Ok(())
}

fn trigger(
    tx: &Connection,
    decoded: &Decoded,
    organization: i64,
    triggered: &Triggered,
) -> Result<(), ApplyError> {
    let key = key(tx, triggered.honeytoken)?;
    // The first use since it was made or reset is the one that triggered it.
    tx.prepare_cached(
        "UPDATE honeytoken SET status = ?2, open_events = open_events + 1,
                               triggered_at = min(triggered_at, ?3) WHERE key = ?1",
    )?
    .execute(params![key, HoneytokenStatus::Triggered.as_str(), triggered.at.0])?;
    let said = [&triggered.service, &triggered.region, &triggered.action];
    let text: Vec<&str> = said.into_iter().flatten().map(String::as_str).collect();
    tx.prepare_cached(
        "INSERT INTO honeytoken_event (key, id, organization, honeytoken, triggered_at, is_open, service, region,
                                       action, text, address, address_hash, user_agent)
         VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?
    .execute(params![
        decoded.position(),
        triggered.trigger.as_bytes(),
        organization,
        key,
        triggered.at.0,
        triggered.service,
        triggered.region,
        triggered.action,
        text.join("\n").to_lowercase(),
        decoded.metadata.address.as_ref().map(|sealed| &sealed.0),
        triggered.address_hash,
        decoded.metadata.user_agent.as_ref().map(|sealed| &sealed.0),
    ])?;
    Ok(())
}

fn add_note(tx: &Connection, decoded: &Decoded, added: &NoteAdded) -> Result<(), ApplyError> {
    let key = key(tx, added.honeytoken)?;
    let (author_kind, author_id) = actor_columns(added.by);
    tx.prepare_cached(
        "INSERT INTO honeytoken_note (key, id, honeytoken, text, author_kind, author_id, written_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        decoded.position(),
        added.note.as_bytes(),
        key,
        added.text,
        author_kind,
        author_id,
        decoded.at(),
    ])?;
    Ok(())
}

fn edit_note(tx: &Connection, decoded: &Decoded, edited: &NoteEdited) -> Result<(), ApplyError> {
    let changed = tx
        .prepare_cached("UPDATE honeytoken_note SET text = ?2, edited_at = ?3 WHERE id = ?1")?
        .execute(params![edited.note.as_bytes(), edited.text, decoded.at()])?;
    if changed == 0 { Err(ApplyError::Unknown("a note")) } else { Ok(()) }
}
