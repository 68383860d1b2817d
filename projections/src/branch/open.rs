//! Branches that are open, as whoever closes them sees them.

use crate::store::column::id;
use crate::store::{ReadError, Views};
use rusqlite::{OptionalExtension, Row, params};
use scanledger_domain::branch::BranchRole;
use scanledger_domain::id::{BranchId, OrganizationId, ProjectId};
use scanledger_domain::log::Version;
use scanledger_domain::time::Timestamp;

/// A branch that is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenBranch {
    /// The branch.
    pub branch: BranchId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// The version of its stream.
    pub version: Version,
    /// What it is to its project.
    pub role: BranchRole,
    /// When results of it were last complete or, without any, when it was opened.
    pub heard_at: Timestamp,
}

macro_rules! open_branches {
    () => {
        "SELECT b.id, o.id, b.version, b.heard_at, b.name = d.default_branch FROM branch b
         CROSS JOIN project p ON p.key = b.project AND p.deleted IS NULL
         CROSS JOIN project_detail d ON d.project = p.key AND d.valid_to = 9223372036854775807
         CROSS JOIN organization o ON o.key = b.organization
         WHERE b.closed IS NULL AND "
    };
}

const NAMED: &str =
    concat!(open_branches!(), "b.project = (SELECT key FROM project WHERE id = ?1) AND b.name = ?2");
const SILENT: &str = concat!(
    open_branches!(),
    "b.heard_at <= ?1 AND (b.heard_at, b.id) > (?2, ?3) ORDER BY b.heard_at, b.id LIMIT ?4"
);

impl Views {
    /// The branch of a project that is called `name`; none if it is not open, or the project was deleted.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn open_branch(&self, project: ProjectId, name: &str) -> Result<Option<OpenBranch>, ReadError> {
        let name = name.to_owned();
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(NAMED)?;
            Ok(statement.query_row(params![project.as_bytes(), name], read).optional()?)
        })
        .await
    }

    /// Open branches of projects that were not deleted, default branches among them, of which nothing was heard since
    /// `before`: those heard of longest ago first, then by id, at most `limit`, and after the one that `after` tells by
    /// both.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn silent_branches(
        &self,
        before: Timestamp,
        after: Option<(Timestamp, BranchId)>,
        limit: u32,
    ) -> Result<Vec<OpenBranch>, ReadError> {
        self.read(move |connection| {
            let (heard_at, branch) = match &after {
                Some((heard_at, branch)) => (heard_at.0, &branch.as_bytes()[..]),
                None => (i64::MIN, &[][..]),
            };
            let mut statement = connection.prepare_cached(SILENT)?;
            let rows = statement.query_map(params![before.0, heard_at, branch, limit], read)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<OpenBranch> {
    Ok(OpenBranch {
        branch: BranchId(id(row, 0)?),
        organization: OrganizationId(id(row, 1)?),
        version: Version(row.get::<_, i64>(2)?.cast_unsigned()),
        role: if row.get(4)? { BranchRole::Default } else { BranchRole::Other },
        heard_at: Timestamp(row.get(3)?),
    })
}

#[cfg(test)]
mod tests {
    use super::{NAMED, SILENT};
    use crate::plan::Plan;

    #[test]
    fn silent_branches_are_found_in_their_order() {
        let plan = Plan::of(SILENT);
        plan.has("branch_heard");
        plan.scans_no_table();
        plan.sorts_nothing();
    }

    #[test]
    fn a_branch_is_found_by_its_name() {
        let plan = Plan::of(NAMED);
        plan.has("branch_project");
        plan.scans_no_table();
    }
}
