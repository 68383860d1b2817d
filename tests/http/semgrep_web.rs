//! The web API of the Semgrep dialect: findings and what people decide about them.

use crate::gitguardian_tokens::key;
use crate::harness::{Api, Client, column, id};
use crate::semgrep_ci::{Run, finding, project, ran};
use crate::semgrep_web_triage::{TRIAGE, triage};
use scanledger_domain::identity::{KeyForm, Role, Scope, Scopes};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Where the findings of the first organization are.
pub const FINDINGS: &str = "/api/v1/deployments/acme/findings";

/// The findings that a query means.
pub async fn findings(client: &Client, query: &str) -> Vec<Value> {
    let page = client.get(&format!("{FINDINGS}?{query}")).await.expect(200);
    page["findings"].as_array().unwrap().clone()
}

/// Their files, sorted.
pub async fn paths(client: &Client, query: &str) -> Vec<String> {
    let found = findings(client, query).await;
    let mut paths: Vec<String> =
        found.iter().map(|row| row["location"]["file_path"].as_str().unwrap().to_owned()).collect();
    paths.sort();
    paths
}

/// Three findings of two rules, of three severities.
pub async fn three(api: &Api) {
    let mut some = [finding("a", "a.py", 1), finding("a", "b.py", 2), finding("b", "c.py", 3)];
    some[1]["severity"] = json!(3);
    some[2]["severity"] = json!(0);
    some[2]["metadata"] = json!({ "category": "correctness", "confidence": "LOW" });
    ran(api, "acme/shop", &["a", "b"], &some).await;
}

#[tokio::test]
async fn a_hundred_findings_come_in_pages_that_end_with_an_empty_one() {
    let api = Api::without_workers().await;
    let files: Vec<String> = (0..100).map(|number| format!("src/{number:03}.py")).collect();
    let all: Vec<Value> =
        files.iter().enumerate().map(|(number, file)| finding("a", file, number as u32 + 1)).collect();
    ran(&api, "acme/shop", &["a"], &all).await;
    let (mut seen, mut sizes) = (BTreeSet::new(), vec![]);
    let mut last = u64::MAX;
    for page in 0.. {
        let found = findings(&api, &format!("page={page}&page_size=30")).await;
        sizes.push(found.len());
        if found.is_empty() {
            break;
        }
        for row in found {
            let number = row["id"].as_u64().unwrap();
            assert!(number < last, "newest first");
            last = number;
            seen.insert(row["location"]["file_path"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(sizes, [30, 30, 30, 10, 0]);
    assert_eq!(seen, files.into_iter().collect());
    assert_eq!(findings(&api, "").await.len(), 100);
    assert_eq!(findings(&api, "page_size=3000").await.len(), 100);
    for (query, name) in [("page_size=0", "page_size"), ("page_size=3001", "page_size"), ("page=-1", "page")]
    {
        api.get(&format!("{FINDINGS}?{query}")).await.refused_for(name);
    }
}

#[tokio::test]
async fn a_finding_in_code_has_every_key() {
    let api = Api::without_workers().await;
    let run = Run::begin_as(&api, "acme/shop", |body| {
        body["project_metadata"]["repo_url"] = json!("https://github.com/acme/shop");
    })
    .await;
    let found = finding("a", "src/a.py", 3);
    run.results(&["a"], std::slice::from_ref(&found)).await;
    run.complete().await;
    let row = findings(&api, "").await.remove(0);
    let keys: Vec<&str> = row.as_object().unwrap().keys().map(String::as_str).collect();
    let mut wanted = [
        "id",
        "ref",
        "first_seen_scan_id",
        "syntactic_id",
        "match_based_id",
        "repository",
        "line_of_code_url",
        "location",
        "severity",
        "confidence",
        "categories",
        "rule",
        "rule_name",
        "rule_message",
        "created_at",
        "relevant_since",
        "state",
        "state_updated_at",
        "triage_state",
        "triaged_at",
        "triage_comment",
        "triage_reason",
        "status",
        "external_ticket",
        "review_comments",
        "sourcing_policy",
        "assistant",
        "click_to_fix_prs",
        "click_to_fix_failures",
    ];
    wanted.sort_unstable();
    let mut keys = keys;
    keys.sort_unstable();
    assert_eq!(keys, wanted);
    for (field, value) in [
        ("ref", json!("refs/heads/main")),
        ("first_seen_scan_id", json!(run.number)),
        ("syntactic_id", found["syntactic_id"].clone()),
        ("match_based_id", found["match_based_id"].clone()),
        ("repository", json!({ "name": "acme/shop", "url": "https://github.com/acme/shop" })),
        ("line_of_code_url", json!("https://github.com/acme/shop/blob/main/src/a.py#L3")),
        (
            "location",
            json!({ "file_path": "src/a.py", "line": 3, "column": 5, "end_line": 3, "end_column": 12 }),
        ),
        ("severity", json!("high")),
        ("confidence", json!("high")),
        ("categories", json!(["security"])),
        ("rule_name", json!("a")),
        ("state", json!("unresolved")),
        ("triage_state", json!("untriaged")),
        ("triaged_at", Value::Null),
        ("triage_comment", Value::Null),
        ("triage_reason", Value::Null),
        ("status", json!("open")),
        ("external_ticket", Value::Null),
        ("sourcing_policy", Value::Null),
    ] {
        assert_eq!(row[field], value, "{field}");
    }
    assert_eq!(row["rule"]["cwe_names"], json!(["CWE-95: Eval Injection"]));
    assert_eq!(row["rule"]["message"], row["rule_message"]);
    let time = row["relevant_since"].as_str().unwrap();
    assert!(time.ends_with('Z') && time.len() == "2024-07-11T20:46:25.269650Z".len(), "{time}");
}

#[tokio::test]
async fn filters_leave_what_they_name() {
    let api = Api::without_workers().await;
    three(&api).await;
    ran(&api, "acme/other", &["a"], &[finding("a", "d.py", 4)]).await;
    let other = findings(&api, "repos=acme/other").await.remove(0);
    let projects = api.get("/api/v1/deployments/acme/projects").await.expect(200);
    let projects = projects["projects"].as_array().unwrap();
    let shop = projects.iter().find(|project| project["name"] == "acme/shop").unwrap()["id"].clone();
    let since = other["relevant_since"].as_str().unwrap();
    let since = scanledger_domain::time::Timestamp::parse_rfc3339(since).unwrap().0 as f64 / 1e6;
    let shop = format!("repository_ids={shop}");
    let (exactly, later) = (format!("since={since:.6}"), format!("since={:.6}", since + 0.000_002));
    for (query, files) in [
        ("", "a b c d"),
        ("issue_type=sast", "a b c d"),
        ("issue_type=sca", ""),
        ("issue_type=ai_sast", ""),
        ("severities=high", "a d"),
        ("severities=critical&severities=low", "b c"),
        ("repos=acme/shop", "a b c"),
        ("repos=acme/shop&repos=acme/other", "a b c d"),
        ("repos=acme", ""),
        (shop.as_str(), "a b c"),
        ("rules=b", "c"),
        ("rules=a&repos=acme/other", "d"),
        ("categories=correctness", "c"),
        ("categories=security", "a b d"),
        ("confidence=low", "c"),
        ("confidence=high", "a b d"),
        ("confidence=medium", ""),
        ("ref=main", "a b c d"),
        ("ref=refs/heads/main", "a b c d"),
        ("ref=_default", "a b c d"),
        ("ref=refs/pull/1/merge", ""),
        ("status=open", "a b c d"),
        ("status=fixed", ""),
        ("status=provisionally_ignored", ""),
        ("autotriage_verdict=true_positive", ""),
        ("component_tags=user+data", ""),
        ("click_to_fix_pr_state=open", ""),
        ("policies=rule-board-block", ""),
        (exactly.as_str(), "d"),
        (later.as_str(), ""),
        ("since=0", "a b c d"),
        ("dedup=true", "a b c d"),
    ] {
        let wanted: Vec<String> = files.split_whitespace().map(|file| format!("{file}.py")).collect();
        assert_eq!(paths(&api, query).await, wanted, "{query}");
    }
    for (query, name) in
        [("status=broken", "status"), ("since=yesterday", "since"), ("severities=worst", "severities")]
    {
        api.get(&format!("{FINDINGS}?{query}")).await.refused_for(name);
    }
}

#[tokio::test]
async fn policies_are_a_filter_by_what_the_rule_may_do() {
    let api = Api::without_workers().await;
    let policy = api.get("/api/v1/deployments/acme/policies/sast").await.expect(200);
    let rules = policy["rules"].as_array().unwrap();
    let of = |mode: &str| {
        let rule = rules.iter().find(|rule| rule["policyMode"] == mode).unwrap();
        rule["path"].as_str().unwrap().to_owned()
    };
    let (blocks, watches) = (of("MODE_BLOCK"), of("MODE_MONITOR"));
    let both = [finding(&blocks, "a.py", 1), finding(&watches, "b.py", 2), finding("unknown", "c.py", 3)];
    ran(&api, "acme/shop", &[&blocks, &watches, "unknown"], &both).await;
    assert_eq!(paths(&api, "policies=rule-board-block").await, ["a.py"]);
    assert_eq!(paths(&api, "policies=rule-board-audit").await, ["b.py"]);
    assert_eq!(paths(&api, "policies=rule-board-audit&policies=rule-board-block").await, ["a.py", "b.py"]);
    assert_eq!(paths(&api, "policies=rule-board-pr-comments").await, [""; 0]);
    let found = findings(&api, "policies=rule-board-block").await;
    assert_eq!(found[0]["sourcing_policy"]["slug"], "rule-board-block");
}

#[tokio::test]
async fn what_is_gone_is_fixed_and_what_is_on_several_branches_has_a_row_for_each() {
    let api = Api::without_workers().await;
    three(&api).await;
    let branch = Run::begin_as(&api, "acme/shop", |body| {
        body["project_metadata"]["branch"] = json!("refs/heads/feature");
    })
    .await;
    branch.results(&["a", "b"], &[finding("a", "a.py", 1), finding("a", "e.py", 5)]).await;
    branch.complete().await;
    // A branch begins as the default branch is, so that what its first scan does not find was mended on it.
    assert_eq!(paths(&api, "status=open").await, ["a.py", "a.py", "b.py", "c.py", "e.py"]);
    assert_eq!(paths(&api, "ref=feature&status=open").await, ["a.py", "e.py"]);
    assert_eq!(paths(&api, "ref=feature&status=fixed").await, ["b.py", "c.py"]);
    let once = findings(&api, "dedup=true").await;
    assert_eq!(once.len(), 4);
    let shown: Vec<_> = once.iter().filter(|row| row["location"]["file_path"] == "a.py").collect();
    assert_eq!(shown[0]["ref"], "refs/heads/main", "the default branch comes first");
    let both = findings(&api, "rules=a").await;
    let ids: BTreeSet<u64> = both
        .iter()
        .filter(|row| row["location"]["file_path"] == "a.py")
        .map(|row| row["id"].as_u64().unwrap())
        .collect();
    assert_eq!(ids.len(), 1, "a finding is the same on every branch");

    ran(&api, "acme/shop", &["a", "b"], &[finding("a", "b.py", 2)]).await;
    assert_eq!(paths(&api, "ref=main&status=fixed").await, ["a.py", "c.py"]);
    assert_eq!(paths(&api, "status=open").await, ["a.py", "b.py", "e.py"]);
    assert_eq!(paths(&api, "").await.len(), 7);
    assert_eq!(paths(&api, "dedup=true").await, ["a.py", "b.py", "c.py", "e.py"]);
    let fixed = findings(&api, "ref=main&status=fixed&rules=b").await.remove(0);
    assert_eq!((&fixed["state"], &fixed["status"]), (&json!("fixed"), &json!("fixed")));
    assert!(fixed["state_updated_at"].as_str() > fixed["relevant_since"].as_str());
    // What comes back has come anew.
    ran(&api, "acme/shop", &["a", "b"], &[finding("b", "c.py", 3), finding("a", "b.py", 2)]).await;
    let back = findings(&api, "ref=main&rules=b").await;
    assert_eq!((back.len(), &back[0]["status"]), (1, &json!("open")));
    assert!(back[0]["relevant_since"].as_str() > fixed["state_updated_at"].as_str());
    assert_eq!((&back[0]["created_at"], &back[0]["id"]), (&fixed["created_at"], &fixed["id"]));
}

#[tokio::test]
async fn packages_have_a_shape_and_filters_of_their_own() {
    let api = Api::without_workers().await;
    let package = |path: &str, number: u32, reachable: bool, transitivity: &str| {
        let mut found = finding("ssc.requests", path, number);
        found["metadata"] = json!({
            "sca-vuln-database-identifier": "CVE-2018-18074", "sca-fix-versions": [{ "requests": "2.20.0" }],
        });
        found["sca_info"] = json!({
            "reachable": reachable, "reachability_rule": true, "sca_finding_schema": 20220913,
            "dependency_match": {
                "dependency_pattern": { "ecosystem": "pypi", "package": "requests", "semver_range": "< 2.20.0" },
                "found_dependency": {
                    "package": "requests", "version": "2.19.0", "ecosystem": "pypi", "allowed_hashes": {},
                    "transitivity": transitivity,
                },
                "lockfile": "requirements.txt",
            },
        });
        found
    };
    let both = [package("a.py", 1, true, "direct"), package("requirements.txt", 2, false, "transitive")];
    let run = Run::begin_as(&api, "acme/shop", |body| {
        body["scan_metadata"]["requested_products"] = json!(["sca"]);
    })
    .await;
    run.results(&["ssc.requests"], &both).await;
    run.complete().await;
    for (query, files) in [
        ("", ""),
        ("issue_type=sca", "a.py requirements.txt"),
        ("issue_type=sca&exposures=reachable", "a.py"),
        ("issue_type=sca&exposures=unreachable", "requirements.txt"),
        ("issue_type=sca&exposures=unknown", ""),
        ("issue_type=sca&exposures=always_reachable", ""),
        ("issue_type=sca&transitivities=direct", "a.py"),
        ("issue_type=sca&transitivities=transitive&transitivities=unknown", "requirements.txt"),
        ("issue_type=sca&is_malicious=true", ""),
        ("issue_type=sca&is_malicious=false", "a.py requirements.txt"),
    ] {
        let wanted: Vec<&str> = files.split_whitespace().collect();
        assert_eq!(paths(&api, query).await, wanted, "{query}");
    }
    let row = findings(&api, "issue_type=sca&exposures=reachable").await.remove(0);
    assert_eq!(row["vulnerability_identifier"], "CVE-2018-18074");
    assert_eq!((&row["reachability"], &row["is_malicious"]), (&json!("reachable"), &json!(false)));
    assert_eq!(row["fix_recommendations"], json!([{ "package": "requests", "version": "2.20.0" }]));
    let found = json!({
        "package": "requests", "version": "2.19.0", "ecosystem": "pypi", "transitivity": "direct",
        "lockfile_line_url": null,
    });
    assert_eq!(row["found_dependency"], found);
    assert_eq!(row["usage"]["location"]["path"], "a.py");
    for null in ["epss_score", "reachable_condition"] {
        assert!(row.as_object().unwrap().contains_key(null) && row[null].is_null(), "{null}");
    }
    assert!(row.get("sourcing_policy").is_none());
    let body = json!({
        "issue_type": "sca", "exposures": ["unreachable"], "new_triage_state": "ignored",
        "new_triage_reason": "acceptable_risk",
    });
    assert_eq!(triage(&api, &body).await["num_triaged"], 1);
    assert_eq!(paths(&api, "issue_type=sca&status=ignored").await, ["requirements.txt"]);
}

#[tokio::test]
async fn everybody_sees_what_is_theirs() {
    let api = Api::without_workers().await;
    three(&api).await;
    ran(&api, "acme/other", &["a"], &[finding("a", "d.py", 4)]).await;
    let own = project(&api, "acme/other").await;
    let limited = api.with_role(Role::Viewer, Some(&own)).await;
    assert_eq!(paths(&limited, "").await, ["d.py"]);
    let body = json!({ "issue_type": "sast", "new_triage_state": "ignored" });
    limited.post(TRIAGE, &body).await.refused(403);
    let developer = api.with_role(Role::Developer, Some(&own)).await;
    assert_eq!(triage(&developer, &body).await["num_triaged"], 1);
    assert_eq!(paths(&api, "status=ignored").await, ["d.py"]);
    // Nobody has a deployment but their own.
    let foreigner = api.foreigner().await;
    foreigner.get(FINDINGS).await.refused(404);
    foreigner.post(TRIAGE, &body).await.refused(404);
    let theirs = foreigner.get("/api/v1/deployments/other/findings").await.expect(200);
    assert_eq!(theirs, json!({ "findings": [] }));
    // A token without the scope of the web API does not know it at all.
    let agent = key(&api, "agent", |wanted| {
        wanted.form = KeyForm::Semgrep;
        wanted.scopes = Scopes::from(Scope::Scan);
    })
    .await;
    agent.get(FINDINGS).await.refused(404);
    agent.get("/api/v1/deployments").await.refused(404);
    agent.get("/api/v1/ping").await.expect(200);
    api.with_key(None).get(FINDINGS).await.expect(401);
}

#[tokio::test]
async fn findings_of_our_own_scanners_are_there_too() {
    let api = Api::start().await;
    let scan =
        api.scanned(&crate::archive::leaky(2), &[("newProjectName", "shop"), ("branch", "main")]).await;
    let found = api.get(&format!("/api/scans/{}/findings?limit=500", id(&scan))).await.expect(200);
    let found = found["findings"].as_array().unwrap();
    let secrets = found.iter().filter(|row| row["scanner"] == "SECRETS_PATTERN").count();
    let page = api.get("/api/v1/deployments/acme/secrets").await.expect(200);
    let rows = page["findings"].as_array().unwrap();
    assert_eq!(rows.len(), secrets);
    assert!(secrets >= 2);
    let text = page.to_string();
    for number in 0..4 {
        assert!(!text.contains(&crate::archive::token(number)));
    }
    assert_eq!(column(&page["findings"], "status"), vec!["FINDING_STATUS_OPEN"; secrets]);
    let number: u64 = rows[0]["id"].as_str().unwrap().parse().unwrap();
    let body = json!({
        "issue_type": "secrets", "issue_ids": [number], "new_triage_state": "ignored",
        "new_triage_reason": "false_positive",
    });
    assert_eq!(triage(&api, &body).await["triaged_issues"], json!([number]));
    let ignored = api.get("/api/v1/deployments/acme/secrets?status=FINDING_STATUS_IGNORED").await.expect(200);
    assert!(column(&ignored["findings"], "id").contains(&number.to_string().as_str()));
}
