//! The files that the secret of an incident stands or stood in.

use crate::project::visible;
use crate::store::column::id;
use crate::store::{ReadError, Views};
use rusqlite::named_params;
use scanledger_domain::id::{OrganizationId, ProjectId};
use scanledger_domain::identity::Visible;
use scanledger_domain::limits::PERIMETER_FILES;
use scanledger_domain::log::Position;
use std::collections::{BTreeMap, BTreeSet};

impl Views {
    /// The files of the incident with a number, by project, as far as the caller sees them: the first
    /// [`PERIMETER_FILES`] that it came to stand in.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn incident_files(
        &self,
        organization: OrganizationId,
        visible: Visible,
        incident: Position,
    ) -> Result<BTreeMap<ProjectId, BTreeSet<String>>, ReadError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(&statement(&visible))?;
            let mut rows = statement.query(named_params! {
                ":organization": organization.as_bytes(),
                ":visible": visible::bound(&visible),
                ":incident": incident.0.cast_signed(),
                ":limit": PERIMETER_FILES,
            })?;
            let mut files: BTreeMap<ProjectId, BTreeSet<String>> = BTreeMap::new();
            while let Some(row) = rows.next()? {
                files.entry(ProjectId(id(row, 0)?)).or_default().insert(row.get(1)?);
            }
            Ok(files)
        })
        .await
    }
}

/// Places come in the order of the index, so that nothing behind the limit is read or kept.
fn statement(visible: &Visible) -> String {
    format!(
        "SELECT DISTINCT p.id, o.path FROM incident i
         CROSS JOIN incident_occurrence o INDEXED BY incident_occurrence_incident ON o.incident = i.id
         CROSS JOIN project p ON p.key = o.project AND p.deleted IS NULL AND {}
         WHERE i.key = :incident AND i.organization = (SELECT key FROM organization WHERE id = :organization)
         LIMIT :limit",
        visible::of_project(visible)
    )
}

#[cfg(test)]
mod tests {
    use super::statement;
    use crate::plan::Plan;
    use scanledger_domain::identity::Visible;

    #[test]
    fn the_places_of_one_incident_are_read_along_their_index() {
        let plan = Plan::of(&statement(&Visible::All));
        plan.has("SEARCH o USING INDEX incident_occurrence_incident (incident=?)");
        plan.scans_no_table();
    }
}
