//! What a client found: recorded on the branch like what workers find.

use super::{ClientScan, ClientScanProblem, ClientScans, Result, refused};
use crate::context::Context;
use crate::error::{CommandError, Fault};
use crate::worker::record::{RecordedScan, Recorder, Results, Unrecorded};
use crate::worker::results::{Decisions, gate_input, state_of};
use scanledger_domain::blob::{BlobHash, BlobStore};
use scanledger_domain::branch::{Coverage, Observed, RuleCoverage};
use scanledger_domain::id::FindingId;
use scanledger_domain::log::Position;
use scanledger_domain::project::{Gate, GateInput};
use scanledger_domain::scan::{
    CLIENT_ATTEMPT, Extent, ResultsReceived, ScanCommand, ScanOutcome, ScanStatus, ScannerReport,
};
use scanledger_domain::scanning::{Detection, Identity, ScannerKind};
use scanledger_domain::severity::{Severity, SeverityCounts};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashSet};

/// What a client uploads about a scan that it ran. Bounded by whoever read it
/// ([`scanledger_domain::limits::RESULTS_FINDINGS`]).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ClientUpload {
    /// What it found; every identity is an upload.
    pub detections: Vec<Detection>,
    /// How many matches comments in the source hide.
    pub ignored: u64,
    /// Every rule that it ran.
    pub rules: BTreeSet<String>,
    /// Files that it could not read, although it saw them.
    pub unread: BTreeSet<String>,
    /// How many files it looked at.
    pub files: u64,
}

/// A finding that will not do, as far as it says where it is. What it is about stays as it was: whether it is there, the
/// upload does not tell.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LeftOut {
    /// Its rule.
    pub rule: Option<String>,
    /// Its file.
    pub path: Option<String>,
}

impl ClientUpload {
    /// Leaves a finding out: nothing that was found before in its file ends; without a file, nothing of its rule; without
    /// either, nothing at all.
    pub fn leave_out(&mut self, left: LeftOut) {
        match (left.path, left.rule) {
            (Some(path), _) => drop(self.unread.insert(path)),
            (None, Some(rule)) => drop(self.rules.remove(&rule)),
            (None, None) => self.rules.clear(),
        }
    }
}

/// What came of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadDone {
    /// Position of the last event; `None` if the results were recorded before.
    pub position: Option<Position>,
}

/// The findings of a scan, as they are kept until it ends.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Seen {
    findings: Vec<SeenFinding>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SeenFinding {
    finding: FindingId,
    severity: Severity,
    #[serde(rename = "new")]
    is_new: bool,
    /// The client's name of it.
    name: String,
}

impl Seen {
    fn of(recorded: &RecordedScan) -> Self {
        let findings = recorded.observed.iter().map(|observed| SeenFinding {
            finding: observed.finding,
            severity: observed.detection.severity,
            is_new: recorded.new.contains(&observed.finding),
            name: match &observed.detection.identity {
                Identity::Upload(uploaded) => uploaded.facts.match_based_id.clone(),
                Identity::Advisory { .. } | Identity::Secret { .. } | Identity::Code { .. } => String::new(),
            },
        });
        Self { findings: findings.collect() }
    }

    pub(super) async fn load(blobs: &dyn BlobStore, blob: BlobHash) -> std::result::Result<Self, Fault> {
        let bytes = blobs.load(blob).await?;
        serde_json::from_slice(&bytes).map_err(|error| Fault::other("read the findings of a scan", error))
    }

    /// What the gate is asked.
    pub(super) fn gate_input(&self, decisions: &Decisions) -> GateInput {
        let new: HashSet<FindingId> =
            self.findings.iter().filter(|seen| seen.is_new).map(|seen| seen.finding).collect();
        gate_input(self.findings.iter().map(|seen| (seen.finding, seen.severity)), &new, decisions)
    }

    /// The client's names of new findings that count.
    pub(super) fn new_and_open(&self, decisions: &Decisions) -> Vec<String> {
        let counts = |seen: &&SeenFinding| {
            seen.is_new && Gate::counts(seen.severity, state_of(seen.finding, decisions))
        };
        self.findings.iter().filter(counts).map(|seen| seen.name.clone()).collect()
    }
}

/// The rules and files that a scan's coverage is about, as they are kept.
#[derive(Serialize)]
struct Kept<'a> {
    rules: &'a BTreeSet<String>,
    unread: &'a BTreeSet<String>,
}

impl ClientScans {
    /// Records what a client found. Results that came before are not recorded again, whatever comes now.
    ///
    /// # Errors
    /// [`ClientScanProblem::Ended`] if the scan has ended without results, or a fault.
    pub async fn receive(
        &self,
        context: &Context,
        scan: &ClientScan,
        upload: ClientUpload,
    ) -> Result<UploadDone> {
        let queued = scan.life.queued.clone();
        if scan.life.received.is_some() {
            return Ok(UploadDone { position: None });
        }
        match scan.life.status {
            ScanStatus::Running => {
                let settle = ScanCommand::Settle { attempt: CLIENT_ATTEMPT };
                self.tell(context, scan, "settle", settle).await?;
            }
            // An attempt before this one did not get to its end.
            ScanStatus::Settling => (),
            ended => return refused(ClientScanProblem::Ended(ended)),
        }
        let reports =
            reports(&queued.client.as_ref().map(|run| run.products.clone()).unwrap_or_default(), &upload);
        let (rules, ignored, files) = (upload.rules.len() as u64, upload.ignored, upload.files);
        let coverage = self.coverage(scan, &upload).await?;
        let recorder = Recorder { ledger: &self.ledger, views: &self.views, blobs: &self.blobs };
        // What clients upload they name themselves, so nothing of it turns out to be another finding.
        let (observed, _) = recorder.observe(queued.project, upload.detections).await.map_err(raced)?;
        let results = Results { queued, run: scan.life.run, coverage, components: None, generation: None };
        let following = Self::follow(context, results.queued.scan, "results");
        let recorded =
            Box::pin(recorder.record(&following, &results, observed, || false)).await.map_err(raced)?;
        let seen = serde_json::to_vec(&Seen::of(&recorded));
        let seen = seen.map_err(|error| Fault::other("write the findings of a scan", error))?;
        let seen = self.blobs.put(seen).await.map_err(Fault::from)?;
        let outcome = outcome(&recorded, reports, files);
        let changes = match results.coverage {
            Coverage::Changes { .. } => recorded.observed.iter().map(|observed| observed.finding).collect(),
            Coverage::Rules(_) | Coverage::Scanners(_) => vec![],
        };
        let scan_id = results.queued.scan;
        let received = ResultsReceived { scan: scan_id, outcome, seen, rules, ignored, changes };
        let done = self.tell(context, scan, "received", ScanCommand::Receive(received)).await?;
        Ok(UploadDone { position: done.position })
    }

    async fn coverage(
        &self,
        scan: &ClientScan,
        upload: &ClientUpload,
    ) -> std::result::Result<Coverage, Fault> {
        let Some(client) = &scan.life.queued.client else {
            return Err(Fault::other("record the results of a client", "no client runs the scan"));
        };
        let mut scanners: BTreeSet<ScannerKind> = client.products.iter().copied().collect();
        scanners.extend(upload.detections.iter().map(|detection| detection.identity.scanner()));
        let scanners = scanners.into_iter().collect();
        match client.extent {
            Extent::Changes => Ok(Coverage::Changes { scanners, rules: upload.rules.len() as u64 }),
            Extent::Full => {
                let kept = serde_json::to_vec(&Kept { rules: &upload.rules, unread: &upload.unread });
                let kept = kept.map_err(|error| Fault::other("write the rules of a scan", error))?;
                Ok(Coverage::Rules(RuleCoverage {
                    scanners,
                    rules: upload.rules.iter().cloned().collect(),
                    unread: upload.unread.iter().cloned().collect(),
                    kept: self.blobs.put(kept).await?,
                }))
            }
        }
    }
}

fn raced(unrecorded: Unrecorded) -> CommandError<ClientScanProblem> {
    match unrecorded {
        Unrecorded::Superseded | Unrecorded::Retry(_) => CommandError::Contended,
        Unrecorded::Broken(fault) => fault.into(),
    }
}

/// What each kind of scanner found, those that found nothing too.
fn reports(products: &[ScannerKind], upload: &ClientUpload) -> Vec<ScannerReport> {
    let of = |scanner: ScannerKind| {
        upload.detections.iter().filter(|detection| detection.identity.scanner() == scanner).count() as u64
    };
    let all = ScannerKind::ALL.into_iter().filter(|scanner| products.contains(scanner) || of(*scanner) > 0);
    all.map(|scanner| ScannerReport { scanner, findings: of(scanner), files: upload.files }).collect()
}

fn outcome(recorded: &RecordedScan, scanners: Vec<ScannerReport>, files: u64) -> ScanOutcome {
    let mut counts = SeverityCounts::default();
    for Observed { detection, .. } in &recorded.observed {
        counts.add(detection.severity, 1);
    }
    let changed = recorded.scanned.counts;
    ScanOutcome {
        counts,
        new: changed.new,
        fixed: changed.resolved,
        unchanged: changed.unchanged + changed.updated,
        files,
        components: 0,
        scanners,
        gaps: vec![],
        generation: None,
        artifacts: vec![],
        client: None,
    }
}

#[cfg(test)]
mod tests {
    use super::{ClientUpload, LeftOut};

    #[test]
    fn what_a_finding_that_is_left_out_is_about_does_not_end() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let all = ClientUpload { rules: words(&["a", "b"]), ..ClientUpload::default() };
        for (rule, path, rules, unread) in [
            (Some("a"), Some("x.py"), &["a", "b"][..], &["x.py"][..]),
            (None, Some("x.py"), &["a", "b"], &["x.py"]),
            (Some("a"), None, &["b"], &[]),
            (Some("c"), None, &["a", "b"], &[]),
            (None, None, &[], &[]),
        ] {
            let mut upload = all.clone();
            upload.leave_out(LeftOut { rule: rule.map(str::to_owned), path: path.map(str::to_owned) });
            assert_eq!((upload.rules, upload.unread), (words(rules), words(unread)), "{rule:?} {path:?}");
        }
    }
}
