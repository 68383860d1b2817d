//! `disintegrate` with `disintegrate-postgres`: the event store that its `try_new` makes, events as JSON.
//!
//! It is asked to append after a known event, which spares it the reading that its decision maker does.

use crate::contender::Store;
use crate::ours::name;
use crate::{CONNECTIONS, DATA_BYTES, METADATA_BYTES, Result, STREAMS};
use disintegrate::serde::json::Json;
use disintegrate::{Event, EventStore, StreamQuery, query};
use disintegrate_postgres::{Error, PgEventId, PgEventStore};
use serde::{Deserialize, Serialize};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use std::sync::atomic::{AtomicI64, Ordering};

/// What JSON adds to the note, with the id of the stream.
const FRAME: usize = r#"{"Appended":{"stream_id":"01234567-89ab-cdef-0123-456789abcdef","note":""}}"#.len();

/// Events that are made with one statement.
const BATCH: usize = 1_000;

/// The number in the library's function `event_store_begin_epoch` that PostgreSQL reads since version 16 only, and the
/// same number for older servers.
const NUMBER: [&str; 2] = ["0xFFFFFFFF", "4294967295"];

/// What PostgreSQL answers when it could not order a transaction among others.
const SERIALIZATION_FAILURE: &str = "40001";

#[derive(Debug, Clone, PartialEq, Eq, Event, Serialize, Deserialize)]
enum Happened {
    Appended {
        #[id]
        stream_id: String,
        note: String,
    },
}

pub(crate) struct Disintegrated {
    store: PgEventStore<Happened, Json<Happened>>,
    /// The last event of each stream.
    last: Vec<AtomicI64>,
}

impl Disintegrated {
    /// Makes the event store in the empty database at `url` and fills it.
    pub(crate) async fn prepare(url: &str) -> Result<Self> {
        make(url.parse()?).await?;
        let connections = u32::try_from(CONNECTIONS)?;
        let options = PgPoolOptions::new().min_connections(connections).max_connections(connections);
        let store = PgEventStore::new_uninitialized(options.connect(url).await?, Json::default());
        let mut last = Vec::with_capacity(STREAMS);
        for first in (0..STREAMS).step_by(BATCH) {
            let events = (first..STREAMS.min(first + BATCH)).map(event).collect();
            let made = store.append_without_validation(events).await?;
            last.extend(made.iter().map(|event| AtomicI64::new(event.id())));
        }
        Ok(Self { store, last })
    }
}

impl Store for Disintegrated {
    async fn append(&self, stream: usize) -> Result<u64> {
        let stream_id = name(stream).to_string();
        let of_stream: StreamQuery<PgEventId, Happened> = query!(Happened; stream_id == stream_id);
        let mut again = 0;
        loop {
            let last = self.last[stream].load(Ordering::Relaxed);
            match self.store.append(vec![event(stream)], of_stream.clone(), last).await {
                Ok(appended) => {
                    let appended = appended.last().ok_or("nothing was appended")?;
                    self.last[stream].store(appended.id(), Ordering::Relaxed);
                    return Ok(again);
                }
                Err(error) if is_conflict(&error) => again += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Has the library make its tables, indexes and functions, also where its function does not compile as it is.
async fn make(options: PgConnectOptions) -> Result<()> {
    let options = options.options([("check_function_bodies", "off")]);
    let pool = PgPoolOptions::new().max_connections(1).connect_with(options).await?;
    PgEventStore::<Happened, _>::try_new(pool.clone(), Json::<Happened>::default()).await?;
    let function: String =
        sqlx::query_scalar("SELECT replace(pg_get_functiondef('event_store_begin_epoch'::regproc), $1, $2)")
            .bind(NUMBER[0])
            .bind(NUMBER[1])
            .fetch_one(&pool)
            .await?;
    sqlx::query(&function).execute(&pool).await?;
    pool.close().await;
    Ok(())
}

fn event(stream: usize) -> Happened {
    let note = "d".repeat(DATA_BYTES + METADATA_BYTES - FRAME);
    Happened::Appended { stream_id: name(stream).to_string(), note }
}

fn is_conflict(error: &Error) -> bool {
    match error {
        Error::Concurrency => true,
        Error::Database(sqlx::Error::Database(error)) => {
            error.code().as_deref() == Some(SERIALIZATION_FAILURE)
        }
        _ => false,
    }
}
