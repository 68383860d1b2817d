//! What people do to scans.

use crate::archive::leaky;
use crate::harness::{Api, NOBODY, id};
use scanledger_commands::Context;
use scanledger_commands::progress::ScannerProgress;
use scanledger_domain::id::{CommandId, ScanId};
use scanledger_domain::log::Actor;
use scanledger_domain::scan::{Scan, ScanCommand, scan_stream};
use scanledger_domain::scanning::ScannerKind;
use serde_json::{Value, json};
use uuid::Uuid;

async fn step(api: &Api, scan: &str, step: &str) -> crate::harness::Answer {
    api.post(&format!("/api/scans/{scan}/{step}"), &Value::Null).await
}

async fn queued(api: &Api) -> String {
    api.upload(&leaky(2), &[("newProjectName", "shop")]).await.expect(201)["scanId"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn a_queued_scan_can_be_stopped_resumed_and_cancelled() {
    let api = Api::without_workers().await;
    let scan = queued(&api).await;
    let stopped = step(&api, &scan, "stop").await;
    assert!(stopped.header("scanledger-position").parse::<u64>().unwrap() > 0);
    let report = format!("/api/scans/{scan}/findings/export?format=html");
    assert_eq!(stopped.expect(200), json!({ "scanId": scan, "status": "STOPPED", "reportUrl": report }));
    assert_eq!(step(&api, &scan, "resume").await.expect(200), json!({ "scanId": scan, "status": "QUEUED" }));
    assert_eq!(
        step(&api, &scan, "cancel").await.expect(200),
        json!({ "scanId": scan, "status": "CANCELLED" })
    );
    let read = api.get(&format!("/api/scans/{scan}")).await.expect(200);
    assert_eq!(read["status"], "CANCELLED");
    assert!(read["completedAt"].is_string());
}

#[tokio::test]
async fn steps_that_a_state_does_not_allow_are_refused() {
    let api = Api::start().await;
    let scan = id(&api.scanned(&leaky(1), &[]).await);
    for name in ["pause", "resume", "stop", "cancel"] {
        step(&api, &scan, name).await.refused_as(400, "ILLEGAL_STEP");
    }
    let idle = Api::without_workers().await;
    let waiting = queued(&idle).await;
    for name in ["pause", "resume"] {
        step(&idle, &waiting, name).await.refused_as(400, "ILLEGAL_STEP");
    }
    for name in ["pause", "resume", "stop", "cancel", "rescan"] {
        step(&idle, NOBODY, name).await.refused(404);
    }
    idle.delete(&format!("/api/scans/{NOBODY}")).await.refused(404);
}

#[tokio::test]
async fn a_rescan_is_a_new_scan_of_the_same_source() {
    let api = Api::start().await;
    let first = api.scanned(&leaky(2), &[("branch", "dev"), ("scanType", "SECRETS_ONLY")]).await;
    let again = step(&api, &id(&first), "rescan").await.expect(201);
    assert_eq!(again["status"], "QUEUED");
    assert_ne!(again["scanId"], first["id"]);
    let again = api.ended(again["scanId"].as_str().unwrap()).await;
    assert_eq!((&again["status"], &again["branch"]), (&json!("COMPLETED"), &json!("dev")));
    assert_eq!((&again["scanType"], &again["_count"]["findings"]), (&json!("SECRETS_ONLY"), &json!(2)));
}

#[tokio::test]
async fn a_deleted_scan_is_hidden_everywhere() {
    let api = Api::start().await;
    let scan = id(&api.scanned(&leaky(1), &[]).await);
    let path = format!("/api/scans/{scan}");
    assert_eq!(api.delete(&path).await.expect(200), json!({ "success": true }));
    for path in [path.clone(), format!("{path}/findings"), format!("{path}/artifacts")] {
        api.get(&path).await.refused(404);
    }
    api.delete(&path).await.refused(404);
    assert_eq!(api.get("/api/scans").await.expect(200)["scans"], json!([]));
}

#[tokio::test]
async fn a_cancelled_scan_leaves_no_findings() {
    let api = Api::without_workers().await;
    let scan = queued(&api).await;
    step(&api, &scan, "cancel").await.expect(200);
    let findings = api.get(&format!("/api/scans/{scan}/findings")).await.expect(200);
    assert_eq!((&findings["findings"], &findings["pagination"]["total"]), (&json!([]), &json!(0)));
}

/// Claims a scan as a worker does that says nothing more.
async fn claim(api: &Api, scan: &str) {
    let scan: ScanId = scan.parse().unwrap();
    let context = Context::new(CommandId(Uuid::from_u128(0xc1a1)), Actor::System, None);
    let context = Context { organization: Some(api.organization.parse().unwrap()), ..context };
    let start = ScanCommand::Start { alone: false };
    api.server.engine.ledger.execute::<Scan>(&context, &scan_stream(scan), None, start).await.unwrap();
    api.shown().await;
}

#[tokio::test]
async fn a_running_scan_can_be_paused_and_resumed_and_not_deleted() {
    let api = Api::without_workers().await;
    let scan = queued(&api).await;
    claim(&api, &scan).await;
    let path = format!("/api/scans/{scan}");
    step(&api, &scan, "resume").await.refused_as(400, "ILLEGAL_STEP");
    assert_eq!(step(&api, &scan, "pause").await.expect(200), json!({ "scanId": scan, "status": "PAUSED" }));
    api.delete(&path).await.refused_as(409, "ILLEGAL_STEP");
    step(&api, &scan, "pause").await.refused_as(400, "ILLEGAL_STEP");
    assert_eq!(step(&api, &scan, "resume").await.expect(200), json!({ "scanId": scan, "status": "RUNNING" }));
    api.delete(&path).await.refused_as(409, "ILLEGAL_STEP");
    assert_eq!(step(&api, &scan, "stop").await.expect(200)["status"], "STOPPED");
}

#[tokio::test]
async fn a_running_scan_says_how_far_its_scanners_are() {
    let api = Api::without_workers().await;
    let scan = queued(&api).await;
    claim(&api, &scan).await;
    let progress = ScannerProgress { files_completed: 3, files_total: 9, ..ScannerProgress::default() };
    api.server.app.progress.publish(scan.parse().unwrap(), ScannerKind::Secrets, progress);
    let read = api.get(&format!("/api/scans/{scan}")).await.expect(200);
    assert_eq!(read["status"], "RUNNING");
    let expected =
        json!({ "SECRETS_PATTERN": { "status": "RUNNING", "filesCompleted": 3, "filesTotal": 9 } });
    assert_eq!(read["scannerProgress"], expected);
    let running = api.get("/api/scans?status=RUNNING").await.expect(200);
    assert_eq!(running["pagination"]["total"], 1);
}
