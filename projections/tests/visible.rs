//! Lists show what a caller may see: by team, now and as of earlier, with exact totals.

#[expect(dead_code, reason = "tests use different parts of the same world")]
mod support;

use scanledger_domain::id::{OrganizationId, ProjectId, ScanId, TeamId};
use scanledger_domain::identity::{
    OrganizationCreated, OrganizationEvent, ProjectScope, Teamless, Visible, organization_stream,
};
use scanledger_domain::log::{Actor, Position};
use scanledger_domain::project::{Created, Deleted, Gate, ProjectDetails, ProjectEvent, project_stream};
use scanledger_domain::scan::{Queued, ScanEvent, ScanType, Source, SourceKind, scan_stream};
use scanledger_domain::severity::Severity;
use scanledger_projections::audit::AuditQuery;
use scanledger_projections::event::EventQuery;
use scanledger_projections::incident::Direction;
use scanledger_projections::project::{ProjectQuery, ProjectSort};
use scanledger_projections::scan::ScanQuery;
use scanledger_projections::{At, Paging, ReadError};
use std::collections::BTreeSet;
use support::{ORGANIZATION, PROJECT, World, secret};
use uuid::Uuid;

const CORE: TeamId = TeamId(Uuid::from_u128(0xc0));
const EDGE: TeamId = TeamId(Uuid::from_u128(0xed));
const REPOSITORY: &str = "https://example.org/shared";

const fn project(number: u128) -> ProjectId {
    ProjectId(Uuid::from_u128(100 + number))
}

const fn scan(number: u128) -> ScanId {
    ScanId(Uuid::from_u128(200 + number))
}

/// Whose the projects are that [`populated`] makes, by number.
const OWNERS: [Option<TeamId>; 6] = [Some(CORE), Some(EDGE), None, Some(CORE), Some(EDGE), None];

async fn create(world: &mut World, number: usize) {
    let project = project(number as u128);
    let details = ProjectDetails {
        name: format!("project {number}"),
        description: None,
        repo_url: Some(REPOSITORY.to_owned()),
        default_branch: "main".to_owned(),
        dast_target_url: None,
    };
    let team = OWNERS[number];
    let created = Created { project, organization: ORGANIZATION, team, details, gate: Gate::default() };
    world.append(project_stream(project), &[ProjectEvent::from(created)]).await;
    let queued = Queued {
        scan: scan(number as u128),
        organization: ORGANIZATION,
        project,
        branch: "main".to_owned(),
        scan_type: ScanType::Full,
        source: Source {
            kind: SourceKind::Upload,
            blob: scanledger_domain::blob::BlobHash::of(b"source"),
            name: "source.tar.gz".to_owned(),
            size: 6,
        },
        commit: None,
        base: None,
        by: Actor::Operator,
        rescan_of: None,
        client: None,
    };
    world.append(scan_stream(queued.scan), &[ScanEvent::from(queued)]).await;
}

/// Six projects with a scan each, beside the one that every world has; and where three of them were there.
async fn populated() -> (World, Position) {
    let mut world = World::new().await;
    for number in 0..3 {
        create(&mut world, number).await;
    }
    let half = world.views().position();
    for number in 3..6 {
        create(&mut world, number).await;
    }
    (world, half)
}

fn teams(teams: &[TeamId], teamless: Teamless) -> Visible {
    Visible::Teams(teams.iter().copied().collect(), teamless)
}

/// Every kind of sight, and the numbers of the projects that it shows.
fn sights() -> Vec<(Visible, Vec<usize>)> {
    vec![
        (Visible::All, vec![0, 1, 2, 3, 4, 5]),
        (teams(&[CORE], Teamless::Not), vec![0, 3]),
        (teams(&[CORE], Teamless::Too), vec![0, 2, 3, 5]),
        (teams(&[CORE, EDGE], Teamless::Not), vec![0, 1, 3, 4]),
        (teams(&[CORE, EDGE], Teamless::Too), vec![0, 1, 2, 3, 4, 5]),
        (teams(&[], Teamless::Too), vec![2, 5]),
        (teams(&[], Teamless::Not), vec![]),
        (Visible::Project(project(4)), vec![4]),
        (Visible::Project(ProjectId(Uuid::from_u128(9))), vec![]),
    ]
}

fn projects_at(visible: &Visible, at: At, paging: Option<Paging>) -> ProjectQuery {
    ProjectQuery {
        organization: ORGANIZATION,
        visible: visible.clone(),
        at,
        name_contains: Some("project".to_owned()),
        has_repository: None,
        sort: ProjectSort::Name,
        paging,
    }
}

fn scans_at(visible: &Visible, project: Option<ProjectId>, at: At) -> ScanQuery {
    ScanQuery {
        organization: ORGANIZATION,
        visible: visible.clone(),
        project,
        statuses: vec![],
        branch: None,
        at,
        direction: Direction::Descending,
        paging: Paging { offset: 0, limit: 50 },
    }
}

fn audit(visible: &Visible) -> AuditQuery {
    AuditQuery {
        organization: ORGANIZATION,
        visible: visible.clone(),
        actions: vec![],
        resource: None,
        user: None,
        text: None,
        before: None,
        after: None,
        until: None,
        direction: Direction::Descending,
        limit: 50,
    }
}

fn ids(numbers: impl IntoIterator<Item = usize>) -> Vec<ProjectId> {
    numbers.into_iter().map(|number| project(number as u128)).collect()
}

#[test]
fn what_sights_show_is_what_the_domain_says() {
    for (visible, shown) in sights() {
        for (number, team) in OWNERS.into_iter().enumerate() {
            let scope = ProjectScope { organization: ORGANIZATION, team, project: project(number as u128) };
            assert_eq!(visible.shows(scope), shown.contains(&number), "{visible:?} {number}");
        }
    }
}

#[tokio::test]
async fn projects_are_listed_by_team_now_and_as_of_earlier() {
    let (world, half) = populated().await;
    for (visible, shown) in sights() {
        for (at, limit) in [(At::Now, 6), (At::Position(half), 3)] {
            let expected = ids(shown.iter().copied().filter(|number| *number < limit));
            let page = world.views().projects(projects_at(&visible, at, None)).await.unwrap();
            let found: Vec<ProjectId> = page.rows.iter().map(|row| row.id).collect();
            assert_eq!((found, page.total), (expected.clone(), expected.len() as u64), "{visible:?} {at:?}");
            let second = Some(Paging { offset: 1, limit: 1 });
            let page = world.views().projects(projects_at(&visible, at, second)).await.unwrap();
            let found: Vec<ProjectId> = page.rows.iter().map(|row| row.id).collect();
            let second: Vec<ProjectId> = expected.iter().copied().skip(1).take(1).collect();
            assert_eq!((found, page.total), (second, expected.len() as u64), "{visible:?} {at:?}");
        }
    }
}

#[tokio::test]
async fn scans_are_listed_by_the_team_of_their_project() {
    let (world, half) = populated().await;
    for (visible, shown) in sights() {
        for (at, limit) in [(At::Now, 6), (At::Position(half), 3)] {
            let mut expected = ids(shown.iter().copied().filter(|number| *number < limit));
            expected.reverse();
            let page = world.views().scans(scans_at(&visible, None, at)).await.unwrap();
            let found: Vec<ProjectId> = page.rows.iter().map(|row| row.project).collect();
            assert_eq!((found, page.total), (expected.clone(), expected.len() as u64), "{visible:?} {at:?}");
            for number in 0..limit {
                let asked = Some(project(number as u128));
                let page = world.views().scans(scans_at(&visible, asked, at)).await.unwrap();
                let is_shown = u64::from(shown.contains(&number));
                assert_eq!(
                    (page.rows.len() as u64, page.total),
                    (is_shown, is_shown),
                    "{visible:?} {number}"
                );
            }
        }
    }
}

#[tokio::test]
async fn events_and_audit_entries_are_those_of_the_projects_that_are_seen() {
    let (world, half) = populated().await;
    let created = "project.created".to_owned();
    for (visible, shown) in sights() {
        for (until, limit) in [(None, 6), (Some(half), 3)] {
            let expected: Vec<usize> = shown.iter().copied().filter(|number| *number < limit).collect();
            let query = EventQuery {
                organization: ORGANIZATION,
                visible: visible.clone(),
                kinds: vec![created.clone(), "scan.queued".to_owned(), "organization.created".to_owned()],
                after: Position::START,
                until,
                limit: 100,
            };
            let found = world.views().event_positions(query).await.unwrap();
            // The organization itself, and the project of every world.
            let others = match &visible {
                Visible::All => 2,
                Visible::Teams(_, Teamless::Too) => 1,
                Visible::Teams(_, Teamless::Not) | Visible::Project(_) => 0,
            };
            assert_eq!(found.positions.len(), 2 * expected.len() + others, "{visible:?} {until:?}");
            assert_eq!(found.examined, until.unwrap_or(world.views().position()));
            let query = AuditQuery { actions: vec![created.clone()], until, ..audit(&visible) };
            let total = world.views().audit_total(query.clone()).await.unwrap();
            let (entries, has_more) = world.views().audit(query.clone()).await.unwrap();
            let found: BTreeSet<Uuid> = entries.iter().map(|entry| entry.resource_id).collect();
            let mut seen: BTreeSet<Uuid> = ids(expected).into_iter().map(|project| project.0).collect();
            if others > 0 {
                seen.insert(PROJECT.0);
            }
            assert_eq!((found, total, has_more), (seen.clone(), seen.len() as u64, false), "{visible:?}");
            let words = AuditQuery { text: Some("project".to_owned()), ..query };
            assert_eq!(world.views().audit_total(words.clone()).await.unwrap(), total, "{visible:?}");
            assert_eq!(world.views().audit(words).await.unwrap().0.len() as u64, total, "{visible:?}");
        }
    }
}

#[tokio::test]
async fn entries_that_belong_to_no_project_are_for_who_sees_everything() {
    let (world, _) = populated().await;
    for (visible, _) in sights() {
        let query = AuditQuery { actions: vec!["organization.created".to_owned()], ..audit(&visible) };
        let total = u64::from(visible == Visible::All);
        assert_eq!(world.views().audit_total(query.clone()).await.unwrap(), total, "{visible:?}");
        assert_eq!(world.views().audit(query).await.unwrap().0.len() as u64, total, "{visible:?}");
    }
}

#[tokio::test]
async fn what_happened_in_a_project_stays_in_the_audit_log_of_its_team_after_its_end() {
    let (mut world, _) = populated().await;
    let deleted = Deleted { project: project(0) };
    world.append(project_stream(project(0)), &[ProjectEvent::from(deleted)]).await;
    let deletions =
        |visible: &Visible| AuditQuery { actions: vec!["project.deleted".to_owned()], ..audit(visible) };
    let own = teams(&[CORE], Teamless::Not);
    assert_eq!(world.views().audit_total(deletions(&own)).await.unwrap(), 1);
    assert_eq!(world.views().audit_total(deletions(&teams(&[EDGE], Teamless::Too))).await.unwrap(), 0);
    let left = world.views().projects(projects_at(&own, At::Now, None)).await.unwrap();
    assert_eq!((left.rows[0].id, left.total), (project(3), 1));
}

#[tokio::test]
async fn a_repository_leads_to_the_eldest_project_that_is_seen() {
    let (world, _) = populated().await;
    for (visible, shown) in sights() {
        let found = world.views().project_with_repo(ORGANIZATION, &visible, REPOSITORY).await.unwrap();
        assert_eq!(found, ids(shown).first().copied(), "{visible:?}");
    }
    let elsewhere = OrganizationId(Uuid::from_u128(9));
    assert_eq!(world.views().project_with_repo(elsewhere, &Visible::All, REPOSITORY).await.unwrap(), None);
}

#[tokio::test]
async fn another_organization_shows_nothing_to_whoever_has_the_same_team() {
    let (mut world, _) = populated().await;
    let elsewhere = OrganizationId(Uuid::from_u128(9));
    let created = OrganizationCreated { organization: elsewhere, name: "Other".to_owned() };
    world.append(organization_stream(elsewhere), &[OrganizationEvent::from(created)]).await;
    for (visible, _) in sights() {
        let query = ProjectQuery { organization: elsewhere, ..projects_at(&visible, At::Now, None) };
        assert_eq!(world.views().projects(query).await.unwrap().total, 0, "{visible:?}");
        let query = ScanQuery { organization: elsewhere, ..scans_at(&visible, None, At::Now) };
        assert_eq!(world.views().scans(query).await.unwrap().total, 0, "{visible:?}");
        let query = AuditQuery { organization: elsewhere, ..audit(&visible) };
        assert_eq!(world.views().audit_total(query).await.unwrap(), 0, "{visible:?}");
    }
}

#[tokio::test]
async fn projects_scans_and_findings_know_where_they_belong() {
    let (mut world, _) = populated().await;
    for (number, team) in OWNERS.into_iter().enumerate() {
        let number = number as u128;
        let scope = ProjectScope { organization: ORGANIZATION, team, project: project(number) };
        assert_eq!(world.views().scope_of_project(project(number)).await.unwrap(), scope);
        assert_eq!(world.views().scope_of_scan(scan(number)).await.unwrap(), scope);
    }
    world.scan("main", vec![secret("src/a.py", 1, Severity::High)], vec![]).await;
    let finding = scanledger_domain::branch::observe(
        PROJECT,
        vec![secret("src/a.py", 1, Severity::High)],
        &Default::default(),
    )[0]
    .finding;
    let found = world.views().finding_scopes(vec![finding]).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].scope, ProjectScope { organization: ORGANIZATION, team: None, project: PROJECT });
    let deleted = Deleted { project: project(1) };
    world.append(project_stream(project(1)), &[ProjectEvent::from(deleted)]).await;
    let missing = world.views().scope_of_project(project(1)).await;
    assert!(matches!(missing, Err(ReadError::Missing("project"))));
    let missing = world.views().scope_of_scan(scan(1)).await;
    assert!(matches!(missing, Err(ReadError::Missing("scan"))));
}
