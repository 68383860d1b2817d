//! Finds scans whose worker is gone and puts them back into the queue, and those whose client is and ends them.

use super::control::Runs;
use super::lease::{blocking, lease_name, read_owner, release};
use super::run::{Halt, VIEW_TIMEOUT, keep_nothing};
use super::{WorkerDeps, WorkerOptions};
use crate::ci;
use crate::context::Context;
use crate::error::{CommandError, Fault};
use crate::ports::{HeldScan, LeaseHolder};
use scanledger_domain::id::CommandId;
use scanledger_domain::log::{Actor, Position};
use scanledger_domain::scan::{Interruption, Scan, ScanCommand, ScanState, ScanStatus, scan_stream};
use scanledger_domain::time::Timestamp;
use std::sync::Arc;
use tokio::sync::watch;
use uuid::Uuid;

/// Looks at leases for ever, first when the read model has the log up to `head`. `reaped` becomes true once those of this
/// node's former life were looked at; before that the node must not take new ones.
pub(super) async fn reap(
    deps: WorkerDeps,
    options: WorkerOptions,
    head: Position,
    runs: Arc<Runs>,
    reaped: watch::Sender<bool>,
) {
    let mut former_life = Some(options.node);
    loop {
        let swept = async {
            if former_life.is_some() {
                // A log may have lost what it had then.
                let present = deps.ledger.log().head().await?;
                deps.views.wait_for(head.min(present), VIEW_TIMEOUT).await?;
            }
            sweep(&deps, &runs, former_life).await?;
            ci::fail_silent(&deps.ledger, &*deps.views, deps.clock.now(), &*deps.ids).await
        };
        match swept.await {
            Ok(()) => {
                former_life = None;
                reaped.send_replace(true);
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "lost scans cannot be looked for at the moment");
            }
        }
        tokio::time::sleep(options.poll_interval).await;
    }
}

async fn sweep(deps: &WorkerDeps, runs: &Runs, former_life: Option<Uuid>) -> Result<(), Fault> {
    for held in deps.views.held_scans().await? {
        if runs.contains(held.scan) {
            continue;
        }
        let name = lease_name(held.scan);
        let lease = blocking(&deps.leases, "look at a lease", move |leases| leases.holder(&name)).await?;
        // Own runs begin between the two looks, too.
        if is_lost(&held, lease.as_ref(), deps.clock.now(), former_life) && !runs.contains(held.scan) {
            requeue(deps, &held).await?;
            if let Some(lease) = lease {
                release(&deps.leases, held.scan, lease.owner).await;
            }
        }
    }
    Ok(())
}

/// Whether nobody works on a scan that somebody should work on.
fn is_lost(held: &HeldScan, lease: Option<&LeaseHolder>, now: Timestamp, former_life: Option<Uuid>) -> bool {
    let Some(lease) = lease else { return true };
    let Some((node, attempt)) = read_owner(&lease.owner) else { return lease.until <= now };
    lease.until <= now || attempt < held.attempt || former_life == Some(node)
}

async fn requeue(deps: &WorkerDeps, held: &HeldScan) -> Result<(), Fault> {
    let context = Context::new(CommandId(deps.ids.fresh()), Actor::System, Some(held.organization));
    let stream = scan_stream(held.scan);
    if held.status == ScanStatus::Stopped {
        let (state, _) = deps.ledger.load::<Scan>(&stream).await?;
        let ScanState::Live(life) = state else { return Ok(()) };
        if life.status != ScanStatus::Stopped || life.attempt != held.attempt {
            return Ok(());
        }
        return match keep_nothing(&deps.ledger, &context, &life).await {
            Err(Halt::Broken(fault)) => Err(fault),
            Ok(()) | Err(Halt::Ended(_) | Halt::Failed(_) | Halt::Retry(_)) => Ok(()),
        };
    }
    let command = ScanCommand::Interrupt { attempt: held.attempt, because: Interruption::WorkerLost };
    match deps.ledger.execute::<Scan>(&context, &stream, None, command).await {
        Ok(_) => {
            tracing::warn!(scan.id = %held.scan, attempt = held.attempt, "the worker of a scan was lost");
            Ok(())
        }
        Err(CommandError::Fault(fault)) => Err(fault),
        // It has ended, or another node was faster.
        Err(CommandError::Refused(_) | CommandError::Stale { .. } | CommandError::Contended) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::is_lost;
    use crate::ports::{HeldScan, LeaseHolder};
    use crate::worker::lease::lease_owner;
    use scanledger_domain::id::{OrganizationId, ScanId};
    use scanledger_domain::scan::ScanStatus;
    use scanledger_domain::time::Timestamp;
    use uuid::Uuid;

    const HERE: Uuid = Uuid::from_u128(1);
    const NOW: Timestamp = Timestamp(1_000);
    const HELD: HeldScan = HeldScan {
        scan: ScanId(Uuid::from_u128(2)),
        organization: OrganizationId(Uuid::from_u128(3)),
        status: ScanStatus::Running,
        attempt: 2,
    };

    fn lost(attempt: u32, until: i64, former_life: Option<Uuid>) -> bool {
        let lease = LeaseHolder { owner: lease_owner(HERE, attempt), until: Timestamp(until) };
        is_lost(&HELD, Some(&lease), NOW, former_life)
    }

    #[test]
    fn a_scan_with_a_live_lease_is_not_lost() {
        assert!(!lost(2, 1_001, None));
        assert!(!lost(2, 1_001, Some(Uuid::from_u128(9))));
    }

    #[test]
    fn a_scan_without_a_lease_or_with_a_lapsed_one_is_lost() {
        assert!(is_lost(&HELD, None, NOW, None));
        assert!(lost(2, 1_000, None));
    }

    #[test]
    fn the_lease_of_an_earlier_attempt_does_not_hold_a_later_one() {
        assert!(lost(1, 1_001, None));
        assert!(!lost(3, 1_001, None));
    }

    #[test]
    fn what_this_node_held_before_it_started_is_lost() {
        assert!(lost(2, 1_001, Some(HERE)));
    }
}
