//! What went wrong, as GraphQL errors: a sentence, and a code in `extensions.code`. Never internals.

use crate::problem::Problem;
use async_graphql::{Error, ErrorExtensions as _, Response, Value};
use axum::http::StatusCode;
use scanledger_domain::identity::Denied;
use scanledger_domain::limits::GRAPHQL_SOCKET_OPERATIONS;
use scanledger_projections::ReadError;
use std::fmt::Write as _;

/// The codes that clients may rely on.
pub(super) mod code {
    /// There is no such thing, as far as the caller may know.
    pub(in super::super) const NOT_FOUND: &str = "NOT_FOUND";
    /// The caller's role or key does not allow it.
    pub(in super::super) const FORBIDDEN: &str = "FORBIDDEN";
    /// The request is at fault.
    pub(in super::super) const BAD_INPUT: &str = "BAD_INPUT";
    /// Something has to end before this can begin, or some time to pass.
    pub(in super::super) const TOO_MANY: &str = "TOO_MANY";
    /// The server is at fault; `requestId` finds it in its log.
    pub(in super::super) const INTERNAL: &str = "INTERNAL";
}

/// The socket has as many operations under way as it may have.
pub(super) fn too_many() -> Response {
    let message = format!(
        "at most {GRAPHQL_SOCKET_OPERATIONS} operations can be under way on a socket at the same time"
    );
    let mut error = async_graphql::ServerError::new(message, None);
    error.extensions.get_or_insert_default().set("code", Value::from(code::TOO_MANY));
    Response::from_errors(vec![error])
}

/// The operation is not carried out, or its answer not given.
pub(super) fn refused(problem: &Problem) -> Response {
    let parts = problem.parts();
    let code = if parts.status == StatusCode::TOO_MANY_REQUESTS { code::TOO_MANY } else { code::INTERNAL };
    let mut error = async_graphql::ServerError::new(parts.error, None);
    error.extensions.get_or_insert_default().set("code", Value::from(code));
    Response::from_errors(vec![error])
}

/// There is no such thing.
pub(super) fn not_found(what: &str) -> Error {
    Error::new(format!("there is no such {what}")).extend_with(|_, extensions| {
        extensions.set("code", code::NOT_FOUND);
    })
}

/// The request is at fault.
pub(super) fn bad_input(message: impl Into<String>) -> Error {
    Error::new(message).extend_with(|_, extensions| extensions.set("code", code::BAD_INPUT))
}

/// The log no longer has what a subscription has told of.
pub(super) fn put_back() -> Error {
    let message = "the log lost its last events or was put back to an earlier state: subscribe again";
    Error::new(message).extend_with(|_, extensions| extensions.set("code", code::INTERNAL))
}

/// Why the caller may not. What is elsewhere does not exist for them.
pub(super) fn denied(denied: Denied, what: &str) -> Error {
    if denied.hides() {
        return not_found(what);
    }
    Error::new(denied.to_string()).extend_with(|_, extensions| extensions.set("code", code::FORBIDDEN))
}

/// A read gave nothing: the caller's fault where it is, else logged with the request's id.
pub(super) fn read(error: &ReadError, request: &str) -> Error {
    match error {
        ReadError::Missing(what) => not_found(what),
        ReadError::BeyondHead { .. } => bad_input(error.to_string()),
        ReadError::Behind { .. } | ReadError::Store(_) | ReadError::Cancelled => internal(error, request),
    }
}

/// The server is at fault.
pub(super) fn internal(error: &(dyn std::error::Error + 'static), request: &str) -> Error {
    let mut chain = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a string cannot fail.
        let _ = write!(chain, ": {error}");
        cause = error.source();
    }
    tracing::error!(request.id = request, "a GraphQL request failed: {chain}");
    Error::new("the server failed; its log says more under the request's id").extend_with(|_, extensions| {
        extensions.set("code", code::INTERNAL);
        extensions.set("requestId", request);
    })
}

/// Gives a code to the errors of the GraphQL engine itself: syntax, unknown fields, wrong types, limits.
pub(super) fn with_codes(mut response: Response) -> Response {
    for error in &mut response.errors {
        let extensions = error.extensions.get_or_insert_default();
        if extensions.get("code").is_none() {
            extensions.set("code", Value::from(code::BAD_INPUT));
        }
    }
    response
}
