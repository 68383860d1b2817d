//! Files in folders that cannot be written.

use super::{StoreError, connect, schema};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::path::{Path, PathBuf};

/// What stands in the path of a URI for itself.
const PLAIN: AsciiSet = NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_');

/// A connection to the store at `path` that only reads, and the schema of the store.
pub(super) fn read_only(path: &Path) -> Result<(Connection, u32), StoreError> {
    match with_schema(connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)) {
        Err(StoreError::Failed { source, .. }) if wants_to_write(&source) && !has_log(path) => {
            with_schema(immutable(path))
        }
        opened => opened,
    }
}

fn with_schema(connected: Result<Connection, StoreError>) -> Result<(Connection, u32), StoreError> {
    let connection = connected?;
    let schema = schema(&connection)?;
    Ok((connection, schema))
}

/// Whether a reader failed because it could make no files beside the store.
fn wants_to_write(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen))
}

/// Whether something may be in the log that is not in the file.
fn has_log(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    PathBuf::from(log).metadata().is_ok_and(|log| log.len() > 0)
}

/// Reads the file alone, as one that nobody writes.
fn immutable(path: &Path) -> Result<Connection, StoreError> {
    let scheme = if path.is_absolute() { "file://" } else { "file:" };
    let path = percent_encode(path.as_os_str().as_encoded_bytes(), &PLAIN);
    let uri = format!("{scheme}{path}?immutable=1");
    connect(Path::new(&uri), OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI)
}

#[cfg(test)]
mod tests {
    use super::{has_log, immutable};
    use crate::store::{AdvisoryStore, schema};
    use scanledger_domain::advisory::AdvisoryIndex;
    use std::fs;

    #[test]
    fn a_store_beside_which_nothing_can_be_made_is_read_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let written = folder.path().join("advisories.db");
        drop(AdvisoryStore::open(&written).unwrap());
        // Nobody, not even root, can make a file here whose name is longer by `-shm`.
        let path = folder.path().join("n".repeat(253));
        fs::rename(written, &path).unwrap();
        let store = AdvisoryStore::open_read_only(&path).unwrap();
        assert_eq!((store.generation(), store.ecosystems()), (None, vec![]));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_log_with_something_in_it_is_not_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        assert!(!has_log(&path));
        fs::write(folder.path().join("a.db-wal"), "").unwrap();
        assert!(!has_log(&path));
        fs::write(folder.path().join("a.db-wal"), "x").unwrap();
        assert!(has_log(&path));
    }

    #[test]
    fn a_path_means_itself_in_a_uri() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a b?c=1#d%20.db", "ä\\.db", "plain.db"] {
            let path = folder.path().join(name);
            drop(AdvisoryStore::open(&path).unwrap());
            assert!(schema(&immutable(&path).unwrap()).unwrap() > 0, "{name}");
        }
    }
}
