//! Who may do what: one principal, one function, one table.

use crate::id::{OrganizationId, ProjectId};
use crate::log::Actor;
use serde::{Deserialize, Serialize};

/// What a caller may do, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Looks.
    #[serde(rename = "viewer")]
    Viewer,
    /// Scans and triages.
    #[serde(rename = "developer")]
    Developer,
    /// Sets gates and policies.
    #[serde(rename = "security")]
    Security,
    /// Runs the organization.
    #[serde(rename = "admin")]
    Admin,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Principal {
    /// Whom events name.
    pub actor: Actor,
    /// The only organization it sees.
    pub organization: OrganizationId,
    /// The only project it sees; `None` for all of the organization.
    pub project: Option<ProjectId>,
    /// What it may do.
    pub role: Role,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// See projects, scans, findings, components and artifacts.
    Read,
    /// See the audit log and the events of the organization.
    ReadAudit,
    /// Upload, scan, and pause, resume, stop or cancel.
    Scan,
    /// Decide about findings.
    Triage,
    /// Create and change projects.
    WriteProject,
    /// Delete projects and scans.
    Delete,
    /// Set build gates.
    WriteGate,
    /// See, issue and revoke API keys.
    ManageKeys,
}

impl Action {
    /// All actions.
    pub const ALL: [Self; 8] = [
        Self::Read,
        Self::ReadAudit,
        Self::Scan,
        Self::Triage,
        Self::WriteProject,
        Self::Delete,
        Self::WriteGate,
        Self::ManageKeys,
    ];

    /// The weakest role that may.
    pub const fn least_role(self) -> Role {
        match self {
            Self::Read => Role::Viewer,
            Self::Scan | Self::Triage | Self::WriteProject => Role::Developer,
            Self::ReadAudit | Self::WriteGate | Self::Delete => Role::Security,
            Self::ManageKeys => Role::Admin,
        }
    }

    /// Whether it is about the organization as a whole, which a key for one project does not see.
    const fn is_organization_wide(self) -> bool {
        matches!(self, Self::ManageKeys)
    }
}

/// What it is asked of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// The organization: lists, and what is about to be made.
    Organization(OrganizationId),
    /// A project and everything in it.
    Project(OrganizationId, ProjectId),
}

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// It belongs to another organization.
    #[error("the resource belongs to another organization")]
    Foreign,
    /// It belongs to a project that the caller's key does not see.
    #[error("the key is limited to another project")]
    OtherProject,
    /// The caller's role is too weak.
    #[error("this needs the role {needed:?}")]
    Role {
        /// The weakest role that may.
        needed: Role,
    },
}

/// Whether `principal` may do `action` to `resource`.
///
/// # Errors
/// Why not.
pub fn authorize(principal: &Principal, action: Action, resource: Resource) -> Result<(), Denied> {
    let (organization, project) = match resource {
        Resource::Organization(organization) => (organization, None),
        Resource::Project(organization, project) => (organization, Some(project)),
    };
    if organization != principal.organization {
        return Err(Denied::Foreign);
    }
    if let (Some(own), Some(asked)) = (principal.project, project)
        && own != asked
    {
        return Err(Denied::OtherProject);
    }
    let needed = action.least_role();
    if principal.role < needed {
        return Err(Denied::Role { needed });
    }
    if principal.project.is_some() && action.is_organization_wide() {
        return Err(Denied::OtherProject);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Action, Denied, Principal, Resource, Role, authorize};
    use crate::id::{ApiKeyId, OrganizationId, ProjectId};
    use crate::log::Actor;
    use uuid::Uuid;

    const HOME: OrganizationId = OrganizationId(Uuid::from_u128(1));
    const ELSEWHERE: OrganizationId = OrganizationId(Uuid::from_u128(2));
    const SHOP: ProjectId = ProjectId(Uuid::from_u128(3));
    const BANK: ProjectId = ProjectId(Uuid::from_u128(4));

    fn key(role: Role, project: Option<ProjectId>) -> Principal {
        Principal { actor: Actor::Key(ApiKeyId(Uuid::from_u128(9))), organization: HOME, project, role }
    }

    #[test]
    fn the_table_of_roles() {
        use Action::{Delete, ManageKeys, Read, ReadAudit, Scan, Triage, WriteGate, WriteProject};
        let may = [
            (Role::Viewer, vec![Read]),
            (Role::Developer, vec![Read, Scan, Triage, WriteProject]),
            (Role::Security, vec![Read, ReadAudit, Scan, Triage, WriteProject, Delete, WriteGate]),
            (Role::Admin, vec![Read, ReadAudit, Scan, Triage, WriteProject, Delete, WriteGate, ManageKeys]),
        ];
        for (role, allowed) in may {
            for action in Action::ALL {
                let answer = authorize(&key(role, None), action, Resource::Organization(HOME));
                assert_eq!(answer.is_ok(), allowed.contains(&action), "{role:?} {action:?}");
            }
        }
    }

    #[test]
    fn another_organization_is_foreign_whatever_the_role() {
        for action in Action::ALL {
            for resource in [Resource::Organization(ELSEWHERE), Resource::Project(ELSEWHERE, SHOP)] {
                assert_eq!(authorize(&key(Role::Admin, None), action, resource), Err(Denied::Foreign));
            }
        }
    }

    #[test]
    fn a_key_for_a_project_sees_only_that_project() {
        let principal = key(Role::Admin, Some(SHOP));
        assert_eq!(authorize(&principal, Action::Triage, Resource::Project(HOME, SHOP)), Ok(()));
        assert_eq!(
            authorize(&principal, Action::Triage, Resource::Project(HOME, BANK)),
            Err(Denied::OtherProject)
        );
        assert_eq!(
            authorize(&principal, Action::ManageKeys, Resource::Organization(HOME)),
            Err(Denied::OtherProject)
        );
    }
}
