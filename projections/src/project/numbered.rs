//! Projects by the numbers that some dialects have for them.

use super::row::{FROM, ProjectRow, columns, holds, read};
use super::visible;
use crate::at::Moment;
use crate::store::{ReadError, Views};
use rusqlite::{OptionalExtension, named_params};
use scanledger_domain::id::OrganizationId;
use scanledger_domain::identity::Visible;

impl Views {
    /// A project by its number, as it is; none if the organization has none, or the caller does not see it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn project_by_number(
        &self,
        organization: OrganizationId,
        seen: Visible,
        number: u64,
    ) -> Result<Option<ProjectRow>, ReadError> {
        self.read(move |connection| {
            let sql = format!(
                "SELECT {} {FROM} WHERE o.id = :organization AND p.created = :number AND p.deleted IS NULL
                   AND {} AND {}",
                columns(Moment::Live),
                holds(Moment::Live),
                visible::of_project(&seen)
            );
            let found = connection.prepare_cached(&sql)?.query_row(
                named_params! {
                    ":organization": organization.as_bytes(),
                    ":number": number.cast_signed(),
                    ":visible": visible::bound(&seen),
                    ":at": i64::MAX - 1,
                },
                read,
            );
            Ok(found.optional()?)
        })
        .await
    }
}
