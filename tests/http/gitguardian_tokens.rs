//! API tokens and members, as GitGuardian's clients use them.

use crate::harness::{Answer, Api, Client, NOBODY, column};
use crate::pepper_browser::{PASSWORD, server};
use reqwest::Method;
use reqwest::header::AUTHORIZATION;
use scanledger::operations::{KeyWanted, Operation, Outcome, Who, perform};
use scanledger_domain::identity::{KeyForm, KeyKind, Role, Scope, Scopes};
use scanledger_domain::time::Timestamp;
use serde_json::{Value, json};
use std::sync::Arc;

/// A key of the form that GitGuardian's clients have, made at the shell.
pub async fn key(api: &Api, name: &str, change: impl FnOnce(&mut KeyWanted)) -> Client {
    let mut wanted = KeyWanted {
        form: KeyForm::GitGuardian,
        organization: Some(api.organization.parse().unwrap()),
        ..KeyWanted::new(name, Role::Admin)
    };
    change(&mut wanted);
    let made = perform(&api.server.engine, Operation::CreateKey(wanted), Arc::new(|_| ())).await.unwrap();
    let Outcome::KeyCreated { token, .. } = made else { panic!("a key was asked for") };
    api.shown().await;
    api.with_key(Some(&token))
}

/// Checks that an answer is an error in the dialect's shape, and answers its text.
#[track_caller]
pub fn refused(answer: &Answer, status: u16) -> String {
    let body = answer.expect(status);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(body.as_object().unwrap().len(), 1, "{body}");
    body["detail"].as_str().unwrap().to_owned()
}

/// The path behind `relation` in the header `Link`.
pub fn link(api: &Api, answer: &Answer, relation: &str) -> Option<String> {
    let links = answer.header("link").split(", ");
    let of = |link: &str| {
        let (url, found) = link.strip_prefix('<')?.split_once(">; rel=\"")?;
        (found.strip_suffix('"')? == relation).then(|| url.to_owned())
    };
    let url = links.into_iter().find_map(of)?;
    Some(url.strip_prefix(&api.server.url()).unwrap().to_owned())
}

#[tokio::test]
async fn a_token_is_good_under_both_prefixes_and_schemes() {
    let api = server(|_| ()).await;
    let client = key(&api, "CI", |_| ()).await;
    for prefix in ["/v1", "/exposed/v1"] {
        for scheme in ["Token", "Bearer"] {
            let request = api.with_key(None).request(Method::GET, &format!("{prefix}/health"));
            let request = request.header(AUTHORIZATION, format!("{scheme} {}", client.key()));
            let answer = api.send(request).await;
            assert_eq!(answer.expect(200), json!({ "detail": "Valid API key." }));
            assert_eq!(answer.header("content-type"), "application/json");
            assert!(answer.header("x-app-version").starts_with('v'));
            assert!(!answer.header("x-secrets-engine-version").is_empty());
            assert_eq!(answer.header("allow"), "GET, HEAD, OPTIONS");
            assert_eq!(answer.header("x-frame-options"), "DENY");
        }
        for nobody in [api.with_key(None), api.with_key(Some("ggd_sl_1"))] {
            let answer = nobody.get(&format!("{prefix}/health")).await;
            assert_eq!(refused(&answer, 401), "Invalid API key.");
            assert!(answer.header("x-app-version").starts_with('v'));
        }
    }
}

#[tokio::test]
async fn a_token_sees_and_ends_itself() {
    let api = server(|_| ()).await;
    let until = Timestamp(4_102_444_800_000_000);
    let client = key(&api, "laptop", |wanted| {
        wanted.kind = KeyKind::Personal;
        wanted.person = Some(Who::Id(api.user.parse().unwrap()));
        wanted.scopes = Scopes::from(Scope::Scan);
        wanted.expires_at = Some(until);
    })
    .await;
    let token = client.get("/exposed/v1/api_tokens/self").await.expect(200);
    let me = api.get("/v1/members").await.expect(200)[0]["id"].clone();
    assert_eq!((&token["name"], &token["type"]), (&json!("laptop"), &json!("personal_access_token")));
    assert_eq!((&token["status"], &token["scopes"]), (&json!("active"), &json!(["scan"])));
    assert_eq!((&token["member_id"], &token["creator_id"]), (&me, &me));
    assert_eq!((&token["expire_at"], &token["revoked_at"]), (&json!("2100-01-01T00:00:00Z"), &Value::Null));
    assert!(token["workspace_id"].as_u64().unwrap() > 0);
    assert!(token["last_used_at"].as_str().unwrap().ends_with(":00Z"), "{token}");

    let answer = client.delete("/v1/api_tokens/self").await;
    assert_eq!((answer.status, answer.bytes.len()), (204, 0));
    assert_eq!(refused(&client.get("/v1/api_tokens/self").await, 401), "Invalid API key.");
    let path = format!("/v1/api_tokens/{}", token["id"].as_str().unwrap());
    let ended = api.get(&path).await.expect(200);
    assert_eq!(ended["status"], "revoked");
    assert!(ended["revoked_at"].is_string());
}

#[tokio::test]
async fn a_token_does_what_its_scopes_and_its_role_allow() {
    let api = server(|_| ()).await;
    let scanner = key(&api, "scanner", |wanted| wanted.scopes = Scopes::from(Scope::Scan)).await;
    assert!(refused(&scanner.get("/v1/api_tokens").await, 403).contains("api_tokens:read"));
    assert!(refused(&scanner.get("/v1/members").await, 403).contains("members:read"));
    scanner.get("/v1/health").await.expect(200);
    let developer = key(&api, "developer", |wanted| wanted.role = Role::Developer).await;
    refused(&developer.get("/v1/api_tokens").await, 403);
    refused(&developer.delete(&format!("/v1/api_tokens/{NOBODY}")).await, 403);
    developer.get("/v1/members").await.expect(200);
}

#[tokio::test]
async fn every_form_of_key_is_a_token_and_can_be_ended() {
    let api = server(|_| ()).await;
    key(&api, "CI", |wanted| wanted.form = KeyForm::Semgrep).await;
    let listed = api.get("/v1/api_tokens?ordering=created_at").await.expect(200);
    assert_eq!(column(&listed, "name"), ["setup", "CI"]);
    assert_eq!(column(&listed, "type"), ["service_account", "service_account"]);
    assert_eq!(listed[1]["member_id"], Value::Null);
    let path = format!("/v1/api_tokens/{}", listed[1]["id"].as_str().unwrap());
    assert_eq!(api.get(&path).await.expect(200), listed[1]);
    assert_eq!(api.delete(&path).await.status, 204);
    assert_eq!(refused(&api.delete(&path).await, 404), "Not found.");
    for id in [NOBODY, "x", "1"] {
        let path = format!("/exposed/v1/api_tokens/{id}");
        assert_eq!(refused(&api.get(&path).await, 404), "Not found.");
        assert_eq!(refused(&api.delete(&path).await, 404), "Not found.");
    }
    let foreigner = api.foreigner().await;
    let path = format!("/v1/api_tokens/{}", listed[0]["id"].as_str().unwrap());
    assert_eq!(refused(&foreigner.get(&path).await, 404), "Not found.");
    assert_eq!(refused(&foreigner.delete(&path).await, 404), "Not found.");
    assert_eq!(column(&foreigner.get("/v1/api_tokens").await.expect(200), "name"), ["Other"]);
}

#[tokio::test]
async fn a_list_is_narrowed_and_ordered() {
    let api = server(|_| ()).await;
    let laptop = key(&api, "My laptop", |wanted| {
        wanted.kind = KeyKind::Personal;
        wanted.person = Some(Who::Id(api.user.parse().unwrap()));
        wanted.scopes = [Scope::Scan, Scope::TeamsRead].into_iter().collect();
    })
    .await;
    let soon = Timestamp(api.server.app.clock.now().0 + 3_600_000_000);
    key(&api, "CI", |wanted| {
        wanted.scopes = Scopes::from(Scope::IncidentsRead);
        wanted.expires_at = Some(soon);
    })
    .await;
    let gone = key(&api, "gone", |wanted| wanted.scopes = Scopes::from(Scope::Scan)).await;
    assert_eq!(gone.delete("/v1/api_tokens/self").await.status, 204);
    let me = laptop.get("/v1/api_tokens/self").await.expect(200)["member_id"].clone();
    let names = async |query: &str| {
        let listed = api.get(&format!("/v1/api_tokens?{query}")).await.expect(200);
        column(&listed, "name").into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(names("ordering=created_at").await, ["setup", "My laptop", "CI", "gone"]);
    assert_eq!(names("ordering=-created_at&per_page=2").await, ["gone", "CI"]);
    assert_eq!(names("ordering=expire_at&per_page=1").await, ["CI"]);
    assert_eq!(names("ordering=revoked_at&per_page=1").await, ["gone"]);
    assert_eq!(names("status=revoked").await, ["gone"]);
    assert_eq!(names("status=active&ordering=created_at").await, ["setup", "My laptop", "CI"]);
    assert_eq!(names("status=expired").await, [""; 0]);
    assert_eq!(
        names("scopes=incidents:read,teams:read&ordering=created_at").await,
        ["setup", "My laptop", "CI"]
    );
    assert_eq!(names("search=LAPTOP&unknown=1").await, ["My laptop"]);
    assert_eq!(names(&format!("member_id={me}")).await, ["My laptop"]);
    assert_eq!(names(&format!("creator_id={me}")).await, ["My laptop"]);
    assert_eq!(names("member_id=1000000").await, [""; 0]);
    for query in [
        "per_page=0",
        "per_page=101",
        "status=lost",
        "scopes=fly",
        "ordering=name",
        "cursor=x",
        "member_id=x",
    ] {
        let detail = refused(&api.get(&format!("/v1/api_tokens?{query}")).await, 400);
        assert!(detail.contains(query.split('=').next().unwrap()), "{query}: {detail}");
    }
}

#[tokio::test]
async fn links_lead_through_a_list_forth_and_back() {
    let api = server(|_| ()).await;
    for n in 0..4 {
        key(&api, &format!("key {n}"), |_| ()).await;
    }
    for ordering in ["", "&ordering=-created_at", "&ordering=last_used_at"] {
        let all = api.get(&format!("/exposed/v1/api_tokens?cursor={ordering}")).await;
        assert_eq!((all.header("x-per-page"), all.header("link")), ("20", ""));
        assert!(all.headers.contains_key("link"));
        let all = all.expect(200);
        let mut path = format!("/exposed/v1/api_tokens?cursor=&per_page=2{ordering}");
        let (mut walked, mut last) = (Vec::new(), path.clone());
        loop {
            let page = api.get(&path).await;
            walked.extend(column(&page.expect(200), "id").into_iter().map(str::to_owned));
            assert_eq!(page.header("x-per-page"), "2");
            last.clone_from(&path);
            let Some(next) = link(&api, &page, "next") else { break };
            assert!(next.starts_with("/exposed/v1/api_tokens?cursor="), "{next}");
            path = next;
        }
        assert_eq!(walked, column(&all, "id"), "{ordering}");
        let previous = link(&api, &api.get(&last).await, "prev").unwrap();
        assert_eq!(column(&api.get(&previous).await.expect(200), "id"), &column(&all, "id")[2..4]);
    }
}

/// Invites somebody, who makes an account.
async fn join(api: &Api, email: &str, role: &str) {
    let invited = api.post("/api/users", &json!({ "email": email, "role": role })).await.expect(201);
    let (_, token) = invited["link"].as_str().unwrap().split_once("token=").unwrap();
    let wanted = json!({ "invitationToken": token, "password": PASSWORD, "name": email });
    api.with_key(None).post("/api/auth/register", &wanted).await.expect(201);
}

#[tokio::test]
async fn members_have_the_access_level_that_a_manager_gives_them() {
    let api = server(|_| ()).await;
    join(&api, "bea@x.org", "VIEWER").await;
    join(&api, "cem@x.org", "SECURITY").await;
    let listed = api.get("/v1/members").await;
    assert_eq!((listed.header("x-per-page"), listed.header("link")), ("20", ""));
    let listed = listed.expect(200);
    assert_eq!(column(&listed, "access_level"), ["owner", "restricted", "member"]);
    assert_eq!(column(&listed, "email"), ["ana@example.org", "bea@x.org", "cem@x.org"]);
    let bea = &listed[1];
    assert_eq!(
        (&bea["role"], &bea["active"], &bea["last_login"]),
        (&json!("restricted"), &json!(true), &Value::Null)
    );
    let path = format!("/exposed/v1/members/{}", bea["id"]);
    assert_eq!(api.get(&path).await.expect(200), *bea);
    for (method, field, level) in [
        (Method::PATCH, "access_level", "manager"),
        (Method::PUT, "access_level", "member"),
        (Method::PATCH, "role", "restricted"),
        (Method::PATCH, "access_level", "restricted"),
    ] {
        let answer = api.send(api.request(method, &path).json(&json!({ field: level }))).await;
        assert_eq!(answer.expect(200)["access_level"], level);
        assert_eq!(api.get(&path).await.expect(200)["role"], level);
    }
    // A key runs the organization, and does not own it.
    refused(&api.patch(&path, &json!({ "access_level": "owner" })).await, 403);
    refused(&api.patch(&path, &json!({ "access_level": "king" })).await, 400);
    refused(&api.patch(&path, &json!({ "active": false })).await, 403);
    assert_eq!(api.patch(&path, &json!({ "active": true })).await.expect(200)["active"], true);

    let names = async |query: &str| {
        let listed = api.get(&format!("/v1/members?{query}")).await.expect(200);
        column(&listed, "email").into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(names("access_level=member").await, ["cem@x.org"]);
    assert_eq!(names("role=restricted").await, ["bea@x.org"]);
    assert_eq!(names("search=BEA@").await, ["bea@x.org"]);
    assert_eq!(names("active=True&ordering=-created_at&per_page=1").await, ["cem@x.org"]);
    assert_eq!(names("active=false").await, [""; 0]);
    assert_eq!(names("per_page=1&page=2").await, ["bea@x.org"]);
}

#[tokio::test]
async fn a_member_is_let_go_and_an_owner_is_not() {
    let api = server(|_| ()).await;
    join(&api, "bea@x.org", "DEVELOPER").await;
    let listed = api.get("/v1/members").await.expect(200);
    let (ana, bea) = (format!("/v1/members/{}", listed[0]["id"]), format!("/v1/members/{}", listed[1]["id"]));
    let foreigner = api.foreigner().await;
    for path in [ana.as_str(), "/v1/members/1000000", "/v1/members/x"] {
        assert_eq!(refused(&foreigner.get(path).await, 404), "Not found.");
        assert_eq!(refused(&foreigner.delete(path).await, 404), "Not found.");
        assert_eq!(refused(&foreigner.patch(path, &json!({ "role": "member" })).await, 404), "Not found.");
    }
    refused(&api.delete(&ana).await, 403);
    refused(&api.patch(&ana, &json!({ "access_level": "member" })).await, 403);
    assert_eq!(api.delete(&bea).await.status, 204);
    assert_eq!(refused(&api.get(&bea).await, 404), "Not found.");
}
