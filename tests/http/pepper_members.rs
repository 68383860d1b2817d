//! Members of the organization and invitations, as Pepper's web client uses them.

use crate::harness::{Api, NOBODY, column, id};
use crate::pepper_browser::{Browser, PASSWORD, registered, server};
use scanledger_domain::identity::Role;
use serde_json::{Value, json};

async fn invited(api: &Api, email: &str, role: &str) -> Value {
    api.post("/api/users", &json!({ "email": email, "role": role })).await.expect(201)
}

fn token(invited: &Value) -> &str {
    invited["link"].as_str().unwrap().split_once("token=").unwrap().1
}

/// Invites somebody, who makes an account; answers its id.
async fn joined(api: &Api, email: &str, role: &str) -> String {
    let invited = invited(api, email, role).await;
    let wanted = json!({ "invitationToken": token(&invited), "password": PASSWORD });
    let made = api.with_key(None).post("/api/auth/register", &wanted).await.expect(201);
    made["user"]["id"].as_str().unwrap().to_owned()
}

async fn roles(api: &Api) -> Vec<String> {
    let listed = api.get("/api/users").await.expect(200);
    column(&listed["users"], "role").into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn whoever_is_invited_comes_in_with_the_role_of_the_invitation() {
    let api = server(|_| ()).await;
    for (email, role) in
        [("a@x.org", "ADMIN"), ("s@x.org", "SECURITY"), ("d@x.org", "DEVELOPER"), ("v@x.org", "VIEWER")]
    {
        let user = joined(&api, email, role).await;
        let listed = api.get("/api/users").await.expect(200);
        let users = listed["users"].as_array().unwrap();
        let member = users.iter().find(|member| member["id"] == user).unwrap();
        assert_eq!((&member["role"], &member["email"]), (&json!(role), &json!(email)));
        assert_eq!((&member["userId"], &member["active"]), (&json!(user), &json!(true)));
        let session = Browser::signed_in(&api, email).await.get("/api/auth/session").await.expect(200);
        assert_eq!(session["user"]["memberships"][0]["role"], role);
        assert_eq!(session["user"]["memberships"][0]["organizationId"], api.organization.as_str());
    }
    assert_eq!(roles(&api).await, ["ADMIN", "ADMIN", "SECURITY", "DEVELOPER", "VIEWER"]);
    let second = api.get("/api/users?page=2&limit=2").await.expect(200);
    assert_eq!(column(&second["users"], "role"), ["SECURITY", "DEVELOPER"]);
    assert_eq!(second["pagination"], json!({ "page": 2, "limit": 2, "total": 5, "totalPages": 3 }));
}

#[tokio::test]
async fn a_member_has_the_role_that_an_administrator_gives_them() {
    let api = server(|_| ()).await;
    let user = joined(&api, "bea@x.org", "VIEWER").await;
    let path = format!("/api/users/{user}");
    for role in ["DEVELOPER", "SECURITY", "VIEWER", "ADMIN", "VIEWER", "DEVELOPER"] {
        let changed = api.patch(&path, &json!({ "role": role })).await;
        assert_eq!(changed.expect(200)["role"], role);
        assert!(changed.header("scanledger-position").parse::<u64>().unwrap() > 0);
        assert_eq!(roles(&api).await, ["ADMIN", role]);
    }
    let mut browser = Browser::signed_in(&api, "bea@x.org").await;
    browser.post("/api/projects", &json!({ "name": "shop" })).await.expect(201);
    browser.get("/api/users").await.expect(200);
    browser
        .post("/api/users", &json!({ "email": "c@x.org", "role": "ADMIN" }))
        .await
        .refused_as(403, "ROLE_REQUIRED");
    api.patch(&path, &json!({ "role": "KING" })).await.refused_for("role");
    let nowhere = json!({ "role": "VIEWER", "teamId": NOBODY });
    api.patch(&path, &nowhere).await.refused_for("teamId");
}

#[tokio::test]
async fn who_was_let_go_sees_nothing_any_more() {
    let api = server(|_| ()).await;
    let user = joined(&api, "bea@x.org", "SECURITY").await;
    let mut browser = Browser::signed_in(&api, "bea@x.org").await;
    browser.get("/api/projects").await.expect(200);
    assert_eq!(api.delete(&format!("/api/users/{user}")).await.expect(200), json!({ "success": true }));
    browser.get("/api/projects").await.refused(403);
    let session = browser.get("/api/auth/session").await.expect(200);
    assert_eq!(session["user"]["memberships"], json!([]));
    assert_eq!(roles(&api).await, ["ADMIN"]);
    api.delete(&format!("/api/users/{user}")).await.refused(404);
}

#[tokio::test]
async fn an_organization_keeps_an_owner() {
    let api = server(|_| ()).await;
    let path = format!("/api/users/{}", api.user);
    // A key runs the organization, and does not own it.
    api.patch(&path, &json!({ "role": "DEVELOPER" })).await.refused_as(403, "OWNERS_ONLY");
    api.delete(&path).await.refused_as(403, "OWNERS_ONLY");
    // An owner is shown as an administrator, and stays one.
    assert_eq!(api.patch(&path, &json!({ "role": "ADMIN" })).await.expect(200)["role"], "ADMIN");
    // Whoever registers owns an organization, and cannot leave it without an owner.
    let path = format!("/api/users/{}", registered(&api, "eve@x.org").await);
    let mut eve = Browser::signed_in(&api, "eve@x.org").await;
    let demote = eve.request(reqwest::Method::PATCH, &path).json(&json!({ "role": "DEVELOPER" }));
    eve.send(demote).await.refused_as(409, "LAST_OWNER");
    let leave = eve.request(reqwest::Method::DELETE, &path);
    eve.send(leave).await.refused_as(409, "LAST_OWNER");
}

#[tokio::test]
async fn members_of_others_are_no_different_from_nobody() {
    let api = server(|_| ()).await;
    let other = registered(&api, "eve@x.org").await;
    let mut eve = Browser::signed_in(&api, "eve@x.org").await;
    assert_eq!(column(&eve.get("/api/users").await.expect(200)["users"], "id"), [other.as_str()]);
    for user in [other.as_str(), NOBODY, "x"] {
        let path = format!("/api/users/{user}");
        api.patch(&path, &json!({ "role": "VIEWER" })).await.refused(404);
        api.delete(&path).await.refused(404);
    }
    let invitation = invited(&api, "bea@x.org", "VIEWER").await;
    let path = format!("/api/users/invitations/{}", id(&invitation));
    eve.send(eve.request(reqwest::Method::DELETE, &path)).await.refused(404);
    assert_eq!(eve.get("/api/users/invitations").await.expect(200), json!({ "invitations": [] }));
}

#[tokio::test]
async fn an_invitation_stands_until_it_is_used_or_taken_back() {
    let api = server(|_| ()).await;
    let first = invited(&api, "Bea@X.org", "SECURITY").await;
    assert_eq!(first["emailSent"], false);
    assert_eq!(
        (&first["invitation"]["email"], &first["invitation"]["role"]),
        (&json!("bea@x.org"), &json!("SECURITY"))
    );
    assert!(first["invitation"]["teamId"].is_string());
    let second = invited(&api, "cem@x.org", "ADMIN").await;
    let listed = api.get("/api/users/invitations").await.expect(200);
    assert_eq!(column(&listed["invitations"], "email"), ["cem@x.org", "bea@x.org"]);
    assert_eq!(column(&listed["invitations"], "status"), ["PENDING", "PENDING"]);
    assert!(!listed.to_string().contains(token(&first)));

    let path = format!("/api/users/invitations/{}", id(&first));
    api.delete(&path).await.expect(200);
    api.delete(&path).await.refused(404);
    let nobody = api.with_key(None);
    let accept = |invitation: &Value| json!({ "invitationToken": token(invitation), "password": PASSWORD });
    nobody.post("/api/auth/register", &accept(&first)).await.refused(404);
    nobody.post("/api/auth/register", &accept(&second)).await.expect(201);
    nobody.post("/api/auth/register", &accept(&second)).await.refused(404);
    assert_eq!(api.get("/api/users/invitations").await.expect(200), json!({ "invitations": [] }));
    api.post("/api/users", &json!({ "email": "cem@x.org", "role": "VIEWER" }))
        .await
        .refused_as(409, "MEMBER_ALREADY");
    api.post("/api/users", &json!({ "email": "cem", "role": "VIEWER" })).await.refused_for("email");
    api.post("/api/users", &json!({ "email": "dan@x.org" })).await.refused_for("role");
}

#[tokio::test]
async fn who_has_an_account_comes_in_with_it() {
    let api = server(|_| ()).await;
    registered(&api, "eve@x.org").await;
    let mut eve = Browser::signed_in(&api, "eve@x.org").await;
    let invitation = invited(&api, "eve@x.org", "VIEWER").await;
    let accept = json!({ "invitationToken": token(&invitation) });
    api.post("/api/users/invitations/accept", &accept).await.refused_as(403, "SIGN_IN_REQUIRED");
    eve.post("/api/users/invitations/accept", &accept).await.expect(200);
    eve.post("/api/users/invitations/accept", &accept).await.refused(404);
    let session = eve.get("/api/auth/session").await.expect(200);
    assert_eq!(column(&session["user"]["memberships"], "role"), ["ADMIN", "VIEWER"]);
    assert_eq!(roles(&api).await, ["ADMIN", "VIEWER"]);
}

#[tokio::test]
async fn members_are_for_who_belongs_to_the_organization_as_a_whole() {
    let api = server(|_| ()).await;
    let viewer = api.with_role(Role::Viewer, None).await;
    viewer.get("/api/users").await.expect(200);
    viewer.get("/api/users/invitations").await.refused_as(403, "ROLE_REQUIRED");
    let project = api.project("shop").await;
    let narrow = api.with_role(Role::Admin, Some(&project)).await;
    narrow.get("/api/users").await.refused_as(403, "OTHER_PROJECT");
    api.with_key(None).get("/api/users").await.refused(401);
}
