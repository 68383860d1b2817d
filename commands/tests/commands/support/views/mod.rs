//! A read model for tests: folded from the log in memory, as fresh as the last question.

mod answers;

use parking_lot::Mutex;
use scanledger_commands::ports::{KnownFinding, OpenBranch, ReadError};
use scanledger_domain::BoxFuture;
use scanledger_domain::branch::{
    AdvisoryFacts, Branch, BranchEvent, BranchRole, Inventory, KnownAdvisory, Occurrence, Present,
};
use scanledger_domain::component::Package;
use scanledger_domain::decider::Decider;
use scanledger_domain::event::Event;
use scanledger_domain::finding::{FindingEvent, Triage, TriageState, TriageStatus};
use scanledger_domain::honeytoken::{Honeytoken, HoneytokenEvent, HoneytokenState};
use scanledger_domain::id::{
    BranchId, FindingId, HoneytokenId, IncidentId, OrganizationId, ProjectId, ScanId, TeamId, UserId,
};
use scanledger_domain::identity::{
    ApiKeyCreated, ApiKeyEvent, OrganizationEvent, ProjectScope, Team, TeamState,
};
use scanledger_domain::incident::{Incident, IncidentLife, IncidentState, Opening};
use scanledger_domain::log::{EventLog, Position, Recorded, Version};
use scanledger_domain::project::{Created, Project, ProjectState};
use scanledger_domain::scan::{Scan, ScanEvent, ScanLife, ScanState};
use scanledger_domain::scanning::ScannerKind;
use scanledger_domain::time::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

#[derive(Default)]
struct Folded {
    position: Position,
    scans: BTreeMap<ScanId, (Position, ScanState)>,
    heard: BTreeMap<ScanId, Timestamp>,
    projects: BTreeMap<ProjectId, ProjectState>,
    branches: HashMap<BranchId, (Inventory, Version, Position)>,
    /// What was on branches when they were closed.
    closed: HashMap<BranchId, Inventory>,
    /// When results of a branch were last complete, or when it was opened.
    heard_of: HashMap<BranchId, Timestamp>,
    findings: HashMap<FindingId, KnownFinding>,
    /// How findings looked on a branch when they were last there.
    present: HashMap<(BranchId, FindingId), Present>,
    advisories: HashMap<(ProjectId, Package), Vec<KnownAdvisory>>,
    triage: HashMap<FindingId, TriageStatus>,
    incidents: HashMap<IncidentId, Known>,
    sights: HashMap<(BranchId, FindingId), Sight>,
    keys: Vec<ApiKeyCreated>,
    teams: BTreeMap<TeamId, TeamState>,
    homes: HashMap<UserId, Vec<OrganizationId>>,
    honeytokens: HashMap<HoneytokenId, (String, HoneytokenState)>,
}

/// An incident, and since when it has had its state.
#[derive(Default)]
struct Known {
    state: IncidentState,
    since: Position,
}

/// Since when a finding has been on a branch, and whether it was new there.
struct Sight {
    since: Position,
    is_new: bool,
}

pub struct Views {
    log: Arc<dyn EventLog>,
    folded: Mutex<Folded>,
}

type Answer<'a, T> = BoxFuture<'a, Result<T, ReadError>>;

impl Views {
    pub fn new(log: Arc<dyn EventLog>) -> Self {
        Self { log, folded: Mutex::default() }
    }

    async fn read<T>(&self, question: impl FnOnce(&Folded) -> T + Send) -> Result<T, ReadError> {
        loop {
            let after = self.folded.lock().position;
            let page = self
                .log
                .read_all(after, 1_000)
                .await
                .map_err(|error| ReadError::Failed { doing: "read the log", source: error.into() })?;
            let mut folded = self.folded.lock();
            // Another question may have been faster with a part of the page.
            let known = folded.position;
            for recorded in page.iter().filter(|recorded| recorded.position > known) {
                folded.apply(recorded);
            }
            if page.is_empty() {
                return Ok(question(&folded));
            }
        }
    }
}

impl Folded {
    fn apply(&mut self, recorded: &Recorded) {
        self.position = recorded.position;
        match Event::of(recorded).unwrap() {
            Event::Scan(event) => {
                let id: ScanId = recorded.stream.as_str()["scan-".len()..].parse().unwrap();
                if let ScanEvent::Queued(_) = &event {
                    self.scans.insert(id, (recorded.position, Scan::initial()));
                }
                self.heard.insert(id, recorded.recorded_at);
                let (_, state) = self.scans.get_mut(&id).unwrap();
                *state = Scan::evolve(std::mem::replace(state, ScanState::Missing), &event);
            }
            Event::Project(event) => {
                let id: ProjectId = recorded.stream.as_str()["project-".len()..].parse().unwrap();
                let state = self.projects.entry(id).or_insert(ProjectState::Missing);
                *state = Project::evolve(state.clone(), &event);
            }
            Event::Finding(event) => {
                let id: FindingId = recorded.stream.as_str()["finding-".len()..].parse().unwrap();
                let status = self.triage.entry(id).or_default();
                *status = Triage::evolve(std::mem::take(status), &event);
                if let FindingEvent::Merged(merged) = event {
                    for known in self.advisories.values_mut().flatten().filter(|known| known.finding == id) {
                        known.merged_into = Some(merged.into);
                    }
                }
            }
            Event::Branch(event) => self.branch(recorded, &event),
            Event::Incident(event) => {
                let known = self.incidents.entry(event.incident()).or_default();
                let before = known.state.known().map(|life| life.state);
                known.state = Incident::evolve(std::mem::take(&mut known.state), &event);
                if known.state.known().map(|life| life.state) != before {
                    known.since = recorded.position;
                }
            }
            Event::ApiKey(ApiKeyEvent::Created(created)) => self.keys.push(created),
            Event::ApiKey(ApiKeyEvent::Revoked(revoked)) => self.keys.retain(|key| key.key != revoked.key),
            Event::Team(event) => {
                let id: TeamId = recorded.stream.as_str()["team-".len()..].parse().unwrap();
                let state = self.teams.entry(id).or_default();
                *state = Team::evolve(std::mem::take(state), &event);
            }
            Event::Organization(OrganizationEvent::MemberAdded(added)) => {
                let homes = self.homes.entry(added.user).or_default();
                if !homes.contains(&added.organization) {
                    homes.push(added.organization);
                }
            }
            Event::Organization(OrganizationEvent::MemberRemoved(removed)) => {
                let homes = self.homes.entry(removed.user).or_default();
                homes.retain(|home| *home != removed.organization);
            }
            Event::Honeytoken(event) => {
                let (access_hash, state) = self.honeytokens.entry(event.honeytoken()).or_default();
                if let HoneytokenEvent::Created(created) = &event {
                    access_hash.clone_from(&created.access_hash);
                }
                *state = Honeytoken::evolve(std::mem::take(state), &event);
            }
            Event::ApiKey(_)
            | Event::Organization(_)
            | Event::User(_)
            | Event::Session(_)
            | Event::Access(_)
            | Event::Installation(_)
            | Event::Advisory(_)
            | Event::Policy(_)
            | Event::Claim(_)
            | Event::Check(_) => (),
        }
    }

    fn branch(&mut self, recorded: &Recorded, event: &BranchEvent) {
        let id: BranchId = recorded.stream.as_str()["branch-".len()..].parse().unwrap();
        if let BranchEvent::Opened(_) | BranchEvent::Scanned(_) = event {
            self.heard_of.insert(id, recorded.recorded_at);
        }
        if let BranchEvent::Closed(_) = event {
            self.closed.insert(id, self.branches[&id].0.clone());
        }
        if let BranchEvent::Opened(opened) = event {
            let mut inventory = self.branches.remove(&id).map(|(own, ..)| own).unwrap_or_default();
            if let Some(base) = opened.base {
                let (held, _, position) = &self.branches[&base.branch];
                assert_eq!(*position, base.position, "the base moved: this read model keeps no history");
                inventory = inventory.starting_from(held.clone());
                let inherited = self.present.iter().filter(|((at, _), _)| *at == base.branch);
                let inherited: Vec<_> =
                    inherited.map(|((_, finding), present)| ((id, *finding), present.clone())).collect();
                self.present.extend(inherited);
            }
            self.branches.insert(id, (inventory, Version::NONE, Position::START));
        }
        let (inventory, version, position) = self.branches.get_mut(&id).unwrap();
        *inventory = Branch::evolve(std::mem::take(inventory), event);
        (*version, *position) = (recorded.version, recorded.position);
        let looks: Vec<(FindingId, ScannerKind, &Occurrence)> = match event {
            BranchEvent::Detected(seen) => vec![(seen.finding, seen.scanner, &seen.occurrence)],
            BranchEvent::Reopened(seen) => vec![(seen.finding, seen.scanner, &seen.occurrence)],
            BranchEvent::FindingsUpdated(updated) => {
                let scanner = |finding| inventory.findings[&finding].scanner;
                let updates = updated.findings.iter();
                updates.map(|update| (update.finding, scanner(update.finding), &update.occurrence)).collect()
            }
            _ => vec![],
        };
        for (finding, scanner, occurrence) in looks {
            let (severity, places) = (occurrence.severity, occurrence.places.clone());
            self.present.insert((id, finding), Present { finding, scanner, severity, places });
        }
        let told: Vec<(FindingId, Option<&AdvisoryFacts>)> = match event {
            BranchEvent::Reopened(seen) => vec![(seen.finding, seen.advisory.as_ref())],
            BranchEvent::FindingsUpdated(updated) => {
                updated.findings.iter().map(|update| (update.finding, update.advisory.as_ref())).collect()
            }
            _ => vec![],
        };
        for (finding, facts) in told {
            let Some(ids) = facts.and_then(|facts| facts.advisories.as_ref()) else { continue };
            for known in self.advisories.values_mut().flatten().filter(|known| known.finding == finding) {
                known.advisories.clone_from(ids);
            }
        }
        let sight = match event {
            BranchEvent::Detected(detected) => Some((detected.finding, detected.is_new)),
            BranchEvent::Reopened(reopened) => Some((reopened.finding, inventory.has_history)),
            _ => None,
        };
        if let Some((finding, is_new)) = sight {
            self.sights.insert((id, finding), Sight { since: recorded.position, is_new });
        }
        if let BranchEvent::Detected(detected) = event {
            let opened = inventory.opened.as_ref().unwrap();
            if let Some(ProjectState::Live(project)) = self.projects.get(&opened.project) {
                let (finding, fingerprint, scope) = (detected.finding, detected.fingerprint, scope(project));
                let secret = detected.secret.clone().map(|secret| Opening {
                    organization: scope.organization,
                    secret,
                    rule: detected.rule.clone(),
                    severity: detected.occurrence.severity,
                    is_historical: !detected.is_new,
                });
                self.findings.insert(finding, KnownFinding { finding, scope, fingerprint, secret });
            }
            if let Some(package) = &detected.package {
                let known = self.advisories.entry((opened.project, package.clone())).or_default();
                known.push(KnownAdvisory {
                    finding: detected.finding,
                    fingerprint: detected.fingerprint,
                    advisories: detected.advisories.clone(),
                    merged_into: None,
                });
            }
        }
    }

    /// What is on a branch or, if it is closed, was when it was closed.
    fn last_on(&self, branch: BranchId) -> &Inventory {
        let inventory = &self.branches[&branch].0;
        self.closed.get(&branch).filter(|_| inventory.opened.is_none()).unwrap_or(inventory)
    }

    /// The branch, if it is open and its project was not deleted.
    fn open_branch(&self, id: BranchId) -> Option<OpenBranch> {
        let (inventory, version, _) = self.branches.get(&id)?;
        let opened = inventory.opened.as_ref()?;
        let is_default = self.project(opened.project)?.details.default_branch == opened.name;
        let role = if is_default { BranchRole::Default } else { BranchRole::Other };
        let (organization, heard_at) = (opened.organization, self.heard_of[&id]);
        Some(OpenBranch { branch: id, organization, version: *version, role, heard_at })
    }

    fn lives(&self) -> impl Iterator<Item = (Position, &ScanLife)> {
        self.scans.values().filter_map(|(queued_at, state)| match state {
            ScanState::Live(life) => Some((*queued_at, &**life)),
            ScanState::Missing | ScanState::Deleted => None,
        })
    }

    fn incident(&self, incident: IncidentId) -> Option<&IncidentLife> {
        self.incidents.get(&incident)?.state.known()
    }

    fn came_back(&self, branch: BranchId, incident: IncidentId, known: &Known) -> bool {
        let is_fixed = known.state.known().is_some_and(|life| life.state == TriageState::Fixed);
        let inventory = &self.branches[&branch].0;
        let mut findings = self.findings.values().filter(|finding| {
            finding.secret.as_ref().is_some_and(|secret| secret.incident() == incident)
                && inventory.holds(finding.finding)
        });
        is_fixed
            && findings.any(|finding| {
                let sight = self.sights.get(&(branch, finding.finding));
                sight.is_some_and(|sight| sight.is_new && sight.since > known.since)
            })
    }

    fn project(&self, project: ProjectId) -> Option<&Created> {
        match self.projects.get(&project)? {
            ProjectState::Live(created) => Some(created),
            ProjectState::Missing | ProjectState::Deleted => None,
        }
    }
}

fn scope(project: &Created) -> ProjectScope {
    ProjectScope { organization: project.organization, team: project.team, project: project.project }
}
