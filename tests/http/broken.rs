//! Read models that say something else than the log: what a node reports of them, until they are built anew.

use crate::archive::Files;
use crate::hand::Hand;
use crate::harness::{Api, id};
use crate::operations::{open_views, value};
use scanledger::operations::{Operation, perform};
use scanledger_domain::branch::{BranchEvent, ScanCounts, branch_id};
use scanledger_domain::event::Event;
use scanledger_domain::log::Position;
use scanledger_domain::scan::ScanCommand;
use serde_json::{Value, json};
use std::process::Command;
use std::sync::Arc;

/// What readiness and the metrics say of broken branches; the node is ready in any case.
async fn told(api: &Api) -> [u64; 2] {
    let nobody = api.with_key(None);
    let ready = nobody.get("/health/ready").await.expect(200);
    assert_eq!((&ready["status"], &ready["ready"]), (&"ready".into(), &true.into()));
    let metrics = nobody.get("/metrics").await.text();
    [ready["broken_branches"].as_u64().unwrap(), value(&metrics, "scanledger_projector_broken_branches")]
}

/// What `verify` says beside the server, and its code.
pub async fn verified(api: &Api) -> (Option<i32>, String) {
    let folder = api.server.engine.folder.root().to_owned();
    let run = move || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scanledger"));
        command.arg("verify").env_clear().env("SCANLEDGER_DATA", folder).output()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[tokio::test]
async fn a_branch_that_is_not_what_the_log_says_is_reported_until_the_read_models_are_built_anew() {
    let api = Api::without_workers().await;
    let first = Hand::queued(&api).await;
    first.completes((1, 1), 0..3).await;
    let second = Hand::queued(&api).await;
    for command in [ScanCommand::Start { alone: false }, ScanCommand::Settle { attempt: 1 }] {
        second.tell(command).await;
    }
    // As on another node, of whose read models no row is damaged.
    let decided = second.decided(1, 0..1).await;
    let damaged = open_views(&api).execute("UPDATE presence SET digest = zeroblob(16)", []);
    assert_eq!(damaged.unwrap(), 3);
    assert_eq!(told(&api).await, [0, 0], "nobody can know");

    second.record(decided).await;

    assert_eq!(told(&api).await, [1, 1]);
    let (code, said) = verified(&api).await;
    let (project, id) = (second.project, branch_id(second.project, "main"));
    let expected = format!(
        "differs: branch main of project {project} ({id}) is not what the end of its last scan says\n"
    );
    assert!(said.contains(&expected), "{said}");
    assert_eq!(code, Some(1));

    api.server.engine.projector.rebuild(Arc::new(|_, _| ())).await.unwrap();
    assert_eq!(told(&api).await, [0, 0]);
    let (code, said) = verified(&api).await;
    assert!(said.ends_with("everything agrees\n"), "{said}");
    assert_eq!(code, Some(0));
}

/// Files of which each holds the secret with its number.
fn holding(secrets: &[u64]) -> Files {
    secrets.iter().fold(Files::default(), |files, n| files.with_secret(&format!("src/file{n}.js"), *n))
}

/// Loses the row of a secret that is there, and brings back the one of a secret that is gone.
fn damage(api: &Api, lost: u64, kept: u64) {
    let views = open_views(api);
    let lose = "DELETE FROM presence WHERE path = ?1 AND valid_to = 9223372036854775807";
    assert_eq!(views.execute(lose, [format!("src/file{lost}.js")]).unwrap(), 1);
    let keep = "UPDATE presence SET valid_to = 9223372036854775807 WHERE path = ?1";
    assert_eq!(views.execute(keep, [format!("src/file{kept}.js")]).unwrap(), 1);
}

/// What was recorded on branches after a position, by its type, with what the end of the last scan counted.
async fn recorded(api: &Api, after: Position) -> (Vec<&'static str>, ScanCounts) {
    api.shown().await;
    let events = api.server.engine.event_log().read_all(after, 1_000).await.unwrap();
    let mut counts = ScanCounts::default();
    let kinds = events.iter().filter_map(|recorded| match Event::of(recorded).unwrap() {
        Event::Branch(BranchEvent::Opened(_)) => Some("opened"),
        Event::Branch(BranchEvent::Detected(_)) => Some("detected"),
        Event::Branch(BranchEvent::Reopened(_)) => Some("reopened"),
        Event::Branch(BranchEvent::Resolved(_)) => Some("resolved"),
        Event::Branch(BranchEvent::Scanned(scanned)) => {
            counts = scanned.counts;
            Some("scanned")
        }
        Event::Branch(_) => Some("other"),
        _ => None,
    });
    (kinds.collect(), counts)
}

async fn is_mended_by_a_rebuild(api: &Api) {
    assert_eq!(verified(api).await.0, Some(1));
    api.server.engine.projector.rebuild(Arc::new(|_, _| ())).await.unwrap();
    assert_eq!(told(api).await, [0, 0]);
    let (code, said) = verified(api).await;
    assert_eq!(code, Some(0), "{said}");
}

#[tokio::test]
async fn a_scan_of_a_broken_branch_is_decided_on_its_log() {
    let api = Api::start().await;
    let shop = [("newProjectName", "shop")];
    let first = api.scanned(&holding(&[0, 1, 2, 3]), &shop).await;
    let listed = api.get(&format!("/api/scans/{}/findings", id(&first))).await.expect(200);
    let mut rows = listed["findings"].as_array().unwrap().iter();
    let decided = rows.find(|row| row["filePath"] == "src/file1.js").unwrap();
    let decided = format!("/api/findings/{}", id(decided));
    api.patch(&decided, &json!({ "status": "FALSE_POSITIVE" })).await.expect(200);
    api.scanned(&holding(&[0, 1, 2]), &shop).await;
    damage(&api, 1, 3);
    assert_eq!(told(&api).await, [0, 0], "nobody looked");

    let before = api.server.app.views.position();
    let scan = api.scanned(&holding(&[1, 2]), &shop).await;
    let unchanged = ScanCounts { resolved: 1, unchanged: 2, ..ScanCounts::default() };
    assert_eq!(recorded(&api, before).await, (vec!["resolved", "scanned"], unchanged));
    assert_eq!((&scan["newCount"], &scan["fixedCount"]), (&json!(0), &json!(1)));
    assert_eq!(told(&api).await, [1, 1]);

    // The row of the one that is gone is still there, and it comes back.
    let before = api.server.app.views.position();
    let project = first["projectId"].as_str().unwrap();
    let strict = json!({ "projectId": project, "maxCritical": 0, "maxHigh": 0, "failOnNew": false });
    api.patch("/api/settings/build-gates", &strict).await.expect(200);
    let scan = api.scanned(&holding(&[1]), &shop).await;
    assert_eq!(recorded(&api, before).await.0, ["resolved", "scanned"]);
    assert_eq!(scan["gateResult"], "PASSED", "what people decided counts, although the row is lost: {scan}");
    let before = api.server.app.views.position();
    api.scanned(&holding(&[1, 3]), &shop).await;
    assert_eq!(recorded(&api, before).await.0, ["reopened", "scanned"]);
    assert_eq!(told(&api).await, [1, 1], "no scan ends it");

    is_mended_by_a_rebuild(&api).await;
    let before = api.server.app.views.position();
    api.scanned(&holding(&[1, 3]), &shop).await;
    let unchanged = ScanCounts { unchanged: 2, ..ScanCounts::default() };
    assert_eq!(recorded(&api, before).await, (vec!["scanned"], unchanged));
    assert_eq!(told(&api).await, [0, 0]);
}

#[tokio::test]
async fn a_branch_that_starts_from_a_broken_one_is_decided_on_the_log_of_both() {
    let api = Api::start().await;
    let shop = [("newProjectName", "shop")];
    api.scanned(&holding(&[0, 1, 2]), &shop).await;
    let main = api.scanned(&holding(&[0, 1]), &shop).await;
    damage(&api, 0, 2);
    let project = main["projectId"].as_str().unwrap();
    let topic = [("projectId", project), ("branch", "topic")];

    let before = api.server.app.views.position();
    api.scanned(&holding(&[0, 1]), &topic).await;
    let unchanged = ScanCounts { unchanged: 2, ..ScanCounts::default() };
    assert_eq!(recorded(&api, before).await, (vec!["opened", "scanned"], unchanged));
    assert_eq!(told(&api).await, [2, 2], "what was wrong was inherited");
    let before = api.server.app.views.position();
    api.scanned(&holding(&[0, 2]), &topic).await;
    let counts = ScanCounts { detected: 1, new: 1, resolved: 1, unchanged: 1, ..ScanCounts::default() };
    assert_eq!(recorded(&api, before).await, (vec!["detected", "resolved", "scanned"], counts));
    assert_eq!(told(&api).await, [2, 2]);

    is_mended_by_a_rebuild(&api).await;
    let before = api.server.app.views.position();
    api.scanned(&holding(&[0, 2]), &topic).await;
    assert_eq!(recorded(&api, before).await.1, ScanCounts { unchanged: 2, ..ScanCounts::default() });
    assert_eq!(told(&api).await, [0, 0]);
}

/// A lockfile with one package.
fn lockfile(package: &str) -> String {
    format!(
        "version = 4\n\n[[package]]\nname = \"{package}\"\nversion = \"1.0.0\"\n\
         source = \"registry+https://github.com/rust-lang/crates.io-index\"\n"
    )
}

#[tokio::test]
async fn the_log_of_a_broken_branch_says_which_findings_are_where_nothing_could_be_read() {
    let api = Api::start().await;
    let folder = tempfile::tempdir().unwrap();
    let affected = |package: &str| {
        json!({
            "package": { "ecosystem": "crates.io", "name": package },
            "ranges": [{ "type": "SEMVER", "events": [{ "introduced": "0.0.0-0" }] }],
        })
    };
    let records: Vec<Value> = ["forsaken", "forgotten"]
        .iter()
        .zip(1..)
        .map(|(package, n)| {
            json!({
                "id": format!("RUSTSEC-2099-000{n}"), "modified": "2026-01-01T00:00:00Z", "summary": "gone",
                "affected": [affected(package)],
            })
        })
        .collect();
    let sources = records.iter().map(|record| {
        let file = folder.path().join(format!("{}.json", record["id"].as_str().unwrap()));
        std::fs::write(&file, record.to_string()).unwrap();
        file
    });
    let sources = sources.collect();
    perform(&api.server.engine, Operation::ImportAdvisories { sources }, Arc::new(|_| ())).await.unwrap();
    api.shown().await;
    let shop = [("newProjectName", "shop")];
    let with = |a: &str, b: &str| Files::default().with("a/Cargo.lock", a).with("b/Cargo.lock", b);
    api.scanned(&with(&lockfile("forsaken"), &lockfile("forgotten")), &shop).await;
    let lost = open_views(&api).execute("DELETE FROM presence", []).unwrap();
    assert_eq!(lost, 2);

    let before = api.server.app.views.position();
    let scan = api.scanned(&with(&lockfile("serene"), "[[package"), &shop).await;
    // The one in the file that was read is gone; the other one stays, and counts.
    let (kinds, counts) = recorded(&api, before).await;
    assert_eq!(kinds.iter().filter(|kind| **kind != "other").collect::<Vec<_>>(), [&"resolved", &"scanned"]);
    assert_eq!(counts, ScanCounts { resolved: 1, ..ScanCounts::default() });
    assert_eq!(scan["mediumCount"], 1, "{scan}");
    assert_eq!(told(&api).await, [1, 1]);
    is_mended_by_a_rebuild(&api).await;
    let mended = api.get(&format!("/api/projects/{}/findings", scan["projectId"].as_str().unwrap())).await;
    assert_eq!(mended.expect(200)["pagination"]["total"], 1);
}
