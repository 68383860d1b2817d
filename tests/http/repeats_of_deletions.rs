//! Requests after which something is gone or elsewhere, in every dialect: with the same idempotency key they are
//! answered as they were the first time, and nothing is done again.

use crate::gitguardian_honeytokens::{HONEYTOKENS, made as honeytoken};
use crate::gitguardian_incidents::{act, list, number, shop};
use crate::gitguardian_tokens::key as gitguardian_key;
use crate::harness::{Answer, Api, Client, column, id};
use crate::pepper_browser::{self, PASSWORD};
use crate::semgrep_ci::ran;
use crate::semgrep_web_more::ACME;
use crate::trusca_admin::{join, me, person, super_admin, team};
use crate::trusca_browser::server;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

/// A request after which something is gone.
struct Ending {
    who: Client,
    method: Method,
    path: String,
    /// What it is answered.
    status: u16,
    /// What the next one is answered that is not a repeat.
    next: u16,
}

impl Ending {
    /// A deletion without an answer in words.
    fn of(who: &Client, path: String) -> Self {
        Self { who: who.clone(), method: Method::DELETE, path, status: 204, next: 404 }
    }

    fn answered(self, status: u16) -> Self {
        Self { status, ..self }
    }

    fn and_next(self, next: u16) -> Self {
        Self { next, ..self }
    }

    async fn send(&self, query: &str, key: Option<&str>) -> Answer {
        let request = self.who.request(self.method.clone(), &format!("{}{query}", self.path));
        let request = match key {
            Some(key) => request.header("idempotency-key", key),
            None => request,
        };
        self.who.send(request).await
    }

    /// Sends it twice with one key, and then as another request.
    async fn is_done_once(&self, api: &Api) {
        let place = format!("{} {}", self.method, self.path);
        let before = head(api).await;
        let first = self.send("", Some("clean-up")).await;
        assert_eq!(first.status, self.status, "{place}: {}", first.text());
        let done = head(api).await;
        assert!(before < done, "{place} did nothing");
        let again = self.send("", Some("clean-up")).await;
        same(&first, &again, &place);
        assert_eq!(head(api).await, done, "{place} was done again");
        assert_eq!(self.send("?force=1", Some("clean-up")).await.status, 422, "{place}: another request");
        for key in [Some("other"), None] {
            assert_eq!(self.send("", key).await.status, self.next, "{place}: {key:?}");
        }
        same(&first, &self.send("", Some("clean-up")).await, &place);
    }
}

/// The position of the last event.
async fn head(api: &Api) -> u64 {
    api.server.engine.event_log().head().await.unwrap().0
}

#[track_caller]
fn same(first: &Answer, again: &Answer, place: &str) {
    assert_eq!((again.status, again.text()), (first.status, first.text()), "{place}");
    let position = "scanledger-position";
    assert_ne!(first.header(position), "", "{place}");
    assert_eq!(again.header(position), first.header(position), "{place}");
}

/// Sends a request twice with one key; both answers are the same.
async fn twice(client: &Client, request: impl Fn() -> RequestBuilder, status: u16) -> Value {
    let keyed = || request().header("idempotency-key", "once");
    let first = client.send(keyed()).await;
    let body = first.expect(status);
    same(&first, &client.send(keyed()).await, &body.to_string());
    body
}

/// Makes something twice with one key.
async fn made(client: &Client, path: &str, wanted: &Value) -> Value {
    twice(client, || client.request(Method::POST, path).json(wanted), 201).await
}

/// Invites somebody; answers the invitation's id and what it is accepted with.
async fn invited(api: &Api, email: &str) -> (String, Value) {
    let made = api.post("/api/users", &json!({ "email": email, "role": "DEVELOPER" })).await.expect(201);
    let token = made["link"].as_str().unwrap().split_once("token=").unwrap().1;
    (id(&made), json!({ "invitationToken": token, "password": PASSWORD }))
}

/// Somebody who was invited and has an account now; answers their id.
async fn member(api: &Api, email: &str) -> String {
    let (_, wanted) = invited(api, email).await;
    let made = api.with_key(None).post("/api/auth/register", &wanted).await.expect(201);
    made["user"]["id"].as_str().unwrap().to_owned()
}

/// The number of a member in GitGuardian's words.
async fn member_number(api: &Api, email: &str) -> Value {
    api.get(&format!("/v1/members?search={email}")).await.expect(200)[0]["id"].clone()
}

#[tokio::test]
async fn in_pepper() {
    let api = server().await;
    let user = member(&api, "bea@example.org").await;
    let (invitation, _) = invited(&api, "cem@example.org").await;
    let issued = api.post("/api/apikeys", &json!({ "name": "CI" })).await.expect(201);
    for path in [
        format!("/api/projects/{}", api.project("shop").await),
        format!("/api/users/{user}"),
        format!("/api/users/invitations/{invitation}"),
        format!("/api/apikeys/{}", id(&issued)),
    ] {
        Ending::of(&api, path).answered(200).is_done_once(&api).await;
    }
}

#[tokio::test]
async fn in_gitguardian() {
    let api = server().await;
    member(&api, "bea@example.org").await;
    let bea = member_number(&api, "bea@example.org").await;
    let invitation =
        api.post("/v1/invitations", &json!({ "email": "cem@example.org" })).await.expect(201)["id"].clone();
    let core = api.post("/v1/teams", &json!({ "name": "Core" })).await.expect(201)["id"].clone();
    let memberships = format!("/v1/teams/{core}/team_memberships");
    let membership = api.post(&memberships, &json!({ "member_id": bea })).await.expect(201)["id"].clone();
    let notes = format!("{HONEYTOKENS}/{}/notes", id(&honeytoken(&api, "laptop").await));
    let note = api.post(&notes, &json!({ "comment": "planted in May" })).await.expect(201);
    let issued = api.post("/api/apikeys", &json!({ "name": "CI" })).await.expect(201);
    for path in [
        format!("{memberships}/{membership}"),
        format!("/v1/teams/{core}"),
        format!("/v1/members/{bea}"),
        format!("/exposed/v1/invitations/{invitation}"),
        format!("{notes}/{}", id(&note)),
        format!("/v1/api_tokens/{}", id(&issued)),
    ] {
        Ending::of(&api, path).is_done_once(&api).await;
    }
}

#[tokio::test]
async fn of_incidents_in_gitguardian() {
    let api = shop(1).await;
    let incident = number(&list(&api, "").await[0]);
    let path = format!("/v1/incidents/secrets/{incident}");
    let note = api.post(&format!("{path}/notes"), &json!({ "comment": "whose?" })).await.expect(201);
    Ending::of(&api, format!("{path}/notes/{}", note["id"])).is_done_once(&api).await;
    act(&api, incident, "share", json!({})).await.expect(200);
    let unshare = Ending::of(&api, format!("{path}/unshare"));
    Ending { method: Method::POST, ..unshare }.and_next(204).is_done_once(&api).await;
}

#[tokio::test]
async fn in_semgrep() {
    let api = server().await;
    ran(&api, "acme/shop", &["a"], &[]).await;
    ran(&api, "acme/cart", &["a"], &[]).await;
    for name in ["acme/shop", "Acme%2FCart"] {
        let path = format!("{ACME}/projects/{name}");
        Ending::of(&api, path).answered(200).is_done_once(&api).await;
    }
}

#[tokio::test]
async fn in_trusca() {
    let api = server().await;
    let (root, bea) = (super_admin(&api).await, person(&api, "bea@example.org").await);
    let core = team(&root, "core").await;
    let user = me(&bea).await;
    join(&root, &core, &me(&root).await, "team_admin").await;
    join(&root, &core, &user, "developer").await;
    let issued = root.post("/v1/api-keys", &json!({ "name": "all", "scope": "org" })).await.expect(201);
    pepper_browser::Browser::signed_in(&api, "bea@example.org").await;
    let sessions = bea.get("/v1/users/me/sessions").await.expect(200);
    let other = sessions["items"].as_array().unwrap().iter().find(|session| session["is_current"] == false);
    let session = other.map(id).unwrap();
    for ending in [
        Ending::of(&root, format!("/v1/admin/teams/{core}/members/{user}")).answered(200),
        Ending::of(&root, format!("/v1/admin/teams/{core}")),
        Ending::of(&root, format!("/v1/api-keys/{}", id(&issued))).and_next(204),
        Ending::of(&bea, format!("/v1/users/me/sessions/{session}")),
    ] {
        ending.is_done_once(&api).await;
    }
}

#[tokio::test]
async fn at_the_same_time_all_have_the_same_answer() {
    let api = server().await;
    let made = api.post("/v1/teams", &json!({ "name": "Core" })).await.expect(201);
    let ending = Ending::of(&api, format!("/v1/teams/{}", made["id"]));
    let send = || ending.send("", Some("clean-up"));
    let (first, second, third) = tokio::join!(send(), send(), send());
    assert_eq!(first.status, 204, "{}", first.text());
    for other in [second, third] {
        same(&first, &other, &ending.path);
    }
}

#[tokio::test]
async fn whoever_ended_their_own_token_is_not_known_any_more() {
    let api = server().await;
    for (method, path) in [(Method::DELETE, "/v1/api_tokens/self"), (Method::POST, "/v1/token/revoke")] {
        let own = gitguardian_key(&api, "laptop", |_| ()).await;
        let ending = Ending { method, ..Ending::of(&own, path.to_owned()) };
        assert_eq!(ending.send("", Some("clean-up")).await.status, 204, "{path}");
        assert_eq!(ending.send("", Some("clean-up")).await.status, 401, "{path}");
    }
}

#[tokio::test]
async fn an_invitation_that_is_accepted_again_with_the_same_key_is_accepted() {
    let api = server().await;
    let accept = "/api/users/invitations/accept";
    pepper_browser::registered(&api, "eve@example.org").await;
    // Who was let go works nowhere, and then where they were invited to.
    let user = member(&api, "bea@example.org").await;
    api.delete(&format!("/api/users/{user}")).await.expect(200);
    for email in ["eve@example.org", "bea@example.org"] {
        let (_, wanted) = invited(&api, email).await;
        let browser = pepper_browser::Browser::signed_in(&api, email).await;
        let request = || browser.request(Method::POST, accept).json(&wanted);
        let accepted = twice(&api, request, 200).await;
        assert_eq!(accepted, json!({ "success": true }), "{email}");
        api.send(request()).await.refused(404);
        api.send(request().header("idempotency-key", "other")).await.refused(404);
    }
}

#[tokio::test]
async fn what_the_first_request_made_or_ended_is_in_the_answer_to_the_second() {
    let api = server().await;
    let root = super_admin(&api).await;
    made(&api, "/v1/teams", &json!({ "name": "Core" })).await;
    let edge = made(&root, "/v1/admin/teams", &json!({ "name": "Edge", "slug": "edge" })).await;
    let wanted = json!({ "email": "bea@example.org", "role": "developer", "team_id": edge["id"] });
    let bea = id(&made(&root, "/v1/admin/users", &wanted).await);
    let number = member_number(&api, "bea@example.org").await;
    let default = api.get("/v1/teams").await.expect(200)[0]["id"].clone();
    let memberships = format!("/v1/teams/{default}/team_memberships");
    made(&api, &memberships, &json!({ "member_id": number })).await;
    let ids = json!({ "user_ids": [bea, bea] });
    let request = || root.request(Method::POST, "/v1/admin/users/bulk-deactivate").json(&ids);
    let ended = twice(&root, request, 200).await;
    assert_eq!(column(&ended["results"], "status"), ["deactivated", "skipped"]);
}
