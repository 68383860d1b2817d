//! Which events belong to a project, for bundles made beside a server.

use super::TreeError;
use crate::store::{Reading, open_reader, views_path};
use rusqlite::params;
use scanledger_domain::id::ProjectId;
use scanledger_domain::log::Position;
use std::path::Path;

/// Positions of a project's events from `from` to `to`, in order, as far as the views in `folder` are; `None` if
/// there are no views of this version, or they have not reached `to`.
///
/// # Errors
/// When the views cannot be read.
pub fn positions_of_project(
    folder: &Path,
    project: ProjectId,
    from: Position,
    to: Position,
) -> Result<Option<Vec<Position>>, TreeError> {
    let path = views_path(folder);
    if !path.exists() {
        return Ok(None);
    }
    let connection = open_reader(&path, Reading::Queries)?;
    let transaction = connection.unchecked_transaction()?;
    let reached: i64 = transaction.query_row("SELECT position FROM checkpoint", [], |row| row.get(0))?;
    if reached.cast_unsigned() < to.0 {
        return Ok(None);
    }
    let mut select = transaction.prepare(
        "SELECT e.position FROM project p JOIN event_index e ON e.organization = p.organization
         WHERE p.id = ?1 AND e.project = p.key AND e.position BETWEEN ?2 AND ?3 ORDER BY e.position",
    )?;
    let range = params![project.as_bytes(), from.0.cast_signed(), to.0.cast_signed()];
    let rows = select.query_map(range, |row| Ok(Position(row.get::<_, i64>(0)?.cast_unsigned())))?;
    Ok(Some(rows.collect::<Result<_, _>>()?))
}
