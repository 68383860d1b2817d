//! Has the incidents of a scan's secrets begin, or begin again, once its results are recorded.

use super::record::RecordedScan;
use super::run::{Halt, Run, VIEW_TIMEOUT};
use crate::error::{CommandError, Fault};
use crate::incident::settle_incidents;
use scanledger_domain::branch::branch_id;
use scanledger_domain::id::{IncidentId, OrganizationId};
use scanledger_domain::incident::Opening;
use std::collections::HashMap;

impl Run {
    /// Opens the incidents of what was recorded, and waits until the read model shows them. What an attempt before this
    /// one did stays; what it did not get to is done here.
    pub(super) async fn settle_incidents(&self, recorded: &RecordedScan) -> Result<(), Halt> {
        let queued = &self.life.queued;
        let secrets = secrets(queued.organization, recorded);
        if secrets.is_empty() {
            return Ok(());
        }
        let branch = branch_id(queued.project, &queued.branch);
        let (ledger, views) = (&self.deps.ledger, &*self.deps.views);
        let settled = settle_incidents(ledger, views, &self.context, branch, secrets, VIEW_TIMEOUT).await;
        match settled {
            Ok(_) => Ok(()),
            Err(CommandError::Contended | CommandError::Stale { .. }) => {
                Err(Halt::Retry("other scans opened the same incidents, again and again"))
            }
            Err(CommandError::Fault(fault)) => Err(fault.into()),
            Err(CommandError::Refused(refusal)) => {
                Err(Fault::other("open the incidents of a scan", refusal).into())
            }
        }
    }
}

/// The secrets of a scan in the order in which they were seen, each once: as bad as the worst of its findings, and new if one of them is.
fn secrets(organization: OrganizationId, recorded: &RecordedScan) -> Vec<Opening> {
    let mut secrets: Vec<Opening> = Vec::new();
    let mut places: HashMap<IncidentId, usize> = HashMap::new();
    for observed in &recorded.observed {
        let Some(secret) = observed.secret() else { continue };
        let (rule, severity) = (observed.detection.rule.clone(), observed.detection.severity);
        let is_historical = !recorded.new.contains(&observed.finding);
        let opening = Opening { organization, secret, rule, severity, is_historical };
        let place = *places.entry(opening.incident()).or_insert(secrets.len());
        match secrets.get_mut(place) {
            Some(known) => {
                known.severity = known.severity.min(severity);
                known.is_historical &= is_historical;
            }
            None => secrets.push(opening),
        }
    }
    secrets
}
