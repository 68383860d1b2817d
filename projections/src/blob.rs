//! Which blobs the log names, so that those which nothing names any more can be removed.
//!
//! A source, an artifact or a log belongs to its scan. An excerpt, and what a client's scan covered, belong to the
//! project: they tell of what is or was on a branch, which outlives the scan. Advisories belong to everybody.

use crate::at::FOREVER;
use crate::project::batch::hex_ids;
use crate::store::column::{id, to_json};
use crate::store::{ReadError, Reading, Views, open_reader};
use rusqlite::{Connection, Row, named_params, params};
use scanledger_domain::advisory::AdvisoryEvent;
use scanledger_domain::blob::{BlobHash, BlobUse, Deleted, Deletion};
use scanledger_domain::branch::BranchEvent;
use scanledger_domain::event::NamedBlob;
use scanledger_domain::id::{ProjectId, ScanId};
use scanledger_domain::log::Position;
use scanledger_domain::scan::ScanEvent;
use std::path::Path;

/// Stands for no project or no scan in particular.
const NONE: i64 = 0;

/// What was deleted, in order of the log.
const DELETIONS: &str = "SELECT deleted, 0, id FROM scan WHERE deleted > ?1
     UNION ALL SELECT deleted, 1, id FROM project WHERE deleted > ?1 ORDER BY 1 LIMIT ?2";

/// The last blob of a project that was noted: the findings of a scan follow each other, and share their excerpts.
#[derive(Default)]
pub(crate) struct Excerpts {
    last: Option<(BlobHash, i64)>,
}

impl Excerpts {
    /// Notes that a project has what an event says of its branch.
    pub(crate) fn note(
        &mut self,
        tx: &Connection,
        project: i64,
        event: &BranchEvent,
    ) -> rusqlite::Result<()> {
        for NamedBlob { blob, .. } in event.blobs() {
            if self.last != Some((blob, project)) {
                note(tx, blob, project, NONE)?;
                self.last = Some((blob, project));
            }
        }
        Ok(())
    }
}

/// Notes what an event says of the blobs of its scan.
pub(crate) fn note_scan(tx: &Connection, project: i64, scan: i64, event: &ScanEvent) -> rusqlite::Result<()> {
    event.blobs().into_iter().try_for_each(|named| note(tx, named.blob, project, scan))
}

/// Notes what an import of advisories names.
pub(crate) fn note_advisories(tx: &Connection, event: &AdvisoryEvent) -> rusqlite::Result<()> {
    event.blobs().into_iter().try_for_each(|named| note(tx, named.blob, NONE, NONE))
}

fn note(tx: &Connection, blob: BlobHash, project: i64, scan: i64) -> rusqlite::Result<()> {
    tx.prepare_cached("INSERT OR IGNORE INTO blob_use (blob, project, scan) VALUES (?1, ?2, ?3)")?
        .execute(params![blob.0, project, scan])?;
    Ok(())
}

/// The blobs that some scans and projects name, each with the last deletion of what named it; [`FOREVER`] if something
/// that was not deleted does.
fn uses() -> String {
    format!(
        "SELECT w.blob, coalesce(({living}), ({last}))
         FROM (
             SELECT u.blob FROM json_each(:scans) j CROSS JOIN scan s ON s.id = unhex(j.value)
                 CROSS JOIN blob_use u ON u.project = s.project AND u.scan = s.key
             UNION
             SELECT u.blob FROM json_each(:projects) j CROSS JOIN project p ON p.id = unhex(j.value)
                 CROSS JOIN blob_use u ON u.project = p.key
         ) w",
        living = living("w.blob"),
        last = last("w.blob"),
    )
}

/// As [`uses`], of some blobs, those that something ever named.
fn uses_by_hash() -> String {
    format!(
        "SELECT w.blob, coalesce(({living}), ({last}))
         FROM (SELECT unhex(j.value) AS blob FROM json_each(:blobs) j) w
         WHERE EXISTS (SELECT 1 FROM blob_use u WHERE u.blob = w.blob)",
        living = living("w.blob"),
        last = last("w.blob"),
    )
}

/// Something that names a blob and was not deleted. The newest first, since mostly the old are deleted: some blobs have
/// as many uses as there are scans.
fn living(blob: &str) -> String {
    format!(
        "SELECT {FOREVER} FROM blob_use u
         LEFT JOIN project p ON p.key = u.project LEFT JOIN scan s ON s.key = u.scan
         WHERE u.blob = {blob} AND (u.project = {NONE} OR (p.deleted IS NULL AND s.deleted IS NULL))
         ORDER BY u.project DESC, u.scan DESC LIMIT 1"
    )
}

/// The last deletion of what names a blob, if all of it was deleted.
fn last(blob: &str) -> String {
    format!(
        "SELECT max(max(coalesce(p.deleted, 0), coalesce(s.deleted, 0))) FROM blob_use u
         LEFT JOIN project p ON p.key = u.project LEFT JOIN scan s ON s.key = u.scan
         WHERE u.blob = {blob}"
    )
}

/// Every blob that something names which was not deleted.
const LIVING: &str = "SELECT DISTINCT u.blob FROM blob_use u
     LEFT JOIN project p ON p.key = u.project LEFT JOIN scan s ON s.key = u.scan
     WHERE u.project = 0 OR (p.deleted IS NULL AND s.deleted IS NULL) ORDER BY u.blob";

/// Every blob that something names which was not deleted, as the read models in the file at `path` know it, in the order
/// of their hashes. Blocks.
///
/// # Errors
/// When the file cannot be read.
pub fn living_blobs(path: &Path) -> rusqlite::Result<Vec<BlobHash>> {
    let connection = open_reader(path, Reading::Queries)?;
    let mut statement = connection.prepare(LIVING)?;
    let rows = statement.query_map([], |row| Ok(BlobHash(row.get(0)?)))?;
    rows.collect()
}

fn read_use(row: &Row<'_>) -> rusqlite::Result<(BlobHash, BlobUse)> {
    let last = row.get::<_, i64>(1)?;
    let is = match last {
        FOREVER => BlobUse::Used,
        last => BlobUse::UnusedSince(Position(last.cast_unsigned())),
    };
    Ok((BlobHash(row.get(0)?), is))
}

impl Views {
    /// What was deleted after a position, in order, at most so much.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn deletions(&self, after: Position, limit: usize) -> Result<Vec<Deletion>, ReadError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(DELETIONS)?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = statement.query_map(params![after.0.cast_signed(), limit], |row| {
                let what = match row.get(1)? {
                    0 => Deleted::Scan(ScanId(id(row, 2)?)),
                    _ => Deleted::Project(ProjectId(id(row, 2)?)),
                };
                Ok(Deletion { position: Position(row.get::<_, i64>(0)?.cast_unsigned()), what })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Every blob that something of these names, once, and whether anything that was not deleted names it too. One
    /// query.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn blobs_of(&self, what: Vec<Deleted>) -> Result<Vec<(BlobHash, BlobUse)>, ReadError> {
        self.read(move |connection| {
            let (mut scans, mut projects) = (vec![], vec![]);
            for deleted in what {
                match deleted {
                    Deleted::Scan(scan) => scans.push(scan.0),
                    Deleted::Project(project) => projects.push(project.0),
                }
            }
            let mut statement = connection.prepare_cached(&uses())?;
            let named = named_params! {
                ":scans": hex_ids(scans.into_iter()),
                ":projects": hex_ids(projects.into_iter()),
            };
            let rows = statement.query_map(named, read_use)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Each of `blobs` that anything ever named, once, and whether anything that was not deleted does. One query.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn uses_of(&self, blobs: Vec<BlobHash>) -> Result<Vec<(BlobHash, BlobUse)>, ReadError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(&uses_by_hash())?;
            let rows = statement.query_map(named_params! { ":blobs": to_json(&blobs) }, read_use)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::{DELETIONS, LIVING, last, living, uses, uses_by_hash};
    use crate::plan::Plan;

    #[test]
    fn deletions_and_uses_are_found_by_their_indexes() {
        let plan = Plan::of(DELETIONS);
        plan.has("scan_deleted (deleted>?");
        plan.has("project_deleted (deleted>?");
        plan.scans_no_table();
        let plan = Plan::of(&uses());
        plan.has("blob_use_project (project=? AND scan=?)");
        plan.has("blob_use_project (project=?)");
        plan.has("PRIMARY KEY (blob=?");
        plan.scans_no_table();
        let plan = Plan::of(&uses_by_hash());
        plan.has("PRIMARY KEY (blob=?");
        plan.scans_no_table();
    }

    #[test]
    fn all_that_is_named_is_read_in_its_order() {
        Plan::of(LIVING).sorts_nothing();
    }

    #[test]
    fn the_newest_use_is_looked_at_first_and_no_other_if_it_lives() {
        for sql in [living("?1"), last("?1")] {
            let plan = Plan::of(&sql);
            plan.has("PRIMARY KEY (blob=?");
            plan.scans_no_table();
            plan.sorts_nothing();
        }
    }
}
