//! The OpenAPI document of every REST route.

use crate::app::App;
use crate::auth::{SECURE_PREFIX, SESSION_COOKIE};
use crate::problem::{Detail, ProblemBody};
use crate::routes::header;
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use bytes::Bytes;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use std::collections::BTreeMap;
use utoipa::OpenApi as _;
use utoipa::openapi::header::Header;
use utoipa::openapi::path::{Operation, Parameter};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Info, RefOr, Schema};

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

/// What the document is made of, each piece as its JSON.
///
/// As values the pieces of a few hundred routes take tens of megabytes, which an allocator does not give back; so
/// each is written down as soon as its route is known.
#[derive(Debug, Default)]
pub struct Fragments {
    /// By path and lower-case method.
    paths: BTreeMap<String, BTreeMap<String, Box<RawValue>>>,
    schemas: BTreeMap<String, Box<RawValue>>,
}

impl Fragments {
    /// Adds what a route says of one of its methods.
    pub fn add_operation(&mut self, path: &str, method: &str, operation: &Operation) {
        let methods = self.paths.entry(path.to_owned()).or_default();
        methods.insert(method.to_ascii_lowercase(), raw(operation));
    }

    /// Adds shapes by name; the first of a name counts.
    pub fn add_schemas(&mut self, schemas: Vec<(String, RefOr<Schema>)>) {
        for (name, schema) in schemas {
            self.schemas.entry(name).or_insert_with(|| raw(&schema));
        }
    }

    /// Adds all pieces of `other`.
    pub fn merge(&mut self, other: Self) {
        for (path, methods) in other.paths {
            self.paths.entry(path).or_default().extend(methods);
        }
        for (name, schema) in other.schemas {
            self.schemas.entry(name).or_insert(schema);
        }
    }
}

fn raw(value: &impl Serialize) -> Box<RawValue> {
    to_raw_value(value).expect("a document has string keys and no failing serializer")
}

/// The document as it is sent.
#[derive(Serialize)]
struct Document<'a> {
    openapi: &'static str,
    info: Info,
    paths: &'a BTreeMap<String, BTreeMap<String, Box<RawValue>>>,
    components: Components<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Components<'a> {
    schemas: &'a BTreeMap<String, Box<RawValue>>,
    parameters: BTreeMap<&'static str, Parameter>,
    headers: BTreeMap<&'static str, Header>,
    security_schemes: BTreeMap<&'static str, SecurityScheme>,
}

/// The document as JSON.
pub fn render(mut fragments: Fragments) -> String {
    let frame = Frame::openapi();
    fragments.add_schemas(frame.components.into_iter().flat_map(|components| components.schemas).collect());
    let mut info = frame.info;
    env!("CARGO_PKG_VERSION").clone_into(&mut info.version);
    let document = Document {
        openapi: "3.1.0",
        info,
        paths: &fragments.paths,
        components: Components {
            schemas: &fragments.schemas,
            parameters: header::parameters(),
            headers: header::headers(),
            security_schemes: schemes().into_iter().collect(),
        },
    };
    serde_json::to_string(&document).expect("a document has string keys and no failing serializer")
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
pub fn routes(document: Fragments) -> Router<App> {
    let json = Bytes::from(render(document));
    let serve = move || {
        let json = json.clone();
        async move { ([(CONTENT_TYPE, "application/json")], json).into_response() }
    };
    Router::new().route("/openapi.json", get(serve))
}
