//! The Semgrep dialect: what `semgrep ci`, `login`, `publish` and `scan --config` speak (Semgrep reference §11).

mod account;
mod begin;
mod config;
mod end;
mod finding;
mod memory;
mod people;
mod policy;
mod refusal;
mod registry;
mod results;
mod rule;
mod status;
mod web;

pub(crate) use memory::UploadMemory;

use crate::app::App;
use crate::routes::{Access, Routes};
use scanledger_domain::identity::Action;
use std::mem::take;
use utoipa_axum::router::UtoipaMethodRouter;
use utoipa_axum::routes;

/// Every route of the dialect with what it takes to use it.
pub fn routes() -> Routes {
    use Access::{Needs, Open};
    use Action::{OwnKey, Scan, WritePolicy};
    Routes::default()
        .add(Needs(Scan), routes!(begin::begin))
        .add(Needs(Scan), routes!(begin::begin_with_config))
        .add(Needs(Scan), routes!(config::read_config))
        .add(Needs(Scan), routes!(config::read_legacy_config))
        .add(Needs(Scan), routes!(results::receive_results))
        .add(Needs(Scan), routes!(end::complete_scan))
        .add(Needs(Scan), routes!(end::fail_scan))
        .add(Needs(OwnKey), routes!(account::read_deployment))
        .add(Needs(OwnKey), routes!(account::read_identity))
        .add(Open, routes!(account::request_token))
        .add(Open, routes!(account::read_engine))
        .add(Needs(WritePolicy), routes!(registry::publish_rule))
        .add(Needs(Scan), routes!(registry::read_pack))
        .add(Needs(Scan), at_root(routes!(registry::read_pack)))
        .add(Needs(Scan), routes!(registry::read_rule))
        .add(Needs(Scan), at_root(routes!(registry::read_rule)))
        .add(Open, routes!(status::check_version))
        .add(Open, routes!(status::report_failure))
        .merge(web::routes())
}

/// The same without `/c`: where clients look that are as old as 1.93.
fn at_root((schemas, mut paths, methods): UtoipaMethodRouter<App>) -> UtoipaMethodRouter<App> {
    let moved = take(&mut paths.paths).into_iter().map(|(path, item)| match path.strip_prefix("/c") {
        Some(rest) => (rest.to_owned(), item),
        None => (path, item),
    });
    paths.paths = moved.collect();
    (schemas, paths, methods)
}
