//! Triage: what people decide about findings, one or many at a time.
//!
//! A decision about a finding is in the finding's stream, one about a secret in the stream of the secret's incident,
//! which every finding of the secret shows.

use crate::context::Context;
use crate::error::CommandError;
use crate::ledger::{Batch, Committed, Ledger, Races};
use crate::ports::{KnownFinding, ReadModel};
use scanledger_domain::finding::{
    Triage, TriageCommand, TriageRefusal, TriageState, TriageStatus, finding_stream,
};
use scanledger_domain::id::{FindingId, IncidentId};
use scanledger_domain::identity::{Action, Denied, Principal, Resource, authorize};
use scanledger_domain::incident::{
    Incident, IncidentCommand, IncidentLife, IncidentRefusal, incident_stream,
};
use scanledger_domain::limits::{BATCH_BYTES, BULK_FINDINGS};
use scanledger_domain::log::Position;
use scanledger_domain::time::Timestamp;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Bytes that a decision takes in the log at most, besides its note and metadata: ids, states and field names, and the
/// beginning of an incident that was not there.
const DECISION_BYTES: usize = 1_536;

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

impl From<IncidentRefusal> for TriageProblem {
    fn from(refusal: IncidentRefusal) -> Self {
        match refusal {
            IncidentRefusal::NoteTooLong => Self::Triage(TriageRefusal::NoteTooLong),
            // Nothing else is refused to who decides by looking at a finding: the incident begins if need be.
            IncidentRefusal::NotFound
            | IncidentRefusal::Closed
            | IncidentRefusal::AlreadyOpen
            | IncidentRefusal::AlreadyResolved
            | IncidentRefusal::AlreadyIgnored
            | IncidentRefusal::NoteEmpty
            | IncidentRefusal::NoteNotFound
            | IncidentRefusal::NotTheAuthor
            | IncidentRefusal::TooManyNotes
            | IncidentRefusal::BadExpiry
            | IncidentRefusal::PathTooLong => Self::NotFound,
        }
    }
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
        let known = self.views.findings(vec![finding]).await?;
        let Some(known) = known.into_iter().next() else {
            return Err(CommandError::Refused(TriageProblem::NotFound));
        };
        self.triage_known(context, principal, &known, decision).await
    }

    /// As [`Self::triage`], for who has looked the finding up already.
    ///
    /// # Errors
    /// As [`Self::triage`].
    pub async fn triage_known(
        &self,
        context: &Context,
        principal: &Principal,
        known: &KnownFinding,
        decision: Decision,
    ) -> Result<TriageDone> {
        if !may_decide(principal, known)? {
            return Err(CommandError::Refused(TriageProblem::NotFound));
        }
        match command(known, &decision) {
            Asked::Finding(finding, command) => {
                let stream = finding_stream(finding);
                let done = self.ledger.execute::<Triage>(context, &stream, None, command).await;
                let done = done.map_err(|error| error.map_refused(TriageProblem::from))?;
                Ok(TriageDone { status: done.state, position: done.position, recorded_at: done.recorded_at })
            }
            Asked::Incident(incident, command) => {
                let stream = incident_stream(incident);
                let done = self.ledger.execute::<Incident>(context, &stream, None, command).await;
                let done = done.map_err(|error| error.map_refused(TriageProblem::from))?;
                let status = done.state.known().map(status_of).unwrap_or_default();
                Ok(TriageDone { status, position: done.position, recorded_at: done.recorded_at })
            }
        }
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
        let asked = once(decided.iter().filter_map(|finding| known.get(finding)), decision);
        for (number, part) in asked.chunks(decisions_per_batch(context, decision)).enumerate() {
            let context =
                if number == 0 { context.clone() } else { context.derive(&format!("part-{number}")) };
            position = self.decide_part(&context, part).await?.or(position);
        }
        Ok(BulkDone { decided, unknown, position })
    }

    async fn decide_part(&self, context: &Context, part: &[Asked]) -> Result<Option<Position>> {
        let mut races = Races::default();
        loop {
            if let Some(last) = self.ledger.recorded(context.command).await?.last() {
                return Ok(Some(last.position));
            }
            let mut batch = self.ledger.batch(context);
            for asked in part {
                decide(&mut batch, asked.clone()).await?;
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
            if may_decide(principal, &known)? {
                within.insert(known.finding, known);
            }
        }
        Ok(within)
    }
}

/// Whether there is such a finding for the caller, who may decide about it.
fn may_decide(principal: &Principal, known: &KnownFinding) -> Result<bool> {
    match authorize(principal, Action::Triage, Resource::Project(known.scope)) {
        Ok(()) => Ok(true),
        Err(denied) if denied.hides() => Ok(false),
        Err(denied) => Err(CommandError::Refused(denied.into())),
    }
}

/// A decision and the stream that it is for.
#[derive(Clone)]
enum Asked {
    Finding(FindingId, TriageCommand),
    Incident(IncidentId, IncidentCommand),
}

async fn decide(batch: &mut Batch<'_>, asked: Asked) -> Result<()> {
    match asked {
        Asked::Finding(finding, command) => {
            let decided = batch.decide::<Triage>(finding_stream(finding), command).await;
            decided.map(drop).map_err(|error| error.map_refused(TriageProblem::from))
        }
        Asked::Incident(incident, command) => {
            let decided = batch.decide::<Incident>(incident_stream(incident), command).await;
            decided.map(drop).map_err(|error| error.map_refused(TriageProblem::from))
        }
    }
}

fn command(known: &KnownFinding, decision: &Decision) -> Asked {
    let (finding, to, note) = (known.finding, decision.to, decision.note.clone());
    match &known.secret {
        Some(secret) => {
            let command = IncidentCommand::Decide { of: secret.clone(), finding, to, note };
            Asked::Incident(secret.incident(), command)
        }
        None => {
            let (project, fingerprint) = (known.scope.project, known.fingerprint);
            Asked::Finding(finding, TriageCommand { finding, project, fingerprint, to, note })
        }
    }
}

/// The decisions to take: one for each finding that is no secret, and one for each secret.
fn once<'a>(known: impl Iterator<Item = &'a KnownFinding>, decision: &Decision) -> Vec<Asked> {
    let mut incidents = HashSet::new();
    known
        .map(|known| command(known, decision))
        .filter(|asked| match asked {
            Asked::Finding(..) => true,
            Asked::Incident(incident, _) => incidents.insert(*incident),
        })
        .collect()
}

fn status_of(life: &IncidentLife) -> TriageStatus {
    TriageStatus { state: life.state, note: life.note.clone(), decided: life.is_decided }
}

/// How many decisions surely fit into one batch.
fn decisions_per_batch(context: &Context, decision: &Decision) -> usize {
    let note = decision.note.as_ref().map_or(0, |note| serde_json::json!(note).to_string().len());
    let one = DECISION_BYTES + note + 2 * context.metadata().len();
    (BATCH_BYTES / one).clamp(1, BULK_FINDINGS)
}
