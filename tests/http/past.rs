//! The past as it was: with the default branch of then, the order of then, and scans at their end.

use crate::archive::{Files, leaky};
use crate::harness::{Api, column, id};
use serde_json::{Value, json};

async fn ask(api: &Api, document: &str) -> Value {
    let answer = api.post("/graphql", &json!({ "query": document })).await.expect(200);
    assert_eq!(answer["errors"], Value::Null, "{document}: {answer}");
    answer["data"].clone()
}

#[tokio::test]
async fn the_default_branch_is_the_one_of_then() {
    let api = Api::start().await;
    let files = leaky(3).with("requirements.txt", "flask==2.0.0\n");
    let scan = api.scanned(&files, &[("newProjectName", "shop")]).await;
    let (scan, project) = (id(&scan), scan["projectId"].as_str().unwrap().to_owned());
    let finding = id(&api.get(&format!("/api/scans/{scan}/findings")).await.expect(200)["findings"][0]);
    let then = api.server.app.views.position();
    let path = format!("/api/projects/{project}");
    let patch = json!({ "defaultBranch": "trunk", "name": "store" });
    api.patch(&path, &patch).await.expect(200);

    let total = async |list: &str, query: String| {
        api.get(&format!("{path}/{list}?{query}")).await.expect(200)["pagination"]["total"].as_u64().unwrap()
    };
    for (query, findings, components) in [(String::new(), 0, 0), (format!("asOf={then}"), 3, 1)] {
        assert_eq!(total("findings", query.clone()).await, findings, "{query}");
        assert_eq!(total("components", query.clone()).await, components, "{query}");
        let card = api.get(&format!("{path}?{query}")).await.expect(200)["card"]["totalFindings"].clone();
        assert_eq!(card, findings, "{query}");
        let at = query.replace('=', ": \"") + if query.is_empty() { "" } else { "\"" };
        let document = format!(
            "{{ projects(first: 5, {at}) {{ nodes {{ findings(first: 5) {{ totalCount }} components(first: 5) {{ totalCount }} }} }}
                findings(project: \"{project}\", first: 1, {at}) {{ totalCount }} }}"
        );
        let data = ask(&api, &document).await;
        let node = &data["projects"]["nodes"][0];
        assert_eq!(
            (&node["findings"]["totalCount"], &node["components"]["totalCount"]),
            (&json!(findings), &json!(components))
        );
        assert_eq!(data["findings"]["totalCount"], findings);
    }
    assert_eq!(total("findings", format!("asOfScan={scan}")).await, 3);
    let before = api.get(&format!("{path}/diff?from=1&to={then}")).await.expect(200);
    assert_eq!(before["findings"]["addedTotal"], 3);
    let since = api.get(&format!("{path}/diff?from=1")).await.expect(200);
    assert_eq!(since["findings"]["addedTotal"], 0);
    assert_eq!(api.get(&format!("/api/findings/{finding}?asOf={then}")).await.expect(200)["scanId"], *scan);

    let of = async |query: String| {
        let one = api.get(&format!("/api/scans/{scan}?{query}")).await.expect(200)["project"].clone();
        let list =
            api.get(&format!("/api/scans?{query}")).await.expect(200)["scans"][0]["project"]["name"].clone();
        assert_eq!(list, one["name"]);
        [one["name"].clone(), one["defaultBranch"].clone()]
    };
    assert_eq!(of(String::new()).await, ["store", "trunk"]);
    assert_eq!(of(format!("asOf={then}")).await, ["shop", "main"]);
}

#[tokio::test]
async fn nothing_is_on_the_default_branch_of_a_project_that_is_still_to_come() {
    let api = Api::start().await;
    let before = api.server.app.views.position();
    let scan = api.scanned(&leaky(1), &[]).await;
    let path = format!("/api/projects/{}", scan["projectId"].as_str().unwrap());
    for list in ["findings", "components"] {
        let page = api.get(&format!("{path}/{list}?asOf={before}")).await.expect(200);
        assert_eq!(page["pagination"]["total"], 0);
    }
    let nothing = api.get(&format!("{path}/diff?from=1&to={before}")).await.expect(200);
    assert_eq!(nothing["findings"]["addedTotal"], 0);
}

#[tokio::test]
async fn projects_with_most_findings_come_first_as_they_did_then() {
    let api = Api::start().await;
    api.scanned(&leaky(4), &[("newProjectName", "shop")]).await;
    api.scanned(&leaky(2), &[("newProjectName", "bank")]).await;
    let then = api.server.app.views.position();
    api.scanned(&leaky(0), &[("newProjectName", "shop")]).await;
    let names = async |query: String| {
        let listed = api.get(&format!("/api/projects?sort=vulns&{query}")).await.expect(200);
        column(&listed["projects"], "name").into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(names(String::new()).await, ["bank", "shop"]);
    assert_eq!(names(format!("asOf={then}")).await, ["shop", "bank"]);
}

#[tokio::test]
async fn a_scan_as_of_itself_has_ended() {
    let api = Api::start().await;
    let scan = api.scanned(&leaky(3), &[("newProjectName", "shop")]).await;
    let (project, scan_id) = (scan["projectId"].as_str().unwrap().to_owned(), id(&scan));
    api.scanned(&leaky(1), &[("newProjectName", "shop")]).await;
    let as_of = format!("asOfScan={scan_id}");
    let then = api.get(&format!("/api/scans/{scan_id}?{as_of}")).await.expect(200);
    for field in ["status", "gateResult", "_count", "completedAt", "highCount", "criticalCount"] {
        assert_eq!(then[field], scan[field], "{field}");
    }
    assert_eq!((&then["status"], &then["_count"]["findings"]), (&json!("COMPLETED"), &json!(3)));
    let card = api.get(&format!("/api/projects/{project}?{as_of}")).await.expect(200);
    assert_eq!(
        (&card["card"]["totalFindings"], &card["scans"][0]["status"]),
        (&json!(3), &json!("COMPLETED"))
    );
    for path in [format!("/api/scans/{scan_id}/findings"), format!("/api/projects/{project}/findings")] {
        let page = api.get(&format!("{path}?{as_of}")).await.expect(200);
        assert_eq!(page["pagination"]["total"], 3, "{path}");
    }
    let listed = api.get(&format!("/api/scans?{as_of}")).await.expect(200);
    assert_eq!(
        (&listed["pagination"]["total"], &listed["scans"][0]["status"]),
        (&json!(1), &json!("COMPLETED"))
    );
}

#[tokio::test]
async fn a_finding_names_the_last_scan_that_saw_it() {
    let api = Api::start().await;
    let scanned = async |files: &Files, kind: &str| {
        id(&api.scanned(files, &[("newProjectName", "shop"), ("scanType", kind)]).await)
    };
    let first = scanned(&leaky(2), "FULL").await;
    let path = format!("/api/scans/{first}/findings?sort=file");
    let finding = id(&api.get(&path).await.expect(200)["findings"][1]);
    let path = format!("/api/findings/{finding}");
    let named = async || api.get(&path).await.expect(200)["scanId"].clone();
    assert_eq!(named().await, *first);
    // One that does not look for secrets.
    scanned(&leaky(2), "SCA_ONLY").await;
    assert_eq!(named().await, *first);
    let second = scanned(&leaky(2), "SECRETS_ONLY").await;
    let then = api.server.app.views.position();
    assert_eq!(named().await, *second);
    // Two that find it gone.
    for _ in 0..2 {
        scanned(&leaky(1), "FULL").await;
        assert_eq!(named().await, *second);
    }
    api.delete(&format!("/api/scans/{second}")).await.expect(200);
    assert_eq!(named().await, *first);
    assert_eq!(api.get(&format!("{path}?asOf={then}")).await.expect(200)["scanId"], *first);
    api.delete(&format!("/api/scans/{first}")).await.expect(200);
    assert_eq!(named().await, Value::Null);
}
