//! Operations over WebSocket: graphql-transport-ws, with an eye on the key they were opened with.
//!
//! Protocol: <https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>.

use super::operation::{Operations, Session};
use super::{Engine, request_id, sources};
use crate::app::App;
use crate::auth::Caller;
use crate::limit::{Limits, Slot};
use crate::problem::Problem;
use async_graphql::Data;
use async_graphql::http::{WebSocket, WebSocketProtocols, WsMessage};
use axum::extract::FromRequestParts;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket as Socket, WebSocketUpgrade};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::stream::SplitStream;
use futures::{SinkExt as _, StreamExt as _};
use parking_lot::Mutex;
use scanledger_domain::identity::Credential;
use scanledger_domain::limits::{GRAPHQL_SOCKETS, JSON_BODY_BYTES};
use scanledger_projections::Shown;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

/// The one protocol that is spoken.
const PROTOCOL: &str = "graphql-transport-ws";
/// How long a client may take to say who it is.
const INIT_TIMEOUT: Duration = Duration::from_secs(10);
/// How often it is looked whether anything has happened: then the key is looked at again, because what ends a key, a
/// session or a right is an event.
const LOOK: Duration = Duration::from_millis(200);
/// How often the key is looked at again though nothing has happened: it may have come to its end.
const KEY_CHECK: Duration = Duration::from_secs(1);
/// How long a client that does not read is waited for.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// Close codes of the protocol.
mod close {
    /// No `connection_init` before something else.
    pub(super) const UNAUTHORIZED: u16 = 4401;
    /// The key is not valid, or no longer.
    pub(super) const FORBIDDEN: u16 = 4403;
    /// The subprotocol is not spoken here.
    pub(super) const NOT_ACCEPTABLE: u16 = 4406;
    /// No `connection_init` in time.
    pub(super) const INIT_TIMEOUT: u16 = 4408;
    /// A message that is none.
    pub(super) const BAD_MESSAGE: u16 = 4400;
    /// The server cannot do it now (RFC 6455's registry of codes).
    pub(super) const TRY_AGAIN: u16 = 1013;
}

/// Whose socket it is, and the place that it takes among theirs.
struct Admitted {
    session: Arc<Session>,
    _place: Option<Slot<Credential>>,
}

impl Admitted {
    /// Takes a place; none if they have as many sockets as they may.
    fn new(parts: Parts, caller: Caller) -> Option<Self> {
        let place = match parts.extensions.get::<Arc<Limits>>() {
            Some(limits) => Some(limits.sockets.take(caller.principal.credential, GRAPHQL_SOCKETS)?),
            None => None,
        };
        Some(Self { session: Arc::new(Session { parts, caller }), _place: place })
    }
}

/// What the key that opened a socket is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It would open it now.
    Good,
    /// Nobody can tell at the moment.
    Unknown,
    /// It would not.
    Over,
}

/// Whose socket it is, once that is known, and whether their key is still good.
struct Watch {
    app: App,
    admitted: Mutex<Option<Admitted>>,
    /// What it was when it was last looked at: what the read model showed, and when.
    last: Mutex<Option<(Shown, Instant, Standing)>>,
}

impl Watch {
    fn session(&self) -> Option<Arc<Session>> {
        self.admitted.lock().as_ref().map(|admitted| Arc::clone(&admitted.session))
    }

    /// What the key is good for, looked at again if anything has happened or [`KEY_CHECK`] has passed, so that messages
    /// without end ask the read model no more often than that.
    async fn standing(&self) -> Standing {
        let Some(session) = self.session() else { return Standing::Good };
        // Taken before: what happens meanwhile is looked at the next time.
        let (shown, now) = (self.app.views.shown(), Instant::now());
        if let Some((seen, at, standing)) = *self.last.lock()
            && seen == shown
            && now.duration_since(at) < KEY_CHECK
        {
            return standing;
        }
        let standing = match Caller::from_request_parts(&mut bare(&session.parts), &self.app).await {
            Ok(caller) if caller.principal == session.caller.principal => Standing::Good,
            Err(problem) if problem.status().is_server_error() => Standing::Unknown,
            Ok(_) | Err(_) => Standing::Over,
        };
        *self.last.lock() = Some((shown, now, standing));
        standing
    }
}

/// Upgrades; `caller` is known already if the request said who it is.
pub(super) fn serve(app: App, upgrade: WebSocketUpgrade, parts: Parts, caller: Option<Caller>) -> Response {
    let engine = Engine::new(sources(&app), request_id());
    let admitted = match caller.map(|caller| Admitted::new(bare(&parts), caller)) {
        Some(None) => {
            let message =
                format!("at most {GRAPHQL_SOCKETS} sockets can be open with one key at the same time");
            let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, message);
            return problem.with_code("TOO_MANY").into_response();
        }
        Some(admitted) => admitted,
        None => None,
    };
    let upgrade =
        upgrade.protocols([PROTOCOL]).max_message_size(JSON_BODY_BYTES).max_frame_size(JSON_BODY_BYTES);
    upgrade
        .on_upgrade(move |socket| Box::pin(run(app, engine, socket, bare(&parts), admitted)))
        .into_response()
}

/// The request again, as far as telling who sent it goes.
fn bare(parts: &Parts) -> Parts {
    let (mut copy, ()) = axum::http::Request::new(()).into_parts();
    copy.headers = parts.headers.clone();
    copy.extensions = parts.extensions.clone();
    copy
}

async fn run(app: App, engine: Engine, socket: Socket, parts: Parts, admitted: Option<Admitted>) {
    let is_ours = socket.protocol().is_some_and(|protocol| protocol.as_bytes() == PROTOCOL.as_bytes());
    let (mut sink, incoming) = socket.split();
    if !is_ours {
        let frame = frame(close::NOT_ACCEPTABLE, "Subprotocol not acceptable");
        drop(sink.send(Message::Close(Some(frame))).await);
        return;
    }
    let watch = Watch { app: Arc::clone(&app), admitted: Mutex::new(admitted), last: Mutex::default() };
    let watch = Arc::new(watch);
    let (over, mut ends) = mpsc::channel(1);
    let said = while_good(Arc::clone(&watch), over, texts(incoming));
    let operations = Operations::new(app, engine);
    let conversation = WebSocket::new(operations, said, WebSocketProtocols::GraphQLWS)
        .on_connection_init(initiation(Arc::clone(&watch), parts));
    let mut conversation = std::pin::pin!(conversation);
    let deadline = Instant::now() + INIT_TIMEOUT;
    let mut is_open = false;
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let end = loop {
        let message = tokio::select! {
            biased;
            Some(end) = ends.recv() => break Some(end),
            _ = looks.tick() => {
                // A server that cannot tell for a moment does not end what is under way.
                if watch.standing().await == Standing::Over {
                    break Some(frame(close::FORBIDDEN, "Forbidden"));
                }
                continue;
            }
            () = sleep_until(deadline), if !is_open => {
                break Some(frame(close::INIT_TIMEOUT, "Connection initialisation timeout"));
            }
            message = conversation.next() => message,
        };
        match message {
            None => break None,
            Some(WsMessage::Close(code, reason)) => break Some(closing(code, &reason)),
            Some(WsMessage::Text(text)) => {
                // The first answer of a conversation is the acknowledgement of who the client is.
                is_open = true;
                // Sent before the next event is pulled: a client that does not read is not read for either.
                let sent = tokio::time::timeout(SEND_TIMEOUT, sink.send(Message::Text(text.into()))).await;
                if !matches!(sent, Ok(Ok(()))) {
                    break None;
                }
            }
        }
    };
    if let Some(frame) = end {
        // Whether the client still listens does not matter any more.
        drop(tokio::time::timeout(SEND_TIMEOUT, sink.send(Message::Close(Some(frame)))).await);
    }
}

/// What clients say, as text; ends with the socket.
fn texts(incoming: SplitStream<Socket>) -> impl futures::Stream<Item = Vec<u8>> + Send {
    incoming
        .take_while(|message| {
            let goes_on = matches!(message, Ok(message) if !matches!(message, Message::Close(_)));
            futures::future::ready(goes_on)
        })
        .filter_map(|message| {
            futures::future::ready(match message {
                Ok(Message::Text(text)) => Some(text.as_bytes().to_vec()),
                Ok(Message::Binary(bytes)) => Some(bytes.to_vec()),
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_)) | Err(_) => None,
            })
        })
}

/// What clients say, as long as their key is surely good, so that nothing new begins with one that is not. Otherwise it
/// is told with what the socket ends, and nothing is passed on from there.
fn while_good(
    watch: Arc<Watch>,
    over: mpsc::Sender<CloseFrame>,
    said: impl futures::Stream<Item = Vec<u8>> + Send,
) -> impl futures::Stream<Item = Vec<u8>> + Send {
    said.then(move |message| {
        let (watch, over) = (Arc::clone(&watch), over.clone());
        async move {
            let end = match watch.standing().await {
                Standing::Good => return message,
                Standing::Unknown => frame(close::TRY_AGAIN, "Try again later"),
                Standing::Over => frame(close::FORBIDDEN, "Forbidden"),
            };
            // Whoever is told ends the conversation, and this with it.
            drop(over.try_send(end));
            std::future::pending().await
        }
    })
}

/// What happens on `connection_init`: the payload may bring the key that the upgrade did not.
fn initiation(
    watch: Arc<Watch>,
    mut parts: Parts,
) -> impl FnOnce(serde_json::Value) -> futures::future::BoxFuture<'static, async_graphql::Result<Data>> {
    move |payload| {
        Box::pin(async move {
            let session = match (watch.session(), header_of(&payload)) {
                (Some(session), _) => session,
                (None, Some(value)) => {
                    parts.headers.insert(header::AUTHORIZATION, value);
                    let caller = Caller::from_request_parts(&mut parts, &watch.app).await;
                    let caller = caller.map_err(|problem| refused(problem.status()))?;
                    let admitted = Admitted::new(parts, caller);
                    let admitted = admitted.ok_or_else(|| refused(StatusCode::TOO_MANY_REQUESTS))?;
                    let session = Arc::clone(&admitted.session);
                    *watch.admitted.lock() = Some(admitted);
                    session
                }
                (None, None) => return Err(refused(StatusCode::UNAUTHORIZED)),
            };
            Ok(session.into_data())
        })
    }
}

fn refused(status: StatusCode) -> async_graphql::Error {
    async_graphql::Error::new(status.canonical_reason().unwrap_or("Forbidden"))
}

/// `Authorization` in a payload, in any case.
fn header_of(payload: &serde_json::Value) -> Option<HeaderValue> {
    let (_, value) =
        payload.as_object()?.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization"))?;
    HeaderValue::from_str(value.as_str()?).ok()
}

/// The engine's close codes as the protocol has them.
fn closing(code: u16, reason: &str) -> CloseFrame {
    match (code, reason) {
        (1011, _) => frame(close::UNAUTHORIZED, "Unauthorized"),
        (1002, "Unauthorized" | "Forbidden") => frame(close::FORBIDDEN, "Forbidden"),
        (1002, "Service Unavailable" | "Too Many Requests") => frame(close::TRY_AGAIN, "Try again later"),
        (1002, _) => frame(close::BAD_MESSAGE, "Invalid message received"),
        (code, reason) => frame(code, reason),
    }
}

fn frame(code: u16, reason: &str) -> CloseFrame {
    // RFC 6455 §5.5: a control frame has at most 125 bytes, two of them the code.
    let mut end = reason.len().min(123);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    CloseFrame { code, reason: Utf8Bytes::from(&reason[..end]) }
}

#[cfg(test)]
mod tests {
    use super::{close, closing, header_of};
    use serde_json::json;

    #[test]
    fn the_key_may_come_with_the_first_message_in_any_spelling() {
        for payload in [json!({ "Authorization": "Bearer x" }), json!({ "authorization": "Bearer x" })] {
            assert_eq!(header_of(&payload).unwrap(), "Bearer x");
        }
        for payload in
            [json!(null), json!({}), json!({ "Authorization": 1 }), json!({ "Authorization": "a\nb" })]
        {
            assert_eq!(header_of(&payload), None, "{payload}");
        }
    }

    #[test]
    fn sockets_close_with_the_codes_of_the_protocol() {
        assert_eq!(closing(1002, "Unauthorized").code, close::FORBIDDEN);
        assert_eq!(closing(1002, "expected value at line 1 column 1").code, close::BAD_MESSAGE);
        assert_eq!(closing(1011, "The handshake is not completed.").code, close::UNAUTHORIZED);
        assert_eq!(closing(1002, "Service Unavailable").code, close::TRY_AGAIN);
        assert_eq!(closing(1002, "Too Many Requests").code, close::TRY_AGAIN);
        assert_eq!(closing(4429, "Too many initialisation requests.").code, 4429);
    }
}
