//! Scans that Semgrep's client runs: from the first request to the end.

use crate::harness::{Answer, Api, Client, column, id};
use crate::trusca_admin::{join, me, person, project_of, super_admin, team};
use crate::trusca_browser::server;
use reqwest::Method;
use scanledger_domain::identity::Role;
use serde_json::{Value, json};
use uuid::Uuid;

/// A run of the client.
pub struct Run<'a> {
    pub client: &'a Client,
    pub number: u64,
    pub run: Uuid,
}

/// What the client says when it begins.
pub fn begin_body(run: Uuid, repository: &str) -> Value {
    json!({
        "project_metadata": {
            "scan_environment": "github-actions", "repository": repository, "branch": "refs/heads/main",
            "repo_url": format!("https://example.org/{repository}"), "commit": "0b1c9f0d6f6a4c0d8d7f4a9a3c5e7b1d2f3a4b5c",
            "commit_title": "Mend it", "commit_author_email": "dev@example.org", "commit_author_name": "Dev Eloper",
            "ci_job_url": null, "on": "push", "pull_request_id": null, "is_full_scan": true,
        },
        "scan_metadata": { "cli_version": "1.182.0", "unique_id": run, "requested_products": ["sast"], "dry_run": false },
        "project_config": { "version": "v1" },
    })
}

/// Something that a rule found.
pub fn finding(rule: &str, path: &str, number: u32) -> Value {
    json!({
        "check_id": rule, "path": path, "line": number, "column": 5, "end_line": number, "end_column": 12,
        "message": "It runs what it is given.", "severity": 2, "index": 0, "commit_date": "2026-11-21T10:00:00",
        "syntactic_id": format!("{number:032x}"), "match_based_id": format!("{:0128x}_0", u64::from(number) + path.len() as u64 * 1000),
        "hashes": { "start_line_hash": "a", "end_line_hash": "b", "code_hash": "c", "pattern_hash": "d" },
        "metadata": { "cwe": ["CWE-95: Eval Injection"], "confidence": "HIGH" }, "is_blocking": false, "engine_kind": "OSS",
    })
}

/// What the client uploads.
pub fn results(rules: &[&str], findings: &[Value]) -> Value {
    json!({
        "findings": findings, "ignores": [], "token": null, "searched_paths": ["a.py", "b.py"], "skipped_paths": [],
        "renamed_paths": [], "rule_ids": rules, "contributions": [],
    })
}

impl<'a> Run<'a> {
    pub async fn begin(client: &'a Client, repository: &str) -> Self {
        Self::begin_as(client, repository, |_| ()).await
    }

    pub async fn begin_as(client: &'a Client, repository: &str, change: impl FnOnce(&mut Value)) -> Self {
        let run = unique();
        let mut body = begin_body(run, repository);
        change(&mut body);
        let begun = client.post("/api/cli/v2/scans", &body).await.expect(200);
        Self { client, number: begun["info"]["id"].as_u64().unwrap(), run }
    }

    pub async fn config(&self) -> Value {
        let polled = self.client.get(&format!("/api/cli/v2/scans/{}/config", self.run)).await.expect(200);
        assert_eq!(polled["status"], "success");
        assert_eq!(polled["engine_params"], json!({}));
        polled["config"].clone()
    }

    pub async fn send(&self, what: &str, body: &Value) -> Answer {
        self.client.post(&format!("/api/agent/scans/{}/{what}", self.number), body).await
    }

    pub async fn results(&self, rules: &[&str], findings: &[Value]) {
        assert_eq!(self.send("results", &results(rules, findings)).await.expect(200)["errors"], json!([]));
    }

    pub async fn complete(&self) -> Value {
        let body = json!({ "exit_code": 0, "dependencies": {}, "stats": { "findings": 0, "errors": [], "total_time": 1.5 } });
        let completed = self.send("complete", &body).await.expect(200);
        assert_eq!(completed["success"], true);
        completed
    }
}

/// A whole run.
pub async fn ran(client: &Client, repository: &str, rules: &[&str], findings: &[Value]) -> Value {
    let run = Run::begin(client, repository).await;
    run.results(rules, findings).await;
    run.complete().await
}

/// The project of a repository.
pub async fn project(client: &Client, repository: &str) -> String {
    let projects = client.get("/api/projects").await.expect(200);
    let found = projects["projects"].as_array().unwrap().iter().find(|project| project["name"] == repository);
    id(found.unwrap())
}

/// What is on a branch of the project of a repository.
pub async fn present(client: &Client, repository: &str) -> Value {
    let project = project(client, repository).await;
    let page = client.get(&format!("/api/projects/{project}/findings?sort=file")).await.expect(200);
    page["findings"].clone()
}

async fn head(api: &Api) -> u64 {
    api.server.engine.event_log().head().await.unwrap().0
}

#[tokio::test]
async fn a_run_from_the_first_request_to_the_end_is_a_scan() {
    let api = Api::without_workers().await;
    let run = Run::begin(&api, "acme/shop").await;
    let config = run.config().await;
    let rules = config["rules"]["rules"].as_array().unwrap();
    assert!(rules.len() >= 30, "{}", rules.len());
    assert!(rules.iter().all(|rule| rule["metadata"]["dev.semgrep.actions"].is_array()));
    run.results(&["a"], &[finding("a", "a.py", 3), finding("a", "b.py", 4)]).await;
    assert_eq!(run.complete().await, json!({ "success": true }));

    let scans = api.get("/api/scans").await.expect(200);
    let scan = &scans["scans"][0];
    assert_eq!((&scan["status"], &scan["branch"]), (&json!("COMPLETED"), &json!("main")));
    let found = present(&api, "acme/shop").await;
    assert_eq!(column(&found, "filePath"), ["a.py", "b.py"]);
    assert_eq!((&found[0]["startLine"], &found[0]["severity"]), (&json!(3), &json!("HIGH")));
    assert_eq!((&found[0]["cweId"], &found[0]["ruleId"]), (&json!("CWE-95"), &json!("a")));
    let of_scan = api.get(&format!("/api/scans/{}/findings", id(scan))).await.expect(200);
    assert_eq!(of_scan["pagination"]["total"], 2);
}

#[tokio::test]
async fn whatever_is_asked_again_is_answered_again_and_done_once() {
    let api = Api::without_workers().await;
    let run = unique();
    let body = begin_body(run, "acme/shop");
    let first = api.post("/api/cli/v2/scans", &body).await.expect(200);
    let begun = head(&api).await;
    assert_eq!(api.post("/api/cli/v2/scans", &body).await.expect(200), first);
    let old = api.post("/api/cli/scans", &body).await.expect(200);
    assert_eq!(old["info"], first["info"]);
    assert_eq!(head(&api).await, begun);

    let run = Run { client: &api, number: first["info"]["id"].as_u64().unwrap(), run };
    run.results(&["a"], &[finding("a", "a.py", 3)]).await;
    let received = head(&api).await;
    run.results(&["a"], &[finding("a", "a.py", 3)]).await;
    // What comes after the results is not taken: a retry sends the same.
    run.results(&["a"], &[]).await;
    assert_eq!(head(&api).await, received);
    let completed = run.complete().await;
    let ended = head(&api).await;
    assert_eq!(run.complete().await, completed);
    assert_eq!(head(&api).await, ended);
    assert_eq!(present(&api, "acme/shop").await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn old_clients_get_their_rules_with_the_first_answer() {
    let api = Api::without_workers().await;
    let begun = api.post("/api/cli/scans", &begin_body(unique(), "acme/shop")).await.expect(200);
    assert!(begun["config"]["rules"]["rules"].as_array().is_some_and(|rules| !rules.is_empty()));
    assert_eq!(begun["engine_params"], json!({}));
    assert!(begun["info"]["id"].is_u64() && begun["info"]["deployment_id"].is_u64());
    assert_eq!(
        (&begun["info"]["deployment_name"], &begun["info"]["enabled_products"]),
        (&json!("Acme"), &json!(["sast"]))
    );
    let legacy = api.get("/api/agent/deployments/scans/config").await.expect(200);
    let rules: Value = serde_json::from_str(legacy["rule_config"].as_str().unwrap()).unwrap();
    assert!(rules["rules"].as_array().is_some_and(|rules| !rules.is_empty()));
}

#[tokio::test]
async fn a_dry_run_leaves_nothing() {
    let api = Api::without_workers().await;
    let before = head(&api).await;
    let run = unique();
    let mut body = begin_body(run, "acme/shop");
    body["scan_metadata"]["dry_run"] = json!(true);
    body["scan_metadata"]["requested_products"] = json!([]);
    let begun = api.post("/api/cli/v2/scans", &body).await.expect(200);
    assert_eq!((&begun["info"]["id"], &begun["info"]["enabled_products"]), (&Value::Null, &json!(["sast"])));
    let polled = api.get(&format!("/api/cli/v2/scans/{run}/config")).await.expect(200);
    assert!(polled["config"]["rules"]["rules"].as_array().is_some_and(|rules| !rules.is_empty()));
    assert_eq!(head(&api).await, before);
}

#[tokio::test]
async fn what_the_client_says_about_people_and_passwords_is_nowhere_in_clear() {
    let api = Api::without_workers().await;
    Run::begin_as(&api, "acme/shop", |body| {
        body["project_metadata"]["repo_url"] = json!("https://ci:opensesame@example.org/acme/shop");
        body["project_metadata"]["ci_job_url"] = json!("https://x:opensesame@ci.example.org/7");
    })
    .await;
    let events = api.get("/api/events?limit=1000").await.text();
    assert!(events.contains("https://example.org/acme/shop") && events.contains("https://ci.example.org/7"));
    for secret in ["opensesame", "dev@example.org", "Dev Eloper", "Mend it"] {
        assert!(!events.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn a_project_is_found_by_the_name_of_its_repository() {
    let api = Api::without_workers().await;
    ran(&api, "acme/shop", &["a"], &[]).await;
    ran(&api, "Acme/Shop", &["a"], &[]).await;
    Run::begin_as(&api, "acme/shop", |body| {
        body["project_metadata"]["repo_display_name"] = json!("acme/shop-backend");
    })
    .await;
    let projects = api.get("/api/projects").await.expect(200);
    let mut names = column(&projects["projects"], "name");
    names.sort_unstable();
    assert_eq!(names, ["acme/shop", "acme/shop-backend"]);
    // A key for one project scans that, whatever the client calls it.
    let own = project(&api, "acme/shop").await;
    let limited = api.with_role(Role::Developer, Some(&own)).await;
    ran(&limited, "somebody/elses", &["a"], &[finding("a", "a.py", 1)]).await;
    assert_eq!(present(&api, "acme/shop").await.as_array().unwrap().len(), 1);
    let foreigner = api.foreigner().await;
    ran(&foreigner, "acme/shop", &["a"], &[]).await;
    assert_eq!(present(&foreigner, "acme/shop").await, json!([]));
}

#[tokio::test]
async fn a_client_that_cannot_do_it_says_so_and_results_that_come_too_late_are_refused() {
    let api = Api::without_workers().await;
    let run = Run::begin(&api, "acme/shop").await;
    run.send("complete", &json!({ "exit_code": 0 })).await.refused(409);
    run.send("error", &json!({ "exit_code": 7, "stderr": "" })).await.expect(200);
    run.send("error", &json!({ "exit_code": 7, "stderr": "" })).await.expect(200);
    run.send("results", &results(&["a"], &[])).await.refused(409);
    run.send("complete", &json!({ "exit_code": 0 })).await.refused(409);
    let scans = api.get("/api/scans").await.expect(200);
    assert_eq!(scans["scans"][0]["status"], "FAILED");

    let cancelled = Run::begin(&api, "acme/shop").await;
    let scan = id(&api.get("/api/scans").await.expect(200)["scans"][0]);
    for step in ["pause", "stop"] {
        api.post(&format!("/api/scans/{scan}/{step}"), &json!({})).await.refused_as(400, "ILLEGAL_STEP");
    }
    api.post(&format!("/api/scans/{scan}/cancel"), &json!({})).await.expect(200);
    cancelled.send("results", &results(&["a"], &[finding("a", "a.py", 1)])).await.refused(409);
    api.post(&format!("/api/scans/{scan}/rescan"), &json!({})).await.refused(409);
}

#[tokio::test]
async fn a_gate_that_wants_no_new_findings_fails_the_build() {
    let api = Api::without_workers().await;
    ran(&api, "acme/shop", &["a"], &[finding("a", "a.py", 1)]).await;
    let (old, new) = (finding("a", "a.py", 1), finding("a", "a.py", 2));
    let watched = ran(&api, "acme/shop", &["a"], &[old.clone(), new.clone()]).await;
    assert_eq!(watched, json!({ "success": true }));
    let gate = format!("/api/settings/build-gates?projectId={}", project(&api, "acme/shop").await);
    api.put(&gate, &json!({ "failOnNew": true })).await.expect(200);
    let third = finding("a", "a.py", 3);
    let failed = ran(&api, "acme/shop", &["a"], &[old.clone(), new.clone(), third.clone()]).await;
    assert_eq!(failed["app_block_override"], true);
    assert_eq!(failed["app_blocking_match_based_ids"], json!([third["match_based_id"]]));
    let passed = ran(&api, "acme/shop", &["a"], &[old, new, third]).await;
    assert_eq!(passed, json!({ "success": true }));
}

#[tokio::test]
async fn a_build_that_failed_fails_for_the_same_findings_when_it_is_asked_again() {
    let api = Api::without_workers().await;
    ran(&api, "acme/shop", &["a"], &[]).await;
    let gate = format!("/api/settings/build-gates?projectId={}", project(&api, "acme/shop").await);
    api.put(&gate, &json!({ "failOnNew": true })).await.expect(200);
    let run = Run::begin(&api, "acme/shop").await;
    let new = [finding("a", "a.py", 1), finding("a", "b.py", 2)];
    run.results(&["a"], &new).await;
    let failed = run.complete().await;
    assert_eq!(failed["app_blocking_match_based_ids"].as_array().unwrap().len(), 2);
    let found = present(&api, "acme/shop").await;
    let path = format!("/api/findings/{}", id(&found[0]));
    api.patch(&path, &json!({ "status": "FALSE_POSITIVE" })).await.expect(200);
    assert_eq!(run.complete().await, failed);
}

#[tokio::test]
async fn a_pull_request_from_a_fork_leaves_the_default_branch_alone() {
    let api = Api::without_workers().await;
    ran(&api, "acme/shop", &["a"], &[finding("a", "a.py", 1)]).await;
    let changes = async |branch: &str| {
        let run = Run::begin_as(&api, "acme/shop", |body| {
            body["project_metadata"]["is_full_scan"] = json!(false);
            body["project_metadata"]["branch"] = json!(branch);
            body["project_metadata"]["pull_request_id"] = json!("7");
        });
        let run = run.await;
        run.results(&["a"], &[finding("a", "b.py", 2)]).await;
        run.complete().await;
        let scans = api.get("/api/scans").await.expect(200);
        let numbers = scans["scans"].as_array().unwrap().iter().map(|scan| &scan["prNumber"]);
        let numbers: Vec<&Value> = numbers.collect();
        assert_eq!((numbers.first(), numbers.last()), (Some(&&json!(7)), Some(&&Value::Null)));
        scans["scans"][0]["branch"].as_str().unwrap().to_owned()
    };
    assert_eq!(changes("refs/heads/main").await, "refs/pull/7/head");
    assert_eq!(changes("refs/heads/feature").await, "feature");
    assert_eq!(column(&present(&api, "acme/shop").await, "filePath"), ["a.py"]);
}

#[tokio::test]
async fn whoever_may_not_scan_a_project_leaves_nothing_in_it() {
    let api = server().await;
    let root = super_admin(&api).await;
    let (core, edge) = (team(&root, "core").await, team(&root, "edge").await);
    let (bea, cem) = (person(&api, "bea@example.org").await, person(&api, "cem@example.org").await);
    let (is_bea, is_cem) = (me(&bea).await, me(&cem).await);
    join(&root, &edge, &is_cem, "developer").await;
    project_of(&api, &cem, "acme/shop").await;
    join(&root, &core, &is_bea, "developer").await;
    project_of(&api, &bea, "acme/own").await;
    join(&root, &edge, &is_bea, "viewer").await;
    let begin = async |repository: &str| {
        let body = begin_body(unique(), repository);
        let request = bea.request(Method::POST, "/api/cli/v2/scans").json(&body);
        bea.send(request.header("scanledger-organization", &api.organization)).await
    };
    let before = head(&api).await;
    begin("acme/shop").await.refused(403);
    assert_eq!(head(&api).await, before);
    begin("acme/own").await.expect(200);
}

#[tokio::test]
async fn whoever_may_not_is_told_what_clients_understand() {
    let api = Api::without_workers().await;
    let run = Run::begin(&api, "acme/shop").await;
    let body = begin_body(unique(), "acme/shop");
    for key in [None, Some("0".repeat(64))] {
        let stranger = api.with_key(key.as_deref());
        stranger.post("/api/cli/v2/scans", &body).await.expect(401);
        stranger.get("/api/agent/deployments/current").await.expect(401);
    }
    let viewer = api.with_role(Role::Viewer, None).await;
    viewer.post("/api/cli/v2/scans", &body).await.refused(403);
    let foreigner = api.foreigner().await;
    let of_others = Run { client: &foreigner, number: run.number, run: run.run };
    // What others have is no different from what nobody has.
    let nothing = api.post("/api/agent/scans/1/error", &json!({ "exit_code": 7 })).await.refused(404);
    for what in ["results", "complete", "error"] {
        let body = json!({ "exit_code": 7, "findings": [] });
        assert_eq!(of_others.send(what, &body).await.refused(404), nothing, "{what}");
    }
    for nothing in [0, 1, u64::MAX] {
        let path = format!("/api/agent/scans/{nothing}/results");
        api.post(&path, &results(&["a"], &[])).await.refused(404);
    }
    api.get("/api/agent/deployments/deepbinary/manylinux-x86?version=1.182.0").await.refused(404);
    let wait = json!({ "token_request_key": unique() });
    api.with_key(None).post("/api/agent/tokens/requests", &wait).await.refused(404);
    let deployment = api.get("/api/agent/deployments/current").await.expect(200);
    assert_eq!(
        (&deployment["deployment"]["name"], &deployment["deployment"]["slug"]),
        (&json!("Acme"), &json!("acme"))
    );
    let identity = api.get("/api/agent/identity").await.expect(200);
    assert!(identity["identity"].as_str().unwrap().starts_with("key:"));
    assert_eq!(identity["deploymentId"], deployment["deployment"]["id"]);
    let versions = api.with_key(None).get("/api/check-version").await.expect(200);
    assert!(versions["versions"]["minimum"].is_string());
    let failure = api.request(Method::POST, "/failure").body("whatever it sends");
    assert_eq!(api.send(failure).await.status, 200);
}

/// What a run of the client calls itself: another each time.
fn unique() -> Uuid {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    Uuid::from_u64_pair(0x5ca1_ab1e, NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
}
