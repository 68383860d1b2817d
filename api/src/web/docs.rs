//! The page to browse the API: RapiDoc, vendored, so that it works offline.

use crate::app::App;
use axum::Router;
use axum::http::header;
use axum::response::{Html, IntoResponse};
use axum::routing::get;

/// See `api/assets/README.md` for source and licence.
const SCRIPT: &[u8] = include_bytes!("../../assets/rapidoc/rapidoc-min.js");
/// Asked for under its version, so it can be kept for good.
const SCRIPT_PATH: &str = "/docs/rapidoc-9.3.8.js";
const PAGE: &str = include_str!("docs.html");
/// RapiDoc brings its styles in elements of its own; everything else comes from this server.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; \
     img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page and its script.
pub fn routes() -> Router<App> {
    Router::new().route("/docs", get(page)).route(SCRIPT_PATH, get(script))
}

async fn page() -> impl IntoResponse {
    let headers = [(header::CONTENT_SECURITY_POLICY, POLICY), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
    (headers, Html(PAGE))
}

async fn script() -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, SCRIPT)
}

#[cfg(test)]
mod tests {
    use super::{PAGE, SCRIPT_PATH};

    #[test]
    fn the_page_asks_for_nothing_from_elsewhere() {
        assert!(PAGE.contains(&format!("src=\"{SCRIPT_PATH}\"")));
        assert!(!PAGE.contains("http://") && !PAGE.contains("https://"));
    }
}
