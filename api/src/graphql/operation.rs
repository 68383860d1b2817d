//! What is asked on a socket: each operation counts as a request of its caller, and is recorded as one.

use super::{Engine, Running, problem, record};
use crate::app::App;
use crate::auth::Caller;
use crate::limit::{Class, Limits};
use crate::problem::Problem;
use async_graphql::{Data, Executor, Request, Response, ServerError};
use axum::http::request::Parts;
use futures::StreamExt as _;
use futures::stream::{BoxStream, iter, unfold};
use std::any::TypeId;
use std::sync::Arc;

/// Whose socket it is, and the request that shows it.
pub(super) struct Session {
    pub(super) parts: Parts,
    pub(super) caller: Caller,
}

impl Session {
    /// What operations find it by.
    pub(super) fn into_data(self: Arc<Self>) -> Data {
        let mut data = Data::default();
        data.insert(self);
        data
    }

    fn of(data: &Data) -> Option<Arc<Self>> {
        data.get(&TypeId::of::<Arc<Self>>())?.downcast_ref::<Arc<Self>>().cloned()
    }

    /// Takes one of the requests that its caller may send to `POST /graphql`.
    fn take(&self) -> Result<(), Problem> {
        let Parts { headers, extensions, .. } = &self.parts;
        match extensions.get::<Arc<Limits>>() {
            Some(limits) => limits.take_of_caller(Class::Search, headers, extensions),
            None => Ok(()),
        }
    }
}

/// Runs what is asked on one socket.
#[derive(Clone)]
pub(super) struct Operations {
    app: App,
    engine: Engine,
}

impl Operations {
    /// With nothing under way.
    pub(super) const fn new(app: App, engine: Engine) -> Self {
        Self { app, engine }
    }
}

impl Executor for Operations {
    async fn execute(&self, request: Request) -> Response {
        // Sockets run every operation as a stream, in a session; here there is none.
        self.execute_stream(request, None).next().await.unwrap_or_default()
    }

    fn execute_stream(&self, request: Request, data: Option<Arc<Data>>) -> BoxStream<'static, Response> {
        let Some(session) = data.as_deref().and_then(Session::of) else {
            let error = ServerError::new("nobody is signed in", None);
            return iter([Response::from_errors(vec![error])]).boxed();
        };
        if let Err(exceeded) = session.take() {
            return iter([problem::refused(&exceeded)]).boxed();
        }
        let Some(running) = self.engine.stream(session.caller.principal.clone(), request) else {
            return iter([problem::too_many()]).boxed();
        };
        let app = Arc::clone(&self.app);
        let operation = Operation { app, session, running: Some(running), is_recorded: false };
        let answers = unfold(operation, |mut operation| async move {
            let answer = operation.next().await?;
            Some((answer, operation))
        });
        answers.boxed()
    }
}

/// An operation that was begun; over when nothing runs any more.
struct Operation {
    app: App,
    session: Arc<Session>,
    running: Option<Running>,
    is_recorded: bool,
}

impl Operation {
    /// The next answer. That it is from the audit log is recorded before the first one is given.
    async fn next(&mut self) -> Option<Response> {
        let Running { scope, answers } = self.running.as_mut()?;
        let answer = answers.next().await?;
        if !self.is_recorded
            && let Some(audited) = scope.audited()
        {
            if let Err(problem) = record(&self.session.caller, &self.app, audited).await {
                self.running = None;
                return Some(problem::refused(&problem));
            }
            self.is_recorded = true;
        }
        Some(answer)
    }
}
