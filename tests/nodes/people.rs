//! What ends or changes a person's rights on one node soon does so on the others.

use crate::node::{Answer, Node, eventually, send};
use crate::place::{Place, Role};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How long another node may take somebody for what they no longer are. It takes less than a second; a machine with much
/// to do takes longer.
const AT_MOST: Duration = Duration::from_secs(10);
const PASSWORD: &str = "violet harbour 7";

/// Somebody who is signed in on one node.
struct SignedIn {
    access: String,
    refresh: String,
}

/// A member of the organization with an account of their own: their id.
async fn member(node: &Node, name: &str) -> String {
    let email = format!("{name}@acme.example");
    let invited = node.post("/api/users", &json!({ "email": email, "role": "DEVELOPER" })).await.expect(201);
    let token = invited["link"].as_str().unwrap().split_once("?token=").unwrap().1;
    let body = json!({ "invitationToken": token, "password": PASSWORD });
    let made = node.post("/api/auth/register", &body).await.expect(201);
    made["user"]["id"].as_str().unwrap().to_owned()
}

async fn sign_in(node: &Node, name: &str) -> SignedIn {
    let body = json!({ "email": format!("{name}@acme.example"), "password": PASSWORD });
    let answer = node.post("/auth/login", &body).await;
    let access = answer.expect(200)["access_token"].as_str().unwrap().to_owned();
    let cookie = answer.headers["set-cookie"].to_str().unwrap();
    SignedIn { access, refresh: cookie.split(';').next().unwrap().to_owned() }
}

async fn ask(node: &Node, who: &SignedIn, method: Method, path: &str) -> Answer {
    send(node.request_as(&who.access, method, path)).await
}

/// Waits until a node answers somebody otherwise, and checks that it did not take too long since `began`.
async fn soon(what: &str, began: Instant, is_so: impl AsyncFnMut() -> bool) {
    eventually(what, is_so).await;
    let took = began.elapsed();
    eprintln!("{what} after {took:?}");
    assert!(took < AT_MOST, "{what}, after {took:?}");
}

#[tokio::test]
async fn who_is_no_longer_somebody_on_one_node_is_soon_so_on_the_other() {
    let place = Place::set_up().await;
    let (a, b) = tokio::join!(place.start("a", Role::Api), place.start("b", Role::Api));
    who_signs_out_is_out_elsewhere(&a, &b).await;
    a_role_is_another_one_elsewhere(&a, &b).await;
    another_password_ends_sessions_elsewhere(&a, &b).await;
    who_is_deactivated_is_out_elsewhere(&place, &a, &b).await;
}

async fn is_out(node: &Node, who: &SignedIn) -> bool {
    ask(node, who, Method::GET, "/auth/me").await.status == 401
}

/// A session of one node is known to the other.
async fn known(node: &Node, who: &SignedIn) {
    eventually("a session is known elsewhere", async || {
        ask(node, who, Method::GET, "/auth/me").await.status == 200
    })
    .await;
}

async fn who_signs_out_is_out_elsewhere(a: &Node, b: &Node) {
    member(a, "bea").await;
    let bea = sign_in(a, "bea").await;
    known(b, &bea).await;
    let sign_out = a.request_as(&bea.access, Method::POST, "/auth/logout").header("cookie", &bea.refresh);
    assert_eq!(send(sign_out).await.status, 204);
    let began = Instant::now();
    soon("who signed out is out elsewhere", began, async || is_out(b, &bea).await).await;
    let go_on = b.request_as(&bea.access, Method::POST, "/auth/refresh").header("cookie", &bea.refresh);
    assert_eq!(send(go_on).await.status, 401, "nor can they go on there");
}

async fn a_role_is_another_one_elsewhere(a: &Node, b: &Node) {
    let cem = member(a, "cem").await;
    let signed_in = sign_in(a, "cem").await;
    known(b, &signed_in).await;
    assert_eq!(ask(b, &signed_in, Method::GET, "/api/apikeys").await.status, 403);
    let role = async |node: &Node, role: &str| {
        let request = node.request(Method::PATCH, &format!("/api/users/{cem}"));
        assert_eq!(send(request.json(&json!({ "role": role }))).await.status, 200);
        Instant::now()
    };
    let began = role(a, "ADMIN").await;
    let sees = async |status| ask(b, &signed_in, Method::GET, "/api/apikeys").await.status == status;
    soon("who became an administrator is one elsewhere", began, async || sees(200).await).await;
    let began = role(a, "VIEWER").await;
    soon("who became less is so elsewhere", began, async || sees(403).await).await;
    // The role in the team is an event of its own, right behind.
    let makes = async || {
        let make = b.request_as(&signed_in.access, Method::POST, "/api/projects");
        send(make.json(&json!({ "name": "a viewer's" }))).await.status
    };
    soon("and in their team", began, async || makes().await == 403).await;
}

async fn another_password_ends_sessions_elsewhere(a: &Node, b: &Node) {
    member(a, "dan").await;
    let (here, there) = (sign_in(a, "dan").await, sign_in(a, "dan").await);
    known(b, &there).await;
    let body = json!({ "current_password": PASSWORD, "new_password": "amber meadow 12" });
    let change = a.request_as(&here.access, Method::POST, "/v1/users/me/password").json(&body);
    let changed: Value = send(change).await.expect(200);
    let began = Instant::now();
    soon("another password ends sessions elsewhere", began, async || is_out(b, &there).await).await;
    let access = changed["token"]["access_token"].as_str().unwrap().to_owned();
    known(b, &SignedIn { access, refresh: String::new() }).await;
}

async fn who_is_deactivated_is_out_elsewhere(place: &Place, a: &Node, b: &Node) {
    member(a, "eve").await;
    let eve = sign_in(a, "eve").await;
    let made = a.request_as(&eve.access, Method::POST, "/v1/api-keys");
    // A key that acts for somebody is over with them.
    let project = a.post("/api/projects", &json!({ "name": "eve's" })).await.expect(201);
    let wanted = json!({ "name": "CI", "scope": "project", "project_id": project["id"] });
    let key = send(made.json(&wanted)).await.expect(201);
    let key = key["raw_key"].as_str().unwrap().to_owned();
    known(b, &eve).await;
    let with_key = async || send(b.request_as(&key, Method::GET, "/api/projects")).await.status;
    eventually("a key is known elsewhere", async || with_key().await == 200).await;
    place.run_on("a", &["people", "deactivate", "--email", "eve@acme.example"]).await;
    let began = Instant::now();
    soon("who was deactivated is out elsewhere", began, async || is_out(b, &eve).await).await;
    soon("so is their key", began, async || with_key().await == 401).await;
}
