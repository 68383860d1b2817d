//! The vault: a key per person for personal data, and the installation's key for keyed hashes.

mod cipher;
mod hashing;
mod sealed;
mod store;

pub(crate) use cipher::SecretKey;

use crate::file::{self, Unusable};
use crate::server_key::ServerKey;
use hashing::HashKeys;
use hashlink::LruCache;
use parking_lot::Mutex;
use rusqlite::Connection;
use scanledger_domain::Cause;
use scanledger_domain::id::SubjectId;
use scanledger_domain::vault::{HashPurpose, Sealed, Vault, VaultError};
use std::path::Path;
use std::sync::Arc;

/// Subjects whose keys are remembered.
const SUBJECTS: usize = 4_096;

/// Why a text could not be sealed or opened, as the source of a [`VaultError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The subject was erased; nothing is sealed for it any more.
    #[error("the subject was erased")]
    Erased,
    /// The subject never had a key here: the text comes from another installation, or the keys are
    /// older than the log.
    #[error("the subject has no key and was not erased")]
    NoKey,
    /// The text is not of the form `v1.<subject>.<nonce and ciphertext>`.
    #[error("the text is not a sealed one")]
    Malformed,
    /// The text or the key was changed after it was sealed.
    #[error("what was sealed has been tampered with")]
    Tampered,
    /// The operating system gave no randomness.
    #[error("there is no randomness")]
    NoRandomness,
}

/// Personal data under a key per subject, keyed hashes under the installation's data key; all keys in
/// `state.db`, under the server's key.
///
/// A sealed text is `v1.<subject, 32 hexadecimal digits>.<nonce, ciphertext and tag, base64url without
/// padding>`: AES-256-GCM with a random nonce of 12 bytes, a tag of 16, and the subject's 16 bytes as
/// associated data.
pub struct KeyVault {
    server_key: SecretKey,
    hash_keys: HashKeys,
    inner: Mutex<Inner>,
}

struct Inner {
    connection: Connection,
    keys: LruCache<SubjectId, Arc<SecretKey>>,
    /// How many erasures the remembered keys take into account.
    erasures: i64,
}

impl KeyVault {
    /// Opens the vault in the state store at `path`; the first to open makes the data key.
    pub(crate) fn open(path: &Path, key: &ServerKey) -> Result<Self, Cause> {
        let server_key = key.0.clone();
        let mut connection = file::open(path)?;
        let data_key = store::unlock(&mut connection, &server_key)?;
        let keys = LruCache::new(SUBJECTS);
        let inner = Mutex::new(Inner { connection, keys, erasures: 0 });
        Ok(Self { server_key, hash_keys: HashKeys::derive(&data_key), inner })
    }

    /// Deletes the subject's key: what was sealed for it stays as it is and opens no more, and nothing is
    /// sealed for it again. Durable when it answers; erasing twice is harmless.
    ///
    /// The key is overwritten in the file and the write-ahead log is emptied, unless a reader of another
    /// process is in the way at that moment; then the next checkpoint does it.
    ///
    /// # Errors
    /// When the key store cannot be written.
    pub fn erase(&self, subject: SubjectId) -> Result<(), VaultError> {
        let doing = "erase a subject";
        let mut inner = self.inner.lock();
        inner.keys.remove(&subject);
        store::erase(&mut inner.connection, subject).map_err(failed(doing))
    }

    /// Everyone who was erased, in that order: what a restore of older keys has to erase again.
    ///
    /// # Errors
    /// When the key store cannot be read.
    pub fn erased(&self) -> Result<Vec<SubjectId>, VaultError> {
        store::erased(&self.inner.lock().connection).map_err(failed("list who was erased"))
    }

    /// The subject's key, from memory or the file; none if it has none.
    fn find_key(&self, inner: &mut Inner, subject: SubjectId) -> Result<Option<Arc<SecretKey>>, Cause> {
        inner.forget_if_others_erased()?;
        if let Some(key) = inner.keys.get(&subject) {
            return Ok(Some(Arc::clone(key)));
        }
        let Some(key) = store::find_key(&inner.connection, &self.server_key, subject)? else {
            return Ok(None);
        };
        Ok(Some(inner.remember(subject, key)))
    }

    fn key_for_sealing(&self, subject: SubjectId) -> Result<Arc<SecretKey>, Cause> {
        let mut inner = self.inner.lock();
        if let Some(key) = self.find_key(&mut inner, subject)? {
            return Ok(key);
        }
        let key = store::load_or_make_key(&mut inner.connection, &self.server_key, subject)?;
        Ok(inner.remember(subject, key))
    }

    fn key_for_opening(&self, subject: SubjectId) -> Result<Option<Arc<SecretKey>>, Cause> {
        let mut inner = self.inner.lock();
        let key = self.find_key(&mut inner, subject)?;
        if key.is_none() && !store::is_erased(&inner.connection, subject)? {
            return Err(SealError::NoKey.into());
        }
        Ok(key)
    }
}

impl Inner {
    /// Another process may erase too. Looked at on every call (a few microseconds), so that a remembered
    /// key is never used after its subject was erased.
    fn forget_if_others_erased(&mut self) -> rusqlite::Result<()> {
        let erasures = store::erasures(&self.connection)?;
        if self.erasures != erasures {
            self.keys.clear();
            self.erasures = erasures;
        }
        Ok(())
    }

    fn remember(&mut self, subject: SubjectId, key: SecretKey) -> Arc<SecretKey> {
        let key = Arc::new(key);
        self.keys.insert(subject, Arc::clone(&key));
        key
    }
}

impl Vault for KeyVault {
    /// As the port says; [`SealError::Erased`] is the source of the error for a subject that was erased.
    fn seal(&self, subject: SubjectId, text: &str) -> Result<Sealed, VaultError> {
        let doing = "seal a text";
        let key = self.key_for_sealing(subject).map_err(failed(doing))?;
        sealed::seal(&key, subject, text).map_err(failed(doing))
    }

    /// As the port says; the source of the error is a [`SealError`] when the text is at fault.
    fn open(&self, sealed: &Sealed) -> Result<Option<String>, VaultError> {
        let doing = "open a sealed text";
        let parsed = sealed::Parsed::from_text(&sealed.0).map_err(failed(doing))?;
        match self.key_for_opening(parsed.subject).map_err(failed(doing))? {
            Some(key) => parsed.open(&key).map(Some).map_err(failed(doing)),
            None => Ok(None),
        }
    }

    fn hash(&self, purpose: HashPurpose, bytes: &[u8]) -> Vec<u8> {
        self.hash_keys.hash(purpose, bytes)
    }
}

fn failed<E: Into<Cause>>(doing: &'static str) -> impl FnOnce(E) -> VaultError {
    move |source| VaultError { doing, source: source.into() }
}

/// The server's key does not fit the file.
fn other_server_key(_: SealError) -> Unusable {
    Unusable::OtherServerKey
}
