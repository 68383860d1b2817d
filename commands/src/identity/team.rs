//! Teams: making, changing and deleting them, and who belongs to them.

use super::Identities;
use crate::context::Context;
use crate::error::CommandError;
use crate::ledger::{Batch, Committed, Races};
use scanledger_domain::claim::{Claim, ClaimCommand, ClaimRefusal, Unique, claim_stream};
use scanledger_domain::id::{OrganizationId, TeamId, UserId};
use scanledger_domain::identity::{
    Organization, OrganizationCommand, OrganizationRefusal, OrganizationRole, Team, TeamCommand, TeamCreated,
    TeamDetails, TeamLife, TeamRefusal, TeamRole, TeamState, User, organization_stream, team_stream,
    user_stream,
};
use scanledger_domain::log::{Position, Version};

/// A team that somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTeam {
    /// Whose it will be.
    pub organization: OrganizationId,
    /// What people wrote.
    pub details: TeamDetails,
}

/// What came of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamChanged {
    /// The team.
    pub team: TeamId,
    /// Position of the last event; `None` if it was so already.
    pub position: Option<Position>,
}

/// Why something is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TeamProblem {
    /// Another team of the organization has the slug.
    #[error("another team of the organization has this slug")]
    SlugTaken,
    /// There is no such person.
    #[error("the user does not exist")]
    UserNotFound,
    /// Scans of it have not ended.
    #[error("scans of the team have not ended")]
    HasActiveScans,
    /// Projects belong to it.
    #[error("projects belong to the team")]
    HasProjects {
        /// How many.
        projects: u64,
    },
    /// The team's rules.
    #[error(transparent)]
    Team(#[from] TeamRefusal),
    /// The organization's rules.
    #[error(transparent)]
    Organization(#[from] OrganizationRefusal),
}

type Result<T> = std::result::Result<T, CommandError<TeamProblem>>;

impl Identities {
    /// Makes a team. A repeated command answers the same one.
    ///
    /// # Errors
    /// [`TeamProblem::SlugTaken`] and the team's refusals; else a fault.
    pub async fn create_team(&self, context: &Context, new: NewTeam) -> Result<TeamChanged> {
        let team: TeamId = context.made_id("team");
        if let Some(position) = self.ledger.known(context.command).await? {
            return Ok(TeamChanged { team, position: Some(position) });
        }
        let NewTeam { organization, details } = new;
        let TeamDetails { name, slug, description } = details;
        let created = TeamCreated { team, organization, name, slug, description };
        let mut races = Races::default();
        loop {
            let mut batch = self.ledger.batch(context);
            self.take_slug(&mut batch, organization, team, created.slug.as_deref()).await?;
            self.decide_team(&mut batch, team, TeamCommand::Create(created.clone())).await?;
            if let Some(changed) = finish(batch, team, &mut races).await? {
                return Ok(changed);
            }
        }
    }

    /// Changes what people wrote about a team; `patch` gets what stands there.
    ///
    /// # Errors
    /// As [`Self::create_team`].
    pub async fn update_team(
        &self,
        context: &Context,
        team: TeamId,
        patch: impl Fn(TeamDetails) -> TeamDetails + Send + Sync,
    ) -> Result<TeamChanged> {
        let mut races = Races::default();
        loop {
            let (life, version) = self.live_team(team).await?;
            let details = patch(life.details.clone());
            let mut batch = self.ledger.batch(context);
            if details.slug != life.details.slug {
                self.take_slug(&mut batch, life.organization, team, details.slug.as_deref()).await?;
                self.release_slug(&mut batch, &life).await?;
            }
            match batch.decide_seen::<Team>(team_stream(team), version, TeamCommand::Update(details)).await {
                Err(CommandError::Stale { .. }) => {
                    races.lost()?;
                    continue;
                }
                decided => decided.map_err(|error| error.map_refused(TeamProblem::from))?,
            };
            if let Some(changed) = finish(batch, team, &mut races).await? {
                return Ok(changed);
            }
        }
    }

    /// Deletes a team to which no project belongs.
    ///
    /// # Errors
    /// [`TeamProblem::HasActiveScans`], [`TeamProblem::HasProjects`], the team's refusals; else a fault.
    pub async fn delete_team(&self, context: &Context, team: TeamId) -> Result<TeamChanged> {
        let mut races = Races::default();
        loop {
            let (life, _) = self.live_team(team).await?;
            let usage = self.views.team_usage(team).await?;
            if usage.active_scans > 0 {
                return Err(CommandError::Refused(TeamProblem::HasActiveScans));
            }
            if usage.projects > 0 {
                return Err(CommandError::Refused(TeamProblem::HasProjects { projects: usage.projects }));
            }
            let mut batch = self.ledger.batch(context);
            self.decide_team(&mut batch, team, TeamCommand::Delete).await?;
            self.release_slug(&mut batch, &life).await?;
            if let Some(changed) = finish(batch, team, &mut races).await? {
                return Ok(changed);
            }
        }
    }

    /// Lets somebody belong to a team, and to its organization if they do not yet.
    ///
    /// # Errors
    /// [`TeamProblem::UserNotFound`], the team's refusals; else a fault.
    pub async fn add_team_member(
        &self,
        context: &Context,
        team: TeamId,
        user: UserId,
        role: TeamRole,
    ) -> Result<TeamChanged> {
        let mut races = Races::default();
        loop {
            let (life, _) = self.live_team(team).await?;
            if self.ledger.load::<User>(&user_stream(user)).await?.0.account().is_none() {
                return Err(CommandError::Refused(TeamProblem::UserNotFound));
            }
            let mut batch = self.ledger.batch(context);
            self.decide_team(&mut batch, team, TeamCommand::AddMember { user, role }).await?;
            let stream = organization_stream(life.organization);
            if !self.ledger.load::<Organization>(&stream).await?.0.members.contains_key(&user) {
                let command = OrganizationCommand::AddMember { user, role: OrganizationRole::Member };
                batch
                    .decide::<Organization>(stream, command)
                    .await
                    .map_err(|error| error.map_refused(TeamProblem::from))?;
            }
            if let Some(changed) = finish(batch, team, &mut races).await? {
                return Ok(changed);
            }
        }
    }

    /// Lets somebody leave a team.
    ///
    /// # Errors
    /// The team's refusals; else a fault.
    pub async fn remove_team_member(
        &self,
        context: &Context,
        team: TeamId,
        user: UserId,
    ) -> Result<TeamChanged> {
        let command = TeamCommand::RemoveMember { user };
        let done = self.ledger.execute::<Team>(context, &team_stream(team), None, command).await;
        let done = done.map_err(|error| error.map_refused(TeamProblem::from))?;
        Ok(TeamChanged { team, position: done.position })
    }

    async fn live_team(&self, team: TeamId) -> Result<(TeamLife, Version)> {
        match self.ledger.load::<Team>(&team_stream(team)).await? {
            (TeamState::Live(life), version) => Ok((life, version)),
            (TeamState::Missing | TeamState::Deleted, _) => {
                Err(CommandError::Refused(TeamRefusal::NotFound.into()))
            }
        }
    }

    async fn take_slug(
        &self,
        batch: &mut Batch<'_>,
        organization: OrganizationId,
        team: TeamId,
        slug: Option<&str>,
    ) -> Result<()> {
        let Some(slug) = slug else { return Ok(()) };
        let claim = claim_stream(&*self.vault, Unique::TeamSlug(organization, slug));
        let has =
            |state: &TeamState| state.live().is_some_and(|life| life.details.slug.as_deref() == Some(slug));
        batch
            .take::<Team>(claim, &team_stream(team), has)
            .await
            .map_err(|error| error.map_refused(|ClaimRefusal::TakenBy { .. }| TeamProblem::SlugTaken))
    }

    async fn release_slug(&self, batch: &mut Batch<'_>, life: &TeamLife) -> Result<()> {
        let Some(slug) = &life.details.slug else { return Ok(()) };
        let claim = claim_stream(&*self.vault, Unique::TeamSlug(life.organization, slug));
        let release = ClaimCommand::Release { holder: team_stream(life.team) };
        let released = batch.decide::<Claim>(claim, release).await;
        released.map(|_| ()).map_err(|error| error.map_refused(|_| TeamProblem::SlugTaken))
    }

    async fn decide_team(&self, batch: &mut Batch<'_>, team: TeamId, command: TeamCommand) -> Result<()> {
        let decided = batch.decide::<Team>(team_stream(team), command).await;
        decided.map(|_| ()).map_err(|error| error.map_refused(TeamProblem::from))
    }
}

async fn finish(batch: Batch<'_>, team: TeamId, races: &mut Races) -> Result<Option<TeamChanged>> {
    match batch.commit().await? {
        Committed::At { position, .. } => Ok(Some(TeamChanged { team, position: Some(position) })),
        Committed::Nothing => Ok(Some(TeamChanged { team, position: None })),
        Committed::Raced => races.lost().map(|()| None),
    }
}
