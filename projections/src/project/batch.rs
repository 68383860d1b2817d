//! Projects by id, many in one statement.

use super::row::{ProjectRow, columns, holds, read};
use crate::at::{At, resolve};
use crate::store::column::to_json;
use crate::store::{ReadError, Views};
use rusqlite::named_params;
use scanledger_domain::id::{OrganizationId, ProjectId};
use std::collections::HashMap;
use uuid::Uuid;

/// Ids as a JSON array of hexadecimal text, which statements turn back with `unhex`.
pub(crate) fn hex_ids(ids: impl IntoIterator<Item = Uuid>) -> String {
    to_json(&ids.into_iter().map(|id| id.simple().to_string()).collect::<Vec<_>>())
}

impl Views {
    /// Projects by id, in one statement; those that the organization does not have at `at` are left out.
    ///
    /// # Errors
    /// As [`Views::resolve`].
    pub async fn projects_by_id(
        &self,
        organization: OrganizationId,
        ids: Vec<ProjectId>,
        at: At,
    ) -> Result<HashMap<ProjectId, ProjectRow>, ReadError> {
        let head = self.position();
        self.read(move |connection| {
            let moment = resolve(connection, organization, at, head)?;
            let sql = format!(
                "SELECT {} FROM json_each(:ids) w
                 CROSS JOIN project p ON p.id = unhex(w.value) AND p.deleted IS NULL
                 JOIN organization o ON o.key = p.organization AND o.id = :organization
                 JOIN project_detail d ON d.project = p.key AND {}",
                columns(moment),
                holds(moment)
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map(
                named_params! {
                    ":ids": hex_ids(ids.into_iter().map(|id| id.0)),
                    ":organization": organization.as_bytes(),
                    ":at": moment.position(),
                },
                |row| read(row).map(|project| (project.id, project)),
            )?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}
