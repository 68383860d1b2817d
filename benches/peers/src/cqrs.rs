//! `cqrs-es` with `postgres-es`: the event store without snapshots, on the table of its `db/init.sql`.
//!
//! It is asked to commit to an aggregate of known sequence, which spares it the reading that its `execute` does.

use crate::contender::Store;
use crate::ours::name;
use crate::{CONNECTIONS, DATA_BYTES, METADATA_BYTES, Result, STREAMS};
use cqrs_es::event_sink::EventSink;
use cqrs_es::persist::{EventStoreAggregateContext, PersistedEventStore};
use cqrs_es::{Aggregate, AggregateError, DomainEvent, EventStore};
use futures::{StreamExt, TryStreamExt, stream};
use postgres_es::PostgresEventRepository;
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgPoolOptions;
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The library's own table and key, as `db/init.sql` of postgres-es 0.5 (MIT) makes them: it does not make them itself.
const TABLE: &str = "CREATE TABLE events ( \
    aggregate_type text NOT NULL, \
    aggregate_id text NOT NULL, \
    sequence bigint CHECK (sequence >= 0) NOT NULL, \
    event_type text NOT NULL, \
    event_version text NOT NULL, \
    payload json NOT NULL, \
    metadata json NOT NULL, \
    PRIMARY KEY (aggregate_type, aggregate_id, sequence))";

/// What JSON adds to the note in the data and in the metadata.
const DATA_FRAME: usize = r#"{"Appended":{"note":""}}"#.len();
const METADATA_FRAME: usize = r#"{"note":""}"#.len();

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Happened {
    Appended { note: String },
}

impl DomainEvent for Happened {
    fn event_type(&self) -> String {
        "Appended".to_owned()
    }

    fn event_version(&self) -> String {
        "1.0".to_owned()
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Subject;

impl Aggregate for Subject {
    const TYPE: &'static str = "bench";
    type Command = ();
    type Event = Happened;
    type Error = Infallible;
    type Services = ();

    async fn handle(&mut self, (): (), (): &(), _: &EventSink<Self>) -> std::result::Result<(), Infallible> {
        Ok(())
    }

    fn apply(&mut self, _: Happened) {}
}

pub(crate) struct Cqrs {
    store: PersistedEventStore<PostgresEventRepository, Subject>,
    /// The sequence of each aggregate's last event.
    sequences: Vec<AtomicUsize>,
}

impl Cqrs {
    /// Makes the table in the empty database at `url` and fills it.
    pub(crate) async fn prepare(url: &str) -> Result<Self> {
        let connections = u32::try_from(CONNECTIONS)?;
        let options = PgPoolOptions::new().min_connections(connections).max_connections(connections);
        let pool = options.connect(url).await?;
        sqlx::query(TABLE).execute(&pool).await?;
        let cqrs = Self {
            store: PersistedEventStore::new_event_store(PostgresEventRepository::new(pool)),
            sequences: (0..STREAMS).map(|_| AtomicUsize::new(0)).collect(),
        };
        let streams = stream::iter(0..STREAMS).map(|stream| cqrs.append(stream));
        streams.buffer_unordered(CONNECTIONS).try_for_each(|_| async { Ok(()) }).await?;
        Ok(cqrs)
    }
}

impl Store for Cqrs {
    async fn append(&self, stream: usize) -> Result<u64> {
        let sequence = self.sequences[stream].fetch_add(1, Ordering::Relaxed);
        let event = || Happened::Appended { note: "d".repeat(DATA_BYTES - DATA_FRAME) };
        let metadata = || HashMap::from([("note".to_owned(), "m".repeat(METADATA_BYTES - METADATA_FRAME))]);
        let mut again = 0;
        loop {
            let context = EventStoreAggregateContext {
                aggregate_id: name(stream).to_string(),
                aggregate: Subject,
                current_sequence: sequence,
                current_snapshot: None,
            };
            match self.store.commit(vec![event()], context, metadata()).await {
                Ok(_) => return Ok(again),
                Err(AggregateError::AggregateConflict) => again += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }
}
