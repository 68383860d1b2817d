//! Organizations and who belongs to them.

mod decider;
#[cfg(test)]
mod decider_tests;
mod role;
mod stored;

pub use decider::{Organization, OrganizationCommand, OrganizationRefusal, OrganizationState};
pub use role::{Changer, OrganizationRole, UnknownOrganizationRole, may_change_member};
pub use stored::{
    InvitationAccepted, InvitationRevoked, Invited, InvitedTeam, MemberAdded, MemberRemoved,
    OrganizationCreated, OrganizationEvent,
};

use crate::id::OrganizationId;
use crate::log::StreamName;

/// The stream of an organization.
pub fn organization_stream(id: OrganizationId) -> StreamName {
    StreamName::new("organization", id)
}
