//! GraphQL over HTTP and WebSocket, as a client and a browser see it.

use crate::archive::leaky;
use crate::harness::Api;
use futures::{SinkExt as _, StreamExt as _};
use reqwest::Method;
use scanledger_domain::identity::Role;
use scanledger_domain::limits::JSON_BODY_BYTES;
use scanledger_domain::time::Timestamp;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// How long something may take that has to come within seconds.
const SOON: Duration = Duration::from_secs(15);
const PROTOCOL: &str = "graphql-transport-ws";

fn query(text: &str) -> Value {
    json!({ "query": text })
}

#[tokio::test]
async fn a_query_follows_a_scan_from_its_project_to_a_decision_and_back_in_time() {
    let api = Api::start().await;
    let scan = api.scanned(&leaky(3), &[("newProjectName", "shop")]).await;
    let fields =
        "{ projects { totalCount nodes { name counts { total } latestScan { id status verdict { result } }
        findings { totalCount nodes { id state path scanner maskedSecret triage { note } } } } } head }";
    let before = api.post("/graphql", &query(fields)).await.expect(200)["data"].clone();
    let project = &before["projects"]["nodes"][0];
    assert_eq!((&project["name"], &project["counts"]["total"]), (&json!("shop"), &json!(3)));
    assert_eq!(project["latestScan"]["id"], scan["id"]);
    assert_eq!(project["latestScan"]["status"], "COMPLETED");
    let finding = &project["findings"]["nodes"][0];
    assert_eq!((&finding["state"], &finding["triage"]), (&json!("UNTRIAGED"), &Value::Null));
    let path = format!("/api/findings/{}", finding["id"].as_str().unwrap());
    api.patch(&path, &json!({ "status": "FALSE_POSITIVE" })).await.expect(200);
    let body = json!({
        "query": "query One($id: ID!, $at: String) { finding(id: $id, asOf: $at) { state } }",
        "operationName": "One",
        "variables": { "id": finding["id"], "at": before["head"] },
    });
    assert_eq!(api.post("/graphql", &body).await.expect(200)["data"]["finding"]["state"], "UNTRIAGED");
    let now = json!({ "query": body["query"], "variables": { "id": finding["id"] } });
    assert_eq!(api.post("/graphql", &now).await.expect(200)["data"]["finding"]["state"], "FALSE_POSITIVE");
}

#[tokio::test]
async fn who_asks_without_a_key_or_without_json_is_told_so_in_the_shape_of_the_api() {
    let api = Api::without_workers().await;
    let ask = query("{ head }");
    api.with_key(None).post("/graphql", &ask).await.refused(401);
    api.with_key(Some("ppr_AbCdEfGhIjKlMnOpQrStUvWxYz01-_89")).post("/graphql", &ask).await.refused(401);
    let raw = |body: Vec<u8>, kind: &str| {
        api.send(api.request(Method::POST, "/graphql").header("content-type", kind).body(body))
    };
    raw(b"{ head }".to_vec(), "application/graphql").await.refused(415);
    raw(b"{".to_vec(), "application/json").await.refused(400);
    raw(b"7".to_vec(), "application/json").await.refused(400);
    raw(vec![b' '; JSON_BODY_BYTES + 1], "application/json").await.refused(413);
    let mut largest = serde_json::to_vec(&ask).unwrap();
    largest.resize(JSON_BODY_BYTES, b' ');
    raw(largest, "application/json").await.expect(200);
    api.put("/graphql", &ask).await.refused(405);
    api.get("/graphql").await.refused(405);
    let wrong = api.post("/graphql", &query("{ nothing }")).await.expect(200);
    assert_eq!(wrong["errors"][0]["extensions"]["code"], "BAD_INPUT");
}

#[tokio::test]
async fn a_browser_gets_a_page_that_needs_nothing_but_this_server() {
    let api = Api::without_workers().await;
    let browser = api.with_key(None);
    let open = |path: String| {
        browser.send(browser.request(Method::GET, &path).header("accept", "text/html,application/xhtml+xml"))
    };
    let page = open("/graphql".to_owned()).await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    let policy = page.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self';"), "{policy}");
    let text = page.text();
    let files: Vec<&str> = text.split('"').filter(|part| part.starts_with("/graphql/assets/")).collect();
    assert_eq!(files.len(), 6, "{files:?}");
    for file in files {
        let asset = open(file.to_owned()).await;
        assert_eq!(asset.status, 200, "{file}");
        assert!(asset.header("cache-control").contains("immutable"), "{file}");
        assert!(!asset.bytes.is_empty(), "{file}");
    }
    open("/graphql/assets/../Cargo.toml".to_owned()).await.refused(404);
    open("/graphql/assets/nothing.js".to_owned()).await.refused(404);
}

/// A client that speaks graphql-transport-ws.
pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    async fn open(api: &Api, key: Option<&str>, protocol: Option<&'static str>) -> Result<Self, Box<Error>> {
        let url = api.server.url().replacen("http", "ws", 1) + "/graphql";
        let mut request = url.into_client_request().unwrap();
        if let Some(key) = key {
            let value = format!("Bearer {key}").parse().unwrap();
            request.headers_mut().insert("authorization", value);
        }
        if let Some(protocol) = protocol {
            request.headers_mut().insert("sec-websocket-protocol", protocol.parse().unwrap());
        }
        Ok(Self(connect_async(request).await.map_err(Box::new)?.0))
    }

    /// A socket whose key came with the upgrade, acknowledged.
    pub async fn acknowledged(api: &Api, key: &str) -> Self {
        let mut socket = Self::open(api, Some(key), Some(PROTOCOL)).await.unwrap();
        socket.say(&json!({ "type": "connection_init" })).await;
        assert_eq!(socket.hear().await["type"], "connection_ack");
        socket
    }

    async fn say(&mut self, message: &Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    pub async fn subscribe(&mut self, id: &str, text: &str) {
        self.say(&json!({ "id": id, "type": "subscribe", "payload": { "query": text } })).await;
    }

    async fn message(&mut self) -> Message {
        tokio::time::timeout(SOON, self.0.next()).await.unwrap().unwrap().unwrap()
    }

    /// The next message, which has to come.
    pub async fn hear(&mut self) -> Value {
        match self.message().await {
            Message::Text(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("a message should have come instead of {other:?}"),
        }
    }

    /// The event in the next message.
    async fn event(&mut self) -> Value {
        let message = self.hear().await;
        assert_eq!(message["type"], "next", "{message}");
        message["payload"]["data"]["events"].clone()
    }

    /// The code that the server closes with, whatever it still says before.
    pub async fn closed(&mut self) -> u16 {
        loop {
            if let Message::Close(frame) = self.message().await {
                return frame.unwrap().code.into();
            }
        }
    }
}

const EVENTS: &str =
    r#"subscription { events(after: "0", types: ["project.created"]) { position type data } }"#;

#[tokio::test]
async fn a_subscriber_gets_what_was_and_then_what_comes() {
    let api = Api::without_workers().await;
    let first = api.project("first").await;
    let mut socket = Socket::acknowledged(&api, api.key()).await;
    socket.subscribe("a", EVENTS).await;
    let event = socket.event().await;
    assert_eq!((&event["type"], &event["data"]["project"]), (&json!("project.created"), &json!(first)));
    let second = api.project("second").await;
    assert_eq!(socket.event().await["data"]["project"], second);
    socket.say(&json!({ "type": "ping" })).await;
    assert_eq!(socket.hear().await["type"], "pong");
    socket.say(&json!({ "id": "a", "type": "complete" })).await;
    socket.subscribe("b", "{ projects { totalCount } }").await;
    let answer = loop {
        let message = socket.hear().await;
        if message["id"] == "b" {
            break message;
        }
    };
    assert_eq!(answer["payload"]["data"]["projects"]["totalCount"], 2);
}

#[tokio::test]
async fn the_key_of_a_socket_may_come_with_its_first_message() {
    let api = Api::without_workers().await;
    let project = api.project("shop").await;
    let mut socket = Socket::open(&api, None, Some(PROTOCOL)).await.unwrap();
    let payload = json!({ "Authorization": format!("Bearer {}", api.key()) });
    socket.say(&json!({ "type": "connection_init", "payload": payload })).await;
    assert_eq!(socket.hear().await["type"], "connection_ack");
    socket.subscribe("a", EVENTS).await;
    assert_eq!(socket.event().await["data"]["project"], project);
}

#[tokio::test]
async fn sockets_without_a_valid_key_or_the_protocol_are_closed_with_its_codes() {
    let api = Api::without_workers().await;
    let wrong = "ppr_AbCdEfGhIjKlMnOpQrStUvWxYz01-_89";
    let Err(refused) = Socket::open(&api, Some(wrong), Some(PROTOCOL)).await else { panic!("refused") };
    assert!(matches!(*refused, Error::Http(ref response) if response.status() == 401), "{refused}");
    for payload in [json!({}), json!({ "Authorization": format!("Bearer {wrong}") })] {
        let mut socket = Socket::open(&api, None, Some(PROTOCOL)).await.unwrap();
        socket.say(&json!({ "type": "connection_init", "payload": payload })).await;
        assert_eq!(socket.closed().await, 4403, "{payload}");
    }
    let mut early = Socket::open(&api, None, Some(PROTOCOL)).await.unwrap();
    early.subscribe("a", EVENTS).await;
    assert_eq!(early.closed().await, 4401);
    let mut garbled = Socket::open(&api, Some(api.key()), Some(PROTOCOL)).await.unwrap();
    garbled.0.send(Message::text("hello")).await.unwrap();
    assert_eq!(garbled.closed().await, 4400);
    let mut silent = Socket::open(&api, Some(api.key()), None).await.unwrap();
    assert_eq!(silent.closed().await, 4406);
}

#[tokio::test]
async fn a_socket_ends_within_seconds_when_its_key_is_revoked() {
    let api = Api::without_workers().await;
    let client = api.with_role(Role::Security, None).await;
    let mut socket = Socket::acknowledged(&api, client.key()).await;
    socket.subscribe("a", "subscription { events { type } }").await;
    let keys = api.get("/api/apikeys").await.expect(200);
    let prefix = &client.key()[..10];
    let key = keys["keys"].as_array().unwrap().iter().find(|key| key["prefix"] == prefix).unwrap();
    api.delete(&format!("/api/apikeys/{}", key["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(socket.closed().await, 4403);
}

#[tokio::test]
async fn a_socket_ends_within_seconds_when_its_key_expires() {
    let api = Api::without_workers().await;
    let soon = Timestamp(api.server.app.clock.now().0 + 2_000_000);
    let client = api.with_key_until(Role::Security, None, Some(soon)).await;
    let mut socket = Socket::acknowledged(&api, client.key()).await;
    socket.subscribe("a", "subscription { events { type } }").await;
    assert_eq!(socket.closed().await, 4403);
}

#[tokio::test]
async fn events_are_for_the_role_security_and_a_key_for_a_project_has_its_own_only() {
    let api = Api::without_workers().await;
    let (_, second) = (api.project("first").await, api.project("second").await);
    let developer = api.with_role(Role::Developer, None).await;
    let mut socket = Socket::acknowledged(&api, developer.key()).await;
    socket.subscribe("a", EVENTS).await;
    let refused = socket.hear().await;
    assert_eq!(refused["payload"]["errors"][0]["extensions"]["code"], "FORBIDDEN");
    let only = api.with_role(Role::Security, Some(&second)).await;
    let mut socket = Socket::acknowledged(&api, only.key()).await;
    socket.subscribe("a", EVENTS).await;
    assert_eq!(socket.event().await["data"]["project"], second);
    let foreigner = api.foreigner().await;
    let mut socket = Socket::acknowledged(&api, foreigner.key()).await;
    socket.subscribe("a", EVENTS).await;
    api.project("third").await;
    socket.subscribe("b", "{ projects { totalCount } }").await;
    // What the foreigner hears first is the answer about their own projects, and no event of others.
    assert_eq!(socket.hear().await["payload"]["data"]["projects"]["totalCount"], 0);
}
