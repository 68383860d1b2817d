//! Files of read models: rebuilt, of another log, of another revision, and without what could not be applied.

use super::{component, main_branch, query, some};
use crate::support::{PROJECT, World};
use scanledger_domain::branch::{Soundness, branch_id};
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
async fn rows_that_do_not_add_up_are_seen_by_who_reads_them_and_reported_until_a_rebuild() {
    let mut world = World::new().await;
    for branch in ["main", "topic", "main"] {
        world.scan(branch, some(0..3), vec![component("a", "1.0.0")]).await;
    }
    // Another node, of whose read models a row is lost.
    let other = tempfile::tempdir().unwrap();
    let node = Projector::open(other.path(), Arc::clone(&world.log)).await.unwrap();
    node.catch_up().await.unwrap();
    let [main, topic] = ["main", "topic"].map(|name| branch_id(PROJECT, name));
    let read = async |name: &str| {
        let read = node.views().inventory(PROJECT, name).await.unwrap();
        (read.soundness, read.unreported)
    };
    for (name, branch) in [("main", main), ("topic", topic), ("new", main)] {
        assert_eq!(read(name).await, (Soundness::Sound, vec![]));
        node.report_broken(branch).await.unwrap();
    }
    assert_eq!(node.health().broken_branches, 0, "nothing is wrong");
    let mut files = std::fs::read_dir(other.path()).unwrap().map(|file| file.unwrap().path());
    let views = files.find(|path| path.extension().is_some_and(|ending| ending == "db")).unwrap();
    let damage = "DELETE FROM presence WHERE path = 'src/file001.py'
                  AND branch = (SELECT key FROM branch WHERE name = 'main')";
    assert_eq!(rusqlite::Connection::open(views).unwrap().execute(damage, []).unwrap(), 1);

    // The branch itself, and one that would start from it.
    assert_eq!(read("main").await, (Soundness::Broken, vec![main]));
    assert_eq!(read("new").await, (Soundness::Broken, vec![main]));
    assert_eq!(read("topic").await, (Soundness::Sound, vec![]), "nobody knows yet");
    for branch in [main, topic] {
        node.report_broken(branch).await.unwrap();
        assert_eq!(node.health().broken_branches, 1);
    }
    assert_eq!(read("main").await, (Soundness::Broken, vec![]));
    assert_eq!(read("topic").await, (Soundness::Broken, vec![]), "what it started from is broken");
    let present = node.views().present_findings(main, vec![]).await.unwrap();
    assert_eq!((present.findings, present.soundness), (vec![], Soundness::Broken));

    // What the log says of the branch is what the events add up to here, and the row is lost all the same.
    world.scan("main", some(0..4), vec![component("a", "1.0.0")]).await;
    node.catch_up().await.unwrap();
    assert_eq!(node.health().broken_branches, 1);
    assert_eq!(read("main").await, (Soundness::Broken, vec![]));
    node.rebuild(Arc::new(|_, _| ())).await.unwrap();
    assert_eq!(node.health().broken_branches, 0);
    for name in ["main", "topic", "new"] {
        assert_eq!(read(name).await, (Soundness::Sound, vec![]));
    }
}

#[tokio::test]
async fn decisions_are_known_although_the_rows_are_lost_of_what_they_are_about() {
    let mut world = World::new().await;
    world.scan("main", some(0..3), vec![]).await;
    let id = world.views().findings(query(main_branch(), At::Now)).await.unwrap().rows[0].id;
    world.triage(id, TriageState::Accepted, Some("known")).await;
    let mut files = std::fs::read_dir(world.folder.path()).unwrap().map(|file| file.unwrap().path());
    let is_views = |path: &std::path::PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with("views-") && name.ends_with(".db")
    };
    let views = rusqlite::Connection::open(files.find(is_views).unwrap()).unwrap();
    assert!(views.execute("DELETE FROM presence", []).unwrap() > 2);
    let main = branch_id(PROJECT, "main");
    world.projector.report_broken(main).await.unwrap();
    let decisions = world.views().gate_counts(PROJECT, main).await.unwrap().decisions;
    let expected = (id, (TriageState::Accepted, Some("known".to_owned())));
    assert_eq!(decisions.into_iter().collect::<Vec<_>>(), [expected]);
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
