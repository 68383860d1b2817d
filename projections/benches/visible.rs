//! How long after its commit an event is in the read models: decisions by eight callers at half the rate that they
//! reach without a pause, on 20,000 findings. The baseline in the same run is the append itself.
//!
//! `cargo bench -p scanledger-projections --bench visible`

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints, and stops where it fails")]

#[path = "../tests/support/mod.rs"]
#[expect(dead_code, reason = "benches and tests use different parts of the same world")]
mod support;

use scanledger_domain::decider::{Decider, StoredEvent};
use scanledger_domain::finding::{
    Fingerprint, Triage, TriageCommand, TriageState, TriageStatus, finding_stream,
};
use scanledger_domain::id::{CommandId, FindingId};
use scanledger_domain::log::{Append, EventLog, NewEvent, Version};
use scanledger_domain::severity::Severity;
use scanledger_projections::Views;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::{PROJECT, World, secret};
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;

/// As in the product.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const FINDINGS: u32 = 20_000;
const CALLERS: usize = 8;
const SPELL: Duration = Duration::from_secs(3);
/// An event that takes longer is no longer waited for, and the bench fails.
const PATIENCE: Duration = Duration::from_secs(5);

/// What each decision took: until it was committed, and from then until it was visible.
type Times = Vec<(Duration, Duration)>;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(Box::pin(bench()));
}

async fn bench() {
    let mut world = World::new().await;
    let detections: Vec<_> =
        (0..FINDINGS).map(|n| secret(&format!("src/{n}.py"), n, Severity::High)).collect();
    let observed = scanledger_domain::branch::observe(PROJECT, detections.clone(), &Default::default());
    let findings: Vec<FindingId> = observed.iter().map(|observed| observed.finding).collect();
    world.scan("main", detections, vec![]).await;

    let (stop, stopped) = watch::channel(false);
    let projector = world.projector.clone();
    let projecting = tokio::spawn(async move { projector.run(stopped).await });
    println!("| decisions/s | p50 of the append | p99 of the append | p50 beyond it | p99 beyond it |");
    println!("| ---: | ---: | ---: | ---: | ---: |");
    let (first, second) = findings.split_at(findings.len() / 2);
    let whole = decide(&world, first, None).await;
    let rate = whole.len() as f64 / SPELL.as_secs_f64();
    show(&whole);
    show(&decide(&world, second, Some(rate / 2.0)).await);
    stop.send_replace(true);
    projecting.await.unwrap().unwrap();
}

/// Decides about findings, each once per round, as fast as it goes or so many a second.
async fn decide(world: &World, findings: &[FindingId], rate: Option<f64>) -> Times {
    let began = Instant::now();
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let (log, views) = (Arc::clone(&world.log), world.views());
        let own: Vec<FindingId> = findings.iter().copied().skip(caller).step_by(CALLERS).collect();
        callers.spawn(async move {
            let mut times = Times::new();
            let mut statuses = vec![TriageStatus::default(); own.len()];
            for (number, index) in (0..own.len()).cycle().enumerate() {
                if began.elapsed() >= SPELL {
                    break;
                }
                if let Some(rate) = rate {
                    let due = Duration::from_secs_f64((number * CALLERS + caller) as f64 / rate);
                    tokio::time::sleep(due.saturating_sub(began.elapsed())).await;
                }
                let round = number / own.len();
                let to = [TriageState::FalsePositive, TriageState::Investigating][round % 2];
                times.push(one(&*log, &views, own[index], &mut statuses[index], to, round).await);
            }
            times
        });
    }
    callers.join_all().await.concat()
}

async fn one(
    log: &dyn EventLog,
    views: &Views,
    finding: FindingId,
    status: &mut TriageStatus,
    to: TriageState,
    round: usize,
) -> (Duration, Duration) {
    let asked =
        TriageCommand { finding, project: PROJECT, fingerprint: Fingerprint([0; 16]), to, note: None };
    let events = Triage::decide(status, asked).unwrap();
    *status = events.iter().fold(std::mem::take(status), Triage::evolve);
    let command = CommandId(Uuid::new_v5(&finding.0, &round.to_be_bytes()));
    let new = NewEvent {
        id: command.event(0),
        kind: events[0].kind(),
        schema: events[0].schema(),
        data: events[0].encode(),
        metadata: support::metadata(scanledger_domain::log::Actor::Operator).into(),
    };
    let began = Instant::now();
    let expected = Version(round as u64);
    let append = Append { stream: finding_stream(finding), expected, events: vec![new] };
    let position = log.append(vec![append]).await.unwrap().last;
    let committed = Instant::now();
    views.wait_for(position, PATIENCE).await.unwrap();
    (committed - began, committed.elapsed())
}

fn show(times: &Times) {
    let share = |pick: fn(&(Duration, Duration)) -> Duration, share: usize| {
        let mut picked: Vec<Duration> = times.iter().map(pick).collect();
        picked.sort_unstable();
        picked[(picked.len() - 1) * share / 100].as_secs_f64() * 1e3
    };
    println!(
        "| {:.0} | {:.2} ms | {:.2} ms | {:.2} ms | {:.2} ms |",
        times.len() as f64 / SPELL.as_secs_f64(),
        share(|times| times.0, 50),
        share(|times| times.0, 99),
        share(|times| times.1, 50),
        share(|times| times.1, 99),
    );
}
