//! Who may use which route: every line of the table, with every kind of caller.

use crate::archive::leaky;
use crate::harness::{Api, Client, NOBODY, id};
use crate::pepper_browser::server;
use reqwest::Method;
use scanledger_api::route_table;
use scanledger_api::routes::{Access, Rule};
use scanledger_domain::identity::{Action, Asker, Role};
use serde_json::json;

/// Things that routes are about.
struct Things {
    project: String,
    scan: String,
    finding: String,
    key: String,
}

impl Things {
    fn nowhere() -> Self {
        let nobody = || NOBODY.to_owned();
        Self { project: nobody(), scan: nobody(), finding: nobody(), key: nobody() }
    }

    /// The path of a rule about these things.
    fn path(&self, rule: &Rule) -> String {
        let id = match rule.path.split('/').nth(2).unwrap_or_default() {
            "projects" => &self.project,
            "scans" => &self.scan,
            "findings" => &self.finding,
            _ => &self.key,
        };
        let path = rule.path.replace("{id}", id).replace("{slug}", "log");
        match path.as_str() {
            "/api/settings/build-gates" => format!("{path}?projectId={}", self.project),
            _ => path,
        }
    }
}

async fn call(client: &Client, rule: &Rule, things: &Things) -> u16 {
    let request = client.request(Method::from_bytes(rule.method.as_bytes()).unwrap(), &things.path(rule));
    // A body that fits where one is needed, so that what is answered is about the caller.
    let body = match rule.path.as_str() {
        "/api/findings/bulk" => json!({ "ids": [things.finding], "status": "RESOLVED" }),
        "/api/findings/{id}" => json!({ "status": "RESOLVED" }),
        "/api/settings/build-gates" => json!({ "maxHigh": 1 }),
        "/api/users/{id}" => json!({ "role": "VIEWER" }),
        _ => json!({}),
    };
    let request = if rule.method == "GET" { request } else { request.json(&body) };
    client.send(request).await.status
}

/// Pepper's routes and our own, whose things are named by ids that this test has; `tests/access` goes through all
/// dialects.
fn is_known_here(rule: &Rule) -> bool {
    let others = ["/api/agent/", "/api/cli/", "/api/v1/", "/api/registry/"];
    rule.path.starts_with("/api/") && !others.iter().any(|root| rule.path.starts_with(root))
}

fn guarded() -> impl Iterator<Item = (Rule, Action)> {
    route_table().into_iter().filter_map(|rule| match rule.access {
        Access::Needs(action) => Some((rule, action)),
        Access::Open => None,
    })
}

#[test]
fn only_what_says_nothing_about_anybody_is_open() {
    let open = route_table().into_iter().filter(|rule| rule.access == Access::Open);
    let mut open: Vec<String> = open.map(|rule| rule.path).collect();
    open.dedup();
    let expected = [
        "/api/agent/deployments/deepbinary/{slug}",
        "/api/agent/tokens/requests",
        "/api/auth/callback/credentials",
        "/api/auth/csrf",
        "/api/auth/providers",
        "/api/auth/register",
        "/api/auth/session",
        "/api/auth/signout",
        "/api/check-version",
        // Whoever names an installation of the GitHub App is that installation (dpendx reference §1).
        "/api/fix",
        "/api/health",
        "/api/sbom/{id}",
        "/api/scan",
        "/api/v1/ping",
        "/auth/forgot-password",
        "/auth/login",
        "/auth/logout",
        "/auth/oauth/providers",
        "/auth/oauth/{provider}/authorize",
        "/auth/oauth/{provider}/callback",
        "/auth/refresh",
        "/auth/register",
        "/auth/reset-password",
        // Whoever uses a honeytoken is nobody.
        "/decoy/{*path}",
        // Whoever has the link may see what was shared.
        "/exposed/v1/shared-incidents/{token}",
        "/failure",
        "/health",
        "/health/ready",
        "/metrics",
        "/v1/shared-incidents/{token}",
        "/webhook",
    ];
    assert_eq!(open, expected);
}

#[tokio::test]
async fn nobody_gets_in_without_a_key_that_works() {
    // More tries than anybody has.
    let api = server(|_| ()).await;
    let nowhere = Things::nowhere();
    let (start, last) = api.key().split_at(api.key().len() - 1);
    let mistyped = format!("{start}{}", if last == "x" { "y" } else { "x" });
    for (rule, _) in guarded() {
        for key in [None, Some("secret"), Some("ppr_"), Some(mistyped.as_str())] {
            let status = call(&api.with_key(key), &rule, &nowhere).await;
            assert_eq!(status, 401, "{} {} with {key:?}", rule.method, rule.path);
        }
    }
}

#[tokio::test]
async fn what_belongs_to_another_organization_is_out_of_reach() {
    let api = Api::start().await;
    let scan = api.scanned(&leaky(1), &[("newProjectName", "shop")]).await;
    let findings = api.get(&format!("/api/scans/{}/findings", id(&scan))).await.expect(200);
    let keys = api.get("/api/apikeys").await.expect(200);
    let things = Things {
        project: scan["projectId"].as_str().unwrap().to_owned(),
        scan: id(&scan),
        finding: id(&findings["findings"][0]),
        key: id(&keys["keys"][0]),
    };
    let foreigner = api.foreigner().await;
    // What is for people only answers keys nothing at all.
    let for_keys =
        guarded().filter(|(_, action)| !matches!(action.needs().asker, Asker::Person | Asker::SuperAdmin));
    for (rule, _) in for_keys {
        let is_about_one = is_known_here(&rule) && things.path(&rule) != Things::nowhere().path(&rule);
        if is_about_one || rule.path == "/api/findings/bulk" {
            let status = call(&foreigner, &rule, &things).await;
            // Where the contract does not say 403, what is foreign is no different from what is missing.
            let own = ["/findings", "/components", "/diff", "/branches"]
                .map(|end| format!("/api/projects/{{id}}{end}"));
            let is_hidden = rule.path.starts_with("/api/users/") || own.contains(&rule.path);
            let expected = if is_hidden { 404 } else { 403 };
            assert_eq!(status, expected, "{} {}", rule.method, rule.path);
            let status = call(&foreigner, &rule, &Things::nowhere()).await;
            let expected = if rule.path == "/api/findings/bulk" { 200 } else { 404 };
            assert_eq!(status, expected, "{} {} of nobody", rule.method, rule.path);
        }
    }
    let left = api.get(&format!("/api/scans/{}", id(&scan))).await.expect(200);
    assert_eq!(left["status"], "COMPLETED");
}

#[tokio::test]
async fn a_role_may_do_what_it_is_for_and_weaker_ones_may_not() {
    let api = Api::without_workers().await;
    let roles = [Role::Viewer, Role::Developer, Role::Security, Role::Admin];
    let nowhere = Things::nowhere();
    for role in roles {
        let mut client = api.with_role(role, None).await;
        for (rule, action) in guarded() {
            let status = call(&client, &rule, &nowhere).await;
            if action == Action::OwnKey {
                // The key may just have ended itself.
                client = api.with_role(role, None).await;
            }
            let is_refused = status == 401 || status == 403;
            let needs = action.needs();
            let is_for_people = matches!(needs.asker, Asker::Person | Asker::SuperAdmin);
            let expected = is_for_people || role < needs.role;
            assert_eq!(is_refused, expected, "{} {} as {role:?}", rule.method, rule.path);
            assert!(status < 500 || status == 503, "{} {} answered {status}", rule.method, rule.path);
        }
    }
}

#[tokio::test]
async fn a_key_for_one_project_sees_no_other() {
    let api = Api::without_workers().await;
    let (own, other) = (api.project("own").await, api.project("other").await);
    let client = api.with_role(Role::Admin, Some(&own)).await;
    let listed = client.get("/api/projects").await.expect(200);
    assert_eq!(crate::harness::column(&listed["projects"], "id"), [own.as_str()]);
    client.get(&format!("/api/projects/{own}")).await.expect(200);
    client.get(&format!("/api/projects/{other}")).await.refused_as(403, "OTHER_PROJECT");
    client.get("/api/apikeys").await.refused_as(403, "OTHER_PROJECT");
    client.post("/api/projects", &json!({ "name": "third" })).await.refused_as(403, "OTHER_PROJECT");
    let upload = client.upload(&leaky(1), &[("newProjectName", "third")]).await.expect(201);
    assert_eq!(upload["projectId"], own.as_str());
    client.upload(&leaky(1), &[("projectId", &other)]).await.refused_as(403, "OTHER_PROJECT");
}
