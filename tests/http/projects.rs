//! Projects.

use crate::archive::{Files, leaky};
use crate::harness::{Api, NOBODY, column, id};
use serde_json::{Value, json};

#[tokio::test]
async fn a_project_is_made_read_changed_and_deleted() {
    let api = Api::without_workers().await;
    let body = json!({ "name": "<b>shop</b>", "repoUrl": "https://example.org/shop.git", "description": "" });
    let made = api.post("/api/projects", &body).await.expect(201);
    let path = format!("/api/projects/{}", id(&made));
    assert_eq!((&made["name"], &made["defaultBranch"]), (&json!("shop"), &json!("main")));
    assert_eq!((&made["description"], &made["connectedViaGithub"]), (&Value::Null, &json!(false)));
    assert_eq!(made["organizationId"], api.organization.as_str());

    let read = api.get(&path).await.expect(200);
    assert_eq!((&read["_count"]["scans"], &read["scans"]), (&json!(0), &json!([])));
    assert_eq!(read["buildGate"]["maxHigh"], 5);
    assert_eq!((&read["card"]["grade"], &read["card"]["sourceLabel"]), (&Value::Null, &json!("Repository")));

    let patch = json!({ "name": "store", "description": "sells", "repoUrl": null, "defaultBranch": "trunk" });
    let before = api.server.app.views.position();
    let changed = api.patch(&path, &patch).await;
    assert!(changed.header("scanledger-position").parse::<u64>().unwrap() > before.0);
    let changed = changed.expect(200);
    assert_eq!((&changed["name"], &changed["description"]), (&json!("store"), &json!("sells")));
    assert_eq!((&changed["repoUrl"], &changed["defaultBranch"]), (&Value::Null, &json!("trunk")));
    assert_eq!(changed["createdAt"], made["createdAt"]);
    let past = api.get(&format!("{path}?asOf={before}")).await.expect(200);
    assert_eq!((&past["name"], &past["repoUrl"]), (&json!("shop"), &json!("https://example.org/shop.git")));

    assert_eq!(api.delete(&path).await.expect(200), json!({ "success": true }));
    api.get(&path).await.refused(404);
    api.get(&format!("{path}?asOf={before}")).await.refused(404);
    api.post("/api/projects", &json!({ "name": "store" })).await.expect(201);
}

#[tokio::test]
async fn projects_are_listed_by_name_source_and_order() {
    let api = Api::start().await;
    api.post("/api/projects", &json!({ "name": "b", "repoUrl": "https://example.org/b" })).await.expect(201);
    api.project("a").await;
    api.scanned(&leaky(3), &[("newProjectName", "C%_")]).await;
    let names = async |query: &str| {
        let listed = api.get(&format!("/api/projects?{query}")).await.expect(200);
        column(&listed["projects"], "name").into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(names("").await, ["C%_", "a", "b"]);
    assert_eq!(names("sort=name").await, ["a", "b", "C%_"]);
    assert_eq!(names("sort=vulns").await[0], "C%_");
    assert_eq!(names("sort=grade").await[0], "C%_");
    assert_eq!(names("source=repo").await, ["b"]);
    assert_eq!(names("source=upload&sort=name").await, ["a", "C%_"]);
    assert_eq!(names("q=%25_").await, ["C%_"]);
    assert_eq!(names("sort=name&limit=2&page=2").await, ["C%_"]);
    assert_eq!(names("sort=grade&limit=1").await, ["C%_"]);
    let listed = api.get("/api/projects?sort=name&limit=2").await.expect(200);
    assert_eq!(listed["pagination"], json!({ "page": 1, "limit": 2, "total": 3, "totalPages": 2 }));
    for query in ["q=C", "sort=name&limit=1&page=3", "sort=vulns&limit=1", "sort=grade&limit=1"] {
        let card = &api.get(&format!("/api/projects?{query}")).await.expect(200)["projects"][0];
        assert_eq!((&card["card"]["totalFindings"], &card["card"]["secretsCount"]), (&json!(3), &json!(3)));
        assert_eq!((&card["scans"][0]["status"], &card["_count"]["scans"]), (&json!("COMPLETED"), &json!(1)));
        assert!(card["card"]["lastScanAt"].is_string());
    }
    for (query, path) in
        [("sort=size", "sort"), ("source=svn", "source"), ("limit=501", "limit"), ("page=-1", "page")]
    {
        api.get(&format!("/api/projects?{query}")).await.refused_for(path);
    }
}

#[tokio::test]
async fn a_clean_project_has_the_best_grade() {
    let api = Api::start().await;
    let scan = api.scanned(&Files::default().with("README.md", "# clean\n"), &[]).await;
    let project =
        api.get(&format!("/api/projects/{}", scan["projectId"].as_str().unwrap())).await.expect(200);
    assert_eq!((&project["card"]["grade"], &project["name"]), (&json!("A"), &json!("shop")));
}

#[tokio::test]
async fn a_project_has_no_grade_before_its_default_branch_has_results() {
    let api = Api::start().await;
    let graded = async |api: &Api, project: &str| {
        let project = api.get(&format!("/api/projects/{project}")).await.expect(200);
        project["card"]["grade"].clone()
    };
    let idle = Api::without_workers().await;
    let queued = idle.upload(&leaky(1), &[]).await.expect(201);
    let [scan, project] = ["scanId", "projectId"].map(|name| queued[name].as_str().unwrap());
    assert_eq!(graded(&idle, project).await, Value::Null, "the scan waits");
    idle.post(&format!("/api/scans/{scan}/cancel"), &json!({})).await.expect(200);
    assert_eq!(graded(&idle, project).await, Value::Null, "the scan was cancelled");
    let clean = Files::default().with("README.md", "# clean\n");
    let topic = api.project("topic").await;
    let topic = api.scanned(&clean, &[("projectId", &topic), ("branch", "topic")]).await;
    let main = api.scanned(&clean, &[("newProjectName", "main")]).await;
    let [topic, main] = [topic, main].map(|scan| scan["projectId"].as_str().unwrap().to_owned());
    assert_eq!((graded(&api, &topic).await, graded(&api, &main).await), (Value::Null, json!("A")));
    let listed = api.get("/api/projects?sort=grade").await.expect(200);
    assert_eq!(column(&listed["projects"], "name"), ["main", "topic"]);
}

#[tokio::test]
async fn what_people_write_about_a_project_has_rules() {
    let api = Api::without_workers().await;
    for (body, path) in [
        (json!({}), "name"),
        (json!({ "name": "" }), "name"),
        (json!({ "name": "<i></i>" }), "name"),
        (json!({ "name": "x".repeat(101) }), "name"),
        (json!({ "name": "two\nlines" }), "name"),
        (json!({ "name": "x", "repoUrl": "ftp://example.org" }), "repoUrl"),
        (json!({ "name": "x", "description": "x".repeat(2_001) }), "description"),
        (json!({ "name": "x", "defaultBranch": "x".repeat(256) }), "defaultBranch"),
        (json!({ "name": "x", "dastTargetUrl": "nowhere" }), "dastTargetUrl"),
    ] {
        api.post("/api/projects", &body).await.refused_for(path);
    }
    api.post("/api/projects", &json!({ "name": "x".repeat(100) })).await.expect(201);
    let project = api.project("shop").await;
    let path = format!("/api/projects/{project}");
    api.patch(&path, &json!({ "name": "" })).await.refused_for("name");
    api.patch(&path, &json!({ "defaultBranch": "" })).await.refused_for("defaultBranch");
    api.patch(&format!("/api/projects/{NOBODY}"), &json!({})).await.refused(404);
    api.delete(&format!("/api/projects/{NOBODY}")).await.refused(404);
}

#[tokio::test]
async fn a_name_is_taken_once_whatever_the_case() {
    let api = Api::without_workers().await;
    api.project("Shop").await;
    let other = api.project("other").await;
    api.post("/api/projects", &json!({ "name": "shop" })).await.refused_as(409, "NAME_TAKEN");
    let patch = json!({ "name": "SHOP" });
    api.patch(&format!("/api/projects/{other}"), &patch).await.refused_as(409, "NAME_TAKEN");
}

#[tokio::test]
async fn a_project_with_scans_that_have_not_ended_stays() {
    let api = Api::without_workers().await;
    let queued = api.upload(&leaky(1), &[]).await.expect(201);
    let path = format!("/api/projects/{}", queued["projectId"].as_str().unwrap());
    api.delete(&path).await.refused_as(409, "ACTIVE_SCANS");
    api.post(&format!("/api/scans/{}/cancel", queued["scanId"].as_str().unwrap()), &json!({}))
        .await
        .expect(200);
    api.delete(&path).await.expect(200);
}

#[tokio::test]
async fn a_repeated_request_makes_one_project() {
    let api = Api::without_workers().await;
    let request = |key: &str, name: &str| {
        let request = api.request(reqwest::Method::POST, "/api/projects").header("idempotency-key", key);
        request.json(&json!({ "name": name }))
    };
    let first = api.send(request("k-1", "shop")).await.expect(201);
    let again = api.send(request("k-1", "shop")).await.expect(201);
    assert_eq!(id(&first), id(&again));
    api.send(request("k-1", "bank")).await.refused_as(422, "IDEMPOTENCY_KEY_REUSED");
    api.send(request("k-2", "shop")).await.refused_as(409, "NAME_TAKEN");
    api.send(request(&"k".repeat(256), "x")).await.refused_for("Idempotency-Key");
    let listed = api.get("/api/projects").await.expect(200);
    assert_eq!(column(&listed["projects"], "name"), ["shop"]);
}
