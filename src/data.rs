//! The data folder: what lies where, and who may write.

mod ours;

use crate::place::LogPlace;
use anyhow::{Context, Result, bail};
use scanledger_state::{KeyFile, ServerKey, State};
use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;
use url::Url;
use uuid::Uuid;

/// A data folder.
#[derive(Debug, Clone)]
pub struct DataFolder {
    root: PathBuf,
    key_file: Option<PathBuf>,
}

/// The right to append and to swap; given back when dropped, or when the process ends however it does.
#[derive(Debug)]
pub struct DataLock {
    _file: File,
}

impl DataFolder {
    /// The folder at `root`, whether it exists or not.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), key_file: None }
    }

    /// The folder with the server's key at `path`, if that is somewhere else.
    #[must_use]
    pub fn with_key_file(self, path: Option<PathBuf>) -> Self {
        Self { key_file: path, ..self }
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
        self.key_file.clone().unwrap_or_else(|| self.root.join("server.key"))
    }

    /// Advisories.
    pub fn advisories(&self) -> PathBuf {
        self.root.join("advisories.db")
    }

    /// Blobs, unless they are in a bucket.
    pub fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    /// Uploads, unpacked sources and the like; what is left of them goes at every start.
    pub fn temporary(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// The socket on which a running server takes commands of the same machine.
    pub fn socket(&self) -> PathBuf {
        self.root.join("control.sock")
    }

    /// Which node of an installation this is.
    pub fn node(&self) -> PathBuf {
        self.root.join("node")
    }

    /// Whether it has a key or a state store.
    ///
    /// # Errors
    /// When that cannot be seen.
    pub fn is_made(&self) -> Result<bool> {
        Ok(self.exists() || is_there(&self.state())? || is_there(&self.server_key())?)
    }

    /// Whether somebody has set it up, with a log of its own.
    pub fn exists(&self) -> bool {
        self.log().exists()
    }

    /// Whether there is a state store that belongs to the log at `log`: here, or beside a shared log.
    ///
    /// # Errors
    /// When that cannot be seen.
    pub async fn has_state(&self, log: &LogPlace) -> Result<bool> {
        match log {
            LogPlace::Folder | LogPlace::Kurrent(_) => is_there(&self.state()),
            LogPlace::Postgres(url) => {
                State::is_in(url.as_str()).await.context("while looking for the state store")
            }
        }
    }

    /// Whether the server's key is there.
    ///
    /// # Errors
    /// When that cannot be seen.
    pub fn has_key(&self) -> Result<bool> {
        is_there(&self.server_key())
    }

    /// Makes sure that somebody has set it up; where the log is shared, a node's folder is made when it is needed.
    ///
    /// # Errors
    /// When there is no event log in it, or it cannot be made.
    pub fn require(&self, log: &LogPlace) -> Result<()> {
        if log.is_shared() {
            return self.create();
        }
        let is_set_up = match log {
            LogPlace::Folder | LogPlace::Postgres(_) => self.exists(),
            LogPlace::Kurrent(_) => is_there(&self.state())?,
        };
        if !is_set_up {
            let root = self.root.display();
            bail!(
                "there is no data in {root}: run `scanledger setup --data {root} …` first, or name another folder"
            );
        }
        Ok(())
    }

    /// Removes what a former life of the process left among the temporary files. What others put there stays.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn clear_temporary(&self) -> Result<()> {
        ours::clear(&self.temporary()).context("while removing temporary files")
    }

    /// Makes the folder, readable by this user alone, if it is not there.
    ///
    /// # Errors
    /// When it cannot be made, or is somebody else's: there are files in it, and none of ours.
    pub fn create(&self) -> Result<()> {
        use std::os::unix::fs::DirBuilderExt;
        ours::refuse_foreign(&self.root, &self.server_key())?;
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

    /// Opens the state store that belongs to the log at `log`; makes it, and the server's key, if `may_create` and
    /// there is neither.
    ///
    /// # Errors
    /// As [`Self::open_state`] and [`Self::connect_state`].
    pub async fn state_of(&self, log: &LogPlace, may_create: bool) -> Result<State> {
        match log {
            LogPlace::Folder | LogPlace::Kurrent(_) => self.open_state(may_create),
            LogPlace::Postgres(url) => self.connect_state(url, may_create).await,
        }
    }

    /// Opens the state store in this folder, making the server's key and the store if `may_create`.
    ///
    /// # Errors
    /// When key or store is missing and may not be made, when the key may be read by others, or when the store
    /// belongs to another key.
    pub fn open_state(&self, may_create: bool) -> Result<State> {
        let path = self.server_key();
        let (has_key, has_store) = (is_there(&path)?, is_there(&self.state())?);
        if !has_key {
            if !may_create || has_store {
                bail!("the server's key {} is missing: restore it from its backup", path.display());
            }
            self.make_key()?;
        }
        // A new store would have other keys, and nothing of the log could be opened or recognised with them.
        if !has_store && !may_create {
            bail!("the state store {} is missing: restore it from its backup", self.state().display());
        }
        let with = format!("while opening the state store with the server's key {}", path.display());
        State::open_with(&self.state(), &KeyFile::new(path)).context(with)
    }

    /// Connects to the state store that is beside a shared log, making it, and the server's key, if `may_create` and
    /// there is neither.
    ///
    /// # Errors
    /// When the database does not answer, has no store that may be made, or its store belongs to another key than
    /// this node has.
    pub async fn connect_state(&self, url: &Url, may_create: bool) -> Result<State> {
        let path = self.server_key();
        let has_store = State::is_in(url.as_str()).await.context("while looking for the state store")?;
        if !has_store && !may_create {
            bail!(
                "there is no state store in this database: run `scanledger setup` first, or, where a log was \
                 imported, `scanledger restore` a backup of its installation"
            );
        }
        if !is_there(&path)? {
            if has_store {
                bail!(
                    "the database belongs to an installation whose key is not here: copy the server.key of \
                     another of its nodes to {}, or name it with --key-file",
                    path.display()
                );
            }
            self.make_key()?;
        }
        let with = format!("while connecting to the state store with the server's key {}", path.display());
        State::connect_with(url.as_str(), &KeyFile::new(path)).await.context(with)
    }

    fn make_key(&self) -> Result<()> {
        let path = self.server_key();
        ServerKey::create(&path)
            .map(drop)
            .with_context(|| format!("while making the server's key {}", path.display()))
    }
}

fn is_there(path: &Path) -> Result<bool> {
    path.try_exists().with_context(|| format!("while looking for {}", path.display()))
}

/// This node's id: made once, and the same after every restart. A file with nothing in it is none: a former version could
/// die between making and writing it.
///
/// # Errors
/// When the folder cannot be read or written.
pub fn node_id(folder: &DataFolder, fresh: impl FnOnce() -> Uuid) -> Result<Uuid> {
    let path = folder.node();
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error).with_context(|| format!("while reading {}", path.display())),
    };
    if !text.trim().is_empty() {
        return text.trim().parse().with_context(|| format!("{} holds no id", path.display()));
    }
    let id = fresh();
    write_whole(&path, format!("{id}\n").as_bytes())
        .with_context(|| format!("while writing {}", path.display()))?;
    Ok(id)
}

/// Writes a file, in place of one that is there, so that it is there whole or not at all, whatever happens.
fn write_whole(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::{DataFolder, node_id};
    use uuid::Uuid;

    #[test]
    fn a_node_keeps_its_id_and_makes_one_where_none_was_written() {
        for before in [None, Some(""), Some("\n")] {
            let folder = tempfile::tempdir().unwrap();
            let data = DataFolder::new(folder.path());
            if let Some(before) = before {
                std::fs::write(data.node(), before).unwrap();
            }
            let made = node_id(&data, || Uuid::from_u128(7)).unwrap();
            assert_eq!(made, Uuid::from_u128(7), "{before:?}");
            assert_eq!(node_id(&data, || Uuid::from_u128(8)).unwrap(), made);
            assert_eq!(std::fs::read_to_string(data.node()).unwrap(), format!("{made}\n"));
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        }
    }

    #[test]
    fn an_id_that_cannot_be_read_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::new(folder.path());
        std::fs::write(data.node(), "node one").unwrap();
        let why = node_id(&data, || Uuid::from_u128(7)).unwrap_err().to_string();
        assert!(why.contains("holds no id"), "{why}");
        assert_eq!(std::fs::read_to_string(data.node()).unwrap(), "node one");
    }
}
