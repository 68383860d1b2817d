//! What was acknowledged is held against what is there.

use crate::client::Client;
use crate::export::Log;
use crate::load::{Acknowledged, Decided, decision};
use std::collections::{HashMap, HashSet};
use std::str::FromStr;

/// Every finding is as its last acknowledged decision says.
pub async fn decisions_stand(acknowledged: &Acknowledged, client: &Client) {
    let mut last: HashMap<&str, &Decided> = HashMap::new();
    for decided in &acknowledged.decided {
        last.extend(decided.findings.iter().map(|finding| (finding.as_str(), decided)));
    }
    for (finding, decided) in last {
        let found = client.get(&format!("/api/findings/{finding}"), decided.position).await.json();
        assert_eq!(decision(&found), (Some(decided.status), Some(&*decided.note)), "{found}");
    }
}

/// Every acknowledged position holds the event that was acknowledged.
pub fn log_has(log: &Log, acknowledged: &Acknowledged) {
    for queued in &acknowledged.queued {
        assert_eq!(log.at(queued.position, "scan.queued").stream, format!("scan-{}", queued.scan));
    }
    for decided in &acknowledged.decided {
        // Several at once are one batch, and its position is that of the last event.
        let first = decided.position + 1 - decided.findings.len() as u64;
        for (position, finding) in (first..).zip(&decided.findings) {
            let event = log.decision_at(position, finding);
            assert_eq!(event.data["note"], *decided.note, "at position {position}");
        }
    }
}

/// Once everything was acknowledged: the log has that and no more, however often a request was sent.
pub fn nothing_happened_twice(log: &Log, acknowledged: &Acknowledged) {
    let scans: HashSet<&str> = acknowledged.queued.iter().map(|queued| &*queued.scan).collect();
    assert_eq!(scans.len(), acknowledged.queued.len(), "every upload is a scan of its own");
    assert_eq!(log.of_kind("scan.queued").count(), scans.len(), "no upload was taken twice");
    assert_eq!(log.of_kind("scan.completed").count(), scans.len(), "every scan was completed once");
    let decisions: usize = acknowledged.decided.iter().map(|decided| decided.findings.len()).sum();
    assert_eq!(log.decisions().count(), decisions, "no decision was taken twice");
}

/// A number in the environment.
pub fn environment<T: FromStr>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} must be a number, and is {text:?}")))
}
