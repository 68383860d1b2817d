//! Durable appends of one event with an expected version: the log on PostgreSQL beside other event-sourcing
//! libraries, each in a database of its own on one server, in turns.
//!
//! `benches/peers/run.sh` builds it, installs what is not Rust into a temporary folder and starts a server. The
//! server is in `SCANLEDGER_TEST_POSTGRES`; the arguments name the libraries of other languages in groups of four:
//! name, processes, program, script.

mod contender;
mod cqrs;
mod disintegrated;
mod ours;
mod scripted;

use crate::contender::{Contender, InProcess, Spell};
use crate::cqrs::Cqrs;
use crate::disintegrated::Disintegrated;
use crate::ours::Ours;
use crate::scripted::Scripted;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};
use std::error::Error;
use std::io::Write;
use std::time::Duration;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// How many callers append at the same time, row by row.
const CALLERS: [usize; 3] = [1, 16, 256];

/// How long each row is measured, and how often; the median counts.
const SPELL: Duration = Duration::from_secs(3);
const ROUNDS: usize = 3;

/// Streams of one event each that exist before anything is measured.
const STREAMS: usize = 20_000;

/// Connections a library may have, over all of its processes.
const CONNECTIONS: usize = 16;

/// About what a triage event has; where a library keeps no metadata apart, its data is as long as both.
const DATA_BYTES: usize = 150;
const METADATA_BYTES: usize = 220;

/// What a library did, by row and round.
struct Column {
    contender: Box<dyn Contender>,
    spells: [Vec<Spell>; CALLERS.len()],
}

#[tokio::main]
async fn main() -> Result<()> {
    let url = std::env::var("SCANLEDGER_TEST_POSTGRES")
        .map_err(|_| "no server: run it through benches/peers/run.sh")?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (scripts, rest) = arguments.as_chunks::<4>();
    if !rest.is_empty() {
        return Err("each library of another language is named by: name, processes, program, script".into());
    }
    let mut admin = url.parse::<PgConnectOptions>()?.connect().await?;
    let settings = settings(&mut admin).await?;

    let mut columns = Vec::new();
    let mut add = |contender: Box<dyn Contender>| {
        columns.push(Column { contender, spells: Default::default() });
    };
    let ours = Ours::prepare(&database(&mut admin, &url, "ours").await?).await?;
    add(Box::new(InProcess::new("scanledger-log-postgres", ours)));
    let cqrs = Cqrs::prepare(&database(&mut admin, &url, "cqrs_es").await?).await?;
    add(Box::new(InProcess::new("cqrs-es, postgres-es", cqrs)));
    let disintegrated = Disintegrated::prepare(&database(&mut admin, &url, "disintegrate").await?).await?;
    add(Box::new(InProcess::new("disintegrate", disintegrated)));
    for (number, [name, processes, program, script]) in scripts.iter().enumerate() {
        let database = database(&mut admin, &url, &format!("script_{number}")).await?;
        let processes = processes.parse()?;
        add(Box::new(Scripted::start(name, processes, [program, script], &database).await?));
    }

    vacuum(&mut admin, &url).await?;
    // In turns, so that a slower spell of the machine meets every library alike.
    for _ in 0..ROUNDS {
        for (row, callers) in CALLERS.into_iter().enumerate() {
            for column in &mut columns {
                column.spells[row].push(column.contender.measure(callers).await?);
            }
        }
    }
    table(&columns, &settings)?;
    for column in columns {
        column.contender.end().await?;
    }
    Ok(())
}

/// What the server says of itself; refuses one that does not flush.
async fn settings(admin: &mut PgConnection) -> Result<String> {
    let (version, fsync, synchronous, method): (String, String, String, String) = sqlx::query_as(
        "SELECT current_setting('server_version'), current_setting('fsync'), \
         current_setting('synchronous_commit'), current_setting('wal_sync_method')",
    )
    .fetch_one(admin)
    .await?;
    if fsync != "on" || synchronous != "on" {
        return Err("the server does not flush its commits".into());
    }
    Ok(format!("PostgreSQL {version}, fsync on, synchronous_commit on, wal_sync_method {method}"))
}

/// Makes an empty database and answers its URL.
async fn database(admin: &mut PgConnection, url: &str, name: &str) -> Result<String> {
    let name = format!("peers_{name}");
    sqlx::query(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).execute(&mut *admin).await?;
    sqlx::query(&format!("CREATE DATABASE {name}")).execute(&mut *admin).await?;
    let (server, _) = url.rsplit_once('/').ok_or("no database in the URL")?;
    Ok(format!("{server}/{name}"))
}

/// Gives every database statistics of what was made in it, and starts them all from one checkpoint.
async fn vacuum(admin: &mut PgConnection, url: &str) -> Result<()> {
    let names: Vec<String> =
        sqlx::query_scalar("SELECT datname FROM pg_database WHERE datname LIKE 'peers\\_%'")
            .fetch_all(&mut *admin)
            .await?;
    for name in names {
        let options = url.parse::<PgConnectOptions>()?.database(&name);
        let mut connection = options.connect().await?;
        sqlx::query("VACUUM ANALYZE").execute(&mut connection).await?;
        connection.close().await?;
    }
    sqlx::query("CHECKPOINT").execute(admin).await?;
    Ok(())
}

fn table(columns: &[Column], settings: &str) -> Result<()> {
    let Some(ours) = columns.first() else { return Ok(()) };
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "| library | callers | events/s | lowest to highest | ours is ahead by | tried again | events a commit |"
    )?;
    writeln!(out, "| --- | ---: | ---: | ---: | ---: | ---: | ---: |")?;
    for (row, callers) in CALLERS.into_iter().enumerate() {
        for column in columns {
            let spells = &column.spells[row];
            let rates = sorted(spells.iter().map(Spell::rate));
            // Each round's ratio by itself, because a disk's mood changes from one to the next.
            let ratios =
                sorted(ours.spells[row].iter().zip(spells).map(|(ours, it)| ours.rate() / it.rate()));
            let again: u64 = spells.iter().map(|spell| spell.again).sum();
            let appended: u64 = spells.iter().map(|spell| spell.appended).sum();
            let commits = spells.iter().map(|spell| spell.commits).sum::<Option<u64>>();
            // A library that groups nothing commits every event by itself.
            let grouped = commits.map_or(1.0, |commits| appended as f64 / commits as f64);
            writeln!(
                out,
                "| {} | {callers} | {:.0} | {:.0} to {:.0} | {:.2} | {:.1} % | {grouped:.1} |",
                column.contender.name(),
                median(&rates),
                rates.first().copied().unwrap_or_default(),
                rates.last().copied().unwrap_or_default(),
                median(&ratios),
                100.0 * again as f64 / appended as f64,
            )?;
        }
    }
    writeln!(
        out,
        "\n{settings}. {STREAMS} streams, {DATA_BYTES} + {METADATA_BYTES} bytes an event, at most {CONNECTIONS} \
         connections a library. Median of {ROUNDS} rounds of {} s in turns; ratios by round.",
        SPELL.as_secs(),
    )?;
    Ok(())
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

fn median(sorted: &[f64]) -> f64 {
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}
