//! What came out of scans, answered by the projections.

use super::read_model::failed;
use scanledger_commands::hosted::{ScanResult, ScanResults};
use scanledger_commands::ports::ReadError;
use scanledger_domain::BoxFuture;
use scanledger_domain::check::{Examined, Seen};
use scanledger_domain::id::{OrganizationId, ScanId};
use scanledger_domain::scan::ScanStatus;
use scanledger_domain::scanning::ScannerKind;
use scanledger_domain::time::Clock;
use scanledger_projections::component::{ComponentQuery, ComponentSort};
use scanledger_projections::finding::{FindingFilter, FindingQuery, FindingRow, FindingSort, ListScope};
use scanledger_projections::scan::ScanRow;
use scanledger_projections::{At, Paging, Views};
use std::sync::Arc;

/// Findings read at a time.
const PAGE: u32 = 1_000;

/// The views of this node.
#[derive(Clone)]
pub struct ViewsScanResults {
    views: Views,
    clock: Arc<dyn Clock>,
}

impl ViewsScanResults {
    /// Over the views of this node.
    pub const fn new(views: Views, clock: Arc<dyn Clock>) -> Self {
        Self { views, clock }
    }

    async fn examined(
        &self,
        organization: OrganizationId,
        row: &ScanRow,
    ) -> Result<Examined, scanledger_projections::ReadError> {
        let filter = FindingFilter { scanners: vec![ScannerKind::Sca], ..FindingFilter::default() };
        // Pages of different moments could miss what moved from one to the other.
        let at = At::Position(self.views.position());
        let mut seen: Vec<Seen> = Vec::new();
        let mut offset = 0;
        loop {
            let query = FindingQuery {
                organization,
                scope: ListScope::Scan(row.id),
                at,
                filter: filter.clone(),
                sort: FindingSort::Severity,
                paging: Paging { offset, limit: PAGE },
            };
            let page = self.views.findings(query).await?;
            let read = page.rows.len() as u64;
            seen.extend(page.rows.into_iter().filter_map(as_seen));
            offset += read;
            if read == 0 || offset >= page.total {
                break;
            }
        }
        let query = ComponentQuery {
            organization,
            project: row.project,
            branch: Some(row.branch.clone()),
            at: At::Scan(row.id),
            name_contains: None,
            ecosystem: None,
            sort: ComponentSort::Package,
            paging: None,
        };
        let components = self.views.components(query).await?.rows;
        let is_matched = row.outcome.as_ref().is_some_and(|outcome| outcome.generation.is_some());
        Ok(Examined {
            seen,
            components: components.into_iter().map(|row| row.component).collect(),
            is_matched,
        })
    }
}

impl ScanResults for ViewsScanResults {
    fn result(
        &self,
        organization: OrganizationId,
        scan: ScanId,
    ) -> BoxFuture<'_, Result<Option<ScanResult>, ReadError>> {
        Box::pin(async move {
            let row = match self.views.scan(organization, scan, At::Now).await {
                Ok(row) => row,
                Err(scanledger_projections::ReadError::Missing(_)) => return Ok(None),
                Err(error) => return Err(failed("read a scan")(error)),
            };
            let examined = match row.status {
                ScanStatus::Completed => {
                    self.examined(organization, &row).await.map_err(failed("read the result of a scan"))?
                }
                _ => Examined::default(),
            };
            let until = row.ended_at.unwrap_or_else(|| self.clock.now());
            let duration_ms = (until.0 - row.queued_at.0) / 1_000;
            Ok(Some(ScanResult {
                status: row.status,
                duration_ms: duration_ms.max(0).cast_unsigned(),
                failure: row.failure,
                examined,
            }))
        })
    }
}

/// A vulnerable package; what is only a notice about one is none.
fn as_seen(row: FindingRow) -> Option<Seen> {
    Some(Seen {
        package: row.package.filter(|_| row.informational.is_none())?,
        advisory: row.rule,
        aliases: row.advisories,
        cve: row.cve,
        severity: row.severity,
        state: row.state,
        imported: row.imported,
        fix: row.fix,
        places: row.places,
    })
}
