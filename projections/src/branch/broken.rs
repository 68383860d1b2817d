//! Branches of which the read models say something else than the log.

use crate::store::column::{id, json};
use crate::store::{Reading, open_reader};
use rusqlite::{Connection, OptionalExtension};
use scanledger_domain::branch::{BaseBranch, BranchEvent, InventoryDigest, Soundness};
use scanledger_domain::event::Event;
use scanledger_domain::id::{BranchId, ProjectId};
use std::path::Path;

/// A branch on which something else is than the end of its last scan said, or whose rows do not add up.
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
const BASE: &str = "SELECT mismatch IS NOT NULL, base FROM branch WHERE id = ?1";

/// How many there are; an index has them alone.
pub(crate) fn count_broken(connection: &Connection) -> rusqlite::Result<u64> {
    let count: i64 = connection.prepare_cached(COUNT)?.query_row([], |row| row.get(0))?;
    Ok(count.cast_unsigned())
}

/// Whether there may be more or fewer of them after an event: only the end of a scan says what is on its branch.
pub(crate) const fn may_break(event: &Event) -> bool {
    matches!(event, Event::Branch(BranchEvent::Scanned(_)))
}

/// Over the rows of what is on a branch; reads all of them.
pub(super) fn rows_digest(connection: &Connection, branch: i64) -> rusqlite::Result<InventoryDigest> {
    let mut digests = connection.prepare_cached(
        "SELECT digest FROM presence WHERE branch = ?1 AND valid_to = 9223372036854775807
         UNION ALL SELECT digest FROM component WHERE branch = ?1 AND valid_to = 9223372036854775807",
    )?;
    let mut digest = InventoryDigest::default();
    let mut rows = digests.query([branch])?;
    while let Some(row) = rows.next()? {
        digest = digest.plus(InventoryDigest::from_bytes(row.get(0)?));
    }
    Ok(digest)
}

/// Reports a branch whose rows do not add up to its digest, unless it is reported already.
pub(crate) fn report_broken(connection: &Connection, branch: BranchId) -> rusqlite::Result<()> {
    let found: Option<(i64, [u8; 16])> = connection
        .prepare_cached("SELECT key, digest FROM branch WHERE id = ?1 AND mismatch IS NULL")?
        .query_row([branch.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((key, digest)) = found else { return Ok(()) };
    let digest = InventoryDigest::from_bytes(digest);
    if rows_digest(connection, key)? != digest {
        tracing::error!(
            branch.id = %branch,
            "the rows of a branch are not what they were: the read models are broken, rebuild them"
        );
        connection
            .prepare_cached("UPDATE branch SET mismatch = ?2 WHERE key = ?1")?
            .execute((key, format!("{digest:?}")))?;
    }
    Ok(())
}

/// Whether what a branch was opened with is what the log says, as far as it is known: the branch that it started from, and
/// what that one had started from by then, may have been broken at that time.
pub(super) fn soundness_of_base(
    connection: &Connection,
    mut base: Option<BaseBranch>,
) -> rusqlite::Result<Soundness> {
    let mut statement = connection.prepare_cached(BASE)?;
    while let Some(BaseBranch { branch, position }) = base {
        let found: Option<(bool, Option<BaseBranch>)> =
            statement.query_row([branch.as_bytes()], |row| Ok((row.get(0)?, json(row, 1)?))).optional()?;
        match found {
            Some((true, _)) => return Ok(Soundness::Broken),
            // One that lies later belongs to another opening, and branches that start from each other have no end.
            Some((false, before)) => base = before.filter(|before| before.position < position),
            None => break,
        }
    }
    Ok(Soundness::Sound)
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
    use super::{BASE, COUNT};
    use crate::plan::Plan;

    #[test]
    fn counting_looks_at_nothing_else() {
        Plan::of(COUNT).has("USING INDEX branch_broken");
    }

    #[test]
    fn what_a_branch_started_from_is_found_by_its_id() {
        Plan::of(BASE).scans_no_table();
    }
}
