//! How fast a log is published, and how long after its commit an event is on the bus.
//!
//! `tests/services/nats.sh cargo bench -p scanledger-bus-nats`. The server keeps its data where `TMPDIR` says. Deletes
//! the server's stream of events. `SCANLEDGER_BENCH_EVENTS` says how many.

use scanledger_bus_nats::{BusOptions, NatsBus};
use scanledger_domain::id::CommandId;
use scanledger_domain::log::{Append, EventLog, NewEvent, Position, StreamName, Version};
use scanledger_domain::time::{Clock, Timestamp};
use scanledger_log_sqlite::SqliteLog;
use std::error::Error;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use uuid::Uuid;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// A real event, and about the metadata that it has.
const DATA: &str = include_str!("../../../domain/tests/golden/finding.detected.1.json");
const METADATA: &str = include_str!("../../../domain/tests/golden/metadata.json");

const BATCH: u64 = 200;
const SINGLES: u64 = 500;

struct Ticks(AtomicI64);

impl Clock for Ticks {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let url = std::env::var("SCANLEDGER_TEST_NATS").map_err(|_| "run it through tests/services/nats.sh")?;
    let count = std::env::var("SCANLEDGER_BENCH_EVENTS").map_or(Ok(200_000), |count| count.parse())?;
    let context = async_nats::jetstream::new(async_nats::connect(&url).await?);
    // There may be none.
    drop(context.delete_stream("SCANLEDGER_EVENTS").await);
    let folder = tempfile::tempdir()?;
    let log = Arc::new(SqliteLog::open(&folder.path().join("log.db"), Arc::new(Ticks(AtomicI64::new(0))))?);
    for first in (0..count).step_by(usize::try_from(BATCH)?) {
        append(&log, first, BATCH.min(count - first)).await?;
    }
    let bus = Arc::new(NatsBus::connect(&url, log.identity(), BusOptions::default()).await?);
    let mut state = bus.state();
    let (_stop, stopped) = watch::channel(false);
    let begun = Instant::now();
    tokio::spawn({
        let (bus, log) = (Arc::clone(&bus), Arc::clone(&log));
        async move { bus.publish_from(log, stopped).await }
    });
    state.wait_for(|state| state.published == Some(Position(count))).await?;
    let took = begun.elapsed();
    let mut delays = Vec::new();
    for number in 0..SINGLES {
        let appended = append(&log, count + number, 1).await?;
        let begun = Instant::now();
        state.wait_for(|state| state.published >= Some(appended)).await?;
        delays.push(begun.elapsed());
    }
    delays.sort_unstable();
    report(count, took, &delays)
}

fn report(count: u64, took: Duration, delays: &[Duration]) -> Result<()> {
    let per_second = Duration::from_secs(1).as_nanos() * u128::from(count) / took.as_nanos();
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{count} events of {} bytes: {took:.2?}, {per_second} a second",
        DATA.len() + METADATA.len()
    )?;
    let at = |percent: usize| delays[(delays.len() - 1) * percent / 100];
    writeln!(out, "from commit to acknowledgement: median {:.2?}, 99 % {:.2?}", at(50), at(99))?;
    Ok(())
}

/// Appends `count` events to a stream of their own, and answers with the last one's position.
async fn append(log: &SqliteLog, number: u64, count: u64) -> Result<Position> {
    let command = CommandId(Uuid::from_u128(u128::from(number) + 1));
    let metadata: Arc<[u8]> = METADATA.trim_end().as_bytes().into();
    let event = |ordinal| NewEvent {
        id: command.event(ordinal),
        kind: "finding.detected",
        schema: 1,
        data: DATA.trim_end().as_bytes().to_vec(),
        metadata: Arc::clone(&metadata),
    };
    let events = (0..u32::try_from(count)?).map(event).collect();
    let stream = StreamName::new("branch", number);
    Ok(log.append(vec![Append { stream, expected: Version::NONE, events }]).await?.last)
}
