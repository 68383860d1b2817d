//! Where projects belong: what decides who may see them.

use crate::store::column::{id, optional_id};
use crate::store::{ReadError, Views};
use rusqlite::{OptionalExtension, Row};
use scanledger_domain::id::{OrganizationId, ProjectId, TeamId};
use scanledger_domain::identity::ProjectScope;

/// Reads organization, team and project, which stand side by side from `column` on.
pub(crate) fn read_scope(row: &Row<'_>, column: usize) -> rusqlite::Result<ProjectScope> {
    Ok(ProjectScope {
        organization: OrganizationId(id(row, column)?),
        team: optional_id(row, column + 1)?.map(TeamId),
        project: ProjectId(id(row, column + 2)?),
    })
}

impl Views {
    /// Where a project belongs, deleted ones aside.
    ///
    /// # Errors
    /// [`ReadError::Missing`] if there is none of this id.
    pub async fn scope_of_project(&self, project: ProjectId) -> Result<ProjectScope, ReadError> {
        self.read(move |connection| {
            connection
                .prepare_cached(
                    "SELECT o.id, p.team, p.id FROM project p JOIN organization o ON o.key = p.organization
                     WHERE p.id = ?1 AND p.deleted IS NULL",
                )?
                .query_row([project.as_bytes()], |row| read_scope(row, 0))
                .optional()?
                .ok_or(ReadError::Missing("project"))
        })
        .await
    }
}
