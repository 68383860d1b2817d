//! Durable appends to streams drawn from 1,000,000 existing ones, against raw inserts that check nothing, into a
//! table of the same shape, indexes and size, on the same server and in turns; and reading.
//!
//! `tests/services/postgres.sh cargo bench -p scanledger-log-postgres`. The server keeps its data where `TMPDIR` says
//! (a RAM disk measures nothing, because flushing is free there). `SCANLEDGER_BENCH_STREAMS` makes it smaller.

use futures::TryStreamExt;
use scanledger_domain::id::{CommandId, EventId};
use scanledger_domain::log::{Append, EventLog, NewEvent, Position, StreamName, Version};
use scanledger_domain::time::{Clock, Timestamp};
use scanledger_log_postgres::PostgresLog;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use std::error::Error;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, UNIX_EPOCH};
use tokio::task::JoinSet;
use uuid::Uuid;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// How long each row is measured, and how often; the median counts.
const SPELL: Duration = Duration::from_secs(2);
const ROUNDS: usize = 5;

/// Into how many turns a spell is divided where one caller is held against one connection.
const TURNS: u32 = 4;

/// How long each side inserts before it is measured.
const WARMING: Duration = Duration::from_secs(1);

/// A triage event has about this much.
const DATA_BYTES: usize = 150;
const METADATA_BYTES: usize = 250;

const BATCH: usize = 100;
const READ_EVENTS: u64 = 200_000;
const PAGE: usize = 1_024;

const RAW: &str = "INSERT INTO scanledger_log.raw \
     (position, version, recorded_at, id, schema, stream, kind, data, metadata) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";

const RAW_ROWS: &str = "INSERT INTO scanledger_log.raw \
     (position, version, recorded_at, id, schema, stream, kind, data, metadata) \
     SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::uuid[], $5::integer[], $6::text[], \
     $7::text[], $8::bytea[], $9::bytea[])";

struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "a bench has no clock passed in")]
        let now = std::time::SystemTime::now();
        let micros = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        Timestamp(i64::try_from(micros).unwrap_or(i64::MAX))
    }
}

/// The database, and what is known of what is in it.
struct Bench {
    options: PgConnectOptions,
    log: PostgresLog,
    /// The version of each stream, in the log and in the raw table.
    versions: [Vec<AtomicU64>; 2],
    raw_position: AtomicI64,
    ids: AtomicU64,
}

/// What one row of the table did in each round.
struct Row {
    name: &'static str,
    speeds: Vec<f64>,
    /// The row it is held against, and what it has to reach.
    against: Option<(usize, f64)>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let url = std::env::var("SCANLEDGER_TEST_POSTGRES")
        .map_err(|_| "no server: run it through tests/services/postgres.sh")?;
    let streams =
        std::env::var("SCANLEDGER_BENCH_STREAMS").map_or(Ok(1_000_000), |streams| streams.parse())?;
    let admin: PgConnectOptions = url.parse()?;
    let name = format!("bench_{}", std::process::id());
    let mut connection = admin.connect().await?;
    sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await?;
    let bench = Arc::new(Bench::prepare(&url, &name, streams).await?);

    let mut rows = [
        ("raw rows, 1 connection", None),
        ("1 caller", Some((0, 0.8))),
        ("raw rows, 16 connections", None),
        ("16 callers", Some((2, 0.9))),
        ("256 callers", Some((2, 2.0))),
        ("raw inserts of 100 rows, 1 connection", None),
        ("batches of 100, 1 caller", Some((5, 0.9))),
        ("raw select of the log", None),
        ("the log, read in pages", Some((7, 0.5))),
        ("the log, followed", Some((7, 0.5))),
    ]
    .map(|(name, against)| Row { name, speeds: Vec::new(), against });
    // In turns, so that a slower spell of the machine meets every row alike.
    let mut groups = [0.0; 2];
    for _ in 0..ROUNDS {
        bench.warm().await?;
        bench.in_turns(&mut rows[..2], 1).await?;
        rows[2].speeds.push(bench.raw(16, 1, SPELL).await?);
        for (n, callers) in [16, 256].into_iter().enumerate() {
            let before = bench.log.stats();
            rows[3 + n].speeds.push(bench.appends(callers, 1, SPELL).await?);
            let after = bench.log.stats();
            groups[n] = (after.events - before.events) as f64 / (after.groups - before.groups) as f64;
        }
        bench.warm().await?;
        bench.in_turns(&mut rows[5..7], BATCH).await?;
        rows[7].speeds.push(bench.select().await?);
        rows[8].speeds.push(bench.pages().await?);
        rows[9].speeds.push(bench.follow().await?);
    }

    let medians = rows.each_ref().map(|row| median(row.speeds.clone()));
    let mut out = std::io::stdout().lock();
    writeln!(out, "| what | events/s | ratio | wanted |")?;
    writeln!(out, "| --- | ---: | ---: | ---: |")?;
    for (row, speed) in rows.iter().zip(medians) {
        match row.against {
            Some((raw, wanted)) => {
                // Each turn by itself, because a disk's mood changes from one to the next.
                let ratios = row.speeds.iter().zip(&rows[raw].speeds).map(|(log, raw)| log / raw).collect();
                writeln!(out, "| {} | {speed:.0} | {:.2} | {wanted} |", row.name, median(ratios))?;
            }
            None => writeln!(out, "| {} | {speed:.0} | | |", row.name)?,
        }
    }
    writeln!(out, "\nevents per transaction: {:.1} at 16 callers, {:.1} at 256", groups[0], groups[1])?;
    bench.log.close().await;
    drop(bench);
    sqlx::query(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"))).execute(&mut connection).await?;
    Ok(())
}

impl Bench {
    async fn prepare(url: &str, name: &str, streams: usize) -> Result<Self> {
        let url = url
            .rsplit_once('/')
            .map(|(server, _)| format!("{server}/{name}"))
            .ok_or("no database in the URL")?;
        drop(PostgresLog::open(&url, Arc::new(SystemClock)).await?);
        let options = url.parse::<PgConnectOptions>()?.disable_statement_logging();
        let mut connection = options.connect().await?;
        sqlx::query(
            "INSERT INTO scanledger_log.events \
             (position, version, recorded_at, id, schema, stream, kind, data, metadata) \
             SELECT n, 1, n, gen_random_uuid(), 1, 'bench-' || (n - 1), 'bench.appended', \
             convert_to(repeat('d', $2), 'UTF8'), convert_to(repeat('m', $3), 'UTF8') FROM generate_series(1, $1) n",
        )
        .bind(streams as i64)
        .bind(DATA_BYTES as i32)
        .bind(METADATA_BYTES as i32)
        .execute(&mut connection)
        .await?;
        sqlx::raw_sql(
            "CREATE TABLE scanledger_log.raw (LIKE scanledger_log.events INCLUDING ALL); \
             INSERT INTO scanledger_log.raw SELECT * FROM scanledger_log.events",
        )
        .execute(&mut connection)
        .await?;
        sqlx::raw_sql("VACUUM ANALYZE").execute(&mut connection).await?;
        sqlx::raw_sql("CHECKPOINT").execute(&mut connection).await?;
        let ones = || (0..streams).map(|_| AtomicU64::new(1)).collect();
        Ok(Self {
            options,
            log: PostgresLog::open(&url, Arc::new(SystemClock)).await?,
            versions: [ones(), ones()],
            raw_position: AtomicI64::new(streams as i64),
            ids: AtomicU64::new(0),
        })
    }

    /// Gives both tables the same size, and the same time to come into memory. The first change of a page after a
    /// checkpoint writes all of it to the server's log, so that whoever was at work just before would be ahead.
    async fn warm(self: &Arc<Self>) -> Result<()> {
        self.level().await?;
        self.raw(1, BATCH, WARMING).await?;
        self.appends(1, BATCH, WARMING).await?;
        Ok(())
    }

    /// Makes the raw table as large as the log, which has grown faster: a smaller index is a faster one.
    async fn level(&self) -> Result<()> {
        let mut connection = self.options.connect().await?;
        let rows =
            "SELECT (SELECT count(*) FROM scanledger_log.events) - (SELECT count(*) FROM scanledger_log.raw)";
        let missing: i64 = sqlx::query_scalar(rows).fetch_one(&mut connection).await?;
        // Versions that no caller comes to; what is copied is newer than what was copied before.
        sqlx::query(
            "INSERT INTO scanledger_log.raw \
             (position, version, recorded_at, id, schema, stream, kind, data, metadata) \
             SELECT $1 + row_number() OVER (ORDER BY e.position), e.version + 1000000000, e.recorded_at, \
             gen_random_uuid(), e.schema, e.stream, e.kind, e.data, e.metadata \
             FROM (SELECT * FROM scanledger_log.events ORDER BY position DESC LIMIT greatest(0, $2)) e",
        )
        .bind(self.raw_position.fetch_add(missing.max(0), Ordering::Relaxed))
        .bind(missing)
        .execute(&mut connection)
        .await?;
        Ok(())
    }

    /// One connection and one caller, in turns: `rows` are the raw one and the log. A checkpoint or a slow moment of the
    /// disk takes about as long as a turn, and who goes on after its own turn finds its pages in memory, so that each
    /// has to begin as often as the other.
    async fn in_turns(self: &Arc<Self>, rows: &mut [Row], size: usize) -> Result<()> {
        for turn in 0..TURNS {
            let order = if turn % 2 == 0 { [0, 1] } else { [1, 0] };
            for side in order {
                let speed = match side {
                    0 => self.raw(1, size, SPELL / TURNS).await?,
                    _ => self.appends(1, size, SPELL / TURNS).await?,
                };
                rows[side].speeds.push(speed);
            }
        }
        Ok(())
    }

    /// `connections` that insert `size` rows per transaction; answers rows per second.
    async fn raw(self: &Arc<Self>, connections: usize, size: usize, spell: Duration) -> Result<f64> {
        let mut open = Vec::new();
        for caller in 0..connections {
            let mut connection = self.options.connect().await?;
            // The statement is prepared once, as the log's is.
            self.insert(&mut connection, (caller, connections), size).await?;
            open.push(connection);
        }
        let started = Instant::now();
        let mut tasks = JoinSet::new();
        for (caller, mut connection) in open.into_iter().enumerate() {
            let bench = Arc::clone(self);
            tasks.spawn(async move {
                let mut inserted = 0;
                while started.elapsed() < spell {
                    bench.insert(&mut connection, (caller, connections), size).await?;
                    inserted += size;
                }
                connection.close().await?;
                Ok::<_, sqlx::Error>(inserted)
            });
        }
        let mut inserted = 0;
        while let Some(task) = tasks.join_next().await {
            inserted += task??;
        }
        Ok(inserted as f64 / started.elapsed().as_secs_f64())
    }

    async fn insert(
        &self,
        connection: &mut PgConnection,
        caller: (usize, usize),
        size: usize,
    ) -> sqlx::Result<()> {
        let stream = self.draw(caller);
        let name = format!("bench-{stream}");
        let version = self.versions[1][stream].fetch_add(size as u64, Ordering::Relaxed).cast_signed();
        let position = self.raw_position.fetch_add(size as i64, Ordering::Relaxed);
        let (data, metadata) = ([b'd'; DATA_BYTES], [b'm'; METADATA_BYTES]);
        let now = SystemClock.now().0;
        let count = 1..=size as i64;
        let query = if size == 1 {
            sqlx::query(RAW)
                .bind(position + 1)
                .bind(version + 1)
                .bind(now)
                .bind(self.id().0)
                .bind(1)
                .bind(&name)
                .bind("bench.appended")
                .bind(&data[..])
                .bind(&metadata[..])
        } else {
            sqlx::query(RAW_ROWS)
                .bind(count.clone().map(|n| position + n).collect::<Vec<_>>())
                .bind(count.clone().map(|n| version + n).collect::<Vec<_>>())
                .bind(vec![now; size])
                .bind(count.map(|_| self.id().0).collect::<Vec<_>>())
                .bind(vec![1; size])
                .bind(vec![name.as_str(); size])
                .bind(vec!["bench.appended"; size])
                .bind(vec![&data[..]; size])
                .bind(vec![&metadata[..]; size])
        };
        query.execute(connection).await.map(drop)
    }

    /// `callers` that append `size` events at a time, each waiting for its answer; answers events per second.
    async fn appends(self: &Arc<Self>, callers: usize, size: usize, spell: Duration) -> Result<f64> {
        let started = Instant::now();
        let mut tasks = JoinSet::new();
        for caller in 0..callers {
            let bench = Arc::clone(self);
            tasks.spawn(async move {
                let metadata: Arc<[u8]> = Arc::from([b'm'; METADATA_BYTES]);
                let mut appended = 0;
                while started.elapsed() < spell {
                    let stream = bench.draw((caller, callers));
                    let expected = bench.versions[0][stream].fetch_add(size as u64, Ordering::Relaxed);
                    let event = |_| NewEvent {
                        id: bench.id(),
                        kind: "bench.appended",
                        schema: 1,
                        data: vec![b'd'; DATA_BYTES],
                        metadata: Arc::clone(&metadata),
                    };
                    let events = (0..size).map(event).collect();
                    let stream = StreamName::new("bench", stream);
                    bench.log.append(vec![Append { stream, expected: Version(expected), events }]).await?;
                    appended += size;
                }
                Ok::<_, scanledger_domain::log::AppendError>(appended)
            });
        }
        let mut appended = 0;
        while let Some(task) = tasks.join_next().await {
            appended += task??;
        }
        Ok(appended as f64 / started.elapsed().as_secs_f64())
    }

    /// The first events of the log, as rows of the driver that nobody looks into; answers rows per second.
    async fn select(&self) -> Result<f64> {
        let mut connection = self.options.connect().await?;
        let started = Instant::now();
        let query = sqlx::query("SELECT * FROM scanledger_log.events WHERE position <= $1 ORDER BY position")
            .bind(READ_EVENTS.cast_signed());
        let mut rows = query.fetch(&mut connection);
        let mut read = 0;
        while rows.try_next().await?.is_some() {
            read += 1;
        }
        Ok(f64::from(read) / started.elapsed().as_secs_f64())
    }

    /// The same through the log, page by page.
    async fn pages(&self) -> Result<f64> {
        let started = Instant::now();
        let mut after = Position::START;
        while after.0 < READ_EVENTS {
            let page = self.log.read_all(after, PAGE).await?;
            after = page.last().ok_or("the log is too short")?.position;
        }
        Ok(after.0 as f64 / started.elapsed().as_secs_f64())
    }

    /// The same as a subscription hands it out.
    async fn follow(&self) -> Result<f64> {
        let started = Instant::now();
        let mut after = Position::START;
        let mut subscription = self.log.subscribe(after);
        while after.0 < READ_EVENTS {
            after = subscription.next().await?.last().ok_or("a step without events")?.position;
        }
        Ok(after.0 as f64 / started.elapsed().as_secs_f64())
    }

    /// A stream that no other caller draws.
    fn draw(&self, (caller, callers): (usize, usize)) -> usize {
        fastrand::usize(..self.versions[0].len() / callers) * callers + caller
    }

    /// Ids as commands make them: spread evenly.
    fn id(&self) -> EventId {
        CommandId(Uuid::from_u128(u128::from(self.ids.fetch_add(1, Ordering::Relaxed)))).event(0)
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
