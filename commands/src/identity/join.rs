//! Where people belong: a home of their own, organizations and teams of others.

use super::{Identities, PersonRefusal};
use crate::error::CommandError;
use crate::ledger::Batch;
use scanledger_domain::claim::{ClaimRefusal, Unique, claim_stream};
use scanledger_domain::id::{OrganizationId, TeamId, UserId};
use scanledger_domain::identity::{
    Organization, OrganizationCommand, OrganizationCreated, OrganizationRole, Team, TeamCommand, TeamCreated,
    TeamRefusal, TeamRole, organization_stream, team_stream,
};

/// What the organization and the team of somebody who registers by themselves are called. Names are not sealed, so
/// they say nothing about the person.
const PERSONAL: &str = "Personal";
/// The slug of that team.
const PERSONAL_SLUG: &str = "personal";

type Result<T> = std::result::Result<T, CommandError<PersonRefusal>>;

impl Identities {
    /// Makes an organization and a team that somebody owns alone.
    pub(super) async fn add_own_home(
        &self,
        batch: &mut Batch<'_>,
        organization: OrganizationId,
        team: TeamId,
        user: UserId,
    ) -> Result<()> {
        let created = OrganizationCreated { organization, name: PERSONAL.to_owned() };
        let owner = OrganizationCommand::AddMember { user, role: OrganizationRole::Owner };
        batch
            .decide_all::<Organization>(
                organization_stream(organization),
                [OrganizationCommand::Create(created), owner],
            )
            .await
            .map_err(|error| error.map_refused(PersonRefusal::from))?;
        self.add_personal_team(batch, organization, team, user).await
    }

    async fn add_personal_team(
        &self,
        batch: &mut Batch<'_>,
        organization: OrganizationId,
        team: TeamId,
        user: UserId,
    ) -> Result<()> {
        let slug = Some(PERSONAL_SLUG.to_owned());
        let name = PERSONAL.to_owned();
        let created = TeamCreated { team, organization, name, slug, description: None };
        let claim = claim_stream(&*self.vault, Unique::TeamSlug(organization, PERSONAL_SLUG));
        batch
            .take::<Team>(claim, &team_stream(team), |state| state.live().is_some())
            .await
            .map_err(|error| error.map_refused(|ClaimRefusal::TakenBy { .. }| PersonRefusal::TeamNotFound))?;
        let admin = TeamCommand::AddMember { user, role: TeamRole::Admin };
        batch
            .decide_all::<Team>(team_stream(team), [TeamCommand::Create(created), admin])
            .await
            .map_err(|error| error.map_refused(PersonRefusal::from))?;
        Ok(())
    }

    /// Lets somebody belong to an organization, if they do not already.
    pub(super) async fn add_to_organization(
        &self,
        batch: &mut Batch<'_>,
        organization: OrganizationId,
        user: UserId,
    ) -> Result<()> {
        let stream = organization_stream(organization);
        if self.ledger.load::<Organization>(&stream).await?.0.members.contains_key(&user) {
            return Ok(());
        }
        let command = OrganizationCommand::AddMember { user, role: OrganizationRole::Member };
        let decided = batch.decide::<Organization>(stream, command).await;
        decided.map(|_| ()).map_err(|error| error.map_refused(PersonRefusal::from))
    }

    pub(super) async fn add_to_team(
        &self,
        batch: &mut Batch<'_>,
        team: TeamId,
        user: UserId,
        role: TeamRole,
    ) -> Result<()> {
        let command = TeamCommand::AddMember { user, role };
        let decided = batch.decide::<Team>(team_stream(team), command).await;
        decided.map(|_| ()).map_err(|error| {
            error.map_refused(|refusal| match refusal {
                TeamRefusal::NotFound => PersonRefusal::TeamNotFound,
                refusal => refusal.into(),
            })
        })
    }
}
