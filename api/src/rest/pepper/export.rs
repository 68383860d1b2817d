//! Findings as files (reference §5).

use super::finding::FindingFilterIn;
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{AtIn, Id, Query};
use crate::memory::Memory;
use crate::problem::Problem;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use scanledger_commands::Fault;
use scanledger_domain::id::ScanId;
use scanledger_domain::report::{Report, ReportFinding, ReportFormat};
use scanledger_projections::Paging;
use scanledger_projections::finding::{FindingQuery, FindingRow, ListScope};
use scanledger_projections::scan::ScanRow;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// Keeps a page from running or fetching anything: it shows text that scanners found in foreign code.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

/// How the file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExportFormat {
    /// RFC 4180.
    #[default]
    Csv,
    /// A page for people.
    Html,
    /// SARIF 2.1.0.
    Sarif,
}

/// How the file is written.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExportIn {
    /// `csv`, `html` or `sarif`.
    #[serde(default)]
    #[param(inline)]
    format: ExportFormat,
}

/// The findings of a scan as a file
///
/// All of them, or those that the filters leave; pages do not apply.
#[utoipa::path(
    get, path = "/api/scans/{id}/findings/export", tag = "Findings", params(ExportIn, FindingFilterIn, AtIn),
    responses(
        (status = 200, content(
            (String = "text/csv"), (String = "text/html"), (serde_json::Value = "application/sarif+json")
        )),
        (status = 404, body = crate::problem::ProblemBody)
    )
)]
pub async fn export_findings(
    State(app): State<App>,
    caller: Caller,
    memory: Memory,
    Id(scan): Id<ScanId>,
    Query(wanted): Query<ExportIn>,
    Query(filter): Query<FindingFilterIn>,
    Query(at): Query<AtIn>,
) -> Result<Response, Problem> {
    caller.may_scan(&app, scan).await?;
    let at = caller.at(&app, &at).await?;
    let row = app.views.scan(caller.organization(), scan, at).await?;
    let rows = match filter.filter()? {
        None => vec![],
        Some(kept) => {
            let query = FindingQuery {
                organization: caller.organization(),
                scope: ListScope::Scan(scan),
                at,
                filter: kept,
                sort: filter.sort(),
                // One query, so that all rows are of one moment.
                paging: Paging { offset: 0, limit: u32::MAX },
            };
            app.views.findings(query).await?.rows
        }
    };
    let pieces: Vec<_> = rows.iter().map(|row| row.excerpt).collect();
    let excerpts = memory.excerpts.read(&*app.blobs, &pieces).await.map_err(Fault::from)?;
    let findings = rows.into_iter().zip(excerpts).map(|(row, text)| reported(row, text)).collect();
    let name = file_name(&row.project_name, &app.clock.now().to_rfc3339_millis()[..10]);
    let bytes = write(&app, wanted.format, report(row, findings)).await?;
    Ok((StatusCode::OK, headers(wanted.format, &name), bytes).into_response())
}

async fn write(app: &App, format: ExportFormat, report: Report) -> Result<Vec<u8>, Problem> {
    let writer = Arc::clone(&app.reports);
    let format = match format {
        ExportFormat::Csv => ReportFormat::Csv,
        ExportFormat::Html => ReportFormat::Html,
        ExportFormat::Sarif => ReportFormat::Sarif,
    };
    let written = tokio::task::spawn_blocking(move || writer.write(format, &report)).await;
    written.map_err(|error| Problem::fault(&error))?.map_err(|error| Problem::fault(&error))
}

fn headers(format: ExportFormat, name: &str) -> HeaderMap {
    let (media_type, disposition) = match format {
        ExportFormat::Csv => ("text/csv; charset=utf-8", format!("attachment; filename=\"{name}.csv\"")),
        ExportFormat::Sarif => ("application/sarif+json", format!("attachment; filename=\"{name}.sarif\"")),
        ExportFormat::Html => ("text/html; charset=utf-8", "inline".to_owned()),
    };
    let disposition = HeaderValue::from_str(&disposition).expect("file names are made of plain ASCII");
    HeaderMap::from_iter([
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (header::CONTENT_DISPOSITION, disposition),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY)),
    ])
}

/// `<project>-findings-<date>`, with nothing in it that a header or a file system minds.
fn file_name(project: &str, date: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' };
    let project: String = project.chars().map(plain).collect();
    // Folders would be dots and slashes only.
    let project = project.trim_matches(['-', '.']);
    format!("{}-findings-{date}", if project.is_empty() { "project" } else { project })
}

fn report(row: ScanRow, findings: Vec<ReportFinding>) -> Report {
    Report {
        project: row.project_name,
        scan: Some(row.id),
        branch: Some(row.branch),
        commit: row.commit,
        repository: row.project_repo_url,
        created_at: row.ended_at.unwrap_or(row.changed_at),
        findings,
        components: vec![],
        dependencies: vec![],
        gaps: row.outcome.map(|outcome| outcome.gaps).unwrap_or_default(),
    }
}

fn reported(row: FindingRow, excerpt: Option<String>) -> ReportFinding {
    ReportFinding {
        id: row.id,
        fingerprint: row.fingerprint.to_string(),
        scanner: row.scanner,
        rule: row.rule,
        title: row.title,
        description: row.description,
        severity: row.severity,
        state: row.state,
        note: row.triaged.and_then(|triaged| triaged.note),
        cwe: row.cwe,
        cve: row.cve,
        confidence: row.confidence,
        places: row.places,
        package: row.package.map(|package| package.purl()),
        fixed_version: row.fix,
        excerpt,
        references: row.references,
        is_new: row.is_new,
    }
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn a_file_name_has_nothing_that_a_header_minds() {
        assert_eq!(file_name("shop", "2026-11-21"), "shop-findings-2026-11-21");
        assert_eq!(file_name("a \"b\"\r\nX: y/é", "2026-11-21"), "a--b---X--y-findings-2026-11-21");
        assert_eq!(file_name("../..", "2026-11-21"), "project-findings-2026-11-21");
    }
}
