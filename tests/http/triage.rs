//! Deciding about findings.

use crate::archive::leaky;
use crate::harness::{Api, NOBODY, column, id};
use scanledger_domain::limits::{BULK_FINDINGS, NOTE_CHARS};
use serde_json::{Value, json};

async fn findings(api: &Api, count: u64) -> (Value, Vec<String>) {
    let scan = api.scanned(&leaky(count), &[("newProjectName", "shop")]).await;
    let page = api.get(&format!("/api/scans/{}/findings?limit=500&sort=file", id(&scan))).await.expect(200);
    let ids = column(&page["findings"], "id").into_iter().map(str::to_owned).collect();
    (scan, ids)
}

#[tokio::test]
async fn a_decision_shows_at_once_with_who_and_why() {
    let api = Api::start().await;
    let (scan, ids) = findings(&api, 2).await;
    let path = format!("/api/findings/{}", ids[0]);
    let decided = api.patch(&path, &json!({ "status": "FALSE_POSITIVE", "statusNote": "test data" })).await;
    let position = decided.header("scanledger-position").to_owned();
    let decided = decided.expect(200);
    assert_eq!((&decided["status"], &decided["statusNote"]), (&json!("FALSE_POSITIVE"), &json!("test data")));
    assert_eq!(decided["statusUpdatedBy"], api.key_id().await);
    assert_eq!(decided["scanId"], scan["id"]);
    assert!(decided["statusUpdatedAt"].is_string());
    assert_eq!(api.get(&path).await.expect(200), decided);
    let request = api.request(reqwest::Method::GET, &path).header("scanledger-min-position", position);
    assert_eq!(api.send(request).await.expect(200), decided);

    let same = api.patch(&path, &json!({ "status": "FALSE_POSITIVE" })).await.expect(200);
    assert_eq!(same, decided);
    let reopened = api.patch(&path, &json!({ "status": "OPEN" })).await.expect(200);
    assert_eq!((&reopened["status"], &reopened["statusNote"]), (&json!("OPEN"), &json!("test data")));
}

#[tokio::test]
async fn a_decision_survives_the_next_scan() {
    let api = Api::start().await;
    let (_, ids) = findings(&api, 2).await;
    api.patch(&format!("/api/findings/{}", ids[0]), &json!({ "status": "ACCEPTED_RISK" })).await.expect(200);
    let (_, again) = findings(&api, 2).await;
    assert_eq!(ids, again);
    let read = api.get(&format!("/api/findings/{}", ids[0])).await.expect(200);
    assert_eq!(read["status"], "ACCEPTED_RISK");
}

#[tokio::test]
async fn every_status_can_be_written_and_is_found_again() {
    let api = Api::start().await;
    let (scan, ids) = findings(&api, 1).await;
    for status in ["IN_PROGRESS", "RESOLVED", "FALSE_POSITIVE", "ACCEPTED_RISK", "OPEN"] {
        let decided =
            api.patch(&format!("/api/findings/{}", ids[0]), &json!({ "status": status })).await.expect(200);
        assert_eq!(decided["status"], status);
        let path = format!("/api/scans/{}/findings?status={status}", id(&scan));
        assert_eq!(api.get(&path).await.expect(200)["pagination"]["total"], 1, "{status}");
    }
}

#[tokio::test]
async fn a_decision_has_rules() {
    let api = Api::start().await;
    let (_, ids) = findings(&api, 1).await;
    let path = format!("/api/findings/{}", ids[0]);
    for (body, place) in [
        (json!({}), "status"),
        (json!({ "status": "DONE" }), "status"),
        (json!({ "status": null }), "status"),
        (json!({ "status": "OPEN", "statusNote": 7 }), "statusNote"),
        (json!({ "status": "RESOLVED", "statusNote": "x".repeat(NOTE_CHARS + 1) }), "statusNote"),
    ] {
        api.patch(&path, &body).await.refused_for(place);
    }
    api.patch(&path, &json!({ "status": "RESOLVED", "statusNote": "x".repeat(NOTE_CHARS) }))
        .await
        .expect(200);
    api.patch(&format!("/api/findings/{NOBODY}"), &json!({ "status": "OPEN" })).await.refused(404);
}

#[tokio::test]
async fn many_findings_are_decided_about_in_both_forms_that_clients_use() {
    let api = Api::start().await;
    let (scan, ids) = findings(&api, 4).await;
    let body = json!({ "ids": [ids[0], ids[1], NOBODY, "clx1"], "status": "ACCEPTED_RISK" });
    let post = api.post("/api/findings/bulk", &body).await;
    assert!(post.header("scanledger-position").parse::<u64>().unwrap() > 0);
    let post = post.expect(200);
    assert_eq!((&post["updated"], &post["status"]), (&json!(2), &json!("ACCEPTED_RISK")));
    assert_eq!(post["unknown"], json!([NOBODY]));
    let body = json!({ "findingIds": [ids[2], ids[2]], "status": "RESOLVED", "statusNote": "in 1.2" });
    assert_eq!(api.patch("/api/findings/bulk", &body).await.expect(200)["updated"], 1);
    let statuses = api.get(&format!("/api/scans/{}/findings?sort=file", id(&scan))).await.expect(200);
    assert_eq!(
        column(&statuses["findings"], "status"),
        ["ACCEPTED_RISK", "ACCEPTED_RISK", "RESOLVED", "OPEN"]
    );
}

#[tokio::test]
async fn a_decision_about_many_has_limits() {
    let api = Api::without_workers().await;
    let many = |count: usize| json!({ "ids": vec![NOBODY; count], "status": "OPEN" });
    api.post("/api/findings/bulk", &many(0)).await.refused_for("ids");
    api.post("/api/findings/bulk", &many(BULK_FINDINGS + 1)).await.refused_for("ids");
    assert_eq!(api.post("/api/findings/bulk", &many(BULK_FINDINGS)).await.expect(200)["updated"], 0);
    api.post("/api/findings/bulk", &json!({ "status": "OPEN" })).await.refused_for("ids");
    api.patch("/api/findings/bulk", &json!({ "findingIds": [NOBODY] })).await.refused_for("status");
    api.patch("/api/findings/bulk", &json!({ "findingIds": NOBODY, "status": "OPEN" })).await.refused(400);
}

#[tokio::test]
async fn a_bulk_with_a_finding_of_somebody_else_changes_nothing() {
    let api = Api::start().await;
    let (_, ids) = findings(&api, 2).await;
    let other = api.project("other").await;
    let limited = api.with_role(scanledger_domain::identity::Role::Developer, Some(&other)).await;
    let body = json!({ "ids": ids, "status": "RESOLVED" });
    limited.post("/api/findings/bulk", &body).await.refused_as(403, "OTHER_PROJECT");
    api.foreigner().await.post("/api/findings/bulk", &body).await.refused_as(403, "FOREIGN_ORGANIZATION");
    assert_eq!(api.get(&format!("/api/findings/{}", ids[0])).await.expect(200)["status"], "OPEN");
}

#[tokio::test]
async fn a_repeated_decision_is_one_event() {
    let api = Api::start().await;
    let (_, ids) = findings(&api, 1).await;
    let path = format!("/api/findings/{}", ids[0]);
    let request = |status: &str| {
        let request = api.request(reqwest::Method::PATCH, &path).header("idempotency-key", "click-1");
        request.json(&json!({ "status": status }))
    };
    let first = api.send(request("RESOLVED")).await;
    first.expect(200);
    api.patch(&path, &json!({ "status": "OPEN" })).await.expect(200);
    let again = api.send(request("RESOLVED")).await;
    again.expect(200);
    assert_eq!(again.header("scanledger-position"), first.header("scanledger-position"));
    assert_eq!(api.get(&path).await.expect(200)["status"], "OPEN");
    api.send(request("OPEN")).await.refused_as(422, "IDEMPOTENCY_KEY_REUSED");
}
