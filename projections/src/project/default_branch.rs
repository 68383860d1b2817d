//! Which branch of a project is meant when nobody names one.

use super::row::holds;
use crate::at::Moment;
use crate::store::ReadError;
use rusqlite::{Connection, OptionalExtension, named_params};
use scanledger_domain::id::{OrganizationId, ProjectId};

/// The key of a project and the name of its default branch at a moment; no name if there was no project yet.
///
/// # Errors
/// [`ReadError::Missing`] if the organization has no such project.
pub(crate) fn default_branch(
    connection: &Connection,
    organization: OrganizationId,
    project: ProjectId,
    moment: Moment,
) -> Result<(i64, Option<String>), ReadError> {
    let sql = format!(
        "SELECT p.key, d.default_branch FROM project p JOIN organization o ON o.key = p.organization
         LEFT JOIN project_detail d ON d.project = p.key AND {}
         WHERE p.id = :id AND o.id = :organization AND p.deleted IS NULL AND :at = :at",
        holds(moment)
    );
    let of = named_params! {
        ":id": project.as_bytes(),
        ":organization": organization.as_bytes(),
        ":at": moment.position(),
    };
    connection
        .prepare_cached(&sql)?
        .query_row(of, |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?
        .ok_or(ReadError::Missing("project"))
}
