//! Secret incidents, as GitGuardian's clients see and change them.

use crate::archive::{leaky, token};
use crate::gitguardian_tokens::{key, link, refused};
use crate::harness::{Answer, Api, Client, id};
use crate::operations::hold_views;
use scanledger_domain::identity::{Scope, Scopes};
use scanledger_domain::limits::SHOWN_OCCURRENCES;
use serde_json::{Value, json};

/// A server with a project `shop` that has `count` secrets.
pub async fn shop(count: u64) -> Api {
    let api = Api::start().await;
    api.scanned(&leaky(count), &[("newProjectName", "shop"), ("repoUrl", "https://github.com/acme/shop")])
        .await;
    api
}

/// Incidents on the first page, with a query.
pub async fn list(client: &Client, query: &str) -> Vec<Value> {
    let answer = client.get(&format!("/exposed/v1/incidents/secrets?{query}")).await;
    let rows = answer.expect(200);
    assert_eq!(answer.header("content-type"), "application/json");
    rows.as_array().unwrap().clone()
}

pub fn number(row: &Value) -> u64 {
    row["id"].as_u64().unwrap()
}

pub fn numbers(rows: &[Value]) -> Vec<u64> {
    rows.iter().map(number).collect()
}

/// Does something to an incident.
pub async fn act(client: &Client, incident: u64, action: &str, body: Value) -> Answer {
    client.post(&format!("/v1/incidents/secrets/{incident}/{action}"), &body).await
}

#[tokio::test]
async fn an_incident_has_every_key() {
    let api = shop(1).await;
    let listed = list(&api, "").await;
    assert_eq!(listed.len(), 1);
    let row = &listed[0];
    let read = api.get(&format!("/v1/incidents/secrets/{}", number(row))).await.expect(200);
    let keys: Vec<&str> = read.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "assignee_email",
        "assignee_id",
        "custom_tags",
        "date",
        "destination_tickets",
        "detector",
        "feedback_list",
        "gitguardian_url",
        "hmsl_hash",
        "id",
        "ignore_reason",
        "ignored_at",
        "ignorer_api_token_id",
        "ignorer_id",
        "incident_name",
        "is_vaulted",
        "occurrences",
        "occurrences_count",
        "public_exposure",
        "regression",
        "resolved_at",
        "resolver_api_token_id",
        "resolver_id",
        "risk_score",
        "secret_hash",
        "secret_id",
        "secret_presence",
        "secret_revoked",
        "severity",
        "severity_rule_id",
        "share_url",
        "status",
        "tags",
        "triggered_at",
        "validity",
    ];
    assert_eq!(keys, expected);
    assert_eq!((&row["occurrences"], read["occurrences"].as_array().unwrap().len()), (&Value::Null, 1));
    assert_eq!(
        (read["secret_hash"].as_str().unwrap().len(), read["hmsl_hash"].as_str().unwrap().len()),
        (64, 64)
    );
    assert_eq!((&read["status"], &read["validity"]), (&json!("TRIGGERED"), &json!("no_checker")));
    assert_eq!(read["detector"]["name"], "github_token");
    assert_eq!(read["detector"].as_object().unwrap().len(), 7);
    assert_eq!(read["secret_presence"].as_object().unwrap().len(), 7);
    assert_eq!(read["secret_presence"]["files_requiring_code_fix"], 1);
    let url = read["gitguardian_url"].as_str().unwrap();
    assert_eq!(url.rsplit('/').next().unwrap(), number(row).to_string());
    assert!(!read.to_string().contains(&token(0)), "no secret in clear");

    let place = &read["occurrences"][0];
    assert_eq!((&place["presence"], &place["filepath"]), (&json!("present"), &json!("src/file00.js")));
    assert_eq!((&place["incident_id"], &place["matches"][0]["post_line_start"]), (&row["id"], &json!(1)));
    let source = &place["source"];
    assert_eq!((&source["full_name"], &source["type"]), (&json!("shop"), &json!("github")));
    assert_eq!((&source["health"], &source["open_incidents_count"]), (&json!("at_risk"), &json!(1)));
    let none =
        api.get(&format!("/v1/incidents/secrets/{}?with_occurrences=0", number(row))).await.expect(200);
    assert_eq!(none["occurrences"], json!([]));
    let with = |count: u32| format!("/v1/incidents/secrets/{}?with_occurrences={count}", number(row));
    api.get(&with(SHOWN_OCCURRENCES)).await.expect(200);
    refused(&api.get(&with(SHOWN_OCCURRENCES + 1)).await, 400);
}

#[tokio::test]
async fn decisions_move_an_incident_and_every_finding_of_it() {
    let api = shop(2).await;
    let rows = list(&api, "").await;
    let incident = number(&rows[0]);
    let ignored = act(&api, incident, "ignore", json!({ "ignore_reason": "low_risk" })).await;
    assert!(ignored.headers.contains_key("scanledger-position"));
    let ignored = ignored.expect(200);
    assert_eq!((&ignored["status"], &ignored["ignore_reason"]), (&json!("IGNORED"), &json!("low_risk")));
    assert!(ignored["ignored_at"].is_string() && ignored["resolved_at"].is_null());
    assert_eq!(ignored["ignorer_api_token_id"], api.key_id().await);
    let findings = api.get("/api/scans?limit=1").await.expect(200);
    let findings =
        api.get(&format!("/api/scans/{}/findings?status=ACCEPTED_RISK", id(&findings["scans"][0]))).await;
    assert_eq!(findings.expect(200)["pagination"]["total"], 1);
    refused(&act(&api, incident, "ignore", json!({ "ignore_reason": "low_risk" })).await, 409);
    refused(&act(&api, incident, "ignore", json!({})).await, 400);
    refused(&act(&api, incident, "assign", json!({ "email": "ana@example.org" })).await, 409);

    let opened = act(&api, incident, "reopen", json!({})).await.expect(200);
    assert_eq!((&opened["status"], &opened["ignore_reason"]), (&json!("TRIGGERED"), &Value::Null));
    let member = api.get("/v1/members").await.expect(200)[0]["id"].clone();
    let assigned = act(&api, incident, "assign", json!({ "email": "ANA@example.org" })).await.expect(200);
    assert_eq!((&assigned["status"], &assigned["assignee_id"]), (&json!("ASSIGNED"), &member));
    assert_eq!(assigned["assignee_email"], "ana@example.org");
    assert_eq!(numbers(&list(&api, "assignee_email=ana@example.org&status=ASSIGNED").await), [incident]);
    assert_eq!(numbers(&list(&api, &format!("assignee_id={member}")).await), [incident]);
    let path = format!("/v1/members/{member}/secret-incidents");
    assert_eq!(api.get(&path).await.expect(200)[0]["id"], incident);
    for body in [
        json!({}),
        json!({ "email": "a@b.c", "member_id": 1 }),
        json!({ "email": "a@b.c" }),
        json!({ "member_id": 1 }),
    ] {
        refused(&act(&api, incident, "assign", body).await, 400);
    }
    let resolved = act(&api, incident, "resolve", json!({ "secret_revoked": true })).await.expect(200);
    assert_eq!((&resolved["status"], &resolved["secret_revoked"]), (&json!("RESOLVED"), &json!(true)));
    assert!(resolved["resolved_at"].is_string() && resolved["resolver_api_token_id"].is_string());
    refused(&act(&api, incident, "resolve", json!({})).await, 409);
    let reopened = act(&api, incident, "reopen", json!({})).await.expect(200);
    assert_eq!(reopened["status"], "ASSIGNED");
    let free = act(&api, incident, "unassign", json!({})).await.expect(200);
    assert_eq!((&free["status"], &free["assignee_id"]), (&json!("TRIGGERED"), &Value::Null));

    for method in [reqwest::Method::PATCH, reqwest::Method::PUT] {
        let request = api.request(method, &format!("/v1/incidents/secrets/{incident}"));
        let changed = api.send(request.json(&json!({ "severity": "low" }))).await.expect(200);
        assert_eq!((&changed["severity"], &changed["risk_score"]), (&json!("low"), &json!(20)));
    }
    for (field, value) in [("severity", json!("bad")), ("custom_tags", json!([{ "key": "env" }]))] {
        let answer = api.patch(&format!("/v1/incidents/secrets/{incident}"), &json!({ field: value })).await;
        assert!(refused(&answer, 400).contains(field));
    }
    let path = format!("/v1/incidents/secrets/{incident}");
    api.patch(&path, &json!({ "severity": "high", "custom_tags": [] })).await.expect(200);
}

#[tokio::test]
async fn a_list_is_narrowed_and_ordered() {
    let api = shop(4).await;
    let all = numbers(&list(&api, "").await);
    assert!(all.len() == 4 && all.is_sorted());
    act(&api, all[1], "resolve", json!({})).await.expect(200);
    act(&api, all[0], "resolve", json!({})).await.expect(200);
    act(&api, all[2], "ignore", json!({ "ignore_reason": "false_positive" })).await.expect(200);
    api.patch(&format!("/v1/incidents/secrets/{}", all[3]), &json!({ "severity": "info" })).await.expect(200);
    let me = api.key_id().await;
    let shown = async |query: &str| numbers(&list(&api, query).await);
    for (query, expected) in [
        ("status=RESOLVED", vec![all[0], all[1]]),
        ("status=TRIGGERED,IGNORED", vec![all[2], all[3]]),
        ("ordering=resolved_at&status=RESOLVED", vec![all[1], all[0]]),
        ("ordering=-resolved_at&status=RESOLVED", vec![all[0], all[1]]),
        ("ordering=ignored_at&per_page=1", vec![all[2]]),
        ("ordering=-date", vec![all[3], all[2], all[1], all[0]]),
        ("ordering=-risk_score&per_page=3", vec![all[0], all[1], all[2]]),
        ("ordering=risk_score&per_page=1", vec![all[3]]),
        ("ordering=risk_score&per_page=1&page=2", vec![all[2]]),
        ("severity=info", vec![all[3]]),
        ("risk_score_max=5", vec![all[3]]),
        ("risk_score_min=101", vec![]),
        ("validity=no_checker", all.clone()),
        ("validity=valid", vec![]),
        ("detector_group_name=github", all.clone()),
        ("detector_group_name=nobody", vec![]),
        ("tags=PUBLIC", vec![]),
        ("tags=REGRESSION", vec![]),
        ("exclude_tags=REGRESSION", all.clone()),
        ("date_before=2001-01-01T00:00:00Z", vec![]),
        ("date_after=2001-01-01T00:00:00Z", all.clone()),
        ("triggered_at_before=2001-01-01T00:00:00Z", vec![]),
        ("feedback=True", vec![]),
        ("custom_tag_key=x", vec![]),
        ("assignee_id=1", vec![]),
        ("ignorer_id=1", vec![]),
        ("cursor=&per_page=20&unknown=1", all.clone()),
        ("page=2&per_page=3", vec![all[3]]),
    ] {
        assert_eq!(shown(query).await, expected, "{query}");
    }
    assert_eq!(shown(&format!("ignorer_api_token_id={me}")).await, [all[2]]);
    assert_eq!(shown(&format!("resolver_api_token_id={me}")).await, [all[0], all[1]]);
    for query in [
        "status=OPEN",
        "severity=bad",
        "validity=x",
        "tags=ODD",
        "ordering=id",
        "date_before=yesterday",
        "cursor=x",
        "per_page=0",
        "assignee_id=x",
        "page=1000000",
        "ignorer_api_token_id=x",
    ] {
        let answer = api.get(&format!("/v1/incidents/secrets?{query}")).await;
        assert!(refused(&answer, 400).contains(query.split('=').next().unwrap()), "{query}");
    }
}

#[tokio::test]
async fn links_lead_through_incidents_and_occurrences_forth_and_back() {
    let api = shop(5).await;
    for list in ["incidents/secrets", "occurrences/secrets"] {
        for ordering in ["", "&ordering=date", "&ordering=-date"] {
            let all = api.get(&format!("/exposed/v1/{list}?cursor={ordering}")).await;
            assert_eq!((all.header("link"), all.header("x-per-page")), ("", "20"));
            let all: Vec<u64> = all.expect(200).as_array().unwrap().iter().map(number).collect();
            assert_eq!(all.len(), 5);
            let mut path = format!("/exposed/v1/{list}?per_page=2{ordering}");
            let (mut walked, mut back) = (Vec::new(), Vec::new());
            let last = loop {
                let page = api.get(&path).await;
                walked.extend(page.expect(200).as_array().unwrap().iter().map(number));
                match link(&api, &page, "next") {
                    Some(next) => path = next,
                    None => break page,
                }
            };
            assert_eq!(walked, all, "{list} {ordering}");
            let mut page = last;
            loop {
                let rows: Vec<u64> = page.expect(200).as_array().unwrap().iter().map(number).collect();
                back.splice(0..0, rows);
                let Some(previous) = link(&api, &page, "prev") else { break };
                page = api.get(&previous).await;
            }
            assert_eq!(back, all, "{list} {ordering}");
        }
    }
}

#[tokio::test]
async fn notes_are_written_changed_and_taken_back_by_their_author() {
    let api = shop(1).await;
    let incident = number(&list(&api, "").await[0]);
    let path = format!("/v1/incidents/secrets/{incident}/notes");
    let made = api.post(&path, &json!({ "comment": "who owns this?" })).await.expect(201);
    assert_eq!((&made["incident_id"], &made["issue_id"]), (&json!(incident), &json!(incident)));
    assert_eq!((&made["comment"], &made["updated_at"]), (&json!("who owns this?"), &Value::Null));
    assert_eq!((&made["api_token_id"], &made["member_id"]), (&json!(api.key_id().await), &Value::Null));
    assert_eq!(made["api_token"], "setup");
    assert_eq!(api.get(&path).await.expect(200), json!([made]));
    let note = format!("{path}/{}", made["id"]);
    let edited = api.patch(&note, &json!({ "comment": "mine" })).await.expect(200);
    assert!(edited["updated_at"].is_string() && edited["id"] == made["id"]);
    assert_eq!(api.get(&format!("{path}?search=MINE")).await.expect(200), json!([edited]));
    assert_eq!(api.get(&format!("{path}?search=who")).await.expect(200), json!([]));
    let other = key(&api, "other", |_| ()).await;
    refused(&other.put(&note, &json!({ "comment": "theirs" })).await, 403);
    refused(&other.delete(&note).await, 403);
    for body in [json!({}), json!({ "comment": "" })] {
        refused(&api.post(&path, &body).await, 400);
    }
    assert_eq!(api.delete(&note).await.status, 204);
    assert_eq!(api.get(&path).await.expect(200), json!([]));
    let held = hold_views(&api);
    let late = api.post(&path, &json!({ "comment": "read models are late" })).await.expect(201);
    drop(held);
    api.shown().await;
    assert_eq!(api.get(&path).await.expect(200), json!([late]), "as it was answered");
    assert_eq!(refused(&api.delete(&note).await, 404), "Not found.");
}

#[tokio::test]
async fn a_link_shows_an_incident_until_somebody_ends_it() {
    let api = shop(1).await;
    let incident = number(&list(&api, "").await[0]);
    let shared = act(&api, incident, "share", json!({ "lifespan": 2 })).await.expect(200);
    assert_eq!((&shared["incident_id"], &shared["feedback_collection"]), (&json!(incident), &json!(false)));
    assert!(shared["expire_at"].is_string() && shared["revoked_at"].is_null());
    let path = shared["share_url"].as_str().unwrap().strip_prefix(&api.server.url()).unwrap().to_owned();
    let seen = api.with_key(None).get(&path).await.expect(200);
    assert_eq!((&seen["status"], &seen["occurrences_count"]), (&json!("TRIGGERED"), &Value::Null));
    assert!(!seen.to_string().contains(&token(0)) && seen["secret"].as_str().unwrap().contains("****"));
    let token = shared["token"].as_str().unwrap();
    assert_eq!(
        refused(&api.with_key(None).get(&format!("/v1/shared-incidents/{token}")).await, 404),
        "Not found."
    );
    assert_eq!(act(&api, incident, "unshare", json!({})).await.status, 204);
    refused(&api.with_key(None).get(&path).await, 404);
    let forever = act(&api, incident, "share", json!({})).await.expect(200);
    assert_eq!(forever["expire_at"], Value::Null);
    let healing = act(&api, incident, "share", json!({ "auto_healing": true })).await;
    assert!(refused(&healing, 400).contains("auto_healing"));
}

#[tokio::test]
async fn a_key_needs_the_scope_and_sees_only_what_is_its_own() {
    let api = shop(1).await;
    let incident = number(&list(&api, "").await[0]);
    let path = format!("/v1/incidents/secrets/{incident}");
    let reader = key(&api, "reader", |wanted| wanted.scopes = Scopes::from(Scope::IncidentsRead)).await;
    reader.get(&path).await.expect(200);
    refused(&reader.patch(&path, &json!({ "severity": "low" })).await, 403);
    refused(&act(&reader, incident, "share", json!({})).await, 403);
    refused(&reader.get("/v1/sources").await, 403);
    refused(&reader.get(&format!("/v1/secrets/{incident}")).await, 403);
    let writer = key(&api, "writer", |wanted| wanted.scopes = Scopes::from(Scope::IncidentsWrite)).await;
    refused(&writer.get(&path).await, 403);
    let other = api.project("other").await;
    let narrow = key(&api, "narrow", |wanted| wanted.project = Some(other.parse().unwrap())).await;
    assert_eq!(list(&narrow, "").await, [Value::Null; 0]);
    assert_eq!(refused(&narrow.get(&path).await, 404), "Not found.");
    refused(&act(&narrow, incident, "resolve", json!({})).await, 404);
    assert_eq!(narrow.get("/v1/occurrences/secrets").await.expect(200), json!([]));
    let foreigner = api.foreigner().await;
    assert_eq!(list(&foreigner, "").await, [Value::Null; 0]);
    refused(&foreigner.get(&path).await, 404);
    refused(&act(&foreigner, incident, "ignore", json!({ "ignore_reason": "low_risk" })).await, 404);
}
