//! What files for other tools are made of: every interval of every finding and scan, and nothing that was deleted.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[expect(dead_code, reason = "the world is for all tests of this crate, and not all of it is needed here")]
mod support;

use rusqlite::{Connection, OpenFlags};
use scanledger_domain::finding::TriageState;
use scanledger_domain::id::FindingId;
use scanledger_domain::log::Position;
use scanledger_domain::project::{Deleted, ProjectEvent, project_stream};
use scanledger_domain::scan::ScanStatus;
use scanledger_domain::severity::Severity;
use scanledger_domain::time::Timestamp;
use scanledger_projections::export::{
    ExportFile, FindingInterval, ScanInterval, Validity, add_analyst_views,
};
use scanledger_projections::finding::{FindingFilter, FindingQuery, FindingSort, ListScope};
use scanledger_projections::store::snapshot;
use scanledger_projections::{At, Paging};
use std::path::PathBuf;
use support::{ORGANIZATION, PROJECT, World, secret};

/// Two findings on a branch; one is accepted and then goes.
async fn world() -> World {
    let mut world = World::new().await;
    let stays = || secret("src/a.py", 1, Severity::High);
    world.scan("main", vec![stays(), secret("src/b.py", 2, Severity::Low)], vec![]).await;
    let goes = findings(&world)[1].finding;
    world.triage(goes, TriageState::Accepted, Some("a test key")).await;
    world.scan("main", vec![stays()], vec![]).await;
    world
}

fn copy(world: &World) -> PathBuf {
    let path = world.folder.path().join("copy.db");
    drop(std::fs::remove_file(&path));
    assert!(snapshot(world.folder.path(), &path).unwrap().is_some());
    path
}

fn findings(world: &World) -> Vec<FindingInterval> {
    let mut rows = vec![];
    let file = ExportFile::open(&copy(world)).unwrap();
    assert_eq!(file.position().unwrap(), world.views().position());
    let mut keep = |row| {
        rows.push(row);
        Ok::<_, rusqlite::Error>(())
    };
    file.findings(&mut keep).unwrap();
    rows
}

fn scans(world: &World) -> Vec<ScanInterval> {
    let mut rows = vec![];
    let file = ExportFile::open(&copy(world)).unwrap();
    let mut keep = |row| {
        rows.push(row);
        Ok::<_, rusqlite::Error>(())
    };
    file.scans(&mut keep).unwrap();
    rows
}

fn holds(validity: &Validity, at: u64) -> bool {
    validity.from.0 <= Position(at) && validity.to.is_none_or(|(to, _)| Position(at) < to)
}

#[tokio::test]
async fn a_finding_has_an_interval_from_each_change_to_the_next() {
    let world = world().await;
    let intervals = findings(&world);
    let [stays, goes, accepted] = &intervals[..] else { panic!("{intervals:?}") };
    assert_eq!((stays.path.as_str(), stays.severity, stays.line), ("src/a.py", Severity::High, Some(3)));
    assert_eq!((stays.project_name.as_str(), stays.branch_name.as_str()), ("shop", "main"));
    assert_eq!((stays.state, stays.validity.to), (TriageState::Untriaged, None));
    assert_eq!((goes.finding, goes.state), (accepted.finding, TriageState::Untriaged));
    assert_eq!((accepted.state, accepted.since), (TriageState::Accepted, goes.since));
    assert_eq!(goes.validity.to, Some(accepted.validity.from));
    assert!(accepted.validity.to.is_some());
}

#[tokio::test]
async fn intervals_begin_and_end_at_the_times_of_their_events() {
    let world = world().await;
    let events = world.log.read_all(Position::START, usize::MAX).await.unwrap();
    let time = |position: Position| -> Timestamp {
        events.iter().find(|event| event.position == position).unwrap().recorded_at
    };
    let intervals = findings(&world).into_iter().map(|row| row.validity);
    let intervals: Vec<Validity> =
        intervals.chain(scans(&world).into_iter().map(|row| row.validity)).collect();
    assert_eq!(intervals.len(), 7);
    for Validity { from, to } in intervals {
        assert_eq!(from.1, time(from.0));
        assert!(to.is_none_or(|(position, at)| at == time(position) && position > from.0));
    }
}

#[tokio::test]
async fn the_intervals_that_hold_at_a_position_are_the_list_as_of_it() {
    let world = world().await;
    let intervals = findings(&world);
    for at in 2..=world.views().position().0 {
        let query = FindingQuery {
            organization: ORGANIZATION,
            scope: ListScope::Branch(PROJECT, None),
            at: At::Position(Position(at)),
            filter: FindingFilter::default(),
            sort: FindingSort::default(),
            paging: Paging { offset: 0, limit: 500 },
        };
        let key = |finding: FindingId, state: TriageState| (finding, state);
        let list = world.views().findings(query).await.unwrap().rows;
        let mut listed: Vec<_> = list.iter().map(|row| key(row.id, row.state)).collect();
        let held = intervals.iter().filter(|row| holds(&row.validity, at));
        let mut held: Vec<_> = held.map(|row| key(row.finding, row.state)).collect();
        listed.sort();
        held.sort();
        assert_eq!(held, listed, "as of {at}");
    }
}

#[tokio::test]
async fn what_was_deleted_is_left_out() {
    let mut world = world().await;
    assert_eq!(scans(&world).iter().filter(|scan| scan.status == ScanStatus::Queued).count(), 2);
    let deleted = Deleted { project: PROJECT };
    world.append(project_stream(PROJECT), &[ProjectEvent::from(deleted)]).await;
    assert_eq!((findings(&world), scans(&world)), (vec![], vec![]));
}

#[tokio::test]
async fn views_for_people_show_words_and_names() {
    let world = world().await;
    let path = copy(&world);
    add_analyst_views(&path).unwrap();
    let file = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let sql = "SELECT organization, project, branch, severity, state, scanner, path, finding_id FROM analyst_findings";
    let row: Vec<String> =
        file.query_row(sql, [], |row| (0..8).map(|index| row.get(index)).collect()).unwrap();
    assert_eq!(row[..7], ["Acme", "shop", "main", "high", "untriaged", "secrets", "src/a.py"]);
    assert_eq!(row[7], findings(&world)[0].finding.to_string());
    let scans = "SELECT count(*), min(status), min(queued_at) FROM analyst_scans";
    let (scans, status, at): (u32, String, String) =
        file.query_row(scans, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    assert_eq!((scans, status.as_str()), (2, "completed"));
    assert!(at.starts_with("1970-01-01T00:00:") && at.ends_with(".000Z"), "{at}");
}
