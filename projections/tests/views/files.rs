//! Files of read models: rebuilt, of another log, of another revision, and without what could not be applied.

use super::{component, main_branch, query, some};
use crate::support::{PROJECT, World};
use scanledger_domain::finding::TriageState;
use scanledger_domain::id::FindingId;
use scanledger_domain::log::Position;
use scanledger_projections::store::table_digests;
use scanledger_projections::{At, Projector};
use std::sync::Arc;

#[tokio::test]
async fn a_rebuild_says_the_same_and_is_swapped_in() {
    let mut world = World::new().await;
    world.scan("main", some(0..30), vec![component("a", "1.0.0")]).await;
    world.scan("topic", some(5..33), vec![component("a", "1.1.0")]).await;
    let id = world.views().findings(query(main_branch(), At::Now)).await.unwrap().rows[3].id;
    world.triage(id, TriageState::Confirmed, Some("real")).await;
    world.triage(id, TriageState::Fixed, None).await;
    world.scan("main", some(10..35), vec![]).await;
    crate::support::identity::everybody(&mut world).await;
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
    let other = crate::support::open_log(&world.folder.path().join("other.db"));
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
    crate::support::identity::everybody(&mut world).await;
    crate::support::incident::everything(&mut world, PROJECT).await;
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
