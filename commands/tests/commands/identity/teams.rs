//! Teams and their slugs.

use super::installation;
use crate::support::{World, details};
use scanledger_commands::CommandError;
use scanledger_commands::identity::{NewTeam, TeamProblem};
use scanledger_commands::project::NewProject;
use scanledger_domain::id::{OrganizationId, TeamId, UserId};
use scanledger_domain::identity::{TeamDetails, TeamRefusal, TeamRole};
use scanledger_domain::project::Gate;
use uuid::Uuid;

fn called(slug: &str) -> TeamDetails {
    TeamDetails { name: slug.to_uppercase(), slug: Some(slug.to_owned()), description: None }
}

async fn create(
    world: &World,
    organization: OrganizationId,
    slug: &str,
) -> Result<TeamId, CommandError<TeamProblem>> {
    let new = NewTeam { organization, details: called(slug) };
    world.identities.create_team(&world.fresh(), new).await.map(|changed| changed.team)
}

fn is_taken<T: std::fmt::Debug>(result: &Result<T, CommandError<TeamProblem>>) -> bool {
    matches!(result, Err(CommandError::Refused(TeamProblem::SlugTaken)))
}

#[tokio::test]
async fn a_slug_is_unique_in_its_organization_and_free_again_afterwards() {
    let world = World::new();
    let home = installation(&world).await.organization;
    let core = create(&world, home, "core").await.unwrap();
    assert!(is_taken(&create(&world, home, "core").await));
    create(&world, OrganizationId(Uuid::from_u128(99)), "core").await.unwrap();
    let edge = create(&world, home, "edge").await.unwrap();
    let rename = async |team: TeamId, slug: &str| {
        world.identities.update_team(&world.fresh(), team, |_| called(slug)).await
    };
    assert!(is_taken(&rename(edge, "core").await));
    rename(core, "kernel").await.unwrap();
    rename(edge, "core").await.unwrap();
    world.identities.delete_team(&world.fresh(), edge).await.unwrap();
    create(&world, home, "core").await.unwrap();
    let gone = rename(edge, "edge").await;
    assert!(matches!(gone, Err(CommandError::Refused(TeamProblem::Team(TeamRefusal::NotFound)))), "{gone:?}");
}

#[tokio::test]
async fn a_team_with_projects_stays() {
    let world = World::new();
    let home = installation(&world).await.organization;
    let team = create(&world, home, "core").await.unwrap();
    let new =
        NewProject { organization: home, team: Some(team), details: details("shop"), gate: Gate::default() };
    let project = world.projects.create(&world.fresh(), new).await.unwrap().project.project;
    let kept = world.identities.delete_team(&world.fresh(), team).await;
    assert!(matches!(kept, Err(CommandError::Refused(TeamProblem::HasProjects { projects: 1 }))), "{kept:?}");
    world.projects.delete(&world.fresh(), project).await.unwrap();
    world.identities.delete_team(&world.fresh(), team).await.unwrap();
}

#[tokio::test]
async fn who_joins_a_team_has_an_account() {
    let world = World::new();
    let set_up = installation(&world).await;
    let nobody = UserId(Uuid::from_u128(77));
    let missing =
        world.identities.add_team_member(&world.fresh(), set_up.team, nobody, TeamRole::Viewer).await;
    assert!(matches!(missing, Err(CommandError::Refused(TeamProblem::UserNotFound))), "{missing:?}");
    let left = world.identities.remove_team_member(&world.fresh(), set_up.team, nobody).await;
    assert!(matches!(left, Err(CommandError::Refused(TeamProblem::Team(TeamRefusal::NotAMember)))));
}
