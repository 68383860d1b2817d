//! What scans of Semgrep's client end and leave alone, and what people's decisions mean to it.

use crate::archive::leaky;
use crate::harness::{Api, column, id};
use crate::semgrep_ci::{Run, finding, present, project, ran, results};
use crate::semgrep_web_more::ACME;
use scanledger_domain::id::OrganizationId;
use scanledger_domain::identity::Visible;
use scanledger_domain::limits::{CLIENT_QUIET_SECONDS, PATH_BYTES};
use scanledger_domain::log::Position;
use scanledger_domain::time::Timestamp;
use scanledger_projections::At;
use scanledger_projections::scan::{Course, ScanSearch, SearchFilter};
use serde_json::{Value, json};

async fn paths(api: &Api) -> Vec<String> {
    let found = present(api, "acme/shop").await;
    column(&found, "filePath").into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_full_scan_ends_what_its_rules_no_longer_find_and_nothing_else() {
    let api = Api::without_workers().await;
    let all = [finding("a", "a.py", 1), finding("a", "b.py", 2), finding("b", "c.py", 3)];
    ran(&api, "acme/shop", &["a", "b"], &all).await;
    assert_eq!(paths(&api).await, ["a.py", "b.py", "c.py"]);
    ran(&api, "acme/shop", &["a"], &all[..1]).await;
    assert_eq!(paths(&api).await, ["a.py", "c.py"]);

    // What could not be read is not gone.
    let run = Run::begin(&api, "acme/shop").await;
    let mut upload = results(&["a", "b"], &[]);
    upload["skipped_paths"] = json!(["c.py"]);
    run.send("results", &upload).await.expect(200);
    run.complete().await;
    assert_eq!(paths(&api).await, ["c.py"]);
    ran(&api, "acme/shop", &["a", "b"], &all[..1]).await;
    assert_eq!(paths(&api).await, ["a.py"]);
}

#[tokio::test]
async fn a_finding_that_will_not_do_is_left_out_and_named_and_ends_nothing() {
    let api = Api::without_workers().await;
    let all = [finding("a", "a.py", 1), finding("b", "b.py", 2), finding("c", "c.py", 3)];
    ran(&api, "acme/shop", &["a", "b", "c"], &all).await;
    let run = Run::begin(&api, "acme/shop").await;
    let mut unusual = finding("a", "a.py", 1);
    unusual["match_based_id"] = json!("no such name");
    let mut nowhere = finding("b", "b.py", 2);
    nowhere["path"] = json!(7);
    let long = finding("c", &"d".repeat(PATH_BYTES + 1), 4);
    let sent = results(&["a", "b", "c"], &[unusual, nowhere, long, finding("c", "d.py", 5)]);
    let answer = run.send("results", &sent).await.expect(200);
    assert_eq!(
        column(&answer["errors"], "message"),
        [
            "finding 0 is left out: match_based_id must be hex digits, an underscore and a number",
            "finding 1 is left out: it cannot be read",
            "finding 2 is left out: path is empty or too long",
        ]
    );
    run.complete().await;
    assert_eq!(paths(&api).await, ["a.py", "b.py", "d.py"]);
}

#[tokio::test]
async fn a_scan_of_changes_ends_nothing() {
    let api = Api::without_workers().await;
    ran(&api, "acme/shop", &["a"], &[finding("a", "a.py", 1)]).await;
    let run = Run::begin_as(&api, "acme/shop", |body| {
        body["project_metadata"]["is_full_scan"] = json!(false);
        body["project_metadata"]["base_sha"] = json!("5c4b3a2f1d7b5e3c9a4f7d8d0c4a6f6d0f9c1b0a");
    })
    .await;
    run.results(&["a"], &[finding("a", "b.py", 2)]).await;
    run.complete().await;
    assert_eq!(paths(&api).await, ["a.py", "b.py"]);
    let scan = api.get("/api/scans").await.expect(200)["scans"][0].clone();
    assert_eq!(scan["status"], "COMPLETED");
    let detail = api.get(&format!("/api/scans/{}", id(&scan))).await.expect(200);
    assert_eq!(detail["baseSha"], "5c4b3a2f1d7b5e3c9a4f7d8d0c4a6f6d0f9c1b0a");
    // What it saw, and not what was there.
    let seen = api.get(&format!("/api/scans/{}/findings", id(&scan))).await.expect(200);
    assert_eq!(column(&seen["findings"], "filePath"), ["b.py"]);
    let query = json!({
        "query": "query One($id: ID!) { scan(id: $id) { findings { totalCount nodes { path } } } }",
        "variables": { "id": id(&scan) },
    });
    let answer = api.post("/graphql", &query).await.expect(200);
    let findings = &answer["data"]["scan"]["findings"];
    assert_eq!(
        (&findings["totalCount"], &findings["nodes"]),
        (&json!(1), &json!([{ "path": "b.py" }])),
        "{answer}"
    );
}

#[tokio::test]
async fn scans_of_the_server_and_of_clients_leave_each_other_alone() {
    let api = Api::start().await;
    let upload = api.scanned(&leaky(2), &[("newProjectName", "acme/shop"), ("branch", "main")]).await;
    let secrets = present(&api, "acme/shop").await.as_array().unwrap().len();
    assert!(secrets > 0);
    ran(&api, "acme/shop", &["a"], &[finding("a", "a.py", 1)]).await;
    assert_eq!(present(&api, "acme/shop").await.as_array().unwrap().len(), secrets + 1);
    let of_client = id(&api.get("/api/scans").await.expect(200)["scans"][0]);
    let seen = api.get(&format!("/api/scans/{of_client}/findings")).await.expect(200);
    assert_eq!(column(&seen["findings"], "filePath"), ["a.py"]);
    let fields = [("projectId", upload["projectId"].as_str().unwrap()), ("branch", "main")];
    api.scanned(&leaky(2), &fields).await;
    assert_eq!(present(&api, "acme/shop").await.as_array().unwrap().len(), secrets + 1);
    ran(&api, "acme/shop", &["a"], &[]).await;
    assert_eq!(present(&api, "acme/shop").await.as_array().unwrap().len(), secrets);
}

#[tokio::test]
async fn what_people_dismissed_the_next_client_is_told() {
    let api = Api::without_workers().await;
    let all = [finding("a", "a.py", 1), finding("a", "b.py", 2)];
    ran(&api, "acme/shop", &["a"], &all).await;
    let dismissed = async || -> Vec<Value> {
        let config = Run::begin(&api, "acme/shop").await.config().await;
        let ids = config["triage_ignored_match_based_ids"].as_array().unwrap().clone();
        assert_eq!(config["triage_ignored_syntactic_ids"].as_array().unwrap().len(), ids.len());
        ids
    };
    assert_eq!(dismissed().await, Vec::<Value>::new());
    let found = present(&api, "acme/shop").await;
    let path = format!("/api/findings/{}", id(&found[0]));
    for status in ["FALSE_POSITIVE", "ACCEPTED_RISK"] {
        api.patch(&path, &json!({ "status": status })).await.expect(200);
        assert_eq!(dismissed().await, [all[0]["match_based_id"].clone()], "{status}");
    }
    for status in ["RESOLVED", "IN_PROGRESS", "OPEN"] {
        api.patch(&path, &json!({ "status": status })).await.expect(200);
        assert_eq!(dismissed().await, Vec::<Value>::new(), "{status}");
    }
    // Another project is another matter.
    api.patch(&path, &json!({ "status": "FALSE_POSITIVE" })).await.expect(200);
    let other = Run::begin(&api, "acme/bank").await.config().await;
    assert_eq!(other["triage_ignored_match_based_ids"], json!([]));
}

#[tokio::test]
async fn packages_and_secrets_are_findings_of_their_kind() {
    let api = Api::without_workers().await;
    let mut package = finding("ssc-1", "requirements.txt", 1);
    package["metadata"] = json!({
        "sca-vuln-database-identifier": "CVE-2018-18074", "sca-fix-versions": [{ "requests": "2.20.0" }],
    });
    package["sca_info"] = json!({
        "reachable": true, "reachability_rule": false, "sca_finding_schema": 20_220_913,
        "dependency_match": { "lockfile": "requirements.txt", "found_dependency": {
            "package": "requests", "version": "2.19.0", "ecosystem": "pypi", "transitivity": "direct", "allowed_hashes": {},
        } },
    });
    let mut secret = finding("generic.secret", "settings.py", 2);
    let value = ["hunter", "2hunter", "2"].concat();
    secret["metadata"] = json!({ "product": "secrets" });
    secret["message"] = json!(format!("The password {value} is in the code"));
    secret["validation_state"] = json!("NO_VALIDATOR");
    ran(&api, "acme/shop", &["ssc-1", "generic.secret"], &[package, secret]).await;
    let found = present(&api, "acme/shop").await;
    assert_eq!(column(&found, "scanner"), ["SCA", "SECRETS_PATTERN"]);
    assert_eq!(found[0]["metadata"]["packageName"], "requests");
    assert_eq!(
        (&found[0]["cveId"], &found[0]["metadata"]["fixVersion"]),
        (&json!("CVE-2018-18074"), &json!("2.20.0"))
    );
    let events = api.get("/api/events?limit=1000").await.text();
    assert!(!events.contains(&value));
}

#[tokio::test]
async fn a_branch_of_a_pull_request_begins_with_what_is_on_main() {
    let api = Api::without_workers().await;
    ran(&api, "acme/shop", &["a"], &[finding("a", "a.py", 1)]).await;
    let run = Run::begin_as(&api, "acme/shop", |body| {
        let project = &mut body["project_metadata"];
        project["branch"] = json!("refs/pull/7/merge");
        project["is_full_scan"] = json!(false);
        project["on"] = json!("pull_request");
        project["pull_request_id"] = json!("7");
    })
    .await;
    run.results(&["a"], &[finding("a", "b.py", 2)]).await;
    run.complete().await;
    let of = project(&api, "acme/shop").await;
    let branch =
        api.get(&format!("/api/projects/{of}/findings?sort=file&branch=refs/pull/7/merge")).await.expect(200);
    assert_eq!(column(&branch["findings"], "filePath"), ["a.py", "b.py"]);
    assert_eq!(paths(&api).await, ["a.py"]);
}

/// When the last event of a run was recorded.
async fn heard(api: &Api, run: &Run<'_>) -> Timestamp {
    let events = api.server.engine.event_log().read_all(Position::START, 1_000).await.unwrap();
    let stream = events.iter().find(|event| event.position == Position(run.number)).unwrap().stream.clone();
    events.iter().rfind(|event| event.stream == stream).unwrap().recorded_at
}

#[tokio::test]
async fn a_client_that_says_nothing_is_shown_as_silent_and_may_come_back() {
    let api = Api::without_workers().await;
    let run = Run::begin(&api, "acme/shop").await;
    ran(&api, "acme/other", &["a"], &[]).await;
    let silent = async |now: Timestamp| {
        let search = ScanSearch {
            organization: OrganizationId(api.organization.parse().unwrap()),
            visible: Visible::All,
            at: At::Now,
            now,
            filter: SearchFilter { courses: vec![Course::Silent], ..SearchFilter::default() },
            before: None,
            limit: 10,
        };
        let found = api.server.app.views.find_scans(search).await.unwrap();
        found.into_iter().map(|found| found.scan.queued.0).collect::<Vec<_>>()
    };
    // The last instant at which a client is not silent.
    let last = |heard: Timestamp| heard.plus_seconds(CLIENT_QUIET_SECONDS);
    let next = |heard: Timestamp| Timestamp(last(heard).0 + 1);
    let begun = heard(&api, &run).await;
    assert_eq!(silent(last(begun)).await, [0; 0]);
    assert_eq!(silent(next(begun)).await, [run.number]);
    run.results(&["a"], &[finding("a", "a.py", 1)]).await;
    let sent = heard(&api, &run).await;
    assert_eq!(silent(last(sent)).await, [0; 0]);
    assert_eq!(silent(next(sent)).await, [run.number]);
    run.complete().await;
    assert_eq!(silent(next(heard(&api, &run).await)).await, [0; 0]);
}

#[tokio::test]
async fn a_scan_of_the_server_ends_as_its_gate_says() {
    let api = Api::start().await;
    let upload = api.scanned(&leaky(2), &[("newProjectName", "acme/shop"), ("branch", "main")]).await;
    let scans = api.post(&format!("{ACME}/scans/search"), &json!({})).await.expect(200);
    let path = format!("{ACME}/scan/{}", scans["scans"][0]["id"].as_str().unwrap());
    assert_eq!(api.get(&path).await.expect(200)["exit_code"], 1);
    let gate = format!("/api/settings/build-gates?projectId={}", upload["projectId"].as_str().unwrap());
    let open = json!({ "failOnNew": false, "maxCritical": -1, "maxHigh": -1, "maxMedium": -1, "maxLow": -1 });
    api.put(&gate, &open).await.expect(200);
    api.scanned(&leaky(2), &[("projectId", upload["projectId"].as_str().unwrap()), ("branch", "main")]).await;
    let scans = api.post(&format!("{ACME}/scans/search"), &json!({})).await.expect(200);
    let path = format!("{ACME}/scan/{}", scans["scans"][0]["id"].as_str().unwrap());
    assert_eq!(api.get(&path).await.expect(200)["exit_code"], 0);
}
