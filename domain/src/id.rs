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
    /// A session: a sign-in and what follows from it.
    SessionId,
    /// A link between a person and a provider that vouches for them.
    IdentityId,
    /// An access that was recorded, or a refusal.
    AccessId,
    /// An invitation into an organization.
    InvitationId,
    /// A project: something that is scanned again and again.
    ProjectId,
    /// One scan of a project.
    ScanId,
    /// A branch of a project: `UUIDv5(project, branch name)`, see [`crate::branch::branch_id`].
    BranchId,
    /// The policy of an organization for a product: see [`crate::policy::policy_id`].
    PolicyId,
    /// A finding: `UUIDv5(project, fingerprint)`, see [`crate::finding::finding_id`].
    FindingId,
    /// An event: `UUIDv5(command id, ordinal)`, see [`CommandId::event`].
    EventId,
    /// A command: what makes repeated requests harmless.
    CommandId,
    /// An incident: `UUIDv5(organization, keyed hash of the secret)`, see [`crate::incident::incident_id`].
    IncidentId,
    /// A note on an incident or a honeytoken.
    NoteId,
    /// A link under which an incident is shared.
    ShareId,
    /// A place of a secret that is on no branch, see [`crate::incident::Sighting::occurrence`].
    OccurrenceId,
    /// A honeytoken.
    HoneytokenId,
    /// A use of a honeytoken.
    TriggerId,
    /// For whom something is sealed: a user, for callers without a person their key, for whom others speak of what
    /// follows from their address or login ([`crate::identity::Mark`]), and an organization for what is its own.
    SubjectId,
}

impl CommandId {
    /// Whether it was made for one command ([`Ids::fresh`]), so that no log knows it before that is decided. The others
    /// come from what may come again: an idempotency key, a delivery, another command.
    pub fn is_fresh(&self) -> bool {
        self.0.get_version() == Some(uuid::Version::SortRand)
    }

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

#[cfg(test)]
mod tests {
    use super::{CommandId, InvalidId, ScanId};
    use std::collections::HashSet;
    use uuid::Uuid;

    const COMMAND: CommandId = CommandId(Uuid::from_u128(1));

    #[test]
    fn ids_are_written_and_read_as_uuids() {
        let id = ScanId(Uuid::from_u128(0x018f_0000_0000_7000_8000_0000_0000_00ab));
        assert_eq!(id.to_string(), "018f0000-0000-7000-8000-0000000000ab");
        assert_eq!("018F0000-0000-7000-8000-0000000000AB".parse(), Ok(id));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"018f0000-0000-7000-8000-0000000000ab\"");
        for bad in ["", "1", "018f0000-0000-7000-8000-0000000000a", "018f0000-0000-7000-8000-0000000000ag"] {
            assert_eq!(bad.parse::<ScanId>(), Err(InvalidId));
        }
    }

    #[test]
    fn only_an_id_that_was_made_for_one_command_is_fresh() {
        let fresh = CommandId(Uuid::from_u128(0x018f_0000_0000_7000_8000_0000_0000_00ab));
        assert!(fresh.is_fresh());
        assert!(!fresh.derive("next").is_fresh());
        assert!(!CommandId(Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"a key")).is_fresh());
    }

    #[test]
    fn ids_sort_by_their_bytes() {
        let ids = [0, 1, 0xff, 0x100, u128::MAX].map(|n| ScanId(Uuid::from_u128(n)));
        assert!(ids.is_sorted());
        assert!(ids.map(|id| *id.as_bytes()).is_sorted());
    }

    #[test]
    fn a_command_gives_each_of_its_events_an_id_of_its_own_that_never_changes() {
        let ids: HashSet<_> = (0..1_000).map(|ordinal| COMMAND.event(ordinal)).collect();
        assert_eq!(ids.len(), 1_000);
        assert_ne!(COMMAND.event(0), CommandId(Uuid::from_u128(2)).event(0));
        // RFC 9562 §5.5 over 00000000-0000-0000-0000-000000000001 and four zero bytes.
        assert_eq!(COMMAND.event(0).to_string(), "b634e20a-85f8-57aa-aa91-ce268e8c24d6");
        assert_eq!(COMMAND.event(1).to_string(), "4a213f6d-d21f-51b6-bfb7-b42c31a986f2");
    }

    #[test]
    fn a_command_that_follows_from_another_never_changes() {
        assert_eq!(COMMAND.derive("settle").to_string(), "2a21e415-3d8b-5d6b-b4ca-07885275dae6");
        assert_ne!(COMMAND.derive("settle"), COMMAND.derive("complete"));
    }
}
