//! Build gates.

use crate::archive::{Files, leaky};
use crate::harness::{Api, NOBODY};
use scanledger::operations::{Operation, perform};
use serde_json::json;
use std::sync::Arc;

#[tokio::test]
async fn a_gate_is_changed_field_by_field_in_every_form_that_clients_use() {
    let api = Api::without_workers().await;
    let project = api.project("shop").await;
    let path = "/api/settings/build-gates";
    let of = format!("{path}?projectId={project}");
    let defaults = json!({
        "id": project, "projectId": project,
        "maxCritical": 0, "maxHigh": 5, "maxMedium": 20, "maxLow": -1, "failOnNew": true,
    });
    assert_eq!(api.get(&of).await.expect(200), defaults);
    let patched = api.patch(path, &json!({ "projectId": project, "maxHigh": -1 })).await.expect(200);
    assert_eq!((&patched["maxHigh"], &patched["maxMedium"]), (&json!(-1), &json!(20)));
    let put = api.put(&of, &json!({ "failOnNew": false, "maxLow": 0 })).await.expect(200);
    assert_eq!((&put["maxHigh"], &put["maxLow"], &put["failOnNew"]), (&json!(-1), &json!(0), &json!(false)));
    assert_eq!(api.get(&of).await.expect(200), put);
}

#[tokio::test]
async fn a_gate_refuses_what_is_no_limit_and_projects_that_there_are_not() {
    let api = Api::without_workers().await;
    let project = api.project("shop").await;
    let of = |project: &str| format!("/api/settings/build-gates?projectId={project}");
    for limit in [json!(-2), json!(1.5), json!("7"), json!(4_294_967_296_u64)] {
        api.patch(&of(&project), &json!({ "maxLow": limit })).await.refused_for("maxLow");
    }
    api.patch(&of(&project), &json!({ "failOnNew": "yes" })).await.refused_for("failOnNew");
    api.patch("/api/settings/build-gates", &json!({ "maxLow": 1 })).await.refused_for("projectId");
    api.get("/api/settings/build-gates").await.refused_for("projectId");
    api.patch(&of(NOBODY), &json!({ "maxLow": 1 })).await.refused(404);
    api.put(&of("clx123"), &json!({ "maxLow": 1 })).await.refused(404);
}

#[tokio::test]
async fn the_verdict_is_about_limits_and_about_what_is_new() {
    let api = Api::start().await;
    let clean = Files::default().with("README.md", "# clean\n");
    let fields = [("newProjectName", "shop")];
    let first = api.scanned(&clean, &fields).await;
    assert_eq!(first["gateResult"], "PASSED");
    let project = first["projectId"].as_str().unwrap();
    let open = json!({ "projectId": project, "maxCritical": -1, "maxHigh": -1, "maxMedium": -1 });
    api.patch("/api/settings/build-gates", &open).await.expect(200);
    let leaking = api.scanned(&leaky(1), &fields).await;
    assert_eq!((&leaking["gateResult"], &leaking["newCount"]), (&json!("FAILED"), &json!(1)));
    let again = api.scanned(&leaky(1), &fields).await;
    assert_eq!((&again["gateResult"], &again["newCount"]), (&json!("PASSED"), &json!(0)));
    let tight = json!({ "projectId": project, "maxCritical": 0, "maxHigh": 0, "maxMedium": 0, "maxLow": 0 });
    api.patch("/api/settings/build-gates", &tight).await.expect(200);
    assert_eq!(api.scanned(&leaky(1), &fields).await["gateResult"], "FAILED");
}

/// Imports one record: a package that nobody maintains, which RustSec calls no vulnerability.
async fn import_unmaintained(api: &Api) {
    let folder = tempfile::tempdir().unwrap();
    let record = json!({
        "id": "RUSTSEC-2099-0001", "modified": "2026-01-01T00:00:00Z", "summary": "nobody maintains it",
        "affected": [{
            "package": { "ecosystem": "crates.io", "name": "forsaken" },
            "ranges": [{ "type": "SEMVER", "events": [{ "introduced": "0.0.0-0" }] }],
            "database_specific": { "informational": "unmaintained" },
        }],
    });
    let file = folder.path().join("RUSTSEC-2099-0001.json");
    std::fs::write(&file, record.to_string()).unwrap();
    let operation = Operation::ImportAdvisories { sources: vec![file] };
    perform(&api.server.engine, operation, Arc::new(|_| ())).await.unwrap();
    api.shown().await;
}

#[tokio::test]
async fn what_only_informs_fails_no_gate_although_it_is_new() {
    let api = Api::start().await;
    import_unmaintained(&api).await;
    let fields = [("newProjectName", "shop")];
    api.scanned(&Files::default().with("README.md", "# clean\n"), &fields).await;
    let locked = "version = 4\n\n[[package]]\nname = \"forsaken\"\nversion = \"1.0.0\"\n\
        source = \"registry+https://github.com/rust-lang/crates.io-index\"\n";
    let scan = api.scanned(&Files::default().with("Cargo.lock", locked), &fields).await;
    assert_eq!((&scan["newCount"], &scan["infoCount"]), (&json!(1), &json!(1)), "{scan}");
    let path = format!("/api/settings/build-gates?projectId={}", scan["projectId"].as_str().unwrap());
    assert_eq!(api.get(&path).await.expect(200)["failOnNew"], true);
    assert_eq!(scan["gateResult"], "PASSED");
}
