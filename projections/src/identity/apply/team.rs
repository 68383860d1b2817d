//! Teams and who belongs to them.

use super::Since;
use crate::at::FOREVER;
use crate::projector::{ApplyError, Decoded, Scratch};
use rusqlite::{Connection, params};
use scanledger_domain::id::{TeamId, UserId};
use scanledger_domain::identity::{TeamCreated, TeamEvent, TeamMemberAdded};

pub(super) fn apply(
    tx: &Connection,
    scratch: &mut Scratch,
    decoded: &Decoded,
    event: &TeamEvent,
) -> Result<(), ApplyError> {
    match event {
        TeamEvent::Created(created) => {
            let organization = scratch.keys.organization(tx, Some(created.organization))?;
            insert(tx, decoded, organization, created)?;
        }
        TeamEvent::Updated(updated) => {
            tx.prepare_cached(
                "UPDATE team SET name = ?2, slug = ?3, description = ?4, updated_at = ?5 WHERE id = ?1",
            )?
            .execute(params![
                updated.team.as_bytes(),
                updated.name,
                updated.slug,
                updated.description,
                decoded.at()
            ])?;
        }
        TeamEvent::Deleted(deleted) => delete(tx, decoded, deleted.team)?,
        TeamEvent::MemberAdded(added) => {
            let since = end_member(tx, decoded, added.team, added.user)?;
            begin_member(tx, decoded, added, &since.unwrap_or(Since::now(decoded)))?;
        }
        TeamEvent::MemberRemoved(removed) => {
            end_member(tx, decoded, removed.team, removed.user)?;
        }
    }
    Ok(())
}

fn insert(
    tx: &Connection,
    decoded: &Decoded,
    organization: i64,
    created: &TeamCreated,
) -> Result<(), ApplyError> {
    tx.prepare_cached(
        "INSERT INTO team (id, organization, name, slug, description, created, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)",
    )?
    .execute(params![
        created.team.as_bytes(),
        organization,
        created.name,
        created.slug,
        created.description,
        decoded.position(),
        decoded.at()
    ])?;
    Ok(())
}

/// Nobody belongs to a team that is gone.
fn delete(tx: &Connection, decoded: &Decoded, team: TeamId) -> Result<(), ApplyError> {
    let of = params![team.as_bytes(), decoded.position()];
    tx.prepare_cached("UPDATE team SET deleted = ?2 WHERE id = ?1")?.execute(of)?;
    tx.prepare_cached(
        "UPDATE team_member SET valid_to = ?2 WHERE team = ?1 AND valid_to = 9223372036854775807",
    )?
    .execute(of)?;
    Ok(())
}

fn end_member(
    tx: &Connection,
    decoded: &Decoded,
    team: TeamId,
    user: UserId,
) -> Result<Option<Since>, ApplyError> {
    Since::of_ended(
        tx,
        "UPDATE team_member SET valid_to = ?3 WHERE team = ?1 AND user = ?2 AND valid_to = 9223372036854775807
         RETURNING since, since_at",
        params![team.as_bytes(), user.as_bytes(), decoded.position()],
    )
}

fn begin_member(
    tx: &Connection,
    decoded: &Decoded,
    added: &TeamMemberAdded,
    since: &Since,
) -> Result<(), ApplyError> {
    tx.prepare_cached(
        "INSERT INTO team_member (team, user, role, since, since_at, valid_from, valid_to)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        added.team.as_bytes(),
        added.user.as_bytes(),
        added.role.as_str(),
        since.position,
        since.at,
        decoded.position(),
        FOREVER
    ])?;
    Ok(())
}
