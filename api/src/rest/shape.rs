//! Shapes that answers share.

use crate::app::App;
use crate::auth::VIEWS_TIMEOUT;
use crate::request::POSITION;
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use scanledger_domain::log::Position;
use scanledger_domain::time::Timestamp;
use scanledger_projections::Paging;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// An instant as RFC 3339 in UTC with milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, format = DateTime)]
pub struct Instant(pub Timestamp);

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_rfc3339_millis())
    }
}

/// An instant as RFC 3339 in UTC with microseconds, as TRUSCA's and Semgrep's clients send them back and expect them to
/// be equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ToSchema)]
#[schema(value_type = String, format = DateTime)]
pub struct Moment(pub Timestamp);

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_rfc3339_micros())
    }
}

/// Which page an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pages {
    /// From 1.
    pub page: u32,
    /// Rows on a page.
    pub limit: u32,
    /// Rows on all pages.
    pub total: u64,
    /// How many pages there are.
    pub total_pages: u64,
}

/// Which page is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paged {
    /// From 1.
    pub page: u32,
    /// Rows on a page; at least 1.
    pub limit: u32,
}

impl Paged {
    /// For queries.
    pub fn paging(self) -> Paging {
        Paging { offset: u64::from(self.page - 1) * u64::from(self.limit), limit: self.limit }
    }

    /// For the answer.
    pub fn of(self, total: u64) -> Pages {
        Pages {
            page: self.page,
            limit: self.limit,
            total,
            total_pages: total.div_ceil(u64::from(self.limit)),
        }
    }
}

/// The answer to a write, with the position of what it did.
pub struct Written<T> {
    status: StatusCode,
    position: Position,
    body: T,
}

impl<T> Written<T> {
    /// Waits a moment until reads show what was written; without a position nothing was.
    pub async fn at(app: &App, status: StatusCode, position: Option<Position>, body: T) -> Self {
        let position = shown(app, position).await;
        Self { status, position, body }
    }
}

/// Waits a moment until reads show `position`. If they do not in time, the answer comes from the decision.
pub async fn shown(app: &App, position: Option<Position>) -> Position {
    let Some(position) = position else { return app.views.position() };
    if let Err(error) = app.views.wait_for(position, VIEWS_TIMEOUT).await {
        tracing::warn!("a write is answered before reads show it: {error}");
    }
    position
}

impl<T: Serialize> IntoResponse for Written<T> {
    fn into_response(self) -> Response {
        let position = [(POSITION, self.position.to_string())];
        (self.status, position, Json(self.body)).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::{Moment, Paged};
    use scanledger_domain::time::Timestamp;

    #[test]
    fn instants_lose_nothing() {
        let moment = Moment(Timestamp(1_795_255_200_123_456));
        assert_eq!(serde_json::to_value(moment).unwrap(), "2026-11-21T10:00:00.123456Z");
    }

    #[test]
    fn pages_are_counted_from_one_and_the_last_may_be_short() {
        let second = Paged { page: 2, limit: 20 };
        assert_eq!((second.paging().offset, second.paging().limit), (20, 20));
        assert_eq!(second.of(41).total_pages, 3);
        assert_eq!(second.of(40).total_pages, 2);
        assert_eq!(second.of(0).total_pages, 0);
        let last = Paged { page: u32::MAX, limit: 500 };
        assert_eq!(last.paging().offset, 4_294_967_294 * 500);
    }
}
