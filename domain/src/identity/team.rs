//! Teams: who works on which projects.

use super::{Role, is_long_name};
use crate::decider::Decider;
use crate::id::{OrganizationId, TeamId, UserId};
use crate::limits::{LONG_NAME_CHARS, SLUG_CHARS, TEAM_DESCRIPTION_CHARS};
use crate::log::StreamName;
use crate::stored_events;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::str::FromStr;

/// What a person is in a team.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TeamRole {
    /// Runs the team's security.
    #[serde(rename = "team_admin")]
    Admin,
    /// Scans and triages.
    #[serde(rename = "developer")]
    Developer,
    /// Looks.
    #[serde(rename = "viewer")]
    Viewer,
}

impl TeamRole {
    /// All of them, strongest first.
    pub const ALL: [Self; 3] = [Self::Admin, Self::Developer, Self::Viewer];

    /// What it lets people do.
    pub const fn role(self) -> Role {
        match self {
            Self::Admin => Role::Security,
            Self::Developer => Role::Developer,
            Self::Viewer => Role::Viewer,
        }
    }

    /// Its name in events and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "team_admin",
            Self::Developer => "developer",
            Self::Viewer => "viewer",
        }
    }
}

impl FromStr for TeamRole {
    type Err = UnknownTeamRole;

    fn from_str(text: &str) -> Result<Self, UnknownTeamRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(UnknownTeamRole)
    }
}

/// A word that names no role in a team.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a role in a team is team_admin, developer or viewer")]
pub struct UnknownTeamRole;

/// What people write about a team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamDetails {
    /// Its name.
    pub name: String,
    /// Its name in paths, unique in its organization; teams made before there were slugs have none.
    pub slug: Option<String>,
    /// What it is for.
    pub description: Option<String>,
}

/// `team.created`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamCreated {
    /// Its id.
    #[serde(rename = "team")]
    pub team: TeamId,
    /// Whose it is.
    #[serde(rename = "organization")]
    pub organization: OrganizationId,
    /// Its name.
    #[serde(rename = "name")]
    pub name: String,
    /// Its name in paths.
    #[serde(rename = "slug", skip_serializing_if = "Option::is_none", default)]
    pub slug: Option<String>,
    /// What it is for.
    #[serde(rename = "description", skip_serializing_if = "Option::is_none", default)]
    pub description: Option<String>,
}

/// `team.updated`: all details, changed or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamUpdated {
    /// The team.
    #[serde(rename = "team")]
    pub team: TeamId,
    /// Its name.
    #[serde(rename = "name")]
    pub name: String,
    /// Its name in paths.
    #[serde(rename = "slug", skip_serializing_if = "Option::is_none", default)]
    pub slug: Option<String>,
    /// What it is for.
    #[serde(rename = "description", skip_serializing_if = "Option::is_none", default)]
    pub description: Option<String>,
}

/// `team.deleted`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamDeleted {
    /// The team.
    #[serde(rename = "team")]
    pub team: TeamId,
}

/// `team.member_added`: a person belongs to it, or has another role now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamMemberAdded {
    /// The team.
    #[serde(rename = "team")]
    pub team: TeamId,
    /// Who.
    #[serde(rename = "user")]
    pub user: UserId,
    /// As what.
    #[serde(rename = "role")]
    pub role: TeamRole,
}

/// `team.member_removed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamMemberRemoved {
    /// The team.
    #[serde(rename = "team")]
    pub team: TeamId,
    /// Who.
    #[serde(rename = "user")]
    pub user: UserId,
}

stored_events! {
    /// What happened to a team.
    pub enum TeamEvent {
        /// It was created.
        Created(TeamCreated) = ("team.created", 1),
        /// Somebody belongs to it.
        MemberAdded(TeamMemberAdded) = ("team.member_added", 1),
        /// Somebody no longer does.
        MemberRemoved(TeamMemberRemoved) = ("team.member_removed", 1),
        /// It is called something else.
        Updated(TeamUpdated) = ("team.updated", 1),
        /// It is gone.
        Deleted(TeamDeleted) = ("team.deleted", 1),
    }
}

/// What can be asked of a team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TeamCommand {
    /// Make it.
    Create(TeamCreated),
    /// Let a person belong to it.
    AddMember {
        /// Who.
        user: UserId,
        /// As what.
        role: TeamRole,
    },
    /// Let them go.
    RemoveMember {
        /// Who.
        user: UserId,
    },
    /// Call it something else.
    Update(TeamDetails),
    /// Let it be gone.
    Delete,
}

/// Where a team stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum TeamState {
    /// There is none.
    #[default]
    Missing,
    /// There is one.
    Live(TeamLife),
    /// There was one.
    Deleted,
}

/// A team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamLife {
    /// Its id.
    pub team: TeamId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// What people wrote.
    pub details: TeamDetails,
    /// Who belongs to it.
    pub members: BTreeMap<UserId, TeamRole>,
}

impl TeamLife {
    /// Whether somebody else runs it if `user` does not, or nobody else is there to need it.
    fn can_spare(&self, user: UserId, stays: bool) -> bool {
        let is_admin = |user: &UserId| self.members.get(user) == Some(&TeamRole::Admin);
        let mut others = self.members.keys().filter(|other| **other != user);
        let is_alone = self.members.len() == 1;
        !is_admin(&user) || (is_alone && !stays) || others.any(is_admin)
    }
}

impl TeamState {
    /// The team, if there is one.
    pub fn live(&self) -> Option<&TeamLife> {
        match self {
            Self::Live(life) => Some(life),
            Self::Missing | Self::Deleted => None,
        }
    }
}

/// Why something is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TeamRefusal {
    /// There is one already.
    #[error("the team exists already")]
    Exists,
    /// There is none.
    #[error("the team does not exist")]
    NotFound,
    /// Its name will not do.
    #[error("a name must be one line of 1 to {LONG_NAME_CHARS} characters")]
    BadName,
    /// Its slug will not do.
    #[error("a slug must have 1 to {SLUG_CHARS} characters a-z, 0-9 and -, and not begin with -")]
    BadSlug,
    /// Its description will not do.
    #[error("a description must have at most {TEAM_DESCRIPTION_CHARS} characters")]
    BadDescription,
    /// Nobody would be left to run it.
    #[error("the last team administrator has to stay while others do")]
    LastAdmin,
    /// They do not belong to it.
    #[error("the user does not belong to the team")]
    NotAMember,
}

/// The rules of teams.
#[derive(Debug)]
pub struct Team;

/// The stream of a team.
pub fn team_stream(id: TeamId) -> StreamName {
    StreamName::new("team", id)
}

impl Decider for Team {
    type State = TeamState;
    type Command = TeamCommand;
    type Event = TeamEvent;
    type Refusal = TeamRefusal;

    fn initial() -> TeamState {
        TeamState::Missing
    }

    fn evolve(state: TeamState, event: &TeamEvent) -> TeamState {
        let mut life = match (state, event) {
            (_, TeamEvent::Created(created)) => {
                let TeamCreated { team, organization, name, slug, description } = created.clone();
                let details = TeamDetails { name, slug, description };
                return TeamState::Live(TeamLife { team, organization, details, members: BTreeMap::new() });
            }
            (_, TeamEvent::Deleted(_)) => return TeamState::Deleted,
            (TeamState::Live(life), _) => life,
            (state @ (TeamState::Missing | TeamState::Deleted), _) => return state,
        };
        match event {
            TeamEvent::MemberAdded(added) => {
                life.members.insert(added.user, added.role);
            }
            TeamEvent::MemberRemoved(removed) => {
                life.members.remove(&removed.user);
            }
            TeamEvent::Updated(updated) => {
                let TeamUpdated { name, slug, description, .. } = updated.clone();
                life.details = TeamDetails { name, slug, description };
            }
            TeamEvent::Created(_) | TeamEvent::Deleted(_) => (),
        }
        TeamState::Live(life)
    }

    fn decide(state: &TeamState, command: TeamCommand) -> Result<Vec<TeamEvent>, TeamRefusal> {
        match (state, command) {
            (TeamState::Missing, TeamCommand::Create(created)) => {
                let TeamCreated { name, slug, description, .. } = created.clone();
                check(&TeamDetails { name, slug, description })?;
                Ok(vec![created.into()])
            }
            (TeamState::Live(_) | TeamState::Deleted, TeamCommand::Create(_)) => Err(TeamRefusal::Exists),
            (TeamState::Missing | TeamState::Deleted, _) => Err(TeamRefusal::NotFound),
            (TeamState::Live(life), command) => of_team(life, command),
        }
    }
}

fn of_team(life: &TeamLife, command: TeamCommand) -> Result<Vec<TeamEvent>, TeamRefusal> {
    let team = life.team;
    let event: TeamEvent = match command {
        TeamCommand::Create(_) => return Err(TeamRefusal::Exists),
        TeamCommand::AddMember { user, role } if life.members.get(&user) == Some(&role) => return Ok(vec![]),
        TeamCommand::AddMember { user, role } if role != TeamRole::Admin && !life.can_spare(user, true) => {
            return Err(TeamRefusal::LastAdmin);
        }
        TeamCommand::AddMember { user, role } => TeamMemberAdded { team, user, role }.into(),
        TeamCommand::RemoveMember { user } if !life.members.contains_key(&user) => {
            return Err(TeamRefusal::NotAMember);
        }
        TeamCommand::RemoveMember { user } if !life.can_spare(user, false) => {
            return Err(TeamRefusal::LastAdmin);
        }
        TeamCommand::RemoveMember { user } => TeamMemberRemoved { team, user }.into(),
        TeamCommand::Update(details) if details == life.details => return Ok(vec![]),
        TeamCommand::Update(details) => {
            check(&details)?;
            let TeamDetails { name, slug, description } = details;
            TeamUpdated { team, name, slug, description }.into()
        }
        TeamCommand::Delete => TeamDeleted { team }.into(),
    };
    Ok(vec![event])
}

fn check(details: &TeamDetails) -> Result<(), TeamRefusal> {
    if !is_long_name(&details.name) {
        return Err(TeamRefusal::BadName);
    }
    if details.slug.as_deref().is_some_and(|slug| !is_slug(slug)) {
        return Err(TeamRefusal::BadSlug);
    }
    let is_too_long = |text: &str| text.chars().count() > TEAM_DESCRIPTION_CHARS || text.contains('\0');
    if details.description.as_deref().is_some_and(is_too_long) {
        return Err(TeamRefusal::BadDescription);
    }
    Ok(())
}

/// Whether `text` can be a slug: `^[a-z0-9][a-z0-9-]{0,63}$` (TRUSCA reference §3.3).
pub fn is_slug(text: &str) -> bool {
    (1..=SLUG_CHARS).contains(&text.len())
        && !text.starts_with('-')
        && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}
