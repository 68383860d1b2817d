//! A read model for tests: folded from the log in memory, as fresh as the last question.

use parking_lot::Mutex;
use scanledger_commands::ports::{
    HeldScan, IncidentOwner, InventorySnapshot, KnownFinding, ReadError, ReadModel, RunnableScan, SilentScan,
    TeamUsage, TriageSnapshot, Unsettled,
};
use scanledger_domain::BoxFuture;
use scanledger_domain::branch::{
    BaseBranch, Branch, BranchEvent, Inventory, KnownAdvisory, Pending, branch_id,
};
use scanledger_domain::component::Package;
use scanledger_domain::decider::Decider;
use scanledger_domain::event::Event;
use scanledger_domain::finding::{FindingEvent, Triage, TriageState, TriageStatus};
use scanledger_domain::id::{
    BranchId, FindingId, IncidentId, OrganizationId, ProjectId, ScanId, TeamId, UserId,
};
use scanledger_domain::identity::{
    ApiKeyCreated, ApiKeyEvent, KeyForm, KeyKind, OrganizationEvent, ProjectScope, Team, TeamLife, TeamState,
    Visible,
};
use scanledger_domain::incident::{Incident, IncidentLife, IncidentState, Opening};
use scanledger_domain::log::{EventLog, Position, Recorded, Version};
use scanledger_domain::project::{Created, Project, ProjectState};
use scanledger_domain::scan::{Scan, ScanEvent, ScanLife, ScanState, ScanStatus};
use scanledger_domain::time::Timestamp;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

#[derive(Default)]
struct Folded {
    position: Position,
    scans: BTreeMap<ScanId, (Position, ScanState)>,
    heard: BTreeMap<ScanId, Timestamp>,
    projects: BTreeMap<ProjectId, ProjectState>,
    branches: HashMap<BranchId, (Inventory, Version, Position)>,
    findings: HashMap<FindingId, KnownFinding>,
    advisories: HashMap<(ProjectId, Package), Vec<KnownAdvisory>>,
    triage: HashMap<FindingId, TriageStatus>,
    incidents: HashMap<IncidentId, Known>,
    sights: HashMap<(BranchId, FindingId), Sight>,
    keys: Vec<ApiKeyCreated>,
    teams: BTreeMap<TeamId, TeamState>,
    homes: HashMap<UserId, OrganizationId>,
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
            Event::Finding(FindingEvent::Triaged(triaged)) => {
                let status = self.triage.entry(triaged.finding).or_default();
                *status = Triage::evolve(std::mem::take(status), &FindingEvent::Triaged(triaged));
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
            Event::Team(event) => {
                let id: TeamId = recorded.stream.as_str()["team-".len()..].parse().unwrap();
                let state = self.teams.entry(id).or_default();
                *state = Team::evolve(std::mem::take(state), &event);
            }
            Event::Organization(OrganizationEvent::MemberAdded(added)) => {
                self.homes.entry(added.user).or_insert(added.organization);
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
        if let BranchEvent::Opened(opened) = event {
            let mut inventory = Inventory::default();
            if let Some(base) = opened.base {
                let (held, _, position) = &self.branches[&base.branch];
                assert_eq!(*position, base.position, "the base moved: this read model keeps no history");
                inventory.findings = held.findings.clone();
                inventory.components = held.components.clone();
                inventory.digest = held.digest;
                inventory.generation = held.generation;
            }
            self.branches.insert(id, (inventory, Version::NONE, Position::START));
        }
        let (inventory, version, position) = self.branches.get_mut(&id).unwrap();
        *inventory = Branch::evolve(std::mem::take(inventory), event);
        (*version, *position) = (recorded.version, recorded.position);
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
                });
            }
        }
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

impl ReadModel for Views {
    fn wait_for(&self, position: Position, timeout: Duration) -> Answer<'_, ()> {
        Box::pin(async move {
            let reached = async {
                while self.read(|folded| folded.position).await? < position {
                    tokio::task::yield_now().await;
                }
                Ok(())
            };
            tokio::time::timeout(timeout, reached)
                .await
                .unwrap_or(Err(ReadError::TooLate { wanted: position }))
        })
    }

    fn inventory<'a>(&'a self, project: ProjectId, branch: &'a str) -> Answer<'a, InventorySnapshot> {
        Box::pin(self.read(move |folded| {
            let id = branch_id(project, branch);
            if let Some((inventory, version, _)) = folded.branches.get(&id) {
                return InventorySnapshot { version: *version, inventory: inventory.clone(), base: None };
            }
            let default = branch_id(project, &folded.project(project).unwrap().details.default_branch);
            let Some((inventory, _, position)) = folded.branches.get(&default).filter(|_| default != id)
            else {
                return InventorySnapshot {
                    version: Version::NONE,
                    inventory: Inventory::default(),
                    base: None,
                };
            };
            let inventory =
                Inventory { opened: None, last_scan: None, pending: Pending::default(), ..inventory.clone() };
            let base = Some(BaseBranch { branch: default, position: *position });
            InventorySnapshot { version: Version::NONE, inventory, base }
        }))
    }

    fn known_advisories(
        &self,
        project: ProjectId,
        packages: Vec<Package>,
    ) -> Answer<'_, HashMap<Package, Vec<KnownAdvisory>>> {
        Box::pin(self.read(move |folded| {
            let of = |package: Package| {
                let known = folded.advisories.get(&(project, package.clone()))?;
                Some((package, known.clone()))
            };
            packages.into_iter().filter_map(of).collect()
        }))
    }

    fn triage(&self, project: ProjectId, branch: BranchId) -> Answer<'_, TriageSnapshot> {
        Box::pin(self.read(move |folded| {
            let inventory = &folded.branches[&branch].0;
            let present = folded.triage.iter().filter(|(finding, _)| inventory.holds(**finding));
            let mut decisions: HashMap<_, _> =
                present.map(|(finding, status)| (*finding, (status.state, status.note.clone()))).collect();
            for known in folded.findings.values().filter(|known| inventory.holds(known.finding)) {
                let incident = known.secret.as_ref().and_then(|secret| folded.incident(secret.incident()));
                if let Some(life) = incident.filter(|life| life.is_decided) {
                    decisions.insert(known.finding, (life.state, life.note.clone()));
                }
            }
            let gate = folded.project(project).unwrap().gate;
            TriageSnapshot { read_at: folded.position, gate, decisions }
        }))
    }

    fn findings(&self, findings: Vec<FindingId>) -> Answer<'_, Vec<KnownFinding>> {
        Box::pin(self.read(move |folded| {
            findings.iter().filter_map(|finding| folded.findings.get(finding).cloned()).collect()
        }))
    }

    fn incident_owner(&self, incident: IncidentId) -> Answer<'_, Option<IncidentOwner>> {
        Box::pin(self.read(move |folded| {
            let life = folded.incident(incident)?;
            let of = |known: &&KnownFinding| {
                known.secret.as_ref().is_some_and(|secret| secret.incident() == incident)
            };
            let projects: HashSet<_> = folded.findings.values().filter(of).map(|known| known.scope).collect();
            Some(IncidentOwner { organization: life.organization, projects: projects.into_iter().collect() })
        }))
    }

    fn unsettled_incidents(&self, branch: BranchId, incidents: Vec<IncidentId>) -> Answer<'_, Unsettled> {
        Box::pin(self.read(move |folded| {
            let mut unsettled = Unsettled::default();
            for incident in incidents {
                match folded.incidents.get(&incident) {
                    None => unsettled.missing.push(incident),
                    Some(known) if folded.came_back(branch, incident, known) => {
                        unsettled.regressed.push(incident);
                    }
                    Some(_) => (),
                }
            }
            unsettled
        }))
    }

    fn team_usage(&self, team: TeamId) -> Answer<'_, TeamUsage> {
        Box::pin(self.read(move |folded| {
            let live = folded.projects.values().filter_map(|state| match state {
                ProjectState::Live(created) if created.team == Some(team) => Some(created.project),
                ProjectState::Live(_) | ProjectState::Missing | ProjectState::Deleted => None,
            });
            let projects: Vec<ProjectId> = live.collect();
            let is_active =
                |life: &ScanLife| projects.contains(&life.queued.project) && life.status.is_active();
            let active_scans = folded.lives().filter(|(_, life)| is_active(life)).count() as u64;
            TeamUsage { projects: projects.len() as u64, active_scans }
        }))
    }

    fn live_personal_tokens(&self, user: UserId, form: KeyForm, _: Timestamp) -> Answer<'_, u64> {
        Box::pin(self.read(move |folded| {
            let is_theirs = |key: &&ApiKeyCreated| {
                key.by == Some(user) && key.form == form && key.kind == KeyKind::Personal
            };
            folded.keys.iter().filter(is_theirs).count() as u64
        }))
    }

    fn home_of(&self, user: UserId) -> Answer<'_, Option<OrganizationId>> {
        Box::pin(self.read(move |folded| folded.homes.get(&user).copied()))
    }

    fn teams_of(&self, user: UserId, organization: OrganizationId) -> Answer<'_, Vec<TeamId>> {
        Box::pin(self.read(move |folded| {
            let is_theirs =
                |life: &&TeamLife| life.organization == organization && life.members.contains_key(&user);
            folded
                .teams
                .values()
                .filter_map(TeamState::live)
                .filter(is_theirs)
                .map(|life| life.team)
                .collect()
        }))
    }

    fn runnable_scans(&self, per_organization: usize) -> Answer<'_, Vec<RunnableScan>> {
        Box::pin(self.read(move |folded| {
            let mut runnable: Vec<RunnableScan> = folded
                .lives()
                .filter(|(_, life)| life.status == ScanStatus::Queued)
                .map(|(queued_at, life)| RunnableScan {
                    scan: life.queued.scan,
                    organization: life.queued.organization,
                    must_run_alone: life.must_run_alone(),
                    queued_at,
                })
                .collect();
            runnable.sort_by_key(|scan| scan.queued_at);
            let mut taken: HashMap<OrganizationId, usize> = HashMap::new();
            runnable.retain(|scan| {
                let taken = taken.entry(scan.organization).or_default();
                *taken += 1;
                *taken <= per_organization
            });
            runnable
        }))
    }

    fn running_by_organization(&self) -> Answer<'_, HashMap<OrganizationId, u64>> {
        Box::pin(self.read(|folded| {
            let mut running = HashMap::new();
            for (_, life) in folded.lives() {
                if life.status.is_active() && life.status != ScanStatus::Queued && !life.is_run_by_client() {
                    *running.entry(life.queued.organization).or_default() += 1;
                }
            }
            running
        }))
    }

    fn silent_client_scans(&self, before: Timestamp) -> Answer<'_, Vec<SilentScan>> {
        Box::pin(self.read(move |folded| {
            let silent = folded.lives().filter(|(_, life)| {
                life.is_run_by_client() && life.status.is_active() && folded.heard[&life.queued.scan] < before
            });
            let silent = silent.map(|(_, life)| SilentScan {
                scan: life.queued.scan,
                organization: life.queued.organization,
            });
            silent.collect()
        }))
    }

    fn held_scans(&self) -> Answer<'_, Vec<HeldScan>> {
        Box::pin(self.read(|folded| {
            let held = folded.lives().filter(|(_, life)| !life.is_run_by_client()).filter(|(_, life)| {
                matches!(life.status, ScanStatus::Running | ScanStatus::Settling)
                    || (life.status == ScanStatus::Stopped && life.owes_partial)
            });
            let held = held.map(|(_, life)| HeldScan {
                scan: life.queued.scan,
                organization: life.queued.organization,
                status: life.status,
                attempt: life.attempt,
            });
            held.collect()
        }))
    }

    fn project_with_repo<'a>(
        &'a self,
        organization: OrganizationId,
        visible: &'a Visible,
        url: &'a str,
    ) -> Answer<'a, Option<ProjectId>> {
        Box::pin(self.read(move |folded| {
            let ids = folded.projects.keys().filter_map(|project| folded.project(*project));
            let mut with = ids.filter(|project| {
                let scope = scope(project);
                scope.organization == organization
                    && visible.shows(scope)
                    && project.details.repo_url.as_deref() == Some(url)
            });
            with.next().map(|project| project.project)
        }))
    }

    fn active_scans(&self, project: ProjectId) -> Answer<'_, u64> {
        Box::pin(self.read(move |folded| {
            let of =
                |(_, life): &(Position, &ScanLife)| life.queued.project == project && life.status.is_active();
            folded.lives().filter(of).count() as u64
        }))
    }
}
