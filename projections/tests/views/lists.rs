//! Pages of findings and of audit entries: their order, filters and totals.

use super::{main_branch, query, some, titles};
use crate::support::{ORGANIZATION, World};
use scanledger_domain::finding::TriageState;
use scanledger_domain::id::FindingId;
use scanledger_domain::identity::Visible;
use scanledger_domain::log::Position;
use scanledger_domain::scanning::ScannerKind;
use scanledger_domain::severity::Severity;
use scanledger_projections::finding::{FindingFilter, FindingQuery, FindingSort, ListScope};
use scanledger_projections::incident::Direction;
use scanledger_projections::{At, Paging};

#[tokio::test]
async fn a_list_is_worst_first_and_knows_its_total() {
    let mut world = World::new().await;
    let (scan, _) = world.scan("main", some(0..40), vec![]).await;
    let mut asked = query(ListScope::Scan(scan), At::Now);
    asked.paging = Paging { offset: 8, limit: 4 };
    let list = world.views().findings(asked).await.unwrap();
    assert_eq!(list.total, 40);
    assert_eq!(titles(&list), ["Secret number32", "Secret number36", "Secret number1", "Secret number5"]);
}

#[tokio::test]
async fn every_page_from_either_end_is_the_same_as_a_slice_of_the_whole() {
    let mut world = World::new().await;
    let (scan, _) = world.scan("main", some(0..57), vec![]).await;
    let some_id = world.views().findings(query(main_branch(), At::Now)).await.unwrap().rows[20].id;
    world.triage(some_id, TriageState::Accepted, None).await;
    for sort in [FindingSort::Severity, FindingSort::File, FindingSort::Created] {
        let whole = FindingQuery { sort, ..query(ListScope::Scan(scan), At::Now) };
        let whole = world.views().findings(whole).await.unwrap();
        assert_eq!(whole.rows.len(), 57);
        for offset in 0..60 {
            let paging = Paging { offset, limit: 7 };
            let page = FindingQuery { sort, paging, ..query(ListScope::Scan(scan), At::Now) };
            let page = world.views().findings(page).await.unwrap();
            let end = (offset as usize + 7).min(57);
            assert_eq!(page.rows, whole.rows[(offset as usize).min(57)..end], "{sort:?} from {offset}");
            assert_eq!(page.total, 57);
        }
    }
}

#[tokio::test]
async fn pages_of_the_past_are_the_same_in_whatever_order_and_whatever_was_decided_since() {
    let mut world = World::new().await;
    world.scan("main", some(0..57), vec![]).await;
    let ids: Vec<_> = world
        .views()
        .findings(query(main_branch(), At::Now))
        .await
        .unwrap()
        .rows
        .iter()
        .map(|row| row.id)
        .collect();
    world.triage_many(&ids[..9], TriageState::Accepted).await;
    let then = At::Position(world.views().position());
    let whole = world.views().findings(query(main_branch(), then)).await.unwrap();
    assert_eq!(whole.rows.len(), 57);
    for (round, decided) in ids.chunks(8).enumerate() {
        world.triage_many(decided, TriageState::Confirmed).await;
        for step in 0..40_usize {
            let offset = (step * 17 + round) % 60;
            let paging = Paging { offset: offset as u64, limit: 7 };
            let page = FindingQuery { paging, ..query(main_branch(), then) };
            let page = world.views().findings(page).await.unwrap();
            assert_eq!(
                page.rows,
                whole.rows[offset.min(57)..(offset + 7).min(57)],
                "round {round}, from {offset}"
            );
            assert_eq!(page.total, 57);
        }
    }
}

#[tokio::test]
async fn filters_narrow_and_totals_follow() {
    let mut world = World::new().await;
    world.scan("main", some(0..40), vec![]).await;
    let list = |filter: FindingFilter| {
        let views = world.views();
        async move { views.findings(FindingQuery { filter, ..query(main_branch(), At::Now) }).await.unwrap() }
    };
    let highs = list(FindingFilter { severities: vec![Severity::High], ..Default::default() }).await;
    assert_eq!((highs.total, highs.rows.len()), (10, 10));
    let worked = list(FindingFilter { text: Some("number17 secret".to_owned()), ..Default::default() }).await;
    assert_eq!(titles(&worked), ["Secret number17"]);
    let prefixed = list(FindingFilter { text: Some("number1*".to_owned()), ..Default::default() }).await;
    assert_eq!(prefixed.total, 11);
    let by_path =
        list(FindingFilter { path_contains: Some("FILE02".to_owned()), ..Default::default() }).await;
    assert_eq!(by_path.total, 10);
    let literal = list(FindingFilter { path_contains: Some("%".to_owned()), ..Default::default() }).await;
    assert_eq!(literal.total, 0);
    let none = list(FindingFilter { scanners: vec![ScannerKind::Sca], ..Default::default() }).await;
    assert_eq!(none.total, 0);
}

#[tokio::test]
async fn an_audit_entry_is_found_by_the_id_that_people_see() {
    use scanledger_projections::audit::AuditQuery;
    let mut world = World::new().await;
    world.scan("main", some(0..2), vec![]).await;
    let id = world.views().findings(query(main_branch(), At::Now)).await.unwrap().rows[0].id;
    world.triage(id, TriageState::Accepted, Some("known since spring")).await;
    for (words, found) in [(id.to_string().as_str(), 1), ("spring", 1), ("autumn", 0)] {
        let asked = AuditQuery {
            organization: ORGANIZATION,
            visible: Visible::All,
            actions: vec![],
            resource: None,
            user: None,
            text: Some(words.to_owned()),
            before: None,
            after: None,
            until: None,
            direction: Direction::Descending,
            limit: 10,
        };
        assert_eq!(world.views().audit(asked).await.unwrap().0.len(), found, "{words}");
    }
}

#[tokio::test]
async fn totals_as_of_a_position_count_every_decision_up_to_it() {
    let mut world = World::new().await;
    let (_, scanned) = world.scan("main", some(0..20), vec![]).await;
    let ids: Vec<FindingId> = world
        .views()
        .findings(query(main_branch(), At::Now))
        .await
        .unwrap()
        .rows
        .iter()
        .map(|row| row.id)
        .collect();
    world.triage_many(&ids[..12], TriageState::Accepted).await;
    for decided in 0..=12 {
        let filter = FindingFilter { states: vec![TriageState::Accepted], ..Default::default() };
        let at = At::Position(Position(scanned.0 + decided));
        let list = world.views().findings(FindingQuery { filter, ..query(main_branch(), at) }).await.unwrap();
        assert_eq!((list.total, list.rows.len() as u64), (decided, decided));
        assert_eq!(world.views().findings(query(main_branch(), at)).await.unwrap().total, 20);
    }
}
