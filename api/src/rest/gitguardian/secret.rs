//! Secrets by number, links that show incidents, and rules of severity (reference §5 and §4.2).

use super::detector::{DetectorBrief, Kinds};
use super::incident::find;
use super::shape::Moment;
use super::word::{SeverityWord, StatusWord};
use crate::app::App;
use crate::auth::Caller;
use crate::extract::Id;
use crate::problem::Problem;
use axum::Json;
use axum::extract::{Path, State};
use scanledger_domain::identity::{KeyHash, Visible};
use scanledger_projections::At;
use scanledger_projections::incident::IncidentRef;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A secret: what of it may be shown.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = gitguardian::Secret)]
pub struct SecretOut {
    id: u64,
    detector: DetectorBrief,
    /// By name, masked: secrets are not kept.
    matches: BTreeMap<&'static str, String>,
}

/// A rule that says how bad incidents are.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = gitguardian::SeverityRule)]
pub struct SeverityRuleOut {
    id: u64,
    name: String,
    description: String,
    severity: SeverityWord,
    scope: String,
}

/// What a link shows of an incident: nothing of where it is, which who made the link may not have seen all of.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = gitguardian::SharedIncident)]
pub struct SharedIncidentOut {
    incident_name: String,
    detector: DetectorBrief,
    status: StatusWord,
    severity: SeverityWord,
    date: Moment,
    /// Masked.
    secret: String,
    /// When the link ends.
    expire_at: Option<Moment>,
}

/// A secret, masked
#[utoipa::path(
    get, path = "/v1/secrets/{id}", tag = "GitGuardian incidents",
    responses((status = 200, body = SecretOut), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn read_secret(
    State(app): State<App>,
    caller: Caller,
    Id(number): Id<u64>,
) -> Result<Json<SecretOut>, Problem> {
    let row = find(&app, &caller, number).await?;
    let kinds = Kinds::of(&app);
    let matches = BTreeMap::from([(kinds.match_type(&row.rule), row.secret.masked)]);
    Ok(Json(SecretOut { id: row.number.0, detector: kinds.of_rule(&row.rule), matches }))
}

/// The rules that say how bad incidents are: detectors do, and there are no other rules
#[utoipa::path(
    get, path = "/v1/severity-rules", tag = "GitGuardian incidents",
    responses((status = 200, body = Vec<SeverityRuleOut>))
)]
pub async fn list_severity_rules(_: Caller) -> Json<Vec<SeverityRuleOut>> {
    Json(vec![])
}

/// What a link shows
#[utoipa::path(
    get, path = "/v1/shared-incidents/{token}", tag = "GitGuardian incidents",
    responses((status = 200, body = SharedIncidentOut), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn read_shared_incident(
    State(app): State<App>,
    Path(token): Path<String>,
) -> Result<Json<SharedIncidentOut>, Problem> {
    let missing = || Problem::missing("incident");
    let link = app.views.shared_incident(&KeyHash::of(&token))?.ok_or_else(missing)?;
    if link.expires_at.is_some_and(|at| at <= app.clock.now()) {
        return Err(missing());
    }
    let incident = IncidentRef::Id(link.incident);
    let row = app.views.incident(link.organization, Visible::All, incident, At::Now).await?;
    let row = row.ok_or_else(missing)?;
    let detector = Kinds::of(&app).of_rule(&row.rule);
    Ok(Json(SharedIncidentOut {
        incident_name: detector.display_name.clone(),
        detector,
        status: row.status().into(),
        severity: row.severity.into(),
        date: Moment(row.triggered_at),
        secret: row.secret.masked,
        expire_at: link.expires_at.map(Moment),
    }))
}
