//! The web API of the Semgrep dialect: deciding about many findings.

use crate::harness::{Api, Client, id};
use crate::semgrep_ci::{finding, present, ran};
use crate::semgrep_web::{findings, paths, three};
use serde_json::{Value, json};

/// Where the first organization decides.
pub const TRIAGE: &str = "/api/v1/deployments/acme/triage";

/// The number of the only finding in a file.
async fn number(client: &Client, path: &str) -> u64 {
    let found = findings(client, "dedup=true").await;
    let found = found.iter().find(|row| row["location"]["file_path"] == path);
    found.unwrap()["id"].as_u64().unwrap()
}

/// Decides.
pub async fn triage(client: &Client, body: &Value) -> Value {
    client.post(TRIAGE, body).await.expect(200)
}

#[tokio::test]
async fn decisions_are_one_state_in_two_vocabularies() {
    let api = Api::without_workers().await;
    three(&api).await;
    let issue = number(&api, "a.py").await;
    let in_pepper = present(&api, "acme/shop").await;
    let same = in_pepper.as_array().unwrap().iter().find(|row| row["filePath"] == "a.py").map(id).unwrap();
    for (state, reason, pepper, status, shown) in [
        ("reviewing", None, "IN_PROGRESS", "reviewing", "reviewing"),
        ("fixing", None, "IN_PROGRESS", "fixing", "fixing"),
        ("ignored", Some("false_positive"), "FALSE_POSITIVE", "ignored", "ignored"),
        ("ignored", Some("acceptable_risk"), "ACCEPTED_RISK", "ignored", "ignored"),
        ("reopened", None, "OPEN", "open", "reopened"),
        ("ignored", None, "ACCEPTED_RISK", "ignored", "ignored"),
    ] {
        let body = json!({
            "issue_type": "sast", "issue_ids": [issue], "new_triage_state": state, "new_triage_reason": reason,
            "new_note": format!("it is {state}"),
        });
        assert_eq!(
            triage(&api, &body).await,
            json!({ "num_triaged": 1, "triaged_issues": [issue] }),
            "{state}"
        );
        let seen = api.get(&format!("/api/findings/{same}")).await.expect(200);
        assert_eq!(
            (&seen["status"], &seen["statusNote"]),
            (&json!(pepper), &json!(format!("it is {state}")))
        );
        let row = findings(&api, &format!("status={status}")).await;
        let row = row.iter().find(|row| row["id"] == issue).unwrap().clone();
        assert_eq!((&row["triage_state"], &row["status"]), (&json!(shown), &json!(status)));
        assert_eq!(row["triage_comment"], format!("it is {state}"));
        assert!(row["triaged_at"].is_string());
    }
    assert_eq!(paths(&api, "status=ignored&triage_reasons=acceptable_risk").await, ["a.py"]);
    assert_eq!(paths(&api, "triage_reasons=false_positive").await, [""; 0]);
    // And the reverse.
    let other = in_pepper.as_array().unwrap().iter().find(|row| row["filePath"] == "b.py").map(id).unwrap();
    let path = format!("/api/findings/{other}");
    api.patch(&path, &json!({ "status": "FALSE_POSITIVE", "statusNote": "no" })).await.expect(200);
    let row = findings(&api, "triage_reasons=false_positive").await.remove(0);
    assert_eq!((&row["triage_reason"], &row["triage_comment"]), (&json!("false_positive"), &json!("no")));
    assert_eq!(row["location"]["file_path"], "b.py");
}

#[tokio::test]
async fn filters_say_what_is_decided_about() {
    let api = Api::without_workers().await;
    three(&api).await;
    let done = triage(
        &api,
        &json!({ "issue_type": "sast", "rules": ["a"], "severities": ["critical"], "new_triage_state": "reviewing" }),
    )
    .await;
    assert_eq!(done["num_triaged"], 1);
    assert_eq!(paths(&api, "status=reviewing").await, ["b.py"]);
    // A note leaves the states.
    let done = triage(&api, &json!({ "issue_type": "sast", "new_note": "seen" })).await;
    assert_eq!(done["num_triaged"], 3);
    let all = findings(&api, "").await;
    assert!(all.iter().all(|row| row["triage_comment"] == "seen"));
    assert_eq!(paths(&api, "status=reviewing").await, ["b.py"]);
    // As many as wanted.
    let body = json!({ "issue_type": "sast", "limit": 2, "new_triage_state": "fixing" });
    assert_eq!(triage(&api, &body).await["num_triaged"], 2);
    // Some send numbers as text, and some all of it in the query.
    let issue = number(&api, "c.py").await;
    let body =
        json!({ "issue_type": "sast", "issue_ids": [issue.to_string()], "new_triage_state": "ignored" });
    assert_eq!(triage(&api, &body).await["triaged_issues"], json!([issue]));
    let query = format!("{TRIAGE}?issue_type=sast&issue_ids={issue}&new_triage_state=reopened");
    let old = api.send(api.request(reqwest::Method::POST, &query)).await;
    assert_eq!(old.expect(200)["num_triaged"], 1);
    // What there is not, or is of another kind, is left out.
    let body = json!({ "issue_type": "sast", "issue_ids": [0, 1, u64::MAX], "new_triage_state": "ignored" });
    assert_eq!(triage(&api, &body).await, json!({ "num_triaged": 0, "triaged_issues": [] }));
    let body = json!({ "issue_type": "sca", "issue_ids": [issue], "new_triage_state": "ignored" });
    assert_eq!(triage(&api, &body).await["num_triaged"], 0);
}

#[tokio::test]
async fn a_decision_that_says_nothing_or_too_much_is_refused() {
    let api = Api::without_workers().await;
    for (body, place) in [
        (json!({ "issue_type": "sast" }), "new_triage_state"),
        (json!({ "new_triage_state": "ignored" }), "issue_type"),
        (
            json!({ "issue_type": "sast", "new_triage_state": "fixing", "new_triage_reason": "no_time" }),
            "new_triage_reason",
        ),
        (json!({ "issue_type": "sast", "new_triage_state": "provisionally_ignored" }), "new_triage_state"),
        (json!({ "issue_type": "sast", "new_note": "x".repeat(3_001) }), "new_note"),
        (json!({ "issue_type": "sast", "new_note": "x", "limit": 0 }), "limit"),
        (json!({ "issue_type": "sast", "new_note": "x", "limit": 3_001 }), "limit"),
        (json!({ "issue_type": "sast", "new_note": "x", "issue_ids": vec![1; 3_001] }), "issue_ids"),
    ] {
        api.post(TRIAGE, &body).await.refused_for(place);
    }
    let longest = json!({ "issue_type": "sast", "new_note": "x".repeat(3_000), "issue_ids": vec![1; 3_000] });
    assert_eq!(triage(&api, &longest).await["num_triaged"], 0);
}

#[tokio::test]
async fn more_findings_than_one_bulk_takes_are_decided_about() {
    let api = Api::without_workers().await;
    let all: Vec<Value> =
        (0..600).map(|number| finding("a", &format!("src/{number:03}.py"), number + 1)).collect();
    ran(&api, "acme/shop", &["a"], &all).await;
    let body = json!({ "issue_type": "sast", "rules": ["a"], "new_triage_state": "ignored" });
    assert_eq!(triage(&api, &body).await["num_triaged"], 600);
    assert_eq!(findings(&api, "status=ignored&page_size=3000").await.len(), 600);
    assert_eq!(triage(&api, &body).await["num_triaged"], 600);
}

#[tokio::test]
async fn a_repeated_decision_does_not_claim_what_came_since() {
    let api = Api::without_workers().await;
    let first = finding("a", "a.py", 1);
    ran(&api, "acme/shop", &["a"], std::slice::from_ref(&first)).await;
    let body = json!({ "issue_type": "sast", "rules": ["a"], "new_triage_state": "ignored" });
    let decide = async || {
        let request = api.request(reqwest::Method::POST, TRIAGE).header("idempotency-key", "click-1");
        api.send(request.json(&body)).await.expect(200)
    };
    let done = decide().await;
    assert_eq!(done["num_triaged"], 1);
    ran(&api, "acme/shop", &["a"], &[first, finding("a", "b.py", 2)]).await;
    assert_eq!(decide().await, done);
    assert_eq!(paths(&api, "status=open").await, ["b.py"]);
    // Another decision is about both.
    assert_eq!(triage(&api, &body).await["num_triaged"], 2);
}
