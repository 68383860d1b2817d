//! Clients that were not heard of again.

use crate::context::Context;
use crate::error::{CommandError, Fault};
use crate::ledger::Ledger;
use crate::ports::ReadModel;
use scanledger_domain::id::{CommandId, Ids};
use scanledger_domain::limits::CLIENT_SILENCE_SECONDS;
use scanledger_domain::log::Actor;
use scanledger_domain::scan::{CLIENT_ATTEMPT, Scan, ScanCommand, ScanState, scan_stream, silence};
use scanledger_domain::time::Timestamp;

/// Fails every scan whose client has said nothing for [`CLIENT_SILENCE_SECONDS`]: what it would have found, nobody
/// knows, so nothing is put back into a queue.
pub(crate) async fn fail_silent(
    ledger: &Ledger,
    views: &dyn ReadModel,
    now: Timestamp,
    ids: &dyn Ids,
) -> Result<(), Fault> {
    let before = now.plus_seconds(-CLIENT_SILENCE_SECONDS);
    for silent in views.silent_client_scans(before).await? {
        let context = Context::new(CommandId(ids.fresh()), Actor::System, Some(silent.organization));
        let stream = scan_stream(silent.scan);
        let (ScanState::Live(life), _) = ledger.load::<Scan>(&stream).await? else { continue };
        let failure = silence(life.received.as_ref());
        let command = ScanCommand::Fail { attempt: CLIENT_ATTEMPT, failure, log: None };
        match ledger.execute::<Scan>(&context, &stream, None, command).await {
            Ok(_) => {
                tracing::warn!(scan.id = %silent.scan, "the client of a scan is silent; the scan failed")
            }
            Err(CommandError::Fault(fault)) => return Err(fault),
            // It has ended, or another node was faster.
            Err(CommandError::Refused(_) | CommandError::Stale { .. } | CommandError::Contended) => (),
        }
    }
    Ok(())
}
