//! Reading at a position, as of an instant, and between two.

use crate::archive::leaky;
use crate::harness::{Api, NOBODY, column, id};
use reqwest::Method;
use scanledger_domain::time::Timestamp;
use serde_json::json;

#[tokio::test]
async fn a_list_is_as_it_was_by_position_instant_and_scan() {
    let api = Api::start().await;
    let fields = [("newProjectName", "shop")];
    let first = api.scanned(&leaky(3), &fields).await;
    let project = first["projectId"].as_str().unwrap();
    let path = format!("/api/projects/{project}/findings");
    let before = api.server.app.views.position();
    let instant = api.server.app.clock.now();
    let finding = id(&api.get(&path).await.expect(200)["findings"][0]);
    api.patch(&format!("/api/findings/{finding}"), &json!({ "status": "RESOLVED" })).await.expect(200);
    api.scanned(&leaky(1), &fields).await;

    let open = async |query: String| {
        let page = api.get(&format!("{path}?status=OPEN&{query}")).await.expect(200);
        page["pagination"]["total"].as_u64().unwrap()
    };
    assert_eq!(open(format!("asOf={before}")).await, 3);
    assert_eq!(open(format!("asOf={}", instant.to_rfc3339_micros())).await, 3);
    assert_eq!(open(format!("asOfScan={}", id(&first))).await, 3);
    assert!(open(String::new()).await <= 1);
    let then = api.get(&format!("/api/findings/{finding}?asOf={before}")).await.expect(200);
    assert_eq!((&then["status"], &then["statusUpdatedAt"]), (&json!("OPEN"), &json!(null)));
    let scans = api.get(&format!("/api/scans?asOf={before}")).await.expect(200);
    assert_eq!(scans["pagination"]["total"], 1);
    let projects = api.get(&format!("/api/projects?asOf={before}")).await.expect(200);
    assert_eq!(projects["projects"][0]["card"]["totalFindings"], 3);
    let never = Timestamp(0).to_rfc3339_millis();
    assert_eq!(api.get(&format!("/api/scans?asOf={never}")).await.expect(200)["pagination"]["total"], 0);
}

#[tokio::test]
async fn an_instant_that_is_none_is_refused() {
    let api = Api::start().await;
    let scan = id(&api.scanned(&leaky(1), &[]).await);
    api.get("/api/scans?asOf=yesterday").await.refused_for("asOf");
    api.get("/api/scans?asOf=-1").await.refused_for("asOf");
    api.get(&format!("/api/scans?asOf=1&asOfScan={scan}")).await.refused_for("asOf");
    api.get("/api/scans?asOf=999999999").await.refused_as(400, "BEYOND_HEAD");
    api.get(&format!("/api/scans?asOfScan={NOBODY}")).await.refused(404);
    api.get("/api/scans?asOfScan=clx1").await.refused(404);
    let foreigner = api.foreigner().await;
    foreigner.get(&format!("/api/scans?asOfScan={scan}")).await.refused_as(403, "FOREIGN_ORGANIZATION");
}

#[tokio::test]
async fn a_read_can_ask_for_a_position() {
    let api = Api::without_workers().await;
    let read = async |position: &str| {
        let request = api.request(Method::GET, "/api/projects").header("scanledger-min-position", position);
        api.send(request).await
    };
    let made = api.post("/api/projects", &json!({ "name": "shop" })).await;
    let position: u64 = made.header("scanledger-position").parse().unwrap();
    assert_eq!(column(&read(&position.to_string()).await.expect(200)["projects"], "name"), ["shop"]);
    read("0").await.expect(200);
    read(&(position + 1).to_string()).await.refused_as(400, "BEYOND_HEAD");
    for bad in ["x", "-1", "1.5"] {
        read(bad).await.refused_for("scanledger-min-position");
    }
}

#[tokio::test]
async fn a_diff_says_what_came_went_and_changed() {
    let api = Api::start().await;
    let fields = [("newProjectName", "shop")];
    let first = api.scanned(&leaky(3), &fields).await;
    let (project, first) = (first["projectId"].as_str().unwrap().to_owned(), id(&first));
    let listed = api.get(&format!("/api/scans/{first}/findings?sort=file")).await.expect(200);
    let kept = id(&listed["findings"][0]);
    api.patch(&format!("/api/findings/{kept}"), &json!({ "status": "ACCEPTED_RISK" })).await.expect(200);
    let files = leaky(2).with_secret("src/other.js", 77).with("requirements.txt", "flask==2.0.0\n");
    let second = id(&api.scanned(&files, &fields).await);

    let diff = async |query: &str| api.get(&format!("/api/projects/{project}/diff?{query}")).await;
    let changes = diff(&format!("fromScan={first}&toScan={second}")).await.expect(200);
    let findings = &changes["findings"];
    assert_eq!(column(&findings["added"], "filePath"), ["src/other.js"]);
    assert_eq!(column(&findings["removed"], "filePath"), ["src/file02.js"]);
    assert_eq!(findings["changed"][0]["before"]["status"], "OPEN");
    assert_eq!(findings["changed"][0]["after"]["status"], "ACCEPTED_RISK");
    let totals = ["addedTotal", "removedTotal", "changedTotal"];
    assert_eq!(totals.map(|total| findings[total].as_u64()), [Some(1); 3]);
    assert!(changes["from"].as_u64() < changes["to"].as_u64());

    let back = diff(&format!("from={second}&to={first}")).await.expect(200);
    assert_eq!(column(&back["findings"]["removed"], "filePath"), ["src/other.js"]);
    let since = diff("from=1").await.expect(200);
    assert_eq!(
        (&since["findings"]["addedTotal"], &since["findings"]["removedTotal"]),
        (&json!(3), &json!(0))
    );
    let few = diff("from=1&limit=1").await.expect(200);
    assert_eq!(
        (few["findings"]["added"].as_array().unwrap().len(), &few["findings"]["addedTotal"]),
        (1, &json!(3))
    );
    let whole = column(&since["findings"]["added"], "filePath");
    for (page, path) in (1..).zip(&whole) {
        let one = diff(&format!("from=1&limit=1&page={page}")).await.expect(200);
        assert_eq!((&one["page"], &one["limit"]), (&json!(page), &json!(1)));
        assert_eq!(column(&one["findings"]["added"], "filePath"), [*path]);
        assert_eq!(one["findings"]["addedTotal"], 3);
    }
    let beyond = diff("from=1&limit=1&page=4").await.expect(200);
    assert_eq!((&beyond["findings"]["added"], &beyond["findings"]["addedTotal"]), (&json!([]), &json!(3)));
    let other = diff("from=1&branch=none").await.expect(200);
    assert_eq!(other["findings"]["addedTotal"], 0);

    diff("").await.refused_for("from");
    diff("from=yesterday").await.refused_for("from");
    diff("from=1&to=never").await.refused_for("to");
    for (bad, field) in [("limit=501", "limit"), ("limit=0", "limit"), ("page=0", "page"), ("page=x", "page")]
    {
        diff(&format!("from=1&{bad}")).await.refused_for(field);
    }
    diff("from=1&limit=500").await.expect(200);
    diff(&format!("from=1&fromScan={first}")).await.refused_for("from");
    diff("from=999999999").await.refused_as(400, "BEYOND_HEAD");
    diff(&format!("fromScan={NOBODY}")).await.refused(404);
    api.get(&format!("/api/projects/{NOBODY}/diff?from=1")).await.refused(404);
}
