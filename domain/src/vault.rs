//! Sealing of personal data and keyed hashing: what lets a person be forgotten while every hash stays valid.

use crate::Cause;
use crate::id::SubjectId;
use serde::{Deserialize, Serialize};

/// Personal text under the key of its subject, as it stands in the log. Opaque here.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Sealed(pub String);

/// What a keyed hash is for; each purpose has a key of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HashPurpose {
    /// Names of claim streams (e-mail, project name, set-up).
    Claim,
    /// The identity of a secret: HMAC-SHA-384 (GitGuardian's `secret_hash`).
    Secret,
    /// The identity of a secret for leak look-ups: HMAC-SHA-256 (GitGuardian's `hmsl_hash`).
    LeakedSecret,
    /// The key that tokens of sessions are signed with: HMAC-SHA-256.
    Token,
    /// Public keys of checks, and the ids of scans that follow from them: HMAC-SHA-256. Another key or label would be
    /// other ids: checks that are shown would no longer be found.
    Check,
}

/// What stands where the name of an erased person stood.
pub const ERASED_PERSON: &str = "erased person";

/// Why a vault did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The subject was erased, and nothing is sealed for it any more: whoever asks in its name is nobody now.
    #[error("the subject was erased")]
    Erased,
    /// The vault failed.
    #[error("the key store failed while trying to {doing}")]
    Failed {
        /// What was tried.
        doing: &'static str,
        /// Why.
        #[source]
        source: Cause,
    },
}

/// Seals personal data with a key per subject, and hashes with the installation's data key.
pub trait Vault: Send + Sync {
    /// Seals `text` for `subject`, making the subject's key if there is none. The key is durable when it answers.
    ///
    /// # Errors
    /// [`VaultError::Erased`] for a subject that was erased; else when the key store cannot be read or written.
    fn seal(&self, subject: SubjectId, text: &str) -> Result<Sealed, VaultError>;

    /// The clear text; `None` when the subject was erased.
    ///
    /// # Errors
    /// When the key store cannot be read, or the text was tampered with.
    fn open(&self, sealed: &Sealed) -> Result<Option<String>, VaultError>;

    /// The keyed hash of `bytes`: 48 bytes for [`HashPurpose::Secret`], else 32.
    fn hash(&self, purpose: HashPurpose, bytes: &[u8]) -> Vec<u8>;
}
