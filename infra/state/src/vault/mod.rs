//! The vault: a key per person for personal data, and the installation's key for keyed hashes.

mod cipher;
mod following;
mod hashing;
mod sealed;
mod wrapping;

pub(crate) use cipher::SecretKey;
pub(crate) use wrapping::{Rewrap, generation_after, open_installation, open_subject_key};

use crate::key_file::KeyFile;
use crate::server_key::ServerKey;
use crate::store::{AllKeys, FoundKey, Installation, KeyRows, PutKey, Unusable};
use following::{Following, not_now};
use hashing::HashKeys;
use hashlink::LruCache;
use parking_lot::{Mutex, RwLock};
use scanledger_domain::Cause;
use scanledger_domain::id::SubjectId;
use scanledger_domain::vault::{HashPurpose, Sealed, Vault, VaultError};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Subjects whose keys are remembered.
const SUBJECTS: usize = 4_096;

/// Why a text could not be sealed or opened, as the source of a [`VaultError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
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

/// Personal data under a key per subject, keyed hashes under the installation's data key; all keys in the state
/// store, under the server's key.
///
/// A sealed text is `v1.<subject, 32 hexadecimal digits>.<nonce, ciphertext and tag, base64url without
/// padding>`: AES-256-GCM with a random nonce of 12 bytes, a tag of 16, and the subject's 16 bytes as
/// associated data.
pub struct KeyVault {
    pub(crate) rows: Arc<dyn KeyRows>,
    keys: RwLock<Arc<Keys>>,
    remembered: Mutex<Remembered>,
    following: Following,
}

/// What follows from the server's key, until it is rotated.
struct Keys {
    server: SecretKey,
    hash: HashKeys,
    /// Wrapped, because it is needed rarely.
    installation: Installation,
}

/// Keys of subjects in memory.
struct Remembered {
    keys: LruCache<SubjectId, Arc<SecretKey>>,
    /// The erasures that the keys take into account.
    erasures: i64,
}

/// A subject as the vault knows it.
enum Subject {
    Key(Arc<SecretKey>),
    Erased,
    Unknown,
}

impl KeyVault {
    /// Opens the vault in a store with the key that is in `file`, if it is in one; the first to open makes the
    /// installation's keys.
    pub(crate) fn open(
        rows: Arc<dyn KeyRows>,
        key: &ServerKey,
        file: Option<KeyFile>,
    ) -> Result<Self, Cause> {
        let server = &key.0;
        let found = rows.load()?;
        if let Some(found) = &found {
            // Nothing is written to a store of another key.
            wrapping::open_installation(server, found)?;
        }
        let installation = match found {
            Some(found) if found.signing_key.is_some() => found,
            Some(_) | None => rows.fill(wrapping::make_installation(server)?)?,
        };
        let keys = RwLock::new(Arc::new(Keys::open(server, installation)?));
        let remembered = Mutex::new(Remembered { keys: LruCache::new(SUBJECTS), erasures: 0 });
        Ok(Self { rows, keys, remembered, following: Following::of(file) })
    }

    /// Deletes the subject's key: what was sealed for it stays as it is and opens no more, and nothing is
    /// sealed for it again. Durable when it answers; erasing twice is harmless. Other nodes notice within
    /// [`crate::ERASURE_DELAY`].
    ///
    /// In a file the key is overwritten and the write-ahead log is emptied; if a reader of another process is in
    /// the way of that, [`crate::State::tidy`] does it later. In PostgreSQL the deleted row stays in the table's files
    /// until [`crate::State::tidy`] rewrites them, and in base backups and archives of the write-ahead log for as long
    /// as these are kept. It is a wrapped key: rotating the server's key, and destroying the old one, makes it useless.
    ///
    /// # Errors
    /// When the key store cannot be written.
    pub fn erase(&self, subject: SubjectId) -> Result<(), VaultError> {
        self.remembered.lock().keys.remove(&subject);
        self.rows.erase(subject).map_err(failed("erase a subject"))
    }

    /// Everyone who was erased, in that order: what a restore of older keys has to erase again.
    ///
    /// # Errors
    /// When the key store cannot be read.
    pub fn erased(&self) -> Result<Vec<SubjectId>, VaultError> {
        self.rows.erased().map_err(failed("list who was erased"))
    }

    /// Whether nobody has a key in it, and nobody was erased.
    ///
    /// # Errors
    /// When the key store cannot be read.
    pub fn is_empty(&self) -> Result<bool, VaultError> {
        let all = self.rows.export().map_err(failed("look for keys"))?;
        Ok(all.subjects.is_empty() && all.erased.is_empty())
    }

    /// The 32 secret bytes from which the installation's signing key is made: the same for ever, whatever happens
    /// to the server's key, and in backups of the keys.
    ///
    /// # Errors
    /// When it was tampered with.
    pub fn signing_seed(&self) -> Result<Zeroizing<[u8; 32]>, VaultError> {
        let keys = self.keys();
        let opened = wrapping::open_installation(&keys.server, &keys.installation);
        let seed = opened.and_then(|opened| opened.signing_key.ok_or_else(|| SealError::NoKey.into()));
        seed.map(|key| Zeroizing::new(*key.bytes())).map_err(failed("open the signing key"))
    }

    /// Puts every key under `new` instead of `old`, in one transaction; the keys stay what they are, and so does
    /// everything that was sealed, hashed or signed with them. Other processes go on once the new key is in their
    /// file: see [`crate::State::rotate`] and [`KeyVault::keep_up`]. Blocks, for some seconds if there are many
    /// subjects; hashing and keys that are not in memory wait meanwhile.
    ///
    /// # Errors
    /// With [`Unusable::OtherServerKey`] as the source when the store is not under `old`; when it cannot be read
    /// or written, and then nothing has changed, unless the connection was lost during the commit.
    pub fn rotate(&self, old: &ServerKey, new: &ServerKey) -> Result<(), VaultError> {
        let doing = "rotate the server's key";
        let rewrap = Rewrap { old: old.0.clone(), new: new.0.clone() };
        // Held to the end, so that whoever meets a key of the next generation waits until it is known here.
        let mut keys = self.keys.write();
        let installation = self.rows.rewrap(rewrap).map_err(failed(doing))?;
        *keys = Arc::new(Keys::open(&new.0, installation).map_err(failed(doing))?);
        Ok(())
    }

    /// Forgets the keys that are in memory, so that each is asked of the store again: for a store that may have been put
    /// back to an earlier state, without keys that were made since. What is sealed with those opens nowhere else.
    pub fn forget(&self) {
        self.remembered.lock().keys.clear();
    }

    /// Makes sure that the store is under `key`.
    pub(crate) fn require(&self, key: &ServerKey) -> Result<(), VaultError> {
        let doing = "see whether the server's key fits";
        let found =
            self.rows.load().map_err(failed(doing))?.ok_or(Unusable::Foreign).map_err(failed(doing))?;
        wrapping::open_installation(&key.0, &found).map(drop).map_err(failed(doing))
    }

    /// Replaces the installation's keys by those of a backup. `None`: there are keys already.
    pub(crate) fn replace(&self, all: AllKeys) -> Result<Option<()>, Cause> {
        let mut keys = self.keys.write();
        let Some(installation) = self.rows.import(all)? else { return Ok(None) };
        *keys = Arc::new(Keys::open(&keys.server, installation)?);
        Ok(Some(()))
    }

    /// The server's key.
    pub(crate) fn server_key(&self) -> SecretKey {
        self.keys().server.clone()
    }

    fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.keys.read())
    }

    /// The subject's key, from memory or the store.
    fn find(&self, subject: SubjectId) -> Result<Subject, Cause> {
        // Asked before the store is, so that a key that is erased in between is not remembered as a newer one.
        let erasures = self.rows.erasures()?;
        if let Some(key) = self.remembered.lock().find(subject, erasures) {
            return Ok(Subject::Key(key));
        }
        self.of_present_generation(|keys| {
            let found = self.rows.find(subject)?;
            Ok(match found.key {
                FoundKey::Erased => Some(Subject::Erased),
                FoundKey::None => Some(Subject::Unknown),
                FoundKey::Key(_) if found.generation != keys.installation.generation => None,
                FoundKey::Key(wrapped) => {
                    let key = wrapping::open_subject_key(&keys.server, subject, &wrapped)?;
                    Some(Subject::Key(self.remembered.lock().keep(subject, key, erasures)))
                }
            })
        })
    }

    /// The subject's key, made if there is none; `None` if the subject was erased.
    fn key_for_sealing(&self, subject: SubjectId) -> Result<Option<Arc<SecretKey>>, Cause> {
        match self.find(subject)? {
            Subject::Key(key) => return Ok(Some(key)),
            Subject::Erased => return Ok(None),
            Subject::Unknown => (),
        }
        let erasures = self.rows.erasures()?;
        self.of_present_generation(|keys| {
            let fresh = wrapping::make_subject_key(&keys.server, subject)?;
            match self.rows.put(keys.installation.generation, subject, fresh)? {
                PutKey::Key(wrapped) => {
                    let key = wrapping::open_subject_key(&keys.server, subject, &wrapped)?;
                    Ok(Some(Some(self.remembered.lock().keep(subject, key, erasures))))
                }
                PutKey::Erased => Ok(Some(None)),
                PutKey::OtherGeneration => Ok(None),
            }
        })
    }

    /// What `attempt` answers, which is `None` if it met another generation of keys. Then it is attempted once more with
    /// those, if this process has rotated them, or their server key is in its file by now.
    fn of_present_generation<T>(
        &self,
        attempt: impl Fn(&Keys) -> Result<Option<T>, Cause>,
    ) -> Result<T, Cause> {
        let before = self.keys();
        if let Some(done) = attempt(&before)? {
            return Ok(done);
        }
        let now = self.keys_after(before.installation.generation)?;
        attempt(&now)?.ok_or_else(|| not_now(Unusable::KeysChanged))
    }

    /// The subject's key; `None` if the subject was erased.
    fn key_for_opening(&self, subject: SubjectId) -> Result<Option<Arc<SecretKey>>, Cause> {
        match self.find(subject)? {
            Subject::Key(key) => Ok(Some(key)),
            Subject::Erased => Ok(None),
            Subject::Unknown => Err(SealError::NoKey.into()),
        }
    }
}

impl Keys {
    fn open(server: &SecretKey, installation: Installation) -> Result<Self, Cause> {
        let opened = wrapping::open_installation(server, &installation)?;
        Ok(Self { server: server.clone(), hash: HashKeys::derive(&opened.data_key), installation })
    }
}

impl Remembered {
    /// Somebody else may erase too: then nothing is remembered any more.
    fn find(&mut self, subject: SubjectId, erasures: i64) -> Option<Arc<SecretKey>> {
        if self.erasures != erasures {
            self.keys.clear();
            self.erasures = erasures;
        }
        self.keys.get(&subject).cloned()
    }

    /// Remembers a key that was read after `erasures` were counted, unless there were further ones since.
    fn keep(&mut self, subject: SubjectId, key: SecretKey, erasures: i64) -> Arc<SecretKey> {
        let key = Arc::new(key);
        if self.erasures == erasures {
            self.keys.insert(subject, Arc::clone(&key));
        }
        key
    }
}

impl Vault for KeyVault {
    fn seal(&self, subject: SubjectId, text: &str) -> Result<Sealed, VaultError> {
        let doing = "seal a text";
        let key = self.key_for_sealing(subject).map_err(failed(doing))?.ok_or(VaultError::Erased)?;
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
        self.keys.read().hash.hash(purpose, bytes)
    }
}

fn failed<E: Into<Cause>>(doing: &'static str) -> impl FnOnce(E) -> VaultError {
    move |source| VaultError::Failed { doing, source: source.into() }
}
