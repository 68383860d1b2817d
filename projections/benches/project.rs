//! Projecting a log of 200,000 events from the start, full-text index included, against bare prepared inserts of
//! the same rows into the same tables and indexes.
//!
//! `cargo bench -p scanledger-projections --bench project`

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints, and stops where it fails")]

#[path = "../tests/support/mod.rs"]
#[expect(dead_code, reason = "benches and tests use different parts of the same world")]
mod support;

use rusqlite::Connection;
use rusqlite::types::Value;
use scanledger_domain::finding::TriageState;
use scanledger_domain::id::FindingId;
use scanledger_domain::severity::Severity;
use std::sync::Arc;
use std::time::Instant;
use support::{World, secret};

const EVENTS: u64 = 200_000;

/// As in the product.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(bench());
}

async fn bench() {
    let mut world = World::new().await;
    fill(&mut world).await;
    let head = world.views().position();
    let mut best = f64::MAX;
    let path = world.folder.path().join("built.db");
    for _ in 0..3 {
        for ending in ["", "-wal", "-shm"] {
            drop(std::fs::remove_file(format!("{}{ending}", path.display())));
        }
        let began = Instant::now();
        scanledger_projections::build(&path, &world.log, head, Arc::new(|_, _| ())).await.unwrap();
        best = best.min(began.elapsed().as_secs_f64());
    }
    let baseline = (0..3).map(|_| bare_inserts(&path, world.folder.path())).fold(f64::MAX, f64::min);
    println!("events                      {}", head.0);
    println!("projected in                {best:.2} s, {:.0} events/s", head.0 as f64 / best);
    println!("bare inserts of the rows    {baseline:.2} s");
    println!("ratio                       {:.2}", best / baseline);
}

/// 55 % detections, 25 % triage, the rest scans, updates, components and resolutions.
async fn fill(world: &mut World) {
    let severities = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Info];
    let mut next = 0_u32;
    let mut ids: Vec<FindingId> = Vec::new();
    let mut triaged = 0_usize;
    let mut round = 0;
    while world.views().position().0 < EVENTS {
        let branch = format!("main-{round}");
        let detections: Vec<_> = (next..next + 11_000)
            .map(|n| {
                secret(&format!("src/module{}/file{}.py", n % 97, n % 1_009), n, severities[n as usize % 5])
            })
            .collect();
        next += 11_000;
        let observed =
            scanledger_domain::branch::observe(support::PROJECT, detections.clone(), &Default::default());
        ids.extend(observed.iter().map(|observed| observed.finding));
        world.scan(&branch, detections.clone(), vec![]).await;
        world.triage_many(&ids[triaged..triaged + 5_000], TriageState::FalsePositive).await;
        triaged += 5_000;
        // Those that go are resolutions: the mixed rest.
        world.scan(&branch, detections[4_000..].to_vec(), vec![]).await;
        round += 1;
    }
}

/// Every row of every table of `built`, inserted by prepared statements into an empty file of the same schema.
fn bare_inserts(built: &std::path::Path, folder: &std::path::Path) -> f64 {
    let source = Connection::open(built).unwrap();
    let path = folder.join("bare.db");
    for ending in ["", "-wal", "-shm"] {
        drop(std::fs::remove_file(format!("{}{ending}", path.display())));
    }
    let target = Connection::open(&path).unwrap();
    for (pragma, value) in
        [("page_size", "8192"), ("journal_mode", "WAL"), ("synchronous", "OFF"), ("cache_size", "-131072")]
    {
        target.pragma_update(None, pragma, value).unwrap();
    }
    target.execute_batch(include_str!("../../migrations/views/views.sql")).unwrap();
    let names: Vec<String> = source
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE '%\\_text%' ESCAPE '\\'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let tables: Vec<(String, Vec<Vec<Value>>)> = names
        .into_iter()
        .map(|name| (name.clone(), rows(&source, &format!("SELECT * FROM {name}"))))
        .collect();
    let texts = [
        (
            "finding_text",
            rows(
                &source,
                "SELECT f.key, f.title || ' ' || f.rule || ' ' || min(p.path) || ' ' || f.cwe FROM presence p JOIN finding f ON f.key = p.finding GROUP BY p.finding",
            ),
        ),
        (
            "audit_text",
            rows(
                &source,
                "SELECT position, action || ' ' || resource || ' ' || hex(resource_id) || ' ' || (details ->> '$.from') || ' ' || (details ->> '$.to') FROM audit WHERE resource = 'finding'",
            ),
        ),
    ];
    let began = Instant::now();
    for (name, rows) in &tables {
        let Some(columns) = rows.first().map(Vec::len) else { continue };
        insert(
            &target,
            name,
            &format!("INSERT INTO {name} VALUES ({})", vec!["?"; columns].join(", ")),
            rows,
        );
    }
    for (name, rows) in &texts {
        insert(&target, name, &format!("INSERT INTO {name} (rowid, text) VALUES (?, ?)"), rows);
    }
    began.elapsed().as_secs_f64()
}

fn rows(source: &Connection, sql: &str) -> Vec<Vec<Value>> {
    let mut statement = source.prepare(sql).unwrap();
    let columns = statement.column_count();
    statement
        .query_map([], |row| (0..columns).map(|column| row.get(column)).collect())
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}

fn insert(target: &Connection, _name: &str, sql: &str, rows: &[Vec<Value>]) {
    for chunk in rows.chunks(20_000) {
        let tx = target.unchecked_transaction().unwrap();
        let mut statement = tx.prepare_cached(sql).unwrap();
        for row in chunk {
            statement.execute(rusqlite::params_from_iter(row)).unwrap();
        }
        drop(statement);
        tx.commit().unwrap();
    }
}
