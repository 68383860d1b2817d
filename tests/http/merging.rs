//! Two findings that an import of advisories shows to be one.

use crate::archive::Files;
use crate::broken::verified;
use crate::harness::{Api, column, id};
use scanledger::operations::{Operation, perform};
use serde_json::{Value, json};
use std::sync::Arc;

const RUSTSEC: &str = "RUSTSEC-2099-0001";
const GHSA: &str = "GHSA-2222-3333-4444";

/// Imports two records about every version of a crate, the second one with these aliases.
async fn import(api: &Api, modified: &str, aliases: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let write = |record_id: &str, aliases: &[&str]| {
        let record = json!({
            "id": record_id, "modified": modified, "summary": "it runs whatever it reads", "details": "Do not use it.",
            "aliases": aliases,
            "affected": [{
                "package": { "ecosystem": "crates.io", "name": "forsaken" },
                "ranges": [{ "type": "SEMVER", "events": [{ "introduced": "0.0.0-0" }] }],
            }],
        });
        let file = folder.path().join(format!("{record_id}.json"));
        std::fs::write(&file, record.to_string()).unwrap();
        file
    };
    let sources = vec![write(RUSTSEC, &[]), write(GHSA, aliases)];
    perform(&api.server.engine, Operation::ImportAdvisories { sources }, Arc::new(|_| ())).await.unwrap();
    api.shown().await;
}

async fn scanned(api: &Api, branch: &str) -> String {
    let locked = "version = 4\n\n[[package]]\nname = \"forsaken\"\nversion = \"1.0.0\"\n\
        source = \"registry+https://github.com/rust-lang/crates.io-index\"\n";
    let files = Files::default().with("Cargo.lock", locked);
    id(&api.scanned(&files, &[("newProjectName", "shop"), ("branch", branch)]).await)
}

/// Id, status and note of what a scan found, by id.
async fn listed(api: &Api, scan: &str, query: &str) -> Vec<[Value; 3]> {
    let page = api.get(&format!("/api/scans/{scan}/findings?{query}")).await.expect(200);
    let findings = page["findings"].as_array().unwrap().iter();
    let mut shown: Vec<[Value; 3]> =
        findings.map(|row| ["id", "status", "statusNote"].map(|field| row[field].clone())).collect();
    shown.sort_by_key(|[id, ..]| id.to_string());
    shown
}

/// Events of some types after a position.
async fn told(api: &Api, types: &str, after: u64) -> Vec<Value> {
    let feed = api.get(&format!("/api/events?limit=1000&types={types}&after={after}")).await.expect(200);
    feed.as_array().unwrap().clone()
}

fn position(api: &Api) -> u64 {
    api.server.app.views.position().0
}

/// What two findings look like, by id.
fn both(finding: &str, other: &str, status: [&str; 2], note: [&str; 2]) -> Vec<[Value; 3]> {
    let mut shown = vec![
        [json!(finding), json!(status[0]), json!(note[0])],
        [json!(other), json!(status[1]), json!(note[1])],
    ];
    shown.sort_by_key(|[id, ..]| id.to_string());
    shown
}

#[tokio::test]
async fn two_findings_that_an_alias_makes_one_are_decided_about_as_one() {
    let api = Api::start().await;
    import(&api, "2026-01-01T00:00:00Z", &[]).await;
    scanned(&api, "main").await;
    let topic = scanned(&api, "topic").await;
    let detected = told(&api, "finding.detected", 0).await;
    let seen: Vec<&str> = detected.iter().map(|event| event["data"]["finding"].as_str().unwrap()).collect();
    let [elder, younger] = seen[..] else { panic!("{detected:?}") };
    let path = |finding: &str| format!("/api/findings/{finding}");
    let decide = async |finding: &str, status: &str, note: &str| {
        let body = json!({ "status": status, "statusNote": note });
        api.patch(&path(finding), &body).await.expect(200)
    };
    decide(younger, "FALSE_POSITIVE", "never called").await;
    decide(elder, "ACCEPTED_RISK", "until spring").await;
    let before = position(&api);
    let apart = both(elder, younger, ["ACCEPTED_RISK", "FALSE_POSITIVE"], ["until spring", "never called"]);
    assert_eq!(listed(&api, &topic, "").await, apart);

    import(&api, "2026-02-01T00:00:00Z", &[RUSTSEC]).await;
    let main = scanned(&api, "main").await;
    let [one] = &listed(&api, &main, "").await[..] else { panic!("they are one") };
    assert_eq!(one, &[json!(elder), json!("ACCEPTED_RISK"), json!("until spring")]);
    let merged = told(&api, "finding.merged", before).await;
    let [merge] = &merged[..] else { panic!("{merged:?}") };
    assert_eq!((&merge["data"]["finding"], &merge["data"]["into"]), (&json!(younger), &json!(elder)));

    // The branch that nobody has scanned since has both, and they are one there as well.
    let as_one = both(elder, younger, ["ACCEPTED_RISK"; 2], ["until spring"; 2]);
    assert_eq!(listed(&api, &topic, "").await, as_one);
    assert_eq!(listed(&api, &topic, &format!("asOf={before}")).await, apart);
    assert_eq!(listed(&api, &topic, "status=FALSE_POSITIVE").await, [] as [[Value; 3]; 0]);
    let read = async |finding: &str| api.get(&path(finding)).await.expect(200);
    let (of_elder, of_younger) = (read(elder).await, read(younger).await);
    for field in ["status", "statusNote", "statusUpdatedBy", "statusUpdatedAt"] {
        assert_eq!(of_younger[field], of_elder[field], "{field}");
    }

    let then = position(&api);
    let decided = decide(younger, "RESOLVED", "in 2.0").await;
    assert_eq!((&decided["id"], &decided["status"]), (&json!(younger), &json!("RESOLVED")));
    assert_eq!(decided["statusNote"], "in 2.0");
    assert_eq!(listed(&api, &topic, "").await, both(elder, younger, ["RESOLVED"; 2], ["in 2.0"; 2]));
    let body = json!({ "ids": [younger, elder], "status": "IN_PROGRESS" });
    assert_eq!(api.post("/api/findings/bulk", &body).await.expect(200)["updated"], 2);
    assert_eq!(listed(&api, &topic, "").await, both(elder, younger, ["IN_PROGRESS"; 2], ["in 2.0"; 2]));
    let decisions = told(&api, "finding.triaged", then).await;
    let about: Vec<&Value> = decisions.iter().map(|event| &event["data"]["finding"]).collect();
    assert_eq!(about, [&json!(elder); 2], "one decision for both, in the stream of the elder");

    let entries = api.get("/api/audit-log?limit=200").await.expect(200)["entries"].clone();
    let mut of_younger = entries.clone();
    of_younger.as_array_mut().unwrap().retain(|entry| entry["resourceId"] == younger);
    assert_eq!(column(&of_younger, "action"), ["finding.merged", "finding.status_changed"]);
    assert_eq!(of_younger[1]["details"]["status"], "FALSE_POSITIVE");
    assert_eq!(of_younger[0]["details"]["into"], elder);

    scanned(&api, "main").await;
    let topic = scanned(&api, "topic").await;
    assert_eq!(told(&api, "finding.merged", 0).await.len(), 1, "nothing is merged twice");
    let [one] = &listed(&api, &topic, "").await[..] else { panic!("they are one") };
    assert_eq!(one, &[json!(elder), json!("IN_PROGRESS"), json!("in 2.0")]);
    assert_eq!(read(younger).await["status"], "IN_PROGRESS", "where it was last seen");
    let (code, said) = verified(&api).await;
    assert!(said.ends_with("everything agrees\n"), "{said}");
    assert_eq!(code, Some(0));
}
