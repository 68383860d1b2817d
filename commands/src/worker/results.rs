//! What is made of recorded results: the gate's verdict, and the files that a scan leaves behind.

use super::gather::Gathered;
use super::record::RecordedScan;
use super::run::{Halt, Run, joined};
use crate::error::Fault;
use scanledger_domain::branch::{Observed, branch_id};
use scanledger_domain::finding::TriageState;
use scanledger_domain::id::FindingId;
use scanledger_domain::project::{GateInput, Project, ProjectState, Verdict, project_stream};
use scanledger_domain::report::{Artifact, ArtifactKind, Report, ReportFinding, ReportFormat};
use scanledger_domain::scan::{Failure, FailureCode, ScanOutcome};
use scanledger_domain::severity::{Severity, SeverityCounts};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

pub(crate) type Decisions = HashMap<FindingId, (TriageState, Option<String>)>;

impl Run {
    /// Asks the gate, writes the artifacts, and says what came out.
    pub(super) async fn conclude(
        &mut self,
        gathered: Gathered,
        recorded: RecordedScan,
    ) -> Result<(ScanOutcome, Verdict), Halt> {
        let queued = self.life.queued.clone();
        let RecordedScan { observed, new, scanned, position } = recorded;
        let branch = branch_id(queued.project, &queued.branch);
        let triage = self.deps.views.triage(queued.project, branch).await?;
        if triage.read_at < position {
            return Err(Halt::Retry("the read model went back behind the results of the scan"));
        }
        let seen = observed.iter().map(|observed| (observed.finding, observed.detection.severity));
        let input = gate_input(seen, &new, &triage.decisions);
        let verdict = triage.gate.verdict(&input, triage.read_at);
        let mut counts = SeverityCounts::default();
        for observed in &observed {
            counts.add(observed.detection.severity, 1);
        }
        self.log.info(
            "the results are recorded",
            &[
                ("findings", counts.total().into()),
                ("new", scanned.counts.new.into()),
                ("fixed", scanned.counts.resolved.into()),
                ("gate", serde_json::json!(verdict.result)),
            ],
        );
        let components = gathered.components.as_ref().map(|components| components.len() as u64);
        let outcome = ScanOutcome {
            counts,
            new: scanned.counts.new,
            fixed: scanned.counts.resolved,
            unchanged: scanned.counts.unchanged + scanned.counts.updated,
            files: gathered.files,
            components: components.unwrap_or(0),
            scanners: gathered.reports,
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
        let artifacts = self.store(written).await?;
        Ok((ScanOutcome { artifacts, ..outcome }, verdict))
    }

    /// Stores reports, and the scan's log until now as the last of them.
    pub(super) async fn store(
        &self,
        mut files: Vec<(ArtifactKind, Vec<u8>)>,
    ) -> Result<Vec<Artifact>, Fault> {
        files.push((ArtifactKind::ScanLog, self.log.to_bytes()));
        let mut artifacts = Vec::with_capacity(files.len());
        for (kind, bytes) in files {
            let size = bytes.len() as u64;
            let blob = self.deps.blobs.put(bytes).await?;
            artifacts.push(Artifact { kind, blob, size });
        }
        Ok(artifacts)
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
    let mut new_by_state = HashMap::new();
    for (finding, severity) in seen {
        let state = state_of(finding, decisions);
        *findings.entry((severity, state)).or_insert(0) += 1;
        if new.contains(&finding) {
            *new_by_state.entry(state).or_insert(0) += 1;
        }
    }
    GateInput {
        findings: findings.into_iter().map(|((severity, state), n)| (severity, state, n)).collect(),
        new: new_by_state.into_iter().collect(),
    }
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
