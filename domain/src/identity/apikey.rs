//! API keys: high-entropy tokens of which only a hash is kept.

use super::{Role, is_name};
use crate::decider::Decider;
use crate::id::{ApiKeyId, OrganizationId, ProjectId, UserId};
use crate::limits::NAME_CHARS;
use crate::log::StreamName;
use crate::stored_events;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// SHA-256 of a whole token, hex. Tokens have at least 192 bits of entropy, so no slow hash is needed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct KeyHash(pub String);

impl KeyHash {
    /// The hash of a token.
    pub fn of(token: &str) -> Self {
        Self(hex::encode(Sha256::digest(token.as_bytes())))
    }
}

/// What a key looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum KeyForm {
    /// `ppr_` and 32 characters of base64url (24 random bytes).
    #[serde(rename = "ppr")]
    Pepper,
}

impl KeyForm {
    /// What tokens of this form begin with.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Pepper => "ppr_",
        }
    }
}

impl fmt::Display for KeyForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pepper => f.write_str("ppr"),
        }
    }
}

/// `apikey.created`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKeyCreated {
    /// Its id.
    #[serde(rename = "key")]
    pub key: ApiKeyId,
    /// Whose it is.
    #[serde(rename = "organization")]
    pub organization: OrganizationId,
    /// What people call it.
    #[serde(rename = "name")]
    pub name: String,
    /// What it looks like.
    #[serde(rename = "form")]
    pub form: KeyForm,
    /// Its first characters, so that people recognise it.
    #[serde(rename = "prefix")]
    pub prefix: String,
    /// What is compared.
    #[serde(rename = "hash")]
    pub hash: KeyHash,
    /// What it may do.
    #[serde(rename = "role")]
    pub role: Role,
    /// The only project it sees; none for all.
    #[serde(rename = "project", skip_serializing_if = "Option::is_none", default)]
    pub project: Option<ProjectId>,
    /// Who made it; none if it was made at the shell.
    #[serde(rename = "by", skip_serializing_if = "Option::is_none", default)]
    pub by: Option<UserId>,
    /// When it ends.
    #[serde(rename = "expiresAt", skip_serializing_if = "Option::is_none", default)]
    pub expires_at: Option<Timestamp>,
}

/// `apikey.revoked`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKeyRevoked {
    /// The key.
    #[serde(rename = "key")]
    pub key: ApiKeyId,
}

stored_events! {
    /// What happened to an API key.
    pub enum ApiKeyEvent {
        /// It was made.
        Created(ApiKeyCreated) = ("apikey.created", 1),
        /// It ended for good.
        Revoked(ApiKeyRevoked) = ("apikey.revoked", 1),
    }
}

/// What can be asked of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiKeyCommand {
    /// Make it.
    Create {
        /// What it is.
        created: ApiKeyCreated,
        /// The present instant.
        now: Timestamp,
    },
    /// End it.
    Revoke,
}

/// Where a key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiKeyState {
    /// There is none.
    Missing,
    /// It works, unless it has expired.
    Live(ApiKeyId),
    /// It was revoked.
    Revoked,
}

/// Why something is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiKeyRefusal {
    /// There is one already.
    #[error("the key exists already")]
    Exists,
    /// There is none, or it was revoked.
    #[error("the key does not exist")]
    NotFound,
    /// Its name will not do.
    #[error("a name must be one line of 1 to {NAME_CHARS} characters")]
    BadName,
    /// It would have ended before it began.
    #[error("the expiry must be in the future")]
    ExpiresInThePast,
}

/// The rules of API keys.
#[derive(Debug)]
pub struct ApiKey;

/// The stream of a key.
pub fn apikey_stream(id: ApiKeyId) -> StreamName {
    StreamName::new("apikey", id)
}

impl Decider for ApiKey {
    type State = ApiKeyState;
    type Command = ApiKeyCommand;
    type Event = ApiKeyEvent;
    type Refusal = ApiKeyRefusal;

    fn initial() -> ApiKeyState {
        ApiKeyState::Missing
    }

    fn evolve(_: ApiKeyState, event: &ApiKeyEvent) -> ApiKeyState {
        match event {
            ApiKeyEvent::Created(created) => ApiKeyState::Live(created.key),
            ApiKeyEvent::Revoked(_) => ApiKeyState::Revoked,
        }
    }

    fn decide(state: &ApiKeyState, command: ApiKeyCommand) -> Result<Vec<ApiKeyEvent>, ApiKeyRefusal> {
        match (state, command) {
            (ApiKeyState::Missing, ApiKeyCommand::Create { created, now }) => {
                if !is_name(&created.name) {
                    return Err(ApiKeyRefusal::BadName);
                }
                if created.expires_at.is_some_and(|at| at <= now) {
                    return Err(ApiKeyRefusal::ExpiresInThePast);
                }
                Ok(vec![created.into()])
            }
            (ApiKeyState::Live(_) | ApiKeyState::Revoked, ApiKeyCommand::Create { .. }) => {
                Err(ApiKeyRefusal::Exists)
            }
            (ApiKeyState::Live(key), ApiKeyCommand::Revoke) => Ok(vec![ApiKeyRevoked { key: *key }.into()]),
            (ApiKeyState::Missing | ApiKeyState::Revoked, ApiKeyCommand::Revoke) => {
                Err(ApiKeyRefusal::NotFound)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        ApiKey, ApiKeyCommand, ApiKeyCreated, ApiKeyEvent, ApiKeyRefusal, ApiKeyRevoked, KeyForm, KeyHash,
        apikey_stream,
    };
    use crate::decider::given;
    use crate::id::{ApiKeyId, OrganizationId, ProjectId};
    use crate::identity::Role;
    use crate::limits::NAME_CHARS;
    use crate::time::Timestamp;
    use uuid::Uuid;

    const KEY: ApiKeyId = ApiKeyId(Uuid::from_u128(1));
    const NOW: Timestamp = Timestamp(1_000_000);

    fn ci() -> ApiKeyCreated {
        ApiKeyCreated {
            key: KEY,
            organization: OrganizationId(Uuid::from_u128(2)),
            name: "CI".to_owned(),
            form: KeyForm::Pepper,
            prefix: "ppr_AbCd".to_owned(),
            hash: KeyHash::of("ppr_AbCdEfGh"),
            role: Role::Developer,
            project: Some(ProjectId(Uuid::from_u128(3))),
            by: None,
            expires_at: None,
        }
    }

    fn named(name: &str) -> ApiKeyCreated {
        ApiKeyCreated { name: name.to_owned(), ..ci() }
    }

    fn ending(at: Timestamp) -> ApiKeyCreated {
        ApiKeyCreated { expires_at: Some(at), ..ci() }
    }

    fn create(created: ApiKeyCreated) -> ApiKeyCommand {
        ApiKeyCommand::Create { created, now: NOW }
    }

    fn revoked() -> ApiKeyEvent {
        ApiKeyRevoked { key: KEY }.into()
    }

    #[test]
    fn a_key_is_created_once() {
        given::<ApiKey>([]).when(create(ci())).then([ci().into()]);
        given::<ApiKey>([ci().into()]).when(create(ci())).then_refused(ApiKeyRefusal::Exists);
    }

    #[test]
    fn a_revoked_key_never_comes_back() {
        given::<ApiKey>([ci().into(), revoked()]).when(create(ci())).then_refused(ApiKeyRefusal::Exists);
    }

    #[test]
    fn a_name_has_a_limit_and_one_line() {
        let longest = "é".repeat(NAME_CHARS);
        given::<ApiKey>([]).when(create(named(&longest))).then([named(&longest).into()]);
        for name in [format!("{longest}x").as_str(), "", "\u{a0}", "two\nlines"] {
            given::<ApiKey>([]).when(create(named(name))).then_refused(ApiKeyRefusal::BadName);
        }
    }

    #[test]
    fn a_key_ends_after_it_begins() {
        let next = Timestamp(NOW.0 + 1);
        given::<ApiKey>([]).when(create(ending(next))).then([ending(next).into()]);
        given::<ApiKey>([]).when(create(ending(NOW))).then_refused(ApiKeyRefusal::ExpiresInThePast);
        given::<ApiKey>([])
            .when(create(ending(Timestamp(NOW.0 - 1))))
            .then_refused(ApiKeyRefusal::ExpiresInThePast);
    }

    #[test]
    fn a_key_that_has_expired_can_still_be_revoked() {
        given::<ApiKey>([ending(Timestamp(0)).into()]).when(ApiKeyCommand::Revoke).then([revoked()]);
    }

    #[test]
    fn a_key_is_revoked_once() {
        given::<ApiKey>([ci().into()]).when(ApiKeyCommand::Revoke).then([revoked()]);
        given::<ApiKey>([ci().into(), revoked()])
            .when(ApiKeyCommand::Revoke)
            .then_refused(ApiKeyRefusal::NotFound);
        given::<ApiKey>([]).when(ApiKeyCommand::Revoke).then_refused(ApiKeyRefusal::NotFound);
    }

    #[test]
    fn a_hash_is_sha_256_in_hex() {
        // FIPS 180-4, example "abc".
        assert_eq!(KeyHash::of("abc").0, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn its_stream_is_named_by_its_id() {
        assert_eq!(apikey_stream(KEY).as_str(), "apikey-00000000-0000-0000-0000-000000000001");
    }
}
