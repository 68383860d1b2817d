//! What goes through the bus: nodes and workers are woken by it, and signed checkpoints are published on it.
//!
//! PostgreSQL is made to tell nobody anything, so that there is the bus, and a look at the log every second.

use crate::node::{Node, PATIENCE, eventually};
use crate::place::{Place, Role};
use crate::workers::what_is_asked_of_a_node_reaches_a_worker;
use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Well before the second after which a node looks at the log.
const WOKEN: Duration = Duration::from_millis(300);
/// Measurements, of which the one in the middle counts.
const MEASURED: usize = 7;

/// A place with a bus, where PostgreSQL announces nothing that is appended.
async fn with_a_silent_database() -> Place {
    let place = Place::with_nats().await;
    // Whoever announces something from now on calls a function that does nothing.
    let silence = r"
        CREATE SCHEMA silent;
        CREATE FUNCTION silent.pg_notify(text, text) RETURNS void LANGUAGE plpgsql AS 'BEGIN END';
        DO $do$ BEGIN
            EXECUTE format('ALTER DATABASE %I SET search_path = silent, pg_catalog, public', current_database());
        END $do$";
    place.database.ask(silence);
    let found =
        "SELECT pronamespace::regnamespace FROM pg_proc WHERE oid = 'pg_notify(text, text)'::regprocedure";
    assert_eq!(place.database.ask(found), ["silent"]);
    place
}

/// A subscription to projects that are made.
struct Listening(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Listening {
    async fn start(place: &Place, node: &Node) -> Self {
        let mut request = (node.url.replacen("http", "ws", 1) + "/graphql").into_client_request().unwrap();
        let headers = request.headers_mut();
        headers.insert("authorization", format!("Bearer {}", place.key).parse().unwrap());
        headers.insert("sec-websocket-protocol", "graphql-transport-ws".parse().unwrap());
        let mut socket = Self(connect_async(request).await.unwrap().0);
        socket.say(&json!({ "type": "connection_init" })).await;
        assert_eq!(socket.hear().await["type"], "connection_ack");
        let query = r#"subscription { events(after: "0", types: ["project.created"]) { data } }"#;
        socket.say(&json!({ "id": "a", "type": "subscribe", "payload": { "query": query } })).await;
        socket
    }

    async fn say(&mut self, message: &Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    async fn hear(&mut self) -> Value {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.0.next()).await.unwrap().unwrap().unwrap();
            if let Message::Text(text) = message {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    /// Makes projects on `node`, each when the one before was heard of; answers after how long one was, in the middle.
    async fn hears_of_projects_at(&mut self, node: &Node, what: &str) -> Duration {
        let mut waits = Vec::new();
        for number in 0..MEASURED {
            let made = node.post("/api/projects", &json!({ "name": format!("{what} {number}") })).await;
            let acknowledged = Instant::now();
            let id = &made.expect(201)["id"];
            let heard = self.hear().await;
            assert_eq!(&heard["payload"]["data"]["events"]["data"]["project"], id, "{heard}");
            waits.push(acknowledged.elapsed());
        }
        waits.sort_unstable();
        eprintln!("{what}: another node's subscribers heard after {waits:?}");
        waits[MEASURED / 2]
    }
}

#[tokio::test]
async fn a_subscription_on_another_node_is_woken_through_the_bus() {
    let mut place = with_a_silent_database().await;
    let (a, b) = tokio::join!(place.start("a", Role::Api), place.start("b", Role::Api));
    let mut listening = Listening::start(&place, &b).await;
    let with = listening.hears_of_projects_at(&a, "with the bus").await;
    assert!(with < WOKEN, "heard after {with:?}");
    // What the bus did is seen by its absence.
    place.nats.as_mut().unwrap().kill();
    let without = listening.hears_of_projects_at(&a, "without the bus").await;
    assert!(without > WOKEN, "heard after {without:?}, of whom?");
    place.nats.as_mut().unwrap().begin();
    // It is found again within two seconds and a little.
    let mut round = 0;
    eventually("the bus wakes again", async || {
        round += 1;
        listening.hears_of_projects_at(&a, &format!("with the bus again, round {round}")).await < WOKEN
    })
    .await;
}

#[tokio::test]
async fn a_worker_hears_through_the_bus_what_another_node_was_asked() {
    what_is_asked_of_a_node_reaches_a_worker(with_a_silent_database().await).await;
}

#[tokio::test]
async fn signed_checkpoints_are_published_on_the_bus_the_last_one_of_a_process_too() {
    let place = Place::with_nats().await;
    let nats = place.nats.as_ref().unwrap();
    let a = place.start("a", Role::Api).await;
    let made = a.post("/api/projects", &json!({ "name": "before" })).await.position();
    let signed = place.run_on("a", &["audit", "checkpoint", "--now"]).await;
    assert!(size(&signed) >= made, "{signed}");
    eventually("a checkpoint is on the bus", async || {
        nats.newest_checkpoint().await.as_deref() == Some(signed.as_str())
    })
    .await;

    let made = a.post("/api/projects", &json!({ "name": "after" })).await.position();
    a.end().await;
    let last = nats.newest_checkpoint().await.unwrap();
    assert!(size(&last) >= made, "what a process signs at its end is published: {last}");
    assert_eq!(place.run(&["audit", "checkpoint"]).await, last);
}

/// Waits until the bus has this checkpoint last, and the same ones as before no more than once.
async fn is_published_once(place: &Place, signed: &str) {
    let nats = place.nats.as_ref().unwrap();
    eventually("a checkpoint is on the bus", async || {
        nats.newest_checkpoint().await.as_deref() == Some(signed)
    })
    .await;
    let sizes: Vec<_> = nats.checkpoints().await.iter().map(|checkpoint| size(checkpoint)).collect();
    assert!(sizes.is_sorted_by(|one, next| one < next), "{sizes:?}");
}

#[tokio::test]
async fn a_checkpoint_that_was_signed_while_the_bus_was_away_is_published_when_it_is_back() {
    let mut place = Place::with_nats().await;
    let a = place.start("a", Role::Api).await;
    let first = place.run_on("a", &["audit", "checkpoint", "--now"]).await;
    is_published_once(&place, &first).await;

    place.nats.as_mut().unwrap().kill();
    let mut signed = first;
    for name in ["one", "two"] {
        let made = a.post("/api/projects", &json!({ "name": name })).await.position();
        signed = place.run_on("a", &["audit", "checkpoint", "--now"]).await;
        assert!(size(&signed) >= made, "{signed}");
    }
    place.nats.as_mut().unwrap().begin();
    is_published_once(&place, &signed).await;
    let sizes = place.nats.as_ref().unwrap().checkpoints().await.len();
    assert!(sizes >= 3, "there are {sizes}, and each one that was signed is among them");
    a.end().await;

    // At the shell nobody publishes; the next server does.
    place.import_advisories("a").await;
    let signed = place.run_on("a", &["audit", "checkpoint", "--now"]).await;
    assert_ne!(place.nats.as_ref().unwrap().newest_checkpoint().await.as_ref(), Some(&signed));
    let _a = place.start("a", Role::Api).await;
    is_published_once(&place, &signed).await;
}

#[tokio::test]
async fn streams_of_another_log_are_reported_until_they_are_deleted_and_hinder_nothing_else() {
    let place = Place::with_nats().await;
    let nats = place.nats.as_ref().unwrap();
    nats.with_streams_of_another_log().await;
    let a = place.start("a", Role::Api).await;
    place.run_on("a", &["audit", "checkpoint", "--now"]).await;
    let health = async || a.get("/health/ready").await.expect(200)["bus"].clone();
    let mut seen = Value::Null;
    eventually("both failures are shown", async || {
        seen = health().await;
        seen["failure"].is_string() && seen["checkpoint_failure"].is_string()
    })
    .await;
    assert_eq!((&seen["connected"], &seen["lag"]), (&json!(true), &Value::Null));
    for (failure, stream) in
        [("failure", "SCANLEDGER_EVENTS"), ("checkpoint_failure", "SCANLEDGER_CHECKPOINTS")]
    {
        let failure = seen[failure].as_str().unwrap();
        assert!(failure.starts_with(&format!("stream {stream} on the bus belongs to log ")), "{failure}");
    }
    for (metric, value) in [("connected", 1), ("failed", 1), ("checkpoints_failed", 1)] {
        assert_eq!(a.metric(&format!("scanledger_bus_{metric}")).await, value, "{metric}");
    }
    // Longer than it takes to begin again.
    tokio::time::sleep(Duration::from_secs(6)).await;
    for what in ["events", "checkpoints"] {
        let line = format!("publishing {what} on the bus does not go on");
        assert_eq!(place.node_log("a").matches(&line).count(), 1, "{line}");
    }

    nats.delete_streams().await;
    eventually("everything is published", async || {
        seen = health().await;
        seen["failure"].is_null() && seen["checkpoint_failure"].is_null() && seen["lag"] == 0
    })
    .await;
    assert_eq!(nats.events().await, place.log().await);
    assert!(!nats.checkpoints().await.is_empty());
    for metric in ["failed", "checkpoints_failed", "lag_events"] {
        assert_eq!(a.metric(&format!("scanledger_bus_{metric}")).await, 0, "{metric}");
    }
}

/// How many events a checkpoint covers: its second line.
fn size(checkpoint: &str) -> u64 {
    checkpoint.lines().nth(1).expect("a checkpoint has a size").parse().expect("a size is a number")
}
