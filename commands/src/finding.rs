//! Triage: what people decide about findings, one or many at a time.

use crate::context::Context;
use crate::error::CommandError;
use crate::ledger::{Batch, Committed, Ledger, Races};
use crate::ports::{KnownFinding, ReadModel};
use scanledger_domain::finding::{
    FindingEvent, Triage, TriageCommand, TriageRefusal, TriageState, TriageStatus, finding_stream,
};
use scanledger_domain::id::FindingId;
use scanledger_domain::identity::{Action, Denied, Principal, Resource, authorize};
use scanledger_domain::limits::{BATCH_BYTES, BULK_FINDINGS};
use scanledger_domain::log::Position;
use scanledger_domain::time::Timestamp;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Bytes that a decision takes in the log at most, besides its note and metadata: ids, states and field names.
const DECISION_BYTES: usize = 512;

/// What a caller decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What it shall be.
    pub to: TriageState,
    /// Why; `None` leaves the note that is there.
    pub note: Option<String>,
}

/// A finding after a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriageDone {
    /// Where it stands.
    pub status: TriageStatus,
    /// Position of the event; `None` if it was so already.
    pub position: Option<Position>,
    /// When that was recorded.
    pub recorded_at: Option<Timestamp>,
}

/// Findings after a decision about many.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BulkDone {
    /// Findings that are as decided, whether they were so before or not; each once, as asked for.
    pub decided: Vec<FindingId>,
    /// Findings that do not exist for the caller; each once, as asked for.
    pub unknown: Vec<FindingId>,
    /// Position of the last event; `None` if there was nothing to do.
    pub position: Option<Position>,
}

/// Why a finding stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TriageProblem {
    /// It does not exist for the caller.
    #[error("the finding does not exist")]
    NotFound,
    /// More than [`BULK_FINDINGS`] at a time.
    #[error("at most {BULK_FINDINGS} findings can be decided about at a time")]
    TooMany,
    /// The caller sees it, and may not decide about it.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The rules of triage.
    #[error(transparent)]
    Triage(#[from] TriageRefusal),
}

type Result<T> = std::result::Result<T, CommandError<TriageProblem>>;

/// Records what people decide about findings.
#[derive(Clone)]
pub struct Findings {
    ledger: Ledger,
    views: Arc<dyn ReadModel>,
}

impl Findings {
    /// The service.
    pub fn new(ledger: Ledger, views: Arc<dyn ReadModel>) -> Self {
        Self { ledger, views }
    }

    /// Decides about one finding for `principal`.
    ///
    /// # Errors
    /// A [`TriageProblem`], or a fault.
    pub async fn triage(
        &self,
        context: &Context,
        principal: &Principal,
        finding: FindingId,
        decision: Decision,
    ) -> Result<TriageDone> {
        let known = self.known(principal, vec![finding]).await?;
        let Some(known) = known.get(&finding) else {
            return Err(CommandError::Refused(TriageProblem::NotFound));
        };
        let done = self
            .ledger
            .execute::<Triage>(context, &finding_stream(finding), None, command(known, &decision))
            .await
            .map_err(|error| error.map_refused(TriageProblem::from))?;
        Ok(TriageDone { status: done.state, position: done.position, recorded_at: done.recorded_at })
    }

    /// Decides about up to [`BULK_FINDINGS`] findings for `principal`: all of them or, beyond the size of one batch (long
    /// notes), in parts that a repeated command completes.
    ///
    /// # Errors
    /// [`TriageProblem::TooMany`], [`TriageProblem::Denied`], the rules of triage, or a fault. Unknown findings are no error.
    pub async fn triage_bulk(
        &self,
        context: &Context,
        principal: &Principal,
        findings: &[FindingId],
        decision: &Decision,
    ) -> Result<BulkDone> {
        if findings.len() > BULK_FINDINGS {
            return Err(CommandError::Refused(TriageProblem::TooMany));
        }
        let mut asked = HashSet::with_capacity(findings.len());
        let findings: Vec<FindingId> =
            findings.iter().copied().filter(|finding| asked.insert(*finding)).collect();
        let known = self.known(principal, findings.clone()).await?;
        let (decided, unknown): (Vec<_>, Vec<_>) =
            findings.into_iter().partition(|finding| known.contains_key(finding));
        let mut position = None;
        let part = findings_per_batch(context, decision);
        for (number, part) in decided.chunks(part).enumerate() {
            let context =
                if number == 0 { context.clone() } else { context.derive(&format!("part-{number}")) };
            position = self.decide_part(&context, part, &known, decision).await?.or(position);
        }
        Ok(BulkDone { decided, unknown, position })
    }

    async fn decide_part(
        &self,
        context: &Context,
        part: &[FindingId],
        known: &HashMap<FindingId, KnownFinding>,
        decision: &Decision,
    ) -> Result<Option<Position>> {
        let mut races = Races::default();
        loop {
            if let Some(last) = self.ledger.recorded(context.command).await?.last() {
                return Ok(Some(last.position));
            }
            let mut batch = self.ledger.batch(context);
            for finding in part {
                decide(&mut batch, *finding, command(&known[finding], decision)).await?;
            }
            match batch.commit().await? {
                Committed::At { position, .. } => return Ok(Some(position)),
                Committed::Nothing => return Ok(None),
                Committed::Raced => races.lost()?,
            }
        }
    }

    /// Those of `findings` that there are for the caller, who may decide about them.
    async fn known(
        &self,
        principal: &Principal,
        findings: Vec<FindingId>,
    ) -> Result<HashMap<FindingId, KnownFinding>> {
        let mut within = HashMap::with_capacity(findings.len());
        for known in self.views.findings(findings).await? {
            match authorize(principal, Action::Triage, Resource::Project(known.scope)) {
                Ok(()) => drop(within.insert(known.finding, known)),
                Err(denied) if denied.hides() => (),
                Err(denied) => return Err(CommandError::Refused(denied.into())),
            }
        }
        Ok(within)
    }
}

async fn decide(
    batch: &mut Batch<'_>,
    finding: FindingId,
    command: TriageCommand,
) -> Result<Vec<FindingEvent>> {
    let decided = batch.decide::<Triage>(finding_stream(finding), command).await;
    decided.map_err(|error| error.map_refused(TriageProblem::from))
}

fn command(known: &KnownFinding, decision: &Decision) -> TriageCommand {
    TriageCommand {
        finding: known.finding,
        project: known.scope.project,
        fingerprint: known.fingerprint,
        to: decision.to,
        note: decision.note.clone(),
    }
}

/// How many decisions surely fit into one batch.
fn findings_per_batch(context: &Context, decision: &Decision) -> usize {
    let note = decision.note.as_ref().map_or(0, |note| serde_json::json!(note).to_string().len());
    let one = DECISION_BYTES + note + context.metadata().len();
    (BATCH_BYTES / one).clamp(1, BULK_FINDINGS)
}
