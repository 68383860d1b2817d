//! Durable single-event appends by 1, 16 and 256 callers on streams of their own, against raw single-row
//! insert-and-commit by one writer with the same file settings, schema and indexes; and against a bare loop that
//! inserts and commits as many rows at a time as 256 callers were grouped into.
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

impl Spell {
    /// Events in a transaction, on average.
    fn group(&self) -> f64 {
        self.stats.events as f64 / self.stats.groups as f64
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = Runtime::new()?;
    let mut out = std::io::stdout().lock();
    let mut baselines = Vec::new();
    let mut grouped: [Vec<Spell>; CALLERS.len()] = Default::default();
    let mut bare = Vec::new();
    // In turns, so that a slower spell of the machine meets every row alike.
    for round in 0..ROUNDS {
        baselines.push(raw(round)?);
        for (callers, spells) in CALLERS.into_iter().zip(&mut grouped) {
            spells.push(runtime.block_on(Box::pin(appends(callers, round)))?);
        }
        let most = grouped.last().and_then(|spells| spells.last()).map_or(1.0, Spell::group);
        bare.push((raw_groups(round, most.round() as u64)?, most));
    }
    let baseline = median(&mut baselines);
    writeln!(out, "| writer | durable appends/s | ratio | events per transaction |")?;
    writeln!(out, "| --- | ---: | ---: | ---: |")?;
    writeln!(out, "| raw insert and commit | {baseline:.0} | 1.0 | 1.0 |")?;
    for (callers, mut spells) in CALLERS.into_iter().zip(grouped) {
        let mut speeds: Vec<f64> = spells.iter().map(|spell| spell.appends_per_second).collect();
        let speed = median(&mut speeds);
        let group = spells.swap_remove(0).group();
        writeln!(out, "| {callers} callers | {speed:.0} | {:.1} | {group:.1} |", speed / baseline)?;
        if callers == CALLERS[CALLERS.len() - 1] {
            let (mut bare, mut groups): (Vec<f64>, Vec<f64>) = bare.drain(..).unzip();
            let (bare, group) = (median(&mut bare), median(&mut groups));
            let (of_baseline, of_bare) = (bare / baseline, speed / bare);
            writeln!(out, "| bare loop in groups | {bare:.0} | {of_baseline:.1} | {group:.0} |")?;
            writeln!(out, "| {callers} callers, of the bare loop | | {of_bare:.2} | |")?;
        }
    }
    Ok(())
}

/// Single rows by one writer, each with a sync of its own.
fn raw(round: usize) -> Result<f64, Box<dyn Error>> {
    raw_groups(round, 1)
}

/// `group` rows by one writer with a sync for all of them, each row the next of one of 256 streams.
fn raw_groups(round: usize, group: u64) -> Result<f64, Box<dyn Error>> {
    const STREAMS: i64 = 256;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("log.db");
    drop(SqliteLog::open(&path, Arc::new(SystemClock))?);
    let connection = Connection::open(&path)?;
    connection.execute_batch(SETTINGS)?;
    for stream in 0..STREAMS {
        connection.execute("INSERT INTO streams (stream, name) VALUES (?1, 'bench-' || ?1)", [stream])?;
    }
    connection.execute("INSERT INTO kinds (kind, name) VALUES (1, 'bench.appended')", [])?;
    let mut insert = connection.prepare("INSERT INTO events VALUES (?1, ?2, ?3, ?4, 1, 1, ?5, ?6, ?7)")?;
    let (mut begin, mut commit) = (connection.prepare("BEGIN IMMEDIATE")?, connection.prepare("COMMIT")?);
    let (data, metadata) = ([b'd'; DATA_BYTES], [b'm'; METADATA_BYTES]);
    let started = Instant::now();
    let mut appended = 0_i64;
    while started.elapsed() < SPELL {
        if group > 1 {
            begin.raw_execute()?;
        }
        for _ in 0..group {
            appended += 1;
            let (stream, version) = (appended % STREAMS, appended / STREAMS + 1);
            let id = event_id(round, usize::try_from(stream)?, version.cast_unsigned());
            insert.execute(params![
                appended,
                id.as_bytes(),
                stream,
                version,
                data,
                metadata,
                SystemClock.now().0
            ])?;
        }
        if group > 1 {
            commit.raw_execute()?;
        }
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
