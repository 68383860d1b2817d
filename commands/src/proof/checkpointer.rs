//! Signs checkpoints, or refuses to.

use super::{AuditTree, CheckpointStore, Contradiction, Examination, KeptCheckpoint, examine};
use crate::error::{Fault, lost_at};
use parking_lot::Mutex;
use scanledger_domain::blob::BlobStore;
use scanledger_domain::log::{EventLog, Position};
use scanledger_domain::proof::{Checkpoint, Origin, SignedCheckpoint, Signer, leaf_hash, verify_consistency};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Events read at once.
const READ_EVENTS: usize = 4_000;
/// How often a stored tree that the log contradicts is built anew before something else must be wrong.
const REBUILDS: usize = 2;

/// Is told the text of each checkpoint that was signed; must not block.
pub type Publish = Arc<dyn Fn(&str) + Send + Sync>;

/// What a [`Checkpointer`] works with.
pub struct CheckpointDeps {
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// The tree over it.
    pub tree: Arc<dyn AuditTree>,
    /// What was signed.
    pub store: CheckpointStore,
    /// The key.
    pub signer: Arc<dyn Signer>,
    /// Where checkpoints are published too.
    pub blobs: Arc<dyn BlobStore>,
    /// Who else is told.
    pub publish: Publish,
}

/// Why no checkpoint was signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// There is nothing to sign.
    #[error("the log has no events yet")]
    Empty,
    /// The log is not what it was when it was signed before. Nothing is signed until it is again.
    #[error("the log was changed, and no checkpoint is signed over it")]
    Contradicted(#[from] Contradiction),
    /// Log, tree or store failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// What this process knows about the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It was not read again yet, and nothing was signed.
    Unexamined,
    /// It is what was signed.
    Sound {
        /// Events that were compared.
        events: u64,
    },
    /// It is not, and nothing is signed any more.
    Refused(Contradiction),
}

/// The one who signs; one of its calls works at a time.
pub struct Checkpointer {
    deps: CheckpointDeps,
    standing: Mutex<Standing>,
    examinations: AtomicU64,
    one_at_a_time: tokio::sync::Mutex<()>,
}

impl Checkpointer {
    /// With these parts. Nothing is read before the first call.
    pub fn new(deps: CheckpointDeps) -> Self {
        Self {
            deps,
            standing: Mutex::new(Standing::Unexamined),
            examinations: AtomicU64::default(),
            one_at_a_time: tokio::sync::Mutex::default(),
        }
    }

    /// What it knows.
    pub fn standing(&self) -> Standing {
        *self.standing.lock()
    }

    /// How often the whole log was read again and found to be what was signed.
    pub fn examinations(&self) -> u64 {
        self.examinations.load(Ordering::Relaxed)
    }

    /// Reads the whole log again and holds it against every checkpoint and the stored tree. If the tree says
    /// something else where nothing was signed, the first examination of a process builds it anew, and a later one
    /// takes it for a change of the log.
    ///
    /// # Errors
    /// [`SignError::Contradicted`] if the log is not what was signed.
    pub async fn examine(&self) -> Result<Examination, SignError> {
        let _guard = self.one_at_a_time.lock().await;
        self.examine_alone().await
    }

    /// Signs the tree as it is, and keeps and publishes the checkpoint; if there is no news, answers the last one.
    /// Examines the log first if this process has not.
    ///
    /// # Errors
    /// [`SignError`]; after [`SignError::Contradicted`] every call answers the same, until an examination finds the
    /// log as it was.
    pub async fn sign(&self) -> Result<KeptCheckpoint, SignError> {
        let _guard = self.one_at_a_time.lock().await;
        let compared = match self.standing() {
            Standing::Refused(contradiction) => return Err(contradiction.into()),
            Standing::Sound { events } => events,
            Standing::Unexamined => self.examine_alone().await?.compared,
        };
        // In this order: a node that signs more in between makes what is read here older, and no tree too short for it.
        let store = self.deps.store.clone();
        let last = blocking("read the last checkpoint", move || store.latest()).await?;
        self.catch_up().await?;
        match self.sign_after(compared, last).await {
            Err(SignError::Contradicted(contradiction)) => {
                *self.standing.lock() = Standing::Refused(contradiction);
                Err(contradiction.into())
            }
            other => other,
        }
    }

    /// Signs nothing any more, because the log no longer has the event at `position` that is in the tree.
    pub async fn refuse(&self, position: Position) {
        // After an examination that is under way, which may have read the log before.
        let _guard = self.one_at_a_time.lock().await;
        *self.standing.lock() = Standing::Refused(Contradiction::Event { position });
    }

    async fn examine_alone(&self) -> Result<Examination, SignError> {
        self.catch_up().await?;
        let is_first = self.standing() == Standing::Unexamined;
        for _ in 0..REBUILDS {
            let found = self.read_again().await?;
            if let Some(&contradiction) = found.contradictions.first() {
                *self.standing.lock() = Standing::Refused(contradiction);
                return Err(contradiction.into());
            }
            let Some(difference) = found.tree else {
                *self.standing.lock() = Standing::Sound { events: found.compared };
                self.examinations.fetch_add(1, Ordering::Relaxed);
                return Ok(found);
            };
            if !is_first {
                // This process has read another event there itself.
                let contradiction = Contradiction::Event { position: difference.position };
                *self.standing.lock() = Standing::Refused(contradiction);
                return Err(contradiction.into());
            }
            tracing::error!(
                "from position {} on the log is not what it was when it was hashed; no checkpoint covers that, and \
                 the tree is built anew",
                difference.position
            );
            let rebuilt = self.deps.tree.rebuild().await;
            rebuilt.map_err(|error| Fault::other("build the tree anew", error))?;
        }
        Err(Fault::other("make log and tree agree", "the tree differs after it was built anew").into())
    }

    /// What the tree has is compared, and what it has not yet would have to be read once more.
    async fn catch_up(&self) -> Result<(), SignError> {
        let Err(error) = self.deps.tree.catch_up().await else { return Ok(()) };
        let Some(position) = lost_at(&*error) else {
            return Err(Fault::other("bring the tree up to the log", error).into());
        };
        // What was hashed is no longer there, and what comes after it must not be hashed as if it followed.
        let contradiction = Contradiction::Event { position };
        *self.standing.lock() = Standing::Refused(contradiction);
        Err(contradiction.into())
    }

    async fn read_again(&self) -> Result<Examination, SignError> {
        let store = self.deps.store.clone();
        let kept = blocking("list checkpoints", move || store.all()).await?;
        let mut unsigned = Vec::new();
        for kept in &kept {
            let key = self.deps.signer.verifier_key(&kept.signed.checkpoint.origin);
            if key.verify(&kept.signed.note).is_err() {
                unsigned.push(Contradiction::Unsigned { size: kept.size() });
            }
        }
        let checkpoints: Vec<Checkpoint> = kept.iter().map(|kept| kept.signed.checkpoint).collect();
        let tree = Some(Arc::clone(&self.deps.tree));
        let mut found = examine(&*self.deps.log, &checkpoints, tree, &|_| ()).await?;
        found.contradictions.extend(unsigned);
        Ok(found)
    }

    /// `compared` leaves were held against the log by this process, and `last` was signed before the tree was brought up
    /// to the log.
    async fn sign_after(
        &self,
        compared: u64,
        last: Option<KeptCheckpoint>,
    ) -> Result<KeptCheckpoint, SignError> {
        let tree = Arc::clone(&self.deps.tree);
        let size = tree.size();
        let Some(first) = self.deps.log.read_all(Position::START, 1).await.map_err(Fault::from)?.pop() else {
            return Err(SignError::Empty);
        };
        if let Some(last) = &last
            && last.size() > size
        {
            return Err(Contradiction::Shorter { size: last.size(), events: size }.into());
        }
        self.compare(compared, size).await?;
        let candidate = blocking("read the tree", move || {
            let root = tree.root(size).map_err(|error| Fault::other("read the root of the tree", error))?;
            Ok(Checkpoint { origin: Origin(first.id), size, root })
        })
        .await?;
        let previous = match last {
            None => None,
            Some(last) => {
                self.must_continue(last.signed.checkpoint, candidate).await?;
                if last.size() == size {
                    return Ok(last);
                }
                Some(last.size())
            }
        };
        *self.standing.lock() = Standing::Sound { events: size };
        self.publish(SignedCheckpoint::sign(candidate, &*self.deps.signer), previous).await
    }

    /// Reads the events from leaf `from` to leaf `to` once more, and compares them with what was hashed.
    async fn compare(&self, from: u64, to: u64) -> Result<(), SignError> {
        let tree = Arc::clone(&self.deps.tree);
        let mut after = match from {
            0 => Position::START,
            _ => {
                let position = tree.position_of(from - 1);
                let position = position.map_err(|error| Fault::other("read the tree", error))?;
                position.ok_or(Contradiction::Shorter { size: from, events: tree.size() })?
            }
        };
        let mut leaf = from;
        while leaf < to {
            let want = usize::try_from(to - leaf).unwrap_or(usize::MAX).min(READ_EVENTS);
            let batch = self.deps.log.read_all(after, want).await.map_err(Fault::from)?;
            let Some(last) = batch.last() else {
                return Err(Contradiction::Shorter { size: to, events: leaf }.into());
            };
            after = last.position;
            let (tree, read) = (Arc::clone(&tree), batch.len() as u64);
            let changed = blocking("compare log and tree", move || {
                let stored = tree.leaves(leaf, read).map_err(|error| Fault::other("read the tree", error))?;
                let differs = batch.iter().zip(stored).find(|(event, hash)| leaf_hash(event) != *hash);
                Ok(differs.map(|(event, _)| event.position))
            })
            .await?;
            if let Some(position) = changed {
                return Err(Contradiction::Event { position }.into());
            }
            leaf += read;
        }
        Ok(())
    }

    async fn must_continue(&self, last: Checkpoint, candidate: Checkpoint) -> Result<(), SignError> {
        if last.origin != candidate.origin {
            return Err(Contradiction::OtherLog { size: last.size }.into());
        }
        let tree = Arc::clone(&self.deps.tree);
        let proof = blocking("prove consistency", move || {
            let proof = tree.consistency(last.size, candidate.size);
            proof.map_err(|error| Fault::other("prove consistency with the last checkpoint", error))
        })
        .await?;
        verify_consistency(last.size, last.root, candidate.size, candidate.root, &proof)
            .map_err(|_| Contradiction::Fork { size: last.size, to: candidate.size }.into())
    }

    async fn publish(
        &self,
        signed: SignedCheckpoint,
        previous: Option<u64>,
    ) -> Result<KeptCheckpoint, SignError> {
        let text = signed.note.to_string();
        let stored = self.deps.blobs.put(text.clone().into_bytes()).await;
        let blob = match stored {
            Ok(blob) => Some(blob),
            Err(error) => {
                tracing::warn!("a checkpoint could not be put into the blob store: {error}");
                None
            }
        };
        let kept = KeptCheckpoint { signed, previous, blob };
        let (store, keeping) = (self.deps.store.clone(), kept.clone());
        let is_latest = blocking("keep a checkpoint", move || store.keep(&keeping)).await?;
        if !is_latest {
            // Another process was faster; the next signature goes on from its checkpoint.
            let store = self.deps.store.clone();
            let latest = blocking("read the last checkpoint", move || store.latest()).await?;
            return Ok(latest.unwrap_or(kept));
        }
        tracing::info!(size = kept.size(), blob.hash = ?kept.blob, "a checkpoint of the log was signed");
        (self.deps.publish)(&text);
        Ok(kept)
    }
}

async fn blocking<T: Send + 'static>(
    doing: &'static str,
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Fault::other(doing, error))?
}
