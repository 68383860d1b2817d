//! The GitGuardian dialect: what `ggshield` and other clients of GitGuardian's public API speak.
//!
//! Every path is served under `/v1`, and under `/exposed/v1`, which clients use for servers that are not the vendor's
//! (reference §1.1).

mod audit;
mod detector;
mod headers;
mod health;
mod honeytoken;
mod honeytoken_check;
mod honeytoken_context;
mod honeytoken_event;
mod honeytoken_note;
mod honeytoken_refusal;
mod honeytoken_shape;
mod incident;
mod incident_action;
mod incident_filter;
mod incident_more;
mod incident_shape;
mod invitation;
mod member;
mod membership;
mod note;
mod occurrence;
mod occurrence_shape;
mod page;
mod people;
mod report;
mod scan;
mod secret;
mod shape;
mod source;
mod source_shape;
mod status;
mod team;
mod token;
mod word;

pub(crate) use headers::add as add_headers;

use crate::app::App;
use crate::routes::{Access, Routes};
use scanledger_domain::identity::Action;
use std::mem::take;
use utoipa_axum::router::UtoipaMethodRouter;
use utoipa_axum::routes;

/// Every route of the dialect with what it takes to use it.
pub fn routes() -> Routes {
    use Access::Needs;
    use Action::{ManageKeys, OwnKey, ReadKeys, ReadMembers, Scan, WriteMembers};
    let routes: [(Access, UtoipaMethodRouter<App>); 19] = [
        (Needs(OwnKey), routes!(health::health)),
        (Needs(OwnKey), routes!(status::metadata)),
        (Needs(OwnKey), routes!(status::quotas)),
        (Needs(OwnKey), routes!(token::read_token_of_sign_in)),
        (Needs(OwnKey), routes!(token::sign_out)),
        (Needs(Scan), routes!(scan::scan)),
        (Needs(Scan), routes!(scan::multiscan)),
        (Needs(Scan), routes!(detector::list_detectors)),
        (Needs(Scan), routes!(detector::read_detector)),
        (Needs(OwnKey), routes!(token::read_own_token)),
        (Needs(OwnKey), routes!(token::revoke_own_token)),
        (Needs(ReadKeys), routes!(token::list_tokens)),
        (Needs(ReadKeys), routes!(token::read_token)),
        (Needs(ManageKeys), routes!(token::revoke_token)),
        (Needs(ReadMembers), routes!(member::list_members)),
        (Needs(ReadMembers), routes!(member::read_member)),
        (Needs(WriteMembers), routes!(member::patch_member)),
        (Needs(WriteMembers), routes!(member::put_member)),
        (Needs(WriteMembers), routes!(member::remove_member)),
    ];
    let routes =
        routes.into_iter().chain(incident_routes()).chain(people_routes()).chain(honeytoken_routes());
    routes.fold(Routes::default(), |routes, (access, methods)| {
        let exposed = exposed(methods.clone());
        routes.add(access, methods).add(access, exposed)
    })
}

fn incident_routes() -> [(Access, UtoipaMethodRouter<App>); 30] {
    use Access::{Needs, Open};
    use Action::{Read, ReadSecrets, ReadSources, Report, Share, Triage};
    [
        (Needs(Read), routes!(incident::list_incidents)),
        (Needs(Read), routes!(incident::list_incidents_of_source)),
        (Needs(Read), routes!(incident::list_incidents_of_member)),
        (Needs(Read), routes!(incident::list_incidents_of_team)),
        (Needs(Read), routes!(incident::read_incident)),
        (Needs(Triage), routes!(incident::patch_incident)),
        (Needs(Triage), routes!(incident::put_incident)),
        (Needs(Triage), routes!(incident_action::assign)),
        (Needs(Triage), routes!(incident_action::unassign)),
        (Needs(Triage), routes!(incident_action::resolve)),
        (Needs(Triage), routes!(incident_action::ignore)),
        (Needs(Triage), routes!(incident_action::reopen)),
        (Needs(Share), routes!(incident_action::share)),
        (Needs(Share), routes!(incident_action::unshare)),
        (Needs(Read), routes!(note::list_notes)),
        (Needs(Triage), routes!(note::add_note)),
        (Needs(Triage), routes!(note::patch_note)),
        (Needs(Triage), routes!(note::put_note)),
        (Needs(Triage), routes!(note::remove_note)),
        (Needs(Read), routes!(incident_more::leaks)),
        (Needs(Read), routes!(incident_more::vaults)),
        (Needs(Read), routes!(incident_more::impacted_perimeter)),
        (Needs(Read), routes!(incident_more::activity_logs)),
        (Needs(Read), routes!(occurrence::list_occurrences)),
        (Needs(ReadSecrets), routes!(secret::read_secret)),
        (Needs(Read), routes!(secret::list_severity_rules)),
        (Open, routes!(secret::read_shared_incident)),
        (Needs(ReadSources), routes!(source::list_sources)),
        (Needs(ReadSources), routes!(source::read_source)),
        (Needs(Report), routes!(report::create_incidents)),
    ]
}

fn people_routes() -> [(Access, UtoipaMethodRouter<App>); 17] {
    use Access::Needs;
    use Action::{ReadAudit, ReadSources, ReadTeams, WriteMembers, WriteTeams};
    [
        (Needs(ReadAudit), routes!(audit::list_entries)),
        (Needs(ReadAudit), routes!(audit::list_event_names)),
        (Needs(WriteMembers), routes!(invitation::list_invitations)),
        (Needs(WriteMembers), routes!(invitation::invite)),
        (Needs(WriteMembers), routes!(invitation::read_invitation)),
        (Needs(WriteMembers), routes!(invitation::revoke_invitation)),
        (Needs(ReadTeams), routes!(team::list_teams)),
        (Needs(ReadTeams), routes!(team::list_teams_of_member)),
        (Needs(WriteTeams), routes!(team::create_team)),
        (Needs(ReadTeams), routes!(team::read_team)),
        (Needs(WriteTeams), routes!(team::patch_team)),
        (Needs(WriteTeams), routes!(team::delete_team)),
        (Needs(ReadSources), routes!(team::list_sources_of_team)),
        (Needs(ReadTeams), routes!(membership::list_memberships)),
        (Needs(WriteTeams), routes!(membership::add_membership)),
        (Needs(WriteTeams), routes!(membership::patch_membership)),
        (Needs(WriteTeams), routes!(membership::remove_membership)),
    ]
}

fn honeytoken_routes() -> [(Access, UtoipaMethodRouter<App>); 13] {
    use Access::Needs;
    use Action::{CheckHoneytokens, ReadHoneytokens, WriteHoneytokens};
    [
        (Needs(ReadHoneytokens), routes!(honeytoken::list_honeytokens)),
        (Needs(WriteHoneytokens), routes!(honeytoken::create_honeytoken)),
        (Needs(WriteHoneytokens), routes!(honeytoken_context::create_with_context)),
        (Needs(CheckHoneytokens), routes!(honeytoken_check::check_prefixes)),
        (Needs(ReadHoneytokens), routes!(honeytoken::read_honeytoken)),
        (Needs(WriteHoneytokens), routes!(honeytoken::patch_honeytoken)),
        (Needs(WriteHoneytokens), routes!(honeytoken::reset_honeytoken)),
        (Needs(WriteHoneytokens), routes!(honeytoken::revoke_honeytoken)),
        (Needs(ReadHoneytokens), routes!(honeytoken_note::list_honeytoken_notes)),
        (Needs(WriteHoneytokens), routes!(honeytoken_note::add_honeytoken_note)),
        (Needs(WriteHoneytokens), routes!(honeytoken_note::edit_honeytoken_note)),
        (Needs(WriteHoneytokens), routes!(honeytoken_note::remove_honeytoken_note)),
        (Needs(ReadHoneytokens), routes!(honeytoken_event::list_honeytoken_events)),
    ]
}

/// The same under `/exposed`.
fn exposed((schemas, mut paths, methods): UtoipaMethodRouter<App>) -> UtoipaMethodRouter<App> {
    let moved = take(&mut paths.paths).into_iter().map(|(path, item)| (format!("/exposed{path}"), item));
    paths.paths = moved.collect();
    (schemas, paths, methods)
}

#[cfg(test)]
mod tests {
    use super::routes;
    use crate::routes::Rule;
    use std::collections::BTreeSet;

    #[test]
    fn both_prefixes_serve_the_same() {
        let (_, _, rules) = routes().into_parts();
        let under = |prefix: &str| -> BTreeSet<(String, &str)> {
            let of = |rule: &Rule| Some((rule.path.strip_prefix(prefix)?.to_owned(), rule.method));
            rules.iter().filter_map(of).collect()
        };
        let direct = under("/v1/");
        assert_eq!(direct, under("/exposed/v1/"));
        assert_eq!(direct.len() * 2, rules.len());
    }
}
