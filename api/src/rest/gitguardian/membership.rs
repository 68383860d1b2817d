//! Who belongs to teams (reference §9).

use super::member::Flag;
use super::page::{Direction, Mark, PageIn};
use super::people::member_by_number;
use super::shape::{Numbers, done};
use super::team::team;
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Body, Id, Query, digest_of};
use crate::problem::Problem;
use crate::rest::{Written, shown as shown_at};
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use scanledger_domain::id::{OrganizationId, UserId};
use scanledger_domain::identity::TeamRole;
use scanledger_domain::log::Position;
use scanledger_projections::identity::{PersonRow, TeamMemberRow, TeamRow};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use utoipa::{IntoParams, ToSchema};

/// What somebody may do to the incidents of a team.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = gitguardian::IncidentPermission)]
pub enum IncidentPermission {
    /// Look.
    CanView,
    /// Decide.
    CanEdit,
    /// Everything.
    FullAccess,
}

/// What somebody may do to a team.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = gitguardian::TeamPermission)]
pub enum TeamPermission {
    /// Say who belongs to it.
    CanManage,
    /// Nothing.
    CannotManage,
}

/// Which memberships.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MembershipsIn {
    /// Only of who leads, or does not.
    #[param(value_type = Option<bool>)]
    is_team_leader: Option<Flag>,
    /// Only of who may do this to the team.
    #[param(inline)]
    team_permission: Option<TeamPermission>,
    /// Only of who may do this to its incidents.
    #[param(inline)]
    incident_permission: Option<IncidentPermission>,
    /// Only of this member.
    member_id: Option<u64>,
}

/// A membership that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = gitguardian::NewMembership)]
pub struct MembershipIn {
    member_id: u64,
    #[serde(default)]
    is_team_leader: bool,
    incident_permission: Option<IncidentPermission>,
}

/// What shall be different about a membership.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = gitguardian::MembershipPatch)]
pub struct MembershipPatchIn {
    is_team_leader: Option<bool>,
    incident_permission: Option<IncidentPermission>,
}

/// That somebody belongs to a team.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = gitguardian::Membership)]
pub struct MembershipOut {
    id: u64,
    team_id: u64,
    member_id: u64,
    is_team_leader: bool,
    team_permission: TeamPermission,
    incident_permission: IncidentPermission,
}

/// The role in a team that permissions stand for.
const fn role(is_leader: bool, permission: Option<IncidentPermission>) -> TeamRole {
    match (is_leader, permission) {
        (true, _) | (_, Some(IncidentPermission::FullAccess)) => TeamRole::Admin,
        (false, Some(IncidentPermission::CanView)) => TeamRole::Viewer,
        (false, Some(IncidentPermission::CanEdit) | None) => TeamRole::Developer,
    }
}

const fn permission(role: TeamRole) -> IncidentPermission {
    match role {
        TeamRole::Admin => IncidentPermission::FullAccess,
        TeamRole::Developer => IncidentPermission::CanEdit,
        TeamRole::Viewer => IncidentPermission::CanView,
    }
}

const fn team_permission(role: TeamRole) -> TeamPermission {
    match role {
        TeamRole::Admin => TeamPermission::CanManage,
        TeamRole::Developer | TeamRole::Viewer => TeamPermission::CannotManage,
    }
}

/// Who belongs to a team
#[utoipa::path(
    get, path = "/v1/teams/{id}/team_memberships", tag = "GitGuardian teams", params(MembershipsIn, PageIn),
    responses((status = 200, body = Vec<MembershipOut>), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn list_memberships(
    State(app): State<App>,
    caller: Caller,
    Id(number): Id<u64>,
    uri: Uri,
    Query(wanted): Query<MembershipsIn>,
    Query(page): Query<PageIn>,
) -> Result<Response, Problem> {
    let row = team(&app, caller.organization(), number).await?;
    let mut rows = memberships(&app, &row).await?;
    rows.retain(|one| {
        wanted.is_team_leader.is_none_or(|flag| (flag == Flag::Yes) == one.is_team_leader)
            && wanted.team_permission.is_none_or(|word| word == one.team_permission)
            && wanted.incident_permission.is_none_or(|word| word == one.incident_permission)
            && wanted.member_id.is_none_or(|member| member == one.member_id)
    });
    let page = page.of(rows, Direction::Ascending, |one| Mark { value: None, id: one.id.into() })?;
    Ok(page.answer(&app, &uri))
}

/// Lets somebody belong to a team
#[utoipa::path(
    post, path = "/v1/teams/{id}/team_memberships", tag = "GitGuardian teams", request_body = MembershipIn,
    responses(
        (status = 201, body = MembershipOut),
        (status = 404, body = crate::problem::ProblemBody),
        (status = 409, body = crate::problem::ProblemBody, description = "They belong to it.")
    )
)]
pub async fn add_membership(
    State(app): State<App>,
    caller: Caller,
    Id(number): Id<u64>,
    body: Body<MembershipIn>,
) -> Result<Written<MembershipOut>, Problem> {
    let row = team(&app, caller.organization(), number).await?;
    let MembershipIn { member_id, is_team_leader, incident_permission } = body.value;
    let member = member_by_number(&app, caller.organization(), member_id).await?;
    let member = member.ok_or_else(|| Problem::invalid("member_id", "is no member of the workspace"))?;
    let role = role(is_team_leader, incident_permission);
    let addition = async {
        if app.views.team_members(row.id).await?.iter().any(|present| present.user == member) {
            return Err(Problem::new(StatusCode::CONFLICT, "they belong to the team already"));
        }
        let context = caller.command(&app, body.digest).await?;
        Ok(app.identities.add_team_member(&context, row.id, member, role).await?.position)
    };
    let position = caller.once(&app, body.digest, addition).await?;
    membership_after(&app, &row, member, StatusCode::CREATED, position).await
}

/// Changes what somebody may do in a team
#[utoipa::path(
    patch, path = "/v1/teams/{id}/team_memberships/{membership_id}", tag = "GitGuardian teams",
    request_body = MembershipPatchIn,
    responses((status = 200, body = MembershipOut), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn patch_membership(
    State(app): State<App>,
    caller: Caller,
    Numbers(numbers): Numbers<2>,
    body: Body<MembershipPatchIn>,
) -> Result<Written<MembershipOut>, Problem> {
    let (row, present) = membership(&app, caller.organization(), numbers).await?;
    let MembershipPatchIn { is_team_leader, incident_permission } = body.value;
    let is_leader =
        is_team_leader.unwrap_or(present.role == TeamRole::Admin && incident_permission.is_none());
    let wanted = match (is_team_leader, incident_permission) {
        (None, None) => present.role,
        (_, permission) => role(is_leader, permission),
    };
    let context = caller.command(&app, body.digest).await?;
    let changed = app.identities.add_team_member(&context, row.id, present.user, wanted).await?;
    membership_after(&app, &row, present.user, StatusCode::OK, changed.position).await
}

/// Lets somebody leave a team
#[utoipa::path(
    delete, path = "/v1/teams/{id}/team_memberships/{membership_id}", tag = "GitGuardian teams",
    responses(
        (status = 204, description = "They no longer belong to it."),
        (status = 404, body = crate::problem::ProblemBody)
    )
)]
pub async fn remove_membership(
    State(app): State<App>,
    caller: Caller,
    Numbers(numbers): Numbers<2>,
) -> Result<Response, Problem> {
    let removal = async {
        let (row, present) = membership(&app, caller.organization(), numbers).await?;
        let context = caller.command(&app, digest_of(b"")).await?;
        Ok(app.identities.remove_team_member(&context, row.id, present.user).await?.position)
    };
    Ok(done(&app, caller.once(&app, digest_of(b""), removal).await?).await)
}

async fn membership(
    app: &App,
    organization: OrganizationId,
    [number, membership]: [u64; 2],
) -> Result<(TeamRow, TeamMemberRow), Problem> {
    let row = team(app, organization, number).await?;
    let found = app.views.team_members(row.id).await?.into_iter().find(|one| one.number == membership);
    found.map(|found| (row, found)).ok_or_else(|| Problem::missing("membership"))
}

async fn memberships(app: &App, team: &TeamRow) -> Result<Vec<MembershipOut>, Problem> {
    let rows = app.views.team_members(team.id).await?;
    let people = app.views.people(rows.iter().map(|row| row.user).collect()).await?;
    Ok(rows.iter().filter_map(|row| membership_out(team, row, &people)).collect())
}

async fn membership_after(
    app: &App,
    team: &TeamRow,
    member: UserId,
    status: StatusCode,
    position: Option<Position>,
) -> Result<Written<MembershipOut>, Problem> {
    shown_at(app, position).await;
    let rows = app.views.team_members(team.id).await?;
    let people = app.views.people(vec![member]).await?;
    let found = rows.iter().find(|row| row.user == member);
    let shown = found.and_then(|row| membership_out(team, row, &people));
    let shown = shown.ok_or_else(|| Problem::missing("membership"))?;
    Ok(Written::at(app, status, position, shown).await)
}

fn membership_out(
    team: &TeamRow,
    row: &TeamMemberRow,
    people: &HashMap<UserId, PersonRow>,
) -> Option<MembershipOut> {
    Some(MembershipOut {
        id: row.number,
        team_id: team.number,
        member_id: people.get(&row.user)?.number,
        is_team_leader: row.role == TeamRole::Admin,
        team_permission: team_permission(row.role),
        incident_permission: permission(row.role),
    })
}

#[cfg(test)]
mod tests {
    use super::{permission, role};
    use scanledger_domain::identity::TeamRole;

    #[test]
    fn permissions_lead_back_to_the_role() {
        for one in TeamRole::ALL {
            assert_eq!(role(one == TeamRole::Admin, Some(permission(one))), one);
        }
    }
}
