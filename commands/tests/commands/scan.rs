//! Scans, up to the queue.

use crate::support::{ACME, World};
use scanledger_commands::CommandError;
use scanledger_commands::scan::{NewScan, ScanProblem};
use scanledger_domain::id::{OrganizationId, ProjectId};
use scanledger_domain::scan::{ScanRefusal, ScanStatus, ScanType, Step};
use uuid::Uuid;

async fn stored(world: &World, project: ProjectId) -> NewScan {
    let file = world.dir.path().join("file");
    std::fs::write(&file, b"archive").unwrap();
    let source = world.scans.store_source(file, "builds/shop.zip").await.unwrap();
    NewScan {
        organization: ACME,
        project,
        branch: None,
        scan_type: ScanType::Full,
        source,
        commit: None,
        base: None,
    }
}

#[tokio::test]
async fn a_repeated_request_for_a_scan_answers_it_although_its_project_is_gone() {
    let world = World::new();
    let shop = world.project("shop").await;
    let (context, scan) = (world.fresh(), stored(&world, shop).await);
    let first = world.scans.queue(&context, scan.clone()).await.unwrap();
    world.step(first.queued.scan, Step::Cancel).await;
    world.projects.delete(&world.fresh(), shop).await.unwrap();
    assert_eq!(world.scans.queue(&context, scan).await.unwrap(), first);
}

#[tokio::test]
async fn a_scan_without_a_branch_is_of_the_default_branch() {
    let world = World::new();
    let shop = world.project("shop").await;
    let scan = stored(&world, shop).await;
    let context = world.fresh();
    let first = world.scans.queue(&context, scan.clone()).await.unwrap();
    assert_eq!((first.queued.branch.as_str(), first.queued.source.name.as_str()), ("main", "shop.zip"));
    assert_eq!(world.scans.queue(&context, scan).await.unwrap(), first);
}

#[tokio::test]
async fn a_scan_needs_a_project_a_scanner_and_sound_refs() {
    let world = World::new();
    let shop = world.project("shop").await;
    let scan = stored(&world, shop).await;
    let cases = [
        (NewScan { project: ProjectId(Uuid::from_u128(9)), ..scan.clone() }, ScanProblem::ProjectNotFound),
        (
            NewScan { organization: OrganizationId(Uuid::from_u128(9)), ..scan.clone() },
            ScanProblem::ProjectNotFound,
        ),
        (
            NewScan { scan_type: ScanType::Dast, ..scan.clone() },
            ScanProblem::ScannerUnavailable(ScanType::Dast),
        ),
        (NewScan { branch: Some(String::new()), ..scan }, ScanProblem::Scan(ScanRefusal::BadRef("branch"))),
    ];
    for (wanted, problem) in cases {
        match world.scans.queue(&world.fresh(), wanted).await {
            Err(CommandError::Refused(actual)) => assert_eq!(actual, problem),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_rescan_takes_the_same_source_as_long_as_it_is_stored() {
    let world = World::new();
    let shop = world.project("shop").await;
    let first = world.scans.queue(&world.fresh(), stored(&world, shop).await).await.unwrap().queued;
    let second = world.scans.rescan(&world.fresh(), first.scan).await.unwrap().queued;
    assert_eq!((second.rescan_of, &second.source), (Some(first.scan), &first.source));
    world.step(first.scan, Step::Stop).await;
    world.blobs.remove(first.source.blob).await.unwrap();
    let gone = world.scans.rescan(&world.fresh(), first.scan).await;
    assert!(matches!(gone, Err(CommandError::Refused(ScanProblem::SourceGone))));
    let gone = world.scans.step(&world.fresh(), first.scan, Step::Resume).await;
    assert!(matches!(gone, Err(CommandError::Refused(ScanProblem::SourceGone))));
    let deleted = world.scans.step(&world.fresh(), first.scan, Step::Delete).await.unwrap();
    assert_eq!(deleted.status, None);
    assert_eq!(world.scans.find(first.scan).await.unwrap(), None);
}

#[tokio::test]
async fn a_step_that_the_state_does_not_allow_is_refused() {
    let world = World::new();
    let shop = world.project("shop").await;
    let scan = world.queue(shop, "main", &[("a", "b")]).await;
    let refused = world.scans.step(&world.fresh(), scan, Step::Pause).await;
    let illegal = ScanRefusal::IllegalStep { from: ScanStatus::Queued, step: Step::Pause };
    assert!(matches!(refused, Err(CommandError::Refused(ScanProblem::Scan(refusal))) if refusal == illegal));
}
