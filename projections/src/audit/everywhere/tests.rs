//! Pages of the audit log of several organizations, and the plans behind them.

use super::{AuditReach, AuditSearch, Plan, page};
use crate::page::Paging;
use crate::store::open_writer;
use rusqlite::{Connection, params};
use scanledger_domain::id::{OrganizationId, TeamId, UserId};
use scanledger_domain::log::Position;
use scanledger_domain::time::Timestamp;
use uuid::Uuid;

const ACME: OrganizationId = OrganizationId(Uuid::from_u128(1));
const OTHER: OrganizationId = OrganizationId(Uuid::from_u128(2));
const CORE: TeamId = TeamId(Uuid::from_u128(3));
const EDGE: TeamId = TeamId(Uuid::from_u128(4));
const ANA: UserId = UserId(Uuid::from_u128(0x0a0a));

/// Acme has the teams core, with a project, and edge, with a key; the other organization has none. Position 60
/// belongs to no organization.
fn world() -> (tempfile::TempDir, Connection) {
    let folder = tempfile::tempdir().unwrap();
    let file = open_writer(&folder.path().join("views.db")).unwrap();
    for (key, organization) in [(1, ACME), (2, OTHER)] {
        file.execute(
            "INSERT INTO organization VALUES (?1, ?2, 'x', 0, ?1)",
            params![key, organization.as_bytes()],
        )
        .unwrap();
    }
    for (key, team) in [(1, CORE), (2, EDGE)] {
        file.execute(
            "INSERT INTO team VALUES (?1, ?2, 1, 'x', NULL, NULL, ?1, 0, 0, NULL)",
            params![key, team.as_bytes()],
        )
        .unwrap();
    }
    let project = Uuid::from_u128(5);
    file.execute(
        "INSERT INTO project (key, id, organization, team, created, created_at) VALUES (1, ?1, 1, ?2, 1, 0)",
        params![project.as_bytes(), CORE.as_bytes()],
    )
    .unwrap();
    let key = Uuid::from_u128(6);
    file.execute(
        "INSERT INTO api_key (key, id, organization, name, form, prefix, hash, kind, role, scopes, breadth, team,
                              created_at)
         VALUES (1, ?1, 1, 'x', 'tos', 'x', 'x', 'personal', 'developer', 'all', 'read_write', ?2, 0)",
        params![key.as_bytes(), EDGE.as_bytes()],
    )
    .unwrap();
    let nobody = Uuid::from_u128(7);
    for (position, organization, project, action, resource, resource_id) in [
        (10, 1, None, "organization.created", "organization", ACME.0),
        (20, 1, None, "team.created", "team", CORE.0),
        (30, 1, Some(1), "project.created", "project", project),
        (40, 1, None, "apikey.created", "apikey", key),
        (50, 2, None, "organization.created", "organization", OTHER.0),
        (60, 0, None, "user.registered", "user", nobody),
    ] {
        file.execute(
            "INSERT INTO audit (position, organization, project, action, resource, resource_id, actor_kind,
                                actor_id, details, recorded_at, request)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7, '{}', ?1 * 1000, 'r')",
            params![
                position,
                organization,
                project,
                action,
                resource,
                resource_id.as_bytes(),
                if position > 20 { ANA.as_bytes() } else { nobody.as_bytes() },
            ],
        )
        .unwrap();
        let text = format!("{action} {} {}", if position > 20 { ANA.0 } else { nobody }, ANA.0);
        file.execute("INSERT INTO audit_text (rowid, text) VALUES (?1, ?2)", params![position, text])
            .unwrap();
    }
    (folder, file)
}

fn all() -> AuditSearch {
    let reach = AuditReach::All;
    AuditSearch { reach, actions: None, user: None, text: None, from: None, to: None, before: None }
}

fn of(organizations: &[OrganizationId], teams: &[TeamId]) -> AuditReach {
    AuditReach::Teams {
        organizations: organizations.iter().copied().collect(),
        teams: teams.iter().copied().collect(),
    }
}

/// The positions of a page of everything, which has to be as long as the total.
#[track_caller]
fn positions(file: &Connection, search: &AuditSearch) -> Vec<u64> {
    let page = page(file, search, Paging { offset: 0, limit: 100 }).unwrap();
    assert_eq!(page.rows.len() as u64, page.total);
    page.rows.iter().map(|row| row.entry.position.0).collect()
}

#[test]
fn everything_is_on_pages_newest_first() {
    let (_folder, file) = world();
    assert_eq!(positions(&file, &all()), [60, 50, 40, 30, 20, 10]);
    let second = page(&file, &all(), Paging { offset: 4, limit: 4 }).unwrap();
    assert_eq!((second.rows.len(), second.total), (2, 6));
    assert_eq!(second.rows[0].entry.position, Position(20));
    assert_eq!(second.rows[0].request.as_deref(), Some("r"));
}

#[test]
fn entries_have_the_team_that_they_are_about() {
    let (_folder, file) = world();
    let page = page(&file, &all(), Paging { offset: 0, limit: 100 }).unwrap();
    let teams: Vec<_> = page.rows.iter().map(|row| row.team).collect();
    assert_eq!(teams, [None, None, Some(EDGE), Some(CORE), Some(CORE), None]);
}

#[test]
fn who_sees_teams_sees_what_is_about_them() {
    let (_folder, file) = world();
    for (reach, expected) in [
        (of(&[], &[CORE]), vec![30, 20]),
        (of(&[], &[EDGE]), vec![40]),
        (of(&[ACME], &[]), vec![40, 30, 20]),
        (of(&[OTHER], &[EDGE]), vec![40]),
        (of(&[OTHER], &[]), vec![]),
        (of(&[], &[]), vec![]),
    ] {
        let seen = AuditSearch { reach, ..all() };
        assert_eq!(positions(&file, &seen), expected);
        let created = Some(vec!["team.created".to_owned(), "project.created".to_owned()]);
        let expected: Vec<u64> = expected.into_iter().filter(|position| *position < 40).collect();
        assert_eq!(positions(&file, &AuditSearch { actions: created.clone(), ..seen.clone() }), expected);
        let text = Some("created".to_owned());
        assert_eq!(positions(&file, &AuditSearch { actions: created, text, ..seen }), expected);
    }
}

#[test]
fn every_field_narrows() {
    let (_folder, file) = world();
    let actions = |types: &[&str]| Some(types.iter().map(|kind| (*kind).to_owned()).collect());
    let organization = actions(&["organization.created"]);
    assert_eq!(positions(&file, &AuditSearch { actions: organization.clone(), ..all() }), [50, 10]);
    assert_eq!(positions(&file, &AuditSearch { actions: actions(&["user.registered"]), ..all() }), [60]);
    assert_eq!(positions(&file, &AuditSearch { actions: actions(&[]), ..all() }), [0; 0]);
    let ana = AuditSearch { user: Some(ANA), ..all() };
    assert_eq!(positions(&file, &ana), [60, 50, 40, 30]);
    assert_eq!(positions(&file, &AuditSearch { actions: organization, ..ana.clone() }), [50]);
    let text = Some("registered".to_owned());
    assert_eq!(positions(&file, &AuditSearch { text, ..ana }), [60]);
    assert_eq!(positions(&file, &AuditSearch { text: Some("%".to_owned()), ..all() }), [0; 0]);
    assert_eq!(positions(&file, &AuditSearch { before: Some(Position(30)), ..all() }), [20, 10]);
}

#[test]
fn instants_are_included() {
    let (_folder, file) = world();
    for (from, to, expected) in [
        (Some(30_000), Some(50_000), vec![50, 40, 30]),
        (Some(30_001), Some(49_999), vec![40]),
        (None, Some(9_999), vec![]),
        (None, Some(10_000), vec![10]),
        (Some(60_000), None, vec![60]),
        (Some(60_001), None, vec![]),
        (Some(i64::MIN), Some(i64::MAX), vec![60, 50, 40, 30, 20, 10]),
    ] {
        let search = AuditSearch { from: from.map(Timestamp), to: to.map(Timestamp), ..all() };
        assert_eq!(positions(&file, &search), expected, "{from:?} to {to:?}");
    }
    file.execute("DELETE FROM audit", []).unwrap();
    assert_eq!(positions(&file, &AuditSearch { from: Some(Timestamp(1)), ..all() }), [0; 0]);
}

/// The steps of a statement's plan, without what is done for the rows of one page.
fn steps(file: &Connection, search: &AuditSearch) -> Vec<String> {
    let plan = Plan::of(file, search).unwrap();
    let mut statement = file.prepare(&format!("EXPLAIN QUERY PLAN {}", plan.count())).unwrap();
    let rows = statement.query_map(&*plan.bound(&[]), |row| row.get::<_, String>(3)).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn narrow_questions_are_answered_from_an_index() {
    let (_folder, file) = world();
    let actions = Some(vec!["user.registered".to_owned()]);
    for (search, expected) in [
        (
            AuditSearch { actions: actions.clone(), ..all() },
            "USING COVERING INDEX audit_action (organization=? AND action=?",
        ),
        (
            AuditSearch { reach: of(&[ACME], &[CORE]), ..all() },
            "USING INDEX audit_organization (organization=?",
        ),
        (
            AuditSearch { reach: of(&[], &[CORE]), actions, ..all() },
            "USING INDEX audit_action (organization=? AND action=?",
        ),
        (AuditSearch { user: Some(ANA), ..all() }, "SEARCH a USING INTEGER PRIMARY KEY (rowid=?)"),
    ] {
        let steps = steps(&file, &search);
        assert!(steps.iter().any(|step| step.contains(expected)), "{expected}: {steps:#?}");
        assert!(!steps.iter().any(|step| step.starts_with("SCAN a")), "{steps:#?}");
    }
}
