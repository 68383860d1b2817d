//! What happened to an organization, as the log keeps it.

use super::OrganizationRole;
use crate::id::{InvitationId, OrganizationId, TeamId, UserId};
use crate::identity::{KeyHash, TeamRole};
use crate::stored_events;
use crate::time::Timestamp;
use crate::vault::Sealed;
use serde::{Deserialize, Serialize};

/// `organization.created`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganizationCreated {
    /// Its id.
    #[serde(rename = "organization")]
    pub organization: OrganizationId,
    /// Its name.
    #[serde(rename = "name")]
    pub name: String,
}

/// `organization.member_added`: a person belongs to it, or has another role now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberAdded {
    /// The organization.
    #[serde(rename = "organization")]
    pub organization: OrganizationId,
    /// Who.
    #[serde(rename = "user")]
    pub user: UserId,
    /// As what.
    #[serde(rename = "role")]
    pub role: OrganizationRole,
}

/// `organization.member_removed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberRemoved {
    /// The organization.
    #[serde(rename = "organization")]
    pub organization: OrganizationId,
    /// Who.
    #[serde(rename = "user")]
    pub user: UserId,
}

/// `organization.invited`: whoever has the token may come in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invited {
    /// The organization.
    #[serde(rename = "organization")]
    pub organization: OrganizationId,
    /// The id of the invitation; the address is sealed for it.
    #[serde(rename = "invitation")]
    pub invitation: InvitationId,
    /// The address it was sent to, sealed.
    #[serde(rename = "email")]
    pub email: Sealed,
    /// As what.
    #[serde(rename = "role")]
    pub role: OrganizationRole,
    /// Into which team, and as what there.
    #[serde(rename = "team", skip_serializing_if = "Option::is_none", default)]
    pub team: Option<InvitedTeam>,
    /// Hash of the token.
    #[serde(rename = "token")]
    pub token: KeyHash,
    /// When it ends.
    #[serde(rename = "expiresAt")]
    pub expires_at: Timestamp,
}

/// A place in a team that comes with an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitedTeam {
    /// The team.
    #[serde(rename = "id")]
    pub id: TeamId,
    /// As what.
    #[serde(rename = "role")]
    pub role: TeamRole,
}

/// `organization.invitation_revoked`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationRevoked {
    /// The organization.
    #[serde(rename = "organization")]
    pub organization: OrganizationId,
    /// The invitation.
    #[serde(rename = "invitation")]
    pub invitation: InvitationId,
}

/// `organization.invitation_accepted`; `organization.member_added` follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvitationAccepted {
    /// The organization.
    #[serde(rename = "organization")]
    pub organization: OrganizationId,
    /// The invitation.
    #[serde(rename = "invitation")]
    pub invitation: InvitationId,
    /// Who came.
    #[serde(rename = "user")]
    pub user: UserId,
}

stored_events! {
    /// What happened to an organization.
    pub enum OrganizationEvent {
        /// It was created.
        Created(OrganizationCreated) = ("organization.created", 1),
        /// Somebody belongs to it.
        MemberAdded(MemberAdded) = ("organization.member_added", 1),
        /// Somebody no longer does.
        MemberRemoved(MemberRemoved) = ("organization.member_removed", 1),
        /// Somebody may come.
        Invited(Invited) = ("organization.invited", 1),
        /// They may no longer.
        InvitationRevoked(InvitationRevoked) = ("organization.invitation_revoked", 1),
        /// They came.
        InvitationAccepted(InvitationAccepted) = ("organization.invitation_accepted", 1),
    }
}
