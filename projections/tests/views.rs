//! Events in, rows out: now and as of earlier positions, applied, rebuilt and compared.

#[expect(dead_code, reason = "tests use different parts of the same world")]
mod support;

use scanledger_domain::component::{Component, Ecosystem, Package, Scope};
use scanledger_domain::finding::TriageState;
use scanledger_domain::id::FindingId;
use scanledger_domain::identity::Visible;
use scanledger_domain::log::Position;
use scanledger_domain::scanning::{Detection, ScannerKind};
use scanledger_domain::severity::Severity;
use scanledger_projections::diff::DiffQuery;
use scanledger_projections::finding::{FindingFilter, FindingList, FindingQuery, FindingSort, ListScope};
use scanledger_projections::incident::Direction;
use scanledger_projections::store::table_digests;
use scanledger_projections::{At, Paging, Projector, ReadError};
use std::sync::Arc;
use support::{ORGANIZATION, PROJECT, World, secret};

const ALL: Paging = Paging { offset: 0, limit: 500 };

fn query(scope: ListScope, at: At) -> FindingQuery {
    FindingQuery {
        organization: ORGANIZATION,
        scope,
        at,
        filter: FindingFilter::default(),
        sort: FindingSort::default(),
        paging: ALL,
    }
}

fn main_branch() -> ListScope {
    ListScope::Branch(PROJECT, None)
}

fn titles(list: &FindingList) -> Vec<&str> {
    list.rows.iter().map(|row| row.title.as_str()).collect()
}

fn component(name: &str, version: &str) -> Component {
    Component {
        package: Package::new(Ecosystem::Npm, name),
        version: version.to_owned(),
        path: "package-lock.json".to_owned(),
        scope: Scope::Runtime,
        direct: Some(true),
    }
}

/// Severities by number: a few of each.
fn some(numbers: std::ops::Range<u32>) -> Vec<Detection> {
    let severity =
        |n: u32| [Severity::Critical, Severity::High, Severity::Medium, Severity::Low][n as usize % 4];
    numbers.map(|n| secret(&format!("src/file{n:03}.py"), n, severity(n))).collect()
}

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
    world.scan("main", some(0..2), vec![]).await;
    let gone = world.views().findings(query(main_branch(), At::Now)).await.unwrap().rows[0].id;
    let (last, _) = world.scan("main", some(1..2), vec![]).await;
    world.triage(gone, TriageState::Fixed, Some("removed")).await;
    let found = world.views().finding(ORGANIZATION, gone, At::Now).unwrap();
    assert_eq!((found.finding.state, found.scan), (TriageState::Fixed, Some(last)));
    world.scan("main", some(0..2), vec![]).await;
    let back = world.views().findings(query(main_branch(), At::Now)).await.unwrap();
    let back = back.rows.iter().find(|row| row.id == gone).unwrap();
    assert_eq!(back.state, TriageState::Fixed, "the decision outlived the row");
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
    assert_eq!(world.views().broken_branches().await.unwrap(), 0);
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
    assert_eq!(world.views().broken_branches().await.unwrap(), 0);
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
        limit: 100,
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

#[tokio::test]
async fn a_rebuild_says_the_same_and_is_swapped_in() {
    let mut world = World::new().await;
    world.scan("main", some(0..30), vec![component("a", "1.0.0")]).await;
    world.scan("topic", some(5..33), vec![component("a", "1.1.0")]).await;
    let id = world.views().findings(query(main_branch(), At::Now)).await.unwrap().rows[3].id;
    world.triage(id, TriageState::Confirmed, Some("real")).await;
    world.triage(id, TriageState::Fixed, None).await;
    world.scan("main", some(10..35), vec![]).await;
    support::identity::everybody(&mut world).await;
    let before = world.views().findings(query(main_branch(), At::Now)).await.unwrap();
    let fresh = world.folder.path().join("fresh.db");
    let head = world.views().position();
    scanledger_projections::build(&fresh, &world.log, head, Arc::new(|_, _| ())).await.unwrap();
    let live =
        scanledger_projections::store::snapshot(world.folder.path(), &world.folder.path().join("live.db"));
    assert_eq!(live.unwrap().unwrap().position, head);
    assert_eq!(
        table_digests(&world.folder.path().join("live.db")).unwrap(),
        table_digests(&fresh).unwrap(),
        "batches differ, rows do not"
    );
    let position = world.projector.rebuild(Arc::new(|_, _| ())).await.unwrap();
    assert_eq!(position, head);
    assert_eq!(world.views().findings(query(main_branch(), At::Now)).await.unwrap(), before);
    world.scan("main", some(0..3), vec![]).await;
    assert_eq!(world.views().findings(query(main_branch(), At::Now)).await.unwrap().total, 3);
}

#[tokio::test]
async fn an_event_that_cannot_be_applied_is_parked_with_its_stream_and_the_rest_goes_on() {
    use scanledger_domain::finding::{FindingEvent, Triaged, finding_stream};
    let mut world = World::new().await;
    let unheard_of = FindingId(uuid::Uuid::from_u128(77));
    let triaged = |to| {
        let from = TriageState::Untriaged;
        let project = PROJECT;
        FindingEvent::from(Triaged { finding: unheard_of, project, fingerprint: None, from, to, note: None })
    };
    let events = [triaged(TriageState::Fixed), triaged(TriageState::Accepted)];
    world.append(finding_stream(unheard_of), &events).await;
    assert_eq!(world.projector.health().parked, 2);
    world.scan("main", some(0..3), vec![]).await;
    assert_eq!(world.views().findings(query(main_branch(), At::Now)).await.unwrap().total, 3);
    assert_eq!(world.projector.health().parked, 2);
}

#[tokio::test]
async fn views_of_another_log_are_not_used() {
    let mut world = World::new().await;
    world.scan("main", some(0..3), vec![]).await;
    world.projector.clone().close().await.unwrap();
    let other = support::open_log(&world.folder.path().join("other.db"));
    let projector = Projector::open(world.folder.path(), other).await.unwrap();
    assert_eq!(projector.views().position(), Position::START);
}

/// The digest of every table after a fixed log. If it changes, the same events give other rows: raise
/// `store::REVISION`, so that every node builds its views anew, and put the new digests here.
#[tokio::test]
async fn a_fixed_log_gives_the_rows_of_this_revision() {
    let mut world = World::new().await;
    world.scan("main", some(0..12), vec![component("a", "1.0.0"), component("b", "1.0.0")]).await;
    world.scan("topic", some(2..15), vec![component("a", "1.1.0")]).await;
    let id = world.views().findings(query(main_branch(), At::Now)).await.unwrap().rows[3].id;
    world.triage(id, TriageState::Confirmed, Some("real")).await;
    world.triage(id, TriageState::Fixed, None).await;
    world.scan("main", some(4..16), vec![component("b", "2.0.0")]).await;
    support::identity::everybody(&mut world).await;
    support::incident::everything(&mut world, PROJECT).await;
    let copy = world.folder.path().join("copy.db");
    scanledger_projections::store::snapshot(world.folder.path(), &copy).unwrap().unwrap();
    let tables: Vec<String> = table_digests(&copy)
        .unwrap()
        .into_iter()
        .filter(|table| table.rows > 0)
        .map(|table| format!("{} {} {}", table.table, table.rows, &table.digest[..12]))
        .collect();
    let expected = [
        "api_key 5 b8aefb3b389a",
        "arrival 31 d6d3f8af43b7",
        "audit 85 35525fcd1d29",
        "audit_text 159 99aadca5dd67",
        "blob_use 4 1630eec6ac89",
        "branch 2 93227ba0dbb9",
        "branch_scan 3 2997d1d17b17",
        "component 6 09eb9ac52306",
        "counter 53 62e2f7b66b40",
        "counter_cell 15 e64b5c015378",
        "event_index 130 9bdc5786a3c9",
        "event_kind 53 e7c736719b24",
        "finding 16 8aca579ddb10",
        "finding_text 38 6f50d1efe891",
        "identity 1 59a77624e7b5",
        "incident 5 fb9fd1d9cffc",
        "incident_note 2 099e61d721bd",
        "incident_occurrence 20 ae0c585a569f",
        "incident_share 2 515d8a3616bd",
        "incident_state 16 5a3bd2801821",
        "invitation 3 688fdbb686a9",
        "member 8 dba59f49e366",
        "organization 2 4f87c969f778",
        "presence 43 42aacc5c4d73",
        "project 2 0d44032b993b",
        "project_detail 2 28fa2daf479e",
        "scan 4 c05e60385fec",
        "scan_state 4 f2c20bb0ff40",
        "session 2 ac6aaecfa6de",
        "team 3 0debbc106177",
        "team_member 7 c8bee7f0338e",
        "triage 9 dff89e28cd85",
        "user 4 525095e40115",
    ];
    assert_eq!(scanledger_projections::store::REVISION, 5);
    assert_eq!(tables, expected);
}
