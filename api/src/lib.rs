//! How it is asked: REST dialects, GraphQL and web pages.
//!
//! A dialect holds its paths, its words, its shapes and its errors, and no rule: rules are in the domain.
//! Handlers translate a request into one command or one query, and its outcome into an answer.

pub mod app;
pub mod auth;
mod dialect;
pub mod documents;
pub mod entrance;
pub mod excerpt;
pub mod extract;
pub mod graphql;
pub mod limit;
pub mod memory;
mod observe;
mod openapi;
mod ops;
pub mod origins;
pub mod problem;
pub mod request;
pub mod rest;
pub mod routes;
mod web;

use app::App;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::{Extension, Router};
use limit::{Guard, Limits};
use memory::Memory;
use origins::AllowedOrigins;
use routes::{Routes, Rule};
use std::sync::Arc;

/// Everything that is served over HTTP, to each client as far as `limits` go.
pub fn router(app: App, limits: Arc<Limits>) -> Router {
    let (routes, document, rules) = rest_routes().into_parts();
    let routes = routes.merge(openapi::routes(document)).merge(web::routes()).merge(graphql::routes());
    let guard = Guard::new(Arc::clone(&limits), &rules);
    let origins = Arc::clone(limits.origins());
    let routes =
        with_fallbacks(routes).layer(from_fn_with_state(guard, limit::guard)).layer(Extension(limits));
    complete(routes, app, origins)
}

/// What a node serves that only works: probes and metrics.
pub fn operations_router(app: App) -> Router {
    complete(with_fallbacks(ops::routes().into_parts().0), app, Arc::default())
}

fn with_fallbacks(routes: Router<App>) -> Router<App> {
    routes.fallback(observe::not_found).method_not_allowed_fallback(observe::method_not_allowed)
}

fn complete(routes: Router<App>, app: App, origins: Arc<AllowedOrigins>) -> Router {
    let mut routes = routes
        .layer(Extension(Memory::default()))
        // Bodies are limited where they are read: to different sizes, and with an answer in the dialect's shape.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn(dialect::shape));
    if !origins.is_empty() {
        routes = routes.layer(from_fn_with_state(origins, origins::share));
    }
    routes
        .layer(from_fn(observe::observe))
        .layer(Extension(request::Ids(Arc::clone(&app.ids))))
        .with_state(app)
}

/// Every REST route with what it takes to use it, by path.
pub fn route_table() -> Vec<Rule> {
    rest_routes().into_parts().2
}

/// The OpenAPI document of every REST route, as JSON.
pub fn openapi_document() -> String {
    openapi::render(rest_routes().into_parts().1)
}

fn rest_routes() -> Routes {
    Routes::default()
        .merge(rest::pepper::routes())
        .merge(rest::trusca::routes())
        .merge(rest::gitguardian::routes())
        .merge(rest::semgrep::routes())
        .merge(rest::dpendx::routes())
        .merge(rest::decoy::routes())
        .merge(rest::native::routes())
        .merge(ops::routes())
}
