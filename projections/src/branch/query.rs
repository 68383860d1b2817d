//! Branches of a project.

use crate::store::column::id;
use crate::store::{ReadError, Views};
use rusqlite::params;
use scanledger_domain::id::{BranchId, OrganizationId, ProjectId};
use scanledger_domain::log::Position;

/// A branch that has results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BranchRow {
    /// Its id.
    pub id: BranchId,
    /// Its name.
    pub name: String,
    /// Where its stream began.
    pub opened: Position,
    /// Whether the read model disagrees with what the log says about it.
    pub is_broken: bool,
}

impl Views {
    /// The branches of a project, by name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn branches(
        &self,
        organization: OrganizationId,
        project: ProjectId,
    ) -> Result<Vec<BranchRow>, ReadError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT b.id, b.name, b.opened, b.mismatch IS NOT NULL FROM branch b
                 JOIN project p ON p.key = b.project JOIN organization o ON o.key = p.organization
                 WHERE p.id = ?1 AND o.id = ?2 AND p.deleted IS NULL ORDER BY b.name",
            )?;
            let rows = statement.query_map(params![project.as_bytes(), organization.as_bytes()], |row| {
                Ok(BranchRow {
                    id: BranchId(id(row, 0)?),
                    name: row.get(1)?,
                    opened: Position(row.get::<_, i64>(2)?.cast_unsigned()),
                    is_broken: row.get(3)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// How many branches the read model disagrees with the log about; 0 unless something is broken.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn broken_branches(&self) -> Result<u64, ReadError> {
        self.read(|connection| {
            let count: i64 = connection.query_row(
                "SELECT count(*) FROM branch WHERE mismatch IS NOT NULL",
                [],
                |row| row.get(0),
            )?;
            Ok(count.cast_unsigned())
        })
        .await
    }
}
