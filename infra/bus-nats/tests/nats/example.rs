//! The consumer that the documentation shows, against events as they really are.

use crate::server::Server;
use crate::world::{DETECTED, RESOLVED, UPDATED, World};
use scanledger_bus_nats::BusOptions;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

fn detected(severity: &str) -> String {
    let data = DETECTED.trim_end().replace(r#""severity":"high""#, &format!(r#""severity":"{severity}""#));
    assert!(data.contains(severity));
    data
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_counts_open_findings_by_severity_and_goes_on_counting() {
    let (server, world) = (Server::started(), World::new());
    for (branch, severity) in [(1, "high"), (2, "high"), (3, "critical"), (4, "low")] {
        world.append_one(branch, 0, "finding.detected", &detected(severity)).await;
    }
    world.append_one(2, 1, "finding.resolved", RESOLVED.trim_end()).await;
    world.append_one(5, 0, "branch.opened", "{}").await;
    world.publish_all(&server, BusOptions::default()).await;

    let mut consumer = Command::new("python3")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/severities.py"))
        .args(["127.0.0.1", &server.port.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(consumer.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "6 {'high': 1, 'critical': 1, 'low': 1}");

    world.append_one(6, 0, "finding.detected", &detected("high")).await;
    world.publish_all(&server, BusOptions::default()).await;
    assert_eq!(lines.next().unwrap().unwrap(), "7 {'high': 2, 'critical': 1, 'low': 1}");

    // The finding of the third branch is not critical any more.
    world.append_one(3, 1, "branch.findings_updated", UPDATED.trim_end()).await;
    world.publish_all(&server, BusOptions::default()).await;
    assert_eq!(lines.next().unwrap().unwrap(), "8 {'high': 2, 'unknown': 1, 'low': 1}");
    consumer.kill().unwrap();
    consumer.wait().unwrap();
}
