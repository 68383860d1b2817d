//! Views files: their schema, revision and names.

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use scanledger_domain::limits::PREPARED_VIEWS;
use scanledger_domain::time::Timestamp;
use sha2::{Digest, Sha256};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

const SCHEMA: &str = include_str!("../../../migrations/views/views.sql");

/// Counts changes of the projections' logic: raise it whenever the same events give other rows.
pub const REVISION: u32 = 9;

/// What this process keeps its read models as.
static KEPT: OnceLock<Kept> = OnceLock::new();

#[derive(Debug)]
struct Kept {
    schema: String,
    name: String,
}

impl Kept {
    fn new(schema: String, revision: u32) -> Self {
        let mut hash = Sha256::new();
        hash.update(&schema);
        hash.update(revision.to_be_bytes());
        let name = hex::encode(&hash.finalize()[..6]);
        Self { schema, name }
    }
}

fn kept() -> &'static Kept {
    KEPT.get_or_init(|| Kept::new(SCHEMA.to_owned(), REVISION))
}

/// Names the shape and the logic of the read models: 12 hex digits over the schema and [`REVISION`].
pub fn revision() -> &'static str {
    &kept().name
}

/// Has this process keep its read models as a version to come would, whose schema has `more` at its end and whose
/// [`REVISION`] is the next one; `false` if it keeps some already. For a program that stands in for that version, where
/// an upgrade is tried out before there is one.
#[must_use]
pub fn keep_as_next(more: &str) -> bool {
    KEPT.set(Kept::new(format!("{SCHEMA}\n{more}"), REVISION + 1)).is_ok()
}

/// The views file of this revision in `folder`: the one with the highest number, or the first if there is none.
pub(crate) fn views_path(folder: &Path) -> PathBuf {
    let number = numbers(folder).into_iter().max().unwrap_or(1);
    folder.join(file_name(number))
}

/// The name for the file that replaces `current`.
pub(crate) fn next_path(folder: &Path) -> PathBuf {
    folder.join(file_name(numbers(folder).into_iter().max().unwrap_or(0) + 1))
}

fn file_name(number: u32) -> String {
    format!("views-{}-{number}.db", revision())
}

fn numbers(folder: &Path) -> Vec<u32> {
    let prefix = format!("views-{}-", revision());
    let Ok(entries) = std::fs::read_dir(folder) else { return vec![] };
    entries
        .filter_map(|entry| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            name.strip_prefix(&prefix)?.strip_suffix(".db")?.parse().ok()
        })
        .collect()
}

/// Removes views files of this revision other than `keep`, and what a build that never ended left behind.
pub(crate) fn prune(folder: &Path, keep: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let kept = keep.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    let prefix = format!("views-{}-", revision());
    for entry in entries.flatten() {
        let name = entry.file_name().into_string().unwrap_or_default();
        if name.starts_with(&prefix) && !name.starts_with(&kept) {
            // A file that cannot be removed is tried again at the next start.
            drop(std::fs::remove_file(entry.path()));
        }
    }
}

/// Which views files of other revisions are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// Those of versions that served the folder before; not those that were prepared for one to come within
    /// [`PREPARED_VIEWS`] before `now`.
    Former {
        /// What time it is.
        now: Timestamp,
    },
    /// All of them.
    All,
}

/// Removes views files of other revisions from `folder`; answers how many files there were.
///
/// # Errors
/// When the folder cannot be read or a file cannot be removed.
pub fn remove_other_revisions(folder: &Path, which: Others) -> io::Result<usize> {
    let mut files = Vec::new();
    let mut marks = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let Some((of, rest)) = name.strip_prefix("views-").and_then(|name| name.split_once(['-', '.']))
        else {
            continue;
        };
        // Anything else is somebody else's, whatever it is called.
        if of == revision()
            || of.len() != revision().len()
            || !of.bytes().all(|byte| byte.is_ascii_hexdigit())
        {
            continue;
        }
        if rest == PREPARED {
            match marked_at(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                at => marks.push((of.to_owned(), at?)),
            }
        }
        files.push((of.to_owned(), path.clone()));
    }
    if let Others::Former { now } = which {
        let kept = i64::try_from(PREPARED_VIEWS.as_micros()).unwrap_or(i64::MAX);
        marks.retain(|(_, at)| now.0.saturating_sub(at.0) <= kept);
        files.retain(|(of, _)| !marks.iter().any(|(prepared, _)| prepared == of));
    }
    for (_, path) in &files {
        match std::fs::remove_file(path) {
            // Its owner, who was ending at this moment, removed it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => (),
            removed => removed?,
        }
    }
    Ok(files.len())
}

/// What the name of the mark ends with that keeps the files of a revision until a server of it opens them.
const PREPARED: &str = "prepared";

/// When a revision was marked.
fn marked_at(mark: &Path) -> io::Result<Timestamp> {
    let since_1970 = std::fs::metadata(mark)?.modified()?.duration_since(std::time::UNIX_EPOCH);
    // A clock that stands before 1970 makes it old, and what is missing is built again.
    Ok(Timestamp(since_1970.map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX))))
}

fn mark(folder: &Path) -> PathBuf {
    folder.join(format!("views-{}.{PREPARED}", revision()))
}

/// Marks the files of this revision as prepared for a version that is to serve the folder later.
pub(crate) fn mark_prepared(folder: &Path) -> io::Result<()> {
    std::fs::File::create(mark(folder)).map(drop)
}

/// Takes the mark away: this revision is served from now on.
pub(crate) fn unmark_prepared(folder: &Path) -> io::Result<()> {
    match std::fs::remove_file(mark(folder)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Opens or creates a views file for writing.
pub(crate) fn open_writer(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "page_size", 8192)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    // SQLite looks through all of it at each commit in which a page of an index was split, so more is slower.
    connection.pragma_update(None, "cache_size", -8_192)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    keep_plans(&connection)?;
    connection.set_prepared_statement_cache_capacity(128);
    let is_empty: bool = connection.query_row(
        "SELECT count(*) = 0 FROM sqlite_schema WHERE name = 'checkpoint'",
        [],
        |row| row.get(0),
    )?;
    if is_empty {
        connection.execute_batch(&format!("BEGIN; {} COMMIT;", kept().schema))?;
    }
    Ok(connection)
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Whatever anybody asks: many rows.
    Queries,
    /// A few rows by their keys, again and again between writes.
    LookUps,
}

/// Opens a views file for reading.
pub(crate) fn open_reader(path: &Path, reading: Reading) -> rusqlite::Result<Connection> {
    use rusqlite::OpenFlags;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", -2_048)?;
    if reading == Reading::Queries {
        // After each write the whole map is made anew, which costs more than reading a few pages.
        connection.pragma_update(None, "mmap_size", 268_435_456)?;
    }
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    keep_plans(&connection)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Otherwise SQLite looks at bound values when it chooses among partial indexes, and compiles a cached statement
/// again whenever they change: 15 % of the time of a page of findings.
fn keep_plans(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Others, mark_prepared, marked_at, remove_other_revisions, revision, unmark_prepared};
    use scanledger_domain::limits::PREPARED_VIEWS;
    use scanledger_domain::time::Timestamp;
    use std::path::Path;

    const OLD: &str = "00000000aaaa";
    const NEXT: &str = "00000000bbbb";

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap().flatten();
        let mut names: Vec<_> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// A folder with files of three revisions, one of them prepared, and what is no file of read models.
    fn folder() -> (tempfile::TempDir, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let mut kept = vec!["log.db".to_owned(), "views-are-nice.db".to_owned(), "views-2026.db".to_owned()];
        kept.push(format!("views-{}-3.db", revision()));
        kept.push(format!("views-{}-3.db-wal", revision()));
        for name in &kept {
            std::fs::write(folder.path().join(name), b"").unwrap();
        }
        for name in ["-1.db", "-1.db-wal", "-1.db-shm", "-2.building", "-12.db"] {
            for revision in [OLD, NEXT] {
                std::fs::write(folder.path().join(format!("views-{revision}{name}")), b"").unwrap();
            }
        }
        std::fs::write(folder.path().join(format!("views-{NEXT}.prepared")), b"").unwrap();
        kept.sort();
        (folder, kept)
    }

    #[test]
    fn files_of_former_revisions_are_removed_and_what_was_prepared_stays_for_a_while() {
        let (folder, kept) = folder();
        let prepared = marked_at(&folder.path().join(format!("views-{NEXT}.prepared"))).unwrap();
        let last = Timestamp(prepared.0 + i64::try_from(PREPARED_VIEWS.as_micros()).unwrap());
        let remove = |now| remove_other_revisions(folder.path(), Others::Former { now }).unwrap();
        // A clock may go back.
        for (now, removed) in [(Timestamp(prepared.0 - 1), 5), (last, 0)] {
            assert_eq!(remove(now), removed);
            let (prepared, others): (Vec<_>, Vec<_>) =
                names(folder.path()).into_iter().partition(|name| name.contains(NEXT));
            assert_eq!((prepared.len(), &others), (6, &kept));
        }
        assert_eq!(remove(Timestamp(last.0 + 1)), 6);
        assert_eq!(names(folder.path()), kept);
    }

    #[test]
    fn what_is_prepared_again_stays_from_then_on() {
        let folder = tempfile::tempdir().unwrap();
        mark_prepared(folder.path()).unwrap();
        let mark = super::mark(folder.path());
        let long_ago = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1);
        std::fs::File::options().write(true).open(&mark).unwrap().set_modified(long_ago).unwrap();
        assert_eq!(marked_at(&mark).unwrap(), Timestamp(1_000_000));
        mark_prepared(folder.path()).unwrap();
        assert!(marked_at(&mark).unwrap() > Timestamp(1_000_000));
    }

    #[test]
    fn files_of_all_other_revisions_are_removed_if_that_is_asked_for() {
        let (folder, kept) = folder();
        assert_eq!(remove_other_revisions(folder.path(), Others::All).unwrap(), 11);
        assert_eq!(names(folder.path()), kept);
    }

    #[test]
    fn what_is_prepared_is_marked_until_it_is_served() {
        let folder = tempfile::tempdir().unwrap();
        mark_prepared(folder.path()).unwrap();
        assert_eq!(names(folder.path()), [format!("views-{}.prepared", revision())]);
        // Its own revision is never another one.
        assert_eq!(remove_other_revisions(folder.path(), Others::All).unwrap(), 0);
        for _ in 0..2 {
            unmark_prepared(folder.path()).unwrap();
            assert_eq!(names(folder.path()), Vec::<String>::new());
        }
    }
}
