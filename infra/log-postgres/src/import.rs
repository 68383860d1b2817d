//! Taking events over as another log recorded them.

use crate::connect::{APPEND, connect_writer, within};
use crate::error::{failed, is_taken};
use scanledger_domain::log::{ImportError, Position, Recorded, StreamName, Version};
use scanledger_domain::time::Timestamp;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Acquire, Row};
use std::collections::HashMap;

/// Events that one statement inserts.
const STATEMENT_EVENTS: usize = 1_000;

const DOING: &str = "import events";

/// The end of the log as it grows within the import.
struct End {
    position: Position,
    recorded_at: Timestamp,
    versions: HashMap<StreamName, Version>,
}

/// Writes `events` after the log's last one, all of them or none; answers the new head.
pub(crate) async fn import(options: &PgConnectOptions, events: &[Recorded]) -> Result<Position, ImportError> {
    let mut connection = connect_writer(options).await.map_err(failed(DOING))?;
    let mut tx = connection.begin().await.map_err(failed(DOING))?;
    let mut end = take_head(&mut tx).await.map_err(failed(DOING))?;
    if let Some(first) = events.first()
        && first.position.0 != end.position.0 + 1
    {
        return Err(ImportError::NotNext { head: end.position, next: first.position });
    }
    for events in events.chunks(STATEMENT_EVENTS) {
        end.learn_versions(&mut tx, events).await.map_err(failed(DOING))?;
        for event in events {
            end.check(event)?;
        }
        insert(&mut tx, events).await?;
    }
    within(
        APPEND,
        sqlx::query("SELECT pg_notify('scanledger_log', $1)")
            .bind(end.position.0.to_string())
            .execute(&mut *tx),
    )
    .await
    .map_err(failed(DOING))?;
    within(APPEND, tx.commit()).await.map_err(failed(DOING))?;
    Ok(end.position)
}

/// Takes the row under which positions are given out, and then reads the end of the log.
async fn take_head(tx: &mut PgConnection) -> sqlx::Result<End> {
    within(APPEND, sqlx::query("SELECT FROM scanledger_log.log FOR UPDATE").execute(&mut *tx)).await?;
    let last = "SELECT position, recorded_at FROM scanledger_log.events ORDER BY position DESC LIMIT 1";
    let (position, recorded_at) = match within(APPEND, sqlx::query(last).fetch_optional(tx)).await? {
        Some(row) => (Position(row.try_get::<i64, _>(0)?.cast_unsigned()), Timestamp(row.try_get(1)?)),
        None => (Position::START, Timestamp(i64::MIN)),
    };
    Ok(End { position, recorded_at, versions: HashMap::new() })
}

impl End {
    /// Reads the versions of streams that the import has not met yet.
    async fn learn_versions(&mut self, tx: &mut PgConnection, events: &[Recorded]) -> sqlx::Result<()> {
        let mut unknown: Vec<&StreamName> = events
            .iter()
            .map(|event| &event.stream)
            .filter(|stream| !self.versions.contains_key(stream))
            .collect();
        unknown.sort_unstable();
        unknown.dedup();
        let names: Vec<&str> = unknown.iter().map(|stream| stream.as_str()).collect();
        let select = "SELECT coalesce((SELECT max(e.version) FROM scanledger_log.events e \
                      WHERE e.stream = asked.stream), 0) \
                      FROM unnest($1::text[]) WITH ORDINALITY AS asked (stream, place) ORDER BY asked.place";
        let versions: Vec<i64> =
            within(APPEND, sqlx::query_scalar(select).bind(&names).fetch_all(tx)).await?;
        let versions = versions.into_iter().map(|version| Version(version.cast_unsigned()));
        self.versions.extend(unknown.into_iter().cloned().zip(versions));
        Ok(())
    }

    /// Whether `event` goes on where the log ends, which then is where the event is.
    fn check(&mut self, event: &Recorded) -> Result<(), ImportError> {
        let refuse = |reason| Err(ImportError::DoesNotFit { position: event.position, reason });
        if event.position.0 != self.position.0 + 1 {
            return refuse("its position does not follow the one before it");
        }
        if event.recorded_at <= self.recorded_at {
            return refuse("it is not later than the one before it");
        }
        let Some(version) = self.versions.get_mut(&event.stream) else {
            return refuse("the version of its stream is not known");
        };
        if event.version.0 != version.0 + 1 {
            return refuse("its version does not follow the one before it in its stream");
        }
        *version = event.version;
        (self.position, self.recorded_at) = (event.position, event.recorded_at);
        Ok(())
    }
}

async fn insert(tx: &mut PgConnection, events: &[Recorded]) -> Result<(), ImportError> {
    let column = |value: fn(&Recorded) -> i64| events.iter().map(value).collect::<Vec<_>>();
    let query = sqlx::query(
        "INSERT INTO scanledger_log.events \
         (position, version, recorded_at, id, schema, stream, kind, data, metadata) \
         SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::uuid[], $5::integer[], $6::text[], \
         $7::text[], $8::bytea[], $9::bytea[])",
    )
    .bind(column(|event| event.position.0.cast_signed()))
    .bind(column(|event| event.version.0.cast_signed()))
    .bind(column(|event| event.recorded_at.0))
    .bind(events.iter().map(|event| event.id.0).collect::<Vec<_>>())
    .bind(events.iter().map(|event| i32::from(event.schema)).collect::<Vec<_>>())
    .bind(events.iter().map(|event| event.stream.as_str()).collect::<Vec<_>>())
    .bind(events.iter().map(|event| &*event.kind).collect::<Vec<_>>())
    .bind(events.iter().map(|event| event.data.as_slice()).collect::<Vec<_>>())
    .bind(events.iter().map(|event| event.metadata.as_slice()).collect::<Vec<_>>());
    match within(APPEND, query.execute(tx)).await {
        Ok(_) => Ok(()),
        Err(error) if is_taken(&error) => Err(ImportError::DoesNotFit {
            position: events.first().map_or(Position::START, |event| event.position),
            reason: "it, or one of the events after it, has an id that is in the log already",
        }),
        Err(error) => Err(ImportError::Log(failed(DOING)(error))),
    }
}
