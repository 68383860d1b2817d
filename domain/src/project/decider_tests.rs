//! The rules of projects, each text at its limits, and names made of file names.

use super::{
    Created, Deleted, GateUpdated, Project, ProjectCommand, ProjectDetails, ProjectEvent, ProjectRefusal,
    Updated, default_project_name, project_stream,
};
use crate::decider::{StoredEvent, given};
use crate::id::{OrganizationId, ProjectId, TeamId};
use crate::limits::{DESCRIPTION_CHARS, NAME_CHARS, REF_CHARS, URL_CHARS};
use crate::project::{Gate, Limit};
use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
use uuid::Uuid;

const SHOP: ProjectId = ProjectId(Uuid::from_u128(1));

fn details() -> ProjectDetails {
    ProjectDetails {
        name: "shop".to_owned(),
        description: None,
        repo_url: None,
        default_branch: "main".to_owned(),
        dast_target_url: None,
    }
}

fn project(details: ProjectDetails) -> Created {
    Created {
        project: SHOP,
        organization: OrganizationId(Uuid::from_u128(2)),
        team: Some(TeamId(Uuid::from_u128(3))),
        details,
        gate: Gate::default(),
    }
}

fn created() -> ProjectEvent {
    project(details()).into()
}

fn updated(details: ProjectDetails) -> ProjectEvent {
    Updated { project: SHOP, details }.into()
}

fn gate_updated(gate: Gate) -> ProjectEvent {
    GateUpdated { project: SHOP, gate }.into()
}

fn deleted() -> ProjectEvent {
    Deleted { project: SHOP }.into()
}

fn renamed() -> ProjectDetails {
    ProjectDetails { name: "web shop".to_owned(), ..details() }
}

fn strict() -> Gate {
    Gate { max_low: Limit::AtMost(0), ..Gate::default() }
}

const DELETE: ProjectCommand = ProjectCommand::Delete { active_scans: 0 };

/// What creating and updating say to `details`; both must say the same.
#[track_caller]
fn accepted(details: &ProjectDetails) {
    given::<Project>([])
        .when(ProjectCommand::Create(project(details.clone())))
        .then([project(details.clone()).into()]);
    given::<Project>([created(), updated(renamed())])
        .when(ProjectCommand::Update(details.clone()))
        .then([updated(details.clone())]);
}

#[track_caller]
fn refused(details: &ProjectDetails, field: &'static str, problem: &'static str) {
    let refusal = ProjectRefusal::BadText { field, problem };
    given::<Project>([]).when(ProjectCommand::Create(project(details.clone()))).then_refused(refusal.clone());
    given::<Project>([created()]).when(ProjectCommand::Update(details.clone())).then_refused(refusal);
}

#[test]
fn a_project_is_created_once() {
    given::<Project>([]).when(ProjectCommand::Create(project(details()))).then([created()]);
    for history in [vec![created()], vec![created(), deleted()]] {
        given::<Project>(history)
            .when(ProjectCommand::Create(project(details())))
            .then_refused(ProjectRefusal::Exists);
    }
}

#[test]
fn what_does_not_exist_cannot_be_changed() {
    for history in [vec![], vec![created(), deleted()]] {
        for command in [ProjectCommand::Update(renamed()), ProjectCommand::UpdateGate(strict()), DELETE] {
            given::<Project>(history.clone()).when(command).then_refused(ProjectRefusal::NotFound);
        }
    }
}

#[test]
fn other_details_are_an_event_and_the_same_are_none() {
    given::<Project>([created()]).when(ProjectCommand::Update(renamed())).then([updated(renamed())]);
    given::<Project>([created()]).when(ProjectCommand::Update(details())).then_nothing();
    given::<Project>([created(), updated(renamed())]).when(ProjectCommand::Update(renamed())).then_nothing();
    given::<Project>([created(), updated(renamed())])
        .when(ProjectCommand::Update(details()))
        .then([updated(details())]);
}

#[test]
fn another_gate_is_an_event_and_the_same_is_none() {
    given::<Project>([created()]).when(ProjectCommand::UpdateGate(strict())).then([gate_updated(strict())]);
    given::<Project>([created()]).when(ProjectCommand::UpdateGate(Gate::default())).then_nothing();
    given::<Project>([created(), gate_updated(strict())])
        .when(ProjectCommand::UpdateGate(strict()))
        .then_nothing();
}

#[test]
fn details_and_gate_do_not_overwrite_each_other() {
    let history = [created(), gate_updated(strict()), updated(renamed())];
    given::<Project>(history.clone()).when(ProjectCommand::UpdateGate(strict())).then_nothing();
    given::<Project>(history).when(ProjectCommand::Update(renamed())).then_nothing();
}

#[test]
fn a_project_is_deleted_once_its_scans_have_ended() {
    given::<Project>([created()])
        .when(ProjectCommand::Delete { active_scans: 1 })
        .then_refused(ProjectRefusal::ActiveScans);
    given::<Project>([created()]).when(DELETE).then([deleted()]);
}

#[test]
fn what_happens_to_a_deleted_project_leaves_it_deleted() {
    given::<Project>([created(), deleted(), updated(renamed()), gate_updated(strict())])
        .when(DELETE)
        .then_refused(ProjectRefusal::NotFound);
}

#[test]
fn a_name_has_something_on_one_line_up_to_its_limit() {
    let name = |name: &str| ProjectDetails { name: name.to_owned(), ..details() };
    let longest = "é".repeat(NAME_CHARS);
    accepted(&name("x"));
    accepted(&name(&longest));
    refused(&name(&format!("{longest}x")), "name", "is too long");
    refused(&name(""), "name", "must not be empty");
    refused(&name(" \t"), "name", "must not be empty");
    refused(&name("bell\u{7}"), "name", "has control characters");
    for two_lines in ["a\nb", "a\rb", "a\tb"] {
        refused(&name(two_lines), "name", "must be one line");
    }
}

#[test]
fn a_description_may_be_empty_or_have_many_lines_up_to_its_limit() {
    let description = |text: &str| ProjectDetails { description: Some(text.to_owned()), ..details() };
    let longest = "é".repeat(DESCRIPTION_CHARS);
    accepted(&description(""));
    accepted(&description("one\r\n\ttwo"));
    accepted(&description(&longest));
    refused(&description(&format!("{longest}x")), "description", "is too long");
    refused(&description("nul\0"), "description", "has control characters");
}

#[test]
fn a_default_branch_is_one_that_scans_can_have() {
    let branch = |branch: &str| ProjectDetails { default_branch: branch.to_owned(), ..details() };
    let longest = "é".repeat(REF_CHARS);
    accepted(&branch("feature/x y"));
    accepted(&branch(&longest));
    refused(&branch(&format!("{longest}x")), "defaultBranch", "is too long");
    refused(&branch(""), "defaultBranch", "must not be empty");
    refused(&branch("ma\0in"), "defaultBranch", "has control characters");
    refused(&branch("ma\nin"), "defaultBranch", "must be one line");
}

#[test]
fn addresses_have_a_known_scheme_and_a_host_up_to_their_limit() {
    const NO_REPOSITORY: &str = "must be an http, https, svn or svn+ssh URL";
    const NO_TARGET: &str = "must be an http or https URL";
    let repo = |url: &str| ProjectDetails { repo_url: Some(url.to_owned()), ..details() };
    let target = |url: &str| ProjectDetails { dast_target_url: Some(url.to_owned()), ..details() };
    let longest = format!("https://{}", "h".repeat(URL_CHARS - "https://".len()));
    for good in ["http://h", "https://example.org:8443/a?b#c", &longest] {
        accepted(&repo(good));
        accepted(&target(good));
    }
    for good in ["svn://example.org/shop/trunk", "svn+ssh://ana@example.org/shop"] {
        accepted(&repo(good));
        refused(&target(good), "dastTargetUrl", NO_TARGET);
    }
    for (bad, problem) in [
        (format!("{longest}h").as_str(), "is too long"),
        ("", "must not be empty"),
        ("https://a\0", "has control characters"),
    ] {
        refused(&repo(bad), "repoUrl", problem);
        refused(&target(bad), "dastTargetUrl", problem);
    }
    for bad in [
        "https://",
        "https:///path",
        "https://a b",
        "https://a\nb",
        "svn://",
        "ftp://example.org",
        "javascript:alert(1)",
        "git@example.org:a/b.git",
    ] {
        refused(&repo(bad), "repoUrl", NO_REPOSITORY);
        refused(&target(bad), "dastTargetUrl", NO_TARGET);
    }
}

/// Details with this address as both, for what holds for either.
fn both(url: &str) -> ProjectDetails {
    ProjectDetails { repo_url: Some(url.to_owned()), dast_target_url: Some(url.to_owned()), ..details() }
}

#[test]
fn addresses_that_hold_credentials_are_refused() {
    let told = |field, details: &ProjectDetails| {
        let refusal = ProjectRefusal::HoldsCredentials { field };
        let create = ProjectCommand::Create(project(details.clone()));
        given::<Project>([]).when(create).then_refused(refusal.clone());
        let update = ProjectCommand::Update(details.clone());
        given::<Project>([created()]).when(update).then_refused(refusal);
    };
    for url in [
        "https://oauth2:opensesame@example.org/shop.git",
        "https://opensesame@example.org/shop.git",
        "https://example.org/shop.git?private_token=opensesame",
    ] {
        told("repoUrl", &both(url));
        told("dastTargetUrl", &ProjectDetails { repo_url: None, ..both(url) });
    }
    for url in ["svn://ana:opensesame@example.org/shop", "svn+ssh://ana:opensesame@example.org/shop"] {
        told("repoUrl", &ProjectDetails { dast_target_url: None, ..both(url) });
    }
    let refusal = ProjectRefusal::HoldsCredentials { field: "repoUrl" };
    assert_eq!(refusal.to_string(), "repoUrl must not hold credentials");
}

#[test]
fn a_project_from_before_credentials_were_refused_is_changed_without_them() {
    let told = both("https://ci:opensesame@example.org/shop");
    let plain = both("https://example.org/shop");
    let other = |details: &ProjectDetails| ProjectDetails { name: "store".to_owned(), ..details.clone() };
    for history in [vec![ProjectEvent::from(project(told.clone()))], vec![created(), updated(told.clone())]] {
        given::<Project>(history.clone()).when(ProjectCommand::Update(plain.clone())).then_nothing();
        given::<Project>(history).when(ProjectCommand::Update(other(&plain))).then([updated(other(&plain))]);
    }
    let read = ProjectEvent::decode("project.updated", 1, &updated(told.clone()).encode()).ok();
    assert_eq!(read, Some(updated(told)), "what was written stays readable");
}

#[test]
fn a_refusal_names_field_and_problem() {
    let refusal = ProjectRefusal::BadText { field: "name", problem: "is too long" };
    assert_eq!(refusal.to_string(), "name is too long");
}

#[test]
fn a_project_is_named_after_its_archive() {
    for (archive, name) in [
        ("shop.zip", "shop"),
        ("shop.ZIP", "shop"),
        ("shop-1.2.tar.gz", "shop-1.2"),
        ("shop.tgz", "shop"),
        ("shop.tar", "shop"),
        ("shop.rar", "shop.rar"),
        ("shop", "shop"),
        ("shop.zip.zip", "shop.zip"),
        ("a/b/shop.zip", "shop"),
        ("C:\\work\\shop.zip", "shop"),
        ("  shop .zip", "shop"),
        ("sh\u{7}op\n.zip", "shop"),
        ("Ünïcode.zip", "Ünïcode"),
        ("İ.zip", "İ"),
        (".zip", "upload"),
        ("", "upload"),
        ("folder/", "upload"),
        (" \t.tar.gz", "upload"),
    ] {
        assert_eq!(default_project_name(archive), name, "{archive:?}");
    }
}

#[test]
fn a_long_archive_name_leaves_room_for_a_number_behind_it() {
    let name = default_project_name(&format!("{}.zip", "é".repeat(NAME_CHARS)));
    assert_eq!(name, "é".repeat(NAME_CHARS - 8));
}

proptest! {
    #[test]
    fn whatever_an_archive_is_called_its_project_can_be_created(archive in any::<String>()) {
        let name = default_project_name(&archive);
        prop_assert!(name.chars().count() <= NAME_CHARS - 8);
        prop_assert_eq!(super::check(&ProjectDetails { name, ..details() }), Ok(()));
    }
}

#[test]
fn its_stream_is_named_by_its_id() {
    assert_eq!(project_stream(SHOP).as_str(), "project-00000000-0000-0000-0000-000000000001");
}
