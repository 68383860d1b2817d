//! The web API of the dialect (Semgrep reference §1–§10): what dashboards and scripts read, and how they triage.
//!
//! A deployment is the caller's organization, by its number or its slug.

mod dependency;
mod dependency_shape;
mod deployment;
mod filter;
mod finding;
mod lenient;
mod package_word;
mod place;
mod policy;
mod project;
mod scan;
mod scan_search;
mod secret;
mod shape;
mod triage;
mod word;

use crate::routes::{Access, Routes};
use scanledger_domain::identity::Action;
use utoipa_axum::routes;

/// Every route of the web API with what it takes to use it.
pub fn routes() -> Routes {
    use Access::{Needs, Open};
    use Action::{Delete, Read, Triage, WritePolicy, WriteProject};
    Routes::default()
        .add(Open, routes!(deployment::ping))
        .add(Needs(Read), routes!(deployment::list_deployments))
        .add(Needs(Read), routes!(project::list_projects))
        .add(Needs(Read), routes!(project::read_project))
        .add(Needs(WriteProject), routes!(project::patch_project))
        .add(Needs(Delete), routes!(project::delete_project))
        .add(Needs(Read), routes!(scan::read_scan))
        .add(Needs(Read), routes!(scan_search::search_scans))
        .add(Needs(Read), routes!(finding::list_findings))
        .add(Needs(Triage), routes!(triage::triage_findings))
        .add(Needs(Read), routes!(policy::list_policies))
        .add(Needs(Read), routes!(policy::read_policy))
        .add(Needs(WritePolicy), routes!(policy::change_policy))
        .add(Needs(Read), routes!(secret::list_secrets))
        .add(Needs(Read), routes!(dependency::list_dependencies))
        .add(Needs(Read), routes!(dependency::list_repositories))
        .add(Needs(Read), routes!(dependency::list_lockfiles))
}
