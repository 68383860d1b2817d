//! Answers that no handler gives, in the shape of the dialect that a path belongs to (DESIGN, the table of dialects).

use crate::problem::Problem;
use axum::Json;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// Media type of RFC 9457.
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// What errors look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// RFC 9457, as TRUSCA answers (reference §4).
    Trusca,
    /// `{detail}` (GitGuardian reference §1.4).
    GitGuardian,
    /// `{error, code}`: everybody else.
    Plain,
}

/// Where a request goes, as far as the shape of its errors depends on it.
#[derive(Debug, Clone)]
pub(super) struct Destination {
    shape: Shape,
    path: String,
}

impl Destination {
    /// Of a request.
    pub(super) fn of(path: &str, headers: &HeaderMap) -> Self {
        let is_under = |root: &str| {
            path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let shape = if is_under("/exposed/v1") || (is_under("/v1") && has_token(headers)) {
            Shape::GitGuardian
        } else if is_under("/v1") || is_under("/auth") || is_under("/ws") {
            Shape::Trusca
        } else {
            Shape::Plain
        };
        Self { shape, path: path.to_owned() }
    }

    /// An error; `code` is for programs, where the dialect has room for one.
    pub(super) fn error(&self, status: StatusCode, code: &'static str, detail: String) -> Response {
        match self.shape {
            Shape::Plain => Problem::new(status, detail).with_code(code).into_response(),
            Shape::GitGuardian => (status, Json(DetailOut { detail })).into_response(),
            Shape::Trusca => {
                let body = ProblemOut {
                    kind: "about:blank",
                    title: status.canonical_reason().unwrap_or("Error"),
                    status: status.as_u16(),
                    detail,
                    instance: &self.path,
                };
                let mut response: Response<Body> = (status, Json(body)).into_response();
                response.headers_mut().insert(header::CONTENT_TYPE, PROBLEM_JSON);
                response
            }
        }
    }
}

/// `Authorization: Token …`, which only GitGuardian's clients send.
fn has_token(headers: &HeaderMap) -> bool {
    let value = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes).unwrap_or_default();
    value.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"token "))
}

#[derive(Serialize)]
struct DetailOut {
    detail: String,
}

#[derive(Serialize)]
struct ProblemOut<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    instance: &'a str,
}

#[cfg(test)]
mod tests {
    use super::{Destination, Shape};
    use axum::http::{HeaderMap, HeaderValue, header};

    fn shape(path: &str, authorization: Option<&'static str>) -> Shape {
        let headers: HeaderMap = authorization
            .map(|value| (header::AUTHORIZATION, HeaderValue::from_static(value)))
            .into_iter()
            .collect();
        Destination::of(path, &headers).shape
    }

    #[test]
    fn errors_take_their_shape_from_the_path() {
        for (path, authorization, expected) in [
            ("/exposed/v1/scan", None, Shape::GitGuardian),
            ("/v1/scan", Some("Token x"), Shape::GitGuardian),
            ("/v1/scan", Some("token x"), Shape::GitGuardian),
            ("/v1/projects", Some("Bearer x"), Shape::Trusca),
            ("/v1", None, Shape::Trusca),
            ("/auth/login", Some("Token x"), Shape::Trusca),
            ("/ws/scans", None, Shape::Trusca),
            ("/v1x", None, Shape::Plain),
            ("/api/v1/deployments", None, Shape::Plain),
            ("/api/auth/register", None, Shape::Plain),
            ("/graphql", None, Shape::Plain),
            ("/", None, Shape::Plain),
        ] {
            assert_eq!(shape(path, authorization), expected, "{path}");
        }
    }
}
