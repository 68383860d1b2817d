//! One's own account: who vouches for one, and where one is told (reference §3.22).

use super::auth::own_account;
use super::shape::{ProblemOut, done};
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Body, Id, digest_of};
use crate::problem::Problem;
use crate::rest::people::open_texts;
use crate::rest::{Moment, Written};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use scanledger_domain::id::IdentityId;
use scanledger_domain::identity::{Channels, Wanted};
use scanledger_domain::vault::ERASED_PERSON;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Who vouches for somebody.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = trusca::OAuthIdentityListResponse)]
pub struct IdentitiesOut {
    /// The first that was linked first.
    items: Vec<IdentityOut>,
    /// Whether they can sign in with a password too.
    has_password: bool,
}

/// An account at a provider.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = trusca::OAuthIdentityOut)]
pub struct IdentityOut {
    id: Uuid,
    /// `github`, `google` or `oidc`.
    provider: &'static str,
    provider_user_id: String,
    provider_email: Option<String>,
    created_at: Moment,
}

/// Where somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = trusca::NotificationPrefsOut)]
pub struct PrefsOut {
    email_enabled: bool,
    slack_enabled: bool,
    teams_enabled: bool,
    in_app_enabled: bool,
}

/// Where somebody wants to be told.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[schema(as = trusca::NotificationPrefsIn)]
pub struct PrefsIn {
    email_enabled: bool,
    slack_enabled: bool,
    teams_enabled: bool,
    /// Always `true`.
    in_app_enabled: bool,
}

impl From<Channels> for PrefsOut {
    fn from(channels: Channels) -> Self {
        let Channels { email, slack, teams } = channels;
        let is_wanted = |wanted| wanted == Wanted::Yes;
        Self {
            email_enabled: is_wanted(email),
            slack_enabled: is_wanted(slack),
            teams_enabled: is_wanted(teams),
            // There is no way not to be told inside the product.
            in_app_enabled: true,
        }
    }
}

impl TryFrom<PrefsIn> for Channels {
    type Error = Problem;

    fn try_from(prefs: PrefsIn) -> Result<Self, Problem> {
        if !prefs.in_app_enabled {
            let error = "notifications inside the product cannot be turned off";
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error)
                .with_title("In-app notifications are required")
                .with_type("urn:trustedoss:problem:notification_in_app_required"));
        }
        Ok(Self {
            email: prefs.email_enabled.into(),
            slack: prefs.slack_enabled.into(),
            teams: prefs.teams_enabled.into(),
        })
    }
}

/// Who vouches for oneself
#[utoipa::path(
    get, path = "/v1/users/me/oauth-identities", tag = "Own account",
    responses((status = 200, body = IdentitiesOut))
)]
pub async fn list_identities(State(app): State<App>, caller: Caller) -> Result<Json<IdentitiesOut>, Problem> {
    let (user, row) = own_account(&app, &caller).await?;
    let linked = app.views.identities(user).await?;
    let subjects = linked.iter().map(|row| row.subject.clone()).collect();
    let emails = linked.iter().filter_map(|row| row.email.clone()).collect();
    let (subjects, emails) = (open_texts(&app, subjects).await?, open_texts(&app, emails).await?);
    let mut emails = emails.into_iter();
    let items = linked.into_iter().zip(subjects).map(|(row, subject)| IdentityOut {
        id: row.id.0,
        provider: row.provider.as_str(),
        provider_user_id: subject.unwrap_or_else(|| ERASED_PERSON.to_owned()),
        provider_email: row.email.and_then(|_| emails.next()).flatten(),
        created_at: Moment(row.linked_at),
    });
    Ok(Json(IdentitiesOut { items: items.collect(), has_password: row.has_password }))
}

/// Lets a provider vouch for oneself no more
#[utoipa::path(
    delete, path = "/v1/users/me/oauth-identities/{id}", tag = "Own account",
    responses(
        (status = 204, description = "The provider no longer vouches."),
        (status = 404, body = ProblemOut),
        (status = 409, body = ProblemOut, description = "Nothing to sign in with would be left.")
    )
)]
pub async fn unlink_identity(
    State(app): State<App>,
    caller: Caller,
    Id(identity): Id<IdentityId>,
) -> Result<Response, Problem> {
    let (user, _) = own_account(&app, &caller).await?;
    let unlinking = async {
        let context = caller.command(&app, digest_of(b"")).await?;
        Ok(app.identities.unlink(&context, user, identity).await?.position)
    };
    Ok(done(&app, caller.once(&app, digest_of(b""), unlinking).await?).await)
}

/// Where oneself is told
#[utoipa::path(
    get, path = "/v1/users/me/notification-prefs", tag = "Own account",
    responses((status = 200, body = PrefsOut))
)]
pub async fn read_prefs(State(app): State<App>, caller: Caller) -> Result<Json<PrefsOut>, Problem> {
    let (user, _) = own_account(&app, &caller).await?;
    Ok(Json(app.views.channels(user).await?.into()))
}

/// Says where one wants to be told
#[utoipa::path(
    put, path = "/v1/users/me/notification-prefs", tag = "Own account", request_body = PrefsIn,
    responses(
        (status = 200, body = PrefsOut),
        (status = 422, body = ProblemOut, description = "Notifications inside the product cannot be turned off.")
    )
)]
pub async fn write_prefs(
    State(app): State<App>,
    caller: Caller,
    body: Body<PrefsIn>,
) -> Result<Written<PrefsOut>, Problem> {
    let (user, _) = own_account(&app, &caller).await?;
    let channels = Channels::try_from(body.value)?;
    let context = caller.command(&app, body.digest).await?;
    let changed = app.identities.set_channels(&context, user, channels).await?;
    Ok(Written::at(&app, StatusCode::OK, changed.position, channels.into()).await)
}
