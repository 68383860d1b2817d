//! Which blobs are named, by what, and whether any of it is still there.

#![expect(clippy::unwrap_used, reason = "a helper of a test that cannot go on has failed")]

#[expect(dead_code, reason = "tests use different parts of the same world")]
mod support;

use scanledger_domain::advisory::{AdvisoryEvent, Generation, Imported, ImportedFile, advisories_stream};
use scanledger_domain::blob::{BlobHash, BlobUse, Deleted, Deletion};
use scanledger_domain::branch::{
    BranchEvent, ExcerptRef, FindingsUpdated, Occurrence, Update, branch_id, branch_stream,
};
use scanledger_domain::id::ScanId;
use scanledger_domain::log::Position;
use scanledger_domain::project::{self, ProjectEvent, project_stream};
use scanledger_domain::report::{Artifact, ArtifactKind};
use scanledger_domain::scan::{self, Failed, Failure, FailureCode, ScanEvent, scan_stream};
use scanledger_domain::severity::Severity;
use support::{PROJECT, World, secret};

fn source() -> BlobHash {
    BlobHash::of(b"source")
}

fn log() -> BlobHash {
    BlobHash::of(b"log")
}

async fn delete(world: &mut World, scan: ScanId) -> Position {
    world.append(scan_stream(scan), &[ScanEvent::from(scan::Deleted { scan })]).await
}

async fn delete_project(world: &mut World) -> Position {
    let deleted = ProjectEvent::from(project::Deleted { project: PROJECT });
    world.append(project_stream(PROJECT), &[deleted]).await
}

async fn uses(world: &World, what: Deleted) -> Vec<(BlobHash, BlobUse)> {
    uses_of(world, vec![what]).await
}

async fn uses_of(world: &World, what: Vec<Deleted>) -> Vec<(BlobHash, BlobUse)> {
    let mut uses = world.views().blobs_of(what).await.unwrap();
    uses.sort_unstable_by_key(|(blob, _)| *blob);
    uses
}

#[tokio::test]
async fn a_blob_that_two_scans_name_is_used_until_both_are_deleted() {
    let mut world = World::new().await;
    let (first, _) = world.scan("main", vec![], vec![]).await;
    let (second, _) = world.scan("main", vec![], vec![]).await;
    assert_eq!(world.views().deletions(Position::START, 9).await.unwrap(), []);
    let one = delete(&mut world, first).await;
    assert_eq!(uses(&world, Deleted::Scan(first)).await, [(source(), BlobUse::Used)]);
    let other = delete(&mut world, second).await;
    for scan in [first, second] {
        assert_eq!(uses(&world, Deleted::Scan(scan)).await, [(source(), BlobUse::UnusedSince(other))]);
    }
    let both = vec![Deleted::Scan(first), Deleted::Scan(second)];
    assert_eq!(uses_of(&world, both).await, [(source(), BlobUse::UnusedSince(other))]);
    let deletions = [(one, first), (other, second)]
        .map(|(position, scan)| Deletion { position, what: Deleted::Scan(scan) });
    assert_eq!(world.views().deletions(Position::START, 9).await.unwrap(), deletions);
    assert_eq!(world.views().deletions(Position::START, 1).await.unwrap(), deletions[..1]);
    assert_eq!(world.views().deletions(one, 9).await.unwrap(), deletions[1..]);
}

#[tokio::test]
async fn a_project_that_is_deleted_ends_what_its_scans_and_findings_name() {
    let mut world = World::new().await;
    let (scan, _) = world.scan("main", vec![secret("a.py", 1, Severity::High)], vec![]).await;
    let failure = Failure { code: FailureCode::Internal, message: "it broke".to_owned() };
    let kept = Some(Artifact { kind: ArtifactKind::ScanLog, blob: log(), size: 3 });
    world.append(scan_stream(scan), &[ScanEvent::from(Failed { scan, failure, log: kept })]).await;
    let excerpt = BlobHash::of(b"excerpt");
    let finding = world.inventory("main").findings.keys().next().unwrap();
    let excerpt_ref = Some(ExcerptRef { blob: excerpt, start: 0, length: 7 });
    let occurrence = Occurrence {
        severity: Severity::High,
        places: secret("a.py", 1, Severity::High).places,
        fix: None,
        excerpt: excerpt_ref,
        columns: None,
        imported: None,
    };
    let update = Update { finding: *finding, occurrence, advisory: None };
    let updated = BranchEvent::from(FindingsUpdated { findings: vec![update] });
    world.append(branch_stream(branch_id(PROJECT, "main")), &[updated]).await;

    let of_scan = delete(&mut world, scan).await;
    let gone = BlobUse::UnusedSince(of_scan);
    let mut expected = [(source(), gone), (log(), gone)];
    expected.sort_unstable_by_key(|(blob, _)| *blob);
    assert_eq!(uses(&world, Deleted::Scan(scan)).await, expected);
    let of_project = delete_project(&mut world).await;
    let gone = BlobUse::UnusedSince(of_project);
    let mut expected = [(source(), gone), (log(), gone), (excerpt, gone)];
    expected.sort_unstable_by_key(|(blob, _)| *blob);
    assert_eq!(uses(&world, Deleted::Project(PROJECT)).await, expected);
    assert_eq!(uses(&world, Deleted::Scan(scan)).await.len(), 2);
    assert_eq!(uses_of(&world, vec![Deleted::Scan(scan), Deleted::Project(PROJECT)]).await, expected);
}

#[tokio::test]
async fn it_is_said_which_events_could_not_be_applied() {
    let mut world = World::new().await;
    assert_eq!(world.views().parked(None).await.unwrap(), []);
    // Nobody has heard of these.
    let first = delete(&mut world, ScanId(uuid::Uuid::from_u128(77))).await;
    let second = delete(&mut world, ScanId(uuid::Uuid::from_u128(78))).await;
    assert_eq!(world.views().parked(None).await.unwrap(), [first, second]);
    assert_eq!(world.views().parked(Some("scan.deleted")).await.unwrap(), [first, second]);
    assert_eq!(world.views().parked(Some("scan.queued")).await.unwrap(), []);
}

#[tokio::test]
async fn a_blob_is_known_by_its_hash_as_long_as_anything_ever_named_it() {
    let mut world = World::new().await;
    let asked = || vec![BlobHash::of(b"nobody's"), source()];
    assert_eq!(world.views().uses_of(asked()).await.unwrap(), []);
    let (first, _) = world.scan("main", vec![], vec![]).await;
    let (second, _) = world.scan("main", vec![], vec![]).await;
    delete(&mut world, first).await;
    assert_eq!(world.views().uses_of(asked()).await.unwrap(), [(source(), BlobUse::Used)]);
    let last = delete(&mut world, second).await;
    assert_eq!(world.views().uses_of(asked()).await.unwrap(), [(source(), BlobUse::UnusedSince(last))]);
    assert_eq!(world.views().uses_of(vec![]).await.unwrap(), []);
}

#[tokio::test]
async fn what_an_import_of_advisories_names_is_never_unused() {
    let mut world = World::new().await;
    let (scan, _) = world.scan("main", vec![], vec![]).await;
    let file = ImportedFile { blob: source(), ecosystems: vec![], records: 1 };
    let imported = Imported { generation: Generation(1), files: vec![file], changed: 1 };
    world.append(advisories_stream(), &[AdvisoryEvent::from(imported)]).await;
    delete(&mut world, scan).await;
    delete_project(&mut world).await;
    assert_eq!(uses(&world, Deleted::Project(PROJECT)).await, [(source(), BlobUse::Used)]);
}
