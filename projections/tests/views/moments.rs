//! What is and was on a branch: as of a position, an instant or a scan.

use super::{ALL, component, main_branch, query, some};
use crate::support::{ORGANIZATION, PROJECT, World};
use scanledger_domain::finding::TriageState;
use scanledger_domain::id::FindingId;
use scanledger_domain::log::Position;
use scanledger_domain::scanning::{Detection, ScannerKind};
use scanledger_projections::diff::DiffQuery;
use scanledger_projections::finding::{FindingFilter, FindingQuery, ListScope};
use scanledger_projections::{At, Paging, ReadError};

#[tokio::test]
async fn triage_moves_a_finding_and_the_past_remembers() {
    let mut world = World::new().await;
    let (_, before) = world.scan("main", some(0..8), vec![]).await;
    let first = world.views().findings(query(main_branch(), At::Now)).await.unwrap().rows[0].clone();
    world.triage(first.id, TriageState::FalsePositive, Some("a test file")).await;
    let open = FindingFilter { states: vec![TriageState::Untriaged], ..Default::default() };
    let now = FindingQuery { filter: open.clone(), ..query(main_branch(), At::Now) };
    assert_eq!(world.views().findings(now).await.unwrap().total, 7);
    let then = FindingQuery { filter: open, ..query(main_branch(), At::Position(before)) };
    let then = world.views().findings(then).await.unwrap();
    assert_eq!(then.total, 8);
    assert_eq!(then.rows[0], first);
    let detail = world.views().finding(ORGANIZATION, first.id, At::Now).unwrap().finding;
    assert_eq!(detail.state, TriageState::FalsePositive);
    assert_eq!(detail.triaged.unwrap().note.as_deref(), Some("a test file"));
    let detail = world.views().finding(ORGANIZATION, first.id, At::Position(before)).unwrap().finding;
    assert_eq!((detail.state, detail.triaged), (TriageState::Untriaged, None));
}

#[tokio::test]
async fn a_finding_that_is_gone_can_still_be_decided_about() {
    let mut world = World::new().await;
    let (first, _) = world.scan("main", some(0..2), vec![]).await;
    let gone = world.views().findings(query(main_branch(), At::Now)).await.unwrap().rows[0].id;
    world.scan("main", some(1..2), vec![]).await;
    world.triage(gone, TriageState::Fixed, Some("removed")).await;
    let found = world.views().finding(ORGANIZATION, gone, At::Now).unwrap();
    assert_eq!((found.finding.state, found.scan), (TriageState::Fixed, Some(first)));
    world.scan("main", some(0..2), vec![]).await;
    let back = world.views().findings(query(main_branch(), At::Now)).await.unwrap();
    let back = back.rows.iter().find(|row| row.id == gone).unwrap();
    assert_eq!(back.state, TriageState::Fixed, "the decision outlived the row");
}

#[tokio::test]
async fn an_old_scan_shows_what_it_found_with_the_triage_of_today() {
    let mut world = World::new().await;
    let (old, at) = world.scan("main", some(0..6), vec![]).await;
    let fixed = world.views().findings(query(main_branch(), At::Now)).await.unwrap().rows[0].id;
    let kept = world.views().findings(query(main_branch(), At::Now)).await.unwrap().rows[5].id;
    let rest: Vec<Detection> = some(0..6).into_iter().filter(|d| d.title != "Secret number0").collect();
    let (new, _) = world.scan("main", rest, vec![]).await;
    world.triage(kept, TriageState::Accepted, None).await;
    let old_list = world.views().findings(query(ListScope::Scan(old), At::Now)).await.unwrap();
    assert_eq!(old_list.total, 6);
    assert!(old_list.rows.iter().any(|row| row.id == fixed));
    let state = old_list.rows.iter().find(|row| row.id == kept).unwrap().state;
    assert_eq!(state, TriageState::Accepted);
    let new_list = world.views().findings(query(ListScope::Scan(new), At::Now)).await.unwrap();
    assert_eq!(new_list.total, 5);
    let as_it_was = world.views().findings(query(ListScope::Scan(old), At::Position(at))).await.unwrap();
    assert!(as_it_was.rows.iter().all(|row| row.state == TriageState::Untriaged));
    let not_yet = world.views().findings(query(ListScope::Scan(new), At::Position(at))).await;
    assert_eq!(not_yet.unwrap().total, 0);
}

#[tokio::test]
async fn a_scan_shows_only_what_it_covered() {
    let mut world = World::new().await;
    world.scan("main", some(0..6), vec![]).await;
    let (sca, _) = world.scan_covering("main", &[ScannerKind::Sca], vec![], vec![]).await;
    assert_eq!(world.views().findings(query(ListScope::Scan(sca), At::Now)).await.unwrap().total, 0);
    assert_eq!(world.views().findings(query(main_branch(), At::Now)).await.unwrap().total, 6);
}

#[tokio::test]
async fn a_branch_begins_with_what_is_on_the_default_branch() {
    let mut world = World::new().await;
    world.scan("main", some(0..5), vec![component("a", "1.0.0")]).await;
    world.scan("topic", some(1..7), vec![component("a", "1.0.0")]).await;
    let topic = ListScope::Branch(PROJECT, Some("topic".to_owned()));
    let list = world.views().findings(query(topic, At::Now)).await.unwrap();
    assert_eq!(list.total, 6);
    let new: Vec<&str> = list.rows.iter().filter(|row| row.is_new).map(|row| row.title.as_str()).collect();
    assert_eq!(new, ["Secret number5", "Secret number6"]);
    assert_eq!(world.projector.health().broken_branches, 0);
}

#[tokio::test]
async fn the_inventory_read_back_is_the_one_folded_from_events() {
    let mut world = World::new().await;
    world.scan("main", some(0..9), vec![component("a", "1.0.0"), component("b", "1.0.0")]).await;
    world.scan("main", some(3..12), vec![component("b", "2.0.0")]).await;
    let read = world.views().inventory(PROJECT, "main").await.unwrap().inventory;
    let folded = world.inventory("main");
    assert_eq!(read.digest, folded.digest);
    assert_eq!(read.components, folded.components);
    let present = |inventory: &scanledger_domain::branch::Inventory| {
        let mut ids: Vec<(FindingId, bool)> =
            inventory.findings.iter().map(|(id, held)| (*id, held.is_present)).collect();
        ids.sort();
        ids
    };
    assert_eq!(present(&read), present(folded));
    assert_eq!(read.last_scan, folded.last_scan);
    assert_eq!(world.projector.health().broken_branches, 0);
}

#[tokio::test]
async fn a_diff_says_what_came_went_and_changed() {
    let mut world = World::new().await;
    let (first, _) = world.scan("main", some(0..5), vec![component("a", "1.0.0")]).await;
    let (_, _) = world.scan("main", some(2..6), vec![component("a", "2.0.0")]).await;
    let id = world.views().findings(query(main_branch(), At::Now)).await.unwrap().rows[0].id;
    world.triage(id, TriageState::Confirmed, None).await;
    let asked = DiffQuery {
        organization: ORGANIZATION,
        project: PROJECT,
        branch: None,
        from: At::Scan(first),
        to: At::Now,
        paging: ALL,
    };
    let diff = world.views().diff(asked.clone()).await.unwrap();
    let names = |rows: &[scanledger_projections::finding::FindingRow]| -> Vec<String> {
        rows.iter().map(|row| row.title.clone()).collect()
    };
    assert_eq!(names(&diff.findings_added.rows), ["Secret number5"]);
    assert_eq!(names(&diff.findings_removed.rows), ["Secret number0", "Secret number1"]);
    assert_eq!(diff.findings_changed.total, 1);
    let (before, after) = &diff.findings_changed.rows[0];
    assert_eq!((before.state, after.state), (TriageState::Untriaged, TriageState::Confirmed));
    assert_eq!(diff.components_added.rows[0].component.version, "2.0.0");
    assert_eq!(diff.components_removed.rows[0].component.version, "1.0.0");
    let pages = async |limit| {
        let mut pages = vec![];
        for offset in (0..3).step_by(limit as usize) {
            let paging = Paging { offset, limit };
            let page = world.views().diff(DiffQuery { paging, ..asked.clone() }).await.unwrap();
            assert_eq!((page.findings_removed.total, page.findings_changed.total), (2, 1));
            pages.push((names(&page.findings_removed.rows), page.findings_changed.rows.len()));
        }
        pages
    };
    let [first, second] = ["Secret number0", "Secret number1"].map(str::to_owned);
    assert_eq!(
        pages(1).await,
        [(vec![first.clone()], 1), (vec![second.clone()], 0), (vec![], 0)],
        "each kind ends where it ends"
    );
    assert_eq!(pages(2).await, [(vec![first, second], 1), (vec![], 0)]);
    let nothing = DiffQuery { from: At::Now, ..asked };
    let nothing = world.views().diff(nothing).await.unwrap();
    assert_eq!((nothing.findings_added.total, nothing.findings_changed.total), (0, 0));
}

#[tokio::test]
async fn an_instant_is_one_position() {
    let mut world = World::new().await;
    let (_, before) = world.scan("main", some(0..3), vec![]).await;
    let events = world.log.read_all(Position(before.0 - 1), 1).await.unwrap();
    let at = events[0].recorded_at;
    world.scan("main", some(0..4), vec![]).await;
    for (instant, total) in
        [(at, 3), (scanledger_domain::time::Timestamp(at.0 - 1), 3), (at.plus_seconds(9_999), 4)]
    {
        let list = world.views().findings(query(main_branch(), At::Instant(instant))).await.unwrap();
        assert_eq!(list.total, total, "{instant}");
    }
    let before_all = At::Instant(scanledger_domain::time::Timestamp(-1));
    assert_eq!(world.views().findings(query(main_branch(), before_all)).await.unwrap().total, 0);
}

#[tokio::test]
async fn what_is_beyond_the_head_or_foreign_is_refused() {
    let mut world = World::new().await;
    let (scan, head) = world.scan("main", some(0..3), vec![]).await;
    let beyond = world.views().findings(query(main_branch(), At::Position(Position(head.0 + 1)))).await;
    assert!(matches!(beyond, Err(ReadError::BeyondHead { .. })));
    let stranger = scanledger_domain::id::OrganizationId(uuid::Uuid::from_u128(99));
    let foreign = FindingQuery { organization: stranger, ..query(ListScope::Scan(scan), At::Now) };
    assert!(matches!(world.views().findings(foreign).await, Err(ReadError::Missing(_))));
}
