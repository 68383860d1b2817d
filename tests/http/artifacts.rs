//! Files that scans leave behind, and findings as files.

use crate::archive::leaky;
use crate::harness::{Api, NOBODY, column, id};
use serde_json::Value;

#[tokio::test]
async fn every_artifact_is_listed_and_can_be_downloaded() {
    let api = Api::start().await;
    let scan = id(&api.scanned(&leaky(2), &[]).await);
    let listed = api.get(&format!("/api/scans/{scan}/artifacts")).await.expect(200);
    let kinds = column(&listed["artifacts"], "type");
    for kind in ["SARIF", "SBOM_CYCLONEDX", "SBOM_SPDX", "SCAN_LOG"] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    for artifact in listed["artifacts"].as_array().unwrap() {
        let file = api.get(artifact["downloadPath"].as_str().unwrap()).await;
        file.expect(200);
        assert_eq!(Some(file.bytes.len() as u64), artifact["size"].as_u64());
        assert!(artifact["createdAt"].is_string());
    }
    for (slug, media_type, name) in [
        ("cyclonedx", "application/vnd.cyclonedx+json", "sbom.cyclonedx.json"),
        ("SBOM-CycloneDX", "application/vnd.cyclonedx+json", "sbom.cyclonedx.json"),
        ("spdx", "application/spdx+json", "sbom.spdx.json"),
        ("sbom-spdx", "application/spdx+json", "sbom.spdx.json"),
        ("sarif", "application/sarif+json", "findings.sarif"),
        ("log", "application/json", "scan.log"),
    ] {
        let file = api.get(&format!("/api/scans/{scan}/artifacts/{slug}")).await;
        file.expect(200);
        assert_eq!(file.header("content-type"), media_type);
        assert_eq!(file.header("content-disposition"), format!("attachment; filename=\"{name}\""));
    }
    let sbom = api.get(&format!("/api/scans/{scan}/artifacts/cyclonedx")).await.expect(200);
    assert_eq!((&sbom["bomFormat"], &sbom["specVersion"]), (&"CycloneDX".into(), &"1.5".into()));
    for slug in ["container", "dast", "signature"] {
        api.get(&format!("/api/scans/{scan}/artifacts/{slug}")).await.refused(404);
    }
    api.get(&format!("/api/scans/{scan}/artifacts/pdf")).await.refused_for("slug");
    api.get(&format!("/api/scans/{NOBODY}/artifacts")).await.refused(404);
    api.get(&format!("/api/scans/{NOBODY}/artifacts/log")).await.refused(404);
}

#[tokio::test]
async fn a_scan_that_has_not_ended_has_no_artifacts() {
    let api = Api::without_workers().await;
    let scan = api.upload(&leaky(1), &[]).await.expect(201)["scanId"].as_str().unwrap().to_owned();
    let listed = api.get(&format!("/api/scans/{scan}/artifacts")).await.expect(200);
    assert_eq!(listed["artifacts"], Value::Array(vec![]));
    api.get(&format!("/api/scans/{scan}/artifacts/sarif")).await.refused(404);
}

#[tokio::test]
async fn the_log_counts_what_was_left_out() {
    let api = Api::start().await;
    let files = leaky(1).with("node_modules/a/index.js", "let a;").with("app.min.js", "let b;");
    let scan = id(&api.scanned(&files, &[]).await);
    let log = api.get(&format!("/api/scans/{scan}/artifacts/log")).await.text();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let done = |scanner: &str| {
        let line = lines.iter().find(|line| line["scanner"] == scanner && line["findings"].is_number());
        line.map(|line| (line["foldersLeftOut"].as_u64(), line["filesLeftOut"].as_u64()))
    };
    assert_eq!(done("secrets"), Some((Some(1), Some(1))), "{log}");
    assert_eq!(done("sca"), Some((Some(1), Some(0))), "{log}");
}

#[tokio::test]
async fn findings_are_exported_as_csv_html_and_sarif() {
    let api = Api::start().await;
    let scan = id(&api.scanned(&leaky(3), &[("newProjectName", "my shop")]).await);
    let export = async |query: &str| api.get(&format!("/api/scans/{scan}/findings/export{query}")).await;
    let csv = export("").await;
    csv.expect(200);
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    let today = &api.server.app.clock.now().to_rfc3339_millis()[..10];
    let name = format!("attachment; filename=\"my-shop-findings-{today}.csv\"");
    assert_eq!(csv.header("content-disposition"), name);
    let text = csv.text();
    let columns = text.lines().next().unwrap().trim_start_matches('\u{feff}');
    let expected = "Severity,Scanner,Title,Description,File Path,Start Line,End Line,Rule ID,CWE ID,CVE ID,Confidence,Snippet";
    assert_eq!(columns, expected);
    assert_eq!(text.matches("src/file").count(), 3);
    assert!(!text.contains(&crate::archive::token(0)));
    let none = export("?severity=INFO").await;
    assert_eq!(none.text().matches("src/file").count(), 0);

    let html = export("?format=html").await;
    html.expect(200);
    assert_eq!(html.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(html.header("content-disposition"), "inline");
    assert!(html.header("content-security-policy").contains("default-src 'none'"));
    let sarif = export("?format=sarif").await;
    assert_eq!(sarif.header("content-type"), "application/sarif+json");
    let sarif = sarif.expect(200);
    assert_eq!(sarif["version"], "2.1.0");
    assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len(), 3);
    export("?format=json").await.refused_for("format");
    export("?format=csv&severity=BAD").await.refused_for("severity");
    api.get(&format!("/api/scans/{NOBODY}/findings/export")).await.refused(404);
}
