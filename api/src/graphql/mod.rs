//! GraphQL: everything as of any moment, and events as they come.
//!
//! `POST /graphql` answers queries, an upgrade of `GET /graphql` speaks graphql-transport-ws, and a browser that
//! opens `/graphql` finds GraphiQL there. Lists are Relay connections; every level of a query is one question to
//! the read models, however many objects it is asked for.

mod actor;
mod audit;
mod branch;
mod component;
mod diff;
mod event;
mod finding;
mod incident;
mod load;
mod operation;
mod page;
mod paging;
mod problem;
mod project;
#[expect(clippy::too_many_arguments, reason = "the arguments of a field are the parameters of its function")]
mod query;
mod scalar;
mod scan;
mod scope;
mod socket;
#[cfg(test)]
mod tests;
mod walk;
mod word;

use crate::app::App;
use crate::auth::Caller;
use crate::extract::Body;
use crate::problem::Problem;
use crate::request::RequestId;
use crate::routes::Access;
use async_graphql::{EmptyMutation, Request, Response, Schema};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{FromRequestParts, State};
use axum::http::{HeaderMap, Method, header};
use axum::response::{IntoResponse, Response as HttpResponse};
use axum::routing::get;
use axum::{Extension, Json, Router};
use event::Subscriptions;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use query::Query;
use scanledger_domain::identity::{Action, Denied, Given, Principal};
use scanledger_domain::limits::{GRAPHQL_COMPLEXITY, GRAPHQL_DEPTH, GRAPHQL_SOCKET_OPERATIONS};
use scope::{Scope, Sources};
use std::sync::{Arc, LazyLock};
use tokio::sync::Semaphore;

type Root = Schema<Query, EmptyMutation, Subscriptions>;

/// The one schema; it holds types and limits, and no data.
static SCHEMA: LazyLock<Root> = LazyLock::new(|| {
    Schema::build(Query, EmptyMutation, Subscriptions)
        .limit_depth(GRAPHQL_DEPTH)
        .limit_complexity(GRAPHQL_COMPLEXITY)
        .finish()
});

/// `/graphql`, and what its page is made of.
pub fn routes() -> Router<App> {
    // What else a field needs, its resolver asks for.
    let needs = Extension(Access::Needs(Action::Read));
    Router::new().route("/graphql", get(open).post(answer).route_layer(needs)).merge(page::routes())
}

/// The schema in the schema definition language, for clients that generate code.
pub fn schema_definition() -> String {
    SCHEMA.sdl()
}

fn sources(app: &App) -> Sources {
    Sources { views: app.views.clone(), log: Arc::clone(app.ledger.log()), vault: Arc::clone(&app.vault) }
}

fn request_id() -> String {
    RequestId::current().map(|id| id.as_str().to_owned()).unwrap_or_default()
}

/// `POST /graphql`
async fn answer(
    State(app): State<App>,
    caller: Caller,
    Body { value, .. }: Body<Request>,
) -> Result<Json<Response>, Problem> {
    let engine = Engine::new(sources(&app), request_id());
    let (response, audited) = engine.run(caller.principal.clone(), value).await;
    if let Some(audited) = audited {
        record(&caller, &app, audited).await?;
    }
    Ok(Json(response))
}

/// Records that an operation looked at the audit log or was refused to, before its answer is given.
///
/// # Errors
/// When a look cannot be recorded; nothing is shown then.
async fn record(caller: &Caller, app: &App, audited: Result<(), Denied>) -> Result<(), Problem> {
    match audited {
        Ok(()) => caller.record_granted(app, Action::ReadAudit, Given::default()).await,
        Err(_) => {
            caller.record_denied(app, Action::ReadAudit).await;
            Ok(())
        }
    }
}

/// `GET /graphql`: the page for browsers, the upgrade for subscribers.
async fn open(
    State(app): State<App>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    headers: HeaderMap,
    request: axum::extract::Request,
) -> HttpResponse {
    let (mut parts, _) = request.into_parts();
    if headers.contains_key(header::UPGRADE) {
        let Ok(upgrade) = upgrade else {
            return Problem::bad_request("this is not an upgrade to WebSocket").into_response();
        };
        let caller = if headers.contains_key(header::AUTHORIZATION) {
            match Caller::from_request_parts(&mut parts, &app).await {
                Ok(caller) => Some(caller),
                Err(problem) => return problem.into_response(),
            }
        } else {
            None
        };
        return socket::serve(app, upgrade, parts, caller);
    }
    let accepts = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if accepts.contains("text/html") {
        return page::page();
    }
    let mut problem = crate::observe::method_not_allowed(Method::GET, headers).await;
    problem.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("POST"));
    problem
}

/// Runs operations, each in a scope of its own.
#[derive(Clone)]
struct Engine {
    sources: Sources,
    request: String,
    /// How many more operations may be under way at the same time.
    free: Arc<Semaphore>,
}

impl Engine {
    /// An engine of one request or one socket.
    fn new(sources: Sources, request: String) -> Self {
        Self { sources, request, free: Arc::new(Semaphore::new(GRAPHQL_SOCKET_OPERATIONS)) }
    }

    /// Runs a query; also tells whether it might look at the audit log, if it asked to.
    async fn run(&self, principal: Principal, request: Request) -> (Response, Option<Result<(), Denied>>) {
        let scope = Scope::new(principal, self.sources.clone(), self.request.clone());
        let response = SCHEMA.execute(Arc::clone(&scope).attach(request)).await;
        tracing::debug!(queries = scope.queries(), "a GraphQL operation was answered");
        (problem::with_codes(response), scope.audited())
    }

    /// Runs what is asked on a socket, where every operation is a stream; `None` if too many are under way.
    fn stream(&self, principal: Principal, request: Request) -> Option<Running> {
        let permit = Arc::clone(&self.free).try_acquire_owned().ok()?;
        let scope = Scope::new(principal, self.sources.clone(), self.request.clone());
        let answers = SCHEMA.execute_stream(Arc::clone(&scope).attach(request)).map(problem::with_codes);
        // The permit lives as long as the stream: until it ends, or its client completes it.
        let answers = answers.map(move |answer| {
            let _under_way = &permit;
            answer
        });
        Some(Running { scope, answers: answers.boxed() })
    }
}

/// An operation on a socket.
struct Running {
    scope: Arc<Scope>,
    answers: BoxStream<'static, Response>,
}
