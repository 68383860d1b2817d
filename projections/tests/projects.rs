//! Projects page by page: by number and by their last scan, from either end, narrowed.

#![expect(clippy::unwrap_used, reason = "a helper of a test that cannot go on has failed")]

#[expect(dead_code, reason = "tests use different parts of the same world")]
mod support;

use scanledger_domain::blob::BlobHash;
use scanledger_domain::id::{OrganizationId, ProjectId, ScanId, TeamId};
use scanledger_domain::identity::{Teamless, Visible};
use scanledger_domain::log::Actor;
use scanledger_domain::project::{
    Created, Deleted, Gate, ProjectDetails, ProjectEvent, Updated, project_stream,
};
use scanledger_domain::scan::{
    ClientRun, Extent, Queued, ScanEvent, ScanType, Source, SourceKind, scan_stream,
};
use scanledger_projections::At;
use scanledger_projections::audit::AuditQuery;
use scanledger_projections::incident::Direction;
use scanledger_projections::project::{ProjectMark, ProjectOrder, ProjectWalk, WalkedKey, WalkedProject};
use std::collections::BTreeSet;
use support::{ORGANIZATION, PROJECT, World};
use uuid::Uuid;

const CORE: TeamId = TeamId(Uuid::from_u128(0xc0));
const DIRECTIONS: [Direction; 2] = [Direction::Ascending, Direction::Descending];

const fn project(number: u128) -> ProjectId {
    ProjectId(Uuid::from_u128(100 + number))
}

fn all(order: ProjectOrder, direction: Direction) -> ProjectWalk {
    ProjectWalk {
        organization: ORGANIZATION,
        visible: Visible::All,
        name_contains: None,
        team: None,
        project: None,
        order,
        direction,
        from: None,
        limit: 100,
    }
}

async fn walk(world: &World, walk: ProjectWalk) -> Vec<WalkedProject> {
    world.views().walk_projects(walk).await.unwrap()
}

fn ids(rows: &[WalkedProject]) -> Vec<ProjectId> {
    rows.iter().map(|found| found.row.id).collect()
}

/// The project that the world has, which was scanned, and five more that were not, the last but one deleted.
async fn six() -> World {
    let mut world = World::new().await;
    for number in 0..5 {
        world.project(project(number), (number % 2 == 0).then_some(CORE)).await;
    }
    let deleted = ProjectEvent::from(Deleted { project: project(3) });
    world.append(project_stream(project(3)), &[deleted]).await;
    world.scan("main", vec![], vec![]).await;
    world.scan("main", vec![], vec![]).await;
    world
}

#[tokio::test]
async fn every_project_is_read_once_in_each_order_and_from_each_row() {
    let world = six().await;
    let numbered = [PROJECT, project(0), project(1), project(2), project(4)];
    for order in [ProjectOrder::Number, ProjectOrder::LastScan] {
        for direction in DIRECTIONS {
            let whole = walk(&world, all(order, direction)).await;
            let mut expected = numbered.to_vec();
            if direction == Direction::Descending {
                expected.reverse();
            }
            assert_eq!(ids(&whole), expected, "whoever has no scan comes last, and by number");
            for (place, last) in whole.iter().enumerate() {
                let mark = ProjectMark { last_scan_at: last.last_scan_at, number: last.row.number };
                let page = ProjectWalk { from: Some(mark), limit: 2, ..all(order, direction) };
                let end = (place + 3).min(whole.len());
                assert_eq!(
                    walk(&world, page.clone()).await,
                    whole[place + 1..end],
                    "{order:?} after {place}"
                );
                let keys = world.views().walk_keys(page).await.unwrap();
                let rest = whole[place + 1..].iter().map(|found| WalkedKey {
                    project: found.row.id,
                    last_scan_at: found.last_scan_at.filter(|_| order == ProjectOrder::LastScan),
                });
                assert_eq!(keys, rest.collect::<Vec<_>>(), "{order:?} after {place}");
            }
        }
    }
    let scanned = &walk(&world, all(ProjectOrder::LastScan, Direction::Ascending)).await[0];
    assert_eq!((scanned.row.scans, scanned.last_scan_at.is_some()), (2, true));
    assert!(scanned.row.latest_scan.is_some());
}

#[tokio::test]
async fn a_mark_at_which_there_is_nothing_to_see_says_no_more_than_any_other_number() {
    let world = six().await;
    let whole = walk(&world, all(ProjectOrder::Number, Direction::Ascending)).await;
    let stranger = OrganizationId(Uuid::from_u128(9));
    for direction in DIRECTIONS {
        for number in 0..=whole.last().unwrap().row.number + 1 {
            let mark = Some(ProjectMark { last_scan_at: None, number });
            let page = ProjectWalk { from: mark, ..all(ProjectOrder::Number, direction) };
            let further = |found: &WalkedProject| match direction {
                Direction::Ascending => found.row.number > number,
                Direction::Descending => found.row.number < number,
            };
            let found: BTreeSet<_> =
                walk(&world, page.clone()).await.iter().map(|found| found.row.number).collect();
            let expected =
                whole.iter().filter(|found| further(found)).map(|found| found.row.number).collect();
            assert_eq!(found, expected, "{direction:?} from {number}");
            assert_eq!(walk(&world, ProjectWalk { organization: stranger, ..page }).await, []);
        }
    }
}

#[tokio::test]
async fn a_walk_is_narrowed() {
    let world = six().await;
    let by_number = all(ProjectOrder::Number, Direction::Ascending);
    let of = async |narrowed: ProjectWalk| ids(&walk(&world, narrowed).await);
    let core = [project(0), project(2), project(4)];
    assert_eq!(of(ProjectWalk { team: Some(CORE), ..by_number.clone() }).await, core);
    let visible = Visible::Teams(BTreeSet::from([CORE]), Teamless::Not);
    assert_eq!(of(ProjectWalk { visible, ..by_number.clone() }).await, core);
    let visible = Visible::Teams(BTreeSet::new(), Teamless::Too);
    assert_eq!(
        of(ProjectWalk { visible: visible.clone(), ..by_number.clone() }).await,
        [PROJECT, project(1)]
    );
    assert!(of(ProjectWalk { visible, team: Some(CORE), ..by_number.clone() }).await.is_empty());
    for (part, found) in [("SHO", vec![PROJECT]), ("%", vec![]), ("project", ids_of([0, 1, 2, 4]))] {
        let name_contains = Some(part.to_owned());
        assert_eq!(of(ProjectWalk { name_contains, ..by_number.clone() }).await, found, "{part}");
    }
    let one = async |project| of(ProjectWalk { project: Some(project), ..by_number.clone() }).await;
    assert_eq!(one(project(2)).await, [project(2)]);
    assert_eq!(one(project(3)).await, [], "it is deleted");
    let organization = OrganizationId(Uuid::from_u128(9));
    assert!(of(ProjectWalk { organization, ..by_number.clone() }).await.is_empty());
}

fn ids_of(numbers: [u128; 4]) -> Vec<ProjectId> {
    numbers.map(project).to_vec()
}

#[tokio::test]
async fn scans_of_old_events_are_shown_without_credentials() {
    let mut world = World::new().await;
    let plain = "https://example.org/a";
    let told = "https://ci:opensesame@example.org/a?private_token=opensesame";
    let client = ClientRun {
        run: Uuid::from_u128(1),
        tool: None,
        extent: Extent::Full,
        products: vec![],
        repository: told.to_owned(),
        repository_url: Some(told.to_owned()),
        environment: None,
        trigger: None,
        job_url: Some(told.to_owned()),
        pull_request: None,
        people: None,
        author: None,
        opener: None,
    };
    let queued = Queued {
        scan: ScanId(Uuid::from_u128(0x5c)),
        organization: ORGANIZATION,
        project: PROJECT,
        branch: "main".to_owned(),
        scan_type: ScanType::Full,
        source: Source {
            kind: SourceKind::Client,
            blob: BlobHash::of(b"source"),
            name: told.to_owned(),
            size: 6,
        },
        commit: None,
        base: None,
        by: Actor::Operator,
        rescan_of: None,
        client: Some(client),
    };
    let scan = queued.scan;
    world.append(scan_stream(scan), &[ScanEvent::from(queued)]).await;
    let row = world.views().scan(ORGANIZATION, scan, At::Now).await.unwrap();
    let client = row.client.unwrap();
    assert_eq!((row.source.name.as_str(), client.repository.as_str()), (plain, plain));
    assert_eq!((client.repository_url.as_deref(), client.job_url.as_deref()), (Some(plain), Some(plain)));
}

#[tokio::test]
async fn addresses_of_old_events_are_read_and_found_without_credentials() {
    let mut world = World::new().await;
    let details = |address: &str| ProjectDetails {
        name: address.to_owned(),
        description: None,
        repo_url: Some(address.to_owned()),
        default_branch: "main".to_owned(),
        dast_target_url: Some(address.to_owned()),
    };
    let created = Created {
        project: project(0),
        organization: ORGANIZATION,
        team: None,
        details: details("https://ci:opensesame@example.org/a"),
        gate: Gate::default(),
    };
    let updated = Updated { project: project(0), details: details("https://example.org/b?token=opensesame") };
    for (event, plain) in [
        (ProjectEvent::from(created), "https://example.org/a"),
        (ProjectEvent::from(updated), "https://example.org/b"),
    ] {
        world.append(project_stream(project(0)), &[event]).await;
        let found = world.views().project_with_repo(ORGANIZATION, &Visible::All, plain).await.unwrap();
        assert_eq!(found, Some(project(0)));
        let rows = walk(&world, all(ProjectOrder::Number, Direction::Ascending)).await;
        let shown = &rows.iter().find(|found| found.row.id == project(0)).unwrap().row.details;
        assert_eq!((shown.repo_url.as_deref(), shown.dast_target_url.as_deref()), (Some(plain), Some(plain)));
        assert_eq!(shown.name, plain);
    }
    let search = AuditQuery {
        organization: ORGANIZATION,
        visible: Visible::All,
        actions: vec![],
        resource: None,
        user: None,
        text: Some("opensesame".to_owned()),
        before: None,
        after: None,
        until: None,
        direction: Direction::Descending,
        limit: 50,
    };
    assert_eq!(world.views().audit_total(search).await.unwrap(), 0, "not by what is not shown");
}
