//! Figures. Nothing is asserted about time:
//!
//!     cargo test --test nodes -- --ignored --nocapture latency

use crate::node::{Node, send};
use crate::place::{Place, Role};
use crate::trees::{leaky, scan_of, upload};
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How long the most is measured, and then the half of it.
const FULL: Duration = Duration::from_secs(5);
const HALF: Duration = Duration::from_secs(20);
/// Callers that give a node all it can do.
const CALLERS: usize = 8;
/// Between two measurements.
const BETWEEN: Duration = Duration::from_millis(50);
/// Findings to decide about.
const FINDINGS: u64 = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes half a minute and measures"]
async fn from_an_acknowledged_write_to_reads_that_show_it() {
    for bus in [false, true] {
        let place = if bus { Place::with_nats().await } else { Place::set_up().await };
        let (a, b, worker) = tokio::join!(
            place.start("a", Role::Api),
            place.start("b", Role::Api),
            place.start("one", Role::Worker(1)),
        );
        let scan = scan_of(&upload(&a, "shop", leaky(FINDINGS)).await);
        a.completed(&scan).await;
        worker.end().await;
        let page = a.get(&format!("/api/scans/{scan}/findings?limit=500")).await.expect(200);
        let ids = page["findings"].as_array().unwrap().iter();
        let findings: Vec<String> = ids.map(|finding| finding["id"].as_str().unwrap().to_owned()).collect();
        let (a, b) = (Arc::new(a), Arc::new(b));
        let most = rate(&a, &findings, FULL, None).await;
        let how = if bus { "with NATS" } else { "without NATS" };
        eprintln!("{how}: {most} decisions/s at most ({CALLERS} callers on one node)");
        let load = tokio::spawn({
            let (a, findings) = (Arc::clone(&a), findings.clone());
            async move { rate(&a, &findings, HALF, Some(most / 2)).await }
        });
        let (mut here, mut there) = (Vec::new(), Vec::new());
        for number in 0u64.. {
            if load.is_finished() {
                break;
            }
            let (to_a, to_b) = measure(&a, &b, &findings[0], number).await;
            here.push(to_a);
            there.push(to_b);
            tokio::time::sleep(BETWEEN).await;
        }
        eprintln!(
            "{how}: at {} decisions/s, from the answer on A to a read that shows it:",
            load.await.unwrap()
        );
        for (who, mut times) in [("A", here), ("B", there)] {
            times.sort_unstable();
            let at = |share: usize| times[(times.len() - 1) * share / 100];
            eprintln!("  on {who}: p50 {:?}, p99 {:?} ({} measured)", at(50), at(99), times.len());
        }
    }
}

/// Decides once on A, and asks both nodes at that position at the same time; answers how long each took.
async fn measure(a: &Node, b: &Node, finding: &str, number: u64) -> (Duration, Duration) {
    let path = format!("/api/findings/{finding}");
    let note = format!("measured {number}");
    let body = json!({ "status": "IN_PROGRESS", "statusNote": note });
    let decided = send(a.request(Method::PATCH, &path).json(&body)).await;
    decided.expect(200);
    let acknowledged = Instant::now();
    let shown = async |node: &Node| {
        let read: Value = node.get_at(&path, decided.position()).await;
        let took = acknowledged.elapsed();
        assert_eq!(read["statusNote"], *note);
        took
    };
    tokio::join!(shown(a), shown(b))
}

/// Decisions a second on a node: as many as it takes, or so many.
async fn rate(node: &Arc<Node>, findings: &[String], time: Duration, wanted: Option<u64>) -> u64 {
    let done = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let (node, done) = (Arc::clone(node), Arc::clone(&done));
        let own: Vec<String> = findings.iter().skip(caller + 1).step_by(CALLERS).cloned().collect();
        callers.spawn(async move {
            for (number, finding) in (0u32..).zip(own.iter().cycle()) {
                if began.elapsed() >= time {
                    return;
                }
                if let Some(wanted) = wanted {
                    let due =
                        Duration::from_secs_f64(f64::from(number) * CALLERS as f64 / wanted.max(1) as f64);
                    tokio::time::sleep(due.saturating_sub(began.elapsed())).await;
                }
                let body = json!({ "status": "IN_PROGRESS", "statusNote": format!("load {number}") });
                let path = format!("/api/findings/{finding}");
                send(node.request(Method::PATCH, &path).json(&body)).await.expect(200);
                done.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    while let Some(ended) = callers.join_next().await {
        ended.unwrap();
    }
    done.load(Ordering::Relaxed) * 1_000 / u64::try_from(began.elapsed().as_millis()).unwrap()
}
