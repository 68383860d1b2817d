//! What a scan means for incidents: those of new secrets begin, and those of secrets that came back begin again.

use crate::context::Context;
use crate::error::{CommandError, Fault};
use crate::ledger::{Batch, Committed, Ledger, Races};
use crate::ports::{ReadModel, Unsettled};
use scanledger_domain::id::{BranchId, IncidentId};
use scanledger_domain::incident::{Incident, IncidentCommand, IncidentRefusal, Opening, incident_stream};
use scanledger_domain::limits::{BATCH_BYTES, BATCH_EVENTS};
use scanledger_domain::log::Position;
use std::collections::HashMap;
use std::time::Duration;

/// Bytes that an opened incident takes in the log at most, besides its metadata: a detector's id, hashes and a mask.
const OPENED_BYTES: usize = 1_024;

/// Opens the incidents of `secrets` on `branch`, each named once, that have none, and opens those again whose secret came to the branch
/// after it was fixed: a secret that only stayed does not count, nor one that was there before anybody looked. Answers
/// where the last of it stands, which the read model has reached; `None` if nothing was left to do.
///
/// The read model has to show what the scan recorded. Repeating it does what is missing: an incident is opened at
/// version 0 of its stream, so exactly one of several scans does it.
///
/// # Errors
/// [`CommandError::Contended`] if other scans were faster, again and again; else a fault.
pub async fn settle_incidents(
    ledger: &Ledger,
    views: &dyn ReadModel,
    context: &Context,
    branch: BranchId,
    secrets: Vec<Opening>,
    patience: Duration,
) -> Result<Option<Position>, CommandError<IncidentRefusal>> {
    let mut incidents: Vec<IncidentId> = secrets.iter().map(Opening::incident).collect();
    let secrets: HashMap<IncidentId, Opening> = incidents.iter().copied().zip(secrets).collect();
    let mut settled = None;
    let mut races = Races::default();
    for round in 0.. {
        if incidents.is_empty() {
            break;
        }
        let Unsettled { missing, regressed } = views.unsettled_incidents(branch, incidents).await?;
        // Opened in the order in which they were seen, so that their numbers follow it.
        let mut work: Vec<(IncidentId, IncidentCommand)> = missing
            .into_iter()
            .filter_map(|id| Some((id, IncidentCommand::Open(secrets.get(&id)?.clone()))))
            .collect();
        work.extend(regressed.into_iter().map(|id| (id, IncidentCommand::Regress)));
        let context = context.derive(&format!("incidents-{round}"));
        let (last, is_raced) = write(ledger, &context, &work).await?;
        settled = last.or(settled);
        if !is_raced {
            break;
        }
        races.lost()?;
        // Whoever was faster is in the log; what is left to do is what the views say once they show it.
        views.wait_for(ledger.log().head().await.map_err(Fault::from)?, patience).await?;
        incidents = work.into_iter().map(|(incident, _)| incident).collect();
    }
    if let Some(settled) = settled {
        views.wait_for(settled, patience).await?;
    }
    Ok(settled)
}

/// Writes as much as others leave; answers the last position, and whether others were faster with some of it.
async fn write(
    ledger: &Ledger,
    context: &Context,
    work: &[(IncidentId, IncidentCommand)],
) -> Result<(Option<Position>, bool), CommandError<IncidentRefusal>> {
    let one = OPENED_BYTES + context.metadata().len();
    let most = (BATCH_BYTES / one).clamp(1, BATCH_EVENTS);
    let (mut last, mut is_raced) = (None, false);
    for (number, part) in work.chunks(most).enumerate() {
        let context = context.derive(&format!("part-{number}"));
        let mut batch = ledger.batch(&context);
        for (incident, command) in part {
            decide(&mut batch, *incident, command.clone()).await?;
        }
        match batch.commit().await? {
            Committed::At { position, .. } => last = Some(position),
            Committed::Nothing => (),
            Committed::Raced => is_raced = true,
        }
    }
    Ok((last, is_raced))
}

async fn decide(
    batch: &mut Batch<'_>,
    incident: IncidentId,
    command: IncidentCommand,
) -> Result<(), CommandError<IncidentRefusal>> {
    let stream = incident_stream(incident);
    // A first scan may open thousands: the views say that there are none, and version 0 makes sure.
    match command {
        IncidentCommand::Open(_) => batch.decide_new::<Incident>(stream, command).map(drop),
        command => batch.decide::<Incident>(stream, command).await.map(drop),
    }
}
