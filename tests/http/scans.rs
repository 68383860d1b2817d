//! Reading scans, and what becomes of archives.

use crate::archive::{Files, leaky};
use crate::harness::{Api, NOBODY, column, id};
use serde_json::{Value, json};

#[tokio::test]
async fn a_scan_says_what_it_found() {
    let api = Api::start().await;
    let scan = api.scanned(&leaky(3), &[("newProjectName", "shop"), ("branch", "main")]).await;
    let counts = ["criticalCount", "highCount", "mediumCount", "lowCount", "infoCount"];
    assert_eq!(counts.map(|count| scan[count].as_u64().unwrap()).iter().sum::<u64>(), 3);
    assert_eq!((&scan["_count"]["findings"], &scan["newCount"]), (&json!(3), &json!(0)));
    assert_eq!(scan["scannerProgress"]["SECRETS_PATTERN"]["status"], "DONE");
    assert_eq!(scan["scannerProgress"]["SECRETS_PATTERN"]["findingsCount"], 3);
    assert_eq!((&scan["project"]["name"], &scan["errorMessage"]), (&json!("shop"), &Value::Null));
    assert!(scan["filesScanned"].as_u64().unwrap() >= 4, "{scan}");
    for time in ["createdAt", "startedAt", "completedAt", "updatedAt"] {
        let time = scan[time].as_str().unwrap();
        assert_eq!((time.len(), &time[23..]), (24, "Z"), "{time}");
    }
    let kinds = column(&scan["artifacts"], "type");
    assert!(kinds.contains(&"SARIF") && kinds.contains(&"SBOM_CYCLONEDX"), "{kinds:?}");
}

#[tokio::test]
async fn scans_are_listed_by_project_status_and_branch_newest_first() {
    let api = Api::without_workers().await;
    let queue = async |name: &str, branch: &str| {
        let fields = [("newProjectName", name), ("branch", branch)];
        api.upload(&leaky(1), &fields).await.expect(201)
    };
    let first = queue("shop", "main").await;
    let second = queue("shop", "dev").await;
    let third = queue("bank", "main").await;
    api.post(&format!("/api/scans/{}/stop", third["scanId"].as_str().unwrap()), &json!({})).await.expect(200);
    let listed = async |query: &str| {
        let listed = api.get(&format!("/api/scans?{query}")).await.expect(200);
        column(&listed["scans"], "id").into_iter().map(|id| json!(id)).collect::<Vec<_>>()
    };
    let [first, second, third] = [first, second, third].map(|queued| queued["scanId"].clone());
    assert_eq!(listed("").await, [third.clone(), second.clone(), first.clone()]);
    let project = api.get(&format!("/api/scans/{}", first.as_str().unwrap())).await.expect(200);
    let project = project["projectId"].as_str().unwrap();
    assert_eq!(listed(&format!("projectId={project}")).await, [second.clone(), first.clone()]);
    assert_eq!(listed("status=STOPPED,FAILED").await, std::slice::from_ref(&third));
    assert_eq!(listed("branch=main").await, [third.clone(), first.clone()]);
    assert_eq!(listed("limit=1&page=2").await, [second]);
    assert_eq!(listed("limit=1&page=9").await, [] as [Value; 0]);
    let page = api.get("/api/scans").await.expect(200)["pagination"].clone();
    assert_eq!(page, json!({ "page": 1, "limit": 20, "total": 3, "totalPages": 1 }));
    for (query, path) in [
        ("status=DONE", "status"),
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=-5", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("page=0", "page"),
        ("page=1e9", "page"),
    ] {
        api.get(&format!("/api/scans?{query}")).await.refused_for(path);
    }
    api.get("/api/scans?limit=500&page=2147483647").await.expect(200);
    api.get(&format!("/api/scans?projectId={NOBODY}")).await.refused(404);
    api.get("/api/scans?projectId=clx1").await.refused(404);
    api.get(&format!("/api/scans/{NOBODY}")).await.refused(404);
    api.get("/api/scans/clx1").await.refused(404);
}

#[tokio::test]
async fn an_archive_that_escapes_fails_its_scan_and_error_and_log_name_the_entry() {
    let api = Api::start().await;
    for entry in ["../evil.txt", "/etc/evil.txt"] {
        let files = Files::default().with("README.md", "# shop\n").with(entry, "x");
        assert_failed_for(&api, &files, &format!("the archive entry \"{entry}\"")).await;
    }
}

/// Uploads what cannot be unpacked: the scan's error says why, and so does the last line of its log.
async fn assert_failed_for(api: &Api, files: &Files, why: &str) {
    let queued = api.upload(files, &[("newProjectName", "shop")]).await.expect(201);
    let scan = api.ended(queued["scanId"].as_str().unwrap()).await;
    assert_eq!((&scan["status"], &scan["gateResult"]), (&json!("FAILED"), &json!("PENDING")), "{scan}");
    assert!(scan["errorMessage"].as_str().unwrap().contains(why), "{scan}");
    assert_eq!(column(&scan["artifacts"], "type"), ["SCAN_LOG"], "{scan}");
    let listed = api.get(&format!("/api/scans/{}/artifacts", id(&scan))).await.expect(200);
    assert_eq!(listed["artifacts"].as_array().unwrap().len(), 1);
    let log = log_of(api, &scan).await;
    let last = log.last().unwrap();
    assert_eq!((&last["level"], &last["code"]), (&json!("error"), &json!("source_rejected")), "{log:?}");
    assert_eq!(last["reason"], scan["errorMessage"]);
    assert_eq!(log[0]["message"], "the scan runs");
}

/// The lines of a scan's log.
async fn log_of(api: &Api, scan: &Value) -> Vec<Value> {
    let log = api.get(&format!("/api/scans/{}/artifacts/log", id(scan))).await;
    log.expect(200);
    log.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn a_scan_of_everything_says_in_its_log_which_scanners_there_are_not() {
    let api = Api::start().await;
    let lines_of = async |kind: &str| {
        let scan = api.scanned(&leaky(1), &[("newProjectName", "shop"), ("scanType", kind)]).await;
        let lines = log_of(&api, &scan).await.into_iter();
        lines.filter(|line| line["message"].as_str().unwrap().contains("does not have")).collect::<Vec<_>>()
    };
    let said = lines_of("FULL").await;
    let [said] = said.as_slice() else { panic!("{said:?}") };
    assert_eq!(said["level"], "warn");
    let missing = json!(["sast", "iac", "malicious", "zero_day", "container", "dast"]);
    assert_eq!(said["scanners"], missing, "the others there are");
    assert_eq!(lines_of("SECRETS_ONLY").await, [] as [Value; 0]);
}

#[tokio::test]
async fn an_archive_that_unpacks_to_far_more_than_it_is_fails_its_scan() {
    let api = Api::start().await;
    let bomb = Files::default().with("zeros.bin", vec![0_u8; 64 * 1024 * 1024]);
    assert!(bomb.tar_gz().len() * 100 < 64 * 1024 * 1024);
    assert_failed_for(&api, &bomb, "its own size with the entry \"zeros.bin\"").await;
}

#[tokio::test]
async fn a_broken_lockfile_is_a_warning_and_the_rest_is_found() {
    let api = Api::start().await;
    api.import_advisories().await;
    let files = leaky(1)
        .with("package-lock.json", "{ this is no lockfile")
        .with("sub/requirements.txt", "urllib3==1.24.1\n");
    let scan = api.scanned(&files, &[]).await;
    assert_eq!(scan["scannerProgress"]["SECRETS_PATTERN"]["findingsCount"], 1);
    assert!(scan["depsScanned"].as_u64().unwrap() >= 1, "{scan}");
    let log = api.get(&format!("/api/scans/{}/artifacts/log", id(&scan))).await;
    log.expect(200);
    assert!(log.text().contains("package-lock.json"), "{}", log.text());
}

#[tokio::test]
async fn the_same_source_again_finds_nothing_new_and_nothing_fixed() {
    let api = Api::start().await;
    let fields = [("newProjectName", "shop")];
    api.scanned(&leaky(5), &fields).await;
    let again = api.scanned(&leaky(5), &fields).await;
    assert_eq!((&again["newCount"], &again["fixedCount"]), (&json!(0), &json!(0)));
    assert_eq!(again["_count"]["findings"], 5);
    let fewer = api.scanned(&leaky(2), &fields).await;
    assert_eq!((&fewer["newCount"], &fewer["fixedCount"]), (&json!(0), &json!(3)));
}

/// A lockfile with vulnerable dependencies.
fn lockfile() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/samples/shop/web/package-lock.json");
    std::fs::read_to_string(path).unwrap()
}

#[tokio::test]
async fn a_lockfile_that_cannot_be_read_mends_nothing() {
    let api = Api::start().await;
    api.import_advisories().await;
    let lock = lockfile();
    let scanned = async |lock: &[u8]| {
        let files = Files::default().with("README.md", "# shop\n").with("package-lock.json", lock);
        api.scanned(&files, &[("newProjectName", "shop")]).await
    };
    let first = scanned(lock.as_bytes()).await;
    let found = &first["_count"]["findings"];
    assert!(found.as_u64().unwrap() > 0, "{first}");
    let project = first["projectId"].as_str().unwrap().to_owned();
    let none_high = json!({ "projectId": project, "maxHigh": 0 });
    api.patch("/api/settings/build-gates", &none_high).await.expect(200);
    let conflict = format!("<<<<<<< ours\n{lock}=======\n{lock}>>>>>>> theirs\n");
    for broken in [conflict.as_bytes(), b"\xff\xfe{}"] {
        let broken = scanned(broken).await;
        assert_eq!((&broken["fixedCount"], &broken["_count"]["findings"]), (&json!(0), found), "{broken}");
        assert_eq!(broken["gateResult"], "FAILED");
        assert_eq!(broken["scannerProgress"]["SCA"]["status"], "DONE");
        let listed = api.get(&format!("/api/scans/{}/findings", id(&broken))).await.expect(200);
        assert_eq!(&listed["pagination"]["total"], found);
        let parts = api.get(&format!("/api/projects/{project}/components")).await.expect(200);
        assert_eq!(parts["pagination"]["total"], first["depsScanned"]);
    }
    let repaired = scanned(lock.as_bytes()).await;
    assert_eq!((&repaired["newCount"], &repaired["fixedCount"]), (&json!(0), &json!(0)), "{repaired}");
    let gone = api.scanned(&leaky(0), &[("newProjectName", "shop")]).await;
    assert_eq!(&gone["fixedCount"], found);
}

#[tokio::test]
async fn a_secret_in_a_file_that_grew_too_large_is_still_there() {
    let api = Api::start().await;
    let noise: String =
        (0..70_000_u64).map(|n| format!("{:x}\n", n.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    let secret = leaky(1);
    let grown = Files::default()
        .with("src/file00.js", format!("const access = \"{}\";\n{noise}", crate::archive::token(0)));
    let first = api.scanned(&secret, &[("newProjectName", "shop")]).await;
    assert_eq!(first["_count"]["findings"], 1);
    let large = api.scanned(&grown, &[("newProjectName", "shop")]).await;
    assert_eq!((&large["fixedCount"], &large["_count"]["findings"]), (&json!(0), &json!(1)), "{large}");
    assert_eq!(large["gateResult"], first["gateResult"]);
    let again = api.scanned(&secret, &[("newProjectName", "shop")]).await;
    assert_eq!((&again["newCount"], &again["fixedCount"]), (&json!(0), &json!(0)), "{again}");
}

#[tokio::test]
async fn a_scanner_without_anything_to_match_with_is_shown_as_skipped() {
    let api = Api::start().await;
    let files = leaky(1).with("package-lock.json", lockfile());
    let scan = api.scanned(&files, &[]).await;
    let skipped = json!({ "status": "SKIPPED", "filesCompleted": 0, "filesTotal": 0 });
    assert_eq!(scan["scannerProgress"]["SCA"], skipped);
    assert_eq!(scan["scannerProgress"]["SECRETS_PATTERN"]["status"], "DONE");
    assert!(scan["depsScanned"].as_u64().unwrap() > 0, "{scan}");
    let sarif = api.get(&format!("/api/scans/{}/artifacts/sarif", id(&scan))).await.expect(200);
    let invocation = &sarif["runs"][0]["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], false);
    let said = column(&invocation["toolExecutionNotifications"], "level");
    assert_eq!(said, ["warning"]);
}
