//! Branches of which the read models say something else than the log.

use crate::store::column::id;
use crate::store::{Reading, open_reader};
use rusqlite::Connection;
use scanledger_domain::branch::BranchEvent;
use scanledger_domain::event::Event;
use scanledger_domain::id::{BranchId, ProjectId};
use std::path::Path;

/// A branch on which something else is than the end of its last scan said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenBranch {
    /// Its id.
    pub id: BranchId,
    /// Of which project.
    pub project: ProjectId,
    /// Its name.
    pub name: String,
}

const COUNT: &str = "SELECT count(*) FROM branch WHERE mismatch IS NOT NULL";

/// How many there are; an index has them alone.
pub(crate) fn count_broken(connection: &Connection) -> rusqlite::Result<u64> {
    let count: i64 = connection.prepare_cached(COUNT)?.query_row([], |row| row.get(0))?;
    Ok(count.cast_unsigned())
}

/// Whether there may be more or fewer of them after an event: only the end of a scan says what is on its branch.
pub(crate) const fn may_break(event: &Event) -> bool {
    matches!(event, Event::Branch(BranchEvent::Scanned(_)))
}

/// Which there are in the read models in the file at `path`, in the order in which they were opened. Blocks.
///
/// # Errors
/// When the file cannot be read.
pub fn broken_branches(path: &Path) -> rusqlite::Result<Vec<BrokenBranch>> {
    let connection = open_reader(path, Reading::Queries)?;
    let mut statement = connection.prepare(
        "SELECT b.id, p.id, b.name FROM branch b JOIN project p ON p.key = b.project
         WHERE b.mismatch IS NOT NULL ORDER BY b.key",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(BrokenBranch { id: BranchId(id(row, 0)?), project: ProjectId(id(row, 1)?), name: row.get(2)? })
    })?;
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::COUNT;
    use crate::plan::Plan;

    #[test]
    fn counting_looks_at_nothing_else() {
        Plan::of(COUNT).has("USING INDEX branch_broken");
    }
}
