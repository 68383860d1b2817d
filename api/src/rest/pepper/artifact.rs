//! Files that scans leave behind (reference §4).

use super::word::ArtifactType;
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Id, Segment};
use crate::problem::Problem;
use crate::rest::Instant;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use scanledger_commands::Fault;
use scanledger_domain::blob::BlobError;
use scanledger_domain::id::ScanId;
use scanledger_domain::report::ArtifactKind;
use scanledger_projections::At;
use serde::Serialize;
use utoipa::ToSchema;

/// A file that a scan left behind.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ArtifactOut {
    #[serde(rename = "type")]
    kind: ArtifactType,
    /// Bytes.
    size: u64,
    download_path: String,
    created_at: Instant,
}

/// The files of a scan.
#[derive(Debug, Serialize, ToSchema)]
pub struct ArtifactsOut {
    artifacts: Vec<ArtifactOut>,
}

/// A kind of file under the names that clients use for it.
struct Slug {
    names: &'static [&'static str],
    /// None for kinds that nothing here makes.
    kind: Option<ArtifactKind>,
    media_type: &'static str,
    file_name: &'static str,
}

const fn slug(
    names: &'static [&'static str],
    kind: Option<ArtifactKind>,
    media_type: &'static str,
    file_name: &'static str,
) -> Slug {
    Slug { names, kind, media_type, file_name }
}

const JSON: &str = "application/json";

const SLUGS: [Slug; 7] = [
    slug(
        &["cyclonedx", "sbom-cyclonedx"],
        Some(ArtifactKind::CycloneDx),
        "application/vnd.cyclonedx+json",
        "sbom.cyclonedx.json",
    ),
    slug(&["spdx", "sbom-spdx"], Some(ArtifactKind::Spdx), "application/spdx+json", "sbom.spdx.json"),
    slug(&["sarif"], Some(ArtifactKind::Sarif), "application/sarif+json", "findings.sarif"),
    slug(&["log"], Some(ArtifactKind::ScanLog), JSON, "scan.log"),
    slug(&["container"], None, JSON, "container-report.json"),
    slug(&["dast"], None, JSON, "dast-report.json"),
    slug(&["signature"], None, JSON, "signature.json"),
];

impl Slug {
    fn of_kind(kind: ArtifactKind) -> &'static str {
        let slug = SLUGS.iter().find(|slug| slug.kind == Some(kind));
        slug.map_or("log", |slug| slug.names[0])
    }

    fn named(name: &str) -> Result<&'static Self, Problem> {
        let found = SLUGS.iter().find(|slug| slug.names.contains(&name));
        found.ok_or_else(|| {
            let names: Vec<&str> = SLUGS.iter().map(|slug| slug.names[0]).collect();
            Problem::invalid("slug", format!("must be one of {}", names.join(", ")))
        })
    }
}

/// The files of a scan
#[utoipa::path(
    get, path = "/api/scans/{id}/artifacts", tag = "Artifacts",
    responses((status = 200, body = ArtifactsOut), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn list_artifacts(
    State(app): State<App>,
    caller: Caller,
    Id(scan): Id<ScanId>,
) -> Result<Json<ArtifactsOut>, Problem> {
    caller.may_scan(&app, scan).await?;
    let row = app.views.scan(caller.organization(), scan, At::Now).await?;
    let created_at = Instant(row.ended_at.unwrap_or(row.changed_at));
    let artifacts = row.artifacts().map(|artifact| ArtifactOut {
        kind: artifact.kind.into(),
        size: artifact.size,
        download_path: format!("/api/scans/{scan}/artifacts/{}", Slug::of_kind(artifact.kind)),
        created_at,
    });
    Ok(Json(ArtifactsOut { artifacts: artifacts.collect() }))
}

/// One file of a scan
///
/// `cyclonedx`, `spdx`, `sarif`, `log`, `container`, `dast` or `signature`, whatever the case.
#[utoipa::path(
    get, path = "/api/scans/{id}/artifacts/{slug}", tag = "Artifacts",
    responses(
        (status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 404, body = crate::problem::ProblemBody, description = "The scan has no such file.")
    )
)]
pub async fn download_artifact(
    State(app): State<App>,
    caller: Caller,
    Id(scan): Id<ScanId>,
    Segment(slug): Segment,
) -> Result<Response, Problem> {
    let named = Slug::named(&slug);
    caller.may_file(&app, scan, named.as_ref().ok().and_then(|slug| slug.kind)).await?;
    let slug = named?;
    let row = app.views.scan(caller.organization(), scan, At::Now).await?;
    let artifact = row.artifacts().find(|artifact| slug.kind == Some(artifact.kind));
    let artifact = artifact.ok_or_else(|| Problem::missing("artifact of this scan"))?;
    let bytes = match app.blobs.load(artifact.blob).await {
        Ok(bytes) => bytes,
        Err(BlobError::Missing(_)) => return Err(Problem::missing("artifact of this scan")),
        Err(error @ BlobError::Failed { .. }) => return Err(Fault::from(error).into()),
    };
    let disposition = format!("attachment; filename=\"{}\"", slug.file_name);
    let headers =
        [(header::CONTENT_TYPE, slug.media_type.to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    Ok((StatusCode::OK, headers, bytes).into_response())
}

#[cfg(test)]
mod tests {
    use super::{SLUGS, Slug};
    use scanledger_domain::report::ArtifactKind;

    #[test]
    fn every_kind_has_a_slug_that_leads_back() {
        for kind in [ArtifactKind::Sarif, ArtifactKind::CycloneDx, ArtifactKind::Spdx, ArtifactKind::ScanLog]
        {
            assert_eq!(Slug::named(Slug::of_kind(kind)).unwrap().kind, Some(kind));
        }
    }

    #[test]
    fn a_name_that_is_no_slug_is_answered_with_those_that_are() {
        let problem = Slug::named("pdf").err().unwrap();
        assert_eq!(problem.status().as_u16(), 400);
        assert!(SLUGS.iter().all(|slug| problem.body().details[0].message.contains(slug.names[0])));
        assert_eq!(Slug::named("sbom-spdx").unwrap().kind, Some(ArtifactKind::Spdx));
    }
}
