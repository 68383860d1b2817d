//! Secrets in text: the seam for what finds them.
//!
//! A finder looks at one text and keeps nothing. What it found is hashed by whoever asked, with
//! [`canonical`] as what is hashed, so that the same secret is the same incident wherever it turns up.

mod allowance;
mod document;
mod mask;
mod patch;
mod place;
#[cfg(test)]
mod tests;

pub use allowance::Allowance;
pub use document::{FoundSecret, Searched, search};
pub use mask::mask;
pub use patch::{DiffKind, PatchMatch, find_in_patch, is_patch};
pub use place::{Span, spans};

use crate::severity::Severity;
use std::borrow::Cow;
use std::ops::Range;

/// What one kind of secret is, as dialects describe it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DetectorFacts {
    /// Stable; the rule of a finding (`GITHUB_TOKEN`).
    pub id: &'static str,
    /// For people ("GitHub token").
    pub title: &'static str,
    /// Whose secret it is ("GitHub"); detectors of one provider share it.
    pub provider: &'static str,
    /// Whether it is told by its own shape or by what stands around it.
    pub nature: DetectorNature,
    /// What kind of credential it is.
    pub family: SecretFamily,
    /// What the provider is for.
    pub category: SecretCategory,
}

/// How a detector tells a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DetectorNature {
    /// The secret names its provider.
    Specific,
    /// Any high-entropy value that is assigned to something called like a secret.
    Generic,
}

/// What kind of credential a secret is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretFamily {
    /// A key that an API is called with.
    ApiKey,
    /// A token, often with an end.
    Token,
    /// A private or symmetric key.
    CryptographicKey,
    /// A password, alone or in an address.
    Credentials,
    /// Anything else.
    Other,
}

/// What a provider is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretCategory {
    /// Clouds and their services.
    CloudProvider,
    /// Databases, queues and object stores.
    DataStorage,
    /// Source code, packages and builds.
    VersionControlPlatform,
    /// Chats, mail and telephony.
    MessagingSystem,
    /// Payments.
    PaymentSystem,
    /// Logs, metrics and alerts.
    Monitoring,
    /// Customers.
    Crm,
    /// Models.
    Ai,
    /// Documents, tickets and boards.
    CollaborationTool,
    /// Sign-in and identities.
    IdentityProvider,
    /// Private keys.
    PrivateKey,
    /// Anything else.
    Other,
}

/// A secret in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretMatch {
    /// What kind.
    pub detector: &'static DetectorFacts,
    /// How bad.
    pub severity: Severity,
    /// Where, in bytes of the text; on character boundaries.
    pub place: Range<usize>,
}

/// Finds secrets in a text. Pure and quick; may take milliseconds for a MiB, so it is called off the async threads.
pub trait SecretFinder: Send + Sync {
    /// Every kind of secret that it knows, in a stable order.
    fn detectors(&self) -> Vec<&'static DetectorFacts>;

    /// The secrets in `text`, by place, not overlapping.
    fn find(&self, text: &str) -> Vec<SecretMatch>;
}

/// What of a secret is hashed: a key that was checked out on Windows is still the same key.
pub fn canonical(secret: &[u8]) -> Cow<'_, [u8]> {
    if secret.contains(&b'\r') {
        Cow::Owned(secret.iter().copied().filter(|byte| *byte != b'\r').collect())
    } else {
        Cow::Borrowed(secret)
    }
}
