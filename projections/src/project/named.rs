//! Projects by name.

use super::row::{FROM, ProjectRow, columns, holds, read};
use super::visible;
use crate::at::{At, Moment, resolve};
use crate::store::{ReadError, Views};
use rusqlite::{OptionalExtension, named_params};
use scanledger_domain::id::OrganizationId;
use scanledger_domain::identity::Visible;

impl Views {
    /// The project of this name, whatever the case; none if the organization has none, or the caller does not see it.
    ///
    /// # Errors
    /// As [`Views::resolve`].
    pub async fn project_by_name(
        &self,
        organization: OrganizationId,
        seen: Visible,
        name: String,
        at: At,
    ) -> Result<Option<ProjectRow>, ReadError> {
        let head = self.position();
        self.read(move |connection| {
            let moment = resolve(connection, organization, at, head)?;
            let sql = format!(
                "SELECT {} {FROM} WHERE d.name = :name COLLATE NOCASE AND o.id = :organization AND p.deleted IS NULL
                   AND {} AND {} ORDER BY p.key LIMIT 1",
                columns(moment),
                holds(moment),
                visible::of_project(&seen)
            );
            let of = named_params! {
                ":name": name,
                ":organization": organization.as_bytes(),
                ":visible": visible::bound(&seen),
                ":at": match moment { Moment::Live => i64::MAX - 1, Moment::Past(position) => position },
            };
            Ok(connection.prepare_cached(&sql)?.query_row(of, read).optional()?)
        })
        .await
    }
}
