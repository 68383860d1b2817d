//! The OpenAPI document of every REST route.

use crate::app::App;
use crate::problem::{Detail, ProblemBody};
use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use bytes::Bytes;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Scanledger",
        description = "A self-hosted application-security backend whose every change is one event in one log.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(ProblemBody, Detail))
)]
struct Frame;

/// The document as JSON.
pub fn render(routes: &OpenApi) -> String {
    let mut document = Frame::openapi();
    document.merge(routes.clone());
    env!("CARGO_PKG_VERSION").clone_into(&mut document.info.version);
    let key = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("ppr_…");
    let key = key.description(Some("An API key of the Pepper dialect.")).build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("apiKey", SecurityScheme::Http(key));
    document.to_pretty_json().expect("a document has string keys and no failing serializer")
}

/// Serves the document.
pub fn routes(document: &OpenApi) -> Router<App> {
    let json = Bytes::from(render(document));
    let serve = move || {
        let json = json.clone();
        async move { ([(header::CONTENT_TYPE, "application/json")], json).into_response() }
    };
    Router::new().route("/openapi.json", get(serve))
}
