//! Who asks: what they are in organizations and teams, and what their key narrows that to.

use super::{
    Action, Breadth, Changer, Denied, KeyForm, OrganizationRole, ProjectScope, Rank, Role, Scope, Scopes,
    TeamRole,
};
use crate::code_host::InstallationId;
use crate::id::{ApiKeyId, OrganizationId, ProjectId, SessionId, TeamId, UserId};
use crate::log::Actor;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a caller came with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Credential {
    /// An API key.
    Key {
        /// Which.
        key: ApiKeyId,
        /// What it looks like.
        form: KeyForm,
    },
    /// A signed token of a session.
    Session(SessionId),
    /// An installation of our app at a code host, which scans for its organization.
    Installation(InstallationId),
}

/// What a person is, everywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Who.
    pub user: UserId,
    /// Whether they run the installation.
    pub rank: Rank,
    /// Where they belong, in the order in which they came.
    pub organizations: Vec<Belonging>,
}

/// What a person is in one organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Belonging {
    /// The organization.
    pub organization: OrganizationId,
    /// As what.
    pub role: OrganizationRole,
    /// In which teams of it, and as what.
    pub teams: BTreeMap<TeamId, TeamRole>,
}

impl Belonging {
    /// The role in what concerns no single team: owners and admins run everything, others are what they are in the
    /// team that lets them do most; without any team, developers (TRUSCA reference §2.3).
    pub fn role(&self) -> Role {
        match self.role {
            OrganizationRole::Owner | OrganizationRole::Admin => Role::Admin,
            OrganizationRole::Member => {
                self.teams.values().map(|role| role.role()).max().unwrap_or(Role::Developer)
            }
        }
    }

    /// The role in a team; `None` for who does not belong to it.
    pub fn role_in(&self, team: TeamId) -> Option<Role> {
        match self.role {
            OrganizationRole::Owner | OrganizationRole::Admin => Some(Role::Admin),
            OrganizationRole::Member => self.teams.get(&team).map(|role| role.role()),
        }
    }
}

impl Standing {
    /// What they are in an organization, if they belong to it.
    pub fn belonging(&self, organization: OrganizationId) -> Option<&Belonging> {
        self.organizations.iter().find(|belonging| belonging.organization == organization)
    }

    /// Whether they run the installation.
    pub const fn is_super_admin(&self) -> bool {
        matches!(self.rank, Rank::SuperAdmin)
    }
}

/// Where a caller's rights come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authority {
    /// A key of its own, with a fixed role in its organization.
    Service {
        /// The role.
        role: Role,
    },
    /// A person, or a key that acts for one: what they are at this moment.
    Person(Arc<Standing>),
}

/// What a key narrows its authority to; sessions narrow nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// The strongest role that it lets through.
    pub ceiling: Role,
    /// The only team whose projects it sees; none for all.
    pub team: Option<TeamId>,
    /// The only project it sees; none for all.
    pub project: Option<ProjectId>,
    /// What it may be used for.
    pub scopes: Scopes,
    /// Whether it may change anything.
    pub breadth: Breadth,
}

impl Limit {
    /// Narrows nothing.
    pub const NONE: Self = Self {
        ceiling: Role::Admin,
        team: None,
        project: None,
        scopes: Scopes::ALL,
        breadth: Breadth::ReadWrite,
    };
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Whom events name.
    pub actor: Actor,
    /// What it came with.
    pub credential: Credential,
    /// The organization that it works in: lists and what is made are of this one.
    pub organization: OrganizationId,
    /// Where its rights come from.
    pub authority: Authority,
    /// What narrows them.
    pub limit: Limit,
}

/// Which projects of its organization a caller sees in lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Visible {
    /// All.
    All,
    /// Those of some teams, and with [`Teamless::Too`] those that belong to no team.
    Teams(BTreeSet<TeamId>, Teamless),
    /// One.
    Project(ProjectId),
}

/// Whether projects without a team are among those that a caller sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Teamless {
    /// They are.
    Too,
    /// They are not.
    Not,
}

impl Visible {
    /// Whether a project of the caller's organization is among them.
    pub fn shows(&self, scope: ProjectScope) -> bool {
        match (self, scope.team) {
            (Self::All, _) => true,
            (Self::Teams(_, teamless), None) => *teamless == Teamless::Too,
            (Self::Teams(teams, _), Some(team)) => teams.contains(&team),
            (Self::Project(own), _) => *own == scope.project,
        }
    }
}

impl Principal {
    /// An installation of our app that belongs to an organization: it scans, sees what it scanned, and nothing else.
    pub fn of_installation(installation: InstallationId, organization: OrganizationId) -> Self {
        let scopes = Scopes::NONE.with(Scope::Scan).with(Scope::IncidentsRead);
        Self {
            actor: Actor::System,
            credential: Credential::Installation(installation),
            organization,
            authority: Authority::Service { role: Role::Developer },
            limit: Limit { ceiling: Role::Developer, scopes, ..Limit::NONE },
        }
    }

    /// The person behind it, if there is one.
    pub fn person(&self) -> Option<&Standing> {
        match &self.authority {
            Authority::Service { .. } => None,
            Authority::Person(standing) => Some(standing),
        }
    }

    /// As whom it changes what others are in its organization.
    pub fn changer(&self) -> Changer {
        let owns = |standing: &Standing| {
            let belonging = standing.belonging(self.organization);
            standing.is_super_admin()
                || belonging.is_some_and(|belonging| belonging.role == OrganizationRole::Owner)
        };
        match self.credential {
            Credential::Session(_) if self.person().is_some_and(owns) => Changer::Owner,
            Credential::Key { .. } if !self.limit.scopes.is_all() => Changer::Delegate,
            Credential::Installation(_) => Changer::Delegate,
            Credential::Session(_) | Credential::Key { .. } => Changer::Admin,
        }
    }

    /// The role in what concerns no single team of its own organization; `None` for who does not belong to it.
    pub fn role(&self) -> Option<Role> {
        let role = match &self.authority {
            Authority::Service { role } => *role,
            Authority::Person(standing) if standing.is_super_admin() => Role::Admin,
            Authority::Person(standing) => standing.belonging(self.organization)?.role(),
        };
        Some(role.min(self.limit.ceiling))
    }

    /// The role in a team of its own organization.
    pub fn role_in(&self, team: TeamId) -> Option<Role> {
        let role = match &self.authority {
            Authority::Service { role } => *role,
            Authority::Person(standing) if standing.is_super_admin() => Role::Admin,
            Authority::Person(standing) => standing.belonging(self.organization)?.role_in(team)?,
        };
        Some(role.min(self.limit.ceiling))
    }

    /// The same caller at work in another organization that it belongs to; a key works in its own only.
    #[must_use]
    pub fn in_organization(&self, organization: OrganizationId) -> Option<Self> {
        let belongs = organization == self.organization
            || matches!(self.credential, Credential::Session(_))
                && self.person().is_some_and(|standing| {
                    standing.is_super_admin() || standing.belonging(organization).is_some()
                });
        belongs.then(|| Self { organization, ..self.clone() })
    }

    /// Which projects of its organization it sees.
    pub fn visible(&self) -> Visible {
        let Limit { team, project, .. } = self.limit;
        if let Some(project) = project {
            return Visible::Project(project);
        }
        let own = match &self.authority {
            Authority::Service { .. } => None,
            Authority::Person(standing) if standing.is_super_admin() => None,
            Authority::Person(standing) => match standing.belonging(self.organization) {
                Some(Belonging { role: OrganizationRole::Member, teams, .. }) => Some(teams),
                Some(_) => None,
                None => return Visible::Teams(BTreeSet::new(), Teamless::Not),
            },
        };
        match (own, team) {
            (None, None) => Visible::All,
            (None, Some(team)) => Visible::Teams(BTreeSet::from([team]), Teamless::Not),
            (Some(own), None) => Visible::Teams(own.keys().copied().collect(), Teamless::Too),
            (Some(own), Some(team)) => {
                let seen = own.contains_key(&team).then_some(team);
                Visible::Teams(seen.into_iter().collect(), Teamless::Not)
            }
        }
    }

    /// Which projects of its organization it may do `action` in, once it may in the organization: of teams, those in
    /// which its role is strong enough.
    pub fn visible_to(&self, action: Action) -> Visible {
        match self.visible() {
            Visible::Teams(mut teams, teamless) => {
                teams.retain(|team| self.role_in(*team) >= Some(action.needs().role));
                Visible::Teams(teams, teamless)
            }
            seen @ (Visible::All | Visible::Project(_)) => seen,
        }
    }

    /// The team of a project that it makes: the only one whose projects it sees; none if it sees those of several, or
    /// of none.
    ///
    /// # Errors
    /// [`Denied::OtherProject`] and [`Denied::OtherTeam`] for a key that would not see what it makes.
    pub fn team_of_new_project(&self) -> Result<Option<TeamId>, Denied> {
        match self.visible() {
            Visible::All => Ok(None),
            Visible::Project(_) => Err(Denied::OtherProject),
            Visible::Teams(teams, Teamless::Not) if teams.is_empty() => Err(Denied::OtherTeam),
            Visible::Teams(teams, _) => Ok(teams.first().copied().filter(|_| teams.len() == 1)),
        }
    }
}
