//! Teams, invitations and the audit log, as GitGuardian's clients use them.

use crate::gitguardian_tokens::{key, link, refused};
use crate::harness::{Api, column};
use crate::pepper_browser::server;
use scanledger_domain::identity::{Scope, Scopes};
use serde_json::{Value, json};

#[tokio::test]
async fn a_team_is_made_changed_and_deleted() {
    let api = server(|_| ()).await;
    let set_up = column(&api.get("/v1/teams").await.expect(200), "name").join(" ");
    assert_eq!(set_up, "Default");
    let made = api
        .post("/exposed/v1/teams", &json!({ "name": "Core", "description": "the core" }))
        .await
        .expect(201);
    assert_eq!(
        (&made["name"], &made["description"], &made["is_global"]),
        (&json!("Core"), &json!("the core"), &json!(false))
    );
    assert_eq!(made.as_object().unwrap().len(), 6);
    let path = format!("/v1/teams/{}", made["id"]);
    assert_eq!(api.get(&path).await.expect(200), made);
    let renamed = api.patch(&path, &json!({ "name": "Kernel" })).await.expect(200);
    assert_eq!((&renamed["name"], &renamed["description"]), (&json!("Kernel"), &json!("the core")));
    let bare = api.patch(&path, &json!({ "description": null })).await.expect(200);
    assert_eq!((&bare["name"], &bare["description"]), (&json!("Kernel"), &Value::Null));
    api.post("/v1/teams", &json!({ "name": "Edge" })).await.expect(201);
    assert_eq!(
        column(&api.get("/v1/teams?is_global=False").await.expect(200), "name"),
        ["Default", "Kernel", "Edge"]
    );
    assert_eq!(column(&api.get("/v1/teams?search=EDG").await.expect(200), "name"), ["Edge"]);
    assert_eq!(api.get("/v1/teams?is_global=true").await.expect(200), json!([]));
    refused(&api.post("/v1/teams", &json!({})).await, 400);
    assert_eq!(api.get(&format!("{path}/sources")).await.expect(200), json!([]));
    assert_eq!(api.delete(&path).await.status, 204);
    for gone in [path.as_str(), "/v1/teams/1000000", "/v1/teams/x"] {
        assert_eq!(refused(&api.get(gone).await, 404), "Not found.");
    }
    let foreigner = api.foreigner().await;
    let other = api.get("/v1/teams").await.expect(200)[1]["id"].clone();
    refused(&foreigner.get(&format!("/v1/teams/{other}")).await, 404);
    refused(&foreigner.delete(&format!("/v1/teams/{other}")).await, 404);
    let reader = key(&api, "reader", |wanted| wanted.scopes = Scopes::from(Scope::TeamsRead)).await;
    reader.get(&format!("/v1/teams/{other}")).await.expect(200);
    refused(&reader.post("/v1/teams", &json!({ "name": "x" })).await, 403);
}

#[tokio::test]
async fn somebody_belongs_to_a_team_with_what_they_may_do() {
    let api = server(|_| ()).await;
    let team = api.post("/v1/teams", &json!({ "name": "Core" })).await.expect(201)["id"].clone();
    let member = api.get("/v1/members").await.expect(200)[0]["id"].clone();
    let path = format!("/v1/teams/{team}/team_memberships");
    let made =
        api.post(&path, &json!({ "member_id": member, "incident_permission": "can_view" })).await.expect(201);
    assert_eq!((&made["team_id"], &made["member_id"]), (&team, &member));
    assert_eq!((&made["is_team_leader"], &made["incident_permission"]), (&json!(false), &json!("can_view")));
    refused(&api.post(&path, &json!({ "member_id": member })).await, 409);
    refused(&api.post(&path, &json!({ "member_id": 1 })).await, 400);
    let one = format!("{path}/{}", made["id"]);
    let leads = api.patch(&one, &json!({ "is_team_leader": true })).await.expect(200);
    assert_eq!(
        (&leads["incident_permission"], &leads["team_permission"]),
        (&json!("full_access"), &json!("can_manage"))
    );
    assert_eq!(api.get(&format!("{path}?is_team_leader=True")).await.expect(200), json!([leads]));
    assert_eq!(api.get(&format!("{path}?incident_permission=can_edit")).await.expect(200), json!([]));
    assert_eq!(
        column(&api.get(&format!("/v1/members/{member}/teams")).await.expect(200), "name"),
        ["Default", "Core"]
    );
    assert_eq!(api.delete(&one).await.status, 204);
    assert_eq!(refused(&api.delete(&one).await, 404), "Not found.");
    assert_eq!(api.get(&path).await.expect(200), json!([]));
}

#[tokio::test]
async fn somebody_is_invited_and_the_invitation_taken_back() {
    let api = server(|_| ()).await;
    let made = api
        .post("/exposed/v1/invitations", &json!({ "email": "bea@x.org", "access_level": "manager" }))
        .await;
    let mut made = made.expect(201);
    // No mail system is configured, so whoever invites has to pass the link on.
    let link = made.as_object_mut().unwrap().remove("link").unwrap();
    let (address, token) = link.as_str().unwrap().split_once("?token=").unwrap();
    assert_eq!(address, format!("{}/auth/invitation", api.server.url()));
    let body = json!({ "invitationToken": token, "password": "violet harbour 7" });
    assert_eq!(
        (&made["email"], &made["access_level"], &made["role"]),
        (&json!("bea@x.org"), &json!("manager"), &json!("manager"))
    );
    let path = format!("/v1/invitations/{}", made["id"]);
    assert_eq!(api.get(&path).await.expect(200), made);
    api.post("/v1/invitations", &json!({ "email": "cem@x.org" })).await.expect(201);
    let listed = api.get("/v1/invitations?ordering=-date").await.expect(200);
    assert_eq!(column(&listed, "email"), ["cem@x.org", "bea@x.org"]);
    assert_eq!(column(&listed, "access_level"), ["member", "manager"]);
    assert_eq!(column(&api.get("/v1/invitations?search=BEA").await.expect(200), "email"), ["bea@x.org"]);
    refused(&api.post("/v1/invitations", &json!({ "email": "nobody" })).await, 400);
    refused(&api.foreigner().await.get(&path).await, 404);
    assert_eq!(api.delete(&path).await.status, 204);
    assert_eq!(refused(&api.get(&path).await, 404), "Not found.");
    let stranger = api.with_key(None);
    stranger.post("/api/auth/register", &body).await.expect(404);
    let made = api.post("/v1/invitations", &json!({ "email": "dan@x.org" })).await.expect(201);
    let token = made["link"].as_str().unwrap().split_once("?token=").unwrap().1;
    let body = json!({ "invitationToken": token, "password": "violet harbour 7" });
    assert_eq!(stranger.post("/api/auth/register", &body).await.expect(201)["user"]["email"], "dan@x.org");
}

#[tokio::test]
async fn the_audit_log_is_read_newest_first() {
    let api: Api = server(|_| ()).await;
    for name in ["a", "b", "c"] {
        api.post("/v1/teams", &json!({ "name": name })).await.expect(201);
    }
    let created = api.get("/v1/audit_logs?event_name=team.created&per_page=2").await;
    assert!(link(&api, &created, "prev").is_none());
    let next = link(&api, &created, "next").unwrap();
    let created = created.expect(200);
    assert_eq!((created.as_array().unwrap().len(), &created[0]["action_type"]), (2, &json!("CREATE")));
    assert_eq!(created[0]["api_token_id"], api.key_id().await);
    assert!(created[0]["id"].as_u64() > created[1]["id"].as_u64());
    assert_eq!(created[0].as_object().unwrap().len(), 11);
    let rest = api.get(&next).await;
    assert_eq!((rest.expect(200).as_array().unwrap().len(), rest.header("link")), (2, ""));
    let count = async |query: &str| {
        api.get(&format!("/v1/audit_logs?{query}")).await.expect(200).as_array().unwrap().len()
    };
    assert_eq!(count("date_before=2001-01-01T00:00:00Z").await, 0);
    assert_eq!(count("event_name=team.created&date_after=2001-01-01T00:00:00Z").await, 4);
    assert_eq!(count("date_after=2101-01-01T00:00:00Z").await, 0);
    assert_eq!(count("member_email=nobody@x.org").await, 0);
    refused(&api.get("/v1/audit_logs?date_after=never").await, 400);
    for filter in ["api_token_id", "member_name", "ip_address"] {
        assert!(refused(&api.get(&format!("/v1/audit_logs?{filter}=x")).await, 400).contains(filter));
    }
    let names = api.get("/v1/audit_logs/event_names").await.expect(200);
    let names = names["events"].as_array().unwrap();
    assert!(names.contains(&json!("team.created")) && !names.contains(&json!("finding.detected")));
    let scanner = key(&api, "scanner", |wanted| wanted.scopes = Scopes::from(Scope::Scan)).await;
    refused(&scanner.get("/v1/audit_logs").await, 403);
}
