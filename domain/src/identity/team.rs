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

#[cfg(test)]
mod tests {
    use super::{
        Team, TeamCommand, TeamCreated, TeamEvent, TeamMemberAdded, TeamMemberRemoved, TeamRefusal, TeamRole,
        team_stream,
    };
    use crate::decider::given;
    use crate::id::{OrganizationId, TeamId, UserId};
    use crate::limits::NAME_CHARS;
    use TeamRole::{Admin, Developer, Viewer};
    use uuid::Uuid;

    const CORE: TeamId = TeamId(Uuid::from_u128(1));
    const ANA: UserId = UserId(Uuid::from_u128(2));
    const BOB: UserId = UserId(Uuid::from_u128(3));

    fn named(name: &str) -> TeamCreated {
        TeamCreated { team: CORE, organization: OrganizationId(Uuid::from_u128(4)), name: name.to_owned() }
    }

    fn created() -> TeamEvent {
        named("Core").into()
    }

    fn added(user: UserId, role: TeamRole) -> TeamEvent {
        TeamMemberAdded { team: CORE, user, role }.into()
    }

    fn removed(user: UserId) -> TeamEvent {
        TeamMemberRemoved { team: CORE, user }.into()
    }

    fn add(user: UserId, role: TeamRole) -> TeamCommand {
        TeamCommand::AddMember { user, role }
    }

    fn remove(user: UserId) -> TeamCommand {
        TeamCommand::RemoveMember { user }
    }

    #[test]
    fn a_team_is_created_once() {
        given::<Team>([]).when(TeamCommand::Create(named("Core"))).then([created()]);
        given::<Team>([created()]).when(TeamCommand::Create(named("Core"))).then_refused(TeamRefusal::Exists);
    }

    #[test]
    fn a_name_has_a_limit_and_one_line() {
        let longest = "é".repeat(NAME_CHARS);
        given::<Team>([]).when(TeamCommand::Create(named(&longest))).then([named(&longest).into()]);
        for name in [format!("{longest}x").as_str(), "", "  ", "two\nlines"] {
            given::<Team>([]).when(TeamCommand::Create(named(name))).then_refused(TeamRefusal::BadName);
        }
    }

    #[test]
    fn somebody_can_belong_to_it_as_anything() {
        for role in [Admin, Developer, Viewer] {
            given::<Team>([created()]).when(add(ANA, role)).then([added(ANA, role)]);
        }
    }

    #[test]
    fn another_role_is_an_event_and_the_same_role_is_none() {
        given::<Team>([created(), added(ANA, Viewer)]).when(add(ANA, Admin)).then([added(ANA, Admin)]);
        given::<Team>([created(), added(ANA, Viewer)]).when(add(ANA, Viewer)).then_nothing();
    }

    #[test]
    fn who_belongs_to_it_can_leave_and_come_back() {
        given::<Team>([created(), added(ANA, Viewer)]).when(remove(ANA)).then([removed(ANA)]);
        given::<Team>([created(), added(ANA, Viewer), removed(ANA)])
            .when(add(ANA, Viewer))
            .then([added(ANA, Viewer)]);
    }

    #[test]
    fn who_does_not_belong_to_it_has_left_already() {
        given::<Team>([created(), added(ANA, Viewer)]).when(remove(BOB)).then_nothing();
        given::<Team>([created(), added(ANA, Viewer), removed(ANA)]).when(remove(ANA)).then_nothing();
    }

    #[test]
    fn nobody_joins_or_leaves_what_does_not_exist() {
        given::<Team>([]).when(add(ANA, Viewer)).then_refused(TeamRefusal::NotFound);
        given::<Team>([]).when(remove(ANA)).then_refused(TeamRefusal::NotFound);
    }

    #[test]
    fn its_stream_is_named_by_its_id() {
        assert_eq!(team_stream(CORE).as_str(), "team-00000000-0000-0000-0000-000000000001");
    }
}
