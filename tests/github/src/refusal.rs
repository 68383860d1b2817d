//! Answers that say no, in GitHub's shape.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// A status and what is said with it.
pub(crate) struct Refusal(pub(crate) StatusCode, pub(crate) &'static str);

pub(crate) const BAD_CREDENTIALS: Refusal = Refusal(StatusCode::UNAUTHORIZED, "Bad credentials");
pub(crate) const NOT_FOUND: Refusal = Refusal(StatusCode::NOT_FOUND, "Not Found");
pub(crate) const NOT_ACCESSIBLE: Refusal =
    Refusal(StatusCode::FORBIDDEN, "Resource not accessible by integration");
pub(crate) const SUSPENDED: Refusal = Refusal(StatusCode::FORBIDDEN, "This installation has been suspended");

/// A request that is not as it has to be.
pub(crate) const fn invalid(message: &'static str) -> Refusal {
    Refusal(StatusCode::UNPROCESSABLE_ENTITY, message)
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self(status, message) = self;
        let body = json!({ "message": message, "documentation_url": "https://docs.github.com/rest" });
        (status, Json(body)).into_response()
    }
}
