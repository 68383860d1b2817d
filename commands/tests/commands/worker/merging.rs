//! Findings that a scan shows to be one are merged, once, whatever happens in between.

use super::{Held, completed};
use crate::support::World;
use scanledger_domain::advisory::Generation;
use scanledger_domain::branch::{Branch, RecordScan, branch_id, branch_stream, observe};
use scanledger_domain::component::{Ecosystem, Package};
use scanledger_domain::decider::Decider as _;
use scanledger_domain::event::Event;
use scanledger_domain::finding::{FindingEvent, Merged};
use scanledger_domain::id::{FindingId, ProjectId, ScanId};
use scanledger_domain::limits::BATCH_EVENTS;
use scanledger_domain::scan::{Scan, ScanCommand, scan_stream};
use scanledger_domain::scanning::{Detection, Identity, Outcome, Place, ScannerKind};
use scanledger_domain::severity::Severity;

/// A vulnerable package, by the ids of a group of advisories, of which the first is shown.
fn vulnerable(package: &str, group: &[&str]) -> Detection {
    let place = Place {
        path: "package-lock.json".to_owned(),
        line: None,
        end_line: None,
        version: Some("1.0.0".to_owned()),
    };
    Detection {
        identity: Identity::Advisory {
            package: Package::new(Ecosystem::Npm, package),
            id: group[0].to_owned(),
            group: group.iter().map(|&id| id.to_owned()).collect(),
            informational: None,
        },
        rule: group[0].to_owned(),
        title: "It runs what it reads".into(),
        description: "All of it.".into(),
        severity: Severity::High,
        cwe: None,
        cve: None,
        confidence: 1.0,
        places: vec![place],
        fixed_version: None,
        excerpt: None,
        references: vec![],
    }
}

fn apart() -> Vec<Detection> {
    vec![vulnerable("left", &["GHSA-1"]), vulnerable("left", &["OSV-1"]), vulnerable("right", &["GHSA-1"])]
}

fn joined() -> Vec<Detection> {
    vec![vulnerable("left", &["GHSA-1", "OSV-1"]), vulnerable("right", &["GHSA-1"])]
}

fn found(detections: Vec<Detection>) -> Outcome {
    Outcome { detections, files_scanned: 1, generation: Some(Generation(1)), ..Outcome::default() }
}

/// Scans a branch on which the scanner of dependencies finds this.
async fn scan(world: &World, project: ProjectId, branch: &str, detections: Vec<Detection>) -> ScanId {
    let pool = world.pool(1, vec![Held::free(ScannerKind::Sca, found(detections))]).await;
    let scan = world.queue(project, branch, &[("a", "b")]).await;
    completed(world, scan).await;
    pool.shutdown().await;
    scan
}

async fn merged(world: &World) -> Vec<Merged> {
    let events = world.decoded().await.into_iter();
    let merged = events.filter_map(|event| match event {
        Event::Finding(FindingEvent::Merged(merged)) => Some(merged),
        _ => None,
    });
    merged.collect()
}

async fn kinds(world: &World) -> Vec<String> {
    world.events().await.iter().map(|event| event.kind.to_string()).collect()
}

/// The younger and the elder of the two findings of `left`.
async fn both(world: &World) -> (FindingId, FindingId) {
    let all = super::detected(world).await;
    (all[1], all[0])
}

#[tokio::test(flavor = "multi_thread")]
async fn findings_that_an_alias_joins_are_merged_once_before_the_scan_is_complete() {
    let world = World::new();
    let shop = world.project("shop").await;
    scan(&world, shop, "main", apart()).await;
    assert_eq!(merged(&world).await, []);
    scan(&world, shop, "main", joined()).await;
    let (younger, elder) = both(&world).await;
    let [merge] = &merged(&world).await[..] else { panic!("one is merged into the other") };
    assert_eq!((merge.finding, merge.into, merge.project), (younger, elder, shop));
    assert!(merge.fingerprint.is_some(), "nobody has decided about it");
    let kinds_then = kinds(&world).await;
    let place = |kind: &str| kinds_then.iter().rposition(|other| other == kind).unwrap();
    assert!(place("branch.scanned") < place("finding.merged"));
    assert!(place("finding.merged") < place("scan.completed"));

    scan(&world, shop, "main", joined()).await;
    scan(&world, shop, "topic", joined()).await;
    assert_eq!(merged(&world).await.len(), 1, "nothing is merged twice");
    let rescanned = kinds(&world).await.len();
    scan(&world, shop, "main", joined()).await;
    let kinds = kinds(&world).await;
    let added: Vec<&str> = kinds[rescanned..].iter().map(String::as_str).collect();
    assert_eq!(added, ["scan.queued", "scan.started", "scan.settling", "branch.scanned", "scan.completed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_lost_between_results_and_merges_leaves_them_to_the_next() {
    let world = World::new();
    let shop = world.project("shop").await;
    scan(&world, shop, "main", apart()).await;
    let lost = world.queue(shop, "main", &[("a", "b")]).await;
    for command in [ScanCommand::Start { alone: false }, ScanCommand::Settle { attempt: 1 }] {
        world.ledger.execute::<Scan>(&world.fresh(), &scan_stream(lost), None, command).await.unwrap();
    }
    let packages = ["left", "right"].map(|name| Package::new(Ecosystem::Npm, name)).to_vec();
    let known = world.views.known_advisories(shop, packages).await.unwrap();
    let snapshot = world.views.inventory(shop, "main").await.unwrap();
    let record = RecordScan {
        branch: branch_id(shop, "main"),
        organization: world.life(lost).await.queued.organization,
        project: shop,
        name: "main".into(),
        base: None,
        scan: lost,
        run: 1,
        coverage: vec![ScannerKind::Sca].into(),
        observed: observe(shop, joined(), &known),
        components: None,
        generation: Some(Generation(1)),
    };
    let events = Branch::decide(&snapshot.inventory, record).unwrap();
    let branch = branch_stream(branch_id(shop, "main"));
    world.ledger.append_parts(&world.fresh(), &branch, snapshot.version, &events).await.unwrap();
    assert_eq!(merged(&world).await, []);

    let pool = world.pool(1, vec![Held::free(ScannerKind::Sca, found(joined()))]).await;
    completed(&world, lost).await;
    pool.shutdown().await;
    let (younger, elder) = both(&world).await;
    let merges: Vec<_> = merged(&world).await.iter().map(|merge| (merge.finding, merge.into)).collect();
    assert_eq!(merges, [(younger, elder)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_findings_are_merged_in_batches() {
    let world = World::new();
    let shop = world.project("shop").await;
    let packages: Vec<String> = (0..BATCH_EVENTS + 1).map(|n| format!("p{n:04}")).collect();
    let each = |groups: &[&[&str]]| -> Vec<Detection> {
        packages.iter().flat_map(|name| groups.iter().map(move |group| vulnerable(name, group))).collect()
    };
    scan(&world, shop, "main", each(&[&["GHSA-1"], &["OSV-1"]])).await;
    scan(&world, shop, "main", each(&[&["GHSA-1", "OSV-1"]])).await;
    let detected = super::detected(&world).await;
    let pairs: Vec<_> = detected.chunks(2).map(|pair| (pair[1], pair[0])).collect();
    let merges: Vec<_> = merged(&world).await.iter().map(|merge| (merge.finding, merge.into)).collect();
    assert_eq!(merges, pairs, "in the order of packages, each once");
}
