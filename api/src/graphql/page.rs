//! GraphiQL, served from this binary alone.

use crate::app::App;
use axum::Router;
use axum::extract::Path;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

/// A file of the page.
struct Asset {
    name: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
}

macro_rules! assets {
    ($(($name:literal, $kind:literal)),+ $(,)?) => {
        &[$(Asset {
            name: $name,
            kind: $kind,
            bytes: include_bytes!(concat!("../../assets/graphiql/", $name)),
        }),+]
    };
}

/// Names hold versions, because browsers keep these files for a year.
const ASSETS: &[Asset] = assets![
    ("react-18.3.1.min.js", "text/javascript; charset=utf-8"),
    ("react-dom-18.3.1.min.js", "text/javascript; charset=utf-8"),
    ("graphiql-3.9.0.min.js", "text/javascript; charset=utf-8"),
    ("graphiql-3.9.0.min.css", "text/css; charset=utf-8"),
    ("explorer-1.js", "text/javascript; charset=utf-8"),
    ("explorer-1.css", "text/css; charset=utf-8"),
];

const PAGE: &str = include_str!("../../assets/graphiql/index.html");

/// Nothing but this server's own files may run, and nothing may be asked but this server. The editor sets styles
/// on its elements; its fonts and icons come inside its style sheet.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const KEEP: &str = "public, max-age=31536000, immutable";

/// The files of the page.
pub(super) fn routes() -> Router<App> {
    Router::new().route("/graphql/assets/{name}", get(asset))
}

/// The page.
pub(super) fn page() -> Response {
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-cache"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::VARY, "Accept"),
    ];
    (headers, Html(PAGE)).into_response()
}

async fn asset(Path(name): Path<String>) -> Response {
    match ASSETS.iter().find(|asset| asset.name == name) {
        Some(asset) => {
            let headers = [
                (header::CONTENT_TYPE, asset.kind),
                (header::CACHE_CONTROL, KEEP),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ];
            (headers, asset.bytes).into_response()
        }
        None => crate::observe::not_found().await.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::{ASSETS, PAGE};

    #[test]
    fn the_page_asks_for_nothing_but_files_that_are_here() {
        let asked: Vec<&str> =
            PAGE.split(['"', '\'']).filter(|text| text.starts_with('/') || text.contains("://")).collect();
        assert!(!asked.is_empty());
        for address in asked {
            let name = address.strip_prefix("/graphql/assets/").unwrap_or_else(|| panic!("{address}"));
            assert!(ASSETS.iter().any(|asset| asset.name == name), "{address}");
        }
    }

    #[test]
    fn files_are_there_whole() {
        for asset in ASSETS {
            assert!(!asset.bytes.is_empty(), "{}", asset.name);
        }
    }
}
