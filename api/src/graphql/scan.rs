//! Scans.

use super::actor::Actor;
use super::finding::{Finding, FindingFilter};
use super::load::{Batches, FindingsAsked, FindingsOf, Of, ProjectKey};
use super::paging::{List, cost};
use super::project::{Project, SeverityCounts, Verdict, nested, page_of};
use super::scalar::{Instant, Place};
use super::scope::Pin;
use super::word::{FailureCode, FindingSort, ScanStatus, ScanType, Scanner};
use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use scanledger_domain::scan::ScanOutcome;
use scanledger_projections::scan::ScanRow;

/// A scan at a position.
pub(super) struct Scan {
    pub(super) row: ScanRow,
    pub(super) pin: Pin,
}

/// Which scans.
#[derive(Debug, Clone, Default, InputObject)]
pub(super) struct ScanFilter {
    /// In one of these states.
    #[graphql(default)]
    pub(super) statuses: Vec<ScanStatus>,
    /// On this branch.
    pub(super) branch: Option<String>,
}

/// The source of a scan.
#[derive(Debug, Clone, SimpleObject)]
pub(super) struct Source {
    /// The archive's file name.
    name: String,
    /// Bytes of the archive.
    size: u64,
    /// Its SHA-256, hex.
    sha256: String,
}

/// What one scanner did.
#[derive(Debug, Clone, SimpleObject)]
pub(super) struct ScannerReport {
    scanner: Scanner,
    /// How many findings it reported.
    findings: u64,
    /// How many files it looked at.
    files: u64,
}

/// What came out of a scan.
#[derive(Debug, Clone, SimpleObject)]
pub(super) struct Outcome {
    /// Findings by severity, whatever their triage.
    counts: SeverityCounts,
    /// Findings that were not on the branch before.
    new: u64,
    /// Findings that are no longer there.
    fixed: u64,
    /// Findings that were there before and still are.
    unchanged: u64,
    /// Files looked at.
    files: u64,
    /// Components found.
    components: u64,
    /// What each scanner did.
    scanners: Vec<ScannerReport>,
}

impl From<&ScanOutcome> for Outcome {
    fn from(outcome: &ScanOutcome) -> Self {
        let report = |report: &scanledger_domain::scan::ScannerReport| ScannerReport {
            scanner: report.scanner.into(),
            findings: report.findings,
            files: report.files,
        };
        Self {
            counts: outcome.counts.into(),
            new: outcome.new,
            fixed: outcome.fixed,
            unchanged: outcome.unchanged,
            files: outcome.files,
            components: outcome.components,
            scanners: outcome.scanners.iter().map(report).collect(),
        }
    }
}

/// Why a scan failed.
#[derive(Debug, Clone, SimpleObject)]
pub(super) struct Failure {
    /// For programs.
    code: FailureCode,
    /// For people.
    message: String,
}

/// One look at a project's source.
#[Object]
impl Scan {
    /// Its id.
    async fn id(&self) -> ID {
        ID(self.row.id.to_string())
    }

    /// Of what.
    async fn project_id(&self) -> ID {
        ID(self.row.project.to_string())
    }

    /// Of what.
    async fn project(&self, ctx: &Context<'_>) -> Result<Option<Project>> {
        let row = Batches::of(ctx).load_one(ProjectKey(self.pin, self.row.project)).await?;
        Ok(row.map(|row| Project { row, pin: self.pin }))
    }

    /// On which branch.
    async fn branch(&self) -> &str {
        &self.row.branch
    }

    /// What it looks for.
    #[graphql(name = "type")]
    async fn scan_type(&self) -> ScanType {
        self.row.scan_type.into()
    }

    /// Where it stands.
    async fn status(&self) -> ScanStatus {
        self.row.status.into()
    }

    /// Its present run, from 1; a resume after a stop begins the next.
    async fn run(&self) -> u32 {
        self.row.run
    }

    /// Its source.
    async fn source(&self) -> Source {
        let source = &self.row.source;
        Source { name: source.name.clone(), size: source.size, sha256: source.blob.to_string() }
    }

    /// The commit.
    async fn commit(&self) -> Option<&str> {
        self.row.commit.as_deref()
    }

    /// The commit to compare with.
    async fn base(&self) -> Option<&str> {
        self.row.base.as_deref()
    }

    /// The scan whose source is scanned again.
    async fn rescan_of(&self) -> Option<ID> {
        self.row.rescan_of.map(|scan| ID(scan.to_string()))
    }

    /// Who wanted it.
    async fn requested_by(&self) -> Actor {
        Actor(self.row.by)
    }

    /// Where its first event is.
    async fn position(&self) -> Place {
        Place(self.row.queued)
    }

    /// Where its findings are anchored, once they are complete.
    async fn scanned(&self) -> Option<Place> {
        self.row.scanned.map(Place)
    }

    /// When it was queued.
    async fn queued_at(&self) -> Instant {
        Instant(self.row.queued_at)
    }

    /// When a worker began its present run.
    async fn started_at(&self) -> Option<Instant> {
        self.row.started_at.map(Instant)
    }

    /// When it ended.
    async fn ended_at(&self) -> Option<Instant> {
        self.row.ended_at.map(Instant)
    }

    /// When it last changed.
    async fn changed_at(&self) -> Instant {
        Instant(self.row.changed_at)
    }

    /// What came out.
    async fn outcome(&self) -> Option<Outcome> {
        self.row.outcome.as_ref().map(Outcome::from)
    }

    /// What the gate said.
    async fn verdict(&self) -> Option<Verdict> {
        self.row.verdict.clone().map(Verdict::from)
    }

    /// Why it failed.
    async fn failure(&self) -> Option<Failure> {
        let failure = self.row.failure.as_ref()?;
        Some(Failure { code: failure.code.into(), message: failure.message.clone() })
    }

    /// What it covered, as its results left the branch, with today's triage or that of `asOf`.
    #[graphql(complexity = "cost(first, None, child_complexity)")]
    async fn findings(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        #[graphql(default)] filter: FindingFilter,
        #[graphql(default)] sort: FindingSort,
    ) -> Result<List<Finding>> {
        let window = nested(first, after.as_deref())?;
        let asked = FindingsAsked { pin: self.pin, filter: filter.checked()?, sort, window };
        let page = Batches::of(ctx).load_one(Of(FindingsOf::Scan(self.row.id), asked)).await?;
        Ok(page_of(window, page, |row| Finding { row, pin: self.pin }))
    }
}
