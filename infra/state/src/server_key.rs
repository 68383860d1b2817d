//! The server's key: one file that only its owner may read, without which nothing in the vault opens.

use crate::vault::SecretKey;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use tempfile::NamedTempFile;
use zeroize::Zeroizing;

/// Hexadecimal digits of a key.
const DIGITS: usize = 64;

/// Why a key file was not made or not read.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// There is a key already; replacing it would lose everything under it.
    #[error("there is a server key file already")]
    Exists,
    /// Others than the owner may read or change the file; `chmod 600` it.
    #[error("the server key file is open to others (mode {mode:03o}); only its owner may have access")]
    OpenToOthers {
        /// The permission bits.
        mode: u32,
    },
    /// The file does not hold 64 hexadecimal digits.
    #[error("the server key file does not hold 64 hexadecimal digits")]
    Malformed,
    /// The file could not be read or written, or there is no randomness.
    #[error("the server key file failed while trying to {doing}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl KeyFileError {
    /// What went wrong and why, in one line, without the path.
    pub(crate) fn in_full(&self) -> String {
        match self {
            Self::Io { source, .. } => format!("{self}: {source}"),
            Self::Exists | Self::OpenToOthers { .. } | Self::Malformed => self.to_string(),
        }
    }

    /// Whether there is no file.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// 32 random bytes, kept in a file as hexadecimal text. Wiped from memory when dropped.
#[derive(Clone)]
pub struct ServerKey(pub(crate) SecretKey);

impl ServerKey {
    /// Makes a new key and its file, which only the owner may read (mode 0600), durably.
    ///
    /// # Errors
    /// [`KeyFileError::Exists`] when there is a file at `path`, which is left as it is.
    pub fn create(path: &Path) -> Result<Self, KeyFileError> {
        let doing = "make a key";
        let key = SecretKey::random().map_err(|error| failed(doing)(io::Error::other(error)))?;
        let mut text = Zeroizing::new(hex::encode(key.bytes()));
        text.push('\n');
        // Named when all of it is there: half a key would be in the way of every start. Only the owner may read it.
        let mut file = NamedTempFile::new_in(folder_of(path)).map_err(failed("create it"))?;
        let written = file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all());
        written.map_err(failed("write it"))?;
        file.persist_noclobber(path).map_err(|error| match error.error.kind() {
            io::ErrorKind::AlreadyExists => KeyFileError::Exists,
            _ => failed("create it")(error.error),
        })?;
        if let Err(error) = sync_folder_of(path) {
            // One that may be gone after a power failure has sealed nothing yet.
            let _ = std::fs::remove_file(path);
            return Err(failed("write it")(error));
        }
        Ok(Self(key))
    }

    /// Reads the key at `path`.
    ///
    /// # Errors
    /// [`KeyFileError::OpenToOthers`] when the file's mode gives others any access,
    /// [`KeyFileError::Malformed`] when it holds something else, [`KeyFileError::Io`] when there is none.
    pub fn load(path: &Path) -> Result<Self, KeyFileError> {
        let doing = "read it";
        let file = File::open(path).map_err(failed(doing))?;
        refuse_if_open_to_others(&file)?;
        // One byte more than a key with its line end, to notice longer files without reading them.
        let mut text = Zeroizing::new(Vec::with_capacity(DIGITS + 3));
        file.take(DIGITS as u64 + 3).read_to_end(&mut text).map_err(failed(doing))?;
        let mut key = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.trim_ascii_end(), key.as_mut_slice())
            .map_err(|_| KeyFileError::Malformed)?;
        Ok(Self(SecretKey::from_bytes(key)))
    }
}

/// Makes a name of a file survive a crash.
pub(crate) fn sync_folder_of(path: &Path) -> io::Result<()> {
    File::open(folder_of(path)).and_then(|folder| folder.sync_all())
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(unix)]
fn refuse_if_open_to_others(file: &File) -> Result<(), KeyFileError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = file.metadata().map_err(failed("look at its mode"))?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::OpenToOthers { mode });
    }
    Ok(())
}

#[cfg(not(unix))]
fn refuse_if_open_to_others(_: &File) -> Result<(), KeyFileError> {
    Ok(())
}

pub(crate) fn failed(doing: &'static str) -> impl FnOnce(io::Error) -> KeyFileError {
    move |source| KeyFileError::Io { doing, source }
}
