//! What the Merkle tree over the log costs: events added per second, from memory and from a log; proofs per second;
//! and how many durable appends per second are left while it follows (the median of the differences within each round).
//!
//! `cargo bench -p scanledger-projections --bench tree`

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints, and stops where it fails")]

use scanledger_domain::id::EventId;
use scanledger_domain::log::{Append, EventLog, NewEvent, Position, Recorded, StreamName, Version};
use scanledger_domain::proof::{Frontier, leaf_hash};
use scanledger_domain::time::{Clock, Timestamp};
use scanledger_log_sqlite::SqliteLog;
use scanledger_projections::tree::Tree;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use uuid::Uuid;

/// As in the product.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EVENTS: u64 = 500_000;
/// A triage event has about this much.
const DATA_BYTES: usize = 150;
const METADATA_BYTES: usize = 250;
/// How long each row of appends is measured, and how often; the median counts.
const SPELL: Duration = Duration::from_secs(2);
const ROUNDS: usize = 7;
const CALLERS: [usize; 3] = [1, 16, 256];

#[derive(Default)]
struct Ticking(AtomicI64);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    building();
    runtime.block_on(Box::pin(appending()));
}

fn event(position: u64) -> Recorded {
    Recorded {
        position: Position(position),
        id: EventId(Uuid::from_u128(u128::from(position))),
        stream: StreamName::new("finding", Uuid::from_u128(u128::from(position))),
        version: Version(1),
        kind: "finding.triaged".into(),
        schema: 1,
        data: vec![b'd'; DATA_BYTES],
        metadata: vec![b'm'; METADATA_BYTES],
        recorded_at: Timestamp(i64::try_from(position).unwrap()),
    }
}

fn building() {
    let events: Vec<Recorded> = (1..=EVENTS).map(event).collect();
    let per_second = |count: u64, began: Instant| count as f64 / began.elapsed().as_secs_f64();

    let began = Instant::now();
    let mut frontier = Frontier::default();
    events.iter().for_each(|event| frontier.push(leaf_hash(event)));
    println!("hashed in memory            {:>9.0} events/s", per_second(EVENTS, began));

    let folder = tempfile::tempdir().unwrap();
    let tree = Tree::open(&folder.path().join("tree.db"), Uuid::nil()).unwrap();
    let began = Instant::now();
    for batch in events.chunks(2_000) {
        tree.append(Position(batch[0].position.0 - 1), batch).unwrap();
    }
    println!("added, 2,000 at once        {:>9.0} events/s", per_second(EVENTS, began));
    assert_eq!(tree.root(EVENTS).unwrap(), frontier.root());

    let began = Instant::now();
    let proofs = 2_000;
    for number in 0..proofs {
        let leaf = number * 7_919 % EVENTS;
        assert!(tree.leaf_at(Position(leaf + 1)).unwrap() == Some(leaf));
        tree.inclusion(leaf, EVENTS).unwrap();
    }
    println!("inclusion proofs            {:>9.0} /s", per_second(proofs, began));
    let began = Instant::now();
    for number in 0..proofs {
        tree.consistency(1 + number * 211, EVENTS - number).unwrap();
    }
    println!("consistency proofs          {:>9.0} /s", per_second(proofs, began));
    tree.close().unwrap();
    let bytes = std::fs::metadata(folder.path().join("tree.db")).unwrap().len();
    println!("file                        {:>9.1} bytes/event", bytes as f64 / EVENTS as f64);
}

async fn appending() {
    println!("| callers | appends/s without the tree | with | difference |");
    println!("| ---: | ---: | ---: | ---: |");
    let mut without: [Vec<f64>; CALLERS.len()] = Default::default();
    let mut with: [Vec<f64>; CALLERS.len()] = Default::default();
    let mut ratios: [Vec<f64>; CALLERS.len()] = Default::default();
    // In turns, each first every other time, so that a slower spell of the machine meets both alike.
    for round in 0..ROUNDS {
        for (index, callers) in CALLERS.into_iter().enumerate() {
            let with_first = round % 2 == 1;
            let first = appends(callers, with_first).await;
            let second = appends(callers, !with_first).await;
            let (off, on) = if with_first { (second, first) } else { (first, second) };
            without[index].push(off);
            with[index].push(on);
            ratios[index].push(on / off);
        }
    }
    for (index, callers) in CALLERS.into_iter().enumerate() {
        let (without, with) = (median(&mut without[index]), median(&mut with[index]));
        let difference = (median(&mut ratios[index]) - 1.0) * 100.0;
        println!("| {callers} | {without:.0} | {with:.0} | {difference:+.1} % |");
    }
}

/// Single events by `callers` tasks, each of which waits for its answer before its next append.
async fn appends(callers: usize, with_tree: bool) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let log = Arc::new(SqliteLog::open(&folder.path().join("log.db"), Arc::new(Ticking::default())).unwrap());
    let port: Arc<dyn EventLog> = Arc::clone(&log) as _;
    let (stop, stopped) = watch::channel(false);
    let tree = Tree::open(&folder.path().join("tree.db"), log.identity()).unwrap();
    let following = with_tree.then(|| {
        let (tree, log) = (tree.clone(), Arc::clone(&port));
        tokio::spawn(async move { tree.run(log, stopped).await.unwrap() })
    });
    // A server's projector follows too; somebody who listens changes when threads sleep, and so what appends cost.
    let mut subscription = port.subscribe(Position::START);
    let projecting = tokio::spawn(async move { while subscription.next().await.is_ok() {} });
    let started = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for caller in 0..callers {
        let log = Arc::clone(&port);
        tasks.spawn(async move {
            let stream = StreamName::new("bench", caller);
            let metadata: Arc<[u8]> = Arc::from([b'm'; METADATA_BYTES]);
            let mut version = 0_u64;
            while started.elapsed() < SPELL {
                let event = NewEvent {
                    id: EventId(Uuid::from_u128((caller as u128) << 64 | u128::from(version))),
                    kind: "bench.appended",
                    schema: 1,
                    data: vec![b'd'; DATA_BYTES],
                    metadata: Arc::clone(&metadata),
                };
                let expected = Version(version);
                log.append(vec![Append { stream: stream.clone(), expected, events: vec![event] }])
                    .await
                    .unwrap();
                version += 1;
            }
            version
        });
    }
    let mut appended = 0;
    while let Some(task) = tasks.join_next().await {
        appended += task.unwrap();
    }
    let per_second = appended as f64 / started.elapsed().as_secs_f64();
    projecting.abort();
    stop.send_replace(true);
    if let Some(following) = following {
        following.await.unwrap();
        assert_eq!(tree.catch_up(&*port).await.unwrap().size, appended);
    }
    per_second
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
