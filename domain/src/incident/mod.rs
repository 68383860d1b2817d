//! Incidents: one for each secret in an organization, on however many branches of however many projects it stands.
//!
//! What people decide about a secret is decided here, in the incident's stream, and every finding of the secret shows
//! it. An incident is opened by the first scan that finds its secret, and is never closed for good: a secret that
//! comes back after it was fixed is a regression.

mod decider;
mod life;
mod path;
mod reason;
mod sighting;
mod status;
mod stored;

pub use decider::{Incident, IncidentCommand, IncidentRefusal, Opening, Sharing};
pub use life::{IncidentLife, IncidentState};
pub use path::{is_sensitive_file, is_test_file};
pub use reason::{IgnoreReason, NotAReason};
pub use sighting::{Place, Sighting};
pub use status::{IncidentStatus, IncidentTag, NotATag};
pub use stored::{
    Assigned, IncidentEvent, NoteAdded, NoteEdited, NoteRemoved, Occurred, Opened, Regressed, SeveritySet,
    Shared, Triaged, Unassigned, Unshared,
};

use crate::branch::SecretFacts;
use crate::id::{IncidentId, OrganizationId};
use crate::log::StreamName;
use uuid::Uuid;

/// The id of the incident of a secret: `UUIDv5(organization, hash)`, where `hash` is the keyed hash under
/// [`crate::vault::HashPurpose::Secret`].
pub fn incident_id(organization: OrganizationId, hash: &[u8]) -> IncidentId {
    IncidentId(Uuid::new_v5(&organization.0, hash))
}

/// The incident of a secret that a finding tells of.
pub fn incident_of(organization: OrganizationId, secret: &SecretFacts) -> IncidentId {
    match hex::decode(&secret.hash) {
        Ok(hash) => incident_id(organization, &hash),
        // Facts are always written as hex; whatever else a log may hold is still the same secret next time.
        Err(_) => incident_id(organization, secret.hash.as_bytes()),
    }
}

/// The stream of an incident.
pub fn incident_stream(id: IncidentId) -> StreamName {
    StreamName::new("incident", id)
}

#[cfg(test)]
mod decider_tests;
#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod samples;
