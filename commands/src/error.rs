//! What can go wrong with a command: refused, raced, or broken. Never mixed in one variant.

use crate::ports::ReadError;
use scanledger_domain::blob::BlobError;
use scanledger_domain::decider::DecodeError;
use scanledger_domain::log::{LogError, Position, Version};
use scanledger_domain::vault::VaultError;
use scanledger_domain::{Cause, OutOfReach};

/// Why a command did not happen; `R` is what the rules can say.
#[derive(Debug, thiserror::Error)]
pub enum CommandError<R: std::error::Error + 'static> {
    /// The rules do not allow it.
    #[error(transparent)]
    Refused(R),
    /// The caller decided on a version that is no longer the present one.
    #[error("it changed since it was read and is at version {actual} now")]
    Stale {
        /// The present version.
        actual: Version,
    },
    /// Others were faster, again and again; nothing was written and a later attempt may work.
    #[error("others changed it at the same time, again and again")]
    Contended,
    /// Something is broken or out of reach.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Something that a command needs is broken or out of reach. Not the client's fault.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The log could not be read or written. After a failed write, only the same command id tells whether it
    /// was written.
    #[error("the event log could not be used")]
    Log(#[from] LogError),
    /// The log holds something that this version cannot read.
    #[error("a stored event could not be read")]
    Decode(#[from] DecodeError),
    /// The log refused a batch as malformed: a defect of this crate.
    #[error("the log refused a batch: {0}")]
    Batch(&'static str),
    /// The read model did not answer, or not in time.
    #[error("the read model could not be used")]
    Read(#[from] ReadError),
    /// The keys of personal data could not be used.
    #[error("the key store could not be used")]
    Vault(#[from] VaultError),
    /// Blobs could not be read or written.
    #[error("the blob store could not be used")]
    Blob(#[from] BlobError),
    /// Another part of the server failed.
    #[error("the server failed while trying to {doing}")]
    Other {
        /// What was tried.
        doing: &'static str,
        /// Why.
        #[source]
        source: Cause,
    },
}

impl Fault {
    /// Whether the same may work a little later (HTTP 503 rather than 500).
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Read(ReadError::TooLate { .. })) || is_out_of_reach(self)
    }

    pub(crate) fn other(doing: &'static str, source: impl Into<Cause>) -> Self {
        Self::Other { doing, source: source.into() }
    }
}

/// Whether the log or another store that is somewhere else did not answer, and that is why.
pub(crate) fn is_out_of_reach(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    OutOfReach::is_behind(error)
        || causes.any(|cause| matches!(cause.downcast_ref(), Some(LogError::Unavailable { .. })))
}

/// Where the log no longer has an event that it had, if that is what went wrong.
pub(crate) fn lost_at(error: &(dyn std::error::Error + 'static)) -> Option<Position> {
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    causes.find_map(|cause| match cause.downcast_ref() {
        Some(LogError::Diverged { position }) => Some(*position),
        _ => None,
    })
}

impl<R: std::error::Error + 'static> CommandError<R> {
    /// The same error with another word for the refusal.
    pub fn map_refused<S: std::error::Error + 'static>(self, word: impl FnOnce(R) -> S) -> CommandError<S> {
        match self {
            Self::Refused(refusal) => CommandError::Refused(word(refusal)),
            Self::Stale { actual } => CommandError::Stale { actual },
            Self::Contended => CommandError::Contended,
            Self::Fault(fault) => CommandError::Fault(fault),
        }
    }
}

macro_rules! faults {
    ($($cause:ty),+) => {$(
        impl<R: std::error::Error + 'static> From<$cause> for CommandError<R> {
            fn from(cause: $cause) -> Self {
                Self::Fault(cause.into())
            }
        }
    )+};
}

faults!(LogError, DecodeError, ReadError, VaultError, BlobError);
