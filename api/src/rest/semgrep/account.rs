//! Who a client is to the server (reference §11.1).

use super::begin::deployment;
use crate::app::App;
use crate::auth::Caller;
use crate::extract::Body;
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use scanledger_domain::log::Actor;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// The organization of a key.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::DeploymentOut)]
pub struct DeploymentOut {
    id: u64,
    name: String,
    display_name: String,
    slug: String,
    /// The engine of the vendor is never handed out.
    has_deepsemgrep: bool,
    has_autofix: bool,
    has_triage_via_comment: bool,
    has_dependency_query: bool,
}

/// What a client shows after signing in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::CurrentDeploymentOut)]
pub struct CurrentDeploymentOut {
    deployment: DeploymentOut,
}

/// Who a key is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::IdentityOut)]
pub struct IdentityOut {
    /// `key:` or `user:` and an id.
    identity: String,
    #[serde(rename = "userId")]
    user_id: Option<Uuid>,
    #[serde(rename = "deploymentId")]
    deployment_id: u64,
}

/// A token that somebody waits for.
#[derive(Deserialize, ToSchema)]
#[schema(as = semgrep::TokenRequestIn)]
pub struct TokenRequestIn {
    #[expect(dead_code, reason = "part of the contract; used when people can approve tokens in a page")]
    token_request_key: Uuid,
}

/// The organization that the key belongs to
#[utoipa::path(
    get, path = "/api/agent/deployments/current", tag = "Semgrep CI",
    responses((status = 200, body = CurrentDeploymentOut))
)]
pub async fn read_deployment(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<CurrentDeploymentOut>, Problem> {
    let (id, name) = deployment(&app, &caller).await?;
    let deployment = DeploymentOut {
        id,
        display_name: name.clone(),
        slug: slug(&name),
        name,
        has_deepsemgrep: false,
        has_autofix: false,
        has_triage_via_comment: false,
        has_dependency_query: false,
    };
    Ok(Json(CurrentDeploymentOut { deployment }))
}

/// A name as a part of a path: letters and digits in lower case with single hyphens between them.
pub(super) fn slug(name: &str) -> String {
    let words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("-")
}

/// Who did something or asks.
pub(super) fn who(actor: Actor) -> String {
    match actor {
        Actor::User(user) => format!("user:{user}"),
        Actor::Key(key) => format!("key:{key}"),
        Actor::System => "system".to_owned(),
        Actor::Operator => "operator".to_owned(),
    }
}

/// Who the key is
#[utoipa::path(
    get, path = "/api/agent/identity", tag = "Semgrep CI", responses((status = 200, body = IdentityOut))
)]
pub async fn read_identity(State(app): State<App>, caller: Caller) -> Result<Json<IdentityOut>, Problem> {
    let (deployment_id, _) = deployment(&app, &caller).await?;
    let identity = who(caller.principal.actor);
    let user_id = caller.person().map(|user| user.0);
    Ok(Json(IdentityOut { identity, user_id, deployment_id }))
}

/// Whether somebody has approved a token that `semgrep login` waits for: nobody has
///
/// Keys are made in the product itself; the client takes them from `SEMGREP_APP_TOKEN`.
#[utoipa::path(
    post, path = "/api/agent/tokens/requests", tag = "Semgrep CI", request_body = TokenRequestIn,
    responses((status = 404, body = crate::problem::ProblemBody))
)]
pub async fn request_token(_: Body<TokenRequestIn>) -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "nobody has approved this token; set SEMGREP_APP_TOKEN to a key instead",
    )
}

/// The proprietary engine, which this server does not hand out
#[utoipa::path(
    get, path = "/api/agent/deployments/deepbinary/{slug}", tag = "Semgrep CI",
    responses((status = 404, body = crate::problem::ProblemBody))
)]
pub async fn read_engine() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "this server hands out no engine: run the client with --oss-only")
}

#[cfg(test)]
mod tests {
    use super::slug;

    #[test]
    fn names_become_parts_of_paths() {
        assert_eq!(slug("Acme Shop, Inc."), "acme-shop-inc");
        assert_eq!(slug("Ölmühle 24"), "ölmühle-24");
    }
}
