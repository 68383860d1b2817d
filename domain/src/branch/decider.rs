//! What a scan changes on a branch: the difference between what it saw and what is there.

use super::facts::Said;
use super::stored::{
    BaseBranch, BranchEvent, ComponentKey, ComponentsChanged, Detected, FindingsUpdated, Opened, Reopened,
    Resolved, ScanCounts, Scanned, Update,
};
use super::{AdvisoryDigest, Coverage, FoundBy, Inventory, InventoryDigest, Observed, Pending};
use crate::advisory::Generation;
use crate::component::Component;
use crate::decider::Decider;
use crate::id::{BranchId, FindingId, OrganizationId, ProjectId, ScanId};
use crate::scanning::Identity;
use serde::Serialize;
use std::collections::HashMap;

/// Findings in one `branch.findings_updated`.
const UPDATES_PER_EVENT: usize = 200;
/// Components in one `branch.components_changed`.
const COMPONENTS_PER_EVENT: usize = 500;
/// Bytes of JSON in one event of many findings or components: far below a batch, although a single finding may
/// have [`crate::limits::PLACES`] long paths.
const PART_BYTES: usize = crate::limits::BATCH_BYTES / 4;

/// Records the results of a scan.
#[derive(Debug, Clone)]
pub struct RecordScan {
    /// The branch.
    pub branch: BranchId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// Of what.
    pub project: ProjectId,
    /// Its name.
    pub name: String,
    /// What it starts from, should it not be open yet.
    pub base: Option<BaseBranch>,
    /// The scan.
    pub scan: ScanId,
    /// Its run.
    pub run: u32,
    /// What was looked at: only what it covers can be resolved.
    pub coverage: Coverage,
    /// What they saw, each finding once.
    pub observed: Vec<Observed>,
    /// What the branch is made of; `None` if nobody looked.
    pub components: Option<Vec<Component>>,
    /// What dependencies were matched with; `None` if they were not.
    pub generation: Option<Generation>,
}

/// Why results are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BranchRefusal {
    /// Dependencies were matched with older advisories than the branch's last scan.
    #[error("matched with advisory generation {} after {}", .offered.0, .current.0)]
    StaleAdvisories {
        /// What the scan used.
        offered: Generation,
        /// What the branch was last matched with.
        current: Generation,
    },
}

/// The rules of a branch's inventory.
///
/// When a branch is not open, the state it is decided on is [`Inventory::starting_from`] the branch that it starts from.
#[derive(Debug)]
pub struct Branch;

impl Decider for Branch {
    type State = Inventory;
    type Command = RecordScan;
    type Event = BranchEvent;
    type Refusal = BranchRefusal;

    fn initial() -> Inventory {
        Inventory::default()
    }

    fn evolve(mut state: Inventory, event: &BranchEvent) -> Inventory {
        state.apply(event);
        state
    }

    fn decide(state: &Inventory, command: RecordScan) -> Result<Vec<BranchEvent>, BranchRefusal> {
        if state.last_scan == Some((command.scan, command.run)) {
            return Ok(vec![]);
        }
        if let (Some(offered), Some(current)) = (command.generation, state.generation)
            && offered < current
        {
            return Err(BranchRefusal::StaleAdvisories { offered, current });
        }
        Ok(difference(state, command))
    }
}

fn difference(state: &Inventory, command: RecordScan) -> Vec<BranchEvent> {
    let mut events = Vec::new();
    let RecordScan {
        branch,
        organization,
        project,
        name,
        base,
        scan,
        run,
        coverage,
        observed,
        components,
        generation,
    } = command;
    // What the base branch has recorded of a scan of its own is no part of this one.
    let (can_be_new, recorded) = match &state.opened {
        Some(_) => (state.has_history, state.pending.counts),
        None => (base.is_some(), ScanCounts::default()),
    };
    if state.opened.is_none() {
        events.push(Opened { branch, organization, project, name, base }.into());
    }
    let mut tally = Tally { counts: recorded, digest: state.digest };
    let components = components.map(|components| component_changes(state, components, &coverage, &mut tally));
    let mut updates = Vec::new();
    let seen: HashMap<FindingId, ()> = observed.iter().map(|observed| (observed.finding, ())).collect();
    for mut observed in observed {
        coverage.keep_places(&mut observed);
        record(state, observed, can_be_new, &mut tally, &mut updates, &mut events);
    }
    let mut gone: Vec<FindingId> = state
        .findings
        .iter()
        .filter(|(finding, held)| {
            held.is_present
                && coverage.covers(**finding, held, state.uploads.get(finding))
                && !seen.contains_key(finding)
        })
        .map(|(finding, _)| *finding)
        .collect();
    gone.sort_unstable();
    for finding in gone {
        tally.counts.resolved += 1;
        tally.digest = tally.digest.minus(state.findings[&finding].digest);
        events.push(Resolved { finding }.into());
    }
    for findings in parts(updates, UPDATES_PER_EVENT) {
        events.push(FindingsUpdated { findings }.into());
    }
    events.extend(components.into_iter().flatten());
    let Tally { mut counts, digest } = tally;
    // What an interrupted attempt of this run recorded is there now, but it was not before the run.
    counts.unchanged =
        counts.unchanged.saturating_sub(recorded.detected + recorded.reopened + recorded.updated);
    let (scanners, client) = (coverage.scanners().to_vec(), coverage.client());
    events.push(Scanned { branch, scan, run, coverage: scanners, client, counts, generation, digest }.into());
    events
}

struct Tally {
    counts: ScanCounts,
    digest: InventoryDigest,
}

fn record(
    state: &Inventory,
    observed: Observed,
    can_be_new: bool,
    tally: &mut Tally,
    updates: &mut Vec<Update>,
    events: &mut Vec<BranchEvent>,
) {
    let finding = observed.finding;
    let occurrence = observed.occurrence();
    let digest = InventoryDigest::of_finding(finding, &occurrence);
    let was_there_as_another = observed.others.iter().any(|other| state.holds(*other));
    match state.findings.get(&finding) {
        Some(held) if held.is_present => {
            let advisory = Said::of(&observed).and_then(|said| said.since(held.advisory));
            if held.digest == digest && advisory.is_none() {
                tally.counts.unchanged += 1;
                return;
            }
            tally.counts.updated += 1;
            tally.digest = tally.digest.minus(held.digest).plus(digest);
            updates.push(Update { finding, occurrence, advisory });
        }
        Some(_) if !was_there_as_another => {
            tally.counts.reopened += 1;
            tally.counts.new += u64::from(can_be_new);
            tally.digest = tally.digest.plus(digest);
            let advisory = Said::of(&observed).map(Said::all);
            events.push(Reopened { finding, scanner: observed.scanner(), occurrence, advisory }.into());
        }
        // One that comes back counts as new like any that was not there, so one that was there as another is told like
        // one that never was.
        Some(_) | None => {
            let is_new = can_be_new && !was_there_as_another;
            tally.counts.detected += 1;
            tally.counts.new += u64::from(is_new);
            tally.digest = tally.digest.plus(digest);
            events.push(detected(observed, is_new).into());
        }
    }
}

fn detected(observed: Observed, is_new: bool) -> Detected {
    let occurrence = observed.occurrence();
    let secret = observed.secret();
    let scanner = observed.scanner();
    let Observed { finding, fingerprint, detection, .. } = observed;
    let mut upload = None;
    let (package, advisories, informational) = match detection.identity {
        Identity::Advisory { package, group, informational, .. } => (Some(package), group, informational),
        Identity::Upload(uploaded) => {
            upload = Some(uploaded.facts);
            (uploaded.package, uploaded.advisories, None)
        }
        Identity::Secret { .. } | Identity::Code { .. } => (None, vec![], None),
    };
    Detected {
        finding,
        fingerprint,
        scanner,
        rule: detection.rule,
        title: detection.title,
        description: detection.description,
        cwe: detection.cwe,
        cve: detection.cve,
        confidence: detection.confidence,
        package,
        advisories,
        informational,
        secret,
        upload,
        references: detection.references,
        occurrence,
        is_new,
    }
}

fn component_changes(
    state: &Inventory,
    components: Vec<Component>,
    coverage: &Coverage,
    tally: &mut Tally,
) -> Vec<BranchEvent> {
    let mut here = HashMap::with_capacity(components.len());
    let mut set = Vec::new();
    for component in components {
        let key = ComponentKey::from(&component);
        let digest = InventoryDigest::of_component(&component);
        if here.insert(key.clone(), ()).is_some() {
            continue;
        }
        let before = state.components.get(&key).copied();
        if before != Some(digest) {
            tally.digest = tally.digest.minus(before.unwrap_or_default()).plus(digest);
            set.push(component);
        }
    }
    let is_gone = |key: &&ComponentKey| !here.contains_key(*key) && coverage.covers_component(&key.path);
    let mut removed: Vec<ComponentKey> = state.components.keys().filter(is_gone).cloned().collect();
    removed.sort_unstable();
    for key in &removed {
        tally.digest = tally.digest.minus(state.components[key]);
    }
    let mut events: Vec<BranchEvent> = Vec::new();
    for removed in parts(removed, COMPONENTS_PER_EVENT) {
        events.push(ComponentsChanged { set: vec![], removed }.into());
    }
    for set in parts(set, COMPONENTS_PER_EVENT) {
        events.push(ComponentsChanged { set, removed: vec![] }.into());
    }
    events
}

/// Cuts `items` into parts of at most `most` items and, unless one item alone is larger, [`PART_BYTES`]. The cuts
/// depend only on what comes before them, so a rerun after any number of recorded parts makes the same ones.
fn parts<T: Serialize>(items: Vec<T>, most: usize) -> Vec<Vec<T>> {
    let mut parts: Vec<Vec<T>> = Vec::new();
    let mut room = 0;
    for item in items {
        let json = serde_json::to_vec(&item).expect("event data has string keys and no failing serializer");
        let size = json.len() + 1;
        match parts.last_mut() {
            Some(part) if part.len() < most && size <= room => {
                part.push(item);
                room -= size;
            }
            _ => {
                parts.push(vec![item]);
                room = PART_BYTES.saturating_sub(size);
            }
        }
    }
    parts
}

impl Inventory {
    /// Folds one event into the inventory.
    pub fn apply(&mut self, event: &BranchEvent) {
        match event {
            BranchEvent::Opened(opened) => {
                self.has_history = opened.base.is_some();
                self.pending = Pending::default();
                self.opened = Some(opened.clone());
            }
            BranchEvent::Detected(detected) => {
                if let Some(upload) = &detected.upload {
                    let by =
                        FoundBy { rule: detected.rule.as_str().into(), path: upload.path.as_str().into() };
                    self.uploads.insert(detected.finding, by);
                }
                let told = AdvisoryDigest::of_detected(detected);
                self.put(detected.finding, detected.scanner, &detected.occurrence, told);
                self.pending.counts.detected += 1;
                self.pending.counts.new += u64::from(detected.is_new);
            }
            BranchEvent::Reopened(reopened) => {
                let known = self.findings.get(&reopened.finding).and_then(|held| held.advisory);
                let told = AdvisoryDigest::after(known, reopened.advisory.as_ref());
                self.put(reopened.finding, reopened.scanner, &reopened.occurrence, told);
                self.pending.counts.reopened += 1;
                self.pending.counts.new += u64::from(self.has_history);
            }
            BranchEvent::Resolved(resolved) => {
                self.take(resolved.finding);
                self.pending.counts.resolved += 1;
            }
            BranchEvent::FindingsUpdated(updated) => {
                for update in &updated.findings {
                    if let Some(held) = self.take(update.finding) {
                        let told = AdvisoryDigest::after(held.advisory, update.advisory.as_ref());
                        self.put(update.finding, held.scanner, &update.occurrence, told);
                    }
                }
                self.pending.counts.updated += updated.findings.len() as u64;
            }
            BranchEvent::ComponentsChanged(changed) => {
                for key in &changed.removed {
                    self.take_component(key);
                }
                for component in &changed.set {
                    self.put_component(component);
                }
            }
            BranchEvent::Scanned(scanned) => {
                self.last_scan = Some((scanned.scan, scanned.run));
                self.generation = scanned.generation.or(self.generation);
                self.has_history = true;
                self.pending = Pending::default();
            }
            BranchEvent::Closed(_) => self.close(),
        }
    }
}

#[cfg(test)]
#[path = "decider_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "advisory_tests.rs"]
mod advisory_tests;

#[cfg(test)]
#[path = "coverage_tests.rs"]
mod coverage_tests;

#[cfg(test)]
#[path = "recording_tests.rs"]
mod recording_tests;

#[cfg(test)]
#[path = "reopening_tests.rs"]
mod reopening_tests;
