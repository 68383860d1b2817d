//! Signed checkpoints where others find them: in the blob store, and on the bus if there is one.
//!
//! Whoever signs one tries to put it into the blob store at once, and keeps it in the state store whatever comes of
//! that. What is missing elsewhere is made up for here, on one node at a time: the list in the state store says which
//! were not stored, and the last one on the bus which come next.

use super::spawn_reactor;
use crate::log::OpenLog;
use crate::server::Engine;
use anyhow::{Context, Result};
use scanledger_bus_nats::{BusError, BusState, KeptNote, Link, NatsBus};
use scanledger_commands::ports::Checkpoints;
use scanledger_commands::proof::{CheckpointStore, KeptCheckpoint};
use scanledger_domain::blob::BlobStore;
use scanledger_domain::{BoxFuture, Cause};
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// How often it is looked for what was signed elsewhere, and tried again what failed.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// How long the end of a process waits for what it signed last; less than a reactor may take to stop.
const LAST: Duration = Duration::from_secs(2);

/// Puts signed checkpoints where others find them. Cheap to clone.
#[derive(Clone)]
pub struct CheckpointPublisher {
    /// Every signed checkpoint.
    pub list: CheckpointStore,
    /// Where they are stored.
    pub blobs: Arc<dyn BlobStore>,
    /// Where they are published, if there is a bus.
    pub bus: Option<Arc<NatsBus>>,
    /// Is told when this process has signed one.
    pub signed: Arc<Notify>,
}

/// Publishes what is signed on whichever node holds the lease; ends with what was signed before `stopped`.
pub fn spawn_checkpoints(
    engine: &Engine,
    bus: Option<Arc<NatsBus>>,
    stopped: watch::Receiver<bool>,
) -> JoinHandle<()> {
    let publisher = CheckpointPublisher {
        list: CheckpointStore::new(Arc::clone(&engine.state.checkpoints) as Arc<dyn Checkpoints>),
        blobs: Arc::clone(&engine.blobs),
        bus,
        signed: Arc::clone(&engine.signed),
    };
    // Where there is one node, the lock on its folder says what a lease would, without a write every second.
    if matches!(engine.log, OpenLog::Sqlite(_)) {
        return tokio::spawn(publisher.run(stopped));
    }
    let work = move |stop| {
        let publisher = publisher.clone();
        Box::pin(async move {
            publisher.run(stop).await;
            Ok(())
        }) as BoxFuture<'static, Result<(), Cause>>
    };
    spawn_reactor(engine, "checkpoints", Box::new(work), stopped)
}

/// What one life of the publisher knows.
#[derive(Default)]
struct Done {
    /// The size up to which all are in the blob store.
    stored: u64,
    /// The size of the last one on the bus.
    published: u64,
    /// Whether there was a connection to the bus.
    was_up: bool,
    /// What went wrong, as it was said.
    said: Option<String>,
}

impl CheckpointPublisher {
    /// Goes on until `stop`, and then once more for what was signed last.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut done = Done::default();
        let mut bus = self.bus.as_ref().map(|bus| bus.state());
        loop {
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => break,
                () = self.make_up(&mut done) => (),
            }
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => break,
                () = self.signed.notified() => (),
                () = comes_up(&mut bus, done.was_up) => (),
                () = sleep(LOOK_AGAIN) => (),
            }
        }
        // Whoever wants to end does not wait for somebody who is away; the next process goes on.
        let _ = timeout(LAST, self.make_up(&mut done)).await;
    }

    /// Stores and publishes what is not yet; says once what stands in the way.
    async fn make_up(&self, done: &mut Done) {
        let stored = self.store(&mut done.stored).await;
        let published = self.publish(done).await;
        let failed = stored.and(published).err().map(|error| format!("{error:#}"));
        if let Some(why) = &failed
            && done.said != failed
        {
            tracing::warn!("signed checkpoints are not everywhere yet, which is tried again: {why}");
        }
        done.said = failed;
    }

    /// Puts those into the blob store that could not be put there when they were signed.
    async fn store(&self, stored: &mut u64) -> Result<()> {
        for kept in self.later_than(*stored).await? {
            let size = kept.size();
            if kept.blob.is_none() {
                let blob = self.blobs.put(kept.signed.note.to_string().into_bytes()).await;
                let blob = blob.context("while storing a checkpoint")?;
                let list = self.list.clone();
                // Who was faster has noted the same.
                tokio::task::spawn_blocking(move || list.note_blob(size, blob)).await??;
                tracing::info!(size, blob.hash = %blob, "a checkpoint was stored that could not be before");
            }
            *stored = size;
        }
        Ok(())
    }

    /// Publishes those in order that come after the last one on the bus. How that went is in the state of the bus.
    async fn publish(&self, done: &mut Done) -> Result<()> {
        let Some(bus) = &self.bus else { return Ok(()) };
        done.was_up = bus.state().borrow().link == Link::Up;
        let list = self.list.clone();
        let latest = tokio::task::spawn_blocking(move || list.latest()).await??;
        let Some(latest) = latest.map(|latest| latest.size()).filter(|size| *size != done.published) else {
            return Ok(());
        };
        if !done.was_up {
            return Ok(());
        }
        let sent = match bus.last_checkpoint().await {
            Ok(last) => send(bus, last, &self.later_than(last.size).await?).await,
            Err(error) => Err(error),
        };
        match sent {
            Ok(()) => {
                done.published = latest;
                bus.note_checkpoints(None);
            }
            // Another node has just published the same.
            Err(BusError::Raced) => (),
            Err(error) => bus.note_checkpoints(Some(Arc::new(error))),
        }
        Ok(())
    }

    async fn later_than(&self, size: u64) -> Result<Vec<KeptCheckpoint>> {
        let list = self.list.clone();
        let later = tokio::task::spawn_blocking(move || list.later_than(size)).await?;
        later.context("while reading the signed checkpoints")
    }
}

async fn send(bus: &NatsBus, mut last: KeptNote, later: &[KeptCheckpoint]) -> Result<(), BusError> {
    for kept in later {
        last = bus.publish_checkpoint(last, &kept.signed.note.to_string()).await?;
    }
    Ok(())
}

/// Waits until there is a connection that was not there before.
async fn comes_up(bus: &mut Option<watch::Receiver<BusState>>, was_up: bool) {
    let Some(bus) = bus else { return pending().await };
    let wanted = if was_up { [Link::Down, Link::Up].as_slice() } else { &[Link::Up] };
    for link in wanted {
        let is_gone = bus.wait_for(|state| state.link == *link).await.is_err();
        if is_gone {
            return pending().await;
        }
    }
}
