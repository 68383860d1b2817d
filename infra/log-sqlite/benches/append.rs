//! Durable single-event appends by 1, 16 and 256 callers on streams of their own, against raw single-row
//! insert-and-commit by one writer with the same file settings, schema and indexes.
//!
//! `cargo bench -p scanledger-log-sqlite`. The file is made in the system's temporary folder; set `TMPDIR` to
//! measure another disk (a RAM disk measures nothing, because syncing is free there).

use rusqlite::{Connection, params};
use scanledger_domain::id::{CommandId, EventId};
use scanledger_domain::log::{Append, EventLog, LogStats, NewEvent, StreamName, Version};
use scanledger_domain::time::{Clock, Timestamp};
use scanledger_log_sqlite::{SETTINGS, SqliteLog};
use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};
use tokio::runtime::Runtime;
use uuid::Uuid;

/// How long each row is measured, and how often; the median counts.
const SPELL: Duration = Duration::from_secs(2);
const ROUNDS: usize = 5;

/// A triage event has about this much.
const DATA_BYTES: usize = 150;
const METADATA_BYTES: usize = 250;

const CALLERS: [usize; 3] = [1, 16, 256];

struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "a bench has no clock passed in")]
        let now = std::time::SystemTime::now();
        let micros = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        Timestamp(i64::try_from(micros).unwrap_or(i64::MAX))
    }
}

/// One measured spell.
struct Spell {
    appends_per_second: f64,
    stats: LogStats,
}

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = Runtime::new()?;
    let mut out = std::io::stdout().lock();
    let mut baselines = Vec::new();
    let mut grouped: [Vec<Spell>; CALLERS.len()] = Default::default();
    // In turns, so that a slower spell of the machine meets every row alike.
    for round in 0..ROUNDS {
        baselines.push(raw(round)?);
        for (callers, spells) in CALLERS.into_iter().zip(&mut grouped) {
            spells.push(runtime.block_on(Box::pin(appends(callers, round)))?);
        }
    }
    let baseline = median(&mut baselines);
    writeln!(out, "| writer | durable appends/s | ratio | events per transaction |")?;
    writeln!(out, "| --- | ---: | ---: | ---: |")?;
    writeln!(out, "| raw insert and commit | {baseline:.0} | 1.0 | 1.0 |")?;
    for (callers, mut spells) in CALLERS.into_iter().zip(grouped) {
        let mut speeds: Vec<f64> = spells.iter().map(|spell| spell.appends_per_second).collect();
        let speed = median(&mut speeds);
        let stats = spells.swap_remove(0).stats;
        let group = stats.events as f64 / stats.groups as f64;
        writeln!(out, "| {callers} callers | {speed:.0} | {:.1} | {group:.1} |", speed / baseline)?;
    }
    Ok(())
}

/// Single rows by one writer, each with a sync of its own.
fn raw(round: usize) -> Result<f64, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("log.db");
    drop(SqliteLog::open(&path, Arc::new(SystemClock))?);
    let connection = Connection::open(&path)?;
    connection.execute_batch(SETTINGS)?;
    connection.execute("INSERT INTO streams (stream, name) VALUES (1, 'bench-raw')", [])?;
    connection.execute("INSERT INTO kinds (kind, name) VALUES (1, 'bench.appended')", [])?;
    let mut insert = connection.prepare("INSERT INTO events VALUES (?1, ?2, 1, ?1, 1, 1, ?3, ?4, ?5)")?;
    let (data, metadata) = ([b'd'; DATA_BYTES], [b'm'; METADATA_BYTES]);
    let started = Instant::now();
    let mut appended = 0_i64;
    while started.elapsed() < SPELL {
        appended += 1;
        let id = event_id(round, 0, appended.cast_unsigned());
        insert.execute(params![appended, id.as_bytes(), data, metadata, SystemClock.now().0])?;
    }
    Ok(appended as f64 / started.elapsed().as_secs_f64())
}

/// Single events by `callers` tasks, each of which waits for its answer before its next append.
async fn appends(callers: usize, round: usize) -> Result<Spell, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let log = open(folder.path())?;
    let started = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for caller in 0..callers {
        let log = Arc::clone(&log);
        tasks.spawn(async move {
            let stream = StreamName::new("bench", caller);
            let metadata: Arc<[u8]> = Arc::from([b'm'; METADATA_BYTES]);
            let mut version = 0;
            while started.elapsed() < SPELL {
                let event = NewEvent {
                    id: event_id(round, caller + 1, version),
                    kind: "bench.appended",
                    schema: 1,
                    data: vec![b'd'; DATA_BYTES],
                    metadata: Arc::clone(&metadata),
                };
                let expected = Version(version);
                log.append(vec![Append { stream: stream.clone(), expected, events: vec![event] }]).await?;
                version += 1;
            }
            Ok::<_, scanledger_domain::log::AppendError>(version)
        });
    }
    let mut appended = 0;
    while let Some(task) = tasks.join_next().await {
        appended += task??;
    }
    let appends_per_second = appended as f64 / started.elapsed().as_secs_f64();
    Ok(Spell { appends_per_second, stats: log.stats() })
}

fn open(folder: &Path) -> Result<Arc<SqliteLog>, Box<dyn Error>> {
    Ok(Arc::new(SqliteLog::open(&folder.join("log.db"), Arc::new(SystemClock))?))
}

fn event_id(round: usize, caller: usize, ordinal: u64) -> EventId {
    let command = CommandId(Uuid::from_u128(((round * 1_000 + caller) as u128) << 64 | u128::from(ordinal)));
    command.event(0)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
