//! The running projector: reads the log on, applies, and tells everybody how far it is.

use super::Writer;
use super::batch::{Decoded, is_transient};
use super::rebuild;
use crate::history::{is_there, read_on};
use crate::store::{Views, mark_prepared, prune, unmark_prepared, views_path};
use parking_lot::{Mutex, RwLock};
use scanledger_domain::decider::DecodeError;
use scanledger_domain::id::BranchId;
use scanledger_domain::log::{EventLog, LogError, Position, Recorded, Subscription};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How long to wait before asking a log again that did not answer.
const RETRY: Duration = Duration::from_millis(500);

/// Why the projector cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum ProjectorError {
    /// The views file failed.
    #[error("the read model could not be written")]
    Store(#[from] rusqlite::Error),
    /// The log failed.
    #[error("the log could not be read")]
    Log(#[from] LogError),
    /// An event of a type or schema that this version does not know.
    #[error("the log holds events of a newer version, from position {position} on")]
    Decode {
        /// Where.
        position: Position,
        /// What.
        #[source]
        source: DecodeError,
    },
    /// A blocking task was cancelled.
    #[error("the projector was cancelled")]
    Cancelled,
    /// The folder cannot be written.
    #[error("the folder of the read models could not be used")]
    Folder(#[from] std::io::Error),
}

/// How the projector is doing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Health {
    /// The last event applied.
    pub position: Position,
    /// Events that could not be applied and were put aside.
    pub parked: u64,
    /// Branches that are not what the log says is on them; they are again once the read models are built anew.
    pub broken_branches: u64,
    /// Whether another node did that, whose read models these are, and this one has not tried: it does when it builds
    /// them anew.
    pub is_untried: bool,
    /// Why it does not go on, if so: it stopped, or it cannot write and tries again.
    pub stopped: Option<String>,
    /// Events applied since it started.
    pub applied: u64,
    /// A rebuild that is under way: how far it is.
    pub rebuilding: Option<Position>,
}

pub(super) struct Shared {
    pub(super) log: Arc<dyn EventLog>,
    pub(super) folder: PathBuf,
    pub(super) file: Arc<RwLock<Arc<crate::store::File>>>,
    pub(super) writer: tokio::sync::Mutex<Option<Writer>>,
    pub(super) health: Mutex<Health>,
    pub(super) position: watch::Sender<Position>,
    rebuilds: tokio::sync::Mutex<()>,
}

/// Keeps the read models of one folder up with the log.
#[derive(Clone)]
pub struct Projector {
    shared: Arc<Shared>,
    views: Views,
}

impl std::fmt::Debug for Projector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Projector").field("health", &self.health()).finish_non_exhaustive()
    }
}

impl Projector {
    /// Opens the views of `folder`, or begins new ones if there are none of this revision and this log.
    ///
    /// # Errors
    /// When files cannot be opened or the log cannot be read.
    pub async fn open(folder: &Path, log: Arc<dyn EventLog>) -> Result<Self, ProjectorError> {
        std::fs::create_dir_all(folder)?;
        let opened = Self::begin(folder, log).await?;
        unmark_prepared(folder)?;
        Ok(opened)
    }

    /// As [`Self::open`], for a version that is to serve the folder later: until it does, servers of other versions
    /// leave these views alone.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn prepare(folder: &Path, log: Arc<dyn EventLog>) -> Result<Self, ProjectorError> {
        std::fs::create_dir_all(folder)?;
        mark_prepared(folder)?;
        Self::begin(folder, log).await
    }

    async fn begin(folder: &Path, log: Arc<dyn EventLog>) -> Result<Self, ProjectorError> {
        let (path, writer) = open_or_begin(folder, &*log).await?;
        prune(folder, &path);
        let position = writer.position();
        let (sender, receiver) = watch::channel(position);
        let file = Arc::new(RwLock::new(crate::store::File::new(&path, 0)));
        let views = Views::new(Arc::clone(&file), receiver);
        let health = Mutex::new(Health {
            position,
            parked: writer.parked(),
            broken_branches: writer.broken(),
            is_untried: writer.is_untried(),
            ..Health::default()
        });
        let shared = Shared {
            log,
            folder: folder.to_owned(),
            file,
            writer: tokio::sync::Mutex::new(Some(writer)),
            health,
            position: sender,
            rebuilds: tokio::sync::Mutex::default(),
        };
        Ok(Self { shared: Arc::new(shared), views })
    }

    /// How everybody reads.
    pub fn views(&self) -> Views {
        self.views.clone()
    }

    /// How it is doing.
    pub fn health(&self) -> Health {
        self.shared.health.lock().clone()
    }

    /// Follows the log until `stop` changes or the projector cannot go on; finishes the batch in hand.
    ///
    /// It has a blocking thread of its own for as long as it runs, because handing each batch to one and back costs
    /// as much as applying a decision. Dropping the future ends it.
    ///
    /// # Errors
    /// When it cannot go on; [`Health::stopped`] says why from then on.
    pub async fn run(&self, mut stop: watch::Receiver<bool>) -> Result<(), ProjectorError> {
        let (_wanted, mut unwanted) = watch::channel(());
        let (projector, runtime) = (self.clone(), tokio::runtime::Handle::current());
        let following = tokio::task::spawn_blocking(move || {
            runtime.block_on(async move {
                tokio::select! {
                    biased;
                    _ = stop.wait_for(|stop| *stop) => Ok(()),
                    // The sender went with the future of `run`.
                    _ = unwanted.changed() => Ok(()),
                    ended = projector.follow() => ended,
                }
            })
        });
        let ended = following.await.unwrap_or(Err(ProjectorError::Cancelled));
        if let Err(error) = &ended {
            self.shared.health.lock().stopped = Some(error.to_string());
        }
        ended
    }

    /// Applies batch after batch on the thread that polls it. No batch is half applied when it is dropped, since it
    /// only waits between them.
    async fn follow(&self) -> Result<(), ProjectorError> {
        let mut subscription = self.subscribe();
        loop {
            let applied = match subscription.next().await {
                Ok(batch) => {
                    let mut writer = self.shared.writer.lock().await;
                    self.shared.apply(writer.as_mut(), batch)
                }
                Err(error) => Err(error.into()),
            };
            match applied {
                Ok(()) => (),
                Err(ProjectorError::Store(error)) if is_transient(&error) => {
                    tracing::error!("the read models could not be written, and will be tried again: {error}");
                    self.shared.health.lock().stopped = Some(ProjectorError::Store(error).to_string());
                    tokio::time::sleep(RETRY).await;
                    subscription = self.subscribe();
                }
                Err(ProjectorError::Log(lost @ LogError::Diverged { .. })) => {
                    self.start_over(&lost).await?;
                    subscription = self.subscribe();
                }
                Err(ProjectorError::Log(error)) => {
                    tracing::warn!("the log did not answer the projector: {error}");
                    tokio::time::sleep(RETRY).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Follows the log from the last event that was applied. That one comes first, to be held against what was applied.
    fn subscribe(&self) -> Box<dyn Subscription> {
        self.shared.log.subscribe(Position(self.views.position().0.saturating_sub(1)))
    }

    /// Builds the read models anew from what the log has now, because it no longer has events that are in them. What
    /// is there goes on being shown until then, and says so.
    async fn start_over(&self, lost: &LogError) -> Result<(), ProjectorError> {
        self.views.set_diverged(true);
        tracing::error!(
            "{lost}, which is in the read models: it lost its last events, or was put back to an earlier state; the \
             read models are built anew from what it has"
        );
        self.shared.health.lock().stopped = Some(format!("{lost}; the read models are built anew"));
        loop {
            match self.agree().await {
                Ok(position) => {
                    self.shared.health.lock().stopped = None;
                    self.views.set_diverged(false);
                    tracing::warn!(position = position.0, "the read models are those of the log again");
                    return Ok(());
                }
                Err(error @ (ProjectorError::Decode { .. } | ProjectorError::Cancelled)) => {
                    return Err(error);
                }
                Err(ProjectorError::Store(error)) if !is_transient(&error) => return Err(error.into()),
                Err(error) => tracing::error!("the read models are built anew a little later: {error}"),
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Builds the read models anew unless the log has the event again that they end with, as one does whose server had
    /// not replayed all of it.
    async fn agree(&self) -> Result<Position, ProjectorError> {
        let end = self.shared.writer.lock().await.as_ref().map(Writer::end);
        let (position, last) = end.ok_or(ProjectorError::Cancelled)?;
        if is_there(&*self.shared.log, position, last).await? {
            return Ok(position);
        }
        self.rebuild(Arc::new(|_, _| ())).await
    }

    /// Applies everything the log holds now, then returns: for commands that read beside no server.
    ///
    /// # Errors
    /// When the log cannot be read, an event cannot be decoded, or the log no longer has what was applied
    /// ([`LogError::Diverged`]).
    pub async fn catch_up(&self) -> Result<Position, ProjectorError> {
        loop {
            let end = self.shared.writer.lock().await.as_ref().map(Writer::end);
            let (position, last) = end.ok_or(ProjectorError::Cancelled)?;
            let batch = read_on(&*self.shared.log, position, last, rebuild::READ_EVENTS).await?;
            if batch.is_empty() {
                return Ok(position);
            }
            let shared = Arc::clone(&self.shared);
            let applied = tokio::task::spawn_blocking(move || {
                let mut writer = shared.writer.blocking_lock();
                shared.apply(writer.as_mut(), batch)
            });
            applied.await.map_err(|_| ProjectorError::Cancelled)??;
        }
    }

    /// Builds the read models anew in another file while the present one serves, then swaps.
    ///
    /// `progress` is told `(events applied, head of the log)`. Nothing is swapped if it fails.
    ///
    /// # Errors
    /// When the log cannot be read, an event cannot be decoded, or files cannot be written.
    pub async fn rebuild(
        &self,
        progress: Arc<dyn Fn(Position, Position) + Send + Sync>,
    ) -> Result<Position, ProjectorError> {
        let _one_at_a_time = self.shared.rebuilds.lock().await;
        let outcome = rebuild::rebuild_and_swap(&self.shared, progress).await;
        self.shared.health.lock().rebuilding = None;
        outcome
    }

    /// Looks at a branch of which a reader says that its rows do not add up, and reports it if that is so
    /// ([`Health::broken_branches`]), until a scan of it ends with what they say or the read models are built anew.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn report_broken(&self, branch: BranchId) -> Result<(), ProjectorError> {
        let shared = Arc::clone(&self.shared);
        let reported = tokio::task::spawn_blocking(move || {
            let mut writer = shared.writer.blocking_lock();
            let Some(writer) = writer.as_mut() else { return Err(ProjectorError::Cancelled) };
            writer.report_broken(branch)?;
            shared.health.lock().broken_branches = writer.broken();
            Ok(())
        });
        reported.await.map_err(|_| ProjectorError::Cancelled)?
    }

    /// Ends writing and moves everything into the file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn close(self) -> Result<(), ProjectorError> {
        if let Some(writer) = self.shared.writer.lock().await.take() {
            writer.close()?;
        }
        Ok(())
    }
}

impl Shared {
    /// Applies a batch and tells everybody.
    fn apply(&self, writer: Option<&mut Writer>, batch: Vec<Recorded>) -> Result<(), ProjectorError> {
        let Some(writer) = writer else { return Err(ProjectorError::Cancelled) };
        let (after, last) = writer.end();
        let there = batch.iter().find(|recorded| recorded.position == after);
        if there.is_some_and(|there| Some(there.id.0) != last) {
            return Err(LogError::Diverged { position: after }.into());
        }
        // A rebuild may have brought the file further than this subscription.
        let batch = decode(batch.into_iter().filter(|recorded| recorded.position > after))?;
        if batch.is_empty() {
            // That rebuild has written what could not be written before.
            self.health.lock().stopped = None;
            return Ok(());
        }
        writer.apply(&batch)?;
        let position = writer.position();
        let mut health = self.health.lock();
        health.position = position;
        health.parked = writer.parked();
        health.broken_branches = writer.broken();
        health.applied += batch.len() as u64;
        health.stopped = None;
        drop(health);
        self.position.send_replace(position);
        Ok(())
    }
}

/// Decodes events in order.
pub(super) fn decode(batch: impl Iterator<Item = Recorded>) -> Result<Vec<Decoded>, ProjectorError> {
    batch
        .map(|recorded| {
            let position = recorded.position;
            Decoded::of(recorded).map_err(|source| ProjectorError::Decode { position, source })
        })
        .collect()
}

async fn open_or_begin(folder: &Path, log: &dyn EventLog) -> Result<(PathBuf, Writer), ProjectorError> {
    let path = views_path(folder);
    if let Some(writer) = Writer::open(&path, log.identity())? {
        let (position, last) = writer.end();
        if is_there(log, position, last).await? {
            return Ok((path, writer));
        }
        tracing::warn!("the read models are of another log or ahead of this one: they are built anew");
    }
    let path = crate::store::next_path(folder);
    let writer = Writer::open(&path, log.identity())?.ok_or(ProjectorError::Cancelled)?;
    Ok((path, writer))
}
