//! The events of a honeytoken, as stored. Its credential is nowhere in clear.

use crate::id::{HoneytokenId, NoteId, OrganizationId, TriggerId};
use crate::log::Actor;
use crate::stored_events;
use crate::time::Timestamp;
use crate::vault::Sealed;
use serde::{Deserialize, Serialize};

/// What a honeytoken looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum HoneytokenKind {
    /// An access key of Amazon Web Services: an access id and a secret key.
    #[serde(rename = "aws")]
    Aws,
}

impl HoneytokenKind {
    /// All of them.
    pub const ALL: [Self; 1] = [Self::Aws];
}

/// `honeytoken.created`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Created {
    /// Its id.
    #[serde(rename = "honeytoken")]
    pub honeytoken: HoneytokenId,
    /// Whose it is.
    #[serde(rename = "organization")]
    pub organization: OrganizationId,
    /// What it looks like.
    #[serde(rename = "kind")]
    pub kind: HoneytokenKind,
    /// What people call it; unique among those of the organization that are not revoked, whatever the case.
    #[serde(rename = "name")]
    pub name: String,
    /// What it is for.
    #[serde(rename = "description", skip_serializing_if = "Option::is_none", default)]
    pub description: Option<String>,
    /// The keyed hash of the access id under [`crate::vault::HashPurpose::Secret`], hex: by it a use is known.
    #[serde(rename = "accessHash")]
    pub access_hash: String,
    /// By what clients that have found a secret ask for it (GitGuardian reference §4.1, `hmsl_hash`): of the access id,
    /// and of the secret key; hex. Without a key of ours, so that whoever reads them knows such a secret again: the audit
    /// log does not show them ([`crate::audit::mask`]).
    #[serde(rename = "leakHashes")]
    pub leak_hashes: [String; 2],
    /// The access id, sealed for the organization.
    #[serde(rename = "accessId")]
    pub access_id: Sealed,
    /// The secret key, likewise.
    #[serde(rename = "secretKey")]
    pub secret_key: Sealed,
}

/// `honeytoken.changed`: what people wrote, as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// The honeytoken.
    #[serde(rename = "honeytoken")]
    pub honeytoken: HoneytokenId,
    /// Whose it is.
    #[serde(rename = "organization")]
    pub organization: OrganizationId,
    /// What people call it.
    #[serde(rename = "name")]
    pub name: String,
    /// What it is for.
    #[serde(rename = "description", skip_serializing_if = "Option::is_none", default)]
    pub description: Option<String>,
}

/// `honeytoken.reset`: its uses are dealt with, and the next one is news again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reset {
    /// The honeytoken.
    #[serde(rename = "honeytoken")]
    pub honeytoken: HoneytokenId,
    /// Whose it is.
    #[serde(rename = "organization")]
    pub organization: OrganizationId,
}

/// `honeytoken.revoked`: it tells nothing any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    /// The honeytoken.
    #[serde(rename = "honeytoken")]
    pub honeytoken: HoneytokenId,
    /// Whose it is.
    #[serde(rename = "organization")]
    pub organization: OrganizationId,
}

/// `honeytoken.triggered`: somebody used it. From where is in the metadata, sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Triggered {
    /// The honeytoken.
    #[serde(rename = "honeytoken")]
    pub honeytoken: HoneytokenId,
    /// Whose it is.
    #[serde(rename = "organization")]
    pub organization: OrganizationId,
    /// The use.
    #[serde(rename = "trigger")]
    pub trigger: TriggerId,
    /// When.
    #[serde(rename = "at")]
    pub at: Timestamp,
    /// The service that they thought they were asking, in words of theirs.
    #[serde(rename = "service", skip_serializing_if = "Option::is_none", default)]
    pub service: Option<String>,
    /// Where they thought it was, in words of theirs.
    #[serde(rename = "region", skip_serializing_if = "Option::is_none", default)]
    pub region: Option<String>,
    /// What they asked for, in words of theirs.
    #[serde(rename = "action", skip_serializing_if = "Option::is_none", default)]
    pub action: Option<String>,
    /// A keyed hash of organization and network address, hex: what tells two uses from one address.
    #[serde(rename = "addressHash", skip_serializing_if = "Option::is_none", default)]
    pub address_hash: Option<String>,
}

/// `honeytoken.note_added`: somebody wrote something about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteAdded {
    /// The honeytoken.
    #[serde(rename = "honeytoken")]
    pub honeytoken: HoneytokenId,
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

/// `honeytoken.note_edited`: a note says something else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteEdited {
    /// The honeytoken.
    #[serde(rename = "honeytoken")]
    pub honeytoken: HoneytokenId,
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

/// `honeytoken.note_removed`: a note was taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteRemoved {
    /// The honeytoken.
    #[serde(rename = "honeytoken")]
    pub honeytoken: HoneytokenId,
    /// Whose it is.
    #[serde(rename = "organization")]
    pub organization: OrganizationId,
    /// The note.
    #[serde(rename = "note")]
    pub note: NoteId,
}

stored_events! {
    /// What happened to a honeytoken.
    pub enum HoneytokenEvent {
        /// It was made.
        Created(Created) = ("honeytoken.created", 1),
        /// People wrote something else about it.
        Changed(Changed) = ("honeytoken.changed", 1),
        /// Its uses are dealt with.
        Reset(Reset) = ("honeytoken.reset", 1),
        /// It tells nothing any more.
        Revoked(Revoked) = ("honeytoken.revoked", 1),
        /// Somebody used it.
        Triggered(Triggered) = ("honeytoken.triggered", 1),
        /// Somebody wrote something about it.
        NoteAdded(NoteAdded) = ("honeytoken.note_added", 1),
        /// A note says something else.
        NoteEdited(NoteEdited) = ("honeytoken.note_edited", 1),
        /// A note was taken back.
        NoteRemoved(NoteRemoved) = ("honeytoken.note_removed", 1),
    }
}

impl HoneytokenEvent {
    /// The honeytoken it happened to.
    pub const fn honeytoken(&self) -> HoneytokenId {
        match self {
            Self::Created(e) => e.honeytoken,
            Self::Changed(e) => e.honeytoken,
            Self::Reset(e) => e.honeytoken,
            Self::Revoked(e) => e.honeytoken,
            Self::Triggered(e) => e.honeytoken,
            Self::NoteAdded(e) => e.honeytoken,
            Self::NoteEdited(e) => e.honeytoken,
            Self::NoteRemoved(e) => e.honeytoken,
        }
    }
}
