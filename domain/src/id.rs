//! Typed ids: one type per kind of thing, so that two of them cannot be swapped by accident.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

/// An id that could not be read from text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid id")]
pub struct InvalidId;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The 16 bytes of the id, as stored in read models.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::parse_str(text).map(Self).map_err(|_| InvalidId)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    )+};
}

ids! {
    /// An organization: the boundary of what a caller may see (GitGuardian workspace, Semgrep deployment).
    OrganizationId,
    /// A person with an account.
    UserId,
    /// An API key.
    ApiKeyId,
    /// A team inside an organization.
    TeamId,
    /// A project: something that is scanned again and again.
    ProjectId,
    /// One scan of a project.
    ScanId,
    /// A branch of a project: `UUIDv5(project, branch name)`, see [`crate::branch::branch_id`].
    BranchId,
    /// A finding: `UUIDv5(project, fingerprint)`, see [`crate::finding::finding_id`].
    FindingId,
    /// An event: `UUIDv5(command id, ordinal)`, see [`CommandId::event`].
    EventId,
    /// A command: what makes repeated requests harmless.
    CommandId,
    /// Whose personal data is sealed: a user or, for callers without a person, their key.
    SubjectId,
}

impl CommandId {
    /// The id of the command's event number `ordinal` (from 0, over all streams of the batch).
    pub fn event(&self, ordinal: u32) -> EventId {
        EventId(Uuid::new_v5(&self.0, &ordinal.to_be_bytes()))
    }

    /// The command that follows from this one under `label`: the same every time it is asked for.
    pub fn derive(&self, label: &str) -> Self {
        Self(Uuid::new_v5(&self.0, label.as_bytes()))
    }
}

/// Where new ids come from. Passed in, so that tests are repeatable.
pub trait Ids: Send + Sync {
    /// A fresh id; ids made later sort later (UUIDv7).
    fn fresh(&self) -> Uuid;
}
