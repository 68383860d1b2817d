//! What clients ask of the vendor unless they are told to ask here (reference §11.1).

use axum::Json;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

/// The newest client that this server is tried with, and the oldest.
const LATEST: &str = "1.182.0";
const MINIMUM: &str = "1.93.0";

/// Versions of the client.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::VersionsOut)]
pub struct VersionsOut {
    latest: &'static str,
    minimum: &'static str,
}

/// What the client is told about itself.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = semgrep::VersionCheckOut)]
pub struct VersionCheckOut {
    latest: &'static str,
    versions: VersionsOut,
    /// Nothing is advertised.
    #[schema(value_type = Vec<Object>)]
    banners: [&'static str; 0],
}

/// Which clients this server is tried with
#[utoipa::path(
    get, path = "/api/check-version", tag = "Semgrep CI", responses((status = 200, body = VersionCheckOut))
)]
pub async fn check_version() -> Json<VersionCheckOut> {
    let versions = VersionsOut { latest: LATEST, minimum: MINIMUM };
    Json(VersionCheckOut { latest: LATEST, versions, banners: [] })
}

/// Takes note that a client went on without a scan
///
/// Clients that suppress errors report here what they hide, if `SEMGREP_FAIL_OPEN_URL` is this server. Anybody may say
/// so, so nothing that they send is read.
#[utoipa::path(post, path = "/failure", tag = "Semgrep CI", responses((status = 200, description = "Noted.")))]
pub async fn report_failure() -> StatusCode {
    metrics::counter!("scanledger_semgrep_failures_total").increment(1);
    StatusCode::OK
}
