//! Who did it, on whose behalf, and in answer to what.

use crate::id::{ApiKeyId, OrganizationId, UserId};
use crate::vault::Sealed;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Who caused an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id")]
pub enum Actor {
    /// A person.
    #[serde(rename = "user")]
    User(UserId),
    /// An API key without a person behind it.
    #[serde(rename = "key")]
    Key(ApiKeyId),
    /// The server itself: workers and reactors.
    #[serde(rename = "system")]
    System,
    /// Somebody at the shell of the machine that holds the log.
    #[serde(rename = "operator")]
    Operator,
}

/// What is stored beside the data of every event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// The organization it belongs to; none for events of the whole installation.
    #[serde(rename = "organization", skip_serializing_if = "Option::is_none", default)]
    pub organization: Option<OrganizationId>,
    /// Who caused it.
    #[serde(rename = "actor")]
    pub actor: Actor,
    /// The same for everything that followed from one request.
    #[serde(rename = "correlation")]
    pub correlation: Uuid,
    /// The command or event it answers.
    #[serde(rename = "causation", skip_serializing_if = "Option::is_none", default)]
    pub causation: Option<Uuid>,
    /// The caller's network address.
    #[serde(rename = "address", skip_serializing_if = "Option::is_none", default)]
    pub address: Option<Sealed>,
    /// The caller's user agent.
    #[serde(rename = "userAgent", skip_serializing_if = "Option::is_none", default)]
    pub user_agent: Option<Sealed>,
    /// The id of the HTTP request, as in the server's log lines.
    #[serde(rename = "request", skip_serializing_if = "Option::is_none", default)]
    pub request: Option<String>,
    /// The API key that a person used; none if they had signed in. A key without a person is the actor itself.
    #[serde(rename = "key", skip_serializing_if = "Option::is_none", default)]
    pub key: Option<ApiKeyId>,
}

impl Metadata {
    /// The API key that it was done with, whether a person used it or it acted by itself.
    pub const fn key_used(&self) -> Option<ApiKeyId> {
        match self.actor {
            Actor::Key(key) => Some(key),
            Actor::User(_) | Actor::System | Actor::Operator => self.key,
        }
    }

    /// The exact bytes to store.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("metadata has string keys and no failing serializer")
    }

    /// Reads stored metadata.
    ///
    /// # Errors
    /// When the bytes are not metadata.
    pub fn decode(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}
