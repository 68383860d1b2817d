//! Things for one request each, and the standing ones.

use crate::place::{NOBODY, Place, Things};
use crate::rows::{About, Leaves, Row};
use crate::world::World;
use scanledger_commands::CommandError;
use scanledger_commands::identity::{NewInvitation, NewKey, NewPerson};
use scanledger_domain::id::{InvitationId, OrganizationId, ProjectId, TeamId, UserId};
use scanledger_domain::identity::{Changer, KeyForm, OrganizationRole, TeamRole, Visible};
use scanledger_projections::At;
use scanledger_projections::incident::IncidentRef;

/// The id that a request is about, in a place; one of its own if it is to be changed.
pub async fn id_for(world: &World, row: &Row, place: Place, goes_through: bool) -> String {
    if row.about == About::NativeScan {
        let scan = world.things(place).map_or(NOBODY, |things| &things.scan);
        return format!("{}/{scan}", world.things(Place::Core).unwrap().project());
    }
    let Some(things) = world.things(place) else { return nothing(row.about) };
    if row.about == About::NewProject {
        return fresh_name(world);
    }
    if goes_through && row.leaves == Leaves::Changed {
        if row.about == About::MemberNumber {
            let user = person(world, things.scope.organization, None).await;
            world.shown().await;
            return number(world, user).await;
        }
        if row.about == About::TeamNumber {
            let team = world.team(things.scope.organization, &fresh_name(world)).await;
            world.shown().await;
            return team_number(world, team).await;
        }
        if row.about == About::InvitationNumber {
            let invitation = world.invitation(things.scope.organization, &fresh_name(world)).await;
            world.shown().await;
            return invitation_number(world, invitation).await;
        }
        if row.about == About::DeploymentProject {
            let name = fresh_name(world);
            world.project(things.scope.organization, things.scope.team, &name).await;
            world.shown().await;
            return format!("{}/{name}", deployment_number(world, things).await);
        }
        let id = fresh(world, row.about, things).await;
        world.shown().await;
        return id;
    }
    match row.about {
        About::MemberNumber => number(world, things.user).await,
        About::IncidentNumber => incident_number(world, things).await,
        About::SourceNumber => source_number(world, things).await,
        About::TeamNumber => team_number(world, things.team).await,
        About::InvitationNumber => invitation_number(world, things.invitation).await,
        About::Deployment => deployment_number(world, things).await,
        About::DeploymentScan => {
            format!("{}/{}", deployment_number(world, things).await, things.client_scan)
        }
        About::DeploymentSource => {
            format!("{}/{}", deployment_number(world, things).await, source_number(world, things).await)
        }
        About::DeploymentProject => {
            format!("{}/{}", deployment_number(world, things).await, things.name)
        }
        about => standing(about, things),
    }
}

async fn incident_number(world: &World, things: &Things) -> String {
    let incident = IncidentRef::Id(things.incident.parse().unwrap());
    let found =
        world.server.app.views.incident(things.scope.organization, Visible::All, incident, At::Now).await;
    found.unwrap().unwrap().number.to_string()
}

async fn deployment_number(world: &World, things: &Things) -> String {
    let found = world.server.app.views.organization(things.scope.organization).await;
    found.unwrap().unwrap().number.to_string()
}

/// The project that an id of [`About::DeploymentProject`] names in a place.
pub async fn named_project(world: &World, place: Place, id: &str) -> Option<ProjectId> {
    let (organization, name) = (world.things(place)?.scope.organization, id.split_once('/')?.1.to_owned());
    let found = world.server.app.views.project_by_name(organization, Visible::All, name, At::Now).await;
    Some(found.unwrap()?.id)
}

async fn team_number(world: &World, team: TeamId) -> String {
    world.server.app.views.team(team).await.unwrap().unwrap().number.to_string()
}

async fn invitation_number(world: &World, invitation: InvitationId) -> String {
    world.server.app.views.invitation(invitation).await.unwrap().unwrap().number.to_string()
}

async fn source_number(world: &World, things: &Things) -> String {
    let found = world.server.app.views.project(things.scope.organization, things.project(), At::Now).await;
    found.unwrap().number.to_string()
}

async fn number(world: &World, user: UserId) -> String {
    world.server.app.views.user(user).await.unwrap().unwrap().number.to_string()
}

fn nothing(about: About) -> String {
    match about {
        About::TeamMember => format!("{NOBODY}/{NOBODY}"),
        About::Note => "1/1".to_owned(),
        About::MemberNumber
        | About::IncidentNumber
        | About::SourceNumber
        | About::TeamNumber
        | About::InvitationNumber
        | About::ClientScan
        | About::Deployment => u32::MAX.to_string(),
        About::DeploymentScan | About::DeploymentSource | About::DeploymentProject => {
            format!("{}/1", u32::MAX)
        }
        _ => NOBODY.to_owned(),
    }
}

fn fresh_name(world: &World) -> String {
    world.server.app.ids.fresh().to_string()
}

fn standing(about: About, things: &Things) -> String {
    match about {
        About::Nothing
        | About::NewProject
        | About::OwnKey
        | About::AuditOfTeams
        | About::MemberNumber
        | About::IncidentNumber
        | About::SourceNumber
        | About::TeamNumber
        | About::InvitationNumber
        | About::Deployment
        | About::DeploymentScan
        | About::DeploymentSource
        | About::DeploymentProject
        | About::SomebodyElses => NOBODY.to_owned(),
        About::Note => "1/1".to_owned(),
        About::Project | About::NativeProject | About::KeyForProject | About::SourceOfDocument => {
            things.project().to_string()
        }
        About::Scan | About::NativeScan => things.scan.clone(),
        About::ClientScan => things.client_scan.clone(),
        About::Finding => things.findings[1].clone(),
        About::Event => things.event.clone(),
        About::Key | About::Token => things.key.to_string(),
        About::OwnedKey => things.owned_key.to_string(),
        About::Member | About::Person => things.user.to_string(),
        About::Invitation => things.invitation.to_string(),
        About::Honeytoken => things.honeytoken.to_string(),
        About::Team | About::KeyForTeam => things.team.to_string(),
        About::TeamMember => format!("{}/{}", things.team, things.user),
    }
}

async fn fresh(world: &World, about: About, things: &Things) -> String {
    let organization = things.scope.organization;
    match about {
        About::Project => {
            let name = fresh_name(world);
            world.project(organization, things.scope.team, &name).await.project.to_string()
        }
        About::Scan => ended_scan(world, things).await,
        About::Key | About::OwnedKey | About::Token => {
            let form = if about == About::OwnedKey { KeyForm::Trusca } else { KeyForm::Pepper };
            let wanted = NewKey { form, project: Some(things.project()), ..world.new_key(organization) };
            world.key(wanted).await.0.to_string()
        }
        About::Member | About::Person => person(world, organization, None).await.to_string(),
        About::Invitation => world.invitation(organization, &fresh_name(world)).await.to_string(),
        About::Team => world.team(organization, &fresh_name(world)).await.to_string(),
        About::TeamMember => {
            let team = things.team;
            let user = person(world, organization, Some((team, TeamRole::Developer))).await;
            format!("{team}/{user}")
        }
        _ => standing(about, things),
    }
}

/// A scan that was cancelled, so that it can be deleted.
async fn ended_scan(world: &World, things: &Things) -> String {
    let token = world.token_of(things.scope.organization);
    let scan = world.queued(token, &things.scope, 0).await;
    let url = format!("{}/api/scans/{scan}/cancel", world.server.url());
    let answer = world.http.post(url).bearer_auth(token).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    scan
}

/// Somebody who signs in elsewhere: hashing a password for each would take longer than everything else.
async fn person(world: &World, organization: OrganizationId, team: Option<(TeamId, TeamRole)>) -> UserId {
    let identities = &world.server.engine.identities;
    loop {
        let email = format!("{}@example.org", fresh_name(world));
        let new = NewPerson { email, name: None, password: None };
        let context = world.context(Some(organization));
        match identities.create_person(&context, new, organization, team).await {
            // Requests of other cells change the organization at the same time.
            Err(CommandError::Contended) => tokio::task::yield_now().await,
            made => return made.unwrap().user,
        }
    }
}

impl World {
    /// Invites somebody.
    pub async fn invitation(&self, organization: OrganizationId, name: &str) -> InvitationId {
        let identities = &self.server.engine.identities;
        loop {
            let email = format!("{name}@example.org");
            let new = NewInvitation { email, role: OrganizationRole::Member, team: None };
            let context = self.context(Some(organization));
            match identities.invite(&context, Changer::Owner, organization, new, "").await {
                Err(CommandError::Contended) => tokio::task::yield_now().await,
                made => return made.unwrap().invitation,
            }
        }
    }
}
