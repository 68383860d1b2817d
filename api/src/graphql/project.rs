//! Projects.

use super::branch::{Branch, BranchFilter};
use super::component::{Component, ComponentFilter};
use super::finding::{Finding, FindingFilter};
use super::load::{
    Batches, BranchesAsked, ComponentsAsked, FindingsAsked, FindingsOf, Of, ScanKey, ScansAsked,
};
use super::paging::{Asked, List, cost};
use super::scalar::Instant;
use super::scan::Scan;
use super::scope::Pin;
use super::word::{BranchSort, ComponentSort, FindingSort, GateResult, ScanSort, ScanStatus, Severity};
use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use scanledger_domain::project::{Gate as DomainGate, GateReason, Limit, Verdict as DomainVerdict};
use scanledger_domain::severity::SeverityCounts as DomainCounts;
use scanledger_projections::project::ProjectRow;
use scanledger_projections::{Page, Paging};

/// A project at a position.
pub(super) struct Project {
    pub(super) row: ProjectRow,
    pub(super) pin: Pin,
}

/// Which projects.
#[derive(Debug, Clone, Default, InputObject)]
pub(super) struct ProjectFilter {
    /// Whose name contains this, whatever the case.
    pub(super) name_contains: Option<String>,
    /// With or without a repository.
    pub(super) has_repository: Option<bool>,
}

/// How many findings there are of each severity.
#[derive(Debug, Clone, Copy, SimpleObject)]
pub(super) struct SeverityCounts {
    critical: u64,
    high: u64,
    medium: u64,
    unknown: u64,
    low: u64,
    info: u64,
    /// All of them together.
    total: u64,
}

impl From<DomainCounts> for SeverityCounts {
    fn from(counts: DomainCounts) -> Self {
        let DomainCounts { critical, high, medium, unknown, low, info } = counts;
        Self { critical, high, medium, unknown, low, info, total: counts.total() }
    }
}

/// How many findings of which severity a build may have; null is any number.
#[derive(Debug, Clone, Copy, SimpleObject)]
pub(super) struct Gate {
    max_critical: Option<u32>,
    max_high: Option<u32>,
    /// Together with those of unknown severity.
    max_medium: Option<u32>,
    max_low: Option<u32>,
    /// Whether a new finding fails the build.
    fail_on_new: bool,
}

impl From<DomainGate> for Gate {
    fn from(gate: DomainGate) -> Self {
        let limit = |limit| match limit {
            Limit::Unlimited => None,
            Limit::AtMost(most) => Some(most),
        };
        Self {
            max_critical: limit(gate.max_critical),
            max_high: limit(gate.max_high),
            max_medium: limit(gate.max_medium),
            max_low: limit(gate.max_low),
            fail_on_new: gate.fail_on_new,
        }
    }
}

/// One reason why a gate failed.
#[derive(Debug, Clone, Copy, SimpleObject)]
pub(super) struct Reason {
    /// The severity of which there are too many; null for new findings.
    severity: Option<Severity>,
    /// How many there are.
    count: u64,
    /// How many may be; null for new findings.
    allowed: Option<u32>,
}

/// What a gate said about a scan, and what it knew.
#[derive(Debug, Clone, SimpleObject)]
pub(super) struct Verdict {
    result: GateResult,
    /// Why, if it failed.
    reasons: Vec<Reason>,
    /// The gate in force then.
    gate: Gate,
    /// Where triage and gate were read.
    read_at: super::scalar::Place,
}

impl From<DomainVerdict> for Verdict {
    fn from(verdict: DomainVerdict) -> Self {
        let reason = |reason: &GateReason| match *reason {
            GateReason::TooMany { severity, count, allowed } => {
                Reason { severity: Some(severity.into()), count, allowed: Some(allowed) }
            }
            GateReason::NewFindings { count } => Reason { severity: None, count, allowed: None },
        };
        Self {
            result: verdict.result.into(),
            reasons: verdict.reasons.iter().map(reason).collect(),
            gate: verdict.gate.into(),
            read_at: super::scalar::Place(verdict.read_at),
        }
    }
}

/// Something that is scanned again and again.
#[Object]
impl Project {
    /// Its id.
    async fn id(&self) -> ID {
        ID(self.row.id.to_string())
    }

    /// What people call it.
    async fn name(&self) -> &str {
        &self.row.details.name
    }

    /// What it is.
    async fn description(&self) -> Option<&str> {
        self.row.details.description.as_deref()
    }

    /// Its repository.
    async fn repo_url(&self) -> Option<&str> {
        self.row.details.repo_url.as_deref()
    }

    /// The branch that is meant when nobody names one.
    async fn default_branch(&self) -> &str {
        &self.row.details.default_branch
    }

    /// Where its running application is.
    async fn dast_target_url(&self) -> Option<&str> {
        self.row.details.dast_target_url.as_deref()
    }

    /// The team that owns it.
    async fn team_id(&self) -> Option<ID> {
        self.row.team.map(|team| ID(team.to_string()))
    }

    /// Its gate.
    async fn gate(&self) -> Gate {
        self.row.gate.into()
    }

    /// When it was created.
    async fn created_at(&self) -> Instant {
        Instant(self.row.created_at)
    }

    /// When its details or gate last changed.
    async fn updated_at(&self) -> Instant {
        Instant(self.row.updated_at)
    }

    /// How many scans it has.
    async fn scan_count(&self) -> u64 {
        self.row.scans
    }

    /// Findings on its default branch by severity, whatever their triage.
    async fn counts(&self) -> SeverityCounts {
        self.row.counts.into()
    }

    /// Its latest scan.
    async fn latest_scan(&self, ctx: &Context<'_>) -> Result<Option<Scan>> {
        let Some(id) = self.row.latest_scan else { return Ok(None) };
        let row = Batches::of(ctx).load_one(ScanKey(self.pin, id)).await?;
        Ok(row.map(|row| Scan { row, pin: self.pin }))
    }

    /// Its scans.
    #[graphql(complexity = "cost(first, None, child_complexity)")]
    async fn scans(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        #[graphql(default)] statuses: Vec<ScanStatus>,
        branch: Option<String>,
        #[graphql(default)] sort: ScanSort,
    ) -> Result<List<Scan>> {
        let window = nested(first, after.as_deref())?;
        let asked = ScansAsked { pin: self.pin, statuses, branch, sort, window };
        let page = Batches::of(ctx).load_one(Of(self.row.id, asked)).await?;
        Ok(page_of(window, page, |row| Scan { row, pin: self.pin }))
    }

    /// Its branches, open and closed.
    #[graphql(complexity = "cost(first, None, child_complexity)")]
    async fn branches(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        #[graphql(default)] filter: BranchFilter,
        #[graphql(default)] sort: BranchSort,
    ) -> Result<List<Branch>> {
        let window = nested(first, after.as_deref())?;
        let BranchFilter { state, name_contains } = filter.checked()?;
        let asked = BranchesAsked { pin: self.pin, state, name_contains, sort, window };
        let page = Batches::of(ctx).load_one(Of(self.row.id, asked)).await?;
        Ok(page_of(window, page, |row| Branch { row, pin: self.pin }))
    }

    /// Findings on a branch; the default branch without a name.
    #[graphql(complexity = "cost(first, None, child_complexity)")]
    async fn findings(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        branch: Option<String>,
        #[graphql(default)] filter: FindingFilter,
        #[graphql(default)] sort: FindingSort,
    ) -> Result<List<Finding>> {
        let window = nested(first, after.as_deref())?;
        let asked = FindingsAsked { pin: self.pin, filter: filter.checked()?, sort, window };
        let page = Batches::of(ctx).load_one(Of(FindingsOf::Branch(self.row.id, branch), asked)).await?;
        Ok(page_of(window, page, |row| Finding { row, pin: self.pin }))
    }

    /// Components on a branch; the default branch without a name.
    #[graphql(complexity = "cost(first, None, child_complexity)")]
    async fn components(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        branch: Option<String>,
        #[graphql(default)] filter: ComponentFilter,
        #[graphql(default)] sort: ComponentSort,
    ) -> Result<List<Component>> {
        let window = nested(first, after.as_deref())?;
        let filter = filter.checked()?;
        let asked = ComponentsAsked {
            pin: self.pin,
            branch,
            name_contains: filter.name_contains,
            ecosystem: filter.ecosystem,
            sort,
            window,
        };
        let page = Batches::of(ctx).load_one(Of(self.row.id, asked)).await?;
        Ok(page_of(window, page, Component))
    }
}

/// The rows of a list inside another object: forward only, so that one statement can read them for all objects.
pub(super) fn nested(first: Option<i32>, after: Option<&str>) -> Result<(u64, u32)> {
    let asked = Asked::new(first, after, None, None)?;
    let Paging { offset, limit } = asked.window().unwrap_or_else(|| asked.window_of(0));
    Ok((offset, limit))
}

/// The connection of a page that was loaded; nothing was found if there is none.
pub(super) fn page_of<R, T: async_graphql::OutputType>(
    window: (u64, u32),
    page: Option<Page<R>>,
    object: impl Fn(R) -> T,
) -> List<T> {
    let page = page.unwrap_or_else(|| Page { rows: vec![], total: 0 });
    Asked::forward(window).list(window.0, page.rows.into_iter().map(object).collect(), page.total)
}
