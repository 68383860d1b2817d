//! Projects, with what people wrote about them over time.

pub(crate) mod batch;
mod default_branch;
mod named;
mod numbered;
mod query;
mod row;
pub(crate) mod scope;
pub(crate) mod visible;
mod walk;

pub use query::{ProjectQuery, ProjectSort};
pub use row::ProjectRow;
pub use walk::{ProjectMark, ProjectOrder, ProjectWalk, WalkedKey, WalkedProject};

pub(crate) use default_branch::default_branch;
pub(crate) use row::total;

use crate::at::FOREVER;
use crate::projector::{ApplyError, Decoded, Scratch};
use crate::store::column::to_json;
use rusqlite::{Connection, params};
use scanledger_domain::project::{Gate, ProjectDetails, ProjectEvent};

/// Applies an event of a project; answers its key.
pub(crate) fn apply(
    tx: &Connection,
    scratch: &mut Scratch,
    decoded: &Decoded,
    event: &ProjectEvent,
) -> Result<i64, ApplyError> {
    match event {
        ProjectEvent::Created(created) => {
            let organization = scratch.keys.organization(tx, Some(created.organization))?;
            tx.prepare_cached(
                "INSERT INTO project (id, organization, team, created, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                created.project.as_bytes(),
                organization,
                created.team.map(|team| *team.as_bytes()),
                decoded.position(),
                decoded.at()
            ])?;
            let project = tx.last_insert_rowid();
            insert_detail(tx, decoded, project, &created.details, &to_json(&created.gate))?;
            Ok(project)
        }
        ProjectEvent::Updated(updated) => {
            let project = scratch.keys.project(tx, updated.project.0)?;
            let gate: String = close_detail(tx, decoded, project)?;
            insert_detail(tx, decoded, project, &updated.details, &gate)?;
            Ok(project)
        }
        ProjectEvent::GateUpdated(updated) => {
            let project = scratch.keys.project(tx, updated.project.0)?;
            update_gate(tx, decoded, project, &updated.gate)?;
            Ok(project)
        }
        ProjectEvent::Deleted(deleted) => {
            let project = scratch.keys.project(tx, deleted.project.0)?;
            tx.prepare_cached("UPDATE project SET deleted = ?2 WHERE key = ?1")?
                .execute([project, decoded.position()])?;
            Ok(project)
        }
    }
}

fn insert_detail(
    tx: &Connection,
    decoded: &Decoded,
    project: i64,
    details: &ProjectDetails,
    gate: &str,
) -> Result<(), ApplyError> {
    // Whoever reads old events shows none either, and finds the project by its plain address.
    let details = details.without_credentials();
    tx.prepare_cached(
        "INSERT INTO project_detail (project, name, description, repo_url, default_branch, dast_target_url, gate,
                                     updated_at, valid_from, valid_to)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        project,
        details.name,
        details.description,
        details.repo_url,
        details.default_branch,
        details.dast_target_url,
        gate,
        decoded.at(),
        decoded.position(),
        FOREVER
    ])?;
    Ok(())
}

/// Ends the present details and answers their gate as it stands.
fn close_detail(tx: &Connection, decoded: &Decoded, project: i64) -> Result<String, ApplyError> {
    Ok(tx
        .prepare_cached(
            "UPDATE project_detail SET valid_to = ?2 WHERE project = ?1 AND valid_to = 9223372036854775807
             RETURNING gate",
        )?
        .query_row([project, decoded.position()], |row| row.get(0))?)
}

fn update_gate(tx: &Connection, decoded: &Decoded, project: i64, gate: &Gate) -> Result<(), ApplyError> {
    tx.prepare_cached(
        "INSERT INTO project_detail (project, name, description, repo_url, default_branch, dast_target_url, gate,
                                     updated_at, valid_from, valid_to)
         SELECT project, name, description, repo_url, default_branch, dast_target_url, ?2, ?3, ?4, ?5
         FROM project_detail WHERE project = ?1 AND valid_to = 9223372036854775807",
    )?
    .execute(params![project, to_json(gate), decoded.at(), decoded.position(), FOREVER])?;
    tx.prepare_cached(
        "UPDATE project_detail SET valid_to = ?2
         WHERE project = ?1 AND valid_to = 9223372036854775807 AND valid_from < ?2",
    )?
    .execute([project, decoded.position()])?;
    Ok(())
}
