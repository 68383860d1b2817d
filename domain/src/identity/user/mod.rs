//! People. Everything personal is sealed before it gets here.

mod decider;
#[cfg(test)]
mod decider_tests;

pub use decider::{Account, LinkedIdentity, PasswordReset, User, UserCommand, UserRefusal, UserState};

use super::KeyHash;
use crate::id::{ApiKeyId, IdentityId, SubjectId, UserId};
use crate::log::StreamName;
use crate::stored_events;
use crate::time::Timestamp;
use crate::vault::Sealed;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// What a person is to the installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Rank {
    /// What organizations and teams make of them.
    #[serde(rename = "ordinary")]
    Ordinary,
    /// Runs all of it.
    #[serde(rename = "super_admin")]
    SuperAdmin,
}

/// Who vouches for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Provider {
    /// GitHub.
    #[serde(rename = "github")]
    GitHub,
    /// Google.
    #[serde(rename = "google")]
    Google,
    /// The OpenID provider of the installation.
    #[serde(rename = "oidc")]
    Oidc,
}

impl Provider {
    /// All of them, in the order in which clients list them (TRUSCA reference §3.1).
    pub const ALL: [Self; 3] = [Self::GitHub, Self::Google, Self::Oidc];

    /// Its name in paths and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GitHub => "github",
            Self::Google => "google",
            Self::Oidc => "oidc",
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Provider {
    type Err = UnknownProvider;

    fn from_str(text: &str) -> Result<Self, UnknownProvider> {
        Self::ALL.into_iter().find(|provider| provider.as_str() == text).ok_or(UnknownProvider)
    }
}

/// A word that names no provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no such provider")]
pub struct UnknownProvider;

/// `user.registered`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRegistered {
    /// Their id.
    #[serde(rename = "user")]
    pub user: UserId,
    /// Their name, sealed; empty text for people who gave none.
    #[serde(rename = "name")]
    pub name: Sealed,
    /// Their address, sealed.
    #[serde(rename = "email")]
    pub email: Sealed,
    /// Argon2id in PHC format, sealed; none for people who cannot sign in with a password.
    #[serde(rename = "password", skip_serializing_if = "Option::is_none", default)]
    pub password: Option<Sealed>,
    /// How it is known that the address is theirs.
    #[serde(rename = "address", skip_serializing_if = "AddressProof::is_known", default)]
    pub address: AddressProof,
}

/// How it is known that an address belongs to the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum AddressProof {
    /// Somebody who is trusted gave it, or a message reached them there.
    #[default]
    #[serde(rename = "known")]
    Known,
    /// They said so themselves, and anybody could have.
    #[serde(rename = "claimed")]
    Claimed,
}

impl AddressProof {
    const fn is_known(&self) -> bool {
        matches!(self, Self::Known)
    }
}

/// `user.erased`: nothing personal of them may be readable from here on. Whoever holds their key deletes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserErased {
    /// The person. Who never had an account has the id of that for which was sealed what others said of them
    /// ([`super::Mark::subject`]).
    #[serde(rename = "user")]
    pub user: UserId,
    /// API keys without a person behind them that this person alone used: addresses and user agents of their
    /// requests are sealed for the key.
    #[serde(rename = "keys", skip_serializing_if = "BTreeSet::is_empty", default)]
    pub keys: BTreeSet<ApiKeyId>,
    /// For whom else was sealed what others said of them: marks that they are known by, and invitations to them.
    #[serde(rename = "marks", skip_serializing_if = "BTreeSet::is_empty", default)]
    pub marks: BTreeSet<SubjectId>,
}

impl UserErased {
    /// Everybody whose key has to be deleted.
    pub fn subjects(&self) -> impl Iterator<Item = SubjectId> {
        let keys = self.keys.iter().map(|key| SubjectId(key.0));
        std::iter::once(SubjectId(self.user.0)).chain(keys).chain(self.marks.iter().copied())
    }

    /// What of this is not in `before`; `None` if all is.
    fn beyond(&self, before: &Self) -> Option<Self> {
        let (keys, marks) = (&self.keys - &before.keys, &self.marks - &before.marks);
        (!keys.is_empty() || !marks.is_empty()).then_some(Self { user: before.user, keys, marks })
    }
}

/// `user.deactivated`: their sessions are over, and so are keys that act for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserDeactivated {
    /// The person.
    #[serde(rename = "user")]
    pub user: UserId,
}

/// `user.activated`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserActivated {
    /// The person.
    #[serde(rename = "user")]
    pub user: UserId,
}

/// `user.rank_changed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRankChanged {
    /// The person.
    #[serde(rename = "user")]
    pub user: UserId,
    /// What they are now.
    #[serde(rename = "rank")]
    pub rank: Rank,
}

/// Who set a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum PasswordSetter {
    /// Whoever had the token of a reset; in events from before [`Self::Operator`], or an operator.
    #[default]
    #[serde(rename = "reset")]
    Reset,
    /// Themselves, who were signed in and knew the one before. That they read messages at the address is not shown by
    /// this, whatever reset was asked for meanwhile.
    #[serde(rename = "changed")]
    Changed,
    /// Whoever runs the server. That shows nothing about the address either.
    #[serde(rename = "operator")]
    Operator,
}

impl PasswordSetter {
    const fn is_reset(&self) -> bool {
        matches!(self, Self::Reset)
    }
}

/// `user.password_set`: their sessions are over, and so is a reset that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserPasswordSet {
    /// The person.
    #[serde(rename = "user")]
    pub user: UserId,
    /// Argon2id in PHC format, sealed.
    #[serde(rename = "password")]
    pub password: Sealed,
    /// Who set it.
    #[serde(rename = "setter", skip_serializing_if = "PasswordSetter::is_reset", default)]
    pub setter: PasswordSetter,
}

/// `user.reset_requested`: a token may be used once to set another password; earlier ones may no longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserResetRequested {
    /// The person.
    #[serde(rename = "user")]
    pub user: UserId,
    /// Hash of the token.
    #[serde(rename = "token")]
    pub token: KeyHash,
    /// When it ends.
    #[serde(rename = "expiresAt")]
    pub expires_at: Timestamp,
}

/// `user.sessions_ended`: all of them, because one was stolen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserSessionsEnded {
    /// The person.
    #[serde(rename = "user")]
    pub user: UserId,
}

/// `user.identity_linked`: somebody else vouches for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserIdentityLinked {
    /// The person.
    #[serde(rename = "user")]
    pub user: UserId,
    /// The id of the link.
    #[serde(rename = "identity")]
    pub identity: IdentityId,
    /// Who vouches.
    #[serde(rename = "provider")]
    pub provider: Provider,
    /// The provider's id for them, sealed.
    #[serde(rename = "subject")]
    pub subject: Sealed,
    /// Their address there, sealed.
    #[serde(rename = "email", skip_serializing_if = "Option::is_none", default)]
    pub email: Option<Sealed>,
}

/// `user.identity_unlinked`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserIdentityUnlinked {
    /// The person.
    #[serde(rename = "user")]
    pub user: UserId,
    /// The link.
    #[serde(rename = "identity")]
    pub identity: IdentityId,
}

/// Whether somebody wants to be told on a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Wanted {
    /// They do.
    #[serde(rename = "yes")]
    Yes,
    /// They do not.
    #[serde(rename = "no")]
    No,
}

impl From<bool> for Wanted {
    fn from(wanted: bool) -> Self {
        if wanted { Self::Yes } else { Self::No }
    }
}

/// On which channels somebody wants to be told what concerns them; inside the product they always are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channels {
    /// By e-mail.
    #[serde(rename = "email")]
    pub email: Wanted,
    /// On Slack.
    #[serde(rename = "slack")]
    pub slack: Wanted,
    /// On Teams.
    #[serde(rename = "teams")]
    pub teams: Wanted,
}

impl Default for Channels {
    /// By e-mail (TRUSCA reference §3.22).
    fn default() -> Self {
        Self { email: Wanted::Yes, slack: Wanted::No, teams: Wanted::No }
    }
}

/// `user.channels_set`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserChannelsSet {
    /// The person.
    #[serde(rename = "user")]
    pub user: UserId,
    /// On which.
    #[serde(rename = "channels")]
    pub channels: Channels,
}

stored_events! {
    /// What happened to a person.
    pub enum UserEvent {
        /// They have an account.
        Registered(UserRegistered) = ("user.registered", 1),
        /// They are to be forgotten.
        Erased(UserErased) = ("user.erased", 1),
        /// They may not sign in.
        Deactivated(UserDeactivated) = ("user.deactivated", 1),
        /// They may again.
        Activated(UserActivated) = ("user.activated", 1),
        /// They are something else to the installation.
        RankChanged(UserRankChanged) = ("user.rank_changed", 1),
        /// They have another password.
        PasswordSet(UserPasswordSet) = ("user.password_set", 1),
        /// They may set another password.
        ResetRequested(UserResetRequested) = ("user.reset_requested", 1),
        /// They have to sign in again.
        SessionsEnded(UserSessionsEnded) = ("user.sessions_ended", 1),
        /// Somebody else vouches for them.
        IdentityLinked(UserIdentityLinked) = ("user.identity_linked", 1),
        /// Somebody else no longer does.
        IdentityUnlinked(UserIdentityUnlinked) = ("user.identity_unlinked", 1),
        /// They want to be told elsewhere.
        ChannelsSet(UserChannelsSet) = ("user.channels_set", 1),
    }
}

/// The stream of a person.
pub fn user_stream(id: UserId) -> StreamName {
    StreamName::new("user", id)
}

/// Whether `text` can be an e-mail address: one `@` between something and a domain, no white space, at most
/// 254 characters (RFC 5321 §4.5.3.1).
pub fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let clean = !text.chars().any(|c| c.is_whitespace() || c.is_control());
    clean && text.len() <= 254 && !local.is_empty() && !local.contains('@') && !domain.is_empty()
}

/// The address as it is kept and compared: without white space around it, in lower case.
pub fn plain_email(email: &str) -> String {
    email.trim().to_lowercase()
}
