//! Branches.

use super::finding::check_search;
use super::load::{Batches, ScanKey};
use super::project::SeverityCounts;
use super::scalar::Instant;
use super::scan::Scan;
use super::scope::Pin;
use super::word::{BranchState, ClosedBecause};
use async_graphql::{Context, ID, InputObject, Object, Result};
use scanledger_domain::branch::BranchRole;
use scanledger_projections::branch::BranchRow;

/// A branch at a position.
pub(super) struct Branch {
    pub(super) row: BranchRow,
    pub(super) pin: Pin,
}

/// Which branches.
#[derive(Debug, Clone, Default, InputObject)]
pub(super) struct BranchFilter {
    /// Open or closed ones; both if absent.
    pub(super) state: Option<BranchState>,
    /// Whose name contains this, whatever the case.
    pub(super) name_contains: Option<String>,
}

impl BranchFilter {
    /// The filter, if it is within limits.
    ///
    /// # Errors
    /// For searches that are too long.
    pub(super) fn checked(self) -> Result<Self> {
        check_search("nameContains", self.name_contains.as_deref())?;
        Ok(self)
    }
}

/// A branch of a project, from its first results on.
#[Object]
impl Branch {
    /// Its id.
    async fn id(&self) -> ID {
        ID(self.row.id.to_string())
    }

    /// Its name.
    async fn name(&self) -> &str {
        &self.row.name
    }

    /// Whether it is the branch that is meant when nobody names one.
    async fn is_default(&self) -> bool {
        self.row.role == BranchRole::Default
    }

    /// Whether it is open.
    async fn state(&self) -> BranchState {
        self.row.state().into()
    }

    /// When it was opened; the last time, if it was closed in between.
    async fn opened_at(&self) -> Instant {
        Instant(self.row.opened_at)
    }

    /// When it was closed; null while it is open.
    async fn closed_at(&self) -> Option<Instant> {
        self.row.closed.map(|closed| Instant(closed.at))
    }

    /// Why it was closed; null while it is open.
    async fn closed_because(&self) -> Option<ClosedBecause> {
        self.row.closed.map(|closed| closed.because.into())
    }

    /// The latest scan with results on it.
    async fn last_scan(&self, ctx: &Context<'_>) -> Result<Option<Scan>> {
        let Some(last) = self.row.last_scan else { return Ok(None) };
        let row = Batches::of(ctx).load_one(ScanKey(self.pin, last.scan)).await?;
        Ok(row.map(|row| Scan { row, pin: self.pin }))
    }

    /// When the results of that scan were complete.
    async fn last_scanned_at(&self) -> Option<Instant> {
        self.row.last_scan.map(|last| Instant(last.at))
    }

    /// Findings on it by severity about which something is still to be done: untriaged, investigating and confirmed ones.
    async fn open_counts(&self) -> SeverityCounts {
        self.row.open.into()
    }

    /// Findings on it by severity, whatever their triage.
    async fn counts(&self) -> SeverityCounts {
        self.row.counts.into()
    }
}
