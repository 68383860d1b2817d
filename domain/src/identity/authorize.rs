//! Who may do what: one function over one table.

use super::{Action, Asker, Authority, Breadth, Credential, Effect, Principal, Reach, Role, Scope};
use crate::id::{OrganizationId, ProjectId, TeamId};

/// What it is asked of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// What belongs to no organization: one's own account, the installation.
    Installation,
    /// The organization: lists, and what is about to be made.
    Organization(OrganizationId),
    /// A team and what belongs to it.
    Team(OrganizationId, TeamId),
    /// A project and everything in it.
    Project(ProjectScope),
}

/// Where a project belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProjectScope {
    /// Its organization.
    pub organization: OrganizationId,
    /// Its team; none if it belongs to everybody in the organization.
    pub team: Option<TeamId>,
    /// The project.
    pub project: ProjectId,
}

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// It belongs to another organization.
    #[error("the resource belongs to another organization")]
    Foreign,
    /// It belongs to a team that the caller does not belong to.
    #[error("the resource belongs to another team")]
    OtherTeam,
    /// It belongs to a project that the caller's key does not see.
    #[error("the key is limited to another project")]
    OtherProject,
    /// The caller's role is too weak.
    #[error("this needs the role {needed:?}")]
    Role {
        /// The weakest role that may.
        needed: Role,
    },
    /// The caller's key was not made for this.
    #[error("the key has not the scope {needed}")]
    Scope {
        /// The scope.
        needed: Scope,
    },
    /// The caller's key only reads.
    #[error("the key only reads")]
    ReadOnly,
    /// Only people who have signed in may.
    #[error("this is for people who have signed in")]
    NotAPerson,
    /// Only keys may.
    #[error("this is for API keys")]
    NotAKey,
    /// Only super administrators may.
    #[error("this is for super administrators")]
    NotSuperAdmin,
    /// Keys of this form scan and read what was scanned, and nothing else.
    #[error("keys of this form only scan and read scans")]
    Form,
}

impl Denied {
    /// Whether the caller does not see the resource at all, rather than not being allowed to do this to it.
    pub const fn hides(self) -> bool {
        matches!(self, Self::Foreign | Self::OtherTeam | Self::OtherProject)
    }
}

/// Whether `principal` may do `action` to `resource`.
///
/// # Errors
/// Why not; where several reasons hold, the first of: who asks, where it is, what the key is for, the role.
pub fn authorize(principal: &Principal, action: Action, resource: Resource) -> Result<(), Denied> {
    let needs = action.needs();
    asker(principal, needs.asker)?;
    if let Credential::Key { form, .. } = principal.credential
        && !action.takes(form)
    {
        return Err(Denied::Form);
    }
    let role = match resource {
        Resource::Installation => principal.role().unwrap_or(Role::Viewer),
        Resource::Organization(organization) => {
            of_organization(principal, organization)?;
            principal.role().ok_or(Denied::Foreign)?
        }
        Resource::Team(organization, team) => {
            of_organization(principal, organization)?;
            of_team(principal, team)?
        }
        Resource::Project(scope) => of_project(principal, scope)?,
    };
    let limit = principal.limit;
    if let Some(needed) = needs.scope.filter(|scope| !limit.scopes.contains(*scope)) {
        return Err(Denied::Scope { needed });
    }
    if limit.breadth == Breadth::ReadOnly && needs.effect == Effect::Writes {
        return Err(Denied::ReadOnly);
    }
    if role < needs.role {
        return Err(Denied::Role { needed: needs.role });
    }
    if needs.reach == Reach::Whole {
        match (limit.team, limit.project) {
            (None, None) => (),
            (_, Some(_)) => return Err(Denied::OtherProject),
            (Some(_), None) => return Err(Denied::OtherTeam),
        }
    }
    Ok(())
}

fn asker(principal: &Principal, asker: Asker) -> Result<(), Denied> {
    let is_key = matches!(principal.credential, Credential::Key { .. });
    let is_person = matches!(principal.credential, Credential::Session(_));
    let is_super = || principal.person().is_some_and(super::Standing::is_super_admin);
    match asker {
        Asker::Anyone => Ok(()),
        Asker::Person | Asker::SuperAdmin if !is_person => Err(Denied::NotAPerson),
        Asker::SuperAdmin if !is_super() => Err(Denied::NotSuperAdmin),
        Asker::Key if !is_key => Err(Denied::NotAKey),
        Asker::Person | Asker::SuperAdmin | Asker::Key => Ok(()),
    }
}

fn of_organization(principal: &Principal, organization: OrganizationId) -> Result<(), Denied> {
    if organization == principal.organization { Ok(()) } else { Err(Denied::Foreign) }
}

fn of_team(principal: &Principal, team: TeamId) -> Result<Role, Denied> {
    if principal.limit.project.is_some() {
        return Err(Denied::OtherProject);
    }
    if principal.limit.team.is_some_and(|own| own != team) {
        return Err(Denied::OtherTeam);
    }
    principal.role_in(team).ok_or(Denied::OtherTeam)
}

fn of_project(principal: &Principal, scope: ProjectScope) -> Result<Role, Denied> {
    let ProjectScope { organization, team, project } = scope;
    of_organization(principal, organization)?;
    let limit = principal.limit;
    if limit.project.is_some_and(|own| own != project) {
        return Err(Denied::OtherProject);
    }
    if limit.team.is_some() && limit.team != team {
        return Err(Denied::OtherTeam);
    }
    match (team, &principal.authority) {
        (None, _) | (_, Authority::Service { .. }) => principal.role().ok_or(Denied::Foreign),
        (Some(team), Authority::Person(_)) => principal.role_in(team).ok_or(Denied::OtherTeam),
    }
}
