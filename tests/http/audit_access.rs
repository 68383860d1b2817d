//! Who was refused what, who took what out, who could not sign in, and with which key: in the audit logs of the dialects.

use crate::archive::leaky;
use crate::gitguardian_tokens::key;
use crate::graphql::Socket;
use crate::harness::{Answer, Api, Client, NOBODY, id};
use crate::pepper_browser;
use crate::trusca_admin::{join, me, person, project_of, super_admin, team};
use crate::trusca_browser::{Browser, server, server_with};
use reqwest::Method;
use scanledger::operations::Who;
use scanledger::server::Duty;
use scanledger_api::limit::{QuotaChange, Settings};
use scanledger_domain::identity::{KeyKind, Role};
use serde_json::{Value, json};
use std::time::Duration;

/// How long something may take that has to come within seconds.
const SOON: Duration = Duration::from_secs(30);
const BEA: &str = "bea@example.org";

/// Entries of Pepper's audit log, newest first.
async fn entries(client: &Client, query: &str) -> Vec<Value> {
    let page = client.get(&format!("/api/audit-log?limit=200&{query}")).await.expect(200);
    page["entries"].as_array().unwrap().clone()
}

/// A field of each entry's details.
fn details<'a>(entries: &'a [Value], field: &str) -> Vec<&'a Value> {
    entries.iter().map(|entry| &entry["details"][field]).collect()
}

/// TRUSCA's audit log of the installation.
async fn everywhere(root: &Client, query: &str) -> Value {
    root.get(&format!("/v1/admin/audit?page_size=200&{query}")).await.expect(200)
}

#[track_caller]
fn hidden_or_forbidden(answer: &Answer) {
    assert!(matches!(answer.status, 403 | 404), "{}: {}", answer.status, answer.text());
}

#[tokio::test]
async fn a_denied_administrative_action_is_in_the_logs_of_both_dialects() {
    let api = server().await;
    let (root, bea) = (super_admin(&api).await, person(&api, BEA).await);
    let bea_id = me(&bea).await;
    let project = api.project("shop").await;
    let viewer = api.with_role(Role::Viewer, None).await;
    for _ in 0..3 {
        bea.get("/v1/admin/users").await.expect(404);
        let gate = json!({ "projectId": project, "maxHigh": 1 });
        viewer.patch("/api/settings/build-gates", &gate).await.refused(403);
    }
    // What is not administration is only refused.
    viewer.post("/api/projects", &json!({ "name": "other" })).await.refused(403);
    api.shown().await;

    let own = entries(&bea, "action=access.denied").await;
    assert_eq!(details(&own, "action"), ["administer"]);
    assert_eq!(details(&own, "route"), ["GET /v1/admin/users"]);
    assert_eq!((&own[0]["user"]["id"], &own[0]["ipAddress"]), (&json!(bea_id), &json!("127.0.0.1")));
    let of_keys = entries(&api, "action=access.denied").await;
    assert_eq!(details(&of_keys, "action"), ["write_gate"]);
    assert_eq!(details(&of_keys, "route"), ["PATCH /api/settings/build-gates"]);
    assert_eq!((&of_keys[0]["user"], &of_keys[0]["actor"]["kind"]), (&Value::Null, &json!("key")));

    let all = everywhere(&root, "action=access.denied").await;
    assert_eq!(all["total"], 2, "{all}");
    let (newer, older) = (&all["items"][0], &all["items"][1]);
    assert_eq!((&newer["diff"]["action"], &newer["actor_user_id"]), (&json!("write_gate"), &Value::Null));
    assert_eq!((&older["diff"]["action"], &older["actor_user_id"]), (&json!("administer"), &json!(bea_id)));
    assert_eq!((&older["target_table"], &older["action"]), (&json!("access"), &json!("access.denied")));
}

#[tokio::test]
async fn what_was_taken_out_is_in_the_logs_of_both_dialects_with_its_project_and_scan() {
    let api = server_with(|options| options.duty = Duty::Everything { workers: 1 }).await;
    let root = super_admin(&api).await;
    let one = api.scanned(&leaky(1), &[("newProjectName", "one")]).await;
    let two = api.scanned(&leaky(1), &[("newProjectName", "two")]).await;
    let taken = [
        (&one, "findings/export", Value::Null),
        (&two, "findings/export?format=sarif", Value::Null),
        (&one, "artifacts/sarif", json!("sarif")),
        (&one, "artifacts/log", json!("log")),
    ];
    for _ in 0..2 {
        for (scan, path, _) in &taken {
            assert_eq!(api.get(&format!("/api/scans/{}/{path}", id(scan))).await.status, 200, "{path}");
        }
    }
    // A scan that only says when is not taken out.
    let other = api.with_role(Role::Admin, None).await;
    let of_then = format!("/api/scans/{}/findings/export?asOfScan={}", id(&one), id(&two));
    assert_eq!(other.get(&of_then).await.status, 200);
    let foreigner = api.foreigner().await;
    hidden_or_forbidden(&foreigner.get(&format!("/api/scans/{}/findings/export", id(&one))).await);
    root.get("/v1/admin/audit/export.csv").await.expect(200);
    api.shown().await;

    let expected: Vec<Value> = taken
        .iter()
        .chain([&(&one, "", Value::Null)])
        .rev()
        .map(|(scan, _, artifact)| json!([scan["projectId"], scan["id"], artifact]))
        .collect();
    let said = |taken: &Value| json!([taken["project"], taken["scan"], taken["artifact"]]);
    let exported = entries(&api, "action=finding.exported").await;
    let found: Vec<Value> = exported.iter().map(|entry| said(&entry["details"])).collect();
    assert_eq!(found, expected);
    assert!(entries(&foreigner, "action=finding.exported").await.is_empty());
    let granted = everywhere(&root, "action=access.granted").await;
    let exports =
        granted["items"].as_array().unwrap().iter().filter(|item| item["diff"]["action"] == "export");
    let found: Vec<Value> = exports.map(|item| said(&item["diff"])).collect();
    assert_eq!(found, expected);

    let exported = entries(&root, "action=audit.exported").await;
    assert_eq!(details(&exported, "route"), ["GET /v1/admin/audit/export.csv"]);
    let exported = everywhere(&root, "action=access.granted&q=export_audit").await;
    assert_eq!(
        (&exported["total"], &exported["items"][0]["actor_user_id"]),
        (&json!(1), &json!(me(&root).await))
    );
}

#[tokio::test]
async fn what_a_person_does_with_a_key_is_told_from_what_they_do_signed_in() {
    let api = server().await;
    let root = super_admin(&api).await;
    let core = team(&root, "core").await;
    let bea = person(&api, BEA).await;
    let bea_id = json!(me(&bea).await);
    join(&root, &core, bea_id.as_str().unwrap(), "developer").await;
    project_of(&api, &bea, "one").await;
    let with_key = key(&api, "of bea", |wanted| {
        wanted.kind = KeyKind::Personal;
        wanted.person = Some(Who::Email(BEA.to_owned()));
    })
    .await;
    with_key.post("/api/projects", &json!({ "name": "two" })).await.expect(201);
    api.project("three").await;
    let keys = api.get("/api/apikeys").await.expect(200);
    let keys = keys["keys"].as_array().unwrap();
    let of_bea = json!(keys.iter().find(|key| key["name"] == "of bea").map(id).unwrap());
    let expected = [json!(api.key_id().await), of_bea.clone(), Value::Null];

    let made = entries(&api, "action=project.created").await;
    let users: Vec<&Value> = made.iter().map(|entry| &entry["user"]["id"]).collect();
    assert_eq!(users, [&Value::Null, &bea_id, &bea_id]);
    let of = |list: &Value, field: &str| -> Vec<Value> {
        list.as_array()
            .unwrap()
            .iter()
            .map(|entry| entry.pointer(field).cloned().unwrap_or_default())
            .collect()
    };
    assert_eq!(of(&json!(made), "/actor/key"), expected);
    let found = entries(&api, &format!("action=project.created&q={}", of_bea.as_str().unwrap())).await;
    assert_eq!(found, [made[1].clone()]);
    let made = api.get("/v1/audit_logs?event_name=project.created").await.expect(200);
    assert_eq!(of(&made, "/api_token_id"), expected);
    assert_eq!(made[1]["member_email"], BEA);
    let made = everywhere(&root, "target_table=projects").await;
    assert_eq!(of(&made["items"], "/diff/api_key_id"), expected);
    let query = "{ auditEntries(filter: { actions: [\"project.created\"] }) { nodes { key } } }";
    let made = api.post("/graphql", &json!({ "query": query })).await.expect(200);
    assert_eq!(of(&made["data"]["auditEntries"]["nodes"], "/key"), expected);
}

#[tokio::test]
async fn refusals_by_rules_and_of_what_is_elsewhere_are_recorded_too() {
    let api = server().await;
    let foreigner = api.foreigner().await;
    let foreign = foreigner.get("/api/apikeys").await.expect(200);
    hidden_or_forbidden(&api.delete(&format!("/api/apikeys/{}", id(&foreign["keys"][0]))).await);
    // A key runs the organization, and does not own it.
    let role = json!({ "role": "DEVELOPER" });
    api.patch(&format!("/api/users/{}", api.user), &role).await.refused_as(403, "OWNERS_ONLY");
    let bea = person(&api, BEA).await;
    // Whoever names one organization after the other does not make the log grow with each.
    let fresh = api.server.app.ids.fresh().to_string();
    for wanted in [api.organization.as_str(), NOBODY, NOBODY, fresh.as_str()] {
        for path in ["/api/projects", "/api/scans"] {
            let elsewhere = bea.request(Method::GET, path).header("scanledger-organization", wanted);
            hidden_or_forbidden(&bea.send(elsewhere).await);
        }
    }
    api.shown().await;
    let denied = entries(&api, "action=access.denied").await;
    assert_eq!(details(&denied, "action"), ["write_members", "manage_keys"]);
    assert_eq!(details(&denied, "route"), ["PATCH /api/users/{id}", "DELETE /api/apikeys/{id}"]);
    let denied = entries(&bea, "action=access.denied").await;
    assert_eq!(details(&denied, "action"), ["read", "read"]);
    assert_eq!(details(&denied, "route"), ["GET /api/scans", "GET /api/projects"]);
    assert_eq!(details(&denied, "organization"), [&api.organization; 2]);
    let root = super_admin(&api).await;
    let all = everywhere(&root, "action=access.denied").await;
    assert_eq!(all["items"][0]["diff"]["organization"], api.organization, "{all}");
}

#[tokio::test]
async fn who_could_not_sign_in_is_in_the_logs_of_each_of_their_organizations() {
    let api = server().await;
    let root = super_admin(&api).await;
    let core = team(&root, "core").await;
    let bea = person(&api, BEA).await;
    let bea_id = me(&bea).await;
    join(&root, &core, &bea_id, "developer").await;
    let mut failures = 0;
    for email in [BEA, "nobody@example.org"] {
        while Browser::of(&api).login(email, "wrong harbour 7").await.status != 429 {
            failures += usize::from(email == BEA);
        }
    }
    let mut browser = pepper_browser::Browser::of(&api);
    browser.sign_in(BEA, "wrong harbour 7").await.refused_as(429, "TOO_MANY_FAILURES");
    // Being shut out is recorded after the answer: of Bea twice in two organizations, and of nobody in none.
    let recorded = async {
        while everywhere(&root, "action=access.sign_in_failed&q=locked").await["total"] != 5 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(SOON, recorded).await.unwrap();

    let mut expected = vec!["locked"; 2];
    expected.resize(2 + failures, "password");
    for client in [&*api, &bea] {
        let failed = entries(client, "action=user.login_failed").await;
        assert_eq!(details(&failed, "reason"), expected);
        for entry in &failed {
            assert_eq!((&entry["details"]["user"], &entry["user"]["id"]), (&json!(bea_id), &json!(bea_id)));
            assert_eq!(entry["ipAddress"], "127.0.0.1");
        }
    }
    let of_nobody = everywhere(&root, "action=access.sign_in_failed&q=unknown").await;
    assert!(of_nobody["total"].as_u64().is_some_and(|total| total > 0), "{of_nobody}");
}

/// The first answer to an operation on a socket.
async fn answer(socket: &mut Socket, name: &str, text: &str) -> Value {
    socket.subscribe(name, text).await;
    loop {
        let message = socket.hear().await;
        if message["id"] == name && message["type"] == "next" {
            return message["payload"].clone();
        }
    }
}

#[tokio::test]
async fn looks_at_the_audit_log_over_a_socket_are_recorded() {
    let api = Api::without_workers().await;
    let over_sockets = async |action: &str| {
        api.shown().await;
        let mut found = entries(&api, &format!("action={action}")).await;
        found.retain(|entry| entry["details"]["route"] == "GET /graphql");
        assert!(found.iter().all(|entry| entry["details"]["action"] == "read_audit"), "{found:?}");
        found.len()
    };
    let mut socket = Socket::acknowledged(&api, api.key()).await;
    assert!(answer(&mut socket, "a", "{ head }").await["data"]["head"].is_string());
    assert_eq!(over_sockets("audit.viewed").await, 0);
    let entries = "{ auditEntries { totalCount } }";
    assert!(answer(&mut socket, "b", entries).await["data"]["auditEntries"]["totalCount"].is_number());
    assert_eq!(over_sockets("audit.viewed").await, 1);
    answer(&mut socket, "c", entries).await;
    assert_eq!(over_sockets("audit.viewed").await, 1);

    let security = api.with_role(Role::Security, None).await;
    let mut socket = Socket::acknowledged(&api, security.key()).await;
    let events = r#"subscription { events(after: "0") { type } }"#;
    assert!(answer(&mut socket, "a", events).await["data"]["events"]["type"].is_string());
    assert_eq!(over_sockets("audit.viewed").await, 2);

    assert_eq!(over_sockets("access.denied").await, 0);
    let developer = api.with_role(Role::Developer, None).await;
    let mut socket = Socket::acknowledged(&api, developer.key()).await;
    let refused = answer(&mut socket, "a", entries).await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN");
    assert_eq!((over_sockets("access.denied").await, over_sockets("audit.viewed").await), (1, 2));
}

#[tokio::test]
async fn who_is_refused_the_audit_log_in_a_query_has_not_looked_at_it() {
    let api = Api::without_workers().await;
    let developer = api.with_role(Role::Developer, None).await;
    let query = json!({ "query": "{ auditEntries { totalCount } }" });
    let refused = developer.post("/graphql", &query).await.expect(200);
    assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN");
    api.shown().await;
    let denied = entries(&api, "action=access.denied").await;
    assert_eq!(details(&denied, "route"), ["POST /graphql"]);
    let viewed = entries(&api, "action=audit.viewed").await;
    assert!(!details(&viewed, "route").contains(&&json!("POST /graphql")), "{viewed:?}");
}

#[tokio::test]
async fn each_operation_on_a_socket_counts_as_a_request() {
    let quotas = ["search=3/24h"].map(|quota| quota.parse::<QuotaChange>().unwrap());
    let api =
        Api::with_limits(Settings { quotas: quotas.into_iter().collect(), ..Settings::default() }).await;
    api.get("/api/projects").await.expect(200);
    // The upgrade is the first one.
    let mut socket = Socket::acknowledged(&api, api.key()).await;
    for name in ["a", "b"] {
        assert!(answer(&mut socket, name, "{ head }").await["data"]["head"].is_string());
    }
    let refused = answer(&mut socket, "c", "{ head }").await;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "TOO_MANY", "{refused}");
    api.post("/graphql", &json!({ "query": "{ head }" })).await.refused_as(429, "RATE_LIMITED");
    let other = api.with_role(Role::Viewer, None).await;
    other.get("/api/projects").await.expect(200);
    other.post("/graphql", &json!({ "query": "{ head }" })).await.expect(200);
}
