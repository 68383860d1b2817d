//! API keys: high-entropy tokens of which only a hash is kept.

use super::{Role, Scopes, is_name};
use crate::decider::Decider;
use crate::id::{ApiKeyId, OrganizationId, ProjectId, TeamId, UserId};
use crate::limits::NAME_CHARS;
use crate::log::StreamName;
use crate::stored_events;
use crate::time::Timestamp;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// SHA-256 of a whole token, hex. Tokens have at least 192 bits of entropy, so no slow hash is needed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct KeyHash(pub String);

impl KeyHash {
    /// The hash of a token.
    pub fn of(token: &str) -> Self {
        Self(hex::encode(Sha256::digest(token.as_bytes())))
    }
}

/// What a key looks like. The forms differ in how keys are issued and named; what they open is the same, but for
/// TRUSCA's, which only scan and read scans ([`super::Action::takes`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum KeyForm {
    /// `ppr_` and 32 characters of base64url (24 random bytes; Pepper reference §1).
    #[serde(rename = "ppr")]
    Pepper,
    /// `tos_`, 8 hexadecimal digits, `_` and 32 characters of base64url (TRUSCA reference §2.2).
    #[serde(rename = "tos")]
    Trusca,
    /// `ggd_sl_` and 64 hexadecimal digits. GitGuardian's clients take any text; the prefix is ours.
    #[serde(rename = "gitguardian")]
    GitGuardian,
    /// 64 hexadecimal digits (Semgrep reference §1).
    #[serde(rename = "semgrep")]
    Semgrep,
}

impl KeyForm {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Pepper, Self::Trusca, Self::GitGuardian, Self::Semgrep];

    /// Its name in events and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pepper => "ppr",
            Self::Trusca => "tos",
            Self::GitGuardian => "gitguardian",
            Self::Semgrep => "semgrep",
        }
    }

    /// The form that `token` has, if it has one.
    pub fn of(token: &str) -> Option<Self> {
        let is_word =
            |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        let is_hex = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if let Some(rest) = token.strip_prefix("ppr_") {
            return (rest.len() == 32 && is_word(rest)).then_some(Self::Pepper);
        }
        if let Some(rest) = token.strip_prefix("tos_") {
            let (prefix, secret) = rest.split_once('_')?;
            let fits = prefix.len() == 8 && is_hex(prefix) && secret.len() == 32 && is_word(secret);
            return fits.then_some(Self::Trusca);
        }
        match token.len() {
            64 if is_hex(token) => Some(Self::Semgrep),
            71 if token.strip_prefix("ggd_sl_").is_some_and(is_hex) => Some(Self::GitGuardian),
            _ => None,
        }
    }

    /// A token of this form from 32 random bytes.
    pub fn token(self, random: &[u8; 32]) -> String {
        let word = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Self::Pepper => format!("ppr_{}", word(&random[..24])),
            Self::Trusca => format!("tos_{}_{}", hex::encode(&random[..4]), word(&random[8..])),
            Self::GitGuardian => format!("ggd_sl_{}", hex::encode(random)),
            Self::Semgrep => hex::encode(random),
        }
    }

    /// The first characters of a token of this form, by which people recognise it.
    pub fn visible(self, token: &str) -> &str {
        let characters = match self {
            // Pepper reference §1: 10 characters; TRUSCA reference §2.2: `tos_<8 hex>`.
            Self::Pepper => 10,
            Self::Trusca => 12,
            Self::GitGuardian => 11,
            Self::Semgrep => 4,
        };
        token.get(..characters).unwrap_or_default()
    }
}

impl fmt::Display for KeyForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for KeyForm {
    type Err = UnknownForm;

    fn from_str(text: &str) -> Result<Self, UnknownForm> {
        Self::ALL.into_iter().find(|form| form.as_str() == text).ok_or(UnknownForm)
    }
}

/// A word that names no form of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no such form: a key is ppr, tos, gitguardian or semgrep")]
pub struct UnknownForm;

/// For whom a key acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum KeyKind {
    /// For who made it: it may never do more than they may at that moment. Without a maker, for itself.
    #[default]
    #[serde(rename = "personal")]
    Personal,
    /// For itself, with its role.
    #[serde(rename = "service")]
    Service,
}

/// Whether a key may change anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Breadth {
    /// It may.
    #[default]
    #[serde(rename = "read_write")]
    ReadWrite,
    /// It only reads.
    #[serde(rename = "read_only")]
    ReadOnly,
}

impl Breadth {
    /// Its name in events and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadWrite => "read_write",
            Self::ReadOnly => "read_only",
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
    /// The only team whose projects it sees; none for all.
    #[serde(rename = "team", skip_serializing_if = "Option::is_none", default)]
    pub team: Option<TeamId>,
    /// For whom it acts.
    #[serde(rename = "kind", skip_serializing_if = "is_default", default)]
    pub kind: KeyKind,
    /// What it may be used for; everything unless said.
    #[serde(rename = "scopes", skip_serializing_if = "Option::is_none", default)]
    pub scopes: Option<Scopes>,
    /// Whether it may change anything.
    #[serde(rename = "breadth", skip_serializing_if = "is_default", default)]
    pub breadth: Breadth,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// `apikey.narrowed`: it only reads from here on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKeyNarrowed {
    /// The key.
    #[serde(rename = "key")]
    pub key: ApiKeyId,
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
        /// It only reads.
        Narrowed(ApiKeyNarrowed) = ("apikey.narrowed", 1),
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
    /// Let it only read.
    Narrow,
}

/// Where a key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiKeyState {
    /// There is none.
    Missing,
    /// It works, unless it has expired.
    Live(ApiKeyId, Breadth),
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
    /// It would be for a team and for a project.
    #[error("a key is for a team or for a project, not for both")]
    TwoReaches,
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

    fn evolve(state: ApiKeyState, event: &ApiKeyEvent) -> ApiKeyState {
        match event {
            ApiKeyEvent::Created(created) => ApiKeyState::Live(created.key, created.breadth),
            ApiKeyEvent::Revoked(_) => ApiKeyState::Revoked,
            ApiKeyEvent::Narrowed(_) => match state {
                ApiKeyState::Live(key, _) => ApiKeyState::Live(key, Breadth::ReadOnly),
                ApiKeyState::Missing | ApiKeyState::Revoked => state,
            },
        }
    }

    fn decide(state: &ApiKeyState, command: ApiKeyCommand) -> Result<Vec<ApiKeyEvent>, ApiKeyRefusal> {
        match (state, command) {
            (ApiKeyState::Missing, ApiKeyCommand::Create { created, now }) => {
                if !is_name(&created.name) {
                    return Err(ApiKeyRefusal::BadName);
                }
                if created.team.is_some() && created.project.is_some() {
                    return Err(ApiKeyRefusal::TwoReaches);
                }
                if created.expires_at.is_some_and(|at| at <= now) {
                    return Err(ApiKeyRefusal::ExpiresInThePast);
                }
                Ok(vec![created.into()])
            }
            (ApiKeyState::Live(..) | ApiKeyState::Revoked, ApiKeyCommand::Create { .. }) => {
                Err(ApiKeyRefusal::Exists)
            }
            (ApiKeyState::Live(key, _), ApiKeyCommand::Revoke) => {
                Ok(vec![ApiKeyRevoked { key: *key }.into()])
            }
            (ApiKeyState::Live(_, Breadth::ReadOnly), ApiKeyCommand::Narrow) => Ok(vec![]),
            (ApiKeyState::Live(key, Breadth::ReadWrite), ApiKeyCommand::Narrow) => {
                Ok(vec![ApiKeyNarrowed { key: *key }.into()])
            }
            (ApiKeyState::Missing | ApiKeyState::Revoked, ApiKeyCommand::Revoke | ApiKeyCommand::Narrow) => {
                Err(ApiKeyRefusal::NotFound)
            }
        }
    }
}
