//! The Pepper dialect: what CI jobs, IDE plugins and hooks written for Pepper speak.

mod action;
mod apikey;
mod artifact;
mod audit;
mod browser;
mod csrf;
mod export;
mod finding;
mod finding_shape;
mod form;
mod gate;
mod invitation;
mod lifecycle;
mod member;
mod project;
mod project_shape;
mod receive;
mod refusal;
mod register;
mod report_section;
mod scan;
mod scan_shape;
mod session;
mod triage;
mod upload;
pub mod word;

pub(crate) use browser::session_cookie;
pub(crate) use finding::{FindingFilterIn, FindingOut, FindingPage, list as list_findings, with_excerpts};

use crate::routes::{Access, Routes};
use scanledger_domain::identity::Action;
use utoipa_axum::routes;

/// Every route of the dialect with what it takes to use it.
pub fn routes() -> Routes {
    use Access::{Needs, Open};
    use Action::{
        Delete, Export, ManageKeys, OwnAccount, Read, ReadAudit, ReadKeys, ReadMembers, Scan, Triage,
        WriteGate, WriteMembers, WriteProject,
    };
    Routes::default()
        .add(Open, routes!(session::csrf_token))
        .add(Open, routes!(session::providers))
        .add(Open, routes!(session::sign_in))
        .add(Open, routes!(session::read_session))
        .add(Open, routes!(session::sign_out))
        .add(Open, routes!(register::register))
        .add(Needs(ReadMembers), routes!(member::list_members))
        .add(Needs(WriteMembers), routes!(invitation::invite))
        .add(Needs(WriteMembers), routes!(member::update_member))
        .add(Needs(WriteMembers), routes!(member::remove_member))
        .add(Needs(WriteMembers), routes!(invitation::list_invitations))
        .add(Needs(WriteMembers), routes!(invitation::revoke_invitation))
        .add(Needs(OwnAccount), routes!(invitation::accept_invitation))
        .add(Needs(ReadKeys), routes!(apikey::list_keys))
        .add(Needs(ManageKeys), routes!(apikey::create_key))
        .add(Needs(ManageKeys), routes!(apikey::revoke_key))
        .add(Needs(ReadAudit), routes!(audit::list_entries))
        .add(Needs(Read), routes!(project::list_projects))
        .add(Needs(WriteProject), routes!(project::create_project))
        .add(Needs(Read), routes!(project::read_project))
        .add(Needs(WriteProject), routes!(project::update_project))
        .add(Needs(Delete), routes!(project::delete_project))
        .add(Needs(Read), routes!(gate::read_gate))
        .add(Needs(WriteGate), routes!(gate::patch_gate))
        .add(Needs(WriteGate), routes!(gate::put_gate))
        .add(Needs(Scan), routes!(upload::create_scan))
        .add(Needs(Read), routes!(scan::list_scans))
        .add(Needs(Read), routes!(scan::read_scan))
        .add(Needs(Delete), routes!(lifecycle::delete_scan))
        .add(Needs(Scan), routes!(lifecycle::pause_scan))
        .add(Needs(Scan), routes!(lifecycle::resume_scan))
        .add(Needs(Scan), routes!(lifecycle::stop_scan))
        .add(Needs(Scan), routes!(lifecycle::cancel_scan))
        .add(Needs(Scan), routes!(lifecycle::rescan))
        .add(Needs(Read), routes!(artifact::list_artifacts))
        .add(Needs(Export), routes!(artifact::download_artifact))
        .add(Needs(Read), routes!(finding::findings_of_scan))
        .add(Needs(Export), routes!(export::export_findings))
        .add(Needs(Read), routes!(finding::read_finding))
        .add(Needs(Triage), routes!(triage::triage_finding))
        .add(Needs(Triage), routes!(triage::post_bulk))
        .add(Needs(Triage), routes!(triage::patch_bulk))
}
