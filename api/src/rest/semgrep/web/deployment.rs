//! Deployments (reference §2): the organization that the token belongs to, and no other.

use super::super::account::slug;
use crate::app::App;
use crate::auth::Caller;
use crate::problem::Problem;
use axum::Json;
use axum::extract::{FromRequestParts, RawPathParams, State};
use axum::http::request::Parts;
use scanledger_projections::identity::OrganizationRow;
use serde::Serialize;
use utoipa::ToSchema;

/// The organization of a token.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::Deployment)]
pub struct DeploymentOut {
    id: u64,
    slug: String,
    name: String,
    findings: LinkOut,
}

/// Where something is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::Link)]
pub struct LinkOut {
    url: String,
}

/// The deployments of a token: one.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::Deployments)]
pub struct DeploymentsOut {
    deployments: [DeploymentOut; 1],
}

/// That the server answers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::web::Pong)]
pub struct PongOut {}

/// Whether the server answers
#[utoipa::path(get, path = "/api/v1/ping", tag = "Semgrep", responses((status = 200, body = PongOut)))]
pub async fn ping() -> Json<PongOut> {
    Json(PongOut {})
}

/// The organization of the token
#[utoipa::path(
    get, path = "/api/v1/deployments", tag = "Semgrep", responses((status = 200, body = DeploymentsOut))
)]
pub async fn list_deployments(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<DeploymentsOut>, Problem> {
    let organization = own(&app, &caller).await?;
    let slug = slug(&organization.name);
    let url = format!("{}/api/v1/deployments/{slug}/findings", app.entrance.public_url);
    let deployment =
        DeploymentOut { id: organization.number, slug, name: organization.name, findings: LinkOut { url } };
    Ok(Json(DeploymentsOut { deployments: [deployment] }))
}

async fn own(app: &App, caller: &Caller) -> Result<OrganizationRow, Problem> {
    let organization = app.views.organization(caller.organization()).await?;
    organization.ok_or_else(|| Problem::missing("deployment"))
}

/// The parameters of a path under a deployment: it is named by its slug or its number, whichever the path is documented
/// with.
pub struct Named<const N: usize> {
    deployment: String,
    /// The parameters behind it, in their order.
    pub rest: [String; N],
}

impl<const N: usize> FromRequestParts<App> for Named<N> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let missing = || Problem::missing("thing");
        let path = RawPathParams::from_request_parts(parts, app).await.map_err(|_| missing())?;
        let mut values = path.iter().map(|(_, value)| value.to_owned());
        let deployment = values.next().ok_or_else(missing)?;
        let rest = values.collect::<Vec<String>>().try_into().map_err(|_| missing())?;
        Ok(Self { deployment, rest })
    }
}

impl<const N: usize> Named<N> {
    /// The deployment: that of the caller.
    ///
    /// # Errors
    /// 404 for any other.
    pub async fn of(&self, app: &App, caller: &Caller) -> Result<OrganizationRow, Problem> {
        let own = own(app, caller).await?;
        let is_own =
            self.deployment.parse() == Ok(own.number) || self.deployment.to_lowercase() == slug(&own.name);
        if is_own { Ok(own) } else { Err(Problem::missing("deployment")) }
    }

    /// The number that is parameter `index` behind the deployment. What is no number names nothing.
    ///
    /// # Errors
    /// 404.
    pub fn number(&self, index: usize) -> Result<u64, Problem> {
        self.rest[index].parse().map_err(|_| Problem::missing("thing"))
    }
}
