//! Projects: creating, changing and deleting them together with the claim on their name.

mod client;
mod upload;

pub use client::ClientTarget;
pub use upload::{Resolved, UploadTarget};

use crate::context::Context;
use crate::error::CommandError;
use crate::ledger::{Batch, Committed, Ledger, Races};
use crate::ports::ReadModel;
use scanledger_domain::claim::{Claim, ClaimCommand, ClaimRefusal, Unique, claim_stream};
use scanledger_domain::id::{OrganizationId, ProjectId, TeamId};
use scanledger_domain::identity::Denied;
use scanledger_domain::log::{Position, StreamName, Version};
use scanledger_domain::project::{
    Created, Gate, Limit, Project, ProjectCommand, ProjectDetails, ProjectEvent, ProjectRefusal,
    ProjectState, project_stream,
};
use scanledger_domain::time::Timestamp;
use scanledger_domain::vault::Vault;
use std::sync::Arc;
use std::time::Duration;

/// How long to wait for the read model.
const VIEWS_WAIT: Duration = Duration::from_secs(2);

/// A project that somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewProject {
    /// Whose it will be.
    pub organization: OrganizationId,
    /// The team that will own it, if any.
    pub team: Option<TeamId>,
    /// What people wrote.
    pub details: ProjectDetails,
    /// Its first gate.
    pub gate: Gate,
}

/// What shall be different about a project; `None` leaves it as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProjectPatch {
    /// Another name.
    pub name: Option<String>,
    /// Another description, or none.
    pub description: Option<Option<String>>,
    /// Another repository, or none.
    pub repo_url: Option<Option<String>>,
    /// Another default branch.
    pub default_branch: Option<String>,
    /// Another running application to test, or none.
    pub dast_target_url: Option<Option<String>>,
}

impl ProjectPatch {
    /// The details with what shall be different.
    fn apply(&self, details: &ProjectDetails) -> ProjectDetails {
        let patch = self.clone();
        ProjectDetails {
            name: patch.name.unwrap_or_else(|| details.name.clone()),
            description: patch.description.unwrap_or_else(|| details.description.clone()),
            repo_url: patch.repo_url.unwrap_or_else(|| details.repo_url.clone()),
            default_branch: patch.default_branch.unwrap_or_else(|| details.default_branch.clone()),
            dast_target_url: patch.dast_target_url.unwrap_or_else(|| details.dast_target_url.clone()),
        }
    }
}

/// What shall be different about a gate; `None` leaves it as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GatePatch {
    /// Critical findings.
    pub max_critical: Option<Limit>,
    /// High findings.
    pub max_high: Option<Limit>,
    /// Medium findings.
    pub max_medium: Option<Limit>,
    /// Low findings.
    pub max_low: Option<Limit>,
    /// Whether a new finding fails the build.
    pub fail_on_new: Option<bool>,
}

impl GatePatch {
    fn apply(self, gate: Gate) -> Gate {
        Gate {
            max_critical: self.max_critical.unwrap_or(gate.max_critical),
            max_high: self.max_high.unwrap_or(gate.max_high),
            max_medium: self.max_medium.unwrap_or(gate.max_medium),
            max_low: self.max_low.unwrap_or(gate.max_low),
            fail_on_new: self.fail_on_new.unwrap_or(gate.fail_on_new),
        }
    }
}

/// A project as a command left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectWritten {
    /// The project, with its present details and gate.
    pub project: Created,
    /// Position of the command's last event; `None` if it was so already.
    pub position: Option<Position>,
    /// When that was recorded; `None` if it was so already.
    pub recorded_at: Option<Timestamp>,
}

/// Why a project stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProjectProblem {
    /// Another project of the organization has the name.
    #[error("another project of the organization has this name")]
    NameTaken,
    /// Whoever asked would not see what they make.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The project's rules.
    #[error(transparent)]
    Project(#[from] ProjectRefusal),
}

type Result<T> = std::result::Result<T, CommandError<ProjectProblem>>;

/// Creates, changes and deletes projects.
#[derive(Clone)]
pub struct Projects {
    ledger: Ledger,
    vault: Arc<dyn Vault>,
    views: Arc<dyn ReadModel>,
}

impl Projects {
    /// The service.
    pub fn new(ledger: Ledger, vault: Arc<dyn Vault>, views: Arc<dyn ReadModel>) -> Self {
        Self { ledger, vault, views }
    }

    /// A project as it is in the log now; `None` if there is none or it was deleted.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn find(
        &self,
        project: ProjectId,
    ) -> std::result::Result<Option<(Created, Version)>, crate::Fault> {
        let (state, version) = self.ledger.load::<Project>(&project_stream(project)).await?;
        Ok(match state {
            ProjectState::Live(created) => Some((created, version)),
            ProjectState::Missing | ProjectState::Deleted => None,
        })
    }

    /// Makes a project.
    ///
    /// # Errors
    /// [`ProjectProblem::NameTaken`], the project's refusals, or a fault.
    pub async fn create(&self, context: &Context, new: NewProject) -> Result<ProjectWritten> {
        let project: ProjectId = context.made_id("project");
        let stream = project_stream(project);
        let NewProject { organization, team, details, gate } = new;
        let created = Created { project, organization, team, details, gate };
        let mut races = Races::default();
        loop {
            if let Some(written) = self.repeated(context, project).await? {
                return Ok(written);
            }
            let mut batch = self.ledger.batch(context);
            // The claim comes first, so that the time of the last event is the project's.
            let decided = match self.take(&mut batch, organization, &created.details.name, &stream).await {
                Ok(()) => {
                    decide(&mut batch, project, ProjectCommand::Create(created.clone())).await.map(drop)
                }
                Err(error) => Err(error),
            };
            if let Err(error) = decided {
                // The same command may have been appended, by another node, since it was looked up.
                return self.repeated(context, project).await?.ok_or(error);
            }
            match batch.commit().await? {
                Committed::At { position, recorded_at } => {
                    return Ok(ProjectWritten {
                        project: created,
                        position: Some(position),
                        recorded_at: Some(recorded_at),
                    });
                }
                Committed::Nothing | Committed::Raced => races.lost()?,
            }
        }
    }

    /// Changes what `patch` says, and moves the claim if that is the name.
    ///
    /// # Errors
    /// [`ProjectProblem::NameTaken`], the project's refusals, [`CommandError::Stale`] if it is not at the
    /// version that was `seen`, or a fault.
    pub async fn update(
        &self,
        context: &Context,
        project: ProjectId,
        seen: Option<Version>,
        patch: &ProjectPatch,
    ) -> Result<ProjectWritten> {
        let stream = project_stream(project);
        let mut races = Races::default();
        loop {
            if let Some(written) = self.repeated(context, project).await? {
                return Ok(written);
            }
            let (before, version) = self.live(project).await?;
            if seen.is_some_and(|seen| seen != version) {
                return Err(CommandError::Stale { actual: version });
            }
            let details = patch.apply(&before.details);
            let mut batch = self.ledger.batch(context);
            let (from, to) = (
                claim_stream(&*self.vault, Unique::ProjectName(before.organization, &before.details.name)),
                claim_stream(&*self.vault, Unique::ProjectName(before.organization, &details.name)),
            );
            if from != to {
                self.take(&mut batch, before.organization, &details.name, &stream).await?;
                release(&mut batch, from, &stream).await?;
            }
            if !decide_on(&mut batch, project, version, ProjectCommand::Update(details.clone())).await? {
                races.lost()?;
                continue;
            }
            let after = Created { details, ..before };
            match batch.commit().await? {
                Committed::At { position, recorded_at } => {
                    return Ok(ProjectWritten {
                        project: after,
                        position: Some(position),
                        recorded_at: Some(recorded_at),
                    });
                }
                Committed::Nothing => {
                    return Ok(ProjectWritten { project: after, position: None, recorded_at: None });
                }
                Committed::Raced => races.lost()?,
            }
        }
    }

    /// Changes what `patch` says about the gate.
    ///
    /// # Errors
    /// The project's refusals, or a fault.
    pub async fn update_gate(
        &self,
        context: &Context,
        project: ProjectId,
        patch: GatePatch,
    ) -> Result<ProjectWritten> {
        let mut races = Races::default();
        loop {
            if let Some(written) = self.repeated(context, project).await? {
                return Ok(written);
            }
            let (before, version) = self.live(project).await?;
            let gate = patch.apply(before.gate);
            let done = self
                .ledger
                .execute::<Project>(
                    context,
                    &project_stream(project),
                    Some(version),
                    ProjectCommand::UpdateGate(gate),
                )
                .await
                .map_err(|error| error.map_refused(ProjectProblem::from));
            match done {
                Ok(done) => {
                    return Ok(ProjectWritten {
                        project: Created { gate, ..before },
                        position: done.position,
                        recorded_at: done.recorded_at,
                    });
                }
                // The patch was applied to a gate that somebody has changed since.
                Err(CommandError::Stale { .. }) => races.lost()?,
                Err(error) => return Err(error),
            }
        }
    }

    /// Hides a project everywhere and gives its name back.
    ///
    /// # Errors
    /// [`ProjectRefusal::ActiveScans`], [`ProjectRefusal::NotFound`], or a fault.
    pub async fn delete(&self, context: &Context, project: ProjectId) -> Result<Position> {
        let stream = project_stream(project);
        let mut races = Races::default();
        loop {
            let recorded = self.ledger.recorded(context.command).await?;
            if let Some(last) = recorded.last() {
                return Ok(last.position);
            }
            let (before, version) = self.live(project).await?;
            // A scan that was queued a moment ago counts.
            let head = self.ledger.log().head().await?;
            self.views.wait_for(head, VIEWS_WAIT).await?;
            let active_scans = self.views.active_scans(project).await?;
            let mut batch = self.ledger.batch(context);
            if !decide_on(&mut batch, project, version, ProjectCommand::Delete { active_scans }).await? {
                races.lost()?;
                continue;
            }
            let name = Unique::ProjectName(before.organization, &before.details.name);
            release(&mut batch, claim_stream(&*self.vault, name), &stream).await?;
            match batch.commit().await? {
                Committed::At { position, .. } => return Ok(position),
                Committed::Nothing | Committed::Raced => races.lost()?,
            }
        }
    }

    async fn live(&self, project: ProjectId) -> Result<(Created, Version)> {
        let found = self.find(project).await?;
        found.ok_or(CommandError::Refused(ProjectProblem::Project(ProjectRefusal::NotFound)))
    }

    /// The answer to a command that the log knows already.
    async fn repeated(&self, context: &Context, project: ProjectId) -> Result<Option<ProjectWritten>> {
        let recorded = self.ledger.recorded(context.command).await?;
        let Some(last) = recorded.last() else { return Ok(None) };
        let (project, _) = self.live(project).await?;
        let (position, recorded_at) = (Some(last.position), Some(last.recorded_at));
        Ok(Some(ProjectWritten { project, position, recorded_at }))
    }

    async fn take(
        &self,
        batch: &mut Batch<'_>,
        organization: OrganizationId,
        name: &str,
        holder: &StreamName,
    ) -> Result<()> {
        let claim = claim_stream(&*self.vault, Unique::ProjectName(organization, name));
        let taken = claim.clone();
        let has = move |state: &ProjectState| match state {
            ProjectState::Live(project) => {
                let name = Unique::ProjectName(project.organization, &project.details.name);
                claim_stream(&*self.vault, name) == taken
            }
            ProjectState::Missing | ProjectState::Deleted => false,
        };
        batch
            .take::<Project>(claim, holder, has)
            .await
            .map_err(|error| error.map_refused(|ClaimRefusal::TakenBy { .. }| ProjectProblem::NameTaken))?;
        Ok(())
    }
}

async fn decide(
    batch: &mut Batch<'_>,
    project: ProjectId,
    command: ProjectCommand,
) -> Result<Vec<ProjectEvent>> {
    let decided = batch.decide::<Project>(project_stream(project), command).await;
    decided.map_err(|error| error.map_refused(ProjectProblem::from))
}

/// Decides on the version from which the command was made; `false` if somebody has changed the project since.
async fn decide_on(
    batch: &mut Batch<'_>,
    project: ProjectId,
    seen: Version,
    command: ProjectCommand,
) -> Result<bool> {
    match batch.decide_seen::<Project>(project_stream(project), seen, command).await {
        Ok(_) => Ok(true),
        Err(CommandError::Stale { .. }) => Ok(false),
        Err(error) => Err(error.map_refused(ProjectProblem::from)),
    }
}

async fn release(batch: &mut Batch<'_>, claim: StreamName, holder: &StreamName) -> Result<()> {
    batch
        .decide::<Claim>(claim, ClaimCommand::Release { holder: holder.clone() })
        .await
        .map_err(|error| error.map_refused(|ClaimRefusal::TakenBy { .. }| ProjectProblem::NameTaken))?;
    Ok(())
}
