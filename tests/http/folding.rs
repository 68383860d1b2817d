//! What the log says is on a branch: for any history, the same as the read models say, as long as nothing is wrong with
//! them.

#[expect(dead_code, reason = "only what scans need is used")]
#[path = "../../projections/tests/support/mod.rs"]
mod support;

use fastrand::Rng;
use scanledger::adapters::ViewsReadModel;
use scanledger_commands::Ledger;
use scanledger_commands::branch::Inventories;
use scanledger_commands::ports::ReadModel;
use scanledger_domain::advisory::Generation;
use scanledger_domain::blob::BlobHash;
use scanledger_domain::branch::{
    Branch, BranchEvent, Closed, ClosedBecause, Coverage, Inventory, InventoryDigest, Present, RecordScan,
    RuleCoverage, Soundness, branch_id, branch_stream, observe,
};
use scanledger_domain::component::{Component, Ecosystem, Package, Scope};
use scanledger_domain::decider::Decider as _;
use scanledger_domain::event::Event;
use scanledger_domain::finding::{RuleTags, UploadFacts};
use scanledger_domain::id::ScanId;
use scanledger_domain::log::{Position, Version};
use scanledger_domain::project::{ProjectDetails, ProjectEvent, Updated, project_stream};
use scanledger_domain::scanning::{Detection, Identity, Place, ScannerKind, Uploaded};
use scanledger_domain::severity::Severity;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use support::{ORGANIZATION, PROJECT, World, secret};
use uuid::Uuid;

const BRANCHES: [&str; 3] = ["main", "topic", "release"];
const SCANNERS: [ScannerKind; 3] = [ScannerKind::Sca, ScannerKind::Secrets, ScannerKind::Sast];

/// Number `n` of what scanners find, as it looks at `look`: a third for each scanner.
fn detection(n: u32, look: u32) -> Detection {
    let path = format!("src/{n}.py");
    let severity = [Severity::Low, Severity::High, Severity::Critical][look as usize % 3];
    let seen = secret(&path, n, severity);
    let place = Place { path: path.clone(), line: Some(look + 1), end_line: None, version: None };
    match n % 3 {
        0 => Detection {
            identity: Identity::Advisory {
                package: Package::new(Ecosystem::Npm, &format!("package-{n}")),
                id: format!("GHSA-{n}"),
                group: vec![format!("GHSA-{n}")],
                informational: None,
            },
            rule: format!("GHSA-{n}"),
            description: format!("words {}", look % 2),
            places: vec![Place { version: Some("1.0.0".to_owned()), ..place }],
            ..seen
        },
        1 => Detection { places: vec![place.clone(), place], ..seen },
        _ => Detection {
            identity: Identity::Code { path, context: "eval(x)".to_owned(), index: 0 },
            rule: "EVAL".to_owned(),
            places: vec![place],
            ..seen
        },
    }
}

/// What the rule number `n` of a client finds.
fn upload(n: u32) -> Detection {
    let (rule, path) = (format!("rule-{}", n % 2), format!("up/{n}.py"));
    let facts = UploadFacts {
        match_based_id: format!("{n}_0"),
        syntactic_id: None,
        path: path.clone(),
        tags: RuleTags::default(),
        validation: None,
        package: None,
    };
    let scanner = ScannerKind::Sast;
    let uploaded = Uploaded { scanner, facts, columns: None, package: None, advisories: vec![] };
    let places = vec![Place { path: path.clone(), line: Some(7), end_line: None, version: None }];
    let identity = Identity::Upload(Box::new(uploaded));
    Detection { identity, rule, places, ..secret(&path, 0, Severity::High) }
}

fn component(n: u32, scope: Scope) -> Component {
    Component {
        package: Package::new(Ecosystem::Npm, &format!("part-{n}")),
        version: "1.0.0".to_owned(),
        path: "package-lock.json".to_owned(),
        scope,
        direct: None,
    }
}

/// What a scan saw.
struct Saw {
    coverage: Coverage,
    detections: Vec<Detection>,
    components: Option<Vec<Component>>,
}

impl Saw {
    /// These things, and everything else is gone.
    fn all(detections: impl Iterator<Item = Detection>) -> Self {
        Self { coverage: SCANNERS.to_vec().into(), detections: detections.collect(), components: None }
    }

    fn any(rng: &mut Rng) -> Self {
        if rng.u8(..4) == 0 {
            let rules = (0..2).filter(|_| rng.bool()).map(|rule| format!("rule-{rule}")).collect();
            let scanners = vec![ScannerKind::Sast];
            let (unread, kept) = (Default::default(), BlobHash([1; 32]));
            let coverage = Coverage::Rules(RuleCoverage { scanners, rules, unread, kept });
            let detections = (0..4).filter(|_| rng.bool()).map(upload).collect();
            return Self { coverage, detections, components: None };
        }
        let covered: Vec<ScannerKind> = SCANNERS.into_iter().filter(|_| rng.u8(..4) > 0).collect();
        let seen = (0..12).filter(|n| covered.contains(&SCANNERS[*n as usize % 3]));
        let seen: Vec<u32> = seen.filter(|_| rng.bool()).collect();
        let detections = seen.into_iter().map(|n| detection(n, rng.u32(..3))).collect();
        let scope = |rng: &mut Rng| if rng.bool() { Scope::Runtime } else { Scope::Optional };
        let components = rng.bool().then(|| {
            let there: Vec<u32> = (0..5).filter(|_| rng.bool()).collect();
            there.into_iter().map(|n| component(n, scope(rng))).collect()
        });
        Self { coverage: covered.into(), detections, components }
    }
}

/// A history, and both who say what is on its branches.
struct History {
    world: World,
    ledger: Ledger,
    views: Arc<dyn ReadModel>,
    scans: u64,
    default: &'static str,
}

impl History {
    async fn new() -> Self {
        let world = World::new().await;
        let ledger = Ledger::new(Arc::clone(&world.log));
        let views = Arc::new(ViewsReadModel::new(&world.projector));
        Self { world, ledger, views, scans: 0, default: "main" }
    }

    /// Records what a scan of a branch saw, or the first so many events of it.
    async fn scan(&mut self, branch: &str, saw: Saw, kept: usize) {
        let (id, snapshot) =
            (branch_id(PROJECT, branch), self.views.inventory(PROJECT, branch).await.unwrap());
        self.scans += 1;
        let is_matched = saw.components.is_some();
        let command = RecordScan {
            branch: id,
            organization: ORGANIZATION,
            project: PROJECT,
            name: branch.to_owned(),
            base: snapshot.base,
            scan: ScanId(Uuid::from_u128(self.scans.into())),
            run: 1,
            coverage: saw.coverage,
            observed: observe(PROJECT, saw.detections, &HashMap::new()),
            components: saw.components,
            generation: is_matched.then_some(Generation(self.scans)),
        };
        let events = Branch::decide(&snapshot.inventory, command).unwrap();
        self.world.append(branch_stream(id), &events[..kept.min(events.len())]).await;
    }

    async fn close(&mut self, branch: &str) {
        let id = branch_id(PROJECT, branch);
        let because = ClosedBecause::Silent;
        self.world.append(branch_stream(id), &[BranchEvent::from(Closed { branch: id, because })]).await;
    }

    async fn make_default(&mut self, branch: &'static str) {
        self.default = branch;
        let details = ProjectDetails {
            name: "shop".to_owned(),
            description: None,
            repo_url: None,
            default_branch: branch.to_owned(),
            dast_target_url: None,
        };
        let updated = ProjectEvent::from(Updated { project: PROJECT, details });
        self.world.append(project_stream(PROJECT), &[updated]).await;
    }

    /// Something happens.
    async fn goes_on(&mut self, rng: &mut Rng) {
        let branch = BRANCHES[rng.usize(..3)];
        match rng.u8(..10) {
            0 => self.make_default(branch).await,
            1 | 2 => {
                let open = self.views.open_branch(PROJECT, branch).await.unwrap();
                if open.is_some() && branch != self.default {
                    self.close(branch).await;
                }
            }
            3 | 4 => self.scan(branch, Saw::any(rng), rng.usize(..6)).await,
            _ => self.scan(branch, Saw::any(rng), usize::MAX).await,
        }
    }

    /// Where branches were opened from others.
    async fn openings(&self) -> Vec<Opening> {
        let (mut openings, mut with_a_base) = (vec![], HashSet::new());
        for recorded in self.world.log.read_all(Position::START, 10_000).await.unwrap() {
            let Event::Branch(BranchEvent::Opened(opened)) = Event::of(&recorded).unwrap() else { continue };
            let Some(base) = opened.base else { continue };
            openings.push(Opening {
                is_again: recorded.version.0 > 1,
                is_from_one_with_a_base: with_a_base.contains(&base.branch),
            });
            with_a_base.insert(opened.branch);
        }
        openings
    }

    /// The log says of every branch what the read models say.
    async fn agrees(&self, when: &str) {
        let inventories = Inventories::new(&self.ledger, &self.views);
        for branch in BRANCHES {
            let id = branch_id(PROJECT, branch);
            let read = self.views.inventory(PROJECT, branch).await.unwrap();
            assert_eq!(read.soundness, Soundness::Sound, "{branch} {when}");
            let (folded, looks) =
                inventories.folded(id, read.version, read.base, SCANNERS.to_vec()).await.unwrap();
            let from = read.inventory.opened.as_ref().map(|opened| opened.branch);
            let from = from.or(read.base.map(|base| base.branch));
            assert_eq!(known(folded), known(read.inventory), "{branch} {when}");
            let there = match from {
                Some(from) => self.views.present_findings(from, SCANNERS.to_vec()).await.unwrap().findings,
                None => vec![],
            };
            assert_eq!(in_order(looks), in_order(there), "{branch} {when}");
        }
        assert_eq!(self.world.projector.health().broken_branches, 0, "{when}");
        assert_eq!(self.world.projector.health().parked, 0, "{when}");
    }
}

/// How a branch was opened from another.
struct Opening {
    is_again: bool,
    is_from_one_with_a_base: bool,
}

/// Without what read models do not know of what is not there now.
fn known(mut inventory: Inventory) -> Inventory {
    for held in inventory.findings.values_mut().filter(|held| !held.is_present) {
        (held.digest, held.advisory) = (InventoryDigest::default(), None);
    }
    inventory
}

fn in_order(mut looks: Vec<Present>) -> Vec<Present> {
    looks.sort_by_key(|look| look.finding);
    looks
}

#[tokio::test]
async fn the_log_says_of_every_branch_what_the_read_models_say() {
    let (mut openings, mut again, mut chains) = (0, 0, 0);
    for seed in 0..24 {
        let (mut history, mut rng) = (History::new().await, Rng::with_seed(seed));
        for step in 0..16 {
            history.goes_on(&mut rng).await;
            history.agrees(&format!("after step {step} of history {seed}")).await;
        }
        let from = history.openings().await;
        openings += from.len();
        again += from.iter().filter(|opening| opening.is_again).count();
        chains += from.iter().filter(|opening| opening.is_from_one_with_a_base).count();
    }
    assert!(openings > 24 && again > 8 && chains > 4, "{openings} {again} {chains}: they do too little");
}

#[tokio::test]
async fn streams_of_many_pages_are_folded_whole() {
    let mut history = History::new().await;
    let many = |numbers: std::ops::Range<u32>| Saw::all(numbers.map(|n| detection(n, 0)));
    history.scan("main", many(0..1_200), usize::MAX).await;
    for round in 0..3 {
        // Each opening of the branch lies on another page of its stream, and starts further on in that of its base.
        history.scan("topic", many(round..2_400 + round), usize::MAX).await;
        history.agrees(&format!("in round {round}")).await;
        history.close("topic").await;
        history.scan("main", many(400 * round..1_200 + 400 * round), usize::MAX).await;
        history.agrees(&format!("after round {round}")).await;
    }
    assert!(history.views.inventory(PROJECT, "topic").await.unwrap().version.0 > 3_000);
}

#[tokio::test]
async fn what_the_log_does_not_have_is_not_made_up() {
    let mut history = History::new().await;
    history.scan("main", Saw::all((0..3).map(|n| detection(n, 0))), usize::MAX).await;
    let version = history.views.inventory(PROJECT, "main").await.unwrap().version;
    let inventories = Inventories::new(&history.ledger, &history.views);
    let beyond = Version(version.0 + 1);
    assert!(inventories.folded(branch_id(PROJECT, "main"), beyond, None, vec![]).await.is_err());
    let before = Version(version.0 - 1);
    let (earlier, looks) =
        inventories.folded(branch_id(PROJECT, "main"), before, None, vec![]).await.unwrap();
    assert_eq!((earlier.findings.len(), earlier.last_scan, looks), (3, None, vec![]));
}
