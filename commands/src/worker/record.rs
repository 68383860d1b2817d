//! Records what a scan found: the difference to what the branch has, in the branch's own stream.

use super::control::{Ending, Signal};
use super::excerpts;
use super::gather::Gathered;
use super::history::earlier;
use super::run::{Halt, Run, VIEW_TIMEOUT};
use crate::branch::{Inventories, OnBranch};
use crate::context::Context;
use crate::error::{CommandError, Fault};
use crate::ledger::Ledger;
use crate::ports::{ReadError, ReadModel};
use crate::thread::on_thread;
use scanledger_domain::advisory::Generation;
use scanledger_domain::blob::BlobStore;
use scanledger_domain::branch::{
    BaseBranch, Branch, BranchEvent, BranchRefusal, ComponentsChanged, Coverage, FindingsUpdated, Inventory,
    Merge, Observed, Pending, RecordScan, Scanned, branch_id, branch_stream, merges, observe,
};
use scanledger_domain::component::{Component, Package};
use scanledger_domain::decider::{Decider as _, StoredEvent as _};
use scanledger_domain::id::{FindingId, ProjectId};
use scanledger_domain::limits::BATCH_BYTES;
use scanledger_domain::log::Position;
use scanledger_domain::scan::Queued;
use scanledger_domain::scanning::{Detection, Identity, Place, ScannerKind};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// How often results are decided again because another scan of the branch was faster.
const ATTEMPTS: u32 = 50;
/// Bytes of one event from which lists are halved, so that every event fits into a batch with room to spare.
const EVENT_BYTES: usize = BATCH_BYTES / 4;

/// What was recorded.
#[derive(Debug)]
pub(crate) struct RecordedScan {
    /// Every finding of the scan.
    pub(crate) observed: Vec<Observed>,
    /// Those that count as new.
    pub(crate) new: HashSet<FindingId>,
    /// The end of the run.
    pub(crate) scanned: Scanned,
    /// Its position.
    pub(crate) position: Position,
}

/// Why results are not recorded.
#[derive(Debug)]
pub(crate) enum Unrecorded {
    /// Somebody else has the scan by now.
    Superseded,
    /// It may work later.
    Retry(&'static str),
    /// The server is broken.
    Broken(Fault),
}

impl From<Fault> for Unrecorded {
    fn from(fault: Fault) -> Self {
        Self::Broken(fault)
    }
}

impl From<ReadError> for Unrecorded {
    fn from(error: ReadError) -> Self {
        Self::Broken(error.into())
    }
}

impl From<Unrecorded> for Halt {
    fn from(unrecorded: Unrecorded) -> Self {
        match unrecorded {
            Unrecorded::Superseded => Self::Ended(Ending::Superseded),
            Unrecorded::Retry(why) => Self::Retry(why),
            Unrecorded::Broken(fault) => Self::Broken(fault),
        }
    }
}

/// What a run found, besides its findings.
#[derive(Debug, Clone)]
pub(crate) struct Results {
    /// The scan.
    pub(crate) queued: Queued,
    /// Its run.
    pub(crate) run: u32,
    /// What it looked at.
    pub(crate) coverage: Coverage,
    /// What the branch is made of; `None` if nobody looked.
    pub(crate) components: Option<Vec<Component>>,
    /// What dependencies were matched with.
    pub(crate) generation: Option<Generation>,
}

/// Records results of workers and of clients.
pub(crate) struct Recorder<'a> {
    pub(crate) ledger: &'a Ledger,
    pub(crate) views: &'a Arc<dyn ReadModel>,
    pub(crate) blobs: &'a Arc<dyn BlobStore>,
}

impl Run {
    fn recorder(&self) -> Recorder<'_> {
        Recorder { ledger: &self.deps.ledger, views: &self.deps.views, blobs: &self.deps.blobs }
    }

    /// Gives every detection its finding, and says which findings turn out to be others.
    pub(super) async fn observe(
        &self,
        detections: Vec<Detection>,
    ) -> Result<(Vec<Observed>, Vec<Merge>), Halt> {
        Ok(self.recorder().observe(self.life.queued.project, detections).await?)
    }

    /// Appends the difference to the branch's stream and waits until the read model shows it.
    pub(super) async fn record(
        &mut self,
        gathered: &Gathered,
        observed: Vec<Observed>,
    ) -> Result<RecordedScan, Halt> {
        let results = Results {
            queued: self.life.queued.clone(),
            run: self.life.run,
            coverage: Coverage::Scanners(gathered.coverage.clone()),
            components: gathered.components.clone(),
            generation: gathered.generation,
        };
        let is_superseded = || self.control.signal() == Signal::End(Ending::Superseded);
        Ok(self.recorder().record(&self.context, &results, observed, is_superseded).await?)
    }
}

impl Recorder<'_> {
    /// Gives every detection its finding, and says which findings turn out to be others.
    pub(crate) async fn observe(
        &self,
        project: ProjectId,
        detections: Vec<Detection>,
    ) -> Result<(Vec<Observed>, Vec<Merge>), Unrecorded> {
        let packages = packages(&detections);
        let known = if packages.is_empty() {
            Default::default()
        } else {
            self.views.known_advisories(project, packages).await?
        };
        let observed = on_thread("tell which findings a scan saw", move || {
            let merges = merges(&detections, &known);
            (observe(project, detections, &known), merges)
        });
        Ok(observed.await?)
    }

    /// Appends the difference to the branch's stream and waits until the read model shows it; ends early when
    /// `is_superseded` says that it is no longer wanted.
    pub(crate) async fn record(
        &self,
        context: &Context,
        results: &Results,
        mut observed: Vec<Observed>,
        is_superseded: impl Fn() -> bool + Send + Sync,
    ) -> Result<RecordedScan, Unrecorded> {
        let queued = &results.queued;
        let stream = branch_stream(branch_id(queued.project, &queued.branch));
        for _ in 0..ATTEMPTS {
            if is_superseded() {
                return Err(Unrecorded::Superseded);
            }
            // Should the branch change from here on, nothing that is decided is recorded.
            let inventories = Inventories::new(self.ledger, self.views);
            let hindered = hindered(&results.coverage);
            let OnBranch { version, inventory, base, places } =
                inventories.of(queued.project, &queued.branch, hindered).await?;
            excerpts::store(&**self.blobs, &mut observed, &inventory).await.map_err(Fault::from)?;
            let can_be_new = inventory.has_history || base.is_some();
            let was_begun = inventory.pending != Pending::default();
            let coverage = located(results.coverage.clone(), places);
            let events = difference(results, coverage, &mut observed, (inventory, base)).await?;
            let mut before = Default::default();
            if events.is_empty() || was_begun {
                before =
                    earlier(self.ledger, &stream, version, (queued.scan, results.run), can_be_new).await?;
            }
            let Some(end) = events.last() else {
                let missing =
                    || Fault::other("find the end of a recorded run", "the read model is ahead of its log");
                let (scanned, position) = before.scanned.ok_or_else(missing)?;
                return Ok(RecordedScan { observed, new: before.new, scanned, position });
            };
            let BranchEvent::Scanned(scanned) = end.clone() else {
                return Err(Fault::other("record a scan", "results do not end with branch.scanned").into());
            };
            let context = context.derive(&format!("record-{version}"));
            match self.ledger.append_parts(&context, &stream, version, &events).await {
                Ok(Some(appended)) => {
                    self.views.wait_for(appended.last, VIEW_TIMEOUT).await?;
                    let mut new = before.new;
                    new.extend(newly_seen(&events, can_be_new));
                    return Ok(RecordedScan { observed, new, scanned, position: appended.last });
                }
                Ok(None) | Err(CommandError::Contended | CommandError::Stale { .. }) => {
                    let head = self.ledger.log().head().await.map_err(Fault::from)?;
                    self.views.wait_for(head, VIEW_TIMEOUT).await?;
                }
                Err(CommandError::Fault(fault)) => return Err(fault.into()),
                Err(CommandError::Refused(never)) => match never {},
            }
        }
        Err(Unrecorded::Retry("other scans of the branch were faster, again and again"))
    }
}

/// Scanners of the server that could not read everything.
fn hindered(coverage: &Coverage) -> Vec<ScannerKind> {
    match coverage {
        Coverage::Scanners(covered) => covered.hindered().collect(),
        Coverage::Rules(_) | Coverage::Changes { .. } => vec![],
    }
}

/// The coverage of a scan, with where findings are of its scanners that could not read everything.
fn located(mut coverage: Coverage, places: HashMap<FindingId, Vec<Place>>) -> Coverage {
    if let Coverage::Scanners(covered) = &mut coverage {
        covered.places = places;
    }
    coverage
}

/// Decides what changes on the branch, on a thread of its own: it costs microseconds per finding.
async fn difference(
    results: &Results,
    coverage: Coverage,
    observed: &mut Vec<Observed>,
    (inventory, base): (Inventory, Option<BaseBranch>),
) -> Result<Vec<BranchEvent>, Unrecorded> {
    let queued = &results.queued;
    let mut command = RecordScan {
        branch: branch_id(queued.project, &queued.branch),
        organization: queued.organization,
        project: queued.project,
        name: queued.branch.clone(),
        base,
        scan: queued.scan,
        run: results.run,
        coverage,
        observed: vec![],
        components: results.components.clone(),
        generation: results.generation,
    };
    let own = std::mem::take(observed);
    let (own, events) = on_thread("decide what a scan changes", move || {
        command.observed.clone_from(&own);
        let events = Branch::decide(&inventory, command);
        (own, events.map(|events| events.into_iter().flat_map(halved).collect()))
    })
    .await?;
    *observed = own;
    events.map_err(|BranchRefusal::StaleAdvisories { .. }| {
        Unrecorded::Retry("the branch was matched with newer advisories meanwhile")
    })
}

fn packages(detections: &[Detection]) -> Vec<Package> {
    let mut packages: Vec<Package> = detections
        .iter()
        .filter_map(|detection| match &detection.identity {
            Identity::Advisory { package, .. } => Some(package.clone()),
            Identity::Secret { .. } | Identity::Code { .. } | Identity::Upload(_) => None,
        })
        .collect();
    packages.sort_unstable();
    packages.dedup();
    packages
}

fn newly_seen(events: &[BranchEvent], can_be_new: bool) -> impl Iterator<Item = FindingId> {
    events.iter().filter_map(move |event| match event {
        BranchEvent::Detected(detected) if detected.is_new => Some(detected.finding),
        BranchEvent::Reopened(reopened) if can_be_new => Some(reopened.finding),
        BranchEvent::Opened(_)
        | BranchEvent::Detected(_)
        | BranchEvent::Reopened(_)
        | BranchEvent::Resolved(_)
        | BranchEvent::FindingsUpdated(_)
        | BranchEvent::ComponentsChanged(_)
        | BranchEvent::Scanned(_)
        | BranchEvent::Closed(_) => None,
    })
}

/// The same event, or several that say the same, each of a size that fits into a batch: findings with many
/// places and components with long paths make lists whose bytes nobody can tell from their length.
fn halved(event: BranchEvent) -> Vec<BranchEvent> {
    let is_list = match &event {
        BranchEvent::FindingsUpdated(updated) => updated.findings.len() > 1,
        BranchEvent::ComponentsChanged(changed) => changed.set.len() + changed.removed.len() > 1,
        BranchEvent::Opened(_)
        | BranchEvent::Detected(_)
        | BranchEvent::Reopened(_)
        | BranchEvent::Resolved(_)
        | BranchEvent::Scanned(_)
        | BranchEvent::Closed(_) => false,
    };
    if !is_list || event.encode().len() <= EVENT_BYTES {
        return vec![event];
    }
    let halves: [BranchEvent; 2] = match event {
        BranchEvent::FindingsUpdated(FindingsUpdated { mut findings }) => {
            let second = findings.split_off(findings.len() / 2);
            [FindingsUpdated { findings }.into(), FindingsUpdated { findings: second }.into()]
        }
        BranchEvent::ComponentsChanged(ComponentsChanged { mut set, mut removed }) => {
            let (set2, removed2) = (set.split_off(set.len() / 2), removed.split_off(removed.len() / 2));
            [
                ComponentsChanged { set, removed }.into(),
                ComponentsChanged { set: set2, removed: removed2 }.into(),
            ]
        }
        other => return vec![other],
    };
    halves.into_iter().flat_map(halved).collect()
}

#[cfg(test)]
mod tests {
    use super::{EVENT_BYTES, halved};
    use scanledger_domain::branch::{BranchEvent, ComponentsChanged, FindingsUpdated, Occurrence, Update};
    use scanledger_domain::component::{Component, Ecosystem, Package, Scope};
    use scanledger_domain::decider::StoredEvent as _;
    use scanledger_domain::id::FindingId;
    use scanledger_domain::limits::{PATH_BYTES, PLACES};
    use scanledger_domain::scanning::Place;
    use scanledger_domain::severity::Severity;
    use uuid::Uuid;

    fn update(n: u128, places: usize) -> Update {
        let place = Place { path: "p".repeat(PATH_BYTES), line: Some(1), end_line: None, version: None };
        let occurrence = Occurrence {
            severity: Severity::High,
            places: vec![place; places],
            fix: None,
            excerpt: None,
            columns: None,
            imported: None,
        };
        Update { finding: FindingId(Uuid::from_u128(n)), occurrence, advisory: None }
    }

    fn findings(events: &[BranchEvent]) -> Vec<Update> {
        let lists = events.iter().map(|event| match event {
            BranchEvent::FindingsUpdated(updated) => updated.findings.clone(),
            other => panic!("unexpected {other:?}"),
        });
        lists.flatten().collect()
    }

    #[test]
    fn the_largest_list_of_findings_is_split_until_each_event_fits() {
        let all: Vec<Update> = (0..200).map(|n| update(n, PLACES)).collect();
        let events = halved(FindingsUpdated { findings: all.clone() }.into());
        assert!(events.iter().all(|event| event.encode().len() <= EVENT_BYTES));
        assert_eq!(findings(&events), all);
    }

    #[test]
    fn the_largest_list_of_components_is_split_until_each_event_fits() {
        let all: Vec<Component> = (0..500)
            .map(|n| Component {
                package: Package::new(Ecosystem::Npm, &format!("package-{n}")),
                version: "1.0.0".into(),
                path: "p".repeat(PATH_BYTES),
                scope: Scope::Runtime,
                direct: None,
            })
            .collect();
        let events = halved(ComponentsChanged { set: all.clone(), removed: vec![] }.into());
        assert!(events.iter().all(|event| event.encode().len() <= EVENT_BYTES));
        let lists = events.into_iter().map(|event| match event {
            BranchEvent::ComponentsChanged(changed) => changed.set,
            other => panic!("unexpected {other:?}"),
        });
        assert_eq!(lists.flatten().collect::<Vec<_>>(), all);
    }

    #[test]
    fn an_event_that_fits_stays_whole() {
        let event: BranchEvent = FindingsUpdated { findings: vec![update(1, 1), update(2, 1)] }.into();
        assert_eq!(halved(event.clone()), [event]);
    }
}
