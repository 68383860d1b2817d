//! Making an account (reference §12).

use crate::app::App;
use crate::auth::{asked, same_origin};
use crate::entrance::Registration;
use crate::extract::{Body, Opaque};
use crate::problem::Problem;
use crate::request::Origin;
use crate::rest::people::{SealedPerson, open_people};
use crate::rest::{Written, shown};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use scanledger_commands::Context;
use scanledger_commands::identity::{Asked, Identities, MemberRefusal, NewPerson, PersonRefusal, Registered};
use scanledger_domain::id::{SubjectId, UserId};
use scanledger_domain::log::Actor;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Somebody who wants an account.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegisterIn {
    /// Not needed with an invitation, which says it.
    email: Option<String>,
    /// 8 to 128 characters.
    #[schema(value_type = String)]
    password: Opaque,
    name: Option<String>,
    /// From the link of an invitation.
    #[schema(value_type = Option<String>)]
    invitation_token: Option<Opaque>,
}

/// An account that was made.
#[derive(Debug, Serialize, ToSchema)]
pub struct RegisteredOut {
    user: RegisteredUserOut,
}

/// Whose account it is.
#[derive(Debug, Serialize, ToSchema)]
pub struct RegisteredUserOut {
    id: Uuid,
    email: Option<String>,
    /// None for who gave none.
    name: Option<String>,
}

/// Makes an account, with an organization of its own or in the one of an invitation
#[utoipa::path(
    post, path = "/api/auth/register", tag = "Sessions", request_body = RegisterIn,
    responses(
        (status = 201, body = RegisteredOut),
        (status = 400, body = crate::problem::ProblemBody, description = "What is said of the person will not do."),
        (status = 403, body = crate::problem::ProblemBody, description = "Registration is closed."),
        (status = 404, body = crate::problem::ProblemBody, description = "The invitation is over."),
        (status = 409, body = crate::problem::ProblemBody, description = "Somebody has the address.")
    )
)]
pub async fn register(
    State(app): State<App>,
    parts: Parts,
    body: Body<RegisterIn>,
) -> Result<Written<RegisteredOut>, Problem> {
    same_origin(&parts.method, &parts.headers)?;
    let asked = asked(&app, &Origin::of(&parts));
    let RegisterIn { email, password, name, invitation_token } = body.value;
    let name = name.filter(|name| !name.is_empty());
    let registered = match invitation_token {
        Some(token) => {
            let invited = app.identities.register_invited(&asked, &token.0, name, Some(password.0));
            invited.await.map_err(|error| Problem::from(error.map_refused(Refused)))?
        }
        None => {
            let email = email.ok_or_else(|| Problem::invalid("email", "is missing"))?;
            on_ones_own(&app, &asked, NewPerson { email, name, password: Some(password.0) }).await?
        }
    };
    let position = Some(registered.position);
    shown(&app, position).await;
    let user = registered_user(&app, registered.user).await?;
    Ok(Written::at(&app, StatusCode::CREATED, position, RegisteredOut { user }).await)
}

/// An account with an organization of its own; its events are in that organization's log.
async fn on_ones_own(app: &App, asked: &Asked, new: NewPerson) -> Result<Registered, Problem> {
    if app.entrance.registration == Registration::Closed {
        let error = "registration is closed; ask an administrator for an invitation";
        return Err(Problem::new(StatusCode::FORBIDDEN, error).with_code("REGISTRATION_CLOSED"));
    }
    let made = Context::new(asked.command, Actor::System, None);
    let user = Identities::person_made_by(&made);
    let organization = Some(made.made_id("organization"));
    let context = app.identities.context(asked, Actor::User(user), organization, SubjectId(user.0));
    let context = context.map_err(|error| Problem::fault(&error))?;
    let registered = app.identities.register(&context, new).await;
    registered.map_err(|error| error.map_refused(|refusal| Refused(refusal.into())).into())
}

async fn registered_user(app: &App, user: UserId) -> Result<RegisteredUserOut, Problem> {
    let row = app.views.user(user).await?;
    let sealed = row.map(|row| SealedPerson { name: row.name, email: row.email });
    let person = open_people(app, sealed.into_iter().collect()).await?.pop();
    let (name, email) = person.map(|person| (person.name, person.email)).unwrap_or_default();
    Ok(RegisteredUserOut { id: user.0, email, name: Some(name).filter(|name| !name.is_empty()) })
}

/// A refusal with this dialect's names of fields.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Refused(MemberRefusal);

impl From<Refused> for Problem {
    fn from(Refused(refusal): Refused) -> Self {
        match refusal {
            MemberRefusal::Person(PersonRefusal::BadName) => Self::invalid("name", refusal.to_string()),
            refusal => refusal.into(),
        }
    }
}
