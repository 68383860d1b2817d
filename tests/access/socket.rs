//! The socket of GraphQL with every kind of caller: who gets in, and whose events they hear.

use crate::callers::{Barrier, Caller, callers};
use crate::place::Place;
use crate::send::sign_in;
use crate::world::{PATIENCE, World};
use futures::{SinkExt as _, StreamExt as _};
use scanledger_domain::id::ApiKeyId;
use scanledger_domain::identity::{Action, Changer, OrganizationRole, Principal, Resource, authorize};
use scanledger_domain::limits::GRAPHQL_SOCKETS;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::Response;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// How long an open socket may be served after what opened it is over. It takes 200 ms; a machine with much to do takes
/// longer.
const AT_MOST: Duration = Duration::from_secs(10);
const PROTOCOL: &str = "graphql-transport-ws";
/// Every project that the subscriber may know of is in the first events of the log.
const EVENTS: &str = r#"subscription { events(after: "0", types: ["project.created"]) { data metadata } }"#;

/// How far somebody got.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// The upgrade was refused with this status.
    NotOpened(u16),
    /// The server closed with this code.
    Closed(u16),
    /// The subscription was refused with this code.
    Refused(String),
    /// These projects were heard of.
    Heard(Vec<String>),
}

struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    async fn open(world: &World, headers: &[(&'static str, String)]) -> Result<Self, u16> {
        let url = world.server.url().replacen("http", "ws", 1) + "/graphql";
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", PROTOCOL.parse().unwrap());
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        match connect_async(request).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(response)) => Err(status(&response)),
            Err(error) => panic!("{error}"),
        }
    }

    async fn say(&mut self, message: &Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    /// The next message, or the code that the server closes with.
    async fn hear(&mut self) -> Result<Value, u16> {
        let message = tokio::time::timeout(PATIENCE, self.0.next()).await.unwrap().unwrap().unwrap();
        match message {
            Message::Text(text) => Ok(serde_json::from_str(&text).unwrap()),
            Message::Close(frame) => Err(frame.unwrap().code.into()),
            other => panic!("a message should have come instead of {other:?}"),
        }
    }
}

fn status<T>(response: &Response<T>) -> u16 {
    response.status().as_u16()
}

/// Opens a socket with credentials in the upgrade or in the first message, and listens for `count` events.
async fn listen(world: &World, headers: &[(&'static str, String)], payload: Value, count: usize) -> Outcome {
    let mut socket = match Socket::open(world, headers).await {
        Ok(socket) => socket,
        Err(status) => return Outcome::NotOpened(status),
    };
    socket.say(&json!({ "type": "connection_init", "payload": payload })).await;
    match socket.hear().await {
        Err(code) => return Outcome::Closed(code),
        Ok(message) => assert_eq!(message["type"], "connection_ack"),
    }
    socket.say(&json!({ "id": "a", "type": "subscribe", "payload": { "query": EVENTS } })).await;
    let mut heard = vec![];
    while heard.len() < count {
        let message = socket.hear().await.unwrap();
        let payload = &message["payload"];
        if let Some(code) = payload["errors"][0]["extensions"]["code"].as_str() {
            return Outcome::Refused(code.to_owned());
        }
        heard.push(payload["data"]["events"]["data"]["project"].as_str().unwrap().to_owned());
    }
    // An answer to a later question shows that no further event was on its way.
    socket.say(&json!({ "id": "b", "type": "subscribe", "payload": { "query": "{ head }" } })).await;
    let answer = socket.hear().await.unwrap();
    assert_eq!(answer["id"], "b", "an event too many: {answer}");
    Outcome::Heard(heard)
}

/// The projects whose making a caller may hear of, in the order of the log.
fn heard_by(world: &World, principal: &Principal) -> Vec<String> {
    let seen = principal.visible_to(Action::ReadAudit);
    let places = Place::REAL.into_iter().filter_map(|place| world.things(place));
    let own = places
        .filter(|things| things.scope.organization == principal.organization && seen.shows(things.scope));
    own.map(|things| things.project().to_string()).collect()
}

fn expected(world: &World, caller: &Caller) -> Outcome {
    let Some(principal) = &caller.principal else { return Outcome::NotOpened(401) };
    let organization = Resource::Organization(principal.organization);
    if caller.barrier != Barrier::None || authorize(principal, Action::Read, organization).is_err() {
        return Outcome::NotOpened(403);
    }
    if authorize(principal, Action::ReadAudit, organization).is_err() {
        return Outcome::Refused("FORBIDDEN".to_owned());
    }
    Outcome::Heard(heard_by(world, principal))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_subscriber_hears_what_they_may_and_nothing_else() {
    let world = World::new().await;
    let callers = callers(&world).await;
    // Without the header `Authorization` a socket is opened first, and asked who it is afterwards.
    let with_header = callers.iter().filter(|caller| has_authorization(caller));
    let (mut heard, mut refused) = (0, 0);
    for caller in with_header {
        let wanted = expected(&world, caller);
        let count = if let Outcome::Heard(events) = &wanted { events.len() } else { 0 };
        if count == 0 {
            refused += 1
        } else {
            heard += 1
        }
        let count = count.max(1);
        let outcome = listen(&world, &caller.headers, json!({}), count).await;
        assert_eq!(outcome, wanted, "{} with the upgrade", caller.name);
        let (authorization, others) = caller.headers.split_first().unwrap();
        let payload = json!({ "Authorization": authorization.1 });
        let outcome = listen(&world, others, payload, count).await;
        let wanted = match wanted {
            // What the protocol has instead of a status.
            Outcome::NotOpened(_) => Outcome::Closed(4403),
            wanted => wanted,
        };
        assert_eq!(outcome, wanted, "{} with the first message", caller.name);
    }
    assert!(heard > 20 && refused > 20, "{heard} {refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_is_nobodys_without_a_token() {
    let world = World::new().await;
    assert_eq!(listen(&world, &[], json!({}), 1).await, Outcome::Closed(4403));
    let callers = callers(&world).await;
    for caller in callers.iter().filter(|caller| !has_authorization(caller)) {
        let outcome = listen(&world, &caller.headers, json!({}), 1).await;
        // Browsers send cookies along with sockets that any page opens; none is opened with them.
        assert_eq!(outcome, Outcome::Closed(4403), "{}", caller.name);
    }
}

/// A socket of a new key of the home organization with a subscription under way, and what ends the key.
async fn subscribed(world: &World) -> (Socket, ApiKeyId) {
    let (key, token) = world.key(world.new_key(world.home)).await;
    world.shown().await;
    let mut socket = Socket::open(world, &[("authorization", format!("Bearer {token}"))]).await.unwrap();
    socket.say(&json!({ "type": "connection_init" })).await;
    assert_eq!(socket.hear().await.unwrap()["type"], "connection_ack");
    let events = "subscription { events { type } }";
    socket.say(&json!({ "id": "a", "type": "subscribe", "payload": { "query": events } })).await;
    // An answer to a later question shows that the subscription is under way.
    socket.say(&json!({ "id": "b", "type": "subscribe", "payload": { "query": "{ head }" } })).await;
    assert_eq!(socket.hear().await.unwrap()["type"], "next");
    assert_eq!(socket.hear().await.unwrap()["type"], "complete");
    (socket, key)
}

/// Checks how long a socket was served after what opened it was over.
#[track_caller]
fn soon(over: Instant) {
    let served = over.elapsed();
    eprintln!("it was served for {served:?}");
    assert!(served < AT_MOST, "it was served for {served:?}");
}

async fn revoke(world: &World, key: ApiKeyId) {
    let identities = &world.server.engine.identities;
    identities.revoke_key(&world.context(Some(world.home)), key).await.unwrap();
    world.shown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_subscription_ends_soon_and_nothing_new_begins_with_a_key_that_is_over() {
    let world = World::new().await;
    let (mut running, key) = subscribed(&world).await;
    revoke(&world, key).await;
    let revoked = Instant::now();
    // The revocation itself may be heard of, and nothing after it.
    let end = loop {
        match running.hear().await {
            Ok(message) => assert_eq!(message["id"], "a", "{message}"),
            Err(code) => break code,
        }
    };
    assert_eq!(end, 4403);
    soon(revoked);

    for _ in 0..20 {
        let (mut asking, key) = subscribed(&world).await;
        revoke(&world, key).await;
        asking.say(&json!({ "id": "c", "type": "subscribe", "payload": { "query": "{ head }" } })).await;
        loop {
            match asking.hear().await {
                Ok(message) => assert_ne!(message["id"], "c", "a question was answered: {message}"),
                Err(code) => break assert_eq!(code, 4403),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_ends_when_its_person_becomes_something_else() {
    let world = World::new().await;
    let dave = world.who("dave");
    let access = sign_in(&world, &dave.email()).await.access;
    let mut socket = Socket::open(&world, &[("authorization", format!("Bearer {access}"))]).await.unwrap();
    socket.say(&json!({ "type": "connection_init" })).await;
    assert_eq!(socket.hear().await.unwrap()["type"], "connection_ack");
    let context = world.context(Some(world.home));
    let identities = &world.server.engine.identities;
    let role = OrganizationRole::Admin;
    identities.set_member_role(&context, Changer::Owner, world.home, dave.user, role).await.unwrap();
    world.shown().await;
    let changed = Instant::now();
    assert_eq!(socket.hear().await, Err(4403));
    soon(changed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_has_so_many_sockets_at_a_time_and_no_more() {
    let world = World::new().await;
    let (_, token) = world.key(world.new_key(world.home)).await;
    let (_, other) = world.key(world.new_key(world.home)).await;
    world.shown().await;
    let bearer = |token: &str| format!("Bearer {token}");
    let headers = [("authorization", bearer(&token))];
    let mut open = vec![];
    for _ in 0..GRAPHQL_SOCKETS {
        open.push(Socket::open(&world, &headers).await.unwrap());
    }
    assert_eq!(Socket::open(&world, &headers).await.err(), Some(429));
    let mut asking = Socket::open(&world, &[]).await.unwrap();
    let init =
        |token: &str| json!({ "type": "connection_init", "payload": { "Authorization": bearer(token) } });
    asking.say(&init(&token)).await;
    assert_eq!(asking.hear().await, Err(1013));
    // Another key has its own.
    let mut others = Socket::open(&world, &[]).await.unwrap();
    others.say(&init(&other)).await;
    assert_eq!(others.hear().await.unwrap()["type"], "connection_ack");
    // A socket that is closed leaves its place to the next.
    drop(open.pop());
    let began = Instant::now();
    while let Err(status) = Socket::open(&world, &headers).await {
        assert!(status == 429 && began.elapsed() < PATIENCE, "{status}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn has_authorization(caller: &Caller) -> bool {
    caller.headers.iter().any(|(name, _)| *name == "authorization")
}
