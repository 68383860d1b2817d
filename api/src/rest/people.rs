//! People in clear, and what they are made in an organization, for dialects that say it in one word.

use crate::app::App;
use crate::auth::Caller;
use crate::problem::Problem;
use axum::http::StatusCode;
use scanledger_commands::Context;
use scanledger_domain::id::{OrganizationId, TeamId, UserId};
use scanledger_domain::identity::{OrganizationRole, TeamRole};
use scanledger_domain::log::Position;
use scanledger_domain::vault::{ERASED_PERSON, Sealed, VaultError};
use scanledger_projections::Paging;
use scanledger_projections::identity::TeamFilter;
use std::sync::Arc;

/// What is sealed about a person: their name and their address.
pub struct SealedPerson {
    /// Their name.
    pub name: Sealed,
    /// Their address.
    pub email: Sealed,
}

/// A person in clear. There is no `Debug`: it is personal.
#[derive(Clone)]
pub struct Person {
    /// Their name, empty for who gave none; [`ERASED_PERSON`] for who was erased.
    pub name: String,
    /// Their address; none if they were erased.
    pub email: Option<String>,
}

/// Opens what is sealed about people, in their order.
///
/// # Errors
/// As [`open_texts`].
pub async fn open_people(app: &App, people: Vec<SealedPerson>) -> Result<Vec<Person>, Problem> {
    let texts = people.into_iter().flat_map(|person| [person.name, person.email]).collect();
    let mut texts = open_texts(app, texts).await?.into_iter();
    let mut opened = Vec::with_capacity(texts.len() / 2);
    while let (Some(name), Some(email)) = (texts.next(), texts.next()) {
        opened.push(Person { name: name.unwrap_or_else(|| ERASED_PERSON.to_owned()), email });
    }
    Ok(opened)
}

/// Opens personal texts, in their order, all in one go beside the runtime: it asks the key store. None is what stays
/// of who was erased.
///
/// # Errors
/// 500 or 503 when the key store cannot be read.
pub async fn open_texts(app: &App, texts: Vec<Sealed>) -> Result<Vec<Option<String>>, Problem> {
    let vault = Arc::clone(&app.vault);
    let opened = tokio::task::spawn_blocking(move || texts.iter().map(|text| vault.open(text)).collect());
    let opened: Result<_, VaultError> = opened.await.map_err(|error| Problem::fault(&error))?;
    opened.map_err(|error| Problem::fault(&error))
}

/// What somebody is in an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Owns it.
    Owner,
    /// Runs it.
    Admin,
    /// Belongs to it, and is this in teams.
    InTeams(TeamRole),
}

impl Place {
    /// The place of somebody with a role in an organization who is `strongest` in the team of it that lets them do
    /// most. Who belongs to no team is a developer ([`scanledger_domain::identity::Belonging::role`]).
    pub fn of(role: OrganizationRole, strongest: Option<TeamRole>) -> Self {
        match role {
            OrganizationRole::Owner => Self::Owner,
            OrganizationRole::Admin => Self::Admin,
            OrganizationRole::Member => Self::InTeams(strongest.unwrap_or(TeamRole::Developer)),
        }
    }

    /// The role in the organization.
    pub const fn role(self) -> OrganizationRole {
        match self {
            Self::Owner => OrganizationRole::Owner,
            Self::Admin => OrganizationRole::Admin,
            Self::InTeams(_) => OrganizationRole::Member,
        }
    }
}

/// Gives a member another place: in `team` if there is one, else in each of their teams, else in the eldest team.
///
/// The role in the organization comes first, so that whoever loses rights has lost them even if the rest fails; the
/// same request again does the rest.
///
/// # Errors
/// The refusals of the organization and of teams; 400 for a team of somebody else; 409 without any team.
pub async fn set_place(
    app: &App,
    caller: &Caller,
    context: &Context,
    user: UserId,
    place: Place,
    team: Option<TeamId>,
) -> Result<Option<Position>, Problem> {
    let (by, organization) = (caller.principal.changer(), caller.organization());
    let teams = match place {
        Place::Owner | Place::Admin => vec![],
        Place::InTeams(role) => {
            let teams = teams_for(app, organization, user, role, team).await?;
            teams.into_iter().map(|team| (team, role)).collect()
        }
    };
    let changed = app.identities.set_member_role(context, by, organization, user, place.role()).await;
    let mut position = match changed {
        Ok(changed) => changed.position,
        Err(error) => return Err(caller.refused_by_members(app, error).await),
    };
    for (team, role) in teams {
        let context = context.derive(&team.to_string());
        let changed = app.identities.add_team_member(&context, team, user, role).await?;
        position = position.max(changed.position);
    }
    Ok(position)
}

/// The teams in which somebody gets a role.
async fn teams_for(
    app: &App,
    organization: OrganizationId,
    user: UserId,
    role: TeamRole,
    team: Option<TeamId>,
) -> Result<Vec<TeamId>, Problem> {
    if team.is_none() {
        let own = app.views.memberships(user).await?.into_iter();
        let own: Vec<TeamId> =
            own.filter(|own| own.organization == organization).map(|own| own.team).collect();
        if !own.is_empty() {
            return Ok(own);
        }
    }
    Ok(team_for(app, organization, role, team).await?.into_iter().collect())
}

/// The team in which somebody who belongs to none gets a role: `team`, else the eldest of the organization. Developers
/// need none.
///
/// # Errors
/// 400 for a team of somebody else; 409 if the organization has no team.
pub async fn team_for(
    app: &App,
    organization: OrganizationId,
    role: TeamRole,
    team: Option<TeamId>,
) -> Result<Option<TeamId>, Problem> {
    if let Some(team) = team {
        let found = app.views.team(team).await?.filter(|found| found.organization == organization);
        let found = found.ok_or_else(|| Problem::invalid("teamId", "is no team of the organization"))?;
        return Ok(Some(found.id));
    }
    let eldest = eldest_team(app, organization).await?;
    if eldest.is_none() && role != TeamRole::Developer {
        let error = "the organization has no team in which somebody could be this";
        return Err(Problem::new(StatusCode::CONFLICT, error).with_code("NO_TEAM"));
    }
    Ok(eldest)
}

async fn eldest_team(app: &App, organization: OrganizationId) -> Result<Option<TeamId>, Problem> {
    let filter = TeamFilter { organization: Some(organization), ..TeamFilter::default() };
    let (_, total) = app.views.teams(filter.clone(), Paging { offset: 0, limit: 1 }).await?;
    let Some(last) = total.checked_sub(1) else { return Ok(None) };
    let (teams, _) = app.views.teams(filter, Paging { offset: last, limit: 1 }).await?;
    Ok(teams.first().map(|team| team.id))
}

#[cfg(test)]
mod tests {
    use super::Place;
    use scanledger_domain::identity::{OrganizationRole, TeamRole};

    #[test]
    fn whoever_runs_the_organization_is_that_whatever_they_are_in_teams() {
        for team in [None, Some(TeamRole::Viewer), Some(TeamRole::Admin)] {
            assert_eq!(Place::of(OrganizationRole::Owner, team), Place::Owner);
            assert_eq!(Place::of(OrganizationRole::Admin, team), Place::Admin);
        }
    }

    #[test]
    fn members_are_what_their_strongest_team_makes_them() {
        for role in TeamRole::ALL {
            assert_eq!(Place::of(OrganizationRole::Member, Some(role)), Place::InTeams(role));
        }
        assert_eq!(Place::of(OrganizationRole::Member, None), Place::InTeams(TeamRole::Developer));
    }

    #[test]
    fn a_place_leads_back_to_the_role() {
        for role in OrganizationRole::ALL {
            assert_eq!(Place::of(role, None).role(), role);
        }
    }
}
