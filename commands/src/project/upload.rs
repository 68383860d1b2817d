//! Which project an upload belongs to (Pepper reference §16).

use super::{NewProject, ProjectProblem, Projects, Result};
use crate::context::Context;
use crate::error::CommandError;
use scanledger_domain::claim::{Claim, Unique, claim_stream};
use scanledger_domain::id::{OrganizationId, ProjectId, TeamId};
use scanledger_domain::identity::{Principal, ProjectScope, Visible};
use scanledger_domain::log::Position;
use scanledger_domain::project::{
    Created, DEFAULT_BRANCH, Gate, ProjectDetails, ProjectRefusal, default_project_name, project_stream,
};
/// How many numbers are tried behind a name that is taken.
const NUMBERS: u32 = 10_000;

/// What an upload says about the project it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadTarget {
    /// Who uploads: what they do not see is not found, and what is made belongs to their organization and team.
    pub principal: Principal,
    /// The project the client named, which they see; wins over everything else.
    pub project: Option<ProjectId>,
    /// Where the source is; credentials in it are a refusal.
    pub repo_url: Option<String>,
    /// The name for the project, if it has to be made.
    pub new_project_name: Option<String>,
    /// The archive's file name.
    pub archive_name: String,
    /// The branch of the scan, which becomes the default branch of a project that is made for it.
    pub branch: Option<String>,
}

/// The project that an upload belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The project.
    pub project: Created,
    /// Position of the event that made it, if it was made for this upload.
    pub position: Option<Position>,
}

impl Resolved {
    /// Where the project belongs.
    pub const fn scope(&self) -> ProjectScope {
        scope(&self.project)
    }
}

const fn scope(project: &Created) -> ProjectScope {
    ProjectScope { organization: project.organization, team: project.team, project: project.project }
}

impl Projects {
    /// Finds the project that an upload belongs to, or makes it: the one that was named; else the only one of
    /// the key; else the one with that repository; else the upload project with the new name; else a new one
    /// named after the archive, with ` 2`, ` 3` behind it if that is taken, be it by a project that the caller does not
    /// see. Whether the caller may scan what was found is for the caller of this to ask.
    ///
    /// # Errors
    /// [`ProjectRefusal::NotFound`] for a named project that is not the organization's; [`ProjectProblem::Denied`] for a
    /// key that would not see what it makes; the project's refusals for what it would be made of; or a fault.
    pub async fn resolve_for_upload(&self, context: &Context, target: &UploadTarget) -> Result<Resolved> {
        let (organization, visible) = (target.principal.organization, target.principal.visible());
        let only = match visible {
            Visible::Project(only) => Some(only),
            Visible::All | Visible::Teams(..) => None,
        };
        if let Some(project) = target.project.or(only) {
            return self.own(organization, project).await;
        }
        let team = target.principal.team_of_new_project().map_err(ProjectProblem::from);
        let team = team.map_err(CommandError::Refused)?;
        // A repeated request belongs to the project that it made, although its name is taken by now.
        let making = context.derive("project");
        if let Some(made) = self.repeated(&making, making.made_id("project")).await? {
            return Ok(Resolved { project: made.project, position: made.position });
        }
        if let Some(url) = &target.repo_url
            && let Some(project) = self.views.project_with_repo(organization, &visible, url).await?
            && let Some((project, _)) = self.find(project).await?
        {
            return Ok(Resolved { project, position: None });
        }
        let name = match &target.new_project_name {
            Some(name) => name.clone(),
            None => default_project_name(&target.archive_name),
        };
        for number in 1..=NUMBERS {
            let numbered = numbered_name(&name, number);
            if let Some(held) = self.named(organization, &numbered).await? {
                if is_meant(target, &visible, &held) {
                    return Ok(Resolved { project: held, position: None });
                }
                continue;
            }
            match self.create(&making, new_project(target, team, numbered)).await {
                Ok(made) => return Ok(Resolved { project: made.project, position: made.position }),
                // Somebody took the name since; whoever asked for it by name means their project now.
                Err(CommandError::Refused(ProjectProblem::NameTaken)) if number < NUMBERS => {
                    let held = self.named(organization, &numbered_name(&name, number)).await?;
                    if let Some(project) = held.filter(|held| is_meant(target, &visible, held)) {
                        return Ok(Resolved { project, position: None });
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Err(CommandError::Refused(ProjectProblem::NameTaken))
    }

    pub(super) async fn own(&self, organization: OrganizationId, project: ProjectId) -> Result<Resolved> {
        let (project, _) = self.live(project).await?;
        if project.organization != organization {
            return Err(CommandError::Refused(ProjectProblem::Project(ProjectRefusal::NotFound)));
        }
        Ok(Resolved { project, position: None })
    }

    /// The project that holds a name, straight from the log.
    pub(super) async fn named(&self, organization: OrganizationId, name: &str) -> Result<Option<Created>> {
        let claim = claim_stream(&*self.vault, Unique::ProjectName(organization, name));
        let (holder, _) = self.ledger.load::<Claim>(&claim).await?;
        let Some(holder) = holder else { return Ok(None) };
        let id = holder.as_str().strip_prefix("project-").and_then(|id| id.parse::<ProjectId>().ok());
        let Some(id) = id.filter(|id| project_stream(*id) == holder) else { return Ok(None) };
        Ok(self.find(id).await?.map(|(project, _)| project))
    }
}

/// Whether an upload that names the project it wants means this one, which has the name.
fn is_meant(target: &UploadTarget, visible: &Visible, held: &Created) -> bool {
    target.new_project_name.is_some() && held.details.repo_url.is_none() && visible.shows(scope(held))
}

fn numbered_name(name: &str, number: u32) -> String {
    if number == 1 { name.to_owned() } else { format!("{name} {number}") }
}

fn new_project(target: &UploadTarget, team: Option<TeamId>, name: String) -> NewProject {
    NewProject {
        organization: target.principal.organization,
        team,
        details: ProjectDetails {
            name,
            description: None,
            repo_url: target.repo_url.clone(),
            default_branch: target.branch.clone().unwrap_or_else(|| DEFAULT_BRANCH.to_owned()),
            dast_target_url: None,
        },
        gate: Gate::default(),
    }
}
