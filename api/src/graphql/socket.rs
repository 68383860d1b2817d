//! Subscriptions over WebSocket: graphql-transport-ws, with an eye on the key they were opened with.
//!
//! Protocol: <https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>.

use super::{Engine, Session, request_id, sources};
use crate::app::App;
use crate::auth::Caller;
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
use scanledger_domain::identity::Principal;
use scanledger_domain::limits::JSON_BODY_BYTES;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

/// The one protocol that is spoken.
const PROTOCOL: &str = "graphql-transport-ws";
/// How long a client may take to say who it is.
const INIT_TIMEOUT: Duration = Duration::from_secs(10);
/// How often the key is looked at again: what a revoked key still sees is at most this old.
const KEY_CHECK: Duration = Duration::from_secs(2);
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
}

/// Whose socket it is, and the request that shows it.
struct Key {
    parts: Parts,
    principal: Principal,
}

type Known = Arc<Mutex<Option<Key>>>;

/// Upgrades; `caller` is known already if the request said who it is.
pub(super) fn serve(
    app: App,
    upgrade: WebSocketUpgrade,
    parts: Parts,
    caller: Option<Principal>,
) -> Response {
    let engine = Engine::new(sources(&app), request_id());
    let key = caller.map(|principal| Key { parts: bare(&parts), principal });
    let upgrade =
        upgrade.protocols([PROTOCOL]).max_message_size(JSON_BODY_BYTES).max_frame_size(JSON_BODY_BYTES);
    upgrade.on_upgrade(move |socket| Box::pin(run(app, engine, socket, bare(&parts), key))).into_response()
}

/// The request again, as far as telling who sent it goes.
fn bare(parts: &Parts) -> Parts {
    let (mut copy, ()) = axum::http::Request::new(()).into_parts();
    copy.headers = parts.headers.clone();
    copy.extensions = parts.extensions.clone();
    copy
}

async fn run(app: App, engine: Engine, socket: Socket, parts: Parts, key: Option<Key>) {
    let is_ours = socket.protocol().is_some_and(|protocol| protocol.as_bytes() == PROTOCOL.as_bytes());
    let (mut sink, incoming) = socket.split();
    if !is_ours {
        let frame = frame(close::NOT_ACCEPTABLE, "Subprotocol not acceptable");
        drop(sink.send(Message::Close(Some(frame))).await);
        return;
    }
    let known: Known = Arc::new(Mutex::new(key));
    let conversation = WebSocket::new(engine, texts(incoming), WebSocketProtocols::GraphQLWS)
        .on_connection_init(initiation(Arc::clone(&app), parts, Arc::clone(&known)));
    let mut conversation = std::pin::pin!(conversation);
    let deadline = Instant::now() + INIT_TIMEOUT;
    let mut is_open = false;
    let mut checks = interval(KEY_CHECK);
    checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let end = loop {
        let message = tokio::select! {
            biased;
            _ = checks.tick() => {
                if is_revoked(&app, &known).await {
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

/// What happens on `connection_init`: the payload may bring the key that the upgrade did not.
fn initiation(
    app: App,
    mut parts: Parts,
    known: Known,
) -> impl FnOnce(serde_json::Value) -> futures::future::BoxFuture<'static, async_graphql::Result<Data>> {
    move |payload| {
        Box::pin(async move {
            let present = known.lock().as_ref().map(|key| key.principal.clone());
            let principal = match (present, header_of(&payload)) {
                (Some(principal), _) => principal,
                (None, Some(value)) => {
                    parts.headers.insert(header::AUTHORIZATION, value);
                    let caller = Caller::from_request_parts(&mut parts, &app).await;
                    let principal = caller.map_err(|problem| refused(problem.status()))?.principal;
                    *known.lock() = Some(Key { parts, principal: principal.clone() });
                    principal
                }
                (None, None) => return Err(refused(StatusCode::UNAUTHORIZED)),
            };
            let mut data = Data::default();
            data.insert(Session(principal));
            Ok(data)
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

/// Whether the key that opened the socket would not open it now.
async fn is_revoked(app: &App, known: &Known) -> bool {
    let key = known.lock().as_ref().map(|key| (bare(&key.parts), key.principal.clone()));
    let Some((mut parts, principal)) = key else { return false };
    match Caller::from_request_parts(&mut parts, app).await {
        Ok(caller) => caller.principal != principal,
        // A server that cannot tell for a moment does not end what is under way.
        Err(problem) => matches!(problem.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN),
    }
}

/// The engine's close codes as the protocol has them.
fn closing(code: u16, reason: &str) -> CloseFrame {
    match (code, reason) {
        (1011, _) => frame(close::UNAUTHORIZED, "Unauthorized"),
        (1002, "Unauthorized" | "Forbidden") => frame(close::FORBIDDEN, "Forbidden"),
        (1002, "Service Unavailable") => frame(1013, "Try again later"),
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
        assert_eq!(closing(4429, "Too many initialisation requests.").code, 4429);
    }
}
