//! Findings that a scan showed to be one: the younger one's stream names the elder.

use super::run::{Halt, Run, VIEW_TIMEOUT};
use crate::context::Context;
use crate::error::{CommandError, Fault};
use crate::ledger::{Committed, Ledger, Races};
use scanledger_domain::branch::Merge;
use scanledger_domain::finding::{MergeCommand, MergeRefusal, Merging, finding_stream};
use scanledger_domain::id::ProjectId;
use scanledger_domain::limits::{BATCH_BYTES, BATCH_EVENTS};
use scanledger_domain::log::Position;

/// Bytes that a merge takes in the log at most, besides its metadata: three ids, a fingerprint and field names.
const MERGED_BYTES: usize = 512;

impl Run {
    /// Merges what turned out to be one, after the results that show the elder, and waits until read models show it: what
    /// is decided about the elder counts for the gate. What an attempt before this one did stays; what one did not get to
    /// is done by the next scan that sees the package, because its findings still share an id.
    pub(super) async fn settle_merges(&self, merges: &[Merge]) -> Result<(), Halt> {
        match merge(&self.deps.ledger, &self.context, self.life.queued.project, merges).await {
            Ok(None) => Ok(()),
            Ok(Some(position)) => Ok(self.deps.views.wait_for(position, VIEW_TIMEOUT).await?),
            Err(CommandError::Contended | CommandError::Stale { .. }) => {
                Err(Halt::Retry("others decided about findings that are merged, again and again"))
            }
            Err(CommandError::Fault(fault)) => Err(fault.into()),
            Err(CommandError::Refused(refusal)) => Err(Fault::other("merge findings", refusal).into()),
        }
    }
}

async fn merge(
    ledger: &Ledger,
    context: &Context,
    project: ProjectId,
    merges: &[Merge],
) -> Result<Option<Position>, CommandError<MergeRefusal>> {
    let one = MERGED_BYTES + context.metadata().len();
    let most = (BATCH_BYTES / one).clamp(1, BATCH_EVENTS);
    let mut position = None;
    for (number, part) in merges.chunks(most).enumerate() {
        let context = context.derive(&format!("merge-{number}"));
        position = merge_part(ledger, &context, project, part).await?.or(position);
    }
    Ok(position)
}

async fn merge_part(
    ledger: &Ledger,
    context: &Context,
    project: ProjectId,
    part: &[Merge],
) -> Result<Option<Position>, CommandError<MergeRefusal>> {
    let mut races = Races::default();
    let mut round = 0;
    loop {
        // Others may have done some of it meanwhile, and then it is another batch.
        let context = context.derive(&format!("round-{round}"));
        let mut batch = ledger.batch(&context);
        for &Merge { younger, fingerprint, elder } in part {
            let command = MergeCommand { finding: younger, project, fingerprint, into: elder };
            batch.decide::<Merging>(finding_stream(younger), command).await?;
        }
        match batch.commit().await? {
            Committed::At { position, .. } => return Ok(Some(position)),
            Committed::Nothing => return Ok(None),
            Committed::Raced => races.lost()?,
        }
        round += 1;
    }
}
