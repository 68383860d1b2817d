//! Pages for people.

mod docs;

use crate::app::App;
use axum::Router;

/// Every page.
pub fn routes() -> Router<App> {
    docs::routes()
}
