//! Secrets that somebody found where there is no branch: in a document, a message, a ticket.

use super::{IncidentProblem, Incidents, Result, refused};
use crate::context::Context;
use crate::ledger::{Committed, Races};
use scanledger_domain::branch::SecretFacts;
use scanledger_domain::id::IncidentId;
use scanledger_domain::identity::{Action, Principal, ProjectScope, Resource, authorize};
use scanledger_domain::incident::{Incident, IncidentCommand, Opening, Sighting, incident_stream};
use scanledger_domain::limits::{BATCH_BYTES, BATCH_EVENTS};
use scanledger_domain::log::Position;
use scanledger_domain::severity::Severity;
use std::collections::{HashMap, HashSet};

/// Events that one place of a secret makes at most: opened, occurred, regressed.
const EVENTS_PER_PLACE: usize = 3;
/// Bytes that they take in the log at most, besides path, address, what may be shown of the secret, and metadata.
const PLACE_BYTES: usize = 2_048;

/// A secret that somebody found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportedSecret {
    /// What is kept of it.
    pub secret: SecretFacts,
    /// What kind of secret: the detector's id.
    pub rule: String,
    /// How bad.
    pub severity: Severity,
    /// What whoever found it calls the place; at most [`scanledger_domain::limits::PATH_BYTES`].
    pub path: String,
    /// Where people can look at it; kept without credentials, left out beyond [`scanledger_domain::limits::URL_CHARS`].
    pub url: Option<String>,
    /// From 1.
    pub line: Option<u32>,
    /// From 1, inclusive.
    pub end_line: Option<u32>,
}

impl ReportedSecret {
    fn within(self, scope: ProjectScope) -> (Opening, Sighting) {
        let Self { secret, rule, severity, path, url, line, end_line } = self;
        let organization = scope.organization;
        let opening = Opening { organization, secret, rule, severity, is_historical: false };
        (opening, Sighting { project: scope.project, path, url, line, end_line })
    }
}

/// Incidents after a report.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reported {
    /// The incidents of the secrets, in the order of the report.
    pub incidents: Vec<IncidentId>,
    /// Position of the last event; `None` if all of it was known.
    pub position: Option<Position>,
}

impl Incidents {
    /// Takes note of secrets in what `scope`'s project stands for, and opens incidents of those that have none: all of
    /// them or, beyond the size of one batch, in parts that a repeated command completes. A place that is known is no
    /// event, and a secret that has too many keeps those; a new place of a secret that was fixed is a regression.
    ///
    /// # Errors
    /// [`IncidentProblem::Denied`], the rules of incidents, or a fault.
    pub async fn report(
        &self,
        context: &Context,
        principal: &Principal,
        scope: ProjectScope,
        secrets: Vec<ReportedSecret>,
    ) -> Result<Reported> {
        if let Err(denied) = authorize(principal, Action::Report, Resource::Project(scope)) {
            return refused(denied);
        }
        let secrets: Vec<(Opening, Sighting)> =
            secrets.into_iter().map(|reported| reported.within(scope)).collect();
        let incidents: Vec<IncidentId> = secrets.iter().map(|(secret, _)| secret.incident()).collect();
        let mut places = HashSet::new();
        let secrets = secrets.into_iter().zip(&incidents);
        let secrets = secrets.filter(|((_, seen), incident)| places.insert(seen.occurrence(**incident)));
        let secrets: Vec<(Opening, Sighting)> = secrets.map(|(secret, _)| secret).collect();
        let mut position = None;
        for (number, part) in parts(secrets, context.metadata().len()).into_iter().enumerate() {
            let context = context.derive(&format!("report-{number}"));
            position = self.report_part(&context, &part).await?.or(position);
        }
        Ok(Reported { incidents, position })
    }

    async fn report_part(&self, context: &Context, part: &Part) -> Result<Option<Position>> {
        let mut races = Races::default();
        loop {
            if let Some(last) = self.ledger.recorded(context.command).await?.last() {
                return Ok(Some(last.position));
            }
            let mut batch = self.ledger.batch(context);
            for (incident, commands) in part {
                batch
                    .decide_all::<Incident>(incident_stream(*incident), commands.clone())
                    .await
                    .map_err(|error| error.map_refused(IncidentProblem::from))?;
            }
            match batch.commit().await? {
                Committed::At { position, .. } => return Ok(Some(position)),
                Committed::Nothing => return Ok(None),
                Committed::Raced => races.lost()?,
            }
        }
    }
}

/// What happens to each incident in one batch.
type Part = Vec<(IncidentId, Vec<IncidentCommand>)>;

/// Parts that surely fit into a batch each, in which every incident stands once.
fn parts(secrets: Vec<(Opening, Sighting)>, metadata: usize) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let mut places: HashMap<IncidentId, usize> = HashMap::new();
    let (mut events, mut bytes) = (0, 0);
    for (of, seen) in secrets {
        let text = |text: &str| serde_json::json!(text).to_string().len();
        let size = PLACE_BYTES
            + EVENTS_PER_PLACE * metadata
            + text(&seen.path)
            + seen.url.as_deref().map_or(0, text)
            + text(&of.secret.masked);
        if parts.is_empty() || events + EVENTS_PER_PLACE > BATCH_EVENTS || bytes + size > BATCH_BYTES {
            parts.push(vec![]);
            places.clear();
            (events, bytes) = (0, 0);
        }
        events += EVENTS_PER_PLACE;
        bytes += size;
        let Some(part) = parts.last_mut() else { continue };
        let incident = of.incident();
        let place = *places.entry(incident).or_insert_with(|| {
            part.push((incident, vec![]));
            part.len() - 1
        });
        part[place].1.push(IncidentCommand::Occur { of, seen });
    }
    parts
}
