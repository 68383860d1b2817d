//! TRUSCA's API keys (reference §2.2 and §3.4).

use crate::harness::{Api, Client, NOBODY, column, id};
use crate::trusca_admin::{join, me, person, project_of, super_admin, team};
use crate::trusca_browser::{invalid, problem, server};
use serde_json::{Value, json};

/// Two teams, each with somebody who runs it; the first has a developer and a project.
struct World {
    api: Api,
    root: Client,
    bea: Client,
    dev: Client,
    cem: Client,
    core: String,
    edge: String,
    project: String,
}

impl World {
    async fn new() -> Self {
        let api = server().await;
        let root = super_admin(&api).await;
        let (core, edge) = (team(&root, "core").await, team(&root, "edge").await);
        let (bea, cem) = (person(&api, "bea@example.org").await, person(&api, "cem@example.org").await);
        let dev = person(&api, "dev@example.org").await;
        join(&root, &core, &me(&bea).await, "team_admin").await;
        join(&root, &core, &me(&dev).await, "developer").await;
        join(&root, &edge, &me(&cem).await, "team_admin").await;
        let project = project_of(&api, &bea, "shop").await;
        Self { api, root, bea, dev, cem, core, edge, project }
    }

    fn for_team(&self) -> Value {
        json!({ "name": "team", "scope": "team", "team_id": self.core })
    }

    fn for_project(&self) -> Value {
        json!({ "name": "project", "scope": "project", "project_id": self.project })
    }
}

/// Makes a key.
async fn key(client: &Client, wanted: &Value) -> Value {
    client.post("/v1/api-keys", wanted).await.expect(201)
}

async fn names(client: &Client, query: &str) -> Vec<String> {
    let listed = client.get(&format!("/v1/api-keys?{query}")).await.expect(200);
    column(&listed["items"], "name").into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_key_works_from_its_making_to_its_revocation() {
    let world = World::new().await;
    let wanted = json!({
        "name": "CI", "scope": "project", "project_id": world.project, "expires_in_days": 7, "x": 1,
    });
    let made = key(&world.bea, &wanted).await;
    let raw = made["raw_key"].as_str().unwrap();
    let prefix = made["key_prefix"].as_str().unwrap();
    assert_eq!((raw.len(), prefix.len(), &raw[..12]), (45, 12, prefix));
    let bea = me(&world.bea).await;
    let expected = json!({
        "id": made["id"], "name": "CI", "key_prefix": prefix, "raw_key": raw, "scope": "project",
        "team_id": world.core, "project_id": world.project, "permission_breadth": "read_write",
        "created_by_user_id": bea, "created_at": made["created_at"], "expires_at": made["expires_at"],
    });
    assert_eq!(made, expected);
    assert_eq!(&made["expires_at"].as_str().unwrap()[10..19], &made["created_at"].as_str().unwrap()[10..19]);

    let client = world.api.with_key(Some(raw));
    client.get(&format!("/api/projects/{}", world.project)).await.expect(200);
    let listed = world.bea.get("/v1/api-keys").await;
    let item = &listed.expect(200)["items"][0];
    let expected = json!({
        "id": made["id"], "name": "CI", "key_prefix": prefix, "scope": "project", "team_id": world.core,
        "project_id": world.project, "permission_breadth": "read_write", "created_by_user_id": bea,
        "created_by_email": "bea@example.org", "created_at": made["created_at"], "expires_at": made["expires_at"],
        "last_used_at": item["last_used_at"], "revoked_at": null,
    });
    assert_eq!(*item, expected);
    assert!(item["last_used_at"].is_string());
    assert!(!listed.text().contains(raw));

    let path = format!("/v1/api-keys/{}", id(&made));
    assert_eq!(world.bea.delete(&path).await.status, 204);
    client.get(&format!("/api/projects/{}", world.project)).await.refused(401);
    assert_eq!(world.bea.delete(&path).await.status, 204);
    assert_eq!(names(&world.bea, "").await, [""; 0]);
    let revoked = world.bea.get("/v1/api-keys?include_revoked=true").await.expect(200);
    assert!(revoked["items"][0]["revoked_at"].is_string());
}

#[tokio::test]
async fn who_may_issue_a_key_for_what() {
    let world = World::new().await;
    let organization = json!({ "name": "all", "scope": "org" });
    assert_eq!(key(&world.root, &organization).await["team_id"], Value::Null);
    for other in [&world.bea, &world.dev] {
        problem(&other.post("/v1/api-keys", &organization).await, 403, "Requires role >= super_admin");
    }
    for client in [&world.root, &world.bea] {
        assert_eq!(key(client, &world.for_team()).await["team_id"], json!(world.core));
    }
    let by_developer = world.dev.post("/v1/api-keys", &world.for_team()).await;
    problem(&by_developer, 403, "Requires role >= team_admin");
    for client in [&world.root, &world.bea, &world.dev] {
        key(client, &world.for_project()).await;
    }
    for wanted in [world.for_team(), world.for_project()] {
        problem(&world.cem.post("/v1/api-keys", &wanted).await, 403, "Forbidden");
    }
    let unknown = json!({ "name": "x", "scope": "project", "project_id": NOBODY });
    problem(&world.bea.post("/v1/api-keys", &unknown).await, 404, "Project Not Found");
    let unknown = json!({ "name": "x", "scope": "team", "team_id": NOBODY });
    problem(&world.root.post("/v1/api-keys", &unknown).await, 404, "Team Not Found");
}

#[tokio::test]
async fn a_key_is_for_one_thing_and_has_an_end_within_five_years() {
    let world = World::new().await;
    let (team, project) = (&world.core, &world.project);
    for bad in [
        json!({ "scope": "org", "team_id": team }),
        json!({ "scope": "org", "project_id": project }),
        json!({ "scope": "team" }),
        json!({ "scope": "team", "team_id": team, "project_id": project }),
        json!({ "scope": "project" }),
        json!({ "scope": "project", "project_id": project, "team_id": team }),
    ] {
        let mut wanted = bad;
        wanted["name"] = json!("CI");
        problem(&world.root.post("/v1/api-keys", &wanted).await, 422, "Invalid API Key Scope");
    }
    for (field, value) in [
        ("name", json!("")),
        ("name", json!("x".repeat(101))),
        ("name", json!("a\u{0}b")),
        ("name", Value::Null),
        ("scope", json!("galaxy")),
        ("permission_breadth", json!("all")),
        ("expires_in_days", json!(0)),
        ("expires_in_days", json!(1826)),
        ("expires_in_days", json!("7")),
        ("service_account_id", json!(NOBODY)),
    ] {
        let mut wanted = world.for_project();
        wanted[field] = value;
        invalid(&world.bea.post("/v1/api-keys", &wanted).await, field);
    }
    let mut widest = world.for_project();
    (widest["name"], widest["expires_in_days"]) = (json!("x".repeat(100)), json!(1825));
    key(&world.bea, &widest).await;
}

#[tokio::test]
async fn people_see_their_own_keys_and_those_of_their_teams() {
    let world = World::new().await;
    key(&world.root, &json!({ "name": "all", "scope": "org" })).await;
    key(&world.bea, &world.for_team()).await;
    key(&world.dev, &world.for_project()).await;
    assert_eq!(names(&world.root, "").await, ["project", "team", "all"]);
    for client in [&world.bea, &world.dev] {
        assert_eq!(names(client, "").await, ["project", "team"]);
    }
    assert_eq!(names(&world.cem, "").await, [""; 0]);
    for (query, expected) in [
        ("scope=org".to_owned(), vec!["all"]),
        ("scope=team".to_owned(), vec!["team"]),
        ("scope=project".to_owned(), vec!["project"]),
        (format!("team_id={}", world.core), vec!["project", "team"]),
        (format!("team_id={}", world.edge), vec![]),
        (format!("project_id={}", world.project), vec!["project"]),
        ("page=2&page_size=2".to_owned(), vec!["all"]),
    ] {
        assert_eq!(names(&world.root, &query).await, expected, "{query}");
    }
    assert_eq!(world.root.get("/v1/api-keys?page=2&page_size=2").await.expect(200)["total"], 3);
    for (query, field) in [("scope=galaxy", "scope"), ("team_id=x", "team_id"), ("page=0", "page")] {
        invalid(&world.root.get(&format!("/v1/api-keys?{query}")).await, field);
    }
}

#[tokio::test]
async fn who_made_a_key_runs_its_team_or_runs_everything_ends_it() {
    let world = World::new().await;
    let path = |key: &Value| format!("/v1/api-keys/{}", id(key));
    let of_team = key(&world.bea, &world.for_team()).await;
    problem(&world.cem.delete(&path(&of_team)).await, 404, "API Key Not Found");
    problem(&world.dev.delete(&path(&of_team)).await, 403, "Forbidden");
    assert_eq!(world.root.delete(&path(&of_team)).await.status, 204);
    let of_dev = key(&world.dev, &world.for_project()).await;
    assert_eq!(world.bea.delete(&path(&of_dev)).await.status, 204);
    let again = key(&world.dev, &world.for_project()).await;
    assert_eq!(world.dev.delete(&path(&again)).await.status, 204);
    let everything = key(&world.root, &json!({ "name": "all", "scope": "org" })).await;
    problem(&world.bea.delete(&path(&everything)).await, 404, "API Key Not Found");
    problem(&world.root.delete(&format!("/v1/api-keys/{NOBODY}")).await, 404, "API Key Not Found");
    problem(&world.root.delete("/v1/api-keys/x").await, 404, "Not Found");
}

#[tokio::test]
async fn a_key_is_narrowed_and_never_widened() {
    let world = World::new().await;
    let made = key(&world.bea, &world.for_project()).await;
    let path = format!("/v1/api-keys/{}", id(&made));
    let read_only = json!({ "permission_breadth": "read_only" });
    for bad in [
        json!({}),
        json!({ "permission_breadth": "read_write" }),
        json!({ "permission_breadth": "read_only", "name": "x" }),
    ] {
        problem(&world.bea.patch(&path, &bad).await, 422, "Validation Error");
    }
    problem(&world.dev.patch(&path, &read_only).await, 403, "Forbidden");
    problem(&world.cem.patch(&path, &read_only).await, 404, "API Key Not Found");
    for _ in 0..2 {
        let narrowed = world.bea.patch(&path, &read_only).await.expect(200);
        assert_eq!(narrowed["permission_breadth"], "read_only");
    }
    let client = world.api.with_key(made["raw_key"].as_str());
    client.get(&format!("/api/projects/{}", world.project)).await.expect(200);
    let files = crate::archive::leaky(1);
    client.upload(&files, &[("projectId", &world.project)]).await.refused_as(403, "READ_ONLY_KEY");
    world.bea.delete(&path).await;
    problem(&world.bea.patch(&path, &read_only).await, 404, "API Key Not Found");
}

#[tokio::test]
async fn a_key_makes_and_sees_no_keys_and_ends_with_what_its_maker_may() {
    let world = World::new().await;
    let made = key(&world.dev, &world.for_project()).await;
    let client = world.api.with_key(made["raw_key"].as_str());
    for path in ["/v1/api-keys", "/v1/admin/users", "/auth/me"] {
        problem(&client.get(path).await, 401, "Authentication required");
    }
    let shop = format!("/api/projects/{}", world.project);
    client.get(&shop).await.expect(200);
    client.get("/api/audit-log").await.refused_as(403, "KEY_FORM");
    let dev = me(&world.dev).await;
    world.root.delete(&format!("/v1/admin/teams/{}/members/{dev}", world.core)).await.expect(200);
    client.get(&shop).await.refused(401);

    let of_bea = key(&world.bea, &world.for_team()).await;
    let client = world.api.with_key(of_bea["raw_key"].as_str());
    client.get(&shop).await.expect(200);
    let deactivate = format!("/v1/admin/users/{}/deactivate", me(&world.bea).await);
    world.root.patch(&deactivate, &Value::Null).await.expect(200);
    client.get(&shop).await.refused(401);
}
