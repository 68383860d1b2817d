//! What a node does because there are others: takes over their advisories, shares its read models, and runs what one
//! of them has to run.

mod advisories;
mod blobs;
mod branches;
mod bus;
mod checkpoints;
mod copies;
mod erasure;
mod import;
mod restoring;
mod server_key;
mod views;

pub use advisories::{AdvisoryFollower, InForce};
pub use blobs::spawn_blob_removal;
pub use branches::spawn_branch_closing;
pub use bus::{BusPlace, start_bus};
pub use checkpoints::{CheckpointPublisher, spawn_checkpoints};
pub use erasure::{Erasures, erasure_at};
pub use import::import_advisories;
pub use restoring::{NOTICE, Restores, SHARING, refuse_served};
pub use server_key::follow_server_key;
pub use views::{Sharing, VIEWS_EVENTS, join, remove_former_views, try_parked};

use crate::adapters::{SystemClock, TimeOrderedIds};
use crate::log::OpenLog;
use crate::server::Engine;
use scanledger_commands::ports::Leases;
use scanledger_commands::reactor::{Reactor, Work};
use scanledger_domain::id::Ids;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long to wait after a failure where there is one node.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// Runs `work` on whichever node holds the lease called `name`.
pub fn spawn_reactor(
    engine: &Engine,
    name: &'static str,
    work: Work,
    stopped: watch::Receiver<bool>,
) -> JoinHandle<()> {
    tokio::spawn(reactor(engine, name).run(work, stopped))
}

/// As [`spawn_reactor`]. Where there is one node, the lock on its folder says what a lease would, without a write every
/// second.
fn spawn_on_one_node(
    engine: &Engine,
    name: &'static str,
    work: Work,
    mut stopped: watch::Receiver<bool>,
) -> JoinHandle<()> {
    if !matches!(engine.log, OpenLog::Sqlite(_)) {
        return spawn_reactor(engine, name, work, stopped);
    }
    tokio::spawn(async move {
        while let Err(error) = work(stopped.clone()).await {
            tracing::warn!(reactor = name, "the reactor failed and begins again: {error}");
            tokio::select! {
                _ = stopped.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(TRY_AGAIN) => (),
            }
        }
    })
}

/// A reactor of this node, in this life.
fn reactor(engine: &Engine, name: &'static str) -> Reactor {
    Reactor {
        name,
        leases: Arc::clone(&engine.state.leases) as Arc<dyn Leases>,
        clock: Arc::new(SystemClock),
        owner: format!("{}.{}", engine.node, TimeOrderedIds.fresh()),
    }
}
