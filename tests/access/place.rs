//! Where things are, and what there is in each place.

use scanledger_domain::id::{ApiKeyId, HoneytokenId, InvitationId, ProjectId, TeamId, UserId};
use scanledger_domain::identity::ProjectScope;

/// An id that nothing has.
pub const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

/// Where a thing is that somebody asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In the team core of the home organization.
    Core,
    /// In its team edge.
    Edge,
    /// In the home organization, in no team.
    Free,
    /// In another organization.
    Elsewhere,
    /// Nowhere.
    Nowhere,
}

impl Place {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Core, Self::Edge, Self::Free, Self::Elsewhere, Self::Nowhere];
    /// Those in which there is something.
    pub const REAL: [Self; 4] = [Self::Core, Self::Edge, Self::Free, Self::Elsewhere];

    /// Its name in tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::Edge => "edge",
            Self::Free => "no team",
            Self::Elsewhere => "elsewhere",
            Self::Nowhere => "nowhere",
        }
    }
}

/// A project with all that there is around it.
#[derive(Debug, Clone)]
pub struct Things {
    /// The project and whose it is.
    pub scope: ProjectScope,
    /// Its name, which nothing else contains.
    pub name: String,
    /// A completed scan of it.
    pub scan: String,
    /// What that found; somebody has decided about the first.
    pub findings: Vec<String>,
    /// The incident of a secret that stands nowhere else.
    pub incident: String,
    /// The number of another scan, which a client runs.
    pub client_scan: String,
    /// Both scans.
    pub scans: Vec<String>,
    /// The event of its making.
    pub event: String,
    /// A key that sees this project only.
    pub key: ApiKeyId,
    /// Another one, in the form that its team sees.
    pub owned_key: ApiKeyId,
    /// Somebody of the organization, and of the team if there is one.
    pub user: UserId,
    /// The team, or another one of the organization for a project without.
    pub team: TeamId,
    /// An invitation into the organization.
    pub invitation: InvitationId,
    /// A honeytoken of the organization.
    pub honeytoken: HoneytokenId,
}

impl Things {
    /// The project.
    pub const fn project(&self) -> ProjectId {
        self.scope.project
    }

    /// Whatever tells that the project is there.
    pub fn marks(&self) -> impl Iterator<Item = String> {
        let own = [self.project().to_string(), self.name.clone(), self.scan.clone()];
        own.into_iter().chain(self.findings.iter().cloned())
    }
}
