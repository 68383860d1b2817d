//! Sessions: a sign-in and everything that follows from it, until it ends.
//!
//! A session has one token at a time that it can be continued with. Each use of it gives another one; a token that was
//! used before is stolen property in somebody's hands, and ends the session (OAuth 2.0 Security BCP, RFC 9700 §4.14.2).

use super::{KeyHash, Provider};
use crate::decider::Decider;
use crate::id::{SessionId, UserId};
use crate::log::StreamName;
use crate::stored_events;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SessionKind {
    /// Short access tokens and a token to continue with (TRUSCA reference §2.1).
    #[serde(rename = "tokens")]
    Tokens,
    /// A cookie of a browser (Pepper reference §1).
    #[serde(rename = "cookie")]
    Cookie,
}

/// How somebody showed who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", content = "provider")]
pub enum Method {
    /// With a password.
    #[serde(rename = "password")]
    Password,
    /// Somebody else vouches for them.
    #[serde(rename = "provider")]
    Provider(Provider),
}

/// `session.started`: somebody signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionStarted {
    /// Its id.
    #[serde(rename = "session")]
    pub session: SessionId,
    /// Whose it is.
    #[serde(rename = "user")]
    pub user: UserId,
    /// What it is for.
    #[serde(rename = "kind")]
    pub kind: SessionKind,
    /// How they showed who they are.
    #[serde(rename = "method")]
    pub method: Method,
    /// The person's epoch then; the session ends when that moves on.
    #[serde(rename = "epoch")]
    pub epoch: u32,
    /// Hash of the token to continue with.
    #[serde(rename = "token")]
    pub token: KeyHash,
    /// When that token ends.
    #[serde(rename = "tokenExpiresAt")]
    pub token_expires_at: Timestamp,
    /// When the session ends, however often it is continued.
    #[serde(rename = "expiresAt")]
    pub expires_at: Timestamp,
}

/// `session.continued`: the token was used, and another one takes its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionContinued {
    /// The session.
    #[serde(rename = "session")]
    pub session: SessionId,
    /// Hash of the token to continue with.
    #[serde(rename = "token")]
    pub token: KeyHash,
    /// When that ends.
    #[serde(rename = "tokenExpiresAt")]
    pub token_expires_at: Timestamp,
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SessionEnd {
    /// Its owner signed out.
    #[serde(rename = "signed_out")]
    SignedOut,
    /// A token was used twice.
    #[serde(rename = "reuse")]
    Reuse,
}

/// `session.ended`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionEnded {
    /// The session.
    #[serde(rename = "session")]
    pub session: SessionId,
    /// Whose it was.
    #[serde(rename = "user")]
    pub user: UserId,
    /// Why.
    #[serde(rename = "reason")]
    pub reason: SessionEnd,
}

stored_events! {
    /// What happened to a session.
    pub enum SessionEvent {
        /// Somebody signed in.
        Started(SessionStarted) = ("session.started", 1),
        /// It was continued.
        Continued(SessionContinued) = ("session.continued", 1),
        /// It is over.
        Ended(SessionEnded) = ("session.ended", 1),
    }
}

/// What can be asked of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionCommand {
    /// Begin it.
    Start(SessionStarted),
    /// Take a token and give another one.
    Continue {
        /// Hash of the token that was sent.
        sent: KeyHash,
        /// Hash of the token that takes its place.
        next: KeyHash,
        /// When that ends, unless the session ends before.
        next_expires_at: Timestamp,
        /// The present instant.
        now: Timestamp,
    },
    /// End it, because its owner signs out.
    SignOut,
}

/// A session that began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionLife {
    /// How it began.
    pub started: SessionStarted,
    /// The token that it can be continued with, and until when.
    pub token: (KeyHash, Timestamp),
    /// Tokens that were used.
    pub used: BTreeSet<KeyHash>,
    /// Why it ended, if it did.
    pub ended: Option<SessionEnd>,
}

/// Where a session stands; `None` before it begins.
pub type SessionState = Option<SessionLife>;

/// Why something is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionRefusal {
    /// There is one already.
    #[error("the session exists already")]
    Exists,
    /// There is none, it is over, or the token is not, or no longer, good.
    #[error("the session is over, or its token is not good")]
    Over,
}

/// The rules of sessions.
///
/// A token that was used before is not refused but ends the session: `Continue` then answers `session.ended` with
/// [`SessionEnd::Reuse`] instead of `session.continued`.
#[derive(Debug)]
pub struct Session;

/// The stream of a session.
pub fn session_stream(id: SessionId) -> StreamName {
    StreamName::new("session", id)
}

impl Decider for Session {
    type State = SessionState;
    type Command = SessionCommand;
    type Event = SessionEvent;
    type Refusal = SessionRefusal;

    fn initial() -> SessionState {
        None
    }

    fn evolve(state: SessionState, event: &SessionEvent) -> SessionState {
        match (state, event) {
            (_, SessionEvent::Started(started)) => Some(SessionLife {
                token: (started.token.clone(), started.token_expires_at),
                started: started.clone(),
                used: BTreeSet::new(),
                ended: None,
            }),
            (Some(mut life), SessionEvent::Continued(continued)) => {
                let next = (continued.token.clone(), continued.token_expires_at);
                let (used, _) = std::mem::replace(&mut life.token, next);
                life.used.insert(used);
                Some(life)
            }
            (Some(life), SessionEvent::Ended(ended)) => {
                Some(SessionLife { ended: Some(ended.reason), ..life })
            }
            (None, SessionEvent::Continued(_) | SessionEvent::Ended(_)) => None,
        }
    }

    fn decide(state: &SessionState, command: SessionCommand) -> Result<Vec<SessionEvent>, SessionRefusal> {
        match (state, command) {
            (None, SessionCommand::Start(started)) => Ok(vec![started.into()]),
            (Some(_), SessionCommand::Start(_)) => Err(SessionRefusal::Exists),
            (None, _) => Err(SessionRefusal::Over),
            (Some(life), SessionCommand::Continue { sent, next, next_expires_at, now }) => {
                let SessionStarted { session, user, .. } = life.started;
                // Also of a session that is over: the answer to a stolen token tells its user so.
                if life.used.contains(&sent) {
                    let reason = SessionEnd::Reuse;
                    return Ok(match life.ended {
                        Some(SessionEnd::Reuse) => return Err(SessionRefusal::Over),
                        Some(SessionEnd::SignedOut) | None => {
                            vec![SessionEnded { session, user, reason }.into()]
                        }
                    });
                }
                let (token, token_expires_at) = &life.token;
                let is_over = life.ended.is_some() || life.started.expires_at <= now;
                if is_over || *token != sent || *token_expires_at <= now {
                    return Err(SessionRefusal::Over);
                }
                let token_expires_at = next_expires_at.min(life.started.expires_at);
                Ok(vec![SessionContinued { session, token: next, token_expires_at }.into()])
            }
            (Some(life), SessionCommand::SignOut) if life.ended.is_some() => Ok(vec![]),
            (Some(life), SessionCommand::SignOut) => {
                let SessionStarted { session, user, .. } = life.started;
                Ok(vec![SessionEnded { session, user, reason: SessionEnd::SignedOut }.into()])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        Method, Session, SessionCommand, SessionContinued, SessionEnd, SessionEnded, SessionEvent,
        SessionKind, SessionRefusal, SessionStarted, session_stream,
    };
    use crate::decider::given;
    use crate::id::{SessionId, UserId};
    use crate::identity::KeyHash;
    use crate::time::Timestamp;
    use uuid::Uuid;

    const SESSION: SessionId = SessionId(Uuid::from_u128(1));
    const ANA: UserId = UserId(Uuid::from_u128(2));

    fn started() -> SessionStarted {
        SessionStarted {
            session: SESSION,
            user: ANA,
            kind: SessionKind::Tokens,
            method: Method::Password,
            epoch: 0,
            token: KeyHash::of("first"),
            token_expires_at: Timestamp(100),
            expires_at: Timestamp(150),
        }
    }

    fn continued(token: &str, until: i64) -> SessionEvent {
        let token_expires_at = Timestamp(until);
        SessionContinued { session: SESSION, token: KeyHash::of(token), token_expires_at }.into()
    }

    fn ended(reason: SessionEnd) -> SessionEvent {
        SessionEnded { session: SESSION, user: ANA, reason }.into()
    }

    fn with(sent: &str, now: i64) -> SessionCommand {
        let (next, now) = (KeyHash::of("next"), Timestamp(now));
        SessionCommand::Continue {
            sent: KeyHash::of(sent),
            next,
            next_expires_at: Timestamp(now.0 + 100),
            now,
        }
    }

    #[test]
    fn a_session_begins_once() {
        given::<Session>([]).when(SessionCommand::Start(started())).then([started().into()]);
        given::<Session>([started().into()])
            .when(SessionCommand::Start(started()))
            .then_refused(SessionRefusal::Exists);
    }

    #[test]
    fn its_token_gives_another_one_until_the_session_ends() {
        given::<Session>([started().into()]).when(with("first", 20)).then([continued("next", 120)]);
        given::<Session>([started().into()]).when(with("first", 99)).then([continued("next", 150)]);
        given::<Session>([started().into(), continued("second", 150)])
            .when(with("second", 120))
            .then([continued("next", 150)]);
    }

    #[test]
    fn a_token_ends_and_so_does_the_session() {
        given::<Session>([started().into()]).when(with("first", 100)).then_refused(SessionRefusal::Over);
        given::<Session>([started().into(), continued("second", 200)])
            .when(with("second", 150))
            .then_refused(SessionRefusal::Over);
        given::<Session>([]).when(with("first", 1)).then_refused(SessionRefusal::Over);
    }

    #[test]
    fn a_token_that_was_used_ends_the_session() {
        let used = [started().into(), continued("second", 150)];
        given::<Session>(used.clone()).when(with("first", 20)).then([ended(SessionEnd::Reuse)]);
        given::<Session>(used.clone().into_iter().chain([ended(SessionEnd::SignedOut)]))
            .when(with("first", 20))
            .then([ended(SessionEnd::Reuse)]);
        let over = used.into_iter().chain([ended(SessionEnd::Reuse)]);
        given::<Session>(over.clone()).when(with("first", 20)).then_refused(SessionRefusal::Over);
        given::<Session>(over).when(with("second", 20)).then_refused(SessionRefusal::Over);
    }

    #[test]
    fn a_guessed_token_ends_nothing() {
        given::<Session>([started().into()]).when(with("guess", 20)).then_refused(SessionRefusal::Over);
    }

    #[test]
    fn who_signs_out_is_out() {
        let out = ended(SessionEnd::SignedOut);
        given::<Session>([started().into()]).when(SessionCommand::SignOut).then([out.clone()]);
        given::<Session>([started().into(), out.clone()]).when(SessionCommand::SignOut).then_nothing();
        given::<Session>([started().into(), out]).when(with("first", 20)).then_refused(SessionRefusal::Over);
        given::<Session>([]).when(SessionCommand::SignOut).then_refused(SessionRefusal::Over);
    }

    #[test]
    fn its_stream_is_named_by_its_id() {
        assert_eq!(session_stream(SESSION).as_str(), "session-00000000-0000-0000-0000-000000000001");
    }
}
