//! The data folder: what lies where, and who may write.

use anyhow::{Context, Result, bail};
use scanledger_state::{ServerKey, State};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// A data folder.
#[derive(Debug, Clone)]
pub struct DataFolder {
    root: PathBuf,
}

/// The right to append and to swap; given back when dropped, or when the process ends however it does.
#[derive(Debug)]
pub struct DataLock {
    _file: File,
}

impl DataFolder {
    /// The folder at `root`, whether it exists or not.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The event log.
    pub fn log(&self) -> PathBuf {
        self.root.join("log.db")
    }

    /// Keys, leases and the like.
    pub fn state(&self) -> PathBuf {
        self.root.join("state.db")
    }

    /// The server's key.
    pub fn server_key(&self) -> PathBuf {
        self.root.join("server.key")
    }

    /// Advisories.
    pub fn advisories(&self) -> PathBuf {
        self.root.join("advisories.db")
    }

    /// Blobs, unless they are in a bucket.
    pub fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    /// Uploads and unpacked sources; emptied at every start.
    pub fn temporary(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// The socket on which a running server takes commands of the same machine.
    pub fn socket(&self) -> PathBuf {
        self.root.join("control.sock")
    }

    /// Whether somebody has set it up.
    pub fn exists(&self) -> bool {
        self.log().exists()
    }

    /// Makes sure that somebody has set it up.
    ///
    /// # Errors
    /// When there is no event log in it.
    pub fn require(&self) -> Result<()> {
        if !self.exists() {
            let root = self.root.display();
            bail!(
                "there is no data in {root}: run `scanledger setup --data {root} …` first, or name another folder"
            );
        }
        Ok(())
    }

    /// Makes the folder, readable by this user alone, if it is not there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(&self) -> Result<()> {
        use std::os::unix::fs::DirBuilderExt;
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder
            .create(&self.root)
            .with_context(|| format!("while making the data folder {}", self.root.display()))
    }

    /// Takes the lock; `None` if another process has it.
    ///
    /// # Errors
    /// When the lock file cannot be opened.
    pub fn try_lock(&self) -> Result<Option<DataLock>> {
        let path = self.root.join("lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .with_context(|| format!("while opening the lock file {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(DataLock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error).context("while locking the data folder"),
        }
    }

    /// Opens the state store, making the server's key and the store if `may_create`.
    ///
    /// # Errors
    /// When key or store is missing and may not be made, when the key may be read by others, or when the store
    /// belongs to another key.
    pub fn open_state(&self, may_create: bool) -> Result<State> {
        let path = self.server_key();
        let is_there =
            |path: &Path| path.try_exists().with_context(|| format!("while looking for {}", path.display()));
        let (has_key, has_store) = (is_there(&path)?, is_there(&self.state())?);
        let key = if has_key {
            ServerKey::load(&path)
                .with_context(|| format!("while reading the server's key {}", path.display()))?
        } else if may_create && !has_store {
            ServerKey::create(&path)
                .with_context(|| format!("while making the server's key {}", path.display()))?
        } else {
            bail!("the server's key {} is missing: restore it from its backup", path.display());
        };
        // A new store would have other keys, and nothing of the log could be opened or recognised with them.
        if !has_store && !may_create {
            bail!("the state store {} is missing: restore it from its backup", self.state().display());
        }
        State::open(&self.state(), &key).context("while opening the state store")
    }
}

/// This node's id: made once, and the same after every restart.
///
/// # Errors
/// When the state store fails.
pub fn node_id(state: &State, fresh: impl FnOnce() -> Uuid) -> Result<Uuid> {
    if let Some(bytes) = state.checkpoints.find("node")?
        && let Ok(id) = Uuid::from_slice(&bytes)
    {
        return Ok(id);
    }
    let id = fresh();
    state.checkpoints.put("node", id.as_bytes())?;
    Ok(id)
}
