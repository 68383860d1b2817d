//! One's own sessions: which there are, and ending one (OWASP ASVS 4.0.3 §3.3.4). The reference has no such routes;
//! they stand beside those of one's own account and are ours.

use super::auth::own_account;
use super::shape::{ProblemOut, done};
use crate::app::App;
use crate::auth::{Caller, asked};
use crate::extract::{Id, digest_of};
use crate::problem::Problem;
use crate::rest::Moment;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use scanledger_commands::identity::Asked;
use scanledger_domain::id::SessionId;
use scanledger_domain::identity::{Credential, SessionKind};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// What a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = trusca::SessionKind)]
pub enum SessionWord {
    /// A client with tokens.
    Tokens,
    /// A browser with a cookie.
    Cookie,
}

impl From<SessionKind> for SessionWord {
    fn from(kind: SessionKind) -> Self {
        match kind {
            SessionKind::Tokens => Self::Tokens,
            SessionKind::Cookie => Self::Cookie,
        }
    }
}

/// A session.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = trusca::OwnSessionOut)]
pub struct OwnSessionOut {
    id: Uuid,
    kind: SessionWord,
    created_at: Moment,
    /// When it ends, however often it is continued; without use it ends before.
    expires_at: Moment,
    /// Whether the request came with it.
    is_current: bool,
}

/// Sessions.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = trusca::OwnSessionListResponse)]
pub struct OwnSessionsOut {
    /// Newest first; at most 500.
    items: Vec<OwnSessionOut>,
}

/// One's own sessions that are not over
#[utoipa::path(
    get, path = "/v1/users/me/sessions", tag = "Own account", responses((status = 200, body = OwnSessionsOut))
)]
pub async fn list_sessions(State(app): State<App>, caller: Caller) -> Result<Json<OwnSessionsOut>, Problem> {
    let (user, _) = own_account(&app, &caller).await?;
    let sessions = app.views.sessions_of(user, app.clock.now()).await?;
    let items = sessions.into_iter().map(|(id, row)| OwnSessionOut {
        id: id.0,
        kind: row.kind.into(),
        created_at: Moment(row.started_at),
        expires_at: Moment(row.expires_at),
        is_current: caller.principal.credential == Credential::Session(id),
    });
    Ok(Json(OwnSessionsOut { items: items.collect() }))
}

/// Ends one of one's own sessions, from the next request on
#[utoipa::path(
    delete, path = "/v1/users/me/sessions/{id}", tag = "Own account",
    responses(
        (status = 204, description = "The session is over."),
        (status = 404, body = ProblemOut, description = "There is no such session of one's own, or it is over.")
    )
)]
pub async fn end_session(
    State(app): State<App>,
    caller: Caller,
    Id(session): Id<SessionId>,
) -> Result<Response, Problem> {
    let (user, _) = own_account(&app, &caller).await?;
    let end = async {
        if !app.views.is_live_session(user, session, app.clock.now()).await? {
            return Err(Problem::missing("session").with_title("Session Not Found"));
        }
        let command = caller.command(&app, digest_of(b"")).await?.command;
        let asked = Asked { command, ..asked(&app, &caller.origin) };
        Ok(app.identities.end_session(&asked, user, session).await?)
    };
    Ok(done(&app, caller.once(&app, digest_of(b""), end).await?).await)
}
