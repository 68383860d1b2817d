//! TRUSCA's administration: who finds it, and teams (reference §3.3).

use crate::archive::leaky;
use crate::harness::{Api, Client, NOBODY, column, form, id};
use crate::trusca_browser::{Browser, invalid, problem, server};
use reqwest::Method;
use scanledger::operations::{Operation, PersonChange, Who, perform};
use scanledger_domain::identity::Role;
use serde_json::{Value, json};
use std::sync::Arc;

/// Somebody who has an account and is signed in.
pub async fn person(api: &Api, email: &str) -> Client {
    let browser = Browser::registered(api, email).await;
    api.with_key(browser.token.as_deref())
}

/// Somebody who runs the installation, and is signed in.
pub async fn super_admin(api: &Api) -> Client {
    let root = person(api, "root@example.org").await;
    let who = Who::Email("root@example.org".to_owned());
    let promote = Operation::ChangePerson { who, change: PersonChange::Promote };
    perform(&api.server.engine, promote, Arc::new(|_| ())).await.unwrap();
    api.shown().await;
    root
}

/// A team of the first organization.
pub async fn team(root: &Client, slug: &str) -> String {
    let wanted = json!({ "name": format!("The {slug}"), "slug": slug });
    id(&root.post("/v1/admin/teams", &wanted).await.expect(201))
}

/// The id of who a client is.
pub async fn me(client: &Client) -> String {
    id(&client.get("/auth/me").await.expect(200))
}

/// Lets somebody belong to a team.
pub async fn join(root: &Client, team: &str, user: &str, role: &str) -> Value {
    let wanted = json!({ "user_id": user, "role": role });
    root.post(&format!("/v1/admin/teams/{team}/members"), &wanted).await.expect(200)
}

/// A project of the first organization, made by somebody who belongs to one team of it: the team's then.
pub async fn project_of(api: &Api, member: &Client, name: &str) -> String {
    let request = member.request(Method::POST, "/api/projects").json(&json!({ "name": name }));
    let made = member.send(request.header("scanledger-organization", &api.organization)).await;
    id(&made.expect(201))
}

#[tokio::test]
async fn only_super_administrators_find_the_administration() {
    let api = server().await;
    let (root, bea) = (super_admin(&api).await, person(&api, "bea@example.org").await);
    let service = api.with_role(Role::Admin, None).await;
    for path in [
        "/v1/admin/users",
        "/v1/admin/users/export",
        "/v1/admin/teams",
        "/v1/admin/audit",
        "/v1/admin/audit/export.csv",
    ] {
        root.get(path).await.expect(200);
        problem(&bea.get(path).await, 404, "Not Found");
        problem(&service.get(path).await, 401, "Authentication required");
        problem(&api.with_key(None).get(path).await, 401, "Authentication required");
    }
    problem(&bea.delete(&format!("/v1/admin/teams/{NOBODY}")).await, 404, "Not Found");
}

#[tokio::test]
async fn a_team_comes_changes_and_goes() {
    let api = server().await;
    let root = super_admin(&api).await;
    let wanted = json!({ "name": "Check_out", "slug": " Check-Out ", "description": "Sells.", "x": 1 });
    let answer = root.post("/v1/admin/teams", &wanted).await;
    let made = answer.expect(201);
    assert!(answer.header("scanledger-position").parse::<u64>().unwrap() > 0);
    let created_at = made["created_at"].as_str().unwrap();
    assert_eq!(created_at.len(), 27, "microseconds: {created_at}");
    let expected = json!({
        "id": made["id"], "name": "Check_out", "slug": "check-out", "description": "Sells.", "project_count": 0,
        "members": [], "created_at": created_at, "updated_at": created_at,
    });
    assert_eq!(made, expected);
    let path = format!("/v1/admin/teams/{}", id(&made));
    assert_eq!(root.get(&path).await.expect(200), made);

    let renamed = root.patch(&path, &json!({ "name": "Checkout" })).await.expect(200);
    assert_eq!((&renamed["name"], &renamed["slug"]), (&json!("Checkout"), &json!("check-out")));
    assert_eq!(renamed["description"], "Sells.");
    assert!(renamed["updated_at"].as_str().unwrap() > created_at);
    let bare = root.patch(&path, &json!({ "description": null, "slug": "CO" })).await.expect(200);
    assert_eq!((&bare["description"], &bare["slug"]), (&Value::Null, &json!("co")));
    team(&root, "check-out").await;

    assert_eq!(root.delete(&path).await.status, 204);
    problem(&root.get(&path).await, 404, "Team Not Found");
    problem(&root.patch(&path, &json!({})).await, 404, "Team Not Found");
    problem(&root.delete(&path).await, 404, "Team Not Found");
    team(&root, "co").await;
}

#[tokio::test]
async fn a_team_needs_a_name_and_a_slug_of_its_own() {
    let api = server().await;
    let root = super_admin(&api).await;
    let core = team(&root, "core").await;
    let taken = json!({ "name": "Other", "slug": "CORE" });
    problem(&root.post("/v1/admin/teams", &taken).await, 409, "Team Slug Conflict");
    let edge = team(&root, "edge").await;
    let answer = root.patch(&format!("/v1/admin/teams/{edge}"), &json!({ "slug": "core" })).await;
    problem(&answer, 409, "Team Slug Conflict");
    for (body, field) in [
        (json!({ "slug": "a" }), "name"),
        (json!({ "name": "", "slug": "a" }), "name"),
        (json!({ "name": "x".repeat(256), "slug": "a" }), "name"),
        (json!({ "name": "a\u{0}b", "slug": "a" }), "name"),
        (json!({ "name": "A" }), "slug"),
        (json!({ "name": "A", "slug": "-a" }), "slug"),
        (json!({ "name": "A", "slug": "a_b" }), "slug"),
        (json!({ "name": "A", "slug": "x".repeat(65) }), "slug"),
        (json!({ "name": "A", "slug": "a", "description": "x".repeat(1025) }), "description"),
    ] {
        invalid(&root.post("/v1/admin/teams", &body).await, field);
    }
    let widest = json!({ "name": "x".repeat(255), "slug": "x".repeat(64), "description": "x".repeat(1024) });
    root.patch(&format!("/v1/admin/teams/{core}"), &widest).await.expect(200);
}

#[tokio::test]
async fn teams_are_listed_on_pages_and_searched_by_name() {
    let api = server().await;
    let root = super_admin(&api).await;
    for slug in ["one", "two", "three"] {
        team(&root, slug).await;
    }
    let listed = root.get("/v1/admin/teams?search=the%20").await.expect(200);
    assert_eq!(column(&listed["items"], "slug"), ["three", "two", "one"]);
    assert_eq!((&listed["total"], &listed["page"], &listed["page_size"]), (&json!(3), &json!(1), &json!(50)));
    let item = &listed["items"][0];
    assert_eq!((&item["member_count"], &item["project_count"]), (&json!(0), &json!(0)));
    let second = root.get("/v1/admin/teams?search=the%20&page=2&page_size=2").await.expect(200);
    assert_eq!(column(&second["items"], "slug"), ["one"]);
    let past = root.get("/v1/admin/teams?search=the%20&page=9").await.expect(200);
    assert_eq!((&past["items"], &past["total"]), (&json!([]), &json!(3)));
    for literal in ["%25", "_", "nowhere"] {
        let none = root.get(&format!("/v1/admin/teams?search={literal}")).await.expect(200);
        assert_eq!(none["total"], 0, "{literal}");
    }
    // Personal teams of those who registered are teams too.
    assert!(root.get("/v1/admin/teams").await.expect(200)["total"].as_u64().unwrap() > 3);
    invalid(&root.get("/v1/admin/teams?page=0").await, "page");
    invalid(&root.get("/v1/admin/teams?page_size=201").await, "page_size");
    invalid(&root.get(&format!("/v1/admin/teams?search={}", "x".repeat(256))).await, "search");
}

#[tokio::test]
async fn people_join_and_leave_teams_but_somebody_runs_them() {
    let api = server().await;
    let root = super_admin(&api).await;
    let core = team(&root, "core").await;
    let (cem, bea) = (person(&api, "cem@example.org").await, person(&api, "bea@example.org").await);
    let (cem, bea) = (me(&cem).await, me(&bea).await);
    let members = format!("/v1/admin/teams/{core}/members");

    join(&root, &core, &cem, "developer").await;
    join(&root, &core, &bea, "developer").await;
    let detail = join(&root, &core, &bea, "team_admin").await;
    assert_eq!(column(&detail["members"], "email"), ["bea@example.org", "cem@example.org"]);
    let first = json!({
        "user_id": bea, "email": "bea@example.org", "full_name": "Bea Okoye", "role": "team_admin",
        "is_service_account": false,
    });
    assert_eq!(detail["members"][0], first);

    let demoted = root.post(&members, &json!({ "user_id": bea, "role": "viewer" })).await;
    let body = problem(&demoted, 422, "Last Team Admin Protected");
    assert_eq!(body["last_team_admin_protected"], true);
    let left = root.delete(&format!("{members}/{bea}")).await;
    problem(&left, 422, "Last Team Admin Protected");
    let detail = root.delete(&format!("{members}/{cem}")).await.expect(200);
    assert_eq!(column(&detail["members"], "user_id"), [bea.as_str()]);
    problem(&root.delete(&format!("{members}/{cem}")).await, 404, "Team Membership Not Found");
    assert_eq!(root.delete(&format!("{members}/{bea}")).await.expect(200)["members"], json!([]));

    let unknown = root.post(&members, &json!({ "user_id": NOBODY, "role": "viewer" })).await;
    problem(&unknown, 404, "User Not Found");
    let nowhere = format!("/v1/admin/teams/{NOBODY}/members");
    problem(&root.post(&nowhere, &json!({ "user_id": bea, "role": "viewer" })).await, 404, "Team Not Found");
    problem(&root.delete(&format!("{nowhere}/{bea}")).await, 404, "Team Not Found");
    problem(&root.delete(&format!("{members}/x")).await, 404, "Not Found");
    invalid(&root.post(&members, &json!({ "user_id": bea, "role": "owner" })).await, "role");
    invalid(&root.post(&members, &json!({ "role": "viewer" })).await, "user_id");
    invalid(&root.post(&members, &json!({ "user_id": "x", "role": "viewer" })).await, "user_id");
}

#[tokio::test]
async fn a_team_stays_while_it_has_scans_or_projects() {
    let api = server().await;
    let root = super_admin(&api).await;
    let core = team(&root, "core").await;
    let bea = person(&api, "bea@example.org").await;
    join(&root, &core, &me(&bea).await, "team_admin").await;
    let project = project_of(&api, &bea, "shop").await;
    let path = format!("/v1/admin/teams/{core}");
    assert_eq!(root.get(&path).await.expect(200)["project_count"], 1);

    let upload =
        bea.request(Method::POST, "/api/scans").multipart(form(&leaky(1), &[("projectId", &project)]));
    let queued = bea.send(upload.header("scanledger-organization", &api.organization)).await.expect(201);
    let refused = problem(&root.delete(&path).await, 422, "Team Has Active Scans");
    assert_eq!(refused["team_has_active_scans"], true);

    let cancel = format!("/api/scans/{}/cancel", queued["scanId"].as_str().unwrap());
    api.post(&cancel, &Value::Null).await.expect(200);
    api.shown().await;
    let refused = problem(&root.delete(&path).await, 409, "Team Has Projects");
    assert_eq!((&refused["team_has_projects"], &refused["project_count"]), (&json!(true), &json!(1)));

    assert!(api.delete(&format!("/api/projects/{project}")).await.status < 300);
    assert_eq!(root.delete(&path).await.status, 204);
}
