//! Which project a client's scan belongs to: the one that is called like its repository.

use super::{NewProject, ProjectProblem, Projects, Resolved, Result};
use crate::context::Context;
use crate::error::CommandError;
use scanledger_domain::identity::{Action, Denied, Principal, ProjectScope, Resource, Visible, authorize};
use scanledger_domain::project::{DEFAULT_BRANCH, Gate, ProjectDetails};

/// What a client says about the project that its scan belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientTarget {
    /// Who scans: what they do not see is not theirs to scan, and what is made belongs to their organization and team.
    pub principal: Principal,
    /// The name of the repository, or of the part of it that has a project of its own.
    pub name: String,
    /// Where the repository is, without credentials ([`scanledger_domain::scan::plain_url`]).
    pub repo_url: Option<String>,
    /// The branch of a scan of all of it, which becomes the default branch of a project that is made for it.
    pub branch: Option<String>,
}

impl Projects {
    /// Finds the project that a client's scan belongs to, or makes it: the only one of the key; else the one with the
    /// name.
    ///
    /// # Errors
    /// [`ProjectProblem::Denied`] if the name is that of a project that the caller does not see, or if they would not
    /// see or could not scan what they make; the project's refusals for what it would be made of; or a fault.
    pub async fn resolve_for_client(&self, context: &Context, target: &ClientTarget) -> Result<Resolved> {
        let (organization, visible) = (target.principal.organization, target.principal.visible());
        if let Visible::Project(only) = visible {
            return self.own(organization, only).await;
        }
        let making = context.derive("project");
        if let Some(made) = self.repeated(&making, making.made_id("project")).await? {
            return Ok(Resolved { project: made.project, position: made.position });
        }
        if let Some(found) = self.seen(target, &visible).await? {
            return Ok(found);
        }
        let team = target.principal.team_of_new_project().map_err(refused)?;
        // A project is made for its scan only.
        let scope = ProjectScope { organization, team, project: making.made_id("project") };
        authorize(&target.principal, Action::Scan, Resource::Project(scope)).map_err(refused)?;
        let new = NewProject {
            organization,
            team,
            details: ProjectDetails {
                name: target.name.clone(),
                description: None,
                repo_url: target.repo_url.clone(),
                default_branch: target.branch.clone().unwrap_or_else(|| DEFAULT_BRANCH.to_owned()),
                dast_target_url: None,
            },
            gate: Gate::of_client_scans(),
        };
        match self.create(&making, new).await {
            Ok(made) => Ok(Resolved { project: made.project, position: made.position }),
            // Another scan of the repository was faster.
            Err(error @ CommandError::Refused(ProjectProblem::NameTaken)) => {
                self.seen(target, &visible).await?.ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    /// The project that a client's scan of what is called `name` belongs to, if it was made and the client sees it.
    ///
    /// # Errors
    /// A fault.
    pub async fn find_for_client(&self, principal: &Principal, name: &str) -> Result<Option<ProjectScope>> {
        let found = self.named(principal.organization, name).await?;
        let scope = found.map(|project| Resolved { project, position: None }.scope());
        Ok(scope.filter(|scope| principal.visible().shows(*scope)))
    }

    /// The project with the name, if there is one.
    async fn seen(&self, target: &ClientTarget, visible: &Visible) -> Result<Option<Resolved>> {
        let Some(project) = self.named(target.principal.organization, &target.name).await? else {
            return Ok(None);
        };
        let found = Resolved { project, position: None };
        if visible.shows(found.scope()) {
            return Ok(Some(found));
        }
        Err(refused(Denied::OtherTeam))
    }
}

fn refused(denied: Denied) -> CommandError<ProjectProblem> {
    CommandError::Refused(denied.into())
}
