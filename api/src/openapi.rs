//! The OpenAPI document of every REST route.

use crate::app::App;
use crate::auth::{SECURE_PREFIX, SESSION_COOKIE};
use crate::problem::{Detail, ProblemBody};
use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use bytes::Bytes;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};

/// The scheme of API keys.
pub(crate) const API_KEY: &str = "apiKey";
/// The scheme of signed tokens in the header.
pub(crate) const SESSION: &str = "session";
/// The scheme of signed tokens in a cookie.
pub(crate) const COOKIE: &str = "sessionCookie";

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
    let components = document.components.get_or_insert_default();
    for (name, scheme) in schemes() {
        components.add_security_scheme(name, scheme);
    }
    document.to_pretty_json().expect("a document has string keys and no failing serializer")
}

/// What requests may show of who sends them.
fn schemes() -> [(&'static str, SecurityScheme); 3] {
    let bearer = || HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
    let key = "An API key. `ppr_…`, `tos_…`, `ggd_sl_…` and keys of 64 hexadecimal digits open the same.";
    let session = "The `access_token` that `POST /auth/login` answers.";
    let cookie = format!(
        "The cookie that signing in with Pepper's way sets; over HTTPS its name begins with `{SECURE_PREFIX}`."
    );
    [
        (API_KEY, SecurityScheme::Http(bearer().bearer_format("ppr_…").description(Some(key)).build())),
        (SESSION, SecurityScheme::Http(bearer().bearer_format("JWT").description(Some(session)).build())),
        (
            COOKIE,
            SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(SESSION_COOKIE, &cookie))),
        ),
    ]
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
