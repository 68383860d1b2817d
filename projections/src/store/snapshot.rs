//! A consistent copy of the read models, taken beside whoever writes them.

use super::{Reading, open_reader, views_path};
use rusqlite::Connection;
use rusqlite::backup::Backup;
use scanledger_domain::id::EventId;
use scanledger_domain::log::Position;
use std::path::Path;
use std::time::Duration;
use uuid::Uuid;

/// The `user_version` of a copy with events that could not be applied: whoever goes on with it has not tried them.
const UNTRIED: i32 = 1;

/// Where a copy stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Snapshot {
    /// The last event in it.
    pub position: Position,
    /// Its id; none if there is no event.
    pub event: Option<EventId>,
    /// Events that could not be applied.
    pub parked: u64,
}

/// Takes the views file `from`, made elsewhere for the same log, as the views of `folder`, unless `folder` has views of
/// this revision. The projector builds on it if the log holds what it says, and anew otherwise. Moves the file.
///
/// # Errors
/// When the folder cannot be written.
pub fn adopt(folder: &Path, from: &Path) -> std::io::Result<bool> {
    let path = views_path(folder);
    if path.exists() {
        return Ok(false);
    }
    std::fs::rename(from, path).map(|()| true)
}

/// Whether `folder` has views of this revision.
pub fn has_views(folder: &Path) -> bool {
    views_path(folder).exists()
}

/// Whether events could not be applied where these views were copied, and were not tried since.
pub(crate) fn is_untried(connection: &Connection) -> rusqlite::Result<bool> {
    connection.pragma_query_value(None, "user_version", |row| Ok(row.get::<_, i32>(0)? == UNTRIED))
}

/// Copies the views of `folder` to the file `to`; `None` if there are none of this revision. Events that could not be
/// applied are missing in the copy as well, and it says so.
///
/// # Errors
/// When the file cannot be read or the copy cannot be written.
pub fn snapshot(folder: &Path, to: &Path) -> rusqlite::Result<Option<Snapshot>> {
    let path = views_path(folder);
    if !path.exists() {
        return Ok(None);
    }
    let source = open_reader(&path, Reading::Queries)?;
    let mut copy = Connection::open(to)?;
    // All pages in one step hold one read lock: the copy is of one moment.
    Backup::new(&source, &mut copy)?.run_to_completion(i32::MAX, Duration::ZERO, None)?;
    let (position, event): (i64, Option<[u8; 16]>) =
        copy.query_row("SELECT position, event FROM checkpoint", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let parked: i64 = copy.query_row("SELECT count(*) FROM parked", [], |row| row.get(0))?;
    if parked > 0 {
        copy.pragma_update(None, "user_version", UNTRIED)?;
    }
    copy.close().map_err(|(_, error)| error)?;
    Ok(Some(Snapshot {
        position: Position(position.cast_unsigned()),
        event: event.map(|id| EventId(Uuid::from_bytes(id))),
        parked: parked.cast_unsigned(),
    }))
}
