//! What is made of recorded results: the gate's verdict, and the files that a scan leaves behind.

use super::gather::Gathered;
use super::record::RecordedScan;
use super::run::{Halt, Run, joined};
use crate::branch::Inventories;
use crate::error::Fault;
use scanledger_domain::branch::{Observed, branch_id};
use scanledger_domain::finding::TriageState;
use scanledger_domain::id::{BranchId, FindingId};
use scanledger_domain::project::{GateInput, LeftAlone, Project, ProjectState, Verdict, project_stream};
use scanledger_domain::report::{Artifact, ArtifactKind, Report, ReportFinding, ReportFormat};
use scanledger_domain::scan::{Failure, FailureCode, ScanOutcome};
use scanledger_domain::severity::{Severity, SeverityCounts};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// A report that is written and not stored.
pub(super) type Written = (ArtifactKind, Vec<u8>);

/// Whether a scan can be run again once a store is back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CanWait {
    /// It can.
    Yes,
    /// Somebody stopped it: this is all that will be recorded of the run.
    No,
}

pub(crate) type Decisions = HashMap<FindingId, (TriageState, Option<String>)>;

impl Run {
    /// Asks the gate, and says what came out; besides, the reports about it, which are not stored yet.
    pub(super) async fn conclude(
        &mut self,
        gathered: Gathered,
        recorded: RecordedScan,
    ) -> Result<(ScanOutcome, Verdict, Vec<Written>), Halt> {
        let queued = self.life.queued.clone();
        let RecordedScan { observed, new, scanned, position } = recorded;
        let branch = branch_id(queued.project, &queued.branch);
        let triage = self.deps.views.triage(queued.project, branch).await?;
        if triage.read_at < position {
            return Err(Halt::Retry("the read model went back behind the results of the scan"));
        }
        let left = self.left_alone(branch, &gathered, &observed).await?;
        let seen = observed.iter().map(|observed| (observed.finding, observed.detection.severity));
        let input = gate_input(seen.chain(left.findings()), &new, &triage.decisions);
        let verdict = triage.gate.verdict(&input, triage.read_at);
        let kept: Vec<Severity> = left.of_the_scan(&gathered.coverage).collect();
        let mut counts = SeverityCounts::default();
        for severity in
            observed.iter().map(|observed| observed.detection.severity).chain(kept.iter().copied())
        {
            counts.add(severity, 1);
        }
        for gap in &gathered.gaps {
            self.log.warn(&format!("{gap}; what it left out stays as it was, and counts for the gate"), &[]);
        }
        self.log.info(
            "the results are recorded",
            &[
                ("findings", counts.total().into()),
                ("new", scanned.counts.new.into()),
                ("fixed", scanned.counts.resolved.into()),
                ("leftAlone", left.count().into()),
                ("gate", serde_json::json!(verdict.result)),
            ],
        );
        let components = gathered.components.as_ref().map(|components| components.len() as u64);
        let outcome = ScanOutcome {
            counts,
            new: scanned.counts.new,
            fixed: scanned.counts.resolved,
            unchanged: scanned.counts.unchanged + scanned.counts.updated + kept.len() as u64,
            files: gathered.files,
            components: components.unwrap_or(0),
            scanners: gathered.reports,
            gaps: gathered.gaps.clone(),
            generation: scanned.generation,
            artifacts: vec![],
            client: None,
        };
        let project = match self.deps.ledger.load::<Project>(&project_stream(queued.project)).await?.0 {
            ProjectState::Live(project) => project.details,
            ProjectState::Missing | ProjectState::Deleted => return Err(project_gone()),
        };
        let mut report = Report {
            project: project.name,
            scan: Some(queued.scan),
            branch: Some(queued.branch),
            commit: queued.commit,
            repository: project.repo_url,
            created_at: self.deps.clock.now(),
            findings: vec![],
            components: gathered.components.unwrap_or_default(),
            dependencies: gathered.dependencies,
            gaps: gathered.gaps,
        };
        let mut formats = vec![(ArtifactKind::Sarif, ReportFormat::Sarif)];
        if components.is_some() {
            formats.push((ArtifactKind::CycloneDx, ReportFormat::CycloneDx));
            formats.push((ArtifactKind::Spdx, ReportFormat::Spdx));
        }
        let writer = Arc::clone(&self.deps.reports);
        let written = tokio::task::spawn_blocking(move || {
            report.findings = report_findings(observed, &new, triage.decisions);
            formats
                .into_iter()
                .map(|(kind, format)| writer.write(format, &report).map(|bytes| (kind, bytes)))
                .collect::<Result<Vec<_>, _>>()
        });
        let written = joined(written.await)?.map_err(|error| Fault::other("write a report", error))?;
        Ok((outcome, verdict, written))
    }

    /// What the scan did not see on the branch and left there.
    async fn left_alone(
        &self,
        branch: BranchId,
        gathered: &Gathered,
        observed: &[Observed],
    ) -> Result<LeftAlone, Halt> {
        let (scan_type, coverage) = (self.life.queued.scan_type, &gathered.coverage);
        let scanners = LeftAlone::scanners(scan_type, coverage);
        let inventories = Inventories::new(&self.deps.ledger, &self.deps.views);
        let present = inventories.present(branch, scanners).await?;
        Ok(LeftAlone::of(present, scan_type, coverage, observed))
    }

    /// Stores reports, and the scan's log until now as the last of them. What is on the branch is recorded by now and the
    /// verdict stands, so a report that the store does not take is left out: exports write it again from what is
    /// recorded. A store that is out of reach is another matter if `can_wait`.
    ///
    /// # Errors
    /// When the store is out of reach and the scan can wait for it.
    pub(super) async fn keep(
        &mut self,
        reports: Vec<Written>,
        can_wait: CanWait,
    ) -> Result<Vec<Artifact>, Fault> {
        let mut artifacts = Vec::with_capacity(reports.len() + 1);
        for (kind, bytes) in reports {
            artifacts.extend(self.keep_one(kind, bytes, can_wait).await?);
        }
        let log = self.log.to_bytes();
        artifacts.extend(self.keep_one(ArtifactKind::ScanLog, log, can_wait).await?);
        Ok(artifacts)
    }

    async fn keep_one(
        &mut self,
        kind: ArtifactKind,
        bytes: Vec<u8>,
        can_wait: CanWait,
    ) -> Result<Option<Artifact>, Fault> {
        match self.store(kind, bytes).await {
            Ok(artifact) => Ok(Some(artifact)),
            Err(fault) if can_wait == CanWait::Yes && fault.is_temporary() => Err(fault),
            Err(fault) => {
                let (scan, report) = (self.life.queued.scan, serde_json::json!(kind));
                let error = &fault as &dyn std::error::Error;
                tracing::error!(scan.id = %scan, %report, error, "a report of a scan could not be kept");
                self.log.warn("a report could not be kept; the server's log says why", &[("report", report)]);
                Ok(None)
            }
        }
    }

    pub(super) async fn store(&self, kind: ArtifactKind, bytes: Vec<u8>) -> Result<Artifact, Fault> {
        let size = bytes.len() as u64;
        let blob = self.deps.blobs.put(bytes).await?;
        Ok(Artifact { kind, blob, size })
    }
}

/// The failure of a scan whose project was deleted.
pub(super) fn project_gone() -> Halt {
    let message = "the project was deleted".to_owned();
    Halt::Failed(Failure { code: FailureCode::Internal, message })
}

pub(crate) fn state_of(finding: FindingId, decisions: &Decisions) -> TriageState {
    decisions.get(&finding).map_or(TriageState::Untriaged, |(state, _)| *state)
}

/// What the gate is asked about a scan.
pub(crate) fn gate_input(
    seen: impl Iterator<Item = (FindingId, Severity)>,
    new: &HashSet<FindingId>,
    decisions: &Decisions,
) -> GateInput {
    GateInput::of(seen, new, |finding| state_of(finding, decisions))
}

/// Findings as reports show them, worst first, then by place.
fn report_findings(
    observed: Vec<Observed>,
    new: &HashSet<FindingId>,
    mut decisions: Decisions,
) -> Vec<ReportFinding> {
    let mut findings: Vec<ReportFinding> = observed
        .into_iter()
        .map(|observed| {
            let (state, note) = decisions.remove(&observed.finding).unwrap_or_default();
            let is_new = new.contains(&observed.finding);
            ReportFinding { state, note, is_new, ..ReportFinding::undecided(observed) }
        })
        .collect();
    ReportFinding::sort(&mut findings);
    findings
}
