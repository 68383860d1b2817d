//! Scans of clients that were not heard of again.

use crate::store::column::id;
use crate::store::{ReadError, Views};
use scanledger_domain::id::{OrganizationId, ScanId};
use scanledger_domain::time::Timestamp;

/// A scan whose client is silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SilentScan {
    /// The scan.
    pub scan: ScanId,
    /// Whose it is.
    pub organization: OrganizationId,
}

impl Views {
    /// Scans that clients run and that nobody has heard of since `before`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn silent_client_scans(&self, before: Timestamp) -> Result<Vec<SilentScan>, ReadError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT s.id, o.id FROM scan_state st
                 JOIN scan s ON s.key = st.scan AND s.deleted IS NULL AND s.client IS NOT NULL
                 JOIN organization o ON o.key = s.organization
                 WHERE st.valid_to = 9223372036854775807 AND st.status IN ('running', 'settling')
                   AND (st.status IN ('queued', 'running', 'paused', 'settling') OR st.owes_partial = 1)
                   AND st.changed_at < ?1
                 ORDER BY s.key",
            )?;
            let rows = statement.query_map([before.0], |row| {
                Ok(SilentScan { scan: ScanId(id(row, 0)?), organization: OrganizationId(id(row, 1)?) })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}
