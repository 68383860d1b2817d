//! Lists of branches: what they show, now and as of earlier, and in which order.

#![expect(clippy::unwrap_used, reason = "a helper of a test that cannot go on has failed")]

use super::{component, main_branch, query, some};
use crate::support::{ORGANIZATION, PROJECT, World};
use scanledger_domain::branch::{BranchEvent, BranchRole, Closed, ClosedBecause, branch_id, branch_stream};
use scanledger_domain::finding::TriageState;
use scanledger_domain::id::{OrganizationId, ProjectId, ScanId};
use scanledger_domain::log::Position;
use scanledger_domain::project::{self, ProjectDetails, ProjectEvent, project_stream};
use scanledger_domain::scan::{ScanEvent, scan_stream};
use scanledger_domain::severity::SeverityCounts;
use scanledger_projections::branch::{BranchFilter, BranchQuery, BranchRow, BranchSort, BranchState};
use scanledger_projections::finding::ListScope;
use scanledger_projections::store::{snapshot, table_digests};
use scanledger_projections::{At, Page, Paging, Projector, ReadError};
use std::sync::Arc;
use uuid::Uuid;

fn asked(at: At) -> BranchQuery {
    BranchQuery {
        organization: ORGANIZATION,
        at,
        filter: BranchFilter::default(),
        sort: BranchSort::default(),
        paging: super::ALL,
    }
}

async fn close(world: &mut World, branch: &str, because: ClosedBecause) -> Position {
    let id = branch_id(PROJECT, branch);
    world.append(branch_stream(id), &[BranchEvent::from(Closed { branch: id, because })]).await
}

async fn list(world: &World, query: BranchQuery) -> Page<BranchRow> {
    world.views().branches_of(PROJECT, query).await.unwrap()
}

async fn at(world: &World, position: Position) -> Vec<BranchRow> {
    let page = list(world, asked(At::Position(position))).await;
    assert_eq!(page.rows.len() as u64, page.total);
    page.rows
}

fn names(rows: &[BranchRow]) -> Vec<&str> {
    rows.iter().map(|row| row.name.as_str()).collect()
}

fn of<'r>(rows: &'r [BranchRow], name: &str) -> &'r BranchRow {
    rows.iter().find(|row| row.name == name).unwrap()
}

fn scan_of(row: &BranchRow) -> Option<ScanId> {
    row.last_scan.map(|last| last.scan)
}

#[tokio::test]
async fn a_branch_shows_its_last_scan_and_what_is_on_it() {
    let mut world = World::new().await;
    let (first, _) = world.scan("main", some(0..6), vec![component("a", "1.0.0")]).await;
    let (topic, before) = world.scan("topic", some(0..9), vec![]).await;
    let rows = at(&world, before).await;
    assert_eq!(names(&rows), ["topic", "main"], "the last scanned first");
    let [topic_row, main] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!((main.id, main.role), (branch_id(PROJECT, "main"), BranchRole::Default));
    assert_eq!((topic_row.id, topic_row.role), (branch_id(PROJECT, "topic"), BranchRole::Other));
    assert_eq!((scan_of(main), scan_of(topic_row)), (Some(first), Some(topic)));
    assert!(main.opened_at < main.last_scan.unwrap().at, "a branch is opened by its first results");
    assert!(main.last_scan.unwrap().at < topic_row.opened_at);
    assert_eq!((main.closed, topic_row.closed), (None, None));
    let counts = SeverityCounts { critical: 2, high: 2, medium: 1, low: 1, ..Default::default() };
    assert_eq!((main.counts, main.open), (counts, counts));
    assert_eq!(topic_row.counts.total(), 9);

    let (second, after) = world.scan("main", some(0..2), vec![]).await;
    let rows = at(&world, after).await;
    assert_eq!(names(&rows), ["main", "topic"]);
    assert_eq!((scan_of(&rows[0]), rows[0].counts.total()), (Some(second), 2));
    assert_eq!(rows[0].opened_at, main.opened_at);
    assert_eq!(names(&at(&world, before).await), ["topic", "main"], "the past is as it was");
    world.append(scan_stream(second), &[deleted(second)]).await;
    let rows = list(&world, asked(At::Now)).await.rows;
    assert_eq!((names(&rows), scan_of(&rows[1])), (vec!["topic", "main"], Some(first)));
}

fn deleted(scan: ScanId) -> ScanEvent {
    scanledger_domain::scan::Deleted { scan }.into()
}

#[tokio::test]
async fn findings_are_open_as_long_as_something_is_to_be_done_about_them() {
    let mut world = World::new().await;
    world.scan("main", some(0..8), vec![]).await;
    world.scan("topic", some(0..8), vec![]).await;
    let listed = world.views().findings(query(main_branch(), At::Now)).await.unwrap().rows;
    let before = world.views().position();
    for (row, state) in listed.iter().zip(TriageState::ALL) {
        if state != TriageState::Untriaged {
            world.triage(row.id, state, Some("looked at")).await;
        }
    }
    let expected = TriageState::ALL.iter().filter(|state| state.is_open()).count() as u64 + 1;
    for row in list(&world, asked(At::Now)).await.rows {
        assert_eq!((row.open.total(), row.counts.total()), (expected, 8), "{}", row.name);
    }
    assert!(at(&world, before).await.iter().all(|row| row.open == row.counts));
    let asked = query(ListScope::Branch(PROJECT, Some("topic".to_owned())), At::Now);
    let found = world.views().findings(asked).await.unwrap().rows;
    let still = found.iter().filter(|row| row.state.is_open()).count() as u64;
    assert_eq!(still, expected, "as the list of findings says");
}

#[tokio::test]
async fn a_branch_that_was_closed_later_was_open_then() {
    let mut world = World::new().await;
    world.scan("main", some(0..2), vec![]).await;
    let (scan, open) = world.scan("topic", some(0..5), vec![]).await;
    let gone = close(&mut world, "topic", ClosedBecause::Merged).await;
    let (_, later) = world.scan("main", some(0..2), vec![]).await;
    let (_, again) = world.scan("topic", some(0..3), vec![]).await;
    let end = close(&mut world, "topic", ClosedBecause::Silent).await;
    let because = |rows: &[BranchRow]| of(rows, "topic").closed.map(|closed| closed.because);
    for (position, reason, findings) in [
        (open, None, 5),
        (gone, Some(ClosedBecause::Merged), 0),
        (later, Some(ClosedBecause::Merged), 0),
        (again, None, 3),
        (end, Some(ClosedBecause::Silent), 0),
    ] {
        let rows = at(&world, position).await;
        assert_eq!((because(&rows), of(&rows, "topic").counts.total()), (reason, findings), "{position}");
        assert_eq!(of(&rows, "main").closed, None);
    }
    let (first, second) = (at(&world, gone).await, at(&world, end).await);
    let (first, second) = (of(&first, "topic"), of(&second, "topic"));
    assert_eq!(scan_of(first), Some(scan), "what was scanned last is still known");
    assert!(first.opened_at < first.closed.unwrap().at && first.closed.unwrap().at < second.opened_at);
    assert!(second.opened_at < second.closed.unwrap().at);
    assert_eq!(at(&world, Position(open.0 - 1)).await.len(), 2);
    assert_eq!(at(&world, Position(2)).await, [], "nothing was opened yet");
    assert_eq!(at(&world, Position(1)).await, [], "there was no project yet");
    let of_scan = list(&world, asked(At::Scan(scan))).await;
    assert_eq!(because(&of_scan.rows), None);
}

#[tokio::test]
async fn closing_twice_is_closing_once_and_a_rebuild_says_the_same() {
    let mut world = World::new().await;
    world.scan("main", some(0..1), vec![]).await;
    world.scan("topic", some(0..3), vec![]).await;
    close(&mut world, "topic", ClosedBecause::Deleted).await;
    world.scan("topic", some(0..3), vec![]).await;
    close(&mut world, "topic", ClosedBecause::Merged).await;
    close(&mut world, "topic", ClosedBecause::Deleted).await;
    let rows = list(&world, asked(At::Now)).await.rows;
    assert_eq!(of(&rows, "topic").closed.map(|closed| closed.because), Some(ClosedBecause::Merged));
    let live = world.folder.path().join("live.db");
    snapshot(world.folder.path(), &live).unwrap().unwrap();
    let fresh = tempfile::tempdir().unwrap();
    let projector = Projector::open(fresh.path(), Arc::clone(&world.log)).await.unwrap();
    projector.catch_up().await.unwrap();
    let rebuilt = fresh.path().join("rebuilt.db");
    snapshot(fresh.path(), &rebuilt).unwrap().unwrap();
    assert_eq!(table_digests(&live).unwrap(), table_digests(&rebuilt).unwrap());
}

/// Branches that differ by what they are sorted by: `main`, `alpha` (closed), `Beta`, `gamma_1` and `gammaX1`.
async fn several() -> World {
    let mut world = World::new().await;
    for (branch, findings) in [("gammaX1", 4), ("main", 2), ("alpha", 9), ("Beta", 5), ("gamma_1", 2)] {
        world.scan(branch, some(0..findings), vec![]).await;
    }
    close(&mut world, "alpha", ClosedBecause::Deleted).await;
    world
}

#[tokio::test]
async fn branches_come_by_name_by_last_scan_or_by_open_findings() {
    let world = several().await;
    let before = Position(world.views().position().0 - 1);
    for (sort, now, then) in [
        (
            BranchSort::Recent,
            ["gamma_1", "Beta", "alpha", "main", "gammaX1"],
            ["gamma_1", "Beta", "alpha", "main", "gammaX1"],
        ),
        (
            BranchSort::Name,
            ["alpha", "Beta", "gamma_1", "gammaX1", "main"],
            ["alpha", "Beta", "gamma_1", "gammaX1", "main"],
        ),
        (
            BranchSort::Findings,
            ["Beta", "gammaX1", "gamma_1", "main", "alpha"],
            ["alpha", "Beta", "gammaX1", "gamma_1", "main"],
        ),
    ] {
        let page = list(&world, BranchQuery { sort, ..asked(At::Now) }).await;
        assert_eq!(names(&page.rows), now, "{sort:?}");
        let page = list(&world, BranchQuery { sort, ..asked(At::Position(before)) }).await;
        assert_eq!(names(&page.rows), then, "{sort:?}");
    }
}

#[tokio::test]
async fn branches_are_filtered_by_state_and_name() {
    let world = several().await;
    let before = At::Position(Position(world.views().position().0 - 1));
    let (open, closed) = (Some(BranchState::Open), Some(BranchState::Closed));
    for (state, name, when, expected) in [
        (open, None, At::Now, vec!["Beta", "gamma_1", "gammaX1", "main"]),
        (closed, None, At::Now, vec!["alpha"]),
        (closed, None, before, vec![]),
        (open, Some("ALPHA"), before, vec!["alpha"]),
        (None, Some("MMA"), At::Now, vec!["gamma_1", "gammaX1"]),
        (None, Some("a_1"), At::Now, vec!["gamma_1"]),
        (None, Some("%"), At::Now, vec![]),
        (closed, Some("main"), At::Now, vec![]),
    ] {
        let filter = BranchFilter { state, name_contains: name.map(str::to_owned) };
        let page = list(&world, BranchQuery { filter, sort: BranchSort::Name, ..asked(when) }).await;
        assert_eq!(
            (names(&page.rows), page.total),
            (expected.clone(), expected.len() as u64),
            "{state:?} {name:?}"
        );
    }
}

#[tokio::test]
async fn every_page_is_a_slice_of_the_whole_and_knows_the_total() {
    let world = several().await;
    for sort in [BranchSort::Recent, BranchSort::Name, BranchSort::Findings] {
        let whole = list(&world, BranchQuery { sort, ..asked(At::Now) }).await.rows;
        for offset in 0..7_usize {
            for limit in 0..4_u32 {
                let paging = Paging { offset: offset as u64, limit };
                let page = list(&world, BranchQuery { sort, paging, ..asked(At::Now) }).await;
                let end = (offset + limit as usize).min(5);
                assert_eq!(page.rows, whole[offset.min(end)..end], "{sort:?} from {offset}, {limit}");
                assert_eq!(page.total, 5);
            }
        }
    }
}

#[tokio::test]
async fn the_default_branch_is_that_of_the_moment_and_projects_of_others_are_missing() {
    let mut world = World::new().await;
    world.scan("main", some(0..1), vec![]).await;
    let (_, before) = world.scan("trunk", some(0..1), vec![]).await;
    let details = ProjectDetails {
        name: "shop".to_owned(),
        description: None,
        repo_url: None,
        default_branch: "trunk".to_owned(),
        dast_target_url: None,
    };
    let updated = project::Updated { project: PROJECT, details };
    let after = world.append(project_stream(PROJECT), &[ProjectEvent::from(updated)]).await;
    for (position, default) in [(before, "main"), (after, "trunk")] {
        let rows = at(&world, position).await;
        let found: Vec<&str> =
            rows.iter().filter(|row| row.role == BranchRole::Default).map(|row| row.name.as_str()).collect();
        assert_eq!(found, [default]);
    }
    let nobody = ProjectId(Uuid::from_u128(77));
    let missing = world.views().branches_of(nobody, asked(At::Now)).await;
    assert!(matches!(missing, Err(ReadError::Missing("project"))));
    let foreign = BranchQuery { organization: OrganizationId(Uuid::from_u128(78)), ..asked(At::Now) };
    let missing = world.views().branches_of(PROJECT, foreign.clone()).await;
    assert!(matches!(missing, Err(ReadError::Missing("project"))));
    assert!(world.views().branches_of_projects(vec![PROJECT], foreign).await.unwrap().is_empty());
    let both = world.views().branches_of_projects(vec![nobody, PROJECT], asked(At::Now)).await.unwrap();
    assert_eq!(both.len(), 1);
    assert_eq!(both[&PROJECT], list(&world, asked(At::Now)).await);
    let gone = ProjectEvent::from(project::Deleted { project: PROJECT });
    world.append(project_stream(PROJECT), &[gone]).await;
    let missing = world.views().branches_of(PROJECT, asked(At::Position(before))).await;
    assert!(matches!(missing, Err(ReadError::Missing("project"))));
}
