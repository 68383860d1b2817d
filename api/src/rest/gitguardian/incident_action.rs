//! What people do about incidents (reference §4.2).

use super::incident::{after, find};
use super::incident_shape::IncidentOut;
use super::people::{member_by_email, member_by_number};
use super::shape::{Moment, done};
use super::word::ReasonWord;
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Body, Id, digest_of};
use crate::problem::Problem;
use crate::rest::Written;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use scanledger_commands::incident::NewShare;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Who is to work at an incident: exactly one of both.
#[derive(Deserialize, ToSchema)]
#[schema(as = gitguardian::Assignment)]
pub struct AssignIn {
    email: Option<String>,
    member_id: Option<u64>,
}

/// How an incident was resolved.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = gitguardian::Resolution)]
pub struct ResolveIn {
    /// Whether the secret opens nothing any more.
    #[serde(default)]
    secret_revoked: bool,
}

/// Why an incident is ignored.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = gitguardian::Ignoring)]
pub struct IgnoreIn {
    ignore_reason: ReasonWord,
}

/// A link that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = gitguardian::NewShare)]
pub struct ShareIn {
    /// False: whoever has the link cannot close the incident.
    #[serde(default)]
    auto_healing: bool,
    /// After how many hours it ends; 0 for not by itself.
    #[serde(default)]
    lifespan: u32,
}

/// A link that was made. It is shown this once.
#[derive(Serialize, ToSchema)]
#[schema(as = gitguardian::Share)]
pub struct ShareOut {
    share_url: String,
    incident_id: u64,
    /// False: nobody is asked what they know.
    feedback_collection: bool,
    /// False.
    auto_healing: bool,
    /// The id of the link, which opens nothing.
    token: Uuid,
    expire_at: Option<Moment>,
    revoked_at: Option<Moment>,
}

/// Has a member work at an incident
#[utoipa::path(
    post, path = "/v1/incidents/secrets/{id}/assign", tag = "GitGuardian incidents", request_body = AssignIn,
    responses(
        (status = 200, body = IncidentOut),
        (status = 404, body = crate::problem::ProblemBody),
        (status = 409, body = crate::problem::ProblemBody, description = "It is closed.")
    )
)]
pub async fn assign(
    State(app): State<App>,
    caller: Caller,
    Id(number): Id<u64>,
    body: Body<AssignIn>,
) -> Result<Written<IncidentOut>, Problem> {
    let row = find(&app, &caller, number).await?;
    let organization = caller.organization();
    let (name, member) = match (&body.value.email, body.value.member_id) {
        (Some(email), None) => ("email", member_by_email(&app, organization, email).await?),
        (None, Some(number)) => ("member_id", member_by_number(&app, organization, number).await?),
        (None, None) | (Some(_), Some(_)) => {
            return Err(Problem::bad_request("expected exactly one of email and member_id"));
        }
    };
    let member = member.ok_or_else(|| Problem::invalid(name, "is no member of the workspace"))?;
    let context = caller.command(&app, body.digest).await?;
    let done = app.incidents.assign(&context, &caller.principal, row.id, member).await?;
    after(&app, &caller, &row, done.position).await
}

/// Has nobody in particular work at an incident
#[utoipa::path(
    post, path = "/v1/incidents/secrets/{id}/unassign", tag = "GitGuardian incidents",
    responses(
        (status = 200, body = IncidentOut),
        (status = 404, body = crate::problem::ProblemBody),
        (status = 409, body = crate::problem::ProblemBody, description = "It is closed.")
    )
)]
pub async fn unassign(
    State(app): State<App>,
    caller: Caller,
    Id(number): Id<u64>,
) -> Result<Written<IncidentOut>, Problem> {
    let row = find(&app, &caller, number).await?;
    let context = caller.command(&app, digest_of(b"")).await?;
    let done = app.incidents.unassign(&context, &caller.principal, row.id).await?;
    after(&app, &caller, &row, done.position).await
}

/// Has an incident resolved
#[utoipa::path(
    post, path = "/v1/incidents/secrets/{id}/resolve", tag = "GitGuardian incidents", request_body = ResolveIn,
    responses(
        (status = 200, body = IncidentOut),
        (status = 404, body = crate::problem::ProblemBody),
        (status = 409, body = crate::problem::ProblemBody, description = "It is resolved.")
    )
)]
pub async fn resolve(
    State(app): State<App>,
    caller: Caller,
    Id(number): Id<u64>,
    body: Body<ResolveIn>,
) -> Result<Written<IncidentOut>, Problem> {
    let row = find(&app, &caller, number).await?;
    let context = caller.command(&app, body.digest).await?;
    let done = app.incidents.resolve(&context, &caller.principal, row.id, body.value.secret_revoked).await?;
    after(&app, &caller, &row, done.position).await
}

/// Has an incident ignored
#[utoipa::path(
    post, path = "/v1/incidents/secrets/{id}/ignore", tag = "GitGuardian incidents", request_body = IgnoreIn,
    responses(
        (status = 200, body = IncidentOut),
        (status = 404, body = crate::problem::ProblemBody),
        (status = 409, body = crate::problem::ProblemBody, description = "It is ignored for this reason.")
    )
)]
pub async fn ignore(
    State(app): State<App>,
    caller: Caller,
    Id(number): Id<u64>,
    body: Body<IgnoreIn>,
) -> Result<Written<IncidentOut>, Problem> {
    let row = find(&app, &caller, number).await?;
    let context = caller.command(&app, body.digest).await?;
    let reason = body.value.ignore_reason.into();
    let done = app.incidents.ignore(&context, &caller.principal, row.id, reason).await?;
    after(&app, &caller, &row, done.position).await
}

/// Has an incident open again
#[utoipa::path(
    post, path = "/v1/incidents/secrets/{id}/reopen", tag = "GitGuardian incidents",
    responses(
        (status = 200, body = IncidentOut),
        (status = 404, body = crate::problem::ProblemBody),
        (status = 409, body = crate::problem::ProblemBody, description = "It is open.")
    )
)]
pub async fn reopen(
    State(app): State<App>,
    caller: Caller,
    Id(number): Id<u64>,
) -> Result<Written<IncidentOut>, Problem> {
    let row = find(&app, &caller, number).await?;
    let context = caller.command(&app, digest_of(b"")).await?;
    let done = app.incidents.reopen(&context, &caller.principal, row.id).await?;
    after(&app, &caller, &row, done.position).await
}

/// Makes a link that shows an incident to whoever has it
#[utoipa::path(
    post, path = "/v1/incidents/secrets/{id}/share", tag = "GitGuardian incidents", request_body = ShareIn,
    responses(
        (status = 200, body = ShareOut),
        (status = 404, body = crate::problem::ProblemBody),
        (status = 409, body = crate::problem::ProblemBody, description = "The same request made one before.")
    )
)]
pub async fn share(
    State(app): State<App>,
    caller: Caller,
    Id(number): Id<u64>,
    body: Body<ShareIn>,
) -> Result<Written<ShareOut>, Problem> {
    let ShareIn { auto_healing, lifespan } = body.value;
    if auto_healing {
        let message = "must be false: whoever has the link cannot close the incident";
        return Err(Problem::invalid("auto_healing", message));
    }
    let row = find(&app, &caller, number).await?;
    let wanted = NewShare { hours: (lifespan > 0).then_some(lifespan) };
    let context = caller.command(&app, body.digest).await?;
    let made = app.incidents.share(&context, &caller.principal, row.id, wanted).await?;
    let shared = ShareOut {
        share_url: format!("{}/v1/shared-incidents/{}", app.entrance.public_url, made.token.reveal()),
        incident_id: row.number.0,
        feedback_collection: false,
        auto_healing,
        token: made.share.0,
        expire_at: made.expires_at.map(Moment),
        revoked_at: None,
    };
    Ok(Written::at(&app, StatusCode::OK, Some(made.position), shared).await)
}

/// Ends the link that shows an incident
#[utoipa::path(
    post, path = "/v1/incidents/secrets/{id}/unshare", tag = "GitGuardian incidents",
    responses(
        (status = 204, description = "There is none any more."),
        (status = 404, body = crate::problem::ProblemBody)
    )
)]
pub async fn unshare(
    State(app): State<App>,
    caller: Caller,
    Id(number): Id<u64>,
) -> Result<Response, Problem> {
    let end = async {
        let row = find(&app, &caller, number).await?;
        let context = caller.command(&app, digest_of(b"")).await?;
        Ok(app.incidents.unshare(&context, &caller.principal, row.id).await?.position)
    };
    Ok(done(&app, caller.once(&app, digest_of(b""), end).await?).await)
}
