//! What the read model answers.

use super::{Answer, Views, scope};
use scanledger_commands::ports::{
    HeldScan, IncidentOwner, InventorySnapshot, KeyOfPerson, KnownFinding, KnownHoneytoken, OpenBranch,
    PresentFindings, ReadError, ReadModel, RunnableScan, SilentScan, TeamUsage, TriageSnapshot, Unsettled,
};
use scanledger_domain::branch::{BaseBranch, Inventory, KnownAdvisory, Present, Soundness, branch_id};
use scanledger_domain::component::Package;
use scanledger_domain::id::{BranchId, FindingId, IncidentId, OrganizationId, ProjectId, TeamId, UserId};
use scanledger_domain::identity::{ApiKeyCreated, KeyForm, KeyKind, TeamLife, TeamState, Visible};
use scanledger_domain::log::{Position, Version};
use scanledger_domain::project::ProjectState;
use scanledger_domain::scan::{ScanLife, ScanStatus};
use scanledger_domain::scanning::ScannerKind;
use scanledger_domain::time::Timestamp;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

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
            let (own, version) = match folded.branches.get(&id) {
                Some((own, version, _)) => (own.clone(), *version),
                None => (Inventory::default(), Version::NONE),
            };
            let soundness = Soundness::Sound;
            if own.opened.is_some() {
                return InventorySnapshot { version, inventory: own, base: None, soundness };
            }
            let default = branch_id(project, &folded.project(project).unwrap().details.default_branch);
            let base = folded.branches.get(&default).filter(|_| default != id);
            let Some((held, _, position)) = base.filter(|(held, ..)| held.opened.is_some()) else {
                return InventorySnapshot { version, inventory: own, base: None, soundness };
            };
            let base = Some(BaseBranch { branch: default, position: *position });
            InventorySnapshot { version, inventory: own.starting_from(held.clone()), base, soundness }
        }))
    }

    fn open_branch<'a>(&'a self, project: ProjectId, branch: &'a str) -> Answer<'a, Option<OpenBranch>> {
        Box::pin(self.read(move |folded| folded.open_branch(branch_id(project, branch))))
    }

    fn silent_branches(
        &self,
        before: Timestamp,
        after: Option<(Timestamp, BranchId)>,
        limit: u32,
    ) -> Answer<'_, Vec<OpenBranch>> {
        Box::pin(self.read(move |folded| {
            let open = folded.branches.keys().filter_map(|branch| folded.open_branch(*branch));
            let order = |open: &OpenBranch| (open.heard_at, open.branch);
            let is_asked =
                |open: &OpenBranch| open.heard_at <= before && after.is_none_or(|after| order(open) > after);
            let mut silent: Vec<OpenBranch> = open.filter(is_asked).collect();
            silent.sort_by_key(order);
            silent.truncate(limit as usize);
            silent
        }))
    }

    fn present_findings(&self, branch: BranchId, scanners: Vec<ScannerKind>) -> Answer<'_, PresentFindings> {
        Box::pin(self.read(move |folded| {
            let of_branch = folded.present.iter().filter(|((at, _), _)| *at == branch);
            let is_there = |present: &&Present| {
                let inventory = folded.last_on(branch);
                inventory.holds(present.finding)
                    && !inventory.uploads.contains_key(&present.finding)
                    && scanners.contains(&present.scanner)
            };
            let findings = of_branch.map(|(_, present)| present).filter(is_there).cloned().collect();
            PresentFindings { findings, soundness: Soundness::Sound }
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
            let inventory = folded.last_on(branch);
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

    fn live_keys_of(&self, user: UserId, _: Timestamp) -> Answer<'_, Vec<KeyOfPerson>> {
        Box::pin(self.read(move |folded| {
            let is_theirs = |key: &&ApiKeyCreated| key.by == Some(user) && key.kind == KeyKind::Personal;
            let known = |key: &ApiKeyCreated| KeyOfPerson { key: key.key, organization: key.organization };
            folded.keys.iter().filter(is_theirs).map(known).collect()
        }))
    }

    fn homes_of(&self, user: UserId) -> Answer<'_, Vec<OrganizationId>> {
        Box::pin(self.read(move |folded| folded.homes.get(&user).cloned().unwrap_or_default()))
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

    fn live_honeytokens(&self, organization: OrganizationId) -> Answer<'_, u64> {
        Box::pin(self.read(move |folded| {
            let live = folded.honeytokens.values().filter(|(_, state)| state.holds_name());
            let of = live.filter_map(|(_, state)| state.known());
            of.filter(|life| life.organization == organization).count() as u64
        }))
    }

    fn honeytoken_of_access<'a>(&'a self, access_hash: &'a str) -> Answer<'a, Option<KnownHoneytoken>> {
        Box::pin(self.read(move |folded| {
            let mut live = folded.honeytokens.values().filter(|(_, state)| state.holds_name());
            let (_, state) = live.find(|(hash, _)| hash == access_hash)?;
            let life = state.known()?;
            Some(KnownHoneytoken { honeytoken: life.honeytoken, organization: life.organization })
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
