//! Triage: what people decide about findings, one or many at a time.
//!
//! A decision about a finding is in the finding's stream, one about a secret in the stream of the secret's incident,
//! which every finding of the secret shows. One about a finding that turned out to be another is in the stream of that
//! elder one: the younger one's stream says which, so what is decided after the merge reaches the elder, whatever read models
//! show yet. What was decided about the younger one before stays in its stream and holds no more.

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
use scanledger_domain::limits::{BATCH_BYTES, BULK_FINDINGS, MERGED_IN_A_ROW};
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
    /// Where it stands; if it was merged, where the elder one does.
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
        let known = self.find(finding).await?;
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
        let mut elder = None;
        for _ in 0..=MERGED_IN_A_ROW {
            let known = elder.as_ref().unwrap_or(known);
            if !may_decide(principal, known)? {
                return Err(CommandError::Refused(TriageProblem::NotFound));
            }
            let into = match self.triage_one(context, command(known, &decision)).await? {
                Led::Done(done) => return Ok(done),
                Led::To(into) => into,
            };
            elder = Some(self.find(into).await?);
        }
        Err(CommandError::Contended)
    }

    async fn triage_one(&self, context: &Context, asked: Asked) -> Result<Led> {
        match asked {
            Asked::Finding(finding, command) => {
                let stream = finding_stream(finding);
                let done = match self.ledger.execute::<Triage>(context, &stream, None, command).await {
                    Ok(done) => done,
                    Err(CommandError::Refused(TriageRefusal::Merged { into })) => return Ok(Led::To(into)),
                    Err(error) => return Err(error.map_refused(TriageProblem::from)),
                };
                match done.state.merged_into {
                    // The command is known, and not by this stream: it was led on when it came first.
                    Some(into) if done.recorded_at.is_none() => Ok(Led::To(into)),
                    Some(_) | None => Ok(Led::Done(TriageDone {
                        status: done.state,
                        position: done.position,
                        recorded_at: done.recorded_at,
                    })),
                }
            }
            Asked::Incident(incident, command) => {
                let stream = incident_stream(incident);
                let done = self.ledger.execute::<Incident>(context, &stream, None, command).await;
                let done = done.map_err(|error| error.map_refused(TriageProblem::from))?;
                let status = done.state.known().map(status_of).unwrap_or_default();
                let (position, recorded_at) = (done.position, done.recorded_at);
                Ok(Led::Done(TriageDone { status, position, recorded_at }))
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
        let mut part = part.to_vec();
        let (mut races, mut steps) = (Races::default(), 0);
        loop {
            if let Some(last) = self.ledger.recorded(context.command).await?.last() {
                return Ok(Some(last.position));
            }
            let mut batch = self.ledger.batch(context);
            let mut merged = HashMap::new();
            for asked in &part {
                if let Some((younger, into)) = decide(&mut batch, asked.clone()).await? {
                    merged.insert(younger, into);
                }
            }
            if !merged.is_empty() {
                if steps == MERGED_IN_A_ROW {
                    return Err(CommandError::Contended);
                }
                steps += 1;
                part = self.led(part, &merged).await?;
                continue;
            }
            match batch.commit().await? {
                Committed::At { position, .. } => return Ok(Some(position)),
                Committed::Nothing => return Ok(None),
                Committed::Raced => races.lost()?,
            }
        }
    }

    /// The same decisions, those about findings that were merged about what they were merged into; each once.
    async fn led(&self, part: Vec<Asked>, merged: &HashMap<FindingId, FindingId>) -> Result<Vec<Asked>> {
        let elders: HashSet<FindingId> = merged.values().copied().collect();
        let elders = self.views.findings(elders.into_iter().collect()).await?;
        let elders: HashMap<FindingId, KnownFinding> =
            elders.into_iter().map(|known| (known.finding, known)).collect();
        let mut led = Vec::with_capacity(part.len());
        let mut decided = HashSet::with_capacity(part.len());
        for asked in part {
            let asked = match asked {
                Asked::Finding(finding, asked) => match merged.get(&finding) {
                    Some(into) => {
                        let elder = elders.get(into);
                        let elder = elder.ok_or(CommandError::Refused(TriageProblem::NotFound))?;
                        command(elder, &Decision { to: asked.to, note: asked.note })
                    }
                    None => Asked::Finding(finding, asked),
                },
                Asked::Incident(incident, asked) => Asked::Incident(incident, asked),
            };
            if asked.finding().is_none_or(|finding| decided.insert(finding)) {
                led.push(asked);
            }
        }
        Ok(led)
    }

    async fn find(&self, finding: FindingId) -> Result<KnownFinding> {
        let known = self.views.findings(vec![finding]).await?;
        known.into_iter().next().ok_or(CommandError::Refused(TriageProblem::NotFound))
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

impl Asked {
    /// The finding whose stream it is for.
    const fn finding(&self) -> Option<FindingId> {
        match self {
            Self::Finding(finding, _) => Some(*finding),
            Self::Incident(..) => None,
        }
    }
}

/// What came of a decision.
enum Led {
    /// It is taken, or was so already.
    Done(TriageDone),
    /// It is one about this finding, into which the one that was named was merged.
    To(FindingId),
}

/// Decides in a batch; answers the finding and what it was merged into, if the decision is one about that.
async fn decide(batch: &mut Batch<'_>, asked: Asked) -> Result<Option<(FindingId, FindingId)>> {
    match asked {
        Asked::Finding(finding, command) => {
            match batch.decide::<Triage>(finding_stream(finding), command).await {
                Ok(_) => Ok(None),
                Err(CommandError::Refused(TriageRefusal::Merged { into })) => Ok(Some((finding, into))),
                Err(error) => Err(error.map_refused(TriageProblem::from)),
            }
        }
        Asked::Incident(incident, command) => {
            let decided = batch.decide::<Incident>(incident_stream(incident), command).await;
            decided.map(|_| None).map_err(|error| error.map_refused(TriageProblem::from))
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
    let (state, note) = (life.state, life.note.clone());
    TriageStatus { state, note, decided: life.is_decided, merged_into: None }
}

/// How many decisions surely fit into one batch.
fn decisions_per_batch(context: &Context, decision: &Decision) -> usize {
    let note = decision.note.as_ref().map_or(0, |note| serde_json::json!(note).to_string().len());
    let one = DECISION_BYTES + note + 2 * context.metadata().len();
    (BATCH_BYTES / one).clamp(1, BULK_FINDINGS)
}
