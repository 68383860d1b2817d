//! Shapes that answers of the dialect share.

use crate::app::App;
use crate::problem::Problem;
use crate::request::POSITION;
use crate::rest::shown;
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use scanledger_domain::log::Position;
use scanledger_domain::time::Timestamp;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// An instant as RFC 3339 in UTC, with microseconds where there are any (reference §1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(as = gitguardian::Moment, value_type = String, format = DateTime)]
pub struct Moment(pub Timestamp);

impl Moment {
    /// The minute in which something happened (reference §1.1: when a token was last used).
    pub fn of_minute(at: Timestamp) -> Self {
        Self(Timestamp(at.0 - at.0.rem_euclid(60_000_000)))
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_rfc3339_micros().replace(".000000", ""))
    }
}

/// 204 with the position of what was done, once reads show it.
pub async fn done(app: &App, position: Option<Position>) -> Response {
    let position = shown(app, position).await;
    (StatusCode::NO_CONTENT, [(POSITION, position.to_string())]).into_response()
}

/// The numbers in a path, in their order. What is no number names nothing: 404.
pub struct Numbers<const N: usize>(pub [u64; N]);

impl<const N: usize> FromRequestParts<App> for Numbers<N> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let missing = || Problem::missing("thing");
        let path = RawPathParams::from_request_parts(parts, app).await.map_err(|_| missing())?;
        let numbers = path.iter().filter_map(|(_, text)| text.parse().ok());
        numbers.collect::<Vec<u64>>().try_into().map(Self).map_err(|_| missing())
    }
}

#[cfg(test)]
mod tests {
    use super::Moment;
    use scanledger_domain::time::Timestamp;

    fn text(moment: Moment) -> String {
        serde_json::to_value(moment).unwrap().as_str().unwrap().to_owned()
    }

    #[test]
    fn microseconds_are_shown_where_there_are_any() {
        assert_eq!(text(Moment(Timestamp(1_795_255_200_000_000))), "2026-11-21T10:00:00Z");
        assert_eq!(text(Moment(Timestamp(1_795_255_200_000_001))), "2026-11-21T10:00:00.000001Z");
    }

    #[test]
    fn a_minute_has_no_seconds() {
        assert_eq!(text(Moment::of_minute(Timestamp(1_795_255_259_999_999))), "2026-11-21T10:00:00Z");
    }
}
