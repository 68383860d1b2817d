//! What an import of advisories brings of findings that are there.

use crate::archive::Files;
use crate::harness::{Api, id};
use scanledger::operations::{Operation, perform};
use serde_json::{Value, json};
use std::sync::Arc;

const CVE: &str = "CVE-2099-12345";

/// Imports a record about every version of a crate.
async fn import(api: &Api, modified: &str, summary: &str, aliases: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let record = json!({
        "id": "RUSTSEC-2099-0001", "modified": modified, "summary": summary, "details": "Do not use it.",
        "aliases": aliases,
        "affected": [{
            "package": { "ecosystem": "crates.io", "name": "forsaken" },
            "ranges": [{ "type": "SEMVER", "events": [{ "introduced": "0.0.0-0" }] }],
        }],
    });
    let file = folder.path().join("RUSTSEC-2099-0001.json");
    std::fs::write(&file, record.to_string()).unwrap();
    let operation = Operation::ImportAdvisories { sources: vec![file] };
    perform(&api.server.engine, operation, Arc::new(|_| ())).await.unwrap();
    api.shown().await;
}

/// Events after a position that are about what branches have; and the position up to which that is all.
async fn told(api: &Api, after: &str) -> (Vec<Value>, String) {
    let types = "branch.findings_updated,finding.detected,finding.reopened,finding.resolved";
    let feed = api.get(&format!("/api/events?limit=1000&types={types}&after={after}")).await;
    let position = feed.header("scanledger-position").to_owned();
    (feed.expect(200).as_array().unwrap().clone(), position)
}

#[tokio::test]
async fn a_finding_has_the_cve_that_its_advisory_learnt_after_it_was_found() {
    let api = Api::start().await;
    let locked = "version = 4\n\n[[package]]\nname = \"forsaken\"\nversion = \"1.0.0\"\n\
        source = \"registry+https://github.com/rust-lang/crates.io-index\"\n";
    let files = Files::default().with("Cargo.lock", locked);
    let scanned = async || id(&api.scanned(&files, &[("newProjectName", "shop")]).await);
    let listed = async |scan: &str, query: &str| {
        let page = api.get(&format!("/api/scans/{scan}/findings?{query}")).await.expect(200);
        page["findings"].as_array().unwrap().clone()
    };
    let search = format!("q={CVE}");

    import(&api, "2026-01-01T00:00:00Z", "clumsy words", &[]).await;
    let first = scanned().await;
    let before = listed(&first, "").await.remove(0);
    assert_eq!((&before["cveId"], &before["title"]), (&Value::Null, &json!("forsaken: clumsy words")));
    assert_eq!(listed(&first, &search).await, [] as [Value; 0]);
    let (_, position) = told(&api, "0").await;

    import(&api, "2026-02-01T00:00:00Z", "it runs whatever it reads", &[CVE]).await;
    let second = scanned().await;
    let (events, position) = told(&api, &position).await;
    let [event] = &events[..] else { panic!("{events:?}") };
    assert_eq!(event["type"], "branch.findings_updated");
    let update = &event["data"]["findings"][0];
    assert_eq!(update["finding"], before["id"]);
    assert_eq!(
        update["advisory"],
        json!({
            "title": "forsaken: it runs whatever it reads",
            "cve": CVE,
            "advisories": [CVE, "RUSTSEC-2099-0001"],
        }),
        "what changed, and nothing else"
    );

    let found = listed(&second, &search).await.remove(0);
    assert_eq!((&found["id"], &found["cveId"]), (&before["id"], &json!(CVE)));
    assert_eq!((&found["fingerprint"], &found["ruleId"]), (&before["fingerprint"], &before["ruleId"]));
    assert_eq!(found["title"], "forsaken: it runs whatever it reads");
    assert_eq!(found["metadata"]["aliases"], json!([CVE, "RUSTSEC-2099-0001"]));
    assert_eq!(listed(&second, "q=clumsy").await, [] as [Value; 0]);
    let read = api.get(&format!("/api/findings/{}", id(&before))).await.expect(200);
    assert_eq!(read["cveId"], CVE);
    let query = "query One($id: ID!) { finding(id: $id) { cve title advisories } }";
    let asked = json!({ "query": query, "variables": { "id": before["id"] } });
    let answer = api.post("/graphql", &asked).await.expect(200)["data"]["finding"].clone();
    assert_eq!(
        answer,
        json!({ "cve": CVE, "title": found["title"], "advisories": [CVE, "RUSTSEC-2099-0001"] })
    );
    let csv = api.get(&format!("/api/scans/{second}/findings/export?{search}")).await;
    csv.expect(200);
    assert!(csv.text().lines().any(|line| line.contains("RUSTSEC-2099-0001") && line.contains(CVE)));

    let third = scanned().await;
    assert_eq!(told(&api, &position).await.0, [] as [Value; 0], "nothing is told twice");
    assert_eq!(listed(&third, &search).await.len(), 1);
}
