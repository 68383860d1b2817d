//! What a scanned repository is made of, as CycloneDX 1.5 (reference §12).

use super::access;
use crate::app::App;
use crate::extract::{Id, Query};
use crate::problem::{Problem, ProblemBody};
use crate::rest::Instant;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use scanledger_domain::check::CheckLife;
use scanledger_domain::component::Component;
use scanledger_domain::id::ScanId;
use scanledger_domain::scan::ScanStatus;
use scanledger_projections::At;
use scanledger_projections::component::{ComponentQuery, ComponentSort};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use utoipa::IntoParams;

/// What a CycloneDX document in JSON is called (CycloneDX 1.5, "Media types").
const MEDIA_TYPE: &str = "application/vnd.cyclonedx+json; version=1.5";

/// In which format.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SbomIn {
    /// `cyclonedx`, the only one.
    format: Option<String>,
}

/// The components of a scanned repository
///
/// Of scans that came through the GitHub App and are completed.
#[utoipa::path(
    get, path = "/api/sbom/{id}", tag = "dpendx", params(SbomIn),
    responses(
        (status = 200, body = Value, content_type = "application/vnd.cyclonedx+json"),
        (status = 400, body = ProblemBody, description = "There is no such format."),
        (status = 401, body = ProblemBody, description = "No GitHub App is configured on this server."),
        (status = 404, body = ProblemBody, description = "There is no such scan.")
    )
)]
pub async fn read_sbom(
    State(app): State<App>,
    Id(scan): Id<ScanId>,
    Query(query): Query<SbomIn>,
) -> Result<Response, Problem> {
    if query.format.is_some_and(|format| format != "cyclonedx") {
        return Err(Problem::invalid("format", "must be cyclonedx"));
    }
    let life = access(&app)?.hosted.find(scan).await?.ok_or_else(|| Problem::missing("scan"))?;
    let begun = life.begun.as_ref().ok_or_else(|| Problem::missing("scan"))?;
    let organization = life.requested.organization;
    let row = app.views.scan(organization, scan, At::Now).await?;
    if row.status != ScanStatus::Completed {
        return Err(Problem::missing("scan"));
    }
    let query = ComponentQuery {
        organization,
        project: begun.project,
        branch: Some(begun.branch.clone()),
        at: At::Scan(scan),
        name_contains: None,
        ecosystem: None,
        sort: ComponentSort::Package,
        paging: None,
    };
    let components = app.views.components(query).await?.rows;
    let components = components.into_iter().map(|row| row.component);
    let made_at = Instant(row.ended_at.unwrap_or(row.changed_at));
    let document = document(scan, &life, components, made_at);
    let disposition = format!("attachment; filename=\"sbom-{scan}.json\"");
    let headers = [(header::CONTENT_TYPE, MEDIA_TYPE.to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    Ok((StatusCode::OK, headers, document.to_string()).into_response())
}

fn document(
    scan: ScanId,
    life: &CheckLife,
    components: impl Iterator<Item = Component>,
    made_at: Instant,
) -> Value {
    // A package at a version is one component, in whichever files it stands.
    let mut by_purl: BTreeMap<String, Value> = BTreeMap::new();
    for component in components {
        let purl = component.purl();
        let is_required = component.direct != Some(false);
        if let Some(known) = by_purl.get_mut(&purl) {
            if is_required {
                known["scope"] = "required".into();
            }
            continue;
        }
        let shape = json!({
            "type": "library",
            "bom-ref": purl,
            "name": component.package.name,
            "version": component.version,
            "scope": if is_required { "required" } else { "optional" },
            "purl": purl,
            "properties": [
                { "name": "dpendx:ecosystem", "value": component.package.ecosystem.as_str() },
                { "name": "dpendx:source", "value": component.path },
                { "name": "dpendx:scan_id", "value": scan.to_string() },
            ],
        });
        by_purl.insert(purl, shape);
    }
    let commit = life.begun.as_ref().map(|begun| begun.commit.to_string());
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": format!("urn:uuid:{scan}"),
        "version": 1,
        "metadata": {
            "timestamp": made_at,
            "tools": [{ "vendor": "dpendx", "name": "dpendx" }],
            "component": {
                "type": "application",
                "bom-ref": "root",
                "name": life.requested.at.repository.to_string(),
                "version": commit,
            },
        },
        "components": by_purl.into_values().collect::<Vec<_>>(),
    })
}
