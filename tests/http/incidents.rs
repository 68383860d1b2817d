//! Incidents: one for each secret, decided about at any of its findings.

use crate::archive::Files;
use crate::harness::{Api, NOBODY, column, id};
use scanledger_domain::identity::Role;
use serde_json::{Value, json};

async fn scanned(api: &Api, project: &str, branch: &str, files: &Files) -> Value {
    api.scanned(files, &[("newProjectName", project), ("branch", branch)]).await
}

fn with(secrets: &[(&str, u64)]) -> Files {
    let readme = Files::default().with("README.md", "# shop\n");
    secrets.iter().fold(readme, |files, (path, number)| files.with_secret(path, *number))
}

/// Findings of a scan by path.
async fn findings(api: &Api, scan: &Value) -> Value {
    let path = format!("/api/scans/{}/findings?limit=500&sort=file", id(scan));
    api.get(&path).await.expect(200)["findings"].clone()
}

async fn open(api: &Api, scan: &Value, query: &str) -> u64 {
    let path = format!("/api/scans/{}/findings?status=OPEN&{query}", id(scan));
    api.get(&path).await.expect(200)["pagination"]["total"].as_u64().unwrap()
}

async fn ask(api: &Api, document: &str) -> Value {
    let answer = api.post("/graphql", &json!({ "query": document })).await.expect(200);
    assert_eq!(answer["errors"], Value::Null, "{answer}");
    answer["data"].clone()
}

#[tokio::test]
async fn a_secret_in_two_projects_is_one_incident_and_ignored_in_one_place_is_ignored_everywhere() {
    let api = Api::start().await;
    let shop = scanned(&api, "shop", "main", &with(&[("src/a.js", 1), ("src/b.js", 2)])).await;
    let bank = scanned(&api, "bank", "main", &with(&[("lib/x.js", 1)])).await;
    let found = findings(&api, &shop).await;
    let before = api.server.app.views.position();
    let decided = json!({ "status": "ACCEPTED_RISK", "statusNote": "only in demos" });
    let path = format!("/api/findings/{}", id(&found[0]));
    let answer = api.patch(&path, &decided).await.expect(200);
    assert_eq!(
        (&answer["status"], &answer["statusNote"]),
        (&json!("ACCEPTED_RISK"), &json!("only in demos"))
    );

    let elsewhere = &findings(&api, &bank).await[0];
    assert_eq!(elsewhere["status"], "ACCEPTED_RISK");
    assert_eq!(
        (&elsewhere["statusNote"], &elsewhere["statusUpdatedBy"]),
        (&json!("only in demos"), &answer["statusUpdatedBy"])
    );
    assert_eq!((open(&api, &shop, "").await, open(&api, &bank, "").await), (1, 0));
    let then = format!("asOf={before}");
    assert_eq!((open(&api, &shop, &then).await, open(&api, &bank, &then).await), (2, 1));
    let later = scanned(&api, "bank", "later", &with(&[("lib/y.js", 1), ("lib/z.js", 3)])).await;
    assert_eq!(column(&findings(&api, &later).await, "status"), ["ACCEPTED_RISK", "OPEN"]);
    assert_eq!(open(&api, &later, "").await, 1);

    let fields = "totalCount nodes { id status state ignoreReason occurrences present tags note decided { actor { kind } } }";
    let incidents =
        ask(&api, &format!("{{ incidents(sort: OLDEST) {{ {fields} }} }}")).await["incidents"].clone();
    assert_eq!(incidents["totalCount"], 3);
    assert_eq!(column(&incidents["nodes"], "status"), ["IGNORED", "TRIGGERED", "TRIGGERED"]);
    let first = &incidents["nodes"][0];
    assert_eq!((&first["state"], &first["ignoreReason"]), (&json!("ACCEPTED"), &json!("LOW_RISK")));
    assert_eq!((&first["occurrences"], &first["present"]), (&json!(3), &json!(3)));
    assert_eq!(
        (&first["note"], &first["decided"]["actor"]["kind"]),
        (&json!("only in demos"), &json!("KEY"))
    );
    assert_eq!(first["tags"], json!(["FROM_HISTORICAL_SCAN", "DEFAULT_BRANCH"]));
    let past = ask(
        &api,
        &format!("{{ incidents(sort: OLDEST, asOf: \"{before}\") {{ nodes {{ status occurrences }} }} }}"),
    )
    .await;
    assert_eq!(column(&past["incidents"]["nodes"], "status"), ["TRIGGERED", "TRIGGERED"]);
    assert_eq!(past["incidents"]["nodes"][0]["occurrences"], 2);
}

#[tokio::test]
async fn findings_of_one_secret_lead_to_one_incident_and_a_bulk_decides_about_it_once() {
    let api = Api::start().await;
    let shop = scanned(&api, "shop", "main", &with(&[("a.js", 1), ("b.js", 1), ("c.js", 2)])).await;
    let document = format!(
        "{{ findings(scan: \"{}\", sort: FILE) {{ nodes {{ id incident {{ id number }} }} }} }}",
        id(&shop)
    );
    let nodes = ask(&api, &document).await["findings"]["nodes"].clone();
    assert_eq!(nodes[0]["incident"], nodes[1]["incident"]);
    assert_ne!(nodes[0]["incident"], nodes[2]["incident"]);
    for named in ["id", "number"] {
        let name = &nodes[0]["incident"][named];
        let name = name.as_str().map_or_else(|| name.to_string(), str::to_owned);
        let one = ask(&api, &format!("{{ incident(id: \"{name}\") {{ id }} }}")).await;
        assert_eq!(one["incident"]["id"], nodes[0]["incident"]["id"]);
    }
    let before = api.server.app.views.position();
    let body = json!({ "ids": column(&nodes, "id"), "status": "FALSE_POSITIVE" });
    assert_eq!(api.post("/api/findings/bulk", &body).await.expect(200)["updated"], 3);
    assert_eq!(api.server.app.views.position().0 - before.0, 2, "one event for each secret");
    assert_eq!(open(&api, &shop, "").await, 0);
    let entries =
        api.get("/api/audit-log?action=finding.status_changed").await.expect(200)["entries"].clone();
    let about: Vec<_> = column(&entries, "resourceId");
    assert!(
        about.contains(&nodes[0]["id"].as_str().unwrap())
            && about.contains(&nodes[2]["id"].as_str().unwrap())
    );
    assert_eq!(column(&entries, "resource"), ["finding", "finding"]);
    assert_eq!(entries[0]["details"]["status"], "FALSE_POSITIVE");
}

#[tokio::test]
async fn a_secret_that_comes_back_after_it_was_resolved_is_open_again() {
    let api = Api::start().await;
    let leaky = with(&[("a.js", 1)]);
    let first = scanned(&api, "shop", "main", &leaky).await;
    let finding = id(&findings(&api, &first).await[0]);
    let path = format!("/api/findings/{finding}");
    api.patch(&path, &json!({ "status": "RESOLVED" })).await.expect(200);
    scanned(&api, "shop", "main", &leaky).await;
    assert_eq!(api.get(&path).await.expect(200)["status"], "RESOLVED", "it only stayed");
    scanned(&api, "shop", "main", &with(&[])).await;
    let resolved = api.server.app.views.position();
    let back = scanned(&api, "shop", "main", &leaky).await;
    assert_eq!(api.get(&path).await.expect(200)["status"], "OPEN");
    assert_eq!(open(&api, &back, "").await, 1);
    assert_eq!((&back["gateResult"], &back["newCount"]), (&json!("FAILED"), &json!(1)), "it counts again");
    let document = "nodes { status isRegression tags closed { at } }";
    let now = ask(&api, &format!("{{ incidents {{ {document} }} }}")).await["incidents"]["nodes"][0].clone();
    assert_eq!(
        (&now["status"], &now["isRegression"], &now["closed"]),
        (&json!("TRIGGERED"), &json!(true), &Value::Null)
    );
    let then = ask(&api, &format!("{{ incidents(asOf: \"{resolved}\") {{ {document} }} }}")).await;
    assert_eq!(then["incidents"]["nodes"][0]["status"], "RESOLVED");
    let regressed = ask(&api, "{ incidents(filter: { tags: [REGRESSION] }) { totalCount } }").await;
    assert_eq!(regressed["incidents"]["totalCount"], 1);
}

#[tokio::test]
async fn incidents_are_listed_page_by_page_and_by_what_is_asked_for() {
    let api = Api::start().await;
    let paths = ["src/a.js", "tests/b.js", ".env", "src/d.js", "src/e.js"];
    let secrets: Vec<(&str, u64)> = paths.into_iter().zip(1..).collect();
    scanned(&api, "shop", "main", &with(&secrets)).await;
    let mut seen = vec![];
    let mut after = String::new();
    loop {
        let page = ask(&api, &format!("{{ incidents(first: 2{after}) {{ edges {{ cursor node {{ id }} }} pageInfo {{ hasNextPage }} }} }}")).await;
        let edges = page["incidents"]["edges"].as_array().unwrap();
        seen.extend(edges.iter().map(|edge| id(&edge["node"])));
        if page["incidents"]["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = format!(", after: {}", edges.last().unwrap()["cursor"]);
    }
    let whole = ask(&api, "{ incidents(first: 500) { nodes { id } } }").await;
    assert_eq!(seen, column(&whole["incidents"]["nodes"], "id"));
    assert_eq!(seen.len(), 5);
    let edges = ask(&api, "{ incidents(first: 5) { edges { cursor } } }").await["incidents"]["edges"].clone();
    let (after, before) = (&edges[0]["cursor"], &edges[4]["cursor"]);
    for (way, field, short) in [("first", "hasNextPage", 1..3), ("last", "hasPreviousPage", 2..4)] {
        for (size, between, has_more) in [(2, short, true), (3, 1..4, false)] {
            let page = format!(
                "{{ incidents({way}: {size}, after: {after}, before: {before}) {{ nodes {{ id }} pageInfo {{ {field} }} }} }}"
            );
            let page = ask(&api, &page).await["incidents"].clone();
            assert_eq!(column(&page["nodes"], "id"), seen[between], "{way} {size}");
            assert_eq!(page["pageInfo"][field], has_more, "{way} {size}");
        }
    }
    let total = async |filter: &str| {
        let found = ask(&api, &format!("{{ incidents(filter: {{ {filter} }}) {{ totalCount }} }}")).await;
        found["incidents"]["totalCount"].as_u64().unwrap()
    };
    assert_eq!(total("tags: [TEST_FILE]").await, 1);
    assert_eq!(total("tags: [SENSITIVE_FILE, TEST_FILE]").await, 2);
    assert_eq!(total("statuses: [TRIGGERED]").await, 5);
    assert_eq!(total("statuses: [RESOLVED, IGNORED]").await, 0);
    assert_eq!(total(&format!("projects: [\"{NOBODY}\"]")).await, 0);
    assert_eq!(total("rules: [\"NOTHING\"]").await, 0);
    let wrong = json!({ "query": "{ incidents(filter: { projects: [\"x\"] }) { totalCount } }" });
    let answer = api.post("/graphql", &wrong).await.expect(200);
    assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_INPUT");
}

#[tokio::test]
async fn who_sees_one_project_sees_its_secrets_and_decides_for_all() {
    let api = Api::start().await;
    let shop = scanned(&api, "shop", "main", &with(&[("a.js", 1), ("b.js", 2)])).await;
    let bank = scanned(&api, "bank", "main", &with(&[("x.js", 2), ("y.js", 3)])).await;
    let limited = api.with_role(Role::Developer, Some(bank["projectId"].as_str().unwrap())).await;
    let document = json!({ "query": "{ incidents { totalCount nodes { occurrences } } }" });
    let seen = limited.post("/graphql", &document).await.expect(200)["data"]["incidents"].clone();
    assert_eq!(seen["totalCount"], 2);
    assert!(seen["nodes"].as_array().unwrap().iter().all(|incident| incident["occurrences"] == 1));
    let shared = id(&findings(&api, &bank).await[0]);
    limited
        .patch(&format!("/api/findings/{shared}"), &json!({ "status": "FALSE_POSITIVE" }))
        .await
        .expect(200);
    assert_eq!(column(&findings(&api, &shop).await, "status"), ["OPEN", "FALSE_POSITIVE"]);
    let hidden =
        ask(&api, "{ incidents(sort: OLDEST) { nodes { id } } }").await["incidents"]["nodes"][0].clone();
    let one = json!({ "query": format!("{{ incident(id: {}) {{ id }} }}", hidden["id"]) });
    let answer = limited.post("/graphql", &one).await.expect(200);
    assert_eq!(answer["errors"][0]["extensions"]["code"], "NOT_FOUND");
    let foreign = api.foreigner().await.post("/graphql", &document).await.expect(200);
    assert_eq!(foreign["data"]["incidents"]["totalCount"], 0);
}
