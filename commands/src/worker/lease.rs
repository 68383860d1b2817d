//! Keeping the lease of a running scan alive.

use super::control::{Ending, RunControl, Signal};
use super::{WorkerDeps, WorkerOptions};
use crate::error::Fault;
use crate::ports::Leases;
use scanledger_domain::Cause;
use scanledger_domain::id::ScanId;
use std::sync::Arc;
use tokio::task::JoinHandle;
use uuid::Uuid;

/// The name under which the lease of a scan is kept.
pub(super) fn lease_name(scan: ScanId) -> String {
    format!("scan-{scan}")
}

/// Calls the lease store on a thread that may block.
pub(super) async fn blocking<T: Send + 'static>(
    leases: &Arc<dyn Leases>,
    doing: &'static str,
    call: impl FnOnce(&dyn Leases) -> Result<T, Cause> + Send + 'static,
) -> Result<T, Fault> {
    let leases = Arc::clone(leases);
    tokio::task::spawn_blocking(move || call(&*leases))
        .await
        .map_err(|error| Fault::other(doing, error))?
        .map_err(|source| Fault::Other { doing, source })
}

/// A task that ends when its owner does.
#[derive(Debug)]
pub(super) struct Attached(JoinHandle<()>);

impl Attached {
    pub(super) fn spawn(task: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(task))
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Under what name a node holds the lease of an attempt. Another attempt is another owner, also on the same node.
pub(super) fn lease_owner(node: Uuid, attempt: u32) -> String {
    format!("{node}.{attempt}")
}

/// Node and attempt of an owner.
pub(super) fn read_owner(owner: &str) -> Option<(Uuid, u32)> {
    let (node, attempt) = owner.split_once('.')?;
    Some((Uuid::parse_str(node).ok()?, attempt.parse().ok()?))
}

/// Renews the lease three times in its time to live, and ends the run when it is lost.
pub(super) fn keep_alive(
    deps: &WorkerDeps,
    options: &WorkerOptions,
    scan: ScanId,
    attempt: u32,
    control: Arc<RunControl>,
) -> Attached {
    let (deps, ttl) = (deps.clone(), options.lease_ttl);
    let (name, owner) = (lease_name(scan), lease_owner(options.node, attempt));
    Attached::spawn(async move {
        let mut renewed_at = deps.clock.now();
        loop {
            tokio::time::sleep(ttl / 3).await;
            let (name, owner, now) = (name.clone(), owner.clone(), deps.clock.now());
            let doing = "renew the lease of a scan";
            let renewed =
                blocking(&deps.leases, doing, move |leases| leases.renew(&name, &owner, now, ttl)).await;
            match renewed {
                Ok(true) => renewed_at = now,
                Ok(false) => break,
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(scan.id = %scan, error, "a lease was not renewed");
                    let silent = deps.clock.now().0.saturating_sub(renewed_at.0);
                    if u128::try_from(silent).unwrap_or(0) >= ttl.as_micros() {
                        break;
                    }
                }
            }
        }
        tracing::warn!(scan.id = %scan, attempt, "the lease of a running scan was lost");
        control.set(Signal::End(Ending::Superseded));
    })
}

/// Gives a lease back; if that fails it lapses by itself.
pub(super) async fn release(leases: &Arc<dyn Leases>, scan: ScanId, owner: String) {
    let name = lease_name(scan);
    let doing = "release the lease of a scan";
    if let Err(error) = blocking(leases, doing, move |leases| leases.release(&name, &owner)).await {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(scan.id = %scan, error, "a lease was not released");
    }
}

#[cfg(test)]
mod tests {
    use super::{lease_owner, read_owner};
    use uuid::Uuid;

    #[test]
    fn an_owner_says_node_and_attempt() {
        let node = Uuid::from_u128(7);
        assert_eq!(read_owner(&lease_owner(node, 12)), Some((node, 12)));
        assert_eq!(read_owner("somebody else"), None);
    }
}
