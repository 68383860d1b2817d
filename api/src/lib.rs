//! How it is asked: REST dialects, GraphQL and web pages.
//!
//! A dialect holds its paths, its words, its shapes and its errors, and no rule: rules are in the domain.
//! Handlers translate a request into one command or one query, and its outcome into an answer.

pub mod app;
pub mod auth;
pub mod excerpt;
pub mod extract;
pub mod graphql;
pub mod memory;
mod observe;
mod openapi;
mod ops;
pub mod problem;
pub mod request;
pub mod rest;
pub mod routes;
mod web;

use app::App;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn;
use axum::{Extension, Router};
use memory::Memory;
use routes::{Routes, Rule};

/// Everything that is served over HTTP.
pub fn router(app: App) -> Router {
    let (routes, document, _) = rest_routes().into_parts();
    let routes = routes.merge(openapi::routes(&document)).merge(web::routes()).merge(graphql::routes());
    complete(routes, app)
}

/// What a node serves that only works: probes and metrics.
pub fn operations_router(app: App) -> Router {
    complete(ops::routes().into_parts().0, app)
}

fn complete(routes: Router<App>, app: App) -> Router {
    routes
        .fallback(observe::not_found)
        .method_not_allowed_fallback(observe::method_not_allowed)
        .layer(Extension(Memory::default()))
        // Bodies are limited where they are read: to different sizes, and with an answer in the dialect's shape.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn(observe::observe))
        .layer(Extension(request::Ids(std::sync::Arc::clone(&app.ids))))
        .with_state(app)
}

/// Every REST route with what it takes to use it, by path.
pub fn route_table() -> Vec<Rule> {
    rest_routes().into_parts().2
}

/// The OpenAPI document of every REST route, as JSON.
pub fn openapi_document() -> String {
    openapi::render(&rest_routes().into_parts().1)
}

fn rest_routes() -> Routes {
    Routes::default().merge(rest::pepper::routes()).merge(rest::native::routes()).merge(ops::routes())
}
