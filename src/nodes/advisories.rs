//! Advisories that another node imported: the event names the blobs, and this node imports the same.

use anyhow::{Context, Result};
use scanledger_advisories::AdvisoryStore;
use scanledger_domain::advisory::{AdvisoryEvent, AdvisoryIndex, Generation, Imported, advisories_stream};
use scanledger_domain::blob::BlobStore;
use scanledger_domain::decider::StoredEvent;
use scanledger_domain::log::{EventLog, Version};
use scanledger_domain::scanning::{Control, Outcome, ScanError, Scanner, ScannerKind};
use scanledger_domain::source::SourceTree;
use scanledger_projections::Views;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, watch};

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
    /// Imports up to here are in the store. Held while importing, so that nothing is imported twice at a time.
    reached: Arc<Mutex<Version>>,
}

impl AdvisoryFollower {
    /// Over this node's store; files are downloaded into `temporary`.
    pub fn new(
        log: Arc<dyn EventLog>,
        store: Arc<AdvisoryStore>,
        blobs: Arc<dyn BlobStore>,
        temporary: PathBuf,
    ) -> Self {
        Self { log, store, blobs, temporary, reached: Arc::default() }
    }

    /// Imports everything that the log says was imported and this node does not have.
    ///
    /// # Errors
    /// When the log, a blob or the store fails; what was imported until then stays.
    pub async fn catch_up(&self) -> Result<()> {
        let mut reached = self.reached.lock().await;
        loop {
            let page = self
                .log
                .read_stream(&advisories_stream(), *reached, PAGE)
                .await
                .context("while asking for imports of advisories")?;
            let Some(last) = page.last() else { return Ok(()) };
            let last = last.version;
            for recorded in &page {
                let AdvisoryEvent::Imported(imported) =
                    AdvisoryEvent::decode(&recorded.kind, recorded.schema, &recorded.data)
                        .context("while reading an import of advisories")?;
                if self.store.generation().unwrap_or(Generation(0)) < imported.generation {
                    self.import(imported).await?;
                }
            }
            *reached = last;
        }
    }

    async fn import(&self, imported: Imported) -> Result<()> {
        std::fs::create_dir_all(&self.temporary).context("while making a folder for advisories")?;
        let folder = tempfile::tempdir_in(&self.temporary).context("while making a folder for advisories")?;
        let mut sources = Vec::with_capacity(imported.files.len());
        for (number, file) in imported.files.iter().enumerate() {
            let path = folder.path().join(number.to_string());
            self.blobs
                .load_to_file(file.blob, &path)
                .await
                .context("while fetching advisories that another node imported")?;
            sources.push(path);
        }
        let (store, generation) = (Arc::clone(&self.store), imported.generation);
        tokio::task::spawn_blocking(move || store.import_as(generation, &sources, &|_| ()))
            .await?
            .context("while importing what another node imported")?;
        tracing::info!(generation = generation.0, "advisories of another node were imported");
        Ok(())
    }

    /// Follows the log until `stopped`.
    pub async fn run(self, views: Views, mut stopped: watch::Receiver<bool>) {
        let mut moved = views.watch();
        loop {
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
