//! Reading findings.

use crate::archive::{leaky, token};
use crate::harness::{Api, NOBODY, column, id};
use scanledger_domain::limits::SEARCH_CHARS;
use serde_json::{Value, json};

#[tokio::test]
async fn a_secret_is_shown_masked() {
    let api = Api::start().await;
    let scan = api.scanned(&leaky(1), &[]).await;
    let listed = api.get(&format!("/api/scans/{}/findings", id(&scan))).await;
    let page = listed.expect(200);
    let finding = &page["findings"][0];
    assert_eq!((&finding["scanner"], &finding["masked"]), (&json!("SECRETS_PATTERN"), &json!(true)));
    assert_eq!((&finding["filePath"], &finding["startLine"]), (&json!("src/file00.js"), &json!(1)));
    assert_eq!((&finding["cweId"], &finding["status"]), (&json!("CWE-798"), &json!("OPEN")));
    assert_eq!((&finding["scanId"], &finding["ruleId"]), (&scan["id"], &json!("GITHUB_TOKEN")));
    assert!(finding["snippet"].as_str().unwrap().contains("const access"), "{finding}");
    assert!(!listed.text().contains(&token(0)));
    for nothing in ["statusNote", "statusUpdatedBy", "statusUpdatedAt", "cveId"] {
        assert_eq!(finding[nothing], Value::Null);
    }
    assert_eq!(finding["metadata"]["reportSections"], Value::Null, "it was found by pattern");
    let read = api.get(&format!("/api/findings/{}", id(finding))).await.expect(200);
    assert_eq!(&read, finding);
}

#[tokio::test]
async fn a_vulnerable_dependency_says_what_mends_it() {
    let api = Api::start().await;
    api.import_advisories().await;
    let files = crate::archive::Files::default().with_folder("samples/shop");
    let scan = api.scanned(&files, &[]).await;
    let page = api.get(&format!("/api/scans/{}/findings?scanner=SCA&limit=500", id(&scan))).await.expect(200);
    let findings = page["findings"].as_array().unwrap();
    assert!(!findings.is_empty());
    for finding in findings {
        let metadata = &finding["metadata"];
        assert!(metadata["packageName"].is_string() && metadata["packageVersion"].is_string(), "{finding}");
        assert!(["npm", "PyPI", "crates.io", "Go"].contains(&metadata["ecosystem"].as_str().unwrap()));
        assert_eq!(metadata["osvId"], finding["ruleId"]);
        assert_eq!(finding["masked"], false);
        let sections = &metadata["reportSections"];
        assert_eq!(
            (&sections["vulnerabilityName"], &sections["summary"]),
            (&finding["title"], &finding["description"])
        );
        let first = sections["stepsToReproduce"][0].as_str().unwrap();
        for said in [&finding["filePath"], &metadata["packageName"], &metadata["packageVersion"]] {
            assert!(first.contains(said.as_str().unwrap()), "{finding}");
        }
        assert!(
            sections["impact"].as_str().unwrap().contains(metadata["osvId"].as_str().unwrap()),
            "{finding}"
        );
        let remediation = sections["remediation"].as_array().unwrap();
        match metadata["fixVersion"].as_str() {
            Some(fix) => assert!(remediation[0].as_str().unwrap().contains(fix), "{finding}"),
            None => assert!(remediation.is_empty(), "{finding}"),
        }
    }
    let severities = ["CRITICAL", "HIGH", "MEDIUM", "LOW", "INFO"];
    let rank = |row: &Value| severities.iter().position(|word| row["severity"] == *word).unwrap();
    assert!(findings.iter().map(rank).is_sorted());
    let project = scan["projectId"].as_str().unwrap();
    let parts = api.get(&format!("/api/projects/{project}/components?limit=500")).await.expect(200);
    assert_eq!(parts["pagination"]["total"], scan["depsScanned"]);
    let named =
        api.get(&format!("/api/projects/{project}/components?ecosystem=npm&limit=1")).await.expect(200);
    let part = &named["components"][0];
    assert!(part["purl"].as_str().unwrap().starts_with("pkg:npm/"), "{part}");
    assert!(parts["pagination"]["total"].as_u64() > named["pagination"]["total"].as_u64());
    let name = part["name"].as_str().unwrap();
    let found = api.get(&format!("/api/projects/{project}/components?name={name}")).await.expect(200);
    assert!(column(&found["components"], "name").contains(&name));
    api.get(&format!("/api/projects/{project}/components?ecosystem=CPAN")).await.refused_for("ecosystem");
    api.get(&format!("/api/projects/{NOBODY}/components")).await.refused(404);
}

#[tokio::test]
async fn findings_are_filtered_sorted_and_paged() {
    let api = Api::start().await;
    let scan = api.scanned(&leaky(12), &[]).await;
    let path = path_of(&scan);
    let page = async |query: &str| api.get(&format!("{path}?{query}")).await.expect(200);
    let total = async |query: &str| page(query).await["pagination"]["total"].as_u64().unwrap();
    let first = page("sort=file&limit=5").await;
    assert_eq!(first["pagination"], json!({ "page": 1, "limit": 5, "total": 12, "totalPages": 3 }));
    let paths: Vec<String> = (0..5).map(|n| format!("src/file{n:02}.js")).collect();
    assert_eq!(column(&first["findings"], "filePath"), paths);
    let last = page("sort=file&limit=5&page=3").await;
    assert_eq!(column(&last["findings"], "filePath"), ["src/file10.js", "src/file11.js"]);
    assert_eq!(page("limit=500&page=2147483647").await["findings"], json!([]));
    assert_eq!(page("").await["pagination"]["limit"], 50);

    let severity = first["findings"][0]["severity"].as_str().unwrap();
    assert_eq!(total(&format!("severity={severity},INFO")).await, 12);
    assert_eq!(total("severity=INFO").await, 0);
    assert_eq!(total("status=OPEN").await, 12);
    assert_eq!(total("status=RESOLVED,FALSE_POSITIVE").await, 0);
    assert_eq!(total("scanner=SECRETS_PATTERN").await, 12);
    assert_eq!(total("scanner=SECRETS_LLM").await, 0);
    assert_eq!(total("scanner=SCA,DAST").await, 0);
    assert_eq!(total("filePath=FILE07").await, 1);
    assert_eq!(total("filePath=%25").await, 0);
    assert_eq!(total("q=file03").await, 1);
    assert_eq!(total("q=file0*").await, 10);
    assert_eq!(total("q=nowhere").await, 0);
    assert_eq!(total("q=%22%27%28").await, 0);
    assert_eq!(total("status=&severity=").await, 12);
    for (query, place) in [
        ("severity=TERRIBLE", "severity"),
        ("severity=HIGH,high", "severity"),
        ("status=CLOSED", "status"),
        ("scanner=GREP", "scanner"),
        ("sort=size", "sort"),
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("page=-1", "page"),
        ("page=2147483648", "page"),
    ] {
        api.get(&format!("{path}?{query}")).await.refused_for(place);
    }
    let long = "x".repeat(SEARCH_CHARS + 1);
    api.get(&format!("{path}?q={long}")).await.refused_for("q");
    api.get(&format!("{path}?filePath={long}")).await.refused_for("filePath");
    api.get(&format!("{path}?q={}", &long[1..])).await.expect(200);
}

fn path_of(scan: &Value) -> String {
    format!("/api/scans/{}/findings", id(scan))
}

#[tokio::test]
async fn findings_of_a_branch_are_what_its_last_scan_left() {
    let api = Api::start().await;
    let fields = [("newProjectName", "shop")];
    let first = api.scanned(&leaky(3), &fields).await;
    api.scanned(&leaky(1), &fields).await;
    let project = first["projectId"].as_str().unwrap();
    let total = async |path: String| api.get(&path).await.expect(200)["pagination"]["total"].clone();
    assert_eq!(total(format!("/api/projects/{project}/findings")).await, 1);
    assert_eq!(total(format!("/api/projects/{project}/findings?branch=main")).await, 1);
    assert_eq!(total(format!("/api/projects/{project}/findings?branch=none")).await, 0);
    assert_eq!(total(format!("/api/projects/{project}/findings?asOfScan={}", id(&first))).await, 3);
    assert_eq!(total(path_of(&first)).await, 3);
    api.get(&format!("/api/projects/{NOBODY}/findings")).await.refused(404);
    api.get(&format!("/api/scans/{NOBODY}/findings")).await.refused(404);
    api.get(&format!("/api/findings/{NOBODY}")).await.refused(404);
    api.get("/api/findings/clx1").await.refused(404);
}
