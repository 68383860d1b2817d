//! The bus between nodes, if there is one: events for whoever follows, and a nudge for the other nodes.

use super::spawn_reactor;
use crate::log::OpenLog;
use crate::server::Engine;
use anyhow::{Context, Result};
use scanledger_bus_nats::{BusOptions, NatsBus};
use scanledger_domain::log::Position;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Where the bus is.
#[derive(Clone, PartialEq, Eq)]
pub struct BusPlace {
    /// `nats://…`; may hold a password, and is shown nowhere.
    pub url: String,
    /// How it is reached, and how long it keeps events.
    pub options: BusOptions,
}

impl std::fmt::Debug for BusPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BusPlace")
    }
}

/// Connects to the bus: announces what is committed here, listens to other nodes, and publishes events on whichever
/// node holds the lease. Does not wait for the bus.
///
/// # Errors
/// When the place makes no sense.
pub async fn start_bus(
    engine: &Engine,
    place: &BusPlace,
    stopped: watch::Receiver<bool>,
) -> Result<(Arc<NatsBus>, Vec<JoinHandle<()>>)> {
    let log = engine.event_log();
    let bus = NatsBus::connect(&place.url, log.identity(), place.options.clone())
        .await
        .context("while connecting to NATS")?;
    let bus = Arc::new(bus);
    let publisher = Arc::clone(&bus);
    let publishing = spawn_reactor(
        engine,
        "nats",
        Box::new(move |stop| {
            let (publisher, log) = (Arc::clone(&publisher), Arc::clone(&log));
            Box::pin(async move { Ok(publisher.publish_from(log, stop).await?) })
        }),
        stopped.clone(),
    );
    let announcing = tokio::spawn(announce(Arc::clone(&bus), engine.log.head_watch(), stopped.clone()));
    let mut tasks = vec![publishing, announcing];
    if let OpenLog::Postgres(log) = &engine.log {
        tasks.push(tokio::spawn(wake(bus.hints(), log.head_watch(), log.waker(), stopped)));
    }
    Ok((bus, tasks))
}

async fn announce(bus: Arc<NatsBus>, heads: watch::Receiver<Position>, mut stopped: watch::Receiver<bool>) {
    tokio::select! {
        _ = stopped.wait_for(|stop| *stop) => (),
        () = bus.announce(heads) => (),
    }
}

/// Makes the log look for what another node says it has committed.
async fn wake(
    mut hints: watch::Receiver<Position>,
    known: watch::Receiver<Position>,
    waker: Arc<tokio::sync::Notify>,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => return,
            changed = hints.changed() => if changed.is_err() { return },
        }
        if *hints.borrow_and_update() > *known.borrow() {
            waker.notify_one();
        }
    }
}
