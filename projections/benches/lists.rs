//! Pages of findings out of 100,000, live and as of earlier, against the bare covering-index walk of the first page.
//!
//! `cargo bench -p scanledger-projections --bench lists`

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints, and stops where it fails")]

#[path = "../tests/support/mod.rs"]
#[expect(dead_code, reason = "benches and tests use different parts of the same world")]
mod support;

use scanledger_domain::finding::TriageState;
use scanledger_domain::identity::Visible;
use scanledger_domain::log::Position;
use scanledger_domain::severity::Severity;
use scanledger_projections::audit::AuditQuery;
use scanledger_projections::finding::{FindingFilter, FindingQuery, FindingSort, ListScope};
use scanledger_projections::incident::Direction;
use scanledger_projections::{At, Paging};
use std::time::Instant;
use support::{ORGANIZATION, World, secret};

const FINDINGS: u32 = 100_000;
const RESCANS: u32 = 20;

/// As in the product.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(bench());
}

async fn bench() {
    let severities = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Info];
    let mut world = World::new().await;
    let title = |n: u32| if n.is_multiple_of(2) { "halfword" } else { "otherword" };
    let detections: Vec<_> = (0..FINDINGS)
        .map(|n| {
            let mut detection =
                secret(&format!("src/module{}/file{}.py", n % 97, n % 1_009), n, severities[n as usize % 5]);
            detection.title = format!("Secret {} group{}", title(n), n % 1_000);
            detection
        })
        .collect();
    let observed =
        scanledger_domain::branch::observe(support::PROJECT, detections.clone(), &Default::default());
    let ids: Vec<_> = observed.iter().map(|observed| observed.finding).collect();
    world.scan("main", detections.clone(), vec![]).await;
    let per_scan = (FINDINGS / RESCANS) as usize;
    let mut third = Position::START;
    let mut scan = None;
    for n in 0..RESCANS as usize {
        let states = [TriageState::Accepted, TriageState::FalsePositive, TriageState::Confirmed];
        world.triage_many(&ids[n * per_scan..(n + 1) * per_scan], states[n % 3]).await;
        let shown = detections[n * 10..].to_vec();
        scan = Some(world.scan("main", shown, vec![]).await.0);
        if n == RESCANS as usize / 3 {
            third = world.views().position();
        }
    }
    let scan = scan.unwrap();
    println!("{} events; a third is position {}", world.views().position(), third);
    let base = FindingQuery {
        organization: ORGANIZATION,
        scope: ListScope::Scan(scan),
        at: At::Now,
        filter: FindingFilter::default(),
        sort: FindingSort::Severity,
        paging: Paging { offset: 0, limit: 100 },
    };
    let branch = FindingQuery { scope: ListScope::Branch(support::PROJECT, None), ..base.clone() };
    let page = |offset| FindingQuery { paging: Paging { offset, limit: 100 }, ..base.clone() };
    let filter = |filter: FindingFilter| FindingQuery { filter, ..base.clone() };
    let text =
        |words: &str| filter(FindingFilter { text: Some(words.to_owned()), ..FindingFilter::default() });
    let first = time(&world, "first page", base.clone(), None).await;
    time(&world, "last page", page(99_700), Some(first)).await;
    time(&world, "page 500", page(49_900), Some(first)).await;
    time(
        &world,
        "by severity",
        filter(FindingFilter { severities: vec![Severity::High], ..Default::default() }),
        Some(first),
    )
    .await;
    time(
        &world,
        "by status",
        filter(FindingFilter { states: vec![TriageState::Accepted], ..Default::default() }),
        Some(first),
    )
    .await;
    time(&world, "text, 100 hits", text("group7"), Some(first)).await;
    time(&world, "text, half the rows", text("halfword"), Some(first)).await;
    time(&world, "by file", FindingQuery { sort: FindingSort::File, ..base.clone() }, Some(first)).await;
    let live = time(&world, "branch, live", branch.clone(), None).await;
    time(
        &world,
        "branch, as of a third",
        FindingQuery { at: At::Position(third), ..branch.clone() },
        Some(live),
    )
    .await;
    audit(&world).await;
}

/// CPU time of this process, all threads, in seconds.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    drop(stat);
    let mut total = 0.0;
    for task in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
        let line = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        total += line.split_whitespace().next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0);
    }
    total / 1e9
}

async fn time(world: &World, name: &str, query: FindingQuery, baseline: Option<f64>) -> f64 {
    let views = world.views();
    let page = views.findings(query.clone()).await.unwrap();
    let (began, cpu_began) = (Instant::now(), cpu());
    let mut runs = 0;
    while began.elapsed().as_millis() < 700 {
        views.findings(query.clone()).await.unwrap();
        runs += 1;
    }
    let wall = began.elapsed().as_secs_f64() / f64::from(runs) * 1e3;
    let spent = (cpu() - cpu_began) / f64::from(runs) * 1e3;
    let ratio = baseline.map_or(String::new(), |baseline| format!("  {:.2} times", spent / baseline));
    println!("{name:24} {:>3} of {:>6}  {wall:.3} ms  {spent:.3} ms CPU{ratio}", page.rows.len(), page.total);
    spent
}

async fn audit(world: &World) {
    let query = AuditQuery {
        organization: ORGANIZATION,
        visible: Visible::All,
        actions: vec![],
        resource: None,
        user: None,
        text: Some("accepted".to_owned()),
        before: None,
        after: None,
        until: None,
        direction: Direction::Descending,
        limit: 50,
    };
    let (began, cpu_began) = (Instant::now(), cpu());
    let mut runs = 0;
    while began.elapsed().as_millis() < 500 {
        world.views().audit(query.clone()).await.unwrap();
        runs += 1;
    }
    println!("{:24} {:.3} ms CPU", "audit search", (cpu() - cpu_began) / f64::from(runs) * 1e3);
}
