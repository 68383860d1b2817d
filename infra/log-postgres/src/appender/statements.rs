//! What the appender asks the server.

use super::Request;
use super::group::Group;
use scanledger_domain::id::EventId;
use scanledger_domain::log::{AppendError, Appended, NewEvent, Position, StreamName, Version};
use scanledger_domain::time::Timestamp;
use sqlx::Row;
use sqlx::postgres::PgConnection;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use uuid::Uuid;

/// What became of a group.
pub(super) enum Outcome {
    /// It is in the log, up to here.
    Written(Position, Timestamp),
    /// Nothing of it is, because streams are not where they were expected to be.
    Moved(Vec<(StreamName, Version)>),
}

/// Writes a group, or nothing of it: one round trip, one transaction, one flush.
pub(super) async fn append(
    connection: &mut PgConnection,
    group: &Group,
    now: Timestamp,
) -> sqlx::Result<Outcome> {
    let mut events = group.events();
    if let (Some((stream, version, event)), None) = (events.next(), events.next()) {
        return append_one(connection, stream, version, event, now).await;
    }
    let rows = Rows::new(group);
    let row = sqlx::query(
        "SELECT last_position, last_recorded_at, actual \
         FROM scanledger_log.append_parts($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(now.0)
    .bind(&rows.streams)
    .bind(&rows.expected)
    .bind(&rows.kinds)
    .bind(&rows.schemas)
    .bind(&rows.metadata)
    .bind(&rows.ids)
    .bind(&rows.parts)
    .bind(&rows.versions)
    .bind(&rows.headers)
    .bind(&rows.data)
    .fetch_one(connection)
    .await?;
    if let Some(actual) = row.try_get::<Option<Vec<i64>>, _>(2)? {
        let versions = actual.into_iter().map(|version| Version(version.cast_unsigned()));
        return Ok(Outcome::Moved(group.streams.keys().cloned().zip(versions).collect()));
    }
    let last = Position(row.try_get::<i64, _>(0)?.cast_unsigned());
    Ok(Outcome::Written(last, Timestamp(row.try_get(1)?)))
}

/// As [`append`], for a group of one event.
async fn append_one(
    connection: &mut PgConnection,
    stream: &StreamName,
    version: Version,
    event: &NewEvent,
    now: Timestamp,
) -> sqlx::Result<Outcome> {
    let row = sqlx::query(
        "SELECT last_position, last_recorded_at, actual \
         FROM scanledger_log.append_one($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(now.0)
    .bind(stream.as_str())
    .bind(version.0.cast_signed() - 1)
    .bind(event.id.0)
    .bind(event.kind)
    .bind(i32::from(event.schema))
    .bind(&event.data)
    .bind(&event.metadata[..])
    .fetch_one(connection)
    .await?;
    if let Some(actual) = row.try_get::<Option<i64>, _>(2)? {
        return Ok(Outcome::Moved(vec![(stream.clone(), Version(actual.cast_unsigned()))]));
    }
    let last = Position(row.try_get::<i64, _>(0)?.cast_unsigned());
    Ok(Outcome::Written(last, Timestamp(row.try_get(1)?)))
}

/// What `append_parts` takes: one array per column.
#[derive(Default)]
struct Rows<'a> {
    /// Of each stream.
    streams: Vec<&'a str>,
    expected: Vec<i64>,
    /// Of each header: what events that follow each other have in common.
    kinds: Vec<&'a str>,
    schemas: Vec<i32>,
    metadata: Vec<&'a [u8]>,
    /// Of each event, with the places of its stream and its header, which begin with 1.
    ids: Vec<Uuid>,
    parts: Vec<i32>,
    versions: Vec<i64>,
    headers: Vec<i32>,
    data: Vec<&'a [u8]>,
}

impl<'a> Rows<'a> {
    fn new(group: &'a Group) -> Self {
        let events = group.len();
        let mut rows = Self {
            ids: Vec::with_capacity(events),
            parts: Vec::with_capacity(events),
            versions: Vec::with_capacity(events),
            headers: Vec::with_capacity(events),
            data: Vec::with_capacity(events),
            ..Self::default()
        };
        let mut places = HashMap::with_capacity(group.streams.len());
        for ((stream, span), place) in group.streams.iter().zip(1..) {
            rows.streams.push(stream.as_str());
            rows.expected.push(span.from.0.cast_signed());
            places.insert(stream, place);
        }
        let mut last: Option<(&StreamName, i32, &NewEvent)> = None;
        let mut header = 0;
        for (stream, version, event) in group.events() {
            let part = match last {
                Some((same, part, _)) if std::ptr::eq(same, stream) => part,
                _ => places[stream],
            };
            if !last.is_some_and(|(.., before)| has_header_of(event, before)) {
                header += 1;
                rows.kinds.push(event.kind);
                rows.schemas.push(i32::from(event.schema));
                rows.metadata.push(&event.metadata);
            }
            last = Some((stream, part, event));
            rows.ids.push(event.id.0);
            rows.parts.push(part);
            rows.versions.push(version.0.cast_signed());
            rows.headers.push(header);
            rows.data.push(&event.data);
        }
        rows
    }
}

/// Whether two events have the same type, schema and metadata, as far as can be told without reading the metadata.
fn has_header_of(event: &NewEvent, other: &NewEvent) -> bool {
    event.kind == other.kind && event.schema == other.schema && Arc::ptr_eq(&event.metadata, &other.metadata)
}

/// What the log has of some requests, all seen at one moment.
pub(super) struct Seen {
    places: HashMap<EventId, (Position, Timestamp)>,
    pub(super) versions: HashMap<StreamName, Version>,
}

/// Looks up every event id and stream of `requests` in one round trip.
pub(super) async fn look_up(connection: &mut PgConnection, requests: &[Request]) -> sqlx::Result<Seen> {
    let ids: Vec<Uuid> = requests.iter().flat_map(Request::events).map(|event| event.id.0).collect();
    let streams: HashSet<&StreamName> =
        requests.iter().flat_map(|request| &request.batch).map(|part| &part.stream).collect();
    let streams: Vec<&str> = streams.into_iter().map(StreamName::as_str).collect();
    let rows = sqlx::query(
        "SELECT e.id, NULL, e.position, e.recorded_at \
         FROM unnest($1::uuid[]) AS asked (id) JOIN scanledger_log.events e ON e.id = asked.id \
         UNION ALL \
         SELECT NULL, asked.stream, \
             coalesce((SELECT max(e.version) FROM scanledger_log.events e WHERE e.stream = asked.stream), 0), 0 \
         FROM unnest($2::text[]) AS asked (stream)",
    )
    .bind(&ids)
    .bind(&streams)
    .fetch_all(connection)
    .await?;
    let mut seen =
        Seen { places: HashMap::with_capacity(ids.len()), versions: HashMap::with_capacity(streams.len()) };
    for row in rows {
        let number = row.try_get::<i64, _>(2)?.cast_unsigned();
        match (row.try_get::<Option<Uuid>, _>(0)?, row.try_get::<Option<&str>, _>(1)?) {
            (Some(id), _) => {
                seen.places.insert(EventId(id), (Position(number), Timestamp(row.try_get(3)?)));
            }
            (None, Some(stream)) => {
                seen.versions.insert(StreamName::stored(stream), Version(number));
            }
            (None, None) => {}
        }
    }
    Ok(seen)
}

impl Seen {
    /// The answer to a request, or none if nothing stands against writing it.
    pub(super) fn answer(&self, request: &Request) -> Option<Result<Appended, AppendError>> {
        let known = || request.events().filter_map(|event| self.places.get(&event.id));
        if let (Some((first, _)), Some((last, recorded_at))) = (known().min(), known().max()) {
            let is_whole = known().count() == request.events().count();
            let appended = Appended { first: *first, last: *last, recorded_at: *recorded_at };
            return Some(if is_whole { Ok(appended) } else { Err(AppendError::PartlyKnown) });
        }
        request.batch.iter().find_map(|part| {
            let actual = self.versions.get(&part.stream).copied().unwrap_or(Version::NONE);
            let (stream, expected) = (part.stream.clone(), part.expected);
            (actual != expected).then_some(Err(AppendError::Conflict { stream, expected, actual }))
        })
    }
}
