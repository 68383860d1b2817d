//! GraphQL: everything as of any moment, and events as they come.
//!
//! `POST /graphql` answers queries, an upgrade of `GET /graphql` speaks graphql-transport-ws, and a browser that
//! opens `/graphql` finds GraphiQL there. Lists are Relay connections; every level of a query is one question to
//! the read models, however many objects it is asked for.

mod actor;
mod audit;
mod component;
mod diff;
mod event;
mod finding;
mod incident;
mod load;
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
mod word;

use crate::app::App;
use crate::auth::Caller;
use crate::extract::Body;
use crate::problem::Problem;
use crate::request::RequestId;
use crate::routes::Access;
use async_graphql::{Data, EmptyMutation, Executor, Request, Response, Schema};
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
use scanledger_domain::identity::{Action, Principal};
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
    let (response, is_audited) = engine.run(caller.principal.clone(), value).await;
    if is_audited {
        caller.record_granted(&app, Action::ReadAudit).await?;
    }
    Ok(Json(response))
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
                Ok(caller) => Some(caller.principal),
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

    /// Runs a query; also tells whether it looked at the audit log.
    async fn run(&self, principal: Principal, request: Request) -> (Response, bool) {
        let scope = Scope::new(principal, self.sources.clone(), self.request.clone());
        let response = SCHEMA.execute(Arc::clone(&scope).attach(request)).await;
        tracing::debug!(queries = scope.queries(), "a GraphQL operation was answered");
        (problem::with_codes(response), scope.is_audited())
    }
}

/// What a socket knows about whoever opened it: put there when the connection was made.
struct Session(Principal);

impl Executor for Engine {
    async fn execute(&self, request: Request) -> Response {
        // Sockets run every operation as a stream, in a session; here there is none.
        self.execute_stream(request, None).next().await.unwrap_or_default()
    }

    fn execute_stream(&self, request: Request, session: Option<Arc<Data>>) -> BoxStream<'static, Response> {
        let principal = session
            .as_ref()
            .and_then(|session| session.get(&std::any::TypeId::of::<Session>()))
            .and_then(|session| session.downcast_ref::<Session>())
            .map(|session| session.0.clone());
        let Some(principal) = principal else {
            let error = async_graphql::ServerError::new("nobody is signed in", None);
            return futures::stream::iter([Response::from_errors(vec![error])]).boxed();
        };
        let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() else {
            return futures::stream::iter([problem::too_many()]).boxed();
        };
        let scope = Scope::new(principal, self.sources.clone(), self.request.clone());
        let answers = SCHEMA.execute_stream(scope.attach(request)).map(problem::with_codes);
        // The permit lives as long as the stream: until it ends, or its client completes it.
        answers
            .map(move |answer| {
                let _under_way = &permit;
                answer
            })
            .boxed()
    }
}
