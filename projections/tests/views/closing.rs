//! Branches that end, and begin again.

#![expect(clippy::unwrap_used, reason = "a helper of a test that cannot go on has failed")]

use super::{component, main_branch, query, some, titles};
use crate::support::{ORGANIZATION, PROJECT, World};
use scanledger_domain::branch::{
    BranchEvent, BranchRole, Closed, ClosedBecause, InventoryDigest, Soundness, branch_id, branch_stream,
};
use scanledger_domain::finding::TriageState;
use scanledger_domain::id::BranchId;
use scanledger_domain::log::Position;
use scanledger_domain::project::{self, ProjectEvent, project_stream};
use scanledger_domain::time::Timestamp;
use scanledger_projections::component::ComponentQuery;
use scanledger_projections::diff::DiffQuery;
use scanledger_projections::finding::ListScope;
use scanledger_projections::store::{snapshot, table_digests};
use scanledger_projections::{At, Projector};
use std::sync::Arc;

fn topic() -> ListScope {
    ListScope::Branch(PROJECT, Some("topic".to_owned()))
}

async fn close(world: &mut World, branch: &str) -> Position {
    let id = branch_id(PROJECT, branch);
    let closed = Closed { branch: id, because: ClosedBecause::Deleted };
    world.append(branch_stream(id), &[BranchEvent::from(closed)]).await
}

async fn total(world: &World, scope: ListScope, at: At) -> u64 {
    let list = world.views().findings(query(scope, at)).await.unwrap();
    assert_eq!(list.rows.len() as u64, list.total, "totals are what is listed");
    list.total
}

async fn components(world: &World, at: At) -> u64 {
    let asked = ComponentQuery {
        organization: ORGANIZATION,
        project: PROJECT,
        branch: Some("topic".to_owned()),
        at,
        name_contains: None,
        ecosystem: None,
        sort: Default::default(),
        paging: Some(super::ALL),
    };
    world.views().components(asked).await.unwrap().total
}

fn broken(world: &World) -> u64 {
    world.projector.health().broken_branches
}

#[tokio::test]
async fn nothing_is_on_a_closed_branch_and_the_past_remembers() {
    let mut world = World::new().await;
    world.scan("main", some(0..4), vec![component("a", "1.0.0")]).await;
    let (scan, before) = world.scan("topic", some(2..8), vec![component("b", "1.0.0")]).await;
    let instant = close(&mut world, "topic").await;
    assert_eq!(total(&world, topic(), At::Now).await, 0);
    assert_eq!(total(&world, topic(), At::Position(instant)).await, 0);
    assert_eq!(total(&world, topic(), At::Position(before)).await, 6);
    assert_eq!((components(&world, At::Now).await, components(&world, At::Position(before)).await), (0, 1));
    assert_eq!(total(&world, main_branch(), At::Now).await, 4, "the other branch is as it was");
    assert_eq!(total(&world, ListScope::Scan(scan), At::Now).await, 6, "a scan found what it found");
    assert_eq!(total(&world, ListScope::Scan(scan), At::Position(before)).await, 6);
    let asked = DiffQuery {
        organization: ORGANIZATION,
        project: PROJECT,
        branch: Some("topic".to_owned()),
        from: At::Position(before),
        to: At::Now,
        paging: super::ALL,
    };
    let diff = world.views().diff(asked).await.unwrap();
    assert_eq!((diff.findings_removed.total, diff.components_removed.total), (6, 1));
    assert_eq!(diff.findings_added.total + diff.findings_changed.total, 0);
}

#[tokio::test]
async fn a_finding_of_a_closed_branch_can_be_looked_at_and_decided_about() {
    let mut world = World::new().await;
    let (scan, _) = world.scan("topic", some(0..2), vec![]).await;
    let id = world.views().findings(query(topic(), At::Now)).await.unwrap().rows[0].id;
    close(&mut world, "topic").await;
    world.triage(id, TriageState::Accepted, Some("not ours")).await;
    let found = world.views().finding(ORGANIZATION, id, At::Now).unwrap();
    assert_eq!((found.finding.state, found.scan), (TriageState::Accepted, Some(scan)));
    assert_eq!(total(&world, topic(), At::Now).await, 0);
    world.scan("topic", some(0..2), vec![]).await;
    let back = world.views().findings(query(topic(), At::Now)).await.unwrap();
    let states: Vec<TriageState> = back.rows.iter().filter(|row| row.id == id).map(|row| row.state).collect();
    assert_eq!(
        (back.total, &states[..]),
        (2, &[TriageState::Accepted][..]),
        "the decision outlived the branch"
    );
    assert_eq!(broken(&world), 0);
}

#[tokio::test]
async fn a_branch_begins_again_with_what_is_on_the_default_branch() {
    let mut world = World::new().await;
    world.scan("main", some(0..4), vec![component("a", "1.0.0")]).await;
    world.scan("topic", some(2..6), vec![component("b", "1.0.0")]).await;
    close(&mut world, "topic").await;
    world.scan("main", some(1..5), vec![component("a", "2.0.0")]).await;
    let between = world.views().position();
    let read = world.views().inventory(PROJECT, "topic").await.unwrap();
    assert!(read.inventory.opened.is_none() && read.version.0 > 0);
    assert_eq!(read.base.map(|base| base.branch), Some(branch_id(PROJECT, "main")));
    let (_, after) = world.scan("topic", some(2..7), vec![component("a", "2.0.0")]).await;
    let list = world.views().findings(query(topic(), At::Now)).await.unwrap();
    let new: Vec<&str> = list.rows.iter().filter(|row| row.is_new).map(|row| row.title.as_str()).collect();
    assert_eq!((list.total, &new[..]), (5, &["Secret number5", "Secret number6"][..]), "{:?}", titles(&list));
    assert_eq!(total(&world, topic(), At::Position(between)).await, 0);
    assert_eq!(total(&world, topic(), At::Position(after)).await, 5);
    assert_eq!((components(&world, At::Now).await, broken(&world)), (1, 0));
    let (read, folded) = (world.views().inventory(PROJECT, "topic").await.unwrap(), world.inventory("topic"));
    assert_eq!(read.inventory.digest, folded.digest);
    assert_eq!(read.inventory.components, folded.components);
    assert_eq!(read.inventory.opened, folded.opened);
    assert!(folded.findings.iter().all(|(id, held)| {
        read.inventory.findings.get(id).is_some_and(|read| read.is_present == held.is_present)
    }));
}

#[tokio::test]
async fn what_was_there_of_a_run_that_was_not_complete_is_gone_with_the_branch() {
    let mut world = World::new().await;
    world.scan("topic", some(0..3), vec![]).await;
    let events = [BranchEvent::from(scanledger_domain::branch::Resolved {
        finding: world.views().findings(query(topic(), At::Now)).await.unwrap().rows[0].id,
    })];
    world.append(branch_stream(branch_id(PROJECT, "topic")), &events).await;
    let begun = world.views().inventory(PROJECT, "topic").await.unwrap().inventory;
    assert_eq!(begun.pending.counts.resolved, 1);
    close(&mut world, "topic").await;
    let gone = world.views().inventory(PROJECT, "topic").await.unwrap().inventory;
    assert_eq!((gone.pending, gone.digest), (Default::default(), InventoryDigest::default()));
    assert_eq!((gone.has_history, gone.generation), (false, None));
    assert_eq!(gone.last_scan, begun.last_scan);
    world.scan("topic", some(0..3), vec![]).await;
    assert_eq!((total(&world, topic(), At::Now).await, broken(&world)), (3, 0));
}

#[tokio::test]
async fn what_a_closed_branch_had_last_is_still_known_to_the_gate() {
    let mut world = World::new().await;
    world.scan("topic", some(0..3), vec![]).await;
    let id = world.views().findings(query(topic(), At::Now)).await.unwrap().rows[0].id;
    let branch = branch_id(PROJECT, "topic");
    let scanners = || vec![scanledger_domain::scanning::ScannerKind::Secrets];
    let open = world.views().present_findings(branch, scanners()).await.unwrap();
    close(&mut world, "topic").await;
    world.triage(id, TriageState::FalsePositive, None).await;
    let closed = world.views().present_findings(branch, scanners()).await.unwrap();
    assert_eq!((open.soundness, closed.soundness), (Soundness::Sound, Soundness::Sound));
    let (mut before, mut closed) = (open.findings, closed.findings);
    before.sort_by_key(|present| present.finding);
    closed.sort_by_key(|present| present.finding);
    assert_eq!((before.len(), &before), (3, &closed));
    let decisions = world.views().gate_counts(PROJECT, branch).await.unwrap().decisions;
    assert_eq!(decisions.into_iter().collect::<Vec<_>>(), [(id, (TriageState::FalsePositive, None))]);
    // Opened again, only what is there now counts.
    world.scan("topic", some(1..2), vec![]).await;
    let again = world.views().present_findings(branch, scanners()).await.unwrap();
    assert_eq!(again.findings.len(), 1);
}

#[tokio::test]
async fn a_rebuild_closes_branches_as_it_happened() {
    let mut world = World::new().await;
    world.scan("main", some(0..9), vec![component("a", "1.0.0")]).await;
    world.scan("topic", some(3..14), vec![component("b", "1.0.0")]).await;
    close(&mut world, "topic").await;
    world.scan("topic", some(5..14), vec![component("b", "1.0.0")]).await;
    let id = world.views().findings(query(topic(), At::Now)).await.unwrap().rows[0].id;
    world.triage(id, TriageState::Confirmed, None).await;
    close(&mut world, "topic").await;
    close(&mut world, "topic").await;
    world.scan("other", some(0..2), vec![]).await;
    close(&mut world, "other").await;
    let live = world.folder.path().join("live.db");
    snapshot(world.folder.path(), &live).unwrap().unwrap();
    let fresh = tempfile::tempdir().unwrap();
    let projector = Projector::open(fresh.path(), Arc::clone(&world.log)).await.unwrap();
    projector.catch_up().await.unwrap();
    let rebuilt = fresh.path().join("rebuilt.db");
    snapshot(fresh.path(), &rebuilt).unwrap().unwrap();
    assert_eq!(table_digests(&live).unwrap(), table_digests(&rebuilt).unwrap());
    assert_eq!(projector.health().parked, 0);
}

#[tokio::test]
async fn open_branches_are_listed_by_when_they_were_heard_of() {
    let mut world = World::new().await;
    let heard = |branches: &[scanledger_projections::branch::OpenBranch]| -> Vec<(BranchId, BranchRole)> {
        branches.iter().map(|open| (open.branch, open.role)).collect()
    };
    let id = |name: &str| branch_id(PROJECT, name);
    for branch in ["b", "main", "a", "c"] {
        world.scan(branch, some(0..1), vec![]).await;
    }
    world.scan("b", some(0..1), vec![]).await;
    close(&mut world, "c").await;
    let all = world.views().silent_branches(Timestamp(i64::MAX), None, 100).await.unwrap();
    let order =
        [(id("main"), BranchRole::Default), (id("a"), BranchRole::Other), (id("b"), BranchRole::Other)];
    assert_eq!(heard(&all), order);
    let mut pages = vec![];
    let mut after = None;
    while let [open] = world.views().silent_branches(Timestamp(i64::MAX), after, 1).await.unwrap()[..] {
        after = Some((open.heard_at, open.branch));
        pages.push(open);
    }
    assert_eq!(pages, all);
    let until_a = world.views().silent_branches(all[1].heard_at, None, 100).await.unwrap();
    assert_eq!(until_a, all[..2]);
    let just_before = Timestamp(all[1].heard_at.0 - 1);
    assert_eq!(world.views().silent_branches(just_before, None, 100).await.unwrap(), all[..1]);
    assert_eq!(world.views().open_branch(PROJECT, "a").await.unwrap(), Some(all[1]));
    for gone in ["c", "never"] {
        assert_eq!(world.views().open_branch(PROJECT, gone).await.unwrap(), None, "{gone}");
    }
    let deleted = ProjectEvent::from(project::Deleted { project: PROJECT });
    world.append(project_stream(PROJECT), &[deleted]).await;
    assert_eq!(world.views().silent_branches(Timestamp(i64::MAX), None, 100).await.unwrap(), []);
    assert_eq!(world.views().open_branch(PROJECT, "a").await.unwrap(), None);
}
