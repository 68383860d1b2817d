//! Advisories as the log has them: an event names the blobs of an import, and every node imports the same.

use anyhow::{Context, Result};
use parking_lot::Mutex;
use scanledger_advisories::AdvisoryStore;
use scanledger_domain::advisory::{AdvisoryEvent, Generation, Imported, advisories_stream};
use scanledger_domain::blob::{BlobError, BlobStore};
use scanledger_domain::decider::StoredEvent;
use scanledger_domain::id::EventId;
use scanledger_domain::log::{EventLog, Recorded, Version};
use scanledger_domain::scanning::{Control, Outcome, ScanError, Scanner, ScannerKind};
use scanledger_domain::source::SourceTree;
use scanledger_projections::Views;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{MutexGuard, watch};

/// Imports read at a time.
const PAGE: usize = 64;
/// How often, at most, the log is asked for imports.
const PACE: Duration = Duration::from_secs(1);

/// Keeps this node's advisories up with what the log says is in force. Cheap to clone.
#[derive(Clone)]
pub struct AdvisoryFollower {
    log: Arc<dyn EventLog>,
    store: Arc<AdvisoryStore>,
    blobs: Arc<dyn BlobStore>,
    temporary: PathBuf,
    /// Held by whoever changes the store, so that nothing is imported twice at a time.
    working: Arc<tokio::sync::Mutex<()>>,
    /// Imports up to here are in the store; `None` before it was compared with the log.
    reached: Arc<Mutex<Option<Version>>>,
}

/// What becomes of an import whose files are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lost {
    /// Nothing goes on without it.
    Stops,
    /// It is passed over.
    IsPassedOver,
}

impl AdvisoryFollower {
    /// Over this node's store; files are downloaded into `temporary`.
    pub fn new(
        log: Arc<dyn EventLog>,
        store: Arc<AdvisoryStore>,
        blobs: Arc<dyn BlobStore>,
        temporary: PathBuf,
    ) -> Self {
        Self { log, store, blobs, temporary, working: Arc::default(), reached: Arc::default() }
    }

    /// Imports everything that the log says was imported and this node does not have. If what it has is not of this
    /// log, all of it is imported anew.
    ///
    /// # Errors
    /// When the log, a blob or the store fails; what was imported until then stays.
    pub async fn catch_up(&self) -> Result<()> {
        let reached = *self.reached.lock();
        // While this node imports, nobody has to wait who needs nothing of it.
        if let Some(reached) = reached
            && self.later_than(reached, 1).await?.is_empty()
        {
            return Ok(());
        }
        let _alone = self.working.lock().await;
        self.follow(Lost::Stops).await
    }

    /// Waits until nobody changes the store, brings it up to the log, and keeps others from changing it until the
    /// answer is dropped. Imports whose files are gone are passed over: whoever asks is about to bring new ones.
    ///
    /// # Errors
    /// As [`Self::catch_up`].
    pub(super) async fn alone(&self) -> Result<MutexGuard<'_, ()>> {
        let alone = self.working.lock().await;
        self.follow(Lost::IsPassedOver).await?;
        Ok(alone)
    }

    /// By whoever works.
    async fn follow(&self, lost: Lost) -> Result<()> {
        let reached = *self.reached.lock();
        let mut reached = match reached {
            Some(reached) => reached,
            None => self.place().await?,
        };
        loop {
            *self.reached.lock() = Some(reached);
            let page = self.later_than(reached, PAGE).await?;
            if page.is_empty() {
                return Ok(());
            }
            for recorded in page {
                let imported = imported(&recorded)?;
                if self.store.standing()?.generation < imported.generation {
                    self.import(recorded.id, imported, lost).await?;
                }
                reached = recorded.version;
            }
        }
    }

    /// Where in the log the store is. One that is nowhere in it has something that other nodes do not have under the
    /// same number, as a node that was killed in an import, or whose log was put back: it is cleared.
    async fn place(&self) -> Result<Version> {
        let standing = self.store.standing()?;
        if standing.generation == Generation(0) {
            return Ok(Version::NONE);
        }
        let mut after = Version::NONE;
        loop {
            let page = self.later_than(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.version;
            for recorded in &page {
                let is_it = match standing.event {
                    Some(event) => event == recorded.id,
                    // From before events were kept; then the number has to do.
                    None => imported(recorded)?.generation == standing.generation,
                };
                if is_it {
                    return Ok(recorded.version);
                }
            }
        }
        tracing::warn!(
            generation = standing.generation.0,
            "the advisories of this node are not those that the log names, and are imported anew"
        );
        let store = Arc::clone(&self.store);
        tokio::task::spawn_blocking(move || store.clear()).await?.context("while forgetting advisories")?;
        Ok(Version::NONE)
    }

    async fn later_than(&self, version: Version, limit: usize) -> Result<Vec<Recorded>> {
        let page = self.log.read_stream(&advisories_stream(), version, limit).await;
        page.context("while asking for imports of advisories")
    }

    async fn import(&self, event: EventId, imported: Imported, lost: Lost) -> Result<()> {
        std::fs::create_dir_all(&self.temporary).context("while making a folder for advisories")?;
        let folder = tempfile::tempdir_in(&self.temporary).context("while making a folder for advisories")?;
        let mut sources = Vec::with_capacity(imported.files.len());
        for (number, file) in imported.files.iter().enumerate() {
            let path = folder.path().join(number.to_string());
            match self.blobs.load_to_file(file.blob, &path).await {
                Ok(()) => sources.push(path),
                Err(BlobError::Missing(blob)) if lost == Lost::IsPassedOver => {
                    tracing::warn!(
                        generation = imported.generation.0,
                        blob.hash = %blob,
                        "advisories that were imported are gone, and this node goes on without them"
                    );
                }
                Err(error) => return Err(error).context("while fetching advisories that were imported"),
            }
        }
        let (store, generation) = (Arc::clone(&self.store), imported.generation);
        tokio::task::spawn_blocking(move || store.import_as(generation, event, &sources, &|_| ()))
            .await?
            .context("while importing what the log says was imported")?;
        tracing::info!(generation = generation.0, "advisories that the log names were imported");
        Ok(())
    }

    /// Follows the log until `stopped`.
    pub async fn run(self, views: Views, mut stopped: watch::Receiver<bool>) {
        let (mut moved, mut history) = (views.watch(), views.shown().history);
        loop {
            let now = views.shown().history;
            if std::mem::replace(&mut history, now) != now {
                // Versions that were read may be of imports that the log has lost: the store's own place is looked for.
                // Nobody works meanwhile, who would put back what they began with.
                let _alone = self.working.lock().await;
                *self.reached.lock() = None;
            }
            if let Err(error) = self.catch_up().await {
                tracing::warn!("advisories of other nodes are missing here: {error:#}");
            }
            tokio::select! {
                _ = stopped.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(PACE) => (),
            }
            tokio::select! {
                _ = stopped.wait_for(|stop| *stop) => return,
                changed = moved.changed() => if changed.is_err() { return },
            }
        }
    }
}

fn imported(recorded: &Recorded) -> Result<Imported> {
    let event = AdvisoryEvent::decode(&recorded.kind, recorded.schema, &recorded.data);
    let AdvisoryEvent::Imported(imported) = event.context("while reading an import of advisories")?;
    Ok(imported)
}

/// A scanner that matches with what is in force, whichever node imported it: before it begins, this node imports what
/// it has not.
pub struct InForce {
    scanner: Arc<dyn Scanner>,
    follower: AdvisoryFollower,
    runtime: Handle,
}

impl InForce {
    /// Over a scanner that matches with this node's advisories. Needs a runtime.
    pub fn new(scanner: Arc<dyn Scanner>, follower: AdvisoryFollower) -> Self {
        Self { scanner, follower, runtime: Handle::current() }
    }
}

impl Scanner for InForce {
    fn kind(&self) -> ScannerKind {
        self.scanner.kind()
    }

    fn scan(&self, source: &SourceTree, control: &dyn Control) -> Result<Outcome, ScanError> {
        // Matching with older ones would be silent, and is worse than none.
        self.runtime
            .block_on(self.follower.catch_up())
            .map_err(|error| ScanError::Failed { scanner: self.kind(), source: error.into() })?;
        self.scanner.scan(source, control)
    }
}

#[cfg(test)]
mod tests;
