//! The bus between nodes, if there is one: events for whoever follows, and a nudge for the other nodes.

use super::spawn_reactor;
use crate::log::OpenLog;
use crate::server::Engine;
use anyhow::{Context, Result};
use scanledger_bus_nats::{BusError, BusOptions, BusState, NatsBus};
use scanledger_domain::Cause;
use scanledger_domain::log::{EventLog, Position};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// How long to wait after a failure that somebody has to look at.
const TRY_AGAIN: Duration = Duration::from_secs(5);

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
        Box::new(move |stop| Box::pin(publish(Arc::clone(&publisher), Arc::clone(&log), stop))),
        stopped.clone(),
    );
    let announcing = tokio::spawn(announce(Arc::clone(&bus), engine.log.head_watch(), stopped.clone()));
    let telling = tokio::spawn(tell(bus.state(), stopped.clone()));
    let mut tasks = vec![publishing, announcing, telling];
    if let OpenLog::Postgres(log) = &engine.log {
        tasks.push(tokio::spawn(wake(bus.hints(), log.head_watch(), log.waker(), stopped)));
    }
    Ok((bus, tasks))
}

/// Publishes the log until `stop`. What does not pass by itself is tried again all the same: an operator who deletes a
/// stream of another log need not start anything anew.
async fn publish(
    bus: Arc<NatsBus>,
    log: Arc<dyn EventLog>,
    mut stop: watch::Receiver<bool>,
) -> Result<(), Cause> {
    while bus.publish_from(Arc::clone(&log), stop.clone()).await.is_err() {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => (),
            () = sleep(TRY_AGAIN) => (),
        }
    }
    Ok(())
}

/// Says what stands in the way of publishing when that is news, and when it is over.
async fn tell(mut state: watch::Receiver<BusState>, mut stopped: watch::Receiver<bool>) {
    let mut said = [None, None];
    loop {
        let failures = {
            let state = state.borrow_and_update();
            [state.failure.clone(), state.checkpoint_failure.clone()]
        };
        for ((what, said), failure) in ["events", "checkpoints"].iter().zip(&mut said).zip(failures) {
            tell_of(what, said, failure);
        }
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => return,
            changed = state.changed() => if changed.is_err() { return },
        }
    }
}

fn tell_of(what: &str, said: &mut Option<Arc<BusError>>, failure: Option<Arc<BusError>>) {
    match (&*said, &failure) {
        (Some(before), Some(now)) if before.is_like(now) => return,
        (_, Some(now)) => {
            let why = anyhow::Error::from(Arc::clone(now));
            tracing::warn!("publishing {what} on the bus does not go on: {why:#}");
        }
        (Some(_), None) => tracing::info!("publishing {what} on the bus goes on"),
        (None, None) => return,
    }
    *said = failure;
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
