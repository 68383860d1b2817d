//! Closing branches that nobody scans any more, on one node at a time.

use super::spawn_on_one_node;
use crate::adapters::SystemClock;
use crate::server::Engine;
use scanledger_commands::branch::{Branches, SilenceReactor};
use scanledger_domain::BoxFuture;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Closes silent branches, now and every hour.
pub fn spawn_branch_closing(
    engine: &Engine,
    branches: Branches,
    stopped: watch::Receiver<bool>,
) -> JoinHandle<()> {
    let reactor = SilenceReactor::new(branches, Arc::new(SystemClock));
    let work = move |stop| Box::pin(reactor.clone().run(stop)) as BoxFuture<'static, _>;
    spawn_on_one_node(engine, "branches", Box::new(work), stopped)
}
