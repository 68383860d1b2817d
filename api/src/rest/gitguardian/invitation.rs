//! Invitations into the workspace (reference §8).

use super::member::AccessLevel;
use super::page::{Direction, Mark, Ordering, PageIn};
use super::shape::{Moment, done};
use crate::app::App;
use crate::auth::Caller;
use crate::entrance::before_value;
use crate::extract::{Body, Id, Query, digest_of};
use crate::problem::Problem;
use crate::rest::people::{Place, open_texts, team_for};
use crate::rest::{Written, shown as shown_at};
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use scanledger_commands::identity::{InvitationRecorded, InvitationSent, NewInvitation};
use scanledger_domain::id::OrganizationId;
use scanledger_projections::identity::{InvitationRow, InvitationState};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// By what invitations are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvitationKey {
    /// When they were sent.
    Date,
}

/// Which invitations.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct InvitationsIn {
    /// Only with this in the address, whatever the case.
    search: Option<String>,
    /// `date`, with `-` in front for the other way round; by id if absent.
    #[param(value_type = Option<String>, example = "-date")]
    ordering: Option<Ordering<InvitationKey>>,
}

/// Somebody who is to be invited.
#[derive(Deserialize, ToSchema)]
#[schema(as = gitguardian::NewInvitation)]
pub struct InviteIn {
    email: String,
    access_level: Option<AccessLevel>,
    /// Another name of `access_level`.
    role: Option<AccessLevel>,
}

/// An invitation that stands.
#[derive(Serialize, ToSchema)]
#[schema(as = gitguardian::Invitation)]
pub struct InvitationOut {
    id: u64,
    email: String,
    role: AccessLevel,
    access_level: AccessLevel,
    date: Moment,
}

/// An invitation that was just made.
#[derive(Serialize, ToSchema)]
#[schema(as = gitguardian::NewInvitationOut)]
pub struct InvitedOut {
    #[serde(flatten)]
    invitation: InvitationOut,
    /// What is to be passed on if no message is on its way; shown once. The reference has no such field.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
}

/// The invitations that stand
#[utoipa::path(
    get, path = "/v1/invitations", tag = "GitGuardian members", params(InvitationsIn, PageIn),
    responses((status = 200, body = Vec<InvitationOut>))
)]
pub async fn list_invitations(
    State(app): State<App>,
    caller: Caller,
    uri: Uri,
    Query(wanted): Query<InvitationsIn>,
    Query(page): Query<PageIn>,
) -> Result<Response, Problem> {
    let rows = app.views.invitations(caller.organization()).await?;
    let mut rows = in_clear(&app, rows).await?;
    let search = wanted.search.map(|text| text.to_lowercase());
    rows.retain(|row| search.as_ref().is_none_or(|text| row.email.to_lowercase().contains(text)));
    let direction = wanted.ordering.map_or(Direction::default(), |ordering| ordering.direction);
    let page = page.of(rows, direction, |row| Mark {
        value: wanted.ordering.map(|_| row.date.0.0),
        id: row.id.into(),
    })?;
    Ok(page.answer(&app, &uri))
}

/// Invites somebody
///
/// They get a message with a link if the server sends messages; else the link is in this answer and nowhere else.
#[utoipa::path(
    post, path = "/v1/invitations", tag = "GitGuardian members", request_body = InviteIn,
    responses(
        (status = 201, body = InvitedOut),
        (status = 409, body = crate::problem::ProblemBody, description = "They belong to the workspace.")
    )
)]
pub async fn invite(
    State(app): State<App>,
    caller: Caller,
    body: Body<InviteIn>,
) -> Result<Written<InvitedOut>, Problem> {
    let organization = caller.organization();
    let InviteIn { email, access_level, role } = body.value;
    let place = access_level.or(role).unwrap_or(AccessLevel::Member).place();
    let team = match place {
        Place::Owner | Place::Admin => None,
        Place::InTeams(role) => team_for(&app, organization, role, None).await?.map(|team| (team, role)),
    };
    let new = NewInvitation { email, role: place.role(), team };
    let link = before_value(&app.entrance.invitation_url, "token");
    let context = caller.command(&app, body.digest).await?;
    let by = caller.principal.changer();
    let invited = match app.identities.invite(&context, by, organization, new, &link).await {
        Ok(invited) => invited,
        Err(error) => return Err(caller.refused_by_members(&app, error).await),
    };
    shown_at(&app, Some(invited.position)).await;
    let row = match app.views.invitation(invited.invitation).await? {
        Some(row) => row,
        None => as_recorded(app.identities.invitation_made_by(&context).await?),
    };
    let invitation = in_clear(&app, vec![row]).await?.pop();
    let invitation = invitation.ok_or_else(|| Problem::missing("invitation"))?;
    let is_sent = invited.sent == InvitationSent::ByMail;
    let link = (!is_sent).then(|| format!("{link}{}", invited.token.reveal()));
    let answer = InvitedOut { invitation, link };
    Ok(Written::at(&app, StatusCode::CREATED, Some(invited.position), answer).await)
}

/// An invitation
#[utoipa::path(
    get, path = "/v1/invitations/{id}", tag = "GitGuardian members",
    responses((status = 200, body = InvitationOut), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn read_invitation(
    State(app): State<App>,
    caller: Caller,
    Id(number): Id<u64>,
) -> Result<Json<InvitationOut>, Problem> {
    let row = invitation(&app, caller.organization(), number).await?;
    let shown = in_clear(&app, vec![row]).await?.pop();
    shown.map(Json).ok_or_else(|| Problem::missing("invitation"))
}

/// Takes an invitation back
#[utoipa::path(
    delete, path = "/v1/invitations/{id}", tag = "GitGuardian members",
    responses(
        (status = 204, description = "It is no longer good."),
        (status = 404, body = crate::problem::ProblemBody)
    )
)]
pub async fn revoke_invitation(
    State(app): State<App>,
    caller: Caller,
    Id(number): Id<u64>,
) -> Result<Response, Problem> {
    let organization = caller.organization();
    let revocation = async {
        let row = invitation(&app, organization, number).await?;
        let context = caller.command(&app, digest_of(b"")).await?;
        Ok(app.identities.revoke_invitation(&context, organization, row.id).await?.position)
    };
    Ok(done(&app, caller.once(&app, digest_of(b""), revocation).await?).await)
}

/// An invitation that reads do not show yet.
fn as_recorded(made: InvitationRecorded) -> InvitationRow {
    let InvitationRecorded { invited, position, recorded_at } = made;
    InvitationRow {
        id: invited.invitation,
        number: position.0,
        organization: invited.organization,
        email: invited.email,
        role: invited.role,
        team: invited.team,
        invited_at: recorded_at,
        expires_at: invited.expires_at,
        state: InvitationState::Open,
    }
}

/// An invitation into the organization that stands.
async fn invitation(app: &App, organization: OrganizationId, number: u64) -> Result<InvitationRow, Problem> {
    let found = app.views.invitation_by_number(number).await?;
    found
        .filter(|row| row.organization == organization && row.state == InvitationState::Open)
        .ok_or_else(|| Problem::missing("invitation"))
}

async fn in_clear(app: &App, rows: Vec<InvitationRow>) -> Result<Vec<InvitationOut>, Problem> {
    let emails = open_texts(app, rows.iter().map(|row| row.email.clone()).collect()).await?;
    let shown = rows.into_iter().zip(emails).map(|(row, email)| {
        let level = AccessLevel::from(Place::of(row.role, row.team.map(|team| team.role)));
        InvitationOut {
            id: row.number,
            email: email.unwrap_or_default(),
            role: level,
            access_level: level,
            date: Moment(row.invited_at),
        }
    });
    Ok(shown.collect())
}
