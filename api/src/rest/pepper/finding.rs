//! Reading findings (reference §5).

use super::word::{FindingStatus, Scanner, SeverityWord};
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{AtIn, Id, List, Number, Query, check_search};
use crate::memory::Memory;
use crate::problem::Problem;
use crate::rest::Paged;
use axum::Json;
use axum::extract::State;
use scanledger_commands::Fault;
use scanledger_domain::id::{FindingId, OrganizationId, ScanId};
use scanledger_domain::limits::PAGE_ROWS;
use scanledger_projections::finding::{
    FindingFilter, FindingInScan, FindingQuery, FindingRow, FindingSort, ListScope,
};
use scanledger_projections::{At, Page, Paging};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

pub use super::finding_shape::{FindingOut, FindingPage};

/// Rows on a page if nobody says (reference §5).
const PAGE: u32 = 50;

/// In which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum FindingOrder {
    /// Worst first.
    #[default]
    Severity,
    /// By path and line.
    File,
    /// In order of first sight.
    Created,
}

/// Which findings. Lists have commas between their values.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct FindingFilterIn {
    /// Of these severities.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "CRITICAL,HIGH")]
    severity: List<SeverityWord>,
    /// In these states.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "OPEN,IN_PROGRESS")]
    status: List<FindingStatus>,
    /// Of these scanners.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "SCA,SECRETS_PATTERN")]
    scanner: List<Scanner>,
    /// Whose path contains this, whatever the case.
    file_path: Option<String>,
    /// With all of these words in title, rule, advisories, package or path; `*` ends a word that goes on.
    q: Option<String>,
    /// In which order.
    #[serde(default)]
    #[param(inline)]
    sort: FindingOrder,
    /// From 1.
    #[param(value_type = Option<u32>, minimum = 1, default = 1)]
    page: Option<Number<{ i32::MAX as u32 }>>,
    /// Rows on a page.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500, default = 50)]
    limit: Option<Number<PAGE_ROWS>>,
}

impl FindingFilterIn {
    /// Which page.
    pub fn paged(&self) -> Paged {
        Paged { page: self.page.map_or(1, |page| page.0), limit: self.limit.map_or(PAGE, |limit| limit.0) }
    }

    /// In which order.
    pub fn sort(&self) -> FindingSort {
        match self.sort {
            FindingOrder::Severity => FindingSort::Severity,
            FindingOrder::File => FindingSort::File,
            FindingOrder::Created => FindingSort::Created,
        }
    }

    /// Which; `None` if it can be none, because only scanners are asked for that there are not.
    ///
    /// # Errors
    /// 400 for a search that is too long.
    pub fn filter(&self) -> Result<Option<FindingFilter>, Problem> {
        for (name, text) in [("q", &self.q), ("filePath", &self.file_path)] {
            check_search(name, text.as_deref())?;
        }
        let scanners: Vec<_> = self.scanner.0.iter().filter_map(|scanner| scanner.kind()).collect();
        if scanners.is_empty() && !self.scanner.0.is_empty() {
            return Ok(None);
        }
        Ok(Some(FindingFilter {
            severities: self.severity.0.iter().flat_map(|word| word.severities()).copied().collect(),
            states: self.status.0.iter().flat_map(|word| word.states()).copied().collect(),
            scanners,
            path_contains: self.file_path.clone(),
            text: self.q.clone(),
        }))
    }
}

/// The findings of a scan
///
/// What the scan covered, as its results left the branch, with today's triage or that of `asOf`.
#[utoipa::path(
    get, path = "/api/scans/{id}/findings", tag = "Findings", params(FindingFilterIn, AtIn),
    responses((status = 200, body = FindingPage), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn findings_of_scan(
    State(app): State<App>,
    caller: Caller,
    memory: Memory,
    Id(scan): Id<ScanId>,
    Query(wanted): Query<FindingFilterIn>,
    Query(at): Query<AtIn>,
) -> Result<FindingPage, Problem> {
    caller.may_scan(&app, scan).await?;
    let at = caller.at(&app, &at).await?;
    list(&app, &memory, caller.organization(), ListScope::Scan(scan), at, &wanted).await
}

/// A page of findings.
///
/// # Errors
/// 400 for a search that is too long, 404 for a scope that there is not, else a fault.
pub async fn list(
    app: &App,
    memory: &Memory,
    organization: OrganizationId,
    scope: ListScope,
    at: At,
    wanted: &FindingFilterIn,
) -> Result<FindingPage, Problem> {
    let page = wanted.paged();
    let scan = match &scope {
        ListScope::Scan(scan) => Some(*scan),
        ListScope::Branch(..) => None,
    };
    let found = match wanted.filter()? {
        None => Page { rows: vec![], total: 0 },
        Some(filter) => {
            let paging: Paging = page.paging();
            let query = FindingQuery { organization, scope, at, filter, sort: wanted.sort(), paging };
            app.views.findings(query).await?
        }
    };
    let findings = with_excerpts(app, memory, found.rows, scan).await?;
    Ok(FindingPage { findings, pagination: page.of(found.total) })
}

/// Findings with their code.
///
/// # Errors
/// When the blob store fails.
pub async fn with_excerpts(
    app: &App,
    memory: &Memory,
    rows: Vec<FindingRow>,
    scan: Option<ScanId>,
) -> Result<Vec<FindingOut>, Problem> {
    let pieces: Vec<_> = rows.iter().map(|row| row.excerpt).collect();
    let excerpts = memory.excerpts.read(&*app.blobs, &pieces).await.map_err(Fault::from)?;
    Ok(rows.into_iter().zip(excerpts).map(|(row, text)| FindingOut::new(row, scan, text)).collect())
}

/// A finding, as it was last seen
#[utoipa::path(
    get, path = "/api/findings/{id}", tag = "Findings", params(AtIn),
    responses((status = 200, body = FindingOut), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn read_finding(
    State(app): State<App>,
    caller: Caller,
    memory: Memory,
    Id(finding): Id<FindingId>,
    Query(at): Query<AtIn>,
) -> Result<Json<FindingOut>, Problem> {
    caller.may_finding(&app, finding).await?;
    let at = caller.at(&app, &at).await?;
    let found = app.views.finding(caller.organization(), finding, at)?;
    Ok(Json(one(&app, &memory, found).await?))
}

/// One finding with its code.
///
/// # Errors
/// When a store fails.
pub async fn one(app: &App, memory: &Memory, found: FindingInScan) -> Result<FindingOut, Problem> {
    let mut shown = with_excerpts(app, memory, vec![found.finding], found.scan).await?;
    shown.pop().ok_or_else(|| Problem::missing("finding"))
}

#[cfg(test)]
mod tests {
    use super::{FindingFilterIn, FindingOrder};
    use crate::extract::List;
    use crate::rest::pepper::word::{FindingStatus, Scanner, SeverityWord};
    use scanledger_domain::finding::TriageState;
    use scanledger_domain::limits::SEARCH_CHARS;
    use scanledger_domain::scanning::ScannerKind;
    use scanledger_domain::severity::Severity;

    #[test]
    fn words_of_a_filter_become_everything_that_is_shown_with_them() {
        let wanted = FindingFilterIn {
            severity: List(vec![SeverityWord::Medium]),
            status: List(vec![FindingStatus::InProgress, FindingStatus::Open]),
            scanner: List(vec![Scanner::SecretsPattern, Scanner::SecretsLlm]),
            sort: FindingOrder::File,
            ..FindingFilterIn::default()
        };
        let filter = wanted.filter().unwrap().unwrap();
        assert_eq!(filter.severities, [Severity::Medium, Severity::Unknown]);
        assert_eq!(
            filter.states,
            [TriageState::Investigating, TriageState::Confirmed, TriageState::Untriaged]
        );
        assert_eq!(filter.scanners, [ScannerKind::Secrets]);
    }

    #[test]
    fn only_scanners_that_there_are_not_find_nothing_rather_than_everything() {
        let wanted = FindingFilterIn { scanner: List(vec![Scanner::SastLlm]), ..FindingFilterIn::default() };
        assert_eq!(wanted.filter().unwrap(), None);
        assert!(FindingFilterIn::default().filter().unwrap().is_some());
    }

    #[test]
    fn a_search_has_a_limit() {
        let of = |chars| FindingFilterIn { q: Some("é".repeat(chars)), ..FindingFilterIn::default() };
        assert!(of(SEARCH_CHARS).filter().is_ok());
        assert_eq!(of(SEARCH_CHARS + 1).filter().unwrap_err().status().as_u16(), 400);
    }
}
