//! What commands read, answered by the projections.

use scanledger_commands::ports::{
    HeldScan, IncidentOwner, InventorySnapshot, KeyOfPerson, KnownFinding, KnownHoneytoken, OpenBranch,
    PresentFindings, ReadError, ReadModel, RunnableScan, SilentScan, TeamUsage, TriageSnapshot, Unsettled,
};
use scanledger_domain::BoxFuture;
use scanledger_domain::branch::KnownAdvisory;
use scanledger_domain::component::Package;
use scanledger_domain::id::{BranchId, FindingId, IncidentId, OrganizationId, ProjectId, TeamId, UserId};
use scanledger_domain::identity::{KeyForm, Visible};
use scanledger_domain::log::Position;
use scanledger_domain::scanning::ScannerKind;
use scanledger_domain::time::Timestamp;
use scanledger_projections::{Projector, Views};
use std::collections::HashMap;
use std::time::Duration;

/// The views of this node.
#[derive(Debug, Clone)]
pub struct ViewsReadModel {
    views: Views,
    projector: Projector,
}

impl ViewsReadModel {
    /// Over the views of this node, which its projector writes.
    pub fn new(projector: &Projector) -> Self {
        Self { views: projector.views(), projector: projector.clone() }
    }

    /// Has the node report branches whose rows do not add up. Whoever read them knows that they are broken in any case.
    async fn report(&self, unreported: &[BranchId]) {
        for branch in unreported {
            if let Err(error) = self.projector.report_broken(*branch).await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(branch.id = %branch, error, "a broken branch could not be reported");
            }
        }
    }
}

pub(super) fn failed(doing: &'static str) -> impl FnOnce(scanledger_projections::ReadError) -> ReadError {
    move |error| match error {
        scanledger_projections::ReadError::Behind { asked, .. } => ReadError::TooLate { wanted: asked },
        other => ReadError::Failed { doing, source: Box::new(other) },
    }
}

fn open_branch(found: scanledger_projections::branch::OpenBranch) -> OpenBranch {
    let scanledger_projections::branch::OpenBranch { branch, organization, version, role, heard_at } = found;
    OpenBranch { branch, organization, version, role, heard_at }
}

impl ReadModel for ViewsReadModel {
    fn wait_for(&self, position: Position, timeout: Duration) -> BoxFuture<'_, Result<(), ReadError>> {
        Box::pin(async move {
            self.views.wait_for(position, timeout).await.map_err(failed("wait for a position"))
        })
    }

    fn inventory<'a>(
        &'a self,
        project: ProjectId,
        branch: &'a str,
    ) -> BoxFuture<'a, Result<InventorySnapshot, ReadError>> {
        Box::pin(async move {
            let found =
                self.views.inventory(project, branch).await.map_err(failed("read a branch's inventory"))?;
            self.report(&found.unreported).await;
            Ok(InventorySnapshot {
                version: found.version,
                inventory: found.inventory,
                base: found.base,
                soundness: found.soundness,
            })
        })
    }

    fn open_branch<'a>(
        &'a self,
        project: ProjectId,
        branch: &'a str,
    ) -> BoxFuture<'a, Result<Option<OpenBranch>, ReadError>> {
        Box::pin(async move {
            let found = self.views.open_branch(project, branch).await.map_err(failed("look for a branch"))?;
            Ok(found.map(open_branch))
        })
    }

    fn silent_branches(
        &self,
        before: Timestamp,
        after: Option<(Timestamp, BranchId)>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<OpenBranch>, ReadError>> {
        Box::pin(async move {
            let found = self.views.silent_branches(before, after, limit).await;
            Ok(found.map_err(failed("look for silent branches"))?.into_iter().map(open_branch).collect())
        })
    }

    fn present_findings(
        &self,
        branch: BranchId,
        scanners: Vec<ScannerKind>,
    ) -> BoxFuture<'_, Result<PresentFindings, ReadError>> {
        Box::pin(async move {
            let found = self.views.present_findings(branch, scanners).await;
            let found = found.map_err(failed("read what is on a branch"))?;
            Ok(PresentFindings { findings: found.findings, soundness: found.soundness })
        })
    }

    fn known_advisories(
        &self,
        project: ProjectId,
        packages: Vec<Package>,
    ) -> BoxFuture<'_, Result<HashMap<Package, Vec<KnownAdvisory>>, ReadError>> {
        Box::pin(async move {
            self.views.known_advisories(project, packages).await.map_err(failed("read known advisories"))
        })
    }

    fn triage(
        &self,
        project: ProjectId,
        branch: BranchId,
    ) -> BoxFuture<'_, Result<TriageSnapshot, ReadError>> {
        Box::pin(async move {
            let found = self.views.gate_counts(project, branch).await.map_err(failed("read triage"))?;
            Ok(TriageSnapshot { read_at: found.read_at, gate: found.gate, decisions: found.decisions })
        })
    }

    fn findings(&self, findings: Vec<FindingId>) -> BoxFuture<'_, Result<Vec<KnownFinding>, ReadError>> {
        Box::pin(async move {
            let scopes = self.views.finding_scopes(findings).await.map_err(failed("find findings"))?;
            let known = scopes.into_iter().map(|scope| KnownFinding {
                finding: scope.finding,
                scope: scope.scope,
                fingerprint: scope.fingerprint,
                secret: scope.secret,
            });
            Ok(known.collect())
        })
    }

    fn incident_owner(
        &self,
        incident: IncidentId,
    ) -> BoxFuture<'_, Result<Option<IncidentOwner>, ReadError>> {
        Box::pin(async move {
            let found = self.views.incident_projects(incident).await.map_err(failed("find an incident"))?;
            Ok(found
                .map(|found| IncidentOwner { organization: found.organization, projects: found.projects }))
        })
    }

    fn unsettled_incidents(
        &self,
        branch: BranchId,
        incidents: Vec<IncidentId>,
    ) -> BoxFuture<'_, Result<Unsettled, ReadError>> {
        Box::pin(async move {
            let found = self.views.unsettled_incidents(branch, incidents).await;
            let found = found.map_err(failed("see which incidents a scan is about"))?;
            Ok(Unsettled { missing: found.missing, regressed: found.regressed })
        })
    }

    fn runnable_scans(&self, per_organization: usize) -> BoxFuture<'_, Result<Vec<RunnableScan>, ReadError>> {
        Box::pin(async move {
            let scans =
                self.views.runnable_scans(per_organization).await.map_err(failed("read the queue"))?;
            let runnable = scans.into_iter().map(|scan| RunnableScan {
                scan: scan.scan,
                organization: scan.organization,
                must_run_alone: scanledger_domain::scan::must_run_alone(scan.interruptions),
                queued_at: scan.queued,
            });
            Ok(runnable.collect())
        })
    }

    fn running_by_organization(&self) -> BoxFuture<'_, Result<HashMap<OrganizationId, u64>, ReadError>> {
        Box::pin(
            async move { self.views.running_by_organization().await.map_err(failed("count running scans")) },
        )
    }

    fn silent_client_scans(&self, before: Timestamp) -> BoxFuture<'_, Result<Vec<SilentScan>, ReadError>> {
        Box::pin(async move {
            let scans =
                self.views.silent_client_scans(before).await.map_err(failed("look for silent clients"))?;
            let silent = scans
                .into_iter()
                .map(|silent| SilentScan { scan: silent.scan, organization: silent.organization });
            Ok(silent.collect())
        })
    }

    fn held_scans(&self) -> BoxFuture<'_, Result<Vec<HeldScan>, ReadError>> {
        Box::pin(async move {
            let scans = self.views.held_scans().await.map_err(failed("read running scans"))?;
            let held = scans.into_iter().map(|scan| HeldScan {
                scan: scan.scan,
                organization: scan.organization,
                status: scan.status,
                attempt: scan.attempt,
            });
            Ok(held.collect())
        })
    }

    fn project_with_repo<'a>(
        &'a self,
        organization: OrganizationId,
        visible: &'a Visible,
        url: &'a str,
    ) -> BoxFuture<'a, Result<Option<ProjectId>, ReadError>> {
        Box::pin(async move {
            self.views
                .project_with_repo(organization, visible, url)
                .await
                .map_err(failed("find a project by repository"))
        })
    }

    fn team_usage(&self, team: TeamId) -> BoxFuture<'_, Result<TeamUsage, ReadError>> {
        Box::pin(async move {
            let usage = self.views.team_usage(team).await.map_err(failed("see what depends on a team"))?;
            Ok(TeamUsage { projects: usage.projects, active_scans: usage.active_scans })
        })
    }

    fn live_personal_tokens(
        &self,
        user: UserId,
        form: KeyForm,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<u64, ReadError>> {
        Box::pin(async move {
            self.views.live_personal_tokens(user, form, now).await.map_err(failed("count a person's tokens"))
        })
    }

    fn live_keys_of(
        &self,
        user: UserId,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Vec<KeyOfPerson>, ReadError>> {
        Box::pin(async move {
            let keys = self.views.live_keys_of(user, now).await.map_err(failed("find a person's keys"))?;
            Ok(keys.into_iter().map(|(key, organization)| KeyOfPerson { key, organization }).collect())
        })
    }

    fn homes_of(&self, user: UserId) -> BoxFuture<'_, Result<Vec<OrganizationId>, ReadError>> {
        Box::pin(async move {
            let found = self.views.look_up_standing(user).map_err(failed("find a person's organizations"))?;
            let belongings = found.map(|person| person.standing.organizations).unwrap_or_default();
            Ok(belongings.into_iter().map(|belonging| belonging.organization).collect())
        })
    }

    fn teams_of(
        &self,
        user: UserId,
        organization: OrganizationId,
    ) -> BoxFuture<'_, Result<Vec<TeamId>, ReadError>> {
        Box::pin(async move {
            let found = self.views.look_up_standing(user).map_err(failed("find a person's teams"))?;
            let belonging = found.and_then(|person| person.standing.belonging(organization).cloned());
            Ok(belonging.map(|belonging| belonging.teams.into_keys().collect()).unwrap_or_default())
        })
    }

    fn live_honeytokens(&self, organization: OrganizationId) -> BoxFuture<'_, Result<u64, ReadError>> {
        Box::pin(async move {
            self.views.live_honeytokens(organization).await.map_err(failed("count honeytokens"))
        })
    }

    fn honeytoken_of_access<'a>(
        &'a self,
        access_hash: &'a str,
    ) -> BoxFuture<'a, Result<Option<KnownHoneytoken>, ReadError>> {
        Box::pin(async move {
            let found = self.views.honeytoken_of_access(access_hash).map_err(failed("find a honeytoken"))?;
            Ok(found.map(|(honeytoken, organization)| KnownHoneytoken { honeytoken, organization }))
        })
    }

    fn active_scans(&self, project: ProjectId) -> BoxFuture<'_, Result<u64, ReadError>> {
        Box::pin(async move { self.views.active_scans(project).await.map_err(failed("count active scans")) })
    }
}
