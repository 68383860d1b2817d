//! Parts of the path.

use crate::app::App;
use crate::problem::Problem;
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use std::str::FromStr;

/// The parameter `{id}`. What is no id of ours names nothing: 404.
pub struct Id<T>(pub T);

impl<T: FromStr> FromRequestParts<App> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        parameter(parts, app, "id").await?.parse().map(Self).map_err(|_| Problem::missing("thing"))
    }
}

/// The parameter `{slug}`, in lower case.
pub struct Segment(pub String);

impl FromRequestParts<App> for Segment {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        Ok(Self(parameter(parts, app, "slug").await?.to_lowercase()))
    }
}

async fn parameter(parts: &mut Parts, app: &App, name: &str) -> Result<String, Problem> {
    let parameters = RawPathParams::from_request_parts(parts, app)
        .await
        .map_err(|_| Problem::bad_request("the path is not valid UTF-8"))?;
    let value =
        parameters.iter().find(|(parameter, _)| *parameter == name).map(|(_, value)| value.to_owned());
    value.ok_or_else(|| Problem::missing("thing"))
}
