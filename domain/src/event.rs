//! Every event there is, decoded: what projections and golden files work with.

mod blobs;

pub use blobs::NamedBlob;

use crate::advisory::AdvisoryEvent;
use crate::branch::BranchEvent;
use crate::check::CheckEvent;
use crate::claim::ClaimEvent;
use crate::decider::{DecodeError, StoredEvent};
use crate::finding::FindingEvent;
use crate::honeytoken::HoneytokenEvent;
use crate::identity::{
    AccessEvent, ApiKeyEvent, InstallationEvent, OrganizationEvent, SessionEvent, TeamEvent, UserEvent,
};
use crate::incident::IncidentEvent;
use crate::log::Recorded;
use crate::policy::PolicyEvent;
use crate::project::ProjectEvent;
use crate::scan::ScanEvent;

macro_rules! all_events {
    ($($(#[$doc:meta])* $variant:ident($events:ty)),+ $(,)?) => {
        /// An event of any aggregate.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Event {
            $($(#[$doc])* $variant($events)),+
        }

        impl Event {
            /// Every type and schema that was ever written.
            pub fn types() -> Vec<(&'static str, u16)> {
                let mut types = Vec::new();
                $(types.extend_from_slice(<$events>::TYPES);)+
                types
            }

            /// Reads stored data.
            ///
            /// # Errors
            /// [`DecodeError::Unknown`] if no aggregate has such a type and schema, [`DecodeError::Data`] if the
            /// bytes are not what the schema says.
            pub fn decode(kind: &str, schema: u16, data: &[u8]) -> Result<Self, DecodeError> {
                $(if <$events>::TYPES.contains(&(kind, schema)) {
                    return <$events>::decode(kind, schema, data).map(Self::$variant);
                })+
                Err(DecodeError::Unknown { kind: kind.to_owned(), schema })
            }

            /// The exact bytes that would be stored.
            pub fn encode(&self) -> Vec<u8> {
                match self { $(Self::$variant(event) => event.encode()),+ }
            }

            /// The type as stored.
            pub fn kind(&self) -> &'static str {
                match self { $(Self::$variant(event) => event.kind()),+ }
            }

            /// The schema number in which this binary writes it.
            pub fn schema(&self) -> u16 {
                match self { $(Self::$variant(event) => event.schema()),+ }
            }
        }
    };
}

all_events! {
    /// Of a branch; first, because most events are.
    Branch(BranchEvent),
    /// Of a finding.
    Finding(FindingEvent),
    /// Of an incident.
    Incident(IncidentEvent),
    /// Of a scan.
    Scan(ScanEvent),
    /// Of a check.
    Check(CheckEvent),
    /// Of a project.
    Project(ProjectEvent),
    /// Of a policy.
    Policy(PolicyEvent),
    /// Of a honeytoken.
    Honeytoken(HoneytokenEvent),
    /// Of an API key.
    ApiKey(ApiKeyEvent),
    /// Of an organization.
    Organization(OrganizationEvent),
    /// Of a person.
    User(UserEvent),
    /// Of a team.
    Team(TeamEvent),
    /// Of a session.
    Session(SessionEvent),
    /// Of access.
    Access(AccessEvent),
    /// Of the installation.
    Installation(InstallationEvent),
    /// Of the advisories.
    Advisory(AdvisoryEvent),
    /// Of a claim.
    Claim(ClaimEvent),
}

impl Event {
    /// Reads a recorded event.
    ///
    /// # Errors
    /// As [`Self::decode`].
    pub fn of(recorded: &Recorded) -> Result<Self, DecodeError> {
        Self::decode(&recorded.kind, recorded.schema, &recorded.data)
    }
}
