//! The branches of a project, in a list.

use crate::archive::leaky;
use crate::harness::{Api, NOBODY, column, id};
use scanledger::adapters::ViewsReadModel;
use scanledger_commands::branch::Branches;
use scanledger_domain::identity::Role;
use scanledger_domain::limits::{SEARCH_CHARS, SILENT_BRANCH_DAYS};
use serde_json::{Value, json};
use std::sync::Arc;

/// A project with `main`, which has two findings, `topic` with three and `quiet` with one; scanned in this order.
async fn shop() -> (Api, String, Vec<Value>) {
    let api = Api::start().await;
    let main = api.scanned(&leaky(2), &[("newProjectName", "shop")]).await;
    let project = main["projectId"].as_str().unwrap().to_owned();
    let mut scans = vec![main];
    for (branch, findings) in [("topic", 3), ("quiet", 1)] {
        scans.push(api.scanned(&leaky(findings), &[("projectId", &project), ("branch", branch)]).await);
    }
    (api, project, scans)
}

/// Closes every branch but the default one, because nobody scanned it.
async fn silence(api: &Api) {
    let views = ViewsReadModel::new(&api.server.engine.projector);
    let branches = Branches::new(api.server.engine.ledger.clone(), Arc::new(views));
    let later = api.server.app.clock.now().plus_days(SILENT_BRANCH_DAYS + 1);
    assert_eq!(branches.close_silent(later).await.unwrap(), 2);
    api.shown().await;
}

async fn names(api: &Api, project: &str, query: &str) -> Vec<String> {
    let page = api.get(&format!("/api/projects/{project}/branches?{query}")).await.expect(200);
    column(&page["branches"], "name").into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn branches_are_listed_with_their_last_scan_and_what_is_on_them() {
    let (api, project, scans) = shop().await;
    let page = api.get(&format!("/api/projects/{project}/branches")).await.expect(200);
    assert_eq!(page["pagination"], json!({ "page": 1, "limit": 50, "total": 3, "totalPages": 1 }));
    let listed = page["branches"].as_array().unwrap();
    assert_eq!(column(&page["branches"], "name"), ["quiet", "topic", "main"], "the last scanned first");
    for ((branch, scan), findings) in listed.iter().rev().zip(&scans).zip([2, 3, 1]) {
        assert_eq!(branch["lastScanId"], scan["id"], "{branch}");
        assert_eq!(
            (&branch["state"], &branch["isDefault"]),
            (&json!("open"), &json!(branch["name"] == "main"))
        );
        assert_eq!((&branch["closedAt"], &branch["closedBecause"]), (&Value::Null, &Value::Null));
        assert!(branch["openedAt"].as_str() <= branch["lastScannedAt"].as_str());
        for counts in ["openFindings", "findings"] {
            let counts = branch[counts].as_object().unwrap();
            let sum: u64 =
                counts.iter().filter(|(name, _)| *name != "total").filter_map(|(_, n)| n.as_u64()).sum();
            assert_eq!((counts.len(), counts["total"].as_u64(), sum), (7, Some(findings), findings));
        }
    }
    let of_topic = api.get(&format!("/api/projects/{project}/findings?branch=topic")).await.expect(200);
    let finding = id(&of_topic["findings"][2]);
    api.patch(&format!("/api/findings/{finding}"), &json!({ "status": "ACCEPTED_RISK" })).await.expect(200);
    let page = api.get(&format!("/api/projects/{project}/branches?name=TOP")).await.expect(200);
    let topic = &page["branches"][0];
    assert_eq!((&topic["openFindings"]["total"], &topic["findings"]["total"]), (&json!(2), &json!(3)));
    let empty = api.project("empty").await;
    let none = api.get(&format!("/api/projects/{empty}/branches")).await.expect(200);
    assert_eq!((&none["branches"], &none["pagination"]["total"]), (&json!([]), &json!(0)));
}

#[tokio::test]
async fn a_closed_branch_says_why_and_was_open_before() {
    let (api, project, scans) = shop().await;
    let before = api.server.app.views.position();
    silence(&api).await;
    let path = format!("/api/projects/{project}/branches");
    let page = api.get(&format!("{path}?sort=name&state=closed")).await.expect(200);
    assert_eq!(
        (column(&page["branches"], "name"), &page["pagination"]["total"]),
        (vec!["quiet", "topic"], &json!(2))
    );
    for (closed, scan) in page["branches"].as_array().unwrap().iter().zip([&scans[2], &scans[1]]) {
        assert_eq!((&closed["state"], &closed["closedBecause"]), (&json!("closed"), &json!("silent")));
        assert!(closed["closedAt"].as_str() >= closed["lastScannedAt"].as_str(), "{closed}");
        assert_eq!((&closed["lastScanId"], &closed["findings"]["total"]), (&scan["id"], &json!(0)));
    }
    for (query, expected) in [
        ("state=open".to_owned(), vec!["main"]),
        ("state=all&sort=findings".to_owned(), vec!["main", "quiet", "topic"]),
        (format!("state=open&sort=findings&asOf={before}"), vec!["topic", "main", "quiet"]),
        (format!("state=closed&asOf={before}"), vec![]),
        (format!("asOfScan={}", id(&scans[1])), vec!["topic", "main"]),
        ("asOf=1".to_owned(), vec![]),
    ] {
        assert_eq!(names(&api, &project, &query).await, expected, "{query}");
    }
    let then = api.get(&format!("{path}?name=topic&asOf={before}")).await.expect(200)["branches"][0].clone();
    assert_eq!((&then["state"], &then["closedAt"]), (&json!("open"), &Value::Null));
    assert_eq!(then["findings"]["total"], 3);
}

#[tokio::test]
async fn pages_follow_each_other_and_end() {
    let (api, project, _) = shop().await;
    for sort in ["recent", "name", "findings"] {
        let whole = names(&api, &project, &format!("sort={sort}")).await;
        let mut pages = vec![];
        for page in 1..=3 {
            let query = format!("sort={sort}&limit=1&page={page}");
            pages.extend(names(&api, &project, &query).await);
        }
        assert_eq!((whole.len(), &pages), (3, &whole), "{sort}");
    }
    let last = api.get(&format!("/api/projects/{project}/branches?limit=2&page=2")).await.expect(200);
    assert_eq!(last["pagination"], json!({ "page": 2, "limit": 2, "total": 3, "totalPages": 2 }));
    assert_eq!(column(&last["branches"], "name"), ["main"]);
    let beyond = api.get(&format!("/api/projects/{project}/branches?limit=500&page=2")).await.expect(200);
    assert_eq!((&beyond["branches"], &beyond["pagination"]["total"]), (&json!([]), &json!(3)));
    let furthest = format!("/api/projects/{project}/branches?limit=500&page={}", i32::MAX);
    assert_eq!(api.get(&furthest).await.expect(200)["branches"], json!([]));
}

#[tokio::test]
async fn what_is_no_list_is_refused_and_projects_of_others_are_not_there() {
    let (api, project, scans) = shop().await;
    let path = format!("/api/projects/{project}/branches");
    let long = format!("name={}", "x".repeat(SEARCH_CHARS + 1));
    for (query, field) in [
        ("limit=501", "limit"),
        ("limit=0", "limit"),
        ("page=0", "page"),
        ("page=x", "page"),
        ("sort=sideways", "sort"),
        ("state=merged", "state"),
        ("asOf=yesterday", "asOf"),
        (long.as_str(), "name"),
    ] {
        api.get(&format!("{path}?{query}")).await.refused_for(field);
    }
    api.get(&format!("{path}?asOf=999999999")).await.refused_as(400, "BEYOND_HEAD");
    api.get(&format!("{path}?asOfScan={NOBODY}")).await.refused(404);
    for nothing in [NOBODY, "clx1"] {
        api.get(&format!("/api/projects/{nothing}/branches")).await.refused(404);
    }
    let foreigner = api.foreigner().await;
    foreigner.get(&path).await.refused(404);
    let theirs = foreigner.post("/api/projects", &json!({ "name": "shop" })).await.expect(201);
    let theirs = format!("/api/projects/{}/branches", id(&theirs));
    foreigner.get(&format!("{theirs}?asOfScan={}", id(&scans[0]))).await.refused(404);
    api.get(&theirs).await.refused(404);
    assert_eq!(
        api.with_role(Role::Viewer, Some(&project)).await.get(&path).await.expect(200)["pagination"]["total"],
        3
    );
    let other = api.project("other").await;
    api.with_role(Role::Admin, Some(&other)).await.get(&path).await.refused(404);
    api.with_key(None).get(&path).await.refused(401);
}
