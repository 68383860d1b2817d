//! Files of read models: rebuilt, of another log, of another revision, and without what could not be applied.

use super::{component, main_branch, query, some};
use crate::support::{PROJECT, World};
use scanledger_domain::branch::branch_id;
use scanledger_domain::finding::TriageState;
use scanledger_domain::id::FindingId;
use scanledger_domain::log::Position;
use scanledger_projections::branch::{BrokenBranch, broken_branches};
use scanledger_projections::store::{snapshot, table_digests};
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
async fn a_branch_that_is_not_what_the_log_says_is_counted_and_named_until_a_rebuild() {
    let mut world = World::new().await;
    world.scan("main", some(0..3), vec![]).await;
    world.scan("topic", some(0..3), vec![]).await;
    // Another node, of whose read models some rows are damaged.
    let other = tempfile::tempdir().unwrap();
    let node = Projector::open(other.path(), Arc::clone(&world.log)).await.unwrap();
    node.catch_up().await.unwrap();
    let named = |copy: &str| {
        let copy = other.path().join(copy);
        snapshot(other.path(), &copy).unwrap().unwrap();
        broken_branches(&copy).unwrap()
    };
    let mut files = std::fs::read_dir(other.path()).unwrap().map(|file| file.unwrap().path());
    let views = files.find(|path| path.extension().is_some_and(|ending| ending == "db")).unwrap();
    let damage = "UPDATE presence SET digest = zeroblob(16)
                  WHERE branch = (SELECT key FROM branch WHERE name = 'main')";
    assert_eq!(rusqlite::Connection::open(views).unwrap().execute(damage, []).unwrap(), 3);

    world.scan("topic", some(1..3), vec![]).await;
    node.catch_up().await.unwrap();
    assert_eq!((node.health().broken_branches, named("before.db")), (0, vec![]));
    world.scan("main", some(2..3), vec![]).await;
    node.catch_up().await.unwrap();
    let main = BrokenBranch { id: branch_id(PROJECT, "main"), project: PROJECT, name: "main".to_owned() };
    assert_eq!((node.health().broken_branches, named("broken.db")), (1, vec![main]));
    assert_eq!(world.projector.health().broken_branches, 0);
    node.close().await.unwrap();
    let node = Projector::open(other.path(), Arc::clone(&world.log)).await.unwrap();
    assert_eq!(node.health().broken_branches, 1, "it is on file");
    world.scan("topic", some(0..3), vec![]).await;
    node.catch_up().await.unwrap();
    assert_eq!(node.health().broken_branches, 1, "another branch mends nothing");
    node.rebuild(Arc::new(|_, _| ())).await.unwrap();
    assert_eq!((node.health().broken_branches, named("after.db")), (0, vec![]));
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
