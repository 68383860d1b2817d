//! The writer's statements, prepared once.

use super::heads::Head;
use rusqlite::{Connection, OptionalExtension, Statement, params};
use scanledger_domain::id::EventId;
use scanledger_domain::log::{NewEvent, Recorded, StreamName};
use scanledger_domain::time::Timestamp;

/// The log's last event, or a known one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) position: u64,
    pub(crate) recorded_at: i64,
}

/// What of an event does not depend on where it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Content<'a> {
    id: EventId,
    schema: u16,
    data: &'a [u8],
    metadata: &'a [u8],
}

impl<'a> From<&'a NewEvent> for Content<'a> {
    fn from(event: &'a NewEvent) -> Self {
        Self { id: event.id, schema: event.schema, data: &event.data, metadata: &event.metadata }
    }
}

impl<'a> From<&'a Recorded> for Content<'a> {
    fn from(event: &'a Recorded) -> Self {
        Self { id: event.id, schema: event.schema, data: &event.data, metadata: &event.metadata }
    }
}

/// One prepared statement per thing the writer does.
pub(crate) struct Statements<'c> {
    connection: &'c Connection,
    begin: Statement<'c>,
    commit: Statement<'c>,
    last: Statement<'c>,
    place_of: Statement<'c>,
    head_of: Statement<'c>,
    insert_stream: Statement<'c>,
    find_kind: Statement<'c>,
    insert_kind: Statement<'c>,
    insert_event: Statement<'c>,
}

impl<'c> Statements<'c> {
    pub(crate) fn prepare(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            connection,
            begin: connection.prepare("BEGIN IMMEDIATE")?,
            commit: connection.prepare("COMMIT")?,
            last: connection
                .prepare("SELECT position, recorded_at FROM events ORDER BY position DESC LIMIT 1")?,
            place_of: connection.prepare("SELECT position, recorded_at FROM events WHERE id = ?1")?,
            head_of: connection.prepare(
                "SELECT stream, (SELECT max(version) FROM events WHERE events.stream = streams.stream) \
                 FROM streams WHERE name = ?1",
            )?,
            insert_stream: connection.prepare("INSERT INTO streams (name) VALUES (?1)")?,
            find_kind: connection.prepare("SELECT kind FROM kinds WHERE name = ?1")?,
            insert_kind: connection.prepare("INSERT INTO kinds (name) VALUES (?1)")?,
            insert_event: connection.prepare(
                "INSERT INTO events (position, id, stream, version, kind, schema, data, metadata, recorded_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?,
        })
    }

    /// Takes the write lock.
    pub(crate) fn begin(&mut self) -> rusqlite::Result<()> {
        self.begin.raw_execute().map(drop)
    }

    /// Makes everything since `begin` durable.
    pub(crate) fn commit(&mut self) -> rusqlite::Result<()> {
        self.commit.raw_execute().map(drop)
    }

    /// Undoes everything since `begin`; harmless when SQLite has done so already.
    pub(crate) fn roll_back(&mut self) {
        if !self.connection.is_autocommit() {
            // If even that fails, the next `begin` fails too and its callers hear of it.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
    }

    /// The log's last event, if it has one.
    pub(crate) fn last(&mut self) -> rusqlite::Result<Option<Place>> {
        self.last.query_row([], place).optional()
    }

    /// Where an event id stands, if the log has it.
    pub(crate) fn place_of(&mut self, id: EventId) -> rusqlite::Result<Option<Place>> {
        self.place_of.query_row([id.as_bytes()], place).optional()
    }

    pub(crate) fn head_of(&mut self, stream: &StreamName) -> rusqlite::Result<Head> {
        let found = self.head_of.query_row([stream.as_str()], |row| {
            let version: Option<i64> = row.get(1)?;
            Ok(Head { stream: row.get(0)?, version: version.unwrap_or(0).cast_unsigned() })
        });
        Ok(found.optional()?.unwrap_or(Head { stream: None, version: 0 }))
    }

    pub(crate) fn insert_stream(&mut self, stream: &StreamName) -> rusqlite::Result<i64> {
        self.insert_stream.insert([stream.as_str()])
    }

    /// The number of an event type; made if there is none.
    pub(crate) fn number_of_kind(&mut self, kind: &str) -> rusqlite::Result<i64> {
        let found = self.find_kind.query_row([kind], |row| row.get(0)).optional()?;
        found.map_or_else(|| self.insert_kind.insert([kind]), Ok)
    }

    pub(crate) fn insert_event(
        &mut self,
        position: u64,
        (stream, version): (i64, u64),
        kind: i64,
        content: Content<'_>,
        recorded_at: Timestamp,
    ) -> rusqlite::Result<()> {
        self.insert_event
            .execute(params![
                position.cast_signed(),
                content.id.as_bytes(),
                stream,
                version.cast_signed(),
                kind,
                content.schema,
                content.data,
                content.metadata,
                recorded_at.0,
            ])
            .map(drop)
    }
}

fn place(row: &rusqlite::Row<'_>) -> rusqlite::Result<Place> {
    Ok(Place { position: row.get::<_, i64>(0)?.cast_unsigned(), recorded_at: row.get(1)? })
}
