//! Teams: who works on which projects.

use super::is_name;
use crate::decider::Decider;
use crate::id::{OrganizationId, TeamId, UserId};
use crate::limits::NAME_CHARS;
use crate::log::StreamName;
use crate::stored_events;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
}

/// Where a team stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TeamState {
    /// Its id, once it exists.
    pub team: Option<TeamId>,
    /// Who belongs to it.
    pub members: BTreeMap<UserId, TeamRole>,
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
    #[error("a name must be one line of 1 to {NAME_CHARS} characters")]
    BadName,
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
        TeamState::default()
    }

    fn evolve(mut state: TeamState, event: &TeamEvent) -> TeamState {
        match event {
            TeamEvent::Created(created) => state.team = Some(created.team),
            TeamEvent::MemberAdded(added) => {
                state.members.insert(added.user, added.role);
            }
            TeamEvent::MemberRemoved(removed) => {
                state.members.remove(&removed.user);
            }
        }
        state
    }

    fn decide(state: &TeamState, command: TeamCommand) -> Result<Vec<TeamEvent>, TeamRefusal> {
        match (state.team, command) {
            (Some(_), TeamCommand::Create(_)) => Err(TeamRefusal::Exists),
            (None, TeamCommand::Create(created)) if !is_name(&created.name) => Err(TeamRefusal::BadName),
            (None, TeamCommand::Create(created)) => Ok(vec![created.into()]),
            (None, TeamCommand::AddMember { .. } | TeamCommand::RemoveMember { .. }) => {
                Err(TeamRefusal::NotFound)
            }
            (Some(_), TeamCommand::AddMember { user, role }) if state.members.get(&user) == Some(&role) => {
                Ok(vec![])
            }
            (Some(team), TeamCommand::AddMember { user, role }) => {
                Ok(vec![TeamMemberAdded { team, user, role }.into()])
            }
            (Some(team), TeamCommand::RemoveMember { user }) if state.members.contains_key(&user) => {
                Ok(vec![TeamMemberRemoved { team, user }.into()])
            }
            (Some(_), TeamCommand::RemoveMember { .. }) => Ok(vec![]),
        }
    }
}
