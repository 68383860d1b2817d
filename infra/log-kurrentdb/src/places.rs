//! The index that KurrentDB has not: where an event with an id is, and which time it has in the log.
//!
//! It is computed from `$all` alone, in order, so every node comes to the same one, and a lost or broken file is
//! built again. Its transactions hold events together with the position they reach up to, so a crash repeats
//! nothing and skips nothing.

use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use scanledger_domain::Cause;
use scanledger_domain::id::EventId;
use scanledger_domain::log::{Appended, LogError, Position};
use scanledger_domain::time::Timestamp;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

use crate::envelope::Stored;
use crate::error::broken;

/// How long a transaction waits for that of another process on the same file.
const BUSY: Duration = Duration::from_secs(5);

/// The file's schema, by number; another one is thrown away.
const SCHEMA: i32 = 1;

/// A power cut may take the last transactions with it, and they are made again.
const TABLES: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    CREATE TABLE IF NOT EXISTS log (identity BLOB NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS place (
        position INTEGER PRIMARY KEY,
        id BLOB NOT NULL,
        recorded_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS place_by_id ON place (id);
";

/// An event of `$all`, as far as the index has to know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) position: Position,
    pub(crate) id: EventId,
    pub(crate) created: Timestamp,
}

impl From<&Stored> for Seen {
    fn from(event: &Stored) -> Self {
        Self { position: event.position, id: event.id, created: event.created }
    }
}

/// What the log knows of the ids of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// None of them.
    Nothing,
    /// All of them.
    All(Appended),
    /// Some of them.
    Partly,
}

/// The index, in a file of its own. Its calls block for less than a millisecond, except [`Places::put`].
#[derive(Debug)]
pub(crate) struct Places {
    connection: Mutex<Connection>,
}

type Result<T> = std::result::Result<T, LogError>;

impl Places {
    /// Opens the index of the log with this identity; what is there of another log or schema is thrown away.
    pub(crate) fn open(path: &Path, log: Uuid) -> Result<Self> {
        let opened = Connection::open(path).map_err(Cause::from).and_then(|mut connection| {
            connection.busy_timeout(BUSY)?;
            prepare(&mut connection, log)?;
            Ok(connection)
        });
        let connection = opened.map_err(broken("open the index of event ids"))?;
        Ok(Self { connection: Mutex::new(connection) })
    }

    /// The last event it has seen.
    pub(crate) fn last(&self) -> Result<Option<(Position, EventId)>> {
        self.read("find the end of the index of event ids", |connection| {
            connection
                .prepare_cached("SELECT position, id FROM place ORDER BY position DESC LIMIT 1")?
                .query_row((), |row| Ok((position(row.get(0)?), EventId(row.get(1)?))))
                .optional()
        })
    }

    /// Where it is known to be; the earliest place, if two nodes wrote it at the same moment to two streams.
    pub(crate) fn find(&self, id: EventId) -> Result<Option<Position>> {
        self.read("find an event", |connection| {
            let found = place(connection, id)?;
            Ok(found.map(|(position, _)| position))
        })
    }

    /// What is known of the events of a batch, given in order.
    pub(crate) fn known(&self, ids: &[EventId]) -> Result<Known> {
        self.read("find the events of a batch", |connection| {
            let mut found = Vec::with_capacity(ids.len());
            for id in ids {
                found.extend(place(connection, *id)?);
            }
            Ok(match (found.first(), found.last()) {
                (Some((first, _)), Some((last, recorded_at))) if found.len() == ids.len() => {
                    Known::All(Appended { first: *first, last: *last, recorded_at: *recorded_at })
                }
                (None, _) => Known::Nothing,
                _ => Known::Partly,
            })
        })
    }

    /// The last event at or before `after`: from there `$all` can be read, and from no place that is not one.
    pub(crate) fn at_or_before(&self, after: Position) -> Result<Option<Position>> {
        self.read("find a place to read from", |connection| {
            connection
                .prepare_cached("SELECT max(position) FROM place WHERE position <= ?1")?
                .query_row([number(after)], |row| Ok(row.get::<_, Option<i64>>(0)?.map(position)))
        })
    }

    /// The times of events in the log; `None` for one that is not in the index.
    pub(crate) fn times(&self, positions: impl Iterator<Item = Position>) -> Result<Vec<Option<Timestamp>>> {
        self.read("find the times of events", |connection| {
            let mut select =
                connection.prepare_cached("SELECT recorded_at FROM place WHERE position = ?1")?;
            positions
                .map(|at| select.query_row([number(at)], |row| row.get(0).map(Timestamp)).optional())
                .collect()
        })
    }

    /// Takes in events of `$all`, in order, and answers how far it has come. What it has already is skipped.
    ///
    /// An event's time is the server's, or the time before it plus a microsecond if that is later: so an
    /// instant is one position, as in our own stores, although the server's clock may stand or go back.
    pub(crate) fn put(&self, events: &[Seen]) -> Result<Position> {
        take_in(&mut self.connection.lock(), events).map_err(broken("write the index of event ids"))
    }

    /// Throws everything away: it is not of the log as that is now.
    pub(crate) fn clear(&self) -> Result<()> {
        self.read("empty the index of event ids", |connection| connection.execute_batch("DELETE FROM place"))
    }

    fn read<T>(
        &self,
        doing: &'static str,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T> {
        read(&self.connection.lock()).map_err(broken(doing))
    }
}

fn take_in(connection: &mut Connection, events: &[Seen]) -> rusqlite::Result<Position> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (mut reached, mut time) = transaction
        .prepare_cached("SELECT position, recorded_at FROM place ORDER BY position DESC LIMIT 1")?
        .query_row((), |row| Ok((position(row.get(0)?), row.get::<_, i64>(1)?)))
        .optional()?
        .unwrap_or((Position::START, i64::MIN));
    let mut insert =
        transaction.prepare_cached("INSERT INTO place (position, id, recorded_at) VALUES (?1, ?2, ?3)")?;
    for event in events {
        if event.position > reached {
            (reached, time) = (event.position, event.created.0.max(time.saturating_add(1)));
            insert.execute(params![number(reached), event.id.0, time])?;
        }
    }
    drop(insert);
    transaction.commit()?;
    Ok(reached)
}

/// Makes the tables, and empties them if they belong to another log or schema.
fn prepare(connection: &mut Connection, log: Uuid) -> rusqlite::Result<()> {
    let schema: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if schema != SCHEMA {
        connection.execute_batch("DROP TABLE IF EXISTS place; DROP TABLE IF EXISTS log")?;
    }
    connection.execute_batch(TABLES)?;
    connection.pragma_update(None, "user_version", SCHEMA)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let of: Option<Uuid> =
        transaction.query_row("SELECT identity FROM log", (), |row| row.get(0)).optional()?;
    if of != Some(log) {
        transaction.execute_batch("DELETE FROM place; DELETE FROM log")?;
        transaction.execute("INSERT INTO log (identity) VALUES (?1)", [log])?;
    }
    transaction.commit()
}

fn place(connection: &Connection, id: EventId) -> rusqlite::Result<Option<(Position, Timestamp)>> {
    connection
        .prepare_cached("SELECT position, recorded_at FROM place WHERE id = ?1 ORDER BY position LIMIT 1")?
        .query_row([id.0], |row| Ok((position(row.get(0)?), Timestamp(row.get(1)?))))
        .optional()
}

/// A position as SQLite keeps it. The server counts positions with a sign, so nothing is lost; what is beyond
/// all of them stays beyond.
fn number(position: Position) -> i64 {
    i64::try_from(position.0).unwrap_or(i64::MAX)
}

fn position(number: i64) -> Position {
    Position(number.unsigned_abs())
}

/// Runs a blocking call of the index on a thread for such.
pub(crate) async fn off_thread<T: Send + 'static>(
    places: &Arc<Places>,
    call: impl FnOnce(&Places) -> Result<T> + Send + 'static,
) -> Result<T> {
    let places = Arc::clone(places);
    let joined = tokio::task::spawn_blocking(move || call(&places)).await;
    joined.unwrap_or_else(|error| Err(broken("use the index of event ids")(error)))
}

#[cfg(test)]
mod tests {
    use super::{Known, Places, Seen};
    use scanledger_domain::id::{CommandId, EventId};
    use scanledger_domain::log::{Appended, Position};
    use scanledger_domain::time::Timestamp;
    use tempfile::TempDir;
    use uuid::Uuid;

    const LOG: Uuid = Uuid::from_u128(0x106);
    const START: i64 = 1_795_255_200_000_000;

    fn id(n: u128) -> EventId {
        CommandId(Uuid::from_u128(n)).event(0)
    }

    fn seen(position: u64, n: u128, micros: i64) -> Seen {
        Seen { position: Position(position), id: id(n), created: Timestamp(START + micros) }
    }

    fn open(dir: &TempDir, log: Uuid) -> Places {
        Places::open(&dir.path().join("places.db"), log).unwrap()
    }

    fn with(events: &[Seen]) -> (TempDir, Places) {
        let dir = tempfile::tempdir().unwrap();
        let places = open(&dir, LOG);
        places.put(events).unwrap();
        (dir, places)
    }

    fn times(places: &Places, positions: &[u64]) -> Vec<Option<i64>> {
        let times = places.times(positions.iter().map(|at| Position(*at))).unwrap();
        times.into_iter().map(|time| time.map(|time| time.0 - START)).collect()
    }

    #[test]
    fn time_increases_strictly_whatever_the_clock_of_the_server_does() {
        let (_dir, places) = with(&[seen(10, 1, 0), seen(20, 2, 0), seen(35, 3, 500), seen(40, 4, 100)]);
        places.put(&[seen(60, 5, -9), seen(70, 6, 900)]).unwrap();
        assert_eq!(
            times(&places, &[10, 20, 35, 40, 60, 70]),
            [Some(0), Some(1), Some(500), Some(501), Some(502), Some(900)]
        );
        assert_eq!(times(&places, &[11]), [None]);
    }

    #[test]
    fn every_node_comes_to_the_same_times_however_the_events_arrive() {
        let events: Vec<_> = (1..=40).map(|n| seen(n * 7, u128::from(n), (n as i64 * 13) % 17)).collect();
        let positions: Vec<u64> = events.iter().map(|event| event.position.0).collect();
        let (_one, whole) = with(&events);
        let (_two, parts) = with(&[]);
        for part in events.chunks(3) {
            parts.put(part).unwrap();
            // After a lost connection some come again.
            parts.put(part).unwrap();
        }
        assert_eq!(times(&whole, &positions), times(&parts, &positions));
    }

    #[test]
    fn an_id_leads_to_its_place_and_the_earliest_one_counts() {
        let (_dir, places) = with(&[seen(10, 1, 0), seen(20, 2, 0), seen(30, 1, 0)]);
        assert_eq!(places.find(id(1)).unwrap(), Some(Position(10)));
        assert_eq!(places.find(id(2)).unwrap(), Some(Position(20)));
        assert_eq!(places.find(id(3)).unwrap(), None);
    }

    #[test]
    fn a_batch_is_known_whole_in_part_or_not_at_all() {
        let (_dir, places) = with(&[seen(10, 1, 0), seen(20, 2, 0), seen(30, 3, 7)]);
        let whole = Appended { first: Position(20), last: Position(30), recorded_at: Timestamp(START + 7) };
        assert_eq!(places.known(&[id(2), id(3)]).unwrap(), Known::All(whole));
        assert_eq!(places.known(&[id(3), id(4)]).unwrap(), Known::Partly);
        assert_eq!(places.known(&[id(4), id(3)]).unwrap(), Known::Partly);
        assert_eq!(places.known(&[id(4), id(5)]).unwrap(), Known::Nothing);
    }

    #[test]
    fn reading_goes_on_from_an_event_at_or_before_any_position() {
        let (_dir, places) = with(&[seen(10, 1, 0), seen(25, 2, 0)]);
        for (after, from) in [(0, None), (9, None), (10, Some(10)), (24, Some(10)), (u64::MAX, Some(25))] {
            assert_eq!(places.at_or_before(Position(after)).unwrap(), from.map(Position), "{after}");
        }
    }

    #[test]
    fn following_goes_on_where_the_file_ends() {
        let (dir, places) = with(&[]);
        assert_eq!(places.last().unwrap(), None);
        assert_eq!(places.put(&[seen(10, 1, 0), seen(20, 2, 0)]).unwrap(), Position(20));
        drop(places);
        let places = open(&dir, LOG);
        assert_eq!(places.last().unwrap(), Some((Position(20), id(2))));
        assert_eq!(places.put(&[seen(20, 2, 0)]).unwrap(), Position(20));
        assert_eq!(places.put(&[]).unwrap(), Position(20));
    }

    #[test]
    fn two_processes_may_fill_one_file() {
        let (dir, one) = with(&[seen(10, 1, 0)]);
        let two = open(&dir, LOG);
        two.put(&[seen(10, 1, 0), seen(20, 2, 0), seen(30, 3, 0)]).unwrap();
        assert_eq!(one.put(&[seen(20, 2, 0), seen(40, 4, 0)]).unwrap(), Position(40));
        assert_eq!(times(&two, &[10, 20, 30, 40]), [Some(0), Some(1), Some(2), Some(3)]);
    }

    #[test]
    fn the_index_of_another_log_or_schema_is_thrown_away() {
        let (dir, places) = with(&[seen(10, 1, 0)]);
        drop(places);
        assert_eq!(open(&dir, Uuid::from_u128(0x107)).last().unwrap(), None);

        let places = open(&dir, LOG);
        places.put(&[seen(10, 1, 0)]).unwrap();
        places.connection.lock().pragma_update(None, "user_version", 99).unwrap();
        drop(places);
        assert_eq!(open(&dir, LOG).last().unwrap(), None);
    }

    #[test]
    fn a_log_that_was_put_back_starts_the_index_again() {
        let (_dir, places) = with(&[seen(10, 1, 0), seen(20, 2, 0)]);
        places.clear().unwrap();
        assert_eq!(places.last().unwrap(), None);
        assert_eq!(places.put(&[seen(10, 3, 0)]).unwrap(), Position(10));
        assert_eq!(places.find(id(1)).unwrap(), None);
    }
}
