//! Moving what was written from the write-ahead log into the views file, beside the writer.
//!
//! A writer that does this itself stands still for as long as it takes, a tenth of a second at a time, and everybody
//! who waits to see what they wrote stands still with it. SQLite lets another connection move pages while the writer
//! writes on. Only what was written meanwhile is left to the writer, because the log can only begin anew at a moment
//! when nothing is in it that the file does not have.

use rusqlite::Connection;
use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Pages in the write-ahead log from which on they are moved: 64 MiB.
const MOVED_FROM: i32 = 8_000;
/// So many times that, the writer moves them itself after every commit until the log is empty, and waits if the thread is
/// at it: it writes more than the thread beside it can move.
const WRITERS_OWN: i32 = 4;
/// How long it waits before it looks whether the thread still is.
const MOMENT: Duration = Duration::from_millis(1);
/// Rounds of the thread, each of which moves what was written during the one before. More than this and it would
/// mostly move the same pages again.
const ROUNDS: usize = 4;

thread_local! {
    /// How many pages the write-ahead log had after the last commit of this thread. SQLite tells it to a plain
    /// function, which has nowhere else to put it.
    static PAGES: Cell<i32> = const { Cell::new(0) };
}

/// Keeps the write-ahead log of one file short. It has a thread and a connection from when they are first needed, which
/// for most files is never. Dropping it waits for the round in hand.
pub(crate) struct Mover {
    path: PathBuf,
    beside: Option<Beside>,
    /// The length of the log from which on it is moved.
    from: i32,
    /// The length at which the thread is asked again.
    next: i32,
}

/// The thread beside the writer.
struct Beside {
    wanted: Option<SyncSender<()>>,
    moved: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Mover {
    /// Takes over from SQLite's own rule for the connection of the writer of `path`.
    pub(crate) fn new(writer: &Connection, path: &Path) -> Self {
        Self::moving_from(MOVED_FROM, writer, path)
    }

    fn moving_from(from: i32, writer: &Connection, path: &Path) -> Self {
        writer.wal_hook(Some(|_, pages| {
            PAGES.set(pages);
            Ok(())
        }));
        Self { path: path.to_owned(), beside: None, from, next: from }
    }

    /// To be called on the thread that just committed.
    pub(crate) fn committed(&mut self, writer: &Connection) -> rusqlite::Result<()> {
        let pages = PAGES.get();
        if pages < self.from {
            self.next = self.from;
            return Ok(());
        }
        let is_nearly_moved =
            self.beside.as_ref().is_some_and(|beside| beside.moved.swap(false, Ordering::AcqRel));
        if pages >= self.from.saturating_mul(WRITERS_OWN) {
            while passive(writer)? == Left::Everything {
                std::thread::sleep(MOMENT);
            }
        } else if is_nearly_moved {
            passive(writer)?;
        } else if pages >= self.next {
            self.next = pages.saturating_add(self.from);
            let beside = match self.beside.take() {
                Some(beside) => beside,
                None => Beside::start(&self.path)?,
            };
            self.beside.insert(beside).ask();
        }
        Ok(())
    }
}

impl Beside {
    fn start(path: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        let (wanted, orders) = sync_channel(1);
        let moved = Arc::new(AtomicBool::new(false));
        let done = Arc::clone(&moved);
        let thread = std::thread::Builder::new()
            .name("views-wal".to_owned())
            .spawn(move || move_pages(&connection, &orders, &done))
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        Ok(Self { wanted: Some(wanted), moved, thread: Some(thread) })
    }

    fn ask(&self) {
        // If it is full, the thread has not begun with what it was asked before.
        let _ = self.wanted.as_ref().map(|wanted| wanted.try_send(()));
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        drop(self.wanted.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn move_pages(connection: &Connection, orders: &Receiver<()>, done: &AtomicBool) {
    while orders.recv().is_ok() {
        for _ in 0..ROUNDS {
            match passive(connection) {
                Ok(Left::Nothing) => break,
                Ok(Left::Some | Left::Everything) => (),
                Err(error) => {
                    tracing::warn!("the write-ahead log of the read models was not moved: {error}");
                    break;
                }
            }
        }
        done.store(true, Ordering::Release);
    }
}

/// What a round left in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    Nothing,
    Some,
    /// Another connection is at it.
    Everything,
}

/// Moves what no reader holds back, without waiting for anybody.
fn passive(connection: &Connection) -> rusqlite::Result<Left> {
    connection.prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")?.query_row([], |row| {
        let (is_busy, pages, moved): (bool, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(match is_busy {
            true => Left::Everything,
            false if pages == moved => Left::Nothing,
            false => Left::Some,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{Mover, WRITERS_OWN};
    use crate::store::open_writer;
    use rusqlite::Connection;

    const FROM: i32 = 64;
    const PAGE: u64 = 8_192;

    /// Rows that each take a page of their own.
    fn write(connection: &Connection, rows: i64) {
        let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
                   INSERT INTO big SELECT randomblob(8000) FROM n";
        connection.execute(sql, [rows]).unwrap();
    }

    #[test]
    fn a_writer_without_a_pause_does_not_let_the_log_grow_for_ever_and_a_pause_lets_it_begin_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("views.db");
        let writer = open_writer(&path).unwrap();
        writer.execute_batch("CREATE TABLE big (bytes BLOB)").unwrap();
        let mut mover = Mover::moving_from(FROM, &writer, &path);
        let length = || folder.path().join("views.db-wal").metadata().unwrap().len() / PAGE;
        for _ in 0..1_000 {
            write(&writer, 4);
            mover.committed(&writer).unwrap();
        }
        let most = u64::try_from(FROM * (WRITERS_OWN + 1)).unwrap();
        assert!(length() <= most, "{} pages", length());
        drop(mover);
        let other = Connection::open(&path).unwrap();
        let rows: i64 = other.query_row("SELECT count(*) FROM big", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 4_000);
    }

    #[test]
    fn the_thread_moves_pages_without_the_writer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("views.db");
        let writer = open_writer(&path).unwrap();
        writer.execute_batch("CREATE TABLE big (bytes BLOB)").unwrap();
        let mut mover = Mover::moving_from(FROM, &writer, &path);
        let before = path.metadata().unwrap().len();
        write(&writer, 2 * i64::from(FROM));
        mover.committed(&writer).unwrap();
        // Waits for the round in hand.
        drop(mover);
        let after = path.metadata().unwrap().len();
        assert!(after >= before + 2 * u64::try_from(FROM).unwrap() * PAGE, "{before} and {after} bytes");
    }
}
