//! API keys.

use crate::identity::word::word;
use crate::projector::{ApplyError, Decoded, Scratch};
use rusqlite::{Connection, params};
use scanledger_domain::identity::{ApiKeyCreated, ApiKeyEvent, Breadth, Scopes};

pub(super) fn apply(
    tx: &Connection,
    scratch: &mut Scratch,
    decoded: &Decoded,
    event: &ApiKeyEvent,
) -> Result<(), ApplyError> {
    match event {
        ApiKeyEvent::Created(created) => insert(tx, scratch, decoded, created)?,
        ApiKeyEvent::Revoked(revoked) => {
            tx.prepare_cached("UPDATE api_key SET revoked = ?2, revoked_at = ?3 WHERE id = ?1")?
                .execute(params![revoked.key.as_bytes(), decoded.position(), decoded.at()])?;
        }
        ApiKeyEvent::Narrowed(narrowed) => {
            tx.prepare_cached("UPDATE api_key SET breadth = ?2 WHERE id = ?1")?
                .execute(params![narrowed.key.as_bytes(), Breadth::ReadOnly.as_str()])?;
        }
    }
    Ok(())
}

fn insert(
    tx: &Connection,
    scratch: &mut Scratch,
    decoded: &Decoded,
    created: &ApiKeyCreated,
) -> Result<(), ApplyError> {
    let organization = scratch.keys.organization(tx, Some(created.organization))?;
    tx.prepare_cached(
        "INSERT INTO api_key (id, organization, name, form, prefix, hash, kind, role, scopes, breadth, team, project,
                              created_by, created_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
    )?
    .execute(params![
        created.key.as_bytes(),
        organization,
        created.name,
        created.form.as_str(),
        created.prefix,
        created.hash.0,
        word(created.kind),
        word(created.role),
        created.scopes.unwrap_or(Scopes::ALL).to_string(),
        created.breadth.as_str(),
        created.team.map(|team| *team.as_bytes()),
        created.project.map(|project| *project.as_bytes()),
        created.by.map(|user| *user.as_bytes()),
        decoded.at(),
        created.expires_at.map(|at| at.0),
    ])?;
    Ok(())
}
