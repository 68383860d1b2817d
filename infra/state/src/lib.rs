//! State that is neither history nor projection: keys of persons, leases, last-used times of API keys, counts of
//! requests, checkpoints of reactors and remembered requests.
//!
//! One machine keeps it in a SQLite file (`state.db`) beside the log, which several processes may have open at the
//! same time; every call blocks, for microseconds when it reads and for a sync to disk when it writes. Several nodes
//! keep it in the schema `scanledger_state` of a PostgreSQL database; a call then blocks for a round trip, except
//! where keys are in memory. Both are held to the same tests.

mod backup;
mod checkpoints;
mod document_calls;
mod key_file;
mod key_uses;
mod leases;
mod postgres;
mod requests;
mod server_key;
mod sqlite;
mod store;
mod vault;

pub use backup::{BACKUP_BYTES, BackupError};
pub use checkpoints::Checkpoints;
pub use document_calls::DocumentCalls;
pub use key_file::{KeyFile, KeyedStoreError};
pub use key_uses::KeyUses;
pub use leases::{Holder, Lease, Leases};
pub use postgres::Outage;
pub use requests::{REQUEST_MEMORY, Requests};
pub use server_key::{KeyFileError, ServerKey};
pub use store::Unusable;
pub use vault::{KeyVault, SealError};

use crate::postgres::PgStore;
use crate::sqlite::SqliteStore;
use crate::store::Store;
use scanledger_domain::Cause;
use scanledger_domain::limits::DOCUMENT_CALLS_DAYS;
use scanledger_domain::time::Timestamp;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long a remembered key may still be used after another node erased its subject. Processes that share a file
/// see each other's erasures at once.
pub const ERASURE_DELAY: Duration = Duration::from_secs(1);

/// The state store failed.
#[derive(Debug, thiserror::Error)]
#[error("the state store failed while trying to {doing}")]
pub struct StateError {
    /// What was tried.
    pub doing: &'static str,
    /// Why.
    #[source]
    pub source: Cause,
}

/// The open state store, one part per concern.
pub struct State {
    /// Keys of persons, and keyed hashes.
    pub vault: Arc<KeyVault>,
    /// Who works on what.
    pub leases: Arc<Leases>,
    /// When API keys were last used.
    pub key_uses: KeyUses,
    /// How often documents were searched.
    pub document_calls: DocumentCalls,
    /// How far reactors have come.
    pub checkpoints: Arc<Checkpoints>,
    /// Requests that came with an idempotency key.
    pub requests: Arc<Requests>,
    store: Arc<dyn Store>,
}

impl State {
    /// Opens the file at `path`, and makes it under `key` if there is none.
    ///
    /// # Errors
    /// [`StateError`] with [`Unusable`] as its source when the file belongs to another server key, is of a
    /// newer version or is another program's; with the driver's error when it cannot be opened.
    pub fn open(path: &Path, key: &ServerKey) -> Result<Self, StateError> {
        Self::open_as(path, key, None)
    }

    /// Connects to the schema `scanledger_state` of the PostgreSQL database at `url`
    /// (`postgres://user:password@host/database`), and makes it under `key` if there is none. Needs no runtime of
    /// a particular kind: the connections live on a thread of their own.
    ///
    /// # Errors
    /// As [`State::open`]. No error shows the password.
    pub async fn connect(url: &str, key: &ServerKey) -> Result<Self, StateError> {
        Self::connect_as(url, key, None).await
    }

    /// As [`Self::open`], with the file that the key is in.
    fn open_as(path: &Path, key: &ServerKey, file: Option<&KeyFile>) -> Result<Self, StateError> {
        let doing = "open the state store";
        let store = SqliteStore::open(path).map_err(failed(doing))?;
        Self::over(Arc::new(store), key, file.cloned()).map_err(failed(doing))
    }

    /// As [`Self::connect`], with the file that the key is in.
    async fn connect_as(url: &str, key: &ServerKey, file: Option<&KeyFile>) -> Result<Self, StateError> {
        let doing = "connect to the state store";
        let store = Arc::new(PgStore::connect(url).await.map_err(failed(doing))?);
        let (key, file) = (key.clone(), file.cloned());
        // What follows waits for answers of the store's thread, which no worker of a runtime should do.
        let (answer, opened) = tokio::sync::oneshot::channel();
        std::thread::Builder::new()
            .name("state-opener".to_owned())
            // Whoever has stopped waiting needs no answer.
            .spawn(move || drop(answer.send(Self::over(store, &key, file))))
            .map_err(failed(doing))?;
        opened.await.map_err(failed(doing))?.map_err(failed(doing))
    }

    /// Whether there is a state store in the database at `url`. Changes nothing there.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn is_in(url: &str) -> Result<bool, StateError> {
        postgres::is_set_up(url).await.map_err(failed("look for the state store"))
    }

    fn over<S: Store + 'static>(
        store: Arc<S>,
        key: &ServerKey,
        file: Option<KeyFile>,
    ) -> Result<Self, Cause> {
        Ok(Self {
            vault: Arc::new(KeyVault::open(Arc::clone(&store) as _, key, file)?),
            leases: Arc::new(Leases::new(Arc::clone(&store) as _)),
            key_uses: KeyUses::new(Arc::clone(&store) as _),
            document_calls: DocumentCalls::new(Arc::clone(&store) as _),
            checkpoints: Arc::new(Checkpoints::new(Arc::clone(&store) as _)),
            requests: Arc::new(Requests::new(Arc::clone(&store) as _)),
            store,
        })
    }

    /// Drops what is no longer needed: to be called now and then, and once at the start. Answers how many
    /// remembered requests were older than [`REQUEST_MEMORY`] at `now` and are forgotten. Blocks. Keys that were deleted
    /// and are still in the files of a PostgreSQL database leave them, unless somebody is in the way: then the log says
    /// so, and a later call, on any node, does it.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn tidy(&self, now: Timestamp) -> Result<u64, StateError> {
        let forgotten = self.requests.forget(now)?;
        self.document_calls.forget(now.plus_seconds(-86_400 * i64::from(DOCUMENT_CALLS_DAYS)))?;
        self.store.sweep().map_err(failed("tidy up"))?;
        Ok(forgotten)
    }
}

fn failed<E: Into<Cause>>(doing: &'static str) -> impl FnOnce(E) -> StateError {
    move |source| StateError { doing, source: source.into() }
}
