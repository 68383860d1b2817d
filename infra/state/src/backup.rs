//! Backups of the keys, apart from the data that they open.
//!
//! A backup is one JSON document in a file that only its owner may read:
//!
//! ```json
//! {
//!   "format": "scanledger keys",
//!   "version": 1,
//!   "key_check": "…",
//!   "data_key": "…",
//!   "signing_key": "…",
//!   "subject_keys": [{ "subject": "018f…-…", "wrapped": "…" }],
//!   "erased": ["018f…-…"]
//! }
//! ```
//!
//! Every key is as it is in the store: nonce (12 bytes), ciphertext and tag (16) of AES-256-GCM under the server's
//! key, in base64 with padding. Without the server's key, which is not in it, a backup opens nothing; of who was
//! erased it has the id alone.

use crate::server_key::sync_folder_of;
use crate::store::{AllKeys, Installation, Unusable};
use crate::vault::{KeyVault, open_installation, open_subject_key};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use scanledger_domain::Cause;
use scanledger_domain::id::SubjectId;
use scanledger_domain::vault::VaultError;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;

/// Bytes of a backup of keys, which is room for six million subjects.
pub const BACKUP_BYTES: u64 = 1024 * 1024 * 1024;

const FORMAT: &str = "scanledger keys";
const VERSION: u32 = 1;

/// Why keys were not backed up, or not restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is a file of that name, which may be the only backup.
    #[error("there is a file of that name already")]
    Exists,
    /// It is longer than [`BACKUP_BYTES`].
    #[error("a backup of keys has at most {BACKUP_BYTES} bytes")]
    TooLarge,
    /// It is not a backup of keys, or was cut off.
    #[error("the file is not a backup of keys")]
    Malformed(#[source] serde_json::Error),
    /// It was written by a newer version of this program.
    #[error("the backup of keys has version {found}, and this program knows version {VERSION}")]
    Newer {
        /// The version of the file.
        found: u32,
    },
    /// Its keys are under another server key than the store's.
    #[error("the backup of keys belongs to another server key")]
    OtherServerKey,
    /// A key in it was changed after it was written.
    #[error("a key of the backup has been tampered with")]
    Tampered(#[source] Cause),
    /// The store is in use: it has keys of persons, or erased some.
    #[error("keys can only be restored into an empty state store")]
    NotEmpty,
    /// The file could not be read or written.
    #[error("the backup of keys failed while trying to {doing}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The key store failed.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: String,
    version: u32,
    key_check: Base64,
    data_key: Base64,
    signing_key: Option<Base64>,
    subject_keys: Vec<SubjectKey>,
    erased: Vec<SubjectId>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SubjectKey {
    subject: SubjectId,
    wrapped: Base64,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Base64(Vec<u8>);

impl TryFrom<String> for Base64 {
    type Error = base64::DecodeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        STANDARD.decode(text).map(Self)
    }
}

impl From<Base64> for String {
    fn from(bytes: Base64) -> Self {
        STANDARD.encode(bytes.0)
    }
}

/// Read before the rest, which may look different in other versions.
#[derive(Deserialize)]
struct Head {
    version: u32,
}

impl From<AllKeys> for Document {
    fn from(keys: AllKeys) -> Self {
        let subject_key = |(subject, wrapped)| SubjectKey { subject, wrapped: Base64(wrapped) };
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            key_check: Base64(keys.installation.check),
            data_key: Base64(keys.installation.data_key),
            signing_key: keys.installation.signing_key.map(Base64),
            subject_keys: keys.subjects.into_iter().map(subject_key).collect(),
            erased: keys.erased,
        }
    }
}

impl Document {
    /// The keys, without those of `also_erased`.
    fn into_keys(self, also_erased: &[SubjectId]) -> AllKeys {
        let mut seen = HashSet::new();
        let erased = self.erased.into_iter().chain(also_erased.iter().copied());
        let erased: Vec<_> = erased.filter(|subject| seen.insert(*subject)).collect();
        let kept = self.subject_keys.into_iter().filter(|key| !seen.contains(&key.subject));
        AllKeys {
            installation: Installation {
                generation: 1,
                check: self.key_check.0,
                data_key: self.data_key.0,
                signing_key: self.signing_key.map(|key| key.0),
            },
            subjects: kept.map(|key| (key.subject, key.wrapped.0)).collect(),
            erased,
        }
    }
}

impl KeyVault {
    /// Writes all keys, as they are in the store, and who was erased, to a new file at `out`, which only its owner
    /// may read (mode 0600); durable when it answers. It is one snapshot, and nobody has to stop for it. Blocks.
    ///
    /// # Errors
    /// [`BackupError::Exists`] when there is a file at `out`, which is left as it is; [`BackupError::TooLarge`],
    /// [`BackupError::Io`] and [`BackupError::Vault`].
    pub fn export_keys(&self, out: &Path) -> Result<(), BackupError> {
        let keys = self.rows.export().map_err(vault("read all keys"))?;
        let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty());
        // Made with mode 0600, and gone again if anything fails.
        let mut file =
            tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).map_err(io("make the file"))?;
        let mut writer = BufWriter::new(file.as_file_mut());
        serde_json::to_writer(&mut writer, &Document::from(keys))
            .map_err(|error| io("write the file")(error.into()))?;
        writer.flush().map_err(io("write the file"))?;
        drop(writer);
        file.as_file().sync_all().map_err(io("write the file"))?;
        if file.as_file().metadata().map_err(io("look at its size"))?.len() > BACKUP_BYTES {
            return Err(BackupError::TooLarge);
        }
        file.persist_noclobber(out).map_err(|error| match error.error.kind() {
            io::ErrorKind::AlreadyExists => BackupError::Exists,
            _ => io("name the file")(error.error),
        })?;
        sync_folder_of(out).map_err(io("name the file"))
    }

    /// Puts the keys of the backup at `file` into this store, which must be empty and under the server's key that
    /// the backup was made under. Nobody of `also_erased` gets a key back, nor anyone who was erased when the
    /// backup was made; they are erased here from then on. All of it happens in one transaction, before anything
    /// can be opened. Afterwards this vault has the backup's data key. Blocks.
    ///
    /// # Errors
    /// [`BackupError::NotEmpty`] when the store has keys of persons or erased some; the other [`BackupError`]s.
    /// Nothing is changed then.
    pub fn import_keys(&self, file: &Path, also_erased: &[SubjectId]) -> Result<(), BackupError> {
        let doing = "restore keys";
        let keys = read(file)?.into_keys(also_erased);
        let server_key = self.server_key();
        open_installation(&server_key, &keys.installation).map_err(|cause| match cause.downcast_ref() {
            Some(Unusable::OtherServerKey) => BackupError::OtherServerKey,
            _ => BackupError::Tampered(cause),
        })?;
        for (subject, wrapped) in &keys.subjects {
            open_subject_key(&server_key, *subject, wrapped)
                .map_err(|error| BackupError::Tampered(error.into()))?;
        }
        self.replace(keys).map_err(vault(doing))?.ok_or(BackupError::NotEmpty)
    }
}

fn read(path: &Path) -> Result<Document, BackupError> {
    let doing = "read the file";
    let file = File::open(path).map_err(io(doing))?;
    if file.metadata().map_err(io(doing))?.len() > BACKUP_BYTES {
        return Err(BackupError::TooLarge);
    }
    let mut reader = BufReader::new(file.take(BACKUP_BYTES));
    let head: Head = serde_json::from_reader(&mut reader).map_err(malformed)?;
    if head.version > VERSION {
        return Err(BackupError::Newer { found: head.version });
    }
    let mut file = reader.into_inner().into_inner();
    file.rewind().map_err(io(doing))?;
    let document: Document =
        serde_json::from_reader(BufReader::new(file.take(BACKUP_BYTES))).map_err(malformed)?;
    if document.format != FORMAT {
        return Err(BackupError::Malformed(serde::de::Error::custom("it has another format")));
    }
    Ok(document)
}

/// What cannot be read is at fault itself only if reading it did not fail.
fn malformed(error: serde_json::Error) -> BackupError {
    if error.is_io() { io("read the file")(error.into()) } else { BackupError::Malformed(error) }
}

fn io(doing: &'static str) -> impl Fn(io::Error) -> BackupError {
    move |source| BackupError::Io { doing, source }
}

fn vault(doing: &'static str) -> impl Fn(Cause) -> BackupError {
    move |source| BackupError::Vault(VaultError::Failed { doing, source })
}
