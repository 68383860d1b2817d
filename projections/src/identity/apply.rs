//! From events about who there is to rows.

use crate::at::FOREVER;
use crate::projector::{ApplyError, Decoded, Scratch};
use rusqlite::{Connection, params};
use scanledger_domain::event::Event;
use scanledger_domain::id::{TeamId, UserId};
use scanledger_domain::identity::{
    ApiKeyCreated, ApiKeyEvent, OrganizationEvent, OrganizationRole, Role, TeamEvent, TeamRole, UserEvent,
};

/// Applies an event of an organization, a person, a team or a key.
pub(crate) fn apply(tx: &Connection, scratch: &mut Scratch, decoded: &Decoded) -> Result<(), ApplyError> {
    match &decoded.event {
        Event::Organization(event) => organization(tx, scratch, decoded, event),
        Event::User(event) => user(tx, decoded, event),
        Event::Team(event) => team(tx, scratch, decoded, event),
        Event::ApiKey(event) => api_key(tx, scratch, decoded, event),
        Event::Branch(_)
        | Event::Finding(_)
        | Event::Scan(_)
        | Event::Project(_)
        | Event::Advisory(_)
        | Event::Claim(_) => Ok(()),
    }
}

fn organization(
    tx: &Connection,
    scratch: &mut Scratch,
    decoded: &Decoded,
    event: &OrganizationEvent,
) -> Result<(), ApplyError> {
    match event {
        OrganizationEvent::Created(created) => {
            tx.prepare_cached(
                "INSERT INTO organization (id, name, created_at) VALUES (?1, ?2, ?3)
                 ON CONFLICT (id) DO UPDATE SET name = excluded.name, created_at = excluded.created_at",
            )?
            .execute(params![created.organization.as_bytes(), created.name, decoded.at()])?;
        }
        OrganizationEvent::MemberAdded(added) => {
            let organization = scratch.keys.organization(tx, Some(added.organization))?;
            let role = match added.role {
                OrganizationRole::Owner => "owner",
                OrganizationRole::Admin => "admin",
                OrganizationRole::Member => "member",
            };
            tx.prepare_cached(
                "UPDATE member SET valid_to = ?3
                 WHERE organization = ?1 AND user = ?2 AND valid_to = 9223372036854775807",
            )?
            .execute(params![organization, added.user.as_bytes(), decoded.position()])?;
            tx.prepare_cached(
                "INSERT INTO member (organization, user, role, valid_from, valid_to) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![organization, added.user.as_bytes(), role, decoded.position(), FOREVER])?;
        }
    }
    Ok(())
}

fn user(tx: &Connection, decoded: &Decoded, event: &UserEvent) -> Result<(), ApplyError> {
    match event {
        UserEvent::Registered(registered) => {
            tx.prepare_cached("INSERT INTO user (id, name, email, registered_at) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![
                registered.user.as_bytes(),
                registered.name.0,
                registered.email.0,
                decoded.at()
            ])?;
        }
        // What is sealed stays as it is, like in the log; it opens no more.
        UserEvent::Erased(_) => (),
    }
    Ok(())
}

fn team(
    tx: &Connection,
    scratch: &mut Scratch,
    decoded: &Decoded,
    event: &TeamEvent,
) -> Result<(), ApplyError> {
    match event {
        TeamEvent::Created(created) => {
            let organization = scratch.keys.organization(tx, Some(created.organization))?;
            tx.prepare_cached(
                "INSERT INTO team (id, organization, name, created_at) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![
                created.team.as_bytes(),
                organization,
                created.name,
                decoded.at()
            ])?;
        }
        TeamEvent::MemberAdded(added) => {
            close_member(tx, decoded, added.team, added.user)?;
            let role = match added.role {
                TeamRole::Admin => "team_admin",
                TeamRole::Developer => "developer",
                TeamRole::Viewer => "viewer",
            };
            tx.prepare_cached(
                "INSERT INTO team_member (team, user, role, valid_from, valid_to) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![added.team.as_bytes(), added.user.as_bytes(), role, decoded.position(), FOREVER])?;
        }
        TeamEvent::MemberRemoved(removed) => close_member(tx, decoded, removed.team, removed.user)?,
    }
    Ok(())
}

fn close_member(tx: &Connection, decoded: &Decoded, team: TeamId, user: UserId) -> Result<(), ApplyError> {
    tx.prepare_cached(
        "UPDATE team_member SET valid_to = ?3 WHERE team = ?1 AND user = ?2 AND valid_to = 9223372036854775807",
    )?
    .execute(params![team.as_bytes(), user.as_bytes(), decoded.position()])?;
    Ok(())
}

fn api_key(
    tx: &Connection,
    scratch: &mut Scratch,
    decoded: &Decoded,
    event: &ApiKeyEvent,
) -> Result<(), ApplyError> {
    match event {
        ApiKeyEvent::Created(created) => insert_key(tx, scratch, decoded, created),
        ApiKeyEvent::Revoked(revoked) => {
            tx.prepare_cached("UPDATE api_key SET revoked = ?2 WHERE id = ?1")?
                .execute(params![revoked.key.as_bytes(), decoded.position()])?;
            Ok(())
        }
    }
}

fn insert_key(
    tx: &Connection,
    scratch: &mut Scratch,
    decoded: &Decoded,
    created: &ApiKeyCreated,
) -> Result<(), ApplyError> {
    let organization = scratch.keys.organization(tx, Some(created.organization))?;
    let role = match created.role {
        Role::Viewer => "viewer",
        Role::Developer => "developer",
        Role::Security => "security",
        Role::Admin => "admin",
    };
    tx.prepare_cached(
        "INSERT INTO api_key (id, organization, name, form, prefix, hash, role, project, created_by, created_at,
                              expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        created.key.as_bytes(),
        organization,
        created.name,
        created.form.to_string(),
        created.prefix,
        created.hash.0,
        role,
        created.project.map(|project| *project.as_bytes()),
        created.by.map(|user| *user.as_bytes()),
        decoded.at(),
        created.expires_at.map(|at| at.0),
    ])?;
    Ok(())
}
