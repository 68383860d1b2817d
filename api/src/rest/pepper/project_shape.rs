//! How projects look (reference §7).

use super::gate::GateOut;
use super::scan_shape::ScanSummaryOut;
use crate::rest::{Instant, Pages};
use scanledger_domain::project::{Created, ProjectDetails};
use scanledger_domain::severity::SeverityCounts;
use scanledger_domain::time::Timestamp;
use scanledger_projections::project::ProjectRow;
use scanledger_projections::scan::ScanRow;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A project. Fields about connected hosts are empty until a project is connected to one.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProjectOut {
    id: Uuid,
    name: String,
    description: Option<String>,
    repo_url: Option<String>,
    default_branch: String,
    dast_target_url: Option<String>,
    organization_id: Uuid,
    created_at: Instant,
    updated_at: Instant,
    github_repo_id: Option<String>,
    github_owner: Option<String>,
    github_repo_name: Option<String>,
    primary_language: Option<String>,
    connected_via_github: bool,
    bitbucket_workspace: Option<String>,
    bitbucket_repo_slug: Option<String>,
    bitbucket_repo_uuid: Option<String>,
    connected_via_bitbucket: bool,
    azure_organization: Option<String>,
    azure_project_name: Option<String>,
    azure_repo_id: Option<String>,
    azure_repo_name: Option<String>,
    connected_via_azure: bool,
}

impl ProjectOut {
    /// A project as a command left it.
    pub fn written(project: &Created, created_at: Timestamp, updated_at: Timestamp) -> Self {
        Self::new(
            project.project.0,
            project.organization.0,
            project.details.clone(),
            (created_at, updated_at),
        )
    }

    fn new(id: Uuid, organization: Uuid, details: ProjectDetails, at: (Timestamp, Timestamp)) -> Self {
        Self {
            id,
            name: details.name,
            description: details.description,
            repo_url: details.repo_url,
            default_branch: details.default_branch,
            dast_target_url: details.dast_target_url,
            organization_id: organization,
            created_at: Instant(at.0),
            updated_at: Instant(at.1),
            github_repo_id: None,
            github_owner: None,
            github_repo_name: None,
            primary_language: None,
            connected_via_github: false,
            bitbucket_workspace: None,
            bitbucket_repo_slug: None,
            bitbucket_repo_uuid: None,
            connected_via_bitbucket: false,
            azure_organization: None,
            azure_project_name: None,
            azure_repo_id: None,
            azure_repo_name: None,
            connected_via_azure: false,
        }
    }
}

/// How many scans a project has.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScanCountOut {
    scans: u64,
}

/// A project with its gate, its latest scan and its card.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProjectDetailOut {
    #[serde(flatten)]
    project: ProjectOut,
    #[serde(rename = "_count")]
    count: ScanCountOut,
    build_gate: GateOut,
    /// The latest scan, if there is one.
    scans: Vec<ScanSummaryOut>,
    card: CardOut,
}

impl ProjectDetailOut {
    /// A project, with its latest scan.
    pub fn new(row: ProjectRow, latest: Option<ScanRow>) -> Self {
        Self {
            card: CardOut::new(&row, latest.as_ref()),
            count: ScanCountOut { scans: row.scans },
            build_gate: GateOut::new(row.id, row.gate),
            scans: latest.as_ref().map(ScanSummaryOut::from).into_iter().collect(),
            project: ProjectOut::new(
                row.id.0,
                row.organization.0,
                row.details,
                (row.created_at, row.updated_at),
            ),
        }
    }
}

/// Projects.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProjectsOut {
    /// The projects.
    pub projects: Vec<ProjectDetailOut>,
    /// Which page it is, if pages were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pagination: Option<Pages>,
}

/// A project at a glance: what is on its default branch.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CardOut {
    source_label: &'static str,
    last_scan_at: Option<Instant>,
    /// `A` to `F`; none before a scan of the default branch has results.
    grade: Option<char>,
    critical_count: u64,
    high_count: u64,
    medium_count: u64,
    low_count: u64,
    info_count: u64,
    total_findings: u64,
    secrets_count: u64,
    deps_count: u64,
}

impl CardOut {
    fn new(row: &ProjectRow, latest: Option<&ScanRow>) -> Self {
        let counts = row.counts;
        Self {
            source_label: if row.details.repo_url.is_some() { "Repository" } else { "Uploaded" },
            last_scan_at: latest.map(|scan| Instant(scan.queued_at)),
            grade: row.has_results.then(|| grade(points_lost(&counts))),
            critical_count: counts.critical,
            high_count: counts.high,
            medium_count: counts.medium + counts.unknown,
            low_count: counts.low,
            info_count: counts.info,
            total_findings: counts.total(),
            secrets_count: row.secrets,
            deps_count: row.dependencies,
        }
    }

    /// Sorts the worst grade first, projects without one last.
    pub fn order(row: &ProjectRow) -> (bool, std::cmp::Reverse<u64>) {
        (!row.has_results, std::cmp::Reverse(points_lost(&row.counts)))
    }
}

/// Half points that findings take off 100 points (reference §7): 18, 6, 2 and 0.5 each.
fn points_lost(counts: &SeverityCounts) -> u64 {
    let medium = counts.medium + counts.unknown;
    counts.critical * 36 + counts.high * 12 + medium * 4 + counts.low
}

/// The grade for half points lost: A from 90 points, B from 78, C from 65, D from 50.
fn grade(half_points: u64) -> char {
    match 200_u64.saturating_sub(half_points) {
        180.. => 'A',
        156.. => 'B',
        130.. => 'C',
        100.. => 'D',
        _ => 'F',
    }
}

/// Text without HTML tags, which Pepper takes out of names.
pub fn without_tags(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, tag)) = rest.split_once('<') {
        out.push_str(before);
        let is_tag = tag.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?'));
        match tag.split_once('>') {
            Some((_, after)) if is_tag => rest = after,
            // Not a tag: a bare `<` stays as it is.
            Some(_) | None => {
                out.push('<');
                rest = tag;
            }
        }
    }
    out.push_str(rest);
    out.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{grade, points_lost, without_tags};
    use proptest::prelude::{prop_assert, proptest};
    use scanledger_domain::severity::SeverityCounts;

    #[test]
    fn grades_begin_where_pepper_says() {
        let of = |critical, high, medium, low| {
            grade(points_lost(&SeverityCounts { critical, high, medium, low, ..SeverityCounts::default() }))
        };
        assert_eq!(of(0, 0, 0, 0), 'A');
        assert_eq!(of(0, 0, 5, 0), 'A');
        assert_eq!(of(0, 0, 5, 1), 'B');
        assert_eq!(of(0, 0, 11, 0), 'B');
        assert_eq!(of(0, 0, 11, 1), 'C');
        assert_eq!(of(0, 0, 0, 70), 'C');
        assert_eq!(of(0, 0, 0, 71), 'D');
        assert_eq!(of(0, 0, 25, 0), 'D');
        assert_eq!(of(0, 0, 25, 1), 'F');
        assert_eq!(of(1_000_000, 0, 0, 0), 'F');
    }

    #[test]
    fn findings_without_severity_weigh_as_medium_and_info_weighs_nothing() {
        let counts = SeverityCounts { unknown: 2, info: 9, ..SeverityCounts::default() };
        assert_eq!(points_lost(&counts), 8);
    }

    #[test]
    fn names_lose_their_tags_and_nothing_else() {
        for (text, name) in [
            ("shop", "shop"),
            ("<b>shop</b>", "shop"),
            ("a < b", "a < b"),
            ("<script>alert(1)</script>x", "alert(1)x"),
            ("<img src=x onerror=y>", ""),
            ("a<", "a<"),
            ("x<unclosed", "x<unclosed"),
        ] {
            assert_eq!(without_tags(text), name);
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_or_grow(text in ".{0,60}") {
            prop_assert!(without_tags(&text).len() <= text.len());
        }
    }
}
