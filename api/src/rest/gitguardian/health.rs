//! Whether a token is good (reference §6).

use crate::auth::Caller;
use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

/// That the token is good.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = gitguardian::Health)]
pub struct HealthOut {
    /// Clients compare it.
    detail: &'static str,
}

/// Whether the token is good
#[utoipa::path(
    get, path = "/v1/health", tag = "GitGuardian tokens", responses((status = 200, body = HealthOut))
)]
pub async fn health(_: Caller) -> Json<HealthOut> {
    Json(HealthOut { detail: "Valid API key." })
}
