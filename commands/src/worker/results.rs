//! What is made of recorded results: the gate's verdict, and the files that a scan leaves behind.

use super::gather::Gathered;
use super::record::RecordedScan;
use super::run::{Halt, Run, joined};
use crate::error::Fault;
use scanledger_domain::branch::{Observed, Present, branch_id};
use scanledger_domain::finding::TriageState;
use scanledger_domain::id::{BranchId, FindingId};
use scanledger_domain::project::{GateInput, Project, ProjectState, Verdict, project_stream};
use scanledger_domain::report::{Artifact, ArtifactKind, Report, ReportFinding, ReportFormat};
use scanledger_domain::scan::{Failure, FailureCode, ScanOutcome};
use scanledger_domain::scanning::ScannerKind;
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
        let seen = seen.chain(left.iter().map(|present| (present.finding, present.severity)));
        let input = gate_input(seen, &new, &triage.decisions);
        let verdict = triage.gate.verdict(&input, triage.read_at);
        // Findings of the scan are those that its scanners cover, as lists show them.
        let kept = left.iter().filter(|present| gathered.coverage.scanners.contains(&present.scanner));
        let kept: Vec<Severity> = kept.map(|present| present.severity).collect();
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
                ("leftAlone", left.len().into()),
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

    /// Findings on the branch that the scan would have to see again to keep, had its scanners been able to look
    /// everywhere.
    async fn left_alone(
        &self,
        branch: BranchId,
        gathered: &Gathered,
        observed: &[Observed],
    ) -> Result<Vec<Present>, Halt> {
        let hindered: Vec<ScannerKind> = gathered.coverage.hindered().collect();
        let is_open =
            |kind: &ScannerKind| !gathered.coverage.scanners.contains(kind) || hindered.contains(kind);
        let wanted = self.life.queued.scan_type.scanners().iter().copied();
        let mut left = self.deps.views.present_findings(branch, wanted.filter(is_open).collect()).await?;
        let seen: HashSet<FindingId> = observed.iter().map(|observed| observed.finding).collect();
        left.retain(|present| !seen.contains(&present.finding));
        Ok(left)
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

/// What comes out of a scan that found nothing before it was stopped.
pub(super) fn nothing() -> ScanOutcome {
    ScanOutcome {
        counts: SeverityCounts::default(),
        new: 0,
        fixed: 0,
        unchanged: 0,
        files: 0,
        components: 0,
        scanners: vec![],
        gaps: vec![],
        generation: None,
        artifacts: vec![],
        client: None,
    }
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
    let mut findings = HashMap::new();
    let mut new_findings = HashMap::new();
    for (finding, severity) in seen {
        let state = state_of(finding, decisions);
        *findings.entry((severity, state)).or_insert(0) += 1;
        if new.contains(&finding) {
            *new_findings.entry((severity, state)).or_insert(0) += 1;
        }
    }
    let counted = |found: HashMap<(Severity, TriageState), u64>| {
        found.into_iter().map(|((severity, state), n)| (severity, state, n)).collect()
    };
    GateInput { findings: counted(findings), new: counted(new_findings) }
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
