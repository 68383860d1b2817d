//! Errors as `{error, details?, code?}`: the shape of the Pepper dialect, native routes and GraphQL's transport.

use crate::request::RequestId;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use scanledger_commands::{CommandError, Fault};
use scanledger_domain::OutOfReach;
use scanledger_domain::identity::Denied;
use scanledger_projections::ReadError;
use serde::Serialize;
use serde_json::Value;
use std::error::Error;
use utoipa::ToSchema;

/// Seconds after which a client may try again what failed for want of time.
const RETRY_SECONDS: u32 = 1;

/// What a client is told when something does not work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProblemBody {
    /// For people.
    pub error: String,
    /// What is wrong with which part of the request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<Detail>,
    /// For programs, where the status does not say enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// For whoever reads the server's log, when the fault is the server's.
    #[serde(rename = "requestId", skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// What is wrong with one part of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Detail {
    /// Which part: the path of a field in the body, or the name of a parameter.
    pub path: String,
    /// What is wrong with it.
    pub message: String,
}

/// An error on its way to a client.
#[derive(Debug)]
pub struct Problem(Box<Inner>);

#[derive(Debug)]
struct Inner {
    status: StatusCode,
    body: ProblemBody,
    retry_after: Option<u32>,
    closes: bool,
    denied: Option<Denied>,
    title: Option<&'static str>,
    kind: Option<&'static str>,
    extensions: Vec<(&'static str, Value)>,
}

/// What another dialect needs to say the same in its own shape; goes along with the answer until it is sent.
#[derive(Debug, Clone)]
pub struct ProblemParts {
    /// The status in the plain shape.
    pub status: StatusCode,
    /// For people.
    pub error: String,
    /// What is wrong with which part of the request.
    pub details: Vec<Detail>,
    /// For programs.
    pub code: Option<&'static str>,
    /// Why the caller may not, if that is it.
    pub denied: Option<Denied>,
    /// The title of RFC 9457, where the dialect fixes one.
    pub title: Option<&'static str>,
    /// The type of RFC 9457, where the dialect fixes one.
    pub kind: Option<&'static str>,
    /// Extension members of RFC 9457.
    pub extensions: Vec<(&'static str, Value)>,
}

impl Problem {
    /// A problem that `error` describes to people.
    pub fn new(status: StatusCode, error: impl Into<String>) -> Self {
        let body = ProblemBody { error: error.into(), details: vec![], code: None, request_id: None };
        Self(Box::new(Inner {
            status,
            body,
            retry_after: None,
            closes: false,
            denied: None,
            title: None,
            kind: None,
            extensions: vec![],
        }))
    }

    /// 400.
    pub fn bad_request(error: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error)
    }

    /// 400, about one part of the request.
    pub fn invalid(path: impl Into<String>, message: impl Into<String>) -> Self {
        let detail = Detail { path: path.into(), message: message.into() };
        let mut problem = Self::bad_request("the request is not valid");
        problem.0.body.details.push(detail);
        problem
    }

    /// 401.
    pub fn unauthenticated(error: &'static str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, error)
    }

    /// 404: there is no such `what`.
    pub fn missing(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("there is no such {what}"))
    }

    /// 503 with `Retry-After`.
    pub fn unavailable(error: impl Into<String>) -> Self {
        let mut problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, error);
        problem.0.retry_after = Some(RETRY_SECONDS);
        problem
    }

    /// 500, without a cause; whoever calls has logged it.
    pub fn internal() -> Self {
        let mut problem = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the server failed; its log says why");
        problem.0.body.request_id = RequestId::current().map(|id| id.as_str().to_owned());
        problem
    }

    /// 500, or 503 if a store is out of reach; the whole chain of causes goes to the log, once.
    pub fn fault(error: &(dyn Error + 'static)) -> Self {
        if OutOfReach::is_behind(error) {
            tracing::warn!("a request could not be served for now: {}", chain(error));
            return Self::unavailable("the server cannot do this at the moment");
        }
        tracing::error!("a request failed: {}", chain(error));
        Self::internal()
    }

    /// With a code for programs.
    #[must_use]
    pub fn with_code(mut self, code: &'static str) -> Self {
        self.0.body.code = Some(code);
        self
    }

    /// With the title that a dialect fixes (RFC 9457).
    #[must_use]
    pub fn with_title(mut self, title: &'static str) -> Self {
        self.0.title = Some(title);
        self
    }

    /// With the type that a dialect fixes (RFC 9457).
    #[must_use]
    pub fn with_type(mut self, kind: &'static str) -> Self {
        self.0.kind = Some(kind);
        self
    }

    /// With an extension member of a dialect (RFC 9457).
    #[must_use]
    pub fn with_extension(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.0.extensions.push((name, value.into()));
        self
    }

    /// With the seconds after which the client may try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    /// Why the caller may not, if that is it.
    pub fn denied(&self) -> Option<Denied> {
        self.0.denied
    }

    /// What other dialects make their shape from.
    pub fn parts(&self) -> ProblemParts {
        let Inner { status, body, denied, title, kind, extensions, .. } = &*self.0;
        ProblemParts {
            status: *status,
            error: body.error.clone(),
            details: body.details.clone(),
            code: body.code,
            denied: *denied,
            title: *title,
            kind: *kind,
            extensions: extensions.clone(),
        }
    }

    /// With one more detail.
    #[must_use]
    pub fn with_detail(mut self, path: impl Into<String>, message: impl Into<String>) -> Self {
        self.0.body.details.push(Detail { path: path.into(), message: message.into() });
        self
    }

    /// Ends the connection after the answer, because the rest of the request is not read.
    #[must_use]
    pub fn closing(mut self) -> Self {
        self.0.closes = true;
        self
    }

    /// The status it is answered with.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// What the client is told.
    pub fn body(&self) -> &ProblemBody {
        &self.0.body
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let parts = self.parts();
        let Inner { status, body, retry_after, closes, .. } = *self.0;
        let mut response = (status, Json(body)).into_response();
        response.extensions_mut().insert(parts);
        let headers = response.headers_mut();
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if closes {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// An error and its causes in one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut words = Vec::new();
    let mut cause = Some(error);
    while let Some(error) = cause {
        words.push(error.to_string());
        cause = error.source();
    }
    // A transparent error repeats the words of its cause.
    words.dedup();
    words.join(": ")
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Missing(what) => Self::missing(what),
            ReadError::BeyondHead { .. } => Self::bad_request(error.to_string()).with_code("BEYOND_HEAD"),
            ReadError::Behind { .. } => Self::unavailable(error.to_string()).with_code("VIEWS_BEHIND"),
            ReadError::Store(_) | ReadError::Cancelled => Self::fault(&error),
        }
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        if fault.is_temporary() {
            tracing::warn!("a request could not be served for now: {}", chain(&fault));
            return Self::unavailable("the server cannot do this at the moment");
        }
        Self::fault(&fault)
    }
}

impl<R: Error + 'static> From<CommandError<R>> for Problem
where
    Self: From<R>,
{
    fn from(error: CommandError<R>) -> Self {
        match error {
            CommandError::Refused(refusal) => refusal.into(),
            CommandError::Stale { .. } => Self::new(StatusCode::PRECONDITION_FAILED, error.to_string()),
            CommandError::Contended => {
                let mut problem = Self::new(StatusCode::CONFLICT, error.to_string());
                problem.0.retry_after = Some(RETRY_SECONDS);
                problem
            }
            CommandError::Fault(fault) => fault.into(),
        }
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        let code = match denied {
            Denied::Foreign => "FOREIGN_ORGANIZATION",
            Denied::OtherProject => "OTHER_PROJECT",
            Denied::OtherTeam => "OTHER_TEAM",
            Denied::Role { .. } => "ROLE_REQUIRED",
            Denied::Scope { .. } => "SCOPE_REQUIRED",
            Denied::ReadOnly => "READ_ONLY_KEY",
            Denied::NotAPerson => "SIGN_IN_REQUIRED",
            Denied::NotAKey => "KEY_REQUIRED",
            Denied::NotSuperAdmin => "SUPER_ADMIN_REQUIRED",
            Denied::Form => "KEY_FORM",
        };
        let mut problem = Self::new(StatusCode::FORBIDDEN, denied.to_string()).with_code(code);
        problem.0.denied = Some(denied);
        problem
    }
}

#[cfg(test)]
mod tests {
    use super::{Problem, chain};
    use scanledger_domain::id::ProjectId;
    use scanledger_domain::identity::{Denied, Role};

    #[test]
    fn a_problem_says_no_more_than_it_knows() {
        let plain = serde_json::to_value(Problem::missing("scan").body()).unwrap();
        assert_eq!(plain, serde_json::json!({ "error": "there is no such scan" }));
        let invalid = serde_json::to_value(Problem::invalid("limit", "too big").body()).unwrap();
        assert_eq!(
            invalid,
            serde_json::json!({
                "error": "the request is not valid",
                "details": [{ "path": "limit", "message": "too big" }],
            })
        );
    }

    #[test]
    fn whoever_may_not_is_told_why() {
        for (denied, code) in [
            (Denied::Foreign, "FOREIGN_ORGANIZATION"),
            (Denied::OtherProject, "OTHER_PROJECT"),
            (Denied::OtherTeam, "OTHER_TEAM"),
            (Denied::Role { needed: Role::Admin }, "ROLE_REQUIRED"),
        ] {
            let problem = Problem::from(denied);
            assert_eq!((problem.status().as_u16(), problem.body().code), (403, Some(code)));
        }
    }

    #[test]
    fn a_chain_of_causes_says_each_thing_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer")]
        struct Outer(#[source] Middle);
        #[derive(Debug, thiserror::Error)]
        #[error(transparent)]
        struct Middle(scanledger_domain::id::InvalidId);
        let cause = "x".parse::<ProjectId>().unwrap_err();
        assert_eq!(chain(&Outer(Middle(cause))), "outer: not a valid id");
    }
}
