//! The web API of the Semgrep dialect: deployments, projects, scans, policies, secrets and packages.

use crate::archive::Files;
use crate::harness::{Api, column};
use crate::semgrep_ci::{Run, finding, project, ran};
use scanledger_domain::identity::Role;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The first organization.
pub const ACME: &str = "/api/v1/deployments/acme";

#[tokio::test]
async fn the_deployment_of_a_token_is_its_organization() {
    let api = Api::without_workers().await;
    assert_eq!(api.with_key(None).get("/api/v1/ping").await.expect(200), json!({}));
    let all = api.get("/api/v1/deployments").await.expect(200);
    let deployment = &all["deployments"][0];
    assert_eq!((&deployment["slug"], &deployment["name"]), (&json!("acme"), &json!("Acme")));
    let number = deployment["id"].as_u64().unwrap();
    let url = deployment["findings"]["url"].as_str().unwrap();
    assert!(url.ends_with("/api/v1/deployments/acme/findings"), "{url}");
    for name in ["acme", "Acme", &number.to_string()] {
        api.get(&format!("/api/v1/deployments/{name}/projects")).await.expect(200);
    }
    for name in ["other", "0", "acme-2", &u64::MAX.to_string()] {
        api.get(&format!("/api/v1/deployments/{name}/projects")).await.refused(404);
    }
}

#[tokio::test]
async fn projects_are_known_by_names_with_slashes() {
    let api = Api::without_workers().await;
    for name in ["acme/shop", "group/sub/app", "plain"] {
        ran(&api, name, &["a"], &[]).await;
    }
    let all = api.get(&format!("{ACME}/projects")).await.expect(200);
    assert_eq!(column(&all["projects"], "name"), ["acme/shop", "group/sub/app", "plain"]);
    assert!(all["projects"][0].get("managed_scan_config").is_none());
    let second = api.get(&format!("{ACME}/projects?page=1&page_size=2")).await.expect(200);
    assert_eq!(column(&second["projects"], "name"), ["plain"]);
    let third = api.get(&format!("{ACME}/projects?page=2&page_size=2")).await.expect(200);
    assert_eq!(third, json!({ "projects": [] }));
    api.get(&format!("{ACME}/projects?page_size=501")).await.refused_for("page_size");
    for name in ["acme/shop", "acme%2Fshop", "group/sub/app", "group%2Fsub%2Fapp", "plain", "Acme/Shop"] {
        let one = api.get(&format!("{ACME}/projects/{name}")).await.expect(200)["project"].clone();
        assert!(one["id"].is_u64() && one["latest_scan_at"].is_string() && one["tags"] == json!([]), "{one}");
        assert_eq!(one["managed_scan_config"]["full_scan"], json!({ "enabled": false }));
        assert_eq!(one["primary_branch"], "refs/heads/main");
    }
    api.get(&format!("{ACME}/projects/acme")).await.refused(404);
    api.get(&format!("{ACME}/projects/acme/shop/tags")).await.refused(404);
}

#[tokio::test]
async fn projects_are_changed_and_deleted() {
    let api = Api::without_workers().await;
    ran(&api, "acme/shop", &["a"], &[finding("a", "a.py", 1)]).await;
    let path = format!("{ACME}/projects/acme/shop");
    let changed = api.patch(&path, &json!({ "primary_branch": "refs/heads/trunk" })).await.expect(200);
    assert_eq!(changed["project"]["primary_branch"], "refs/heads/trunk");
    let left = api.patch(&path, &json!({ "primary_branch": "None" })).await.expect(200);
    assert_eq!(left["project"]["primary_branch"], "refs/heads/trunk");
    api.patch(&path, &json!({ "tags": ["web"] })).await.refused_for("tags");
    let managed = json!({ "managed_scan_config": { "full_scan": { "enabled": true } } });
    api.patch(&path, &managed).await.refused_for("managed_scan_config");
    api.patch(&path, &json!({ "managed_scan_config": null })).await.expect(200);
    let own = project(&api, "acme/shop").await;
    api.with_role(Role::Viewer, None).await.patch(&path, &json!({})).await.refused(403);
    api.with_role(Role::Developer, Some(&own)).await.delete(&path).await.refused(403);
    assert_eq!(api.delete(&path).await.expect(200), json!({ "project_name": "acme/shop" }));
    api.get(&path).await.refused(404);
    assert_eq!(api.get(&format!("{ACME}/findings")).await.expect(200), json!({ "findings": [] }));
}

#[tokio::test]
async fn a_scan_tells_what_its_client_told() {
    let api = Api::without_workers().await;
    let run = Run::begin_as(&api, "acme/shop", |body| {
        let told = &mut body["project_metadata"];
        told["on"] = json!("pull_request");
        told["pull_request_id"] = json!("7");
        told["pull_request_title"] = json!("fix: a title with a colon");
        told["pull_request_author_username"] = json!("octo");
        told["ci_job_url"] = json!("https://ci.example.org/7");
    })
    .await;
    let path = format!("{ACME}/scan/{}", run.number);
    let running = api.get(&path).await.expect(200);
    assert_eq!((&running["completed_at"], &running["exit_code"]), (&Value::Null, &json!(0)));
    run.results(&["a"], &[finding("a", "a.py", 1), finding("a", "b.py", 2)]).await;
    run.complete().await;
    let scan = api.get(&path).await.expect(200);
    let deployment = api.get("/api/v1/deployments").await.expect(200)["deployments"][0]["id"].clone();
    let repository =
        api.get(&format!("{ACME}/projects/acme/shop")).await.expect(200)["project"]["id"].clone();
    for (field, value) in [
        ("id", json!(run.number)),
        ("deployment_id", deployment.clone()),
        ("repository_id", repository),
        ("exit_code", json!(0)),
        ("enabled_products", json!(["sast"])),
        ("has_logs", json!(false)),
        ("stats", json!({ "findings": 2, "total_time": 1.5 })),
        (
            "meta",
            json!({
                "branch": "refs/heads/main", "commit": "0b1c9f0d6f6a4c0d8d7f4a9a3c5e7b1d2f3a4b5c",
                "repo_url": "https://example.org/acme/shop", "ci_job_url": "https://ci.example.org/7",
                "repository": "acme/shop", "commit_title": "Mend it", "commit_author_name": "Dev Eloper",
                "commit_author_email": "dev@example.org", "pull_request_id": 7,
                "pull_request_title": "fix: a title with a colon", "pull_request_author_username": "octo",
                "on": "pull_request", "true": "pull_request",
            }),
        ),
    ] {
        assert_eq!(scan[field], value, "{field}");
    }
    assert!(scan["completed_at"].as_str() > scan["started_at"].as_str());
    api.get(&format!("/api/v1/deployments/{deployment}/scan/{}", run.number)).await.expect(200);
    for nothing in ["0", "1", "x"] {
        api.get(&format!("{ACME}/scan/{nothing}")).await.refused(404);
    }
    let foreigner = api.foreigner().await;
    foreigner.get(&format!("/api/v1/deployments/other/scan/{}", run.number)).await.refused(404);
}

/// The numbers of the scans that a search finds, newest first.
async fn searched(api: &Api, body: &Value) -> Vec<u64> {
    let found = api.post(&format!("{ACME}/scans/search"), body).await.expect(200);
    column(&found["scans"], "id").into_iter().map(|id| id.parse().unwrap()).collect()
}

#[tokio::test]
async fn scans_are_searched_by_how_they_went() {
    let api = Api::without_workers().await;
    let done = Run::begin(&api, "acme/shop").await;
    done.results(&["a"], &[finding("a", "a.py", 1)]).await;
    done.complete().await;
    let broken = Run::begin(&api, "acme/shop").await;
    broken.send("error", &json!({ "exit_code": 7, "stderr": "" })).await.expect(200);
    let bad = Run::begin(&api, "acme/other").await;
    bad.results(&["a"], &[]).await;
    bad.send("complete", &json!({ "exit_code": 2, "stats": { "total_time": 90.0 } })).await.expect(200);
    let running = Run::begin_as(&api, "acme/other", |body| {
        body["project_metadata"]["is_full_scan"] = json!(false);
        body["project_metadata"]["branch"] = json!("refs/heads/feature");
        body["scan_metadata"]["requested_products"] = json!(["secrets"]);
    })
    .await;
    let [done, broken, bad, running] = [done.number, broken.number, bad.number, running.number];
    let other = api.get(&format!("{ACME}/projects/acme/other")).await.expect(200)["project"]["id"].clone();
    for (body, scans) in [
        (json!({}), vec![running, bad, broken, done]),
        (json!({ "repository_id": other }), vec![running, bad]),
        (json!({ "branch": "refs/heads/feature" }), vec![running]),
        (json!({ "branch": "main" }), vec![bad, broken, done]),
        (json!({ "is_full_scan": false }), vec![running]),
        (json!({ "is_full_scan": 1 }), vec![bad, broken, done]),
        (json!({ "products": ["PRODUCT_SECRETS"] }), vec![running]),
        (json!({ "products": ["PRODUCT_SAST", "PRODUCT_SCA"] }), vec![bad, broken, done]),
        (json!({ "products": ["PRODUCT_AI_SAST"] }), vec![]),
        (json!({ "statuses": ["SCAN_STATUS_COMPLETED"] }), vec![done]),
        (json!({ "statuses": ["SCAN_STATUS_ERROR"] }), vec![bad, broken]),
        (json!({ "statuses": ["SCAN_STATUS_RUNNING", "SCAN_STATUS_COMPLETED"] }), vec![running, done]),
        (json!({ "statuses": ["SCAN_STATUS_NEVER_FINISHED", "SCAN_STATUS_CANCELLED"] }), vec![]),
        (json!({ "total_time": { "min": 60 } }), vec![bad]),
        (json!({ "total_time": { "min": 1, "max": 2.0 } }), vec![done]),
        (json!({ "since": "2020-01-01T00:00:00Z" }), vec![running, bad, broken, done]),
        (json!({ "since": "2999-01-01T00:00:00Z" }), vec![]),
    ] {
        assert_eq!(searched(&api, &body).await, scans, "{body}");
    }
    let mut cursor = Value::Null;
    let mut seen = vec![];
    for _ in 0..4 {
        let body = json!({ "limit": 1, "cursor": cursor });
        let page = api.post(&format!("{ACME}/scans/search"), &body).await.expect(200);
        seen.extend(column(&page["scans"], "id").into_iter().map(|id| id.parse::<u64>().unwrap()));
        cursor = page["cursor"].clone();
    }
    assert_eq!((seen, cursor), (vec![running, bad, broken, done], Value::Null));
    let last =
        api.post(&format!("{ACME}/scans/search"), &json!({ "repository_id": other })).await.expect(200);
    let last = &last["scans"][1];
    assert_eq!((&last["exit_code"], &last["total_time"]), (&json!("2"), &json!(90.0)));
    assert_eq!(last["status"], "SCAN_STATUS_ERROR");
    let counts = json!({ "total": "0", "code": "0", "supply_chain": "0", "secrets": "0" });
    assert_eq!(last["findings_counts"], counts);
    let failed = api.get(&format!("{ACME}/scan/{broken}")).await.expect(200);
    assert_eq!((&failed["exit_code"], failed["completed_at"].is_string()), (&json!(2), true));
    for (body, place) in [
        (json!({ "limit": 501 }), "limit"),
        (json!({ "since": "now" }), "since"),
        (json!({ "cursor": "x" }), "cursor"),
    ] {
        api.post(&format!("{ACME}/scans/search"), &body).await.refused_for(place);
    }
}

#[tokio::test]
async fn a_policy_says_what_rules_may_do_and_clients_obey() {
    let api = Api::without_workers().await;
    let all = api.get(&format!("{ACME}/policies")).await.expect(200);
    assert_eq!(column(&all["policies"], "slug"), ["sast", "secrets", "sca"]);
    let id = all["policies"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("{ACME}/policies/{id}");
    let policy = api.get(&path).await.expect(200);
    assert_eq!(policy["policy"]["productType"], "PRODUCT_TYPE_SAST");
    let rules = policy["rules"].as_array().unwrap();
    assert!(rules.len() > 10 && policy["cursor"].is_null());
    let (mut seen, mut cursor) = (vec![], String::new());
    loop {
        let page = api.get(&format!("{path}?limit=7&cursor={cursor}")).await.expect(200);
        seen.extend(column(&page["rules"], "id").into_iter().map(str::to_owned));
        match page["cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    assert_eq!(seen, column(&policy["rules"], "id"));
    let watched = rules.iter().find(|rule| rule["policyMode"] == "MODE_MONITOR").unwrap();
    assert_eq!((&watched["lastChangeAt"], &watched["source"]), (&Value::Null, &json!("SOURCE_COMMUNITY")));
    let rule = watched["path"].as_str().unwrap();
    let block = json!({ "rulePath": rule, "policyMode": "MODE_BLOCK" });
    let changed = api.put(&path, &block).await.expect(200);
    assert_eq!(
        (&changed["policyId"], &changed["updatedRule"]["policyMode"]),
        (&json!(id), &json!("MODE_BLOCK"))
    );
    assert!(changed["updatedRule"]["lastChangeBy"].as_str().unwrap().starts_with("key:"));
    let config = Run::begin(&api, "acme/shop").await.config().await;
    let served = config["rules"]["rules"].as_array().unwrap();
    let served = served.iter().find(|served| served["id"] == rule).unwrap();
    assert_eq!(served["metadata"]["dev.semgrep.actions"], json!(["block"]));
    let off = json!({ "rulePath": rule, "policyMode": "MODE_DISABLED" });
    api.put(&path, &off).await.expect(200);
    let config = Run::begin(&api, "acme/shop").await.config().await;
    let served = config["rules"]["rules"].as_array().unwrap();
    assert!(served.iter().all(|served| served["id"] != rule));

    api.put(&path, &json!({ "rulePath": "no.such.rule", "policyMode": "MODE_BLOCK" })).await.refused(404);
    api.put(&path, &json!({ "rulePath": rule, "policyMode": "MODE_SHOUT" })).await.refused_for("policyMode");
    api.get(&format!("{ACME}/policies/none")).await.refused(404);
    api.get(&format!("{path}?limit=2001")).await.refused_for("limit");
    api.with_role(Role::Developer, None).await.put(&path, &block).await.refused(403);
    let foreigner = api.foreigner().await;
    foreigner.get(&format!("/api/v1/deployments/other/policies/{id}")).await.refused(404);
}

#[tokio::test]
async fn secrets_are_told_of_and_never_told() {
    let api = Api::without_workers().await;
    let secret = |path: &str, number: u32, validation: &str| {
        let mut found = finding("generic.secret", path, number);
        found["message"] = json!("the password is open-sesame-4711-abcdef");
        found["metadata"] = json!({ "product": "secrets" });
        found["validation_state"] = json!(validation);
        found
    };
    let all = [
        secret("a.env", 1, "CONFIRMED_VALID"),
        secret("b.env", 2, "NO_VALIDATOR"),
        secret("c.env", 3, "CONFIRMED_INVALID"),
    ];
    let run = Run::begin_as(&api, "acme/shop", |body| {
        body["scan_metadata"]["requested_products"] = json!(["secrets"]);
    })
    .await;
    run.results(&["generic.secret"], &all).await;
    run.complete().await;
    let path = format!("{ACME}/secrets");
    let page = api.get(&path).await.expect(200);
    assert!(!page.to_string().contains("sesame"));
    assert_eq!(column(&page["findings"], "findingPath"), ["c.env:3", "b.env:2", "a.env:1"]);
    assert_eq!((&page["cursor"], &page["previous"]), (&Value::Null, &Value::Null));
    let first = &page["findings"][2];
    assert_eq!(first["validationState"], "VALIDATION_STATE_CONFIRMED_VALID");
    assert_eq!(
        (&first["severity"], &first["status"]),
        (&json!("SEVERITY_HIGH"), &json!("FINDING_STATUS_OPEN"))
    );
    assert_eq!(
        (&first["ref"], &first["repository"]["name"]),
        (&json!("refs/heads/main"), &json!("acme/shop"))
    );
    for (query, files) in [
        ("validationState=VALIDATION_STATE_CONFIRMED_VALID", vec!["a.env:1"]),
        ("severity=SEVERITY_HIGH&severity=SEVERITY_LOW", vec!["c.env:3", "b.env:2", "a.env:1"]),
        ("severity=SEVERITY_CRITICAL", vec![]),
        ("repo=acme/shop", vec!["c.env:3", "b.env:2", "a.env:1"]),
        ("repo=acme/other", vec![]),
        ("status=FINDING_STATUS_FIXED", vec![]),
        ("status=FINDING_STATUS_OPEN", vec!["c.env:3", "b.env:2", "a.env:1"]),
        ("since=2999-01-01T00:00:00Z", vec![]),
        ("since=2020-01-01T00:00:00Z", vec!["c.env:3", "b.env:2", "a.env:1"]),
    ] {
        let found = api.get(&format!("{path}?{query}")).await.expect(200);
        assert_eq!(column(&found["findings"], "findingPath"), files, "{query}");
    }
    let (mut seen, mut query) = (BTreeSet::new(), "limit=2".to_owned());
    for rows in [2, 1] {
        let page = api.get(&format!("{path}?{query}")).await.expect(200);
        assert_eq!(page["findings"].as_array().unwrap().len(), rows);
        seen.extend(column(&page["findings"], "id").into_iter().map(str::to_owned));
        query = format!("limit=2&cursor={}", page["cursor"].as_str().unwrap_or_default());
    }
    assert_eq!(seen.len(), 3);
    for (query, place) in [("cursor=x", "cursor"), ("limit=1001", "limit"), ("since=x", "since")] {
        api.get(&format!("{path}?{query}")).await.refused_for(place);
    }
    // Code is another list.
    assert_eq!(api.get(&format!("{ACME}/findings")).await.expect(200), json!({ "findings": [] }));
}

/// A project with packages, in two lockfiles.
fn shop() -> Files {
    let lock = json!({
        "name": "shop", "lockfileVersion": 3, "packages": {
            "": { "name": "shop", "dependencies": { "lodash": "4.17.4" } },
            "node_modules/lodash": { "version": "4.17.4" },
            "node_modules/minimist": { "version": "0.0.8" },
        },
    });
    Files::default()
        .with("package-lock.json", lock.to_string())
        .with("api/requirements.txt", "requests==2.19.0\n")
}

#[tokio::test]
async fn packages_are_counted_and_listed() {
    let api = Api::start().await;
    api.scanned(&shop(), &[("newProjectName", "acme/shop"), ("branch", "main")]).await;
    let path = format!("{ACME}/dependencies");
    let names = |page: &Value| -> Vec<String> {
        let rows = page["dependencies"].as_array().unwrap().iter();
        rows.map(|row| row["package"]["name"].as_str().unwrap().to_owned()).collect()
    };
    let all = api.post(&path, &json!({})).await.expect(200);
    assert_eq!(names(&all), ["requests", "lodash", "minimist"]);
    assert_eq!(all["hasMore"], false);
    let lodash = &all["dependencies"][1];
    assert_eq!((&lodash["ecosystem"], &lodash["transitivity"]), (&json!("npm"), &json!("DIRECT")));
    assert_eq!(lodash["package"]["versionSpecifier"], "4.17.4");
    assert_eq!(lodash["definedAt"]["path"], "package-lock.json");
    let repository: u64 = lodash["repositoryId"].as_str().unwrap().parse().unwrap();
    for (filter, wanted) in [
        (json!({ "name": "DASH" }), vec!["lodash"]),
        (json!({ "name": "lodash", "version": "1" }), vec![]),
        (json!({ "packageFilters": [{ "name": "lodash", "exactNameMatch": true }] }), vec!["lodash"]),
        (json!({ "packageFilters": [{ "name": "loda", "exactNameMatch": true }] }), vec![]),
        (json!({ "packageFilters": [{ "name": "mini", "exactVersion": "0.0.8" }] }), vec!["minimist"]),
        (json!({ "packageFilters": [{ "name": "%" }] }), vec![]),
        (json!({ "repositoryId": [repository] }), vec!["requests", "lodash", "minimist"]),
        (json!({ "repositoryId": [0] }), vec![]),
        (json!({ "lockfilePath": "api/requirements.txt" }), vec!["requests"]),
        (json!({ "ecosystem": ["pypi", "maven"] }), vec!["requests"]),
        (json!({ "ecosystem": "maven" }), vec![]),
        (json!({ "transitivity": "TRANSITIVE" }), vec!["minimist"]),
        (json!({ "license": ["MIT"] }), vec![]),
    ] {
        let page = api.post(&path, &json!({ "dependencyFilter": filter })).await.expect(200);
        assert_eq!(names(&page), wanted, "{filter}");
    }
    let first = api.post(&path, &json!({ "pageSize": 2 })).await.expect(200);
    assert_eq!((names(&first).len(), &first["hasMore"]), (2, &json!(true)));
    let second = api.post(&path, &json!({ "page_size": 2, "cursor": first["cursor"] })).await.expect(200);
    assert_eq!((names(&second), &second["hasMore"]), (vec!["minimist".to_owned()], &json!(false)));
    api.post(&path, &json!({ "pageSize": 10_001 })).await.refused_for("pageSize");
    let range =
        json!({ "dependencyFilter": { "packageFilters": [{ "name": "a", "versionLowerBound": ">=1" }] } });
    api.post(&path, &range).await.refused_for("dependencyFilter.packageFilters.0");

    let totals = api.post(&format!("{path}/repositories"), &json!({})).await.expect(200);
    let total = json!({
        "id": repository, "name": "acme/shop", "numDependencies": 3, "hasDependencyPathScan": false,
    });
    assert_eq!(totals, json!({ "repositorySummaries": [total], "hasMore": false, "cursor": 1 }));
    let lockfiles = format!("{path}/repositories/{repository}/lockfiles");
    let files = api.post(&lockfiles, &json!({})).await.expect(200);
    let wanted = json!([
        { "lockfilePath": "api/requirements.txt", "numDependencies": 1 },
        { "lockfilePath": "package-lock.json", "numDependencies": 2 },
    ]);
    assert_eq!(files["lockfileSummaries"], wanted);
    api.post(&format!("{path}/repositories/0/lockfiles"), &json!({})).await.refused(404);
    api.post(&format!("{path}/repositories"), &json!({ "pageSize": 101 })).await.refused_for("pageSize");
}
