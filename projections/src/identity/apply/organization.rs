//! Organizations, who belongs to them and who may come.

use super::Since;
use crate::at::FOREVER;
use crate::identity::word::word;
use crate::projector::{ApplyError, Decoded, Scratch};
use rusqlite::{Connection, params};
use scanledger_domain::id::UserId;
use scanledger_domain::identity::{Invited, MemberAdded, OrganizationEvent};

pub(super) fn apply(
    tx: &Connection,
    scratch: &mut Scratch,
    decoded: &Decoded,
    event: &OrganizationEvent,
) -> Result<(), ApplyError> {
    match event {
        OrganizationEvent::Created(created) => {
            tx.prepare_cached(
                "INSERT INTO organization (id, name, created_at, created) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (id) DO UPDATE
                 SET name = excluded.name, created_at = excluded.created_at, created = excluded.created",
            )?
            .execute(params![
                created.organization.as_bytes(),
                created.name,
                decoded.at(),
                decoded.position()
            ])?;
        }
        OrganizationEvent::MemberAdded(added) => {
            let organization = scratch.keys.organization(tx, Some(added.organization))?;
            let since = end_member(tx, decoded, organization, added.user)?;
            begin_member(tx, decoded, organization, added, &since.unwrap_or(Since::now(decoded)))?;
        }
        OrganizationEvent::MemberRemoved(removed) => {
            let organization = scratch.keys.organization(tx, Some(removed.organization))?;
            end_member(tx, decoded, organization, removed.user)?;
        }
        OrganizationEvent::Invited(invited) => {
            let organization = scratch.keys.organization(tx, Some(invited.organization))?;
            insert_invitation(tx, decoded, organization, invited)?;
        }
        OrganizationEvent::InvitationRevoked(revoked) => {
            tx.prepare_cached("UPDATE invitation SET state = 'revoked' WHERE id = ?1")?
                .execute([revoked.invitation.as_bytes()])?;
        }
        OrganizationEvent::InvitationAccepted(accepted) => {
            tx.prepare_cached("UPDATE invitation SET state = 'accepted', accepted_by = ?2 WHERE id = ?1")?
                .execute([accepted.invitation.as_bytes(), accepted.user.as_bytes()])?;
        }
    }
    Ok(())
}

fn end_member(
    tx: &Connection,
    decoded: &Decoded,
    organization: i64,
    user: UserId,
) -> Result<Option<Since>, ApplyError> {
    Since::of_ended(
        tx,
        "UPDATE member SET valid_to = ?3 WHERE organization = ?1 AND user = ?2 AND valid_to = 9223372036854775807
         RETURNING since, since_at",
        params![organization, user.as_bytes(), decoded.position()],
    )
}

fn begin_member(
    tx: &Connection,
    decoded: &Decoded,
    organization: i64,
    added: &MemberAdded,
    since: &Since,
) -> Result<(), ApplyError> {
    tx.prepare_cached(
        "INSERT INTO member (organization, user, role, since, since_at, valid_from, valid_to)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        organization,
        added.user.as_bytes(),
        added.role.as_str(),
        since.position,
        since.at,
        decoded.position(),
        FOREVER
    ])?;
    Ok(())
}

fn insert_invitation(
    tx: &Connection,
    decoded: &Decoded,
    organization: i64,
    invited: &Invited,
) -> Result<(), ApplyError> {
    tx.prepare_cached(
        "INSERT INTO invitation (id, organization, email, role, team, team_role, invited, invited_at, expires_at,
                                 state)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'open')",
    )?
    .execute(params![
        invited.invitation.as_bytes(),
        organization,
        invited.email.0,
        invited.role.as_str(),
        invited.team.map(|team| *team.id.as_bytes()),
        invited.team.map(|team| word(team.role)),
        decoded.position(),
        decoded.at(),
        invited.expires_at.0
    ])?;
    Ok(())
}
