//! State that is neither history nor projection: keys of persons, leases, last-used times of API keys and
//! checkpoints of reactors, in one SQLite file (`state.db`) beside the log.
//!
//! Every call blocks, for microseconds when it reads and for a sync to disk when it writes. Several processes
//! may have the file open at the same time.

mod checkpoints;
mod file;
mod key_uses;
mod leases;
mod server_key;
mod vault;

pub use checkpoints::Checkpoints;
pub use file::Unusable;
pub use key_uses::KeyUses;
pub use leases::{Holder, Lease, Leases};
pub use server_key::{KeyFileError, ServerKey};
pub use vault::{KeyVault, SealError};

use parking_lot::Mutex;
use rusqlite::Connection;
use scanledger_domain::Cause;
use std::path::Path;
use std::sync::Arc;

/// The connection that leases, last-used times and checkpoints share. The vault has one of its own, because
/// it is asked on every request and must not wait for another table's sync to disk.
type Shared = Arc<Mutex<Connection>>;

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
    pub leases: Leases,
    /// When API keys were last used.
    pub key_uses: KeyUses,
    /// How far reactors have come.
    pub checkpoints: Checkpoints,
}

impl State {
    /// Opens the store at `path`, and makes it under `key` if there is none.
    ///
    /// # Errors
    /// [`StateError`] with [`Unusable`] as its source when the file belongs to another server key, is of a
    /// newer version or is another program's; with the driver's error when it cannot be opened.
    pub fn open(path: &Path, key: &ServerKey) -> Result<Self, StateError> {
        let doing = "open the state store";
        let vault = KeyVault::open(path, key).map_err(failed(doing))?;
        let shared = Arc::new(Mutex::new(file::open(path).map_err(failed(doing))?));
        Ok(Self {
            vault: Arc::new(vault),
            leases: Leases::new(Arc::clone(&shared)),
            key_uses: KeyUses::new(Arc::clone(&shared)),
            checkpoints: Checkpoints::new(shared),
        })
    }
}

fn failed<E: Into<Cause>>(doing: &'static str) -> impl FnOnce(E) -> StateError {
    move |source| StateError { doing, source: source.into() }
}
