//! Forgotten passwords (reference §3.1). Neither the answer nor its time says whether anybody has an address.

use super::shape::{ProblemOut, done, email_of};
use super::visitor::Visitor;
use crate::app::App;
use crate::entrance::before_value;
use crate::extract::Body;
use crate::problem::Problem;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use scanledger_commands::CommandError;
use scanledger_commands::identity::{KeysAfter, PersonRefusal, ResetAsked};
use serde::Deserialize;
use std::ops::RangeInclusive;
use std::sync::Arc;
use utoipa::ToSchema;

/// Characters of a token that is looked at (reference §3.1).
const TOKEN_CHARS: RangeInclusive<usize> = 8..=256;

/// Whose password is forgotten.
#[derive(Deserialize, ToSchema)]
#[schema(as = trusca::ForgotPasswordRequest)]
pub struct ForgotIn {
    email: String,
}

/// Another password.
#[derive(Deserialize, ToSchema)]
#[schema(as = trusca::ResetPasswordRequest)]
pub struct ResetIn {
    /// What came with the message.
    token: String,
    /// 8 to 128 characters.
    new_password: String,
    /// Whether all API keys that act for the person end too; they stay if absent.
    #[serde(default)]
    revoke_keys: bool,
}

/// Sends a message to whoever has the address
///
/// `Retry-After` says how many seconds are left in which the address, known or not, cannot be asked about again.
#[utoipa::path(
    post, path = "/auth/forgot-password", tag = "Sign-in", request_body = ForgotIn,
    responses(
        (status = 204, description = "If somebody has the address, they get a message."),
        (status = 422, body = ProblemOut, description = "The address is none.")
    )
)]
pub async fn forgot_password(
    State(app): State<App>,
    visitor: Visitor,
    body: Body<ForgotIn>,
) -> Result<Response, Problem> {
    let email = email_of(&body.value.email)?;
    match app.identities.ask_for_reset(&email) {
        ResetAsked::Taken => {
            let asked = visitor.asked(&app);
            let link = before_value(&app.entrance.reset_url, "token");
            let app = Arc::clone(&app);
            // The answer does not wait for it, and so says nothing about it.
            tokio::spawn(async move {
                if let Err(error) = app.identities.send_reset(&asked, &email, &link).await {
                    tracing::error!(error = &error as &dyn std::error::Error, "a message was not sent");
                }
            });
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        ResetAsked::TooSoon { seconds } => {
            let wait = [(header::RETRY_AFTER, seconds.to_string())];
            Ok((StatusCode::NO_CONTENT, wait).into_response())
        }
    }
}

/// Sets another password with the token of a message; all sessions are over then
///
/// Whoever had the account before may have made API keys for themselves: with `revoke_keys` those that act for the
/// person end too. A message says how many are left.
#[utoipa::path(
    post, path = "/auth/reset-password", tag = "Sign-in", request_body = ResetIn,
    responses(
        (status = 204, description = "The password is another one."),
        (status = 422, body = ProblemOut, description = "The token is not good, or the password is weak.")
    )
)]
pub async fn reset_password(
    State(app): State<App>,
    visitor: Visitor,
    body: Body<ResetIn>,
) -> Result<Response, Problem> {
    let ResetIn { token, new_password, revoke_keys } = body.value;
    if !TOKEN_CHARS.contains(&token.chars().count()) {
        let (least, most) = TOKEN_CHARS.into_inner();
        return Err(Problem::invalid("token", format!("must have {least} to {most} characters")));
    }
    let keys = KeysAfter::from(revoke_keys);
    let reset = app.identities.reset_password(&visitor.asked(&app), &token, &new_password, keys).await;
    let changed = reset.map_err(|error| match error {
        CommandError::Refused(PersonRefusal::WeakPassword(weak)) => {
            Problem::invalid("new_password", weak.to_string())
        }
        error => error.into(),
    })?;
    Ok(done(&app, changed.position).await)
}
