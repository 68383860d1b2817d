//! Invitations into the organization.

use super::lifecycle::SuccessOut;
use super::member::RoleWord;
use crate::app::App;
use crate::auth::Caller;
use crate::entrance::before_value;
use crate::extract::{Body, Id, Opaque, digest_of};
use crate::problem::Problem;
use crate::rest::people::{Place, open_texts, team_for};
use crate::rest::{Instant, Written, shown};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use scanledger_commands::identity::{InvitationSent, NewInvitation};
use scanledger_domain::id::{InvitationId, TeamId};
use scanledger_domain::identity::Denied;
use scanledger_domain::time::Timestamp;
use scanledger_projections::identity::{InvitationRow, InvitationState};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Somebody who is to be invited.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InviteIn {
    email: String,
    role: RoleWord,
    /// The team in which they get the role; the eldest if absent. Administrators need none.
    #[schema(value_type = Option<Uuid>)]
    team_id: Option<TeamId>,
}

/// How far an invitation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum InvitationStatus {
    /// Whoever has it may come.
    Pending,
    /// It is too late.
    Expired,
}

/// An invitation.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InvitationOut {
    id: Uuid,
    email: Option<String>,
    role: RoleWord,
    team_id: Option<Uuid>,
    status: InvitationStatus,
    created_at: Instant,
    expires_at: Instant,
}

/// Invitations that were neither accepted nor revoked, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct InvitationsOut {
    invitations: Vec<InvitationOut>,
}

/// An invitation that was just made.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InvitedOut {
    /// None while reads do not show it yet.
    invitation: Option<InvitationOut>,
    id: Uuid,
    /// Whether a message with the link is on its way.
    email_sent: bool,
    /// What is to be passed on if no message is on its way; shown once.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
}

/// The token of an invitation.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AcceptIn {
    /// From the link of an invitation.
    #[schema(value_type = String)]
    invitation_token: Opaque,
}

/// Invites somebody
///
/// They get a message with a link if the server sends messages; else the link is in this answer and nowhere else.
#[utoipa::path(
    post, path = "/api/users", tag = "Members", request_body = InviteIn,
    responses(
        (status = 201, body = InvitedOut),
        (status = 409, body = crate::problem::ProblemBody, description = "They belong to the organization already.")
    )
)]
pub async fn invite(
    State(app): State<App>,
    caller: Caller,
    body: Body<InviteIn>,
) -> Result<Written<InvitedOut>, Problem> {
    let organization = caller.organization();
    let InviteIn { email, role, team_id } = body.value;
    let team = match role.place() {
        Place::Owner | Place::Admin => None,
        Place::InTeams(role) => team_for(&app, organization, role, team_id).await?.map(|team| (team, role)),
    };
    let new = NewInvitation { email, role: role.place().role(), team };
    let link = before_value(&app.entrance.invitation_url, "token");
    let context = caller.command(&app, body.digest).await?;
    let by = caller.principal.changer();
    let invited = match app.identities.invite(&context, by, organization, new, &link).await {
        Ok(invited) => invited,
        Err(error) => return Err(caller.refused_by_members(&app, error).await),
    };
    shown(&app, Some(invited.position)).await;
    let row = app.views.invitation(invited.invitation).await?;
    let invitation = invitations_in_clear(&app, row.into_iter().collect()).await?.pop();
    let is_sent = invited.sent == InvitationSent::ByMail;
    let answer = InvitedOut {
        invitation,
        id: invited.invitation.0,
        email_sent: is_sent,
        link: (!is_sent).then(|| format!("{link}{}", invited.token.reveal())),
    };
    Ok(Written::at(&app, StatusCode::CREATED, Some(invited.position), answer).await)
}

/// The invitations that stand
#[utoipa::path(
    get, path = "/api/users/invitations", tag = "Members", responses((status = 200, body = InvitationsOut))
)]
pub async fn list_invitations(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<InvitationsOut>, Problem> {
    let rows = app.views.invitations(caller.organization()).await?;
    Ok(Json(InvitationsOut { invitations: invitations_in_clear(&app, rows).await? }))
}

async fn invitations_in_clear(app: &App, rows: Vec<InvitationRow>) -> Result<Vec<InvitationOut>, Problem> {
    let emails = open_texts(app, rows.iter().map(|row| row.email.clone()).collect()).await?;
    let now = app.clock.now();
    Ok(rows.into_iter().zip(emails).map(|(row, email)| invitation_out(row, email, now)).collect())
}

fn invitation_out(row: InvitationRow, email: Option<String>, now: Timestamp) -> InvitationOut {
    let is_over = row.expires_at <= now;
    InvitationOut {
        id: row.id.0,
        email,
        role: Place::of(row.role, row.team.map(|team| team.role)).into(),
        team_id: row.team.map(|team| team.id.0),
        status: if is_over { InvitationStatus::Expired } else { InvitationStatus::Pending },
        created_at: Instant(row.invited_at),
        expires_at: Instant(row.expires_at),
    }
}

/// Takes an invitation back
#[utoipa::path(
    delete, path = "/api/users/invitations/{id}", tag = "Members",
    responses((status = 200, body = SuccessOut), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn revoke_invitation(
    State(app): State<App>,
    caller: Caller,
    Id(invitation): Id<InvitationId>,
) -> Result<Written<SuccessOut>, Problem> {
    let organization = caller.organization();
    let revocation = async {
        let row = app.views.invitation(invitation).await?;
        row.filter(|row| row.organization == organization && row.state == InvitationState::Open)
            .ok_or_else(|| Problem::missing("invitation"))?;
        let context = caller.command(&app, digest_of(b"")).await?;
        Ok(app.identities.revoke_invitation(&context, organization, invitation).await?.position)
    };
    let position = caller.once(&app, digest_of(b""), revocation).await?;
    Ok(Written::at(&app, StatusCode::OK, position, SuccessOut { success: true }).await)
}

/// Comes into an organization with the account that one is signed in to
#[utoipa::path(
    post, path = "/api/users/invitations/accept", tag = "Members", request_body = AcceptIn,
    responses((status = 200, body = SuccessOut), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn accept_invitation(
    State(app): State<App>,
    caller: Caller,
    body: Body<AcceptIn>,
) -> Result<Written<SuccessOut>, Problem> {
    let user = caller.person().ok_or(Denied::NotAPerson)?;
    let token = &body.value.invitation_token.0;
    let acceptance = async {
        let context = caller.command(&app, body.digest).await?;
        Ok(app.identities.accept_invitation(&context, user, token).await?.position)
    };
    let position = caller.once(&app, body.digest, acceptance).await?;
    Ok(Written::at(&app, StatusCode::OK, position, SuccessOut { success: true }).await)
}
