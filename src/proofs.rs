//! Proofs, wired: the tree that follows the log, and the one who signs it now and then.

use anyhow::{Context, Result};
use scanledger_api::rest::native::Proofs as ProofReads;
use scanledger_commands::ports::Checkpoints;
use scanledger_commands::proof::{
    AuditTree, CheckpointDeps, CheckpointStore, Checkpointer, KeptCheckpoint, Publish, SignError, Standing,
};
use scanledger_domain::blob::BlobStore;
use scanledger_domain::log::{EventLog, LogError, Position};
use scanledger_domain::proof::{Ed25519Signer, Signer, TreeHash};
use scanledger_domain::{BoxFuture, Cause};
use scanledger_projections::tree::{TREE_FILE, Tree, TreeError};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How long to wait after a part that signing needs has failed.
const RETRY: Duration = Duration::from_secs(60);
/// How often a tree that does not follow the log looks whether that is again what it was.
const LOOK: Duration = Duration::from_secs(1);

/// When checkpoints are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// After so many events.
    pub events: u64,
    /// And after so much time, if there is any event since the last one.
    pub every: Duration,
    /// How often the whole log is read again and held against everything that was signed, besides at the start.
    pub examine: Duration,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            events: 10_000,
            every: Duration::from_secs(10 * 60),
            examine: Duration::from_secs(24 * 60 * 60),
        }
    }
}

/// What proofs are made with.
pub struct ProofDeps {
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// What was signed.
    pub checkpoints: Arc<dyn Checkpoints>,
    /// Where checkpoints are published too.
    pub blobs: Arc<dyn BlobStore>,
    /// Who else is told of each checkpoint; must not block.
    pub publish: Publish,
}

/// The tree of this node, and its signer. Cheap to clone.
#[derive(Clone)]
pub struct Proofs {
    log: Arc<dyn EventLog>,
    tree: Tree,
    store: CheckpointStore,
    signer: Arc<dyn Signer>,
    checkpointer: Arc<Checkpointer>,
}

impl Proofs {
    /// Opens the tree in `folder`, or begins a new one. `seed` is asked once for the Ed25519 key.
    ///
    /// # Errors
    /// When the tree cannot be opened or the log cannot be read.
    pub async fn open(
        folder: &Path,
        deps: ProofDeps,
        seed: impl FnOnce() -> Result<[u8; 32]>,
    ) -> Result<Self> {
        let signer: Arc<dyn Signer> = Arc::new(Ed25519Signer::from_seed(seed()?));
        let tree = Tree::open(&folder.join(TREE_FILE), deps.log.identity())
            .context("while opening the tree over the log")?;
        tree.fit(&*deps.log).await.context("while comparing the tree with the log")?;
        let store = CheckpointStore::new(deps.checkpoints);
        let stored = StoredTree { tree: tree.clone(), log: Arc::clone(&deps.log) };
        let checkpointer = Checkpointer::new(CheckpointDeps {
            log: Arc::clone(&deps.log),
            tree: Arc::new(stored),
            store: store.clone(),
            signer: Arc::clone(&signer),
            blobs: deps.blobs,
            publish: deps.publish,
        });
        Ok(Self { log: deps.log, tree, store, signer, checkpointer: Arc::new(checkpointer) })
    }

    /// What routes read; an extension of the router.
    pub fn reads(&self) -> ProofReads {
        ProofReads {
            tree: self.tree.clone(),
            checkpoints: self.store.clone(),
            signer: Arc::clone(&self.signer),
        }
    }

    /// Signs what the log holds now; answers the last checkpoint if there is no news.
    ///
    /// # Errors
    /// [`SignError::Contradicted`] if the log is not what was signed before.
    pub async fn sign(&self) -> Result<KeptCheckpoint, SignError> {
        self.checkpointer.sign().await
    }

    /// What this process knows about the log.
    pub fn standing(&self) -> Standing {
        self.checkpointer.standing()
    }

    /// Why nothing is signed any more, for readiness.
    pub fn refusal(&self) -> Option<String> {
        match self.standing() {
            Standing::Refused(why) => {
                Some(format!("no checkpoint is signed, because the log was changed: {why}"))
            }
            Standing::Unexamined | Standing::Sound { .. } => None,
        }
    }

    /// Figures for metrics: name, kind, help, value.
    pub fn figures(&self) -> [(&'static str, &'static str, &'static str, u64); 4] {
        let (compared, refused) = match self.standing() {
            Standing::Unexamined => (0, 0),
            Standing::Sound { events } => (events, 0),
            Standing::Refused(_) => (0, 1),
        };
        [
            ("audit_tree_leaves", "gauge", "Events in the tree over the log.", self.tree.reached().size),
            (
                "audit_compared_events",
                "gauge",
                "Events that were read again and are what was signed.",
                compared,
            ),
            (
                "audit_examinations_total",
                "counter",
                "Times the whole log was read again and was what was signed.",
                self.checkpointer.examinations(),
            ),
            ("audit_refused", "gauge", "1 if the log was changed and no checkpoint is signed.", refused),
        ]
    }

    /// Follows the log and signs until `stop` changes; then signs what is left, and closes the tree. The log must
    /// still answer then.
    pub fn spawn(&self, schedule: Schedule, stop: watch::Receiver<bool>) -> JoinHandle<()> {
        let proofs = self.clone();
        tokio::spawn(async move {
            let following = tokio::spawn(proofs.clone().follow(stop.clone()));
            proofs.keep_signing(schedule, stop).await;
            drop(following.await);
            proofs.finish().await;
        })
    }

    /// Keeps the tree up with the log until `stop` changes or it cannot be written. While the log has another history
    /// than the tree, nothing is added to it.
    async fn follow(self, mut stop: watch::Receiver<bool>) {
        loop {
            let Err(error) = self.tree.run(Arc::clone(&self.log), stop.clone()).await else { return };
            let lost = if let TreeError::Log(LogError::Diverged { position }) = &error {
                Some(*position)
            } else {
                None
            };
            if let Some(position) = lost {
                self.checkpointer.refuse(position).await;
            }
            let error = anyhow::Error::from(error);
            tracing::error!("the tree over the log stopped; no checkpoint is signed: {error:#}");
            if lost.is_none() {
                return;
            }
            while !matches!(self.standing(), Standing::Sound { .. }) {
                tokio::select! {
                    _ = stop.wait_for(|stop| *stop) => return,
                    () = tokio::time::sleep(LOOK) => (),
                }
            }
            tracing::warn!("the log is again what was hashed, and the tree follows it");
        }
    }

    async fn keep_signing(&self, schedule: Schedule, mut stop: watch::Receiver<bool>) {
        let mut sizes = self.tree.watch();
        let mut signed = 0;
        let mut examined: Option<Instant> = None;
        loop {
            let outcome = if examined.is_none_or(|at| at.elapsed() >= schedule.examine) {
                let examination = tokio::select! {
                    _ = stop.wait_for(|stop| *stop) => return,
                    examination = self.checkpointer.examine() => examination,
                };
                examined = (!is_fault(&examination)).then(Instant::now);
                examination.map(drop)
            } else if self.tree.reached().size > signed {
                self.sign().await.map(|kept| signed = kept.size())
            } else {
                Ok(())
            };
            let failed = outcome.is_err();
            let pause = if is_fault(&outcome) { schedule.every.min(RETRY) } else { schedule.every };
            report(outcome);
            let enough = signed.saturating_add(schedule.events);
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(pause) => (),
                // Where nothing can be signed, no event is news.
                _ = sizes.wait_for(|reached| reached.size >= enough), if !failed => (),
            }
        }
    }

    async fn finish(&self) {
        // Else the end of a short life would have to wait until a long log is read.
        if matches!(self.standing(), Standing::Sound { .. }) {
            report(self.sign().await.map(drop));
        }
        if let Err(error) = self.tree.close() {
            tracing::warn!("the tree over the log could not be closed: {error}");
        }
    }
}

fn is_fault<T>(outcome: &Result<T, SignError>) -> bool {
    matches!(outcome, Err(SignError::Fault(_)))
}

fn report(outcome: Result<(), SignError>) {
    match outcome {
        Ok(()) | Err(SignError::Empty) => (),
        Err(error @ SignError::Contradicted(_)) => {
            let error = anyhow::Error::from(error);
            tracing::error!("the log was changed, and nothing is signed until it is restored: {error:#}");
        }
        Err(error @ SignError::Fault(_)) => {
            let error = anyhow::Error::from(error);
            tracing::warn!("no checkpoint of the log could be signed; it is tried again: {error:#}");
        }
    }
}

/// The tree as whoever signs needs it.
pub struct StoredTree {
    /// The tree.
    pub tree: Tree,
    /// Its log.
    pub log: Arc<dyn EventLog>,
}

impl AuditTree for StoredTree {
    fn size(&self) -> u64 {
        self.tree.reached().size
    }

    fn root(&self, size: u64) -> Result<TreeHash, Cause> {
        Ok(self.tree.root(size)?)
    }

    fn leaves(&self, from: u64, count: u64) -> Result<Vec<TreeHash>, Cause> {
        Ok(self.tree.leaves(from, count)?)
    }

    fn position_of(&self, leaf: u64) -> Result<Option<Position>, Cause> {
        Ok(self.tree.position_of(leaf)?)
    }

    fn consistency(&self, from: u64, to: u64) -> Result<Vec<TreeHash>, Cause> {
        Ok(self.tree.consistency(from, to)?)
    }

    fn catch_up(&self) -> BoxFuture<'_, Result<(), Cause>> {
        Box::pin(async move {
            self.tree.catch_up(&*self.log).await?;
            Ok(())
        })
    }

    fn rebuild(&self) -> BoxFuture<'_, Result<(), Cause>> {
        Box::pin(async move {
            let tree = self.tree.clone();
            tokio::task::spawn_blocking(move || tree.clear()).await??;
            self.tree.catch_up(&*self.log).await?;
            Ok(())
        })
    }
}
