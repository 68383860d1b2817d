//! What the server and commands at the shell have in common.

use super::BlobPlace;
use crate::adapters::{SystemClock, TimeOrderedIds, ViewsReadModel};
use crate::backup::{Unfinished, refuse_half};
use crate::data::{DataFolder, DataLock, node_id};
use crate::log::OpenLog;
use crate::log::sealed::{FIRST_EVENTS, is_opened_by};
use crate::nodes::{AdvisoryFollower, Restores};
use crate::place::LogPlace;
use crate::proofs::{ProofDeps, Proofs};
use anyhow::{Context, Result, bail};
use scanledger_advisories::AdvisoryStore;
use scanledger_blobs::Blobs;
use scanledger_commands::identity::{Identities, IdentityParts, Lifetimes};
use scanledger_commands::ledger::Ledger;
use scanledger_commands::ports::{Mailer, OsEntropy};
use scanledger_domain::blob::BlobStore;
use scanledger_domain::id::Ids;
use scanledger_domain::log::{EventLog, Position};
use scanledger_domain::vault::Vault;
use scanledger_projections::Projector;
use scanledger_state::State;
use std::sync::Arc;
use tokio::sync::Notify;
use uuid::Uuid;

/// The parts that commands at the shell and the server share: everything that needs the lock.
pub struct Engine {
    /// The data folder.
    pub folder: DataFolder,
    /// The event log.
    pub log: OpenLog,
    /// Where it ended when it was opened.
    pub head_at_start: Position,
    /// Keys, leases and the like.
    pub state: Arc<State>,
    /// Keeps the read models up with the log.
    pub projector: Projector,
    /// Advisories.
    pub advisories: Arc<AdvisoryStore>,
    /// Blobs.
    pub blobs: Arc<dyn BlobStore>,
    /// The same store, in which is noted who was erased.
    pub erased: Blobs,
    /// Writes.
    pub ledger: Ledger,
    /// Organizations, people and keys.
    pub identities: Identities,
    /// The tree over the log, and its signer.
    pub proofs: Proofs,
    /// Is told when a checkpoint was signed.
    pub signed: Arc<Notify>,
    /// What other nodes imported.
    pub follower: AdvisoryFollower,
    /// This node, the same after every restart.
    pub node: Uuid,
    /// A restore that may begin in the state store.
    pub restores: Option<Restores>,
    _lock: DataLock,
}

impl Engine {
    /// Opens everything in `folder`, making what is missing.
    ///
    /// # Errors
    /// When another process has the folder, or a part cannot be opened.
    pub async fn open(folder: DataFolder, log: &LogPlace, blobs: &BlobPlace) -> Result<Self> {
        let lock = take_lock(&folder)?;
        Self::open_locked(folder, lock, log, blobs).await
    }

    /// As [`Self::open`], by who has the lock already.
    ///
    /// # Errors
    /// When a part cannot be opened; when the log has events whose keys are not there, or a restore that did not end.
    pub async fn open_locked(
        folder: DataFolder,
        lock: DataLock,
        log: &LogPlace,
        blobs: &BlobPlace,
    ) -> Result<Self> {
        let stores = open_stores(&folder, log).await?;
        stores.refuse_unfinished().await?;
        Self::over(folder, lock, stores, blobs).await
    }

    /// As [`Self::open`], for the restore that is under way there.
    ///
    /// # Errors
    /// When another process has the folder, or a part cannot be opened.
    pub async fn open_to_restore(folder: DataFolder, log: &LogPlace, blobs: &BlobPlace) -> Result<Self> {
        let lock = take_lock(&folder)?;
        let stores = open_stores(&folder, log).await?;
        Self::over(folder, lock, stores, blobs).await
    }

    async fn over(folder: DataFolder, lock: DataLock, stores: Stores, blobs: &BlobPlace) -> Result<Self> {
        let Stores { log, state, is_shared, restores } = stores;
        let port = log.port();
        let head_at_start = port.head().await.context("while looking for the end of the log")?;
        let erased = blobs.open(&folder)?;
        let blobs: Arc<dyn BlobStore> = Arc::new(erased.clone());
        if is_shared {
            take_over_views(&folder, &state, &blobs).await;
        }
        let projector =
            Projector::open(folder.root(), Arc::clone(&port)).await.context("while opening the views")?;
        let advisories = AdvisoryStore::open(&folder.advisories()).context("while opening the advisories")?;
        let advisories = Arc::new(advisories);
        let follower = AdvisoryFollower::new(
            Arc::clone(&port),
            Arc::clone(&advisories),
            Arc::clone(&blobs),
            folder.temporary().join("advisories"),
        );
        let signed = Arc::new(Notify::new());
        let proofs =
            open_proofs(&folder, Arc::clone(&port), &state, Arc::clone(&blobs), Arc::clone(&signed)).await?;
        let node = node_id(&folder, || TimeOrderedIds.fresh())?;
        let ledger = Ledger::new(port).with_clock(Arc::new(SystemClock));
        let identities = identities(&ledger, &state, &projector, None, Lifetimes::default());
        Ok(Self {
            folder,
            log,
            head_at_start,
            state,
            projector,
            advisories,
            blobs,
            erased,
            ledger,
            identities,
            proofs,
            signed,
            follower,
            node,
            restores,
            _lock: lock,
        })
    }

    /// With somebody who delivers messages, and sessions and tokens that last so long.
    #[must_use]
    pub fn with_mail(mut self, mailer: Option<Arc<dyn Mailer>>, lifetimes: Lifetimes) -> Self {
        self.identities = identities(&self.ledger, &self.state, &self.projector, mailer, lifetimes);
        self
    }

    /// The log as a port.
    pub fn event_log(&self) -> Arc<dyn EventLog> {
        self.log.port()
    }

    /// The vault as a port.
    pub fn vault(&self) -> Arc<dyn Vault> {
        Arc::clone(&self.state.vault) as _
    }

    /// Ends writing: finishes the appends in hand, brings the views up to them, and writes the rest.
    ///
    /// # Errors
    /// When something cannot be written.
    pub async fn close(&self) -> Result<()> {
        self.log.close().await;
        if let Err(error) = self.projector.catch_up().await {
            let error = anyhow::Error::from(error);
            tracing::warn!("the read models are behind the log; the next start goes on with them: {error:#}");
        }
        self.state.key_uses.flush().context("while writing when keys were used")?;
        self.state.document_calls.flush().context("while writing how many documents were searched")?;
        self.projector.clone().close().await.context("while closing the read models")
    }
}

fn identities(
    ledger: &Ledger,
    state: &State,
    projector: &Projector,
    mailer: Option<Arc<dyn Mailer>>,
    lifetimes: Lifetimes,
) -> Identities {
    Identities::new(IdentityParts {
        ledger: ledger.clone(),
        vault: Arc::clone(&state.vault) as _,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(OsEntropy),
        views: Arc::new(ViewsReadModel::new(projector)),
        mailer,
        lifetimes,
    })
}

fn take_lock(folder: &DataFolder) -> Result<DataLock> {
    folder.create()?;
    let Some(lock) = folder.try_lock()? else {
        bail!("another process has the data folder {} open", folder.root().display());
    };
    Ok(lock)
}

/// The log and the keys that belong to it.
struct Stores {
    log: OpenLog,
    state: Arc<State>,
    is_shared: bool,
    restores: Option<Restores>,
}

/// Opens log and state store, and makes both where there is neither. A state store that is made beside a log with
/// events would have other keys than they were sealed with.
async fn open_stores(folder: &DataFolder, place: &LogPlace) -> Result<Stores> {
    let is_new = !folder.is_made()?;
    let (log, state) = if *place == LogPlace::Folder {
        if !is_new {
            refuse_half(folder)?;
        }
        let state = folder.state_of(place, is_new).await?;
        (OpenLog::open(place, folder).await?, state)
    } else {
        let log = OpenLog::open(place, folder).await?;
        // In this order: whoever makes a store does so before the first event.
        let head = log.port().head().await.context("while asking for the end of the log")?;
        if head > Position::START && !folder.has_state(place).await? {
            let how = match place {
                LogPlace::Postgres(_) => {
                    "`scanledger restore` a backup of the same installation here, which compares the events"
                }
                LogPlace::Folder | LogPlace::Kurrent(_) => {
                    "copy server.key and state.db into the data folder"
                }
            };
            bail!(
                "the log {place} has events up to position {head}, and the keys that they were sealed with are not \
                 there: a state store made now would have others. Bring the old one: {how}"
            );
        }
        let may_create = head == Position::START && (place.is_shared() || is_new);
        let state = folder.state_of(place, may_create).await?;
        (log, state)
    };
    let restores = Restores::within(place, &state).await?;
    let stores = Stores { log, state: Arc::new(state), is_shared: place.is_shared(), restores };
    stores.refuse_other_keys().await?;
    Ok(stores)
}

impl Stores {
    /// Makes sure that the keys are those of the log.
    async fn refuse_other_keys(&self) -> Result<()> {
        let first = self.log.port().read_all(Position::START, FIRST_EVENTS).await;
        let first = first.context("while reading the beginning of the log")?;
        let vault = Arc::clone(&self.state.vault);
        let are_its = tokio::task::spawn_blocking(move || is_opened_by(&first, &*vault)).await??;
        if !are_its {
            bail!(
                "the keys in the state store are not those of this log, and nothing personal in it can be read with \
                 them: restore a backup, or bring the state store that belongs to the log"
            );
        }
        Ok(())
    }

    /// Makes sure that this is not half of a backup.
    async fn refuse_unfinished(&self) -> Result<()> {
        let checkpoints = Arc::clone(&self.state.checkpoints);
        let found = tokio::task::spawn_blocking(move || Unfinished::find(&*checkpoints)).await??;
        if let Some(restore) = found {
            bail!(
                "a restore {restore} was begun here and did not end, so this is not all of it: run `scanledger \
                 restore` with the same backup again, which goes on where it ended{}",
                if self.is_shared { "" } else { "; empty the folder first, but for the server's key" }
            );
        }
        Ok(())
    }
}

/// The tree over the log and its signer, which tells of what it signs.
async fn open_proofs(
    folder: &DataFolder,
    log: Arc<dyn EventLog>,
    state: &State,
    blobs: Arc<dyn BlobStore>,
    signed: Arc<Notify>,
) -> Result<Proofs> {
    let deps = ProofDeps {
        log,
        checkpoints: Arc::clone(&state.checkpoints) as _,
        blobs,
        publish: Arc::new(move |_| signed.notify_one()),
    };
    let vault = Arc::clone(&state.vault);
    let seed = tokio::task::spawn_blocking(move || vault.signing_seed().map(|seed| *seed)).await?;
    Proofs::open(folder.root(), deps, || seed.context("while reading the key that signs checkpoints")).await
}

/// A copy of another node's read models spares this one most of the log; without it, they are built.
async fn take_over_views(folder: &DataFolder, state: &State, blobs: &Arc<dyn BlobStore>) {
    match crate::nodes::join(folder, Arc::clone(&state.checkpoints) as _, Arc::clone(blobs)).await {
        Ok(Some(position)) => tracing::info!(position, "read models of another node are taken over"),
        Ok(None) => (),
        Err(error) => tracing::warn!("read models are built from the log: {error:#}"),
    }
}
