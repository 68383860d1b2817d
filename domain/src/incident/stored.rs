//! The events of an incident, as stored.

use super::IgnoreReason;
use crate::branch::SecretFacts;
use crate::finding::TriageState;
use crate::id::{FindingId, IncidentId, NoteId, OccurrenceId, OrganizationId, ProjectId, ShareId, UserId};
use crate::identity::KeyHash;
use crate::log::Actor;
use crate::severity::Severity;
use crate::stored_events;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// `incident.opened`: a secret was found for the first time in an organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// Its id.
    #[serde(rename = "incident")]
    pub incident: IncidentId,
    /// Whose it is.
    #[serde(rename = "organization")]
    pub organization: OrganizationId,
    /// What is kept of the secret.
    #[serde(rename = "secret")]
    pub secret: SecretFacts,
    /// What kind of secret: the detector's id.
    #[serde(rename = "rule")]
    pub rule: String,
    /// How bad.
    #[serde(rename = "severity")]
    pub severity: Severity,
    /// Whether it was there before anybody looked.
    #[serde(rename = "historical")]
    pub is_historical: bool,
}

/// `incident.triaged`: somebody decided about a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Triaged {
    /// The incident.
    #[serde(rename = "incident")]
    pub incident: IncidentId,
    /// Whose it is.
    #[serde(rename = "organization")]
    pub organization: OrganizationId,
    /// The finding that was looked at; none if the incident itself was.
    #[serde(rename = "finding", skip_serializing_if = "Option::is_none", default)]
    pub finding: Option<FindingId>,
    /// What it was before.
    #[serde(rename = "from")]
    pub from: TriageState,
    /// What it is now.
    #[serde(rename = "to")]
    pub to: TriageState,
    /// Why it is ignored, if it is.
    #[serde(rename = "ignoreReason", skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<IgnoreReason>,
    /// Whether the secret opens nothing any more, if somebody said so.
    #[serde(rename = "secretRevoked", skip_serializing_if = "Option::is_none", default)]
    pub is_secret_revoked: Option<bool>,
    /// Why.
    #[serde(rename = "note", skip_serializing_if = "Option::is_none", default)]
    pub note: Option<String>,
}

/// `incident.regressed`: the secret turned up again after it was fixed, and is untriaged now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Regressed {
    /// The incident.
    #[serde(rename = "incident")]
    pub incident: IncidentId,
    /// Whose it is.
    #[serde(rename = "organization")]
    pub organization: OrganizationId,
}

/// `incident.severity_set`: somebody says how bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeveritySet {
    /// The incident.
    #[serde(rename = "incident")]
    pub incident: IncidentId,
    /// Whose it is.
    #[serde(rename = "organization")]
    pub organization: OrganizationId,
    /// How bad; severities of findings stay what scanners say.
    #[serde(rename = "severity")]
    pub severity: Severity,
}

/// `incident.assigned`: somebody is to work at it, instead of whoever was before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assigned {
    /// The incident.
    #[serde(rename = "incident")]
    pub incident: IncidentId,
    /// Whose it is.
    #[serde(rename = "organization")]
    pub organization: OrganizationId,
    /// Who.
    #[serde(rename = "user")]
    pub user: UserId,
}

/// `incident.unassigned`: nobody in particular works at it any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unassigned {
    /// The incident.
    #[serde(rename = "incident")]
    pub incident: IncidentId,
    /// Whose it is.
    #[serde(rename = "organization")]
    pub organization: OrganizationId,
}

/// `incident.note_added`: somebody wrote something about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteAdded {
    /// The incident.
    #[serde(rename = "incident")]
    pub incident: IncidentId,
    /// Whose it is.
    #[serde(rename = "organization")]
    pub organization: OrganizationId,
    /// The note.
    #[serde(rename = "note")]
    pub note: NoteId,
    /// Who wrote it: the only one who may change it.
    #[serde(rename = "by")]
    pub by: Actor,
    /// What it says.
    #[serde(rename = "text")]
    pub text: String,
}

/// `incident.note_edited`: a note says something else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteEdited {
    /// The incident.
    #[serde(rename = "incident")]
    pub incident: IncidentId,
    /// Whose it is.
    #[serde(rename = "organization")]
    pub organization: OrganizationId,
    /// The note.
    #[serde(rename = "note")]
    pub note: NoteId,
    /// What it says now.
    #[serde(rename = "text")]
    pub text: String,
}

/// `incident.note_removed`: a note was taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteRemoved {
    /// The incident.
    #[serde(rename = "incident")]
    pub incident: IncidentId,
    /// Whose it is.
    #[serde(rename = "organization")]
    pub organization: OrganizationId,
    /// The note.
    #[serde(rename = "note")]
    pub note: NoteId,
}

/// `incident.shared`: whoever has the link sees it; an earlier link ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shared {
    /// The incident.
    #[serde(rename = "incident")]
    pub incident: IncidentId,
    /// Whose it is.
    #[serde(rename = "organization")]
    pub organization: OrganizationId,
    /// The link.
    #[serde(rename = "share")]
    pub share: ShareId,
    /// Of the link's token, which is in the link and nowhere else.
    #[serde(rename = "tokenHash")]
    pub token_hash: KeyHash,
    /// When it ends; until somebody ends it without.
    #[serde(rename = "expiresAt", skip_serializing_if = "Option::is_none", default)]
    pub expires_at: Option<Timestamp>,
}

/// `incident.unshared`: the link shows nothing any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unshared {
    /// The incident.
    #[serde(rename = "incident")]
    pub incident: IncidentId,
    /// Whose it is.
    #[serde(rename = "organization")]
    pub organization: OrganizationId,
    /// The link.
    #[serde(rename = "share")]
    pub share: ShareId,
}

/// `incident.occurred`: the secret was seen at a place that is on no branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurred {
    /// The incident.
    #[serde(rename = "incident")]
    pub incident: IncidentId,
    /// Whose it is.
    #[serde(rename = "organization")]
    pub organization: OrganizationId,
    /// The place: the same for the same path and address in the same project.
    #[serde(rename = "occurrence")]
    pub occurrence: OccurrenceId,
    /// The project that stands for where it was seen.
    #[serde(rename = "project")]
    pub project: ProjectId,
    /// What whoever saw it calls the place: a path, the name of a document.
    #[serde(rename = "path")]
    pub path: String,
    /// Where people can look at it.
    #[serde(rename = "url", skip_serializing_if = "Option::is_none", default)]
    pub url: Option<String>,
    /// From 1.
    #[serde(rename = "line", skip_serializing_if = "Option::is_none", default)]
    pub line: Option<u32>,
    /// From 1, inclusive.
    #[serde(rename = "endLine", skip_serializing_if = "Option::is_none", default)]
    pub end_line: Option<u32>,
}

stored_events! {
    /// What happened to an incident.
    pub enum IncidentEvent {
        /// Its secret was found.
        Opened(Opened) = ("incident.opened", 1),
        /// Somebody decided.
        Triaged(Triaged) = ("incident.triaged", 1),
        /// Its secret turned up again.
        Regressed(Regressed) = ("incident.regressed", 1),
        /// Somebody says how bad it is.
        SeveritySet(SeveritySet) = ("incident.severity_set", 1),
        /// Somebody is to work at it.
        Assigned(Assigned) = ("incident.assigned", 1),
        /// Nobody in particular works at it.
        Unassigned(Unassigned) = ("incident.unassigned", 1),
        /// Somebody wrote something about it.
        NoteAdded(NoteAdded) = ("incident.note_added", 1),
        /// A note says something else.
        NoteEdited(NoteEdited) = ("incident.note_edited", 1),
        /// A note was taken back.
        NoteRemoved(NoteRemoved) = ("incident.note_removed", 1),
        /// Whoever has a link sees it.
        Shared(Shared) = ("incident.shared", 1),
        /// The link shows nothing any more.
        Unshared(Unshared) = ("incident.unshared", 1),
        /// The secret was seen at a place that is on no branch.
        Occurred(Occurred) = ("incident.occurred", 1),
    }
}

impl IncidentEvent {
    /// The incident it happened to.
    pub const fn incident(&self) -> IncidentId {
        match self {
            Self::Opened(e) => e.incident,
            Self::Triaged(e) => e.incident,
            Self::Regressed(e) => e.incident,
            Self::SeveritySet(e) => e.incident,
            Self::Assigned(e) => e.incident,
            Self::Unassigned(e) => e.incident,
            Self::NoteAdded(e) => e.incident,
            Self::NoteEdited(e) => e.incident,
            Self::NoteRemoved(e) => e.incident,
            Self::Shared(e) => e.incident,
            Self::Unshared(e) => e.incident,
            Self::Occurred(e) => e.incident,
        }
    }
}
