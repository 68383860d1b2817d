//! Rotation of the server's key: file and store change together, whatever happens in between.
//!
//! The new key is written beside the old one (`server.key.next`), then the store is put under it in one transaction,
//! then the new file is renamed over the old. Whoever opens the store tries the file, then the one beside it: if that
//! fits, the rotation was interrupted after the store had changed, and the rename is made up for. Whoever has the store
//! open meanwhile tries both too, when it meets keys of the next generation, and renames nothing: who rotates does.

use crate::server_key::{self, KeyFileError, ServerKey};
use crate::store::Unusable;
use crate::{State, StateError};
use scanledger_domain::vault::VaultError;
use std::io;
use std::path::{Path, PathBuf};

/// Why a store could not be opened, or its key not rotated, with a key from a file.
#[derive(Debug, thiserror::Error)]
pub enum KeyedStoreError {
    /// The key's file is at fault.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// The store is.
    #[error(transparent)]
    State(#[from] StateError),
    /// The vault in it is.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl KeyedStoreError {
    fn is_other_server_key(&self) -> bool {
        let Self::State(error) = self else { return false };
        error.source.downcast_ref() == Some(&Unusable::OtherServerKey)
    }
}

/// The file of the server's key, and the one beside it while the key is being rotated.
#[derive(Debug, Clone)]
pub struct KeyFile {
    path: PathBuf,
}

impl KeyFile {
    /// The key at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The key that is being rotated to: the same name with `.next`.
    fn next(&self) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(".next");
        name.into()
    }

    /// The next key: what an interrupted rotation left, or a new one. Only to be called while the store is under
    /// the present key, since what is left may be half a file.
    fn load_or_make_next(&self) -> Result<ServerKey, KeyFileError> {
        let path = self.next();
        match ServerKey::load(&path) {
            Ok(key) => return Ok(key),
            Err(KeyFileError::Malformed) => {
                std::fs::remove_file(&path).map_err(server_key::failed("remove what is left of one"))?;
            }
            Err(error) if error.is_missing() => (),
            Err(error) => return Err(error),
        }
        ServerKey::create(&path)
    }

    /// The key that `fits`: in the file or, until a rotation ends, beside it. `None` if neither does.
    ///
    /// # Errors
    /// When there is no key in the file.
    pub(crate) fn find_fitting(
        &self,
        fits: impl Fn(&ServerKey) -> bool,
    ) -> Result<Option<ServerKey>, KeyFileError> {
        for path in [&self.path, &self.next()] {
            if let Ok(key) = ServerKey::load(path)
                && fits(&key)
            {
                return Ok(Some(key));
            }
        }
        // The one beside it may have taken its place in between.
        Ok(Some(ServerKey::load(&self.path)?).filter(|key| fits(key)))
    }

    /// Makes the next key the present one, durably. Whoever opens the store in between may have done it already.
    fn finish(&self, new: &ServerKey) -> Result<(), KeyFileError> {
        let doing = "put the new one in its place";
        match std::fs::rename(self.next(), &self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.holds(new) => return Ok(()),
            renamed => renamed.map_err(server_key::failed(doing))?,
        }
        server_key::sync_folder_of(&self.path).map_err(server_key::failed(doing))
    }

    fn holds(&self, key: &ServerKey) -> bool {
        ServerKey::load(&self.path).is_ok_and(|present| present.0.bytes() == key.0.bytes())
    }

    /// The key beside the present one, if `error` says that the present one does not fit and there is one.
    fn next_instead(&self, error: KeyedStoreError) -> Result<ServerKey, KeyedStoreError> {
        if !error.is_other_server_key() {
            return Err(error);
        }
        match ServerKey::load(&self.next()) {
            Ok(next) => Ok(next),
            Err(missing) if missing.is_missing() => Err(error),
            Err(other) => Err(other.into()),
        }
    }
}

impl State {
    /// As [`State::open`], with the key in `file`; finishes a rotation that was interrupted.
    ///
    /// # Errors
    /// As [`State::open`] and [`ServerKey::load`].
    pub fn open_with(path: &Path, file: &KeyFile) -> Result<Self, KeyedStoreError> {
        let error = match Self::open_as(path, &ServerKey::load(&file.path)?, Some(file)) {
            Ok(state) => return Ok(state),
            Err(error) => error.into(),
        };
        let next = file.next_instead(error)?;
        let state = Self::open_as(path, &next, Some(file))?;
        file.finish(&next)?;
        Ok(state)
    }

    /// As [`State::connect`], with the key in `file`; finishes a rotation that was interrupted.
    ///
    /// # Errors
    /// As [`State::connect`] and [`ServerKey::load`].
    pub async fn connect_with(url: &str, file: &KeyFile) -> Result<Self, KeyedStoreError> {
        let error = match Self::connect_as(url, &ServerKey::load(&file.path)?, Some(file)).await {
            Ok(state) => return Ok(state),
            Err(error) => error.into(),
        };
        let next = file.next_instead(error)?;
        let state = Self::connect_as(url, &next, Some(file)).await?;
        file.finish(&next)?;
        Ok(state)
    }

    /// Puts a new server key into `file`, and the store under it. Interrupted at any point, the store still opens
    /// with [`State::open_with`]. On PostgreSQL other nodes that share the file go on by themselves. One with a copy of
    /// its own needs a copy of the new file, and no restart; until then it seals and opens with the keys that it
    /// remembers, and says otherwise that it is out of reach ([`crate::KeyVault::keep_up`]). Blocks.
    ///
    /// # Errors
    /// When the store is not under the key in `file`, or file or store cannot be read or written.
    pub fn rotate(&self, file: &KeyFile) -> Result<(), KeyedStoreError> {
        let old = ServerKey::load(&file.path)?;
        self.vault.require(&old)?;
        let new = file.load_or_make_next()?;
        self.vault.rotate(&old, &new)?;
        Ok(file.finish(&new)?)
    }
}
